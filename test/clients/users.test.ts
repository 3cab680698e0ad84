import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Notice } from '../../clients/index.ts';
import { FRAME } from '../../src/protocol/api/frames.ts';
import { change, connectTo } from '../support/api-client.ts';
import { type ApiCall, ApiServer } from '../support/api-server.ts';
import { until } from '../support/until.ts';

const USER = { name: 'Ann', role: 'user' } as const;
const EXPIRES_MS = 2_000_000_000_000;
const SESSIONS = [{ service: 'api', address: '127.0.0.1', sinceMs: 1, expiresMs: EXPIRES_MS, isOpen: true }];

/** A server that lets everybody in, each time with another token. */
function admitting(): Promise<ApiServer> {
  let tokens = 0;
  const admit = (call: ApiCall) =>
    call.reply({ user: USER, token: `token-${++tokens}`, expiresMs: EXPIRES_MS });
  return ApiServer.listen({
    userOf: ({ session }) => (session === undefined ? null : USER),
    handlers: {
      'users.sign-up': admit,
      'users.sign-in': admit,
      'users.change-password': admit,
      'users.sign-out': (call) => call.reply({}),
      'users.sign-out-everywhere': (call) => call.reply({ ended: 3 }),
      'users.sessions': (call) => call.reply(SESSIONS),
      'users.me': (call) => call.reply(USER),
    },
  });
}

/** What the client is told without asking. */
function noticesOf(client: { on(name: 'notice', listener: (notice: Notice) => void): unknown }): Notice[] {
  const notices: Notice[] = [];
  client.on('notice', (notice) => notices.push(notice));
  return notices;
}

describe('users', () => {
  test('asks for each operation with what it is given, and gives what is answered', async () => {
    await using server = await admitting();
    await using client = await connectTo(server);
    const { users } = client;
    const signedIn = (n: number) => ({ user: USER, token: `token-${n}`, expiresMs: EXPIRES_MS });
    assert.deepEqual(
      [
        await users.signUp('Ann', ' secret '),
        await users.signIn('ann', ' secret '),
        await users.changePassword(' secret ', 'other'),
        await users.sessions(),
        await users.me(),
        await users.signOut(),
        await users.signOutEverywhere(),
      ],
      [signedIn(1), signedIn(2), signedIn(3), SESSIONS, USER, undefined, 3],
    );
    assert.deepEqual(
      server.calls.map(({ operation, params }) => [operation, params]),
      [
        ['users.sign-up', { name: 'Ann', password: ' secret ' }],
        ['users.sign-in', { name: 'ann', password: ' secret ' }],
        ['users.change-password', { password: ' secret ', newPassword: 'other' }],
        ['users.sessions', {}],
        ['users.me', {}],
        ['users.sign-out', {}],
        ['users.sign-out-everywhere', {}],
      ],
    );
  });

  test('a new connection goes on as the user of the last token, until he signs out', async () => {
    await using server = await admitting();
    await using client = await connectTo(server);
    const sessions = () => server.hellos.map(({ session }) => session);
    const reconnect = async () => {
      const connected = change(client, 'connected');
      server.breakAll();
      return (await connected).server.user;
    };
    assert.equal(await reconnect(), null);
    await client.users.signIn('Ann', 'secret');
    assert.deepEqual(await reconnect(), USER);
    await client.users.changePassword('secret', 'other');
    await reconnect();
    await client.users.signOut();
    await reconnect();
    await client.users.signIn('Ann', 'other');
    await client.users.signOutEverywhere();
    await reconnect();
    assert.deepEqual(sessions(), [undefined, undefined, 'token-1', 'token-2', undefined, undefined]);
  });

  test('a program goes on as the user of a token that it has kept', async () => {
    await using server = await admitting();
    await using client = await connectTo(server, { session: 'kept' });
    assert.deepEqual(client.server.user, USER);
    assert.equal(client.users.token, 'kept');
    assert.deepEqual(server.hellos, [{ protocol: 1, session: 'kept' }]);
  });

  test('a user who is signed out by others is told so, and not taken for signed in any more', async () => {
    await using server = await admitting();
    await using client = await connectTo(server, { session: 'kept' });
    const notices = noticesOf(client);
    server.sayAll([FRAME.event, 'signed-out', { reason: 'signed out everywhere' }]);
    await until('the client is told', () => notices.length > 0);
    assert.deepEqual(notices, [{ name: 'signed-out', data: { reason: 'signed out everywhere' } }]);
    assert.equal(client.users.token, undefined);
    const connected = change(client, 'connected');
    server.breakAll();
    await connected;
    assert.deepEqual(server.hellos.at(-1), { protocol: 1 });
    assert.equal(notices.length, 1);
  });

  test('a token that is not known any more after a break is told once, and not sent again', async () => {
    let isKnown = true;
    await using server = await ApiServer.listen({ userOf: () => (isKnown ? USER : null) });
    await using client = await connectTo(server, { session: 'kept' });
    const notices = noticesOf(client);
    isKnown = false;
    for (const session of ['kept', undefined]) {
      const connected = change(client, 'connected');
      server.breakAll();
      await connected;
      assert.equal(server.hellos.at(-1)?.session, session);
    }
    const data = { reason: 'the token is not known any more; sign in again' };
    assert.deepEqual(notices, [{ name: 'signed-out', data }]);
  });

  test('a sign-out that is not answered leaves the user signed in, so that he can try again', async () => {
    await using server = await ApiServer.listen({ userOf: () => USER });
    await using client = await connectTo(server, { session: 'kept' });
    const signingOut = client.users.signOut();
    await until('the server is asked', () => server.callsOf('users.sign-out').length === 1);
    const connected = change(client, 'connected');
    server.breakAll();
    await assert.rejects(signingOut, { code: 'ERR_CONNECTION_LOST' });
    assert.deepEqual((await connected).server.user, USER);
    assert.equal(server.callsOf('users.sign-out').length, 1);
  });

  test('a refusal has its code, and says how long to wait', async () => {
    await using server = await ApiServer.listen({
      handlers: { 'users.sign-in': (call) => call.fail('ERR_USER_LIMIT', { fields: { waitMs: 8000 } }) },
    });
    await using client = await connectTo(server);
    await assert.rejects(client.users.signIn('Ann', 'wrong'), {
      code: 'ERR_USER_LIMIT',
      fields: { waitMs: 8000 },
    });
    assert.equal(client.users.token, undefined);
  });

  test('a password that no server takes is not sent, and in no error', async () => {
    await using server = await admitting();
    await using client = await connectTo(server);
    const password = 'p4ss'.repeat(500);
    const refused = { code: 'ERR_API_PARAMS', message: /^(?!.*p4ss)/ };
    await assert.rejects(client.users.signUp('Ann', password), refused);
    await assert.rejects(client.users.changePassword('secret', password), refused);
    assert.deepEqual(server.calls, []);
  });
});
