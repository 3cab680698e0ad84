/**
 * What the exchange was when its last event was stored, made of its snapshot and the events after it.
 *
 * Nothing is matched again: messages say what has become of orders. What an account was told of its orders is all in its
 * own stream, in order; between accounts the order of messages within a turn is not kept, so that the last trade of a
 * book is the one with the greatest number. It knows no settings, and the same events always make the same state.
 */
import type { Wide } from '../../src/protocol/ouch/flat.ts';
import {
  ACCEPTED,
  AIQ_CANCELED,
  CANCELED,
  EXECUTED,
  LENGTH,
  LETTER,
  REJECTED,
  REPLACED,
  TIMESTAMP,
} from '../../src/protocol/ouch/layout.ts';
import { type ExchangeEvents, type OpenedAccount, readEvents } from './exchange-log.ts';
import {
  type AccountState,
  type BookState,
  type ExchangeState,
  freezeOrders,
  type ListedBook,
  type SessionState,
} from './exchange-snapshot.ts';
import { ORDER, Orders } from './orders.ts';
import { NONE } from './rows.ts';
import { SequencedStream, type StreamMemory } from './sequenced-stream.ts';
import { spacePadded } from './wire-text.ts';

const { OPEN, USED } = ORDER;

const WORD = 2 ** 32;
const NS_PER_MS = 1e6;
/** Between the date and the counter in the numbers of orders and matches. */
const COUNTER_DIGITS = 10_000_000_000n;
/** Length and type of a packet. */
const HEADER_BYTES = 3;
const LIVE = 0x4c;
const REMOVED_LIQUIDITY = 0x52;

/** Bytes of a message, by its letter. */
const LENGTH_OF = new Uint8Array(256);
for (const name of [
  'systemEvent',
  'accepted',
  'replaced',
  'canceled',
  'aiqCanceled',
  'executed',
  'rejected',
] as const) {
  LENGTH_OF[LETTER[name]] = LENGTH[name];
}

type Mutable<Value> = { -readonly [Key in keyof Value]: Value[Key] };

export interface RecoveredAccount extends Mutable<Omit<AccountState, 'stream' | 'orders'>> {
  readonly stream: SequencedStream;
}

export type RecoveredBook = Mutable<BookState>;

/** When a message with this timestamp was sent. */
export function sentMs(midnightMs: number, { high, low }: Wide): number {
  return midnightMs + (high * WORD + low) / NS_PER_MS;
}

/** The lower half of the number of a date's order or match whose counter is 0. */
export function counterBase(date: number): number {
  return Number((BigInt(date) * COUNTER_DIGITS) & 0xffff_ffffn);
}

export class Recovery implements ExchangeEvents {
  /** Position of the last event. */
  events = 0;
  readonly session: Mutable<SessionState> = {
    beginMs: 0,
    isOpen: false,
    date: 0,
    orders: 0,
    matches: 0,
    midnightMs: 0,
    toldMs: 0,
    accepted: 0,
    rejected: 0,
    trades: 0,
  };
  readonly accounts = new Map<number, RecoveredAccount>();
  /** `orders.bookOf` is an index here. */
  readonly books: RecoveredBook[] = [];
  /** Ids by the numbers that stand for them. */
  readonly listed = new Map<number, number>();
  readonly orders: Orders;
  readonly #memory: StreamMemory;
  /** Indices in `books` by id and group. */
  readonly #bookOf = new Map<string, number>();
  #counterBase = 0;

  constructor(memory: StreamMemory, orders = new Orders()) {
    this.#memory = memory;
    this.orders = orders;
  }

