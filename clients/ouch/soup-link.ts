/**
 * One connection by SoupBinTCP, from the login to its end.
 *
 *     logging in ── accepted ──► open ── End of Session, broken, silent, or not understood ──► over
 *         └──────── refused, or no answer in time ─────────────────────────────────────────────┘
 *     open ── halfClose(), logOut() ──► leaving ── the server closes ──► over
 *
 * Invariant: the listener is told of the end once, and of nothing after it.
 */
import type { Duplex } from 'node:stream';
import { PacketSplitter } from '../../src/protocol/soupbintcp/packet-splitter.ts';
import {
  decodeServerPacket,
  encodeClientPacket,
  HEADER_BYTES,
  HEARTBEAT_MS,
  type LoginAccepted,
  type LoginRequest,
  PACKET,
  type ServerPacket,
  SILENCE_MS,
} from '../../src/protocol/soupbintcp/packets.ts';
import { messageOf, OutcryError } from '../../src/values/errors.ts';
import type { Link } from '../connection.ts';
import { explainFailure } from '../dial.ts';
import { TurnStream } from '../turn-stream.ts';

export interface SoupTimeouts {
  /** For the answer to the login. 10,000 without it. */
  readonly loginMs?: number | undefined;
  /** Nothing is sent for longer. 1,000 without it. */
  readonly heartbeatMs?: number | undefined;
  /** A server that is silent for so long is taken for dead. 15,000 without it. */
  readonly silenceMs?: number | undefined;
}

export interface SoupListener {
  onAccepted(login: LoginAccepted): void;
  /** One message, from `start` to `end`. */
  onMessage(bytes: Uint8Array, start: number, end: number): void;
  /** Nothing waits to be sent to us: the server has only said that it is there. */
  onIdle(): void;
  onDebug(text: string): void;
  onDrain(): void;
  /** As it was told, or found out; the error says it to people. */
  onOver(end: SoupEnd, error: OutcryError): void;
}

/**
 * `left`: as we had asked. `broken`: another connection may do. `refused-user` and `refused-session`: what the server does
 * not accept.
 */
export type SoupEnd =
  | 'left'
  | 'session-ended'
  | 'refused-user'
  | 'refused-session'
  | 'broken'
  | 'not-understood';

const LOGIN_ANSWER_MS = 10_000;
const HEARTBEAT = encodeClientPacket({ type: 'client-heartbeat' });
const LOGOUT = encodeClientPacket({ type: 'logout-request' });

export class SoupLink implements Link {
  readonly #stream: TurnStream;
  readonly #peer: string;
  readonly #listener: SoupListener;
  readonly #splitter = new PacketSplitter();
  readonly #login: NodeJS.Timeout;
  /** Due when nothing was sent for as long as may be. */
  readonly #sending: NodeJS.Timeout;
  /** Due when nothing came for too long. */
  readonly #hearing: NodeJS.Timeout;
  #isOpen = false;
  /** Nothing more is sent, and the server is to close. */
  #isLeaving = false;
  #isOver = false;

