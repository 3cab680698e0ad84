/**
 * The bank's plain wire: lines `Name credit|debit $amount`, from bytes to postings.
 *
 *     line     = blanks? name blanks type blanks amount blanks? CR? LF      blanks are spaces and tabs
 *     name     = 1 to 64 bytes, none of them white space
 *     type     = "credit" | "debit"
 *     amount   = "$"? digits ("." digit digit?)?                            at most 90,071,992,547,409.91
 *
 * Anything else is discarded as a whole and counted by reason; the wire stays silent.
 *
 * Nearly all lines are in the plain form that programs write: single spaces, none around, LF or CRLF. `#takePlain` reads
 * those four bytes at a time and posts them in place. Whatever it does not recognise, and the last lines of a buffer,
 * beyond which it might read, go through `#takeAny`, which knows the whole grammar and every reason. Both must agree:
 * a test compares them with a third, naive reader.
 */
import {
  DISCARD_REASONS,
  type DiscardCounts,
  type DiscardReason,
  LEDGER_SHARDS,
  NAME_LENGTH_MAX,
} from '../../src/protocol/bank.ts';
import {
  HASH_SEED,
  hashName,
  lowBytes,
  mixLastWord,
  mixWord,
  POSTING,
  type PostingOutcome,
  refusalOf,
  viewOf,
} from './ledger.ts';

/** Where postings go: a ledger in this host, or what is being written for one elsewhere. */
export interface PostingTarget {
  /** `line` is the line's index among those that were given to `take`. */
  post(
    view: DataView,
    start: number,
    length: number,
    hash: number,
    cents: number,
    line: number,
  ): PostingOutcome;
}

/** Told of each line that is discarded, by its index among those given to `take`; `shard` has refused it, if one has. */
export type OnDiscard = (line: number, reason: DiscardReason, shard?: number) => void;

interface ScratchPosting {
  readonly nameStart: number;
  readonly nameLength: number;
  readonly cents: number;
}

/** The shard that owns an account. Not the bits with which the ledger's table begins. */
export function shardOf(hash: number): number {
  return (hash >>> 24) & (LEDGER_SHARDS - 1);
}

/** The shard that has, or would have, the account of that name. */
export function shardOfName(name: Uint8Array): number {
  return shardOf(hashName(viewOf(name), 0, name.length));
}

const LF = 10;
const CR = 13;
const SPACE = 32;
const TAB = 9;
const DOLLAR = 36;
const POINT = 46;
const ZERO = 48;
/** `debi` and `cred`, `bit ` and `dit `, as little-endian words. */
const DEBI = 0x69626564;
const CRED_MINUS_DEBI = 0x64657263 - DEBI;
const BIT_SPACE = 0x20746962;
const DIT_MINUS_BIT = 2;
/** `it` and `t`. */
const IT = 0x7469;
const T = 0x74;
/** A plain line fits in this: name 64 and a word of overrun, type 7, amount 1 + 13 + 3, line end. */
const PLAIN_BYTES_MAX = 96;
const PLAIN_DIGITS_MAX = 13;
const DOLLARS_MAX = 90_071_992_547_409;
const CENTS_OF_DOLLARS_MAX = 91;
/** Bytes that may be read, and are ignored, after a name in the scratch buffer. */
const OVERRUN_BYTES = 4;

export class BankLines {
  readonly #lineLengthMax: number;
  /** One line, for `#takeAny`. */
  readonly #scratch: Uint8Array;
  readonly #scratchView: DataView;
  /** Discarded lines by index into DISCARD_REASONS, since the last `takeDiscards`. */
  readonly #discards = new Float64Array(DISCARD_REASONS.length);
  #discarded = 0;
  /** Index of the line that is being taken. */
  #line = 0;
  #onDiscard: OnDiscard | undefined;

  constructor(lineLengthMax: number) {
    this.#lineLengthMax = lineLengthMax;
    this.#scratch = new Uint8Array(lineLengthMax + OVERRUN_BYTES);
    this.#scratchView = new DataView(this.#scratch.buffer);
  }

  /**
   * Posts the lines of `bytes` from `start` to `end`, of which the last byte is an LF; returns how many they are.
   * `targets` are the shards.
   */
  take(
    bytes: Uint8Array,
    start: number,
    end: number,
    targets: readonly PostingTarget[],
    onDiscard?: OnDiscard,
  ): number {
    this.#line = 0;
    this.#onDiscard = onDiscard;
    const plainEnd = Math.min(end, bytes.length - PLAIN_BYTES_MAX);
    let at = start;
    while (at < end) {
      at = this.#takePlain(bytes, at, plainEnd, targets);
      if (at < end) at = this.#takeAny(bytes, at, targets);
    }
    this.#onDiscard = undefined;
    return this.#line;
  }

