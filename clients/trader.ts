/**
 * A user of the exchange who trades over a client: his orders, and all that the exchange tells him.
 *
 *     signing in ──► signed in ── signed out, or the session of the exchange ends ──► over
 *                     │     ▲
 *                     └► away ┘     the connection is lost and made again: he goes on with the next message
 *
 * Nothing about an order is sent twice, or later than it was said: what is said while he is away is refused. Of what was
 * on its way when the connection was lost the exchange's own messages tell what has become, as soon as he is back; what
 * they do not tell of has had no effect.
 */
import type { OperationName, ParamsOf, ReplyOf } from '../src/protocol/api/operations.ts';
import {
  type AcceptedMessage,
  type CanceledMessage,
  isAnswer,
  type OrderMessage,
  type OrderTokens,
  type RejectedMessage,
  type ReplacedMessage,
  type SignedIn,
} from '../src/protocol/api/orders.ts';
import { OutcryError } from '../src/values/errors.ts';
import type { Calls } from './calls.ts';
import type { Asker, Errand } from './errand.ts';
import type { CallOptions, Pending } from './pending.ts';

export interface SignInOptions extends CallOptions {
  readonly user: string;
  readonly password: string;
  /** The session of the exchange that it must be; that of the day without it. */
  readonly session?: string | undefined;
  /** The number of the first message wanted, 0 for the last there is; 1 without it, so that all of the session come. */
  readonly from?: number | undefined;
}

type EnterParams = ParamsOf<'exchange.enter'>;
type ReplaceParams = ParamsOf<'exchange.replace'>;

/** Without a token it gets the next one. */
export type EnteredOrder = Omit<EnterParams, 'user' | 'token'> & { readonly token?: number | undefined };
/** `quantity` is that of the whole order, with what was executed. */
export type OrderReplacement = Omit<ReplaceParams, 'user' | 'token' | 'replacementToken'> & {
  readonly replacementToken?: number | undefined;
};

type OrderOperation = Extract<OperationName, 'exchange.enter' | 'exchange.replace' | 'exchange.cancel'>;

const TOKEN_MAX = 2 ** 32 - 1;
/** Messages that the server sends ahead of a loop that is busy. */
const WINDOW = 4096;
/** Messages that are kept for the first loop. */
const UNREAD_MAX = 4096;
/** The exchange may have done it, and will say so. */
const UNKNOWN_CODES: readonly string[] = [
  'ERR_CONNECTION_LOST',
  'ERR_EXCHANGE_SIGNED_OUT',
  'ERR_STORE_WRITE',
];

export class Trader implements Asker, Disposable {
  readonly #calls: Calls;
  readonly #errand: Errand;
  readonly #opening: Pending<SignedIn>;
  #info: SignedIn | undefined;
  /** Of the next message. */
  #sequence: number;
  #lastToken = -1;
  #state: 'away' | 'signed-in' | 'over' = 'away';
  /** Why it is over, unless in order. */
  #failure: OutcryError | undefined;
  /** What the exchange has not answered yet. */
  readonly #asked = new Set<Asked<OrderMessage>>();
  readonly #readers = new Set<Reader>();
  /** The last ones, until there is a first reader. */
  #unread: OrderMessage[] | undefined = [];
  /** Messages that the server may still send. */
  #credit = 0;
  #isClosing = false;
  readonly #forgetClosing: () => void;

