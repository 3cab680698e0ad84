/** Answers what actors ask of the main thread; see src/protocol/desk.ts. */
import { join, resolve } from 'node:path';
import type { Bank } from './bank.ts';
import type { Config } from './config.ts';
import type { DataFolder } from './data-folder.ts';
import type { Gateway } from './gateway.ts';
import { refreshJob } from './gold-settings.ts';
import type { Hosts } from './hosts.ts';
import type { Jobs } from './jobs.ts';
import type { AdminSession, AdminStatus, LimitInForce, StatementReply } from './protocol/api/operations.ts';
import { DESK_ADDRESS, type DeskAnswers, type DeskCommand, type FileCommand } from './protocol/desk.ts';
import { EXCHANGE_ADDRESS, type ExchangeFigures, type OperatorCommand } from './protocol/exchange.ts';
import {
  type ActorsAnswer,
  type DeadLettersAnswer,
  INSPECTOR_ADDRESS,
  type InspectorCommand,
} from './protocol/inspector.ts';
import type { ConnectionRecord } from './protocol/registry.ts';
import { ALL_SETTINGS, namesText, type Setting, type SettingValue } from './settings.ts';
import { OutcryError } from './values/errors.ts';
import { by } from './values/order.ts';

export interface DeskParts {
  readonly config: Config;
  readonly hosts: Hosts;
  readonly gateway: Gateway;
  readonly jobs: Jobs;
  readonly bank: Bank;
  /** `outcry/0.1.0` */
  readonly server: string;
  /** The date of the start. */
  readonly startedMs: number;
  readonly data: DataFolder | undefined;
  /** Where the report is written when it is asked for. */
  readonly reportPath: string;
  readonly addressOf: (service: string) => string;
  /** An operator wants the server to end. */
  readonly onShutdown: (message: string) => void;
}

/** A statement of a long journal takes a second or two. */
const QUEUE_MAX = 64;
const INSPECT_TIMEOUT_MS = 10_000;
/** Sessions of no interest beyond it; an operator who wants more asks for a part of the addresses. */
const ACTORS_OF_A_HOST_MAX = 1000;

/** In the data folder: a file of each day's gold rates. */
const GOLD_FOLDER = 'gold';

type Answer<T extends DeskCommand['type']> = Promise<DeskAnswers[T]>;
type Of<T extends DeskCommand['type']> = DeskCommand & { type: T };

