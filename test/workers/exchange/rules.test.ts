/** Every reason for which an order is rejected or canceled, and which of several comes first. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DAY, IMMEDIATE, PRICE_MAX, QUANTITY_MAX } from '../../../src/protocol/ouch/layout.ts';
import { explainCancel, explainReject } from '../../../src/protocol/ouch/reasons.ts';
import {
  bookOf,
  cancelOf,
  type EnterWishes,
  enterOf,
  optionsOf,
  type ReplaceWishes,
  type TestTrader,
  TestVenue,
  traderOf,
} from '../../support/venues.ts';

const VENUE = {
  ...optionsOf().venue,
  books: [
    bookOf('4422', 4422, { lot: 100, tickTable: 'steps', lowerLimit: 10_000, upperLimit: 60_000 }),
    bookOf('SHRT', 5, { isShortSellRestricted: true }),
    bookOf('WIDE', 6),
  ],
  traders: [traderOf('ALICE', { firms: [77], orderValueMax: 1_000_000, groups: ['DAY '] }), traderOf('BOB')],
};

function alice(): TestTrader {
  const trader = new TestVenue(optionsOf({ venue: VENUE })).logIn('ALICE');
  trader.news();
  return trader;
}

/** In the order in which the rules stand. */
const REJECTED: readonly [reason: string, what: string, wishes: EnterWishes][] = [
  ['L', 'a firm that is not its own', { firm: 78 }],
  ['c', 'a group that there is not', { group: 'MOON' }],
  ['c', 'a group that is not its own', { group: 'NGHT' }],
  ['S', 'a book that there is not', { book: 'NONE' }],
  ['X', 'no price', { price: 0 }],
  ['X', 'a price beside the grid', { price: 30_003 }],
  ['X', 'a price below the limit', { price: 9_999 }],
  ['X', 'a price above the limit', { price: 60_050 }],
  ['X', 'the price that is none', { book: 'WIDE', price: PRICE_MAX + 1 }],
  ['X', 'a price beyond all', { book: 'WIDE', price: 0xffffffff }],
  ['Z', 'no quantity', { quantity: 0 }],
  ['Z', 'half a lot', { quantity: 150 }],
  ['Z', 'a quantity beyond all', { book: 'WIDE', quantity: QUANTITY_MAX + 1 }],
  ['N', 'a minimum above the quantity', { minimum: 101, timeInForce: IMMEDIATE }],
  ['N', 'a minimum of a day order', { minimum: 1 }],
  ['Y', 'no side', { side: 'X' }],
  ['Y', 'a time in force that there is not', { timeInForce: 5 }],
  ['Y', 'no capacity', { capacity: ' ' }],
  ['Y', 'classification 2', { classification: '2' }],
  ['Y', 'classification 7', { classification: '7' }],
  ['D', 'a display that there is not', { display: 'X' }],
  ['D', 'post-only and immediate', { display: 'P', timeInForce: IMMEDIATE }],
  ['G', 'cash margin type 6', { cashMargin: '6' }],
  ['i', 'a short sale where none are allowed', { book: 'SHRT', side: 'T' }],
  ['V', 'more than an order may be worth', { quantity: 500 }],
];

