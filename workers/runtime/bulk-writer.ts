/** Fills a new store with streams, many batches to a transaction. */
import { BatchBuilder } from './journal.ts';
import type { Snapshot, Store } from './store.ts';

/** Written in one transaction. */
const BULK_BYTES = 8 * 1024 * 1024;

export class BulkWriter {
  readonly store: Store;
  readonly builder = new BatchBuilder();
  /** The first batch with an event that is in no snapshot, and the bytes before it. */
  #needed: number | undefined;
  #historyBytes = 0;
  #bytes = 0;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  constructor(store: Store) {
    this.store = store;
  }

  /** Recovery needs the batch that is being built. */
  needBatch(): void {
    if (this.#needed !== undefined) return;
    this.#needed = this.#next;
    this.#historyBytes = this.#bytes;
  }

  endBatch(timeMs: number): void {
    if (this.builder.isEmpty) return;
    const batch = this.builder.take(this.#next, timeMs);
    this.#waiting.push(batch);
    this.#bytes += batch.length;
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

  /** All is written. */
  end(): void {
    this.flush();
    if (this.#needed === undefined) this.store.release(this.#next, this.#bytes);
    else this.store.release(this.#needed, this.#historyBytes);
  }

  get #next(): number {
    return this.store.last + this.#waiting.length + 1;
  }
}
