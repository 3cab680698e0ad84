/** One connection of a client to an exchange, by SoupBinTCP or bare: the same to whoever sends and hears over it. */
import type { Socket } from 'node:net';
import { decodeOutbound, encodeInbound, type InboundMessage } from '../../src/protocol/ouch/messages.ts';
import { messagesWith } from '../../src/protocol/ouch-inputs/names.ts';
import { RawSplitter } from '../../src/protocol/ouch-inputs/raw-splitter.ts';
import { encodeClientPacket } from '../../src/protocol/soupbintcp/packets.ts';
import { messageOf, OutcryError } from '../../src/values/errors.ts';
import { dial, explainFailure } from '../dial.ts';
import { SoupLink } from '../ouch/soup-link.ts';
import { TurnStream } from '../turn-stream.ts';
import type { Target } from './target.ts';

/** Of what an exchange says, by letter. */
const LENGTHS: ReadonlyMap<number | undefined, readonly number[]> = new Map(
  messagesWith('outbound').map(({ letter, lengths }) => [letter.charCodeAt(0), lengths]),
);

export interface Login {
  readonly user: string;
  readonly password: string;
  /** Blank for the current one. */
  readonly session: string;
  /** Of the first message to hear; undefined to hear only what is told from now on. */
  readonly sequence: number | undefined;
}

export interface DoorListener {
  /** The client may send. `heard`: so many messages of the session are not told to it, since they are older. */
  onReady(session: string, heard: number): void;
  /** One message of OUCH, from `start` to `end`. */
  onReply(bytes: Uint8Array, start: number, end: number): void;
  onDrain(): void;
  /** The connection has ended: without an error as it was asked to. Nothing comes behind it. */
  onOver(error: OutcryError | undefined): void;
}

export interface Door {
  /** What is sent now is taken without more memory. */
  readonly isWritable: boolean;
  send(message: InboundMessage): void;
  /** Messages as they are sent here: in packets, or bare. `onTaken`: nothing of them is read any more. */
  sendAll(bytes: Uint8Array, onTaken: () => void): void;
  /** Nothing more is sent; what still comes is heard until the exchange closes. */
  halfClose(): void;
  /** Asks the exchange to close. Without SoupBinTCP that is to half-close. */
  logOut(): void;
  /** Ends at once and in no order; the listener is not told. */
  reset(): void;
}

/** Throws ERR_SOUPBIN_PACKET if the login does not fit. */
export function openDoor(target: Target, login: Login, timeoutMs: number, listener: DoorListener): Door {
  return target.isRaw
    ? new RawDoor(target, timeoutMs, listener)
    : new SoupDoor(target, login, timeoutMs, listener);
}

class SoupDoor implements Door {
  readonly #socket: Socket;
  readonly #link: SoupLink;
  /** The last of the older messages comes with the login. */
  #isOld = false;

  constructor(target: Target, login: Login, timeoutMs: number, listener: DoorListener) {
    const { user, password, session: requestedSession, sequence } = login;
    const request = {
      type: 'login-request',
      user,
      password,
      requestedSession,
      sequence: sequence ?? 0,
    } as const;
    this.#socket = dial(target.host, target.port);
    this.#link = new SoupLink(
      () => this.#socket,
      peerOf(target),
      request,
      { loginMs: timeoutMs },
      {
        onAccepted: (accepted) => {
          // The first message of a session is not old: it is about the day, and told to everybody who logs in.
          this.#isOld = sequence === undefined && accepted.sequence > 1;
          const next = this.#isOld ? accepted.sequence + 1 : accepted.sequence;
          listener.onReady(accepted.session, next - 1);
        },
        onMessage: (bytes, start, end) => {
          // Who only counts replies does not decode them, which throws if it is none.
          if (LENGTHS.get(bytes[start])?.includes(end - start) !== true) {
            decodeOutbound(bytes.subarray(start, end), target.form);
          }
          if (this.#isOld) this.#isOld = false;
          else listener.onReply(bytes, start, end);
        },
        onIdle: () => {},
        onDebug: () => {},
        onDrain: () => listener.onDrain(),
        onOver: (end, error) => listener.onOver(end === 'left' ? undefined : error),
      },
    );
  }

