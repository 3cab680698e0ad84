import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { StoredHost } from '../../../src/protocol/data-jobs.ts';
import { USERS_ADDRESS } from '../../../src/protocol/users.ts';
import { hostStats } from '../../../workers/data/stats.ts';
import { verifyHost } from '../../../workers/data/verify.ts';
import { BatchBuilder } from '../../../workers/runtime/journal.ts';
import { LmdbStore } from '../../../workers/runtime/lmdb-store.ts';
import type { UsersEvent } from '../../../workers/users/users.ts';
import { UsersActor } from '../../../workers/users/users-actor.ts';
import { exported, imported } from '../../support/data-jobs.ts';
import { hostsIn, nobody, temporaryFolder } from '../../support/stored-bank.ts';
import { USERS_SETTINGS } from '../../support/users-settings.ts';

const USERS = 20;

function base64(length: number, fill: number): string {
  return Buffer.alloc(length, fill).toString('base64');
}

function hashOf(id: number) {
  return { parameters: { N: 16_384, r: 8, p: 1 }, salt: base64(16, id), hash: base64(32, id) };
}

function eventsOf(id: number): UsersEvent[] {
  const token = String(id).padStart(64, '0');
  const times = { timeMs: 1000.25, expiresMs: 9e15 };
  return [
    { type: 'created', id, name: `Người${id}`, role: 'user', hash: hashOf(id), timeMs: 1000.125 },
    { type: 'token-opened', id, hash: `${token.slice(1)}a`, service: 'api', address: '::1', ...times },
    { type: 'rehashed', id, hash: hashOf(id + 1) },
    { type: 'role-changed', id, role: 'operator' },
    { type: 'disabled', id },
    { type: 'enabled', id },
    { type: 'password-changed', id, hash: hashOf(id + 2) },
    { type: 'sessions-ended', id },
    { type: 'token-opened', id, hash: `${token.slice(1)}b`, service: 'api', address: '::1', ...times },
    { type: 'token-opened', id, hash: `${token.slice(1)}c`, service: 'api', address: '::1', ...times },
    { type: 'token-ended', hash: `${token.slice(1)}b` },
    { type: 'seen', id, timeMs: 2000 },
  ];
}

/** A host that has the directory; `isTrimmed`: with the history after the snapshot alone. */
async function directoryIn(t: TestContext, { isTrimmed = false } = {}): Promise<StoredHost> {
  const [host] = hostsIn(temporaryFolder(t), 1) as [StoredHost];
  const store = new LmdbStore({ folder: host.folder });
  const directory = new UsersActor(USERS_SETTINGS);
  let position = 0;
  for (let id = 1; id <= USERS; id++) {
    const events = eventsOf(id);
    for (const event of events) directory.apply(event);
    const builder = new BatchBuilder();
    builder.addValues(USERS_ADDRESS, position + 1, events);
    position += events.length;
    store.append(builder.take(store.last + 1, 1000 + id));
    if (id !== USERS / 2) continue;
    let index = 0;
    for (const piece of directory.snapshot()) store.putSnapshotPiece(USERS_ADDRESS, index++, piece);
    store.commitSnapshot({ address: USERS_ADDRESS, events: position, batch: store.last }, index);
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

async function figuresIn(host: StoredHost): Promise<unknown> {
  const { actors } = await hostStats({ type: 'stats', host, progress: nobody() });
  return actors.map(({ address, events, figures }) => ({ address, events, figures }));
}

async function importedTo(t: TestContext, text: string): Promise<StoredHost> {
  const [host] = hostsIn(temporaryFolder(t), 1) as [StoredHost];
  await imported(text, [host.folder]);
  return host;
}

describe('what is stored of users', () => {
  for (const isTrimmed of [false, true]) {
    const what = isTrimmed ? 'whose history was trimmed' : 'with its whole history';
    test(`is verified, counted, exported and imported, ${what}`, async (t) => {
      const host = await directoryIn(t, { isTrimmed });
      assert.deepEqual(await problemsIn(host), []);
      const figures = { users: USERS, tokens: USERS, 'signed in': 0 };
      const counted = [{ address: USERS_ADDRESS, events: USERS * eventsOf(1).length, figures }];
      assert.deepEqual(await figuresIn(host), counted);
      const text = await exported([host]);
      assert.ok(text.includes(base64(32, USERS)), 'hashes are text');
      const copy = await importedTo(t, text);
      assert.deepEqual(await problemsIn(copy), []);
      assert.deepEqual(await figuresIn(copy), counted);
      assert.equal(await exported([copy]), text);
    });
  }

  test('is not imported with an event that can not have been', async (t) => {
    const line = (event: unknown) => {
      const entry = { actor: USERS_ADDRESS, position: 1, time: '2026-11-21T10:00:00.000Z', event };
      return `{"outcry":1}\n${JSON.stringify(entry)}\n{"end":1}\n`;
    };
    const [created] = eventsOf(1) as [UsersEvent & { type: 'created' }];
    await importedTo(t, line(created));
    for (const [event, says] of [
      [{ ...created, id: 2 }, /the next user is 1, not 2/],
      [{ ...created, name: 'two words' }, /the directory of users has no event/],
      [{ ...created, role: 'king' }, /the directory of users has no event/],
      [{ ...created, hash: { ...created.hash, salt: 'c2FsdA==' } }, /the directory of users has no event/],
      [{ type: 'token-ended', hash: 'x' }, /the directory of users has no event/],
      [{ type: 'seen', id: 5, timeMs: 1 }, /there is no user 5/],
    ] as const) {
      await assert.rejects(importedTo(t, line(event)), says);
    }
  });
});
