/** The sequences of messages that clients of OUCH count on, one after the other. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { IMMEDIATE } from '../../../src/protocol/ouch/layout.ts';
import { optionsOf, packetOf, packetsIn, TestVenue, wordsOf } from '../../support/venues.ts';

function started(...users: string[]) {
  const venue = new TestVenue();
  const traders = users.map((user) => venue.logIn(user));
  for (const trader of traders) assert.deepEqual(trader.news(), ['S S']);
  return { venue, traders };
}

describe('the sequences of OUCH', () => {
  test('an order is accepted once, however often it comes', () => {
    const {
      traders: [alice],
    } = started('ALICE');
    assert.deepEqual(alice.enter(1), ['A[1] B q100 p23000 L']);
    assert.deepEqual(alice.enter(1), []);
  });

  test('a day order with a minimum is rejected', () => {
    const {
      traders: [alice],
    } = started('ALICE');
    assert.deepEqual(alice.enter(2, { minimum: 100 }), ['J[2] N']);
  });

  test('a cancel of nothing is not answered', () => {
    const {
      traders: [alice],
    } = started('ALICE');
    assert.deepEqual(alice.cancel(99), []);
  });

  test('a replaced order is known by its new token only', () => {
    const {
      traders: [alice],
    } = started('ALICE');
    assert.deepEqual(alice.enter(1), ['A[1] B q100 p23000 L']);
    assert.deepEqual(alice.replace(1, 5, { quantity: 115 }), ['U[5] was 1 q115 p23000 L']);
    assert.deepEqual(alice.cancel(1), []);
    assert.deepEqual(alice.cancel(5, 4_294_967_286), ['C[5] -115 U']);
  });

  test('both sides hear of a trade, at the price of the order that was there', () => {
    const {
      traders: [maker, taker],
    } = started('ALICE', 'BOB');
    assert.deepEqual(maker.enter(1, { side: 'S', price: 100 }), ['A[1] S q100 p100 L']);
    const taken = taker.enter(1, { quantity: 60, price: 110 });
    assert.deepEqual(taken, ['A[1] B q60 p110 L', 'E[1] 60 at 100 R m1']);
    assert.deepEqual(maker.news(), ['E[1] 60 at 100 A m1']);
    assert.deepEqual(maker.replace(1, 2, { price: 100 }), ['U[2] was 1 q40 p100 L']);
  });

  test('a replace for what is done already ends the order, one for less cancels it', () => {
    const {
      traders: [maker, taker],
    } = started('ALICE', 'BOB');
    maker.enter(1, { side: 'S', price: 100 });
    taker.enter(1, { quantity: 60, price: 100 });
    maker.replace(1, 2, { price: 100 });
    maker.news();
    assert.deepEqual(maker.replace(2, 3, { quantity: 60, price: 100 }), ['U[3] was 2 q0 p100 D']);

    maker.enter(11, { side: 'S', price: 100 });
    taker.enter(2, { quantity: 60, price: 100 });
    maker.news();
    assert.deepEqual(maker.replace(11, 12, { quantity: 50, price: 100 }), ['C[11] -40 Z']);
    assert.deepEqual(maker.enter(12, { side: 'S', price: 100 }), ['A[12] S q100 p100 L'], 'it was not used');
  });

  test('what an immediate order leaves is canceled; with a minimum that it can not have it is dead', () => {
    const {
      traders: [maker, taker],
    } = started('ALICE', 'BOB');
    maker.enter(1, { side: 'S', price: 100, quantity: 30 });
    maker.news();
    const dead = taker.enter(1, { price: 100, timeInForce: IMMEDIATE, minimum: 50 });
    assert.deepEqual(dead, ['A[1] B q100 p100 D']);
    assert.deepEqual(maker.news(), [], 'the other order stays');
    assert.deepEqual(taker.enter(2, { price: 100, timeInForce: IMMEDIATE }), [
      'A[2] B q100 p100 L',
      'E[2] 30 at 100 R m1',
      'C[2] -70 I',
    ]);
  });

  test('an immediate order that finds nothing is dead', () => {
    const {
      traders: [alice],
    } = started('ALICE');
    assert.deepEqual(alice.enter(1, { timeInForce: IMMEDIATE }), ['A[1] B q100 p23000 D']);
  });

  test('a post-only order that would trade is dead, and touches nothing', () => {
    const {
      traders: [maker, taker],
    } = started('ALICE', 'BOB');
    maker.enter(1, { side: 'S', price: 100 });
    maker.news();
    assert.deepEqual(taker.enter(1, { price: 100, display: 'P' }), ['A[1] B q100 p100 D']);
    assert.deepEqual(taker.enter(2, { price: 99, display: 'P' }), ['A[2] B q100 p99 L']);
    assert.deepEqual(maker.news(), []);
  });

  test('who comes back hears what was canceled when he left', () => {
    const {
      venue,
      traders: [alice],
    } = started('ALICE');
    alice.enter(1);
    alice.enter(2, { price: 22_000 });
    const { session } = alice;
    alice.leave();
    const again = venue.logIn('ALICE', { session, sequence: 4 });
    assert.equal(again.sequence, 4);
    assert.deepEqual(again.news(), ['C[1] -100 L', 'C[2] -100 L']);
  });

  test('an order does not trade with another one of its owner', () => {
    const {
      traders: [alice],
    } = started('ALICE');
    alice.enter(1, { side: 'S', price: 100, quantity: 40 });
    assert.deepEqual(alice.enter(2, { price: 110 }), ['A[2] B q100 p110 L', 'D[2] -100 40 at 100 R']);
    assert.deepEqual(alice.cancel(1), ['C[1] -40 U'], 'the other one stays as it was');
    assert.deepEqual(alice.cancel(2), []);
  });

  test('a replace with a wrong display cancels the order', () => {
    const {
      traders: [alice],
    } = started('ALICE');
    alice.enter(1);
    assert.deepEqual(alice.replace(1, 2, { display: 'Q' }), ['C[1] -100 D']);
  });

  test('an order outside the day is rejected', () => {
    const venue = new TestVenue(optionsOf({ day: 'by-hand' }));
    const alice = venue.logIn('ALICE');
    assert.deepEqual(alice.news(), []);
    assert.deepEqual(alice.enter(1), ['J[1] R']);
    venue.turn((exchange) => exchange.openDay());
    assert.deepEqual(alice.enter(2), ['S S', 'A[2] B q100 p23000 L']);
    venue.turn((exchange) => exchange.closeDay());
    assert.deepEqual(alice.news(), ['C[2] -100 O', 'S E']);
    assert.equal(alice.ended, 'session-ended');
    assert.deepEqual(venue.logIn('ALICE').enter(3), ['J[3] R']);
  });

  test('messages come again byte for byte, from whichever number on, and then go on', () => {
    const {
      venue,
      traders: [alice],
    } = started('ALICE');
    for (let token = 1; token <= 8; token++) alice.enter(token, { price: 100 + token });
    const all = packetsIn(alice.received);
    assert.equal(all.length, 9);
    const again = venue.logIn('ALICE', { sequence: 5 });
    assert.equal(alice.ended, 'dismissed');
    assert.equal(again.sequence, 5);
    assert.deepEqual(packetsIn(again.received), all.slice(4));
    again.news();
    assert.deepEqual(again.enter(9), ['A[9] B q100 p23000 L']);
  });
});

describe('bytes', () => {
  const ENTER = Buffer.from(
    '4f000000014c454e4e59202020202042000000643434323244415920000059d80001869f000000002050000000003131',
    'hex',
  );
  /** Noon: 12 × 3600 × 10^9 ns. */
  const NOON = '0000274a48a78000';
  /** 20260731 × 10^10. */
  const numberOf = (counter: number) =>
    (20260731n * 10_000_000_000n + BigInt(counter)).toString(16).padStart(16, '0');

  test('are those of the specification', () => {
    const venue = new TestVenue();
    const alice = venue.logIn('ALICE');
    alice.send(ENTER);
    alice.send(Buffer.from('5500000001000000050000007300005 9d80001869f2000000000'.replace(' ', ''), 'hex'));
    alice.send(Buffer.from('580000000500000000', 'hex'));
    alice.send(Buffer.from(ENTER).fill(6, 4, 5).fill(0, 16, 20));
    assert.deepEqual(
      packetsIn(alice.received).map((packet) => packet.toString('hex')),
      [
        `000b5353${NOON}53`,
        `00425341${NOON}000000014c454e4e59202020202042000000643434323244415920000059d80001869f000000002050${numberOf(1)}000000004c3131`,
        `00355355${NOON}0000000542000000733434323244415920000059d80001869f20${numberOf(2)}000000004c00000001`,
        `00135343${NOON}000000050000007355`,
        `000f534a${NOON}000000065a`,
      ],
    );
  });

  test('of a trade have the same match number on both sides', () => {
    const venue = new TestVenue();
    const [alice, bob] = [venue.logIn('ALICE'), venue.logIn('BOB')];
    alice.send(ENTER);
    bob.enter(1, { side: 'S', quantity: 30 });
    const last = (received: Buffer) => packetsIn(received).at(-1)?.toString('hex');
    assert.equal(last(alice.received), `001f5345${NOON}000000010000001e000059d841${numberOf(1)}`);
    assert.equal(last(bob.received), `001f5345${NOON}000000010000001e000059d852${numberOf(1)}`);
  });

  test('of older versions end earlier, and have their defaults in the answer', () => {
    const venue = new TestVenue();
    const alice = venue.logIn('ALICE');
    alice.sendBytes(packetOf(ENTER.subarray(0, 46)));
    const accepted = packetsIn(alice.received).at(-1) ?? Buffer.alloc(0);
    assert.equal(wordsOf(accepted), 'A[1] B q100 p23000 L');
    assert.equal(accepted.subarray(-2).toString(), '11');
  });
});
