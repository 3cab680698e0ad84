/**
 * The server: hosts, gateway and services put together.
 *
 * Start: hosts first; when every actor is ready the doors open, all or none. End: `drain` reads every client to its
 * end and waits until nothing is on its way; then reports can be written; `stop` ends the worker threads.
 */
import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { Logger } from 'pino';
import type { BankTotals } from './bank-totals.ts';
import type { Config } from './config.ts';
import { affordableConnections } from './descriptors.ts';
import { DiscardLog } from './discard-log.ts';
import { Gateway } from './gateway.ts';
import { Hosts } from './hosts.ts';
import { Jobs } from './jobs.ts';
import {
  LEDGER_ADDRESSES,
  type LedgerCommand,
  TALLY_ADDRESS,
  type TallyCommand,
  type TallyReport,
} from './protocol/bank.ts';
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
  /** The server can't go on: what it was doing has been logged. */
  readonly onFatal: (error: OutcryError) => void;
}

/** Long: the accounts are worth more than the wait. */
const REPORT_TIMEOUT_MS = 600_000;

export class Server {
  readonly hosts: Hosts;
  readonly #options: ServerOptions;
  readonly #gateway: Gateway;
  readonly #jobs: Jobs;
  #services: readonly ServiceAddress[] = [];
  readonly #discardLog: DiscardLog;
  readonly #losses: readonly string[];
  #drainDeadlineMs = 0;

  private constructor(options: ServerOptions, hosts: Hosts, jobs: Jobs, losses: readonly string[]) {
    this.#options = options;
    this.hosts = hosts;
    this.#jobs = jobs;
    this.#losses = losses;
    this.#gateway = new Gateway(hosts.links, options.log);
    this.#discardLog = new DiscardLog(options.log, () => this.#askTally());
  }

  static async start(options: ServerOptions): Promise<Server> {
    const { config, log, onFatal } = options;
    const losses: string[] = [];
    let server: Server | undefined;
    const [jobs, hosts] = await Promise.allSettled([
      Jobs.start(),
      Hosts.start({
        count: config.server.hosts || Math.max(1, availableParallelism() - 1),
        bytesHigh: config.flow.hostBytesHigh,
        bytesLow: config.flow.hostBytesLow,
        mailboxMax: config.flow.mailboxMessagesMax,
        restartsMax: config.supervision.hostRestartsMax,
        restartsPeriodMs: config.supervision.hostRestartsSeconds * 1000,
        services: { bank: { ...config.bank, hashKey: randomKey() } },
        log,
        onReplaced: (link, reason) => {
          losses.push(reason);
          log.error(`host ${link.index} kept its accounts in memory: they are lost`);
          // Before the doors are open there is no connection yet.
          if (server !== undefined) server.#gateway.reopen(link);
        },
        onFatal,
      }),
    ]);
    if (jobs.status === 'rejected' || hosts.status === 'rejected') {
      if (jobs.status === 'fulfilled') await jobs.value.close();
      if (hosts.status === 'fulfilled') await hosts.value.close();
      throw jobs.status === 'rejected' ? jobs.reason : (hosts as PromiseRejectedResult).reason;
    }
    server = new Server(options, hosts.value, jobs.value, losses);
    try {
      await server.#openDoors();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  get services(): readonly ServiceAddress[] {
    return this.#services;
  }

  /** Why hosts were lost since the start; with the memory store each took its accounts with it. */
  get losses(): readonly string[] {
    return this.#losses;
  }

  /** Reads every client to its end, within the limits of [drain], and lets all that came in be done, until the deadline. */
  async drain(): Promise<void> {
    const { silentSeconds, deadlineSeconds } = this.#options.config.drain;
    this.#drainDeadlineMs = monotonicMs() + deadlineSeconds * 1000;
    await this.#gateway.drain({ silentMs: silentSeconds * 1000, deadlineMs: this.#drainDeadlineMs });
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
    const applied = (await this.#askLedger({ type: 'applied' })) as number[];
    const discarded = await this.#askTally();
    const sum = applied.reduce((total, count) => total + count, 0);
    const { accepted, refused, abandoned } = this.#gateway;
    return { connections: accepted, refused, abandoned, applied: sum, discarded };
  }

  /** Writes the balances of all accounts to `path`, whole or not at all; rejects with ERR_REPORT_WRITE. */
  async writeBankReport(path: string): Promise<void> {
    const balances = (await this.#askLedger({ type: 'balances' })) as Uint8Array[];
    const outcome = await this.#jobs.run({ type: 'write-report', path, balances });
    if (outcome.ok) return;
    const message = `can't write ${path}: ${outcome.message}; the old one is as it was`;
    throw new OutcryError('ERR_REPORT_WRITE', message, { fields: { path } });
  }

  /** Stops the actors in order, then the threads. Clients that are still connected are closed. */
  async stop(): Promise<void> {
    this.#discardLog.stop();
    this.#gateway.close();
    await this.hosts.drain(Math.max(this.#drainDeadlineMs, monotonicMs() + STOP_MIN_MS));
    await Promise.all([this.hosts.close(), this.#jobs.close()]);
  }

  async #openDoors(): Promise<void> {
    const { server, bank, flow } = this.#options.config;
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
      lineLengthMax: bank.lineLengthMax,
      idleMs: bank.idleSeconds * 1000,
      outboundBytesMax: flow.connectionOutboundBytesMax,
    });
    const example = `printf 'Marc credit $2\\n' | nc -N ${server.host} ${port}`;
    this.#services = [{ name: 'bank', host: server.host, port, example }];
  }

  #askTally(): Promise<TallyReport> {
    const command: TallyCommand = { type: 'report' };
    return this.hosts.ask(TALLY_ADDRESS, command, REPORT_TIMEOUT_MS) as Promise<TallyReport>;
  }

  #askLedger(command: LedgerCommand): Promise<unknown[]> {
    return Promise.all(
      LEDGER_ADDRESSES.map((address) => this.hosts.ask(address, command, REPORT_TIMEOUT_MS)),
    );
  }
}

function randomKey(): [number, number] {
  return [randomInt(2 ** 32) | 0, randomInt(2 ** 32) | 0];
}

/** Actors get at least this long to stop, even when the clients have used up the deadline. */
const STOP_MIN_MS = 2000;
