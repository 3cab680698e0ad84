import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { type Admission, REFUSALS, type Refusal, USERS_ADDRESS } from '../../../src/protocol/users.ts';
import { hostIndexOf } from '../../../src/values/address.ts';
import {
  bytesOf,
  fromOf,
  realPasswords,
  type TestSession,
  UsersHosts,
  type UsersHostsOptions,
} from '../../support/users-hosts.ts';

const NAME = 'khtn';
const PASSWORD = 'daihoc tphcm';
const DENIED = { ok: false, refusal: REFUSALS.denied };
const BUSY = { ok: false, refusal: REFUSALS.busy };
const DAY_MS = 86_400_000;

/** A directory in which khtn has signed up. */
function withUser(options: UsersHostsOptions = {}): UsersHosts {
  const users = new UsersHosts(options);
  const session = users.session({ service: 'gold', address: '10.9.9.9' });
  admitted(signUp(users, session, NAME, PASSWORD));
  users.stop(session);
  return users;
}

function signUp(users: UsersHosts, session: TestSession, name: string, password: string): Admission {
  return users.admission(session, (own, then) => own.signUp(name, password, then));
}

function signIn(users: UsersHosts, session: TestSession, name = NAME, password = PASSWORD): Admission {
  return users.admission(session, (own, then) => own.signIn(name, password, then));
}

/** With a token. */
function comeIn(users: UsersHosts, session: TestSession, name = NAME, password = PASSWORD): string {
  const answer = users.admission(session, (own, then) => own.signIn(name, password, then, true));
  return admitted(answer).token ?? assert.fail('there is no token');
}

function resume(users: UsersHosts, token: string | undefined, session = users.session()): Admission {
  return users.admission(session, (own, then) => own.resume(token ?? '', then));
}

function admitted(admission: Admission): Admission & { ok: true } {
  return admission.ok ? admission : assert.fail(admission.refusal.message);
}

function refusalOf(answer: { ok: true } | { ok: false; refusal: Refusal } | undefined): Refusal {
  return answer === undefined || answer.ok ? assert.fail('it was not refused') : answer.refusal;
}

/** An attempt of somebody who has no actor. */
function attempt(users: UsersHosts, name: string, password: string, address = '10.0.0.66') {
  const from = fromOf(address);
  return users.ask({ type: 'sign-in', name, password: bytesOf(password), wantsToken: false, ...from });
}

function fail(users: UsersHosts, count: number, name = NAME, address?: string): void {
  for (let i = 0; i < count; i++) {
    attempt(users, name, `wrong ${i}`, address);
    users.work();
  }
}

function stored(users: UsersHosts): Buffer {
  return Buffer.concat([...users.directory.snapshot()].map((piece) => Buffer.from(piece)));
}