describe('an order is rejected', () => {
  for (const [reason, what, wishes] of REJECTED) {
    test(`for ${what}: ${reason}, ${explainReject(reason)}`, () => {
      assert.deepEqual(alice().enter(1, wishes), [`J[1] ${reason}`]);
    });
  }

  test('while as many of the trader, or of all, are open as may be: O', () => {
    const few = new TestVenue(optionsOf({ ordersMax: 4, ordersPerTraderMax: 3 }));
    const [one, other] = [few.logIn('ALICE'), few.logIn('BOB')];
    const many = (token: number) => [enterOf(token), enterOf(token + 1)];
    const reasons = (told: readonly string[]) => told.filter((words) => !words.startsWith('A'));
    assert.deepEqual(reasons(one.send(...many(1), ...many(3))), ['S S', 'J[4] O']);
    assert.deepEqual(reasons(other.send(...many(1))), ['S S', 'J[2] O']);
    one.send(cancelOf(1));
    assert.deepEqual(reasons(one.enter(5)), []);
  });

  test('for the rule that stands first, however many are broken', () => {
    const broken: readonly (readonly [reason: string, wishes: EnterWishes])[] = [
      ['L', { firm: 78 }],
      ['c', { group: 'MOON' }],
      ['S', { book: 'NONE' }],
      ['X', { price: 0 }],
      ['Z', { quantity: 150 }],
      ['N', { minimum: 1000 }],
      ['Y', { side: 'X' }],
      ['D', { display: 'X' }],
      ['G', { cashMargin: '6' }],
    ];
    broken.forEach(([reason], first) => {
      const wishes = Object.assign({}, ...broken.slice(first).map(([, wish]) => wish));
      assert.deepEqual(alice().enter(1, wishes), [`J[1] ${reason}`]);
    });
    const short = { book: 'SHRT', side: 'T', price: 100_000, quantity: 1000 };
    assert.deepEqual(alice().enter(1, { ...short, cashMargin: '6' }), ['J[1] G']);
    assert.deepEqual(alice().enter(1, short), ['J[1] i']);
    assert.deepEqual(alice().enter(1, { ...short, side: 'S' }), ['J[1] V']);
  });

  test('before the day, whatever else is wrong', () => {
    const trader = new TestVenue(optionsOf({ venue: VENUE, day: 'by-hand' })).logIn('ALICE');
    assert.deepEqual(trader.enter(1, { firm: 78 }), ['J[1] R']);
  });

  test('when there were too many in a second, and is taken in the next one', () => {
    const venue = new TestVenue(
      optionsOf({ venue: { ...VENUE, traders: [traderOf('ALICE', { ordersPerSecond: 2 })] } }),
    );
    const trader = venue.logIn('ALICE');
    trader.news();
    const said = trader.send(enterOf(1), enterOf(2), enterOf(3, { firm: 78 }), enterOf(4));
    assert.deepEqual(said, ['A[1] B q100 p23000 L', 'A[2] B q100 p23000 L', 'J[3] F', 'J[4] F']);
    assert.deepEqual(trader.cancel(1), ['C[1] -100 U'], 'to cancel is always possible');
    venue.advance(1000);
    assert.deepEqual(trader.enter(5), ['A[5] B q100 p23000 L']);
    assert.deepEqual(trader.replace(5, 6, { quantity: 200 }), ['U[6] was 5 q200 p23000 L']);
    assert.deepEqual(trader.replace(6, 7, { quantity: 300 }), ['C[6] -200 F']);
  });

  test('while its book is halted, and the same security in another group is not', () => {
    const venue = new TestVenue();
    const trader = venue.logIn('ALICE');
    trader.news();
    assert.equal(
      venue.turn((exchange) => exchange.halt({ id: '4422', group: 'DAY' })),
      1,
    );
    assert.deepEqual(trader.enter(1, { price: 0 }), ['J[1] H']);
    assert.deepEqual(trader.enter(2, { group: 'NGHT' }), ['A[2] B q100 p23000 L']);
    assert.equal(
      venue.turn((exchange) => exchange.resume({})),
      1,
    );
    assert.deepEqual(trader.enter(3), ['A[3] B q100 p23000 L']);
  });

  test('and uses its token up, but not on a raw connection', () => {
    const trader = alice();
    assert.deepEqual(trader.send(enterOf(5, { price: 0 }), enterOf(5)), ['J[5] X']);
    const raw = new TestVenue().connectRaw();
    raw.news();
    const numbered = { book: 4422 };
    assert.deepEqual(raw.send(enterOf(5, { ...numbered, price: 0 }), enterOf(5, numbered)), [
      'J[5] X',
      'A[5] B q100 p23000 L',
    ]);
  });
});

describe('an order is accepted', () => {
  const ACCEPTED: readonly [what: string, wishes: EnterWishes][] = [
    ['a firm of its own', { firm: 77 }],
    ['the lowest price', { price: 10_000 }],
    ['a price of the second band', { price: 30_005 }],
    ['the first price of the third band', { price: 50_000 }],
    ['the highest price', { price: 60_000 }],
    ['an exempt short sale where none are allowed', { book: 'SHRT', side: 'E' }],
    ['a short sale where it is allowed', { side: 'T' }],
    ['cash margin type 5', { cashMargin: '5' }],
    ['classification 6', { classification: '6' }],
    ['as an agent', { capacity: 'A' }],
    ['what it may be worth', { book: 'WIDE', price: 100_000, quantity: 100 }],
    ['a group padded with NULs', { group: 'DAY\0' }],
    ['post-only', { display: 'P' }],
    ['a display of NUL', { display: '\0' }],
  ];
  for (const [what, wishes] of ACCEPTED) {
    test(`with ${what}`, () => {
      assert.match(alice().enter(1, wishes).join(), /^A\[1\] .* L$/);
    });
  }

  test('under token 0, and under the greatest one, after which there is none', () => {
    const trader = alice();
    assert.match(trader.enter(0).join(), /^A\[0\]/);
    assert.match(trader.enter(0xffffffff).join(), /^A\[4294967295\]/);
    assert.deepEqual(trader.enter(0xffffffff), []);
    assert.deepEqual(trader.cancel(0xffffffff), ['C[4294967295] -100 U']);
  });
});

/** Of an order of 100 of which 40 are traded, in the order in which the rules stand. */
const CANCELED: readonly [reason: string, what: string, wishes: ReplaceWishes][] = [
  ['X', 'a price beside the grid', { price: 30_003 }],
  ['X', 'no price', { price: 0 }],
  ['Z', 'less than was traded', { quantity: 0 }],
  ['Z', 'half a lot', { quantity: 450 }],
  ['Z', 'a quantity beyond all', { quantity: 0xffffffff }],
  ['N', 'a minimum of a day order', { minimum: 1 }],
  ['N', 'a minimum above what is left', { minimum: 101, quantity: 200, timeInForce: IMMEDIATE }],
  ['Y', 'a time in force that there is not', { timeInForce: DAY + 1 }],
  ['D', 'a display that there is not', { display: 'X' }],
  ['V', 'more than an order may be worth', { quantity: 600 }],
];

