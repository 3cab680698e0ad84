/**
 * Snapshots of a host's durable actors, written between turns, a piece at a time. When so much journal has come since
 * the last ones that it is time, every actor with events since then has its turn: its state is frozen, which it does at
 * once, and written out over the following turns while it goes on. Then the journal before is not needed any more for
 * recovery; what is kept of it is history.
 */
import type { DurableActor } from './actor.ts';
import type { Cell } from './cell.ts';
import type { SnapshotHead, Store } from './store.ts';

export interface SnapshotLimits {
  /** A round begins after this much journal. */
  readonly everyBytes: number;
  /** Journal that is kept, needed or not. */
  readonly keepBytes: number;
}

interface Writing {
  readonly cell: Cell;
  readonly head: SnapshotHead;
  readonly pieces: Iterator<Uint8Array>;
  written: number;
}

export class Snapshots {
  readonly #store: Store;
  readonly #limits: SnapshotLimits;
  readonly #durableCells: () => Iterable<Cell>;
  /** Journal since the last round, in bytes. */
  #bytes: number;
  /** Batches from here on are needed by actors that are not here. */
  readonly #heldFrom: number;
  /** Those that are yet to be written in this round; undefined between rounds. */
  #waiting: Cell[] | undefined;
  #writing: Writing | undefined;
  /** The journal when the round began: its last batch, and its bytes. */
  #roundStart = 0;
  #roundBytes = 0;
  #isTrimming = false;

  constructor(
    store: Store,
    limits: SnapshotLimits,
    durableCells: () => Iterable<Cell>,
    recovered: { readonly bytes: number; readonly heldFrom: number },
  ) {
    this.#store = store;
    this.#limits = limits;
    this.#durableCells = durableCells;
    this.#bytes = recovered.bytes;
    this.#heldFrom = recovered.heldFrom;
  }

  /** A batch of so many bytes was appended. */
  onAppended(bytes: number): void {
    this.#bytes += bytes;
  }

  /**
   * Does one step of what there is to do, after the turn's batch is stored; true if there is more. If the store throws,
   * the round is given up.
   */
  advance(): boolean {
    try {
      return this.#step();
    } catch (error) {
      this.#waiting = undefined;
      this.#writing = undefined;
      this.#isTrimming = false;
      throw error;
    }
  }

  #step(): boolean {
    if (this.#isTrimming) {
      this.#isTrimming = this.#store.trim(this.#limits.keepBytes);
    } else if (this.#waiting === undefined) {
      if (this.#bytes >= this.#limits.everyBytes) this.#begin();
    } else if (this.#writing === undefined) this.#next(this.#waiting);
    else this.#writePiece(this.#writing);
    return this.#isTrimming || this.#waiting !== undefined;
  }

  #begin(): void {
    this.#bytes = 0;
    this.#roundStart = this.#store.last;
    this.#roundBytes = this.#store.journalBytes;
    this.#waiting = [...this.#durableCells()].filter((cell) => cell.events > cell.snapshotEvents);
  }

  #next(waiting: Cell[]): void {
    const cell = waiting.pop();
    if (cell === undefined) this.#end();
    else if (cell.actor !== undefined) {
      const head = { address: cell.self, events: cell.events, batch: this.#store.last };
      const pieces = (cell.actor as DurableActor).snapshot()[Symbol.iterator]();
      this.#writing = { cell, head, pieces, written: 0 };
    }
    // An actor that waits for its restart has no state to write: the journal stays as it is.
    else this.#waiting = undefined;
  }

  #writePiece(writing: Writing): void {
    const { cell, head, pieces } = writing;
    const piece = pieces.next();
    if (piece.done !== true) {
      this.#store.putSnapshotPiece(cell.self, writing.written, piece.value);
      writing.written++;
      return;
    }
    this.#store.commitSnapshot(head, writing.written);
    cell.snapshotEvents = head.events;
    this.#writing = undefined;
  }

  #end(): void {
    this.#waiting = undefined;
    if (this.#heldFrom <= this.#roundStart) return;
    this.#store.release(this.#roundStart + 1, this.#roundBytes);
    this.#isTrimming = true;
  }
}
