/**
 * One account's transactions, out of the stream of its shard: one pass forward over the flat events that are kept, with
 * no object for those of others.
 *
 * Of the history before the snapshot only the changes are known, not where they began: the balance there follows from
 * the snapshot's, backwards. Every sum on the way that is not a balance is a bigint, so that all of them are exact.
 */

import type { FrozenLedger } from './ledger.ts';
import { EVENT, endOfFurther, KIND_BITS, KIND_MASK } from './ledger-log.ts';

export interface Transaction {
  readonly position: number;
  readonly timeMs: number;
  readonly cents: number;
}

export interface StatementOptions {
  readonly name: Uint8Array;
  /** The shard's snapshot and the position of the last event in it, if there is one. */
  readonly snapshot: { readonly ledger: FrozenLedger; readonly events: number } | undefined;
  /** Transactions that are remembered: the last ones. */
  readonly last: number;
  /** Nothing behind this position counts. */
  readonly at: number;
}

/** No event has this head. */
const NO_HEAD = -1;

export class StatementScan {
  readonly #name: Uint8Array;
  readonly #covered: number;
  readonly #at: number;
  readonly #last: number;
  /** Heads of the account's postings, once its number is known. */
  #posting = NO_HEAD;
  #widePosting = NO_HEAD;
  /** Accounts that are open behind the snapshot. */
  #accounts: number;
  #openedAt: number | undefined;
  /** After `at`; of the snapshot, as long as the events are older. */
  #balance = 0;
  /** What the postings between `at` and the snapshot have added. */
  #later = 0n;
  #transactions: Transaction[] = [];

  constructor({ name, snapshot, last, at }: StatementOptions) {
    this.#name = name;
    this.#covered = snapshot?.events ?? 0;
    this.#at = at;
    this.#last = last;
    this.#accounts = snapshot?.ledger.balances.length ?? 0;
    const account = snapshot === undefined ? -1 : findAccount(snapshot.ledger, name);
    if (account < 0) return;
    this.#found(account);
    this.#balance = snapshot?.ledger.balances[account] as number;
  }

  /** The account exists. */
  get isKnown(): boolean {
    return this.#posting !== NO_HEAD;
  }

  /** Where the account was opened, if that is kept. */
  get openedAt(): number | undefined {
    return this.#openedAt;
  }

  /** After `at`. */
  get balance(): number {
    return Number(BigInt(this.#balance) - this.#later);
  }

  /** The last ones up to `at`, oldest first. */
  get transactions(): readonly Transaction[] {
    return this.#transactions.slice(-this.#last);
  }

  /** The next events of the shard, the first of them at `position`. */
  take(bytes: Uint8Array, start: number, end: number, position: number, timeMs: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let next = position;
    for (let at = start; at < end; next++) {
      const head = view.getInt32(at, true);
      at += 4;
      switch (head & KIND_MASK) {
        case EVENT.posting:
          if (head === this.#posting) this.#add(next, timeMs, view.getInt32(at, true));
          at += 4;
          break;
        case EVENT.widePosting:
          if (head === this.#widePosting) this.#add(next, timeMs, view.getFloat64(at, true));
          at += 8;
          break;
        case EVENT.openAccount:
          this.#open(bytes, at, head >>> KIND_BITS, next);
          at += ((head >>> KIND_BITS) + 3) & ~3;
          break;
        case EVENT.openUpload:
          at += ((head >>> KIND_BITS) + 3) & ~3;
          break;
        case EVENT.mark:
        case EVENT.discard:
          at += 8;
          break;
        case EVENT.forgetUpload:
          break;
        default:
          at = endOfFurther(view, at - 4);
      }
    }
  }

  #open(bytes: Uint8Array, start: number, length: number, position: number): void {
    if (isSame(this.#name, bytes, start, length)) {
      this.#openedAt = position;
      if (!this.isKnown) this.#found(this.#accounts);
    }
    if (position > this.#covered) this.#accounts++;
  }

  #found(account: number): void {
    this.#posting = (account << KIND_BITS) | EVENT.posting;
    this.#widePosting = (account << KIND_BITS) | EVENT.widePosting;
  }

  #add(position: number, timeMs: number, cents: number): void {
    if (position > this.#at) {
      if (position <= this.#covered) this.#later += BigInt(cents);
      return;
    }
    if (position > this.#covered) this.#balance += cents;
    this.#transactions.push({ position, timeMs, cents });
    // By halves, so that the list is not moved for each of them.
    if (this.#transactions.length >= 2 * this.#last + 64)
      this.#transactions.splice(0, this.#transactions.length - this.#last);
  }
}

/** The account's number; -1 if there is none of that name. */
function findAccount({ names, lengths }: FrozenLedger, name: Uint8Array): number {
  const bytes = new Uint8Array(names.buffer, names.byteOffset, names.byteLength);
  let start = 0;
  for (let account = 0; account < lengths.length; account++) {
    const length = lengths[account] as number;
    if (isSame(name, bytes, start, length)) return account;
    start += (length + 3) & ~3;
  }
  return -1;
}

function isSame(name: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (length !== name.length) return false;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== name[i]) return false;
  return true;
}