describe('UsersActor > signing up and in', () => {
  test('who signs up is signed in, and may sign in again, whatever the case of the name', () => {
    const users = new UsersHosts();
    const session = users.session();
    const { user, token } = admitted(signUp(users, session, 'Đạt', 'mật khẩu'));
    assert.deepEqual(user, { id: 1, name: 'Đạt', role: 'user', epoch: 0 });
    assert.deepEqual(session.signIn.user, user);
    assert.equal(typeof token, 'string', 'a client of the api comes again with it');
    const other = users.session();
    assert.deepEqual(admitted(signIn(users, other, 'ĐẠT'.normalize('NFD'), 'mật khẩu')).user, user);
    assert.equal(users.directory.figures['signed in'], 2);
  });

  test('a session of another service gets no token, nor one that wants none', () => {
    const users = withUser();
    const gold = users.session({ service: 'gold' });
    assert.equal(admitted(signUp(users, gold, 'other', 'x')).token, undefined);
    assert.equal(admitted(signIn(users, users.session())).token, undefined);
    assert.equal(users.directory.figures.tokens, 0);
  });

  test('a name that somebody has is refused, in every writing of it', () => {
    const users = withUser();
    for (const name of [NAME, 'KHTN', 'Khtn']) {
      assert.deepEqual(refusalOf(signUp(users, users.session(), name, 'x')), REFUSALS.exists(name));
    }
    assert.equal(users.jobs.length, 1, 'nothing was hashed for them');
  });

  test('of fifty who want a name at once one has it, with one hash', () => {
    const users = new UsersHosts({ hosts: 3 });
    const answers: Admission[] = [];
    for (let i = 0; i < 50; i++) {
      const name = i % 2 === 0 ? NAME : 'KHTN';
      users.act(users.session({ service: 'gold' }), (own) =>
        own.signUp(name, `password ${i}`, (answer) => answers.push(answer)),
      );
    }
    users.work();
    assert.equal(answers.length, 50);
    assert.equal(answers.filter(({ ok }) => ok).length, 1);
    const codes = new Set(answers.flatMap((answer) => (answer.ok ? [] : [answer.refusal.code])));
    assert.deepEqual([...codes], ['ERR_USER_EXISTS']);
    assert.equal(users.jobs.length, 1);
    assert.deepEqual(users.directory.figures, { users: 1, tokens: 0, 'signed in': 1 });
    assert.deepEqual(users.directory.load, { counted: 1, waiting: 0, claimed: 0 });
  });

  test('a name whose claim came to nothing is free again', () => {
    const users = new UsersHosts();
    const answers: Admission[] = [];
    for (const session of [users.session(), users.session()]) {
      users.act(session, (own) => own.signUp(NAME, 'x', (answer) => answers.push(answer)));
    }
    users.failOne();
    assert.deepEqual(answers, [BUSY, BUSY]);
    admitted(signUp(users, users.session(), NAME, 'x'));
  });

  test('accounts are made as long as there is room, and while it is open', () => {
    const users = new UsersHosts({ usersMax: 1 });
    admitted(signUp(users, users.session(), 'first', 'x'));
    assert.deepEqual(refusalOf(signUp(users, users.session(), 'second', 'x')), REFUSALS.full);
    const closed = new UsersHosts({ isSignUpOpen: false });
    assert.deepEqual(refusalOf(signUp(closed, closed.session(), 'first', 'x')), REFUSALS.closed);
  });

  test('names and passwords that nobody can have do not get into it', () => {
    const users = new UsersHosts();
    const session = users.session();
    const given = [
      ['', 'x', REFUSALS.name],
      ['two words', 'x', REFUSALS.name],
      ['n'.repeat(33), 'x', REFUSALS.name],
      ['name', '', REFUSALS.password],
      ['name', 'x'.repeat(1025), REFUSALS.password],
    ] as const;
    for (const [name, password, refusal] of given) {
      assert.deepEqual(refusalOf(signUp(users, session, name, password)), refusal);
      assert.deepEqual(signIn(users, session, name, password), DENIED);
      const added = users.answer({ type: 'add', name, password: bytesOf(password), role: 'user' });
      assert.deepEqual(refusalOf(added), refusal);
      assert.deepEqual(attempt(users, name, password).value, DENIED);
    }
    assert.deepEqual(users.jobs, []);
  });

  test('who signs in as another is not signed in as the first any more', () => {
    const users = withUser();
    const session = users.session();
    admitted(signUp(users, session, 'other', 'x'));
    assert.equal(admitted(signIn(users, session)).user.name, NAME);
    users.answer({ type: 'end-sessions', id: 2 });
    assert.deepEqual(session.notices, []);
    users.answer({ type: 'end-sessions', id: 1 });
    assert.equal(session.notices.length, 1);
  });
});

