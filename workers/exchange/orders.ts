/**
 * All open orders of a venue, as columns by slot, so that none of them is an object.
 *
 *     index      by the hash of account and token: the first slot of a chain, which goes on in a column
 *     accounts   a doubly linked list of each account's orders, the oldest first
 *     queues     the links of the price levels, which belong to order-book.ts
 *     free       slots that were left, linked by their `next`, the last one first
 *
 * Clients choose their tokens, and could choose many that belong to one place of the index; who does not know the secret
 * in its hash can not.
 */
import { type Column, grown, NONE } from './columns.ts';
import { LevelPool } from './price-levels.ts';

export { NONE };

/** The letter of a buy order; all others sell. */
export const BUY = 0x42;

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

  /** Of a resting order: its price level and the neighbours in its queue. */
  level = new Int32Array(SLOTS_MIN);
  next = new Int32Array(SLOTS_MIN);
  previous = new Int32Array(SLOTS_MIN);

  /** By account: those of equal owner are one party. Each account is its own owner until it is told otherwise. */
  owner: Int32Array = new Int32Array(0);
  /** The price levels of all books. */
  readonly levels = new LevelPool();

  readonly #factor: number;
  #index = emptyIndex(SLOTS_MIN);
  /** By slot: the next one of equal place in the index. */
  #chain = new Int32Array(SLOTS_MIN);
  #count = 0;
  /** Slots from here on were never used. */
  #fresh = 0;
  #free = NONE;
  /** By account. */
  #first: Int32Array = new Int32Array(0);
  #last: Int32Array = new Int32Array(0);
  /** By slot. */
  #accountNext = new Int32Array(SLOTS_MIN);
  #accountPrevious = new Int32Array(SLOTS_MIN);

  constructor(secret = 0) {
    this.#factor = (secret ^ 0x9e3779b1) | 1;
  }

  get count(): number {
    return this.#count;
  }

  /** A slot for a new order, whose token the account has no more; the caller fills the other columns. */
  add(account: number, token: number): number {
    if (account >= this.owner.length) this.#growAccounts(account);
    const slot = this.#takeSlot();
    this.token[slot] = token;
    this.account[slot] = account;
    this.level[slot] = NONE;
    this.#count++;
    this.#insert(slot);
    this.#append(slot);
    return slot;
  }

  /** Gives an order another token and, with it, the end of its account's list. */
  rekey(slot: number, token: number): void {
    this.#delete(slot);
    this.token[slot] = token;
    this.#insert(slot);
    this.#unlink(slot);
    this.#append(slot);
  }

  /** Forgets an order, which is in no book any more. */
  remove(slot: number): void {
    this.#delete(slot);
    this.#unlink(slot);
    this.next[slot] = this.#free;
    this.#free = slot;
    this.#count--;
  }

  find(account: number, token: number): number {
    let slot = this.#index[this.#placeOf(account, token)] as number;
    while (slot !== NONE && (this.token[slot] !== token || this.account[slot] !== account)) {
      slot = this.#chain[slot] as number;
    }
    return slot;
  }

  firstOf(account: number): number {
    return account < this.#first.length ? (this.#first[account] as number) : NONE;
  }

  nextOf(slot: number): number {
    return this.#accountNext[slot] as number;
  }

  ownerOf(account: number): number {
    return account < this.owner.length ? (this.owner[account] as number) : account;
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
    let free = 0;
    for (let slot = this.#free; slot !== NONE; slot = this.next[slot] as number) free++;
    expect(free + this.#count === this.#fresh, `${free} of ${this.#fresh} slots are free`);
    let indexed = 0;
    for (const first of this.#index) {
      for (let slot = first; slot !== NONE; slot = this.#chain[slot] as number) indexed++;
    }
    expect(indexed === this.#count, `${indexed} orders are in the index, but there are ${this.#count}`);
  }

  #checkList(account: number): number {
    let count = 0;
    let previous = NONE;
    for (let slot = this.firstOf(account); slot !== NONE; slot = this.nextOf(slot)) {
      const token = this.token[slot] as number;
      expect(this.account[slot] === account, `slot ${slot} is in the list of account ${account}`);
      expect(this.#accountPrevious[slot] === previous, `slot ${slot} is linked to ${previous}`);
      expect(this.find(account, token) === slot, `slot ${slot} is found by its token`);
      previous = slot;
      count++;
    }
    expect(this.#last[account] === previous, `the list of account ${account} ends with slot ${previous}`);
    return count;
  }

  #takeSlot(): number {
    const slot = this.#free;
    if (slot !== NONE) {
      this.#free = this.next[slot] as number;
      return slot;
    }
    if (this.#fresh === this.token.length) this.#growSlots();
    return this.#fresh++;
  }

  /** Where in the index the chain of a token begins. */
  #placeOf(account: number, token: number): number {
    // Every step can be undone: two tokens of one account never have the same 32 bits.
    const product = (Math.imul(token, this.#factor) + Math.imul(account, 0x85ebca77)) | 0;
    const mixed = Math.imul(product ^ (product >>> 15), 0x2c1b3c6d);
    return (mixed ^ (mixed >>> 13)) & (this.#index.length - 1);
  }

  #insert(slot: number): void {
    const place = this.#placeOf(this.account[slot] as number, this.token[slot] as number);
    this.#chain[slot] = this.#index[place] as number;
    this.#index[place] = slot;
  }

  #delete(slot: number): void {
    const place = this.#placeOf(this.account[slot] as number, this.token[slot] as number);
    const rest = this.#chain[slot] as number;
    let before = this.#index[place] as number;
    if (before === slot) {
      this.#index[place] = rest;
      return;
    }
    while (this.#chain[before] !== slot) before = this.#chain[before] as number;
    this.#chain[before] = rest;
  }

  #append(slot: number): void {
    const account = this.account[slot] as number;
    const last = this.#last[account] as number;
    this.#accountPrevious[slot] = last;
    this.#accountNext[slot] = NONE;
    if (last === NONE) this.#first[account] = slot;
    else this.#accountNext[last] = slot;
    this.#last[account] = slot;
  }

  #unlink(slot: number): void {
    const account = this.account[slot] as number;
    const next = this.#accountNext[slot] as number;
    const previous = this.#accountPrevious[slot] as number;
    if (previous === NONE) this.#first[account] = next;
    else this.#accountNext[previous] = next;
    if (next === NONE) this.#last[account] = previous;
    else this.#accountPrevious[next] = previous;
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
    this.level = grow(this.level);
    this.next = grow(this.next);
    this.previous = grow(this.previous);
    this.#accountNext = grow(this.#accountNext);
    this.#accountPrevious = grow(this.#accountPrevious);
    this.#chain = grow(this.#chain);
    this.#index = emptyIndex(length);
    for (let slot = 0; slot < this.#fresh; slot++) this.#insert(slot);
  }

  #growAccounts(account: number): void {
    const before = this.owner.length;
    const length = Math.max(ACCOUNTS_MIN, before * 2, account + 1);
    this.owner = grown(this.owner, length);
    this.#first = grown(this.#first, length).fill(NONE, before);
    this.#last = grown(this.#last, length).fill(NONE, before);
    for (let i = before; i < length; i++) this.owner[i] = i;
  }
}

/** With twice as many places as there are slots, chains are hardly ever longer than two. */
function emptyIndex(slots: number): Int32Array {
  return new Int32Array(slots * 2).fill(NONE);
}

function expect(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`the orders are damaged: ${what}`);
}
