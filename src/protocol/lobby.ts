/** What the lobby's hall is told and asked, and what it tells; see workers/lobby/hall.ts. */
import { type Address, toAddress } from '../values/address.ts';
import type { LobbyClient } from './api/operations.ts';
import type { ConnectionRecord, RegistryQuery } from './registry.ts';

export const LOBBY_SERVICE = 'lobby';
export const HALL_ADDRESS: Address = toAddress(`${LOBBY_SERVICE}/hall`);

/** What the operator is called, and nobody else. */
export const OPERATOR = 'Operator';

/** A client is called so and a number: the first that ever came is Client1. */
export const CLIENT_PREFIX = 'Client';

/** `session` is the address of whoever says it; the hall watches it, and forgets it when it has stopped. */
export type LobbyCommand =
  /** A text client wants in. With the name that it had before its session or the hall was lost, it is never refused. */
  | { readonly type: 'join'; readonly session: Address; readonly name?: string }
  | { readonly type: 'leave'; readonly session: Address }
  /** To everybody but `session`. One that calls itself OPERATOR is called by its address instead. */
  | { readonly type: 'say'; readonly session: Address; readonly from: string; readonly text: string }
  /** From now on the session is told what is said, without being in the lobby. Again, when the hall was lost. */
  | { readonly type: 'listen'; readonly session: Address }
  | { readonly type: 'unlisten'; readonly session: Address }
  /** The operator's word, to everybody. */
  | { readonly type: 'broadcast'; readonly text: string };

export interface LobbyAnswers {
  /** Null if there is no room. */
  readonly join: { readonly name: string | null };
  readonly leave: null;
  readonly say: Heard;
  readonly listen: null;
  readonly unlisten: null;
  readonly broadcast: Heard;
}

export interface Heard {
  /** How many were told. */
  readonly listeners: number;
}

/** What everybody in the lobby, and who listens, is told. Control characters are taken out of both texts. */
export interface LobbyNotice {
  readonly type: 'lobby-message';
  /** OPERATOR, if it is the operator's. */
  readonly from: string;
  readonly text: string;
  readonly timeMs: number;
}

/** Clients of the lobby that are told of: the last ones. */
export const CLIENTS_LISTED = 1000;

/** What the registry is asked for the lobby's clients, past ones too. */
export const CLIENTS_QUERY: RegistryQuery & { readonly type: 'list' } = {
  type: 'list',
  service: LOBBY_SERVICE,
  user: CLIENT_PREFIX,
  limit: CLIENTS_LISTED,
};

export function toLobbyClient({ user, sinceMs, untilMs }: ConnectionRecord): LobbyClient {
  return { name: user, sinceMs, untilMs };
}
