/**
 * Postings on their way to a ledger shard in another host: one byte message a shard for each message handled.
 *
 *     0          4          8                16                    16 + length, padded to 4
 *     +----------+----------+----------------+---------- … --------+
 *     | length   | hash     | cents          | name                |
 *     +----------+----------+----------------+---------- … --------+
 */
import { POSTING, type PostingOutcome } from './ledger.ts';

const HEAD_BYTES = 16;
const CAPACITY_MIN_BYTES = 1024;
/** A name's last word is read whole. */
const OVERRUN_BYTES = 4;

/** Collects postings; the outcome is the shard's to count. */
export class PostingsWriter {
  #bytes = new Uint8Array(CAPACITY_MIN_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #used = 0;

  post(view: DataView, start: number, length: number, hash: number, cents: number): PostingOutcome {
    const at = this.#used;
    const end = at + HEAD_BYTES + ((length + 3) & ~3);
    if (end > this.#bytes.length) this.#grow();
    this.#view.setInt32(at, length, true);
    this.#view.setInt32(at + 4, hash, true);
    this.#view.setFloat64(at + 8, cents, true);
    for (let i = 0; i < length; i++) this.#bytes[at + HEAD_BYTES + i] = view.getUint8(start + i);
    this.#used = end;
    return POSTING.applied;
  }

  /** Removes and returns what was collected; undefined if nothing. */
  take(): Uint8Array | undefined {
    if (this.#used === 0) return undefined;
    const postings = this.#bytes.slice(0, this.#used);
    this.#used = 0;
    return postings;
  }

  #grow(): void {
    const bytes = new Uint8Array(this.#bytes.length * 2);
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

type Post = (view: DataView, start: number, length: number, hash: number, cents: number) => void;

/** Calls `post` for each posting in `bytes` from `start` to `end`. */
export function readPostings(bytes: Uint8Array, start: number, end: number, post: Post): void {
  const view = overrunning(bytes, start, end);
  for (let at = 0; at < end - start; ) {
    const length = view.getInt32(at, true);
    post(view, at + HEAD_BYTES, length, view.getInt32(at + 4, true), view.getFloat64(at + 8, true));
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
