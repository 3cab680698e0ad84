import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hostIndexOf, toAddress } from '../../../src/values/address.ts';
import type { DurableActor } from '../../../workers/runtime/actor.ts';
import { BatchBuilder, readBatch } from '../../../workers/runtime/journal.ts';
import { LmdbStore } from '../../../workers/runtime/lmdb-store.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { redistribute } from '../../../workers/runtime/redistribute.ts';
import { Streams } from '../../../workers/runtime/streams.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';

const ADDRESSES = Array.from({ length: 9 }, (_, i) => toAddress(`stream/${i}`));

/** Remembers all it is given. */
class Recorder implements DurableActor {
  readonly events: unknown[] = [];

  receive(): undefined {}

  apply(event: unknown): void {
    this.events.push(event);
  }

  snapshot(): Iterable<Uint8Array> {
    return [];
  }

  restore(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) this.events.push(...JSON.parse(Buffer.from(piece).toString()));
  }
}

test('streams go to the hosts that will have their actors, whole, for any number of hosts', async () => {
  const random = new Random(fuzzSeed());
  const folder = mkdtempSync(join(tmpdir(), 'outcry-redistribute-'));
  const foldersOf = (generation: number, hosts: number) =>
    Array.from({ length: hosts }, (_, host) => join(folder, String(generation), String(host)));
  const expected = new Map(ADDRESSES.map((address) => [address, [] as number[]]));
  const times = new Map(ADDRESSES.map((address) => [address, [] as number[]]));
  let timeMs = 0;

  /** Events drawn at random for the actors of each host, with snapshots and trimmed journals among them. */
  async function write(folders: readonly string[]): Promise<void> {
    for (const [host, path] of folders.entries()) {
      const store = new LmdbStore({ folder: path });
      const mine = ADDRESSES.filter((address) => hostIndexOf(address, folders.length) === host);
      for (let batch = random.below(30); batch > 0 && mine.length > 0; batch--) {
        const builder = new BatchBuilder();
        timeMs++;
        for (const address of mine) {
          if (random.chance(0.5)) continue;
          const events = expected.get(address) ?? assert.fail();
          const added = Array.from({ length: 1 + random.below(3) }, () => random.below(1000));
          builder.addValues(address, events.length + 1, added);
          events.push(...added);
          times.get(address)?.push(timeMs);
        }
        if (!builder.isEmpty) store.append(builder.take(store.last + 1, timeMs));
      }
      if (random.chance(0.5) && store.last > 0) {
        for (const address of mine) {
          const events = expected.get(address) ?? assert.fail();
          store.putSnapshotPiece(address, 0, Buffer.from(JSON.stringify(events)));
          store.commitSnapshot({ address, events: events.length, batch: store.last }, 1);
        }
        store.release(store.last + 1, store.journalBytes);
        if (random.chance(0.5)) while (store.trim(store.journalBytes / 2));
      }
      await store.close();
    }
  }

  try {
    let hosts = 1;
    await write(foldersOf(0, hosts));
    for (let generation = 1; generation <= 12; generation++) {
      const next = 1 + random.below(5);
      await redistribute(foldersOf(generation - 1, hosts), foldersOf(generation, next));
      hosts = next;
      for (const [host, path] of foldersOf(generation, hosts).entries()) {
        const store = new LmdbStore({ folder: path });
        const streams = new Streams(store, {});
        for (const address of ADDRESSES) {
          if (hostIndexOf(address, hosts) !== host) continue;
          const recorder = new Recorder();
          const events = streams.restore(address, recorder);
          assert.deepEqual(recorder.events, expected.get(address));
          assert.equal(events, recorder.events.length);
        }
        assert.deepEqual(streams.left, []);
        for (const { position, bytes } of store.read(store.first)) {
          const batch = readBatch(bytes, position);
          for (const { address } of batch.segments) assert.ok(times.get(address)?.includes(batch.timeMs));
        }
        await store.close();
      }
      await write(foldersOf(generation, hosts));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
