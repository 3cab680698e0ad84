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
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createFramer, type Framer, type FrameSink, type Framing } from './framer.ts';
import type { HostLink } from './host-link.ts';
import type { Listener } from './listener.ts';
import { FLOW, type Flow } from './protocol/link.ts';
import type { ConnectionFigures } from './protocol/registry.ts';
import type { SessionTap } from './session-tap.ts';
import { monotonicMs, preciseEpochMs } from './values/clock.ts';

export interface ConnectionLimits {
  readonly framing: Framing;
  /** Bytes written and not yet taken by the client, beyond which nothing more is read from it until it has taken them. */
  readonly outboundBytesMax: number;
}

/** A socket, or one end of a pair of streams in this process, which has no address. */
export type ClientStream = Duplex & {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
};

/** Where a socket keeps its connection. */
const OWNER = Symbol('connection');
type OwnedSocket = ClientStream & { [OWNER]: Connection };

/** The address of a client in the server's own process. */
export const IN_PROCESS = 'in-process';

/** How long a client may take to close its side after all that was written is out. */
const LINGER_MS = 2000;
/** How long a session may take to tell its client that it is kicked. Most of the bank's clients are told nothing. */
const KICK_MS = 500;
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
  /** The client's IP address; see `addressOf`. */
  readonly address: string;
  /** When the client last sent something, monotonic. */
  lastInputMs = monotonicMs();
  /** The date of the accept. */
  readonly sinceMs = preciseEpochMs();
  /** What its session calls its client; empty if it does not. */
  user = '';
  /** What its session wants the next one to know, if this one is lost with its host. */
  memory: string | undefined;
  readonly #socket: ClientStream;
  readonly #framer: Framer;
  readonly #sink: FrameSink;
  readonly #onClosed: (connection: Connection) => void;
  readonly #tap: SessionTap | undefined;
  readonly #port: number | undefined;
  #reason = '';
  /** Why an operator wants it closed. */
  #kicked: string | undefined;
  #hasEnded = false;
  #isClosing = false;
  /** Its host has enough to do. */
  #isPaused = false;
  /** Its session wants nothing more for now. */
  #isHeld = false;
  #bytesIn = 0;
  #bytesOut = 0;
  #frames = 0;
  #ignored: Record<string, number> | undefined;
  #isCorked = false;
  /** The client had not taken all of the earlier batches when the present one came. */
  #isBehind = false;
  #lingering: NodeJS.Timeout | undefined;
  /** Runs while the client has more to take than it should; nothing is read from it meanwhile. */
  #clogged: { readonly timer: NodeJS.Timeout; readonly onDrain: () => void } | undefined;

  /** `onClosed` is called once, when both sides are closed. */
  constructor(
    id: number,
    socket: ClientStream,
    listener: Listener,
    link: HostLink,
    onClosed: (connection: Connection) => void,
  ) {
    this.id = id;
    this.listener = listener;
    this.link = link;
    this.address = addressOf(socket);
    this.#socket = socket;
    this.#port = socket.remotePort;
    this.#framer = createFramer(listener.options.framing);
    const { tap } = listener.options;
    this.#tap = tap;
    this.#sink =
      tap === undefined
        ? (bytes, start, end) => link.sendFrames(id, bytes, start, end)
        : (bytes, start, end) => {
            // The host may be given the memory.
            tap.received(id, bytes, start, end);
            link.sendFrames(id, bytes, start, end);
          };
    this.#onClosed = onClosed;
    const owned: OwnedSocket = Object.assign(socket, { [OWNER]: this });
    owned.on('data', onSocketData);
    owned.on('end', onSocketEnd);
    owned.on('error', onSocketError);
    owned.on('close', onSocketClose);
    tap?.opened({ id, service: listener.options.service, remoteAddress: this.remoteAddress });
    this.#openSession({});
  }

  /** Why it ended; empty while it is open or if it ended in order. */
  get reason(): string {
    return this.#reason;
  }

  /** Paused because its host has enough to do, or its session: it is not the client that is silent. */
  get isPaused(): boolean {
    return this.#isPaused || this.#isHeld;
  }

  /** It waits for its host, not for its client: it is paused, or the client has sent all and is yet to be answered. */
  get isWaiting(): boolean {
    return this.isPaused || (this.#hasEnded && !this.#isClosing);
  }

  get figures(): ConnectionFigures {
    return {
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      frames: this.#frames,
      ignored: this.#ignored ?? {},
    };
  }

  /** The kernel has all that was written; what goes to a client in this process, that client may look at later. */
  get hasTakenAll(): boolean {
    return this.#socket instanceof Socket && this.#socket.writableLength === 0;
  }

  /** Bytes written and not yet taken by the client. */
  get bytesWaiting(): number {
    return this.#socket.writableLength;
  }

  /** The client's address and port. */
  get remoteAddress(): string {
    return this.#port === undefined ? this.address : `${this.address}:${this.#port}`;
  }

  countFrames(count: number): void {
    this.#frames += count;
  }

  countIgnored(counts: Readonly<Record<string, number>>): void {
    this.#ignored ??= {};
    for (const [reason, count] of Object.entries(counts)) {
      this.#ignored[reason] = (this.#ignored[reason] ?? 0) + count;
    }
  }

  /** Its session wants something of it. */
  onFlow(flow: Flow): void {
    if (flow === FLOW.pauseInput) this.#hold();
    else if (flow === FLOW.resumeInput) this.#release();
    else this.#tellDrained();
  }

  #hold(): void {
    this.#isHeld = true;
    this.listener.pauses?.forget(this);
    this.#socket.pause();
  }

  #release(): void {
    this.#isHeld = false;
    this.#readOnIfFree();
  }

  #tellDrained(): void {
    if (this.#isClosing) return;
    this.#socket.write(NOTHING, (error) => {
      if (!error) this.link.command({ type: 'drained', connection: this.id });
    });
  }

  pause(): void {
    this.#isPaused = true;
    this.listener.pauses?.forget(this);
    this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#readOnIfFree();
  }

  /** Its host was replaced: asks for a new session there. */
  reopen(): void {
    this.#openSession({ isReplacement: true });
    // What the session before wanted is forgotten with it.
    this.#release();
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
    this.#bytesOut += bytes.length;
    this.#tap?.sent(this.id, bytes);
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
    const timer = setInterval(() => {
      const isStalled = this.#takenBytes === taken;
      taken = this.#takenBytes;
      if (this.#socket.writableLength <= outboundBytesMax) this.#unclog();
      else if (isStalled) this.#abortSlow();
    }, STALL_MS);
    const onDrain = () => this.#unclog();
    this.#clogged = { timer, onDrain };
    this.#socket.once('drain', onDrain);
  }

  #unclog(): void {
    if (this.#clogged === undefined) return;
    clearInterval(this.#clogged.timer);
    this.#socket.off('drain', this.#clogged.onDrain);
    this.#clogged = undefined;
    this.#readOnIfFree();
  }

  #abortSlow(): void {
    this.abort(`it left more than ${this.listener.options.outboundBytesMax} bytes unread`);
  }

  /** Bytes that the kernel has taken for the client. */
  get #takenBytes(): number {
    return this.#bytesOut - this.#socket.writableLength;
  }

  #readOnIfFree(): void {
    if (!this.isPaused && this.#clogged === undefined) this.#readOn();
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
    this.#reason = this.#kicked ?? reason;
    this.listener.pauses?.forget(this);
    this.#isPaused = false;
    this.#isHeld = false;
    this.#unclog();
    this.#readOn();
    this.#socket.end(() => {
      clearTimeout(this.#lingering);
      this.#lingering = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    });
  }

  /**
   * Nothing more is read; its session may tell the client why, and then it is closed, whether or not the client takes
   * what was written. False if that is under way already.
   */
  kick(reason: string): boolean {
    if (this.#isClosing || this.#kicked !== undefined) return false;
    this.#kicked = reason;
    this.#hold();
    this.link.command({ type: 'kick', connection: this.id, reason });
    this.#lingering ??= setTimeout(() => {
      this.finish(reason);
      this.#lingering = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    }, KICK_MS);
    return true;
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
    this.#bytesIn += chunk.length;
    // What a socket gives is nobody else's, and may be given up to a host; within the process it is the client's own.
    this.#framer.feed(this.address === IN_PROCESS ? Uint8Array.from(chunk) : chunk, this.#sink);
    if (!this.link.pauseIfFull(this)) this.#awaitInputPause();
  }

  #awaitInputPause(): void {
    const { pauses } = this.listener;
    if (pauses === undefined || this.#isClosing) return;
    if (this.#framer.isWithinFrame) pauses.await(this);
    else pauses.forget(this);
  }

  /**
   * A reset that comes together with the last bytes is reported as an orderly end (libuv does not read on to the
   * error), and half a line of money must not become a line. Only a write, be it of nothing, tells one from the other.
   */
  onEnd(): void {
    if (this.#isClosing) return;
    if (this.#framer.hasPartialFrame && this.#socket.writableLength === 0) {
      this.#socket.write(NOTHING, (error) => {
        if (!error) this.#endInput();
      });
    } else this.#endInput();
  }

  #endInput(): void {
    if (this.#isClosing) return;
    this.flushFrame();
    this.#hasEnded = true;
    this.#tap?.ended(this.id);
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
    clearInterval(this.#clogged?.timer);
    this.listener.pauses?.forget(this);
    const isCutOff = this.#framer.hasPartialFrame;
    this.link.command({ type: 'closed', connection: this.id, reason: this.#reason, isCutOff });
    this.#tap?.closed(this.id, this.#reason);
    this.#onClosed(this);
  }

  #openSession(options: { readonly isReplacement?: true }): void {
    const { id, listener, remoteAddress, sinceMs } = this;
    const { service } = listener.options;
    const { localAddress = IN_PROCESS, localPort = 0 } = this.#socket;
    this.link.command({
      type: 'open',
      connection: id,
      service,
      remoteAddress,
      localAddress: `${localAddress}:${localPort}`,
      sinceMs,
      ...options,
      ...(this.memory === undefined ? {} : { memory: this.memory }),
    });
  }
}

/** The IP address at the other end, as far as it is known: a client may be gone before it is asked for. */
export function addressOf(socket: ClientStream): string {
  return socket.remoteAddress ?? (socket instanceof Socket ? 'unknown' : IN_PROCESS);
}