export class Desk {
  readonly #parts: DeskParts;
  readonly #fetching = new AbortController();
  #queued = 0;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  readonly answer = (address: string, message: unknown): Promise<unknown> => {
    if (address === DESK_ADDRESS) return this.#answer(message as DeskCommand);
    return Promise.reject(new OutcryError('ERR_ASK_NO_ACTOR', `nobody answers at ${address}`));
  };

  /** Removes what is left of files that were being put when a server was killed. Rejects with ERR_FILE_IO. */
  clearParts(): Answer<'clear-parts'> {
    return this.#runFiles({ type: 'clear-parts' }) as Answer<'clear-parts'>;
  }

  /** The server ends: nobody waits for a source outside that does not answer. */
  stopFetching(): void {
    this.#fetching.abort();
  }

  #answer(command: DeskCommand): Promise<unknown> {
    switch (command.type) {
      case 'statement':
        return this.#inQueue(() => this.#statement(command));
      case 'read-stream':
        return this.#readStream(command);
      // Who asks for these bounds how many there are at a time.
      case 'hash-password':
        return this.#parts.jobs.result({ ...command, password: Uint8Array.from(command.password) });
      case 'check-password':
        return this.#checkPassword(command);
      case 'refresh-gold':
        return this.#refreshGold(command);
      case 'write-gold-day':
        return this.#writeGoldDay(command);
      case 'open-file':
        return this.#inQueue(() => this.#runFiles(command));
      case 'live':
        return Promise.resolve(command.connections.map((record) => this.#live(record)));
      case 'kick':
        return Promise.resolve(this.#parts.gateway.find(command.connection)?.kick(command.reason) ?? false);
      case 'status':
        return this.#status();
      case 'report':
        return this.#report();
      case 'limits':
        return this.#limits();
      case 'dead-letters':
        return this.#deadLetters(command);
      case 'actors':
        return this.#actors(command);
      case 'shutdown':
        this.#parts.onShutdown(command.message);
        return Promise.resolve(null);
      default:
        return this.#runFiles(command);
    }
  }

  async #refreshGold(order: Of<'refresh-gold'>): Answer<'refresh-gold'> {
    const { jobs, config } = this.#parts;
    const { signal } = this.#fetching;
    try {
      return await jobs.result(refreshJob(order, config), [], signal);
    } catch (error) {
      if (signal.aborted) return { refused: [] };
      throw error;
    }
  }

  #runFiles(command: FileCommand): Promise<unknown> {
    const { jobs, config } = this.#parts;
    const { filesFolder, fileBytesMax: bytesMax } = config.lobby;
    return jobs.result({ type: 'file', folder: resolve(filesFolder), bytesMax, command });
  }

  /** For work that is long: so much of it waits, and no more, since who has asked may not wait any longer. */
  async #inQueue<T>(work: () => Promise<T>): Promise<T> {
    if (this.#queued === QUEUE_MAX) {
      const message = `${QUEUE_MAX} statements and files wait to be read; ask again later`;
      throw new OutcryError('ERR_API_LIMIT', message);
    }
    this.#queued++;
    try {
      return await work();
    } finally {
      this.#queued--;
    }
  }

  async #statement({ name, last, at }: Of<'statement'>): Promise<StatementReply> {
    const { shard, entries, balance, position, firstKept } = await this.#parts.bank.statement(name, {
      last,
      at,
    });
    return {
      shard,
      position,
      firstKept,
      balanceCents: balance,
      entries: entries.map(({ balance, ...entry }) => ({ ...entry, balanceCents: balance })),
    };
  }

  /** The exchange alone asks, for a few at a time, so that none of it waits here. */
  async #readStream({ type, ...part }: Of<'read-stream'>): Answer<'read-stream'> {
    const { data, jobs } = this.#parts;
    if (data === undefined) {
      throw new OutcryError('ERR_DATA_FOLDER', 'this server keeps messages in memory only');
    }
    return jobs.result({ type, hosts: data.storedHosts, ...part });
  }

  /** A part of a batch would go to the thread with all of the batch: what it needs is copied. */
  #checkPassword({ password, stored, ...job }: Of<'check-password'>): Answer<'check-password'> {
    const salt = Uint8Array.from(stored.salt);
    const hash = Uint8Array.from(stored.hash);
    return this.#parts.jobs.result({
      ...job,
      password: Uint8Array.from(password),
      stored: { ...stored, salt, hash },
    });
  }

  async #writeGoldDay(order: Of<'write-gold-day'>): Answer<'write-gold-day'> {
    const { data, jobs } = this.#parts;
    return data === undefined ? null : jobs.result({ ...order, folder: join(data.path, GOLD_FOLDER) });
  }

  /** The record as it is now: while the connection is open its figures are here. */
  #live(record: ConnectionRecord): AdminSession {
    const connection = record.untilMs === null ? this.#parts.gateway.find(record.connection) : undefined;
    if (connection === undefined) return { ...record, bytesWaiting: 0 };
    return { ...record, figures: connection.figures, bytesWaiting: connection.bytesWaiting };
  }

  async #status(): Answer<'status'> {
    const { hosts, gateway, bank, server, startedMs, data, addressOf } = this.#parts;
    const figures: OperatorCommand = { type: 'figures' };
    const [counts, exchange, { counts: deadLetters }] = await Promise.all([
      bank.counts(),
      hosts.ask(EXCHANGE_ADDRESS, figures, INSPECT_TIMEOUT_MS) as Promise<ExchangeFigures>,
      this.#deadLetters({ limit: 1 }),
    ]);
    const status: AdminStatus = {
      server,
      pid: process.pid,
      startedMs,
      uptimeMs: Math.round(process.uptime() * 1000),
      dataFolder: data?.path ?? null,
      hosts: hosts.links.map(({ index, bytesInFlight, trouble }) => ({
        index,
        bytesInFlight,
        trouble: trouble?.message ?? null,
      })),
      services: gateway.listeners.map(({ options: { service }, open, accepted, refused }) => ({
        name: service,
        address: addressOf(service),
        open,
        accepted,
        refused,
      })),
      bank: counts,
      exchange,
      memoryBytes: process.memoryUsage.rss(),
      deadLetters,
    };
    return status;
  }

  async #report(): Answer<'report'> {
    const path = resolve(this.#parts.reportPath);
    await this.#parts.bank.writeReport(path);
    return { path };
  }

  async #limits(): Answer<'limits'> {
    const { config, gateway, bank } = this.#parts;
    const { accounts } = await bank.counts();
    const used = new Map<string, number>([['bank.accounts_max', accounts]]);
    for (const { options, open } of gateway.listeners) used.set(`${options.service}.connections_max`, open);
    const sections: Omit<Config, 'venue'> = config;
    const values: Readonly<Record<string, Readonly<Record<string, unknown>>>> = sections;
    return ALL_SETTINGS.map((row): LimitInForce => {
      const setting = `${row.section}.${row.iniKey}`;
      const value = valueInForce(row, values[row.section]?.[row.key] as SettingValue);
      return { setting, value, reason: row.reason, used: used.get(setting) ?? null };
    });
  }

  async #deadLetters({ limit }: { readonly limit: number }): Answer<'dead-letters'> {
    const answers = await this.#inspect<DeadLettersAnswer>({ type: 'dead-letters', limit });
    const counts: Record<string, number> = {};
    for (const answer of answers) {
      for (const [reason, count] of Object.entries(answer.counts)) {
        counts[reason] = (counts[reason] ?? 0) + count;
      }
    }
    const recent = answers.flatMap((answer) => answer.recent).sort((a, b) => a.timeMs - b.timeMs);
    return { counts, recent: recent.slice(-limit) };
  }

  async #actors({ filter = '', sort, limit, overMs }: Of<'actors'>): Answer<'actors'> {
    await this.#inspect({ type: 'sample' });
    await new Promise((done) => setTimeout(done, overMs));
    const ofHost = Math.min(limit, ACTORS_OF_A_HOST_MAX);
    const answers = await this.#inspect<ActorsAnswer>({ type: 'actors', filter, sort, limit: ofHost });
    const actors = answers.flatMap((answer) => answer.actors).sort(by((row) => row[sort]));
    return {
      actors: actors.slice(0, limit),
      total: answers.reduce((sum, { total }) => sum + total, 0),
    };
  }

  /** What the inspector of each host answers. */
  #inspect<T>(command: InspectorCommand): Promise<T[]> {
    return Promise.all(
      this.#parts.hosts.links.map(
        (link) => link.ask(INSPECTOR_ADDRESS, command, INSPECT_TIMEOUT_MS) as Promise<T>,
      ),
    );
  }
}

function valueInForce({ type }: Setting, value: SettingValue): LimitInForce['value'] {
  if (type === 'secret') return value === '' ? '(empty)' : '(set)';
  return typeof value === 'object' ? namesText(value) : value;
}
