/** Users over real connections: who signs in once is known over the next one, too, and after a restart. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectSocket, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { type Client, type ConnectOptions, connect, type Notice } from '../../clients/index.ts';
import { type CreateServerOptions, createServer, type OutcryServer } from '../../src/create-server.ts';
import { change, QUICK } from '../support/api-client.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

/** As cheap as it may be. */
const CHEAP = { scrypt_cost: 16_384 };
const DENIED = { code: 'ERR_USER_DENIED', message: 'the user name or the password is wrong', fields: {} };

function startServer(
  users: Readonly<Record<string, string | number>> = {},
  options: CreateServerOptions = {},
): Promise<OutcryServer> {
  const settings = { users: { ...CHEAP, ...users } };
  return createServer({ services: ['bank', 'lobby', 'api'], settings, ...options });
}

function startWhereAllSignIn(): Promise<OutcryServer> {
  return startServer({ sign_in_services: 'gold lobby api' });
}

/** A client whose connection can be broken. */
class Breakable {
  readonly #port: number;
  #socket: Socket | undefined;

  constructor(server: OutcryServer) {
    this.#port = server.port('api');
  }

  connect(): Socket {
    this.#socket = connectSocket(this.#port, '127.0.0.1');
    return this.#socket;
  }

  break(): void {
    this.#socket?.destroy();
  }
}

function noticesOf(client: Client): Notice[] {
  const notices: Notice[] = [];
  client.on('notice', (notice) => notices.push(notice));
  return notices;
}

/** Resolves when the client is told that its user was signed out; to the reason. */
async function signedOut(notices: readonly Notice[]): Promise<string> {
  const notice = await until('it is signed out', () => notices.find(({ name }) => name === 'signed-out'));
  return (notice.data as { readonly reason: string }).reason;
}

