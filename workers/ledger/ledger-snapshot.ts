/**
 * A shard's snapshot in pieces of at most a megabyte: a head in msgpack, then the uploads for which it has no room, as
 * lists in pieces of their own, then the bytes of the names, of their lengths and of the balances, one after the other,
 * then the keys in their order, each as its event is (ledger-log.ts), in pieces of their own. Where there is no key the
 * head says nothing of keys, and where it has all uploads nothing of further ones: so are the snapshots that were written
 * before there were any.
 */
import { Packr } from 'msgpackr';
import type { RememberedKey } from './keys.ts';
import type { FrozenLedger } from './ledger.ts';
import { LedgerLog, readFurther } from './ledger-log.ts';
import type { StoredUploads, Upload } from './uploads.ts';

const PIECE_BYTES = 1024 * 1024;
/** A piece with keys or uploads ends behind the one with which it is so long; none is longer than as much again. */
const LIST_BYTES = PIECE_BYTES / 2;
/** In msgpack, at most: an upload without its discards, and one of these. */
const UPLOAD_BYTES = 256;
const DISCARD_BYTES = 9;
const packr = new Packr({ useRecords: false });

interface Head {
  readonly postings: number;
  readonly nameWords: number;
  readonly accounts: number;
  readonly uploads: StoredUploads;
  /** Pieces with the uploads that follow those in the head. */
  readonly uploadPieces?: number;
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
  const [first = [], ...further] = listsOf(uploads.uploads);
  const head: Head = {
    postings,
    nameWords: names.length,
    accounts: lengths.length,
    uploads: { next: uploads.next, uploads: first },
    ...(further.length > 0 && { uploadPieces: further.length }),
    ...(keys.length > 0 && { keys: keys.length }),
  };
  yield packr.pack(head);
  for (const list of further) yield packr.pack(list);
  for (const array of [names, lengths, balances]) {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
  }
  yield* encodeKeys(keys);
}

/** In their order, each for one piece. */
function listsOf(uploads: readonly Upload[]): Upload[][] {
  const lists: Upload[][] = [];
  let bytes = LIST_BYTES;
  for (const upload of uploads) {
    if (bytes >= LIST_BYTES) {
      lists.push([]);
      bytes = 0;
    }
    lists.at(-1)?.push(upload);
    bytes += UPLOAD_BYTES + upload.discards.length * DISCARD_BYTES;
  }
  return lists;
}

function* encodeKeys(keys: readonly RememberedKey[]): Generator<Uint8Array> {
  const log = new LedgerLog();
  for (const [i, key] of keys.entries()) {
    log.key(key);
    // A copy: what the log gives is valid until the next event.
    if (log.length >= LIST_BYTES || i === keys.length - 1) yield log.take()?.bytes.slice() as Uint8Array;
  }
}

/** Throws a RangeError if the pieces are not those of a ledger. */
export function decodeSnapshot([first, ...rest]: readonly Uint8Array[]): ShardState {
  const head = packr.unpack(first as Uint8Array) as Head;
  const { postings, nameWords, accounts, uploadPieces = 0, keys = 0 } = head;
  const further = rest.slice(0, uploadPieces).flatMap((piece) => packr.unpack(piece) as Upload[]);
  const names = new Int32Array(nameWords);
  const lengths = new Uint8Array(accounts);
  const balances = new Float64Array(accounts);
  const body = Buffer.concat(rest.slice(uploadPieces));
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
    uploads: { next: head.uploads.next, uploads: [...head.uploads.uploads, ...further] },
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
