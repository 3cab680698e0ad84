/**
 * The server: hosts, gateway and services put together.
 *
 * Start: hosts first; when every actor is ready the doors open, all or none. End: `drain` reads every client to its
 * end and waits until nothing is on its way; then reports can be written; `stop` ends the worker threads.
 */
import { randomInt } from 'node:crypto';
import type { Logger } from 'pino';
import type { BankTotals } from './bank-totals.ts';
import type { Config } from './config.ts';
import { DataFolder } from './data-folder.ts';
import { affordableConnections } from './descriptors.ts';
import { DiscardLog } from './discard-log.ts';
import { Gateway } from './gateway.ts';
import { Hosts, hostCountFor } from './hosts.ts';
import { Jobs } from './jobs.ts';
import {
  type DiscardCounts,
  type DiscardReason,
  LEDGER_ADDRESSES,
  type LedgerCommand,
  TALLY_ADDRESS,
  type TallyCommand,
  type TallyReport,
} from './protocol/bank.ts';
import type { Statement } from './protocol/data-jobs.ts';
import type { DataSettings } from './protocol/host-task.ts';
import { monotonicMs } from './values/clock.ts';
import { OutcryError } from './values/errors.ts';

export interface ServiceAddress {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** A line to try in a shell. */
  readonly example: string;
}

export interface ServerOptions {
  readonly config: Config;
  readonly log: Logger;
  /** Where everything is kept; without it nothing is. */
  readonly dataFolder?: string | undefined;
  /** Bytes of journal that have been read at the start, of `total`. */
  readonly onRecovering?: (bytes: number, total: number) => void;
  /** The server can't go on: what it was doing has been logged. */
  readonly onFatal: (error: OutcryError) => void;
}

export interface StatementOptions {
  /** Transactions, at least one. */
  readonly last?: number;
  readonly at?: number | undefined;
}

interface ServerParts {
  hosts: Hosts;
  jobs: Jobs;
  data: DataFolder | undefined;
  losses: readonly string[];
}

interface BankCounts {
  readonly applied: number;
  readonly discarded: DiscardCounts;
}

const STATEMENT_LAST = 20;
/** Long: the accounts are worth more than the wait. */
const REPORT_TIMEOUT_MS = 600_000;

export class Server {
  readonly hosts: Hosts;
  readonly #options: ServerOptions;
  readonly #gateway: Gateway;
  readonly #jobs: Jobs;
  readonly #data: DataFolder | undefined;
  #services: readonly ServiceAddress[] = [];
  readonly #discardLog: DiscardLog;
  readonly #losses: readonly string[];
  /** What had been counted before this start. */
  #before: BankCounts = { applied: 0, discarded: {} };
  #drainDeadlineMs = 0;

  private constructor(options: ServerOptions, { hosts, jobs, data, losses }: ServerParts) {
    this.#options = options;
    this.hosts = hosts;
    this.#jobs = jobs;
    this.#data = data;
    this.#losses = losses;
    this.#gateway = new Gateway(hosts.links, options.log);
    this.#discardLog = new DiscardLog(options.log, async () => (await this.#bankCounts()).discarded);
  }

  static async start(options: ServerOptions): Promise<Server> {
    const { config, dataFolder } = options;
    const hostCount = hostCountFor(config.server.hosts);
    // It begins while the hosts start; whoever fails below, it is waited for and ended.
    const starting = Jobs.start();
    const parts: Partial<ServerParts> = {};
    try {
      if (dataFolder !== undefined) parts.data = await openData(dataFolder, hostCount, starting);
      const { data } = parts;
      const losses: string[] = [];
      let server: Server | undefined;
      parts.hosts = await Hosts.start({
        ...hostsOptions(options, hostCount),
        ...(data === undefined ? {} : { dataOf: (host: number) => dataSettings(config, data, host) }),
        onReplaced: (link, loss) => {
          const lost = describeLoss(link.index, loss, { isDurable: data !== undefined });
          if (lost !== undefined) {
            losses.push(loss.reason);
            options.log.error(lost);
          }
          // Before the doors are open there is no connection yet.
          if (server !== undefined) server.#gateway.reopen(link);
        },
      });
      server = new Server(options, { hosts: parts.hosts, jobs: await starting, data, losses });
      await server.#openDoors();
      return server;
    } catch (error) {
      await parts.hosts?.close();
      await Promise.all([starting.then((jobs) => jobs.close()), parts.data?.close()]);
      throw error;
    }
  }

