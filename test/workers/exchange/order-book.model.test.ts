/**
 * Random operations on the engine and on a model of it, compared after each. OPERATIONS in the environment says how many
 * of the long run, FUZZ_SEED which.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { LevelRow } from '../../../src/protocol/exchange.ts';
import { SELF_TRADE_MODES, type SelfTradeMode } from '../../../src/protocol/venue.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import { BookModel, type ModelOrder, stateOf } from './book-model.ts';
import { Engine } from './engine.ts';

const { OPERATIONS: givenOperations = '100000' } = process.env;

const BOOKS = 3;
const ACCOUNTS = 5;
/** Accounts 1 and 2 are one party. */
const ownerOf = (account: number) => (account === 2 ? 1 : account);

type Operation =
  | {
      readonly type: 'enter';
      readonly book: number;
      readonly account: number;
      readonly isBuy: boolean;
      readonly price: number;
      readonly quantity: number;
      readonly mode: SelfTradeMode;
      readonly atLeast?: number | undefined;
    }
  /** `pick` says which of the orders. */
  | { readonly type: 'cancel'; readonly pick: number }
  | {
      readonly type: 'replace';
      readonly pick: number;
      readonly price: number;
      readonly more: number;
      readonly mode: SelfTradeMode;
    };

/** An engine and its model, which take the same operations. */
class Pair {
  readonly #engine = new Engine(BOOKS);
  readonly #models = Array.from({ length: BOOKS }, () => new BookModel(ownerOf));
  /** By book and side, as somebody has it who follows the changes. */
  readonly #followed = Array.from({ length: BOOKS }, () => [
    new Map<number, LevelRow>(),
    new Map<number, LevelRow>(),
  ]);
  /** Book, side and price of what has changed. */
  readonly #touched: [number, boolean, number][] = [];
  #tokens = 0;

  constructor() {
    for (let account = 0; account < ACCOUNTS; account++)
      this.#engine.orders.setOwner(account, ownerOf(account));
    for (const [index, book] of this.#engine.books.entries()) {
      book.changes = { touch: (isBuy, price) => this.#touched.push([index, isBuy, price]) };
    }
  }

  get orderCount(): number {
    return this.#engine.orders.count;
  }

  run(operation: Operation): void {
    const book = this.#take(operation);
    const events = this.#models.flatMap((model) => model.events.splice(0));
    assert.deepEqual(this.#engine.events.splice(0), events);
    this.#follow();
    if (book !== undefined) this.#compare(book);
  }

  /** What is too slow after each operation on many orders. */
  check(): void {
    this.#engine.check();
    for (let book = 0; book < BOOKS; book++) this.#compare(book);
    const { levelCount, nodeCount } = this.#engine.orders.levels;
    const levels = this.#models.reduce(
      (sum, model) => sum + model.levels(true).length + model.levels(false).length,
      0,
    );
    assert.equal(levelCount, levels);
    assert.ok(nodeCount === 0 || nodeCount < levelCount, `${nodeCount} nodes for ${levelCount} levels`);
  }

  /** Returns the book in which it was. */
  #take(operation: Operation): number | undefined {
    switch (operation.type) {
      case 'enter':
        return this.#enter(operation);
      case 'cancel':
        return this.#cancel(operation.pick);
      case 'replace':
        return this.#replace(operation);
    }
  }

  #enter({ book, account, isBuy, price, quantity, mode, atLeast }: Operation & { type: 'enter' }): number {
    const token = ++this.#tokens;
    const model = this.#model(book);
    const order: ModelOrder = { account, token, isBuy, price, open: quantity, used: 0 };
    assert.equal(this.#engine.book(book).crosses(isBuy, price), model.crossing(order).length > 0);
    const minimum = atLeast === undefined ? undefined : 1 + (atLeast % quantity);
    const isTried = minimum === undefined || model.canTrade(order, minimum, mode);
    if (isTried) model.match(order, mode);
    if (minimum === undefined && order.open > 0) model.resting.push(order);
    const { orders } = this.#engine;
    const before = orders.count;
    this.#engine.enter({
      ...{ book, account, token, isBuy, price, quantity, mode },
      ...(minimum === undefined ? {} : { atLeast: minimum }),
    });
    if (!isTried) assert.equal(orders.count, before);
    return book;
  }

  #cancel(pick: number): number | undefined {
    const found = this.#pick(pick);
    if (found === undefined) return undefined;
    const { book, model, order } = found;
    model.resting = model.resting.filter((other) => other !== order);
    this.#engine.cancel(order.account, order.token);
    // A token that is gone does nothing.
    this.#engine.cancel(order.account, order.token);
    return book;
  }

  #replace({ pick, price, more, mode }: Operation & { type: 'replace' }): number | undefined {
    const found = this.#pick(pick);
    if (found === undefined) return undefined;
    const { book, model, order } = found;
    const total = order.used + more;
    const token = ++this.#tokens;
    model.resting = model.resting.filter((other) => other !== order);
    const next: ModelOrder = { ...order, token, price, open: more };
    model.match(next, mode);
    if (next.open > 0) model.resting.push(next);
    this.#engine.replace(order.account, order.token, { token, price, total, mode });
    return book;
  }

  #pick(pick: number): { book: number; model: BookModel; order: ModelOrder } | undefined {
    let rest = pick % this.orderCount;
    for (const [book, model] of this.#models.entries()) {
      const order = model.resting[rest];
      if (order !== undefined) return { book, model, order };
      rest -= model.resting.length;
    }
    return undefined;
  }

  #follow(): void {
    for (const [index, isBuy, price] of this.#touched.splice(0)) {
      const row = this.#engine.book(index).levelAt(isBuy, price);
      const levels = this.#levelsFollowed(index, isBuy);
      if (row.quantity === 0) levels.delete(price);
      else levels.set(price, row);
    }
  }

  #compare(book: number): void {
    this.#compareSide(book, this.#model(book), true);
    this.#compareSide(book, this.#model(book), false);
  }

  #compareSide(index: number, model: BookModel, isBuy: boolean): void {
    const book = this.#engine.book(index);
    const levels = model.levels(isBuy);
    assert.deepEqual(this.#engine.side(isBuy, index), model.side(isBuy).map(stateOf));
    assert.deepEqual(book.levels(isBuy, Number.POSITIVE_INFINITY), levels);
    assert.equal(isBuy ? book.bestBid : book.bestAsk, levels[0]?.price ?? 0);
    const followed = [...this.#levelsFollowed(index, isBuy).values()];
    assert.deepEqual(
      followed.sort((a, b) => (isBuy ? b.price - a.price : a.price - b.price)),
      levels,
    );
  }

  #levelsFollowed(index: number, isBuy: boolean): Map<number, LevelRow> {
    const levels = this.#followed[index]?.[isBuy ? 0 : 1];
    assert.ok(levels !== undefined);
    return levels;
  }

  #model(book: number): BookModel {
    const model = this.#models[book];
    assert.ok(model !== undefined);
    return model;
  }
}

