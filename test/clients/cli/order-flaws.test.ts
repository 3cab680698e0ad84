import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { flawsOf } from '../../../clients/cli/order-flaws.ts';
import { DAY, IMMEDIATE, PRICE_MAX, QUANTITY_MAX } from '../../../src/protocol/ouch/layout.ts';
import { type EnterOrder, encodeInbound, type ReplaceOrder } from '../../../src/protocol/ouch/messages.ts';
import { GROUPS } from '../../../src/protocol/venue.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import { bookOf, enterOf, optionsOf, TestVenue, traderOf } from '../../support/venues.ts';

/** A book and traders that allow whatever there is. */
function laxVenue(): TestVenue {
  const groups = [...GROUPS];
  const traders = ['ALICE', 'BOB'].map((user) => traderOf(user, { groups }));
  const venue = { ...optionsOf().venue, books: [bookOf('4422', 4422, { groups })], traders };
  return new TestVenue(optionsOf({ venue }));
}

/** Mostly what may be, now and then what may not. */
function random(seed: number) {
  const numbers = new Random(seed);
  const usual = <T>(right: readonly T[], wrong: readonly T[]) =>
    numbers.pick(numbers.chance(0.9) ? right : wrong);
  const terms = () => ({
    priceTenths: usual([1, 23_000, PRICE_MAX], [0, PRICE_MAX + 1, 0xffffffff]),
    quantity: usual([1, 39, 40, 100, QUANTITY_MAX], [0, QUANTITY_MAX + 1]),
    timeInForce: usual([DAY, DAY, IMMEDIATE], [1, 0xffffffff]),
    display: usual([' ', ' ', 'P'], ['Z']),
    minimumQuantity: usual([0, 0, 1], [60, 61, 100, QUANTITY_MAX]),
  });
  return {
    enter: (token: number): EnterOrder => ({
      ...{ type: 'enter', token, clientReference: '', orderbook: '4422', firm: 0, ...terms() },
      side: usual(['B', 'S', 'T', 'E'], ['Q']),
      group: usual(['DAY', 'NGHT', 'DAYX', 'DAYU'], ['MOON', '']),
      capacity: usual(['A', 'P'], [' ']),
      classification: usual(['1', '3', '4', '5', '6'], ['2', '7']),
      cashMargin: usual(['1', '5'], ['0', '6']),
    }),
    replace: (existingToken: number, replacementToken: number): ReplaceOrder => ({
      ...{ type: 'replace', existingToken, replacementToken, ...terms() },
    }),
  };
}

describe('flawsOf', () => {
  test('finds what a venue rejects an order for, and nothing else', () => {
    const orders = random(fuzzSeed());
    const venue = laxVenue();
    const trader = venue.logIn('ALICE');
    trader.news();
    const letters = new Set<string>();
    for (let token = 1; token <= 3000; token++) {
      const order = orders.enter(token);
      const [flaw] = flawsOf(order);
      const [first = ''] = trader.send(encodeInbound(order));
      if (flaw === undefined) assert.match(first, /^A/, JSON.stringify(order));
      else assert.equal(first, `J[${token}] ${flaw.reason}`, JSON.stringify(order));
      letters.add(flaw?.reason ?? '');
    }
    assert.deepEqual([...letters].sort().join(''), 'DGNXYZc');
  });

  test('finds what a venue cancels an order for that is replaced after a part was executed', () => {
    const orders = random(fuzzSeed());
    const letters = new Set<string>();
    for (let i = 0; i < 500; i++) {
      const venue = laxVenue();
      const [seller, buyer] = [venue.logIn('ALICE'), venue.logIn('BOB')];
      seller.send(enterOf(1, { side: 'S' }));
      buyer.send(enterOf(1, { quantity: 40 }));
      seller.news();
      const replace = orders.replace(1, 2);
      const [flaw] = flawsOf(replace, 40);
      const [first = ''] = seller.send(encodeInbound(replace));
      if (flaw === undefined) assert.match(first, /^U\[2\]/, JSON.stringify(replace));
      else assert.equal(first, `C[1] -60 ${flaw.reason}`, JSON.stringify(replace));
      letters.add(flaw?.reason ?? '');
    }
    assert.deepEqual([...letters].sort().join(''), 'DNXYZ');
  });

  test('says in words what was wrong and what was expected', () => {
    const { enter, replace } = random(1);
    const wordsOf = (flaws: ReturnType<typeof flawsOf>) =>
      flaws.find(({ field }) => field === 'quantity')?.text;
    const words = 'invalid quantity (Z); expected';
    assert.equal(wordsOf(flawsOf({ ...enter(1), quantity: 0 })), `${words} 1 to 2147483647`);
    const executed = flawsOf({ ...replace(1, 2), quantity: 39 }, 40);
    assert.equal(wordsOf(executed), `${words} no less than was executed, up to 2147483647`);
  });
});