describe('a replace', () => {
  for (const [reason, what, wishes] of CANCELED) {
    test(`with ${what} cancels the order: ${reason}, ${explainCancel(reason)}`, () => {
      const venue = new TestVenue(optionsOf({ venue: VENUE }));
      const [trader, other] = [venue.logIn('ALICE'), venue.logIn('BOB')];
      trader.enter(1, { side: 'S', quantity: 200 });
      other.enter(1, { quantity: 100 });
      trader.news();
      const said = trader.replace(1, 2, { quantity: 200, ...wishes });
      assert.deepEqual(said, [`C[1] -100 ${reason}`]);
      assert.match(trader.enter(2).join(), /^A\[2\]/, 'its token may be used');
    });
  }

  test('in a halted book cancels the order', () => {
    const venue = new TestVenue();
    const trader = venue.logIn('ALICE');
    trader.enter(1);
    trader.news();
    venue.turn((exchange) => exchange.halt({}));
    assert.deepEqual(trader.replace(1, 2), ['C[1] -100 R']);
  });

  test('of a short sale cancels it where none are allowed any more', () => {
    const { venue } = optionsOf();
    const free = new TestVenue(optionsOf({ venue }));
    const trader = free.logIn('ALICE');
    trader.enter(1, { side: 'T' });
    const logged = free.exchange.freeze();
    const books = venue.books.map((book) => ({ ...book, isShortSellRestricted: true }));
    const strict = new TestVenue(
      optionsOf({ venue: { ...venue, books }, disconnectGraceMs: 1000 }),
      (exchange) => exchange.restore(logged),
    );
    const again = strict.logIn('ALICE', { sequence: 3 });
    assert.deepEqual(again.replace(1, 2), ['C[1] -100 i']);
  });

  test('of what is not open, or with an old token, is ignored', () => {
    const trader = alice();
    trader.enter(3);
    assert.deepEqual(trader.replace(4, 5), []);
    assert.deepEqual(trader.replace(3, 3), []);
    assert.deepEqual(trader.replace(3, 2), []);
    assert.deepEqual(trader.ignored, [
      'ignored: no open order has token 4',
      'ignored: token 3 is not above 3, the last one used',
      'ignored: token 2 is not above 3, the last one used',
    ]);
  });

  test('may follow another one, and counts what was traded over all of them', () => {
    const venue = new TestVenue();
    const [maker, taker] = [venue.logIn('ALICE'), venue.logIn('BOB')];
    maker.enter(1, { side: 'S', price: 100 });
    taker.enter(1, { quantity: 25, price: 100 });
    maker.replace(1, 2, { price: 101 });
    taker.enter(2, { quantity: 15, price: 101 });
    maker.news();
    assert.deepEqual(maker.replace(2, 7, { price: 102 }), ['U[7] was 2 q60 p102 L']);
    assert.deepEqual(maker.cancel(2), []);
    taker.enter(3, { quantity: 5, price: 200 });
    assert.deepEqual(maker.news(), ['E[7] 5 at 102 A m3']);
    assert.deepEqual(maker.replace(7, 8, { quantity: 45 }), ['U[8] was 7 q0 p23000 D']);
    assert.deepEqual(maker.cancel(8), []);
  });

  test('loses its place in the queue', () => {
    const venue = new TestVenue();
    const [first, second, taker] = ['ALICE', 'BOB', 'CAROL'].map((user) => venue.logIn(user));
    first?.enter(1, { side: 'S', price: 100, quantity: 10 });
    second?.enter(1, { side: 'S', price: 100, quantity: 10 });
    first?.replace(1, 2, { price: 100, quantity: 10 });
    first?.news();
    taker?.enter(1, { price: 100, quantity: 10 });
    assert.deepEqual(first?.news(), []);
    assert.deepEqual(second?.news().at(-1), 'E[1] 10 at 100 A m1');
  });

  test('may trade, and make an order immediate or post-only', () => {
    const venue = new TestVenue();
    const [maker, taker] = [venue.logIn('ALICE'), venue.logIn('BOB')];
    maker.enter(1, { side: 'S', price: 100, quantity: 30 });
    taker.enter(1, { price: 90 });
    taker.enter(2, { price: 90 });
    taker.enter(3, { price: 90 });
    taker.news();
    assert.deepEqual(taker.replace(1, 11, { price: 100, display: 'P' }), ['U[11] was 1 q100 p100 D']);
    const immediate = { price: 99, timeInForce: IMMEDIATE };
    assert.deepEqual(taker.replace(2, 12, immediate), ['U[12] was 2 q100 p99 D']);
    assert.deepEqual(taker.replace(3, 13, { price: 101, timeInForce: IMMEDIATE }), [
      'U[13] was 3 q100 p101 L',
      'E[13] 30 at 100 R m1',
      'C[13] -70 I',
    ]);
  });
});
