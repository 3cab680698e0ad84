/**
 * Finds the boundaries of lines in what a connection sends; it looks for newlines and at nothing else.
 *
 * What it hands on is whole lines, each with its LF: the large middle of a chunk as it is, and the line that was split
 * between chunks joined in a small copy. The last line may lack its LF: it is handed on without one, by itself, at the
 * end of the input and, where clients send no newlines at all, when the input pauses.
 *
 * A line longer than the maximum is cut to one byte more than it, so that whoever parses it sees that it was too long
 * however it was split into chunks; the rest of it is skipped, and memory stays bounded.
 */
import type { Framer, FrameSink } from './framer.ts';

const LF = 10;
const NOTHING = new Uint8Array(0);

export class LineFramer implements Framer {
  readonly #lineLengthMax: number;
  /** Holds the bytes since the last LF, from its start; it doubles, so that small pieces are not copied over and over. */
  #carry = NOTHING;
  /** Invariant: at most the maximum. */
  #carryLength = 0;
  /** In the rest of a line that was too long. */
  #isSkipping = false;

  constructor(lineLengthMax: number) {
    this.#lineLengthMax = lineLengthMax;
  }

  /** True if a line has begun that has not been handed on. */
  get hasPartialFrame(): boolean {
    return this.#carryLength > 0;
  }

  /** True within a line, be it one that was too long and has been handed on. */
  get isWithinFrame(): boolean {
    return this.#carryLength > 0 || this.#isSkipping;
  }

  feed(chunk: Uint8Array, sink: FrameSink): void {
    const firstEnd = chunk.indexOf(LF) + 1;
    if (firstEnd === 0) {
      this.#keep(chunk, 0, sink);
      return;
    }
    let start = 0;
    if (this.#isSkipping) {
      this.#isSkipping = false;
      start = firstEnd;
    } else if (this.#carryLength > 0) {
      this.#emitJoined(chunk, firstEnd, sink);
      start = firstEnd;
    }
    const end = chunk.lastIndexOf(LF) + 1;
    if (end > start) sink(chunk, start, end);
    if (end < chunk.length) this.#keep(chunk, end, sink);
  }

  /** The input has ended or paused: what is left is a line, without an LF. */
  flush(sink: FrameSink): void {
    this.#isSkipping = false;
    if (this.#carryLength === 0) return;
    const line = this.#takeCarry(NOTHING);
    sink(line, 0, line.length - 1);
  }

  /** Adds the tail of a chunk, which has no LF, to the carry. */
  #keep(chunk: Uint8Array, start: number, sink: FrameSink): void {
    if (this.#isSkipping) return;
    const length = this.#carryLength + chunk.length - start;
    if (length <= this.#lineLengthMax) {
      if (length > this.#carry.length) this.#growCarry(length);
      this.#carry.set(chunk.subarray(start), this.#carryLength);
      this.#carryLength = length;
      return;
    }
    const cut = this.#takeCarry(chunk.subarray(start));
    sink(cut, 0, cut.length);
    this.#isSkipping = true;
  }

  #emitJoined(chunk: Uint8Array, firstEnd: number, sink: FrameSink): void {
    const line = this.#takeCarry(chunk.subarray(0, firstEnd - 1));
    sink(line, 0, line.length);
  }

  /** The carry and `rest` as one line with its LF, cut if it is too long; the carry is empty afterwards. */
  #takeCarry(rest: Uint8Array): Uint8Array {
    const restLength = Math.min(rest.length, this.#lineLengthMax + 1 - this.#carryLength);
    const line = new Uint8Array(this.#carryLength + restLength + 1);
    line.set(this.#carry.subarray(0, this.#carryLength));
    line.set(rest.subarray(0, restLength), this.#carryLength);
    line[line.length - 1] = LF;
    this.#carry = NOTHING;
    this.#carryLength = 0;
    return line;
  }

  #growCarry(least: number): void {
    const capacity = Math.min(this.#lineLengthMax, Math.max(least, this.#carry.length * 2));
    const carry = new Uint8Array(capacity);
    carry.set(this.#carry.subarray(0, this.#carryLength));
    this.#carry = carry;
  }
}
