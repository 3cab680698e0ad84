/**
 * All open orders of a venue, as columns by slot, so that none of them is an object.
 *
 *     index      by the hash of account and token: the first slot of a chain
 *     accounts   a doubly linked list of each account's orders, the oldest first
 *     queues     those of the price levels, which belong to order-book.ts
 *     free       slots that were left, the last one first
 *
 * What links a slot to others is in a row of its own, half a cache line, because it is used together.
 *
 * Clients choose their tokens, and could choose many that belong to one place of the index; who does not know the secret
 * in its hash can not.
 */
import { type Column, grown, NONE } from './columns.ts';
import { LevelPool } from './price-levels.ts';

export { NONE };

/** The letter of a buy order; all others sell. */
export const BUY = 0x42;

// Constants that are not exported are numbers in compiled code; others are loaded at each use.
const NO_SLOT = NONE;
/** Words of a row, as a power of 2. */
const ROW_BITS = 3;
/** Of a resting order: its price level, and its neighbours in the queue. NEXT links free slots, too. */
const LEVEL = 0;
const NEXT = 1;
const PREVIOUS = 2;
const ACCOUNT = 3;
const ACCOUNT_NEXT = 4;
const ACCOUNT_PREVIOUS = 5;
const HASH = 6;
/** The next slot of equal place in the index. */
const CHAIN = 7;
/** Where in `links` a book finds what it needs: the word LEVEL of a slot at (slot << ROW_BITS) | LEVEL. */
export const LINKS = { ROW_BITS, LEVEL, NEXT, PREVIOUS } as const;

const SLOTS_MIN = 1024;
const ACCOUNTS_MIN = 64;

export class Orders {
  /** Columns are replaced as they grow: whoever keeps one must not add an order. */
  token = new Uint32Array(SLOTS_MIN);
  account = new Int32Array(SLOTS_MIN);
  /** Index of the book. */
  book = new Int32Array(SLOTS_MIN);
  /** The letter B, S, T or E. */
  side = new Uint8Array(SLOTS_MIN);
  /** In tenths of a yen. */
  price = new Int32Array(SLOTS_MIN);
  open = new Int32Array(SLOTS_MIN);
  /** Executed and prevented, over the whole chain of replaces. */
  used = new Uint32Array(SLOTS_MIN);
  /** The day's counter in the order number. */
  number = new Float64Array(SLOTS_MIN);
  timeMs = new Float64Array(SLOTS_MIN);

  /** Rows, as LINKS has them. */
  links = new Int32Array(SLOTS_MIN << ROW_BITS);

  /** By account: those of equal owner are one party. Each account is its own owner until it is told otherwise. */
  owner: Int32Array = new Int32Array(0);
  /** The price levels of all books. */
  readonly levels = new LevelPool();

  #factor = 0;
  #index = emptyIndex(SLOTS_MIN);
  #count = 0;
  /** Slots from here on were never used. */
  #fresh = 0;
  #free = NO_SLOT;
  /** By account. */
  #first: Int32Array = new Int32Array(0);
  #last: Int32Array = new Int32Array(0);
  #countOf: Int32Array = new Int32Array(0);

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

  /** A slot for a new order, whose token the account has no more; the caller fills the other columns. */
  add(account: number, token: number): number {
    if (account >= this.owner.length) this.#growAccounts(account);
    const slot = this.#takeSlot();
    this.token[slot] = token;
    this.account[slot] = account;
    this.links[(slot << ROW_BITS) | ACCOUNT] = account;
    this.#count++;
    this.#countOf[account]++;
    this.#insert(slot, this.#hash(account, token));
    this.#append(slot);
    return slot;
  }

  /** Gives an order another token and, with it, the end of its account's list. */
  rekey(slot: number, token: number): void {
    this.#delete(slot);
    this.token[slot] = token;
    this.#insert(slot, this.#hash(this.account[slot], token));
    this.#unlink(slot);
    this.#append(slot);
  }

  /** Forgets an order, which is in no book any more. */
  remove(slot: number): void {
    this.#delete(slot);
    this.#unlink(slot);
    this.#count--;
    this.#countOf[this.links[(slot << ROW_BITS) | ACCOUNT]]--;
    this.links[(slot << ROW_BITS) | NEXT] = this.#free;
    this.#free = slot;
  }

  find(account: number, token: number): number {
    const { links } = this;
    const hash = this.#hash(account, token);
    let slot = this.#index[hash & (this.#index.length - 1)];
    while (slot !== NO_SLOT) {
      const row = slot << ROW_BITS;
      if (links[row | HASH] === hash && links[row | ACCOUNT] === account) return slot;
      slot = links[row | CHAIN];
    }
    return NO_SLOT;
  }

