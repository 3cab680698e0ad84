import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { PRICE_MAX, QUANTITY_MAX } from '../../../src/protocol/ouch/layout.ts';
import type { SelfTradeMode } from '../../../src/protocol/venue.ts';
import { NONE } from '../../../workers/exchange/rows.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { Engine, type EnterFields } from './engine.ts';

let engine: Engine;
let tokens: number;

beforeEach(() => {
  engine = new Engine();
  tokens = 0;
});

function enter(fields: Omit<EnterFields, 'token' | 'account'> & { account?: number }): number {
  const token = ++tokens;
  engine.enter({ account: 1, ...fields, token });
  return token;
}

const buy = (quantity: number, price: number, account = 1) =>
  enter({ account, isBuy: true, price, quantity });
const sell = (quantity: number, price: number, account = 2) =>
  enter({ account, isBuy: false, price, quantity });

/** `60 at 100`, in the order in which it was traded. */
function trades(): string[] {
  return engine.events.flatMap((event) =>
    event.type === 'executed' ? [`${event.quantity} at ${event.price}`] : [],
  );
}

describe('matching', () => {
  test('executes at the price of the order that rests', () => {
    sell(100, 1000);
    buy(60, 1100);
    assert.deepEqual(engine.events, [
      {
        type: 'executed',
        resting: 'account 2, token 1: 40 open, 60 used',
        incoming: 'account 1, token 2: 0 open, 60 used',
        quantity: 60,
        price: 1000,
      },
    ]);
    assert.deepEqual(engine.side(false), ['account 2, token 1: 40 open, 60 used']);
    assert.deepEqual(engine.side(true), []);
  });

  test('takes the best price first, and the oldest order of a price', () => {
    sell(10, 1002);
    sell(20, 1001);
    sell(30, 1001);
    sell(40, 1000);
    buy(95, 1002);
    assert.deepEqual(trades(), ['40 at 1000', '20 at 1001', '30 at 1001', '5 at 1002']);
    assert.deepEqual(engine.side(false), ['account 2, token 1: 5 open, 5 used']);
    engine.check();
  });

  test('does so for an order that sells, too', () => {
    buy(10, 998);
    buy(20, 999);
    buy(30, 999);
    buy(40, 1000);
    sell(95, 998);
    assert.deepEqual(trades(), ['40 at 1000', '20 at 999', '30 at 999', '5 at 998']);
    engine.check();
  });

  test('rests what is not executed, at its own price', () => {
    sell(10, 1000);
    buy(25, 1005);
    assert.deepEqual(engine.book().levels(true, 10), [{ price: 1005, quantity: 15, orders: 1 }]);
    assert.deepEqual([engine.book().bestBid, engine.book().bestAsk], [1005, 0]);
  });

  test('does not execute prices that do not meet', () => {
    sell(10, 1001);
    buy(10, 1000);
    assert.deepEqual(engine.events, []);
    assert.equal(engine.book().orderCount, 2);
    assert.equal(engine.book().crosses(true, 1000), false);
    assert.equal(engine.book().crosses(true, 1001), true);
    assert.equal(engine.book().crosses(false, 1000), true);
    assert.equal(engine.book().crosses(false, 1001), false);
  });

  test('keeps the place of an order that is executed in part, and ends that of one that is replaced', () => {
    const first = sell(20, 1000);
    const second = sell(20, 1000);
    const third = sell(20, 1000);
    buy(5, 1000);
    engine.replace(2, second, { token: ++tokens, price: 1000, total: 20 });
    buy(50, 1000);
    const resting = engine.events.map((event) => (event.type === 'executed' ? event.resting : ''));
    assert.deepEqual(resting, [
      `account 2, token ${first}: 15 open, 5 used`,
      `account 2, token ${first}: 0 open, 20 used`,
      `account 2, token ${third}: 0 open, 20 used`,
      `account 2, token ${tokens - 1}: 5 open, 15 used`,
    ]);
    engine.check();
  });

  test('keeps what is used of an order over its replaces', () => {
    const first = sell(100, 1000);
    buy(25, 1000);
    engine.replace(2, first, { token: 100, price: 1010, total: 60 });
    assert.deepEqual(engine.side(false), ['account 2, token 100: 35 open, 25 used']);
    assert.equal(engine.orders.find(2, first), NONE);
  });

  test('keeps the books of one pool apart', () => {
    engine = new Engine(2);
    enter({ book: 0, isBuy: true, price: 1000, quantity: 10 });
    enter({ book: 1, isBuy: false, price: 900, quantity: 10, account: 2 });
    assert.deepEqual(engine.events, []);
    assert.deepEqual([engine.book(0).bestBid, engine.book(1).bestAsk], [1000, 900]);
    engine.check();
  });

  test('takes all prices and quantities that there are', () => {
    sell(QUANTITY_MAX, PRICE_MAX);
    buy(QUANTITY_MAX, 1);
    for (let i = 0; i < 3; i++) buy(QUANTITY_MAX, PRICE_MAX - 1);
    assert.deepEqual(engine.book().levels(true, 10), [
      { price: PRICE_MAX - 1, quantity: 3 * QUANTITY_MAX, orders: 3 },
      { price: 1, quantity: QUANTITY_MAX, orders: 1 },
    ]);
    engine.check();
    for (let i = 0; i < 4; i++) sell(QUANTITY_MAX, 1);
    buy(QUANTITY_MAX, PRICE_MAX);
    assert.equal(engine.book().orderCount, 0);
    assert.deepEqual(trades(), [
      ...Array.from({ length: 3 }, () => `${QUANTITY_MAX} at ${PRICE_MAX - 1}`),
      `${QUANTITY_MAX} at 1`,
      `${QUANTITY_MAX} at ${PRICE_MAX}`,
    ]);
    engine.check();
  });
});

