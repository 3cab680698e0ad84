/** Users who trade over the api, with an exchange that says what a test says. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeFrame } from '../../../src/protocol/api/frames.ts';
import { type ClientNotice, ENTRY_HEAD_BYTES } from '../../../src/protocol/exchange.ts';
import { LETTER } from '../../../src/protocol/ouch/layout.ts';
import {
  decodeInbound,
  encodeOutbound,
  type InboundMessage,
  type OutboundMessage,
} from '../../../src/protocol/ouch/messages.ts';
import { encodeServerPacket } from '../../../src/protocol/soupbintcp/packets.ts';
import type { HostedClient } from '../../support/api-in-hosts.ts';
import { ScriptedExchange } from '../../support/scripted-exchange.ts';

const ACCOUNT = 3;
const LOGIN = { user: 'trade1', password: 'OUTCRY' };
const ORDER = { token: 7, side: 'buy', book: 'BTC', quantity: 100, price: '2300.0' };
const timestampNs = 44_659_315_808_000n;
const told = { nanoseconds: 44_659_315_808_000 };

const ACCEPTED: OutboundMessage = {
  type: 'accepted',
  timestampNs,
  token: 7,
  clientReference: 'mine',
  side: 'B',
  quantity: 100,
  orderbook: 'BTC',
  group: 'DAY',
  priceTenths: 23_000,
  timeInForce: 99_999,
  firm: 0,
  display: ' ',
  capacity: 'P',
  orderNumber: 202_611_210_000_000_001n,
  minimumQuantity: 0,
  state: 'L',
  classification: '1',
  cashMargin: '1',
};
const PLACED = {
  side: 'buy',
  book: 'BTC',
  group: 'DAY',
  price: '2300.0',
  timeInForce: 'day',
  isPostOnly: false,
  minimumQuantity: 0,
  orderNumber: '202611210000000001',
  isLive: true,
};
const accepted = (token: number, sequence: number) => ({
  ...told,
  type: 'accepted',
  sequence,
  token,
  quantity: 100,
  ...PLACED,
  clientReference: 'mine',
  firm: 0,
  capacity: 'principal',
  classification: '1',
  cashMargin: '1',
});
const canceled = (token: number, reason = 'U'): OutboundMessage => ({
  type: 'canceled',
  timestampNs,
  token,
  decrement: 100,
  reason,
});

/** An account's messages, as the exchange sends them. */
function sequenced(call: number, messages: readonly OutboundMessage[], isPage = false): ClientNotice {
  const packets = messages.map((message) =>
    encodeServerPacket({ type: 'sequenced', message: encodeOutbound(message) }),
  );
  return { type: 'sequenced', call, bytes: Buffer.concat(packets), isPage };
}

function signIn(exchange: ScriptedExchange, { sequence = 1, credit = 1000, user = LOGIN.user } = {}): number {
  const { client } = exchange;
  const id = client.request('exchange.stream', { ...LOGIN, user });
  if (credit > 0) client.credit(id, credit);
  exchange.tell({
    type: 'logged-in',
    call: id,
    account: ACCOUNT,
    session: 'ABC',
    sequence,
    lastSequence: 8,
    lastToken: 6,
  });
  return id;
}

/** What the exchange was sent: the head, and the message in the one packet behind it. */
function entryOf(entry: Buffer | undefined): readonly [account: number, connection: number, InboundMessage] {
  assert.ok(entry);
  const packet = entry.subarray(ENTRY_HEAD_BYTES);
  assert.deepEqual([packet.readUInt16BE(0), packet.toString('latin1', 2, 3)], [packet.length - 2, 'U']);
  return [entry.readUInt32LE(0), entry.readUInt32LE(4), decodeInbound(packet.subarray(3))];
}

/** Answers of requests, by their ids: what each was replied, the code of its error, or undefined. */
function outcomes(client: HostedClient, ids: readonly number[]): unknown[] {
  return ids.map((id) => {
    const [frame] = client.framesOf(id);
    return frame && ((frame[2] as { code?: string }).code ?? frame[2]);
  });
}