  restore(state: ExchangeState): void {
    this.events = state.events;
    Object.assign(this.session, state.session);
    this.#counterBase = counterBase(state.session.date);
    for (const { number, id } of state.listed) this.listed.set(number, id);
    for (const book of state.books) Object.assign(this.#book(book.id, book.group), book);
    let order = 0;
    for (const { stream, orders, ...account } of state.accounts) {
      const recovered = { ...account, stream: new SequencedStream(this.#memory) };
      recovered.stream.restore(stream);
      this.accounts.set(account.number, recovered);
      for (const end = order + orders; order < end; order++) this.#restoreOrder(state, order, account.number);
    }
  }

  /** Does again what these events have done. Throws a RangeError if that can't have been. */
  apply(bytes: Uint8Array, start: number, end: number): void {
    readEvents(bytes, start, end, this);
  }

  freeze(): ExchangeState {
    const accounts = [...this.accounts.values()].sort((a, b) => a.number - b.number);
    const listed = [...this.listed].map(([number, id]): ListedBook => ({ number, id }));
    const books = this.books.filter(({ isHalted, last }) => isHalted || last > 0);
    return {
      events: this.events,
      session: { ...this.session },
      accounts: accounts.map((account) => ({
        ...account,
        stream: account.stream.freeze(),
        orders: this.#ordersOf(account.number),
      })),
      books: books.map((book) => ({ ...book })).sort((a, b) => a.id - b.id || a.group - b.group),
      listed: listed.sort((a, b) => a.number - b.number),
      orders: freezeOrders(
        this.orders,
        accounts.map(({ number }) => number),
        this.books,
      ),
    };
  }

  next(): void {
    this.events++;
  }

  packets(number: number, bytes: Uint8Array, start: number, end: number): void {
    const account = this.#account(number);
    const view = new DataView(bytes.buffer, bytes.byteOffset, end);
    for (let at = start; at < end; at += 2 + view.getUint16(at)) {
      const message = at + HEADER_BYTES;
      const letter = view.getUint8(message);
      if (view.getUint16(at) - 1 !== LENGTH_OF[letter]) {
        throw new RangeError(`an account is not told a message of type ${letter}, or not of that length`);
      }
      this.#message(account, letter, view, message);
    }
    account.stream.append(bytes, start, end, this.events);
  }

  openAccount({ account, name, form, isRaw }: OpenedAccount): void {
    if (this.accounts.has(account)) throw new RangeError(`account ${account} was open before`);
    this.accounts.set(account, {
      number: account,
      name,
      form,
      isRaw,
      takesPart: false,
      lastToken: -1,
      stream: new SequencedStream(this.#memory),
    });
  }

  closeAccount(number: number): void {
    const { stream } = this.#account(number);
    if (this.orders.firstOf(number) !== NONE) {
      throw new RangeError(`account ${number} was closed with an order open`);
    }
    stream.clear();
    this.accounts.delete(number);
  }

  takePart(number: number, form: RecoveredAccount['form']): void {
    const account = this.#account(number);
    account.takesPart = true;
    account.form = form;
  }

  beginSession(beginMs: number): void {
    const { session } = this;
    if (!(beginMs > session.beginMs)) throw new RangeError('a session begins after the one before it');
    if (this.orders.count > 0) throw new RangeError('a session was begun with an order open');
    const figures = { accepted: 0, rejected: 0, trades: 0 };
    Object.assign(session, { beginMs, isOpen: false, ...figures });
    for (const account of this.accounts.values()) {
      account.stream.clear();
      account.lastToken = -1;
      account.takesPart = false;
    }
    for (const book of this.books) book.volume = 0;
  }

  openDay(date: number): void {
    this.session.isOpen = true;
    if (date === this.session.date) return;
    Object.assign(this.session, { date, orders: 0, matches: 0 });
    this.#counterBase = counterBase(date);
    for (const book of this.books) book.lastMatch = 0;
  }

  halt(id: number, group: number): void {
    this.#book(id, group).isHalted = true;
  }

  resume(id: number, group: number): void {
    this.#book(id, group).isHalted = false;
  }

  listBook(id: number, number: number): void {
    this.listed.set(number, id);
  }

  midnight(timeMs: number): void {
    this.session.midnightMs = timeMs;
  }

  #message(account: RecoveredAccount, letter: number, view: DataView, at: number): void {
    this.session.toldMs = Math.max(this.session.toldMs, this.#sentMs(view, at));
    switch (letter) {
      case LETTER.accepted:
        this.#accepted(account, view, at);
        break;
      case LETTER.replaced:
        this.#replaced(account, view, at);
        break;
      case LETTER.executed:
        this.#executed(account, view, at);
        break;
      case LETTER.canceled:
        this.#reduce(
          this.#order(account, view.getUint32(at + CANCELED.token)),
          view.getUint32(at + CANCELED.decrement),
        );
        break;
      case LETTER.aiqCanceled: {
        const slot = this.#order(account, view.getUint32(at + AIQ_CANCELED.token));
        const decrement = view.getUint32(at + AIQ_CANCELED.decrement);
        this.orders.rows[slot | USED] = (this.orders.rows[slot | USED] as number) + decrement;
        this.#reduce(slot, decrement);
        break;
      }
      case LETTER.rejected:
        this.session.rejected++;
        // Of a raw account the token may come again.
        if (!account.isRaw) useToken(account, view.getUint32(at + REJECTED.token));
        break;
    }
  }

  #accepted(account: RecoveredAccount, view: DataView, at: number): void {
    const token = view.getUint32(at + ACCEPTED.token);
    const number = this.#counterAt(view, at + ACCEPTED.orderNumber);
    useToken(account, token);
    this.session.accepted++;
    this.session.orders = Math.max(this.session.orders, number);
    if (view.getUint8(at + ACCEPTED.state) !== LIVE) return;
    const { orders } = this;
    if (orders.find(account.number, token) !== NONE) throw new RangeError(`order ${token} was open before`);
    const id = this.#idOf(account, view.getUint32(at + ACCEPTED.orderbook));
    const book = this.#bookIndex(id, spacePadded(view.getUint32(at + ACCEPTED.group)));
    const slot = orders.add(account.number, token);
    const price = view.getUint32(at + ACCEPTED.price);
    const quantity = view.getUint32(at + ACCEPTED.quantity);
    orders.setBook(slot, book, view.getUint8(at + ACCEPTED.side));
    orders.setTerms(slot, price, quantity, number, this.#sentMs(view, at));
  }

  #replaced(account: RecoveredAccount, view: DataView, at: number): void {
    const token = view.getUint32(at + REPLACED.replacementToken);
    const number = this.#counterAt(view, at + REPLACED.orderNumber);
    const slot = this.#order(account, view.getUint32(at + REPLACED.previousToken));
    useToken(account, token);
    this.session.orders = Math.max(this.session.orders, number);
    const { orders } = this;
    if (view.getUint8(at + REPLACED.state) !== LIVE) {
      orders.remove(slot);
      return;
    }
    orders.rekey(slot, token);
    const price = view.getUint32(at + REPLACED.price);
    const quantity = view.getUint32(at + REPLACED.quantity);
    orders.setTerms(slot, price, quantity, number, this.#sentMs(view, at));
  }

  #executed(account: RecoveredAccount, view: DataView, at: number): void {
    const slot = this.#order(account, view.getUint32(at + EXECUTED.token));
    const quantity = view.getUint32(at + EXECUTED.quantity);
    const { orders, session } = this;
    // Both sides are told of a trade; one of them has come later.
    if (view.getUint8(at + EXECUTED.liquidity) === REMOVED_LIQUIDITY) {
      const match = this.#counterAt(view, at + EXECUTED.matchNumber);
      const book = this.books[orders.bookOf(slot)] as RecoveredBook;
      session.trades++;
      session.matches = Math.max(session.matches, match);
      book.volume += quantity;
      if (match > book.lastMatch) {
        book.lastMatch = match;
        book.last = view.getUint32(at + EXECUTED.price);
      }
    }
    orders.rows[slot | USED] = (orders.rows[slot | USED] as number) + quantity;
    this.#reduce(slot, quantity);
  }

  #reduce(slot: number, quantity: number): void {
    const left = (this.orders.rows[slot | OPEN] as number) - quantity;
    if (left < 0) throw new RangeError(`an order was reduced by ${quantity}, which is more than it had`);
    if (left === 0) this.orders.remove(slot);
    else this.orders.rows[slot | OPEN] = left;
  }

  #order(account: RecoveredAccount, token: number): number {
    const slot = this.orders.find(account.number, token);
    if (slot === NONE) throw new RangeError(`account ${account.number} has no open order ${token}`);
    return slot;
  }

