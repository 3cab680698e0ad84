/**
 * The idempotency keys that a shard remembers, first in, first out: with which postings each came, and what of them was
 * refused, so that a request that comes again is answered as it was and posts nothing.
 */

import { REQUEST_TRANSACTIONS_MAX } from '../../src/protocol/bank.ts';
import { copyOf } from '../../src/values/copy-of.ts';

/**
 * Keys that are remembered, by each shard. A client that tries again does so within minutes; at a hundred keyed requests
 * a second that concern every shard it has ten. A key of 36 letters takes 130 bytes, so they are 9 MB a shard. It is no
 * setting: what is remembered follows from the events alone, or a replay would end up elsewhere.
 */
export const KEYS_KEPT = 65_536;

/** Refusals that are remembered, of all keys together: beyond it the oldest keys are forgotten early. 8 MB a shard. */
export const REFUSALS_KEPT = 1_048_576;

export interface RememberedKey {
  readonly key: string;
  /** Of the postings that came with it. */
  readonly fingerprint: number;
  /** By index in the request, packed as uploads.ts packs a line. */
  readonly refused: readonly number[];
}

/** As they are stored: those of clients, and claims. */
const STORED_KEY = /^[\x20-\x7e]{1,128}$/;
const NOTHING: readonly number[] = [];

/** Under what name a key's home remembers the request that the key stands for. No client's key begins with a space. */
export function claimOf(key: string): string {
  return ` ${key}`;
}

export class Keys {
  /** In the order in which they came. Where nothing was refused only the fingerprint, 80 bytes less. */
  readonly #known = new Map<string, number | RememberedKey>();
  #refusals = 0;
  /** Goes on where it was: each new one would pass over all that was forgotten before. */
  #oldest: Iterator<string> | undefined;

  get count(): number {
    return this.#known.size;
  }

  find(key: string): RememberedKey | undefined {
    const known = this.#known.get(key);
    return typeof known === 'number' ? { key, fingerprint: known, refused: NOTHING } : known;
  }

  /** It must not be known. */
  add({ key: given, fingerprint, refused }: RememberedKey): void {
    const key = copyOf(given);
    this.#known.set(key, refused.length === 0 ? fingerprint : { key, fingerprint, refused: refused.slice() });
    this.#refusals += refused.length;
    while (this.#known.size > KEYS_KEPT || this.#refusals > REFUSALS_KEPT) this.#forgetOldest();
  }

  /** In the order in which they came. */
  store(): readonly RememberedKey[] {
    return Array.from(this.#known, ([key, known]) =>
      typeof known === 'number' ? { key, fingerprint: known, refused: NOTHING } : known,
    );
  }

  restore(keys: readonly RememberedKey[]): void {
    for (const key of keys) this.add(key);
  }

  #forgetOldest(): void {
    this.#oldest ??= this.#known.keys();
    const key = this.#oldest.next().value as string;
    this.#refusals -= this.find(key)?.refused.length ?? 0;
    this.#known.delete(key);
  }
}

/** Throws a RangeError if no shard could have remembered it. */
export function checkKey({ key, fingerprint, refused }: RememberedKey): void {
  if (!STORED_KEY.test(key)) {
    throw new RangeError(`a key is 1 to 128 printable ASCII characters, not ${JSON.stringify(key)}`);
  }
  if (!Number.isSafeInteger(fingerprint) || fingerprint < 0) {
    throw new RangeError(`a fingerprint is a whole number, not ${fingerprint}`);
  }
  if (refused.length > REQUEST_TRANSACTIONS_MAX) {
    throw new RangeError(
      `a request has ${REQUEST_TRANSACTIONS_MAX} transactions, not ${refused.length} refused ones`,
    );
  }
}

/** Of a whole request, from what it has for each shard. */
export function fingerprintOfAll(parts: readonly (Uint8Array | undefined)[]): number {
  const fingerprints = Float64Array.from(parts, (part) => (part === undefined ? -1 : fingerprintOf(part)));
  return fingerprintOf(new Uint8Array(fingerprints.buffer));
}

/**
 * Tells postings apart, with 53 bits: whole words, as postings.ts writes them. Part of the meaning of stored keys: never
 * change it.
 */
export function fingerprintOf(postings: Uint8Array): number {
  const view = new DataView(postings.buffer, postings.byteOffset, postings.length);
  let low = 0x811c9dc5;
  let high = 0x27d4eb2f;
  for (let at = 0; at < postings.length; at += 4) {
    const word = view.getInt32(at, true);
    low = Math.imul(low ^ word, 0x9e3779b1);
    low ^= low >>> 15;
    high = Math.imul(high ^ word, 0x85ebca77);
    high ^= high >>> 13;
  }
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}
