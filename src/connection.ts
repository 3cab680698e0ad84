/**
 * One client's TCP connection on the main thread: it frames what comes in, feeds the host that runs its session, and
 * writes what the session sends. It never looks into a frame.
 *
 *     open ── the client half-closes ──► ended ── the session stops ──► closing ── both sides closed ──► closed
 *       └───────────────── reset, idle, too slow, session stopped ──────────┘
 */
import type { Socket } from 'node:net';
import type { HostLink } from './host-link.ts';
import type { InputPauses } from './input-pauses.ts';
import { LineFramer, type LineSink } from './line-framer.ts';
import { monotonicMs } from './values/clock.ts';

export interface ConnectionLimits {
  /** Bytes of one line without its LF. */
  readonly lineLengthMax: number;
  /** Bytes written and not yet taken by the client, beyond which it is disconnected. */
  readonly outboundBytesMax: number;
}

export class Connection {
  readonly id: number;
  readonly service: string;
  readonly link: HostLink;
  readonly remoteAddress: string;
  /** When the client last sent something, monotonic. */
  lastInputMs = monotonicMs();
  readonly #socket: Socket;
  readonly #outboundBytesMax: number;
  readonly #framer: LineFramer;
  readonly #sink: LineSink;
  readonly #pauses: InputPauses | undefined;
  #reason = '';
  #hasEnded = false;
  #isClosing = false;
  #isPaused = false;
  #isCorked = false;

  constructor(
    id: number,
    service: string,
    socket: Socket,
    link: HostLink,
    limits: ConnectionLimits,
    pauses: InputPauses | undefined,
  ) {
    this.id = id;
    this.service = service;
    this.link = link;
    this.remoteAddress = `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
    this.#socket = socket;
    this.#outboundBytesMax = limits.outboundBytesMax;
    this.#framer = new LineFramer(limits.lineLengthMax);
    this.#sink = (bytes, start, end) => link.sendFrames(id, bytes, start, end);
    this.#pauses = pauses;
    socket.on('data', (chunk: Uint8Array) => this.#onData(chunk));
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error: NodeJS.ErrnoException) => this.#onError(error));
    socket.on('close', () => this.#onClose());
    link.command({ type: 'open', connection: id, service, remoteAddress: this.remoteAddress });
  }

  /** Why it ended; empty while it is open or if it ended in order. */
  get reason(): string {
    return this.#reason;
  }

  /** Paused because its host has enough to do: it is not the client that is silent. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.lastInputMs = monotonicMs();
    this.#socket.resume();
  }

  /** Its host was replaced: asks for a new session there. */
  reopen(): void {
    const { id, service, remoteAddress } = this;
    this.link.command({ type: 'open', connection: id, service, remoteAddress });
    if (this.#hasEnded) this.link.command({ type: 'ended', connection: id });
  }

  /** What has come since the last frame is a frame. */
  flushFrame(): void {
    this.#framer.flush(this.#sink);
  }

  /** Writes for the session; true if it is the first write since the last `uncork`. */
  write(bytes: Uint8Array): boolean {
    if (this.#isClosing) return false;
    const isFirst = !this.#isCorked;
    if (isFirst) {
      this.#isCorked = true;
      this.#socket.cork();
    }
    this.#socket.write(bytes);
    const unread = this.#socket.writableLength;
    if (unread > this.#outboundBytesMax) {
      this.abort(`it left ${unread} bytes unread; the limit is ${this.#outboundBytesMax}`);
    }
    return isFirst;
  }

  uncork(): void {
    this.#isCorked = false;
    this.#socket.uncork();
  }

  /** Closes once all that was written is out; `reason` is empty if the session ended in order. */
  finish(reason: string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#reason = reason;
    this.#socket.destroySoon();
  }

  /** Closes at once. */
  abort(reason: string): void {
    this.#isClosing = true;
    this.#reason = reason;
    this.#socket.destroy();
  }

  #onData(chunk: Uint8Array): void {
    this.lastInputMs = monotonicMs();
    if (this.#isClosing) return;
    this.#framer.feed(chunk, this.#sink);
    this.link.pauseIfFull(this);
    if (this.#pauses === undefined) return;
    if (this.#framer.hasPartialLine) this.#pauses.await(this);
    else this.#pauses.forget(this);
  }

  /**
   * The end of the input closes the last frame. A reset that came along with the last bytes looks like an end, too:
   * an empty write tells them apart, since it fails on a connection that was reset.
   */
  #onEnd(): void {
    if (this.#framer.hasPartialLine) this.#socket.write('', (error) => !error && this.#endInput());
    else this.#endInput();
  }

  #endInput(): void {
    if (this.#isClosing) return;
    this.flushFrame();
    this.#hasEnded = true;
    this.link.command({ type: 'ended', connection: this.id });
  }

  #onError(error: NodeJS.ErrnoException): void {
    this.#isClosing = true;
    if (this.#reason === '') this.#reason = `the connection failed (${error.code ?? error.message})`;
  }

  /** A frame that was cut off by the close is dropped: half a message is none. */
  #onClose(): void {
    this.#isClosing = true;
    this.#pauses?.forget(this);
    const isCutOff = this.#framer.hasPartialLine;
    this.link.command({ type: 'closed', connection: this.id, reason: this.#reason, isCutOff });
  }
}
