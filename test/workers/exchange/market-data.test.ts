/** What followers of the market are told, by a venue in which people trade. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BookSelection, MarketNotice } from '../../../src/protocol/exchange.ts';
import { BookRows } from '../../../workers/exchange/book-rows.ts';
import { MarketData } from '../../../workers/exchange/market-data.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import { type TestTrader, TestVenue } from '../../support/venues.ts';

const DAY_BOOK = { id: '4422', group: 'DAY' };
const HALF_DAY_MS = 12 * 3_600_000;

/** A venue, its market, and what each address was told. */
class Floor {
  readonly venue = new TestVenue();
  readonly rows = new BookRows(this.venue.exchange);
  readonly market = new MarketData(this.venue.exchange.books, this.rows);
  readonly told = new Map<string, MarketNotice[]>();

  logIn(user: string): TestTrader {
    return this.venue.logIn(user);
  }

  follow(address: string, call: number, ...books: readonly BookSelection[]): MarketNotice[] {
    const selections = books.length === 0 ? {} : { books };
    return this.market.follow({ type: 'follow-market', address, call, ...selections });
  }

  unfollow(address: string, call: number): void {
    this.market.unfollow({ type: 'unfollow-market', address, call });
  }

  /** Ends the turn; returns what `address` is told. */
  news(address: string): MarketNotice[] {
    const news: MarketNotice[] = [];
    this.told.clear();
    this.market.finish((to, notice) => {
      this.told.set(to, [...(this.told.get(to) ?? []), notice]);
      if (to === address) news.push(notice);
    });
    return news;
  }

  /** Whether anything is noted of the book. */
  isNoted({ id, group }: { readonly id: string; readonly group: string }): boolean {
    const [book] = this.venue.exchange.books.select({ id, group });
    assert.equal(book.changes === undefined, book.book.changes === undefined);
    return book.changes !== undefined;
  }
}

const bookOf = ({ row }: MarketNotice) => `${row.id} ${row.group.trimEnd()}`;

