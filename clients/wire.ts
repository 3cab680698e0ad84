/**
 * One connection to a server, from the hello to its end.
 *
 *     greeting ── hello ──► open ── broken, silent, or not understood ──► over
 *         └──────── refused, or no hello in time ─────────────────────────┘
 *
 * Invariant: the listener is told of the end once, and of nothing after it.
 */
import type { Duplex } from 'node:stream';
import {
  type ClientFrame,
  type ClientHello,
  decodeServerFrame,
  encodeFrame,
  FRAME,
  PROTOCOL_VERSION,
  type ServerFrame,
  type ServerHello,
} from '../src/protocol/api/frames.ts';
import { messageOf, OutcryError } from '../src/values/errors.ts';
import type { Link, LinkListener } from './connection.ts';
import { explainFailure } from './dial.ts';
import { FrameReader } from './frame-reader.ts';
import { Heartbeat } from './heartbeat.ts';
import { TurnStream } from './turn-stream.ts';
import { errorOf } from './wire-errors.ts';

export interface WireListener extends LinkListener<{ readonly server: ServerHello }> {
  /** A frame of an errand, or an event. */
  onFrame(frame: ServerFrame): void;
  /** The other side has taken what was written. */
  onDrain(): void;
}

const HELLO_LIMIT_MS = 10_000;
/** A server's hello has a few hundred bytes. */
const HELLO_BYTES_MAX = 65_536;

export class Wire implements Link {
  readonly #stream: TurnStream;
  readonly #peer: string;
  readonly #listener: WireListener;
  readonly #reader = new FrameReader(HELLO_BYTES_MAX);
  readonly #patience: NodeJS.Timeout;
  #server: ServerHello | undefined;
  #heartbeat: Heartbeat | undefined;
  #isOver = false;

  /** `peer` is what people call the server. */
  constructor(stream: Duplex, peer: string, hello: ClientHello, listener: WireListener) {
    this.#stream = new TurnStream(stream);
    this.#peer = peer;
    this.#listener = listener;
    stream.on('data', (chunk: Uint8Array) => this.#onData(chunk));
    stream.on('drain', () => {
      if (this.#server !== undefined && !this.#isOver) listener.onDrain();
    });
    // What comes behind the first of these finds the connection over.
    stream.on('error', (cause) => this.#break(explainFailure(peer, cause), cause));
    stream.on('end', () => this.#break(`${peer} closed the connection`));
    stream.on('close', () => this.#break(`${peer} closed the connection`));
    this.#patience = setTimeout(
      () => this.#break(`${peer} did not answer within ${HELLO_LIMIT_MS / 1000} s; does it serve the api?`),
      HELLO_LIMIT_MS,
    );
    this.send([FRAME.hello, hello]);
  }

  /** Undefined before it is open. */
  get server(): ServerHello | undefined {
    return this.#server;
  }

  /** The other side takes what is written; frames that cannot wait may be sent in any case. */
  get isWritable(): boolean {
    return this.#server !== undefined && !this.#isOver && this.#stream.isWritable;
  }

  send(frame: ClientFrame): void {
    this.write(encodeFrame(frame));
  }

  write(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#stream.write(bytes);
    this.#heartbeat?.sent();
  }

  end(): Promise<void> {
    this.#isOver = true;
    clearTimeout(this.#patience);
    this.#heartbeat?.stop();
    if (this.#server === undefined) this.#stream.destroy();
    return this.#stream.end();
  }

  #onData(chunk: Uint8Array): void {
    if (this.#isOver) return;
    this.#heartbeat?.heard();
    try {
      this.#reader.feed(chunk, (bytes, start, end) => {
        if (!this.#isOver) this.#onFrame(decodeServerFrame(bytes, start, end));
      });
    } catch (error) {
      this.#finish(error instanceof OutcryError ? error : this.#protocolError(messageOf(error), error), true);
    }
  }

  #onFrame(frame: ServerFrame): void {
    switch (frame[0]) {
      case FRAME.hello:
        this.#onHello(frame[1]);
        break;
      case FRAME.heartbeat:
        break;
      case FRAME.error:
        if (frame[1] === null) this.#finish(errorOf(frame[2]), !frame[2].retryable);
        else this.#pass(frame);
        break;
      default:
        this.#pass(frame);
    }
  }

  #onHello(server: ServerHello): void {
    if (this.#server !== undefined) throw this.#protocolError('it said hello twice');
    if (!isUsable(server)) {
      throw this.#protocolError(`it does not speak version ${PROTOCOL_VERSION} of the protocol`);
    }
    clearTimeout(this.#patience);
    this.#server = server;
    this.#reader.lengthMax = server.limits.frameBytes;
    this.#heartbeat = new Heartbeat(server.limits.idleMs, {
      onBeat: () => this.send([FRAME.heartbeat]),
      onSilence: (silentMs) => this.#break(`${this.#peer} has been silent for ${silentMs} ms`),
    });
    this.#listener.onOpen({ server });
  }

  #pass(frame: ServerFrame): void {
    if (this.#server === undefined) throw this.#protocolError('its first frame is no hello');
    this.#listener.onFrame(frame);
  }

  #break(message: string, cause?: unknown): void {
    const code = this.#server === undefined ? 'ERR_CONNECTION_FAILED' : 'ERR_CONNECTION_LOST';
    this.#finish(new OutcryError(code, message, { cause }), false);
  }

  #finish(error: OutcryError, isFinal: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#patience);
    this.#heartbeat?.stop();
    this.#stream.destroy();
    this.#listener.onOver(error, isFinal);
  }

  #protocolError(what: string, cause?: unknown): OutcryError {
    return new OutcryError('ERR_API_PROTOCOL', `${this.#peer} is no server of the api: ${what}`, { cause });
  }
}

function isUsable({ protocol, limits }: Partial<ServerHello>): boolean {
  const counts = [limits?.frameBytes, limits?.requests, limits?.streams, limits?.idleMs];
  return (
    protocol === PROTOCOL_VERSION && counts.every((count) => Number.isInteger(count) && Number(count) > 0)
  );
}
