/**
 * What a client of the lobby has sent, and nobody has taken yet: messages, and between them the bytes of files. Pure.
 *
 * A message ends with an LF or a CRLF, or when the input has paused, as it does for clients that send no newline. What
 * is taken as a file's bytes is no message, whatever is in it.
 */

const LF = 10;
const CR = 13;
/** So much more than a message may be long comes before its LF. */
const CR_LENGTH = 1;
const MESSAGE_BYTES_MIN = 64;
/** In the place of a pause. */
const PAUSE = new Uint8Array(0);
/** Chunks that wait cost more than their bytes. */
const CHUNK_COST_BYTES = 64;

const utf8 = new TextDecoder();

export interface Message {
  readonly text: string;
  /** It has ended with a newline, so its client sends and expects newlines. */
  readonly isLine: boolean;
  /** It was longer than it may be; there is no text. */
  readonly isTooLong: boolean;
}

export class LobbyInput {
  readonly #lengthMax: number;
  /** What has not been looked at, from `#start` in the first one on. */
  readonly #chunks: Uint8Array[] = [];
  #start = 0;
  #waitingBytes = 0;
  /** The message whose end has not been found yet, as far as it is kept; and what it has come to. */
  #message = new Uint8Array(MESSAGE_BYTES_MIN);
  #length = 0;

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  /** What all that waits costs, about. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Something has come behind the last message. */
  get hasMore(): boolean {
    return this.#chunks.some((chunk) => chunk !== PAUSE);
  }

  /** The next chunk, which is copied; without a byte in it the input has paused, or ended. */
  add(bytes: Uint8Array, start: number, end: number): void {
    this.#chunks.push(start === end ? PAUSE : new Uint8Array(bytes.subarray(start, end)));
    this.#waitingBytes += end - start + CHUNK_COST_BYTES;
  }

  /** Removes and returns the next message; undefined if no end of one has come yet. */
  takeMessage(): Message | undefined {
    for (let chunk = this.#chunks[0]; chunk !== undefined; chunk = this.#chunks[0]) {
      if (chunk === PAUSE) {
        this.#drop(chunk);
        if (this.#length > 0) return this.#endMessage(false);
        continue;
      }
      const end = chunk.indexOf(LF, this.#start);
      this.#addPart(chunk.subarray(this.#start, end < 0 ? chunk.length : end));
      if (end < 0) this.#drop(chunk);
      else {
        this.#advance(chunk, end + 1);
        return this.#endMessage(true);
      }
    }
    return undefined;
  }

  /** Removes and returns up to `length` bytes of a file, none if none have come. Pauses mean nothing within it. */
  takeBytes(length: number): Uint8Array {
    const bytes = new Uint8Array(Math.min(length, this.#waitingBytes));
    let taken = 0;
    for (let chunk = this.#chunks[0]; chunk !== undefined && taken < length; chunk = this.#chunks[0]) {
      const part = chunk.subarray(this.#start, this.#start + length - taken);
      bytes.set(part, taken);
      taken += part.length;
      this.#advance(chunk, this.#start + part.length);
    }
    return bytes.subarray(0, taken);
  }

  #advance(chunk: Uint8Array, start: number): void {
    this.#waitingBytes -= start - this.#start;
    this.#start = start;
    if (start === chunk.length) this.#drop(chunk);
  }

  /** Removes the first chunk. */
  #drop(chunk: Uint8Array): void {
    this.#waitingBytes -= chunk.length - this.#start + CHUNK_COST_BYTES;
    this.#chunks.shift();
    this.#start = 0;
  }

  #addPart(part: Uint8Array): void {
    const start = this.#length;
    this.#length += part.length;
    if (this.#length > this.#lengthMax + CR_LENGTH) return;
    if (this.#length > this.#message.length) {
      const message = new Uint8Array(this.#length * 2);
      message.set(this.#message.subarray(0, start));
      this.#message = message;
    }
    this.#message.set(part, start);
  }

  #endMessage(isLine: boolean): Message {
    const length = this.#length;
    this.#length = 0;
    const isKept = length <= this.#lengthMax + CR_LENGTH;
    const end = isKept && isLine && this.#message[length - 1] === CR ? length - 1 : length;
    if (end > this.#lengthMax) return { text: '', isLine, isTooLong: true };
    return { text: utf8.decode(this.#message.subarray(0, end)), isLine, isTooLong: false };
  }
}
