/**
 * Where the events of a host's durable actors are kept: a journal of batches (journal.ts) and the actors' snapshots.
 *
 * Every writing call returns when what it wrote is durable. If it throws ERR_STORE_WRITE nothing of it is stored, the
 * store is as it was, and the call may be made again.
 */
import type { Address } from '../../src/values/address.ts';
import { OutcryError } from '../../src/values/errors.ts';

/** What a snapshot holds, beside its pieces. */
export interface SnapshotHead {
  readonly address: Address;
  /** Position of the last event in it, in the actor's stream. */
  readonly events: number;
  /** Position of the last batch of the journal that is in it. */
  readonly batch: number;
}

export interface Snapshot extends SnapshotHead {
  readonly pieces: readonly Uint8Array[];
}

/** A batch as it was stored; `readBatch` makes sense of it. */
export interface StoredBatch {
  readonly position: number;
  readonly bytes: Uint8Array;
}

export interface Store {
  /** False if nothing is kept: then nothing needs to be written. */
  readonly isDurable: boolean;
  /** Nothing may be written, nor removed. */
  readonly isReadOnly: boolean;
  /** Position of the first batch that is there; one more than the last if there is none. */
  readonly first: number;
  /** Position of the last batch that was ever appended; 0 if none was. */
  readonly last: number;
  /** Position of the first batch that recovery needs; all before it is in the snapshots. */
  readonly needed: number;
  /** Bytes in the batches from `first` to `last`. */
  readonly journalBytes: number;
  /** Appends the batch of position `last` + 1. */
  append(batch: Uint8Array): void;
  /** Appends several batches in one go. */
  appendAll(batches: readonly Uint8Array[]): void;
  /** The batches from `position` on, in order. */
  read(position: number): Iterable<StoredBatch>;
  /** The snapshots of all actors. */
  snapshots(): Iterable<Snapshot>;
  /** Writes a part of a snapshot, which does not count before it is committed. */
  putSnapshotPiece(address: Address, index: number, piece: Uint8Array): void;
  /** The `pieces` pieces written for this actor are its snapshot from now on, in place of the one before. */
  commitSnapshot(head: SnapshotHead, pieces: number): void;
  /** Recovery needs no batch below `position` any more; those that are there have `historyBytes` together. */
  release(position: number, historyBytes: number): void;
  /**
   * Removes the oldest of the batches that recovery does not need, as long as the journal is longer than `keepBytes`;
   * none from position `keptFrom` on. True if there may be more to remove.
   */
  trim(keepBytes: number, keptFrom?: number): boolean;
  /** Removes the last batch, which is torn. */
  cutLast(): void;
  /** The error that says what is wrong with what is stored, where, and what to do. */
  damage(problem: string): OutcryError;
  close(): Promise<void>;
}

/** Keeps nothing. */
export class MemoryStore implements Store {
  readonly isDurable = false;
  readonly isReadOnly = false;
  readonly first = 1;
  readonly last = 0;
  readonly needed = 1;
  readonly journalBytes = 0;

  append(): void {}

  appendAll(): void {}

  read(): Iterable<StoredBatch> {
    return [];
  }

  snapshots(): Iterable<Snapshot> {
    return [];
  }

  putSnapshotPiece(): void {}

  commitSnapshot(): void {}

  release(): void {}

  trim(): boolean {
    return false;
  }

  cutLast(): void {}

  damage(problem: string): OutcryError {
    return new OutcryError('ERR_DATA_DAMAGED', problem);
  }

  async close(): Promise<void> {}
}
