/** What the main thread and the bank's actors say to each other. The bank's wire is in workers/ledger/bank-lines.ts. */
import { type Address, toAddress } from '../values/address.ts';

/** Bytes of an account's name. */
export const NAME_LENGTH_MAX = 64;

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

/**
 * What a ledger shard is asked:
 *     balances      answered with its accounts, as workers/ledger/balances.ts has them
 *     some-balances answered with SomeBalances: so many accounts, or those that are left
 *     figures       answered with what its state amounts to
 *     balance       answered with the cents of the account of that name, null if there is none; it is not opened
 *     open-upload   answered with the upload as the shard knows it, a new one if it does not; `claim`, to the home of
 *                   the upload, makes the session that asks the one that goes on with it
 *     claim-key     answered with a PostOutcome: nothing is posted, but from now on the key stands for a request of that
 *                   fingerprint and no other. One shard, the key's home, is asked before any of them posts
 *     post          answered with a PostOutcome when all is stored. `postings` are as workers/ledger/postings.ts has
 *                   them, each with the index of its transaction in the request. What they have refused is told to
 *                   nobody else. With a key that the shard remembers nothing is posted: the outcome is that of the
 *                   first time if the postings are the same, a conflict if not
 * and told:
 *     say-mark      the lines `from` to `to` of an upload have all been sent; the session is told with `marked` when they
 *                   are stored
 *     release       `session` does not go on with the upload any more
 *     forget-upload
 */
export type LedgerCommand =
  | { readonly type: 'balances' }
  | { readonly type: 'some-balances'; readonly from: LedgerCursor; readonly accounts: number }
  | { readonly type: 'figures' }
  | { readonly type: 'balance'; readonly name: Uint8Array }
  | { readonly type: 'open-upload'; readonly id: string; readonly claim?: string }
  | { readonly type: 'claim-key'; readonly key: string; readonly fingerprint: number }
  | { readonly type: 'post'; readonly key?: string; readonly postings: Uint8Array }
  | {
      readonly type: 'say-mark';
      readonly upload: number;
      readonly from: number;
      readonly to: number;
      readonly session: string;
    }
  | { readonly type: 'release'; readonly id: string; readonly session: string }
  | { readonly type: 'forget-upload'; readonly id: string };

/** Accounts in the order in which they were opened: the next one, and where its name begins. */
export interface LedgerCursor {
  readonly account: number;
  readonly word: number;
}

export interface SomeBalances {
  /** As workers/ledger/balances.ts has them; none if there are no more. */
  readonly balances: Uint8Array;
  readonly next: LedgerCursor;
}

export interface LedgerFigures {
  readonly accounts: number;
  /** Postings that were ever applied. */
  readonly transactions: number;
  /** Those of which the shard is the home. */
  readonly uploads: number;
  /** Idempotency keys that are remembered. */
  readonly keys: number;
}

/** What became of a `post`: by index in the request, in ascending order, what was refused, or nothing was posted at all. */
export type PostOutcome =
  | { readonly type: 'posted'; readonly refused: readonly (readonly [index: number, DiscardReason])[] }
  | { readonly type: 'key-conflict' };

/** What an idempotency key looks like; whoever takes one from a client checks it. */
export const IDEMPOTENCY_KEY = /^[\x21-\x7e][\x20-\x7e]{0,126}$/;

/** In one request: what it asks of one shard, 800 KB at the most, is a part of a turn. Stored outcomes may be as long. */
export const REQUEST_TRANSACTIONS_MAX = 10_000;

export interface FoundUpload {
  readonly number: number;
  readonly mark: number;
  /** Those that the shard keeps, as workers/ledger/uploads.ts packs them. */
  readonly discards: readonly number[];
}

/** What a session that takes an upload is told by shards. */
export type UploadNotice =
  /** Everything up to `line` is done, but `discards` were refused; `isGap` if something was lost on the way instead. */
  | {
      readonly type: 'marked';
      readonly shard: number;
      /** Its number in the shard. */
      readonly upload: number;
      readonly line: number;
      readonly isGap: boolean;
      readonly discards: readonly number[];
    }
  /** Another connection goes on with the upload. */
  | { readonly type: 'taken-over' };

export type TallyCommand =
  | { readonly type: 'discarded'; readonly counts: DiscardCounts }
  | { readonly type: 'report' };
/** What has ever been discarded. */
export type TallyReport = DiscardCounts;
