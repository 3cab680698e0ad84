/** A trading account: its tokens, its sequenced stream, and the connection that it has at the moment. */
import type { ClientAddress, OrderbookForm } from '../../src/protocol/exchange.ts';
import type { AccountState } from './exchange-snapshot.ts';
import type { SequencedStream } from './sequenced-stream.ts';
import type { AccountRules } from './validate.ts';

/** Bytes that are on their way to a client without its having said that it took them. */
const UNTAKEN_MAX = 256 * 1024;

export class TradingAccount {
  readonly number: number;
  /** The user, or what a raw client is called. */
  readonly name: string;
  /** Without a name: it ends with its connection, and its rejected tokens may be used again. */
  readonly isRaw: boolean;
  form: OrderbookForm;
  readonly rules: AccountRules;
  /** The greatest that was used in the day. */
  lastToken = -1;
  stream: SequencedStream;
  /** It has logged in in this session. */
  isPart = false;
  line: Line | undefined;
  /** When its orders are withdrawn, unless it comes back before. */
  dueMs = Number.POSITIVE_INFINITY;
  /** It has messages that nobody was told of yet. */
  isTouched = false;
  #second = 0;
  #ordersInSecond = 0;

  constructor(
    number: number,
    name: string,
    isRaw: boolean,
    form: OrderbookForm,
    rules: AccountRules,
    stream: SequencedStream,
  ) {
    this.number = number;
    this.name = name;
    this.isRaw = isRaw;
    this.form = form;
    this.rules = rules;
    this.stream = stream;
  }

  /** `orders` are open. */
  freeze(orders: number): AccountState {
    const { number, name, form, isRaw, isPart: takesPart, lastToken } = this;
    return { number, name, form, isRaw, takesPart, lastToken, stream: this.stream.freeze(), orders };
  }

  /** A new session: tokens begin anew, and so does the stream. */
  beginSession(): void {
    this.lastToken = -1;
    this.isPart = false;
    this.stream.clear();
  }

  /** Counts an order or a replace; true if there were too many in this second. */
  isThrottled(nowMs: number): boolean {
    const { ordersPerSecond } = this.rules;
    if (ordersPerSecond === 0) return false;
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#ordersInSecond = 0;
    }
    return ++this.#ordersInSecond > ordersPerSecond;
  }
}

/**
 * The way to a client, which goes on with a stream where it is. After so many bytes that nobody has said were taken it
 * waits; what comes meanwhile stays in the stream, from where it is read then.
 */
export class Line {
  readonly client: ClientAddress;
  readonly account: number;
  /** Of the day in which it logged in. */
  readonly stream: SequencedStream;
  /** Sequence number of the next message for the client. */
  next: number;
  isWaiting = false;
  /** It has waited since the client was last told that this is all. */
  isBehind = false;
  /** The day is over: End of Session comes after the last message. */
  isEnding = false;
  /** The client has sent all that it will, and wants to know when it has been told all. */
  isHeardOut = false;
  #untaken = 0;

  constructor(client: ClientAddress, account: number, stream: SequencedStream, next: number) {
    this.client = client;
    this.account = account;
    this.stream = stream;
    this.next = next;
  }

  /** Counts bytes that leave; true if the client is to say when it has them, and nothing follows before. */
  sends(length: number): boolean {
    this.#untaken += length;
    if (this.#untaken < UNTAKEN_MAX) return false;
    this.isWaiting = true;
    this.isBehind = true;
    return true;
  }

  taken(): void {
    this.#untaken = 0;
    this.isWaiting = false;
  }
}