describe('UsersActor > unknown, wrong and disabled', () => {
  test('are the same job, the same answer, and the same time', () => {
    const users = withUser({ run: realPasswords });
    admitted(signUp(users, users.session(), 'gone', 'x'));
    users.answer({ type: 'set-disabled', name: 'gone', isDisabled: true });
    users.jobs.length = 0;
    const seen = [
      ['nobody', 'x'],
      [NAME, 'wrong'],
      ['gone', 'x'],
    ].map(([name = '', password = '']) => {
      const askedMs = users.hosts.nowMs;
      const outcome = attempt(users, name, password);
      users.work();
      users.hosts.live(499);
      assert.equal(outcome.value, undefined, 'not yet');
      users.hosts.live(1);
      return { value: outcome.value, afterMs: outcome.atMs - askedMs };
    });
    assert.deepEqual(seen, Array(3).fill({ value: DENIED, afterMs: 500 }));
    const jobs = users.jobs.map((job) =>
      job.type === 'check-password' ? [job.parameters, job.stored.parameters, job.stored.hash.length] : job,
    );
    assert.deepEqual(jobs, Array(3).fill(jobs[0]));
  });

  test('a refusal is as far from the beginning of the hash, however long that had to wait', () => {
    const users = withUser();
    const startMs = users.hosts.nowMs;
    const outcomes = [NAME, NAME, NAME].map((name) => attempt(users, name, 'wrong'));
    users.hosts.live(200);
    users.workOne();
    users.workOne();
    users.hosts.live(150);
    users.work();
    users.hosts.live(10_000);
    assert.deepEqual(
      outcomes.map(({ atMs }) => atMs - startMs),
      [500, 500, 700],
    );
  });

  test('more costly hashes are refused later, so that they do not show either', () => {
    const users = withUser({ parameters: { N: 2 ** 18, r: 8, p: 1 } });
    const startMs = users.hosts.nowMs;
    const outcome = attempt(users, NAME, 'wrong');
    users.work();
    users.hosts.live(10_000);
    assert.equal(outcome.atMs - startMs, 2000);
  });

  test('who is disabled while a hash is made is denied', () => {
    const users = withUser();
    const outcome = attempt(users, NAME, PASSWORD);
    users.ask({ type: 'set-disabled', name: NAME, isDisabled: true });
    users.work();
    users.hosts.live(1000);
    assert.deepEqual(outcome.value, DENIED);
    assert.equal(users.directory.figures['signed in'], 0);
  });

  test('whose password was changed while a hash is made tries again', () => {
    const users = withUser();
    const outcome = attempt(users, NAME, PASSWORD);
    users.ask({ type: 'set-password', name: NAME, password: bytesOf('new') });
    users.hosts.main.asked.reverse();
    users.work();
    assert.deepEqual(outcome.value, BUSY);
  });

  test('a job that fails is not counted against anybody', () => {
    const users = withUser({ nameFailuresMax: 1 });
    const outcome = attempt(users, NAME, PASSWORD);
    users.failOne();
    assert.deepEqual(outcome.value, BUSY);
    admitted(signIn(users, users.session()));
  });
});

describe('UsersActor > hashes that cost less than today', () => {
  test('are made anew with the right password, and only then', () => {
    const pieces = [...withUser({ run: realPasswords }).directory.snapshot()];
    const users = new UsersHosts({ run: realPasswords, parameters: { N: 32_768, r: 8, p: 1 } });
    users.loseDirectory();
    users.startDirectory((directory) => directory.restore(pieces));
    const costs = () => {
      attempt(users, NAME, 'wrong');
      users.work();
      const job = users.jobs.at(-1);
      return job?.type === 'check-password' ? job.stored.parameters.N : assert.fail('nothing was checked');
    };
    assert.deepEqual([costs(), costs()], [16_384, 16_384]);
    admitted(signIn(users, users.session()));
    assert.equal(costs(), 32_768);
    admitted(signIn(users, users.session()));
  });
});

