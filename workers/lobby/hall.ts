/**
 * Who is in the lobby, and who only listens. Pure. Only how many names were ever given lasts; who is present is told
 * anew by the sessions when the hall was lost.
 *
 * Invariant: a client that was let in is never refused again, so after a loss there may be more than `clientsMax`.
 */
import { CLIENT_PREFIX, OPERATOR } from '../../src/protocol/lobby.ts';
import type { Address } from '../../src/values/address.ts';

export type HallEvent =
  /** The name with this number is taken. */
  { readonly type: 'named'; readonly number: number };

export class Hall {
  readonly #clientsMax: number;
  /** The highest number that a name was given with. */
  #count = 0;
  /** Names of those in the lobby, by session. */
  readonly #clients = new Map<Address, string>();
  readonly #listeners = new Set<Address>();

  constructor(clientsMax: number) {
    this.#clientsMax = clientsMax;
  }

  get count(): number {
    return this.#count;
  }

  set count(count: number) {
    this.#count = count;
  }

  /** Everybody but `session`. */
  othersThan(session?: Address): Address[] {
    const all = new Set([...this.#clients.keys(), ...this.#listeners]);
    if (session !== undefined) all.delete(session);
    return [...all];
  }

  /** Lets a client in, with the name that it had if it had one; null if there is no room. */
  enter(session: Address, name = this.#clients.get(session)): string | null {
    if (name === undefined && this.#clients.size >= this.#clientsMax) return null;
    const given = name ?? `${CLIENT_PREFIX}${this.#count + 1}`;
    this.#clients.set(session, given);
    return given;
  }

  /**
   * The name under which a session's word is passed on: that of a client, or the one that a client of another service has
   * chosen, unless it could be taken for an operator, for a client of the lobby, or for a part of the message.
   */
  speakerOf(session: Address, chosen: string): string {
    const isFree = SPEAKER.test(chosen) && !RESERVED.test(chosen);
    return this.#clients.get(session) ?? (isFree ? chosen : session);
  }

  leave(session: Address): void {
    this.#clients.delete(session);
  }

  listen(session: Address): void {
    this.#listeners.add(session);
  }

  unlisten(session: Address): void {
    this.#listeners.delete(session);
  }

  /** What is to last of it that a client is called so. */
  decide(name: string): readonly HallEvent[] {
    const number = numberIn(name);
    return number > this.#count ? [{ type: 'named', number }] : [];
  }

  apply({ number }: HallEvent): void {
    this.#count = number;
  }
}

const SPEAKER = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,31}$/u;
const RESERVED = new RegExp(`^(${OPERATOR}|${CLIENT_PREFIX} ?\\d)`, 'i');

/** 0 if it is no name that the hall has given. */
function numberIn(name: string): number {
  const number = name.startsWith(CLIENT_PREFIX) ? Number(name.slice(CLIENT_PREFIX.length)) : 0;
  return Number.isSafeInteger(number) ? number : 0;
}