  /** What has been discarded since the last call, by reason; undefined if nothing. */
  takeDiscards(): DiscardCounts | undefined {
    if (this.#discarded === 0) return undefined;
    const counts: DiscardCounts = {};
    DISCARD_REASONS.forEach((reason, i) => {
      const count = this.#discards[i] as number;
      if (count > 0) counts[reason] = count;
    });
    this.#discards.fill(0);
    this.#discarded = 0;
    return counts;
  }

  discard(reason: DiscardReason, shard?: number): void {
    (this.#discards[DISCARD_REASONS.indexOf(reason)] as number) += 1;
    this.#discarded++;
    this.#onDiscard?.(this.#line, reason, shard);
  }

  /**
   * Posts plain lines from `start` until one is not plain or begins at or after `plainEnd`; returns where it begins.
   * Everything is read before anything is posted.
   */
  #takePlain(bytes: Uint8Array, start: number, plainEnd: number, targets: readonly PostingTarget[]): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let line = start;
    while (line < plainEnd) {
      let at = line;
      const nameEnd = line + NAME_LENGTH_MAX;
      let hash = HASH_SEED;
      let word = view.getInt32(at, true);
      // A byte below 0x21 sets its own top bit here; only higher bytes can be set in error.
      let ends = (word - 0x21212121) & ~word & 0x80808080;
      while (ends === 0) {
        hash = mixWord(hash, word);
        at += 4;
        if (at > nameEnd) return line;
        word = view.getInt32(at, true);
        ends = (word - 0x21212121) & ~word & 0x80808080;
      }
      const lastBytes = (31 - Math.clz32(ends & -ends)) >> 3;
      hash = mixLastWord(hash, lowBytes(word, lastBytes));
      at += lastBytes;
      const length = at - line;
      if (bytes[at] !== SPACE || length === 0 || length > NAME_LENGTH_MAX) return line;

      // 1 for credit, 0 for debit: 'd' - the first letter.
      const credit = 100 - (bytes[at + 1] as number);
      if (credit >>> 0 > 1) return line;
      if (view.getInt32(at + 1, true) !== DEBI + credit * CRED_MINUS_DEBI) return line;
      if (view.getInt32(at + 3 + credit, true) !== BIT_SPACE + credit * DIT_MINUS_BIT) return line;
      at += 7 + credit;

      let byte = bytes[at] as number;
      if (byte === DOLLAR) byte = bytes[++at] as number;
      let digit = (byte - ZERO) >>> 0;
      if (digit > 9) return line;
      let dollars = digit;
      const digitsEnd = at + PLAIN_DIGITS_MAX;
      byte = bytes[++at] as number;
      digit = (byte - ZERO) >>> 0;
      while (digit <= 9) {
        if (at === digitsEnd) return line;
        dollars = dollars * 10 + digit;
        byte = bytes[++at] as number;
        digit = (byte - ZERO) >>> 0;
      }
      let cents = dollars * 100;
      if (byte === POINT) {
        const tenths = ((bytes[at + 1] as number) - ZERO) >>> 0;
        const hundredths = ((bytes[at + 2] as number) - ZERO) >>> 0;
        if (tenths > 9 || hundredths > 9) return line;
        cents = dollars * 100 + tenths * 10 + hundredths;
        at += 3;
        byte = bytes[at] as number;
      }
      if (byte === CR) byte = bytes[++at] as number;
      if (byte !== LF) return line;

      // Multiplied, not chosen: which of the two comes next is the one branch that nothing predicts.
      const signed = cents * (credit + credit - 1);
      const target = targets[shardOf(hash)] as PostingTarget;
      const outcome = target.post(view, line, length, hash, signed, this.#line);
      if (outcome !== POSTING.applied) this.discard(refusalOf(outcome), shardOf(hash));
      this.#line++;
      line = at + 1;
    }
    return line;
  }

  /** Takes one line in any form; returns where the next begins. */
  #takeAny(bytes: Uint8Array, start: number, targets: readonly PostingTarget[]): number {
    const limit = start + this.#lineLengthMax;
    let at = start;
    // A loop: for lines as short as these it beats a search and a view to copy from.
    for (; bytes[at] !== LF; at++) {
      if (at === limit) {
        this.discard('line-too-long');
        this.#line++;
        return bytes.indexOf(LF, at) + 1;
      }
      this.#scratch[at - start] = bytes[at] as number;
    }
    this.#postScratch(at - start, targets);
    this.#line++;
    return at + 1;
  }

  /** Posts the line in the scratch buffer, or discards it. */
  #postScratch(lineLength: number, targets: readonly PostingTarget[]): void {
    const posting = this.#readScratch(lineLength);
    if (typeof posting === 'string') {
      this.discard(posting);
      return;
    }
    const { nameStart, nameLength, cents } = posting;
    const hash = hashName(this.#scratchView, nameStart, nameLength);
    const target = targets[shardOf(hash)] as PostingTarget;
    const outcome = target.post(this.#scratchView, nameStart, nameLength, hash, cents, this.#line);
    if (outcome !== POSTING.applied) this.discard(refusalOf(outcome), shardOf(hash));
  }

  /** The line in the scratch buffer, or why it is none. */
  #readScratch(lineLength: number): ScratchPosting | DiscardReason {
    const line = this.#scratch;
    const end = lineLength > 0 && line[lineLength - 1] === CR ? lineLength - 1 : lineLength;
    const nameStart = skipBlanks(line, 0, end);
    const nameEnd = skipField(line, nameStart, end);
    const typeStart = skipBlanks(line, nameEnd, end);
    const typeEnd = skipField(line, typeStart, end);
    const amountStart = skipBlanks(line, typeEnd, end);
    const amountEnd = skipField(line, amountStart, end);
    if (nameStart === end) return 'empty';
    if (amountStart === end || skipBlanks(line, amountEnd, end) !== end) return 'not-three-fields';
    if (!isName(line, nameStart, nameEnd)) return 'name';
    const sign = signOf(this.#scratchView, typeStart, typeEnd - typeStart);
    if (sign === 0) return 'type';
    const cents = parseAmount(line, amountStart, amountEnd);
    if (typeof cents === 'string') return cents;
    return { nameStart, nameLength: nameEnd - nameStart, cents: sign * cents };
  }
}

function skipBlanks(line: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (line[at] === SPACE || line[at] === TAB)) at++;
  return at;
}

function skipField(line: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && line[at] !== SPACE && line[at] !== TAB) at++;
  return at;
}

