/**
 * The directory of users: who there is, and which sessions' clients are signed in.
 *
 * A password is hashed by a job; what is decided then is decided on the state of then. Whether somebody has a name shows
 * nowhere but at sign-up: an unknown name is checked against a hash that nothing fits, and after a hash every refusal
 * leaves at the same time.
 *
 * Invariant: a session that is signed in has heard of its user's present epoch. When that rises, all but the one that
 * has caused it are told to sign out.
 */
import { createHash } from 'node:crypto';
import { Packr } from 'msgpackr';
import type {
  CheckedPassword,
  CheckPasswordJob,
  HashedPassword,
  HashPasswordJob,
  UsersSettings,
} from '../../src/protocol/host-task.ts';
import {
  type Admission,
  type Done,
  type From,
  type PasswordHash,
  REFUSALS,
  type Refusal,
  type Role,
  type ScryptParameters,
  type SignedInUser,
  type UserNotice,
  type UserRow,
  type UserSession,
  type UsersAnswers,
  type UsersCommand,
} from '../../src/protocol/users.ts';
import type { Address } from '../../src/values/address.ts';
import { copyOf } from '../../src/values/copy-of.ts';
import { PASSWORD_BYTES_MAX, userKey, userName } from '../../src/values/user-name.ts';
import type { Answer, Context, DurableActor } from '../runtime/actor.ts';
import type { Ask } from '../runtime/asks.ts';
import { type Attempter, Attempts, addressKey } from './attempts.ts';
import { type Hashed, HashQueue, type HashWork } from './hash-queue.ts';
import { LiveSessions } from './live-sessions.ts';
import { type StoredHash, type User, Users, type UsersEvent } from './users.ts';

type Of<T extends UsersCommand['type']> = UsersCommand & { type: T };

type UsersMessage =
  | UsersCommand
  | Hashed
  | { readonly type: 'gone'; readonly session: Address }
  /** Told by the actor to itself. */
  | { readonly type: 'begin-next' }
  /** Timers. */
  | { readonly type: 'refuse'; readonly ask: Ask; readonly refusal: Refusal }
  | { readonly type: 'expire' }
  | { readonly type: 'report' };
type UsersContext = Context<UsersMessage>;

interface Claimant {
  readonly ask: Ask;
  readonly name: string;
}

/** Of whom an account is made, and for whom. */
interface Wanted {
  readonly name: string;
  readonly password: Uint8Array;
  readonly role: Role;
  readonly ask: Ask;
  /** The key of the address that is counted; operators have none. */
  readonly address?: string;
}

/** Whose password is checked. */
interface Check extends Attempter {
  readonly password: Uint8Array;
  readonly ask: Ask;
  readonly find: () => User | undefined;
}

/** What is known of a user who is being signed in. */
type Admitted = Pick<User, 'id' | 'name' | 'role' | 'epoch' | 'lastMs' | 'tokens'>;

/** What the first piece of a snapshot is; the others are users. */
interface Head {
  readonly nextId: number;
}

/** After a hash nothing is refused sooner, so that it does not show whether it was one of older parameters. */
const REFUSE_AFTER_MS = 500;
/** Up to this N: 200 ms of hashing. With more it is later in proportion. */
const REFUSE_AFTER_N = 2 ** 16;
/** Of all who want names that others are signing up. */
const CLAIMANTS_MAX = 64;
const EXPIRE_EVERY_MS = 3_600_000;
/** Tokens that end in one turn; the others follow soon. */
const EXPIRED_MAX = 10_000;
const EXPIRE_MORE_MS = 1000;
const REPORT_MS = 1000;
/** Users and tokens in one piece of a snapshot, which then stays below a megabyte. */
const PIECE_RECORDS = 2000;
/** Operators are one party: the api bounds what they ask at a time. */
const OPERATORS = 'operators';
/** Its clients get tokens, with which they come again. */
const TOKEN_SERVICE = 'api';
const SALT_BYTES = 16;
const HASH_BYTES = 32;

const packr = new Packr({ useRecords: false });

export class UsersActor implements DurableActor<UsersMessage, UsersEvent> {
  readonly #settings: UsersSettings;
  readonly #refuseAfterMs: number;
  readonly #users = new Users();
  readonly #live = new LiveSessions();
  readonly #hashes = new HashQueue();
  readonly #attempts: Attempts;
  /** By the key of the name that is being made an account: who else wants it. */
  readonly #claims = new Map<string, Claimant[]>();
  #claimantCount = 0;
  /** Refusals that were put off, to tell their timers apart. */
  #putOff = 0;

