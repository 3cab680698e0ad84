import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  encodeInbound,
  encodeOutbound,
  type InboundMessage,
  type OutboundMessage,
} from '../../../../src/protocol/ouch/messages.ts';
import type { DoorName } from '../../../../src/protocol/ouch-inputs/door-splitter.ts';
import { Recording } from '../../../../src/protocol/ouch-inputs/recording.ts';
import {
  type ClientPacket,
  encodeClientPacket,
  encodeServerPacket,
  type ServerPacket,
} from '../../../../src/protocol/soupbintcp/packets.ts';

/** A step as the file has it, of which tests look at a few names. */
interface Line {
  readonly as: string;
  readonly message_type?: string;
  readonly order_token?: number;
  readonly expect?: Reply | readonly Reply[];
  readonly disconnect?: string;
  readonly reconnect?: unknown;
}

interface Reply {
  readonly message_type: string;
  readonly order_token?: number;
  readonly match_number?: string;
}

const TICKS_OF_A_SECOND = 11;

class Tape {
  readonly text: string[] = [];
  readonly recording = new Recording({ write: (line) => this.text.push(line) });
  #time = 0n;
  #orders = 0n;

  get lines(): Line[] {
    return this.text.map((line) => JSON.parse(line));
  }

  /** `TRADE1 O1 => A1 E1$m1`: what each step does and expects, in few words. */
  get words(): string[] {
    return this.lines.map((line) => {
      const { as, message_type: type, order_token: token, expect, disconnect, reconnect } = line;
      const verb = type === undefined ? (disconnect ?? (reconnect && 'reconnect') ?? '') : `${type}${token}`;
      if (expect === undefined) return `${as} ${verb}`;
      const replies = [expect].flat() as readonly Reply[];
      return `${as} ${verb} => ${replies.map(wordOf).join(' ')}`.trimEnd();
    });
  }

  raw(session: number): this {
    this.recording.open(session, 'ouch-raw', 'uint32');
    return this;
  }

  logIn(session: number, user: string, sequence = 1, told = 1): this {
    this.recording.open(session, 'ouch', 'alpha');
    this.#sendPacket(session, {
      type: 'login-request',
      user,
      password: 'SECRET',
      requestedSession: '',
      sequence,
    });
    this.hearPacket(session, { type: 'login-accepted', session: 'DAY1', sequence: told });
    return this;
  }

  send(session: number, door: DoorName, ...messages: InboundMessage[]): this {
    const parts = messages.map((message) =>
      door === 'ouch-raw'
        ? encodeInbound(message)
        : encodeClientPacket({ type: 'unsequenced', message: encodeInbound(message) }),
    );
    const bytes = Buffer.concat(parts);
    this.recording.inbound(session, bytes, 0, bytes.length);
    return this;
  }

  hear(session: number, door: DoorName, ...messages: OutboundMessage[]): this {
    for (const message of messages) {
      const bytes = encodeOutbound(message);
      if (door === 'ouch-raw') this.recording.outbound(session, bytes);
      else this.hearPacket(session, { type: 'sequenced', message: bytes });
    }
    return this;
  }

  hearPacket(session: number, packet: ServerPacket): this {
    this.recording.outbound(session, encodeServerPacket(packet));
    return this;
  }

  logOut(session: number): this {
    this.#sendPacket(session, { type: 'logout-request' });
    return this;
  }

  wait(ticks = TICKS_OF_A_SECOND): this {
    for (let i = 0; i < ticks; i++) this.recording.tick();
    return this;
  }

  accepted(token: number, orderNumber = ++this.#orders): OutboundMessage {
    return {
      ...terms(token),
      type: 'accepted',
      timestampNs: this.#now(),
      orderNumber,
      state: 'L',
    };
  }

  executed(token: number, matchNumber: bigint, liquidity: 'A' | 'R'): OutboundMessage {
    const timestampNs = this.#now();
    return { type: 'executed', timestampNs, token, quantity: 1, priceTenths: 10, liquidity, matchNumber };
  }

  canceled(token: number, reason: string): OutboundMessage {
    return { type: 'canceled', timestampNs: this.#now(), token, decrement: 1, reason };
  }

  /** What follows is said to be at one time. */
  #now(): bigint {
    return ++this.#time;
  }

  #sendPacket(session: number, packet: ClientPacket): void {
    const bytes = encodeClientPacket(packet);
    this.recording.inbound(session, bytes, 0, bytes.length);
  }
}

