/** The store of gold rates, for the commands on a data folder. */
import type { StoredKind } from '../data/stored-kind.ts';

export const STORED_GOLD: readonly StoredKind[] = [];
