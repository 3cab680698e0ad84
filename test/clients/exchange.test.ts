import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MarketItem, OrderMessage } from '../../clients/index.ts';
import type { SignedIn } from '../../src/protocol/api/orders.ts';
import { change, connectTo } from '../support/api-client.ts';
import { type ApiCall, type ApiHandler, ApiServer } from '../support/api-server.ts';
import { until } from '../support/until.ts';

const BOOK = { id: 'BTC', group: 'DAY', bid: '2299.9', ask: null };
const DAY = { isChanged: true, state: 'open', session: 'ABC' };
const ANSWERS: Readonly<Record<string, unknown>> = {
  'exchange.book': { book: BOOK, bids: [], asks: [], buyOrders: [], sellOrders: [] },
  'exchange.trades': [],
  'exchange.figures': { state: 'open' },
  'exchange.open-day': DAY,
  'exchange.close-day': DAY,
  'exchange.halt': { books: 2 },
  'exchange.resume': { books: 1 },
  'exchange.cancel-all': { orders: 42 },
};
const LOGIN = { user: 'trade1', password: 'OUTCRY' };
const ORDER = { side: 'buy', book: 'BTC', quantity: 100, price: '2300.0' } as const;

const answering: Readonly<Record<string, ApiHandler>> = {
  ...Object.fromEntries(
    Object.entries(ANSWERS).map(([operation, answer]) => [operation, (call: ApiCall) => call.reply(answer)]),
  ),
  'exchange.books': (call) => {
    call.open({ books: 1 });
    call.onCredit = () => {
      call.send(BOOK);
      call.end();
    };
  },
};

describe('exchange', () => {
  test('asks for each operation with what it is given, and gives what is answered', async () => {
    await using server = await ApiServer.listen({ handlers: answering });
    await using client = await connectTo(server, { token: 'secret' });
    const { exchange } = client;
    const answers = [
      await exchange.books(),
      await exchange.book('BTC'),
      await exchange.book('BTC', { group: 'DAY', levels: 3, orders: 5 }),
      await exchange.trades(),
      await exchange.trades({ id: 'BTC', group: 'DAY', limit: 5 }),
      await exchange.figures(),
      await exchange.openDay(),
      await exchange.closeDay(),
      await exchange.halt({ id: 'BTC' }),
      await exchange.halt(),
      await exchange.resume({ group: 'NGHT' }),
      await exchange.cancelAll({ user: 'TRADE1', id: 'BTC' }),
    ];
    assert.deepEqual(answers, [
      [BOOK],
      ANSWERS['exchange.book'],
      ANSWERS['exchange.book'],
      [],
      [],
      { state: 'open' },
      DAY,
      DAY,
      2,
      2,
      1,
      42,
    ]);
    assert.deepEqual(
      server.calls.map(({ operation, params }) => [operation, params]),
      [
        ['exchange.books', {}],
        ['exchange.book', { id: 'BTC' }],
        ['exchange.book', { id: 'BTC', group: 'DAY', levels: 3, orders: 5 }],
        ['exchange.trades', {}],
        ['exchange.trades', { id: 'BTC', group: 'DAY', limit: 5 }],
        ['exchange.figures', {}],
        ['exchange.open-day', {}],
        ['exchange.close-day', {}],
        ['exchange.halt', { id: 'BTC' }],
        ['exchange.halt', {}],
        ['exchange.resume', { group: 'NGHT' }],
        ['exchange.cancel-all', { user: 'TRADE1', id: 'BTC' }],
      ],
    );
  });

  test('follows the market over breaks, and tells of them', async () => {
    await using server = await ApiServer.listen({ handlers: { 'exchange.market': (call) => call.open() } });
    await using client = await connectTo(server);
    let gaps = 0;
    const items = client.exchange.market({ books: [{ id: 'BTC' }], onGap: () => gaps++, timeoutMs: 5000 });
    const first = items.next();
    const call = await nthCall(server, 'exchange.market', 1);
    const snapshot = (number: number) => ({ type: 'snapshot', number, book: BOOK }) as unknown as MarketItem;
    call.send(snapshot(1));
    assert.equal((await first).value?.number, 1);
    server.breakAll();
    const again = await nthCall(server, 'exchange.market', 2);
    assert.deepEqual([again.params, call.params], [{ books: [{ id: 'BTC' }] }, { books: [{ id: 'BTC' }] }]);
    assert.ok(again.timeoutMs > 5000, 'nobody waits for it any more');
    again.send(snapshot(7));
    assert.equal((await items.next()).value?.number, 7);
    assert.equal(gaps, 1);
    await items.return();
    assert.deepEqual(server.violations, []);
  });
});

