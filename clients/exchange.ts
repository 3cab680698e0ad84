/** The exchange, as a client of the library sees it: its books, the market, trading, and what operators do. */
import type { Book, BookDepth, MarketItem, ParamsOf, Trade } from '../src/protocol/api/operations.ts';
import type { BookSelection, DayReply, ExchangeFigures } from '../src/protocol/exchange.ts';
import type { Calls } from './calls.ts';
import { Download } from './download.ts';
import type { CallOptions } from './pending.ts';
import { type SignInOptions, Trader } from './trader.ts';

export interface BookQuery extends CallOptions {
  /** `DAY`; the book's first group without it. */
  readonly group?: string | undefined;
  /** Price levels on each side, up to 1,000; 10 without it. */
  readonly levels?: number | undefined;
  /** Orders on each side, up to 1,000; for operators. */
  readonly orders?: number | undefined;
}

export type TradesQuery = ParamsOf<'exchange.trades'>;
export type CancelQuery = ParamsOf<'exchange.cancel-all'>;

export interface MarketOptions extends CallOptions {
  /** Without it all there are. */
  readonly books?: readonly BookSelection[] | undefined;
  /** The connection was lost and is there again: snapshots of all books follow. */
  readonly onGap?: (() => void) | undefined;
}

/** Books that the server sends ahead. */
const BOOKS_WINDOW = 4096;
/** Items that the server sends ahead of a loop that is busy. */
const MARKET_WINDOW = 512;

export class Exchange {
  readonly #calls: Calls;

  /** For the library; programs `connect`. */
  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Every book with its best prices. */
  async books(options: CallOptions = {}): Promise<readonly Book[]> {
    const download = new Download(this.#calls, 'exchange.books', {}, { ...options, window: BOOKS_WINDOW });
    const books: Book[] = [];
    for await (const book of download.items()) books.push(book);
    return books;
  }

  /** A book from the best prices on. Rejects with ERR_EXCHANGE_BOOK if it is not there. */
  book(id: string, { group, levels, orders, ...options }: BookQuery = {}): Promise<BookDepth> {
    return this.#calls.request('exchange.book', { id, group, levels, orders }, options);
  }

  /** The last trades, the newest first: 100, or `limit` up to 1,000. */
  trades(query: TradesQuery = {}, options?: CallOptions): Promise<readonly Trade[]> {
    return this.#calls.request('exchange.trades', query, options);
  }

  /** The day, accounts, orders and trades in numbers. */
  figures(options?: CallOptions): Promise<ExchangeFigures> {
    return this.#calls.request('exchange.figures', {}, options);
  }

  /**
   * A snapshot of each book, then its changes, for as long as the loop goes on or until the client is closed. A loop that is
   * too slow loses changes, and gets a new snapshot in their place, with `isLate`; after a break all books begin anew.
   */
  market({ books, ...options }: MarketOptions = {}): AsyncGenerator<MarketItem, void, undefined> {
    const endless = { ...options, isEndless: true, window: MARKET_WINDOW };
    return new Download(this.#calls, 'exchange.market', { books }, endless).items();
  }

  /**
   * Signs a trader in; resolves when the exchange has let him in. It signs out whoever is signed in as the same user.
   * Rejects with ERR_LOGIN_REFUSED if user, password or session are wrong.
   */
  signIn(options: SignInOptions): Promise<Trader> {
    return Trader.signIn(this.#calls, options);
  }

  /** Begins the day. This and all that follows is for operators. */
  openDay(options?: CallOptions): Promise<DayReply> {
    return this.#calls.request('exchange.open-day', {}, options);
  }

  /** Ends the day: all orders are withdrawn, and all traders are signed out. */
  closeDay(options?: CallOptions): Promise<DayReply> {
    return this.#calls.request('exchange.close-day', {}, options);
  }

  /** Takes no orders in a book, or in all; resolves to how many books that has changed. */
  async halt(selection: BookSelection = {}, options?: CallOptions): Promise<number> {
    const { books } = await this.#calls.request('exchange.halt', selection, options);
    return books;
  }

  /** Takes orders again. */
  async resume(selection: BookSelection = {}, options?: CallOptions): Promise<number> {
    const { books } = await this.#calls.request('exchange.resume', selection, options);
    return books;
  }

  /** Withdraws the open orders of a user, of a book, or all; resolves to how many there were. */
  async cancelAll(query: CancelQuery = {}, options?: CallOptions): Promise<number> {
    const { orders } = await this.#calls.request('exchange.cancel-all', query, options);
    return orders;
  }
}
