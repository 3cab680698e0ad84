/** The client of the exchange and the server, as programs have them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  type ConnectExchangeOptions,
  connectExchange,
  type ExchangeClient,
  type NewOrder,
  type Order,
} from '../../../clients/index.ts';
import { createServer, type OutcryServer } from '../../../src/create-server.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { QUICK } from '../../support/api-client.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import { ApiClient } from '../../support/raw-api-client.ts';
import { until } from '../../support/until.ts';

const BUY: NewOrder = { side: 'B', quantity: 100, orderbook: 'BTC', price: '2300.0' };
const SELL: NewOrder = { ...BUY, side: 'S' };

function trader(
  server: OutcryServer,
  number: number,
  options: Partial<ConnectExchangeOptions> = {},
): Promise<ExchangeClient> {
  const credentials = { user: `TRADE${number}`, password: 'OUTCRY' };
  return connectExchange({ ...credentials, port: server.port('ouch'), reconnect: QUICK, ...options });
}

async function operate(server: OutcryServer, operation: string): Promise<void> {
  const operator = await ApiClient.connect(server.port('api'), { token: server.operatorToken });
  await operator.ask(operation);
  operator.drop();
}

describe('a client of the exchange', () => {
  test('trades with another one', async () => {
    await using server = await createServer();
    await using ann = await trader(server, 1);
    await using bob = await trader(server, 2);
    const selling = ann.enter({ ...SELL, clientReference: 'ann' });
    await selling.accepted;
    const buying = bob.enter({ ...BUY, quantity: 60, price: '2400.0', isImmediate: true });
    assert.equal((await buying.done).state, 'filled');
    await until('she has heard of it', () => selling.executed === 60);
    assert.equal(selling.fills[0]?.matchNumber, buying.fills[0]?.matchNumber);
    const [{ priceTenths, liquidity }] = buying.fills as [Order['fills'][0]];
    assert.deepEqual([priceTenths, liquidity, selling.fills[0]?.liquidity], [23_000, 'R', 'A']);
    const replaced = await selling.replace({ price: { tenths: 23_010 } });
    assert.deepEqual([replaced.quantity, selling.token], [40, 2]);
    await assert.rejects(selling.replace({ isImmediate: true, isPostOnly: true }), {
      code: 'ERR_ORDER_DONE',
      fields: { state: 'canceled', reason: 'D', token: 2 },
    });
    await assert.rejects(ann.enter({ ...SELL, orderbook: 'NONE' }).accepted, {
      code: 'ERR_ORDER_REJECTED',
      fields: { token: 4, reason: 'S' },
    });
  });

  test('needs no socket in the process of the server', async () => {
    await using server = await createServer({ clients: 'in-process' });
    await using client = await connectExchange({ server, user: 'trade3', password: 'outcry' });
    const order = client.enter(BUY);
    assert.equal((await order.accepted).orderbook, 'BTC');
    await assert.rejects(connectExchange({ server, user: 'TRADE3', password: 'wrong' }), {
      code: 'ERR_LOGIN_REFUSED',
    });
    assert.equal(order.state, 'open');
  });

  test('takes a token that was not used, and goes on behind it', async () => {
    await using server = await createServer();
    await using client = await trader(server, 1);
    assert.equal(client.nextToken, 1);
    assert.equal((await client.enter({ ...BUY, token: 7 }).accepted).token, 7);
    assert.equal(client.nextToken, 8);
    assert.throws(() => client.enter({ ...BUY, token: 7 }), {
      code: 'ERR_OUCH_MESSAGE',
      message: 'token is 7; expected 8, the next one of this session, or a greater one',
      fields: { field: 'token' },
    });
    const order = client.enter(BUY);
    await order.accepted;
    assert.deepEqual([order.token, client.nextToken], [8, 9]);
    await order.replace({ quantity: 50 });
    assert.deepEqual([order.token, client.nextToken], [9, 10]);
  });

  test('has order books by number where the exchange has them so', async () => {
    await using server = await createServer({ settings: { ouch: { orderbook_form: 'uint32' } } });
    await using client = await trader(server, 1, { form: 'uint32' });
    assert.equal((await client.enter({ ...BUY, orderbook: 2 }).accepted).orderbook, 2);
    assert.throws(() => client.enter(BUY), { code: 'ERR_OUCH_MESSAGE', message: /expected a number/ });
  });

  test('hears of the end of the day, and goes on with the next one', async () => {
    await using server = await createServer();
    await using client = await trader(server, 1);
    const order = client.enter(BUY);
    await order.accepted;
    const { session } = client;
    const next = once(client, 'session');
    await operate(server, 'exchange.close-day');
    assert.equal((await order.done).mirrored?.cancelReason, 'O');
    const [joined, left] = (await next) as string[];
    assert.deepEqual([joined !== session, left], [true, session]);
    await until('it is there again', () => client.state === 'connected');
    await assert.rejects(client.enter(BUY).accepted, {
      code: 'ERR_ORDER_REJECTED',
      message: /not allowed at this time/,
    });
    const opening = once(client, 'day');
    await operate(server, 'exchange.open-day');
    assert.deepEqual(await opening, ['open']);
    const first = client.enter(BUY);
    await first.accepted;
    assert.deepEqual([client.session, client.orders], [joined, [first]]);
  });

  test('takes the place of its predecessor, with its orders', async () => {
    await using server = await createServer();
    const before = await trader(server, 1, { reconnect: false });
    const order = before.enter(BUY);
    await order.accepted;
    await using client = await trader(server, 1);
    assert.equal((await before.closed)?.code, 'ERR_CONNECTION_LOST');
    const [found] = client.orders;
    assert.equal(found?.firstToken, order.firstToken);
    assert.equal((await found?.cancel())?.mirrored?.cancelReason, 'U');
    const next = client.enter(BUY);
    await next.accepted;
    assert.equal(next.firstToken, 2);
  });

  test('has each order taken once while its server ends and starts again and again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'outcry-exchange-'));
    const random = new Random(fuzzSeed());
    let server = await createServer({ store: { folder } });
    const port = server.port('ouch');
    try {
      await using client = await trader(server, 1, { port });
      const orders: Order[] = [];
      let isDone = false;
      const trading = (async () => {
        while (!isDone) {
          await client.ready();
          const order = client.enter({ ...BUY, price: { tenths: 10 + random.below(100) } });
          orders.push(order);
          if (random.chance(0.3)) void order.replace({ quantity: 50 }).catch(() => {});
          if (random.chance(0.3)) void order.cancel();
          if (random.chance(0.1)) await order.accepted;
        }
      })();
      for (let restart = 0; restart < 3; restart++) {
        const count = orders.length;
        await until('some more are entered', () => orders.length > count + 300);
        await server.close();
        server = await createServer({ store: { folder }, settings: { ouch: { port } } });
      }
      isDone = true;
      await trading;
      const answers = await Promise.all(orders.map((order) => order.accepted));
      assert.deepEqual(
        answers.map(({ token }) => token),
        orders.map(({ firstToken }) => firstToken),
      );
      await Promise.all(client.orders.map((order) => order.cancel()));
      await using other = await trader(server, 1, { port });
      assert.deepEqual([...other.mirror.orders], []);
      assert.equal(other.mirror.lastToken, client.mirror.lastToken);
    } finally {
      await server.close();
      await rm(folder, { recursive: true });
    }
  });
});
