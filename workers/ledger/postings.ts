/**
 * Postings on their way to a ledger shard in another host: one byte message a shard for each message handled. It begins
 * with the number of the upload plus one, 4 bytes, or 0 if they are of none. Of an upload there follow its lines that the
 * message stands for, first and last, 8 bytes each, since it may hold no posting of some of them; how many of them were
 * discarded, 4 bytes, and each of these as uploads.ts packs them, 8 bytes. Then for each posting
 *
 *     0                     4          8                16                    16 + length, padded to 4
 *     +---------------------+----------+----------------+---------- … --------+
 *     | line << 7 | length  | hash     | cents          | name                |
 *     +---------------------+----------+----------------+---------- … --------+
 *
 * where `line` is the index of the posting's line, or of its transaction in a request, the first being 0.
 */
import type { PostingTarget } from './bank-lines.ts';
import { lowBytes, POSTING, type PostingOutcome } from './ledger.ts';

const MESSAGE_HEAD_BYTES = 4;
const UPLOAD_HEAD_BYTES = 24;
const HEAD_BYTES = 16;
const LENGTH_BITS = 7;
const LENGTH_MASK = (1 << LENGTH_BITS) - 1;
const CAPACITY_MIN_BYTES = 1024;
/** A name's last word is read whole. */
const OVERRUN_BYTES = 4;

/** The lines of an upload for which a message stands, all of them, whether or not there are postings of them. */
export interface UploadPart {
  /** The upload's number in the shard. */
  readonly upload: number;
  readonly firstLine: number;
  readonly lastLine: number;
  /** For the upload's home: those that were discarded, packed. */
  readonly discards: readonly number[];
}

/** Collects postings; the outcome is the shard's to count. */
export class PostingsWriter {
  #bytes = new Uint8Array(CAPACITY_MIN_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #used = 0;

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
    const nameAt = at + HEAD_BYTES;
    const wholeBytes = length & ~3;
    for (let i = 0; i < wholeBytes; i += 4) {
      this.#view.setInt32(nameAt + i, view.getInt32(start + i, true), true);
    }
    if (wholeBytes < length) {
      const last = view.getInt32(start + wholeBytes, true);
      this.#view.setInt32(nameAt + wholeBytes, lowBytes(last, length & 3), true);
    }
    this.#used = end;
    return POSTING.applied;
  }

  /** Removes and returns what was collected; undefined if nothing. */
  take(): Uint8Array | undefined {
    return this.#used === 0 ? undefined : this.#message(MESSAGE_HEAD_BYTES);
  }

  /** Removes and returns what was collected as a part of an upload. */
  takePart({ upload, firstLine, lastLine, discards }: UploadPart): Uint8Array {
    const message = this.#message(UPLOAD_HEAD_BYTES + 8 * discards.length);
    const view = new DataView(message.buffer);
    view.setInt32(0, upload + 1, true);
    view.setFloat64(4, firstLine, true);
    view.setFloat64(12, lastLine, true);
    view.setInt32(20, discards.length, true);
    discards.forEach((packed, i) => {
      view.setFloat64(UPLOAD_HEAD_BYTES + 8 * i, packed, true);
    });
    return message;
  }

  /** Forgets what was collected. */
  clear(): void {
    this.#used = 0;
  }

  #message(headBytes: number): Uint8Array {
    const message = new Uint8Array(headBytes + this.#used);
    message.set(this.#bytes.subarray(0, this.#used), headBytes);
    this.#used = 0;
    return message;
  }

  #grow(): void {
    const bytes = new Uint8Array(this.#bytes.length * 2);
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

/** The part of an upload that the message at `start` is; undefined if its postings are of none. */
export function partIn(bytes: Uint8Array, start: number): UploadPart | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start);
  const upload = view.getInt32(0, true) - 1;
  if (upload < 0) return undefined;
  return {
    upload,
    firstLine: view.getFloat64(4, true),
    lastLine: view.getFloat64(12, true),
    discards: Array.from({ length: view.getInt32(20, true) }, (_, i) =>
      view.getFloat64(UPLOAD_HEAD_BYTES + 8 * i, true),
    ),
  };
}

function headBytesOf(view: DataView): number {
  return view.getInt32(0, true) === 0 ? MESSAGE_HEAD_BYTES : UPLOAD_HEAD_BYTES + 8 * view.getInt32(20, true);
}

/** Calls `post` for each posting in `bytes` from `start` to `end`. */
export function readPostings(
  bytes: Uint8Array,
  start: number,
  end: number,
  post: PostingTarget['post'],
): void {
  const view = overrunning(bytes, start, end);
  for (let at = headBytesOf(view); at < end - start; ) {
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
