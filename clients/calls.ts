/**
 * What the parts of a client are made of: requests, downloads and uploads over whatever connection there is, and the end
 * of all of them.
 */
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { type ClientHello, FRAME, type ServerFrame, type ServerHello } from '../src/protocol/api/frames.ts';
import {
  findOperation,
  type OperationName,
  type OperationOf,
  type ParamsOf,
  type ReplyOf,
} from '../src/protocol/api/operations.ts';
import { IDEMPOTENCY_KEY } from '../src/protocol/bank.ts';
import { OutcryError } from '../src/values/errors.ts';
import {
  Connection,
  type ConnectionListener,
  type ConnectionState,
  type ReconnectOptions,
  type StateChange,
} from './connection.ts';
import { type Asker, Errand } from './errand.ts';
import { Errands } from './errands.ts';
import type { Answerer, CallOptions, Pending } from './pending.ts';
import { Promises } from './promises.ts';
import { Wire } from './wire.ts';

export interface CallsOptions {
  /** Begins a connection. */
  readonly dial: () => Duplex;
  /** What people call the server. */
  readonly peer: string;
  /** What a new connection begins with. */
  readonly hello: () => ClientHello;
  readonly reconnect: ReconnectOptions | false;
}

/** What the server tells without being asked. */
export interface Notice {
  /**
   * `closing`: the server is shutting down, and `data` is `{ message }`.
   * `trouble`: it can store nothing at the moment, and answers when it can; `data` is `{ code, message }`.
   * `signed-out`: the user was signed out elsewhere, and has to sign in again; `data` is `{ reason }`.
   */
  readonly name: string;
  readonly data: unknown;
}

export interface KeyedOptions extends CallOptions {
  /**
   * 1 to 127 printable ASCII characters, the first no space. What was done under a key is not done again under it,
   * whoever sends it. Without it the client makes one, under which it repeats the request when it must.
   */
  readonly key?: string | undefined;
}

export interface CallsListener {
  onState(change: StateChange): void;
  onNotice(notice: Notice): void;
}

/** `isWanted`: by the program itself, not because its server is lost for good. */
type ClosingListener = (refusal: OutcryError, isWanted: boolean) => void;

/** No two clients draw the same, so none of their keys are. */
const CLIENT_ID_BYTES = 12;

type Opened = { readonly server: ServerHello };

export class Calls implements ConnectionListener<Opened> {
  readonly errands = new Errands();
  readonly #connection: Connection<Opened>;
  readonly #promises: Promises;
  readonly #listener: CallsListener;
  readonly #clientId = randomBytes(CLIENT_ID_BYTES).toString('hex');
  #keyCount = 0;
  readonly #onClosing = new Set<ClosingListener>();
  /** The present one, or the last. */
  #wire: Wire | undefined;
  /** What the server has said last of itself. */
  #server: ServerHello | undefined;