describe('users', () => {
  let server: OutcryServer;
  const clients: Client[] = [];

  before(async () => {
    server = await startServer();
  });

  after(async () => {
    await Promise.all(clients.map((client) => client.close({ timeoutMs: 0 })));
    await server.close();
  });

  async function join(options: ConnectOptions = {}): Promise<Client> {
    const client = await connect({ port: server.port('api'), reconnect: QUICK, ...options });
    clients.push(client);
    return client;
  }

  function operator(): Promise<Client> {
    return join({ token: server.operatorToken });
  }

  test('sign up, sign in however their name is written, and are listed where they are', async () => {
    const [one, other] = [await join(), await join()];
    const { user, token } = await one.users.signUp('Nguyễn', ' giữ kín ');
    assert.deepEqual(user, { name: 'Nguyễn', role: 'user' });
    assert.equal(Buffer.from(token, 'base64url').length, 32);
    await assert.rejects(other.users.signUp('NGUYỄN', 'x'), { code: 'ERR_USER_EXISTS' });
    const signedIn = await other.users.signIn('nGUYỄN'.normalize('NFD'), ' giữ kín '.normalize('NFD'));
    assert.deepEqual(signedIn.user, user);
    assert.notEqual(signedIn.token, token);
    assert.deepEqual(await other.users.me(), user);
    const sessions = await other.users.sessions();
    assert.deepEqual(
      sessions.map(({ service, address, isOpen }) => [service, address, isOpen]),
      [
        ['api', '127.0.0.1', true],
        ['api', '127.0.0.1', true],
      ],
    );
    assert.ok(sessions.every(({ expiresMs }) => Number(expiresMs) > Date.parse('2026-01-01')));
  });

  test('a name that nobody has, a wrong password and a disabled account are one answer', async () => {
    const client = await join();
    const admin = (await operator()).admin;
    await admin.addUser('disabled', 'right');
    await admin.disableUser('disabled');
    await admin.addUser('enabled', 'right');
    for (const [name, password] of [
      ['nobody', 'right'],
      ['enabled', 'wrong'],
      ['disabled', 'right'],
      ['no name', 'right'],
      ['enabled', ''],
    ] as const) {
      await assert.rejects(client.users.signIn(name, password), DENIED, name);
    }
    assert.equal((await client.users.signIn('enabled', 'right')).user.name, 'enabled');
    await admin.enableUser('disabled');
    assert.equal((await client.users.signIn('disabled', 'right')).user.name, 'disabled');
  });

  test('stay signed in when their connection breaks, and are told once when they are not any more', async () => {
    const breakable = new Breakable(server);
    const client = await join({ server: breakable });
    const notices = noticesOf(client);
    const { user } = await client.users.signUp('breaking', 'secret');
    for (let i = 0; i < 3; i++) {
      const connected = change(client, 'connected');
      breakable.break();
      assert.deepEqual((await connected).server.user, user);
      assert.deepEqual(await client.users.me(), user);
    }
    assert.deepEqual(notices, []);
    const admin = (await operator()).admin;
    const gone = change(client, 'reconnecting');
    breakable.break();
    await gone;
    await admin.signUserOut('breaking');
    await until('the token is worth nothing', async () => (await client.users.me()) === null);
    assert.equal(client.users.token, undefined);
    assert.equal(notices.length, 1);
  });

  test('who logs out everywhere ends all of his sessions and tokens, and nobody else’s', async () => {
    const [one, two, other] = [await join(), await join(), await join()];
    const { token } = await one.users.signUp('everywhere', 'secret');
    const kept = (await two.users.signIn('everywhere', 'secret')).token;
    const { user } = await other.users.signUp('somebody-else', 'secret');
    const [ofOne, ofTwo, ofOther] = [noticesOf(one), noticesOf(two), noticesOf(other)];
    assert.equal(await one.users.signOutEverywhere(), 2);
    assert.equal(await signedOut(ofTwo), await signedOut(ofOne));
    assert.deepEqual([await one.users.me(), await two.users.me()], [null, null]);
    for (const session of [token, kept]) assert.equal((await join({ session })).server.user, null);
    assert.deepEqual(await other.users.me(), user);
    assert.deepEqual(ofOther, []);
  });

  test('a sign-out ends its own token only', async () => {
    const [one, two] = [await join(), await join()];
    const { token } = await one.users.signUp('twice', 'secret');
    const { token: kept, user } = await two.users.signIn('twice', 'secret');
    await one.users.signOut();
    assert.equal((await join({ session: token })).server.user, null);
    assert.deepEqual((await join({ session: kept })).server.user, user);
  });

  test('a new password ends all other sessions, and the old one is worth nothing', async () => {
    const [one, two] = [await join(), await join()];
    const { token, user } = await one.users.signUp('changing', 'old');
    await two.users.signIn('changing', 'old');
    const ofTwo = noticesOf(two);
    await assert.rejects(one.users.changePassword('wrong', 'new'), DENIED);
    const changed = await one.users.changePassword('old', 'new');
    await signedOut(ofTwo);
    assert.deepEqual(await one.users.me(), user);
    assert.equal((await join({ session: token })).server.user, null);
    assert.deepEqual((await join({ session: changed.token })).server.user, user);
    await assert.rejects(two.users.signIn('changing', 'old'), DENIED);
    await two.users.signIn('changing', 'new');
  });

  test('operators govern them, and the ones they make operators govern, too', async () => {
    const admin = (await operator()).admin;
    const client = await join();
    await client.users.signUp('ruler', 'secret');
    const notices = noticesOf(client);
    await assert.rejects(client.admin.users(), { code: 'ERR_API_DENIED' });
    assert.equal(await admin.setUserRole('ruler', 'operator'), 1);
    await signedOut(notices);
    const { token } = await client.users.signIn('ruler', 'secret');
    const { users, total } = await client.admin.users({ filter: 'RULER' });
    assert.deepEqual(
      users.map(({ name, role, isDisabled, sessions }) => [name, role, isDisabled, sessions]),
      [['ruler', 'operator', false, 1]],
    );
    assert.equal(total, 1);
    const again = await join({ session: token });
    assert.equal(again.server.isOperator, true);
    // A token is one session, over however many connections.
    assert.equal(await admin.disableUser('ruler'), 1);
    await until('he rules no more', async () => (await again.users.me()) === null);
    await assert.rejects(again.admin.users(), { code: 'ERR_API_DENIED' });
    await assert.rejects(admin.setUserRole('nobody', 'user'), { code: 'ERR_USER_MISSING' });
    await assert.rejects(admin.addUser('RULER', 'x'), { code: 'ERR_USER_EXISTS' });
    assert.equal(await admin.setUserPassword('ruler', 'another'), 0);
  });

  test('are called by their name where connections are listed and in the lobby', async () => {
    const client = await join({ name: 'a program' });
    await client.users.signUp('Called', 'secret');
    const { sessions } = await (await operator()).admin.sessions({ user: 'Called' });
    assert.equal(sessions.length, 1);
    const listener = (await join()).lobby.messages();
    const heard = listener.next();
    await until('somebody listens', async () => (await client.lobby.say('hello')) > 0);
    assert.equal((await heard).value?.from, 'Called');
    await listener.return();
  });

  test('wrong attempts make the next ones under that name wait, and those of others not', async () => {
    const [client, other] = [await join(), await join()];
    await other.users.signUp('patient', 'secret');
    await client.users.signUp('attacked', 'secret');
    const wrong = Array.from({ length: 6 }, () =>
      client.users.signIn('attacked', 'wrong').catch((error) => error),
    );
    const refusals = await Promise.all(wrong);
    assert.deepEqual(refusals.map(({ code }) => code).sort(), [
      ...Array(5).fill('ERR_USER_DENIED'),
      'ERR_USER_LIMIT',
    ]);
    const limited = refusals.find(({ code }) => code === 'ERR_USER_LIMIT');
    assert.ok(limited.fields.waitMs > 0 && limited.fields.waitMs <= 1000);
    await other.users.signIn('patient', 'secret');
  });
});

