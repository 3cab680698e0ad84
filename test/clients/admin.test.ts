import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { connectTo } from '../support/api-client.ts';
import { ApiServer } from '../support/api-server.ts';

const ANSWERS: Readonly<Record<string, unknown>> = {
  'admin.status': { pid: 7 },
  'admin.sessions': { sessions: [], total: 3 },
  'admin.kick': { isKicked: true },
  'admin.broadcast': { listeners: 3 },
  'admin.report': { path: '/log.txt' },
  'admin.limits': [],
  'admin.dead-letters': { counts: {}, recent: [] },
  'admin.actors': { actors: [], total: 3 },
  'admin.shutdown': {},
  'admin.users': { users: [], total: 3 },
  'admin.user-add': {},
  'admin.user-password': { ended: 2 },
  'admin.user-role': { ended: 1 },
  'admin.user-disable': { ended: 1 },
  'admin.user-enable': {},
  'admin.user-sign-out': { ended: 3 },
};

describe('admin', () => {
  test('asks for each operation with what it is given, and gives what is answered', async () => {
    const handlers = Object.fromEntries(
      Object.entries(ANSWERS).map(([operation, answer]) => [
        operation,
        (call: { reply(result: unknown): void }) => call.reply(answer),
      ]),
    );
    await using server = await ApiServer.listen({ handlers });
    await using client = await connectTo(server, { token: 'secret' });
    const { admin } = client;
    const answers = [
      await admin.status(),
      await admin.sessions({ service: 'bank', sort: 'bytes-in', limit: 5 }),
      await admin.sessions(),
      await admin.kick(7, 'too loud'),
      await admin.kick(7),
      await admin.broadcast('five minutes'),
      await admin.report(),
      await admin.limits(),
      await admin.deadLetters({ limit: 5 }),
      await admin.actors({ filter: 'ledger', sort: 'depth', overMs: 100 }),
      await admin.users(),
      await admin.users({ filter: 'a', limit: 5 }),
      await admin.addUser('Ann', 'secret'),
      await admin.addUser('Ann', 'secret', 'operator'),
      await admin.setUserPassword('Ann', 'other'),
      await admin.setUserRole('Ann', 'user'),
      await admin.disableUser('Ann'),
      await admin.enableUser('Ann'),
      await admin.signUserOut('Ann'),
      await admin.shutdown('good night'),
    ];
    assert.deepEqual(answers, [
      { pid: 7 },
      { sessions: [], total: 3 },
      { sessions: [], total: 3 },
      true,
      true,
      3,
      '/log.txt',
      [],
      { counts: {}, recent: [] },
      { actors: [], total: 3 },
      { users: [], total: 3 },
      { users: [], total: 3 },
      undefined,
      undefined,
      2,
      1,
      1,
      undefined,
      3,
      undefined,
    ]);
    assert.deepEqual(
      server.calls.map(({ operation, params }) => [operation, params]),
      [
        ['admin.status', {}],
        ['admin.sessions', { service: 'bank', sort: 'bytes-in', limit: 5 }],
        ['admin.sessions', {}],
        ['admin.kick', { connection: 7, reason: 'too loud' }],
        ['admin.kick', { connection: 7 }],
        ['admin.broadcast', { text: 'five minutes' }],
        ['admin.report', {}],
        ['admin.limits', {}],
        ['admin.dead-letters', { limit: 5 }],
        ['admin.actors', { filter: 'ledger', sort: 'depth', overMs: 100 }],
        ['admin.users', {}],
        ['admin.users', { filter: 'a', limit: 5 }],
        ['admin.user-add', { name: 'Ann', password: 'secret' }],
        ['admin.user-add', { name: 'Ann', password: 'secret', role: 'operator' }],
        ['admin.user-password', { name: 'Ann', password: 'other' }],
        ['admin.user-role', { name: 'Ann', role: 'user' }],
        ['admin.user-disable', { name: 'Ann' }],
        ['admin.user-enable', { name: 'Ann' }],
        ['admin.user-sign-out', { name: 'Ann' }],
        ['admin.shutdown', { message: 'good night' }],
      ],
    );
  });
});
