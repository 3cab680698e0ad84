/** The bank as the main thread sees it: its totals, its report, statements. The accounts are in the hosts' ledgers. */
import type { BankTotals } from './bank-totals.ts';
import type { DataFolder } from './data-folder.ts';
import type { Gateway } from './gateway.ts';
import type { Hosts } from './hosts.ts';
import type { Jobs } from './jobs.ts';
import {
  type DiscardCounts,
  type DiscardReason,
  LEDGER_ADDRESSES,
  type LedgerCommand,
  type LedgerFigures,
  TALLY_ADDRESS,
  type TallyCommand,
  type TallyReport,
} from './protocol/bank.ts';
import type { Statement } from './protocol/data-jobs.ts';
import { OutcryError } from './values/errors.ts';

export interface StatementOptions {
  /** Transactions, at least one. */
  readonly last?: number | undefined;
  /** A position in the stream of the account's shard. */
  readonly at?: number | undefined;
}

export interface BankCounts {
  readonly accounts: number;
  readonly applied: number;
  readonly discarded: DiscardCounts;
}

interface BankParts {
  readonly hosts: Hosts;
  readonly gateway: Gateway;
  readonly jobs: Jobs;
  readonly data: DataFolder | undefined;
}

const STATEMENT_LAST = 20;
/** Long: the accounts are worth more than the wait. */
const REPORT_TIMEOUT_MS = 600_000;

export class Bank {
  readonly #parts: BankParts;
  /** What had been counted before this start. */
  #before: BankCounts = { accounts: 0, applied: 0, discarded: {} };

  constructor(parts: BankParts) {
    this.#parts = parts;
  }

  /** From here on it counts from zero. */
  async beginCounting(): Promise<void> {
    this.#before = await this.counts();
  }

  /** What has been counted since the start; the accounts are all there are. */
  async counts(): Promise<BankCounts> {
    const command: TallyCommand = { type: 'report' };
    const [counts, figures] = await Promise.all([
      this.#parts.hosts.ask(TALLY_ADDRESS, command, REPORT_TIMEOUT_MS) as Promise<TallyReport>,
      this.#askLedger({ type: 'figures' }) as Promise<LedgerFigures[]>,
    ]);
    const before = this.#before;
    const discarded = Object.entries(counts).map(([reason, count]) => [
      reason,
      count - (before.discarded[reason as DiscardReason] ?? 0),
    ]);
    return {
      accounts: figures.reduce((sum, { accounts }) => sum + accounts, 0),
      applied: figures.reduce((sum, { transactions }) => sum + transactions, 0) - before.applied,
      discarded: Object.fromEntries(discarded),
    };
  }

  /** What the bank has done since the start. */
  async totals(): Promise<BankTotals> {
    const { applied, discarded } = await this.counts();
    const door = this.#parts.gateway.listenerOf('bank');
    const { accepted = 0, refused = 0, abandoned = 0 } = door ?? {};
    return { connections: accepted, refused, abandoned, applied, discarded };
  }

  /** Writes the balances of all accounts to `path`, whole or not at all; rejects with ERR_REPORT_WRITE. */
  async writeReport(path: string): Promise<void> {
    const balances = (await this.#askLedger({ type: 'balances' })) as Uint8Array[];
    const outcome = await this.#parts.jobs.run({ type: 'write-report', path, balances });
    if (outcome.ok) return;
    const message = `can't write ${path}: ${outcome.error.message}; the old one is as it was`;
    throw new OutcryError('ERR_REPORT_WRITE', message, { fields: { path } });
  }

  /**
   * The last transactions of the account and its balance, now or after position `at` of its shard's stream, as far as
   * they are durable. Rejects with ERR_STATEMENT_ACCOUNT, ERR_STATEMENT_POSITION, or ERR_DATA_FOLDER if nothing is kept.
   */
  statement(name: Uint8Array, { last = STATEMENT_LAST, at }: StatementOptions = {}): Promise<Statement> {
    const { data, jobs } = this.#parts;
    if (data === undefined) {
      const message = 'this server keeps accounts in memory only: there are no statements';
      return Promise.reject(new OutcryError('ERR_DATA_FOLDER', message));
    }
    return jobs.result({ type: 'statement', hosts: data.storedHosts, isExamined: true, name, last, at });
  }

  #askLedger(command: LedgerCommand): Promise<unknown[]> {
    return Promise.all(
      LEDGER_ADDRESSES.map((address) => this.#parts.hosts.ask(address, command, REPORT_TIMEOUT_MS)),
    );
  }
}