function nthCall(server: ApiServer, operation: string, n: number): Promise<ApiCall> {
  return until(`${operation} is asked for`, () => server.callsOf(operation)[n - 1]);
}

/** The exchange's side of a trader: his messages, numbered, and what he asks. */
class Pit {
  readonly server: ApiServer;
  readonly messages: OrderMessage[] = [];
  /** Answered at once; a request that is not here waits. */
  isAnswering = true;
  session = 'ABC';
  lastToken = -1;
  stream: ApiCall | undefined;

  constructor(server: ApiServer) {
    this.server = server;
  }

  static async open(): Promise<Pit> {
    const server = await ApiServer.listen({
      handlers: {
        'exchange.stream': (call) => pit.onStream(call),
        'exchange.enter': (call) => pit.onEnter(call),
      },
    });
    const pit = new Pit(server);
    return pit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    assert.deepEqual(this.server.violations, []);
    await this.server[Symbol.asyncDispose]();
  }

  onStream(call: ApiCall): void {
    const { from = 1, session } = call.params as { readonly from?: number; readonly session?: string };
    if (session !== undefined && session !== this.session) {
      call.fail('ERR_LOGIN_REFUSED', { fields: { reason: 'S' } });
      return;
    }
    this.stream = call;
    const info: SignedIn = {
      user: 'TRADE1',
      session: this.session,
      sequence: from,
      lastSequence: this.messages.length,
      lastToken: this.lastToken,
    };
    let next = from;
    call.open(info);
    call.onCredit = () => {
      const items = this.messages.slice(next - 1, next - 1 + call.credit);
      next += items.length;
      if (items.length > 0) call.send(...items);
    };
  }

  onEnter(call: ApiCall): void {
    const { token } = call.params as { readonly token: number };
    if (!this.isAnswering) return;
    const accepted = this.say({ type: 'accepted', token });
    call.reply(accepted);
    this.stream?.onCredit();
  }

  /** Something more that the account is told, with its number. */
  say(message: object): OrderMessage {
    if ('token' in message) this.lastToken = Math.max(this.lastToken, Number(message.token));
    const numbered = { ...message, sequence: this.messages.length + 1, nanoseconds: 0 } as OrderMessage;
    this.messages.push(numbered);
    return numbered;
  }

  tell(message: object): void {
    this.say(message);
    this.stream?.onCredit();
  }
}

const isRejected = (code: string, fields: object) => (error: { code: string; fields: object }) => {
  assert.equal(error.code, code);
  assert.deepEqual(error.fields, fields);
  return true;
};

/** The numbers of the next messages. */
async function next(messages: AsyncGenerator<OrderMessage>, count: number): Promise<number[]> {
  const numbers: number[] = [];
  while (numbers.length < count) {
    const { value, done } = await messages.next();
    if (done) break;
    numbers.push(value.sequence);
  }
  return numbers;
}