describe('UsersActor > who fails again and again', () => {
  test('waits longer each time, under a name that nobody has too, and nothing is hashed meanwhile', () => {
    for (const name of [NAME, 'nobody']) {
      const users = withUser();
      users.jobs.length = 0;
      fail(users, 5, name);
      const waits: (number | undefined)[] = [];
      for (let i = 0; i < 8; i++) {
        const { waitMs = 0 } = refusalOf(attempt(users, name, PASSWORD, '10.0.0.1').value);
        waits.push(waitMs);
        users.hosts.live(waitMs);
        fail(users, 1, name);
      }
      assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
      assert.equal(users.jobs.length, 13);
    }
  });

  test('is told so at once, in a text that says when', () => {
    const users = withUser();
    fail(users, 5);
    assert.deepEqual(refusalOf(attempt(users, 'KHTN', PASSWORD, '10.0.0.1').value), {
      code: 'ERR_USER_LIMIT',
      message: 'too many wrong attempts: try again in 1 s',
      waitMs: 1000,
    });
  });

  test('from one address, waits whatever the name; others do not', () => {
    const users = withUser();
    for (let i = 0; i < 20; i++) fail(users, 1, `name${i}`);
    assert.equal(refusalOf(attempt(users, NAME, PASSWORD).value).code, 'ERR_USER_LIMIT');
    admitted(signIn(users, users.session({ address: '10.0.0.2' })));
  });

  test('does not wait where he succeeds, however often', () => {
    const users = withUser();
    for (let i = 0; i < 100; i++) admitted(signIn(users, users.session()));
    assert.equal(users.directory.load.counted, 1, 'the account that was made');
  });

  test('of others keeps nobody waiting where the right password has come from', () => {
    const users = withUser();
    admitted(signIn(users, users.session({ address: '10.0.0.1' })));
    fail(users, 5, NAME, '10.0.0.2');
    assert.equal(refusalOf(attempt(users, NAME, PASSWORD, '10.0.0.3').value).code, 'ERR_USER_LIMIT');
    admitted(signIn(users, users.session({ address: '10.0.0.1' })));
    assert.equal(refusalOf(attempt(users, NAME, PASSWORD, '10.0.0.3').value).code, 'ERR_USER_LIMIT');
    fail(users, 5, NAME, '10.0.0.1');
    assert.equal(refusalOf(attempt(users, NAME, PASSWORD, '10.0.0.1').value).code, 'ERR_USER_LIMIT');
  });

  test('of others keeps nobody waiting where the account was made', () => {
    const users = withUser();
    admitted(signUp(users, users.session({ address: '10.0.0.1' }), 'maker', PASSWORD));
    fail(users, 5, 'maker', '10.0.0.2');
    admitted(signIn(users, users.session({ address: '10.0.0.1' }), 'maker', PASSWORD));
  });

  test('starts anew under the name with the right password, but not from the address', () => {
    const users = withUser({ addressFailuresMax: 6 });
    const address = '10.0.0.1';
    fail(users, 4, NAME, address);
    admitted(signIn(users, users.session({ address })));
    fail(users, 2, NAME, address);
    assert.equal(refusalOf(attempt(users, 'other', 'x', address).value).code, 'ERR_USER_LIMIT');
    admitted(signIn(users, users.session({ address: '10.0.0.2' })));
  });

  test('is not let in by a thousand attempts at once', () => {
    const users = withUser();
    users.jobs.length = 0;
    const outcomes = Array.from({ length: 1000 }, () => attempt(users, NAME, 'wrong'));
    assert.equal(users.directory.load.waiting, 64);
    users.work();
    users.hosts.live(500);
    const codes = outcomes.map(({ value }) => refusalOf(value).code);
    const count = (code: string) => codes.filter((other) => other === code).length;
    assert.equal(users.jobs.length, 5);
    assert.deepEqual([count('ERR_USER_DENIED'), count('ERR_API_LIMIT')], [5, 1000 - 66]);
  });

  test('with a taken name at sign-up, or the old password of a change, counts as well', () => {
    const users = withUser({ addressFailuresMax: 3 });
    const session = users.session();
    for (let i = 0; i < 3; i++) signUp(users, session, NAME, 'x');
    assert.equal(refusalOf(signUp(users, session, 'free', 'x')).code, 'ERR_USER_LIMIT');
    const other = users.session({ address: '10.0.0.2' });
    admitted(signIn(users, other));
    const change = () => users.admission(other, (own, then) => own.changePassword('wrong', 'new', then));
    for (let i = 0; i < 3; i++) assert.deepEqual(change(), DENIED);
    assert.equal(refusalOf(change()).code, 'ERR_USER_LIMIT');
  });

  test('twenty accounts from an address are made at once, then they come slower', () => {
    const users = new UsersHosts();
    const session = users.session();
    for (let i = 0; i < 20; i++) admitted(signUp(users, session, `user${i}`, 'x'));
    assert.deepEqual(refusalOf(signUp(users, session, 'one-more', 'x')), {
      code: 'ERR_USER_LIMIT',
      message: 'too many accounts or wrong attempts from this address: try again in 1 s',
      waitMs: 1000,
    });
    users.hosts.live(1000);
    admitted(signUp(users, session, 'one-more', 'x'));
    admitted(signUp(users, users.session({ address: '10.0.0.2' }), 'elsewhere', 'x'));
  });

  test('is logged as counts, once a second, without names', () => {
    const users = withUser();
    fail(users, 3, 'hunter2');
    fail(users, 1, NAME, '10.0.0.67');
    users.hosts.live(1000);
    fail(users, 1);
    users.hosts.live(1000);
    const lines = users.hosts.main.events.flatMap((event) => (event.type === 'log' ? [event.text] : []));
    assert.deepEqual(lines, [
      'users: 4 sign-ins were refused (2 addresses)',
      'users: 1 sign-in was refused (1 address)',
    ]);
  });
});

