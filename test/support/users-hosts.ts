/**
 * The directory of users on hosts in one thread (actors.ts), with sessions that sign in as services' sessions do. What it
 * asks of the desk waits until a test has it done, by the real jobs or by a guess that costs nothing.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { DESK_ADDRESS } from '../../src/protocol/desk.ts';
import type {
  CheckedPassword,
  CheckPasswordJob,
  HashedPassword,
  HashPasswordJob,
  UsersSettings,
} from '../../src/protocol/host-task.ts';
import {
  type Admission,
  type From,
  USERS_ADDRESS,
  type UserNotice,
  type UsersAnswers,
  type UsersCommand,
} from '../../src/protocol/users.ts';
import { type Address, hostIndexOf, toAddress } from '../../src/values/address.ts';
import { type Answer, type Context, ESCALATE_FAULT } from '../../workers/runtime/actor.ts';
import { checkPassword, hashPassword } from '../../workers/users/passwords.ts';
import { type DirectoryLost, SignIn, type SignInHost } from '../../workers/users/sign-in.ts';
import { UsersActor } from '../../workers/users/users-actor.ts';
import { type ActorParts, type AskedOfMain, outcomeOf, specOf, TestHosts } from './actors.ts';
import { USERS_SETTINGS } from './users-settings.ts';

export type PasswordJob = HashPasswordJob | CheckPasswordJob;

/** Salt 0, 1, 2, … and as hash the SHA-256 of salt and password: as good as scrypt for all but who attacks it. */
export class FakePasswords {
  #count = 0;

  readonly run = (job: PasswordJob): HashedPassword | CheckedPassword => {
    const token = this.#bytes(32);
    const { password, parameters } = job;
    const made = () => {
      const salt = this.#bytes(16);
      return { parameters, salt, hash: fakeHash(password, salt) };
    };
    if (job.type === 'hash-password') return { made: made(), token };
    const { salt, hash, parameters: before } = job.stored;
    const isRight = Buffer.compare(fakeHash(password, salt), hash) === 0;
    return isRight && before.N < parameters.N ? { isRight, renewed: made(), token } : { isRight, token };
  };

  #bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    bytes.writeUInt32BE(++this.#count, 0);
    return bytes;
  }
}

function fakeHash(password: Uint8Array, salt: Uint8Array): Buffer {
  return createHash('sha256').update(salt).update(password).digest();
}

export function realPasswords(job: PasswordJob): HashedPassword | CheckedPassword {
  return job.type === 'hash-password' ? hashPassword(job) : checkPassword(job);
}

export interface UsersHostsOptions extends Partial<UsersSettings> {
  readonly hosts?: number;
  readonly run?: (job: PasswordJob) => HashedPassword | CheckedPassword;
  /** In place of the actor itself. */
  readonly create?: (settings: UsersSettings) => UsersActor;
}

type Then = (admission: Admission) => void;

/** A session that has a client sign in, and notes what it hears. */
export class TestSession {
  readonly from: From;
  readonly notices: string[] = [];
  losses = 0;
  readonly acts: ((signIn: SignIn) => void)[] = [];
  #signIn: SignIn | undefined;

  constructor(from: From) {
    this.from = from;
  }

  get signIn(): SignIn {
    return this.#signIn ?? assert.fail('the session has not begun');
  }

  get parts(): ActorParts {
    return {
      started: (context) => {
        this.#signIn = new SignIn(hostOf(context), this.from);
      },
      receive: (message, context) => this.#receive(message as SessionMessage, context),
    };
  }

  #receive(message: SessionMessage, context: Context<unknown>): undefined {
    if (message.type === 'signed-out') {
      this.notices.push(message.reason);
      this.signIn.onNotice(message);
    } else if (message.type === 'directory-lost') {
      this.losses++;
      this.signIn.onDirectoryLost();
    } else if (message.type === 'answered') message.hear();
    else if (message.type === 'act') for (const act of this.acts.splice(0)) act(this.signIn);
    else context.stop();
  }
}

type SessionMessage =
  | UserNotice
  | DirectoryLost
  | { readonly type: 'answered'; readonly hear: () => void }
  | { readonly type: 'act' }
  | { readonly type: 'stop' };

function hostOf(context: Context<unknown>): SignInHost {
  return {
    ask: (address, command, timeoutMs, then) =>
      context.ask<UsersCommand, Admission>(context.refer(address), command, timeoutMs, (answer) => ({
        type: 'answered',
        hear: () => then(answer),
      })),
    watch: (address, message) => context.watch(context.refer(address), message),
    startTimer: (key, delayMs, message) => context.startTimer(key, delayMs, message),
  };
}

/** What has become of an ask; undefined while it waits. */
export interface Outcome<Reply> {
  value: Reply | undefined;
  /** When it came. */
  atMs: number;
}

const PATIENCE_MS = 60_000;
const STEP_MS = 100;

export class UsersHosts {
  readonly hosts: TestHosts;
  /** Jobs that were done, in order. */
  readonly jobs: PasswordJob[] = [];
  readonly settings: UsersSettings;
  readonly #options: UsersHostsOptions;
  readonly #run: (job: PasswordJob) => HashedPassword | CheckedPassword;
  #directory: UsersActor | undefined;
  #sessions = 0;

