/**
 * Finds the boundaries of frames that begin with their length, 4 bytes, big-endian; it looks at nothing else.
 *
 * What it hands on is whole frames with their heads: the middle of a chunk as it is, and the frame that was split between
 * chunks joined in a copy. Of a frame that is longer than the maximum only the head is handed on, so that the session can
 * say what is wrong; there is no way to find the next one, so everything behind it is thrown away.
 */
import type { Framer, FrameSink } from './framer.ts';

const HEAD_BYTES = 4;
/** A client may claim a long frame and send little of it: room is made for what comes, not for what is claimed. */
const CAPACITY_MIN_BYTES = 1024;
const NOTHING = new Uint8Array(0);

export class LengthFramer implements Framer {
  readonly #lengthMax: number;
  /** Holds the bytes of the frame that has begun. */
  #carry = NOTHING;
  #carryLength = 0;
  #isBroken = false;

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  get hasPartialFrame(): boolean {
    return this.#carryLength > 0;
  }

  get isWithinFrame(): boolean {
    return this.#carryLength > 0;
  }

  feed(chunk: Uint8Array, sink: FrameSink): void {
    if (this.#isBroken) return;
    let at = this.#carryLength > 0 ? this.#completeCarry(chunk, sink) : 0;
    const start = at;
    while (chunk.length - at >= HEAD_BYTES) {
      const length = lengthAt(chunk, at);
      if (length > this.#lengthMax) {
        this.#break(chunk, start, at, sink);
        return;
      }
      if (chunk.length - at < HEAD_BYTES + length) break;
      at += HEAD_BYTES + length;
    }
    if (at > start) sink(chunk, start, at);
    if (at < chunk.length) this.#keep(chunk, at, chunk.length);
  }

  /** Half a frame is none. */
  flush(): void {}

  /** Returns where the rest of the chunk starts. */
  #completeCarry(chunk: Uint8Array, sink: FrameSink): number {
    let at = 0;
    if (this.#carryLength < HEAD_BYTES) {
      at = Math.min(HEAD_BYTES - this.#carryLength, chunk.length);
      this.#keep(chunk, 0, at);
      if (this.#carryLength < HEAD_BYTES) return at;
    }
    const length = lengthAt(this.#carry, 0);
    if (length > this.#lengthMax) {
      this.#break(this.#carry, 0, 0, sink);
      return chunk.length;
    }
    const end = Math.min(chunk.length, at + HEAD_BYTES + length - this.#carryLength);
    this.#keep(chunk, at, end);
    if (this.#carryLength === HEAD_BYTES + length) {
      const frame = this.#carry;
      this.#carry = NOTHING;
      this.#carryLength = 0;
      sink(frame, 0, HEAD_BYTES + length);
    }
    return end;
  }

  /** Hands on the whole frames from `start` and the head at `at` of one that is too long. */
  #break(bytes: Uint8Array, start: number, at: number, sink: FrameSink): void {
    this.#isBroken = true;
    this.#carry = NOTHING;
    this.#carryLength = 0;
    if (at > start) sink(bytes, start, at);
    sink(bytes.slice(at, at + HEAD_BYTES), 0, HEAD_BYTES);
  }

  #keep(chunk: Uint8Array, start: number, end: number): void {
    const needed = this.#carryLength + end - start;
    if (needed > this.#carry.length) {
      const carry = new Uint8Array(Math.max(needed, this.#carry.length * 2, CAPACITY_MIN_BYTES));
      carry.set(this.#carry.subarray(0, this.#carryLength));
      this.#carry = carry;
    }
    this.#carry.set(chunk.subarray(start, end), this.#carryLength);
    this.#carryLength = needed;
  }
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}