describe('UsersActor > many at once', () => {
  test('two are hashed, addresses take turns, and the one with most is refused', () => {
    const users = withUser();
    const flood = Array.from({ length: 80 }, (_, i) => attempt(users, `name${i}`, 'wrong', '10.6.6.6'));
    assert.equal(users.asked.length, 2);
    const honest = attempt(users, NAME, PASSWORD, '10.0.0.1');
    assert.equal(flood.filter(({ value }) => value !== undefined).length, 80 - 66 + 1);
    for (let i = 0; i < 4; i++) users.workOne();
    assert.equal(honest.value?.ok, true);
    assert.equal(users.asked.length, 2);
  });

  test('nothing is hashed for who has given up', () => {
    const users = withUser();
    users.jobs.length = 0;
    for (let i = 0; i < 5; i++) attempt(users, NAME, PASSWORD);
    users.hosts.nowMs += 60_001;
    users.work();
    assert.equal(users.jobs.length, 2);
    assert.equal(users.directory.load.waiting, 0);
  });
});

describe('UsersActor > sessions and tokens', () => {
  function signedInTwice() {
    const users = withUser();
    const api = users.session();
    const token = comeIn(users, api);
    const gold = users.session({ service: 'gold', address: '10.0.0.2' });
    admitted(signIn(users, gold));
    return { users, api, gold, token };
  }

  test('are listed, open ones and tokens alike', () => {
    const { users, api } = signedInTwice();
    const rows = () =>
      users
        .answer({ type: 'sessions', id: 1 })
        .map(({ service, isOpen, expiresMs }) => [service, isOpen, expiresMs !== null]);
    assert.deepEqual(rows(), [
      ['api', true, true],
      ['gold', true, false],
    ]);
    users.stop(api);
    assert.deepEqual(rows(), [
      ['api', false, true],
      ['gold', true, false],
    ]);
  });

  test('a token is good until it expires, and is stored as a hash alone', () => {
    const { users, token } = signedInTwice();
    assert.equal(admitted(resume(users, token)).user.name, NAME);
    assert.ok(!stored(users).includes(token) && !stored(users).includes(Buffer.from(token, 'base64url')));
    const { expiresMs = 0 } = admitted(resume(users, token));
    users.hosts.nowMs = expiresMs - 1;
    admitted(resume(users, token));
    users.hosts.nowMs = expiresMs;
    assert.deepEqual(refusalOf(resume(users, token)), REFUSALS.token);
    assert.equal(users.directory.figures.tokens, 0, 'seen too late, it has ended');
    assert.deepEqual(refusalOf(resume(users, token)), REFUSALS.token);
  });

  test('tokens that nobody brings end within the hour', () => {
    const { users } = signedInTwice();
    users.hosts.live(7_200_000);
    assert.equal(users.directory.figures.tokens, 0);
  });

  test('a user has 32 tokens, one more ends the oldest', () => {
    const users = withUser();
    const tokens = Array.from({ length: 33 }, () => comeIn(users, users.session()));
    assert.equal(users.directory.figures.tokens, 32);
    assert.deepEqual(
      [tokens[0], tokens[1], tokens[32]].map((token) => resume(users, token).ok),
      [false, true, true],
    );
  });

  test('signing out ends the session and its token, and no other', () => {
    const { users, api, gold, token } = signedInTwice();
    users.act(api, (own) => own.signOut());
    assert.equal(api.signIn.user, undefined);
    assert.deepEqual(users.directory.figures, { users: 1, tokens: 0, 'signed in': 1 });
    assert.deepEqual(gold.notices, []);
    assert.deepEqual(refusalOf(resume(users, token, api)), REFUSALS.token);
  });

  test('a connection that closes ends its session; the token lasts', () => {
    const { users, api, gold } = signedInTwice();
    users.stop(api);
    users.stop(gold);
    assert.deepEqual(users.directory.figures, { users: 1, tokens: 1, 'signed in': 0 });
  });

  test('out everywhere, all are told, and no token is left', () => {
    const { users, api, gold, token } = signedInTwice();
    assert.deepEqual(users.answer({ type: 'end-sessions', id: 1 }), { ended: 2 });
    assert.deepEqual([api.notices, gold.notices], Array(2).fill(['it was signed out everywhere']));
    assert.deepEqual([api.signIn.user, gold.signIn.user], [undefined, undefined]);
    assert.equal(resume(users, token, api).ok, false);
    assert.equal(admitted(signIn(users, api)).user.epoch, 1);
  });

  test('out everywhere but here, here stays', () => {
    const { users, api, gold } = signedInTwice();
    const { session: except } = gold.from;
    assert.deepEqual(users.answer({ type: 'end-sessions', id: 1, except }), { ended: 1 });
    assert.deepEqual([api.notices.length, gold.notices.length], [1, 0]);
    assert.deepEqual(users.directory.figures, { users: 1, tokens: 0, 'signed in': 1 });
  });

  test('another password ends all other sessions, and gives a new token', () => {
    const { users, api, gold, token } = signedInTwice();
    const change = (password: string) =>
      users.admission(api, (own, then) => own.changePassword(password, 'new', then));
    assert.deepEqual(change('wrong'), DENIED);
    const changed = admitted(change(PASSWORD));
    assert.deepEqual([api.notices, gold.notices], [[], ['the password was changed']]);
    assert.equal(api.signIn.user?.epoch, 1);
    assert.deepEqual(signIn(users, gold), DENIED);
    admitted(signIn(users, gold, NAME, 'new'));
    assert.deepEqual([resume(users, token).ok, resume(users, changed.token).ok], [false, true]);
  });

  test('a password is not changed for who is disabled in the midst of it', () => {
    const { users, api } = signedInTwice();
    const answers: Admission[] = [];
    users.act(api, (own) => own.changePassword(PASSWORD, 'new', (answer) => answers.push(answer)));
    users.workOne();
    users.ask({ type: 'set-disabled', name: NAME, isDisabled: true });
    users.work();
    assert.deepEqual(answers, [BUSY]);
    assert.deepEqual(users.directory.figures, { users: 1, tokens: 0, 'signed in': 0 });
  });

  test('when somebody was seen last is known to a day', () => {
    const users = withUser();
    const last = () => users.answer({ type: 'list', limit: 1 }).users[0]?.lastMs ?? assert.fail('never');
    const first = last();
    users.hosts.nowMs += DAY_MS / 2;
    admitted(signIn(users, users.session()));
    assert.equal(last(), first);
    users.hosts.nowMs += DAY_MS / 2;
    admitted(signIn(users, users.session()));
    assert.ok(last() >= first + DAY_MS);
  });
});

