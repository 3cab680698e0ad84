/**
 * What those who follow the market are told: a snapshot of each book first, and then, at the end of each turn that has
 * changed it, one notice with all that it has changed. It is the same object for all followers; of a book that nobody
 * follows nothing is noted.
 */
import type {
  BookSelection,
  LevelRow,
  MarketCommand,
  MarketNotice,
  TradeRow,
} from '../../src/protocol/exchange.ts';
import { type BookRows, toTradeRow } from './book-rows.ts';
import type { LevelChanges } from './order-book.ts';
import type { Trade } from './trades.ts';
import type { BookChanges, VenueBook, VenueBooks } from './venue-books.ts';

type Of<Type extends MarketCommand['type']> = Extract<MarketCommand, { type: Type }>;

/** A book that somebody follows. */
class FollowedBook implements LevelChanges, BookChanges {
  readonly book: VenueBook;
  /** Addresses. */
  readonly followers = new Set<string>();
  /** Of the last change. */
  number = 0;
  readonly #rows: BookRows;
  readonly #touched: FollowedBook[];
  #isTouched = false;
  readonly #bids = new Set<number>();
  readonly #asks = new Set<number>();
  #trades: TradeRow[] = [];

  /** `touched`: where it puts itself when it has changed. */
  constructor(book: VenueBook, rows: BookRows, touched: FollowedBook[]) {
    this.book = book;
    this.#rows = rows;
    this.#touched = touched;
  }

  touch(isBuy?: boolean, price?: number): void {
    if (price !== undefined) (isBuy ? this.#bids : this.#asks).add(price);
    if (this.#isTouched) return;
    this.#isTouched = true;
    this.#touched.push(this);
  }

  traded(trade: Trade): void {
    this.#trades.push(toTradeRow(this.book, trade));
    this.touch();
  }

  snapshot(): MarketNotice {
    const { book } = this.book;
    return {
      type: 'book-snapshot',
      number: this.number,
      row: this.#rows.rowOf(this.book),
      bids: book.levels(true, Number.POSITIVE_INFINITY),
      asks: book.levels(false, Number.POSITIVE_INFINITY),
    };
  }

  /** What has changed since the last one. */
  takeChange(): MarketNotice {
    const notice: MarketNotice = {
      type: 'book-change',
      number: ++this.number,
      row: this.#rows.rowOf(this.book),
      bids: this.#takeLevels(true, this.#bids),
      asks: this.#takeLevels(false, this.#asks),
      trades: this.#trades,
    };
    this.#trades = [];
    this.#isTouched = false;
    return notice;
  }

  #takeLevels(isBuy: boolean, prices: Set<number>): LevelRow[] {
    const levels = Array.from(prices, (price) => this.book.book.levelAt(isBuy, price));
    prices.clear();
    return levels;
  }
}

export class MarketData {
  readonly #books: VenueBooks;
  readonly #rows: BookRows;
  /** The books that each follower has asked for, by its address and its call. */
  readonly #calls = new Map<string, Map<number, readonly VenueBook[]>>();
  readonly #followed = new Map<VenueBook, FollowedBook>();
  readonly #touched: FollowedBook[] = [];

  constructor(books: VenueBooks, rows: BookRows) {
    this.#books = books;
    this.#rows = rows;
  }

  /** Returns a snapshot of each book. */
  follow({ address, call, books: selections = [{}] }: Of<'follow-market'>): MarketNotice[] {
    const books = this.#select(selections);
    let calls = this.#calls.get(address);
    if (calls === undefined) {
      calls = new Map();
      this.#calls.set(address, calls);
    }
    calls.set(call, books);
    const followed = books.map((book) => this.#follow(book));
    for (const { followers } of followed) followers.add(address);
    this.#dropUnwanted(address);
    return followed.map((one) => one.snapshot());
  }

  unfollow({ address, call }: Of<'unfollow-market'>): void {
    const calls = this.#calls.get(address);
    calls?.delete(call);
    if (calls?.size === 0) this.#calls.delete(address);
    this.#dropUnwanted(address);
  }

  /** The follower is gone. */
  forget(address: string): void {
    this.#calls.delete(address);
    this.#dropUnwanted(address);
  }

  /** The end of a turn: `tell` is called for each book that has changed, and each of its followers. */
  finish(tell: (address: string, notice: MarketNotice) => void): void {
    for (const followed of this.#touched) {
      // The last follower may have left after the book had changed.
      if (followed.followers.size === 0) continue;
      const notice = followed.takeChange();
      for (const address of followed.followers) tell(address, notice);
    }
    this.#touched.length = 0;
  }

  #select(selections: readonly BookSelection[]): VenueBook[] {
    return [...new Set(selections.flatMap((selection) => this.#books.select(selection)))];
  }

  #follow(book: VenueBook): FollowedBook {
    const known = this.#followed.get(book);
    if (known !== undefined) return known;
    const followed = new FollowedBook(book, this.#rows, this.#touched);
    this.#followed.set(book, followed);
    book.changes = followed;
    book.book.changes = followed;
    return followed;
  }

  #dropUnwanted(address: string): void {
    const wanted = new Set([...(this.#calls.get(address)?.values() ?? [])].flat());
    for (const [book, { followers }] of this.#followed) {
      if (wanted.has(book) || !followers.delete(address) || followers.size > 0) continue;
      this.#followed.delete(book);
      book.changes = undefined;
      book.book.changes = undefined;
    }
  }
}
