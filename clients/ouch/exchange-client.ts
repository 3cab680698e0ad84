/** A trader's client of an exchange: its connection, its orders, and its end. */
import { EventEmitter } from 'node:events';
import type { OrderbookForm } from '../../src/protocol/ouch/fields.ts';
import { decodeOutbound, type OutboundMessage } from '../../src/protocol/ouch/messages.ts';
import { encodeClientPacket } from '../../src/protocol/soupbintcp/packets.ts';
import { OutcryError } from '../../src/values/errors.ts';
import type { LocalServer } from '../client.ts';
import {
  Connection,
  type ConnectionState,
  type LinkListener,
  type ReconnectOptions,
  type StateChange,
} from '../connection.ts';
import { dial } from '../dial.ts';
import { type CallOptions, isPeriod, type Pending, TIMER_MAX_MS } from '../pending.ts';
import { Promises } from '../promises.ts';
import { ExchangeLink, type ExchangeLinkListener } from './exchange-link.ts';
import { MessageFeed } from './message-feed.ts';
import type { NewOrder, Order } from './order.ts';
import type { OrderMirror } from './order-mirror.ts';
import type { SoupTimeouts } from './soup-link.ts';
import { Trading } from './trading.ts';

export interface ConnectExchangeOptions {
  /** 127.0.0.1 without it. */
  readonly host?: string | undefined;
  /** 31422 without it. */
  readonly port?: number | undefined;
  /** In place of host and port: no socket is used. */
  readonly server?: LocalServer | undefined;
  /** Up to six characters, without regard to case. */
  readonly user: string;
  /** Up to ten, the same. */
  readonly password: string;
  /** What order books are for this exchange: `alpha`, text, or `uint32`, numbers. Text without it. */
  readonly form?: OrderbookForm | undefined;
  /** Gives up the first attempt when it is aborted; afterwards it does nothing. */
  readonly signal?: AbortSignal | undefined;
  /** For answers to what does not say its own. 30,000 without it. */
  readonly timeoutMs?: number | undefined;
  /** Of the connection itself. */
  readonly timeouts?: SoupTimeouts | undefined;
  /** What is done when the connection is lost; with false the client closes. */
  readonly reconnect?: ReconnectOptions | false | undefined;
}

/** What is known of a connection. */
export interface ExchangeSession {
  readonly session: string;
}

/** A message of the exchange, and its number in its session. */
export interface ExchangeMessage extends ExchangeSession {
  readonly sequence: number;
  readonly message: OutboundMessage;
}

export interface ExchangeEvents {
  /** The connection was lost, is there again, or is closed for good. */
  readonly state: [change: StateChange<ExchangeSession>];
  /**
   * A new session was joined after another one: its day has ended, and so have its orders. If it has the id of the one
   * before, all of its messages come once more: the exchange did not know how far this client was.
   */
  readonly session: [session: string, previous: string];
  /** The exchange takes orders from now on, or no more of them today. */
  readonly day: [day: 'open' | 'over'];
  /** What the exchange says to people. */
  readonly debug: [text: string];
}

const HOST = '127.0.0.1';
const PORT = 31_422;
const TIMEOUT_MS = 30_000;

/**
 * Logs in to an exchange by SoupBinTCP and OUCH; resolves when all that it has said in this session is here. The first
 * attempt is the only one: rejects with ERR_CONNECTION_FAILED if there is no exchange, with ERR_LOGIN_REFUSED if user or
 * password are wrong, with ERR_SOUPBIN_PACKET or ERR_OUCH_MESSAGE if it is something else that answers, or with the reason
 * of the signal. A connection that is lost later is made again, and what was not answered is sent again.
 */
export async function connectExchange(options: ConnectExchangeOptions): Promise<ExchangeClient> {
  return ExchangeClient.connect(options);
}

/** Made by `connectExchange`. `await using` closes it; the exchange then cancels what is open. */
export class ExchangeClient extends EventEmitter<ExchangeEvents> implements AsyncDisposable {
  /** Resolves when the client is closed for good: to undefined if it was by `close`, else to what was wrong. */
  readonly closed: Promise<OutcryError | undefined>;
  readonly #form: OrderbookForm;
  readonly #promises: Promises;
  readonly #trading: Trading;
  readonly #connection: Connection<ExchangeSession>;
  readonly #feeds = new Set<MessageFeed<ExchangeMessage>>();
  readonly #waiting = new Set<Pending<void>>();
  #link: ExchangeLink | undefined;
  #isOpen = false;
  #session = '';
  #nextSequence = 1;
  /** What is known of the session is all that there was. */
  #isInStep = false;
  #onClosed: (error: OutcryError | undefined) => void = () => {};

