/**
 * A server of the api, as simple as its protocol: requests go to handlers that a test gives, and the bank is a map that
 * outlives every connection. It breaks connections where a plan says so, and notes what no client may do.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import {
  type ApiLimits,
  type ClientFrame,
  type ClientHello,
  decodeClientFrame,
  encodeFrame,
  FRAME,
  FRAME_HEAD_BYTES,
  lengthIn,
  PROTOCOL_VERSION,
  type ServerFrame,
  type StreamFrame,
  type UserInfo,
} from '../../src/protocol/api/frames.ts';
import {
  findOperation,
  type RefusalTuple,
  type TransactionTuple,
} from '../../src/protocol/api/operations.ts';
import { REQUEST_TRANSACTIONS_MAX } from '../../src/protocol/bank.ts';

/** What happens to one connection; without a plan it goes well. */
export interface ApiPlan {
  /** Broken after so many bytes from the client. */
  readonly inputBytesMax?: number;
  /** Broken after so many bytes to the client. */
  readonly outputBytesMax?: number;
  /** Breaking is a reset instead of a close. */
  readonly isReset?: boolean;
  /** Every byte leaves by itself. */
  readonly isDripping?: boolean;
  /** Nothing is said but the hello, and nothing read behind it. */
  readonly isMute?: boolean;
  /** Said in place of the hello. */
  readonly greeting?: ServerFrame | Uint8Array;
}

export type ApiHandler = (call: ApiCall) => void;

export interface ApiServerOptions {
  readonly limits?: Partial<ApiLimits>;
  /** The plan of the connection with the given number, from 0. */
  readonly plan?: (connection: number) => ApiPlan;
  /** By operation; what is not here is answered as the bank's posts and balances are, or not at all. */
  readonly handlers?: Readonly<Record<string, ApiHandler>>;
  /** Who goes on as who he was; nobody without it. */
  readonly userOf?: (hello: ClientHello) => UserInfo | null;
}

const LIMITS: ApiLimits = { frameBytes: 1_048_576, requests: 256, streams: 16, idleMs: 60_000 };

export class ApiServer {
  readonly limits: ApiLimits;
  readonly #plan: (connection: number) => ApiPlan;
  readonly #handlers: Readonly<Record<string, ApiHandler>>;
  readonly userOf: (hello: ClientHello) => UserInfo | null;
  /** Cents by account, and what was answered by key. */
  readonly accounts = new Map<string, number>();
  readonly #keys = new Map<string, unknown>();
  /** Every request that came, whole, in order. */
  readonly calls: ApiCall[] = [];
  readonly hellos: ClientHello[] = [];
  heartbeats = 0;
  /** Pieces in which everything came. */
  chunkCount = 0;
  /** What no client may do. */
  readonly violations: string[] = [];
  connectionCount = 0;
  readonly #sessions = new Set<ApiServerSession>();
  #server: Server | undefined;
  #port = 0;

  constructor(options: ApiServerOptions = {}) {
    this.limits = { ...LIMITS, ...options.limits };
    this.#plan = options.plan ?? (() => ({}));
    this.userOf = options.userOf ?? (() => null);
    this.#handlers = { 'bank.post': (call) => this.post(call), 'bank.balance': balance, ...options.handlers };
  }

  static async listen(options: ApiServerOptions = {}): Promise<ApiServer> {
    const server = new ApiServer(options);
    await server.start();
    return server;
  }

  get port(): number {
    return this.#port;
  }

  /** Connections that are open. */
  get openCount(): number {
    return this.#sessions.size;
  }