describe('exchange.stream', () => {
  test('signs a user in, and tells what the exchange tells his account', () => {
    const exchange = new ScriptedExchange();
    const { client } = exchange;
    const id = signIn(exchange, { sequence: 5 });
    assert.deepEqual(exchange.commands, [
      {
        type: 'log-in',
        user: 'trade1',
        password: 'OUTCRY',
        requestedSession: '',
        sequence: 1,
        form: 'alpha',
        client: { address: 'api/1', connection: 1, call: id },
      },
    ]);
    assert.deepEqual(client.infoOf(id), {
      user: 'TRADE1',
      session: 'ABC',
      sequence: 5,
      lastSequence: 8,
      lastToken: 6,
    });
    const order = { side: 'T', orderbook: '7203', group: 'DAYX', priceTenths: 1, timeInForce: 0 } as const;
    exchange.tell(
      sequenced(id, [
        { type: 'system-event', timestampNs, event: 'S' },
        ACCEPTED,
        {
          type: 'replaced',
          timestampNs,
          replacementToken: 8,
          previousToken: 7,
          quantity: 40,
          ...order,
          display: 'P',
          orderNumber: 9n,
          minimumQuantity: 0,
          state: 'D',
        },
      ]),
      sequenced(id, [
        {
          type: 'executed',
          timestampNs,
          token: 7,
          quantity: 60,
          priceTenths: 22_999,
          liquidity: 'R',
          matchNumber: 12n,
        },
        {
          type: 'aiq-canceled',
          timestampNs,
          token: 7,
          decrement: 5,
          reason: 'M',
          preventedQuantity: 6,
          priceTenths: 10,
          liquidity: 'A',
        },
        canceled(7, 'L'),
        { type: 'rejected', timestampNs, token: 9, reason: 'S' },
      ]),
    );
    assert.deepEqual(client.itemsOf(id), [
      { ...told, sequence: 5, type: 'system-event', event: 'start' },
      accepted(7, 6),
      {
        ...told,
        sequence: 7,
        type: 'replaced',
        token: 8,
        previousToken: 7,
        quantity: 40,
        side: 'short-sell',
        book: '7203',
        group: 'DAYX',
        price: '0.1',
        timeInForce: 'immediate',
        isPostOnly: true,
        minimumQuantity: 0,
        orderNumber: '9',
        isLive: false,
      },
      {
        ...told,
        sequence: 8,
        type: 'executed',
        token: 7,
        quantity: 60,
        price: '2299.9',
        liquidity: 'removed',
        matchNumber: '12',
      },
      {
        ...told,
        sequence: 9,
        type: 'prevented',
        token: 7,
        quantity: 5,
        preventedQuantity: 6,
        price: '1.0',
        liquidity: 'added',
      },
      {
        ...told,
        sequence: 10,
        type: 'canceled',
        token: 7,
        quantity: 100,
        reason: 'L',
        text: 'the user was disconnected',
      },
      { ...told, sequence: 11, type: 'rejected', token: 9, reason: 'S', text: 'unknown order book' },
    ]);
  });

  test('is refused with the reason of the exchange', () => {
    const exchange = new ScriptedExchange();
    const { client } = exchange;
    const id = client.request('exchange.stream', LOGIN);
    exchange.tell({ type: 'login-refused', call: id, reason: 'A', text: 'the password is wrong' });
    const { code, message, retryable, fields } = client.errorOf(id);
    assert.deepEqual([code, message, retryable], ['ERR_LOGIN_REFUSED', 'the password is wrong', false]);
    assert.deepEqual(fields, { reason: 'A' });
    assert.deepEqual(exchange.commandsOf('left'), []);
  });

  test('asks for the session and the message that the client wants', () => {
    const exchange = new ScriptedExchange();
    exchange.client.request('exchange.stream', { ...LOGIN, session: 'abc', from: 12 });
    const [{ requestedSession, sequence }] = exchange.commands as unknown as [
      { requestedSession: string; sequence: number },
    ];
    assert.deepEqual([requestedSession, sequence], ['abc', 12]);
  });

  test('tells the exchange that a page is taken when its client has taken all of it', () => {
    const exchange = new ScriptedExchange();
    const { client } = exchange;
    const id = signIn(exchange, { credit: 0 });
    exchange.tell(sequenced(id, [ACCEPTED]), sequenced(id, [canceled(7), ACCEPTED], true));
    client.credit(id, 2);
    assert.deepEqual(exchange.commandsOf('page-taken'), []);
    client.credit(id, 2);
    const taken = { type: 'page-taken', account: ACCOUNT, connection: 1 };
    assert.deepEqual(exchange.commandsOf('page-taken'), [taken]);
    assert.equal(client.itemsOf(id).length, 3);
    exchange.tell(sequenced(id, [ACCEPTED], true));
    assert.deepEqual(exchange.commandsOf('page-taken'), [taken, taken]);
  });

  test('gives many messages in frames that are not too long', () => {
    const exchange = new ScriptedExchange();
    const { client } = exchange;
    const id = signIn(exchange, { credit: 5000 });
    exchange.tell(sequenced(id, new Array(800).fill(ACCEPTED)));
    assert.equal(client.itemsOf(id).length, 800);
    for (const frame of client.framesOf(id)) assert.ok(encodeFrame(frame).length < 65_536);
  });

  test('ends with the session, when the last message was taken', () => {
    const exchange = new ScriptedExchange();
    const { client } = exchange;
    const id = signIn(exchange, { credit: 0 });
    const enter = client.request('exchange.enter', { ...ORDER, token: 8 });
    exchange.tell(sequenced(id, [ACCEPTED]), { type: 'session-ended', call: id });
    assert.ok(!client.isEnded(id));
    assert.deepEqual(outcomes(client, [enter]), ['ERR_SESSION_ENDED']);
    assert.equal(client.refused('exchange.enter', ORDER).code, 'ERR_EXCHANGE_SIGNED_OUT');
    client.credit(id, 1);
    assert.ok(client.isEnded(id));
    assert.equal(client.itemsOf(id).length, 1);
    const silent = signIn(exchange, { credit: 0 });
    exchange.tell({ type: 'session-ended', call: silent });
    assert.ok(client.isEnded(silent), 'no credit is needed for nothing');
  });

  test('tells the exchange when its client ends it, or is gone', () => {
    for (const leave of ['end', 'leave'] as const) {
      const exchange = new ScriptedExchange();
      const { client } = exchange;
      const id = signIn(exchange);
      const enter = client.request('exchange.enter', ORDER);
      if (leave === 'end') {
        client.end(id);
        assert.deepEqual(outcomes(client, [enter]), ['ERR_EXCHANGE_SIGNED_OUT']);
      } else client.leave();
      assert.deepEqual(exchange.commandsOf('left'), [{ type: 'left', account: ACCOUNT, connection: 1 }]);
      exchange.tell(sequenced(id, [ACCEPTED]));
      assert.deepEqual(client.itemsOf(id), []);
    }
  });

  test('fails when another connection takes the account over, with what was not answered', () => {
    const exchange = new ScriptedExchange();
    const { client } = exchange;
    const id = signIn(exchange);
    const enter = client.request('exchange.enter', ORDER);
    exchange.tell({ type: 'dismissed', call: id, reason: 'there is another connection' });
    const { code, message, retryable } = client.errorOf(id);
    assert.deepEqual(
      [code, message, retryable],
      ['ERR_EXCHANGE_SIGNED_OUT', 'TRADE1 is signed out: there is another connection', false],
    );
    assert.deepEqual(outcomes(client, [enter]), ['ERR_EXCHANGE_SIGNED_OUT']);
    assert.ok(!client.isClosed);
  });

  test('fails when the exchange is lost, and may be opened again', () => {
    const exchange = new ScriptedExchange();
    const { client } = exchange;
    const id = signIn(exchange);
    const enter = client.request('exchange.enter', ORDER);
    exchange.stop();
    assert.deepEqual([client.errorOf(id).code, client.errorOf(id).retryable], ['ERR_HOST_LOST', true]);
    assert.deepEqual(outcomes(client, [enter]), ['ERR_EXCHANGE_SIGNED_OUT']);
  });

  test('is there once for a user and connection', () => {
    const exchange = new ScriptedExchange();
    signIn(exchange);
    const { code, message } = exchange.client.refused('exchange.stream', { ...LOGIN, user: 'TRADE1' });
    assert.deepEqual(
      [code, message],
      ['ERR_LOGIN_REFUSED', 'TRADE1 is signed in over this connection already'],
    );
    assert.equal(exchange.commandsOf('log-in').length, 1);
  });
});

