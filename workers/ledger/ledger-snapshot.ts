/**
 * A shard's snapshot in pieces of at most a megabyte: a head in msgpack, then the bytes of the names, of their lengths
 * and of the balances, one after the other, then the keys in their order, each as its event is (ledger-log.ts), in pieces
 * of their own. Where there is no key the head says nothing of keys: so are the snapshots that were written before there
 * were any.
 */
import { Packr } from 'msgpackr';
import type { RememberedKey } from './keys.ts';
import type { FrozenLedger } from './ledger.ts';
import { LedgerLog, readFurther } from './ledger-log.ts';
import type { StoredUploads } from './uploads.ts';

const PIECE_BYTES = 1024 * 1024;
/** A piece with keys ends behind the one with which it is so long; none is longer than as much again. */
const KEYS_BYTES = PIECE_BYTES / 2;
const packr = new Packr({ useRecords: false });

interface Head {
  readonly postings: number;
  readonly nameWords: number;
  readonly accounts: number;
  readonly uploads: StoredUploads;
  /** How many. */
  readonly keys?: number;
}

export interface ShardState {
  readonly ledger: FrozenLedger;
  readonly uploads: StoredUploads;
  readonly keys: readonly RememberedKey[];
}

/** `state` must not change while the pieces are taken. */
export function* encodeSnapshot({ ledger, uploads, keys }: ShardState): Generator<Uint8Array> {
  const { postings, names, lengths, balances } = ledger;
  const head: Head = { postings, nameWords: names.length, accounts: lengths.length, uploads };
  yield packr.pack(keys.length === 0 ? head : { ...head, keys: keys.length });
  for (const array of [names, lengths, balances]) {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
  }
  yield* encodeKeys(keys);
}

function* encodeKeys(keys: readonly RememberedKey[]): Generator<Uint8Array> {
  const log = new LedgerLog();
  for (const [i, key] of keys.entries()) {
    log.key(key);
    // A copy: what the log gives is valid until the next event.
    if (log.length >= KEYS_BYTES || i === keys.length - 1) yield log.take()?.bytes.slice() as Uint8Array;
  }
}

/** Throws a RangeError if the pieces are not those of a ledger. */
export function decodeSnapshot([first, ...rest]: readonly Uint8Array[]): ShardState {
  const { postings, nameWords, accounts, uploads, keys = 0 } = packr.unpack(first as Uint8Array) as Head;
  const names = new Int32Array(nameWords);
  const lengths = new Uint8Array(accounts);
  const balances = new Float64Array(accounts);
  const body = Buffer.concat(rest);
  const expected = names.byteLength + lengths.byteLength + balances.byteLength;
  if (body.length < expected || (keys === 0 && body.length > expected)) {
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
  return {
    ledger: { postings, names, lengths, balances },
    uploads,
    keys: decodeKeys(body.subarray(at), keys),
  };
}

function decodeKeys(bytes: Uint8Array, count: number): RememberedKey[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const keys: RememberedKey[] = [];
  let at = 0;
  while (at < bytes.length) at = readFurther(bytes, view, at, { key: (key) => keys.push(key) });
  if (at !== bytes.length || keys.length !== count) {
    throw new RangeError(`a snapshot does not end with the ${count} keys that it should have`);
  }
  return keys;
}
