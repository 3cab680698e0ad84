/**
 * Administration, as a client of the library sees it. All of it is for operators: connect with their token, or every call
 * rejects with ERR_API_DENIED.
 */
import type {
  AdminSession,
  AdminStatus,
  LimitInForce,
  ParamsOf,
  ReplyOf,
} from '../src/protocol/api/operations.ts';
import type { Role } from '../src/protocol/users.ts';
import type { Calls } from './calls.ts';
import type { CallOptions } from './pending.ts';

export type SessionsQuery = ParamsOf<'admin.sessions'>;
export type ActorsQuery = ParamsOf<'admin.actors'>;
export type DeadLettersQuery = ParamsOf<'admin.dead-letters'>;
export type DeadLetters = ReplyOf<'admin.dead-letters'>;
export type Actors = ReplyOf<'admin.actors'>;

export type UsersQuery = ParamsOf<'admin.users'>;
export type UserList = ReplyOf<'admin.users'>;

export interface Sessions {
  readonly sessions: readonly AdminSession[];
  /** How many there are without the limit. */
  readonly total: number;
}

export class Admin {
  readonly #calls: Calls;

  /** For the library; programs `connect`. */
  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** The server as a whole. */
  status(options?: CallOptions): Promise<AdminStatus> {
    return this.#calls.request('admin.status', {}, options);
  }

  /** Connections of all services, open or ended. */
  sessions(query: SessionsQuery = {}, options?: CallOptions): Promise<Sessions> {
    return this.#calls.request('admin.sessions', query, options);
  }

  /** Closes a connection; false if it was not open. The reason is for the log. */
  async kick(connection: number, reason?: string, options?: CallOptions): Promise<boolean> {
    const { isKicked } = await this.#calls.request('admin.kick', { connection, reason }, options);
    return isKicked;
  }

  /** Tells all clients of the lobby; resolves to how many they were. */
  async broadcast(text: string, options?: CallOptions): Promise<number> {
    const { listeners } = await this.#calls.request('admin.broadcast', { text }, options);
    return listeners;
  }

  /** Writes the balances to a file of the server; resolves to its path there. */
  async report(options?: CallOptions): Promise<string> {
    const { path } = await this.#calls.request('admin.report', {}, options);
    return path;
  }

  /** Every limit in force, and how much of it is used. */
  limits(options?: CallOptions): Promise<readonly LimitInForce[]> {
    return this.#calls.request('admin.limits', {}, options);
  }

  /** Messages that could not be handled: counts by reason, and the last ones. */
  deadLetters(query: DeadLettersQuery = {}, options?: CallOptions): Promise<DeadLetters> {
    return this.#calls.request('admin.dead-letters', query, options);
  }

  /** The server's actors, those with the most messages waiting first. */
  actors(query: ActorsQuery = {}, options?: CallOptions): Promise<Actors> {
    return this.#calls.request('admin.actors', query, options);
  }

  /** Those who have an account, by their names: 100 of them without a limit. */
  users(query: UsersQuery = {}, options?: CallOptions): Promise<UserList> {
    return this.#calls.request('admin.users', query, options);
  }

  /** Makes an account. Rejects with ERR_USER_EXISTS, ERR_USER_NAME or ERR_USER_PASSWORD. */
  async addUser(name: string, password: string, role?: Role, options?: CallOptions): Promise<void> {
    await this.#calls.request('admin.user-add', { name, password, role }, options);
  }

  /**
   * Gives a user another password; resolves to how many of his sessions have ended. Rejects with ERR_USER_MISSING if there is
   * no such user, as all that follows does.
   */
  async setUserPassword(name: string, password: string, options?: CallOptions): Promise<number> {
    const { ended } = await this.#calls.request('admin.user-password', { name, password }, options);
    return ended;
  }

  /** Makes a user an operator, or makes an operator a user; resolves to how many of his sessions have ended. */
  async setUserRole(name: string, role: Role, options?: CallOptions): Promise<number> {
    const { ended } = await this.#calls.request('admin.user-role', { name, role }, options);
    return ended;
  }

  /** The user can sign in no more; resolves to how many of his sessions have ended. */
  async disableUser(name: string, options?: CallOptions): Promise<number> {
    const { ended } = await this.#calls.request('admin.user-disable', { name }, options);
    return ended;
  }

  /** The user may sign in again. */
  async enableUser(name: string, options?: CallOptions): Promise<void> {
    await this.#calls.request('admin.user-enable', { name }, options);
  }

  /** Signs a user out everywhere; resolves to how many sessions have ended. */
  async signUserOut(name: string, options?: CallOptions): Promise<number> {
    const { ended } = await this.#calls.request('admin.user-sign-out', { name }, options);
    return ended;
  }

  /** Ends the server in order; `message` is for its clients. Resolves when it has begun to. */
  async shutdown(message?: string, options?: CallOptions): Promise<void> {
    await this.#calls.request('admin.shutdown', { message }, options);
  }
}