  firstOf(account: number): number {
    return account < this.#first.length ? this.#first[account] : NO_SLOT;
  }

  nextOf(slot: number): number {
    return this.links[(slot << ROW_BITS) | ACCOUNT_NEXT];
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
    for (let slot = first; slot !== NO_SLOT; slot = this.links[(slot << ROW_BITS) | link]) length++;
    return length;
  }

  #checkList(account: number): number {
    let count = 0;
    let previous = NO_SLOT;
    for (let slot = this.firstOf(account); slot !== NO_SLOT; slot = this.nextOf(slot)) {
      const token = this.token[slot];
      expect(this.account[slot] === account, `slot ${slot} is in the list of account ${account}`);
      expect(
        this.links[(slot << ROW_BITS) | ACCOUNT_PREVIOUS] === previous,
        `slot ${slot} is linked to ${previous}`,
      );
      expect(this.find(account, token) === slot, `slot ${slot} is found by its token`);
      previous = slot;
      count++;
    }
    expect(this.countOf(account) === count, `account ${account} has ${count} orders`);
    expect(this.#last[account] === previous, `the list of account ${account} ends with slot ${previous}`);
    return count;
  }

  #takeSlot(): number {
    const slot = this.#free;
    if (slot !== NO_SLOT) {
      this.#free = this.links[(slot << ROW_BITS) | NEXT];
      return slot;
    }
    if (this.#fresh === this.token.length) this.#growSlots();
    return this.#fresh++;
  }

  /** Every step can be undone: two tokens of one account never have the same hash. */
  #hash(account: number, token: number): number {
    const product = (Math.imul(token, this.#factor) + Math.imul(account, 0x85ebca77)) | 0;
    const mixed = Math.imul(product ^ (product >>> 15), 0x2c1b3c6d);
    return mixed ^ (mixed >>> 13);
  }

  #insert(slot: number, hash: number): void {
    const row = slot << ROW_BITS;
    const place = hash & (this.#index.length - 1);
    this.links[row | HASH] = hash;
    this.links[row | CHAIN] = this.#index[place];
    this.#index[place] = slot;
  }

  #delete(slot: number): void {
    const { links } = this;
    const row = slot << ROW_BITS;
    const place = links[row | HASH] & (this.#index.length - 1);
    const rest = links[row | CHAIN];
    let before = this.#index[place];
    if (before === slot) {
      this.#index[place] = rest;
      return;
    }
    while (links[(before << ROW_BITS) | CHAIN] !== slot) before = links[(before << ROW_BITS) | CHAIN];
    links[(before << ROW_BITS) | CHAIN] = rest;
  }

  #append(slot: number): void {
    const { links } = this;
    const row = slot << ROW_BITS;
    const account = links[row | ACCOUNT];
    const last = this.#last[account];
    links[row | ACCOUNT_PREVIOUS] = last;
    links[row | ACCOUNT_NEXT] = NO_SLOT;
    if (last === NO_SLOT) this.#first[account] = slot;
    else links[(last << ROW_BITS) | ACCOUNT_NEXT] = slot;
    this.#last[account] = slot;
  }

  #unlink(slot: number): void {
    const { links } = this;
    const row = slot << ROW_BITS;
    const next = links[row | ACCOUNT_NEXT];
    const previous = links[row | ACCOUNT_PREVIOUS];
    if (previous === NO_SLOT) this.#first[links[row | ACCOUNT]] = next;
    else links[(previous << ROW_BITS) | ACCOUNT_NEXT] = next;
    if (next === NO_SLOT) this.#last[links[row | ACCOUNT]] = previous;
    else links[(next << ROW_BITS) | ACCOUNT_PREVIOUS] = previous;
  }

  #growSlots(): void {
    const length = this.token.length * 2;
    const grow = <T extends Column>(column: T) => grown(column, length);
    this.token = grow(this.token);
    this.account = grow(this.account);
    this.book = grow(this.book);
    this.side = grow(this.side);
    this.price = grow(this.price);
    this.open = grow(this.open);
    this.used = grow(this.used);
    this.number = grow(this.number);
    this.timeMs = grow(this.timeMs);
    this.links = grown(this.links, length << ROW_BITS);
    this.#index = emptyIndex(length);
    for (let slot = 0; slot < this.#fresh; slot++) {
      this.#insert(slot, this.links[(slot << ROW_BITS) | HASH]);
    }
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

/** With twice as many places as there are slots, chains are hardly ever longer than two. */
function emptyIndex(slots: number): Int32Array {
  return new Int32Array(slots * 2).fill(NO_SLOT);
}

function expect(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`the orders are damaged: ${what}`);
}
