import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import {
  type ConnectExchangeOptions,
  connectExchange,
  type ExchangeClient,
  type NewOrder,
  type StateChange,
} from '../../../clients/index.ts';
import type { ServerPacket } from '../../../src/protocol/soupbintcp/packets.ts';
import { QUICK } from '../../support/api-client.ts';
import { type SoupScript, SoupServer } from '../../support/soup-server.ts';
import { ToyExchange } from '../../support/toy-exchange.ts';
import { until } from '../../support/until.ts';

const BUY: NewOrder = { side: 'B', quantity: 100, orderbook: 'BTC', price: '2300.0' };

function connectTo(
  server: SoupServer,
  options: Partial<ConnectExchangeOptions> = {},
): Promise<ExchangeClient> {
  const credentials = { user: 'TRADE1', password: 'OUTCRY' };
  return connectExchange({ ...credentials, port: server.port, reconnect: QUICK, ...options });
}

interface Venue {
  readonly server: SoupServer;
  readonly exchange: ToyExchange;
}

/** A server with an exchange behind it. */
async function openVenue(script: SoupScript = {}): Promise<Venue & AsyncDisposable> {
  const server = await SoupServer.listen({ onMessage: (message) => exchange.take(message), ...script });
  const exchange = new ToyExchange((message) => server.say(message));
  return { server, exchange, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** The next change to that state. */
async function change(
  client: ExchangeClient,
  state: StateChange['state'],
): Promise<StateChange<{ session: string }>> {
  for (;;) {
    const [next] = (await once(client, 'state')) as [StateChange<{ session: string }>];
    if (next.state === state) return next;
  }
}

describe('connectExchange', () => {
  test('joins the session there is, and has what was said in it', async () => {
    await using venue = await openVenue();
    venue.exchange.take({
      type: 'enter',
      token: 7,
      clientReference: 'before',
      side: 'B',
      quantity: 5,
      orderbook: 'BTC',
      group: 'DAY',
      priceTenths: 10,
      timeInForce: 99_999,
      firm: 0,
      display: ' ',
      capacity: 'P',
      minimumQuantity: 0,
      classification: '1',
      cashMargin: '1',
    });
    await using client = await connectTo(venue.server);
    assert.deepEqual([client.state, client.session, client.mirror.day], ['connected', 'DAY1', 'open']);
    assert.deepEqual(
      venue.server.logins.map(({ requestedSession, sequence }) => [requestedSession, sequence]),
      [
        ['', 0],
        ['DAY1', 1],
      ],
    );
    const [order] = client.orders;
    assert.equal(order?.mirrored?.accepted.clientReference, 'before');
    assert.equal((await order?.cancel())?.state, 'canceled');
    const next = client.enter(BUY);
    assert.equal(next.firstToken, 8);
    await next.accepted;
  });

  test('keeps its first connection until the second one stands, so that no order is lost', async () => {
    await using venue = await openVenue();
    venue.server.say({ type: 'system-event', timestampNs: 2n, event: 'S' });
    await using client = await connectTo(venue.server);
    assert.equal(venue.server.logins.length, 2);
    await until('the first one is closed', () => venue.server.connections === 1);
    assert.deepEqual([client.state, venue.server.absences], ['connected', 0]);
  });

  test('joins a session in which nothing was said', async () => {
    await using server = await SoupServer.listen({ isClosed: true });
    const connecting = connectTo(server);
    await until('it has logged in', () => server.logins.length === 1);
    server.send({ type: 'server-heartbeat' });
    await using client = await connecting;
    assert.deepEqual([client.mirror.day, server.logins.length], ['before', 1]);
    const day = once(client, 'day');
    server.say({ type: 'system-event', timestampNs: 1n, event: 'S' });
    assert.deepEqual(await day, ['open']);
  });

  test('rejects with what is wrong', async () => {
    const cases: readonly [ServerPacket | null, string, RegExp][] = [
      [{ type: 'login-rejected', reason: 'A' }, 'ERR_LOGIN_REFUSED', /user or password/],
      [{ type: 'login-rejected', reason: 'S' }, 'ERR_LOGIN_REFUSED', /session/],
      [{ type: 'server-heartbeat' }, 'ERR_SOUPBIN_PACKET', /did not answer the login first/],
      [null, 'ERR_CONNECTION_FAILED', /did not answer within 50 ms/],
    ];
    for (const [packet, code, message] of cases) {
      await using server = await SoupServer.listen({ answer: () => packet });
      await assert.rejects(connectTo(server, { timeouts: { loginMs: 50 } }), { code, message });
    }
    await using server = await SoupServer.listen();
    server.sayBytes(Uint8Array.of(0x51));
    await assert.rejects(connectTo(server), { code: 'ERR_OUCH_MESSAGE' });
    const { port } = server;
    await server[Symbol.asyncDispose]();
    const gone = { user: 'A', password: 'B', port };
    await assert.rejects(connectExchange(gone), { code: 'ERR_CONNECTION_FAILED', message: /nobody listens/ });
    await assert.rejects(connectExchange({ ...gone, user: 'TOO LONG' }), { message: /user is "TOO LONG"/ });
  });

  test('rejects periods that are none', async () => {
    const credentials = { user: 'A', password: 'B' };
    for (const ms of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      const wrong = { ...credentials, timeouts: { silenceMs: ms } };
      await assert.rejects(connectExchange(wrong), { code: 'ERR_API_PARAMS', message: /silenceMs/ });
      const pause = { ...credentials, reconnect: { minMs: -1 } };
      await assert.rejects(connectExchange(pause), { code: 'ERR_API_PARAMS', message: /minMs/ });
    }
  });

  test('rejects with the reason of its signal', async () => {
    await using server = await SoupServer.listen({ answer: () => null });
    const stopping = new AbortController();
    const connecting = connectTo(server, { signal: stopping.signal });
    await until('it is there', () => server.logins.length === 1);
    stopping.abort(new Error('enough'));
    await assert.rejects(connecting, { message: 'enough' });
    await until('it is gone', () => server.connections === 0);
  });
});

describe('orders', () => {
  test('are accepted, executed and done', async () => {
    await using venue = await openVenue();
    await using client = await connectTo(venue.server);
    const told: string[] = [];
    const order = client.enter({ ...BUY, clientReference: 'mine' });
    order.on('accepted', ({ clientReference }) => told.push(`accepted ${clientReference}`));
    order.on('executed', ({ quantity }) => told.push(`executed ${quantity}`));
    order.on('done', () => told.push('done'));
    assert.equal(order.state, 'sent');
    assert.equal((await order.accepted).priceTenths, 23_000);
    assert.deepEqual([order.state, order.open], ['open', 100]);
    venue.exchange.execute(order.token, 30);
    venue.exchange.execute(order.token, 70);
    assert.equal(await order.done, order);
    assert.deepEqual([order.state, order.open, order.executed, order.fills.length], ['filled', 0, 100, 2]);
    assert.equal(order.mirrored?.executedValueTenths, 2_300_000n);
    await until('all was told', () => told.length === 4);
    assert.deepEqual(told, ['accepted mine', 'executed 30', 'executed 70', 'done']);
    assert.deepEqual(client.orders, []);
  });

  test('are rejected with the reason and its words', async () => {
    await using venue = await openVenue();
    await using client = await connectTo(venue.server);
    const order = client.enter({ ...BUY, quantity: 0 });
    await assert.rejects(order.accepted, {
      code: 'ERR_ORDER_REJECTED',
      message: /invalid quantity/,
      fields: { token: 1, reason: 'Z' },
    });
    assert.equal((await order.done).state, 'rejected');
    assert.equal((await order.cancel()).state, 'rejected');
    await assert.rejects(order.replace({ quantity: 5 }), { code: 'ERR_ORDER_DONE' });
  });

  test('are replaced, with what is left out as it was', async () => {
    await using venue = await openVenue();
    await using client = await connectTo(venue.server);
    const order = client.enter(BUY);
    await order.accepted;
    venue.exchange.execute(order.token, 40);
    const replaced = await order.replace({ price: '2300.5' });
    assert.deepEqual([replaced.quantity, replaced.priceTenths, order.token], [60, 23_005, 2]);
    assert.deepEqual([order.mirrored?.quantity, order.open, order.executed], [100, 60, 40]);
    assert.equal(client.find(2), order);
    assert.equal(client.find(1), undefined);
    assert.equal((await order.replace({ quantity: 40 })).state, 'D');
    assert.equal((await order.done).state, 'dead');
  });

  test('may be changed before the answers to what was asked before', async () => {
    await using venue = await openVenue();
    await using client = await connectTo(venue.server);
    const order = client.enter(BUY);
    const steps = [order.replace({ price: '1.0' }), order.replace({ quantity: 50 }), order.cancel()];
    await Promise.all(steps);
    const { state, mirrored } = order;
    assert.deepEqual(
      [state, mirrored?.token, mirrored?.priceTenths, mirrored?.quantity],
      ['canceled', 3, 10, 0],
    );
  });

  test('that are filled meanwhile are not canceled, and say so', async () => {
    await using venue = await openVenue();
    await using client = await connectTo(venue.server);
    const order = client.enter(BUY);
    await order.accepted;
    venue.server.isHolding = true;
    venue.exchange.execute(order.token, 100);
    const canceling = order.cancel();
    const replacing = order.replace({ quantity: 5 });
    await until('both were ignored', () => venue.server.inbound.length === 3);
    venue.server.release();
    assert.equal((await canceling).state, 'filled');
    await assert.rejects(replacing, { code: 'ERR_ORDER_DONE', fields: { token: 1, state: 'filled' } });
  });

  test('are canceled by a replace that is wrong, with the reason', async () => {
    await using venue = await openVenue();
    await using client = await connectTo(venue.server);
    const order = client.enter(BUY);
    await order.accepted;
    await assert.rejects(order.replace({ quantity: 0 }), {
      code: 'ERR_ORDER_DONE',
      message: /canceled: invalid quantity \(Z\)/,
    });
  });

  test('that can not be sent throw at once, and use no token', async () => {
    await using venue = await openVenue();
    await using client = await connectTo(venue.server);
    const wrong: readonly Partial<NewOrder>[] = [
      { price: '1.23' },
      { price: 1.5 as never },
      { quantity: -1 },
      { orderbook: 7203 },
      { orderbook: 'TOO LONG' },
      { clientReference: 'é' },
    ];
    for (const entry of wrong)
      assert.throws(() => client.enter({ ...BUY, ...entry }), { code: 'ERR_OUCH_MESSAGE' });
    assert.equal(client.enter(BUY).firstToken, 1);
  });

  test('of which nobody waits for the answer are still known', async () => {
    await using venue = await openVenue();
    await using client = await connectTo(venue.server);
    venue.server.isHolding = true;
    const order = client.enter(BUY, { timeoutMs: 20 });
    await assert.rejects(order.accepted, { code: 'ERR_REQUEST_TIMEOUT' });
    const stopping = new AbortController();
    const aborted = client.enter(BUY, { signal: stopping.signal });
    stopping.abort();
    await assert.rejects(aborted.accepted, { name: 'AbortError' });
    venue.server.release();
    await until('they are there', () => order.state === 'open' && aborted.state === 'open');
    assert.equal((await order.cancel()).state, 'canceled');
  });

  test('that are ignored, since somebody else has used their tokens, say so', async () => {
    await using venue = await openVenue();
    await using client = await connectTo(venue.server);
    venue.server.isHolding = true;
    const stranger = client.enter(BUY);
    await until('it was taken', () => venue.exchange.taken.has(1));
    venue.exchange.take({
      ...(venue.server.inbound[0] as Parameters<ToyExchange['take']>[0]),
      token: 9,
    } as never);
    const ignored = client.enter(BUY);
    await until('it was ignored', () => venue.server.inbound.length === 2);
    venue.server.release();
    await stranger.accepted;
    await until('the token was seen', () => client.mirror.lastToken === 9);
    const next = client.enter(BUY);
    assert.equal(next.firstToken, 10);
    await next.accepted;
    await assert.rejects(ignored.accepted, { code: 'ERR_ORDER_IGNORED' });
    assert.equal(ignored.state, 'lost');
    await assert.rejects(ignored.done, { code: 'ERR_ORDER_IGNORED' });
    await assert.rejects(ignored.cancel(), { code: 'ERR_ORDER_IGNORED' });
    await assert.rejects(ignored.replace({}), {
      code: 'ERR_ORDER_DONE',
      fields: { token: 2, state: 'lost' },
    });
  });
});

describe('a client whose connection breaks', () => {
  test('goes on with the next message, and sends again what was not answered', async () => {
    await using venue = await openVenue();
    await using client = await connectTo(venue.server);
    const resting = client.enter(BUY);
    await resting.accepted;
    venue.server.isHolding = true;
    const taken = client.enter(BUY);
    await until('it was taken', () => venue.exchange.taken.has(2));
    const reconnected = change(client, 'connected');
    venue.server.drop();
    venue.server.release();
    venue.exchange.cancel(1, 'L');
    const later = client.enter(BUY);
    assert.deepEqual(await reconnected, { state: 'connected', session: 'DAY1' });
    await Promise.all([taken.accepted, later.accepted]);
    assert.deepEqual(venue.server.logins.at(-1), {
      type: 'login-request',
      user: 'TRADE1',
      password: 'OUTCRY',
      requestedSession: 'DAY1',
      sequence: 3,
    });
    assert.equal((await resting.done).mirrored?.cancelReason, 'L');
    assert.deepEqual([...venue.exchange.taken.values()], [1, 1, 1]);
  });

  test('does not send what was given up', async () => {
    await using venue = await openVenue();
    await using client = await connectTo(venue.server, { reconnect: { minMs: 100, maxMs: 100 } });
    const lost = change(client, 'reconnecting');
    venue.server.drop();
    await lost;
    const stopping = new AbortController();
    const order = client.enter(BUY, { signal: stopping.signal });
    stopping.abort();
    await assert.rejects(order.accepted, { name: 'AbortError' });
    assert.equal(order.state, 'lost');
    await client.enter(BUY).accepted;
    assert.deepEqual([...venue.exchange.taken.keys()], [2]);
  });

  test('cancels an order whether a replace of it that was given up was taken or not', async () => {
    for (const isLost of [true, false]) {
      await using venue = await openVenue();
      await using client = await connectTo(venue.server);
      const order = client.enter(BUY);
      await order.accepted;
      venue.server.isDeaf = isLost;
      venue.server.isHolding = true;
      const stopping = new AbortController();
      const replacing = order.replace({ quantity: 7 }, { signal: stopping.signal });
      await until(
        'it has come',
        () => venue.server.received.filter(({ type }) => type === 'unsequenced').length === 2,
      );
      stopping.abort();
      await assert.rejects(replacing, { name: 'AbortError' });
      const canceling = order.cancel();
      venue.server.drop();
      venue.server.release();
      assert.equal((await canceling).state, 'canceled');
      assert.deepEqual([order.token, venue.exchange.orders.size], [isLost ? 1 : 2, 0]);
    }
  });

  test('joins anew when the exchange has not come as far as it has', async () => {
    await using venue = await openVenue();
    await using client = await connectTo(venue.server);
    const order = client.enter(BUY);
    await order.accepted;
    venue.exchange.execute(1, 10);
    await until('it was told', () => order.executed === 10);
    const session = once(client, 'session');
    venue.server.messages.pop();
    venue.server.drop();
    assert.deepEqual(await session, ['DAY1', 'DAY1']);
    await until('it is there again', () => client.state === 'connected');
    assert.deepEqual([order.state, order.open, order.executed], ['open', 100, 0]);
    assert.deepEqual(client.orders, [order]);
  });

  test('takes an exchange that is silent for dead, and says itself that it is there', async () => {
    await using venue = await openVenue();
    await using client = await connectTo(venue.server, { timeouts: { heartbeatMs: 20, silenceMs: 200 } });
    const { error } = (await change(client, 'reconnecting')) as { error: { message: string } };
    assert.match(error.message, /was silent for 200 ms/);
    const beats = venue.server.received.filter(({ type }) => type === 'client-heartbeat');
    assert.ok(beats.length >= 2, `${beats.length}`);
  });

  test('closes when it is not let in any more, and says why', async () => {
    let isWelcome = true;
    await using venue = await openVenue({
      answer: () => (isWelcome ? undefined : { type: 'login-rejected', reason: 'A' }),
    });
    await using client = await connectTo(venue.server);
    venue.server.isHolding = true;
    const order = client.enter(BUY);
    await until('it was taken', () => venue.exchange.taken.size === 1);
    const canceling = assert.rejects(order.cancel(), { code: 'ERR_CONNECTION_LOST' });
    isWelcome = false;
    venue.server.drop();
    venue.server.release();
    assert.equal((await client.closed)?.code, 'ERR_LOGIN_REFUSED');
    await assert.rejects(order.accepted, { code: 'ERR_CONNECTION_LOST', message: /user or password/ });
    await assert.rejects(order.done, { code: 'ERR_CONNECTION_LOST' });
    await canceling;
    await assert.rejects(order.cancel(), { code: 'ERR_CONNECTION_LOST' });
    await assert.rejects(client.enter(BUY).accepted, { code: 'ERR_CLIENT_CLOSED' });
  });
});

describe('a new day', () => {
  test('is joined when the session has ended', async () => {
    let isTaking = true;
    await using server = await SoupServer.listen({
      onMessage: (message) => {
        if (isTaking) exchange.take(message);
      },
    });
    const exchange = new ToyExchange((message) => server.say(message));
    await using client = await connectTo(server);
    const messages = client.messages();
    const done = client.enter(BUY);
    await done.accepted;
    isTaking = false;
    const unanswered = client.enter(BUY);
    const session = once(client, 'session');
    exchange.cancel(1, 'O');
    server.say({ type: 'system-event', timestampNs: 5n, event: 'E' });
    server.endSession('DAY2');
    server.say({ type: 'system-event', timestampNs: 1n, event: 'S' });
    assert.deepEqual(await session, ['DAY2', 'DAY1']);
    await until('it is there', () => client.state === 'connected');
    assert.equal((await done.done).mirrored?.cancelReason, 'O');
    await assert.rejects(unanswered.accepted, { code: 'ERR_SESSION_ENDED', fields: { session: 'DAY1' } });
    await assert.rejects(unanswered.done, { code: 'ERR_SESSION_ENDED' });
    assert.deepEqual([client.session, client.mirror.day, client.mirror.lastToken], ['DAY2', 'open', -1]);
    isTaking = true;
    assert.equal(client.enter(BUY).firstToken, 1);
    const told: string[] = [];
    for await (const { session: day, sequence, message } of messages) {
      told.push(`${day} ${sequence} ${message.type}`);
      if (told.length === 4) break;
    }
    assert.deepEqual(told, [
      'DAY1 2 accepted',
      'DAY1 3 canceled',
      'DAY1 4 system-event',
      'DAY2 1 system-event',
    ]);
  });

  test('is joined by one who has missed the end of the session', async () => {
    await using venue = await openVenue();
    await using client = await connectTo(venue.server);
    const order = client.enter(BUY);
    await order.accepted;
    const session = once(client, 'session');
    venue.server.beginSession('DAY2');
    venue.server.say({ type: 'system-event', timestampNs: 1n, event: 'S' });
    venue.server.drop();
    assert.deepEqual(await session, ['DAY2', 'DAY1']);
    await assert.rejects(order.done, { code: 'ERR_SESSION_ENDED' });
    assert.equal(order.state, 'lost');
  });
});

describe('messages', () => {
  test('come once each and in order, over breaks', async () => {
    await using venue = await openVenue();
    await using client = await connectTo(venue.server);
    const messages = client.messages();
    for (let i = 0; i < 5; i++) {
      await client.enter(BUY).accepted;
      const back = change(client, 'connected');
      venue.server.drop();
      await back;
    }
    const sequences: number[] = [];
    for await (const { sequence } of messages) {
      sequences.push(sequence);
      if (sequences.length === 5) break;
    }
    assert.deepEqual(sequences, [2, 3, 4, 5, 6]);
  });

  test('end with the client, or with a signal', async () => {
    await using venue = await openVenue();
    const client = await connectTo(venue.server);
    const stopping = new AbortController();
    const aborted = client.messages({ signal: stopping.signal }).next();
    const ending = client.messages().next();
    stopping.abort();
    await assert.rejects(aborted, { name: 'AbortError' });
    await client.close();
    assert.deepEqual(await ending, { done: true, value: undefined });
    assert.deepEqual(await client.messages().next(), { done: true, value: undefined });
  });
});

describe('a client that closes', () => {
  test('waits for answers and logs out', async () => {
    await using venue = await openVenue();
    const client = await connectTo(venue.server);
    const order = client.enter(BUY);
    await client.close();
    assert.equal((await order.accepted).state, 'L');
    assert.equal(venue.server.received.at(-1)?.type, 'logout-request');
    assert.equal(await client.closed, undefined);
    await assert.rejects(order.done, { code: 'ERR_CLIENT_CLOSED' });
    await assert.rejects(client.enter(BUY).accepted, { code: 'ERR_CLIENT_CLOSED' });
    await assert.rejects(client.ready(), { code: 'ERR_CLIENT_CLOSED' });
  });

  test('waits no longer than it is told to', async () => {
    await using venue = await openVenue({ onMessage: () => {} });
    const client = await connectTo(venue.server);
    const order = client.enter(BUY);
    await client.close({ timeoutMs: 1 });
    await assert.rejects(order.accepted, { code: 'ERR_CLIENT_CLOSED' });
  });
});

describe('a program that sends faster than it is answered', () => {
  test('can wait until it is its turn, and is stopped when it does not', async () => {
    await using venue = await openVenue();
    await using client = await connectTo(venue.server);
    await client.ready();
    venue.server.isHolding = true;
    for (let i = 0; i < 65_536; i++) client.enter(BUY);
    assert.throws(() => client.enter(BUY), { code: 'ERR_API_LIMIT', message: /ready/ });
    await assert.rejects(client.ready({ timeoutMs: 10 }), { code: 'ERR_REQUEST_TIMEOUT' });
    const ready = client.ready();
    await until('all were taken', () => venue.exchange.taken.size === 65_536);
    venue.server.release();
    await ready;
    await client.enter(BUY).accepted;
  });
});