describe('MarketData', () => {
  test('gives a snapshot of each book, and then what one turn has changed in one notice', () => {
    const floor = new Floor();
    const [alice, bob] = [floor.logIn('ALICE'), floor.logIn('BOB')];
    alice.enter(1, { side: 'S', price: 23_010, quantity: 50 });
    alice.enter(2, { side: 'S', price: 23_020, quantity: 70 });
    const [snapshot, ...others] = floor.follow('api/1', 1, DAY_BOOK);
    assert.equal(others.length, 0);
    assert.deepEqual(snapshot, {
      type: 'book-snapshot',
      number: 0,
      row: {
        id: '4422',
        group: 'DAY',
        name: '4422',
        state: 'open',
        bid: 0,
        bidQuantity: 0,
        ask: 23_010,
        askQuantity: 50,
        last: 0,
        orders: 2,
        volume: 0,
      },
      bids: [],
      asks: [
        { price: 23_010, quantity: 50, orders: 1 },
        { price: 23_020, quantity: 70, orders: 1 },
      ],
    });
    assert.deepEqual(floor.news('api/1'), []);
    bob.enter(1, { price: 23_030, quantity: 130 });
    const [change] = floor.news('api/1');
    const trade = { id: '4422', group: 'DAY', side: 'B', timeMs: floor.venue.nowMs };
    assert.deepEqual(change, {
      type: 'book-change',
      number: 1,
      row: {
        ...snapshot.row,
        bid: 23_030,
        bidQuantity: 10,
        ask: 0,
        askQuantity: 0,
        last: 23_020,
        orders: 1,
        volume: 120,
      },
      bids: [{ price: 23_030, quantity: 10, orders: 1 }],
      asks: [
        { price: 23_010, quantity: 0, orders: 0 },
        { price: 23_020, quantity: 0, orders: 0 },
      ],
      trades: [
        { ...trade, matchNumber: '202607310000000001', price: 23_010, quantity: 50 },
        { ...trade, matchNumber: '202607310000000002', price: 23_020, quantity: 70 },
      ],
    });
    assert.deepEqual(floor.news('api/1'), [], 'a turn that changes nothing');
  });

  test('gives all followers the same object, each of its own books', () => {
    const floor = new Floor();
    const alice = floor.logIn('ALICE');
    floor.follow('api/1', 1);
    floor.follow('api/2', 7, { id: '7203' });
    floor.follow('api/3', 1, { id: '7203', group: 'NGHT' });
    alice.enter(1, { book: '7203' });
    alice.enter(2, { book: '4422' });
    assert.equal(floor.news('api/1').length, 2);
    assert.deepEqual(floor.told.get('api/2'), [floor.told.get('api/1')?.[0]]);
    assert.equal(floor.told.get('api/2')?.[0], floor.told.get('api/1')?.[0]);
    assert.equal(floor.told.has('api/3'), false);
  });

  test('tells that a book is halted, that the day ends, and that another one begins', () => {
    const floor = new Floor();
    const { venue } = floor;
    floor.logIn('ALICE').enter(1);
    floor.follow('api/1', 1, DAY_BOOK);
    const states = () => floor.news('api/1').map(({ row, bids }) => [row.state, row.orders, bids.length]);
    venue.turn((exchange) => exchange.halt({ id: '4422' }));
    assert.deepEqual(states(), [['halted', 1, 0]]);
    venue.turn((exchange) => exchange.halt({ id: '4422' }));
    assert.deepEqual(states(), [], 'it was halted before');
    venue.turn((exchange) => exchange.resume({}));
    assert.deepEqual(states(), [['open', 1, 0]]);
    venue.turn((exchange) => exchange.closeDay());
    assert.deepEqual(states(), [['closed', 0, 1]]);
    venue.turn((exchange) => exchange.openDay());
    assert.deepEqual(states(), [['open', 0, 0]]);
  });

  test('notes nothing of books that nobody follows', () => {
    const floor = new Floor();
    const alice = floor.logIn('ALICE');
    const other = { id: '7203', group: 'DAY' };
    floor.follow('api/1', 1, DAY_BOOK);
    floor.follow('api/1', 2, other);
    floor.follow('api/2', 1, DAY_BOOK);
    floor.unfollow('api/1', 1);
    assert.deepEqual([floor.isNoted(DAY_BOOK), floor.isNoted(other)], [true, true]);
    alice.enter(1, { book: '7203' });
    floor.market.forget('api/1');
    assert.deepEqual([floor.isNoted(DAY_BOOK), floor.isNoted(other)], [true, false]);
    assert.deepEqual(floor.news('api/1'), [], 'nor is anybody told who is gone');
    floor.unfollow('api/2', 1);
    assert.equal(floor.isNoted(DAY_BOOK), false);
    floor.unfollow('api/2', 1);
    floor.market.forget('api/9');
  });

  test('goes on with the numbers when a follower asks again, and for other books', () => {
    const floor = new Floor();
    const alice = floor.logIn('ALICE');
    floor.follow('api/1', 1, DAY_BOOK);
    alice.enter(1);
    assert.deepEqual(
      floor.news('api/1').map(({ number }) => number),
      [1],
    );
    assert.deepEqual(
      floor.follow('api/1', 1).map((notice) => [bookOf(notice), notice.number]),
      [
        ['4422 DAY', 1],
        ['4422 NGHT', 0],
        ['7203 DAY', 0],
        ['7203 NGHT', 0],
      ],
    );
    alice.enter(2);
    assert.deepEqual(
      floor.news('api/1').map((notice) => [bookOf(notice), notice.number]),
      [['4422 DAY', 2]],
    );
  });

  test('leads from any snapshot to the book as it is, whatever is traded', () => {
    const random = new Random(fuzzSeed());
    const floor = new Floor();
    const logInAll = () => ['ALICE', 'BOB', 'CAROL'].map((user) => floor.logIn(user));
    let traders = logInAll();
    const pictures = new Map<string, Picture>();
    for (let step = 100; step < 2100; step++) {
      const trader = traders[random.below(traders.length)];
      const side = random.below(2) === 0 ? 'B' : 'S';
      const price = 1000 + random.below(12);
      const quantity = 1 + random.below(90);
      const kind = random.below(10);
      if (kind < 7)
        trader.enter(step, { side, price, quantity, timeInForce: random.below(8) === 0 ? 0 : 99_999 });
      else if (kind === 7) trader.replace(step - random.below(20), step, { price, quantity });
      else trader.cancel(step - random.below(20));
      if (random.below(300) === 0) {
        floor.venue.turn((exchange) => exchange.closeDay());
        traders = logInAll();
      }
      if (random.below(5) === 0) floor.venue.turn((exchange) => exchange.openDay());
      if (random.below(3) > 0) continue;
      floor.news('');
      for (const [address, notices] of floor.told) {
        for (const notice of notices) pictures.get(address)?.take(notice);
      }
      const address = `api/${random.below(4)}`;
      if (!pictures.has(address)) {
        const [snapshot] = floor.follow(address, 1, DAY_BOOK);
        pictures.set(address, new Picture(snapshot));
      } else if (random.below(20) === 0) {
        floor.market.forget(address);
        pictures.delete(address);
      }
      const view = floor.rows.view(DAY_BOOK, 1000, 0);
      for (const picture of pictures.values()) assert.deepEqual(picture.view, view, `after step ${step}`);
    }
    assert.ok(
      [...pictures.values()].some(({ traded }) => traded > 100),
      'people have traded',
    );
  });
});

