/**
 * Accounts and their balances: bytes in, integer cents, nothing allocated for a posting.
 *
 * A name is looked up by its hash in an open-addressing table; its bytes are kept as words, zero-padded, one name
 * after the other:
 *
 *     slots      4 words a slot: account + 1 (0 if free), hash, first word of the name, length of the name in bytes
 *     names      the words of all names; they stay where they are, in the order in which the accounts were opened
 *     lengths    length of the name in bytes, by account
 *     balances   cents by account, in the order in which the accounts were opened
 *
 * The hash that comes with a name is quick and known to everybody: names can be made that share it, and each would have
 * to be compared with all others. A search that takes longer than chance allows therefore turns the table to a keyed
 * hash, which costs a little more for each posting and can not be foreseen.
 *
 * Invariants: at most half of the slots are taken; every balance is a safe integer.
 * Names come as a DataView with at least 3 readable bytes after the name, so that its last word can be read whole.
 */
import type { DiscardReason, LedgerCursor } from '../../src/protocol/bank.ts';
import { MINOR_UNITS_MAX, type MinorUnits } from '../../src/values/money.ts';
import { type HashKey, halfSipHash } from './half-sip-hash.ts';
import type { LedgerLog } from './ledger-log.ts';

/** What became of a posting. */
export const POSTING = { applied: 0, balanceRange: 1, accountsFull: 2 } as const;
export type PostingOutcome = (typeof POSTING)[keyof typeof POSTING];

/** The reason under which a refused posting is counted. */
export function refusalOf(outcome: PostingOutcome): DiscardReason {
  return outcome === POSTING.balanceRange ? 'balance-out-of-range' : 'too-many-accounts';
}

/** With half of the slots taken, chance leaves no search this long among a hundred million names. */
const SEARCH_MAX = 256;
const SLOT_WORDS = 4;
const SLOTS_MIN = 1024;
const NAME_WORDS_MIN = 4096;
const HASH_SEED = 0x811c9dc5 | 0;

/** Mixes the next whole word of a name into its hash. */
export function mixWord(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

/** Mixes the last word, of which only the name's own bytes are set (none if its length is a multiple of 4). */
export function mixLastWord(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x85ebca77);
  return mixed ^ (mixed >>> 13);
}

/** The bytes of `word` that belong to a name which has `count` (0 to 3) bytes in it. */
export function lowBytes(word: number, count: number): number {
  return word & ((1 << (count << 3)) - 1);
}

export function hashName(view: DataView, start: number, length: number): number {
  const wholeEnd = start + (length & ~3);
  let hash = HASH_SEED;
  for (let at = start; at < wholeEnd; at += 4) hash = mixWord(hash, view.getInt32(at, true));
  return mixLastWord(hash, lowBytes(view.getInt32(wholeEnd, true), length & 3));
}

/** A copy of a name that stands by itself, with what may be read behind it. */
export function viewOf(name: Uint8Array): DataView {
  const padded = new Uint8Array(name.length + 4);
  padded.set(name);
  return new DataView(padded.buffer);
}

export { HASH_SEED };

/** A ledger's state, by account in the order in which they were opened. */
export interface FrozenLedger {
  readonly postings: number;
  readonly names: Int32Array;
  readonly lengths: Uint8Array;
  readonly balances: Float64Array;
}

export class Ledger {
  readonly #accountsMax: number;
  readonly #key: HashKey;
  /** The slots hold keyed hashes. */
  #isKeyed = false;
  #slots = new Int32Array(SLOTS_MIN * SLOT_WORDS);
  #mask = SLOTS_MIN - 1;
  #names = new Int32Array(NAME_WORDS_MIN);
  #nameWords = 0;
  #lengths = new Uint8Array(SLOTS_MIN / 2);
  #balances = new Float64Array(SLOTS_MIN / 2);
  #accounts = 0;
  #postings = 0;
  readonly #log: LedgerLog | undefined;

  /** `key` must be secret where clients choose the names. What is changed is written to `log`. */
  constructor(accountsMax: number, key: HashKey, log?: LedgerLog) {
    this.#accountsMax = accountsMax;
    this.#key = key;
    this.#log = log;
  }

