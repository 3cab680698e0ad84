import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { StoredHost } from '../../../src/protocol/data-jobs.ts';
import { HALL_ADDRESS } from '../../../src/protocol/lobby.ts';
import { REGISTRY_ADDRESS } from '../../../src/protocol/registry.ts';
import type { Address } from '../../../src/values/address.ts';
import { hostStats } from '../../../workers/data/stats.ts';
import { verifyHost } from '../../../workers/data/verify.ts';
import { HallActor } from '../../../workers/lobby/hall-actor.ts';
import type { RegistryEvent } from '../../../workers/lobby/registry.ts';
import { RegistryActor } from '../../../workers/lobby/registry-actor.ts';
import { BatchBuilder } from '../../../workers/runtime/journal.ts';
import { LmdbStore } from '../../../workers/runtime/lmdb-store.ts';
import { exported, imported } from '../../support/data-jobs.ts';
import { hostsIn, nobody, temporaryFolder } from '../../support/stored-bank.ts';

const CONNECTIONS = 50;

function eventsOf(connection: number): RegistryEvent[] {
  const number = connection;
  const figures = { bytesIn: 1, bytesOut: 2, frames: 3, ignored: { 'message-too-long': 1 } };
  return [
    { type: 'opened', number, connection, service: 'lobby', address: '::1:5', user: '', sinceMs: 0.125 },
    { type: 'named', number, user: `Client${number}` },
    { type: 'ended', number, untilMs: 17.5, reason: 'idlé' },
    { type: 'measured', number, figures },
  ];
}

/** A lobby's host, with the history of connections; `isTrimmed`: only of those after the snapshot. */
async function lobbyIn(t: TestContext, { isTrimmed = false } = {}): Promise<StoredHost> {
  const [host] = hostsIn(temporaryFolder(t), 1) as [StoredHost];
  const store = new LmdbStore({ folder: host.folder });
  const registry = new RegistryActor();
  const hall = new HallActor(3);
  const put = (address: Address, events: number, pieces: Iterable<Uint8Array>) => {
    let index = 0;
    for (const piece of pieces) store.putSnapshotPiece(address, index++, piece);
    store.commitSnapshot({ address, events, batch: store.last }, index);
  };
  for (let connection = 1; connection <= CONNECTIONS; connection++) {
    const builder = new BatchBuilder();
    const events = eventsOf(connection);
    for (const event of events) registry.apply(event);
    hall.apply({ type: 'named', number: connection });
    builder.addValues(REGISTRY_ADDRESS, (connection - 1) * events.length + 1, events);
    builder.addValues(HALL_ADDRESS, connection, [{ type: 'named', number: connection }]);
    store.append(builder.take(store.last + 1, 1000 + connection));
    if (connection !== CONNECTIONS / 2) continue;
    put(REGISTRY_ADDRESS, connection * events.length, registry.snapshot());
    put(HALL_ADDRESS, connection, hall.snapshot());
    store.release(store.last + 1, store.journalBytes);
    while (store.trim(isTrimmed ? 0 : Number.POSITIVE_INFINITY));
  }
  await store.close();
  return host;
}

async function problemsIn(host: StoredHost): Promise<string[]> {
  const { findings } = await verifyHost({ type: 'verify', host, progress: nobody() });
  return findings.map(({ problem }) => problem);
}

async function figuresIn(host: StoredHost): Promise<Record<string, unknown>> {
  const { actors } = await hostStats({ type: 'stats', host, progress: nobody() });
  return Object.fromEntries(actors.map(({ address, events, figures }) => [address, { events, figures }]));
}

async function importedTo(t: TestContext, text: string): Promise<StoredHost> {
  const [host] = hostsIn(temporaryFolder(t), 1) as [StoredHost];
  await imported(text, [host.folder]);
  return host;
}

describe('what is stored of the lobby', () => {
  for (const isTrimmed of [false, true]) {
    const what = isTrimmed ? 'whose history was trimmed' : 'with its whole history';
    test(`is verified, counted, exported and imported, ${what}`, async (t) => {
      const host = await lobbyIn(t, { isTrimmed });
      assert.deepEqual(await problemsIn(host), []);
      const figures = {
        [REGISTRY_ADDRESS]: { events: CONNECTIONS * 4, figures: { connections: CONNECTIONS } },
        [HALL_ADDRESS]: { events: CONNECTIONS, figures: { 'names given': CONNECTIONS } },
      };
      assert.deepEqual(await figuresIn(host), figures);
      const text = await exported([host]);
      const copy = await importedTo(t, text);
      assert.deepEqual(await problemsIn(copy), []);
      assert.deepEqual(await figuresIn(copy), figures);
      assert.equal(await exported([copy]), text);
    });
  }

  test('is not imported with an event that can not have been', async (t) => {
    const line = (event: unknown, actor: Address = REGISTRY_ADDRESS) =>
      `{"outcry":1}\n${JSON.stringify({ actor, position: 1, time: '2026-11-21T10:00:00.000Z', event })}\n{"end":1}\n`;
    const [opened] = eventsOf(1);
    await importedTo(t, line(opened));
    for (const [event, says] of [
      [{ ...opened, number: 2 }, /the next connection is 1, not 2/],
      [{ ...opened, sinceMs: 'now' }, /the registry has no event/],
      [{ ...opened, more: 1 }, /the registry has no event/],
      [{ type: 'toString' }, /the registry has no event/],
      [null, /the registry has no event/],
      [{ type: 'named', number: 5, user: 'Client5' }, /there is no connection 5/],
      [{ type: 'measured', number: 1, figures: { bytesIn: -1 } }, /the registry has no event/],
    ] as const) {
      await assert.rejects(importedTo(t, line(event)), says);
    }
    await assert.rejects(
      importedTo(t, line({ type: 'named', number: 0 }, HALL_ADDRESS)),
      /the hall has no event/,
    );
  });
});
