/** The kinds of durable actors of all services: each new one is named here. */
import type { Address } from '../../src/values/address.ts';
import { STORED_EXCHANGE } from '../exchange/stored-exchange.ts';
import { STORED_GOLD } from '../gold/stored-gold.ts';
import { STORED_BANK } from '../ledger/stored-bank.ts';
import { STORED_LOBBY } from '../lobby/stored-lobby.ts';
import { STORED_USERS } from '../users/stored-users.ts';
import type { StoredKind } from './stored-kind.ts';

const KINDS: readonly StoredKind[] = [
  ...STORED_BANK,
  ...STORED_LOBBY,
  ...STORED_EXCHANGE,
  ...STORED_USERS,
  ...STORED_GOLD,
];

/** Undefined for actors that this program does not know: of those only the structure can be read. */
export function kindOf(address: Address): StoredKind | undefined {
  return KINDS.find((kind) => kind.isOf(address));
}
