/**
 * Snapshots of a host's durable actors, written between turns, a piece at a time. When so much journal has come since
 * the last ones that it is time, every actor with events since then has its turn: its state is frozen, which it does at
 * once, and written out over the following turns while it goes on. Then the journal before is not needed any more for
 * recovery; what is kept of it is history. Unless somebody else still needs it: an actor that has stopped, or is not here
 * any more. An actor may also wish history of its own to be kept, for others to read.
 */
import type { Address } from '../../src/values/address.ts';
import type { DurableActor } from './actor.ts';
import type { Cell } from './cell.ts';
import { findBatch } from './find-batch.ts';
import type { SnapshotHead, Store } from './store.ts';

export interface SnapshotLimits {
  /** A round begins after this much journal. */
  readonly everyBytes: number;
  /** Journal that is kept, needed or not. */
  readonly keepBytes: number;
  /** Journal that is kept if actors wish it. */
  readonly wishBytes: number;
}

interface Writing {
  readonly head: SnapshotHead;
  readonly pieces: Iterator<Uint8Array>;
  /** The first batch with an event that is not in the snapshot before this one. */
  readonly firstBatch: number;
  written: number;
}

export class Snapshots {
  readonly #store: Store;
  readonly #limits: SnapshotLimits;
  readonly #durableCells: () => readonly Cell[];
  /** By actor, be it here or not: the first batch with an event of it that is in no snapshot. */
  readonly #firstBatches: Map<Address, number>;
  /** Journal since the last round, in bytes. */
  #bytes: number;
  /** Those that are yet to be written in this round; undefined between rounds. */
  #waiting: Cell[] | undefined;
  #writing: Writing | undefined;
  /** The journal when the round began: its last batch, and its bytes. */
  #roundStart = 0;
  #roundBytes = 0;
  #isTrimming = false;
  /** By actor, the event from which on it last wished the journal to be kept, and the batch with that. */
  readonly #kept = new Map<Address, { readonly event: number; readonly batch: number }>();

  /** `recovered` is what recovery had to read of the journal. */
  constructor(
    store: Store,
    limits: SnapshotLimits,
    durableCells: () => readonly Cell[],
    recovered: { readonly bytes: number; readonly firstBatches: Map<Address, number> },
  ) {
    this.#store = store;
    this.#limits = limits;
    this.#durableCells = durableCells;
    this.#bytes = recovered.bytes;
    this.#firstBatches = recovered.firstBatches;
  }

  /** A batch of so many bytes was appended, with events of `actors`. */
  onAppended(bytes: number, actors: Iterable<Address>): void {
    this.#bytes += bytes;
    for (const address of actors) {
      if (!this.#firstBatches.has(address)) this.#firstBatches.set(address, this.#store.last);
    }
  }

  /**
   * Does one step of what there is to do, after the turn's batch is stored; true if there is more. If the store throws,
   * the round is given up.
   */
  advance(): boolean {
    try {
      return this.#step();
    } catch (error) {
      this.#giveUp();
      throw error;
    }
  }

  #step(): boolean {
    if (this.#isTrimming) {
      const { keepBytes, wishBytes } = this.#limits;
      this.#isTrimming = this.#store.trim(keepBytes, this.#keptFrom());
      this.#isTrimming ||= this.#store.trim(Math.max(keepBytes, wishBytes));
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
    this.#waiting = this.#durableCells().filter(({ self }) => this.#firstBatches.has(self));
  }

  /** An actor that has stopped meanwhile, or waits for its restart, has no state to write. */
  #next(waiting: Cell[]): void {
    const cell = waiting.pop();
    if (cell === undefined) this.#end();
    else if (cell.actor !== undefined) {
      const { self: address, events } = cell;
      const pieces = (cell.actor as DurableActor).snapshot()[Symbol.iterator]();
      const firstBatch = this.#firstBatches.get(address) ?? this.#store.last;
      this.#firstBatches.delete(address);
      const head = { address, events, batch: this.#store.last };
      this.#writing = { head, pieces, firstBatch, written: 0 };
    }
  }

  #writePiece(writing: Writing): void {
    const { head, pieces } = writing;
    const piece = pieces.next();
    if (piece.done !== true) {
      this.#store.putSnapshotPiece(head.address, writing.written, piece.value);
      writing.written++;
      return;
    }
    this.#store.commitSnapshot(head, writing.written);
    this.#writing = undefined;
  }

  #giveUp(): void {
    if (this.#writing !== undefined) {
      const { head, firstBatch } = this.#writing;
      this.#firstBatches.set(head.address, firstBatch);
    }
    this.#waiting = undefined;
    this.#writing = undefined;
    this.#isTrimming = false;
  }

  /** Whoever had no part in the round still needs the journal from its first batch on. */
  #end(): void {
    this.#waiting = undefined;
    if (Math.min(...this.#firstBatches.values()) <= this.#roundStart) return;
    this.#store.release(this.#roundStart + 1, this.#roundBytes);
    this.#isTrimming = true;
  }

  /** The first batch that somebody wishes to be kept. */
  #keptFrom(): number {
    const wishes = this.#durableCells().map((cell) => this.#keptFor(cell));
    return Math.min(...wishes);
  }

  #keptFor({ self: address, actor }: Cell): number {
    const event = (actor as DurableActor | undefined)?.keptFrom?.() ?? 0;
    if (event === 0) return Number.POSITIVE_INFINITY;
    const known = this.#kept.get(address);
    if (known?.event === event) return known.batch;
    const batch = findBatch(this.#store, address, event) ?? this.#store.last;
    this.#kept.set(address, { event, batch });
    return batch;
  }
}
