/**
 * Users, as a client of the library sees them: who signs in over it. A user stays signed in over new connections, until he
 * is signed out or his token is worth nothing any more.
 */
import type { UserInfo } from '../src/protocol/api/frames.ts';
import type { SignInReply } from '../src/protocol/api/operations.ts';
import type { UserSession } from '../src/protocol/users.ts';
import type { Calls } from './calls.ts';
import type { CallOptions } from './pending.ts';

/** `token` is for `connect({ session: token })`, until `expiresMs`: whoever has it is that user, so keep it as a password. */
export type SignedIn = SignInReply;

export class Users {
  readonly #calls: Calls;
  /** What the next connection begins with. */
  #token: string | undefined;

  /** For the library; programs `connect`. */
  constructor(calls: Calls, token: string | undefined) {
    this.#calls = calls;
    this.#token = token;
  }

  /** Under which new connections are made; undefined if nobody is signed in. */
  get token(): string | undefined {
    return this.#token;
  }

  /**
   * Makes an account and signs in. Rejects with ERR_USER_EXISTS, ERR_USER_NAME or ERR_USER_PASSWORD, with ERR_USER_SIGN_UP if
   * only operators may, and with ERR_CONNECTION_LOST if nobody knows whether it was made: `signIn` finds out.
   */
  async signUp(name: string, password: string, options?: CallOptions): Promise<SignedIn> {
    return this.#keep(await this.#calls.request('users.sign-up', { name, password }, options));
  }

  /**
   * Signs in; who was signed in over this client before is not any more. Rejects with ERR_USER_DENIED if the name or the
   * password is wrong, and with ERR_USER_LIMIT after too many wrong attempts: `fields.waitMs` says how long to wait.
   */
  async signIn(name: string, password: string, options?: CallOptions): Promise<SignedIn> {
    return this.#keep(await this.#calls.request('users.sign-in', { name, password }, options));
  }

  /** Ends this session and its token. */
  async signOut(options?: CallOptions): Promise<void> {
    await this.#calls.request('users.sign-out', {}, options);
    this.onSignedOut();
  }

  /** Ends every session of the user, this one too, and all tokens; resolves to how many sessions they were. */
  async signOutEverywhere(options?: CallOptions): Promise<number> {
    const { ended } = await this.#calls.request('users.sign-out-everywhere', {}, options);
    this.onSignedOut();
    return ended;
  }

  /** Ends all other sessions and all tokens, and resolves to a new one. Rejects with ERR_USER_DENIED if `password` is wrong. */
  async changePassword(password: string, newPassword: string, options?: CallOptions): Promise<SignedIn> {
    const params = { password, newPassword };
    return this.#keep(await this.#calls.request('users.change-password', params, options));
  }

  /** Where the user is signed in. */
  sessions(options?: CallOptions): Promise<readonly UserSession[]> {
    return this.#calls.request('users.sessions', {}, options);
  }

  /** Who is signed in; null if nobody is. */
  me(options?: CallOptions): Promise<UserInfo | null> {
    return this.#calls.request('users.me', {}, options);
  }

  /** For the library: the token is worth nothing any more. */
  onSignedOut(): void {
    this.#token = undefined;
  }

  #keep(signedIn: SignedIn): SignedIn {
    this.#token = signedIn.token;
    return signedIn;
  }
}
