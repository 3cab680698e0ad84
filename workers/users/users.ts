/**
 * All users: who there is, as what, and the tokens that open sessions. Pure: the questions say what would happen,
 * `apply` makes it so.
 *
 * Invariants: ids count from 1 and are never used again; no two names have the same key; a user has TOKENS_MAX tokens at
 * most, in the order in which they were opened, and none while disabled. A record is never changed, only replaced, so
 * that the state is frozen by copying the list.
 */
import type { Role, ScryptParameters } from '../../src/protocol/users.ts';
import { copyOf } from '../../src/values/copy-of.ts';
import { userKey } from '../../src/values/user-name.ts';

/** One more ends the oldest. */
export const TOKENS_MAX = 32;
/** `lastMs` is no more exact, so that signing in often stores little. */
const SEEN_EVERY_MS = 86_400_000;

/** Salt and hash are base64, so that an export can show them and an import take them back. */
export interface StoredHash {
  readonly parameters: ScryptParameters;
  readonly salt: string;
  readonly hash: string;
}

export interface UserToken {
  /** SHA-256 of the token, in hexadecimal: the token itself is nowhere. */
  readonly hash: string;
  readonly service: string;
  readonly address: string;
  readonly sinceMs: number;
  readonly expiresMs: number;
}

export interface User {
  readonly id: number;
  /** As it was signed up. */
  readonly name: string;
  readonly role: Role;
  readonly hash: StoredHash;
  readonly isDisabled: boolean;
  /** Rises when all must sign in again. */
  readonly epoch: number;
  readonly sinceMs: number;
  /** When somebody was signed in last, to a day; null for never. */
  readonly lastMs: number | null;
  readonly tokens: readonly UserToken[];
}

export type UsersEvent =
  | {
      readonly type: 'created';
      readonly id: number;
      readonly name: string;
      readonly role: Role;
      readonly hash: StoredHash;
      readonly timeMs: number;
    }
  /** The same password, hashed anew. */
  | { readonly type: 'rehashed'; readonly id: number; readonly hash: StoredHash }
  /** Ends all tokens. */
  | { readonly type: 'password-changed'; readonly id: number; readonly hash: StoredHash }
  /** Ends all tokens. */
  | { readonly type: 'role-changed'; readonly id: number; readonly role: Role }
  /** Ends all tokens. */
  | { readonly type: 'disabled'; readonly id: number }
  | { readonly type: 'enabled'; readonly id: number }
  /** Ends all tokens. */
  | { readonly type: 'sessions-ended'; readonly id: number }
  | {
      readonly type: 'token-opened';
      readonly id: number;
      readonly hash: string;
      readonly service: string;
      readonly address: string;
      readonly timeMs: number;
      readonly expiresMs: number;
    }
  | { readonly type: 'token-ended'; readonly hash: string }
  | { readonly type: 'seen'; readonly id: number; readonly timeMs: number };

/** What is frozen at once, to be written later. */
export interface UsersState {
  readonly nextId: number;
  readonly users: readonly User[];
}

interface KnownToken {
  /** Of its user. */
  readonly id: number;
  readonly token: UserToken;
}

export class Users {
  #nextId = 1;
  readonly #users = new Map<number, User>();
  /** Ids by the keys of names. */
  readonly #ids = new Map<string, number>();
  /** By their hashes, those that were opened first ahead. */
  readonly #tokens = new Map<string, KnownToken>();

  get size(): number {
    return this.#users.size;
  }

  get tokenCount(): number {
    return this.#tokens.size;
  }

  /** What the next user will be called. */
  get nextId(): number {
    return this.#nextId;
  }

  find(name: string): User | undefined {
    const id = this.#ids.get(userKey(name.normalize('NFC')));
    return id === undefined ? undefined : this.#users.get(id);
  }

  byId(id: number): User | undefined {
    return this.#users.get(id);
  }

