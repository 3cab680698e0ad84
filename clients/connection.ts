/**
 * A client's way to its server: one wire after the other.
 *
 *     connecting ── hello ──► connected ── broken ──► reconnecting ── hello ──► connected …
 *         │                                                │
 *         └── the first attempt failed ──► closed ◄────────┴── refused, given up, or `close`
 */
import type { Duplex } from 'node:stream';
import { type ClientHello, FRAME, type ServerFrame, type ServerHello } from '../src/protocol/api/frames.ts';
import { messageOf, OutcryError } from '../src/values/errors.ts';
import { Backoff } from './backoff.ts';
import { isPeriod, PERIOD, TIMER_MAX_MS } from './pending.ts';
import { Wire } from './wire.ts';

export interface ReconnectOptions {
  /** The first pause is at most so long; the limit doubles with each attempt that fails. 50 without it. */
  readonly minMs?: number | undefined;
  /** No pause is longer. 5,000 without it. */
  readonly maxMs?: number | undefined;
  /** Without a connection for so long the client closes. Without it it tries for ever. */
  readonly giveUpMs?: number | undefined;
}

/** What a client tells of its connection. */
export type StateChange =
  | { readonly state: 'connected'; readonly server: ServerHello }
  /** `error`: what was wrong; the next attempt begins after `pauseMs`. */
  | { readonly state: 'reconnecting'; readonly error: OutcryError; readonly pauseMs: number }
  /** For good. `error`: why; undefined if the client itself was closed. */
  | { readonly state: 'closed'; readonly error: OutcryError | undefined };
export type ConnectionState = 'connecting' | StateChange['state'];

export interface ConnectionOptions {
  /** Begins a connection. */
  readonly dial: () => Duplex;
  /** What people call the server. */
  readonly peer: string;
  readonly hello: ClientHello;
  readonly reconnect: ReconnectOptions | false;
}

export interface ConnectionListener {
  onOpen(wire: Wire): void;
  onFrame(frame: ServerFrame): void;
  onDrain(): void;
  /** What was asked over it is not answered any more. */
  onLost(error: OutcryError): void;
  onState(change: StateChange): void;
}

const PAUSE_MIN_MS = 50;
const PAUSE_MAX_MS = 5000;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #listener: ConnectionListener;
  readonly #backoff: Backoff;
  readonly #giveUpMs: number;
  #state: ConnectionState = 'connecting';
  #wire: Wire | undefined;
  #server: ServerHello | undefined;
  #pause: NodeJS.Timeout | undefined;
  #giveUp: NodeJS.Timeout | undefined;
  #onFirst: ((error?: unknown) => void) | undefined;

  constructor(options: ConnectionOptions, listener: ConnectionListener) {
    this.#options = options;
    this.#listener = listener;
    const { minMs, maxMs, giveUpMs } = checked(options.reconnect || {});
    this.#backoff = new Backoff(minMs, Math.min(maxMs, TIMER_MAX_MS));
    this.#giveUpMs = giveUpMs;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** What the server has said last of itself. */
  get server(): ServerHello | undefined {
    return this.#server;
  }

  /** Resolves with the first hello. Rejects with why there is none; the connection is closed then. */
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
        this.#dial();
      });
    } finally {
      this.#onFirst = undefined;
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** In order: what was said before still leaves. Resolves when it is closed. */
  async close(): Promise<void> {
    const wire = this.#wire;
    if (this.#state === 'closed') return;
    this.#end(undefined);
    await wire?.end();
  }

  #dial(): void {
    const { dial, peer, hello } = this.#options;
    let stream: Duplex;
    try {
      stream = dial();
    } catch (cause) {
      const message = `no connection to ${peer} could be made: ${messageOf(cause)}`;
      this.#onOver(new OutcryError('ERR_CONNECTION_FAILED', message, { cause }), false);
      return;
    }
    this.#wire = new Wire(stream, peer, hello, {
      onOpen: (server) => this.#onOpen(server),
      onFrame: (frame) => this.#onFrame(frame),
      onDrain: () => this.#listener.onDrain(),
      onOver: (error, isFinal) => this.#onOver(error, isFinal),
    });
  }

  #onOpen(server: ServerHello): void {
    clearTimeout(this.#giveUp);
    this.#giveUp = undefined;
    this.#server = server;
    this.#change({ state: 'connected', server });
    this.#onFirst?.();
    if (this.#wire !== undefined) this.#listener.onOpen(this.#wire);
  }

  #onFrame(frame: ServerFrame): void {
    // Not at the hello: a server that says it and closes each time is not to be asked without a pause.
    if (frame[0] !== FRAME.event) this.#backoff.reset();
    this.#listener.onFrame(frame);
  }

  #onOver(error: OutcryError, isFinal: boolean): void {
    if (this.#state === 'closed') return;
    const { reconnect } = this.#options;
    const isFirst = this.#state === 'connecting';
    this.#wire = undefined;
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
    this.#pause = setTimeout(() => this.#dial(), pauseMs);
    this.#change({ state: 'reconnecting', error, pauseMs });
  }

  #onGiveUp(cause: OutcryError): void {
    const message = `given up ${this.#options.peer}, without a connection: ${cause.message}`;
    const wire = this.#wire;
    this.#end(new OutcryError('ERR_CONNECTION_FAILED', message, { cause }));
    void wire?.end();
  }

  #end(error: OutcryError | undefined): void {
    clearTimeout(this.#pause);
    clearTimeout(this.#giveUp);
    this.#wire = undefined;
    this.#change({ state: 'closed', error });
  }

  #change(change: StateChange): void {
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
