/**
 * All open orders of a venue, in rows of one array, so that none of them is an object.
 *
 *     index      by the hash of account and token: the first order of a chain
 *     accounts   a doubly linked list of each account's orders, the oldest first
 *     queues     those of the price levels, which belong to order-book.ts
 *     free       rows that were left, the last one first
 *
 * An order is the place of its row, and what is known of it is at that place and the words behind: ORDER. A row is as
 * long as a cache line, and begins with what is used most.
 *
 * Clients choose their tokens, and could choose many that belong to one place of the index; who does not know the secret
 * in its hash can not.
 */

import { LevelPool } from './price-levels.ts';
import { grown, NONE } from './rows.ts';

export { NONE };

/** The letter of a buy order; all others sell. */
export const BUY = 0x42;

/** Words of a row: of the order at `slot`, its price is `rows[slot | ORDER.PRICE]`. */
export const ORDER = {
  /** Of a resting order: its price level, and its neighbours in the queue. NEXT links free rows, too. */
  LEVEL: 0,
  NEXT: 1,
  PREVIOUS: 2,
  OPEN: 3,
  /** Executed and prevented, over the whole chain of replaces. */
  USED: 4,
  /** In tenths of a yen. */
  PRICE: 5,
  ACCOUNT: 6,
  TOKEN: 7,
  ACCOUNT_NEXT: 8,
  ACCOUNT_PREVIOUS: 9,
  /** The next order of equal place in the index. */
  CHAIN: 10,
  /** The index of the book, and in the last eight bits the letter B, S, T or E. */
  BOOK_AND_SIDE: 11,
} as const;

// Constants that are not exported are numbers in compiled code; others are loaded at each use.
const { NEXT, OPEN, USED, PRICE, ACCOUNT, TOKEN, ACCOUNT_NEXT, ACCOUNT_PREVIOUS, CHAIN, BOOK_AND_SIDE } =
  ORDER;
const NO_SLOT = NONE;
/** Words of a row, as a power of 2. */
const ROW_BITS = 4;
/** The last four words are two numbers. */
const TIME = 6;
const NUMBER = 7;
const SIDE_BITS = 8;

const ROWS_MIN = 1024;
const ACCOUNTS_MIN = 64;

export class Orders {
  /** Replaced as it grows: whoever keeps it must not add an order. */
  rows = new Int32Array(ROWS_MIN << ROW_BITS);
  /** The same bytes, two words a number. */
  #wide = new Float64Array(this.rows.buffer);
  /** By account: those of equal owner are one party. Each account is its own owner until it is told otherwise. */
  owner = new Int32Array(0);
  /** The price levels of all books. */
  readonly levels = new LevelPool();

  #factor = 0;
  #index = emptyIndex(ROWS_MIN);
  #count = 0;
  /** Rows from here on were never used. */
  #fresh = 0;
  #free = NO_SLOT;
  /** By account. */
  #first = new Int32Array(0);
  #last = new Int32Array(0);
  #countOf = new Int32Array(0);

  constructor(secret = 0) {
    this.#factor = (secret ^ 0x9e3779b1) | 1;
  }

  get count(): number {
    return this.#count;
  }

  /** The orders of an account. */
  countOf(account: number): number {
    return account < this.#countOf.length ? this.#countOf[account] : 0;
  }

  /** A new order, whose token the account has no more; the caller says the rest of it. */
  add(account: number, token: number): number {
    if (account >= this.owner.length) this.#growAccounts(account);
    const slot = this.#takeRow();
    const { rows } = this;
    rows[slot | ACCOUNT] = account;
    rows[slot | TOKEN] = token;
    rows[slot | USED] = 0;
    this.#count++;
    this.#countOf[account]++;
    this.#insert(slot);
    this.#append(slot);
    return slot;
  }

  /** Gives an order another token and, with it, the end of its account's list. */
  rekey(slot: number, token: number): void {
    this.#delete(slot);
    this.rows[slot | TOKEN] = token;
    this.#insert(slot);
    this.#unlink(slot);
    this.#append(slot);
  }

  /** `book` is an index, `side` the letter B, S, T or E. */
  setBook(slot: number, book: number, side: number): void {
    this.rows[slot | BOOK_AND_SIDE] = (book << SIDE_BITS) | side;
  }

  /** What each replace changes; `number` is the day's counter in the order number. */
  setTerms(slot: number, price: number, open: number, number: number, timeMs: number): void {
    const { rows } = this;
    rows[slot | PRICE] = price;
    rows[slot | OPEN] = open;
    this.#wide[(slot >> 1) | NUMBER] = number;
    this.#wide[(slot >> 1) | TIME] = timeMs;
  }

  /** Forgets an order, which is in no book any more. */
  remove(slot: number): void {
    this.#delete(slot);
    this.#unlink(slot);
    this.#count--;
    this.#countOf[this.rows[slot | ACCOUNT]]--;
    this.rows[slot | NEXT] = this.#free;
    this.#free = slot;
  }

  find(account: number, token: number): number {
    const { rows } = this;
    let slot = this.#index[this.#placeOf(account, token)];
    while (slot !== NO_SLOT) {
      if (rows[slot | TOKEN] === (token | 0) && rows[slot | ACCOUNT] === account) return slot;
      slot = rows[slot | CHAIN];
    }
    return NO_SLOT;
  }

  tokenOf(slot: number): number {
    return this.rows[slot | TOKEN] >>> 0;
  }

  /** The index of its book. */
  bookOf(slot: number): number {
    return this.rows[slot | BOOK_AND_SIDE] >> SIDE_BITS;
  }

  /** The letter B, S, T or E. */
  sideOf(slot: number): number {
    return this.rows[slot | BOOK_AND_SIDE] & 0xff;
  }

