/**
 * What a request of the api posts, from its decoded msgpack to byte messages for the shards. Everything in it is as the
 * client has sent it: hostile until it is looked at.
 *
 *     transactions   [[account, cents], …]       at most REQUEST_TRANSACTIONS_MAX; none is none for any shard
 *     account        a string or bytes           1 to 64 bytes, in UTF-8 if it is a string, none of them white space
 *     cents          a safe integer              negative for a debit
 */
import { LEDGER_SHARDS, NAME_LENGTH_MAX, REQUEST_TRANSACTIONS_MAX } from '../../src/protocol/bank.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { shardOf } from './bank-lines.ts';
import { hashName } from './ledger.ts';
import { PostingsWriter } from './postings.ts';

const TAB = 9;
const CR = 13;
const SPACE = 32;
const ASCII_MAX = 0x7f;
/** From here on a call of the native function is quicker than a loop. */
const NATIVE_LENGTH_MIN = 16;
/** What has no bytes in UTF-8. */
const LONE_SURROGATE = /\p{Surrogate}/u;
/** A name that is too long is encoded up to here, and its last word is read whole. */
const SCRATCH_BYTES = NAME_LENGTH_MAX + 4;
/** So much of a wrong value is shown. */
const SHOWN_MAX = 80;
/** In place of the length of what is no name. */
const NO_NAME = -1;

const encoder = new TextEncoder();

/** One account's name at a time, where it can be read by words. */
class NameScratch {
  readonly bytes = new Uint8Array(SCRATCH_BYTES);
  readonly view = new DataView(this.bytes.buffer);

  /** Puts the name at the beginning; returns its length, or NO_NAME. */
  take(account: unknown): number {
    if (typeof account === 'string') return this.#takeText(account);
    return account instanceof Uint8Array ? this.#takeBytes(account) : NO_NAME;
  }

  #takeText(text: string): number {
    if (text.length < NATIVE_LENGTH_MIN && this.#copyAscii(text)) return this.#checked(text.length);
    const { read, written } = encoder.encodeInto(text, this.bytes);
    if (read !== text.length || (written !== read && LONE_SURROGATE.test(text))) return NO_NAME;
    return this.#checked(written);
  }

  /** False if it is not all ASCII. */
  #copyAscii(text: string): boolean {
    for (let i = 0; i < text.length; i++) {
      const character = text.charCodeAt(i);
      if (character > ASCII_MAX) return false;
      this.bytes[i] = character;
    }
    return true;
  }

  #takeBytes(name: Uint8Array): number {
    if (name.length > NAME_LENGTH_MAX) return NO_NAME;
    this.bytes.set(name);
    return this.#checked(name.length);
  }

  #checked(length: number): number {
    return length === 0 || length > NAME_LENGTH_MAX || this.#hasWhiteSpace(length) ? NO_NAME : length;
  }

  /** Four bytes at a time, since hardly any name has a byte that could be. */
  #hasWhiteSpace(length: number): boolean {
    // So that nothing is found behind it.
    this.view.setInt32(length, -1);
    for (let at = 0; at < length; at += 4) {
      const word = this.view.getInt32(at);
      const isAnyLow = ((word - 0x21212121) & ~word & 0x80808080) !== 0;
      if (isAnyLow && this.bytes.subarray(at, at + 4).some(isWhiteSpace)) return true;
    }
    return false;
  }
}

/** As bank-lines.ts has it: what separates fields, and what is in no field. */
function isWhiteSpace(byte: number): boolean {
  return byte === SPACE || (byte >= TAB && byte <= CR);
}

/** One for all sessions of a host. */
export class ApiPostings {
  readonly #writers = Array.from({ length: LEDGER_SHARDS }, () => new PostingsWriter());
  readonly #name = new NameScratch();

  /**
   * The request's postings, by shard; undefined for one that it does not concern. Throws ERR_API_PARAMS if anything in
   * it is wrong: which transaction is in the text and the field `index`, if it is one.
   */
  take(transactions: unknown): readonly (Uint8Array | undefined)[] {
    checkList(transactions);
    try {
      for (let i = 0; i < transactions.length; i++) this.#take(transactions[i], i);
    } catch (error) {
      for (const writer of this.#writers) writer.clear();
      throw error;
    }
    return this.#writers.map((writer) => writer.take());
  }

  #take(transaction: unknown, index: number): void {
    if (!Array.isArray(transaction) || transaction.length !== 2) {
      throw wrong(index, `is [account, cents], not ${shown(transaction)}`);
    }
    const [account, cents] = transaction;
    const { view } = this.#name;
    const length = this.#name.take(account);
    if (length === NO_NAME) throw wrong(index, `has ${shown(account)} as its account: ${NAME_RULE}`);
    if (!Number.isSafeInteger(cents)) {
      throw wrong(index, `has ${shown(cents)} as its cents: a whole number within ±9007199254740991`);
    }
    const hash = hashName(view, 0, length);
    (this.#writers[shardOf(hash)] as PostingsWriter).post(view, 0, length, hash, cents, index);
  }
}

const NAME_RULE = `a name is 1 to ${NAME_LENGTH_MAX} bytes, as UTF-8 if it is a string, without white space`;

/** The bytes of an account's name, by itself in a request. Throws ERR_API_PARAMS. */
export function accountBytes(account: unknown): Uint8Array {
  const scratch = new NameScratch();
  const length = scratch.take(account);
  if (length !== NO_NAME) return scratch.bytes.slice(0, length);
  throw new OutcryError('ERR_API_PARAMS', `${shown(account)} is no account: ${NAME_RULE}`);
}

function checkList(transactions: unknown): asserts transactions is readonly unknown[] {
  if (!Array.isArray(transactions)) {
    throw new OutcryError('ERR_API_PARAMS', `transactions are an array, not ${shown(transactions)}`);
  }
  const { length } = transactions;
  if (length <= REQUEST_TRANSACTIONS_MAX) return;
  throw new OutcryError(
    'ERR_API_PARAMS',
    `a request has at most ${REQUEST_TRANSACTIONS_MAX} transactions, not ${length}`,
    { fields: { transactions: length } },
  );
}

function wrong(index: number, problem: string): OutcryError {
  return new OutcryError('ERR_API_PARAMS', `transaction ${index} ${problem}`, { fields: { index } });
}

/** What it is, and in short how it looks. */
function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, SHOWN_MAX));
  if (typeof value !== 'object') return String(value).slice(0, SHOWN_MAX);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return value === null ? 'null' : 'an object';
}