  private constructor(options: ConnectExchangeOptions) {
    super();
    const { host = HOST, port = PORT, server, user, password, form = 'alpha' } = options;
    const { timeoutMs = TIMEOUT_MS, timeouts = {}, reconnect = {} } = options;
    // What can not be said in a login is found before anybody is asked.
    encodeClientPacket({ type: 'login-request', user, password, requestedSession: '', sequence: 1 });
    this.closed = new Promise((resolve) => {
      this.#onClosed = resolve;
    });
    this.#form = form;
    this.#promises = new Promises(timeoutMs);
    this.#trading = new Trading(this.#promises, form, (packet) => this.#send(packet));
    const peer = server === undefined ? `${host}:${port}` : 'the server in this process';
    const begun = {
      dial: () => server?.connect('ouch') ?? dial(host, port),
      peer,
      credentials: { user, password },
      timeouts: checked(timeouts),
    };
    this.#connection = new Connection<ExchangeSession>(
      {
        begin: (link) => {
          const progress = this.#isInStep
            ? { session: this.#session, sequence: this.#nextSequence }
            : undefined;
          this.#link = new ExchangeLink({ ...begun, progress }, this.#listener(link));
          return this.#link;
        },
        peer,
        reconnect,
      },
      {
        onOpen: () => this.#onOpen(),
        onLost: () => {
          this.#isOpen = false;
        },
        onState: (change) => this.#onState(change),
      },
    );
  }

  /** The same as the function `connectExchange`. */
  static async connect(options: ConnectExchangeOptions): Promise<ExchangeClient> {
    const client = new ExchangeClient(options);
    await client.#connection.open(options.signal);
    return client;
  }

  /** `connected`, `reconnecting` or `closed`. */
  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** The id of the session, one of which is a day. */
  get session(): string {
    return this.#session;
  }

  /** What the exchange has said in this session, added up. */
  get mirror(): Omit<OrderMirror, 'apply' | 'clear'> {
    return this.#trading.mirror;
  }

  /** That of the next order, or replace. */
  get nextToken(): number {
    return this.#trading.nextToken;
  }

  /** The open ones, also those that were entered before this client connected. */
  get orders(): Order[] {
    return this.#trading.openOrders;
  }

  /** The open order under that token. */
  find(token: number): Order | undefined {
    return this.#trading.find(token);
  }

  /**
   * Sends an order; without a connection it is sent when there is one again, unless its time is over or its signal is
   * aborted before. Throws ERR_OUCH_MESSAGE if it is none that can be sent, and ERR_API_LIMIT if 65,536 messages wait for
   * their answers: see `ready`.
   */
  enter(order: NewOrder, options: CallOptions = {}): Order {
    return this.#trading.enter(order, options);
  }

