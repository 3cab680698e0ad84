/**
 * The server: hosts, gateway and services put together.
 *
 * Start: hosts first; when every actor is ready the doors open, all or none. End: `drain` reads every client to its
 * end and waits until nothing is on its way; then reports can be written; `stop` ends the worker threads.
 */
import { randomInt } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { Bank } from './bank.ts';
import type { Config } from './config.ts';
import { IN_PROCESS } from './connection.ts';
import { DataFolder } from './data-folder.ts';
import { Desk } from './desk.ts';
import { DiscardLog } from './discard-log.ts';
import { exchangeSettings, ouchRawSettings, ouchSettings, warningsOf } from './exchange-settings.ts';
import { Gateway } from './gateway.ts';
import { goldRemarks, goldSettings } from './gold-settings.ts';
import type { HostLink } from './host-link.ts';
import { Hosts, hostCountFor } from './hosts.ts';
import { Jobs } from './jobs.ts';
import type { ListenerOptions } from './listener.ts';
import { createOperatorToken, removeOperatorFile, writeOperatorFile } from './operator-token.ts';
import { EXCHANGE_ADDRESS, type OperatorCommand } from './protocol/exchange.ts';
import type { DataSettings, ServiceSettings, UsersSettings } from './protocol/host-task.ts';
import { RecordingFile } from './protocol/ouch-inputs/recording-file.ts';
import { REGISTRY_ADDRESS } from './protocol/registry.ts';
import { RegistryFeed } from './registry-feed.ts';
import { doorOf, exampleOf, type ServiceName } from './services.ts';
import { SessionRecorder } from './session-recorder.ts';
import { joinTaps, type SessionTap } from './session-tap.ts';
import { hostIndexOf } from './values/address.ts';
import { epochMs, monotonicMs } from './values/clock.ts';
import { messageOf, OutcryError } from './values/errors.ts';
import { readVersion } from './values/version.ts';
import { DEFAULT_VENUE } from './venue.ts';

export interface ServiceAddress {
  readonly name: ServiceName;
  readonly host: string;
  readonly port: number;
  /** A line to try in a shell. */
  readonly example: string;
}

export interface ConnectedClient {
  readonly id: number;
  readonly service: string;
  readonly remoteAddress: string;
  /** Empty if it has none. */
  readonly user: string;
}

export interface ServerOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly services: readonly ServiceName[];
  /** No port is opened: clients are in this process. */
  readonly isInProcess?: boolean;
  /** Listens at the doors of the exchange. */
  readonly tap?: SessionTap | undefined;
  /** Where a report is written when an operator asks for one. */
  readonly reportPath?: string;
  /** An operator wants the server to end; clients are to be told `message`. */
  readonly onShutdown?: (message: string) => void;
  /** Where everything is kept; without it nothing is. */
  readonly dataFolder?: string | undefined;
  /** Bytes of journal that have been read at the start, of `total`. */
  readonly onRecovering?: (bytes: number, total: number) => void;
  /** The server can't go on: what it was doing has been logged. */
  readonly onFatal: (error: OutcryError) => void;
}

interface ServerParts {
  hosts: Hosts;
  jobs: Jobs;
  data: DataFolder | undefined;
  losses: readonly string[];
  operatorToken: string;
  recorder: SessionRecorder | undefined;
}

const REPORT_PATH = 'log.txt';
/** Of scrypt: blocks of 1 KiB, of which its cost is the number, one after the other. */
const SCRYPT = { r: 8, p: 1 };
/** An operator asks again rather than wait longer. */
const EXCHANGE_TIMEOUT_MS = 1000;
/** What clients are told, where nobody says anything else. */
const CLOSING_MESSAGE = 'Server is shutting down';

export class Server {
  readonly hosts: Hosts;
  readonly bank: Bank;
  /** With it a client of this machine is an operator. */
  readonly operatorToken: string;
  readonly #options: ServerOptions;
  readonly #gateway: Gateway;
  readonly #jobs: Jobs;
  readonly #data: DataFolder | undefined;
  readonly #feed: RegistryFeed;
  readonly #desk: Desk;
  readonly #services: ServiceAddress[] = [];
  readonly #discardLog: DiscardLog;
  readonly #losses: readonly string[];
  readonly #recorder: SessionRecorder | undefined;
  /** At the doors of the exchange. */
  readonly #tap: SessionTap | undefined;
  #drainDeadlineMs = 0;