describe('orders over the api', () => {
  test('are sent as messages of OUCH, with what was left out', () => {
    const exchange = new ScriptedExchange();
    const { client } = exchange;
    signIn(exchange);
    const full = {
      ...ORDER,
      side: 'short-sell-exempt',
      group: 'NGHT',
      price: '0.1',
      timeInForce: 'immediate',
      isPostOnly: true,
      minimumQuantity: 5,
      clientReference: 'mine',
      firm: 77,
      capacity: 'agency',
      classification: '3',
      cashMargin: '5',
    };
    client.request('exchange.enter', ORDER);
    client.request('exchange.enter', { ...full, user: 'Trade1' });
    client.request('exchange.replace', { token: 7, replacementToken: 8, quantity: 50, price: '1' });
    client.request('exchange.cancel', { token: 8 });
    assert.deepEqual(exchange.entries.map(entryOf), [
      [
        ACCOUNT,
        1,
        {
          type: 'enter',
          token: 7,
          clientReference: '',
          side: 'B',
          quantity: 100,
          orderbook: 'BTC',
          group: 'DAY',
          priceTenths: 23_000,
          timeInForce: 99_999,
          firm: 0,
          display: ' ',
          capacity: 'P',
          minimumQuantity: 0,
          classification: '1',
          cashMargin: '1',
        },
      ],
      [
        ACCOUNT,
        1,
        {
          type: 'enter',
          token: 7,
          clientReference: 'mine',
          side: 'E',
          quantity: 100,
          orderbook: 'BTC',
          group: 'NGHT',
          priceTenths: 1,
          timeInForce: 0,
          firm: 77,
          display: 'P',
          capacity: 'A',
          minimumQuantity: 5,
          classification: '3',
          cashMargin: '5',
        },
      ],
      [
        ACCOUNT,
        1,
        {
          type: 'replace',
          existingToken: 7,
          replacementToken: 8,
          quantity: 50,
          priceTenths: 10,
          timeInForce: 99_999,
          display: ' ',
          minimumQuantity: 0,
        },
      ],
      [ACCOUNT, 1, { type: 'cancel', token: 8, quantity: 0 }],
    ]);
  });

  test('are answered with the message that answers them, which is in the stream, too', () => {
    const exchange = new ScriptedExchange();
    const { client } = exchange;
    const id = signIn(exchange);
    const ids = [
      client.request('exchange.enter', ORDER),
      client.request('exchange.enter', { ...ORDER, token: 8 }),
      client.request('exchange.replace', { token: 7, replacementToken: 9, quantity: 100, price: '1' }),
      client.request('exchange.cancel', { token: 9 }),
    ];
    const replaced: OutboundMessage = {
      type: 'replaced',
      timestampNs,
      replacementToken: 9,
      previousToken: 7,
      quantity: 100,
      side: 'B',
      orderbook: 'BTC',
      group: 'DAY',
      priceTenths: 10,
      timeInForce: 99_999,
      display: ' ',
      orderNumber: 1n,
      minimumQuantity: 0,
      state: 'L',
    };
    exchange.tell(
      sequenced(id, [
        ACCEPTED,
        {
          type: 'executed',
          timestampNs,
          token: 7,
          quantity: 1,
          priceTenths: 1,
          liquidity: 'R',
          matchNumber: 1n,
        },
        { type: 'rejected', timestampNs, token: 8, reason: 'X' },
        replaced,
        canceled(9),
      ]),
    );
    const items = client.itemsOf(id);
    assert.deepEqual(outcomes(client, ids), [items[0], items[2], items[3], items[4]]);
    assert.equal(items.length, 5);
  });

  test('that are canceled instead of being replaced are answered with that', () => {
    const exchange = new ScriptedExchange();
    const { client } = exchange;
    const id = signIn(exchange);
    const replace = client.request('exchange.replace', {
      token: 7,
      replacementToken: 9,
      quantity: 1,
      price: '0',
    });
    exchange.tell(sequenced(id, [canceled(8), canceled(7, 'X')]));
    assert.deepEqual(outcomes(client, [replace]), [client.itemsOf(id)[1]]);
  });

  test('without effect are answered with an error, each with its own', () => {
    const exchange = new ScriptedExchange();
    const { client } = exchange;
    const id = signIn(exchange);
    const ids = [
      client.request('exchange.enter', ORDER),
      client.request('exchange.cancel', { token: 7 }),
      client.request('exchange.replace', { token: 5, replacementToken: 7, quantity: 1, price: '1' }),
    ];
    const ignored = (letter: number, text: string): ClientNotice => ({
      type: 'ignored',
      call: id,
      text,
      letter,
      token: 7,
    });
    exchange.tell(
      ignored(LETTER.cancel, 'no open order has token 7'),
      ignored(LETTER.replace, 'no open order has token 5'),
      sequenced(id, [ACCEPTED]),
      ignored(LETTER.enter, 'of nobody that waits'),
    );
    assert.deepEqual(outcomes(client, ids), [accepted(7, 1), 'ERR_ORDER_IGNORED', 'ERR_ORDER_IGNORED']);
    const { message, retryable, fields } = client.errorOf(ids[1] ?? 0);
    assert.deepEqual([message, retryable, fields], ['no open order has token 7', false, { token: 7 }]);
  });

  test('need a user who is signed in, and say which if there are several', () => {
    const exchange = new ScriptedExchange();
    const { client } = exchange;
    const nobody = client.refused('exchange.enter', ORDER);
    assert.deepEqual(
      [nobody.code, nobody.message],
      ['ERR_EXCHANGE_SIGNED_OUT', 'nobody is signed in over this connection; open exchange.stream first'],
    );
    const waiting = client.request('exchange.stream', LOGIN);
    assert.match(client.refused('exchange.enter', ORDER).message, /^TRADE1 is not signed in/);
    client.end(waiting);
    signIn(exchange);
    signIn(exchange, { user: 'trade2' });
    const { code, message } = client.refused('exchange.cancel', { token: 1 });
    assert.deepEqual([code, message.split(':')[0]], ['ERR_API_PARAMS', 'say which user it is']);
    assert.equal(client.refused('exchange.cancel', { token: 1, user: 'x' }).code, 'ERR_EXCHANGE_SIGNED_OUT');
    assert.equal(exchange.entries.length, 0);
    client.request('exchange.cancel', { token: 1, user: 'trade2' });
    assert.equal(exchange.entries.length, 1);
  });

  test('that no message can say are refused before they are sent', () => {
    const exchange = new ScriptedExchange();
    const { client } = exchange;
    signIn(exchange);
    for (const wrong of [
      { price: '1.23' },
      { price: '-1' },
      { price: '' },
      { book: 'é' },
      { clientReference: '\n' },
    ]) {
      const { code } = client.refused('exchange.enter', { ...ORDER, ...wrong });
      assert.match(code, /^ERR_(OUCH_MESSAGE|API_PARAMS)$/, JSON.stringify(wrong));
    }
    assert.equal(exchange.entries.length, 0);
  });
});
