/** What came of the messages of a connection, in numbers. */
import { ACCEPTED, CANCELED, LETTER, REJECTED } from '../../src/protocol/ouch/layout.ts';
import type { InboundMessage } from '../../src/protocol/ouch/messages.ts';

/** Of ASCII. */
const LETTERS = 128;
/** Of a replace that was not taken. */
const REPLACE_REASONS = 'XZNYDViRFG';
/** Of a cancel that was. */
const CANCEL_REASON = 'U';

/** How many messages were sent and came, by their kinds. */
export class Tally {
  entered = 0;
  asksToReplace = 0;
  asksToCancel = 0;
  accepted = 0;
  replaced = 0;
  executed = 0;
  prevented = 0;
  /** By the letters of their reasons. */
  readonly rejected = new Uint32Array(LETTERS);
  readonly canceled = new Uint32Array(LETTERS);

  get sent(): number {
    return this.entered + this.asksToReplace + this.asksToCancel;
  }

  /** Those without any answer. An order that others cancel while its own cancel is on its way can not be told from one. */
  get silent(): number {
    const answers =
      this.accepted + sum(this.rejected) + this.replaced + this.#canceledFor(REPLACE_REASONS + CANCEL_REASON);
    return Math.max(this.sent - answers, 0);
  }

  /** A message that is sent, by its letter. */
  countSent(letter: number): void {
    if (letter === LETTER.enter) this.entered += 1;
    else if (letter === LETTER.replace) this.asksToReplace += 1;
    else this.asksToCancel += 1;
  }

  /** A reply, whose letter is at `at`. */
  count(bytes: Uint8Array, at: number): void {
    switch (bytes[at]) {
      case LETTER.accepted:
        this.accepted += 1;
        break;
      case LETTER.executed:
        this.executed += 1;
        break;
      case LETTER.canceled:
        addOne(this.canceled, bytes[at + CANCELED.reason]);
        break;
      case LETTER.replaced:
        this.replaced += 1;
        break;
      case LETTER.rejected:
        addOne(this.rejected, bytes[at + REJECTED.reason]);
        break;
      case LETTER.aiqCanceled:
        this.prevented += 1;
    }
  }

  add(other: Tally): void {
    this.entered += other.entered;
    this.asksToReplace += other.asksToReplace;
    this.asksToCancel += other.asksToCancel;
    this.accepted += other.accepted;
    this.replaced += other.replaced;
    this.executed += other.executed;
    this.prevented += other.prevented;
    addAll(this.rejected, other.rejected);
    addAll(this.canceled, other.canceled);
  }

  #canceledFor(reasons: string): number {
    let count = 0;
    for (let i = 0; i < reasons.length; i++) count += this.canceled[reasons.charCodeAt(i)] ?? 0;
    return count;
  }
}

function addOne(counts: Uint32Array, letter: number | undefined): void {
  if (letter !== undefined && letter < LETTERS) counts[letter] = (counts[letter] as number) + 1;
}

function addAll(counts: Uint32Array, others: Uint32Array): void {
  for (let i = 0; i < counts.length; i++) counts[i] = (counts[i] as number) + (others[i] as number);
}

function sum(counts: Uint32Array): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** 64 to each doubling, so that a value is known to 1.6 %; below 64 µs each has its own. */
const SHARES_BITS = 6;
const SHARES = 1 << SHARES_BITS;
const US_MAX = 0x7fffffff;
const BUCKETS = SHARES * (32 - SHARES_BITS);

/** How long answers took, in microseconds, in the same room however many there were. */
export class Latency {
  readonly #counts = new Uint32Array(BUCKETS);
  count = 0;

  record(us: number): void {
    const bucket = bucketOf(Math.min(Math.round(us), US_MAX));
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.count += 1;
  }

  /** Not above it: so much of them all. Undefined of none. */
  quantileUs(share: number): number | undefined {
    let left = Math.max(Math.ceil(share * this.count), 1);
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#counts[bucket] as number;
      if (left <= 0) return middleOf(bucket);
    }
    return undefined;
  }

  add(other: Latency): void {
    addAll(this.#counts, other.#counts);
    this.count += other.count;
  }
}

function bucketOf(us: number): number {
  if (us < SHARES) return us;
  const shift = 31 - Math.clz32(us) - SHARES_BITS;
  return SHARES * (shift + 1) + (us >>> shift) - SHARES;
}

function middleOf(bucket: number): number {
  if (bucket < SHARES) return bucket;
  const shift = Math.floor(bucket / SHARES) - 1;
  return (SHARES + (bucket % SHARES)) * 2 ** shift + Math.floor(2 ** shift / 2);
}

/** The messages of a connection whose answers are timed: each O, U and X until its A, J, U or C. */
export class Probes {
  /** In the order in which they were sent, which is that of their answers. */
  readonly #sentMs = new Map<string, number>();

  sent(message: InboundMessage, nowMs: number): void {
    const token = message.type === 'replace' ? message.replacementToken : message.token;
    this.#sentMs.set(keyOf(message.type === 'cancel', token), nowMs);
  }

  /** The microseconds that an answer took; undefined if the message is none. */
  answered(bytes: Uint8Array, at: number, nowMs: number): number | undefined {
    const letter = bytes[at];
    const isCancel = letter === LETTER.canceled;
    if (!isCancel && !isAnswer(letter)) return undefined;
    const key = keyOf(isCancel, tokenAt(bytes, at));
    const sentMs = this.#sentMs.get(key);
    if (sentMs === undefined) return undefined;
    // Those before it will not be answered any more.
    for (const earlier of this.#sentMs.keys()) {
      this.#sentMs.delete(earlier);
      if (earlier === key) break;
    }
    return (nowMs - sentMs) * 1000;
  }

  clear(): void {
    this.#sentMs.clear();
  }
}

function keyOf(isCancel: boolean, token: number): string {
  return `${isCancel ? 'X' : 'O'}${token}`;
}

/** To an order or a replace: it was taken, or not. */
export function isAnswer(letter: number | undefined): boolean {
  return letter === LETTER.accepted || letter === LETTER.rejected || letter === LETTER.replaced;
}

/** Of a reply that is about an order. */
export function tokenAt(bytes: Uint8Array, at: number): number {
  const from = at + ACCEPTED.token;
  return (
    (bytes[from] as number) * 2 ** 24 +
    (((bytes[from + 1] as number) << 16) | ((bytes[from + 2] as number) << 8) | (bytes[from + 3] as number))
  );
}