  #account(number: number): RecoveredAccount {
    const account = this.accounts.get(number);
    if (account === undefined) throw new RangeError(`account ${number} is not open`);
    return account;
  }

  #idOf({ form }: RecoveredAccount, orderbook: number): number {
    const id = form === 'alpha' ? spacePadded(orderbook) : this.listed.get(orderbook);
    if (id === undefined) throw new RangeError(`no book has the number ${orderbook}`);
    return id;
  }

  #book(id: number, group: number): RecoveredBook {
    return this.books[this.#bookIndex(id, group)] as RecoveredBook;
  }

  #bookIndex(id: number, group: number): number {
    const key = `${id} ${group}`;
    const known = this.#bookOf.get(key);
    if (known !== undefined) return known;
    this.#bookOf.set(key, this.books.length);
    return this.books.push({ id, group, isHalted: false, last: 0, lastMatch: 0, volume: 0 }) - 1;
  }

  #counterAt(view: DataView, at: number): number {
    return (view.getUint32(at + 4) - this.#counterBase) >>> 0;
  }

  #sentMs(view: DataView, at: number): number {
    const time = { high: view.getUint32(at + TIMESTAMP), low: view.getUint32(at + TIMESTAMP + 4) };
    return sentMs(this.session.midnightMs, time);
  }

  #ordersOf(account: number): number {
    let count = 0;
    for (let slot = this.orders.firstOf(account); slot !== NONE; slot = this.orders.nextOf(slot)) count++;
    return count;
  }

  #restoreOrder({ orders: columns }: ExchangeState, order: number, account: number): void {
    const { orders } = this;
    const book = this.#bookIndex(columns.id[order] as number, columns.group[order] as number);
    const slot = orders.add(account, columns.token[order] as number);
    orders.setBook(slot, book, columns.side[order] as number);
    orders.setTerms(
      slot,
      columns.price[order] as number,
      columns.open[order] as number,
      columns.number[order] as number,
      columns.timeMs[order] as number,
    );
    orders.rows[slot | USED] = columns.used[order] as number;
  }
}

function useToken(account: RecoveredAccount, token: number): void {
  if (token > account.lastToken) account.lastToken = token;
}
