/** What there is of one host's actors, in numbers. */
import type {
  ActorStats,
  HostStats,
  Progress,
  SnapshotStats,
  StatsJob,
} from '../../src/protocol/data-jobs.ts';
import type { Address } from '../../src/values/address.ts';
import type { JournalBatch, Segment } from '../runtime/journal.ts';
import type { LmdbStore } from '../runtime/lmdb-store.ts';
import type { Snapshot } from '../runtime/store.ts';
import { readStored } from '../runtime/streams.ts';
import { Counter, fileBytesIn, openStored } from './open-stored.ts';
import type { StoredActor, StoredKind } from './stored-kind.ts';
import { kindOf } from './stored-kinds.ts';

export async function hostStats({ host, progress }: StatsJob): Promise<HostStats> {
  const fileBytes = fileBytesIn(host.folder);
  const store = openStored(host);
  try {
    if (store === undefined) return { fileBytes, journalBytes: 0, batches: 0, transactions: 0, actors: [] };
    const counter = new Counter((done) => {
      const report: Progress = { done, total: store.journalBytes };
      progress.postMessage(report);
    });
    const { journalBytes } = store;
    return { fileBytes, journalBytes, ...countIn(store, counter) };
  } finally {
    await store?.close();
    progress.close();
  }
}

interface Counted {
  readonly kind: StoredKind | undefined;
  readonly actor: StoredActor | undefined;
  readonly snapshot: { readonly events: number; readonly batch: number; readonly bytes: number } | undefined;
  snapshotMs: number | undefined;
  events: number;
  kept: { readonly position: number; readonly timeMs: number; lastMs: number } | undefined;
}

function countIn(store: LmdbStore, counter: Counter): Pick<HostStats, 'batches' | 'transactions' | 'actors'> {
  const actors = new Map<Address, Counted>();
  for (const snapshot of store.snapshots()) actors.set(snapshot.address, restored(snapshot));
  let batches = 0;
  let transactions = 0;
  for (const stored of store.read(store.first)) {
    counter.add(stored.bytes.length);
    const batch = readStored(store, stored, {});
    if (batch === undefined) break;
    batches++;
    for (const counted of actors.values()) {
      if (counted.snapshot?.batch === batch.position) counted.snapshotMs = batch.timeMs;
    }
    for (const segment of batch.segments) transactions += take(actors, segment, batch);
  }
  return {
    batches,
    transactions,
    actors: [...actors].map(([address, counted]) => statsOf(address, counted)),
  };
}

function restored({ address, events, batch, pieces }: Snapshot): Counted {
  const kind = kindOf(address);
  const actor = kind?.create(address);
  actor?.restore(pieces);
  const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
  return { kind, actor, snapshot: { events, batch, bytes }, snapshotMs: undefined, events, kept: undefined };
}

/** Returns the number of transactions. */
function take(actors: Map<Address, Counted>, segment: Segment, { timeMs }: JournalBatch): number {
  const { address, position, count } = segment;
  let counted = actors.get(address);
  if (counted === undefined) {
    const kind = kindOf(address);
    counted = {
      kind,
      actor: kind?.create(address),
      snapshot: undefined,
      snapshotMs: undefined,
      events: 0,
      kept: undefined,
    };
    actors.set(address, counted);
  }
  counted.kept ??= { position, timeMs, lastMs: timeMs };
  counted.kept.lastMs = timeMs;
  if (position > counted.events) {
    counted.actor?.apply(segment);
    counted.events = position + count - 1;
  }
  return counted.kind?.examine(segment) ?? 0;
}

function statsOf(address: Address, { actor, snapshot, snapshotMs, events, kept }: Counted): ActorStats {
  const taken: SnapshotStats | undefined = snapshot && {
    events: snapshot.events,
    bytes: snapshot.bytes,
    timeMs: snapshotMs,
  };
  return { address, events, kept, snapshot: taken, figures: actor?.figures ?? {} };
}
