/**
 * One client of the api: its frames, its requests and its streams. What the requests mean is the handlers' (call.ts).
 *
 *     greeting ── hello ──► serving ── the server closes, or the client has sent all ──► ending ── all answered ──► stopped
 *       │  └── with a token of a sign-in ──► resuming ── known or not ──► serving         │
 *       └──────────────── a frame that is none, or out of turn: an error, and the close ──┘
 *
 * A download sends no more than its client has given credit for, and all of them together no more than the client takes:
 * after so many bytes nothing is pulled until the connection has been drained.
 */
import { timingSafeEqual } from 'node:crypto';
import {
  type ClientFrame,
  type ClientHello,
  decodeClientFrame,
  encodeFrame,
  FRAME,
  FRAME_HEAD_BYTES,
  lengthIn,
  PROTOCOL_VERSION,
  type RequestFrame,
  type ServerFrame,
  type ServerHello,
  type StreamFrame,
  type WireError,
} from '../../src/protocol/api/frames.ts';
import {
  findOperation,
  OPERATIONS,
  type OperationName,
  type ParamsOf,
} from '../../src/protocol/api/operations.ts';
import { IDEMPOTENCY_KEY } from '../../src/protocol/bank.ts';
import type { LogLevel } from '../../src/protocol/control.ts';
import type { ClientNotice, MarketNotice } from '../../src/protocol/exchange.ts';
import type { GoldNotice } from '../../src/protocol/gold.ts';
import type { ApiSettings } from '../../src/protocol/host-task.ts';
import type { LobbyNotice } from '../../src/protocol/lobby.ts';
import { type Admission, REFUSALS, type UserNotice } from '../../src/protocol/users.ts';
import { toAddress } from '../../src/values/address.ts';
import { ERROR_CODES, type ErrorCode, type ErrorRecord, OutcryError } from '../../src/values/errors.ts';
import { nearest } from '../../src/values/nearest.ts';
import { printable } from '../../src/values/printable.ts';
import type { Actor, Answer, ConnectionCommand, ConnectionInfo, Context } from '../runtime/actor.ts';
import type { ActorRef } from '../runtime/actor-ref.ts';
import { type DirectoryLost, SignIn, type SignInHost, withoutPort } from '../users/sign-in.ts';
import { Call, type CallSession, type Then } from './call.ts';
import { refusalError, toUserInfo } from './users-operations.ts';

/** An answer that a call has waited for. */
interface Answered {
  readonly type: 'answered';
  readonly id: number;
  readonly onAnswer: Then<never>;
  readonly onLate: Then<never> | undefined;
  readonly answer: Answer<never>;
}

/** An actor is gone that calls depend on. */
interface Lost {
  readonly type: 'lost';
  readonly address: string;
}

export type ApiSessionMessage =
  | ConnectionCommand
  | Answered
  | Lost
  | LobbyNotice
  | MarketNotice
  | ClientNotice
  | UserNotice
  | GoldNotice
  | DirectoryLost;
type ApiContext = Context<ApiSessionMessage>;

export type AnyHandlers = Readonly<Record<string, (call: Call<never>) => void>>;

/** Sent and not known to have been taken: beyond it downloads wait. */
const UNDRAINED_BYTES_MAX = 256 * 1024;
const CREDIT_MAX = 1_000_000;
const NAME_LENGTH_MAX = 64;
/** Of what no request has asked for. */
const NO_CALL = 0;
/** Longer than any: the nearest one is searched for in a time that grows with it. */
const OPERATION_SHOWN_MAX = 32;
const LOOPBACK = /^(127\.|::1:\d+$|::ffff:127\.|in-process$)/;

/** Nothing was wrong with the request: it may succeed later. */
export const RETRYABLE: ReadonlySet<string> = new Set<ErrorCode>([
  'ERR_API_CLOSING',
  'ERR_API_LIMIT',
  'ERR_ASK_NO_ACTOR',
  'ERR_ASK_STOPPED',
  'ERR_ASK_TIMEOUT',
  'ERR_HOST_LOST',
  'ERR_STORE_WRITE',
]);

