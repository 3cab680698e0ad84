/**
 * Where the lines of a file begin, from one pass over its bytes, in memory that does not grow with the file.
 *
 * How many LFs come before every so many bytes is noted; when the notes are full, every other one is dropped and the
 * spacing doubles. From a note on the lines have to be counted anew, over at most one spacing and one line.
 */

const LF = 0x0a;
const SPACING_BYTES_MIN = 64 * 1024;
const NOTES_MAX = 16_384;

/** A place in the file, not always a line's beginning. */
export interface Checkpoint {
  readonly offset: number;
  /** The LFs before it. */
  readonly lineEnds: number;
}

export interface LineIndexOptions {
  readonly spacingBytes?: number;
  readonly notesMax?: number;
}

export class LineIndex {
  /** At `i`: the LFs before the byte `i * #spacingBytes`. */
  readonly #notes: Float64Array;
  #spacingBytes: number;
  #noteCount = 1;
  #byteCount = 0;
  #lineEnds = 0;
  #lastByte = LF;

  /** `notesMax` is even, so that the place at which the notes are full is noted after a doubling, too. */
  constructor({ spacingBytes = SPACING_BYTES_MIN, notesMax = NOTES_MAX }: LineIndexOptions = {}) {
    this.#spacingBytes = spacingBytes;
    this.#notes = new Float64Array(notesMax);
  }

  get byteCount(): number {
    return this.#byteCount;
  }

  /** What follows the last LF is a line as well. */
  get lineCount(): number {
    return this.#lineEnds + (this.isLastLineOpen ? 1 : 0);
  }

  /** The last line has no LF. */
  get isLastLineOpen(): boolean {
    return this.#lastByte !== LF;
  }

  /** Takes the next bytes of the file. */
  add(chunk: Uint8Array): void {
    for (let start = 0; start < chunk.length; ) {
      const room = this.#spacingBytes - (this.#byteCount % this.#spacingBytes);
      const end = Math.min(start + room, chunk.length);
      this.#lineEnds += countLineEnds(chunk, start, end);
      this.#byteCount += end - start;
      if (end - start === room) this.#note();
      start = end;
    }
    this.#lastByte = chunk.at(-1) ?? this.#lastByte;
  }

  /** The last checkpoint that comes before the end of line `line`, or the file's beginning for line 0. */
  before(line: number): Checkpoint {
    let low = 0;
    let high = this.#noteCount - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#notes[middle] as number) < line) low = middle;
      else high = middle - 1;
    }
    return { offset: low * this.#spacingBytes, lineEnds: this.#notes[low] as number };
  }

  #note(): void {
    if (this.#noteCount === this.#notes.length) {
      for (let i = 0; i < this.#noteCount / 2; i++) this.#notes[i] = this.#notes[2 * i] as number;
      this.#noteCount /= 2;
      this.#spacingBytes *= 2;
    }
    this.#notes[this.#noteCount] = this.#lineEnds;
    this.#noteCount += 1;
  }
}

/** A plain loop: for lines of usual lengths indexOf is no faster, and for short ones it is much slower. */
function countLineEnds(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let i = start; i < end; i++) if (bytes[i] === LF) count += 1;
  return count;
}
