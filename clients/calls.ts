/**
 * What the parts of a client are made of: requests, downloads and uploads over whatever connection there is, and the end
 * of all of them.
 *
 * Invariant: every promise that is handed out is settled once, at the latest by its deadline or the end of the client.
 */
import { randomBytes } from 'node:crypto';
import { FRAME, type ServerFrame, type ServerHello } from '../src/protocol/api/frames.ts';
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
  type ConnectionOptions,
  type ConnectionState,
  type StateChange,
} from './connection.ts';
import { type Asker, Errand } from './errand.ts';
import { Errands } from './errands.ts';
import { type Answerer, type CallOptions, type Keeper, Pending, type Waiting } from './pending.ts';
import type { Wire } from './wire.ts';

/** What the server tells without being asked. */
export interface Notice {
  /**
   * `closing`: the server is shutting down, and `data` is `{ message }`.
   * `trouble`: it can store nothing at the moment, and answers when it can; `data` is `{ code, message }`.
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

export class Calls implements ConnectionListener, Keeper {
  readonly errands = new Errands();
  readonly #connection: Connection;
  readonly #timeoutMs: number;
  readonly #listener: CallsListener;
  readonly #clientId = randomBytes(CLIENT_ID_BYTES).toString('hex');
  #keyCount = 0;
  readonly #pending = new Set<Waiting>();
  readonly #onClosing = new Set<ClosingListener>();
  /** What new calls reject with. */
  #refusal: OutcryError | undefined;
  #idle: Promise<void> | undefined;
  #onIdle: () => void = () => {};

  /** `timeoutMs`: of calls that do not say their own. */
  constructor(options: ConnectionOptions, timeoutMs: number, listener: CallsListener) {
    this.#connection = new Connection(options, this);
    this.#timeoutMs = timeoutMs;
    this.#listener = listener;
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  get server(): ServerHello | undefined {
    return this.#connection.server;
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
    const limit =
      timeoutMs === undefined ? undefined : setTimeout(() => this.#giveUpAll(unanswered()), timeoutMs);
    this.#idle ??= this.#whenIdle();
    await this.#idle;
    clearTimeout(limit);
    await this.#connection.close();
  }

  /** A promise that has a deadline and ends with the client. It may be settled already: then nothing is to be asked. */
  promise<T>(answerer: Answerer, { signal, timeoutMs = this.#timeoutMs }: CallOptions): Pending<T> {
    const pending = new Pending<T>(answerer, this, timeoutMs, signal);
    if (this.#refusal !== undefined) pending.reject(this.#refusal);
    if (!pending.isSettled) this.#pending.add(pending);
    return pending;
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

  onOpen(wire: Wire): void {
    this.errands.onOpen(wire);
  }

  onFrame(frame: ServerFrame): void {
    if (frame[0] !== FRAME.event) {
      this.errands.onFrame(frame);
      return;
    }
    const [, name, data] = frame;
    if (name === 'closing') this.errands.hold();
    this.#listener.onNotice({ name, data });
  }

  onDrain(): void {
    this.errands.onDrain();
  }

  onLost(error: OutcryError): void {
    this.errands.onLost(error);
  }

  onState(change: StateChange): void {
    if (change.state === 'closed' && change.error !== undefined) this.#onClosedFor(change.error);
    this.#listener.onState(change);
  }

  #onClosedFor(cause: OutcryError): void {
    this.#refuse(
      new OutcryError('ERR_CLIENT_CLOSED', `the client is closed: ${cause.message}`, { cause }),
      false,
    );
    const message = `there will be no answer, and it may have been done: ${cause.message}`;
    this.#giveUpAll(new OutcryError('ERR_CONNECTION_LOST', message, { cause }));
  }

  #refuse(refusal: OutcryError, isWanted: boolean): void {
    this.#refusal ??= refusal;
    for (const react of this.#onClosing) react(this.#refusal, isWanted);
  }

  #giveUpAll(reason: OutcryError): void {
    for (const pending of this.#pending) pending.giveUp(reason);
  }

  forget(settled: Waiting): void {
    this.#pending.delete(settled);
    if (this.#pending.size === 0) this.#onIdle();
  }

  async #whenIdle(): Promise<void> {
    while (this.#pending.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
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
