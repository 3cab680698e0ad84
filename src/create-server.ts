/**
 * A server in one line, for tests and for programs that bring their own:
 *
 *     await using server = await createServer({ store: 'memory' });
 *     const client = await connect({ server });
 */
import type { Duplex } from 'node:stream';
import { resolveConfig } from './config.ts';
import { createLog } from './log.ts';
import { Server } from './server.ts';
import { openServices, SERVICES, type ServiceName } from './services.ts';
import { ALL_SETTINGS, NO_NAMES } from './settings.ts';
import { OutcryError } from './values/errors.ts';
import type { VenueOptions } from './venue.ts';

export type { ServiceName } from './services.ts';
export { OutcryError } from './values/errors.ts';
export type { VenueOptions } from './venue.ts';

export interface CreateServerOptions {
  /** Where everything is kept: nowhere, or in a folder, which is made if it is not there. Memory without it. */
  readonly store?: 'memory' | { readonly folder: string };
  /** `sockets` listens on ports of 127.0.0.1; with `in-process` clients come by `connect` only. Sockets without it. */
  readonly clients?: 'sockets' | 'in-process';
  /** All of them without it. */
  readonly services?: readonly ServiceName[];
  /**
   * Settings by section and key, as config.ini has them: `{ bank: { accounts_max: 10 } }`. Ports are free ones and no
   * gold rates are fetched unless they are set; no file and no environment is read.
   */
  readonly settings?: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;
  /** The books, ticks and traders of the exchange, where they are not the default ones. */
  readonly venue?: VenueOptions;
  /** Below it nothing is logged; nothing at all without it. The log goes to standard error. */
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** The server can not go on. Without it the error is thrown, which ends the process. */
  readonly onFatal?: (error: OutcryError) => void;
}

export interface OutcryServer extends AsyncDisposable {
  /** The port of a service. Throws a RangeError if it has none. */
  port(service: ServiceName): number;
  /** A connection to the service without a socket: the client's end of it. `connect({ server })` uses it. */
  connect(service: ServiceName): Duplex;
  /** With it `connect({ token })` makes an operator. */
  readonly operatorToken: string;
  /** Resolves with what an operator has said when he wants the server to end. */
  readonly shutdownAsked: Promise<string>;
  /** Tells the clients, reads them to their ends within the limits of the shutdown, and ends. */
  close(message?: string): Promise<void>;
}

/** Rejects with ERR_CONFIG_… or ERR_DATA_…. */
export async function createServer(options: CreateServerOptions = {}): Promise<OutcryServer> {
  const {
    store = 'memory',
    clients = 'sockets',
    services = SERVICES,
    settings = {},
    logLevel = 'silent',
  } = options;
  const config = resolveConfig({
    file: null,
    environment: {},
    flags: { 'log-level': logLevel, ...freePorts(), 'gold-providers': NO_NAMES, ...flagsOf(settings) },
    venue: options.venue,
  });
  let askShutdown: (message: string) => void = () => {};
  const shutdownAsked = new Promise<string>((resolve) => {
    askShutdown = resolve;
  });
  const server = await Server.start({
    config,
    log: await createLog(config.log),
    services: openServices(services, config),
    isInProcess: clients === 'in-process',
    dataFolder: store === 'memory' ? undefined : store.folder,
    onShutdown: askShutdown,
    onFatal: options.onFatal ?? throwLater,
  });
  return new RunningServer(server, shutdownAsked);
}

class RunningServer implements OutcryServer {
  readonly shutdownAsked: Promise<string>;
  readonly #server: Server;
  #closed: Promise<void> | undefined;

  constructor(server: Server, shutdownAsked: Promise<string>) {
    this.#server = server;
    this.shutdownAsked = shutdownAsked;
  }

  get operatorToken(): string {
    return this.#server.operatorToken;
  }

  port(service: ServiceName): number {
    const found = this.#server.services.find(({ name }) => name === service);
    if (found === undefined) throw new RangeError(`the service ${service} has no port here`);
    return found.port;
  }

  connect(service: ServiceName): Duplex {
    return this.#server.connect(service);
  }

  close(message?: string): Promise<void> {
    this.#closed ??= this.#server.drain(message).finally(() => this.#server.stop());
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function freePorts(): Record<string, string> {
  const ports = ALL_SETTINGS.filter(({ type }) => type === 'port');
  return Object.fromEntries(ports.map(({ flag }) => [flag, '0']));
}

function flagsOf(settings: CreateServerOptions['settings'] = {}): Record<string, string> {
  const entries = Object.entries(settings).flatMap(([section, values]) =>
    Object.entries(values).map(([key, value]) => [flagOf(section, key), String(value)] as const),
  );
  return Object.fromEntries(entries);
}

function flagOf(section: string, key: string): string {
  const setting = ALL_SETTINGS.find((known) => known.section === section && known.iniKey === key);
  if (setting !== undefined) return setting.flag;
  throw new OutcryError('ERR_CONFIG_INVALID', `there is no setting ${section}.${key}; config.ini lists all`);
}

function throwLater(error: OutcryError): void {
  setImmediate(() => {
    throw error;
  });
}
