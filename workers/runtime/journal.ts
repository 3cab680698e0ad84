/**
 * The journal's unit: the batch of all events of one turn, of all the durable actors of a host. It is stored and
 * recovered whole or not at all. Little-endian:
 *
 *     batch      0   CRC-32 of all that follows but the trailer
 *                4   format version
 *                8   position of the batch in its journal, from 1 without gaps       float64
 *               16   when it was appended, ms since 1970                             float64
 *               24   segments, of the actors that have events in the turn
 *              end   trailer: minus the position, minus a half                       float64
 *
 *     segment    0   length of the actor's address, 16 bits; kind of the body, 16 bits
 *                4   number of events
 *                8   position of the first of them in the actor's own stream         float64
 *               16   length of the body in bytes
 *               20   address, then body, each padded with zeros to a multiple of 4
 *
 *     body       of kind VALUES: for each event its length, 32 bits, and its msgpack, not padded
 *                of kind FLAT: as the actor has written it
 *
 * With the trailer a batch of which only the beginning was written can be told from one in which something was changed:
 * in the first both checksum and trailer are wrong. It is a number that nothing else in a batch is, so that wherever the
 * writing was broken off, what is the end then is no trailer.
 *
 * An actor's stream is numbered from 1 without gaps too, so that the number of hosts, and with it which journal an
 * actor's events are in, may change.
 */
import { crc32 } from 'node:zlib';
import { Packr } from 'msgpackr';
import { type Address, toAddress } from '../../src/values/address.ts';
import { OutcryError } from '../../src/values/errors.ts';

export const FORMAT_VERSION = 1;

/** What the body of a segment is made of. */
export const BODY = { values: 0, flat: 1 } as const;

const BATCH_HEADER_BYTES = 24;
const TRAILER_BYTES = 8;
const SEGMENT_HEADER_BYTES = 20;
const CAPACITY_MIN_BYTES = 4096;
/** A buffer that one great turn has made is not kept. */
const CAPACITY_KEPT_BYTES = 4 * 1024 * 1024;

// Records stay off, as shared structures would: each event can be read by itself.
const packr = new Packr({ useRecords: false });

/** A run of events of one actor. */
export interface Segment {
  readonly address: Address;
  readonly kind: number;
  /** Of the first event in the actor's stream. */
  readonly position: number;
  readonly count: number;
  /** The body is `bytes` from `start` to `end`. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

export interface JournalBatch {
  readonly position: number;
  readonly timeMs: number;
  readonly segments: readonly Segment[];
}

/** Flat events, as an actor hands them over at the end of a turn. Its buffer may be reused after the turn. */
export interface FlatEvents {
  readonly bytes: Uint8Array;
  readonly count: number;
}

/** Collects the events of a turn. */
export class BatchBuilder {
  #bytes = new Uint8Array(CAPACITY_MIN_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #used = BATCH_HEADER_BYTES;

  get isEmpty(): boolean {
    return this.#used === BATCH_HEADER_BYTES;
  }

  addFlat(address: Address, position: number, { bytes, count }: FlatEvents): void {
    const at = this.#begin(address, BODY.flat, position, count, bytes.length);
    this.#bytes.set(bytes, at);
  }

  addValues(address: Address, position: number, events: readonly unknown[]): void {
    const bodies = events.map((event) => packr.pack(event));
    const length = bodies.reduce((sum, body) => sum + 4 + body.length, 0);
    let at = this.#begin(address, BODY.values, position, events.length, length);
    for (const body of bodies) {
      this.#view.setUint32(at, body.length, true);
      this.#bytes.set(body, at + 4);
      at += 4 + body.length;
    }
  }

  /** A segment of another batch, as it is. */
  addSegment({ address, kind, position, count, bytes, start, end }: Segment): void {
    const at = this.#begin(address, kind, position, count, end - start);
    this.#bytes.set(bytes.subarray(start, end), at);
  }

