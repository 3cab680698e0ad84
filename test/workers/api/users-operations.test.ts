/** What a session makes of those who sign in, beside a directory that answers as a test says. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FRAME } from '../../../src/protocol/api/frames.ts';
import { RATES_ADDRESS } from '../../../src/protocol/gold.ts';
import { type Role, USERS_ADDRESS } from '../../../src/protocol/users.ts';
import { createApiHosts, HostedClient, type HostedOptions } from '../../support/api-in-hosts.ts';
import { ScriptedActor } from '../../support/scripted-actor.ts';

const CLIENT = 1;
const OTHER = 2;
const CREDENTIALS = { name: 'Ann', password: 'secret' };
const PASSWORD = new TextEncoder().encode('secret');
const EXPIRES_MS = 5_000_000_000;
const FROM = { address: '127.0.0.1', service: 'api', session: 'api/1' };
const SIGNED_OUT = { type: 'signed-out', reason: 'signed out everywhere' };
const BUSY = {
  ok: false,
  refusal: { code: 'ERR_API_LIMIT', message: 'the server is busy: try again later' },
};

function admission(role: Role = 'user', name = 'Ann') {
  const user = { id: 7, name, role, epoch: 1 };
  return { ok: true, user, token: 'the-token', expiresMs: EXPIRES_MS };
}

interface Bench {
  readonly client: HostedClient;
  readonly directory: ScriptedActor;
  /** What the connection is called in the list of connections. */
  name(): string | undefined;
}

function start({
  isSignInAsked = false,
  ...options
}: HostedOptions & { isSignInAsked?: boolean } = {}): Bench {
  const hosts = createApiHosts({ isSignInAsked });
  const directory = new ScriptedActor(hosts, USERS_ADDRESS, {
    'sign-in': admission(),
    'sign-up': admission(),
    'sign-out': null,
    sessions: [],
  });
  const client = new HostedClient(hosts, CLIENT, options);
  return { client, directory, name: () => hosts.main.users.get(CLIENT) };
}

/** A store without rates. */
function ratesOf({ hosts }: HostedClient): ScriptedActor {
  return new ScriptedActor(hosts, RATES_ADDRESS, { latest: { missing: 'date', nearest: null } });
}

/** What operators read. */
function logOf({ hosts }: HostedClient): unknown[] {
  return hosts.main.events.flatMap((event) => (event.type === 'log' ? [event.text] : []));
}