  get services(): readonly ServiceAddress[] {
    return this.#services;
  }

  /** Where everything is kept; undefined if only in memory. */
  get dataPath(): string | undefined {
    return this.#data?.path;
  }

  /** Why hosts were lost since the start that took something with them: accounts in memory, or lines on their way. */
  get losses(): readonly string[] {
    return this.#losses;
  }

  /** Reads every client to its end, within the limits of [drain], and lets all that came in be done, until the deadline. */
  async drain(): Promise<void> {
    const { silentSeconds, deadlineSeconds } = this.#options.config.drain;
    this.#drainDeadlineMs = monotonicMs() + deadlineSeconds * 1000;
    await this.#gateway.drain({
      message: 'x',
      silentMs: silentSeconds * 1000,
      deadlineMs: this.#drainDeadlineMs,
    });
    // What came in before the deadline is still applied after it.
    await this.hosts.settle(Math.max(this.#drainDeadlineMs, monotonicMs() + STOP_MIN_MS));
    await this.#discardLog.report();
  }

  /** Ends all connections now; what they sent before is applied, so that reports and totals agree. */
  async cutOff(): Promise<void> {
    this.#gateway.close();
    await this.hosts.settle(monotonicMs() + STOP_MIN_MS);
  }

  /** What the bank has done since the start. */
  async bankTotals(): Promise<BankTotals> {
    const { applied, discarded } = await this.#bankCounts();
    const { accepted, refused, abandoned } = this.#gateway;
    return { connections: accepted, refused, abandoned, applied, discarded };
  }

  /** Writes the balances of all accounts to `path`, whole or not at all; rejects with ERR_REPORT_WRITE. */
  async writeBankReport(path: string): Promise<void> {
    const balances = (await this.#askLedger({ type: 'balances' })) as Uint8Array[];
    const outcome = await this.#jobs.run({ type: 'write-report', path, balances });
    if (outcome.ok) return;
    const message = `can't write ${path}: ${outcome.error.message}; the old one is as it was`;
    throw new OutcryError('ERR_REPORT_WRITE', message, { fields: { path } });
  }

  /**
   * The last transactions of the account and its balance, now or after position `at` of its shard's stream, as far as
   * they are durable. Rejects with ERR_STATEMENT_ACCOUNT, ERR_STATEMENT_POSITION, or ERR_DATA_FOLDER if nothing is kept.
   */
  statement(name: Uint8Array, { last = STATEMENT_LAST, at }: StatementOptions = {}): Promise<Statement> {
    const data = this.#data;
    if (data === undefined) {
      const message = 'this server keeps accounts in memory only: there are no statements';
      return Promise.reject(new OutcryError('ERR_DATA_FOLDER', message));
    }
    const count = this.hosts.links.length;
    const hosts = this.hosts.links.map(({ index }) => {
      return { folder: data.hostFolder(index), index, count, isMade: true, isInUse: true };
    });
    return this.#jobs.result({ type: 'statement', hosts, isExamined: true, name, last, at });
  }

  /** Stops the actors in order, then the threads. Clients that are still connected are closed. */
  async stop(): Promise<void> {
    this.#discardLog.stop();
    this.#gateway.close();
    await this.hosts.drain(Math.max(this.#drainDeadlineMs, monotonicMs() + STOP_MIN_MS));
    await Promise.all([this.hosts.close(), this.#jobs.close()]);
    await this.#data?.close();
  }

  /** Ends at once: what is on its way is not waited for. */
  async abort(): Promise<void> {
    this.#discardLog.stop();
    this.#gateway.close();
    await this.hosts.close();
  }

  async #openDoors(): Promise<void> {
    const { server, bank, flow } = this.#options.config;
    if (this.#data !== undefined) {
      await this.#data.complete();
      this.#before = await this.#bankCounts();
    }
    const connectionsMax = affordableConnections(bank.connectionsMax);
    if (connectionsMax < bank.connectionsMax) {
      const wanted = `bank.connections_max is ${bank.connectionsMax}`;
      this.#options.log.warn(
        `${wanted}, but the limit of open files allows ${connectionsMax} (see ulimit -n)`,
      );
    }
    const port = await this.#gateway.listen({
      service: 'bank',
      host: server.host,
      port: bank.port,
      connectionsMax,
      connectionsPerAddressMax: bank.connectionsPerAddressMax,
      framing: { type: 'lines', lengthMax: bank.lineLengthMax },
      idleMs: bank.idleSeconds * 1000,
      outboundBytesMax: flow.connectionOutboundBytesMax,
    });
    const example = `printf 'Marc credit $2\\n' | nc -N ${server.host} ${port}`;
    this.#services = [{ name: 'bank', host: server.host, port, example }];
  }

  /** What has been counted, without what had been before this start. */
  async #bankCounts(): Promise<BankCounts> {
    const command: TallyCommand = { type: 'report' };
    const [counts, applied] = await Promise.all([
      this.hosts.ask(TALLY_ADDRESS, command, REPORT_TIMEOUT_MS) as Promise<TallyReport>,
      this.#askLedger({ type: 'applied' }) as Promise<number[]>,
    ]);
    const before = this.#before;
    const discarded = Object.entries(counts).map(([reason, count]) => [
      reason,
      count - (before.discarded[reason as DiscardReason] ?? 0),
    ]);
    return {
      applied: applied.reduce((total, count) => total + count, 0) - before.applied,
      discarded: Object.fromEntries(discarded),
    };
  }

  #askLedger(command: LedgerCommand): Promise<unknown[]> {
    return Promise.all(
      LEDGER_ADDRESSES.map((address) => this.hosts.ask(address, command, REPORT_TIMEOUT_MS)),
    );
  }
}

