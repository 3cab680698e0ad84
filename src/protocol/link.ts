/**
 * The link between two threads: the main thread and a host, or two hosts.
 *
 * All that one turn of the event loop produced for the other side is one batch: a run of records in one buffer, and
 * the large chunks that are transferred beside it instead of being copied into it. Both sides run on one machine in
 * one process, so numbers are in its own byte order.
 *
 *     0        1        2        4                 8                 12
 *     +--------+--------+--------+-----------------+-----------------+---------- … ---+
 *     | kind   | flags  | unused | target          | length          | body, padded   |
 *     |        |        |        |                 | of the body     | to 4 bytes     |
 *     +--------+--------+--------+-----------------+-----------------+---------- … ---+
 *
 *     kind              target              body
 *     connectionBytes   connection id       whole frames
 *     connectionChunk   connection id       index of the chunk, start, end (4 bytes each): whole frames in that chunk
 *     bytes             address id          a byte message for an actor
 *     tell              address id          msgpack of the message
 *     ask               address id          ask id (4 bytes), deadline (8 bytes, ms), msgpack of the message
 *     reply             ask id              msgpack of the answer; flags = 1 for an ErrorRecord
 *     bind              address id          the address, in UTF-8; before its first use, once a link
 *     credit            charge given back   none
 *     control           0                   msgpack of a control message
 *     write             connection id       bytes for that connection
 *     close             connection id       the reason, in UTF-8; empty when the session ended in order
 *     remember          connection id       what a session that takes this one's place must know, in UTF-8
 *     identify          connection id       what the session calls its client, in UTF-8
 *     frames            connection id       how many frames of the client were handled, 4 bytes
 *     ignored           connection id       msgpack of what was ignored, counts by reason
 *     flow              connection id       none; flags say what is wanted of the connection (FLOW)
 *
 * Invariant: a record starts at a multiple of 4.
 * Flow control: connectionBytes, connectionChunk, bytes, tell and ask are charged to the sender (`chargeOf`) until the
 * receiver has handled them and gives the charge back as credit. The others are never held up.
 */
import { Packr } from 'msgpackr';

export const RECORD = {
  connectionBytes: 1,
  connectionChunk: 2,
  bytes: 3,
  tell: 4,
  ask: 5,
  reply: 6,
  bind: 7,
  credit: 8,
  control: 9,
  write: 10,
  close: 11,
  remember: 12,
  identify: 13,
  frames: 14,
  ignored: 15,
  flow: 16,
} as const;

/** What a session wants of its connection. */
export const FLOW = { pauseInput: 1, resumeInput: 2, tellDrained: 3 } as const;
export type Flow = (typeof FLOW)[keyof typeof FLOW];

/** What one `postMessage` carries. */
export interface Batch {
  readonly records: Uint8Array;
  /** Whole ArrayBuffers that the sender gives up. */
  readonly chunks: readonly ArrayBuffer[];
  /** A buffer that the other side has given away, for it to fill again. */
  readonly spent?: ArrayBuffer;
}

const HEADER_BYTES = 12;
const ASK_PREFIX_BYTES = 12;
const CHUNK_BODY_BYTES = 12;
/** The smallest buffer of a writer: a turn with a few small messages never grows it. */
const CAPACITY_MIN_BYTES = 4096;
/** A writer that grew beyond this starts small again once it is little used: one large report must not hold its memory. */
const CAPACITY_KEPT_BYTES = 4 * 1024 * 1024;
/** Of its capacity. */
const LITTLE_USED = 1 / 8;
/** A batch below this is copied by postMessage, above it transferred: the measured break-even of the two. */
const TRANSFER_MIN_BYTES = 4096;

/** A batch below this is copied out of its buffer. */
const GIVEN_MIN_BYTES = 64 * 1024;

const packr = new Packr({ useRecords: false });
const NO_CHUNKS: readonly ArrayBuffer[] = [];

/** What a record of `length` body bytes is charged: small messages cost more than their bytes. */
export function chargeOf(length: number): number {
  return HEADER_BYTES + length;
}

/** Collects the records of one turn for one link. */
export class BatchWriter {
  #words = new Int32Array(CAPACITY_MIN_BYTES / 4);
  #bytes = new Uint8Array(this.#words.buffer);
  #lengthBytes = 0;
  /** Where the last record begins, if it is a `write`; else -1. */
  #lastWrite = -1;
  #chunks: ArrayBuffer[] = [];
  /** For the next buffer: its own of before. */
  #spare: ArrayBuffer | undefined;
  /** The other side's, to go back with the next batch. */
  #spent: ArrayBuffer | undefined;

