/**
 * Finds the boundaries of frames whose heads say how long they are; it looks at nothing else.
 *
 * What it hands on is whole frames with their heads: the middle of a chunk as it is, and the frame that was split between
 * chunks joined in a copy. Of a frame that is too long, or of a kind that nobody knows, only the head is handed on, so that
 * the session can say what is wrong; there is no way to find the next one, so everything behind it is thrown away.
 */
import type { Framer, FrameSink } from './framer.ts';

export interface FrameHead {
  readonly bytes: number;
  /** Of the frame whose head is at `at`, with the head; WRONG if there can be none. */
  readonly frameBytesAt: (bytes: Uint8Array, at: number) => number;
}

const WRONG = -1;

/** A length of 2 or 4 bytes, big-endian, of what follows it. */
export function lengthHead(bytes: 2 | 4, lengthMax: number): FrameHead {
  const lengthAt = bytes === 2 ? uint16At : uint32At;
  return {
    bytes,
    frameBytesAt: (frames, at) => {
      const length = lengthAt(frames, at);
      return length > lengthMax ? WRONG : bytes + length;
    },
  };
}

/** A letter that stands for a length. */
export function letterHead(lengths: Readonly<Record<number, number>>): FrameHead {
  const table = new Int32Array(256).fill(WRONG);
  for (const [letter, length] of Object.entries(lengths)) table[Number(letter)] = length;
  return { bytes: 1, frameBytesAt: (frames, at) => table[frames[at] as number] as number };
}

/** A client may claim a long frame and send little of it: room is made for what comes, not for what is claimed. */
const CAPACITY_MIN_BYTES = 1024;
const NOTHING = new Uint8Array(0);

export class LengthFramer implements Framer {
  readonly #head: FrameHead;
  /** Holds the bytes of the frame that has begun. */
  #carry = NOTHING;
  #carryLength = 0;
  #isBroken = false;

  constructor(head: FrameHead) {
    this.#head = head;
  }

  get hasPartialFrame(): boolean {
    return this.#carryLength > 0;
  }

  get isWithinFrame(): boolean {
    return this.#carryLength > 0;
  }

  feed(chunk: Uint8Array, sink: FrameSink): void {
    if (this.#isBroken) return;
    const { bytes: headBytes, frameBytesAt } = this.#head;
    let at = this.#carryLength > 0 ? this.#completeCarry(chunk, sink) : 0;
    const start = at;
    while (chunk.length - at >= headBytes) {
      const length = frameBytesAt(chunk, at);
      if (length === WRONG) {
        this.#break(chunk, start, at, sink);
        return;
      }
      if (chunk.length - at < length) break;
      at += length;
    }
    if (at > start) sink(chunk, start, at);
    if (at < chunk.length) this.#keep(chunk, at, chunk.length);
  }

  /** Half a frame is none. */
  flush(): void {}

  /** Returns where the rest of the chunk starts. */
  #completeCarry(chunk: Uint8Array, sink: FrameSink): number {
    const { bytes: headBytes, frameBytesAt } = this.#head;
    let at = 0;
    if (this.#carryLength < headBytes) {
      at = Math.min(headBytes - this.#carryLength, chunk.length);
      this.#keep(chunk, 0, at);
      if (this.#carryLength < headBytes) return at;
    }
    const length = frameBytesAt(this.#carry, 0);
    if (length === WRONG) {
      this.#break(this.#carry, 0, 0, sink);
      return chunk.length;
    }
    const end = Math.min(chunk.length, at + length - this.#carryLength);
    this.#keep(chunk, at, end);
    if (this.#carryLength === length) {
      const frame = this.#carry;
      this.#carry = NOTHING;
      this.#carryLength = 0;
      sink(frame, 0, length);
    }
    return end;
  }

  /** Hands on the whole frames from `start` and the head at `at` of one that is none. */
  #break(bytes: Uint8Array, start: number, at: number, sink: FrameSink): void {
    this.#isBroken = true;
    this.#carry = NOTHING;
    this.#carryLength = 0;
    if (at > start) sink(bytes, start, at);
    const { bytes: headBytes } = this.#head;
    sink(bytes.slice(at, at + headBytes), 0, headBytes);
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

function uint16At(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

function uint32At(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}
