/**
 * A shard's snapshot in pieces of at most a megabyte: a head in msgpack, then the bytes of the names, of their lengths
 * and of the balances, one after the other.
 */
import { Packr } from 'msgpackr';
import type { FrozenLedger } from './ledger.ts';
import type { StoredUploads } from './uploads.ts';

const PIECE_BYTES = 1024 * 1024;
const packr = new Packr({ useRecords: false });

interface Head {
  readonly postings: number;
  readonly nameWords: number;
  readonly accounts: number;
  readonly uploads: StoredUploads;
}

export interface ShardState {
  readonly ledger: FrozenLedger;
  readonly uploads: StoredUploads;
}

/** `state` must not change while the pieces are taken. */
export function* encodeSnapshot({ ledger, uploads }: ShardState): Generator<Uint8Array> {
  const { postings, names, lengths, balances } = ledger;
  const head: Head = { postings, nameWords: names.length, accounts: lengths.length, uploads };
  yield packr.pack(head);
  for (const array of [names, lengths, balances]) {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
  }
}

/** Throws a RangeError if the pieces are not those of a ledger. */
export function decodeSnapshot([first, ...rest]: readonly Uint8Array[]): ShardState {
  const { postings, nameWords, accounts, uploads } = packr.unpack(first as Uint8Array) as Head;
  const names = new Int32Array(nameWords);
  const lengths = new Uint8Array(accounts);
  const balances = new Float64Array(accounts);
  const body = Buffer.concat(rest);
  const expected = names.byteLength + lengths.byteLength + balances.byteLength;
  if (body.length !== expected) {
    throw new RangeError(`a snapshot has ${body.length} bytes where it should have ${expected}`);
  }
  let at = 0;
  for (const array of [names, lengths, balances]) {
    new Uint8Array(array.buffer).set(body.subarray(at, at + array.byteLength));
    at += array.byteLength;
  }
  if (lengths.reduce((words, length) => words + ((length + 3) >> 2), 0) !== nameWords) {
    throw new RangeError('the names in a snapshot are not as long as it says');
  }
  const wrong = balances.find((balance) => !Number.isSafeInteger(balance));
  if (wrong !== undefined) throw new RangeError(`a snapshot has a balance of ${wrong} cents`);
  return { ledger: { postings, names, lengths, balances }, uploads };
}