  private constructor(options: ServerOptions, parts: ServerParts) {
    const { hosts, jobs, data, losses, operatorToken, recorder } = parts;
    this.#options = options;
    this.#recorder = recorder;
    this.#tap = joinTaps([options.tap, recorder].filter((tap) => tap !== undefined));
    this.hosts = hosts;
    this.#jobs = jobs;
    this.#data = data;
    this.#losses = losses;
    this.operatorToken = operatorToken;
    this.#feed = new RegistryFeed(hosts);
    this.#gateway = new Gateway(hosts.links, options.log, this.#feed);
    this.bank = new Bank({ hosts, gateway: this.#gateway, jobs, data });
    this.#discardLog = new DiscardLog(options.log, async () => (await this.bank.counts()).discarded);
    this.#desk = new Desk({
      config: options.config,
      hosts,
      gateway: this.#gateway,
      jobs,
      bank: this.bank,
      server: serverName(),
      startedMs: epochMs(),
      data,
      reportPath: options.reportPath ?? REPORT_PATH,
      addressOf: (service) => this.#addressOf(service),
      onShutdown: (message) => options.onShutdown?.(message || CLOSING_MESSAGE),
    });
    for (const link of hosts.links) link.answerWith(this.#desk.answer);
  }

  static async start(options: ServerOptions): Promise<Server> {
    const { config, dataFolder } = options;
    const hostCount = hostCountFor(config.server.hosts);
    // It begins while the hosts start; whoever fails below, it is waited for and ended.
    const starting = Jobs.start();
    const parts: Partial<ServerParts> = {};
    let server: Server | undefined;
    try {
      parts.recorder = openRecorder(options);
      if (dataFolder !== undefined) parts.data = await openData(dataFolder, hostCount, starting);
      const { data } = parts;
      const losses: string[] = [];
      const operatorToken = createOperatorToken();
      parts.hosts = await Hosts.start({
        ...hostsOptions(options, hostCount, operatorToken),
        ...(data === undefined ? {} : { dataOf: (host: number) => dataSettings(config, data, host) }),
        onReplaced: (link, loss) => {
          const lost = describeLoss(link.index, loss, { isDurable: data !== undefined });
          if (lost !== undefined) {
            losses.push(loss.reason);
            options.log.error(lost);
          }
          // Before the doors are open there is no connection yet.
          if (server !== undefined) server.#onReplaced(link);
        },
      });
      server = new Server(options, {
        hosts: parts.hosts,
        jobs: await starting,
        data,
        losses,
        operatorToken,
        recorder: parts.recorder,
      });
      await server.#openDoors();
      return server;
    } catch (error) {
      // Some doors may be open already.
      if (server !== undefined) server.#gateway.close();
      await parts.hosts?.close();
      parts.recorder?.close();
      await Promise.all([starting.then((jobs) => jobs.close()), parts.data?.close()]);
      throw error;
    }
  }

  get services(): readonly ServiceAddress[] {
    return this.#services;
  }

  /** Clients that are connected, by service, address and, where it is known, user. */
  get clients(): readonly ConnectedClient[] {
    return this.#gateway.connections.map(({ id, listener, remoteAddress, user }) => ({
      id,
      service: listener.options.service,
      remoteAddress,
      user,
    }));
  }

  /** What the exchange answers to an operator. Rejects with ERR_ASK_… or ERR_HOST_LOST. */
  askExchange<Reply>(command: OperatorCommand): Promise<Reply> {
    return this.hosts.ask(EXCHANGE_ADDRESS, command, EXCHANGE_TIMEOUT_MS) as Promise<Reply>;
  }

  /** Where everything is kept; undefined if only in memory. */
  get dataPath(): string | undefined {
    return this.#data?.path;
  }

  /** Why hosts were lost since the start that took something with them: accounts in memory, or lines on their way. */
  get losses(): readonly string[] {
    return this.#losses;
  }

  /** A connection to the service from within this process: the client's end of it. */
  connect(service: ServiceName): Duplex {
    const stream = this.#gateway.connect(service);
    if (stream === undefined) throw new RangeError(`this server has no service ${service}, or is closing`);
    return stream;
  }

  /**
   * Tells the clients that can be told, reads every client to its end, within the limits of [drain], and lets all that
   * came in be done, until the deadline.
   */
  async drain(message = CLOSING_MESSAGE): Promise<void> {
    const { silentSeconds, deadlineSeconds } = this.#options.config.drain;
    this.#drainDeadlineMs = monotonicMs() + deadlineSeconds * 1000;
    this.#desk.stopFetching();
    await this.#gateway.drain({
      message,
      silentMs: silentSeconds * 1000,
      deadlineMs: this.#drainDeadlineMs,
    });
    // What came in before the deadline is still applied after it.
    await this.hosts.settle(Math.max(this.#drainDeadlineMs, monotonicMs() + STOP_MIN_MS));
    await this.#discardLog.report();
  }

  /** Closes every client of the service, which is told why, as an operator would kick it; returns how many. */
  closeClients(service: ServiceName, reason: string): number {
    return this.#gateway.kickAll(service, reason);
  }

  /** Ends all connections now; what they sent before is applied, so that reports and totals agree. */
  async cutOff(): Promise<void> {
    this.#desk.stopFetching();
    this.#gateway.close();
    await this.hosts.settle(monotonicMs() + STOP_MIN_MS);
  }

  /** Stops the actors in order, then the threads. Clients that are still connected are closed. */
  async stop(): Promise<void> {
    this.#discardLog.stop();
    this.#desk.stopFetching();
    this.#gateway.close();
    await this.hosts.drain(Math.max(this.#drainDeadlineMs, monotonicMs() + STOP_MIN_MS));
    await Promise.all([this.hosts.close(), this.#jobs.close()]);
    this.#recorder?.close();
    if (this.#data !== undefined) await removeOperatorFile(this.#data.path);
    await this.#data?.close();
  }

  /** Ends at once: what is on its way is not waited for. */
  async abort(): Promise<void> {
    this.#discardLog.stop();
    this.#gateway.close();
    await this.hosts.close();
    this.#recorder?.close();
  }

  #onReplaced(link: HostLink): void {
    this.#gateway.reopen(link);
    if (link.index === hostIndexOf(REGISTRY_ADDRESS, this.hosts.links.length)) {
      this.#feed.beginAgain(this.#gateway.connections);
    }
  }

  async #openDoors(): Promise<void> {
    if (this.#data !== undefined) {
      await this.#data.complete();
      await this.bank.beginCounting();
    }
    this.#gateway.numberFrom(await this.#feed.begin());
    if (this.#options.services.includes('lobby')) await this.#clearParts();
    this.#warnOfPasswords();
    if (hasGold(this.#options.services)) {
      for (const remark of goldRemarks(this.#options.config)) this.#options.log.info(remark);
    }
    for (const service of this.#options.services) await this.#openDoor(service);
    const api = this.#services.find(({ name }) => name === 'api');
    if (this.#data !== undefined && api !== undefined) {
      const { host, port } = api;
      await writeOperatorFile(this.#data.path, { host, port, token: this.operatorToken });
    }
  }

  /** Without the folder that it serves a lobby can still do all else. */
  async #clearParts(): Promise<void> {
    try {
      await this.#desk.clearParts();
    } catch (error) {
      this.#options.log.warn(`lobby.files_folder: ${messageOf(error)}`);
    }
  }

  #warnOfPasswords(): void {
    const { config, services, isInProcess, log } = this.#options;
    if (isInProcess) return;
    for (const warning of warningsOf(config, services)) log.warn(warning);
  }

  async #openDoor(service: ServiceName): Promise<void> {
    const door = {
      ...doorOf(service, this.#options.config),
      ...(isExchangeDoor(service) ? { tap: this.#tap } : {}),
    };
    this.#warnOfDescriptors(service, door);
    if (this.#options.isInProcess) {
      this.#gateway.serve(door);
      return;
    }
    const { host } = door;
    const port = await this.#gateway.listen(door);
    this.#services.push({
      name: service,
      host,
      port,
      example: exampleOf(service, { host, port, dataPath: this.dataPath, trader: this.#traderToTry() }),
    });
  }

  /** Only the default passwords are known to all: others are not shown. */
  #traderToTry(): string {
    const { traders } = this.#options.config.venue;
    const [trader] = traders;
    return `${trader?.user} ${traders === DEFAULT_VENUE.traders ? trader?.password : 'PASSWORD'}`;
  }

  #warnOfDescriptors(service: ServiceName, { connectionsMax }: ListenerOptions): void {
    const wanted = this.#options.config[service].connectionsMax;
    if (connectionsMax === wanted) return;
    this.#options.log.warn(
      `${service}.connections_max is ${wanted}, but the limit of open files allows ${connectionsMax} (see ulimit -n)`,
    );
  }

  #addressOf(service: string): string {
    const found = this.#services.find(({ name }) => name === service);
    return found === undefined ? IN_PROCESS : `${found.host}:${found.port}`;
  }
}

/** Throws ERR_CONFIG_INVALID if the file is there already, or can't be made. */
function openRecorder({ config, services, log }: ServerOptions): SessionRecorder | undefined {
  const { recordFile, orderbookForm } = config.ouch;
  if (recordFile === '' || !services.some(isExchangeDoor)) return undefined;
  try {
    return new SessionRecorder(RecordingFile.create(recordFile), orderbookForm, log);
  } catch (error) {
    const message = `ouch.record_file: ${messageOf(error)}; expected a path where a file can be made`;
    throw new OutcryError('ERR_CONFIG_INVALID', message, { cause: error });
  }
}

function isExchangeDoor(service: ServiceName): boolean {
  return service === 'ouch' || service === 'ouch-raw';
}

function hostsOptions(options: ServerOptions, count: number, operatorToken: string) {
  const { config, log, onFatal, onRecovering } = options;
  return {
    count,
    bytesHigh: config.flow.hostBytesHigh,
    bytesLow: config.flow.hostBytesLow,
    mailboxMax: config.flow.mailboxMessagesMax,
    restartsMax: config.supervision.hostRestartsMax,
    restartsPeriodMs: config.supervision.hostRestartsSeconds * 1000,
    services: serviceSettings(options, operatorToken),
    log,
    onFatal,
    ...(onRecovering === undefined ? {} : { onRecovering }),
  };
}

function serviceSettings({ config, services }: ServerOptions, operatorToken: string): ServiceSettings {
  const has = (service: ServiceName) => services.includes(service);
  const { bank, lobby, api, users } = config;
  const asksSignIn = (service: 'lobby' | 'api') => users.signInServices.includes(service);
  const limits = {
    frameBytes: api.frameBytesMax,
    requests: api.requestsMax,
    streams: api.streamsMax,
    idleMs: api.idleSeconds * 1000,
  };
  return {
    bank: { ...bank, hashKey: randomKey() },
    users: usersSettings(config),
    ...(has('lobby') ? { lobby: { ...lobby, isSignInAsked: asksSignIn('lobby') } } : {}),
    ...(has('api')
      ? { api: { limits, operatorToken, server: serverName(), isSignInAsked: asksSignIn('api') } }
      : {}),
    ...(hasGold(services) ? { gold: goldSettings(config) } : {}),
    ...(hasExchange(services) ? { exchange: exchangeSettings(config) } : {}),
    ...(has('ouch') ? { ouch: ouchSettings(config) } : {}),
    ...(has('ouch-raw') ? { 'ouch-raw': ouchRawSettings(config) } : {}),
  };
}

function usersSettings({ users }: Config): UsersSettings {
  const { scryptCost, usersMax, isSignUpOpen, nameFailuresMax, addressFailuresMax, tokenHours } = users;
  return {
    parameters: { N: scryptCost, ...SCRYPT },
    usersMax,
    isSignUpOpen,
    nameFailuresMax,
    addressFailuresMax,
    tokenMs: tokenHours * 3_600_000,
  };
}

/** Clients of the api look rates up, too. */
function hasGold(services: readonly ServiceName[]): boolean {
  return services.some((service) => service === 'gold' || service === 'api');
}

/** What its traders enter, operators and clients of the api see and change. */
function hasExchange(services: readonly ServiceName[]): boolean {
  return services.some((service) => isExchangeDoor(service) || service === 'api');
}

function serverName(): string {
  return `outcry/${readVersion()}`;
}

/** With another number of hosts than before, a job first gives each of them its actors. */
async function openData(folder: string, hosts: number, jobs: Promise<Jobs>): Promise<DataFolder> {
  return DataFolder.open(folder, hosts, async (from, to) => {
    await (await jobs).result({ type: 'redistribute', from, to });
  });
}

function dataSettings({ data }: Config, folder: DataFolder, host: number): DataSettings {
  const { snapshotBytes: everyBytes, historyBytes: keepBytes, sessionBytes: wishBytes } = data;
  const snapshots = { everyBytes, keepBytes, wishBytes };
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
