/**
 * Gives stored actors to another number of hosts: every stream goes, with its snapshot, its history and the times of
 * its events, to the environment of the host that will have the actor.
 */
import { type Address, hostIndexOf } from '../../src/values/address.ts';
import { BatchBuilder } from './journal.ts';
import { LmdbStore } from './lmdb-store.ts';
import type { Snapshot, Store } from './store.ts';
import { readStored } from './streams.ts';

/** Written in one transaction. */
const BULK_BYTES = 8 * 1024 * 1024;

class Target {
  readonly store: Store;
  readonly builder = new BatchBuilder();
  /** The first batch with an event that is in no snapshot. */
  needed = Number.POSITIVE_INFINITY;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  constructor(store: Store) {
    this.store = store;
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

/** `from` and `to` are folders of environments, by host. The target folders must be new. */
export async function redistribute(from: readonly string[], to: readonly string[]): Promise<void> {
  const targets = to.map((folder) => new LmdbStore({ folder }));
  try {
    const copying = new Redistribution(targets);
    for (const folder of from) {
      const source = new LmdbStore({ folder });
      try {
        copying.take(source);
      } finally {
        await source.close();
      }
    }
    copying.end();
  } finally {
    await Promise.all(targets.map((target) => target.close()));
  }
}

/** Copies stores into new ones, by host. */
export class Redistribution {
  readonly #targets: readonly Target[];

  constructor(targets: readonly Store[]) {
    this.#targets = targets.map((store) => new Target(store));
  }

  take(source: Store): void {
    copy(source, this.#targets);
  }

  end(): void {
    for (const { store, needed } of this.#targets) store.release(Math.min(needed, store.last + 1));
  }
}

function copy(source: Store, targets: readonly Target[]): void {
  const targetOf = (address: Address) => targets[hostIndexOf(address, targets.length)] as Target;
  const snapshots = [...source.snapshots()];
  const covered = new Map(snapshots.map(({ address, events }) => [address, events]));
  for (const stored of source.read(source.first)) {
    const batch = readStored(source, stored, {});
    if (batch === undefined) break;
    for (const segment of batch.segments) {
      const target = targetOf(segment.address);
      const last = segment.position + segment.count - 1;
      if (last > (covered.get(segment.address) ?? 0)) target.needed = Math.min(target.needed, target.next);
      target.builder.addSegment(segment);
    }
    for (const target of targets) target.endBatch(batch.timeMs);
  }
  for (const target of targets) target.flush();
  for (const snapshot of snapshots) targetOf(snapshot.address).putSnapshot(snapshot);
}