export class ApiSession implements Actor<ApiSessionMessage>, CallSession {
  readonly #settings: ApiSettings;
  readonly #handlers: AnyHandlers;
  readonly #info: ConnectionInfo;
  readonly #calls = new Map<number, Call>();
  /** Calls that depend on an actor elsewhere, by its address. */
  readonly #dependents = new Map<string, Set<number>>();
  #context: ApiContext | undefined;
  #signIn: SignIn | undefined;
  #state: 'greeting' | 'resuming' | 'serving' | 'ending' | 'stopped' = 'greeting';
  /** What comes is not read any more. */
  #isBroken = false;
  /** Why the connection is closed out of order. */
  #closeReason = '';
  /** The client has half-closed. */
  #isInputOver = false;
  /** What the client has called itself. */
  #name = '';
  #hasOperatorToken = false;
  /** Of who is signed in. */
  #userToken: string | undefined;
  #lastId = 0;
  #streams = 0;
  /** Asks whose answers must be seen to. */
  #unsettled = 0;
  #undrainedBytes = 0;
  #isDraining = false;

  constructor(settings: ApiSettings, handlers: AnyHandlers, info: ConnectionInfo) {
    this.#settings = settings;
    this.#handlers = handlers;
    this.#info = info;
  }

  started(context: ApiContext): void {
    this.#context = context;
    const address = withoutPort(this.#info.remoteAddress);
    this.#signIn = new SignIn(this.#signInHost(), { address, service: 'api', session: context.self });
    if (!this.#info.isReplacement) return;
    const message = 'the worker thread that served this connection ended; connect again';
    this.#close(new OutcryError('ERR_HOST_LOST', message));
  }

  receiveBytes(bytes: Uint8Array, start: number, end: number, context: ApiContext): void {
    let frames = 0;
    for (let at = start; at < end && !this.#isBroken; frames++) {
      const bodyStart = at + FRAME_HEAD_BYTES;
      const length = lengthIn(bytes, at);
      at = bodyStart + length;
      try {
        // Of one that is too long only the head is here.
        if (length > this.#settings.limits.frameBytes)
          throw tooLong(length, this.#settings.limits.frameBytes);
        this.#onFrame(decodeClientFrame(bytes, bodyStart, at));
      } catch (error) {
        if (!(error instanceof OutcryError)) throw error;
        context.countIgnored({ 'bad-frame': 1 });
        this.#close(error);
      }
    }
    context.countFrames(frames);
  }

  receive(message: ApiSessionMessage): undefined {
    switch (message.type) {
      case 'answered':
        this.#onAnswered(message);
        break;
      case 'lobby-message': {
        const { from, text, timeMs } = message;
        this.#offer('lobby.messages', { from, text, timeMs });
        break;
      }
      case 'book-snapshot':
      case 'book-change':
        this.#offer('exchange.market', message);
        break;
      case 'gold-changed':
        this.#offer('gold.watch', message);
        break;
      case 'signed-out':
        this.#onSignedOut(message);
        break;
      case 'directory-lost':
        this.signIn.onDirectoryLost();
        break;
      case 'logged-in':
      case 'login-refused':
      case 'sequenced':
      case 'ignored':
      case 'all-told':
      case 'session-ended':
      case 'dismissed':
        this.#offerTo(this.#calls.get(message.call ?? 0), message);
        break;
      case 'lost':
        this.#onLost(message.address);
        break;
      case 'connection-drained':
        this.#isDraining = false;
        this.#undrainedBytes = 0;
        this.#pullAll();
        break;
      case 'server-closing':
        this.#onServerClosing(message.message);
        break;
      case 'kicked':
        this.#close(denied(message.reason));
        break;
      case 'connection-ended':
        this.#onInputEnded();
        break;
      case 'connection-closed':
        this.#cancelAll();
        this.#state = 'ending';
        this.#stopIfDone();
    }
  }

  /** What was asked in this turn has been answered, but no answer leaves before it is stored; so the client is told. */
  storeFailed(): void {
    if (this.#state === 'stopped') return;
    if (this.#isGreeting) {
      this.#close(
        new OutcryError('ERR_STORE_WRITE', 'nothing can be stored at the moment; connect again later'),
      );
      return;
    }
    const message = 'nothing can be stored at the moment; answers come when there is room again';
    const error = new OutcryError('ERR_STORE_WRITE', message).toRecord();
    this.#send([FRAME.event, 'trouble', wireErrorOf(error)]);
    for (const call of [...this.#calls.values()]) {
      if (OPERATIONS[call.operation].kind === 'request') this.fail(call.id, error);
    }
  }

  get self(): string {
    return this.#ctx.self;
  }

  get connection(): number {
    return this.#info.connection;
  }

  get timeMs(): number {
    return this.#ctx.timeMs;
  }

  /** No client has to take a longer frame than it may send. */
  reply(id: number, value: unknown): void {
    const bytes = encodeFrame([FRAME.reply, id, value]);
    const [length, max] = [bytes.length - FRAME_HEAD_BYTES, this.#settings.limits.frameBytes];
    if (length > max) {
      const message = `the answer has ${length} bytes, and a frame at most ${max}: ask for less at a time`;
      this.fail(id, new OutcryError('ERR_API_PARAMS', message).toRecord());
      return;
    }
    this.#ctx.send(bytes, 0, bytes.length);
    this.#forget(id);
  }

  fail(id: number, error: ErrorRecord): void {
    const call = this.#calls.get(id);
    this.#send([FRAME.error, id, wireErrorOf(error)]);
    call?.sink?.cancel();
    call?.source?.cancel?.();
    this.#forget(id);
  }

  open(id: number, info: unknown): void {
    this.#send([FRAME.open, id, info]);
    this.#pull(this.#calls.get(id));
  }

  items(id: number, items: readonly unknown[]): void {
    this.#undrainedBytes += this.#send([FRAME.items, id, items]);
    if (this.#undrainedBytes >= UNDRAINED_BYTES_MAX && !this.#isDraining) {
      this.#isDraining = true;
      this.#ctx.tellDrained();
    }
    if (this.#isInputOver) this.#endIfStarved(this.#calls.get(id));
  }

  credit(id: number, count: number): void {
    this.#send([FRAME.credit, id, count]);
  }

  end(id: number): void {
    this.#send([FRAME.end, id]);
    this.#forget(id);
  }

  pull(id: number): void {
    this.#pull(this.#calls.get(id));
  }

  isOpen(id: number): boolean {
    return this.#calls.has(id);
  }

  /** A user who is one counts as such from the server's machine only: there is no secret way from another. */
  get isOperator(): boolean {
    const isUserOperator = this.#signIn?.user?.role === 'operator';
    return this.#hasOperatorToken || (isUserOperator && LOOPBACK.test(this.#info.remoteAddress));
  }

  get user(): string {
    return this.#signIn?.user?.name ?? this.#name;
  }

  get signIn(): SignIn {
    if (this.#signIn === undefined) throw new TypeError('the session has not been started');
    return this.#signIn;
  }

  signedIn(token: string): void {
    this.#userToken = token;
    this.#onUserChanged();
  }

  signOut(): void {
    this.signIn.signOut(this.#userToken);
    this.#userToken = undefined;
    this.#onUserChanged();
  }

  callsOf<N extends OperationName>(operation: N): readonly Call<N>[] {
    return [...this.#calls.values()].filter((call): call is Call<N> => call.operation === operation);
  }

  failWhenLost(id: number, address: string): void {
    const ids = this.#dependents.get(address);
    if (ids !== undefined) {
      ids.add(id);
      return;
    }
    this.#dependents.set(address, new Set([id]));
    this.#ctx.watch(this.refer(address), { type: 'lost', address });
  }

  refer<Message>(address: string): ActorRef<Message> {
    return this.#ctx.refer(toAddress(address));
  }

  tell<Message>(to: ActorRef<Message>, message: Message): void {
    this.#ctx.tell(to, message);
  }

  tellBytes(to: ActorRef<never>, bytes: Uint8Array): void {
    this.#ctx.tellBytes(to, bytes, 0, bytes.length);
  }

  ask<Reply>(
    id: number,
    to: ActorRef<never>,
    message: unknown,
    timeoutMs: number,
    then: Then<Reply>,
    onLate?: Then<Reply>,
  ): void {
    if (onLate !== undefined) this.#unsettled++;
    this.#ctx.ask<never, never>(to, message as never, timeoutMs, (answer) => ({
      type: 'answered',
      id,
      onAnswer: then as Then<never>,
      onLate: onLate as Then<never> | undefined,
      answer,
    }));
  }

  log(level: LogLevel, text: string): void {
    this.#ctx.log(level, text, { service: 'api', address: this.#info.remoteAddress });
  }

  get #ctx(): ApiContext {
    if (this.#context === undefined) throw new TypeError('the session has not been started');
    return this.#context;
  }

  #onFrame(frame: ClientFrame): void {
    if (this.#state === 'greeting') {
      if (frame[0] !== FRAME.hello) throw protocolError('the first frame is a hello');
      this.#onHello(frame[1]);
      return;
    }
    if (this.#state === 'resuming')
      throw protocolError('whoever comes again with a token waits for the hello');
    switch (frame[0]) {
      case FRAME.hello:
        throw protocolError('there is one hello, and it has been');
      case FRAME.request:
        this.#onRequest(frame);
        break;
      case FRAME.heartbeat:
        this.#send([FRAME.heartbeat]);
        break;
      default:
        this.#onStreamFrame(frame);
    }
  }

  #onHello({ protocol, name, token, session }: ClientHello): void {
    if (protocol !== PROTOCOL_VERSION) {
      throw protocolError(
        `this server speaks version ${PROTOCOL_VERSION}, not ${typeof protocol === 'number' ? protocol : typeof protocol}`,
      );
    }
    if (typeof token === 'string') this.#admitOperator(token);
    if (typeof name === 'string') {
      this.#name = printable(name.slice(0, NAME_LENGTH_MAX));
      this.#ctx.identify(this.#name);
    }
    if (typeof session !== 'string') {
      this.#greet();
      return;
    }
    this.#state = 'resuming';
    this.signIn.resume(session, (admission) => this.#onResumed(session, admission));
  }

  /** A client whose token is worth nothing any more is let in all the same; one that cannot be told yet comes again. */
  #onResumed(token: string, admission: Admission): void {
    if (this.#state !== 'resuming') return;
    if (admission.ok) this.signedIn(token);
    else if (admission.refusal.code !== 'ERR_USER_TOKEN') {
      this.#close(refusalError(admission.refusal));
      return;
    }
    this.#greet();
    if (this.#isInputOver) this.#finish();
  }

  #greet(): void {
    this.#state = 'serving';
    const { user } = this.signIn;
    const hello: ServerHello = {
      protocol: PROTOCOL_VERSION,
      server: this.#settings.server,
      features: featuresOf(this.#handlers),
      connection: this.#info.connection,
      isOperator: this.isOperator,
      user: user === undefined ? null : toUserInfo(user),
      limits: this.#settings.limits,
    };
    this.#send([FRAME.hello, hello]);
  }

  #admitOperator(token: string): void {
    if (!LOOPBACK.test(this.#info.remoteAddress)) {
      throw denied('the token of operators counts on the machine of the server only');
    }
    if (!isSame(token, this.#settings.operatorToken)) {
      throw denied('the token is not the one that this server has written to operator.json when it started');
    }
    this.#hasOperatorToken = true;
  }

  get #isGreeting(): boolean {
    return this.#state === 'greeting' || this.#state === 'resuming';
  }

  #signInHost(): SignInHost {
    return {
      ask: (address, command, timeoutMs, then) =>
        this.ask(NO_CALL, this.refer(address), command, timeoutMs, then),
      watch: (address, message) => this.#ctx.watch(this.refer(address), message),
      startTimer: (key, delayMs, message) => this.#ctx.startTimer(key, delayMs, message),
    };
  }

  /** By others, not by this client. */
  #onSignedOut(notice: UserNotice): void {
    if (this.signIn.user === undefined || this.#isBroken || this.#state === 'stopped') return;
    this.signIn.onNotice(notice);
    this.#userToken = undefined;
    this.#send([FRAME.event, 'signed-out', { reason: notice.reason }]);
    this.#onUserChanged();
  }

  /** Streams go on that could be asked for now. */
  #onUserChanged(): void {
    this.#ctx.identify(this.user);
    const error = refusalError(REFUSALS.signedOut).toRecord();
    for (const call of [...this.#calls.values()]) {
      const { kind } = OPERATIONS[call.operation];
      if (kind !== 'request' && this.#denialOf(call.operation) !== undefined) this.fail(call.id, error);
    }
  }

  /** Why the client may not ask for the operation; undefined if it may. */
  #denialOf(name: OperationName): OutcryError | undefined {
    if (this.isOperator) return undefined;
    if (OPERATIONS[name].isOperators) {
      const ways = 'connect with the token that the server has written to operator.json';
      return denied(`${name} is for operators: ${ways}, or sign in as one on its machine`);
    }
    const isAsked = this.#settings.isSignInAsked && !name.startsWith('users.');
    return isAsked && this.signIn.user === undefined ? refusalError(REFUSALS.signedOut) : undefined;
  }

  #onRequest([, id, name, params, timeoutMs, key]: RequestFrame): void {
    if (id <= this.#lastId) {
      throw protocolError(
        `the id ${id} was used before: each is higher than the one before, ${this.#lastId}`,
      );
    }
    this.#lastId = id;
    try {
      const call = this.#createCall(id, name, params, { key: keyOf(key), timeoutMs });
      if (OPERATIONS[call.operation].kind !== 'request') this.#streams++;
      this.#calls.set(id, call);
      this.#handlers[call.operation]?.(call as Call<never>);
    } catch (error) {
      if (!(error instanceof OutcryError)) throw error;
      this.fail(id, error.toRecord());
    }
  }

  /** Throws what is wrong with the request. */
  #createCall(
    id: number,
    name: string,
    params: unknown,
    options: { readonly key: string | undefined; readonly timeoutMs: number },
  ): Call {
    if (this.#state === 'ending') throw closing();
    const operation = findOperation(name);
    if (operation === undefined || this.#handlers[name] === undefined) {
      const shown = name.slice(0, OPERATION_SHOWN_MAX);
      const hint = nearest(shown, Object.keys(this.#handlers));
      const message = `there is no operation ${JSON.stringify(shown)}; did you mean ${hint}?`;
      throw new OutcryError('ERR_API_OPERATION', message);
    }
    const denial = this.#denialOf(name as OperationName);
    if (denial !== undefined) throw denial;
    this.#checkRoom(operation.kind !== 'request');
    const checked = operation.params(params ?? {}, name) as ParamsOf<OperationName>;
    return new Call(this, id, name as OperationName, checked, options);
  }

  #checkRoom(isStream: boolean): void {
    const { requests, streams } = this.#settings.limits;
    if (isStream ? this.#streams < streams : this.#calls.size - this.#streams < requests) return;
    const what = isStream ? `${streams} streams are open` : `${requests} requests wait for their answers`;
    throw new OutcryError('ERR_API_LIMIT', `${what} on this connection, and no more are allowed`);
  }

  #onStreamFrame(frame: StreamFrame): void {
    const call = this.#calls.get(frame[1]);
    // It may have ended while this was on its way.
    if (call === undefined) return;
    const { kind } = OPERATIONS[call.operation];
    if (frame[0] === FRAME.credit) {
      // In an upload it is the server that gives it.
      if (kind !== 'download') throw protocolError('credit came for what sends no items');
      call.credit = Math.min(call.credit + frame[2], CREDIT_MAX);
      this.#pull(call);
    } else if (frame[0] === FRAME.items) {
      call.credit -= frame[2].length;
      if (call.sink === undefined || call.credit < 0)
        throw protocolError('items came that no credit was given for');
      call.sink.take(frame[2]);
    } else if (kind === 'upload') call.endInput();
    else if (kind === 'download') this.#endDownload(call);
  }

  #onAnswered({ id, onAnswer, onLate, answer }: Answered): void {
    if (onLate !== undefined) this.#unsettled--;
    if (id === NO_CALL || this.#calls.has(id)) onAnswer(answer);
    else onLate?.(answer);
    this.#stopIfDone();
  }

  #offer(operation: OperationName, item: unknown): void {
    for (const call of this.callsOf(operation)) this.#offerTo(call, item);
  }

  /** The call may have ended while it was on its way. */
  #offerTo(call: Call | undefined, item: unknown): void {
    call?.source?.offer?.(item);
    if (call !== undefined && this.#calls.has(call.id)) this.#pull(call);
  }

  #onLost(address: string): void {
    const ids = this.#dependents.get(address) ?? [];
    this.#dependents.delete(address);
    const error = new OutcryError('ERR_HOST_LOST', `${address} was lost; ask again`).toRecord();
    for (const id of ids) if (this.#calls.has(id)) this.fail(id, error);
  }

  #pull(call: Call | undefined): void {
    if (call?.source === undefined || call.credit <= 0 || this.#isDraining) return;
    call.source.pull(call.credit);
  }

  #pullAll(): void {
    for (const call of [...this.#calls.values()]) this.#pull(call);
  }

  #onServerClosing(message: string): void {
    if (this.#state === 'stopped') return;
    if (this.#isGreeting) {
      this.#close(closing());
      return;
    }
    this.#send([FRAME.event, 'closing', { message }]);
    for (const call of [...this.#calls.values()]) {
      if (OPERATIONS[call.operation].kind !== 'request') this.fail(call.id, closing().toRecord());
    }
    this.#finish();
  }

  /** Nobody sends items or gives credit any more: streams go on as far as there is some. */
  #onInputEnded(): void {
    this.#isInputOver = true;
    for (const call of [...this.#calls.values()]) {
      if (OPERATIONS[call.operation].kind === 'upload') call.endInput();
      else this.#endIfStarved(call);
    }
    this.#finish();
  }

  #endIfStarved(call: Call | undefined): void {
    if (call === undefined || OPERATIONS[call.operation].kind !== 'download' || call.credit > 0) return;
    // No end: what came looks like all there is.
    const message = 'there is more, but no credit for it, and none can come any more';
    this.fail(call.id, new OutcryError('ERR_API_LIMIT', message).toRecord());
  }

  /** The client wants no more of it. */
  #endDownload(call: Call): void {
    call.source?.cancel?.();
    this.end(call.id);
  }

  /** Nothing new is begun; it stops when all is answered. */
  #finish(): void {
    if (this.#state === 'stopped' || this.#state === 'resuming') return;
    this.#state = 'ending';
    this.#stopIfDone();
  }

  #stopIfDone(): void {
    if (this.#state !== 'ending' || this.#calls.size > 0 || this.#unsettled > 0) return;
    this.#state = 'stopped';
    this.#ctx.stop(this.#closeReason);
  }

  /** Says what is wrong, and closes the connection. */
  #close(error: OutcryError): void {
    this.#cancelAll();
    this.#send([FRAME.error, null, wireErrorOf(error.toRecord())]);
    // What it was in particular the client is told; the log counts the kinds.
    this.#closeReason = ERROR_CODES[error.code];
    this.#state = 'ending';
    this.#isBroken = true;
    this.#stopIfDone();
  }

  #cancelAll(): void {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const { source, sink } of calls) {
      source?.cancel?.();
      sink?.cancel();
    }
  }

  #forget(id: number): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    if (OPERATIONS[call.operation].kind !== 'request') this.#streams--;
    this.#calls.delete(id);
    for (const ids of this.#dependents.values()) ids.delete(id);
    this.#stopIfDone();
  }

  /** Returns how many bytes it was. */
  #send(frame: ServerFrame): number {
    const bytes = encodeFrame(frame);
    this.#ctx.send(bytes, 0, bytes.length);
    return bytes.length;
  }
}

function keyOf(key: string | null): string | undefined {
  if (key === null) return undefined;
  if (IDEMPOTENCY_KEY.test(key)) return key;
  throw new OutcryError(
    'ERR_API_KEY',
    'a key is 1 to 127 printable ASCII characters, and begins with no space',
  );
}

function wireErrorOf({ code, message, fields }: ErrorRecord): WireError {
  return { code, message, retryable: RETRYABLE.has(code), fields };
}

/** The services of which there are operations. */
function featuresOf(handlers: AnyHandlers): string[] {
  return [...new Set(Object.keys(handlers).map((name) => name.slice(0, name.indexOf('.'))))];
}

/** In the same time wherever they differ. */
function isSame(given: string, token: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(token)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function tooLong(length: number, max: number): OutcryError {
  return protocolError(`a frame of ${length} bytes is longer than ${max}`);
}

function protocolError(message: string): OutcryError {
  return new OutcryError('ERR_API_PROTOCOL', message);
}

function denied(message: string): OutcryError {
  return new OutcryError('ERR_API_DENIED', message);
}

function closing(): OutcryError {
  return new OutcryError('ERR_API_CLOSING', 'the server closes the connection');
}