  /** Resolves when the exchange takes what is sent, and few messages wait for their answers: send the next ones then. */
  ready(options: CallOptions = {}): Promise<void> {
    const pending: Pending<void> = this.#promises.make(
      {
        timeoutError: (timeoutMs) =>
          new OutcryError('ERR_REQUEST_TIMEOUT', `the exchange was not ready within ${timeoutMs} ms`),
        onGivenUp: () => this.#waiting.delete(pending),
      },
      options,
    );
    if (!pending.isSettled) this.#waiting.add(pending);
    this.#wakeIfReady();
    return pending.promise;
  }

  /**
   * What the exchange says from now on, each message once and in order, also over new connections and sessions, until the
   * client is closed. Throws ERR_API_LIMIT if the loop falls 65,536 messages behind, or the reason of the signal.
   */
  messages({
    signal,
  }: {
    readonly signal?: AbortSignal | undefined;
  } = {}): AsyncGenerator<ExchangeMessage, void, undefined> {
    const feed = new MessageFeed<ExchangeMessage>();
    this.#feeds.add(feed);
    if (this.state === 'closed') feed.end();
    return feed.items(signal, () => this.#feeds.delete(feed));
  }

  /**
   * Takes nothing new, waits for the answers to what was sent, `timeoutMs` at the most, and logs out. The exchange cancels
   * what is open then.
   */
  async close({ timeoutMs }: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    this.#promises.refuse(new OutcryError('ERR_CLIENT_CLOSED', 'the client was closed'));
    await this.#promises.settle(timeoutMs, goneError());
    await this.#connection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #listener(link: LinkListener<ExchangeSession>): ExchangeLinkListener {
    return {
      onJoin: (session) => this.#onJoin(session),
      onMessage: (bytes) => this.#onMessage(bytes),
      onDebug: (text) => this.#emitLater('debug', text),
      onDrain: () => this.#wakeIfReady(),
      onOpen: (session) => {
        this.#isInStep = true;
        link.onOpen({ session });
      },
      onOver: (error, { isFinal, isSessionLost }) => {
        if (isSessionLost) this.#isInStep = false;
        link.onOver(error, isFinal);
      },
    };
  }

  #onOpen(): void {
    this.#isOpen = true;
    this.#trading.onOpen();
    this.#wakeIfReady();
  }

  #onState(change: StateChange<ExchangeSession>): void {
    if (change.state === 'closed') this.#onEnd(change.error);
    this.#emitLater('state', change);
  }

  #onJoin(session: string): void {
    const previous = this.#session;
    this.#session = session;
    this.#nextSequence = 1;
    if (previous === '') return;
    if (previous === session) this.#trading.onRestart();
    else this.#trading.onSession(endedError(previous));
    this.#emitLater('session', session, previous);
  }

  #onMessage(bytes: Uint8Array): void {
    const message = decodeOutbound(bytes, this.#form);
    const sequence = this.#nextSequence;
    this.#nextSequence += 1;
    if (this.#isOpen) this.#connection.onProgress();
    this.#trading.onMessage(message);
    for (const feed of this.#feeds) feed.push({ session: this.#session, sequence, message });
    if (message.type === 'system-event') this.#emitLater('day', message.event === 'S' ? 'open' : 'over');
    this.#wakeIfReady();
  }

  #onEnd(error: OutcryError | undefined): void {
    this.#isOpen = false;
    const why = error === undefined ? 'the client was closed' : `the client is closed: ${error.message}`;
    this.#promises.refuse(new OutcryError('ERR_CLIENT_CLOSED', why, { cause: error }));
    const gone = goneError(error);
    this.#trading.end(gone);
    this.#promises.giveUpAll(gone);
    for (const feed of this.#feeds) feed.end();
    this.#onClosed(error);
  }

  #send(packet: Uint8Array): boolean {
    if (!this.#isOpen) return false;
    this.#link?.write(packet);
    return true;
  }

  #wakeIfReady(): void {
    if (this.#waiting.size === 0 || !this.#isOpen) return;
    if (this.#link?.isWritable !== true || !this.#trading.isReady) return;
    for (const pending of this.#waiting) pending.resolve();
    this.#waiting.clear();
  }

  /** What a listener throws is his, and must not come in between of what the client was doing. */
  #emitLater<Name extends keyof ExchangeEvents>(name: Name, ...args: ExchangeEvents[Name]): void {
    process.nextTick(() => (this as EventEmitter).emit(name, ...args));
  }
}

function checked(timeouts: SoupTimeouts): SoupTimeouts {
  for (const [name, ms] of Object.entries(timeouts)) {
    if (ms === undefined || (isPeriod(ms) && ms <= TIMER_MAX_MS)) continue;
    const expected = `milliseconds above 0, up to ${TIMER_MAX_MS}`;
    throw new OutcryError('ERR_API_PARAMS', `timeouts.${name} is ${ms}; expected ${expected}`);
  }
  return timeouts;
}

/** `cause`: what has closed the client, if it was not its program. */
function goneError(cause?: OutcryError): OutcryError {
  const code = cause === undefined ? 'ERR_CLIENT_CLOSED' : 'ERR_CONNECTION_LOST';
  const why = cause === undefined ? 'the client was closed' : cause.message;
  const message = `there will be no answer, and what was sent may have been taken: ${why}`;
  return new OutcryError(code, message, { cause });
}

function endedError(session: string): OutcryError {
  const message = `session ${session} has ended; what it did not answer is not known, and its orders are gone`;
  return new OutcryError('ERR_SESSION_ENDED', message, { fields: { session } });
}
