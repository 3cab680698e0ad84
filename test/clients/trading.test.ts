/** Traders and followers of the market, with a server: what happens to them is what programs have to live with. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  type Client,
  connect,
  type MarketItem,
  type OrderMessage,
  type Trader,
} from '../../clients/index.ts';
import { createServer } from '../../src/create-server.ts';
import { Random } from '../../workers/runtime/random.ts';
import { QUICK } from '../support/api-client.ts';
import { BreakingProxy } from '../support/breaking-proxy.ts';
import { fuzzSeed } from '../support/fuzz-seed.ts';
import { historyOf, OrderLoad } from '../support/order-load.ts';
import { until } from '../support/until.ts';

const PASSWORD = 'OUTCRY';
const ORDER = { side: 'buy', book: 'BTC', quantity: 100, price: '2300.0' } as const;

function signIn(client: Client, user: string): Promise<Trader> {
  return client.exchange.signIn({ user, password: PASSWORD });
}

/** Messages until the given one has come. */
async function readTo(
  messages: AsyncGenerator<OrderMessage>,
  isLast: (message: OrderMessage) => boolean,
): Promise<OrderMessage[]> {
  const read: OrderMessage[] = [];
  for (;;) {
    const { value, done } = await messages.next();
    if (done) assert.fail(`the messages have ended behind ${JSON.stringify(read.at(-1))}`);
    read.push(value);
    if (isLast(value)) return read;
  }
}

