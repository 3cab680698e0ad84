/**
 * One direction of a connection: bytes in order, cut into pieces anywhere, each some virtual time on its way. It ends in
 * order, behind all bytes, or breaks at any byte.
 */
import type { Random } from '../../workers/runtime/random.ts';
import type { Move, Participant } from '../../workers/runtime/simulation.ts';

export interface PipeReader {
  onData(bytes: Uint8Array): void;
  /** The other side has sent all it had. */
  onEnd(): void;
  onBroken(): void;
  /** False while nothing is read. */
  readonly isReading: boolean;
}

/** Bytes, an end, or what is called when all before has left. */
type What = Uint8Array | 'end' | 'broken' | (() => void);
type Piece = { readonly arrivesMs: number; readonly what: What };

const PIECES_MAX = 3;

export class Pipe implements Participant {
  readonly #random: Random;
  readonly #reader: PipeReader;
  #pieces: Piece[] = [];
  #isOver = false;

  constructor(random: Random, reader: PipeReader) {
    this.#random = random;
    this.#reader = reader;
  }

  /** Nothing comes out of it any more. */
  get isDone(): boolean {
    return this.#isOver && this.#pieces.length === 0;
  }

  /** Bytes on their way. */
  get length(): number {
    return this.#pieces.reduce((sum, { what }) => sum + (isBytes(what) ? what.length : 0), 0);
  }

  get dueMs(): number {
    return this.#reader.isReading ? (this.#pieces[0]?.arrivesMs ?? Infinity) : Infinity;
  }

  addMoves(moves: Move[], nowMs: number): void {
    if (this.dueMs <= nowMs) moves.push(this.#deliver);
  }

  write(bytes: Uint8Array, nowMs: number): void {
    if (this.#isOver) return;
    let start = 0;
    for (let cuts = this.#random.below(PIECES_MAX); cuts > 0 && start < bytes.length; cuts--) {
      const end = start + 1 + this.#random.below(bytes.length - start);
      this.#push(bytes.slice(start, end), nowMs);
      start = end;
    }
    if (start < bytes.length) this.#push(bytes.slice(start), nowMs);
  }

  /** Calls `onPassed` once everything that was written before has arrived. */
  mark(nowMs: number, onPassed: () => void): void {
    if (!this.#isOver) this.#push(onPassed, nowMs);
  }

  end(nowMs: number): void {
    if (this.#isOver) return;
    this.#push('end', nowMs);
    this.#isOver = true;
  }

  /** It breaks: a part of what was on its way still arrives, `lateMs` later than it would have. */
  break(nowMs: number, lateMs: number): void {
    let bytesLeft = this.#random.below(this.length + 1);
    const pieces = this.#pieces;
    this.#pieces = [];
    for (const { arrivesMs, what } of pieces) {
      if (!isBytes(what)) continue;
      if (bytesLeft === 0) break;
      const kept = what.subarray(0, bytesLeft);
      bytesLeft -= kept.length;
      this.#pieces.push({ arrivesMs: arrivesMs + lateMs, what: kept });
    }
    this.#push('broken', nowMs + lateMs);
    this.#isOver = true;
  }

  /** Nothing of it arrives any more. */
  drop(): void {
    this.#pieces = [];
    this.#isOver = true;
  }

  #push(what: What, nowMs: number): void {
    const delayMs = this.#random.chance(0.02) ? this.#random.below(50) : this.#random.below(1000) / 1000;
    const arrivesMs = Math.max(nowMs + delayMs, this.#pieces.at(-1)?.arrivesMs ?? 0);
    this.#pieces.push({ arrivesMs, what });
  }

  readonly #deliver = (): void => {
    const piece = this.#pieces.shift();
    if (piece === undefined) return;
    const { what } = piece;
    if (what === 'end') this.#reader.onEnd();
    else if (what === 'broken') this.#reader.onBroken();
    else if (isBytes(what)) this.#reader.onData(what);
    else what();
  };
}

function isBytes(what: What): what is Uint8Array {
  return typeof what === 'object';
}
