/** The bank, as a client of the library sees it. */
import type { AccountName, StatementReply } from '../src/protocol/api/operations.ts';
import type { Calls, KeyedOptions } from './calls.ts';
import { Download } from './download.ts';
import type { CallOptions } from './pending.ts';
import { type PostedAll, postAll } from './post-all.ts';
import { PostBatches } from './post-batches.ts';
import { type Amount, refusalOf, type Transaction, toTuple } from './transactions.ts';

export interface AccountBalance {
  /** Bytes where it is not UTF-8. */
  readonly account: AccountName;
  readonly cents: number;
}

/** An account's last transactions, the oldest first, and its balance after them. */
export type Statement = StatementReply;

export interface StatementOptions extends CallOptions {
  /** So many transactions, from 1 to 10,000. */
  readonly last?: number | undefined;
  /** As the account was after that position of its shard's stream. */
  readonly at?: number | undefined;
}

/** Accounts that the server sends ahead. */
const BALANCES_WINDOW = 4096;

export class Bank {
  readonly #calls: Calls;
  readonly #batches: PostBatches;

  /** For the library; programs `connect`. */
  constructor(calls: Calls) {
    this.#calls = calls;
    this.#batches = new PostBatches(calls);
  }

  /**
   * Posts one transaction, exactly once, whatever breaks on the way; resolves when it is durable. Posts that are made
   * while others are on their way share requests with them, so make as many at once as you like.
   *
   * `key`: the transaction is not posted again under it, even by another process that does not know whether this one
   * succeeded. It has a request of its own then. The server remembers the last 65,536 keys of each shard.
   *
   * Rejects with ERR_POSTING_REFUSED and `fields.reason` if the bank refuses it, and with ERR_REQUEST_TIMEOUT,
   * ERR_CONNECTION_LOST or ERR_CLIENT_CLOSED if nobody knows whether it was posted.
   */
  post(transaction: Transaction, options: KeyedOptions = {}): Promise<void> {
    if (options.key === undefined) return this.#batches.add(transaction, options);
    return this.#postAlone(transaction, options);
  }

  /** `post` of a credit. */
  credit(account: AccountName, amount: Amount, options?: KeyedOptions): Promise<void> {
    return this.post({ account, type: 'credit', amount }, options);
  }

  /** `post` of a debit. */
  debit(account: AccountName, amount: Amount, options?: KeyedOptions): Promise<void> {
    return this.post({ account, type: 'debit', amount }, options);
  }

  /**
   * Posts all transactions of a source, each exactly once and in their order, and takes them from it only as fast as the
   * server answers. Resolves to how many were posted, and which were refused and why.
   *
   * `key`: none of them is posted again when the same source is posted again under it. `timeoutMs` is for each request of
   * up to 10,000 transactions.
   *
   * Rejects as `post` does, with `fields.settled`: all transactions before that index are posted or refused; and with
   * whatever the source throws.
   */
  postAll(
    source: Iterable<Transaction> | AsyncIterable<Transaction>,
    options: KeyedOptions = {},
  ): Promise<PostedAll> {
    return postAll(this.#calls, source, options);
  }

  /** In cents; undefined if there is no such account. */
  async balance(account: AccountName, options?: CallOptions): Promise<number | undefined> {
    const { cents } = await this.#calls.request('bank.balance', { account }, options);
    return cents ?? undefined;
  }

  /**
   * Every account with its balance, in no particular order; each as it is when its turn comes. Throws ERR_CONNECTION_LOST
   * when the connection breaks in the middle, since it cannot go on where it was.
   */
  async *balances(options: CallOptions = {}): AsyncGenerator<AccountBalance, void, undefined> {
    const download = new Download(this.#calls, 'bank.balances', {}, { ...options, window: BALANCES_WINDOW });
    for await (const [account, cents] of download.items()) yield { account, cents };
  }

  /** Rejects with ERR_STATEMENT_ACCOUNT or ERR_STATEMENT_POSITION if there is none. */
  statement(account: AccountName, { last, at, ...options }: StatementOptions = {}): Promise<Statement> {
    const params = { account, last, at };
    return this.#calls.request('bank.statement', params, options);
  }

  async #postAlone(transaction: Transaction, options: KeyedOptions): Promise<void> {
    const tuple = toTuple(transaction);
    const { refused } = await this.#calls.request('bank.post', { transactions: [tuple] }, options);
    for (const [, reason] of refused) throw refusalOf(tuple, reason);
  }
}