describe('a trader of a server', () => {
  test('trades with another one, and both are told', async () => {
    await using server = await createServer();
    await using client = await connect({ port: server.port('api') });
    await using other = await connect({ server });
    using seller = await signIn(client, 'trade0');
    using buyer = await signIn(other, 'TRADE1');
    const sold = await seller.enter({ ...ORDER, side: 'sell' });
    const bought = await buyer.enter({ ...ORDER, price: '2300.5', quantity: 60 });
    const [execution] = (await readTo(seller.messages(), ({ type }) => type === 'executed')).slice(-1);
    assert.ok(execution?.type === 'executed');
    const { token, quantity, price, liquidity } = execution;
    assert.deepEqual([token, quantity, price, liquidity], [sold.token, 60, '2300.0', 'added']);
    assert.equal(bought.isLive, true);
    const replaced = await seller.replace(sold.token, { quantity: 80, price: '2299.9' });
    assert.deepEqual([replaced.quantity, replaced.previousToken], [20, sold.token]);
    const { quantity: rest, reason } = await seller.cancel(replaced.token);
    assert.deepEqual([rest, reason], [20, 'U']);
    await assert.rejects(seller.cancel(replaced.token), {
      code: 'ERR_ORDER_IGNORED',
      message: /no open order/,
    });
    await assert.rejects(buyer.enter({ ...ORDER, token: 1 }), { code: 'ERR_ORDER_IGNORED' });
    await assert.rejects(buyer.enter({ ...ORDER, price: '0' }), { fields: { token: 2, reason: 'X' } });
  });

  test('is signed out by another one of his name, who has his orders', async () => {
    await using server = await createServer();
    await using client = await connect({ port: server.port('api'), reconnect: QUICK });
    await using other = await connect({ server });
    const first = await signIn(client, 'TRADE0');
    const { token } = await first.enter(ORDER);
    using second = await signIn(other, 'TRADE0');
    const out = { code: 'ERR_EXCHANGE_SIGNED_OUT' };
    await assert.rejects(
      readTo(first.messages(), () => false),
      out,
    );
    await assert.rejects(first.enter(ORDER), out);
    assert.equal(second.lastToken, token);
    assert.equal((await second.cancel(token)).reason, 'U');
    assert.equal(client.state, 'connected');
  });

  test('loses his orders with his connection, and is told when he is back', async () => {
    await using server = await createServer();
    await using client = await connect({ server });
    const leaving = [
      async (trader: Trader) => trader.signOut(),
      async (_: Trader, own: Client) => own.close(),
    ];
    for (const leave of leaving) {
      const own = await connect({ server });
      const trader = await signIn(own, 'TRADE0');
      const { token } = await trader.enter(ORDER);
      await leave(trader, own);
      await until('it is withdrawn', async () => (await client.exchange.figures()).openOrders === 0);
      const told = await historyOf(client, 'TRADE0');
      const canceled = told.find((message) => message.type === 'canceled' && message.token === token);
      assert.equal(canceled?.type === 'canceled' && canceled.reason, 'L');
      await own.close();
    }
  });

  test('reads to the end of the day, and signs in for the next one', async () => {
    await using server = await createServer();
    await using client = await connect({ server, token: server.operatorToken });
    using trader = await signIn(client, 'TRADE0');
    await trader.enter(ORDER);
    const { session } = await client.exchange.closeDay();
    const read: string[] = [];
    for await (const { type } of trader.messages()) read.push(type);
    assert.deepEqual(read, ['system-event', 'accepted', 'canceled', 'system-event']);
    using next = await signIn(client, 'TRADE0');
    assert.equal(next.session, session);
    await assert.rejects(next.enter(ORDER), { fields: { token: 1, reason: 'R' } });
    await client.exchange.openDay();
    assert.equal((await next.enter(ORDER)).token, 2);
    const wrong = client.exchange.signIn({ user: 'TRADE1', password: 'wrong' });
    await assert.rejects(wrong, { code: 'ERR_LOGIN_REFUSED', fields: { reason: 'A' } });
  });

  test('goes on with his messages when the server is back', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'outcry-trading-'));
    try {
      let server = await createServer({ store: { folder } });
      const port = server.port('api');
      await using client = await connect({ port, reconnect: QUICK });
      using trader = await signIn(client, 'TRADE0');
      const messages = trader.messages();
      const { token } = await trader.enter(ORDER);
      await server.close();
      await assert.rejects(trader.enter(ORDER), { code: 'ERR_EXCHANGE_SIGNED_OUT' });
      server = await createServer({ store: { folder }, settings: { api: { port } } });
      const told = await readTo(messages, ({ type }) => type === 'canceled');
      assert.deepEqual(
        told.map(({ sequence, type }) => [sequence, type]),
        [
          [1, 'system-event'],
          [2, 'accepted'],
          [3, 'canceled'],
        ],
      );
      await until('he is back', () => trader.isSignedIn);
      assert.ok((await trader.enter(ORDER)).token > token);
      await client.close();
      await server.close();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('a token that no order can have', () => {
  test('is refused, and the next order gets the next one as if it had not been', async () => {
    await using server = await createServer();
    await using client = await connect({ server });
    using trader = await signIn(client, 'TRADE0');
    for (const token of [2 ** 32, -1, 1.5, Number.NaN]) {
      await assert.rejects(trader.enter({ ...ORDER, token }), { code: 'ERR_API_PARAMS' });
    }
    const { token } = await trader.enter(ORDER);
    assert.equal(token, trader.lastToken);
    assert.ok(token < 10, `${token}`);
  });
});

describe('a follower of the market', () => {
  test('who is slow gets a new snapshot in place of changes, and has the book as it is', async () => {
    await using server = await createServer();
    await using client = await connect({ server });
    await using slow = await connect({ port: server.port('api') });
    using trader = await signIn(client, 'TRADE0');
    const market = slow.exchange.market({ books: [{ id: 'BTC', group: 'DAY' }] });
    const first = await market.next();
    assert.equal(first.value?.type, 'snapshot');
    for (let round = 0; round < 3; round++) {
      // Nobody reads meanwhile.
      const tokens = await Promise.all(
        Array.from(
          { length: 1000 },
          async (_, i) => (await trader.enter({ ...ORDER, price: `${i + 1}` })).token,
        ),
      );
      await Promise.all(tokens.slice(round).map((token) => trader.cancel(token)));
    }
    const { book, bids } = await client.exchange.book('BTC', { levels: 1000 });
    const picture = new Map<string, number>();
    let late = 0;
    let number = first.value?.number ?? 0;
    for (let item: MarketItem; ; ) {
      item = (await market.next()).value as MarketItem;
      if (item.type === 'snapshot') {
        assert.ok(item.isLate);
        late++;
        picture.clear();
      } else assert.equal(item.number, number + 1, 'no gap without a snapshot');
      number = item.number;
      for (const level of item.bids) {
        if (level.quantity === 0) picture.delete(level.price);
        else picture.set(level.price, level.quantity);
      }
      if (item.book.orders === book.orders && picture.size === bids.length) {
        const shown = bids.map(({ price, quantity }) => [price, quantity] as const);
        if (shown.every(([price, quantity]) => picture.get(price) === quantity)) break;
      }
    }
    assert.ok(late > 0, 'it was too slow');
    await market.return();
  });
});

describe('connections of traders that break at any byte', () => {
  const seed = fuzzSeed();
  for (let round = 0; round < 4; round++) {
    test(`leave nobody in doubt of what was done (${seed + round})`, async () => {
      const random = new Random(seed + round);
      await using server = await createServer();
      await using observer = await connect({ server });
      await using proxy = await BreakingProxy.listen({ port: server.port('api'), random, bytesMax: 50_000 });
      proxy.isBreaking = false;
      await using client = await connect({ port: proxy.port, reconnect: QUICK });
      const load = await OrderLoad.begin(client, 'TRADE0', random);
      proxy.isBreaking = true;
      await load.enterUntil(() => proxy.breaks >= 10 && load.doneCount >= 100 && load.undoneCount > 0);
      proxy.isBreaking = false;
      await load.check(observer);
    });
  }
});