describe('UsersActor > operators', () => {
  test('make users, who may then sign in', () => {
    const users = new UsersHosts({ isSignUpOpen: false });
    const add = (name: string) =>
      users.answer({ type: 'add', name, password: bytesOf('secret'), role: 'operator' });
    assert.deepEqual(add('boss'), { ok: true, ended: 0 });
    assert.deepEqual(refusalOf(add('BOSS')), REFUSALS.exists('BOSS'));
    assert.equal(admitted(signIn(users, users.session(), 'boss', 'secret')).user.role, 'operator');
  });

  test('give another password, another role, and end sessions', () => {
    const users = withUser();
    const session = users.session();
    comeIn(users, session);
    const done = users.answer({ type: 'set-password', name: 'KHTN', password: bytesOf('new') });
    assert.deepEqual(done, { ok: true, ended: 1 });
    admitted(signIn(users, session, NAME, 'new'));
    const role = { type: 'set-role', name: NAME, role: 'operator' } as const;
    assert.deepEqual(users.answer(role), { ok: true, ended: 1 });
    assert.deepEqual(users.answer(role), { ok: true, ended: 0 });
    assert.equal(admitted(signIn(users, session, NAME, 'new')).user.role, 'operator');
    assert.deepEqual(users.answer({ type: 'end-all', name: NAME }), { ok: true, ended: 1 });
    assert.deepEqual(session.notices, [
      'an operator has set another password',
      'the role is operator now',
      'an operator has ended all sessions',
    ]);
  });

  test('disable and enable', () => {
    const users = withUser();
    const session = users.session();
    const token = comeIn(users, session);
    const set = (isDisabled: boolean) => users.answer({ type: 'set-disabled', name: NAME, isDisabled });
    assert.deepEqual(set(true), { ok: true, ended: 1 });
    assert.deepEqual(set(true), { ok: true, ended: 0 });
    assert.deepEqual(session.notices, ['an operator has disabled the account']);
    assert.deepEqual(signIn(users, session), DENIED);
    assert.equal(resume(users, token).ok, false);
    assert.deepEqual(set(false), { ok: true, ended: 0 });
    admitted(signIn(users, session));
  });

  test('are told of names that nobody has', () => {
    const users = withUser();
    const name = 'nobody';
    for (const done of [
      users.answer({ type: 'set-password', name, password: bytesOf('x') }),
      users.answer({ type: 'set-role', name, role: 'user' }),
      users.answer({ type: 'set-disabled', name, isDisabled: true }),
      users.answer({ type: 'end-all', name }),
    ]) {
      assert.deepEqual(refusalOf(done), REFUSALS.missing(name));
    }
  });

  test('see who there is, the last ones of those that they look for', () => {
    const users = new UsersHosts();
    for (const name of ['anna', 'ANTON', 'berta']) {
      users.answer({ type: 'add', name, password: bytesOf('x'), role: 'user' });
    }
    const names = (limit: number, filter = '') => {
      const list = users.answer({ type: 'list', limit, filter });
      return [list.users.map(({ name }) => name), list.total];
    };
    assert.deepEqual(names(10), [['anna', 'ANTON', 'berta'], 3]);
    assert.deepEqual(names(10, 'An'), [['anna', 'ANTON'], 2]);
    assert.deepEqual(names(1), [['berta'], 3]);
    const [row] = users.answer({ type: 'list', limit: 1 }).users;
    const shape = { name: 'berta', role: 'user', isDisabled: false, lastMs: null, sessions: 0 };
    assert.deepEqual({ ...row, sinceMs: 0 }, { ...shape, sinceMs: 0 });
  });
});