/** White space that does not separate fields (vertical tab, form feed, carriage return) can't be in a name. */
function isName(line: Uint8Array, start: number, end: number): boolean {
  if (end - start > NAME_LENGTH_MAX) return false;
  for (let at = start; at < end; at++) {
    const byte = line[at] as number;
    if (byte > TAB && byte <= CR) return false;
  }
  return true;
}

/** 1 for credit, -1 for debit, 0 for anything else. */
function signOf(view: DataView, start: number, length: number): number {
  const letters = view.getInt32(start, true);
  if (length === 6 && letters === DEBI + CRED_MINUS_DEBI && view.getInt16(start + 4, true) === IT) return 1;
  return length === 5 && letters === DEBI && view.getUint8(start + 4) === T ? -1 : 0;
}

/** The amount in cents, or the reason why it is none. */
function parseAmount(line: Uint8Array, start: number, end: number): number | 'amount' | 'amount-too-large' {
  let at = line[start] === DOLLAR ? start + 1 : start;
  let dollars = 0;
  const digitsStart = at;
  for (; at < end && isDigit(line[at] as number); at++) {
    // Saturates instead of losing precision: once too large, always too large.
    if (dollars <= DOLLARS_MAX) dollars = dollars * 10 + ((line[at] as number) - ZERO);
  }
  if (at === digitsStart) return 'amount';
  let cents = 0;
  if (at < end) {
    const decimals = end - at - 1;
    if (line[at] !== POINT || decimals < 1 || decimals > 2) return 'amount';
    for (at++; at < end; at++) {
      if (!isDigit(line[at] as number)) return 'amount';
      cents = cents * 10 + ((line[at] as number) - ZERO);
    }
    if (decimals === 1) cents *= 10;
  }
  if (dollars > DOLLARS_MAX || (dollars === DOLLARS_MAX && cents > CENTS_OF_DOLLARS_MAX))
    return 'amount-too-large';
  return dollars * 100 + cents;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= ZERO + 9;
}
