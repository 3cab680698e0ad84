/** Fills a new environment with streams, many batches to a transaction. */
import { BatchBuilder } from './journal.ts';
import { LmdbStore } from './lmdb-store.ts';
import type { Snapshot } from './store.ts';

/** Written in one transaction. */
const BULK_BYTES = 8 * 1024 * 1024;

export class BulkWriter {
  readonly store: LmdbStore;
  readonly builder = new BatchBuilder();
  /** The first batch with an event that is in no snapshot. */
  needed = Number.POSITIVE_INFINITY;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  constructor(folder: string) {
    this.store = new LmdbStore({ folder });
  }

  get next(): number {
    return this.store.last + this.#waiting.length + 1;
  }

  endBatch(timeMs: number): void {
    if (this.builder.isEmpty) return;
    const batch = this.builder.take(this.next, timeMs);
    this.#waiting.push(batch);
    this.#waitingBytes += batch.length;
    if (this.#waitingBytes >= BULK_BYTES) this.flush();
  }

  flush(): void {
    this.store.appendAll(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  putSnapshot({ address, events, pieces }: Snapshot): void {
    pieces.forEach((piece, index) => {
      this.store.putSnapshotPiece(address, index, piece);
    });
    this.store.commitSnapshot({ address, events, batch: this.store.last }, pieces.length);
  }
}
