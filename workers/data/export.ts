/**
 * Writes what is stored as JSON lines: a header, then host by host, in the order of its journal, an event a line, and
 * at the end how many lines there were between. Where the journal no longer goes back to an actor's first event, its
 * snapshot stands in for what is gone, and for what the snapshot has besides.
 *
 *     {"outcry":1}
 *     {"actor":"ledger/4","snapshot":{"events":17,"pieces":["…"]}}
 *     {"actor":"ledger/3","position":18,"time":"2026-11-21T10:00:00.000Z","event":{"type":"posting",…}}
 *     {"actor":"news/1","position":5,"time":"…","raw":{"kind":0,"events":3,"base64":"…"}}   of an actor nobody knows
 *     {"end":3}
 *
 * The reader may be slow. The store is therefore read in stretches: as long as one state of it is held, a server that
 * is running can't use its pages again, and its file grows.
 */
import type { MessagePort } from 'node:worker_threads';
import { ChunkWriter } from '../../src/protocol/chunk-channel.ts';
import type { ExportJob, Progress, StoredHost } from '../../src/protocol/data-jobs.ts';
import type { Address } from '../../src/values/address.ts';
import { OutcryError } from '../../src/values/errors.ts';
import type { JournalBatch, Segment } from '../runtime/journal.ts';
import type { LmdbStore } from '../runtime/lmdb-store.ts';
import type { Snapshot } from '../runtime/store.ts';
import { readStored } from '../runtime/streams.ts';
import { LineWriter } from './line-writer.ts';
import { fileBytesIn, openStored } from './open-stored.ts';
import type { Describer } from './stored-kind.ts';
import { kindOf } from './stored-kinds.ts';

export const EXPORT_VERSION = 1;
const STRETCH_BYTES = 8 * 1024 * 1024;

/** Resolves to the number of events. Throws ERR_DATA_…, ERR_EXPORT, ChannelBroken. */
export async function exportData({ hosts, output, progress }: ExportJob): Promise<number> {
  const channel = new ChunkWriter(output);
  try {
    const lines = new LineWriter();
    lines.line({ outcry: EXPORT_VERSION });
    const total = hosts.reduce((sum, { folder }) => sum + fileBytesIn(folder), 0);
    let done = 0;
    let lineCount = 0;
    let events = 0;
    for (const host of hosts) {
      const written = await exportHost(host, { lines, channel, progress, done, total });
      lineCount += written.lines;
      events += written.events;
      done += fileBytesIn(host.folder);
    }
    lines.line({ end: lineCount });
    await send(lines, channel);
    await channel.end();
    return events;
  } finally {
    channel.close();
    progress.close();
  }
}

interface Way {
  readonly lines: LineWriter;
  readonly channel: ChunkWriter;
  readonly progress: MessagePort;
  /** Bytes of the files before this one, and of all. */
  readonly done: number;
  readonly total: number;
}

async function exportHost(host: StoredHost, way: Way): Promise<{ lines: number; events: number }> {
  const store = openStored(host);
  if (store === undefined) return { lines: 0, events: 0 };
  try {
    const actors = new ActorLines(store, way.lines);
    const { first, last } = store;
    let read = 0;
    for (let next = first; next <= last; ) {
      const from = next;
      for (const stored of store.read(next)) {
        if (stored.position !== next || stored.position > last) break;
        next++;
        read += stored.bytes.length;
        const batch = readStored(store, stored, {});
        if (batch !== undefined) actors.writeBatch(batch);
        if (way.lines.length >= STRETCH_BYTES) break;
      }
      if (next === from) throw trimmed(host, next);
      await send(way.lines, way.channel);
      const report: Progress = { done: way.done + read, total: way.total };
      way.progress.postMessage(report);
      store.renew();
    }
    actors.writeRest();
    await send(way.lines, way.channel);
    return { lines: actors.lines, events: actors.events };
  } finally {
    await store.close();
  }
}

async function send(lines: LineWriter, channel: ChunkWriter): Promise<void> {
  for (const chunk of lines.take()) await channel.write(chunk);
}

function trimmed({ folder }: StoredHost, position: number): OutcryError {
  return new OutcryError(
    'ERR_EXPORT',
    `the server has removed batch ${position} of ${folder} before it was exported. Export faster, to a file, or let ` +
      'the server keep more with data.history_bytes',
    { fields: { folder, position } },
  );
}

interface ActorLine {
  readonly describer: Describer | undefined;
  /** Position of the event that should come next. */
  next: number;
}

/** The lines of one host's actors. */
class ActorLines {
  lines = 0;
  events = 0;
  readonly #store: LmdbStore;
  readonly #out: LineWriter;
  /** Those that were not written, and may have to be. */
  readonly #snapshots: Map<Address, Snapshot>;
  readonly #actors = new Map<Address, ActorLine>();

  constructor(store: LmdbStore, out: LineWriter) {
    this.#store = store;
    this.#out = out;
    this.#snapshots = new Map([...store.snapshots()].map((snapshot) => [snapshot.address, snapshot]));
  }

  writeBatch({ segments, timeMs }: JournalBatch): void {
    for (const segment of segments) {
      const { address, position, count } = segment;
      const actor = this.#actors.get(address) ?? this.#meet(segment);
      if (position + count <= actor.next) continue;
      if (position !== actor.next) {
        throw this.#store.damage(`event ${position} of ${address} comes where ${actor.next} should`);
      }
      this.#writeSnapshot(address);
      actor.next += count;
      this.events += count;
      if (actor.describer === undefined) this.#writeRaw(segment, timeMs);
      else {
        this.lines += count;
        this.#out.of(address, position, timeMs);
        actor.describer.describe(segment, this.#out);
      }
    }
  }

  /** The snapshots of actors that have no event behind them. */
  writeRest(): void {
    for (const address of this.#snapshots.keys()) this.#writeSnapshot(address);
  }

  /** An actor whose first event is there needs no snapshot. */
  #meet({ address, position }: Segment): ActorLine {
    if (position === 1) this.#snapshots.delete(address);
    const snapshot = this.#snapshots.get(address);
    const describer = kindOf(address)?.createDescriber(snapshot?.pieces);
    const actor: ActorLine = { describer, next: (snapshot?.events ?? 0) + 1 };
    this.#actors.set(address, actor);
    return actor;
  }

  #writeSnapshot(address: Address): void {
    const snapshot = this.#snapshots.get(address);
    if (snapshot === undefined) return;
    this.#snapshots.delete(address);
    this.lines++;
    const { events, pieces } = snapshot;
    this.#out.lineOfPieces(`{"actor":"${address}","snapshot":{"events":${events},"pieces":`, pieces, '}}');
  }

  #writeRaw({ address, position, kind, count, bytes, start, end }: Segment, timeMs: number): void {
    this.lines++;
    const base64 = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('base64');
    const time = new Date(timeMs).toISOString();
    this.#out.line({ actor: address, position, time, raw: { kind, events: count, base64 } });
  }
}
