/** What the actor that knows all connections is told and asked; see workers/lobby/registry.ts. */
import { type Address, toAddress } from '../values/address.ts';

export const REGISTRY_ADDRESS: Address = toAddress('lobby/registry');

/** Ended connections that are kept: the last ones. */
export const ENDED_KEPT = 10_000;

/** One connection of any service, as far as it is known. */
export interface ConnectionRecord {
  /** Counts all connections, over restarts of the server. */
  readonly number: number;
  /** What the present run of the server calls it. */
  readonly connection: number;
  readonly service: string;
  /** The client's address and port. */
  readonly address: string;
  /** What the service calls its client; empty if it does not. */
  readonly user: string;
  readonly sinceMs: number;
  /** Null while it is open. */
  readonly untilMs: number | null;
  /** Why it ended; empty if it ended in order. */
  readonly reason: string;
  readonly figures: ConnectionFigures;
}

export interface ConnectionFigures {
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly frames: number;
  /** Input that was ignored, by reason. */
  readonly ignored: Readonly<Record<string, number>>;
}

export type RegistryCommand =
  /**
   * These connections are open, and no others: the server has just started, or the registry's host was replaced.
   * Answered, if asked, with the number that the next connection may have.
   */
  | { readonly type: 'present'; readonly connections: readonly number[]; readonly timeMs: number }
  /** Also told by a session that knows its client's name; whichever comes first opens the record. */
  | {
      readonly type: 'opened';
      readonly connection: number;
      readonly service: string;
      readonly address: string;
      readonly sinceMs: number;
      readonly user?: string;
    }
  /** The first one counts; later ones only complete the figures. */
  | {
      readonly type: 'ended';
      readonly connection: number;
      readonly untilMs: number;
      readonly reason: string;
      readonly figures?: ConnectionFigures;
    }
  /** Answered with what RegistryAnswer says. */
  | ({ readonly type: 'list' } & RegistryQuery);

export interface RegistryQuery {
  readonly service?: string | undefined;
  readonly state?: 'open' | 'ended';
  /** Part of a user's name. */
  readonly user?: string | undefined;
  /** Part of an address. */
  readonly address?: string | undefined;
  /** The last ones. */
  readonly limit: number;
}

/** In the order of their numbers. */
export interface RegistryAnswer {
  readonly connections: readonly ConnectionRecord[];
  /** How many there are without the limit. */
  readonly total: number;
}
