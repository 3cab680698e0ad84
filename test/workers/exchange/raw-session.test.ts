import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FLOW } from '../../../src/protocol/link.ts';
import { accountOf, ExchangeHosts, type ExchangeHostsOptions } from '../../support/exchange-hosts.ts';

/** As the original client sends it: its text is padded with NULs, its order book is number 3. */
const ENTER = Buffer.from(
  '4f00000000736f6d657468696e670042000000c8000000034441590000000ca20001869f00000d6a5041000000003133',
  'hex',
);
const REPLACE = Buffer.from('5500000001000000050000007300005a9f0001869f5000000000', 'hex');
const CANCEL = Buffer.from('580000000500000000', 'hex');

function wrapped(message: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(0, message.length + 1, 0x55), message]);
}

function sequenced(message: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(0, message.length + 1, 0x53), message]);
}

function entry(client: number, ...messages: readonly Uint8Array[]): string {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(accountOf(client), 0);
  head.writeUInt32LE(client, 4);
  return Buffer.concat([head, ...messages.map(wrapped)]).toString('hex');
}

function rawFloor(options?: ExchangeHostsOptions): ExchangeHosts {
  const floor = new ExchangeHosts({ service: 'ouch-raw', ...options });
  floor.open(1);
  return floor;
}

describe('a client of the raw door', () => {
  test('has an account as soon as it is there, and its messages are put into packets', () => {
    const floor = rawFloor();
    assert.deepEqual(floor.takeHeard(), [
      { type: 'log-in-raw', client: { address: 'ouch-raw/1', connection: 1 } },
    ]);
    floor.send(1, ENTER);
    floor.send(1, Buffer.concat([REPLACE, CANCEL, ENTER]));
    assert.deepEqual(floor.heard, [entry(1, ENTER), entry(1, REPLACE, CANCEL, ENTER)]);
    assert.equal(floor.main(1).frames.get(1), 4);
  });

  test('gets messages without anything around them', () => {
    const floor = rawFloor();
    const event = Buffer.from('530000289e0ea7970053', 'hex');
    const canceled = Buffer.from('430000289e0ea79700000000050000007355', 'hex');
    const bytes = Buffer.concat([sequenced(event), sequenced(canceled)]);
    assert.deepEqual(
      floor.say(1, { type: 'sequenced', bytes, isPage: true }),
      Buffer.concat([event, canceled]),
    );
    assert.equal(floor.main(1).flows.get(1)?.at(-1), FLOW.tellDrained);
    floor.drained(1);
    assert.deepEqual(floor.heard.at(-1), { type: 'page-taken', account: accountOf(1), connection: 1 });
  });

  test('gets events of the day turned round where the original ones expect it, and nothing else', () => {
    const floor = rawFloor({ isEventInverted: true });
    const event = (letter: string) => Buffer.from(`S12345678${letter}`);
    const rejected = Buffer.from('J12345678tokeS');
    const bytes = Buffer.concat([event('S'), event('E'), rejected].map(sequenced));
    assert.deepEqual(
      floor.say(1, { type: 'sequenced', bytes, isPage: false }),
      Buffer.concat([event('E'), event('S'), rejected]),
    );
  });

  test('waits until it has its account, and nothing of it is lost', () => {
    const floor = rawFloor({ onLogin: () => undefined });
    floor.send(1, ENTER, CANCEL);
    assert.deepEqual(floor.main(1).flows.get(1), [FLOW.pauseInput]);
    floor.takeHeard();
    floor.say(1, {
      type: 'logged-in',
      account: accountOf(1),
      session: 'S',
      sequence: 1,
      lastSequence: 0,
      lastToken: -1,
    });
    assert.deepEqual(floor.heard, [entry(1, ENTER), entry(1, CANCEL)]);
    assert.deepEqual(floor.main(1).flows.get(1), [FLOW.pauseInput, FLOW.resumeInput]);
  });

  test('that has sent all before it has its account is heard, and let go then', () => {
    const floor = rawFloor({ onLogin: () => undefined });
    floor.send(1, ENTER);
    floor.ended(1);
    floor.takeHeard();
    floor.say(1, {
      type: 'logged-in',
      account: accountOf(1),
      session: 'S',
      sequence: 1,
      lastSequence: 0,
      lastToken: -1,
    });
    const of = { account: accountOf(1), connection: 1 };
    assert.deepEqual(floor.heard, [entry(1, ENTER), { type: 'hear-out', ...of }, { type: 'left', ...of }]);
    assert.equal(floor.closeOf(1), '');
  });

  test('is closed at a letter that is none; what came before counts', () => {
    const floor = rawFloor();
    floor.takeHeard();
    floor.send(1, Buffer.concat([ENTER, Buffer.of(0x41)]), CANCEL);
    assert.deepEqual(floor.heard, [entry(1, ENTER), { type: 'left', account: accountOf(1), connection: 1 }]);
    assert.equal(floor.closeOf(1), 'it sent a message of a type that is none of a client');
    assert.deepEqual(floor.main(1).ignored.get(1), [{ 'bad-message': 1 }]);
  });

  test('is answered all when it half-closes, and closed', () => {
    const floor = rawFloor();
    const message = Buffer.from('J12345678tokeS');
    floor.farewell = { type: 'sequenced', bytes: sequenced(message), isPage: false };
    floor.send(1, ENTER);
    floor.ended(1);
    assert.deepEqual([floor.sent(1), floor.closeOf(1)], [message, '']);
  });

  test('is told nothing that its protocol has no message for', () => {
    const floor = rawFloor();
    assert.equal(floor.say(1, { type: 'ignored', text: 'nope' }).length, 0);
    floor.command(1, { type: 'closing', message: 'bye' });
    assert.deepEqual([floor.sent(1).length, floor.closeOf(1)], [0, '']);
  });

  test('is closed with the day, and with the exchange', () => {
    const floor = rawFloor();
    floor.say(1, { type: 'session-ended' });
    assert.equal(floor.closeOf(1), '');
    const others = rawFloor({ hosts: 2 });
    const client = others.farClient;
    others.open(client);
    others.replace(1 - others.hostOf(client));
    assert.equal(others.closeOf(client), 'the exchange was lost');
  });
});
