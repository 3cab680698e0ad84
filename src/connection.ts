/**
 * One client's TCP connection on the main thread: it frames what comes in, feeds the host that runs its session, and
 * writes what the session sends. It never looks into a frame.
 *
 *     open ── the client half-closes ──► ended ── the session stops ──► closing ── both sides closed ──► closed
 *       └───────────────── reset, idle, too slow, session stopped ──────────┘
 *
 * While it closes it reads on and throws away what it reads: to close a socket that has unread bytes is to reset it,
 * and the client would lose what is still on its way to it.
 */
import type { Socket } from 'node:net';
import type { HostLink } from './host-link.ts';
import { LineFramer, type LineSink } from './line-framer.ts';
import type { Listener } from './listener.ts';
import { monotonicMs } from './values/clock.ts';

export interface ConnectionLimits {
  /** Bytes of one line without its LF. */
  readonly lineLengthMax: number;
  /** Bytes written and not yet taken by the client, beyond which nothing more is read from it until it has taken them. */
  readonly outboundBytesMax: number;
}

/** Where a socket keeps its connection. */
const OWNER = Symbol('connection');
type OwnedSocket = Socket & { [OWNER]: Connection };

/** How long a client may take to close its side after all that was written is out. */
const LINGER_MS = 2000;
/** A client that has more to take than it should, and takes nothing for so long, is disconnected. */
const STALL_MS = 5000;
/** However fast it takes: so many times more than it should is too much for the memory. */
const OUTBOUND_FACTOR_MAX = 128;
const NOTHING = new Uint8Array(0);

// One function for all sockets instead of four closures each: among ten thousand connections that is megabytes.
function onSocketData(this: OwnedSocket, chunk: Uint8Array): void {
  this[OWNER].onData(chunk);
}
function onSocketEnd(this: OwnedSocket): void {
  this[OWNER].onEnd();
}
function onSocketError(this: OwnedSocket, error: NodeJS.ErrnoException): void {
  this[OWNER].onError(error);
}
function onSocketClose(this: OwnedSocket): void {
  this[OWNER].onClose();
}

export class Connection {
  readonly id: number;
  /** The door it came in by. */
  readonly listener: Listener;
  readonly link: HostLink;
  /** The client's IP address. */
  readonly address: string;
  /** When the client last sent something, monotonic. */
  lastInputMs = monotonicMs();
  /** What its session wants the next one to know, if this one is lost with its host. */
  memory: string | undefined;
  readonly #socket: Socket;
  readonly #framer: LineFramer;
  readonly #sink: LineSink;
  readonly #onClosed: (connection: Connection) => void;
  #reason = '';
  #hasEnded = false;
  #isClosing = false;
  #isPaused = false;
  #isCorked = false;
  /** The client had not taken all of the earlier batches when the present one came. */
  #isBehind = false;
  #lingering: NodeJS.Timeout | undefined;
  /** Runs while the client has more to take than it should; nothing is read from it meanwhile. */
  #clogged: NodeJS.Timeout | undefined;

  /** `onClosed` is called once, when both sides are closed. */
  constructor(
    id: number,
    socket: Socket,
    listener: Listener,
    link: HostLink,
    onClosed: (connection: Connection) => void,
  ) {
    this.id = id;
    this.listener = listener;
    this.link = link;
    this.address = addressOf(socket);
    this.#socket = socket;
    this.#framer = new LineFramer(listener.options.lineLengthMax);
    this.#sink = (bytes, start, end) => link.sendFrames(id, bytes, start, end);
    this.#onClosed = onClosed;
    const owned: OwnedSocket = Object.assign(socket, { [OWNER]: this });
    owned.on('data', onSocketData);
    owned.on('end', onSocketEnd);
    owned.on('error', onSocketError);
    owned.on('close', onSocketClose);
    this.#openSession();
  }

  /** Why it ended; empty while it is open or if it ended in order. */
  get reason(): string {
    return this.#reason;
  }

  /** Paused because its host has enough to do: it is not the client that is silent. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** It waits for its host, not for its client: it is paused, or the client has sent all and is yet to be answered. */
  get isWaiting(): boolean {
    return this.#isPaused || (this.#hasEnded && !this.#isClosing);
  }

  pause(): void {
    this.#isPaused = true;
    this.listener.pauses?.forget(this);
    this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#clogged === undefined) this.#readOn();
  }