  constructor(settings: UsersSettings) {
    this.#settings = settings;
    this.#refuseAfterMs = REFUSE_AFTER_MS * Math.max(1, settings.parameters.N / REFUSE_AFTER_N);
    this.#attempts = new Attempts(settings);
  }

  get figures(): Readonly<Record<'users' | 'tokens' | 'signed in', number>> {
    return { users: this.#users.size, tokens: this.#users.tokenCount, 'signed in': this.#live.size };
  }

  /** What attackers could make large. */
  get load(): Readonly<Record<'counted' | 'waiting' | 'claimed', number>> {
    return {
      counted: this.#attempts.size,
      waiting: this.#hashes.waitingCount,
      claimed: this.#claims.size + this.#claimantCount,
    };
  }

  started(context: UsersContext): void {
    context.startTimer('expire', EXPIRE_EVERY_MS, { type: 'expire' });
  }

  receive(message: UsersMessage, context: UsersContext): readonly UsersEvent[] | undefined {
    switch (message.type) {
      case 'sign-up':
        return this.#onSignUp(message, context);
      case 'sign-in':
        return this.#onSignIn(message, context);
      case 'change-password':
        return this.#onChangePassword(message, context);
      case 'resume':
        return this.#onResume(message, context);
      case 'attend':
        return this.#onAttend(message, context);
      case 'sign-out':
        return this.#onSignOut(message, context);
      case 'end-sessions':
        return this.#onEndSessions(message, context);
      case 'sessions':
        context.reply(this.#sessionsOf(message.id) satisfies UsersAnswers['sessions']);
        return undefined;
      case 'list':
        context.reply(this.#list(message));
        return undefined;
      case 'add':
        return this.#onAdd(message, context);
      case 'set-password':
        return this.#onSetPassword(message, context);
      case 'set-role':
      case 'set-disabled':
      case 'end-all':
        return this.#onEdit(message, context);
      case 'hashed':
        context.tell<UsersMessage>(context.refer(context.self), { type: 'begin-next' });
        return this.#hashes.end(message);
      case 'begin-next':
        this.#hashes.beginNext(context);
        return undefined;
      case 'refuse':
        context.replyTo(message.ask, refused(message.refusal));
        return undefined;
      case 'gone':
        this.#live.leave(message.session);
        return undefined;
      case 'expire':
        return this.#onExpire(context);
      case 'report':
        context.log('warn', this.#attempts.takeReport());
        return undefined;
    }
  }

  apply(event: UsersEvent): void {
    this.#users.apply(event);
  }

  snapshot(): Iterable<Uint8Array> {
    const { nextId, users } = this.#users.freeze();
    return pieces({ nextId }, users);
  }

  restore([head, ...pieces]: readonly Uint8Array[]): void {
    const { nextId } = packr.unpack(head as Uint8Array) as Head;
    this.#users.restore({ nextId, users: pieces.flatMap((piece) => packr.unpack(piece) as User[]) });
  }

  #onSignIn(command: Of<'sign-in'>, context: UsersContext): undefined {
    const ask = context.takeAsk();
    if (ask === undefined) return;
    const { password, wantsToken } = command;
    const name = userName(command.name);
    if (name === undefined || !isPassword(password)) {
      context.replyTo(ask, refused(REFUSALS.denied));
      return;
    }
    const from = fromOf(command);
    const who = { name: copyOf(userKey(name)), address: addressKey(from.address) };
    const check = { ...who, password, ask, find: () => this.#users.find(name) };
    this.#check(check, context, (user, checked) => {
      const { renewed, token } = checked;
      return [
        ...(renewed === undefined ? [] : [rehashed(user, renewed)]),
        ...this.#admit(user, from, wantsToken ? token : undefined, ask, context),
      ];
    });
  }

  #onChangePassword(command: Of<'change-password'>, context: UsersContext): undefined {
    const ask = context.takeAsk();
    if (ask === undefined) return;
    const { id, password } = command;
    const user = this.#users.byId(id);
    if (user === undefined || !isPassword(password) || !isPassword(command.newPassword)) {
      context.replyTo(ask, refused(isPassword(command.newPassword) ? REFUSALS.denied : REFUSALS.password));
      return;
    }
    const newPassword = Uint8Array.from(command.newPassword);
    const from = fromOf(command);
    const party = addressKey(from.address);
    const who = { name: copyOf(userKey(user.name)), address: party };
    const check = { ...who, password, ask, find: () => this.#users.byId(id) };
    this.#check(check, context, ({ epoch }, { token }) => {
      const work = this.#setPassword(id, newPassword, { party, ask }, context, (user, made) => {
        if (user.epoch !== epoch) {
          context.replyTo(ask, refused(REFUSALS.busy));
          return [];
        }
        this.#signOutAll(id, 'the password was changed', context, from.session);
        const changed = { ...user, epoch: epoch + 1, tokens: [] };
        const bytes = from.service === TOKEN_SERVICE ? token : undefined;
        return [passwordChanged(user, made), ...this.#admit(changed, from, bytes, ask, context)];
      });
      this.#hashes.begin(work, context);
      return [];
    });
  }

  /**
   * Has the password checked of whom `find` finds; `then` decides what follows if it is right. Everything else is
   * answered here, the same whether anybody was found or not.
   */
  #check(
    check: Check,
    context: UsersContext,
    then: (user: User, checked: CheckedPassword) => readonly UsersEvent[],
  ): void {
    const { address, ask, find } = check;
    if (this.#mustWait(check, context)) return;
    const password = Uint8Array.from(check.password);
    let begunMs = 0;
    let epoch = 0;
    const begin = (): CheckPasswordJob | undefined => {
      if (this.#mustWait(check, context)) return undefined;
      begunMs = context.nowMs;
      this.#attempts.begin(check, begunMs);
      const user = find();
      epoch = user?.epoch ?? 0;
      const { parameters } = this.#settings;
      const stored = user === undefined ? dummyHash(parameters) : passwordHash(user.hash);
      return { type: 'check-password', password, stored, parameters };
    };
    const end = (answer: Answer<CheckedPassword>) => {
      const user = find();
      if (answer.ok && (!answer.value.isRight || user === undefined || user.isDisabled)) {
        this.#attempts.fail(check, context.nowMs);
        this.#countRefused(address, context);
        this.#refuseLater(ask, REFUSALS.denied, begunMs, context);
        return [];
      }
      // Another password was set meanwhile, or so.
      if (!answer.ok || user?.epoch !== epoch) {
        this.#attempts.forgive(check);
        context.replyTo(ask, refused(REFUSALS.busy));
        return [];
      }
      this.#attempts.succeed(check);
      return then(user, answer.value);
    };
    const drop = () => context.replyTo(ask, refused(REFUSALS.busy));
    this.#hashes.add({ party: address, ask, begin, end, drop }, context);
  }

  /** Refuses it if so. */
  #mustWait(check: Check, context: UsersContext): boolean {
    const waitMs = this.#attempts.waitMs(check, context.nowMs);
    if (waitMs === 0) return false;
    this.#countRefused(check.address, context);
    context.replyTo(check.ask, refused(REFUSALS.wait(waitMs)));
    return true;
  }

  #countRefused(address: string, context: UsersContext): void {
    if (this.#attempts.countRefused(address)) context.startTimer('report', REPORT_MS, { type: 'report' });
  }

  #refuseLater(ask: Ask, refusal: Refusal, begunMs: number, context: UsersContext): void {
    const delayMs = begunMs + this.#refuseAfterMs - context.nowMs;
    if (delayMs <= 0) context.replyTo(ask, refused(refusal));
    else context.startTimer(`refuse ${this.#putOff++}`, delayMs, { type: 'refuse', ask, refusal });
  }

  #onSignUp(command: Of<'sign-up'>, context: UsersContext): undefined {
    const ask = context.takeAsk();
    if (ask === undefined) return;
    const { name, password } = command;
    const from = fromOf(command);
    if (!this.#settings.isSignUpOpen) {
      context.replyTo(ask, refused(REFUSALS.closed));
      return;
    }
    const address = addressKey(from.address);
    if (this.#mustWaitForAccount(ask, address, context)) return;
    this.#makeAccount({ name, password, role: 'user', ask, address }, context, (user, token) =>
      this.#admit(user, from, from.service === TOKEN_SERVICE ? token : undefined, ask, context),
    );
  }

  #onAdd({ name, password, role }: Of<'add'>, context: UsersContext): undefined {
    const ask = context.takeAsk();
    if (ask === undefined) return;
    this.#makeAccount({ name, password, role, ask }, context, () => {
      context.replyTo(ask, { ok: true, ended: 0 } satisfies UsersAnswers['add']);
      return [];
    });
  }

  /** Whoever comes first has the name claimed; the others hear what has become of it. */
  #makeAccount(
    wanted: Wanted,
    context: UsersContext,
    then: (user: Admitted, token: Uint8Array) => readonly UsersEvent[],
  ): void {
    const { role, ask, address } = wanted;
    const name = userName(wanted.name) ?? '';
    const key = copyOf(userKey(name));
    const claimants = this.#claims.get(key);
    const refusal = this.#refusalOf(name, wanted.password);
    if (refusal !== undefined) {
      if (refusal.code === 'ERR_USER_EXISTS' && address !== undefined) {
        this.#attempts.failTaken(address, context.nowMs);
      }
      context.replyTo(ask, refused(refusal));
      return;
    }
    if (claimants !== undefined) {
      this.#claimantCount++;
      claimants.push({ ask, name });
      return;
    }
    this.#claims.set(key, []);
    const password = Uint8Array.from(wanted.password);
    const drop = () => {
      this.#endClaim(key, () => REFUSALS.busy, context);
      context.replyTo(ask, refused(REFUSALS.busy));
    };
    const begin = (): HashPasswordJob | undefined => {
      if (address !== undefined) {
        if (this.#mustWaitForAccount(ask, address, context)) {
          this.#endClaim(key, () => REFUSALS.busy, context);
          return undefined;
        }
        this.#attempts.beginAccount(address, context.nowMs);
      }
      return { type: 'hash-password', password, parameters: this.#settings.parameters };
    };
    const end = (answer: Answer<HashedPassword>): readonly UsersEvent[] => {
      if (!answer.ok) {
        if (address !== undefined) this.#attempts.forgiveAccount(address);
        drop();
        return [];
      }
      if (address !== undefined) {
        this.#attempts.countAccount(address, context.nowMs);
        this.#attempts.know({ name: key, address });
      }
      this.#endClaim(key, REFUSALS.exists, context);
      const { made, token } = answer.value;
      const id = this.#users.nextId;
      const { timeMs } = context;
      return [
        { type: 'created', id, name, role, hash: storedHash(made), timeMs },
        ...then({ id, name, role, epoch: 0, lastMs: null, tokens: [] }, token),
      ];
    };
    this.#hashes.add({ party: address ?? OPERATORS, ask, begin, end, drop }, context);
  }

  /** Why no account can be made, or be waited for; `name` is empty if it is none. */
  #refusalOf(name: string, password: Uint8Array): Refusal | undefined {
    if (name === '') return REFUSALS.name;
    if (!isPassword(password)) return REFUSALS.password;
    if (this.#users.find(name) !== undefined) return REFUSALS.exists(name);
    if (this.#claims.has(userKey(name))) {
      return this.#claimantCount < CLAIMANTS_MAX ? undefined : REFUSALS.busy;
    }
    return this.#users.size + this.#claims.size < this.#settings.usersMax ? undefined : REFUSALS.full;
  }

  /** Refuses it if so. */
  #mustWaitForAccount(ask: Ask, address: string, context: UsersContext): boolean {
    const waitMs = this.#attempts.accountWaitMs(address, context.nowMs);
    if (waitMs > 0) context.replyTo(ask, refused(REFUSALS.tooManyAccounts(waitMs)));
    return waitMs > 0;
  }

  #endClaim(key: string, refusalOf: (name: string) => Refusal, context: UsersContext): void {
    const claimants = this.#claims.get(key) ?? [];
    this.#claims.delete(key);
    this.#claimantCount -= claimants.length;
    for (const { ask, name } of claimants) context.replyTo(ask, refused(refusalOf(name)));
  }

  #onSetPassword({ name, password }: Of<'set-password'>, context: UsersContext): undefined {
    const ask = context.takeAsk();
    if (ask === undefined) return;
    const user = this.#users.find(name);
    if (user === undefined || !isPassword(password)) {
      context.replyTo(ask, refused(user === undefined ? REFUSALS.missing(name) : REFUSALS.password));
      return;
    }
    const by = { party: OPERATORS, ask };
    const work = this.#setPassword(user.id, Uint8Array.from(password), by, context, (user, hash) => {
      const ended = this.#signOutAll(user.id, 'an operator has set another password', context);
      context.replyTo(ask, { ok: true, ended } satisfies Done);
      return [passwordChanged(user, hash)];
    });
    this.#hashes.add(work, context);
  }

  #setPassword(
    id: number,
    password: Uint8Array,
    by: { readonly party: string; readonly ask: Ask },
    context: UsersContext,
    then: (user: User, made: PasswordHash) => readonly UsersEvent[],
  ): HashWork {
    const drop = () => context.replyTo(by.ask, refused(REFUSALS.busy));
    return {
      ...by,
      begin: () => ({ type: 'hash-password', password, parameters: this.#settings.parameters }),
      end: (answer: Answer<HashedPassword>) => {
        const user = this.#users.byId(id);
        if (answer.ok && user !== undefined) return then(user, answer.value.made);
        drop();
        return [];
      },
      drop,
    };
  }

  #onEdit(
    command: Of<'set-role'> | Of<'set-disabled'> | Of<'end-all'>,
    context: UsersContext,
  ): readonly UsersEvent[] {
    const user = this.#users.find(command.name);
    if (user === undefined) {
      context.reply(refused(REFUSALS.missing(command.name)));
      return [];
    }
    const { id } = user;
    let event: UsersEvent | undefined;
    let ended = 0;
    if (command.type === 'end-all') {
      event = { type: 'sessions-ended', id };
      ended = this.#signOutAll(id, 'an operator has ended all sessions', context);
    } else if (command.type === 'set-role' && command.role !== user.role) {
      event = { type: 'role-changed', id, role: command.role };
      ended = this.#signOutAll(id, `the role is ${command.role} now`, context);
    } else if (command.type === 'set-disabled' && command.isDisabled !== user.isDisabled) {
      event = { type: command.isDisabled ? 'disabled' : 'enabled', id };
      ended = this.#signOutAll(id, 'an operator has disabled the account', context);
    }
    context.reply({ ok: true, ended } satisfies Done);
    return event === undefined ? [] : [event];
  }

  #onResume(command: Of<'resume'>, context: UsersContext): readonly UsersEvent[] {
    const found = this.#users.byToken(hashOfToken(command.token));
    if (found === undefined || found.token.expiresMs <= context.timeMs) {
      context.reply(refused(REFUSALS.token));
      return found === undefined ? [] : [{ type: 'token-ended', hash: found.token.hash }];
    }
    const { user, token } = found;
    this.#enter(user, fromOf(command), token.hash, context);
    context.reply({ ok: true, user: signedIn(user), expiresMs: token.expiresMs } satisfies Admission);
    return this.#users.see(user, context.timeMs);
  }

  #onAttend(command: Of<'attend'>, context: UsersContext): undefined {
    const { id, epoch, session } = command;
    const user = this.#users.byId(id);
    if (user === undefined || user.isDisabled || user.epoch !== epoch) {
      this.#live.leave(session);
      context.reply(refused(REFUSALS.signedOut));
      this.#tellSignedOut(session, 'the session was ended', context);
      return;
    }
    const known = this.#live.find(session);
    if (known?.id !== id) this.#enter(user, fromOf(command), undefined, context);
    context.reply({ ok: true, user: signedIn(user) } satisfies Admission);
  }

  #onSignOut({ session, token }: Of<'sign-out'>, context: UsersContext): readonly UsersEvent[] {
    const live = this.#live.leave(session);
    const hashes = new Set([live?.token, token === undefined ? undefined : hashOfToken(token)]);
    context.reply(null satisfies UsersAnswers['sign-out']);
    return [...hashes].flatMap((hash): UsersEvent[] =>
      hash === undefined || this.#users.byToken(hash) === undefined ? [] : [{ type: 'token-ended', hash }],
    );
  }

  #onEndSessions({ id, except }: Of<'end-sessions'>, context: UsersContext): readonly UsersEvent[] {
    const user = this.#users.byId(id);
    const ended = this.#signOutAll(id, 'it was signed out everywhere', context, except);
    context.reply({ ended } satisfies UsersAnswers['end-sessions']);
    return user === undefined ? [] : [{ type: 'sessions-ended', id }];
  }

  #onExpire(context: UsersContext): readonly UsersEvent[] {
    const events = this.#users.expire(context.timeMs, EXPIRED_MAX);
    const delayMs = events.length < EXPIRED_MAX ? EXPIRE_EVERY_MS : EXPIRE_MORE_MS;
    context.startTimer('expire', delayMs, { type: 'expire' });
    return events;
  }

  /** Signs the session in, with a token if it is to have one. */
  #admit(
    user: Admitted,
    from: From,
    token: Uint8Array | undefined,
    ask: Ask,
    context: UsersContext,
  ): readonly UsersEvent[] {
    const { timeMs } = context;
    const seen = this.#users.see(user, timeMs);
    if (token === undefined) {
      this.#enter(user, from, undefined, context);
      context.replyTo(ask, { ok: true, user: signedIn(user) } satisfies Admission);
      return seen;
    }
    const text = Buffer.from(token).toString('base64url');
    const hash = hashOfToken(text);
    const { service, address } = from;
    const expiresMs = timeMs + this.#settings.tokenMs;
    this.#enter(user, from, hash, context);
    context.replyTo(ask, { ok: true, user: signedIn(user), token: text, expiresMs } satisfies Admission);
    const opened = { hash, service, address, sinceMs: timeMs, expiresMs };
    return [...this.#users.openToken(user.id, opened, user.tokens), ...seen];
  }

  #enter({ id }: Admitted, from: From, token: string | undefined, context: UsersContext): void {
    const { session } = from;
    this.#live.enter({ ...from, id, sinceMs: context.timeMs, token });
    context.watch(context.refer(session), { type: 'gone', session });
  }

  /** All of the user's sessions but `except`; returns how many that are. What is stored of them the event has to end. */
  #signOutAll(id: number, reason: string, context: UsersContext, except?: Address): number {
    const kept = except === undefined ? undefined : this.#live.find(except);
    const isKept = kept?.id === id;
    const ended = this.#sessionsOf(id).length - (isKept ? 1 : 0);
    for (const { session } of this.#live.of(id)) {
      this.#live.leave(session);
      if (session !== except) this.#tellSignedOut(session, reason, context);
    }
    if (isKept) this.#live.enter({ ...kept, token: undefined });
    return ended;
  }

  #tellSignedOut(session: Address, reason: string, context: UsersContext): void {
    context.tell(context.refer<UserNotice>(session), { type: 'signed-out', reason });
  }

  /** Tokens, and sessions without one. */
  #sessionsOf(id: number): readonly UserSession[] {
    const { tokens = [] } = this.#users.byId(id) ?? {};
    const live = this.#live.of(id);
    const open = new Set(live.map(({ token }) => token));
    const known = new Set<string | undefined>(tokens.map(({ hash }) => hash));
    return [
      ...tokens.map(({ hash, service, address, sinceMs, expiresMs }) => {
        return { service, address, sinceMs, expiresMs, isOpen: open.has(hash) };
      }),
      ...live
        .filter(({ token }) => !known.has(token))
        .map(({ service, address, sinceMs }) => {
          return { service, address, sinceMs, expiresMs: null, isOpen: true };
        }),
    ];
  }

  #list({ filter, limit }: Of<'list'>): UsersAnswers['list'] {
    const { users, total } = this.#users.list(limit, filter);
    const rows = users.map(({ id, name, role, isDisabled, sinceMs, lastMs }): UserRow => {
      return { name, role, isDisabled, sinceMs, lastMs, sessions: this.#sessionsOf(id).length };
    });
    return { users: rows, total };
  }
}