  /** `timeoutMs`: of calls that do not say their own. */
  constructor({ dial, peer, hello, reconnect }: CallsOptions, timeoutMs: number, listener: CallsListener) {
    this.#promises = new Promises(timeoutMs);
    this.#listener = listener;
    this.#connection = new Connection(
      {
        begin: (link) => {
          this.#wire = new Wire(dial(), peer, hello(), {
            onOpen: link.onOpen,
            onOver: link.onOver,
            onFrame: (frame) => this.#onFrame(frame),
            onDrain: () => this.errands.onDrain(),
          });
          return this.#wire;
        },
        peer,
        reconnect,
      },
      this,
    );
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  get server(): ServerHello | undefined {
    return this.#server;
  }

  /** What the server takes in one frame. */
  get frameBytes(): number {
    return this.server?.limits.frameBytes ?? 0;
  }

  open(signal: AbortSignal | undefined): Promise<void> {
    return this.#connection.open(signal);
  }

  /** Takes nothing new, waits for what was asked, `timeoutMs` at the most, and resolves when the connection is closed. */
  async close(timeoutMs: number | undefined): Promise<void> {
    this.#refuse(new OutcryError('ERR_CLIENT_CLOSED', 'the client was closed'), true);
    await this.#promises.settle(timeoutMs, unanswered());
    await this.#connection.close();
  }

  /** A promise that has a deadline and ends with the client. It may be settled already: then nothing is to be asked. */
  promise<T>(answerer: Answerer, options: CallOptions): Pending<T> {
    return this.#promises.make(answerer, options);
  }

  request<N extends OperationOf<'request'>>(
    operation: N,
    params: ParamsOf<N>,
    { key, ...options }: KeyedOptions = {},
  ): Promise<ReplyOf<N>> {
    const pending: Pending<ReplyOf<N>> = this.promise(
      {
        timeoutError: (timeoutMs) => errand.timeoutError(timeoutMs),
        onGivenUp: () => this.errands.giveUp(errand),
      },
      options,
    );
    const errand: Errand = this.errand(operation, params, {
      key,
      asker: {
        deadlineMs: () => pending.deadlineMs,
        mayStartOver: () => true,
        onReply: (result) => pending.resolve(result as ReplyOf<N>),
        onFail: (error) => pending.reject(error),
      },
    });
    if (key !== undefined && !isKey(key)) pending.reject(keyError(key));
    if (!pending.isSettled) this.errands.start(errand);
    return pending.promise;
  }

  /** It is not started. */
  errand<N extends OperationName>(
    operation: N,
    params: ParamsOf<N>,
    { key, asker }: { readonly key?: string | undefined; readonly asker: Asker },
  ): Errand {
    const isKeyed = findOperation(operation)?.repetition === 'keyed';
    return new Errand(operation, params, isKeyed ? (key ?? this.#nextKey()) : null, asker);
  }

  /** `react` is called when the client begins to close; returns how to prevent that. */
  onClosing(react: ClosingListener): () => void {
    this.#onClosing.add(react);
    return () => this.#onClosing.delete(react);
  }

  onOpen(): void {
    if (this.#wire !== undefined) this.errands.onOpen(this.#wire);
  }

  onLost(error: OutcryError): void {
    this.errands.onLost(error);
  }

  onState(change: StateChange): void {
    if (change.state === 'connected') this.#server = change.server;
    if (change.state === 'closed' && change.error !== undefined) this.#onClosedFor(change.error);
    this.#listener.onState(change);
  }

  #onFrame(frame: ServerFrame): void {
    if (frame[0] !== FRAME.event) {
      this.#connection.onProgress();
      this.errands.onFrame(frame);
      return;
    }
    const [, name, data] = frame;
    if (name === 'closing') this.errands.hold();
    this.#listener.onNotice({ name, data });
  }

  #onClosedFor(cause: OutcryError): void {
    this.#refuse(
      new OutcryError('ERR_CLIENT_CLOSED', `the client is closed: ${cause.message}`, { cause }),
      false,
    );
    const message = `there will be no answer, and it may have been done: ${cause.message}`;
    this.#promises.giveUpAll(new OutcryError('ERR_CONNECTION_LOST', message, { cause }));
  }

  #refuse(refusal: OutcryError, isWanted: boolean): void {
    const first = this.#promises.refuse(refusal);
    for (const react of this.#onClosing) react(first, isWanted);
  }

  #nextKey(): string {
    this.#keyCount += 1;
    return `${this.#clientId}-${this.#keyCount}`;
  }
}

function isKey(key: unknown): boolean {
  return typeof key === 'string' && IDEMPOTENCY_KEY.test(key);
}

function keyError(key: unknown): OutcryError {
  const rule = '1 to 127 printable ASCII characters, and begins with no space';
  return new OutcryError('ERR_API_KEY', `a key is text of ${rule}, not ${JSON.stringify(key)}`);
}

function unanswered(): OutcryError {
  return new OutcryError(
    'ERR_CLIENT_CLOSED',
    'the client was closed before the answer; it may have been done',
  );
}