  get isWritable(): boolean {
    return this.#link.isWritable;
  }

  send(message: InboundMessage): void {
    this.#link.write(encodeClientPacket({ type: 'unsequenced', message: encodeInbound(message) }));
  }

  sendAll(bytes: Uint8Array, onTaken: () => void): void {
    this.#link.write(bytes, onTaken);
  }

  halfClose(): void {
    this.#link.halfClose();
  }

  logOut(): void {
    this.#link.logOut();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
    this.#link.destroy();
  }
}

class RawDoor implements Door {
  readonly #socket: Socket;
  readonly #stream: TurnStream;
  readonly #peer: string;
  readonly #listener: DoorListener;
  readonly #splitter = new RawSplitter('outbound');
  readonly #connecting: NodeJS.Timeout;
  #isOpen = false;
  #isLeaving = false;
  #isOver = false;

  constructor(target: Target, timeoutMs: number, listener: DoorListener) {
    const socket = dial(target.host, target.port);
    this.#socket = socket;
    this.#stream = new TurnStream(socket);
    this.#peer = peerOf(target);
    this.#listener = listener;
    const late = `${this.#peer} did not answer within ${timeoutMs} ms`;
    this.#connecting = setTimeout(() => this.#finish(this.#brokenError(late)), timeoutMs);
    socket.on('connect', () => this.#onConnect());
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('drain', () => {
      if (!this.#isOver) listener.onDrain();
    });
    socket.on('error', (cause) => this.#finish(this.#brokenError(explainFailure(this.#peer, cause), cause)));
    socket.on('end', () => this.#onClosed());
    socket.on('close', () => this.#onClosed());
  }

  get isWritable(): boolean {
    return this.#isOpen && !this.#isLeaving && !this.#isOver && this.#stream.isWritable;
  }

  send(message: InboundMessage): void {
    this.#write(encodeInbound(message));
  }

  sendAll(bytes: Uint8Array, onTaken: () => void): void {
    this.#write(bytes, onTaken);
  }

  halfClose(): void {
    if (this.#isLeaving || this.#isOver) return;
    this.#isLeaving = true;
    this.#stream.halfClose();
  }

  logOut(): void {
    this.halfClose();
  }

  reset(): void {
    this.#isOver = true;
    clearTimeout(this.#connecting);
    this.#socket.resetAndDestroy();
  }

  #write(bytes: Uint8Array, onTaken?: () => void): void {
    if (!this.#isLeaving && !this.#isOver) this.#stream.write(bytes, onTaken);
  }

  #onConnect(): void {
    if (this.#isOver || this.#socket.destroyed) return;
    clearTimeout(this.#connecting);
    this.#isOpen = true;
    this.#listener.onReady('', 0);
  }

  #onData(chunk: Uint8Array): void {
    if (this.#isOver) return;
    try {
      this.#splitter.feed(chunk, (bytes, start, end) => {
        if (!this.#isOver) this.#listener.onReply(bytes, start, end);
      });
    } catch (cause) {
      const message = `what ${this.#peer} sent was not understood: ${messageOf(cause)}`;
      const code = cause instanceof OutcryError ? cause.code : 'ERR_UNEXPECTED';
      this.#finish(new OutcryError(code, message, { cause }));
    }
  }

  #onClosed(): void {
    this.#finish(this.#isLeaving ? undefined : this.#brokenError(`${this.#peer} closed the connection`));
  }

  #brokenError(message: string, cause?: unknown): OutcryError {
    return new OutcryError(this.#isOpen ? 'ERR_CONNECTION_LOST' : 'ERR_CONNECTION_FAILED', message, {
      cause,
    });
  }

  #finish(error: OutcryError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#connecting);
    this.#socket.destroy();
    this.#listener.onOver(error);
  }
}

function peerOf({ host, port }: Target): string {
  return `${host}:${port}`;
}