  constructor(options: UsersHostsOptions = {}) {
    const { hosts = 1, run = new FakePasswords().run, create: _, ...settings } = options;
    this.#options = options;
    this.settings = { ...USERS_SETTINGS, ...settings };
    this.#run = run;
    this.hosts = new TestHosts({ hosts });
    this.#startDirectory();
  }

  get directory(): UsersActor {
    return this.#directory ?? assert.fail('there is no directory');
  }

  get directoryHost(): number {
    return hostIndexOf(USERS_ADDRESS, this.hosts.hostCount);
  }

  /** In another host than the directory, if there is one. */
  session({ service = 'api', address = '10.0.0.1' } = {}): TestSession {
    const { hostCount } = this.hosts;
    let at: Address;
    do at = toAddress(`test/${++this.#sessions}`);
    while (hostCount > 1 && hostIndexOf(at, hostCount) === this.directoryHost);
    const session = new TestSession({ address, service, session: at });
    this.hosts.spawn(
      at,
      specOf(() => session.parts),
    );
    this.hosts.settle();
    return session;
  }

  /** Has the session do it in a message of its own. */
  act(session: TestSession, act: (signIn: SignIn) => void): void {
    session.acts.push(act);
    this.hosts.tell(session.from.session, { type: 'act' });
  }

  /** What the session is answered in the end. */
  admission(session: TestSession, act: (signIn: SignIn, then: Then) => void): Admission {
    let admission: Admission | undefined;
    this.act(session, (signIn) =>
      act(signIn, (answer) => {
        admission = answer;
      }),
    );
    return this.#until(() => admission);
  }

  /** Stops the session, as a connection that closes does. */
  stop(session: TestSession): void {
    this.hosts.tell(session.from.session, { type: 'stop' });
  }

  /** Asks the directory, as an operator or a session without an actor does; jobs are done by `work`. */
  ask<T extends UsersCommand['type']>(command: Extract<UsersCommand, { type: T }>): Outcome<UsersAnswers[T]> {
    const outcome: Outcome<UsersAnswers[T]> = { value: undefined, atMs: -1 };
    const deadlineMs = this.hosts.nowMs + PATIENCE_MS;
    const onAnswer = (answer: Answer<unknown>) => {
      outcome.value = outcomeOf(answer) as UsersAnswers[T];
      outcome.atMs = this.hosts.nowMs;
    };
    this.hosts.mainOf(this.directoryHost).ask(USERS_ADDRESS, command, onAnswer, deadlineMs);
    this.hosts.settle();
    return outcome;
  }

  /** What it is answered in the end. */
  answer<T extends UsersCommand['type']>(command: Extract<UsersCommand, { type: T }>): UsersAnswers[T] {
    const outcome = this.ask(command);
    return this.#until(() => outcome.value);
  }

  /** The jobs that the directory waits for. */
  get asked(): readonly PasswordJob[] {
    return this.#pending.map(({ message }) => message as PasswordJob);
  }

  /** Does the first job that is waited for; false if there is none. */
  workOne(): boolean {
    const asked = this.#pending.shift();
    if (asked === undefined) return false;
    assert.equal(asked.address, DESK_ADDRESS);
    const job = asked.message as PasswordJob;
    this.jobs.push(job);
    asked.reply(this.#run(job));
    this.hosts.settle();
    return true;
  }

  failOne(): void {
    const asked = this.#pending.shift() ?? assert.fail('nothing was asked');
    asked.fail({ code: 'ERR_UNEXPECTED', message: 'the job has failed', fields: {} });
    this.hosts.settle();
  }

  /** Does all that is waited for, without any time. */
  work(): void {
    while (this.workOne());
  }

  /** Its host is lost with all in it, and another has taken its place. */
  loseDirectory(): void {
    this.hosts.replace(this.directoryHost);
    this.hosts.settle();
  }

  /** After it was lost; `restore` makes it what it was. */
  startDirectory(restore: (directory: UsersActor) => void = () => {}): void {
    this.#startDirectory(restore);
    this.hosts.settle();
  }

  get #pending(): AskedOfMain[] {
    return this.hosts.mainOf(this.directoryHost).asked;
  }

  #startDirectory(restore: (directory: UsersActor) => void = () => {}): void {
    const { create = (settings: UsersSettings) => new UsersActor(settings) } = this.#options;
    this.hosts.spawn(USERS_ADDRESS, {
      create: () => {
        const directory = create(this.settings);
        restore(directory);
        this.#directory = directory;
        return directory;
      },
      supervision: ESCALATE_FAULT,
      isDurable: true,
    });
  }

  /** Does jobs, and lets time pass, until it is there. */
  #until<T>(value: () => T | undefined): T {
    for (let waitedMs = 0; waitedMs <= PATIENCE_MS; waitedMs += STEP_MS) {
      this.work();
      const found = value();
      if (found !== undefined) return found;
      this.hosts.advance(STEP_MS);
    }
    return assert.fail('nothing was answered');
  }
}

/** Of a sign-in or sign-up over the session of a test that has no actor. */
export function fromOf(address: string, service = 'gold'): From {
  return { address, service, session: toAddress('test/none') };
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
