/** Orders and books as an exchange uses them: enters, cancels and replaces, and what the books say of it. */
import { SELF_TRADE_MODES, type SelfTradeMode } from '../../../src/protocol/venue.ts';
import { type MatchSink, OrderBook, type SelfTradeCode } from '../../../workers/exchange/order-book.ts';
import { BUY, ORDER, Orders } from '../../../workers/exchange/orders.ts';
import { NONE } from '../../../workers/exchange/rows.ts';
import { type BookEvent, stateOf } from './book-model.ts';

const { ACCOUNT, OPEN, USED } = ORDER;

const SELL = 0x53;

export interface EnterFields {
  readonly book?: number;
  readonly account: number;
  readonly token: number;
  readonly isBuy: boolean;
  readonly price: number;
  readonly quantity: number;
  readonly mode?: SelfTradeMode;
  /** Trades at least so much at once or nothing, and does not rest. */
  readonly atLeast?: number;
}

export class Engine implements MatchSink {
  readonly orders = new Orders();
  readonly books: readonly OrderBook[];
  events: BookEvent[] = [];

  constructor(bookCount = 1) {
    this.books = Array.from({ length: bookCount }, () => new OrderBook(this.orders, this));
  }

  book(index = 0): OrderBook {
    const book = this.books[index];
    if (book === undefined) throw new RangeError(`there is no book ${index}`);
    return book;
  }

  enter({ book = 0, account, token, isBuy, price, quantity, mode = 'off', atLeast }: EnterFields): void {
    const code = codeOf(mode);
    if (atLeast !== undefined && !this.book(book).canTrade(account, isBuy, price, quantity, atLeast, code))
      return;
    const { orders } = this;
    const slot = orders.add(account, token);
    orders.setBook(slot, book, isBuy ? BUY : SELL);
    orders.setTerms(slot, price, quantity, 0, 0);
    this.#place(slot, code, atLeast !== undefined);
  }

  cancel(account: number, token: number): void {
    const slot = this.orders.find(account, token);
    if (slot === NONE) return;
    this.book(this.orders.bookOf(slot)).remove(slot);
    this.orders.remove(slot);
  }

  /** `total` is of the whole chain, and more than what is used of it. */
  replace(
    account: number,
    token: number,
    next: Pick<EnterFields, 'token' | 'price' | 'mode'> & { total: number },
  ) {
    const { orders } = this;
    const slot = orders.find(account, token);
    if (slot === NONE) return;
    this.book(orders.bookOf(slot)).remove(slot);
    orders.rekey(slot, next.token);
    orders.setTerms(slot, next.price, next.total - (orders.rows[slot | USED] as number), 0, 0);
    this.#place(slot, codeOf(next.mode ?? 'off'), false);
  }

  executed(resting: number, incoming: number, quantity: number, price: number): void {
    const [there, here] = [this.stateOf(resting), this.stateOf(incoming)];
    this.events.push({ type: 'executed', resting: there, incoming: here, quantity, price });
  }

  prevented(slot: number, decrement: number, prevented: number, price: number, isIncoming: boolean): void {
    this.events.push({
      type: 'prevented',
      order: this.stateOf(slot),
      decrement,
      prevented,
      price,
      isIncoming,
    });
  }

  stateOf(slot: number): string {
    const { rows } = this.orders;
    return stateOf({
      account: rows[slot | ACCOUNT] as number,
      token: this.orders.tokenOf(slot),
      open: rows[slot | OPEN] as number,
      used: rows[slot | USED] as number,
    });
  }

  /** The orders of a side, best first. */
  side(isBuy: boolean, book = 0): string[] {
    return this.book(book)
      .ordersOf(isBuy, Number.POSITIVE_INFINITY)
      .map((slot) => this.stateOf(slot));
  }

  /** Throws if an invariant is broken, or if something leaks. */
  check(): void {
    this.orders.check();
    for (const book of this.books) book.check();
  }

  #place(slot: number, mode: SelfTradeCode, isImmediate: boolean): void {
    const { orders } = this;
    const book = this.book(orders.bookOf(slot));
    book.match(slot, mode);
    if (isImmediate || orders.rows[slot | OPEN] === 0) orders.remove(slot);
    else book.rest(slot);
  }
}

function codeOf(mode: SelfTradeMode): SelfTradeCode {
  return SELF_TRADE_MODES.indexOf(mode) as SelfTradeCode;
}
