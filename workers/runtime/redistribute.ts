/**
 * Gives stored actors to another number of hosts: every stream goes, with its snapshot, its history and the times of
 * its events, to the environment of the host that will have the actor.
 */
import { type Address, hostIndexOf } from '../../src/values/address.ts';
import { BulkWriter } from './bulk-writer.ts';
import { LmdbStore } from './lmdb-store.ts';
import { readStored } from './streams.ts';

/** `from` and `to` are folders of environments, by host. The target folders must be new. */
export async function redistribute(from: readonly string[], to: readonly string[]): Promise<void> {
  const targets = to.map((folder) => new BulkWriter(folder));
  try {
    for (const folder of from) {
      const source = new LmdbStore({ folder });
      try {
        copy(source, targets);
      } finally {
        await source.close();
      }
    }
    for (const { store, needed } of targets) store.release(Math.min(needed, store.last + 1));
  } finally {
    await Promise.all(targets.map(({ store }) => store.close()));
  }
}

function copy(source: LmdbStore, targets: readonly BulkWriter[]): void {
  const targetOf = (address: Address) => targets[hostIndexOf(address, targets.length)] as BulkWriter;
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