  byToken(hash: string): { readonly user: User; readonly token: UserToken } | undefined {
    const known = this.#tokens.get(hash);
    return known && { user: this.#must(known.id), token: known.token };
  }

  /** The last `limit` of those whose names have `filter` in them, and how many there are without the limit. */
  list(limit: number, filter = ''): { readonly users: readonly User[]; readonly total: number } {
    const part = userKey(filter);
    const found = [...this.#users.values()].filter(({ name }) => userKey(name).includes(part));
    return { users: found.slice(Math.max(0, found.length - limit)), total: found.length };
  }

  /** Opens a token beside `others`, those that its user has by then. */
  openToken(id: number, token: UserToken, others: readonly UserToken[]): UsersEvent[] {
    const { hash, service, address, sinceMs: timeMs, expiresMs } = token;
    const ended = others.slice(0, Math.max(0, others.length + 1 - TOKENS_MAX));
    return [
      ...ended.map((oldest): UsersEvent => ({ type: 'token-ended', hash: oldest.hash })),
      { type: 'token-opened', id, hash, service, address, timeMs, expiresMs },
    ];
  }

  see({ id, lastMs }: Pick<User, 'id' | 'lastMs'>, timeMs: number): UsersEvent[] {
    return lastMs !== null && timeMs - lastMs < SEEN_EVERY_MS ? [] : [{ type: 'seen', id, timeMs }];
  }

  /** Ends the first tokens that have expired, `limit` at most. */
  expire(timeMs: number, limit: number): UsersEvent[] {
    const events: UsersEvent[] = [];
    for (const [hash, { token }] of this.#tokens) {
      if (token.expiresMs > timeMs || events.length === limit) break;
      events.push({ type: 'token-ended', hash });
    }
    return events;
  }

  /** Throws a RangeError if that can't have happened. */
  apply(event: UsersEvent): void {
    switch (event.type) {
      case 'created':
        this.#create(event);
        break;
      case 'rehashed':
        this.#replace(event.id, () => ({ hash: hashOf(event.hash) }));
        break;
      case 'password-changed':
        this.#endTokens(event.id, ({ epoch }) => ({ hash: hashOf(event.hash), epoch: epoch + 1 }));
        break;
      case 'role-changed':
        this.#endTokens(event.id, ({ epoch }) => ({ role: event.role, epoch: epoch + 1 }));
        break;
      case 'disabled':
        this.#endTokens(event.id, ({ epoch }) => ({ isDisabled: true, epoch: epoch + 1 }));
        break;
      case 'enabled':
        this.#replace(event.id, () => ({ isDisabled: false }));
        break;
      case 'sessions-ended':
        this.#endTokens(event.id, ({ epoch }) => ({ epoch: epoch + 1 }));
        break;
      case 'token-opened':
        this.#addToken(event);
        break;
      case 'token-ended':
        this.#endToken(event.hash);
        break;
      case 'seen':
        this.#replace(event.id, () => ({ lastMs: event.timeMs }));
        break;
    }
  }

  freeze(): UsersState {
    return { nextId: this.#nextId, users: [...this.#users.values()] };
  }

  /** Only at the beginning. */
  restore({ nextId, users }: UsersState): void {
    this.#nextId = nextId;
    const tokens: KnownToken[] = [];
    for (const user of users) {
      this.#users.set(user.id, user);
      this.#ids.set(userKey(user.name), user.id);
      for (const token of user.tokens) tokens.push({ id: user.id, token });
    }
    tokens.sort((left, right) => left.token.sinceMs - right.token.sinceMs);
    for (const known of tokens) this.#tokens.set(known.token.hash, known);
  }

  #create({ id, name, role, hash, timeMs }: UsersEvent & { type: 'created' }): void {
    if (id !== this.#nextId) throw new RangeError(`the next user is ${this.#nextId}, not ${id}`);
    const key = userKey(name);
    if (this.#ids.has(key)) throw new RangeError(`the name of user ${id} is taken`);
    this.#nextId++;
    this.#ids.set(copyOf(key), id);
    this.#users.set(id, {
      id,
      name: copyOf(name),
      role,
      hash: hashOf(hash),
      isDisabled: false,
      epoch: 0,
      sinceMs: timeMs,
      lastMs: null,
      tokens: [],
    });
  }

  #addToken({ id, hash, service, address, timeMs, expiresMs }: UsersEvent & { type: 'token-opened' }): void {
    const user = this.#must(id);
    if (this.#tokens.has(hash)) throw new RangeError(`user ${id} has a token that was there before`);
    if (user.isDisabled) throw new RangeError(`user ${id} is disabled, and has a token`);
    if (user.tokens.length >= TOKENS_MAX)
      throw new RangeError(`user ${id} has more tokens than ${TOKENS_MAX}`);
    const token: UserToken = {
      hash: copyOf(hash),
      service: copyOf(service),
      address: copyOf(address),
      sinceMs: timeMs,
      expiresMs,
    };
    this.#tokens.set(token.hash, { id, token });
    this.#replace(id, ({ tokens }) => ({ tokens: [...tokens, token] }));
  }

  #endToken(hash: string): void {
    const known = this.#tokens.get(hash);
    if (known === undefined) throw new RangeError('a token has ended that is not there');
    this.#tokens.delete(hash);
    this.#replace(known.id, ({ tokens }) => ({ tokens: tokens.filter((token) => token.hash !== hash) }));
  }

  #endTokens(id: number, changes: (user: User) => Partial<User>): void {
    for (const { hash } of this.#must(id).tokens) this.#tokens.delete(hash);
    this.#replace(id, (user) => ({ ...changes(user), tokens: [] }));
  }

  #replace(id: number, changes: (user: User) => Partial<User>): void {
    const user = this.#must(id);
    this.#users.set(id, { ...user, ...changes(user) });
  }

  #must(id: number): User {
    return this.#users.get(id) ?? missing(id);
  }
}

function missing(id: number): never {
  throw new RangeError(`there is no user ${id}`);
}

/** For keeping: what was cut out of a batch keeps all of it in memory. */
function hashOf({ parameters: { N, r, p }, salt, hash }: StoredHash): StoredHash {
  return { parameters: { N, r, p }, salt: copyOf(salt), hash: copyOf(hash) };
}