  get isEmpty(): boolean {
    return this.#lengthBytes === 0;
  }

  /** Appends a record whose body is copied from `bytes`; returns its charge. */
  copy(kind: number, target: number, bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    const at = this.#begin(kind, 0, target, length);
    if (start === 0 && end === bytes.length) this.#bytes.set(bytes, at);
    else this.#bytes.set(bytes.subarray(start, end), at);
    return chargeOf(length);
  }

  /** Bytes for a connection: one record with those of the record before, if they are for the same one. */
  write(connection: number, bytes: Uint8Array, start: number, end: number): void {
    const word = this.#lastWrite >> 2;
    if (this.#lastWrite < 0 || this.#words[word + 1] !== connection) {
      const at = this.#lengthBytes;
      this.copy(RECORD.write, connection, bytes, start, end);
      this.#lastWrite = at;
      return;
    }
    const bodyStart = this.#lastWrite + HEADER_BYTES;
    const before = this.#words[word + 2] as number;
    const length = before + end - start;
    const bodyEnd = bodyStart + ((length + 3) & ~3);
    if (bodyEnd > this.#bytes.length) this.#grow(bodyEnd);
    this.#bytes.set(bytes.subarray(start, end), bodyStart + before);
    this.#words[word + 2] = length;
    this.#lengthBytes = bodyEnd;
  }

  /** Appends a record whose body stays in `chunk`, which is transferred with the batch; returns its charge. */
  transfer(kind: number, target: number, chunk: ArrayBuffer, start: number, end: number): number {
    const word = this.#begin(kind, 0, target, CHUNK_BODY_BYTES) >> 2;
    this.#words[word] = this.#chunks.length;
    this.#words[word + 1] = start;
    this.#words[word + 2] = end;
    this.#chunks.push(chunk);
    return chargeOf(end - start);
  }

  /** Appends a record whose body is the msgpack of `value`; returns its charge. */
  value(kind: number, target: number, value: unknown, flags = 0): number {
    const body = packr.pack(value);
    // First the room, then `#bytes`: making room may replace it.
    const at = this.#begin(kind, flags, target, body.length);
    this.#bytes.set(body, at);
    return chargeOf(body.length);
  }

  ask(target: number, askId: number, deadlineMs: number, message: unknown): number {
    const body = packr.pack(message);
    const at = this.#begin(RECORD.ask, 0, target, ASK_PREFIX_BYTES + body.length);
    this.#words[at >> 2] = askId;
    new DataView(this.#bytes.buffer).setFloat64(at + 4, deadlineMs, true);
    this.#bytes.set(body, at + ASK_PREFIX_BYTES);
    return chargeOf(ASK_PREFIX_BYTES + body.length);
  }

  text(kind: number, target: number, text: string): void {
    const body = Buffer.from(text, 'utf8');
    const at = this.#begin(kind, 0, target, body.length);
    this.#bytes.set(body, at);
  }

  credit(charge: number): void {
    this.#begin(RECORD.credit, 0, charge, 0);
  }

  frames(connection: number, count: number): void {
    const at = this.#begin(RECORD.frames, 0, connection, 4);
    this.#words[at >> 2] = count;
  }

  flow(connection: number, flow: Flow): void {
    this.#begin(RECORD.flow, flow, connection, 0);
  }

  /**
   * A buffer that was given away and is back. Without it a busy host would ask for hundreds of megabytes a second, and its
   * thread, and the one that lets go of them, would collect garbage all the time.
   */
  reuse(buffer: ArrayBuffer): void {
    this.#spare = buffer;
  }

  /** Gives the other side the buffer of a batch of which nothing is needed any more. */
  giveBack({ records }: Batch): void {
    if (records.length >= GIVEN_MIN_BYTES) this.#spent = records.buffer as ArrayBuffer;
  }

  /** Removes and returns what has been collected. */
  take(): Batch {
    const records = this.#takeRecords();
    const chunks = this.#chunks.length === 0 ? NO_CHUNKS : this.#chunks;
    if (chunks !== NO_CHUNKS) this.#chunks = [];
    const spent = this.#spent;
    this.#spent = undefined;
    const isLittleUsed = this.#lengthBytes < this.#bytes.length * LITTLE_USED;
    this.#lengthBytes = 0;
    this.#lastWrite = -1;
    if (isLittleUsed && this.#bytes.length > CAPACITY_KEPT_BYTES) this.#resize(CAPACITY_MIN_BYTES);
    return spent === undefined ? { records, chunks } : { records, chunks, spent };
  }

  /** A large buffer that is well filled is given away: another one costs less than to copy what is in it. */
  #takeRecords(): Uint8Array<ArrayBuffer> {
    const capacity = this.#bytes.length;
    if (this.#lengthBytes < GIVEN_MIN_BYTES || this.#lengthBytes < capacity / 2) {
      return this.#bytes.slice(0, this.#lengthBytes);
    }
    const records = this.#bytes.subarray(0, this.#lengthBytes);
    const spare = this.#spare?.byteLength === capacity ? this.#spare : new ArrayBuffer(capacity);
    this.#spare = undefined;
    this.#words = new Int32Array(spare);
    this.#bytes = new Uint8Array(spare);
    return records;
  }

  /** Writes the header of a record and reserves its body; returns where the body starts. */
  #begin(kind: number, flags: number, target: number, length: number): number {
    const at = this.#lengthBytes;
    this.#lastWrite = -1;
    const end = at + HEADER_BYTES + ((length + 3) & ~3);
    if (end > this.#bytes.length) this.#grow(end);
    const word = at >> 2;
    this.#words[word] = kind | (flags << 8);
    this.#words[word + 1] = target;
    this.#words[word + 2] = length;
    this.#lengthBytes = end;
    return at + HEADER_BYTES;
  }

  #grow(least: number): void {
    let capacity = this.#bytes.length * 2;
    while (capacity < least) capacity *= 2;
    this.#resize(capacity);
  }

  #resize(capacity: number): void {
    const words = new Int32Array(capacity / 4);
    const bytes = new Uint8Array(words.buffer);
    bytes.set(this.#bytes.subarray(0, this.#lengthBytes));
    this.#words = words;
    this.#bytes = bytes;
  }
}

/** The arguments of `postMessage` for a batch. */
export function transferListOf(batch: Batch): ArrayBuffer[] {
  const list = batch.chunks.slice();
  if (batch.records.length >= TRANSFER_MIN_BYTES) list.push(batch.records.buffer as ArrayBuffer);
  if (batch.spent !== undefined) list.push(batch.spent);
  return list;
}

/**
 * Walks the records of one batch. After `next()` returned true the fields describe the current record; `bytes` with
 * `start` and `end` is its body, valid as long as somebody holds it.
 */
export class BatchReader {
  readonly #batch: Batch;
  readonly #words: Int32Array;
  #nextBytes = 0;
  kind = 0;
  flags = 0;
  target = 0;
  bytes: Uint8Array;
  start = 0;
  end = 0;