describe('orders that would trade with their own', () => {
  /** A buy order of 100, in one mode, meets own 40, 50 of somebody else, own 60. Account 3 belongs to account 1. */
  function meet(mode: SelfTradeMode): void {
    engine.orders.setOwner(3, 1);
    sell(40, 1000, 3);
    sell(50, 1000, 2);
    sell(60, 1000, 1);
    enter({ account: 1, isBuy: true, price: 1000, quantity: 100, mode });
    engine.check();
  }
  const own = (order: string, decrement: number, prevented: number, isIncoming: boolean) => ({
    type: 'prevented',
    order,
    decrement,
    prevented,
    price: 1000,
    isIncoming,
  });

  test('trade with it where the mode is off', () => {
    meet('off');
    assert.deepEqual(trades(), ['40 at 1000', '50 at 1000', '10 at 1000']);
  });

  test('cancel the newest: the incoming order ends', () => {
    meet('cancel-newest');
    assert.deepEqual(engine.events, [own('account 1, token 4: 0 open, 100 used', 100, 40, true)]);
    assert.equal(engine.book().orderCount, 3);
    assert.equal(engine.orders.count, 3);
  });

  test('cancel the oldest: the resting orders end, and the incoming one goes on', () => {
    meet('cancel-oldest');
    assert.deepEqual(engine.events, [
      own('account 3, token 1: 0 open, 40 used', 40, 40, false),
      {
        type: 'executed',
        resting: 'account 2, token 2: 0 open, 50 used',
        incoming: 'account 1, token 4: 50 open, 50 used',
        quantity: 50,
        price: 1000,
      },
      own('account 1, token 3: 0 open, 60 used', 60, 50, false),
    ]);
    assert.deepEqual(engine.side(true), ['account 1, token 4: 50 open, 50 used']);
    assert.deepEqual(engine.side(false), []);
  });

  test('cancel both: both end', () => {
    meet('cancel-both');
    assert.deepEqual(engine.events, [
      own('account 3, token 1: 0 open, 40 used', 40, 40, false),
      own('account 1, token 4: 0 open, 100 used', 100, 40, true),
    ]);
    assert.equal(engine.book().orderCount, 2);
  });

  test('decrement both: both lose what they would have traded', () => {
    meet('decrement-both');
    assert.deepEqual(engine.events, [
      own('account 3, token 1: 0 open, 40 used', 40, 40, false),
      own('account 1, token 4: 60 open, 40 used', 40, 40, true),
      {
        type: 'executed',
        resting: 'account 2, token 2: 0 open, 50 used',
        incoming: 'account 1, token 4: 10 open, 90 used',
        quantity: 50,
        price: 1000,
      },
      own('account 1, token 3: 50 open, 10 used', 10, 10, false),
      own('account 1, token 4: 0 open, 100 used', 10, 10, true),
    ]);
    assert.deepEqual(engine.side(false), ['account 1, token 3: 50 open, 10 used']);
  });

  test('are no concern of orders of other owners', () => {
    sell(10, 1000, 2);
    enter({ account: 1, isBuy: true, price: 1000, quantity: 10, mode: 'cancel-both' });
    assert.deepEqual(trades(), ['10 at 1000']);
  });
});

