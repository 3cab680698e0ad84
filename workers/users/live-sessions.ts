/** The sessions whose clients are signed in at the moment. Pure. */
import type { Address } from '../../src/values/address.ts';

export interface LiveSession {
  readonly session: Address;
  /** Of its user. */
  readonly id: number;
  readonly service: string;
  readonly address: string;
  readonly sinceMs: number;
  /** The hash of its token, if it has one. */
  readonly token: string | undefined;
}

export class LiveSessions {
  readonly #sessions = new Map<Address, LiveSession>();
  /** By user. Invariant: none of them is empty. */
  readonly #ofUsers = new Map<number, Set<Address>>();

  get size(): number {
    return this.#sessions.size;
  }

  find(session: Address): LiveSession | undefined {
    return this.#sessions.get(session);
  }

  of(id: number): LiveSession[] {
    return [...(this.#ofUsers.get(id) ?? [])].map((session) => this.#sessions.get(session) as LiveSession);
  }

  /** In place of whoever was signed in over it. */
  enter(live: LiveSession): void {
    this.leave(live.session);
    this.#sessions.set(live.session, live);
    const sessions = this.#ofUsers.get(live.id) ?? new Set();
    this.#ofUsers.set(live.id, sessions.add(live.session));
  }

  /** Removes it, and returns it if it was there. */
  leave(session: Address): LiveSession | undefined {
    const live = this.#sessions.get(session);
    if (live === undefined) return undefined;
    this.#sessions.delete(session);
    const others = this.#ofUsers.get(live.id);
    others?.delete(session);
    if (others?.size === 0) this.#ofUsers.delete(live.id);
    return live;
  }
}