  constructor(batch: Batch) {
    const { records } = batch;
    this.#batch = batch;
    this.#words = new Int32Array(records.buffer, records.byteOffset, records.length >> 2);
    this.bytes = records;
  }

  next(): boolean {
    const at = this.#nextBytes;
    const { records } = this.#batch;
    if (at >= records.length) return false;
    const word = at >> 2;
    const head = this.#words[word] as number;
    const length = this.#words[word + 2] as number;
    this.kind = head & 0xff;
    this.flags = (head >>> 8) & 0xff;
    this.target = this.#words[word + 1] as number;
    this.bytes = records;
    this.start = at + HEADER_BYTES;
    this.end = this.start + length;
    this.#nextBytes = this.start + ((length + 3) & ~3);
    if (this.kind === RECORD.connectionChunk) this.#enterChunk(this.start >> 2);
    return true;
  }

  /** What the sender was charged for the current record. */
  get charge(): number {
    return chargeOf(this.end - this.start);
  }

  value(): unknown {
    return packr.unpack(this.bytes.subarray(this.start, this.end));
  }

  text(): string {
    return Buffer.from(
      this.bytes.buffer,
      this.bytes.byteOffset + this.start,
      this.end - this.start,
    ).toString();
  }

  /** The number that is the whole body. */
  count(): number {
    return this.#words[this.start >> 2] as number;
  }

  askId(): number {
    return this.#words[this.start >> 2] as number;
  }

  askDeadlineMs(): number {
    const { buffer, byteOffset } = this.bytes;
    return new DataView(buffer, byteOffset).getFloat64(this.start + 4, true);
  }

  askMessage(): unknown {
    return packr.unpack(this.bytes.subarray(this.start + ASK_PREFIX_BYTES, this.end));
  }

  #enterChunk(word: number): void {
    const chunk = this.#batch.chunks[this.#words[word] as number];
    if (chunk === undefined) throw new RangeError('a record names a chunk that its batch does not carry');
    this.start = this.#words[word + 1] as number;
    this.end = this.#words[word + 2] as number;
    this.bytes = new Uint8Array(chunk);
  }
}