function* pieces(head: Head, users: readonly User[]): Iterable<Uint8Array> {
  yield packr.pack(head);
  let records = 0;
  let from = 0;
  for (const [i, { tokens }] of users.entries()) {
    records += 1 + tokens.length;
    if (records < PIECE_RECORDS && i < users.length - 1) continue;
    yield packr.pack(users.slice(from, i + 1));
    from = i + 1;
    records = 0;
  }
}

function refused(refusal: Refusal): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal };
}

function signedIn({ id, name, role, epoch }: Admitted): SignedInUser {
  return { id, name, role, epoch };
}

/** For keeping: what was cut out of a message keeps all of it in memory. */
function fromOf({ address, service, session }: From): From {
  return { address: copyOf(address), service: copyOf(service), session: copyOf(session) as Address };
}

function isPassword({ length }: Uint8Array): boolean {
  return length > 0 && length <= PASSWORD_BYTES_MAX;
}

function hashOfToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function rehashed({ id }: User, made: PasswordHash): UsersEvent {
  return { type: 'rehashed', id, hash: storedHash(made) };
}

function passwordChanged({ id }: User, made: PasswordHash): UsersEvent {
  return { type: 'password-changed', id, hash: storedHash(made) };
}

function storedHash({ parameters, salt, hash }: PasswordHash): StoredHash {
  return { parameters, salt: base64(salt), hash: base64(hash) };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function passwordHash({ parameters, salt, hash }: StoredHash): PasswordHash {
  return { parameters, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') };
}

/** What nothing fits: an unknown name takes as long as a known one. */
function dummyHash(parameters: ScryptParameters): PasswordHash {
  return { parameters, salt: new Uint8Array(SALT_BYTES), hash: new Uint8Array(HASH_BYTES) };
}