  timeMsOf(slot: number): number {
    return this.#wide[(slot >> 1) | TIME];
  }

  /** The day's counter in the order number. */
  numberOf(slot: number): number {
    return this.#wide[(slot >> 1) | NUMBER];
  }

  firstOf(account: number): number {
    return account < this.#first.length ? this.#first[account] : NO_SLOT;
  }

  nextOf(slot: number): number {
    return this.rows[slot | ACCOUNT_NEXT];
  }

  ownerOf(account: number): number {
    return account < this.owner.length ? this.owner[account] : account;
  }

  setOwner(account: number, owner: number): void {
    if (account >= this.owner.length) this.#growAccounts(account);
    this.owner[account] = owner;
  }

  /** Throws if an invariant is broken. Takes time for each slot. */
  check(): void {
    let listed = 0;
    for (let account = 0; account < this.#first.length; account++) listed += this.#checkList(account);
    expect(listed === this.#count, `${listed} orders are in lists of accounts, but there are ${this.#count}`);
    const free = this.#lengthOf(this.#free, NEXT);
    expect(free + this.#count === this.#fresh, `${free} of ${this.#fresh} slots are free`);
    const indexed = this.#index.reduce((sum, first) => sum + this.#lengthOf(first, CHAIN), 0);
    expect(indexed === this.#count, `${indexed} orders are in the index, but there are ${this.#count}`);
  }

  #lengthOf(first: number, link: number): number {
    let length = 0;
    for (let slot = first; slot !== NO_SLOT; slot = this.rows[slot | link]) length++;
    return length;
  }

  #checkList(account: number): number {
    let count = 0;
    let previous = NO_SLOT;
    for (let slot = this.firstOf(account); slot !== NO_SLOT; slot = this.nextOf(slot)) {
      const token = this.tokenOf(slot);
      expect(this.rows[slot | ACCOUNT] === account, `slot ${slot} is in the list of account ${account}`);
      expect(this.rows[slot | ACCOUNT_PREVIOUS] === previous, `slot ${slot} is linked to ${previous}`);
      expect(this.find(account, token) === slot, `slot ${slot} is found by its token`);
      previous = slot;
      count++;
    }
    expect(this.countOf(account) === count, `account ${account} has ${count} orders`);
    expect(this.#last[account] === previous, `the list of account ${account} ends with slot ${previous}`);
    return count;
  }

  #takeRow(): number {
    const slot = this.#free;
    if (slot !== NO_SLOT) {
      this.#free = this.rows[slot | NEXT];
      return slot;
    }
    const fresh = this.#fresh << ROW_BITS;
    if (fresh === this.rows.length) this.#growRows();
    this.#fresh++;
    return fresh;
  }

  #placeOf(account: number, token: number): number {
    const product = (Math.imul(token, this.#factor) + Math.imul(account, 0x85ebca77)) | 0;
    const mixed = Math.imul(product ^ (product >>> 15), 0x2c1b3c6d);
    return (mixed ^ (mixed >>> 13)) & (this.#index.length - 1);
  }

  #insert(slot: number): void {
    const { rows } = this;
    const place = this.#placeOf(rows[slot | ACCOUNT], rows[slot | TOKEN]);
    rows[slot | CHAIN] = this.#index[place];
    this.#index[place] = slot;
  }

  #delete(slot: number): void {
    const { rows } = this;
    const place = this.#placeOf(rows[slot | ACCOUNT], rows[slot | TOKEN]);
    const rest = rows[slot | CHAIN];
    let before = this.#index[place];
    if (before === slot) {
      this.#index[place] = rest;
      return;
    }
    while (rows[before | CHAIN] !== slot) before = rows[before | CHAIN];
    rows[before | CHAIN] = rest;
  }

  #append(slot: number): void {
    const { rows } = this;
    const account = rows[slot | ACCOUNT];
    const last = this.#last[account];
    rows[slot | ACCOUNT_PREVIOUS] = last;
    rows[slot | ACCOUNT_NEXT] = NO_SLOT;
    if (last === NO_SLOT) this.#first[account] = slot;
    else rows[last | ACCOUNT_NEXT] = slot;
    this.#last[account] = slot;
  }

  #unlink(slot: number): void {
    const { rows } = this;
    const next = rows[slot | ACCOUNT_NEXT];
    const previous = rows[slot | ACCOUNT_PREVIOUS];
    if (previous === NO_SLOT) this.#first[rows[slot | ACCOUNT]] = next;
    else rows[previous | ACCOUNT_NEXT] = next;
    if (next === NO_SLOT) this.#last[rows[slot | ACCOUNT]] = previous;
    else rows[next | ACCOUNT_PREVIOUS] = previous;
  }

  #growRows(): void {
    const count = this.#fresh * 2;
    this.rows = grown(this.rows, count << ROW_BITS);
    this.#wide = new Float64Array(this.rows.buffer);
    this.#index = emptyIndex(count);
    for (let order = 0; order < this.#fresh; order++) this.#insert(order << ROW_BITS);
  }

  #growAccounts(account: number): void {
    const before = this.owner.length;
    const length = Math.max(ACCOUNTS_MIN, before * 2, account + 1);
    this.owner = grown(this.owner, length);
    this.#first = grown(this.#first, length).fill(NO_SLOT, before);
    this.#last = grown(this.#last, length).fill(NO_SLOT, before);
    this.#countOf = grown(this.#countOf, length);
    for (let i = before; i < length; i++) this.owner[i] = i;
  }
}

/** With twice as many places as there are rows, chains are hardly ever longer than two. */
function emptyIndex(orders: number): Int32Array {
  return new Int32Array(orders * 2).fill(NO_SLOT);
}

function expect(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`the orders are damaged: ${what}`);
}
