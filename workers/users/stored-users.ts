/** The directory of users, for the commands on a data folder. */
import type { StoredKind } from '../data/stored-kind.ts';

export const STORED_USERS: readonly StoredKind[] = [];
