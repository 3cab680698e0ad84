import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { type StoredHash, TOKENS_MAX, Users, type UsersEvent } from '../../../workers/users/users.ts';
import { UsersActor } from '../../../workers/users/users-actor.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import { bytesOf, UsersHosts } from '../../support/users-hosts.ts';

const HASH: StoredHash = { parameters: { N: 16_384, r: 8, p: 1 }, salt: 'c2FsdA==', hash: 'aGFzaA==' };

function created(id: number, name: string): UsersEvent {
  return { type: 'created', id, name, role: 'user', hash: HASH, timeMs: 1000 };
}

function opened(id: number, hash: string, timeMs = 0): UsersEvent {
  return { type: 'token-opened', id, hash, service: 'api', address: '::1', timeMs, expiresMs: timeMs + 10 };
}

function after(...events: readonly UsersEvent[]): Users {
  const users = new Users();
  for (const event of events) users.apply(event);
  return users;
}

describe('Users', () => {
  test('finds a user by name, whatever its case and composition, and shows it as it was signed up', () => {
    const users = after(created(1, 'Đạt'), created(2, 'ὈΔΥΣΣΕΥΣ'));
    for (const name of ['đạt', 'ĐẠT', 'Đạt'.normalize('NFD')]) assert.equal(users.find(name)?.name, 'Đạt');
    assert.equal(users.find('ὀδυσσευς')?.id, 2);
    assert.equal(users.find('Dat'), undefined);
    assert.equal(users.byId(3), undefined);
  });

  test('epochs rise, and tokens end, as the events say', () => {
    const rises: readonly [UsersEvent, number, number][] = [
      [{ type: 'rehashed', id: 1, hash: HASH }, 0, 1],
      [{ type: 'seen', id: 1, timeMs: 5 }, 0, 1],
      [{ type: 'role-changed', id: 1, role: 'operator' }, 1, 0],
      [{ type: 'password-changed', id: 1, hash: HASH }, 1, 0],
      [{ type: 'sessions-ended', id: 1 }, 1, 0],
      [{ type: 'disabled', id: 1 }, 1, 0],
    ];
    for (const [event, epoch, tokens] of rises) {
      const users = after(created(1, 'a'), opened(1, 't'), event);
      assert.deepEqual([users.byId(1)?.epoch, users.tokenCount], [epoch, tokens], event.type);
      assert.equal(users.byToken('t')?.user.id, tokens === 1 ? 1 : undefined);
    }
  });

  test('what can not have happened is no event of it', () => {
    const wrong: readonly [readonly UsersEvent[], RegExp][] = [
      [[created(2, 'a')], /the next user is 1, not 2/],
      [[created(1, 'a'), created(2, 'A')], /the name of user 2 is taken/],
      [[{ type: 'seen', id: 1, timeMs: 0 }], /there is no user 1/],
      [[created(1, 'a'), opened(1, 't'), opened(1, 't')], /there before/],
      [[created(1, 'a'), { type: 'disabled', id: 1 }, opened(1, 't')], /disabled/],
      [[{ type: 'token-ended', hash: 't' }], /not there/],
      [
        [created(1, 'a'), ...Array.from({ length: TOKENS_MAX + 1 }, (_, i) => opened(1, `t${i}`))],
        /more tokens/,
      ],
    ];
    for (const [events, says] of wrong) assert.throws(() => after(...events), says);
  });

  test('tokens expire in the order in which they were opened, after a restart too', () => {
    const users = after(
      created(1, 'a'),
      created(2, 'b'),
      opened(2, 't0', 0),
      opened(1, 't5', 5),
      opened(2, 't9', 9),
    );
    const restored = new Users();
    restored.restore(users.freeze());
    for (const each of [users, restored]) {
      const expired = (timeMs: number, limit = 9) =>
        each.expire(timeMs, limit).map((event) => event.type === 'token-ended' && event.hash);
      assert.deepEqual(
        [expired(9), expired(15), expired(99), expired(99, 1)],
        [[], ['t0', 't5'], ['t0', 't5', 't9'], ['t0']],
      );
    }
  });
});

const packr = new Packr({ useRecords: false });

/** What has happened to it, as a journal has it. */
class RecordedActor extends UsersActor {
  readonly events: UsersEvent[] = [];

  override apply(event: UsersEvent): void {
    super.apply(event);
    this.events.push(packr.unpack(packr.pack(event)) as UsersEvent);
  }
}