describe('canTrade', () => {
  const canTrade = (atLeast: number, mode: 0 | 1 | 2 | 3 | 4, quantity = 100, price = 1001) =>
    engine.book().canTrade(1, true, price, quantity, atLeast, mode);

  test('counts what is within the price', () => {
    sell(10, 1000);
    sell(20, 1001);
    sell(40, 1002);
    assert.deepEqual([canTrade(30, 0), canTrade(31, 0)], [true, false]);
    assert.deepEqual([canTrade(30, 1), canTrade(31, 1)], [true, false]);
    assert.equal(canTrade(1, 0, 100, 999), false);
  });

  test('counts nothing behind an own order that ends it', () => {
    sell(10, 1000);
    sell(5, 1000, 1);
    sell(20, 1001);
    for (const mode of [1, 3] as const) {
      assert.deepEqual([canTrade(10, mode), canTrade(11, mode)], [true, false]);
    }
    assert.deepEqual([canTrade(30, 2), canTrade(31, 2)], [true, false]);
    assert.deepEqual([canTrade(35, 0), canTrade(36, 0)], [true, false]);
  });

  test('knows that what is prevented can not trade any more', () => {
    sell(30, 1000, 1);
    sell(100, 1001);
    assert.deepEqual([canTrade(70, 4), canTrade(71, 4)], [true, false]);
    assert.deepEqual([canTrade(10, 4, 40), canTrade(11, 4, 40)], [true, false]);
  });

  test('changes nothing', () => {
    sell(10, 1000);
    canTrade(1, 4);
    assert.deepEqual(engine.side(false), ['account 2, token 1: 10 open, 0 used']);
    assert.deepEqual(engine.events, []);
  });
});

describe('large books', () => {
  test('hold 100,000 levels in order, and give their room back', () => {
    const random = new Random(1);
    const prices = new Set<number>();
    while (prices.size < 100_000) prices.add(1 + random.below(PRICE_MAX / 2));
    for (const price of prices) {
      buy(1, price);
      sell(1, PRICE_MAX - price);
    }
    engine.check();
    const sorted = [...prices].sort((a, b) => b - a);
    const book = engine.book();
    assert.deepEqual(
      book.levels(true, 1_000_000).map(({ price }) => price),
      sorted,
    );
    assert.deepEqual(
      book.levels(false, 10).map(({ price }) => price),
      sorted.slice(0, 10).map((price) => PRICE_MAX - price),
    );
    sell(QUANTITY_MAX, 1);
    buy(QUANTITY_MAX, PRICE_MAX);
    assert.equal(engine.events.length, 200_001);
    engine.check();
    const { levelCount, nodeCount } = engine.orders.levels;
    assert.deepEqual({ levelCount, nodeCount }, { levelCount: 0, nodeCount: 0 });
  });

  test('hold 1,000,000 orders, each of them found by its token', () => {
    const random = new Random(2);
    for (let i = 0; i < 1_000_000; i++) {
      const isBuy = random.chance(0.5);
      const away = 1 + random.below(500);
      enter({ account: i % 50, isBuy, price: 10_000 + (isBuy ? -away : away), quantity: 1 + (i % 10) });
    }
    engine.check();
    assert.equal(engine.orders.count, 1_000_000);
    for (let token = 1; token <= 1_000_000; token += 2) engine.cancel((token - 1) % 50, token);
    assert.equal(engine.book().orderCount, 500_000);
    engine.check();
    for (let token = 2; token <= 1_000_000; token += 2) engine.cancel((token - 1) % 50, token);
    assert.equal(engine.orders.count, 0);
    engine.check();
  });
});
