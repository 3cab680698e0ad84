/**
 * Postings on their way to a ledger shard in another host: one byte message a shard for each message handled. It begins
 * with the number of the upload plus one (0: of none), 4 bytes, and the number of the upload's line that has index 0,
 * 8 bytes; then for each posting
 *
 *     0                     4          8                16                    16 + length, padded to 4
 *     +---------------------+----------+----------------+---------- … --------+
 *     | line << 7 | length  | hash     | cents          | name                |
 *     +---------------------+----------+----------------+---------- … --------+
 *
 * where `line` is the index of the posting's line.
 */
import type { PostingTarget } from './bank-lines.ts';
import { POSTING, type PostingOutcome } from './ledger.ts';

const MESSAGE_HEAD_BYTES = 12;
const HEAD_BYTES = 16;
const LENGTH_BITS = 7;
const LENGTH_MASK = (1 << LENGTH_BITS) - 1;
const CAPACITY_MIN_BYTES = 1024;
/** A name's last word is read whole. */
const OVERRUN_BYTES = 4;

/** In place of an upload's number. */
export const NO_UPLOAD = -1;

/** Collects postings; the outcome is the shard's to count. */
export class PostingsWriter {
  #bytes = new Uint8Array(CAPACITY_MIN_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #used = MESSAGE_HEAD_BYTES;

  post(
    view: DataView,
    start: number,
    length: number,
    hash: number,
    cents: number,
    line: number,
  ): PostingOutcome {
    const at = this.#used;
    const end = at + HEAD_BYTES + ((length + 3) & ~3);
    if (end > this.#bytes.length) this.#grow();
    this.#view.setInt32(at, (line << LENGTH_BITS) | length, true);
    this.#view.setInt32(at + 4, hash, true);
    this.#view.setFloat64(at + 8, cents, true);
    for (let i = 0; i < length; i++) this.#bytes[at + HEAD_BYTES + i] = view.getUint8(start + i);
    this.#used = end;
    return POSTING.applied;
  }

  /** Removes and returns what was collected; undefined if nothing. */
  take(upload = NO_UPLOAD, firstLine = 0): Uint8Array | undefined {
    if (this.#used === MESSAGE_HEAD_BYTES) return undefined;
    this.#view.setInt32(0, upload + 1, true);
    this.#view.setFloat64(4, firstLine, true);
    const postings = this.#bytes.slice(0, this.#used);
    this.#used = MESSAGE_HEAD_BYTES;
    return postings;
  }

  #grow(): void {
    const bytes = new Uint8Array(this.#bytes.length * 2);
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

export interface PostingsHead {
  /** NO_UPLOAD if they are of none. */
  readonly upload: number;
  /** Line of the upload that has index 0. */
  readonly firstLine: number;
}

export function headOfPostings(bytes: Uint8Array, start: number): PostingsHead {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start);
  return { upload: view.getInt32(0, true) - 1, firstLine: view.getFloat64(4, true) };
}

/** Calls `post` for each posting in `bytes` from `start` to `end`. */
export function readPostings(
  bytes: Uint8Array,
  start: number,
  end: number,
  post: PostingTarget['post'],
): void {
  const view = overrunning(bytes, start, end);
  for (let at = MESSAGE_HEAD_BYTES; at < end - start; ) {
    const head = view.getInt32(at, true);
    const length = head & LENGTH_MASK;
    const hash = view.getInt32(at + 4, true);
    post(view, at + HEAD_BYTES, length, hash, view.getFloat64(at + 8, true), head >>> LENGTH_BITS);
    at += HEAD_BYTES + ((length + 3) & ~3);
  }
}

/** The bytes as a view that may be read a word beyond its end. */
function overrunning(bytes: Uint8Array, start: number, end: number): DataView {
  if (end + OVERRUN_BYTES <= bytes.length) return new DataView(bytes.buffer, bytes.byteOffset + start);
  const copy = new Uint8Array(end - start + OVERRUN_BYTES);
  copy.set(bytes.subarray(start, end));
  return new DataView(copy.buffer);
}
