/** What the main thread and the bank's actors say to each other. The bank's wire is in workers/ledger/bank-lines.ts. */
import { type Address, toAddress } from '../values/address.ts';

/** Ledger shards in the whole server. Part of the meaning of a stored ledger: never change it. */
export const LEDGER_SHARDS = 16;

/** Where the accounts live. */
export const LEDGER_ADDRESSES: readonly Address[] = Array.from({ length: LEDGER_SHARDS }, (_, shard) =>
  toAddress(`ledger/${shard}`),
);

/** Where discarded lines are counted. */
export const TALLY_ADDRESS = toAddress('bank/tally');

/** Why a line is discarded, in the order in which it is examined; the last one is the connection's. */
export const DISCARD_REASONS = [
  'line-too-long',
  'empty',
  'not-three-fields',
  'name',
  'type',
  'amount',
  'amount-too-large',
  'too-many-accounts',
  'balance-out-of-range',
  'cut-off',
] as const;
export type DiscardReason = (typeof DISCARD_REASONS)[number];
export type DiscardCounts = Partial<Record<DiscardReason, number>>;

/** Answered with the shard's accounts, as workers/ledger/balances.ts has them, or with how many lines it has applied. */
export type LedgerCommand = { readonly type: 'balances' } | { readonly type: 'applied' };

export type TallyCommand =
  | { readonly type: 'discarded'; readonly counts: DiscardCounts }
  | { readonly type: 'report' };
/** What has been discarded since the start. */
export type TallyReport = DiscardCounts;