/** A book as a follower knows it. */
class Picture {
  #number: number;
  #row: MarketNotice['row'];
  readonly #sides = { bids: new Map<number, unknown>(), asks: new Map<number, unknown>() };
  /** Shares of the session, as far as it was there. */
  traded = 0;

  constructor(snapshot: MarketNotice) {
    this.#number = snapshot.number - 1;
    this.#row = snapshot.row;
    this.take(snapshot);
  }

  take(notice: MarketNotice): void {
    assert.equal(notice.number, ++this.#number, 'numbers have no gaps');
    for (const side of ['bids', 'asks'] as const) {
      for (const level of notice[side]) {
        if (level.quantity === 0) this.#sides[side].delete(level.price);
        else this.#sides[side].set(level.price, level);
      }
    }
    if (notice.type === 'book-change') for (const { quantity } of notice.trades) this.traded += quantity;
    this.#row = notice.row;
  }

  get view(): unknown {
    const sorted = (side: Map<number, unknown>, sign: number) =>
      [...side.entries()].sort(([a], [b]) => sign * (a - b)).map(([, level]) => level);
    return {
      row: this.#row,
      bids: sorted(this.#sides.bids, -1),
      asks: sorted(this.#sides.asks, 1),
      buyOrders: [],
      sellOrders: [],
    };
  }
}

describe('BookRows', () => {
  test('list the last trades of all books, the newest first, over days', () => {
    const floor = new Floor();
    const { venue, rows } = floor;
    const [alice, bob] = [floor.logIn('ALICE'), floor.logIn('BOB')];
    alice.enter(1, { side: 'S', quantity: 10 });
    bob.enter(1, { quantity: 4 });
    venue.advance(HALF_DAY_MS);
    alice.enter(2, { book: '7203', quantity: 5 });
    bob.enter(2, { book: '7203', side: 'S', quantity: 5 });
    venue.turn((exchange) => exchange.closeDay());
    venue.advance(HALF_DAY_MS);
    venue.turn((exchange) => exchange.openDay());
    const [again, other] = [floor.logIn('ALICE'), floor.logIn('BOB')];
    again.enter(1, { side: 'S', quantity: 1 });
    other.enter(1, { quantity: 1 });
    const brief = (selection: BookSelection, limit: number) =>
      rows
        .trades(selection, limit)
        .map(({ id, side, quantity, matchNumber }) => [id, side, quantity, matchNumber]);
    const all = [
      ['4422', 'B', 1, '202608010000000001'],
      ['7203', 'S', 5, '202607310000000002'],
      ['4422', 'B', 4, '202607310000000001'],
    ];
    assert.deepEqual(brief({}, 10), all);
    assert.deepEqual(brief({}, 2), all.slice(0, 2));
    assert.deepEqual(brief({ id: '4422', group: 'DAY ' }, 10), [all[0], all[2]]);
    assert.deepEqual(brief({ group: 'NGHT' }, 10), []);
  });

  test('show a book with its orders, best first', () => {
    const floor = new Floor();
    const [alice, bob] = [floor.logIn('ALICE'), floor.logIn('BOB')];
    alice.enter(1, { price: 100, quantity: 10 });
    bob.enter(3, { price: 101, quantity: 20 });
    alice.enter(2, { price: 101, quantity: 30 });
    const view = floor.rows.view({ id: '4422' }, 1, 2);
    assert.deepEqual(view?.bids, [{ price: 101, quantity: 50, orders: 2 }]);
    assert.deepEqual(
      view?.buyOrders.map(({ user, token, orderNumber }) => [user, token, orderNumber]),
      [
        ['BOB', 3, '202607310000000002'],
        ['ALICE', 2, '202607310000000003'],
      ],
    );
    assert.deepEqual(view?.buyOrders[0], {
      orderNumber: '202607310000000002',
      user: 'BOB',
      token: 3,
      side: 'B',
      price: 101,
      quantity: 20,
      timeMs: floor.venue.nowMs,
    });
    assert.deepEqual([view?.asks, view?.sellOrders], [[], []]);
    assert.equal(floor.rows.view({ id: 'NONE' }, 1, 1), null);
    assert.equal(floor.rows.all().length, 4);
  });
});