describe('users over the api', () => {
  test('sign in with their address, and are called by their name until they sign out', () => {
    const { client, directory, name } = start({ name: 'a program' });
    assert.equal(name(), 'a program');
    assert.deepEqual(client.ask('users.sign-in', CREDENTIALS), {
      user: { name: 'Ann', role: 'user' },
      token: 'the-token',
      expiresMs: EXPIRES_MS,
    });
    assert.deepEqual(directory.commands, [
      { type: 'sign-in', name: 'Ann', password: PASSWORD, wantsToken: true, ...FROM },
    ]);
    assert.equal(name(), 'Ann');
    assert.deepEqual(client.ask('users.me'), { name: 'Ann', role: 'user' });
    assert.deepEqual(client.ask('users.sign-out'), {});
    assert.deepEqual(directory.commandsOf('sign-out'), [{ type: 'sign-out', token: 'the-token', ...FROM }]);
    assert.equal(name(), 'a program');
    assert.equal(client.ask('users.me'), null);
  });

  test('who signs up is signed in', () => {
    const { client, directory, name } = start();
    client.ask('users.sign-up', CREDENTIALS);
    assert.deepEqual(directory.commands, [{ type: 'sign-up', name: 'Ann', password: PASSWORD, ...FROM }]);
    assert.equal(name(), 'Ann');
  });

  test('a refusal has its code, and says how long to wait', () => {
    const { client, directory } = start();
    const refusal = { code: 'ERR_USER_LIMIT', message: 'too many', waitMs: 8000 };
    directory.answer('sign-in', { ok: false, refusal });
    assert.deepEqual(client.refused('users.sign-in', CREDENTIALS), {
      code: 'ERR_USER_LIMIT',
      message: 'too many',
      retryable: false,
      fields: { waitMs: 8000 },
    });
    directory.answer('sign-in', BUSY);
    assert.equal(client.refused('users.sign-in', CREDENTIALS).retryable, true);
  });

  test('who is not signed in has nothing to sign out of, to list or to change', () => {
    const { client, directory } = start();
    for (const operation of ['users.sign-out', 'users.sign-out-everywhere', 'users.sessions']) {
      assert.equal(client.refused(operation).code, 'ERR_USER_SIGNED_OUT', operation);
    }
    const passwords = { password: 'secret', newPassword: 'other' };
    assert.equal(client.refused('users.change-password', passwords).code, 'ERR_USER_SIGNED_OUT');
    assert.deepEqual(directory.commands, []);
  });

  test('a new password keeps its session, with another token', () => {
    const { client, directory } = start();
    client.ask('users.sign-in', CREDENTIALS);
    directory.answer('change-password', { ...admission(), token: 'another' });
    const passwords = { password: 'secret', newPassword: 'other' };
    assert.equal((client.ask('users.change-password', passwords) as { token: string }).token, 'another');
    client.ask('users.sign-out');
    assert.equal(directory.commandsOf('sign-out')[0]?.token, 'another');
  });

  test('a sign-in that is answered when its client is gone does no harm', () => {
    const { client, directory } = start();
    const passwords = { password: 'secret', newPassword: 'other' };
    client.ask('users.sign-in', CREDENTIALS);
    client.request('users.change-password', passwords);
    client.leave();
    directory.reply(admission());
    assert.deepEqual(client.hosts.errors, []);
    assert.ok(client.isClosed);
  });

  describe('where everybody has to sign in', () => {
    test('nothing but the operations of users is there before, and all of them behind', () => {
      const { client } = start({ isSignInAsked: true });
      for (const [operation, params] of [
        ['bank.balance', { account: 'a' }],
        ['gold.latest', {}],
        ['gold.watch', {}],
        ['exchange.books', {}],
      ] as const) {
        assert.equal(client.refused(operation, params).code, 'ERR_USER_SIGNED_OUT', operation);
      }
      assert.equal(client.ask('users.me'), null);
      client.ask('users.sign-in', CREDENTIALS);
      const id = client.request('gold.latest');
      assert.equal(client.errorOf(id).code, 'ERR_ASK_NO_ACTOR', 'it was asked of the store');
    });

    test('operators by token need no user', () => {
      const { client } = start({ isSignInAsked: true, isOperator: true });
      assert.equal(client.refused('gold.latest').code, 'ERR_ASK_NO_ACTOR');
    });

    test('streams end with their user, whoever has signed him out', () => {
      for (const isOwn of [true, false]) {
        const { client, directory } = start({ isSignInAsked: true });
        const rates = ratesOf(client);
        client.ask('users.sign-in', CREDENTIALS);
        const id = client.request('gold.watch');
        assert.equal(client.infoOf(id), null);
        if (isOwn) client.ask('users.sign-out');
        else directory.tell(CLIENT, SIGNED_OUT);
        assert.equal(client.errorOf(id).code, 'ERR_USER_SIGNED_OUT');
        assert.equal(rates.commandsOf('unwatch').length, 1, 'nothing more is told');
        assert.equal(client.refused('gold.watch').code, 'ERR_USER_SIGNED_OUT');
        client.ask('users.sign-in', CREDENTIALS);
        assert.equal(client.infoOf(client.request('gold.watch')), null, 'it goes on after a sign-in');
      }
    });
  });

  test('who is signed out elsewhere is told why, once', () => {
    const { client, directory, name } = start({ name: 'a program' });
    client.ask('users.sign-in', CREDENTIALS);
    directory.tell(CLIENT, SIGNED_OUT);
    directory.tell(CLIENT, SIGNED_OUT);
    const events = client.frames.filter(([type]) => type === FRAME.event);
    assert.deepEqual(events, [[FRAME.event, 'signed-out', { reason: 'signed out everywhere' }]]);
    assert.equal(client.ask('users.me'), null);
    assert.equal(name(), 'a program');
  });

  test('streams that need no user go on without him', () => {
    const { client, directory } = start();
    ratesOf(client);
    client.ask('users.sign-in', CREDENTIALS);
    const id = client.request('gold.watch');
    directory.tell(CLIENT, SIGNED_OUT);
    assert.deepEqual(client.framesOf(id), [[FRAME.open, id, null]]);
  });

  test('a directory that is lost is asked again who is signed in', () => {
    const { client, directory } = start();
    client.ask('users.sign-in', CREDENTIALS);
    directory.stop();
    const next = new ScriptedActor(client.hosts, USERS_ADDRESS, { attend: admission() });
    client.hosts.live(2000);
    assert.deepEqual(next.commands, [{ type: 'attend', id: 7, epoch: 1, ...FROM }]);
    assert.deepEqual(client.ask('users.me'), { name: 'Ann', role: 'user' });
  });

  describe('the role of operator', () => {
    test('counts from the machine of the server, as long as its user is signed in', () => {
      for (const remoteAddress of ['127.0.0.1:1000', '::1:1000', 'in-process']) {
        const { client, directory } = start({ remoteAddress });
        directory.answer('sign-in', admission('operator'));
        directory.answer('list', { users: [], total: 0 });
        assert.equal(client.refused('admin.users').code, 'ERR_API_DENIED');
        client.ask('users.sign-in', CREDENTIALS);
        assert.deepEqual(client.ask('admin.users'), { users: [], total: 0 }, remoteAddress);
        client.ask('users.sign-out');
        assert.equal(client.refused('admin.users').code, 'ERR_API_DENIED');
      }
    });

    test('counts from no other machine', () => {
      const { client, directory } = start({ remoteAddress: '192.0.2.7:1000' });
      directory.answer('sign-in', admission('operator'));
      client.ask('users.sign-in', CREDENTIALS);
      assert.equal(client.refused('admin.users').code, 'ERR_API_DENIED');
    });

    test('ends what only operators may do, but not for those who have the token', () => {
      for (const isOperator of [false, true]) {
        const { client, directory } = start({ isOperator });
        directory.answer('sign-in', admission('operator'));
        client.ask('users.sign-in', CREDENTIALS);
        const id = client.request('gold.import');
        directory.tell(CLIENT, SIGNED_OUT);
        if (isOperator) assert.equal(client.infoOf(id), null);
        else assert.equal(client.errorOf(id).code, 'ERR_USER_SIGNED_OUT');
        assert.equal(
          client.framesOf(id).some(([type]) => type === FRAME.error),
          !isOperator,
        );
      }
    });
  });

  describe('a client that comes again with its token', () => {
    test('is the same user from the hello on', () => {
      const { client, directory, name } = start();
      directory.answer('resume', { ...admission('operator'), token: undefined, expiresMs: undefined });
      const again = new HostedClient(client.hosts, OTHER, { session: 'the-token', name: 'a program' });
      assert.deepEqual(directory.commands, [
        { type: 'resume', token: 'the-token', ...FROM, session: 'api/2' },
      ]);
      assert.deepEqual(again.hello?.user, { name: 'Ann', role: 'operator' });
      assert.equal(again.hello?.isOperator, true);
      assert.equal(client.hosts.main.users.get(OTHER), 'Ann');
      again.ask('users.sign-out');
      assert.equal(directory.commandsOf('sign-out')[0]?.token, 'the-token');
      assert.equal(name(), undefined, 'the other client is nobody');
    });

    test('has no hello before it is known who it is, and says nothing more until then', () => {
      const { client, directory } = start({ session: 'the-token' });
      assert.deepEqual(client.frames, []);
      directory.reply(admission());
      assert.deepEqual(client.hello?.user, { name: 'Ann', role: 'user' });
      assert.deepEqual(client.ask('users.me'), { name: 'Ann', role: 'user' });
      const hasty = new HostedClient(client.hosts, OTHER, { session: 'the-token' });
      hasty.request('users.me');
      const [error] = hasty.frames;
      assert.deepEqual(error?.slice(0, 2), [FRAME.error, null]);
      assert.match(JSON.stringify(error), /ERR_API_PROTOCOL.*waits for the hello/);
      assert.ok(hasty.isClosed);
    });

    test('is let in as nobody if the token is not known any more', () => {
      const { client, directory } = start({ session: 'old' });
      directory.reply({ ok: false, refusal: { code: 'ERR_USER_TOKEN', message: 'it is not known' } });
      assert.equal(client.hello?.user, null);
      assert.equal(client.ask('users.me'), null);
    });

    test('is told to come later if nobody can say whether it is known', () => {
      const { client, directory } = start({ session: 'the-token' });
      directory.reply(BUSY);
      const { code, message } = BUSY.refusal;
      assert.deepEqual(client.frames, [[FRAME.error, null, { code, message, retryable: true, fields: {} }]]);
      assert.ok(client.isClosed);
    });

    test('that has ended its side is told who it is, and let go', () => {
      const { client, directory } = start({ session: 'the-token' });
      client.hosts.main.command({ type: 'ended', connection: CLIENT });
      client.hosts.settle();
      assert.equal(client.isClosed, false);
      directory.reply(admission());
      assert.deepEqual(client.hello?.user, { name: 'Ann', role: 'user' });
      assert.ok(client.isClosed);
    });

    test('that is gone before the answer leaves nothing behind', () => {
      const { client, directory } = start({ session: 'the-token' });
      client.leave();
      directory.reply(admission());
      assert.deepEqual(client.frames, []);
      assert.deepEqual(client.hosts.errors, []);
    });
  });

  describe('operators', () => {
    test('govern accounts by their names, and it is in the log', () => {
      const { client, directory } = start({ isOperator: true });
      for (const type of ['add', 'set-password', 'set-role', 'set-disabled', 'end-all']) {
        directory.answer(type, { ok: true, ended: 2 });
      }
      directory.answer('list', { users: [], total: 0 });
      const name = 'Ann';
      assert.deepEqual(
        [
          client.ask('admin.users', { filter: 'a' }),
          client.ask('admin.user-add', CREDENTIALS),
          client.ask('admin.user-add', { ...CREDENTIALS, role: 'operator' }),
          client.ask('admin.user-password', CREDENTIALS),
          client.ask('admin.user-role', { name, role: 'operator' }),
          client.ask('admin.user-disable', { name }),
          client.ask('admin.user-enable', { name }),
          client.ask('admin.user-sign-out', { name }),
        ],
        [{ users: [], total: 0 }, {}, {}, { ended: 2 }, { ended: 2 }, { ended: 2 }, {}, { ended: 2 }],
      );
      assert.deepEqual(directory.commands, [
        { type: 'list', filter: 'a', limit: 100 },
        { type: 'add', name, password: PASSWORD, role: 'user' },
        { type: 'add', name, password: PASSWORD, role: 'operator' },
        { type: 'set-password', name, password: PASSWORD },
        { type: 'set-role', name, role: 'operator' },
        { type: 'set-disabled', name, isDisabled: true },
        { type: 'set-disabled', name, isDisabled: false },
        { type: 'end-all', name },
      ]);
      assert.deepEqual(logOf(client), [
        'an operator makes an account of the role user for Ann',
        'an operator makes an account of the role operator for Ann',
        'an operator changes the password of Ann',
        'an operator gives the role operator to Ann',
        'an operator disables Ann',
        'an operator enables Ann',
        'an operator signs out Ann',
      ]);
    });

    test('are told what no name and no password is, and whom there is not', () => {
      const { client, directory } = start({ isOperator: true });
      const add = (credentials: unknown) => client.refused('admin.user-add', credentials).code;
      assert.equal(add({ ...CREDENTIALS, name: 'two words' }), 'ERR_USER_NAME');
      assert.equal(add({ ...CREDENTIALS, password: '' }), 'ERR_USER_PASSWORD');
      assert.equal(add({ ...CREDENTIALS, password: 'two\nlines' }), 'ERR_USER_PASSWORD');
      assert.deepEqual(directory.commands, []);
      const refusal = { code: 'ERR_USER_MISSING', message: 'there is no account Bob' };
      directory.answer('end-all', { ok: false, refusal });
      assert.equal(client.refused('admin.user-sign-out', { name: 'Bob' }).message, refusal.message);
      assert.deepEqual(logOf(client), []);
    });
  });
});