describe('UsersActor > recovery', () => {
  const names = ['khtn', 'KHTN', 'Đạt', 'anna', 'nobody'];
  const passwords = ['x', 'y'];
  const step = fc.record({
    what: fc.constantFrom(
      'sign-up',
      'sign-in',
      'sign-in',
      'change-password',
      'resume',
      'sign-out',
      'end-sessions',
      'set-password',
      'set-role',
      'disable',
      'enable',
      'wait',
      'snapshot',
    ),
    name: fc.constantFrom(...names),
    password: fc.constantFrom(...passwords),
    session: fc.nat(3),
  });
  type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

  /** Everything that is stored of it, as values. */
  function stateOf(directory: UsersActor): unknown {
    return [...directory.snapshot()].map((piece) => packr.unpack(piece));
  }

  /** Does the steps; returns the directory with its events, and snapshots with the number of events before each. */
  function played(steps: readonly Step[]) {
    const users = new UsersHosts({
      create: (settings) => new RecordedActor(settings),
      nameFailuresMax: 1000,
    });
    const directory = users.directory as RecordedActor;
    const sessions = Array.from({ length: 4 }, (_, i) => users.session({ address: `10.0.0.${i}` }));
    const tokens: string[] = [];
    const snapshots: { readonly at: number; readonly pieces: readonly Uint8Array[] }[] = [];
    for (const { what, name, password, session: index } of steps) {
      const session = sessions[index] ?? assert.fail('no such session');
      const keep = (admission: { readonly ok: boolean; readonly token?: string }) => {
        if (admission.token !== undefined) tokens.push(admission.token);
      };
      if (what === 'sign-up') keep(users.admission(session, (own, then) => own.signUp(name, password, then)));
      else if (what === 'sign-in')
        keep(users.admission(session, (own, then) => own.signIn(name, password, then, true)));
      else if (what === 'change-password')
        keep(users.admission(session, (own, then) => own.changePassword(password, 'y', then)));
      else if (what === 'resume')
        users.admission(session, (own, then) => own.resume(tokens[index] ?? '', then));
      else if (what === 'sign-out') users.act(session, (own) => own.signOut());
      else if (what === 'end-sessions') users.answer({ type: 'end-sessions', id: index });
      else if (what === 'set-password')
        users.answer({ type: 'set-password', name, password: bytesOf(password) });
      else if (what === 'set-role') users.answer({ type: 'set-role', name, role: 'operator' });
      else if (what === 'wait') users.hosts.live(2_000_000);
      else if (what === 'snapshot')
        snapshots.push({ at: directory.events.length, pieces: [...directory.snapshot()] });
      else users.answer({ type: 'set-disabled', name, isDisabled: what === 'disable' });
    }
    return { directory, snapshots, settings: users.settings };
  }

  test('from any snapshot and the events after it, or from all events, it is what it was', () => {
    let applied = 0;
    const check = (steps: readonly Step[]) => {
      const { directory, snapshots, settings } = played(steps);
      applied += directory.events.length;
      for (const { at, pieces } of [{ at: 0, pieces: [] }, ...snapshots]) {
        const recovered = new UsersActor(settings);
        if (pieces.length > 0) recovered.restore(pieces);
        for (const event of directory.events.slice(at)) recovered.apply(event);
        assert.deepEqual(stateOf(recovered), stateOf(directory));
        const { users, tokens } = directory.figures;
        assert.deepEqual(recovered.figures, { users, tokens, 'signed in': 0 });
      }
      const told = directory.events.map((event) => JSON.stringify(event));
      assert.deepEqual(
        told.map((text) => JSON.parse(text) as UsersEvent),
        directory.events,
        'an export takes nothing from them',
      );
    };
    const steps = fc.array(step, { minLength: 10, maxLength: 60 });
    fc.assert(fc.property(steps, check), { seed: fuzzSeed(), numRuns: 40 });
    assert.ok(applied > 100, `only ${applied} events`);
  });

  test('a snapshot of many users and tokens is in pieces below a megabyte', () => {
    const users = new UsersActor(new UsersHosts().settings);
    const hash = { ...HASH, salt: 'c'.repeat(24), hash: 'h'.repeat(44) };
    for (let id = 1; id <= 300; id++) {
      users.apply({
        type: 'created',
        id,
        name: `name of ${'n'.repeat(20)}${id}`,
        role: 'user',
        hash,
        timeMs: id,
      });
      for (let i = 0; i < TOKENS_MAX; i++) users.apply(opened(id, `${id}/${i}`.padEnd(64, 'f'), id + i));
    }
    const pieces = [...users.snapshot()];
    assert.ok(pieces.length > 3);
    for (const { length } of pieces) assert.ok(length < 1_048_576, `${length} bytes`);
    const restored = new UsersActor(new UsersHosts().settings);
    restored.restore(pieces);
    assert.deepEqual(stateOf(restored), stateOf(users));
  });
});
