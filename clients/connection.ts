/**
 * A client's way to its server: one link after the other, each a stream on which both sides have agreed to go on.
 *
 *     connecting ── open ──► connected ── broken ──► reconnecting ── open ──► connected …
 *         │                                              │
 *         └── the first attempt failed ──► closed ◄──────┴── refused, given up, or `close`
 */
import type { ServerHello } from '../src/protocol/api/frames.ts';
import { messageOf, OutcryError } from '../src/values/errors.ts';
import { Backoff } from './backoff.ts';
import { isPeriod, PERIOD, TIMER_MAX_MS } from './pending.ts';

export interface ReconnectOptions {
  /** The first pause is at most so long; the limit doubles with each attempt that fails. 50 without it. */
  readonly minMs?: number | undefined;
  /** No pause is longer. 5,000 without it. */
  readonly maxMs?: number | undefined;
  /** Without a connection for so long the client closes. Without it it tries for ever. */
  readonly giveUpMs?: number | undefined;
}

/** What a client tells of its connection; `Opened` is what it knows of a new one. */
export type StateChange<Opened = { readonly server: ServerHello }> =
  | ({ readonly state: 'connected' } & Opened)
  /** `error`: what was wrong; the next attempt begins after `pauseMs`. */
  | { readonly state: 'reconnecting'; readonly error: OutcryError; readonly pauseMs: number }
  /** For good. `error`: why; undefined if the client itself was closed. */
  | { readonly state: 'closed'; readonly error: OutcryError | undefined };
export type ConnectionState = 'connecting' | StateChange['state'];

/** One connection, from its beginning to its end. */
export interface Link {
  /** Ends it in order: what was written still leaves. Resolves when it is closed; the listener is not told. */
  end(): Promise<void>;
}

export interface LinkListener<Opened> {
  onOpen(opened: Opened): void;
  /** Told once, and nothing after it. `isFinal`: another connection would end in the same way. */
  onOver(error: OutcryError, isFinal: boolean): void;
}

export interface ConnectionOptions<Opened> {
  /** Begins a link. What it throws, or the end of a link that never opened, is an attempt that failed. */
  readonly begin: (listener: LinkListener<Opened>) => Link;
  /** What people call the server. */
  readonly peer: string;
  readonly reconnect: ReconnectOptions | false;
}

export interface ConnectionListener<Opened> {
  onOpen(opened: Opened): void;
  /** What was asked over it is not answered any more. */
  onLost(error: OutcryError): void;
  onState(change: StateChange<Opened>): void;
}

const PAUSE_MIN_MS = 50;
const PAUSE_MAX_MS = 5000;

export class Connection<Opened> {
  readonly #options: ConnectionOptions<Opened>;
  readonly #listener: ConnectionListener<Opened>;
  readonly #backoff: Backoff;
  readonly #giveUpMs: number;
  #state: ConnectionState = 'connecting';
  #link: Link | undefined;
  #pause: NodeJS.Timeout | undefined;
  #giveUp: NodeJS.Timeout | undefined;
  #onFirst: ((error?: unknown) => void) | undefined;

  constructor(options: ConnectionOptions<Opened>, listener: ConnectionListener<Opened>) {
    this.#options = options;
    this.#listener = listener;
    const { minMs, maxMs, giveUpMs } = checked(options.reconnect || {});
    this.#backoff = new Backoff(minMs, Math.min(maxMs, TIMER_MAX_MS));
    this.#giveUpMs = giveUpMs;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Resolves when the first link is open. Rejects with why there is none; the connection is closed then. */
  async open(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const onAbort = () => {
      this.#onFirst?.(signal?.reason);
      void this.close();
    };
    signal?.addEventListener('abort', onAbort);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#onFirst = (error) => (error === undefined ? resolve() : reject(error));
        this.#begin();
      });
    } finally {
      this.#onFirst = undefined;
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** In order: what was said before still leaves. Resolves when it is closed. */
  async close(): Promise<void> {
    const link = this.#link;
    if (this.#state === 'closed') return;
    this.#end(undefined);
    await link?.end();
  }

  /**
   * The server has done something for us. Not told when a link opens: a server that lets us in and closes each time is not
   * to be asked without a pause.
   */
  onProgress(): void {
    this.#backoff.reset();
  }

  #begin(): void {
    const { begin, peer } = this.#options;
    try {
      this.#link = begin({
        onOpen: (opened) => this.#onOpen(opened),
        onOver: (error, isFinal) => this.#onOver(error, isFinal),
      });
    } catch (cause) {
      const message = `no connection to ${peer} could be made: ${messageOf(cause)}`;
      this.#onOver(new OutcryError('ERR_CONNECTION_FAILED', message, { cause }), false);
    }
  }

  #onOpen(opened: Opened): void {
    clearTimeout(this.#giveUp);
    this.#giveUp = undefined;
    this.#change({ state: 'connected', ...opened });
    this.#onFirst?.();
    if (this.#link !== undefined) this.#listener.onOpen(opened);
  }

  #onOver(error: OutcryError, isFinal: boolean): void {
    if (this.#state === 'closed') return;
    const { reconnect } = this.#options;
    const isFirst = this.#state === 'connecting';
    this.#link = undefined;
    if (this.#state === 'connected') this.#listener.onLost(error);
    if (isFirst || reconnect === false || isFinal) {
      this.#end(error);
      this.#onFirst?.(error);
      return;
    }
    if (this.#giveUpMs <= TIMER_MAX_MS) {
      this.#giveUp ??= setTimeout(() => this.#onGiveUp(error), this.#giveUpMs);
    }
    const pauseMs = this.#backoff.nextMs();
    this.#pause = setTimeout(() => this.#begin(), pauseMs);
    this.#change({ state: 'reconnecting', error, pauseMs });
  }

  #onGiveUp(cause: OutcryError): void {
    const message = `given up ${this.#options.peer}, without a connection: ${cause.message}`;
    const link = this.#link;
    this.#end(new OutcryError('ERR_CONNECTION_FAILED', message, { cause }));
    void link?.end();
  }

  #end(error: OutcryError | undefined): void {
    clearTimeout(this.#pause);
    clearTimeout(this.#giveUp);
    this.#link = undefined;
    this.#change({ state: 'closed', error });
  }

  #change(change: StateChange<Opened>): void {
    this.#state = change.state;
    this.#listener.onState(change);
  }
}

function checked({
  minMs = PAUSE_MIN_MS,
  maxMs = PAUSE_MAX_MS,
  giveUpMs = Number.POSITIVE_INFINITY,
}: ReconnectOptions) {
  const periods = { minMs, maxMs, giveUpMs };
  for (const [name, ms] of Object.entries(periods)) {
    if (!isPeriod(ms))
      throw new OutcryError('ERR_API_PARAMS', `reconnect.${name} is ${ms}; expected ${PERIOD}`);
  }
  return periods;
}
