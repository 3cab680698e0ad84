/** JSON lines as bytes, in chunks. The lines of events are written without making a string or an object for each. */
import type { Address } from '../../src/values/address.ts';
import type { EventLines } from './stored-kind.ts';

/** The length of a chunk, and how much of it an event that is written in pieces may need. */
const CHUNK_BYTES = 1024 * 1024;
const EVENT_BYTES_MAX = 4096;
/** From here on a call of the native function is quicker than a loop. */
const NATIVE_LENGTH_MIN = 16;
const ZERO = 48;
const MINUS = 45;
const LF = '\n';
const INT32_MAX = 2 ** 31 - 1;

export class LineWriter implements EventLines {
  #bytes = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #used = 0;
  #full: Buffer<ArrayBuffer>[] = [];
  #fullBytes = 0;
  #head = '';
  #middle = '';
  #position = 0;

  /** Bytes that wait to be taken. */
  get length(): number {
    return this.#fullBytes + this.#used;
  }

  /** The events that follow are of this actor, the first one at `position`. */
  of(address: Address, position: number, timeMs: number): void {
    this.#head = `{"actor":"${address}","position":`;
    this.#middle = `,"time":"${new Date(timeMs).toISOString()}","event":`;
    this.#position = position;
  }

  begin(): void {
    this.#reserve(EVENT_BYTES_MAX);
    this.text(this.#head);
    this.number(this.#position++);
    this.text(this.#middle);
  }

  end(): void {
    this.text('}\n');
  }

  text(text: string): void {
    if (text.length >= NATIVE_LENGTH_MIN) {
      this.#used += this.#bytes.write(text, this.#used, 'latin1');
      return;
    }
    const bytes = this.#bytes;
    let at = this.#used;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.#used = at;
  }

  number(value: number): void {
    if (!(value >= -INT32_MAX && value <= INT32_MAX)) {
      this.text(String(value));
      return;
    }
    const bytes = this.#bytes;
    let rest = value | 0;
    if (rest < 0) {
      bytes[this.#used++] = MINUS;
      rest = -rest;
    }
    let digits = 1;
    for (let power = 10; rest >= power; power *= 10) digits++;
    this.#used += digits;
    for (let at = this.#used - 1; digits > 0; digits--, at--) {
      const quotient = (rest / 10) | 0;
      bytes[at] = ZERO + rest - quotient * 10;
      rest = quotient;
    }
  }

  bytes(source: Uint8Array, start: number, end: number): void {
    const bytes = this.#bytes;
    let at = this.#used;
    for (let i = start; i < end; i++) bytes[at++] = source[i] as number;
    this.#used = at;
  }

  json(value: unknown): void {
    this.#append(Buffer.from(JSON.stringify(value)));
  }

  line(value: unknown): void {
    this.json(value);
    this.#append(Buffer.from(LF));
  }

  /** A line with long texts: `head`, an array of the pieces in base64, `tail`. */
  lineOfPieces(head: string, pieces: readonly Uint8Array[], tail: string): void {
    this.#append(Buffer.from(head));
    pieces.forEach((piece, i) => {
      this.#append(Buffer.from(i === 0 ? '["' : ',"'));
      this.#append(Buffer.from(Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString('base64')));
      this.#append(Buffer.from('"'));
    });
    this.#append(Buffer.from(`${pieces.length === 0 ? '[' : ''}]${tail}\n`));
  }

  /** Removes and returns what was written. */
  take(): Buffer<ArrayBuffer>[] {
    if (this.#used > 0) this.#next();
    const full = this.#full;
    this.#full = [];
    this.#fullBytes = 0;
    return full;
  }

  #append(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#used === CHUNK_BYTES) this.#next();
      const count = bytes.copy(this.#bytes, this.#used, at);
      this.#used += count;
      at += count;
    }
    // What follows an event's JSON is written without a look at the room.
    this.#reserve(EVENT_BYTES_MAX);
  }

  #reserve(length: number): void {
    if (this.#used + length > CHUNK_BYTES) this.#next();
  }

  #next(): void {
    this.#full.push(this.#bytes.subarray(0, this.#used));
    this.#fullBytes += this.#used;
    this.#bytes = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    this.#used = 0;
  }
}