  /** Removes and returns the batch. */
  take(position: number, timeMs: number): Uint8Array {
    const batch = new Uint8Array(this.#used + TRAILER_BYTES);
    batch.set(this.#bytes.subarray(0, this.#used));
    seal(batch, position, timeMs);
    this.#used = BATCH_HEADER_BYTES;
    if (this.#bytes.length > CAPACITY_KEPT_BYTES) this.#resize(CAPACITY_MIN_BYTES);
    return batch;
  }

  /** Writes the head of a segment and reserves its body; returns where the body starts. */
  #begin(address: Address, kind: number, position: number, count: number, length: number): number {
    const at = this.#used;
    const bodyAt = at + SEGMENT_HEADER_BYTES + padded(address.length);
    const end = bodyAt + padded(length);
    if (end > this.#bytes.length) this.#resize(Math.max(end, this.#bytes.length * 2));
    this.#view.setUint16(at, address.length, true);
    this.#view.setUint16(at + 2, kind, true);
    this.#view.setUint32(at + 4, count, true);
    this.#view.setFloat64(at + 8, position, true);
    this.#view.setUint32(at + 16, length, true);
    this.#bytes.fill(0, bodyAt - 4, bodyAt);
    // Addresses are ASCII.
    for (let i = 0; i < address.length; i++) {
      this.#bytes[at + SEGMENT_HEADER_BYTES + i] = address.charCodeAt(i);
    }
    this.#bytes.fill(0, bodyAt + length, end);
    this.#used = end;
    return bodyAt;
  }

  #resize(capacity: number): void {
    const bytes = new Uint8Array(capacity);
    bytes.set(this.#bytes.subarray(0, Math.min(this.#used, capacity)));
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

function padded(length: number): number {
  return (length + 3) & ~3;
}

/** Gives a batch its place, checksum and trailer. */
function seal(batch: Uint8Array, position: number, timeMs: number): void {
  const view = new DataView(batch.buffer, batch.byteOffset);
  view.setUint32(4, FORMAT_VERSION, true);
  view.setFloat64(8, position, true);
  view.setFloat64(16, timeMs, true);
  view.setFloat64(batch.length - TRAILER_BYTES, trailerOf(position), true);
  view.setUint32(0, checksumOf(batch), true);
}

function checksumOf(batch: Uint8Array): number {
  return crc32(batch.subarray(4, batch.length - TRAILER_BYTES));
}

/** Why bytes are no batch. */
export class BatchDamage extends Error {
  override readonly name = 'BatchDamage';
  /** Its end is not what was written: the writing of it was broken off. */
  readonly isTorn: boolean;

  constructor(message: string, { isTorn }: { readonly isTorn: boolean }) {
    super(message);
    this.isTorn = isTorn;
  }
}

/**
 * Reads the batch that belongs at `position`. Throws a BatchDamage that says what is wrong, or ERR_DATA_FORMAT if it
 * is a sound batch of another version.
 */
export function readBatch(batch: Uint8Array, position: number): JournalBatch {
  const view = checkedView(batch, position);
  const segments: Segment[] = [];
  for (let at = BATCH_HEADER_BYTES; at < batch.length - TRAILER_BYTES; ) {
    const addressLength = view.getUint16(at, true);
    const addressAt = at + SEGMENT_HEADER_BYTES;
    const start = addressAt + padded(addressLength);
    const end = start + view.getUint32(at + 16, true);
    segments.push({
      address: toAddress(Buffer.from(batch.buffer, batch.byteOffset + addressAt, addressLength).toString()),
      kind: view.getUint16(at + 2, true),
      count: view.getUint32(at + 4, true),
      position: view.getFloat64(at + 8, true),
      bytes: batch,
      start,
      end,
    });
    at = start + padded(end - start);
  }
  return { position, timeMs: view.getFloat64(16, true), segments };
}

function checkedView(batch: Uint8Array, position: number): DataView {
  if (batch.length < BATCH_HEADER_BYTES + TRAILER_BYTES) {
    throw new BatchDamage(`it is only ${batch.length} bytes long`, { isTorn: true });
  }
  const view = new DataView(batch.buffer, batch.byteOffset, batch.length);
  const isEndRight = view.getFloat64(batch.length - TRAILER_BYTES, true) === trailerOf(position);
  if (view.getUint32(0, true) !== checksumOf(batch)) {
    throw new BatchDamage('its checksum is wrong', { isTorn: !isEndRight });
  }
  checkFormat(view.getUint32(4, true));
  const said = view.getFloat64(8, true);
  if (said !== position) throw new BatchDamage(`it says that it is batch ${said}`, { isTorn: false });
  if (!isEndRight && !endsWithZeros(batch, position)) {
    throw new BatchDamage('its trailer is wrong', { isTorn: false });
  }
  return view;
}

function trailerOf(position: number): number {
  return -position - 0.5;
}

/** The writing was broken off within the trailer: all that matters is there. */
function endsWithZeros(batch: Uint8Array, position: number): boolean {
  const trailer = new Uint8Array(TRAILER_BYTES);
  new DataView(trailer.buffer).setFloat64(0, trailerOf(position), true);
  const found = batch.subarray(batch.length - TRAILER_BYTES);
  const written = found.findLastIndex((byte) => byte !== 0) + 1;
  return trailer.subarray(0, written).every((byte, i) => byte === found[i]);
}

/** Throws ERR_DATA_FORMAT unless this program reads data of `version`. */
export function checkFormat(version: number): void {
  if (version === FORMAT_VERSION) return;
  const age = version > FORMAT_VERSION ? 'a newer' : 'an older';
  throw new OutcryError(
    'ERR_DATA_FORMAT',
    `the data is of format ${version}, written by ${age} Outcry; this one reads format ${FORMAT_VERSION}. ` +
      `Export it with the version that wrote it, and import it with this one`,
    { fields: { version } },
  );
}

/** The events of a segment of kind VALUES, in order. */
export function valuesIn({ bytes, start, end }: Segment): unknown[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const events: unknown[] = [];
  for (let at = start; at < end; ) {
    const length = view.getUint32(at, true);
    events.push(packr.unpack(bytes.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return events;
}