  get accountCount(): number {
    return this.#accounts;
  }

  /** Postings that were ever applied. */
  get postingCount(): number {
    return this.#postings;
  }

  /**
   * Adds `cents` (negative for a debit) to the account, opening it first if it is new. `hash` is `hashName` of the
   * name. Refused as a whole if the balance would leave the safe range or there is no room for the account.
   */
  post(view: DataView, start: number, length: number, hash: number, cents: number): PostingOutcome {
    const slotHash = this.#isKeyed ? halfSipHash(view, start, length, this.#key) : hash;
    const slot = this.#findSlot(view, start, length, slotHash);
    if (slot < 0) {
      this.#turnKeyed();
      return this.post(view, start, length, hash, cents);
    }
    let account = (this.#slots[slot] as number) - 1;
    if (account < 0) {
      if (this.#accounts >= this.#accountsMax) return POSTING.accountsFull;
      if (Math.abs(cents) > MINOR_UNITS_MAX) return POSTING.balanceRange;
      account = this.#open(slot, view, start, length, slotHash);
    }
    const balance = (this.#balances[account] as number) + cents;
    if (balance > MINOR_UNITS_MAX || balance < -MINOR_UNITS_MAX) return POSTING.balanceRange;
    this.#balances[account] = balance;
    this.#postings++;
    this.#log?.posting(account, cents);
    return POSTING.applied;
  }

  /** The account's cents; undefined if there is none of that name. */
  balanceOf(view: DataView, start: number, length: number, hash: number): number | undefined {
    const slotHash = this.#isKeyed ? halfSipHash(view, start, length, this.#key) : hash;
    const slot = this.#findSlot(view, start, length, slotHash);
    if (slot < 0) {
      this.#turnKeyed();
      return this.balanceOf(view, start, length, hash);
    }
    const account = (this.#slots[slot] as number) - 1;
    return account < 0 ? undefined : this.#balances[account];
  }

  /** Does again what a posting has done. */
  replayPosting(account: number, cents: number): void {
    (this.#balances[account] as number) += cents;
    this.#postings++;
  }

  /** Does again what the first posting to an account has done: opens it. */
  replayOpen(view: DataView, start: number, length: number): void {
    const hash = this.#isKeyed ? halfSipHash(view, start, length, this.#key) : hashName(view, start, length);
    const slot = this.#findSlot(view, start, length, hash);
    if (slot >= 0) {
      this.#insert(slot, view, start, length, hash);
      return;
    }
    this.#turnKeyed();
    this.replayOpen(view, start, length);
  }

  /** The state as it is now; later postings do not change it. */
  freeze(): FrozenLedger {
    return {
      postings: this.#postings,
      // Names are only ever added behind these.
      names: this.#names.subarray(0, this.#nameWords),
      lengths: this.#lengths.subarray(0, this.#accounts),
      balances: this.#balances.slice(0, this.#accounts),
    };
  }

  /** Takes the state of another ledger; this one must be new. */
  restore({ postings, names, lengths, balances }: FrozenLedger): void {
    // The word behind a name is read too, even behind the last one.
    const words = new Int32Array(names.length + 1);
    words.set(names);
    const view = new DataView(words.buffer);
    let start = 0;
    for (const length of lengths) {
      this.replayOpen(view, start, length);
      start += (length + 3) & ~3;
    }
    this.#balances.set(balances);
    this.#postings = postings;
  }

  /** Calls `visit` for each account, in no particular order. `name` is a copy. */
  forEach(visit: (name: Uint8Array, balance: MinorUnits) => void): void {
    const names = new Uint8Array(this.#names.buffer);
    for (let slot = 0; slot < this.#slots.length; slot += SLOT_WORDS) {
      const account = (this.#slots[slot] as number) - 1;
      if (account < 0) continue;
      const start = (this.#slots[slot + 2] as number) * 4;
      const length = this.#slots[slot + 3] as number;
      visit(names.slice(start, start + length), this.#balances[account] as MinorUnits);
    }
  }

  /** Calls `visit` for up to `count` accounts in the order in which they were opened; returns where to go on. */
  visitFrom(
    { account, word }: LedgerCursor,
    count: number,
    visit: (name: Uint8Array, balance: MinorUnits) => void,
  ): LedgerCursor {
    const names = new Uint8Array(this.#names.buffer);
    const end = Math.min(this.#accounts, account + count);
    let nextWord = word;
    for (let i = account; i < end; i++) {
      const length = this.#lengths[i] as number;
      visit(names.subarray(nextWord * 4, nextWord * 4 + length), this.#balances[i] as MinorUnits);
      nextWord += (length + 3) >> 2;
    }
    return { account: end, word: nextWord };
  }

  /** The slot of the name, or the free one where it belongs; -1 if the search took too long to be chance. */
  #findSlot(view: DataView, start: number, length: number, hash: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    for (let step = 0; step < SEARCH_MAX || this.#isKeyed; step++) {
      const slot = ((hash + step) & mask) * SLOT_WORDS;
      if (slots[slot] === 0) return slot;
      if (slots[slot + 1] === hash && slots[slot + 3] === length) {
        if (this.#hasName(slots[slot + 2] as number, view, start, length)) return slot;
      }
    }
    return -1;
  }

  #turnKeyed(): void {
    this.#isKeyed = true;
    const names = new DataView(this.#names.buffer);
    const slots = this.#slots;
    for (let slot = 0; slot < slots.length; slot += SLOT_WORDS) {
      if (slots[slot] === 0) continue;
      const start = (slots[slot + 2] as number) * 4;
      slots[slot + 1] = halfSipHash(names, start, slots[slot + 3] as number, this.#key);
    }
    this.#fill(new Int32Array(slots.length));
  }

  #hasName(firstWord: number, view: DataView, start: number, length: number): boolean {
    const names = this.#names;
    const wholeEnd = start + (length & ~3);
    let word = firstWord;
    for (let at = start; at < wholeEnd; at += 4) {
      if (names[word++] !== view.getInt32(at, true)) return false;
    }
    return (length & 3) === 0 || names[word] === lowBytes(view.getInt32(wholeEnd, true), length & 3);
  }

  #open(slot: number, view: DataView, start: number, length: number, hash: number): number {
    this.#log?.openAccount(view, start, length);
    return this.#insert(slot, view, start, length, hash);
  }

  #insert(slot: number, view: DataView, start: number, length: number, hash: number): number {
    const words = (length + 3) >> 2;
    if (this.#nameWords + words > this.#names.length) this.#names = grown(this.#names, Int32Array);
    if (this.#accounts === this.#balances.length) {
      this.#balances = grown(this.#balances, Float64Array);
      this.#lengths = grown(this.#lengths, Uint8Array);
    }
    const wholeWords = length >> 2;
    for (let i = 0; i < wholeWords; i++)
      this.#names[this.#nameWords + i] = view.getInt32(start + 4 * i, true);
    if (words > wholeWords) {
      const last = view.getInt32(start + 4 * wholeWords, true);
      this.#names[this.#nameWords + wholeWords] = lowBytes(last, length & 3);
    }
    const account = this.#accounts++;
    this.#lengths[account] = length;
    this.#slots.set([account + 1, hash, this.#nameWords, length], slot);
    this.#nameWords += words;
    if (this.#accounts * 2 > this.#mask) this.#rehash();
    return account;
  }

  #rehash(): void {
    this.#fill(new Int32Array(this.#slots.length * 2));
  }

  /** Moves all entries to a new table. */
  #fill(slots: Int32Array<ArrayBuffer>): void {
    const old = this.#slots;
    const mask = slots.length / SLOT_WORDS - 1;
    for (let from = 0; from < old.length; from += SLOT_WORDS) {
      if (old[from] === 0) continue;
      let i = (old[from + 1] as number) & mask;
      while (slots[i * SLOT_WORDS] !== 0) i = (i + 1) & mask;
      slots.set(old.subarray(from, from + SLOT_WORDS), i * SLOT_WORDS);
    }
    this.#slots = slots;
    this.#mask = mask;
  }
}

function grown<A extends Int32Array | Float64Array | Uint8Array>(old: A, make: new (length: number) => A): A {
  const larger = new make(old.length * 2);
  larger.set(old);
  return larger;
}