function wordOf({ message_type: type, order_token: token, match_number: match = '' }: Reply): string {
  return `${type}${token}${match}`;
}

function terms(token: number) {
  return {
    token,
    clientReference: '',
    side: 'B',
    quantity: 1,
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
  };
}

function enter(token: number): InboundMessage {
  return { ...terms(token), type: 'enter' };
}

function cancel(token: number): InboundMessage {
  return { type: 'cancel', token, quantity: 0 };
}

describe('Recording', () => {
  test('has each step with what it was answered, however late that came', () => {
    const tape = new Tape().logIn(1, 'TRADE1').send(1, 'ouch', enter(1), enter(2)).wait(1);
    assert.deepEqual(tape.words, []);
    tape.hear(1, 'ouch', tape.accepted(1)).wait(2).hear(1, 'ouch', tape.accepted(2)).wait();
    assert.deepEqual(tape.words, ['TRADE1 O1 => A1', 'TRADE1 O2 => A2']);
  });

  test('writes all of a message and of its answer, but for what is another one in each run', () => {
    const tape = new Tape().raw(1);
    tape.send(1, 'ouch-raw', { ...terms(1), type: 'enter', orderbook: 3, priceTenths: 3234 });
    tape.hear(1, 'ouch-raw', { type: 'rejected', timestampNs: 5n, token: 1, reason: 'Z' }).wait();
    assert.deepEqual(tape.lines, [
      {
        as: 'raw-1',
        message_type: 'O',
        order_token: 1,
        client_reference: '',
        buy_sell_indicator: 'B',
        quantity: 1,
        orderbook_id: 3,
        group: 'DAY',
        price: 323.4,
        time_in_force: 99_999,
        firm_id: 0,
        display: ' ',
        capacity: 'P',
        minimum_quantity: 0,
        order_classification: '1',
        cash_margin_type: '1',
        expect: { message_type: 'J', order_token: 1, reason: 'Z' },
      },
    ]);
  });

  test('puts what others were told because of a step behind it, whoever was told first', () => {
    for (const isMakerFirst of [true, false]) {
      const tape = new Tape().logIn(1, 'MAKER').logIn(2, 'TAKER');
      tape.send(1, 'ouch', enter(1)).hear(1, 'ouch', tape.accepted(1));
      tape.send(2, 'ouch', enter(1)).send(1, 'ouch', enter(2));
      const made = tape.executed(1, 9n, 'A');
      if (isMakerFirst) tape.hear(1, 'ouch', made);
      tape.hear(2, 'ouch', tape.accepted(1), tape.executed(1, 9n, 'R'));
      if (!isMakerFirst) tape.hear(1, 'ouch', made);
      tape.hear(1, 'ouch', tape.accepted(2)).wait();
      assert.deepEqual(tape.words, [
        'MAKER O1 => A1',
        'TAKER O1 => A1 E1$m1',
        'MAKER  => E1$m1',
        'MAKER O2 => A2',
      ]);
    }
  });

  test('says of a message that it had no answer when a later one has, or after a second', () => {
    const tape = new Tape().logIn(1, 'TRADE1').send(1, 'ouch', cancel(9), enter(1), cancel(8));
    tape.hear(1, 'ouch', tape.accepted(1)).wait(2);
    assert.deepEqual(tape.words, ['TRADE1 X9 =>', 'TRADE1 O1 => A1']);
    tape.wait();
    assert.deepEqual(tape.words.slice(2), ['TRADE1 X8 =>']);
  });

  test('says nothing of the answers to what a client had sent before its connection broke', () => {
    const tape = new Tape().raw(1).send(1, 'ouch-raw', enter(1));
    tape.recording.close(1, true);
    tape.wait();
    assert.deepEqual(tape.words, ['raw-1 O1', 'raw-1 close']);
  });

  test('has orders as the exchange has numbered them, not as they arrived', () => {
    const tape = new Tape().logIn(1, 'A').logIn(2, 'B');
    tape.send(1, 'ouch', cancel(5), enter(1)).send(2, 'ouch', enter(1));
    const at = (message: OutboundMessage) => ({ ...message, timestampNs: 7n });
    tape.hear(1, 'ouch', at(tape.canceled(5, 'U')), at(tape.accepted(1, 2n)));
    tape.hear(2, 'ouch', at(tape.accepted(1, 1n))).wait();
    assert.deepEqual(tape.words, ['B O1 => A1', 'A X5 => C5', 'A O1 => A1']);
  });

  test('has what was told unasked ahead of the next answer to the same client', () => {
    const tape = new Tape().logIn(1, 'TRADE1').logIn(2, 'TRADE2');
    tape.send(1, 'ouch', enter(1)).hear(1, 'ouch', tape.accepted(1));
    tape.send(2, 'ouch', enter(1)).hear(1, 'ouch', tape.canceled(1, 'S'));
    tape.hear(2, 'ouch', tape.accepted(1)).send(1, 'ouch', enter(2));
    tape.hear(1, 'ouch', tape.accepted(2)).wait();
    assert.deepEqual(tape.words, ['TRADE1 O1 => A1', 'TRADE2 O1 => A1', 'TRADE1  => C1', 'TRADE1 O2 => A2']);
  });

  test('has a client leave and come again, and what it was told then', () => {
    const tape = new Tape().logIn(1, 'trade1').send(1, 'ouch', enter(1));
    tape.hear(1, 'ouch', tape.accepted(1)).logOut(1);
    tape.recording.ended(1);
    tape.recording.close(1, false);
    tape.logIn(2, 'TRADE1', 2, 2).hear(2, 'ouch', tape.canceled(1, 'L')).wait();
    tape.logIn(3, 'TRADE1', 1, 1).hear(3, 'ouch', tape.accepted(1), tape.canceled(1, 'L')).wait();
    assert.deepEqual(tape.words, [
      'TRADE1 O1 => A1',
      'TRADE1 logout',
      'TRADE1 reconnect => C1',
      'TRADE1 reconnect => A1 C1',
    ]);
    const reconnects = tape.lines.flatMap(({ reconnect }) => (reconnect === undefined ? [] : [reconnect]));
    assert.deepEqual(reconnects, [true, { sequence: 1 }], 'the second took the connection over');
  });

  test('never has a password in it', () => {
    const tape = new Tape().logIn(1, 'TRADE1', 3).send(1, 'ouch', enter(1)).wait();
    tape.recording.flush();
    assert.doesNotMatch(tape.text.join('\n'), /SECRET/i);
  });

  test('has nothing of a client that was not let in', () => {
    const tape = new Tape();
    tape.recording.open(1, 'ouch', 'alpha');
    const login = { user: 'TRADE1', password: 'X', requestedSession: '', sequence: 1 } as const;
    const bytes = encodeClientPacket({ type: 'login-request', ...login });
    tape.recording.inbound(1, bytes, 0, bytes.length);
    tape.send(1, 'ouch', enter(1)).hearPacket(1, { type: 'login-rejected', reason: 'A' });
    tape.recording.close(1, false);
    tape.recording.flush();
    assert.deepEqual(tape.words, []);
  });

  test('leaves out what no test input can have, and counts it', () => {
    const tape = new Tape().raw(1).send(1, 'ouch-raw', enter(1));
    const bytes = Uint8Array.from(encodeInbound(enter(2)));
    bytes[5] = 0xe9;
    tape.recording.inbound(1, bytes, 0, bytes.length);
    tape.recording.inbound(1, Buffer.from('?'), 0, 1);
    tape.hear(1, 'ouch-raw', tape.accepted(1)).wait();
    assert.deepEqual(tape.words, ['raw-1 O1 => A1']);
    assert.equal(tape.recording.skipped, 2);
  });

  test('cuts an expectation that is long into several lines', () => {
    const tape = new Tape().raw(1).raw(2).send(1, 'ouch-raw', enter(1));
    tape.hear(1, 'ouch-raw', tape.accepted(1));
    for (let i = 0; i < 300; i++) tape.hear(1, 'ouch-raw', tape.executed(1, BigInt(i), 'R'));
    tape.wait();
    const counts = tape.lines.map(({ expect }) => [expect].flat().length);
    assert.deepEqual(counts, [256, 45]);
  });

  test('writes the oldest as it is when more than 16,384 steps wait', () => {
    const tape = new Tape().raw(1).raw(2).send(1, 'ouch-raw', enter(1));
    for (let token = 1; token <= 16_400; token++) tape.send(2, 'ouch-raw', enter(token));
    assert.equal(tape.words[0], 'raw-1 O1', 'its answer may still come');
    assert.ok(tape.text.length < 100);
  });
});