  /** Its host was replaced: asks for a new session there. */
  reopen(): void {
    this.#openSession();
    if (this.#hasEnded) this.link.command({ type: 'ended', connection: this.id });
  }

  /** What has come since the last frame is a frame. */
  flushFrame(): void {
    this.#framer.flush(this.#sink);
  }

  /**
   * Writes for the session; true if it is the first write since the last `uncork`. `bytes` is part of a batch: what
   * must wait is copied, or a slow client would keep whole batches, with the bytes of others, in memory.
   */
  write(bytes: Uint8Array): boolean {
    if (this.#isClosing) return false;
    const isFirst = !this.#isCorked;
    if (isFirst) {
      this.#isCorked = true;
      this.#isBehind = this.#socket.writableLength > 0;
      this.#socket.cork();
    }
    this.#socket.write(this.#isBehind ? Uint8Array.from(bytes) : bytes);
    return isFirst;
  }

  /** Hands what was written to the kernel; what the kernel does not take, the client has left unread. */
  uncork(): void {
    this.#isCorked = false;
    this.#socket.uncork();
    const { outboundBytesMax } = this.listener.options;
    const { writableLength } = this.#socket;
    if (writableLength > outboundBytesMax * OUTBOUND_FACTOR_MAX) this.#abortSlow();
    else if (writableLength > outboundBytesMax && this.#clogged === undefined) this.#clog();
  }

  /** What a client sends may be answered with more than it: then it is read on only when it has taken the answers. */
  #clog(): void {
    this.#socket.pause();
    const { outboundBytesMax } = this.listener.options;
    let taken = this.#takenBytes;
    this.#clogged = setInterval(() => {
      const isStalled = this.#takenBytes === taken;
      taken = this.#takenBytes;
      if (this.#socket.writableLength <= outboundBytesMax) this.#unclog();
      else if (isStalled) this.#abortSlow();
    }, STALL_MS);
    this.#socket.once('drain', () => this.#unclog());
  }

  #unclog(): void {
    if (this.#clogged === undefined) return;
    clearInterval(this.#clogged);
    this.#clogged = undefined;
    if (!this.#isPaused) this.#readOn();
  }

  #abortSlow(): void {
    this.abort(`it left more than ${this.listener.options.outboundBytesMax} bytes unread`);
  }

  /** Bytes that the kernel has taken for the client. */
  get #takenBytes(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }

  #readOn(): void {
    this.lastInputMs = monotonicMs();
    this.#awaitInputPause();
    this.#socket.resume();
  }

  /** Closes once all that was written is out; `reason` is empty if the session ended in order. */
  finish(reason: string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#reason = reason;
    this.listener.pauses?.forget(this);
    this.#isPaused = false;
    this.#unclog();
    this.#readOn();
    this.#socket.end(() => {
      this.#lingering = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    });
  }

  /** Closes at once; false if it was closing already. */
  abort(reason: string): boolean {
    const wasOpen = !this.#isClosing;
    this.#isClosing = true;
    if (wasOpen) this.#reason = reason;
    this.#socket.destroy();
    return wasOpen;
  }

  onData(chunk: Uint8Array): void {
    if (this.#isClosing) return;
    this.lastInputMs = monotonicMs();
    this.#framer.feed(chunk, this.#sink);
    if (!this.link.pauseIfFull(this)) this.#awaitInputPause();
  }

  #awaitInputPause(): void {
    const { pauses } = this.listener;
    if (pauses === undefined || this.#isClosing) return;
    if (this.#framer.isWithinLine) pauses.await(this);
    else pauses.forget(this);
  }

  /**
   * A reset that comes together with the last bytes is reported as an orderly end (libuv does not read on to the
   * error), and half a line of money must not become a line. Only a write, be it of nothing, tells one from the other.
   */
  onEnd(): void {
    if (this.#isClosing) return;
    if (this.#framer.hasPartialLine && this.#socket.writableLength === 0) {
      this.#socket.write(NOTHING, (error) => {
        if (!error) this.#endInput();
      });
    } else this.#endInput();
  }

  #endInput(): void {
    if (this.#isClosing) return;
    this.flushFrame();
    this.#hasEnded = true;
    this.link.command({ type: 'ended', connection: this.id });
  }

  onError(error: NodeJS.ErrnoException): void {
    this.#isClosing = true;
    if (this.#reason === '') this.#reason = `the connection failed (${error.code ?? error.message})`;
  }

  /** A frame that was cut off by the close is dropped: half a message is none. */
  onClose(): void {
    this.#isClosing = true;
    clearTimeout(this.#lingering);
    clearInterval(this.#clogged);
    this.listener.pauses?.forget(this);
    const isCutOff = this.#framer.hasPartialLine;
    this.link.command({ type: 'closed', connection: this.id, reason: this.#reason, isCutOff });
    this.#onClosed(this);
  }

  #openSession(): void {
    const { id, listener, address } = this;
    const remoteAddress = `${address}:${this.#socket.remotePort ?? 0}`;
    const { service } = listener.options;
    const memory = this.memory === undefined ? {} : { memory: this.memory };
    this.link.command({ type: 'open', connection: id, service, remoteAddress, ...memory });
  }
}

/** The IP address at the other end; a client may be gone before it is asked for. */
export function addressOf(socket: Socket): string {
  return socket.remoteAddress ?? 'unknown';
}
