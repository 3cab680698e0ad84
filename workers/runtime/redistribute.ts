/**
 * Gives stored actors to another number of hosts: every stream goes, with its snapshot, its history and the times of
 * its events, to the environment of the host that will have the actor.
 */
import { type Address, hostIndexOf } from '../../src/values/address.ts';
import { BulkWriter } from './bulk-writer.ts';
import { LmdbStore } from './lmdb-store.ts';
import type { Store } from './store.ts';
import { readStored } from './streams.ts';

/** `from` and `to` are folders of environments, by host. The target folders must be new. */
export async function redistribute(from: readonly string[], to: readonly string[]): Promise<void> {
  const targets = to.map((folder) => new LmdbStore({ folder }));
  try {
    const copying = new Redistribution(targets);
    for (const folder of from) {
      const source = new LmdbStore({ folder, isMade: true });
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
  readonly #targets: readonly BulkWriter[];

  constructor(targets: readonly Store[]) {
    this.#targets = targets.map((store) => new BulkWriter(store));
  }

  take(source: Store): void {
    const targetOf = (address: Address) =>
      this.#targets[hostIndexOf(address, this.#targets.length)] as BulkWriter;
    const snapshots = [...source.snapshots()];
    const covered = new Map(snapshots.map(({ address, events }) => [address, events]));
    for (const stored of source.read(source.first)) {
      const batch = readStored(source, stored, {});
      if (batch === undefined) break;
      for (const segment of batch.segments) {
        const target = targetOf(segment.address);
        const last = segment.position + segment.count - 1;
        if (last > (covered.get(segment.address) ?? 0)) target.needBatch();
        target.builder.addSegment(segment);
      }
      for (const target of this.#targets) target.endBatch(batch.timeMs);
    }
    for (const target of this.#targets) target.flush();
    for (const snapshot of snapshots) targetOf(snapshot.address).putSnapshot(snapshot);
  }

  end(): void {
    for (const target of this.#targets) target.end();
  }
}
