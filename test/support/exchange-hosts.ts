/**
 * Sessions of the exchange on hosts in one thread (actors.ts), with clients whose bytes are moved by hand and an exchange
 * that does what the test says: by itself it lets everybody in, and answers who leaves.
 */
import assert from 'node:assert/strict';
import type { HostCommand } from '../../src/protocol/control.ts';
import { type ClientNotice, EXCHANGE_ADDRESS, type ExchangeCommand } from '../../src/protocol/exchange.ts';
import type { OuchSettings } from '../../src/protocol/host-task.ts';
import { hostIndexOf, toAddress } from '../../src/values/address.ts';
import { startOuch, startOuchRaw } from '../../workers/exchange/ouch-service.ts';
import type { Context } from '../../workers/runtime/actor.ts';
import type { MakeSession } from '../../workers/runtime/host.ts';
import { type MainSide, refTo, specOf, TestHosts } from './actors.ts';

const SETTINGS: OuchSettings = {
  orderbookForm: 'alpha',
  loginMs: 30_000,
  idleMs: 15_000,
  heartbeatMs: 1000,
  isDebugOn: true,
};

/** The number of a client's account in the scripted exchange. */
export function accountOf(client: number): number {
  return 1000 + client;
}

export interface ExchangeHostsOptions extends Partial<OuchSettings> {
  readonly hosts?: number;
  readonly service?: 'ouch' | 'ouch-raw';
  readonly isEventInverted?: boolean;
  /** What the exchange says to who wants to log in; undefined for nothing yet. */
  readonly onLogin?: (command: ExchangeCommand, client: number) => ClientNotice | undefined;
}

interface Say {
  readonly type: 'say';
  readonly client: number;
  readonly notice: ClientNotice;
}

export class ExchangeHosts {
  readonly hosts: TestHosts;
  /** What the exchange has heard, in its order; entries as hexadecimal text. */
  readonly heard: unknown[] = [];
  /** Said to a client when it leaves, before the answer to that. */
  farewell: ClientNotice | undefined;
  readonly #service: 'ouch' | 'ouch-raw';
  readonly #options: ExchangeHostsOptions;
  readonly #makers: MakeSession[] = [];
  readonly #read = new Map<number, number>();

  constructor(options: ExchangeHostsOptions = {}) {
    const { hosts = 1, service = 'ouch' } = options;
    this.#options = options;
    this.#service = service;
    this.hosts = new TestHosts({
      hosts,
      createSession: (_, connection, host) => (this.#makers[host] as MakeSession)(connection),
    });
    for (let host = 0; host < hosts; host++) this.#startIn(host);
    this.startExchange();
  }

  startExchange(): void {
    this.hosts.spawn(
      EXCHANGE_ADDRESS,
      specOf(() => ({
        receive: (message, context) => {
          this.#onMessage(message as ExchangeCommand | Say, context);
          return undefined;
        },
        receiveBytes: (bytes, start, end) => {
          this.heard.push(Buffer.from(bytes.subarray(start, end)).toString('hex'));
        },
      })),
    );
  }

  hostOf(client: number): number {
    return hostIndexOf(toAddress(`${this.#service}/${client}`), this.hosts.hostCount);
  }

  /** One client whose session is in another host than the exchange. */
  get farClient(): number {
    const exchangeHost = hostIndexOf(EXCHANGE_ADDRESS, this.hosts.hostCount);
    for (let client = 1; ; client++) if (this.hostOf(client) !== exchangeHost) return client;
  }

  open(client: number, options: { readonly isReplacement?: true } = {}): Buffer {
    this.command(client, {
      type: 'open',
      connection: client,
      service: this.#service,
      remoteAddress: `10.0.0.1:${client}`,
      localAddress: '127.0.0.1:31422',
      sinceMs: client,
      ...options,
    });
    return this.sent(client);
  }

  /** Hands whole frames to the client's session, each piece by itself, and returns what the client is sent. */
  send(client: number, ...pieces: readonly Uint8Array[]): Buffer {
    for (const piece of pieces) this.main(client).sendFrames(client, piece);
    this.hosts.settle();
    return this.sent(client);
  }

  command(client: number, command: HostCommand): void {
    this.main(client).command(command);
    this.hosts.settle();
  }

  ended(client: number): void {
    this.command(client, { type: 'ended', connection: client });
  }

  gone(client: number): void {
    this.command(client, { type: 'closed', connection: client, reason: '', isCutOff: false });
  }

  /** The client has taken all that it was sent. */
  drained(client: number): void {
    this.command(client, { type: 'drained', connection: client });
  }

  /** The exchange says something to the session of a client; returns what the client is sent. */
  say(client: number, notice: ClientNotice): Buffer {
    this.hosts.tell(EXCHANGE_ADDRESS, { type: 'say', client, notice } satisfies Say);
    return this.sent(client);
  }

  /** What the client was sent since the last look. */
  sent(client: number): Buffer {
    const all = this.main(client).writtenBytes.get(client) ?? Buffer.of();
    const bytes = all.subarray(this.#read.get(client) ?? 0);
    this.#read.set(client, all.length);
    return bytes;
  }

  /** What the exchange has heard since the last look. */
  takeHeard(): unknown[] {
    return this.heard.splice(0);
  }

  /** Why the connection was closed; undefined while it is open. */
  closeOf(client: number): string | undefined {
    return this.main(client).closed.get(client);
  }

  /** The client's connection on the main thread. */
  main(client: number): MainSide {
    return this.hosts.mainOf(this.hostOf(client));
  }

  /** The host is lost with all in it, and another takes its place. */
  replace(host: number): void {
    this.hosts.replace(host);
    this.#startIn(host);
    if (host === hostIndexOf(EXCHANGE_ADDRESS, this.hosts.hostCount)) this.startExchange();
    this.#read.clear();
    this.hosts.settle();
  }

  #startIn(host: number): void {
    const system = this.hosts.systemOf(host);
    const {
      isEventInverted = false,
      hosts: _hosts,
      service: _service,
      onLogin: _onLogin,
      ...ouch
    } = this.#options;
    this.#makers[host] =
      this.#service === 'ouch'
        ? startOuch(system, { ...SETTINGS, ...ouch })
        : startOuchRaw(system, { isEventInverted });
  }

  #onMessage(message: ExchangeCommand | Say, context: Context<unknown>): void {
    if (message.type === 'say') {
      context.tell(refTo(context, `${this.#service}/${message.client}`), message.notice);
      return;
    }
    this.heard.push(message);
    if (message.type === 'log-in' || message.type === 'log-in-raw') {
      const { address, connection } = message.client;
      const accept: ClientNotice = {
        type: 'logged-in',
        account: accountOf(connection),
        session: 'SESS01',
        sequence: message.type === 'log-in' ? message.sequence : 1,
        lastSequence: 0,
        lastToken: -1,
      };
      const { onLogin = () => accept } = this.#options;
      const notice = onLogin(message, connection);
      if (notice !== undefined) context.tell(refTo(context, address), notice);
    } else if (message.type === 'left' || message.type === 'hear-out') {
      const session = refTo(context, `${this.#service}/${message.connection}`);
      if (this.farewell !== undefined) context.tell(session, this.farewell);
      this.farewell = undefined;
      if (message.type === 'left') context.reply(null);
      else context.tell(session, { type: 'all-told' });
    } else if (message.type !== 'page-taken') assert.fail(`no session says ${message.type}`);
  }
}
