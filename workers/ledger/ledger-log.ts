/**
 * The events of a ledger shard, flat: what a posting, a new account or an upload has changed, in 32-bit words.
 *
 *     head word     number << 3 | kind
 *     posting       number of the account; cents                          1 word, if they fit
 *     widePosting   number of the account; cents                          2 words, float64
 *     openAccount   length of the name in bytes; the name, padded with zeros to whole words
 *     openUpload    length of the id in bytes; the id, padded likewise
 *     mark          number of the upload; line up to which it is done     2 words, float64
 *     discard       number of the upload; line × 16 + reason              2 words, float64
 *     forgetUpload  number of the upload
 *     further       which of the further kinds; what follows is its own
 *
 *     key           length of the key in bytes                            1 word
 *                   how many transactions of the request were refused     1 word
 *                   fingerprint of the postings                           2 words, float64
 *                   each refused one: its index × 16 + reason             1 word
 *                   the key, padded likewise
 *
 * Accounts are numbered from 0, uploads from 0, each in the order in which they were opened. A key comes behind the
 * postings that came with it. No number of a kind is free any more: whatever comes to be is a further kind.
 */
import type { RememberedKey } from './keys.ts';

export const EVENT = {
  posting: 0,
  widePosting: 1,
  openAccount: 2,
  openUpload: 3,
  mark: 4,
  discard: 5,
  forgetUpload: 6,
  further: 7,
} as const;

const FURTHER = { key: 0 } as const;

export const KIND_BITS = 3;
export const KIND_MASK = (1 << KIND_BITS) - 1;
const CAPACITY_MIN_WORDS = 1024;
/** A buffer that one great turn has made is not kept. */
const CAPACITY_KEPT_WORDS = 1024 * 1024;
/** The longest event of fixed length. */
const FIXED_WORDS_MAX = 3;
const KEY_HEAD = (FURTHER.key << KIND_BITS) | EVENT.further;
/** What of a key comes before its refusals. */
const KEY_HEAD_WORDS = 5;

export interface LoggedEvents {
  readonly bytes: Uint8Array;
  readonly count: number;
}

/** Collects events until they are taken. */
export class LedgerLog {
  #words = new Int32Array(CAPACITY_MIN_WORDS);
  #floats = new DataView(this.#words.buffer);
  #used = 0;
  #count = 0;

  /** Bytes that wait to be taken. */
  get length(): number {
    return this.#used * 4;
  }

