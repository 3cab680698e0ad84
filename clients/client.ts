/** A client of a server: its parts, its connection, and its end. */
import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { type ClientHello, PROTOCOL_VERSION, type ServerHello } from '../src/protocol/api/frames.ts';
import { ERROR_CODES, type OutcryError } from '../src/values/errors.ts';
import { Admin } from './admin.ts';
import { Bank } from './bank.ts';
import { Calls, type CallsOptions, type Notice } from './calls.ts';
import type { ConnectionState, ReconnectOptions, StateChange } from './connection.ts';
import { dial } from './dial.ts';
import { Exchange } from './exchange.ts';
import { Gold } from './gold.ts';
import { Lobby } from './lobby.ts';
import { Users } from './users.ts';

/** A server in this process: what `createServer` of `outcry/server` resolves to. */
export interface LocalServer {
  connect(service: 'api' | 'ouch'): Duplex;
}

export interface ConnectOptions {
  /** 127.0.0.1 without it. */
  readonly host?: string | undefined;
  /** 7400 without it. */
  readonly port?: number | undefined;
  /** In place of host and port: no socket is used. */
  readonly server?: LocalServer | undefined;
  /** What the client is called, in the lobby and in the list of connections. */
  readonly name?: string | undefined;
  /** The operators' token, for `client.admin` and for what operators do in the exchange; the server has written it to operator.json in its data folder. */
  readonly token?: string | undefined;
  /** The token of a sign-in: the client goes on as that user, or tells that he is `signed-out` if it is not known any more. */
  readonly session?: string | undefined;
  /** Gives up the first attempt when it is aborted; afterwards it does nothing. */
  readonly signal?: AbortSignal | undefined;
  /** Of calls that do not say their own. 30,000 without it. */
  readonly timeoutMs?: number | undefined;
  /** What is done when the connection is lost; with false the client closes. */
  readonly reconnect?: ReconnectOptions | false | undefined;
}

export interface CloseOptions {
  /** How long to wait for answers at the most; 0 closes at once. Without it as long as the calls themselves wait. */
  readonly timeoutMs?: number | undefined;
}

export interface ClientEvents {
  /** The connection was lost, is there again, or is closed for good. */
  readonly state: [change: StateChange];
  /** The server has told something without being asked. */
  readonly notice: [notice: Notice];
}

const HOST = '127.0.0.1';
const PORT = 7400;
const TIMEOUT_MS = 30_000;

/**
 * Connects to a server; resolves when it has said hello. The first attempt is the only one: rejects with
 * ERR_CONNECTION_FAILED if there is no server, with ERR_API_DENIED if the token is wrong, with ERR_API_PROTOCOL if it is
 * something else that listens there, or with the reason of the signal. A connection that is lost later is made again.
 */
export async function connect(options: ConnectOptions = {}): Promise<Client> {
  return Client.connect(options);
}

/** Made by `connect`. `await using` closes it. */
export class Client extends EventEmitter<ClientEvents> implements AsyncDisposable {
  readonly bank: Bank;
  readonly lobby: Lobby;
  readonly exchange: Exchange;
  readonly users: Users;
  readonly gold: Gold;
  readonly admin: Admin;
  /** Resolves when the client is closed for good: to undefined if it was by `close`, else to what was wrong. */
  readonly closed: Promise<OutcryError | undefined>;
  readonly #calls: Calls;
  #onClosed: (error: OutcryError | undefined) => void = () => {};

  private constructor(options: ConnectOptions) {
    super();
    const { timeoutMs = TIMEOUT_MS } = options;
    this.closed = new Promise((resolve) => {
      this.#onClosed = resolve;
    });
    this.#calls = new Calls(
      callsOptions(options, () => this.users.token),
      timeoutMs,
      {
        onState: (change) => this.#onState(change),
        onNotice: (notice) => this.#onNotice(notice),
      },
    );
    this.users = new Users(this.#calls, options.session);
    this.gold = new Gold(this.#calls);
    this.bank = new Bank(this.#calls);
    this.lobby = new Lobby(this.#calls);
    this.exchange = new Exchange(this.#calls);
    this.admin = new Admin(this.#calls);
  }

  /** The same as the function `connect`. */
  static async connect(options: ConnectOptions): Promise<Client> {
    const client = new Client(options);
    await client.#calls.open(options.signal);
    return client;
  }

  /** `connected`, `reconnecting` or `closed`. */
  get state(): ConnectionState {
    return this.#calls.state;
  }

  /** What the server has said last of itself: its version, its services, its limits. */
  get server(): ServerHello {
    const { server } = this.#calls;
    if (server === undefined) throw new TypeError('a client is there when its server has said hello');
    return server;
  }

  /**
   * Takes no more calls, waits for the answers to those that were made, and closes the connection. Streams end: messages
   * quietly, what was to be read to its end with ERR_CLIENT_CLOSED.
   */
  close({ timeoutMs }: CloseOptions = {}): Promise<void> {
    return this.#calls.close(timeoutMs);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #onState(change: StateChange): void {
    if (change.state === 'closed') this.#onClosed(change.error);
    this.#emitLater('state', change);
    if (change.state !== 'connected' || change.server.user !== null || this.users.token === undefined) return;
    this.#onNotice({ name: 'signed-out', data: { reason: ERROR_CODES.ERR_USER_TOKEN } });
  }

  #onNotice(notice: Notice): void {
    if (notice.name === 'signed-out') this.users.onSignedOut();
    this.#emitLater('notice', notice);
  }

  /** What a listener throws is his, and must not come in between of what the client was doing. */
  #emitLater<Name extends keyof ClientEvents>(name: Name, ...args: ClientEvents[Name]): void {
    process.nextTick(() => (this as EventEmitter).emit(name, ...args));
  }
}

function callsOptions(options: ConnectOptions, sessionOf: () => string | undefined): CallsOptions {
  const { host = HOST, port = PORT, server, name, token, reconnect = {} } = options;
  const hello = (): ClientHello => {
    const session = sessionOf();
    return {
      protocol: PROTOCOL_VERSION,
      ...(name === undefined ? {} : { name }),
      ...(token === undefined ? {} : { token }),
      ...(session === undefined ? {} : { session }),
    };
  };
  if (server !== undefined) {
    return { dial: () => server.connect('api'), peer: 'the server in this process', hello, reconnect };
  }
  return { dial: () => dial(host, port), peer: `${host}:${port}`, hello, reconnect };
}