  /** `peer` is what people call the server. Throws ERR_SOUPBIN_PACKET if the login does not fit. */
  constructor(
    dial: () => Duplex,
    peer: string,
    login: LoginRequest,
    timeouts: SoupTimeouts,
    listener: SoupListener,
  ) {
    const request = encodeClientPacket(login);
    const { loginMs = LOGIN_ANSWER_MS, heartbeatMs = HEARTBEAT_MS, silenceMs = SILENCE_MS } = timeouts;
    this.#peer = peer;
    this.#listener = listener;
    const stream = dial();
    this.#stream = new TurnStream(stream);
    stream.on('data', (chunk: Uint8Array) => this.#onData(chunk));
    stream.on('drain', () => {
      if (!this.#isOver) listener.onDrain();
    });
    // What comes behind the first of these finds the connection over.
    stream.on('error', (cause) => this.#break(explainFailure(peer, cause), cause));
    stream.on('end', () => this.#onClosed());
    stream.on('close', () => this.#onClosed());
    this.#login = setTimeout(() => this.#break(`${peer} did not answer within ${loginMs} ms`), loginMs);
    this.#sending = setTimeout(() => this.write(HEARTBEAT), heartbeatMs);
    this.#hearing = setTimeout(() => this.#break(`${peer} was silent for ${silenceMs} ms`), silenceMs);
    this.write(request);
  }

  get isWritable(): boolean {
    return this.#isOpen && !this.#isLeaving && !this.#isOver && this.#stream.isWritable;
  }

  /** Whole packets. `onTaken`: nothing of them is read any more. */
  write(packets: Uint8Array, onTaken?: () => void): void {
    if (this.#isLeaving || this.#isOver) return;
    this.#stream.write(packets, onTaken);
    this.#sending.refresh();
  }

  /** Says that nothing more will come; what the server still has to say is heard, until it closes. */
  halfClose(): void {
    if (this.#leave()) this.#stream.halfClose();
  }

  /** Asks the server to close; what it says until then is heard. */
  logOut(): void {
    this.write(LOGOUT);
    this.#leave();
  }

  end(): Promise<void> {
    if (this.#isOpen) this.write(LOGOUT);
    else this.#stream.destroy();
    this.#stop();
    return this.#stream.end();
  }

  /** Without a word. */
  destroy(): void {
    this.#stop();
    this.#stream.destroy();
  }

  #onData(chunk: Uint8Array): void {
    if (this.#isOver) return;
    this.#hearing.refresh();
    try {
      this.#splitter.feed(chunk, (bytes, start, end) => {
        if (!this.#isOver) this.#onPacket(bytes, start, end);
      });
    } catch (cause) {
      const message = `what ${this.#peer} sent was not understood: ${messageOf(cause)}`;
      const code = cause instanceof OutcryError ? cause.code : 'ERR_UNEXPECTED';
      this.#finish('not-understood', new OutcryError(code, message, { cause }));
    }
  }

  #onPacket(bytes: Uint8Array, start: number, end: number): void {
    if (bytes[start + HEADER_BYTES - 1] === PACKET.sequenced) {
      this.#expectOpen(true);
      this.#listener.onMessage(bytes, start + HEADER_BYTES, end);
    } else this.#onControl(decodeServerPacket(bytes, start, end));
  }

  #onControl(packet: ServerPacket): void {
    switch (packet.type) {
      case 'server-heartbeat':
        this.#expectOpen(true);
        this.#listener.onIdle();
        break;
      case 'login-accepted':
        this.#expectOpen(false);
        this.#isOpen = true;
        clearTimeout(this.#login);
        this.#listener.onAccepted(packet);
        break;
      case 'login-rejected':
        this.#expectOpen(false);
        if (packet.reason === 'A') this.#refuse('refused-user', 'user or password are wrong');
        else this.#refuse('refused-session', 'it does not have the session that was asked for');
        break;
      case 'end-of-session': {
        const message = `${this.#peer} has ended the session`;
        this.#finish('session-ended', new OutcryError('ERR_SESSION_ENDED', message));
        break;
      }
      case 'debug':
        this.#listener.onDebug(packet.text);
    }
  }

  #expectOpen(isOpen: boolean): void {
    if (this.#isOpen === isOpen) return;
    const what = isOpen ? 'it did not answer the login first' : 'it answered the login twice';
    throw new OutcryError('ERR_SOUPBIN_PACKET', what);
  }

  /** True if it was not so before. */
  #leave(): boolean {
    const isNew = !this.#isLeaving && !this.#isOver;
    this.#isLeaving = true;
    clearTimeout(this.#sending);
    return isNew;
  }

  #onClosed(): void {
    const message = `${this.#peer} closed the connection`;
    if (this.#isLeaving) this.#finish('left', new OutcryError('ERR_CLIENT_CLOSED', message));
    else this.#break(message);
  }

  #refuse(end: SoupEnd, why: string): void {
    this.#finish(end, new OutcryError('ERR_LOGIN_REFUSED', `${this.#peer} refused the login: ${why}`));
  }

  #break(message: string, cause?: unknown): void {
    const code = this.#isOpen ? 'ERR_CONNECTION_LOST' : 'ERR_CONNECTION_FAILED';
    this.#finish('broken', new OutcryError(code, message, { cause }));
  }

  #finish(end: SoupEnd, error: OutcryError): void {
    if (this.#isOver) return;
    this.destroy();
    this.#listener.onOver(end, error);
  }

  #stop(): void {
    this.#isOver = true;
    clearTimeout(this.#login);
    clearTimeout(this.#sending);
    clearTimeout(this.#hearing);
  }
}