function hostsOptions({ config, log, onFatal, onRecovering }: ServerOptions, count: number) {
  return {
    count,
    bytesHigh: config.flow.hostBytesHigh,
    bytesLow: config.flow.hostBytesLow,
    mailboxMax: config.flow.mailboxMessagesMax,
    restartsMax: config.supervision.hostRestartsMax,
    restartsPeriodMs: config.supervision.hostRestartsSeconds * 1000,
    services: { bank: { ...config.bank, hashKey: randomKey() } },
    log,
    onFatal,
    ...(onRecovering === undefined ? {} : { onRecovering }),
  };
}

/** With another number of hosts than before, a job first gives each of them its actors. */
async function openData(folder: string, hosts: number, jobs: Promise<Jobs>): Promise<DataFolder> {
  return DataFolder.open(folder, hosts, async (from, to) => {
    await (await jobs).result({ type: 'redistribute', from, to });
  });
}

function dataSettings({ data }: Config, folder: DataFolder, host: number): DataSettings {
  const snapshots = { everyBytes: data.snapshotBytes, keepBytes: data.historyBytes };
  return { folder: folder.hostFolder(host), isMade: folder.isComplete, snapshots };
}

/** What a lost host took with it; undefined if nothing. */
function describeLoss(
  host: number,
  { bytesInFlight }: { readonly bytesInFlight: number },
  { isDurable }: { readonly isDurable: boolean },
): string | undefined {
  if (!isDurable) return `host ${host} kept its accounts in memory: they are lost`;
  if (bytesInFlight === 0) return undefined;
  return `${bytesInFlight} bytes were on their way to host ${host}, and may be lost but for what was acknowledged`;
}

function randomKey(): [number, number] {
  return [randomInt(2 ** 32) | 0, randomInt(2 ** 32) | 0];
}

/** Actors get at least this long to stop, even when the clients have used up the deadline. */
const STOP_MIN_MS = 2000;