describe('a trader', () => {
  test('signs in, reads all that the exchange has told, and enters orders with tokens of his own', async () => {
    await using pit = await Pit.open();
    await using client = await connectTo(pit.server);
    pit.say({ type: 'system-event', event: 'start' });
    pit.say({ type: 'accepted', token: 6 });
    const trader = await client.exchange.signIn({ ...LOGIN, timeoutMs: 5000 });
    assert.deepEqual(pit.stream?.params, { ...LOGIN, from: 1 });
    assert.deepEqual([trader.user, trader.session, trader.isSignedIn], ['TRADE1', 'ABC', true]);
    await until('the first have come', () => trader.nextSequence === 3);
    const messages = trader.messages();
    const [first, second, given] = await Promise.all([
      trader.enter(ORDER),
      trader.enter({ ...ORDER, group: 'NGHT' }),
      trader.enter({ ...ORDER, token: 50 }),
    ]);
    assert.deepEqual([first.token, second.token, given.token], [7, 8, 50]);
    assert.equal((await trader.enter(ORDER)).token, 51);
    assert.deepEqual(await next(messages, 6), [1, 2, 3, 4, 5, 6]);
    assert.deepEqual(
      pit.server.callsOf('exchange.enter').map(({ params }) => params),
      [
        { ...ORDER, token: 7, user: 'TRADE1' },
        { ...ORDER, token: 8, user: 'TRADE1', group: 'NGHT' },
        { ...ORDER, token: 50, user: 'TRADE1' },
        { ...ORDER, token: 51, user: 'TRADE1' },
      ],
    );
    assert.deepEqual([trader.nextSequence, trader.lastToken], [7, 51]);
    trader.signOut();
    assert.deepEqual(await next(messages, 1), []);
    await until('the server knows', () => pit.stream?.isEnded === true);
    await assert.rejects(trader.enter(ORDER), { code: 'ERR_EXCHANGE_SIGNED_OUT' });
  });

  test('replaces and cancels, and is told when that has no effect', async () => {
    await using pit = await Pit.open();
    await using client = await connectTo(pit.server);
    const trader = await client.exchange.signIn(LOGIN);
    const { token } = await trader.enter(ORDER);
    const replacing = trader.replace(token, { quantity: 50, price: '1.0' });
    const replace = await nthCall(pit.server, 'exchange.replace', 1);
    assert.deepEqual(replace.params, {
      user: 'TRADE1',
      token: 1,
      replacementToken: 2,
      quantity: 50,
      price: '1.0',
    });
    replace.reply(pit.say({ type: 'replaced', token: 2, previousToken: 1 }));
    assert.equal((await replacing).token, 2);
    const again = trader.replace(2, { quantity: 50, price: '0' });
    (await nthCall(pit.server, 'exchange.replace', 2)).reply(
      pit.say({ type: 'canceled', token: 2, reason: 'X', text: 'invalid price' }),
    );
    await assert.rejects(again, {
      code: 'ERR_ORDER_REJECTED',
      message: 'order 2 was canceled instead of being replaced: invalid price',
      fields: { token: 2, reason: 'X' },
    });
    const canceling = trader.cancel(2);
    (await nthCall(pit.server, 'exchange.cancel', 1)).fail('ERR_ORDER_IGNORED');
    await assert.rejects(canceling, { code: 'ERR_ORDER_IGNORED' });
    pit.isAnswering = false;
    const entering = trader.enter(ORDER);
    (await nthCall(pit.server, 'exchange.enter', 2)).reply(
      pit.say({ type: 'rejected', token: 4, reason: 'S', text: 'unknown order book' }),
    );
    await assert.rejects(entering, {
      code: 'ERR_ORDER_REJECTED',
      message: 'the exchange does not take order 4: unknown order book',
      fields: { token: 4, reason: 'S' },
    });
    trader.signOut();
  });

  test('is not let in with a wrong password, and not asked again', async () => {
    await using server = await ApiServer.listen({
      handlers: {
        'exchange.stream': (call) => call.fail('ERR_LOGIN_REFUSED', { fields: { reason: 'A' } }),
      },
    });
    await using client = await connectTo(server);
    await assert.rejects(client.exchange.signIn(LOGIN), isRejected('ERR_LOGIN_REFUSED', { reason: 'A' }));
    assert.equal(server.calls.length, 1);
    await assert.rejects(client.exchange.signIn({ ...LOGIN, user: 'much too long' }), {
      code: 'ERR_API_PARAMS',
    });
    await assert.rejects(client.exchange.signIn({ ...LOGIN, signal: AbortSignal.abort() }), {
      name: 'AbortError',
    });
  });

  test('goes on with the next message after a break', async () => {
    await using pit = await Pit.open();
    await using client = await connectTo(pit.server);
    const trader = await client.exchange.signIn(LOGIN);
    const messages = trader.messages();
    await trader.enter(ORDER);
    pit.tell({ type: 'executed', token: 1 });
    assert.deepEqual(await next(messages, 2), [1, 2]);
    const away = change(client, 'reconnecting');
    pit.server.breakAll();
    await away;
    assert.equal(trader.isSignedIn, false);
    pit.say({ type: 'canceled', token: 9 });
    pit.lastToken = 20;
    assert.deepEqual(await next(messages, 1), [3]);
    assert.deepEqual(pit.stream?.params, { ...LOGIN, session: 'ABC', from: 3 });
    assert.equal((await trader.enter(ORDER)).token, 21);
    assert.deepEqual(await next(messages, 1), [4]);
    trader.signOut();
  });

  test('learns after a break what has become of what was not answered, and sends nothing twice', async () => {
    await using pit = await Pit.open();
    await using client = await connectTo(pit.server);
    const trader = await client.exchange.signIn(LOGIN);
    const before = await trader.enter(ORDER);
    pit.isAnswering = false;
    const asked = [
      trader.enter(ORDER),
      trader.enter(ORDER),
      trader.replace(before.token, { quantity: 1, price: '1.0' }),
      trader.cancel(2),
      trader.cancel(77),
      trader.enter(ORDER),
    ];
    await nthCall(pit.server, 'exchange.enter', 4);
    pit.say({ type: 'accepted', token: 2 });
    pit.say({ type: 'rejected', token: 3, reason: 'Z', text: 'invalid quantity' });
    pit.say({ type: 'executed', token: 2 });
    pit.say({ type: 'replaced', token: 4, previousToken: 1 });
    pit.say({ type: 'canceled', token: 2, reason: 'L', text: 'the user was disconnected' });
    pit.server.breakAll();
    const [entered, rejected, replaced, canceled, ignored, lost] = await Promise.allSettled(asked);
    const sequenceOf = (outcome: PromiseSettledResult<OrderMessage> | undefined) =>
      outcome?.status === 'fulfilled' && outcome.value.sequence;
    const codeOf = (outcome: PromiseSettledResult<OrderMessage> | undefined) =>
      outcome?.status === 'rejected' && [outcome.reason.code, outcome.reason.fields.token];
    assert.deepEqual([entered, replaced, canceled].map(sequenceOf), [2, 5, 6]);
    assert.deepEqual(codeOf(rejected), ['ERR_ORDER_REJECTED', 3]);
    assert.deepEqual(codeOf(ignored), ['ERR_ORDER_IGNORED', 77]);
    assert.deepEqual(codeOf(lost), ['ERR_ORDER_IGNORED', 5]);
    assert.equal(pit.server.callsOf('exchange.enter').length, 4);
    assert.equal(trader.lastToken, 5);
    trader.signOut();
  });

  test('learns it at once if there is nothing new', async () => {
    await using pit = await Pit.open();
    await using client = await connectTo(pit.server);
    const trader = await client.exchange.signIn(LOGIN);
    pit.isAnswering = false;
    const entering = trader.enter(ORDER);
    await nthCall(pit.server, 'exchange.enter', 1);
    pit.server.breakAll();
    await assert.rejects(entering, {
      code: 'ERR_ORDER_IGNORED',
      message: 'exchange.enter of order 1 had no effect: the connection was lost on its way',
    });
    pit.isAnswering = true;
    assert.equal((await trader.enter(ORDER)).token, 2, 'nobody else has used that one');
    trader.signOut();
  });

  test('sends nothing while he is away, and nothing late', async () => {
    await using pit = await Pit.open();
    await using client = await connectTo(pit.server);
    const trader = await client.exchange.signIn(LOGIN);
    const away = change(client, 'reconnecting');
    pit.server.stop();
    await away;
    await assert.rejects(trader.enter(ORDER), {
      code: 'ERR_EXCHANGE_SIGNED_OUT',
      message: /^exchange.enter was not sent, since TRADE1 is not signed in: the connection is away$/,
    });
    await pit.server.start();
    await until('he is back', () => trader.isSignedIn);
    assert.equal((await trader.enter(ORDER)).token, 2);
    assert.equal(pit.server.callsOf('exchange.enter').length, 1);
    trader.signOut();
  });

  test('waits for the messages where the server can not answer at the moment', async () => {
    await using pit = await Pit.open();
    await using client = await connectTo(pit.server);
    const trader = await client.exchange.signIn(LOGIN);
    pit.isAnswering = false;
    const entering = trader.enter(ORDER);
    (await nthCall(pit.server, 'exchange.enter', 1)).fail('ERR_STORE_WRITE', { isRetryable: true });
    pit.tell({ type: 'system-event', event: 'start' });
    pit.tell({ type: 'accepted', token: 1 });
    assert.equal((await entering).sequence, 2);
    trader.signOut();
  });

  test('is told with the token what nobody knows', async () => {
    await using pit = await Pit.open();
    await using client = await connectTo(pit.server);
    const trader = await client.exchange.signIn(LOGIN);
    pit.isAnswering = false;
    await assert.rejects(
      trader.enter(ORDER, { timeoutMs: 20 }),
      (error: { code: string; fields: { token: number } }) => {
        assert.deepEqual([error.code, error.fields.token], ['ERR_REQUEST_TIMEOUT', 1]);
        return true;
      },
    );
    trader.signOut();
  });

  for (const [how, fail, code] of [
    [
      'somebody else has signed in',
      (call: ApiCall) => call.fail('ERR_EXCHANGE_SIGNED_OUT'),
      'ERR_EXCHANGE_SIGNED_OUT',
    ],
    ['the day has ended while he was away', (call: ApiCall) => call.session.break(), 'ERR_LOGIN_REFUSED'],
  ] as const) {
    test(`is over when ${how}`, async () => {
      await using pit = await Pit.open();
      await using client = await connectTo(pit.server);
      const trader = await client.exchange.signIn(LOGIN);
      const messages = trader.messages();
      pit.tell({ type: 'system-event', event: 'start' });
      assert.deepEqual(await next(messages, 1), [1]);
      pit.isAnswering = false;
      const entering = trader.enter(ORDER);
      const enter = await nthCall(pit.server, 'exchange.enter', 1);
      const { stream } = pit;
      assert.ok(stream);
      pit.session = 'ABD';
      fail(stream);
      enter.fail('ERR_EXCHANGE_SIGNED_OUT');
      await assert.rejects(next(messages, 1), { code });
      await assert.rejects(entering, { code: 'ERR_CONNECTION_LOST' });
      await assert.rejects(trader.enter(ORDER), { code: 'ERR_EXCHANGE_SIGNED_OUT' });
      await assert.rejects(next(trader.messages(), 1), { code });
      assert.equal(client.state, 'connected');
    });
  }

  test('reads to the end of the session', async () => {
    await using pit = await Pit.open();
    await using client = await connectTo(pit.server);
    const trader = await client.exchange.signIn(LOGIN);
    const messages = trader.messages();
    pit.tell({ type: 'system-event', event: 'end' });
    await until('it has come', () => pit.stream?.sentCount === 1);
    pit.stream?.end();
    assert.deepEqual(await next(messages, 2), [1]);
    assert.equal(trader.isSignedIn, false);
  });

  test('is sent no more than a busy loop has room for, and everything without one', async () => {
    await using pit = await Pit.open();
    await using client = await connectTo(pit.server);
    const COUNT = 10_000;
    for (let i = 0; i < COUNT; i++) pit.say({ type: 'system-event', event: 'start' });
    {
      using trader = await client.exchange.signIn(LOGIN);
      await until('all have come', () => trader.nextSequence === COUNT + 1);
      const late = trader.messages();
      assert.deepEqual(await next(late, 1), [COUNT - 4095], 'the last ones are kept for the first loop');
      assert.equal((await next(late, 4095)).at(-1), COUNT);
    }
    using trader = await client.exchange.signIn(LOGIN);
    const messages = trader.messages();
    assert.deepEqual(await next(messages, 1), [1]);
    await client.bank.balance('Ann');
    const sent = pit.stream?.sentCount ?? 0;
    assert.ok(sent > 1 && sent < COUNT / 2, `${sent} were sent`);
    pit.isAnswering = false;
    const entering = trader.enter(ORDER);
    const enter = await nthCall(pit.server, 'exchange.enter', 1);
    // Its answer comes behind all others, and nobody reads them meanwhile.
    await until('all have come', () => trader.nextSequence === COUNT + 1);
    enter.reply(pit.say({ type: 'accepted', token: 1 }));
    assert.equal((await entering).sequence, COUNT + 1);
    pit.stream?.onCredit();
    assert.equal((await next(messages, COUNT)).at(-1), COUNT + 1);
    const other = trader.messages();
    pit.tell({ type: 'system-event', event: 'end' });
    assert.deepEqual([await next(messages, 1), await next(other, 1)], [[COUNT + 2], [COUNT + 2]]);
    await messages.return();
  });

  test('is waited for when the client closes, and his loops end', async () => {
    await using pit = await Pit.open();
    const client = await connectTo(pit.server);
    const trader = await client.exchange.signIn(LOGIN);
    const messages = trader.messages();
    pit.isAnswering = false;
    const entering = trader.enter(ORDER);
    const enter = await nthCall(pit.server, 'exchange.enter', 1);
    const closing = client.close();
    assert.deepEqual(await next(messages, 1), []);
    enter.reply(pit.say({ type: 'accepted', token: 1 }));
    assert.equal((await entering).token, 1);
    await closing;
    await assert.rejects(trader.enter(ORDER), { code: 'ERR_CLIENT_CLOSED' });
  });

  test('is over with the client', async () => {
    await using pit = await Pit.open();
    const client = await connectTo(pit.server, { reconnect: false });
    const trader = await client.exchange.signIn(LOGIN);
    const messages = trader.messages();
    pit.isAnswering = false;
    const entering = trader.enter(ORDER);
    await nthCall(pit.server, 'exchange.enter', 1);
    const closed = change(client, 'closed');
    pit.server.breakAll();
    await closed;
    await assert.rejects(entering, { code: 'ERR_CONNECTION_LOST' });
    await assert.rejects(next(messages, 1), { code: 'ERR_CLIENT_CLOSED' });
  });
});
