/** What the main thread asks of each host about its actors; see workers/runtime/inspector.ts. */
import { type Address, toAddress } from '../values/address.ts';
import type { ActorRow, DeadLetterRow } from './api/operations.ts';

/** There is one in each host, whatever the address says: only the main thread asks it, over the host's own link. */
export const INSPECTOR_ADDRESS: Address = toAddress('host/inspector');

export type InspectorCommand =
  /** Rates are counted from here on. */
  | { readonly type: 'sample' }
  | { readonly type: 'actors'; readonly filter: string; readonly sort: ActorSort; readonly limit: number }
  | { readonly type: 'dead-letters'; readonly limit: number };

export type ActorSort = 'address' | 'depth' | 'rate' | 'handled' | 'restarts';

export interface ActorsAnswer {
  /** The first ones in the order that was asked for. */
  readonly actors: readonly ActorRow[];
  /** How many there are without the limit. */
  readonly total: number;
}

export interface DeadLettersAnswer {
  readonly counts: Readonly<Record<string, number>>;
  /** The latest ones, oldest first. */
  readonly recent: readonly DeadLetterRow[];
}