describe('engine and model', () => {
  const price = fc.oneof(
    { arbitrary: fc.integer({ min: 95, max: 105 }), weight: 8 },
    { arbitrary: fc.integer({ min: 1, max: 0x7ffffffe }), weight: 1 },
    {
      arbitrary: fc.constantFrom(1, 2, 31, 32, 33, 1023, 1024, 0x40000000, 0x7ffffffd, 0x7ffffffe),
      weight: 1,
    },
  );
  const quantity = fc.oneof(
    { arbitrary: fc.integer({ min: 1, max: 20 }), weight: 9 },
    { arbitrary: fc.constantFrom(1, 0x7ffffffe, 0x7fffffff), weight: 1 },
  );
  const mode = fc.constantFrom(...SELF_TRADE_MODES);
  const operation: fc.Arbitrary<Operation> = fc.oneof(
    {
      arbitrary: fc.record({
        type: fc.constant('enter' as const),
        book: fc.nat(BOOKS - 1),
        account: fc.nat(ACCOUNTS - 1),
        isBuy: fc.boolean(),
        price,
        quantity,
        mode,
        atLeast: fc.option(fc.nat(30), { nil: undefined, freq: 4 }),
      }),
      weight: 6,
    },
    { arbitrary: fc.record({ type: fc.constant('cancel' as const), pick: fc.nat() }), weight: 2 },
    {
      arbitrary: fc.record({
        type: fc.constant('replace' as const),
        pick: fc.nat(),
        price,
        more: fc.integer({ min: 1, max: 30 }),
        mode,
      }),
      weight: 2,
    },
  );

  test('agree after each of a few operations', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60, size: 'max' }), (operations) => {
        const pair = new Pair();
        for (const each of operations) {
          pair.run(each);
          pair.check();
        }
      }),
      { numRuns: 500, seed: fuzzSeed() },
    );
  });

  test(`agree after each of ${givenOperations} operations in a row`, { timeout: 3_600_000 }, () => {
    const random = new Random(fuzzSeed());
    const pair = new Pair();
    for (let i = 0; i < Number(givenOperations); i++) {
      pair.run(randomOperation(random, pair.orderCount));
      if (i % 100 === 0) pair.check();
    }
    while (pair.orderCount > 0) pair.run({ type: 'cancel', pick: random.below(1000) });
    pair.check();
  });
});

/** Keeps about two hundred orders open, in waves of more and fewer. */
function randomOperation(random: Random, orderCount: number): Operation {
  const mode = random.pick(SELF_TRADE_MODES);
  const price = random.chance(0.02) ? 1 + random.below(0x7ffffffe) : 1000 + random.below(80);
  if (random.chance(orderCount / 500)) return { type: 'cancel', pick: random.below(1000) };
  if (random.chance(0.15)) {
    return { type: 'replace', pick: random.below(1000), price, more: 1 + random.below(30), mode };
  }
  const isBuy = random.chance(0.5);
  return {
    type: 'enter',
    book: random.below(BOOKS),
    account: random.below(ACCOUNTS),
    isBuy,
    // Mostly on its own side, so that orders rest.
    price: random.chance(0.7) ? Math.max(1, price + (isBuy ? -40 : 40)) : price,
    quantity: random.chance(0.01) ? 0x7fffffff : 1 + random.below(50),
    mode,
    atLeast: random.chance(0.1) ? random.below(60) : undefined,
  };
}
