/** What the books of a venue look like from outside. */
import type { BookRow, BookSelection, BookView, OrderRow, TradeRow } from '../../src/protocol/exchange.ts';
import type { Accounts } from './accounts.ts';
import type { OrderEntry } from './order-entry.ts';
import { ORDER, type Orders } from './orders.ts';
import type { Trade } from './trades.ts';
import type { VenueBook, VenueBooks } from './venue-books.ts';
import { numberTextOf, type VenueClock } from './venue-clock.ts';

const { ACCOUNT, OPEN, PRICE } = ORDER;

export interface BookSources {
  readonly books: VenueBooks;
  readonly orders: Orders;
  readonly accounts: Accounts;
  readonly clock: VenueClock;
  readonly entry: OrderEntry;
}

export class BookRows {
  readonly #sources: BookSources;

  constructor(sources: BookSources) {
    this.#sources = sources;
  }

  /** Of all books, in the order of the settings. */
  all(): BookRow[] {
    return this.#sources.books.select({}).map((book) => this.rowOf(book));
  }

  rowOf(venueBook: VenueBook): BookRow {
    const { book, idText: id, groupText: group, name, isHalted, lastPrice: last, volume } = venueBook;
    const { bestBid: bid, bestAsk: ask, orderCount: orders } = book;
    const dayState = this.#sources.entry.isOpen ? 'open' : 'closed';
    return {
      id,
      group,
      name,
      state: isHalted ? 'halted' : dayState,
      bid,
      bidQuantity: bid === 0 ? 0 : book.levelAt(true, bid).quantity,
      ask,
      askQuantity: ask === 0 ? 0 : book.levelAt(false, ask).quantity,
      last,
      orders,
      volume,
    };
  }

  /** Null if there is no such book; the first of its groups if none is named. */
  view(selection: BookSelection, levels: number, orders: number): BookView | null {
    const [venueBook] = this.#sources.books.select(selection);
    if (venueBook === undefined) return null;
    const { book } = venueBook;
    const ordersOf = (isBuy: boolean) => book.ordersOf(isBuy, orders).map((slot) => this.#orderOf(slot));
    return {
      row: this.rowOf(venueBook),
      bids: book.levels(true, levels),
      asks: book.levels(false, levels),
      buyOrders: ordersOf(true),
      sellOrders: ordersOf(false),
    };
  }

  /** The last ones, the newest first. */
  trades(selection: BookSelection, limit: number): TradeRow[] {
    const rows = this.#sources.books.select(selection).flatMap((book) => lastTradesOf(book, limit));
    // All numbers are of the same length.
    return rows.sort((a, b) => (a.matchNumber < b.matchNumber ? 1 : -1)).slice(0, limit);
  }

  #orderOf(slot: number): OrderRow {
    const { orders, accounts, clock } = this.#sources;
    return {
      orderNumber: numberTextOf(clock.date, orders.numberOf(slot)),
      user: accounts.get(orders.rows[slot | ACCOUNT]).name,
      token: orders.tokenOf(slot),
      side: String.fromCharCode(orders.sideOf(slot)) as OrderRow['side'],
      price: orders.rows[slot | PRICE],
      quantity: orders.rows[slot | OPEN],
      timeMs: orders.timeMsOf(slot),
    };
  }
}

export function toTradeRow(book: VenueBook, { date, counter, isBuy, ...trade }: Trade): TradeRow {
  return {
    id: book.idText,
    group: book.groupText,
    matchNumber: numberTextOf(date, counter),
    side: isBuy ? 'B' : 'S',
    ...trade,
  };
}

function lastTradesOf(book: VenueBook, limit: number): TradeRow[] {
  const { trades } = book;
  const count = Math.min(limit, trades.count - trades.first);
  return Array.from({ length: count }, (_, i) => toTradeRow(book, trades.at(trades.count - 1 - i)));
}