describe('where everybody has to sign in', () => {
  test('the bank’s plain port has no sign-in', async (t) => {
    const server = await startWhereAllSignIn();
    t.after(() => server.close());
    const line = await TestClient.connect(server.port('bank'));
    line.send('Marc credit $12.30\n');
    line.socket.end();
    const client = await connect({ server, token: server.operatorToken });
    t.after(() => client.close());
    await until('the line counts', async () => (await client.bank.balance('Marc')) === 1230);
  });

  test('the api has nothing for those who are not, and streams end with their user', async (t) => {
    const server = await startWhereAllSignIn();
    t.after(() => server.close());
    const client = await connect({ server });
    t.after(() => client.close());
    const refused = { code: 'ERR_USER_SIGNED_OUT' };
    await assert.rejects(client.bank.balance('Marc'), refused);
    await assert.rejects(client.lobby.messages().next(), refused);
    await assert.rejects(client.gold.watch().next(), refused);
    await client.users.signUp('Ann', 'secret');
    const messages = client.lobby.messages();
    const first = messages.next();
    const other = await connect({ server });
    t.after(() => other.close());
    await other.users.signIn('Ann', 'secret');
    await until('somebody listens', async () => (await other.lobby.say('hello')) > 0);
    assert.equal((await first).value?.text, 'hello');
    const next = messages.next();
    await other.users.signOutEverywhere();
    await assert.rejects(async () => {
      for (let result = await next; result.done !== true; ) result = await messages.next();
    }, refused);
    await client.users.signIn('Ann', 'secret');
    assert.equal(await client.bank.balance('Marc'), undefined);
  });
});

describe('a restart of the server', () => {
  async function folderOf(t: TestContext): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'outcry-users-'));
    t.after(() => rm(folder, { recursive: true }));
    return folder;
  }

  test('leaves accounts, tokens and what has ended as they were', async (t) => {
    const folder = await folderOf(t);
    const start = () => startServer({}, { store: { folder }, services: ['api'] });
    let server = await start();
    let client = await connect({ server });
    const { user, token } = await client.users.signUp('Ann', 'secret');
    const ended = (await client.users.signIn('Ann', 'secret')).token;
    await client.users.signOut();
    await client.close();
    await server.close();
    server = await start();
    t.after(() => server.close());
    client = await connect({ server, session: token });
    t.after(() => client.close());
    assert.deepEqual(client.server.user, user);
    assert.deepEqual(await client.users.me(), user);
    const other = await connect({ server, session: ended });
    t.after(() => other.close());
    assert.equal(other.server.user, null);
    await assert.rejects(other.users.signUp('ANN', 'x'), { code: 'ERR_USER_EXISTS' });
    await assert.rejects(other.users.signIn('Ann', 'wrong'), DENIED);
    assert.deepEqual((await other.users.signIn('Ann', 'secret')).user, user);
  });
});