  posting(account: number, cents: number): void {
    const at = this.#used;
    if (at + FIXED_WORDS_MAX > this.#words.length) this.#grow(FIXED_WORDS_MAX);
    const small = cents | 0;
    if (small === cents) {
      this.#words[at] = (account << KIND_BITS) | EVENT.posting;
      this.#words[at + 1] = small;
      this.#used = at + 2;
      this.#count++;
    } else this.#float(EVENT.widePosting, account, cents);
  }

  /** `length` bytes of `view` from `start`; up to 3 more are read. */
  openAccount(view: DataView, start: number, length: number): void {
    this.#text(EVENT.openAccount, view, start, length);
  }

  openUpload(id: Uint8Array): void {
    const padded = new Uint8Array((id.length + 3) & ~3);
    padded.set(id);
    this.#text(EVENT.openUpload, new DataView(padded.buffer), 0, id.length);
  }

  mark(upload: number, line: number): void {
    this.#float(EVENT.mark, upload, line);
  }

  discard(upload: number, packed: number): void {
    this.#float(EVENT.discard, upload, packed);
  }

  forgetUpload(upload: number): void {
    if (this.#used === this.#words.length) this.#grow(1);
    this.#words[this.#used++] = (upload << KIND_BITS) | EVENT.forgetUpload;
    this.#count++;
  }

  key({ key, fingerprint, refused }: RememberedKey): void {
    const words = KEY_HEAD_WORDS + refused.length + ((key.length + 3) >> 2);
    if (this.#used + words > this.#words.length) this.#grow(words);
    const at = this.#used;
    this.#words[at] = KEY_HEAD;
    this.#words[at + 1] = key.length;
    this.#words[at + 2] = refused.length;
    this.#floats.setFloat64((at + 3) * 4, fingerprint, true);
    this.#words.set(refused, at + KEY_HEAD_WORDS);
    const keyAt = at + KEY_HEAD_WORDS + refused.length;
    this.#words[at + words - 1] = 0;
    for (let i = 0; i < key.length; i++) this.#floats.setUint8(keyAt * 4 + i, key.charCodeAt(i));
    this.#used = at + words;
    this.#count++;
  }

  /** Removes and returns what was collected, valid until the next event; undefined if nothing. */
  take(): LoggedEvents | undefined {
    if (this.#count === 0) return undefined;
    const events = { bytes: new Uint8Array(this.#words.buffer, 0, this.#used * 4), count: this.#count };
    this.#used = 0;
    this.#count = 0;
    if (this.#words.length > CAPACITY_KEPT_WORDS) this.#resize(CAPACITY_MIN_WORDS);
    return events;
  }

  #float(kind: number, number: number, value: number): void {
    const at = this.#used;
    if (at + FIXED_WORDS_MAX > this.#words.length) this.#grow(FIXED_WORDS_MAX);
    this.#words[at] = (number << KIND_BITS) | kind;
    this.#floats.setFloat64((at + 1) * 4, value, true);
    this.#used = at + FIXED_WORDS_MAX;
    this.#count++;
  }

  #text(kind: number, view: DataView, start: number, length: number): void {
    const words = (length + 3) >> 2;
    if (this.#used + 1 + words > this.#words.length) this.#grow(1 + words);
    this.#words[this.#used++] = (length << KIND_BITS) | kind;
    for (let i = 0; i < words; i++) {
      const rest = length - 4 * i;
      const word = view.getInt32(start + 4 * i, true);
      this.#words[this.#used++] = rest >= 4 ? word : word & ((1 << (rest << 3)) - 1);
    }
    this.#count++;
  }

  #grow(words: number): void {
    this.#resize(Math.max(this.#words.length * 2, this.#used + words));
  }

  #resize(capacity: number): void {
    const words = new Int32Array(capacity);
    words.set(this.#words.subarray(0, this.#used));
    this.#words = words;
    this.#floats = new DataView(words.buffer);
  }
}

/** What `readEvents` calls for each event. Texts are given as a view that may be read 4 bytes beyond their end. */
export interface LedgerEvents {
  posting(account: number, cents: number): void;
  openAccount(view: DataView, start: number, length: number): void;
  openUpload(id: Uint8Array): void;
  mark(upload: number, line: number): void;
  discard(upload: number, packed: number): void;
  forgetUpload(upload: number): void;
  key(key: RememberedKey): void;
}

/** Reads the events in `bytes` from `start` to `end`, behind which there are 4 bytes more (in a batch its trailer). */
export function readEvents(bytes: Uint8Array, start: number, end: number, events: LedgerEvents): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = start; at < end; ) {
    const head = view.getInt32(at, true);
    const number = head >>> KIND_BITS;
    at += 4;
    switch (head & KIND_MASK) {
      case EVENT.posting:
        events.posting(number, view.getInt32(at, true));
        at += 4;
        break;
      case EVENT.widePosting:
        events.posting(number, view.getFloat64(at, true));
        at += 8;
        break;
      case EVENT.openAccount:
        events.openAccount(view, at, number);
        at += (number + 3) & ~3;
        break;
      case EVENT.openUpload:
        events.openUpload(bytes.subarray(at, at + number));
        at += (number + 3) & ~3;
        break;
      case EVENT.mark:
        events.mark(number, view.getFloat64(at, true));
        at += 8;
        break;
      case EVENT.discard:
        events.discard(number, view.getFloat64(at, true));
        at += 8;
        break;
      case EVENT.forgetUpload:
        events.forgetUpload(number);
        break;
      default:
        at = readFurther(bytes, view, at - 4, events);
    }
  }
}

/** Where the event of a further kind ends whose head is at `at`. Throws a RangeError if the kind is not known. */
export function endOfFurther(view: DataView, at: number): number {
  const head = view.getInt32(at, true);
  if (head !== KEY_HEAD) throw new RangeError(`no event of a ledger has the head ${head}`);
  const length = view.getUint32(at + 4, true);
  const refusals = view.getUint32(at + 8, true);
  return at + 4 * (KEY_HEAD_WORDS + refusals + Math.ceil(length / 4));
}

/** Reads the event of a further kind whose head is at `at`; returns where it ends. */
export function readFurther(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  events: Pick<LedgerEvents, 'key'>,
): number {
  const end = endOfFurther(view, at);
  const length = view.getUint32(at + 4, true);
  const refusedAt = at + 4 * KEY_HEAD_WORDS;
  const refused = Array.from({ length: view.getUint32(at + 8, true) }, (_, i) =>
    view.getInt32(refusedAt + 4 * i, true),
  );
  const keyAt = bytes.byteOffset + refusedAt + 4 * refused.length;
  const key = Buffer.from(bytes.buffer, keyAt, length).toString('latin1');
  events.key({ key, fingerprint: view.getFloat64(at + 12, true), refused });
  return end;
}
