/**
 * How a session has its client sign in, and knows who it is.
 *
 * The directory answers a session, and tells it of a sign-out, in the order in which it decides: so who is signed in here
 * follows from what came last. When the directory was lost it knows of no session any more, and each one whose client
 * is signed in attends again:
 *
 *     idle ── asks ──► watching ── the directory is lost ──► waiting ── a second later ──► idle, or it attends again
 */
import {
  type Admission,
  type From,
  REFUSALS,
  type SignedInUser,
  USERS_ADDRESS,
  type UserNotice,
  type UsersCommand,
} from '../../src/protocol/users.ts';
import type { Address } from '../../src/values/address.ts';
import { passwordBytes, userName } from '../../src/values/user-name.ts';
import type { Answer } from '../runtime/actor.ts';

/** What a session hands to `onDirectoryLost`. */
export interface DirectoryLost {
  readonly type: 'directory-lost';
}

/** What a session does for it. */
export interface SignInHost {
  ask(
    address: Address,
    command: UsersCommand,
    timeoutMs: number,
    then: (answer: Answer<Admission>) => void,
  ): void;
  watch(address: Address, message: DirectoryLost): void;
  startTimer(key: string, delayMs: number, message: DirectoryLost): void;
}

type Then = (admission: Admission) => void;
/** What is asked beside who asks. */
type Asked = UsersCommand extends infer Command
  ? Command extends From
    ? Omit<Command, keyof From>
    : never
  : never;

/** Longer than all that may wait for a hash take. */
const TIMEOUT_MS = 30_000;
const ATTEND_AGAIN_MS = 1000;
const TIMER = 'sign-in';
/** Why an ask fails whose actor is lost, of which its watchers hear. */
const LOST: ReadonlySet<string> = new Set(['ERR_HOST_LOST', 'ERR_ASK_NO_ACTOR', 'ERR_ASK_STOPPED']);
const BUSY: Admission = { ok: false, refusal: REFUSALS.busy };

/** The client's address without its port, as `From` has it: `127.0.0.1`, `::1`, `in-process`. */
export function withoutPort(remoteAddress: string): string {
  return remoteAddress.replace(/:\d+$/, '');
}

export class SignIn {
  readonly #host: SignInHost;
  readonly #from: From;
  #state: 'idle' | 'watching' | 'waiting' = 'idle';
  /** How often the directory was lost. */
  #losses = 0;
  #user: SignedInUser | undefined;
  /** Whose session is to be taken up, until the directory has answered. */
  #attending: { readonly id: number; readonly epoch: number; readonly then: Then } | undefined;

  constructor(host: SignInHost, from: From) {
    this.#host = host;
    this.#from = from;
  }

  get user(): SignedInUser | undefined {
    return this.#user;
  }

  /** `then` is called within this call where there is nothing to ask: of what nobody can be called, or have as password. */
  signIn(name: string, password: string, then: Then, wantsToken = false): void {
    const known = userName(name);
    const bytes = passwordBytes(password);
    if (known === undefined || bytes === undefined) then({ ok: false, refusal: REFUSALS.denied });
    else this.#admit({ type: 'sign-in', name: known, password: bytes, wantsToken }, then);
  }

  /** As `signIn` is. Whoever signs up is signed in. */
  signUp(name: string, password: string, then: Then): void {
    const wanted = userName(name);
    const bytes = passwordBytes(password);
    if (wanted === undefined) then({ ok: false, refusal: REFUSALS.name });
    else if (bytes === undefined) then({ ok: false, refusal: REFUSALS.password });
    else this.#admit({ type: 'sign-up', name: wanted, password: bytes }, then);
  }

  /** Of who is signed in, whose other sessions end. */
  changePassword(password: string, newPassword: string, then: Then): void {
    const { id } = this.#user ?? {};
    const bytes = passwordBytes(password);
    const newBytes = passwordBytes(newPassword);
    if (id === undefined) then({ ok: false, refusal: REFUSALS.signedOut });
    else if (newBytes === undefined) then({ ok: false, refusal: REFUSALS.password });
    else if (bytes === undefined) then({ ok: false, refusal: REFUSALS.denied });
    else this.#admit({ type: 'change-password', id, password: bytes, newPassword: newBytes }, then);
  }

  resume(token: string, then: Then): void {
    this.#admit({ type: 'resume', token }, then);
  }

  /**
   * Takes up a session that was lost with its host; `then` is called when the directory has answered, however long it
   * is away. A refusal is followed by the notice, as whenever somebody is signed out.
   */
  attend(id: number, epoch: number, then: Then): void {
    this.#attending = { id, epoch, then };
    this.#attend();
  }

  /** Ends what was resumed or signed in here, and its token. */
  signOut(token?: string): void {
    this.#user = undefined;
    this.#attending = undefined;
    const command: UsersCommand = {
      type: 'sign-out',
      ...(token === undefined ? {} : { token }),
      ...this.#from,
    };
    // A sign-in whose answer was on its way comes ahead of this one.
    this.#host.ask(USERS_ADDRESS, command, TIMEOUT_MS, ({ ok }) => {
      if (ok) this.#user = undefined;
    });
  }

  /** For the message of `watch`, and of the timer. */
  onDirectoryLost(): void {
    if (this.#state === 'watching') this.#wait();
    else if (this.#state === 'waiting') {
      this.#state = 'idle';
      this.#attend();
    }
  }

  onNotice(_notice: UserNotice): void {
    this.#user = undefined;
  }

  #wait(): void {
    this.#losses++;
    this.#state = 'waiting';
    this.#host.startTimer(TIMER, ATTEND_AGAIN_MS, { type: 'directory-lost' });
  }

  #attend(): void {
    const wanted = this.#attending ?? this.#user;
    if (wanted === undefined) return;
    const { id, epoch } = wanted;
    this.#ask({ type: 'attend', id, epoch }, (answer) => {
      if (!answer.ok) {
        if (!LOST.has(answer.error.code) && this.#state === 'watching') this.#wait();
        return;
      }
      // Somebody else has signed in meanwhile, or nobody wants to know any more.
      if (wanted !== (this.#attending ?? this.#user)) return;
      if (answer.value.ok) this.#user = answer.value.user;
      const { then } = this.#attending ?? {};
      this.#attending = undefined;
      then?.(answer.value);
    });
  }

  #admit(command: Asked, then: Then): void {
    this.#ask(command, (answer) => {
      const admission = answer.ok ? answer.value : BUSY;
      if (admission.ok) this.#user = admission.user;
      then(admission);
    });
  }

  #ask(asked: Asked, then: (answer: Answer<Admission>) => void): void {
    // Ahead of the question: a directory that is lost behind its answer is noticed too.
    if (this.#state === 'idle') {
      this.#state = 'watching';
      this.#host.watch(USERS_ADDRESS, { type: 'directory-lost' });
    }
    const losses = this.#losses;
    const command = { ...asked, ...this.#from } as UsersCommand;
    this.#host.ask(USERS_ADDRESS, command, TIMEOUT_MS, (answer) => {
      then(answer);
      // The notice overtakes the answer: the directory that has given it is gone, and the new one was not told.
      if (answer.ok && answer.value.ok && losses !== this.#losses && this.#state !== 'waiting')
        this.#attend();
    });
  }
}
