import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { StoredHost } from '../../../src/protocol/data-jobs.ts';
import { RATES_ADDRESS } from '../../../src/protocol/gold.ts';
import { readGoldTime } from '../../../src/protocol/gold-dates.ts';
import { hostStats } from '../../../workers/data/stats.ts';
import { verifyHost } from '../../../workers/data/verify.ts';
import { GoldActor } from '../../../workers/gold/gold-actor.ts';
import type { GoldEvent } from '../../../workers/gold/rates.ts';
import { BatchBuilder } from '../../../workers/runtime/journal.ts';
import { LmdbStore } from '../../../workers/runtime/lmdb-store.ts';
import { exported, imported } from '../../support/data-jobs.ts';
import { goldRefresh, goldRow } from '../../support/gold-rows.ts';
import { hostsIn, nobody, temporaryFolder } from '../../support/stored-bank.ts';

const DAY_MS = 86_400_000;
const DAYS = 60;
const ROWS = 70;
const SETTINGS = { messageBytesMax: 4096, isSignInAsked: true, refreshMs: 1000, sources: [] } as const;

function eventsOf(day: number): GoldEvent[] {
  const startMs = (readGoldTime('2025-01-01 09:00:00') as number) + day * DAY_MS;
  const at = (timeMs: number, price: number, source?: string) => {
    const rows = Array.from({ length: ROWS }, (_, i) => goldRow(`Loại ${i}`, price + i * 1000));
    const date = new Date(timeMs + 7 * 3_600_000).toISOString().slice(0, 10);
    return { ...goldRefresh('2025-01-01', rows, source), date, timeMs };
  };
  const refresh = at(startMs, 80_000_000 + day * 10_000);
  const { date, source } = refresh;
  return [
    { type: 'imported', refresh: at(startMs - 1000, 79_000_000, 'import') },
    { type: 'refreshed', refresh },
    { type: 'confirmed', date, source, timeMs: startMs + 1000 },
  ];
}

/** A host that has kept rates for two months; a snapshot was written after the first. */
async function goldIn(t: TestContext): Promise<StoredHost> {
  const [host] = hostsIn(temporaryFolder(t), 1) as [StoredHost];
  const store = new LmdbStore({ folder: host.folder });
  const actor = new GoldActor(SETTINGS);
  let position = 1;
  for (let day = 0; day < DAYS; day++) {
    const builder = new BatchBuilder();
    const events = eventsOf(day);
    for (const event of events) actor.apply(event);
    builder.addValues(RATES_ADDRESS, position, events);
    position += events.length;
    store.append(builder.take(store.last + 1, 1000 + day));
    if (day !== DAYS / 2) continue;
    const pieces = [...actor.snapshot()];
    assert.ok(pieces.length > 1 && pieces.every(({ length }) => length < 1024 * 1024));
    for (const [index, piece] of pieces.entries()) store.putSnapshotPiece(RATES_ADDRESS, index, piece);
    store.commitSnapshot({ address: RATES_ADDRESS, events: position - 1, batch: store.last }, pieces.length);
  }
  await store.close();
  return host;
}

async function problemsIn(host: StoredHost): Promise<string[]> {
  const { findings } = await verifyHost({ type: 'verify', host, progress: nobody() });
  return findings.map(({ problem }) => problem);
}

async function importedTo(t: TestContext, text: string): Promise<StoredHost> {
  const [host] = hostsIn(temporaryFolder(t), 1) as [StoredHost];
  await imported(text, [host.folder]);
  return host;
}

describe('what is stored of gold rates', () => {
  test('is verified, counted, exported and imported', async (t) => {
    const host = await goldIn(t);
    assert.deepEqual(await problemsIn(host), []);
    const { actors } = await hostStats({ type: 'stats', host, progress: nobody() });
    assert.deepEqual(
      actors.map(({ address, events, figures }) => ({ address, events, figures })),
      [{ address: RATES_ADDRESS, events: DAYS * 3, figures: { dates: DAYS, refreshes: DAYS * 2 } }],
    );
    const text = await exported([host]);
    const copy = await importedTo(t, text);
    assert.deepEqual(await problemsIn(copy), []);
    assert.equal(await exported([copy]), text);
  });

  test('is not imported with an event that can not have been', async (t) => {
    const line = (...events: readonly unknown[]) => {
      const lines = events.map((event, i) =>
        JSON.stringify({ actor: RATES_ADDRESS, position: i + 1, time: '2026-11-21T10:00:00.000Z', event }),
      );
      return `{"outcry":1}\n${lines.join('\n')}\n{"end":${events.length}}\n`;
    };
    const [fromFile, fetched, confirmed] = eventsOf(0) as [
      GoldEvent,
      GoldEvent & { type: 'refreshed' },
      GoldEvent,
    ];
    await importedTo(t, line(fromFile, fetched, confirmed));
    const { refresh } = fetched;
    for (const [events, says] of [
      [[fromFile, fromFile], /rates of 2025-01-01 were imported twice/],
      [[confirmed], /there are no rates of 2025-01-01/],
      [
        [{ type: 'refreshed', refresh: { ...refresh, date: '2025-02-30' } }],
        /the store of gold rates has no event/,
      ],
      [[{ type: 'refreshed', refresh: { ...refresh, rows: [{}] } }], /has no event/],
      [[{ type: 'refreshed', refresh: { ...refresh, rows: [goldRow('SJC', 0)] } }], /has no event/],
      [[{ ...fetched, more: 1 }], /has no event/],
      [[{ type: 'toString' }], /has no event/],
      [[null], /has no event/],
    ] as const) {
      await assert.rejects(importedTo(t, line(...events)), says);
    }
  });
});