  private constructor(calls: Calls, { user, password, session, from = 1, ...options }: SignInOptions) {
    this.#calls = calls;
    this.#sequence = from;
    const trader = this;
    // Read whenever it signs in: later he goes on where he was.
    const params: ParamsOf<'exchange.stream'> = {
      user,
      password,
      get session() {
        return trader.#info?.session ?? session;
      },
      get from() {
        return trader.#sequence;
      },
    };
    this.#errand = calls.errand('exchange.stream', params, { asker: this });
    this.#opening = calls.promise<SignedIn>(
      {
        timeoutError: (timeoutMs) => this.#errand.timeoutError(timeoutMs),
        onGivenUp: () => this.signOut(),
      },
      options,
    );
    this.#forgetClosing = calls.onClosing((refusal, isWanted) => this.#onClosing(refusal, isWanted));
  }

  /** For the library. */
  static async signIn(calls: Calls, options: SignInOptions): Promise<Trader> {
    const trader = new Trader(calls, options);
    if (trader.#opening.isSettled) trader.#finish();
    else calls.errands.start(trader.#errand);
    await trader.#opening.promise;
    return trader;
  }

  /** In upper case. */
  get user(): string {
    return this.#signedIn.user;
  }

  /** Of the exchange. */
  get session(): string {
    return this.#signedIn.session;
  }

  /** The number of the next message: where another program may go on. */
  get nextSequence(): number {
    return this.#sequence;
  }

  /** Of all orders of the session so far, as far as it is known here. */
  get lastToken(): number {
    return this.#lastToken;
  }

  /** False while the connection is away, and when it is over. */
  get isSignedIn(): boolean {
    return this.#state === 'signed-in';
  }

  /**
   * All that the exchange tells, also over new connections and without gaps. The first loop begins with what has come since
   * he signed in, the last 4,096 messages of it; others with what comes from now on.
   *
   * Ends with the session of the exchange, with `signOut` and with the client. Throws ERR_EXCHANGE_SIGNED_OUT if somebody else
   * has signed in as the same user, and ERR_LOGIN_REFUSED if the session has ended while the connection was away. The exchange
   * waits for a loop that is slow, but not while something is to be answered.
   */
  messages(): AsyncGenerator<OrderMessage, void, undefined> {
    const reader = new Reader(this.#unread ?? [], () => this.#giveCredit());
    this.#unread = undefined;
    this.#readers.add(reader);
    if (this.#state === 'over') reader.finish(this.#failure);
    return this.#read(reader);
  }

  /**
   * Enters an order; resolves when the exchange has accepted it. It may be executed, or gone (`isLive`), by then.
   *
   * Rejects with ERR_ORDER_REJECTED and `fields.reason` if it is not taken, with ERR_ORDER_IGNORED if it has not come to the
   * exchange, and with ERR_EXCHANGE_SIGNED_OUT if it was not sent. With ERR_REQUEST_TIMEOUT and ERR_CONNECTION_LOST nobody
   * knows, and `fields.token` is by what `messages` may tell.
   */
  async enter(
    { token = this.#nextToken, ...order }: EnteredOrder,
    options?: CallOptions,
  ): Promise<AcceptedMessage> {
    this.#noteToken(token);
    const params = { ...order, token, user: this.user };
    const answer = await this.#ask('exchange.enter', params, token, options);
    if (answer.type === 'accepted') return answer;
    throw refusedError(`the exchange does not take order ${token}`, answer);
  }

  /**
   * Replaces an open order by one with another token; resolves when it is replaced. Rejects with ERR_ORDER_REJECTED if it was
   * canceled instead, with ERR_ORDER_IGNORED if it is not open any more, and otherwise as `enter` does.
   */
  async replace(
    token: number,
    { replacementToken = this.#nextToken, ...change }: OrderReplacement,
    options?: CallOptions,
  ): Promise<ReplacedMessage> {
    this.#noteToken(replacementToken);
    const params = { ...change, token, replacementToken, user: this.user };
    const answer = await this.#ask('exchange.replace', params, replacementToken, options);
    if (answer.type === 'replaced') return answer;
    throw refusedError(`order ${token} was canceled instead of being replaced`, answer);
  }

  /** Cancels an open order. Rejects with ERR_ORDER_IGNORED if it is not open any more, and otherwise as `enter` does. */
  cancel(token: number, options?: CallOptions): Promise<CanceledMessage> {
    return this.#ask('exchange.cancel', { token, user: this.user }, token, options);
  }

  /** Open orders are withdrawn then, as the exchange is set. */
  signOut(): void {
    if (this.#state === 'over') return;
    this.#finish();
    this.#calls.errands.giveUp(this.#errand);
  }

  [Symbol.dispose](): void {
    this.signOut();
  }

  deadlineMs(): number {
    return this.#opening.isSettled ? Number.POSITIVE_INFINITY : this.#opening.deadlineMs;
  }

  mayStartOver(): boolean {
    return true;
  }

  onStartOver(): void {
    this.#state = 'away';
    this.#credit = 0;
    for (const asked of this.#asked) asked.onAway();
  }

  onOpen(value: unknown): void {
    const info = value as SignedIn;
    this.#info = info;
    this.#sequence = info.sequence;
    this.#state = 'signed-in';
    this.#noteToken(info.lastToken);
    this.#opening.resolve(info);
    this.#settleLost();
    this.#giveCredit();
  }

  onItems(items: readonly unknown[]): void {
    this.#credit -= items.length;
    for (const message of items as readonly OrderMessage[]) {
      this.#sequence = message.sequence + 1;
      if ('token' in message) this.#noteToken(message.token);
      this.#unread?.push(message);
      for (const reader of this.#readers) reader.push(message);
      for (const asked of this.#asked) if (asked.take(message)) break;
    }
    if (this.#unread !== undefined) this.#unread.splice(0, Math.max(0, this.#unread.length - UNREAD_MAX));
    this.#settleLost();
    this.#giveCredit();
  }

  onEnd(): void {
    this.#finish();
  }

  onFail(error: OutcryError): void {
    this.#opening.reject(error);
    this.#finish(error);
  }

  get #signedIn(): SignedIn {
    if (this.#info === undefined) throw new TypeError('a trader is there when he has signed in');
    return this.#info;
  }

  get #nextToken(): number {
    return Math.max(this.#lastToken, 0) + 1;
  }

  /** One that no order can have is refused before it is sent. */
  #noteToken(token: number): void {
    if (Number.isInteger(token) && token <= TOKEN_MAX) this.#lastToken = Math.max(this.#lastToken, token);
  }

  /** `token`: by which the exchange knows the request. */
  #ask<N extends OrderOperation>(
    operation: N,
    params: ParamsOf<N> & OrderTokens,
    token: number,
    options: CallOptions = {},
  ): Promise<ReplyOf<N>> {
    const errand = (asker: Asker) => this.#calls.errand(operation, params, { asker });
    const asked = new Asked<ReplyOf<N> & OrderMessage>(this.#calls, errand, params, token, options);
    const { pending } = asked;
    if (this.#state !== 'signed-in') pending.reject(this.#notSentError(operation));
    if (!pending.isSettled) {
      this.#asked.add(asked);
      asked.onSettled = () => this.#onSettled(asked);
      this.#calls.errands.start(asked.errand);
      this.#giveCredit();
    }
    return pending.promise;
  }

  #notSentError(operation: string): OutcryError {
    const why =
      this.#state === 'over' ? (this.#failure?.message ?? 'he was signed out') : 'the connection is away';
    const message = `${operation} was not sent, since ${this.user} is not signed in: ${why}`;
    return new OutcryError('ERR_EXCHANGE_SIGNED_OUT', message);
  }

  async *#read(reader: Reader): AsyncGenerator<OrderMessage, void, undefined> {
    try {
      yield* reader.read();
    } finally {
      this.#readers.delete(reader);
      this.#giveCredit();
    }
  }

  /** Those whose answers would have been among the messages that were there when he signed in. */
  #settleLost(): void {
    if (this.#sequence <= this.#signedIn.lastSequence) return;
    for (const asked of this.#asked) asked.onHistory();
  }

  /** In portions of at least half a window. Answers come behind messages, so a loop that awaits one is not waited for. */
  #giveCredit(): void {
    if (this.#state !== 'signed-in') return;
    const isAwaiting = this.#asked.size > 0;
    const waiting = isAwaiting ? 0 : Math.max(0, ...Array.from(this.#readers, ({ length }) => length));
    const room = WINDOW - waiting - this.#credit;
    if (2 * room < WINDOW) return;
    this.#credit += room;
    this.#calls.errands.sendCredit(this.#errand, room);
  }

  #onClosing(refusal: OutcryError, isWanted: boolean): void {
    this.#opening.reject(refusal);
    if (!isWanted) {
      this.#finish(refusal);
      return;
    }
    // What was asked is still answered.
    this.#isClosing = true;
    for (const reader of this.#readers) reader.finish();
    if (this.#asked.size === 0) this.signOut();
  }

  #onSettled(asked: Asked<OrderMessage>): void {
    this.#asked.delete(asked);
    if (this.#isClosing && this.#asked.size === 0) this.signOut();
  }

  #finish(failure?: OutcryError): void {
    this.#state = 'over';
    this.#failure = failure;
    this.#forgetClosing();
    for (const reader of this.#readers) reader.finish(failure);
    for (const asked of this.#asked) asked.onOver(failure);
  }
}

/** Something about an order that the exchange was sent. */
class Asked<Reply extends OrderMessage> implements Asker {
  readonly errand: Errand;
  readonly pending: Pending<Reply>;
  onSettled = (): void => {};
  readonly #calls: Calls;
  readonly #tokens: OrderTokens;
  readonly #token: number;
  /** No answer will come, but the messages may have it. */
  #isUnanswered = false;
  /** The connection over which it was sent is lost. */
  #isLost = false;
  /** No more messages will come. */
  #isOver = false;

  constructor(
    calls: Calls,
    errand: (asker: Asker) => Errand,
    tokens: OrderTokens,
    token: number,
    options: CallOptions,
  ) {
    this.#calls = calls;
    this.#tokens = tokens;
    this.#token = token;
    this.errand = errand(this);
    this.pending = calls.promise<Reply>(
      {
        timeoutError: (timeoutMs) => this.#timeoutError(timeoutMs),
        onGivenUp: () => {
          this.onSettled();
          calls.errands.giveUp(this.errand);
        },
      },
      options,
    );
  }

  deadlineMs(): number {
    return this.pending.deadlineMs;
  }

  mayStartOver(): boolean {
    return false;
  }

  onReply(result: unknown): void {
    this.onSettled();
    this.pending.resolve(result as Reply);
  }

  onFail(error: OutcryError): void {
    if (!UNKNOWN_CODES.includes(error.code)) this.#reject(error);
    else if (this.#isOver) this.#reject(this.#unknownError(error));
    else this.#isUnanswered = true;
  }

  /** True if the message is the answer that does not come otherwise any more. */
  take(message: OrderMessage): boolean {
    const isMine = this.#isUnanswered && isAnswer(this.errand.operation, this.#tokens, message);
    if (isMine) this.onReply(message);
    return isMine;
  }

  /** What was not sent is not to be sent later. */
  onAway(): void {
    this.#isLost = true;
    if (this.errand.attempts > 0) return;
    this.#calls.errands.giveUp(this.errand);
    this.#reject(this.#lostError());
  }

  /** All messages have come in which the answer could have been. */
  onHistory(): void {
    if (this.#isLost) this.#reject(this.#lostError());
  }

  onOver(failure: OutcryError | undefined): void {
    this.#isOver = true;
    if (this.#isUnanswered) this.#reject(this.#unknownError(failure));
  }

  #reject(error: OutcryError): void {
    this.onSettled();
    this.pending.reject(error);
  }

  #lostError(): OutcryError {
    const message = `${this.errand.operation} of order ${this.#token} had no effect: the connection was lost on its way`;
    return new OutcryError('ERR_ORDER_IGNORED', message, { fields: { token: this.#token } });
  }

  #unknownError(cause: OutcryError | undefined): OutcryError {
    const why = cause?.message ?? 'the stream has ended';
    const message = `${this.errand.operation} of order ${this.#token} was not answered, and may have been done: ${why}`;
    return new OutcryError('ERR_CONNECTION_LOST', message, { cause, fields: { token: this.#token } });
  }

  #timeoutError(timeoutMs: number): OutcryError {
    const { code, message, fields } = this.errand.timeoutError(timeoutMs);
    return new OutcryError(code, message, { fields: { ...fields, token: this.#token } });
  }
}

/** A loop over messages, and what waits for it. */
class Reader {
  readonly #onTaken: () => void;
  #messages: OrderMessage[];
  #taken = 0;
  #isOver = false;
  #failure: OutcryError | undefined;
  #wake = (): void => {};

  constructor(messages: OrderMessage[], onTaken: () => void) {
    this.#messages = messages;
    this.#onTaken = onTaken;
  }

  get length(): number {
    return this.#messages.length - this.#taken;
  }

  push(message: OrderMessage): void {
    this.#messages.push(message);
    this.#wake();
  }

  /** What waits is still read. */
  finish(failure?: OutcryError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure = failure;
    this.#wake();
  }

  async *read(): AsyncGenerator<OrderMessage, void, undefined> {
    for (;;) {
      while (this.#taken < this.#messages.length) {
        const message = this.#messages[this.#taken++];
        this.#onTaken();
        yield message;
      }
      this.#messages = [];
      this.#taken = 0;
      if (this.#isOver) break;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
  }
}

function refusedError(what: string, { token, reason, text }: RejectedMessage | CanceledMessage): OutcryError {
  return new OutcryError('ERR_ORDER_REJECTED', `${what}: ${text}`, { fields: { token, reason } });
}