describe('UsersActor > a host that is lost', () => {
  function inTwoHosts() {
    const users = withUser({ hosts: 2 });
    const session = users.session();
    assert.notEqual(hostIndexOf(session.from.session, 2), hostIndexOf(USERS_ADDRESS, 2));
    comeIn(users, session);
    return { users, session };
  }

  test('has its sessions attend again, without spinning while it is away', () => {
    const { users, session } = inTwoHosts();
    const pieces = [...users.directory.snapshot()];
    users.loseDirectory();
    users.hosts.live(60_000);
    assert.ok(session.losses <= 121, `${session.losses} messages in a minute`);
    users.startDirectory((directory) => directory.restore(pieces));
    users.hosts.live(3000);
    assert.equal(users.directory.figures['signed in'], 1);
    assert.equal(session.signIn.user?.name, NAME);
    users.answer({ type: 'end-sessions', id: 1 });
    assert.equal(session.notices.length, 1);
  });

  test('tells those whose user was signed out meanwhile', () => {
    const { users, session } = inTwoHosts();
    const later = withUser();
    later.answer({ type: 'end-sessions', id: 1 });
    const pieces = [...later.directory.snapshot()];
    users.loseDirectory();
    users.startDirectory((directory) => directory.restore(pieces));
    users.hosts.live(3000);
    assert.deepEqual(session.notices, ['the session was ended']);
    assert.equal(session.signIn.user, undefined);
  });

  test('is asked by a session that takes the place of one', () => {
    const { users, session } = inTwoHosts();
    const { id = 0, epoch = 0 } = session.signIn.user ?? {};
    const attend = (wanted: number) =>
      users.admission(users.session(), (own, then) => own.attend(id, wanted, then));
    assert.equal(admitted(attend(epoch)).user.name, NAME);
    assert.deepEqual(refusalOf(attend(epoch + 1)), REFUSALS.signedOut);
  });

  test('while it is away, a sign-in is told to come again', () => {
    const { users } = inTwoHosts();
    users.loseDirectory();
    assert.deepEqual(signIn(users, users.session()), BUSY);
  });
});

describe('UsersActor > secrets', () => {
  test('no password is in what is logged or stored', () => {
    const users = withUser();
    const marked = 'Xyzzy-Passw0rd';
    const session = users.session();
    signUp(users, session, 'other', marked);
    signIn(users, session, marked, marked);
    fail(users, 30, marked);
    users.hosts.live(5000);
    const said = inspect([users.hosts.logs, users.hosts.main.events], { depth: 9 });
    assert.ok(said.includes('sign-ins were refused'));
    assert.ok(!said.includes(marked));
    assert.ok(!stored(users).includes(marked));
  });
});