  /** Listens, on the port of before if there was one. */
  async start(): Promise<void> {
    this.#server = createServer({ noDelay: true }, (socket) => this.#take(socket));
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** As if it was killed: nobody listens any more, and all connections end at once. */
  stop(): void {
    this.#server?.close();
    this.breakAll();
  }

  breakAll(): void {
    for (const session of this.#sessions) session.break();
  }

  /** Nothing is read any more, until `resumeAll`. */
  stallAll(): void {
    for (const session of this.#sessions) session.stall();
  }

  resumeAll(): void {
    for (const session of this.#sessions) session.resume();
  }

  /** To every client. */
  sayAll(frame: ServerFrame): void {
    for (const session of this.#sessions) session.send(frame);
  }

  /** A connection without a socket. */
  connect(_service: 'api'): Duplex {
    const [here, there] = duplexPair();
    this.#take(there);
    return here;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    if (this.#server?.listening === true) await once(this.#server, 'close');
  }

  /** Calls of one operation, in the order in which they came. */
  callsOf(operation: string): readonly ApiCall[] {
    return this.calls.filter((call) => call.operation === operation);
  }

  handle(call: ApiCall): void {
    this.calls.push(call);
    this.#handlers[call.operation]?.(call);
  }

  /** Posts once for each key, and answers again what it has answered; names that begin with `!` are refused. */
  post(call: ApiCall): void {
    const { transactions } = call.params as { readonly transactions: readonly TransactionTuple[] };
    const key = call.key ?? '';
    let reply = this.#keys.get(key);
    if (reply === undefined) {
      reply = { refused: this.#postAll(transactions) };
      this.#keys.set(key, reply);
    }
    call.reply(reply);
  }

  #postAll(transactions: readonly TransactionTuple[]): readonly RefusalTuple[] {
    if (transactions.length > REQUEST_TRANSACTIONS_MAX) this.violations.push('too many transactions');
    const refused: RefusalTuple[] = [];
    transactions.forEach(([account, cents], index) => {
      const name = String(account);
      if (name.startsWith('!')) refused.push([index, 'balance-out-of-range']);
      else this.accounts.set(name, (this.accounts.get(name) ?? 0) + Number(cents));
    });
    return refused;
  }

  #take(stream: Duplex): void {
    const session = new ApiServerSession(this, stream, this.#plan(this.connectionCount));
    this.connectionCount += 1;
    this.#sessions.add(session);
    stream.once('close', () => this.#sessions.delete(session));
  }
}

function balance(call: ApiCall): void {
  const { account } = call.params as { readonly account: string };
  call.reply({ cents: call.server.accounts.get(account) ?? null });
}

/** A handler that keeps calls waiting until it is opened. */
export class Gate {
  readonly #pass: ApiHandler;
  #waiting: ApiCall[] = [];
  #isOpen = false;

  constructor(pass: ApiHandler) {
    this.#pass = pass;
  }

  readonly take = (call: ApiCall): void => {
    if (this.#isOpen) this.#pass(call);
    else this.#waiting.push(call);
  };

  open(): void {
    this.#isOpen = true;
    for (const call of this.#waiting) this.#pass(call);
  }
}

/** One request that a client has made, and what became of it. */
export class ApiCall {
  readonly server: ApiServer;
  readonly session: ApiServerSession;
  readonly id: number;
  readonly operation: string;
  readonly params: unknown;
  readonly timeoutMs: number;
  readonly key: string | null;
  readonly isStream: boolean;
  /** Items that may still go the stream's way. */
  credit = 0;
  sentCount = 0;
  /** Items that came. */
  readonly items: unknown[] = [];
  isEnded = false;
  isOver = false;
  onItems: () => void = () => {};
  onCredit: () => void = () => {};
  onEnd: () => void = () => {};

  constructor(session: ApiServerSession, frame: ClientFrame & readonly [typeof FRAME.request, ...unknown[]]) {
    const [, id, operation, params, timeoutMs, key] = frame;
    this.server = session.server;
    this.session = session;
    this.id = id;
    this.operation = operation;
    this.params = params;
    this.timeoutMs = timeoutMs;
    this.key = key;
    this.isStream = findOperation(operation)?.kind !== 'request';
  }

  reply(result: unknown): void {
    this.#finish([FRAME.reply, this.id, result]);
  }

  fail(code: string, { isRetryable = false, fields = {} } = {}): void {
    this.#finish([
      FRAME.error,
      this.id,
      { code, message: `scripted ${code}`, retryable: isRetryable, fields },
    ]);
  }

  open(info: unknown = null): void {
    this.session.send([FRAME.open, this.id, info]);
  }

  /** Whether there is credit or not. */
  send(...items: readonly unknown[]): void {
    this.credit -= items.length;
    this.sentCount += items.length;
    this.session.send([FRAME.items, this.id, items]);
  }

  /** Of an upload. */
  allow(count: number): void {
    this.credit += count;
    this.session.send([FRAME.credit, this.id, count]);
  }

  end(): void {
    this.#finish([FRAME.end, this.id]);
  }

  /** A client's frame of the stream. */
  take(frame: StreamFrame): void {
    if (frame[0] === FRAME.credit) {
      this.credit += frame[2];
      this.onCredit();
    } else if (frame[0] === FRAME.items) {
      this.credit -= frame[2].length;
      if (this.credit < 0) this.server.violations.push('items without credit');
      this.items.push(...frame[2]);
      this.onItems();
    } else {
      this.isEnded = true;
      if (findOperation(this.operation)?.kind === 'download') this.end();
      this.onEnd();
    }
  }

  #finish(frame: ServerFrame): void {
    if (this.isOver) return;
    this.isOver = true;
    this.session.send(frame);
    this.session.forget(this);
  }
}

export class ApiServerSession {
  readonly server: ApiServer;
  readonly #stream: Duplex;
  readonly #plan: ApiPlan;
  readonly #calls = new Map<number, ApiCall>();
  /** Streams that the client has ended. */
  readonly #ended = new Set<number>();
  #streamCount = 0;
  #hasHello = false;
  #lastId = 0;
  #input: Uint8Array = new Uint8Array(0);
  #inputBytes = 0;
  #outputBytes = 0;
  #isBroken = false;

  constructor(server: ApiServer, stream: Duplex, plan: ApiPlan) {
    this.server = server;
    this.#stream = stream;
    this.#plan = plan;
    stream.on('error', () => {});
    stream.on('data', (chunk: Uint8Array) => this.#onData(chunk));
    stream.once('end', () => stream.end());
  }

  stall(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  break(): void {
    this.#isBroken = true;
    if (this.#plan.isReset === true && 'resetAndDestroy' in this.#stream)
      (this.#stream as Socket).resetAndDestroy();
    else this.#stream.destroy();
  }

  /** Closes when what was said has left. */
  finish(): void {
    this.#isBroken = true;
    this.#stream.end();
  }

  send(frame: ServerFrame): void {
    this.write(encodeFrame(frame));
  }

  write(bytes: Uint8Array): void {
    if (this.#isBroken || !this.#stream.writable) return;
    const { outputBytesMax = Number.POSITIVE_INFINITY, isDripping } = this.#plan;
    const sent = bytes.subarray(0, outputBytesMax - this.#outputBytes);
    this.#outputBytes += sent.length;
    if (isDripping === true) for (const byte of sent) this.#stream.write(Uint8Array.of(byte));
    else if (sent.length > 0) this.#stream.write(sent);
    if (this.#outputBytes >= outputBytesMax) {
      this.#isBroken = true;
      this.#stream.write('', () => this.break());
    }
  }

  forget({ id, isStream }: ApiCall): void {
    this.#calls.delete(id);
    if (isStream) this.#streamCount -= 1;
  }

  #onData(chunk: Uint8Array): void {
    if (this.#isBroken) return;
    this.server.chunkCount += 1;
    const { inputBytesMax = Number.POSITIVE_INFINITY } = this.#plan;
    const taken = chunk.subarray(0, inputBytesMax - this.#inputBytes);
    this.#inputBytes += taken.length;
    this.#input = Buffer.concat([this.#input, taken]);
    this.#readFrames();
    if (this.#inputBytes >= inputBytesMax) this.break();
  }

  #readFrames(): void {
    let at = 0;
    while (this.#input.length - at >= FRAME_HEAD_BYTES && !this.#isBroken) {
      const start = at + FRAME_HEAD_BYTES;
      const end = start + lengthIn(this.#input, at);
      if (end - start > this.server.limits.frameBytes)
        this.server.violations.push('a frame that is too long');
      if (end > this.#input.length) break;
      this.#onFrame(decodeClientFrame(this.#input, start, end));
      at = end;
    }
    this.#input = this.#input.subarray(at);
  }

  #onFrame(frame: ClientFrame): void {
    if (frame[0] === FRAME.hello) this.#onHello(frame[1]);
    else if (!this.#hasHello) this.server.violations.push('something ahead of the hello');
    else if (this.#plan.isMute === true) return;
    else if (frame[0] === FRAME.heartbeat) {
      this.server.heartbeats += 1;
      this.send([FRAME.heartbeat]);
    } else if (frame[0] === FRAME.request) this.#onRequest(new ApiCall(this, frame));
    else this.#onStreamFrame(frame);
  }

  #onStreamFrame(frame: StreamFrame): void {
    const [type, id] = frame;
    if (this.#ended.has(id)) this.server.violations.push('something behind the end');
    if (type === FRAME.end) this.#ended.add(id);
    this.#calls.get(id)?.take(frame);
  }

  #onHello(hello: ClientHello): void {
    if (this.#hasHello) this.server.violations.push('a second hello');
    this.#hasHello = true;
    this.server.hellos.push(hello);
    const { greeting } = this.#plan;
    if (greeting instanceof Uint8Array) this.write(greeting);
    else this.send(greeting ?? this.#helloOf(this.server.limits, this.server.userOf(hello)));
  }

  #helloOf(limits: ApiLimits, user: UserInfo | null): ServerFrame {
    const server = 'outcry/scripted';
    const features = ['bank', 'lobby', 'admin'];
    const connection = this.server.connectionCount;
    return [
      FRAME.hello,
      { protocol: PROTOCOL_VERSION, server, features, connection, isOperator: true, user, limits },
    ];
  }

  #onRequest(call: ApiCall): void {
    const { limits, violations } = this.server;
    if (call.id <= this.#lastId) violations.push(`the id ${call.id} behind ${this.#lastId}`);
    this.#lastId = call.id;
    this.#calls.set(call.id, call);
    if (call.isStream) this.#streamCount += 1;
    const requestCount = this.#calls.size - this.#streamCount;
    if (requestCount > limits.requests || this.#streamCount > limits.streams)
      violations.push('too much at once');
    if (!Number.isInteger(call.timeoutMs)) violations.push(`a timeout of ${call.timeoutMs} ms`);
    this.server.handle(call);
  }
}
