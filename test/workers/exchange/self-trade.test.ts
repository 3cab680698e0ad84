/** What becomes of two orders of one owner that would trade with each other. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { IMMEDIATE } from '../../../src/protocol/ouch/layout.ts';
import type { SelfTradeMode } from '../../../src/protocol/venue.ts';
import { optionsOf, TestVenue, traderOf } from '../../support/venues.ts';

function traders(selfTrade: SelfTradeMode) {
  const all = [
    traderOf('ALICE', { selfTrade }),
    traderOf('BOB', { selfTrade, owner: 'HOUSE' }),
    traderOf('CAROL', { selfTrade, owner: 'HOUSE' }),
  ];
  const venue = new TestVenue(optionsOf({ venue: { ...optionsOf().venue, traders: all } }));
  return all.map(({ user }) => {
    const trader = venue.logIn(user);
    trader.news();
    return trader;
  });
}

/** CAROL has 40 at 100; behind it are 10 of ALICE at 101. BOB buys 100. */
const MODES: readonly [SelfTradeMode, taker: string[], maker: string[]][] = [
  ['off', ['E[1] 40 at 100 R m1', 'E[1] 10 at 101 R m2'], ['E[1] 40 at 100 A m1']],
  ['cancel-newest', ['D[1] -100 40 at 100 R'], []],
  ['cancel-oldest', ['E[1] 10 at 101 R m1'], ['D[1] -40 40 at 100 A']],
  ['cancel-both', ['D[1] -100 40 at 100 R'], ['D[1] -40 40 at 100 A']],
  ['decrement-both', ['D[1] -40 40 at 100 R', 'E[1] 10 at 101 R m1'], ['D[1] -40 40 at 100 A']],
];

describe('self-trade', () => {
  for (const [mode, taker, maker] of MODES) {
    test(`${mode}: orders of one owner in two accounts`, () => {
      const [alice, bob, carol] = traders(mode);
      carol?.enter(1, { side: 'S', price: 100, quantity: 40 });
      alice?.enter(1, { side: 'S', price: 101, quantity: 10 });
      carol?.news();
      assert.deepEqual(bob?.enter(1, { price: 110 }), ['A[1] B q100 p110 L', ...taker]);
      assert.deepEqual(carol?.news(), maker);
      const open = {
        off: 50,
        'cancel-newest': 0,
        'cancel-oldest': 90,
        'cancel-both': 0,
        'decrement-both': 50,
      };
      assert.deepEqual(bob?.cancel(1), open[mode] === 0 ? [] : [`C[1] -${open[mode]} U`]);
    });
  }

  test('a resting order that is larger is reduced, and what was prevented counts as used', () => {
    const [, bob, carol] = traders('decrement-both');
    carol?.enter(1, { side: 'S', price: 100, quantity: 100 });
    carol?.news();
    assert.deepEqual(bob?.enter(1, { price: 100, quantity: 30 }), [
      'A[1] B q30 p100 L',
      'D[1] -30 30 at 100 R',
    ]);
    assert.deepEqual(carol?.news(), ['D[1] -30 30 at 100 A']);
    assert.deepEqual(carol?.replace(1, 2, { quantity: 100, price: 100 }), ['U[2] was 1 q70 p100 L']);
  });

  test('a resting order that is larger goes as a whole with cancel-oldest', () => {
    const [, bob, carol] = traders('cancel-oldest');
    carol?.enter(1, { side: 'S', price: 100, quantity: 100 });
    carol?.news();
    bob?.enter(1, { price: 100, quantity: 30 });
    assert.deepEqual(carol?.news(), ['D[1] -100 30 at 100 A']);
  });

  test('an immediate order that would meet only its own owner is dead, and prevents nothing', () => {
    for (const mode of ['cancel-newest', 'cancel-oldest', 'cancel-both', 'decrement-both'] as const) {
      const [, bob, carol] = traders(mode);
      carol?.enter(1, { side: 'S', price: 100, quantity: 40 });
      carol?.news();
      const said = bob?.enter(1, { price: 110, timeInForce: IMMEDIATE });
      assert.deepEqual(said, ['A[1] B q100 p110 D'], mode);
      assert.deepEqual(carol?.news(), [], mode);
    }
  });

  test('an account without an owner may trade with all others', () => {
    const [alice, bob] = traders('cancel-newest');
    alice?.enter(1, { side: 'S' });
    assert.deepEqual(bob?.enter(1), ['A[1] B q100 p23000 L', 'E[1] 100 at 23000 R m1']);
  });

  test('with itself it trades where that is off, and hears of both sides', () => {
    const [alice] = traders('off');
    alice?.enter(1, { side: 'S' });
    alice?.news();
    assert.deepEqual(alice?.enter(2), [
      'A[2] B q100 p23000 L',
      'E[2] 100 at 23000 R m1',
      'E[1] 100 at 23000 A m1',
    ]);
  });
});
