/**
 * What a trader has sent and what was told of it, over as many connections as it takes.
 *
 * Whatever was not answered is sent again, in order, over the next connection: a message that was taken before is ignored,
 * since its token is not greater than those before it, or is not that of a live order any more.
 *
 * Nobody says that a message was ignored. It is known by what comes instead: a cancel or a replace has no effect when
 * nothing of its order is open; and since messages are taken in order, an answer to one of them says that those sent before
 * it were taken, or ignored if they have no answer.
 */
import type { OrderbookForm } from '../../src/protocol/ouch/fields.ts';
import {
  type EnterOrder,
  encodeInbound,
  type InboundMessage,
  type OrderAccepted,
  type OrderReplaced,
  type OutboundMessage,
  type ReplaceOrder,
} from '../../src/protocol/ouch/messages.ts';
import { explainCancel, explainReject } from '../../src/protocol/ouch/reasons.ts';
import { encodeClientPacket } from '../../src/protocol/soupbintcp/packets.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { Queue, type QueueEntry } from '../../src/values/queue.ts';
import type { CallOptions, Pending } from '../pending.ts';
import type { Promises } from '../promises.ts';
import {
  changed,
  type NewOrder,
  type Order,
  type OrderChange,
  type OrderDesk,
  type Terms,
  TradedOrder,
  toEnter,
} from './order.ts';
import { type MirroredOrder, OrderMirror } from './order-mirror.ts';

/** A program that sends without ever awaiting would only fill its memory. */
const UNANSWERED_MAX = 65_536;
/** Below it a program that waits for its turn may send. */
const UNANSWERED_READY = 16_384;
/** As the wire has them. */
const TOKEN_MAX = 0xffffffff;

/** What becomes of a request that has no answer of its own. */
interface Outcomes {
  /** Nothing of its order is open any more. */
  onDone(): void;
  /** It was ignored, or there will be no answer. */
  onFail(error: OutcryError): void;
}

/** Something that was sent, or waits to be, and is not answered. */
class Request {
  readonly message: InboundMessage;
  readonly packet: Uint8Array;
  readonly order: TradedOrder;
  readonly outcomes: Outcomes;
  isSent = false;
  /** Nobody waits for the answer; it is not sent again. */
  isGivenUp = false;
  place: QueueEntry<Request> | undefined;

  constructor(message: InboundMessage, packet: Uint8Array, order: TradedOrder, outcomes: Outcomes) {
    this.message = message;
    this.packet = packet;
    this.order = order;
    this.outcomes = outcomes;
  }
}

interface SentOrder {
  readonly message: EnterOrder;
  readonly request: Request;
  readonly accepted: Pending<OrderAccepted>;
}

interface SentReplace {
  readonly request: Request;
  readonly replaced: Pending<OrderReplaced>;
}

export class Trading implements OrderDesk {
  readonly mirror = new OrderMirror();
  readonly #promises: Promises;
  readonly #form: OrderbookForm;
  /** Sends a packet if there is a connection. */
  readonly #send: (packet: Uint8Array) => boolean;
  #unanswered = new Queue<Request>();
  /** Those of which something may still come, by their first tokens. */
  readonly #orders = new Map<number, TradedOrder>();
  readonly #byMirrored = new Map<MirroredOrder, TradedOrder>();
  readonly #enters = new Map<number, SentOrder>();
  readonly #replaces = new Map<number, SentReplace>();
  /** Cancels and replaces that wait, by their orders. */
  readonly #requests = new Map<TradedOrder, Set<Request>>();
  #lastToken = 0;

  constructor(promises: Promises, form: OrderbookForm, send: (packet: Uint8Array) => boolean) {
    this.#promises = promises;
    this.#form = form;
    this.#send = send;
  }

  /** That of the next order, or replace. */
  get nextToken(): number {
    return Math.max(this.#lastToken, this.mirror.lastToken) + 1;
  }

  /** Few enough messages are unanswered. */
  get isReady(): boolean {
    return this.#unanswered.length < UNANSWERED_READY;
  }

  /** Those that are open. */
  get openOrders(): Order[] {
    return Array.from(this.mirror.orders, (mirrored) => this.#orderOf(mirrored));
  }

  /** The open order under that token. */
  find(token: number): Order | undefined {
    const mirrored = this.mirror.find(token);
    return mirrored === undefined ? undefined : this.#orderOf(mirrored);
  }

  /** Throws ERR_OUCH_MESSAGE if it is none that can be sent, and ERR_API_LIMIT if too much waits. */
  enter(wanted: NewOrder, options: CallOptions): Order {
    const token = wanted.token ?? this.#nextToken();
    if (token < this.nextToken) throw usedTokenError(token, this.nextToken);
    const message = this.#checked(toEnter(token, wanted));
    const packet = packetOf(message);
    const accepted = this.#promise<OrderAccepted>('an order', () => request, options);
    const order = new TradedOrder(this, token, accepted.promise);
    const request: Request = new Request(message, packet, order, {
      onDone: () => {},
      onFail: (error) => {
        accepted.reject(error);
        this.#lose(order, error);
      },
    });
    if (accepted.isSettled) {
      accepted.promise.catch((reason) => order.onLost(reason));
      return order;
    }
    this.#lastToken = token;
    this.#orders.set(token, order);
    this.#enters.set(token, { message, request, accepted });
    this.#sendFirst(request);
    return order;
  }

  async replace(order: TradedOrder, change: OrderChange, options: CallOptions): Promise<OrderReplaced> {
    const terms = this.#termsToCome(order);
    if (terms === undefined) throw doneError(order);
    const message = this.#checked({
      type: 'replace',
      existingToken: this.#replacesOf(order).at(-1)?.replacementToken ?? order.token,
      replacementToken: this.#nextToken(),
      ...changed(terms, change),
    });
    const packet = packetOf(message);
    const replaced = this.#promise<OrderReplaced>('a replace', () => request, options);
    const request: Request = new Request(message, packet, order, {
      onDone: () => replaced.reject(doneError(order)),
      onFail: (error) => replaced.reject(error),
    });
    if (!replaced.isSettled) {
      this.#lastToken = message.replacementToken;
      this.#replaces.set(message.replacementToken, { request, replaced });
      this.#await(request);
    }
    return replaced.promise;
  }

  async cancel(order: TradedOrder, options: CallOptions): Promise<Order> {
    if (this.#isOver(order)) return order.done;
    const message = this.#checked({ type: 'cancel', token: order.token, quantity: 0 });
    // Whichever of the replaces before it are taken, one of these tokens is the live one.
    const tokens = [order.token, ...this.#replacesOf(order).map(({ replacementToken }) => replacementToken)];
    const packet = joined(tokens.map((token) => packetOf({ ...message, token })));
    const canceled = this.#promise<Order>('a cancel', () => request, options);
    const request: Request = new Request(message, packet, order, {
      onDone: () =>
        void order.done.then(
          () => canceled.resolve(order),
          (reason) => canceled.reject(reason),
        ),
      onFail: (error) => canceled.reject(error),
    });
    if (!canceled.isSettled) this.#await(request);
    return canceled.promise;
  }

  /** There is a connection, and all that was told so far was taken in. */
  onOpen(): void {
    for (const request of this.#unanswered) {
      if (!request.isGivenUp) request.isSent = this.#send(request.packet);
    }
  }

  /** The messages of the same session come once more, from the first one on. */
  onRestart(): void {
    this.mirror.clear();
    this.#byMirrored.clear();
  }

  /** Another session begins: what was sent in the one before has no answer, and its orders are gone. */
  onSession(error: OutcryError): void {
    this.onRestart();
    this.#lastToken = 0;
    this.end(error);
  }

  /** Nothing more will be told of what there is. */
  end(error: OutcryError): void {
    const orders = [...this.#orders.values()];
    const requests = [...this.#unanswered];
    this.#unanswered = new Queue();
    this.#orders.clear();
    this.#enters.clear();
    this.#replaces.clear();
    this.#requests.clear();
    for (const order of orders) order.onLost(error);
    for (const request of requests) request.outcomes.onFail(error);
  }

  onMessage(message: OutboundMessage): void {
    const mirrored = this.mirror.apply(message);
    switch (message.type) {
      case 'accepted':
        if (mirrored !== undefined) this.#onAccepted(message, mirrored);
        break;
      case 'rejected':
        this.#onRejected(message.token, message.reason);
        break;
      case 'replaced':
        this.#onReplaced(message, mirrored);
        break;
      case 'executed':
        if (mirrored !== undefined) this.#onExecuted(mirrored);
        break;
      case 'canceled':
      case 'aiq-canceled':
        if (mirrored !== undefined) this.#onCanceled(mirrored, message.decrement, message.reason);
        break;
      case 'system-event':
        break;
    }
  }

  #onAccepted(accepted: OrderAccepted, mirrored: MirroredOrder): void {
    const order = this.#orders.get(accepted.token);
    if (order === undefined) return;
    order.mirrored = mirrored;
    this.#byMirrored.set(mirrored, order);
    const entered = this.#enters.get(accepted.token);
    if (entered !== undefined) {
      this.#enters.delete(accepted.token);
      entered.accepted.resolve(accepted);
      order.tell('accepted', accepted);
      this.#answered(entered.request);
    }
    this.#endIfDone(order);
  }

  #onRejected(token: number, reason: string): void {
    const order = this.#orders.get(token);
    const entered = this.#enters.get(token);
    if (order === undefined || entered === undefined) return;
    this.#enters.delete(token);
    const error = rejectedError(token, reason);
    entered.accepted.reject(error);
    this.#orders.delete(token);
    order.onRejected(error);
    this.#settleRequests(order);
    this.#answered(entered.request);
  }

  #onReplaced(message: OrderReplaced, mirrored: MirroredOrder | undefined): void {
    const waiting = this.#replaces.get(message.replacementToken);
    const order = mirrored === undefined ? undefined : this.#byMirrored.get(mirrored);
    if (waiting !== undefined) {
      waiting.replaced.resolve(message);
      this.#answered(waiting.request);
    }
    order?.tell('replaced', message);
    if (order !== undefined) this.#endIfDone(order);
  }

  #onExecuted(mirrored: MirroredOrder): void {
    const order = this.#byMirrored.get(mirrored);
    const fill = mirrored.fills.at(-1);
    if (order === undefined || fill === undefined) return;
    order.tell('executed', fill);
    this.#endIfDone(order);
  }

  #onCanceled(mirrored: MirroredOrder, by: number, reason: string): void {
    const order = this.#byMirrored.get(mirrored);
    if (order === undefined) return;
    order.tell('canceled', by, reason);
    this.#endIfDone(order);
  }

  #endIfDone(order: TradedOrder): void {
    if (order.state === 'open') return;
    this.#forget(order);
    order.onDone();
    this.#settleRequests(order);
  }

  #lose(order: TradedOrder, reason: unknown): void {
    if (this.#isOver(order)) return;
    this.#forget(order);
    order.onLost(reason);
    this.#settleRequests(order);
  }

  #forget(order: TradedOrder): void {
    this.#orders.delete(order.firstToken);
    this.#enters.delete(order.firstToken);
    if (order.mirrored !== undefined) this.#byMirrored.delete(order.mirrored);
  }

  /** Cancels and replaces of an order of which nothing is open have no effect. */
  #settleRequests(order: TradedOrder): void {
    const requests = this.#requests.get(order);
    if (requests === undefined) return;
    this.#requests.delete(order);
    for (const request of requests) {
      this.#drop(request);
      request.outcomes.onDone();
    }
  }

  /** Those that were sent before it and have no answer were ignored. */
  #answered(request: Request): void {
    const { place } = request;
    if (place === undefined) return;
    for (let first = this.#unanswered.first(); first !== undefined && first !== request; ) {
      this.#drop(first);
      const { type } = first.message;
      const message = `the exchange has ignored ${type === 'enter' ? 'an order' : `a ${type}`}: its token is not the next one any more`;
      first.outcomes.onFail(new OutcryError('ERR_ORDER_IGNORED', message, { fields: { type } }));
      first = this.#unanswered.first();
    }
    this.#drop(request);
  }

  #drop(request: Request): void {
    if (request.place !== undefined) this.#unanswered.remove(request.place);
    request.place = undefined;
    if (request.message.type === 'replace') this.#replaces.delete(request.message.replacementToken);
    this.#requests.get(request.order)?.delete(request);
  }

  #giveUp(request: Request): void {
    request.isGivenUp = true;
    if (request.isSent) return;
    // It never was on its way, and will not be.
    this.#drop(request);
    if (request.message.type !== 'enter') return;
    this.#enters.delete(request.message.token);
    const message = 'the order was given up before it could be sent';
    this.#lose(request.order, new OutcryError('ERR_CONNECTION_FAILED', message));
  }

  #promise<T>(what: string, requestOf: () => Request, options: CallOptions): Pending<T> {
    const answerer = {
      timeoutError: (timeoutMs: number) => timeoutError(what, timeoutMs),
      onGivenUp: () => this.#giveUp(requestOf()),
    };
    return this.#promises.make<T>(answerer, options);
  }

  /** Of a cancel or a replace. */
  #await(request: Request): void {
    const requests = this.#requests.get(request.order) ?? new Set();
    this.#requests.set(request.order, requests.add(request));
    this.#sendFirst(request);
  }

  #sendFirst(request: Request): void {
    request.place = this.#unanswered.push(request);
    request.isSent = this.#send(request.packet);
  }

  #isOver(order: TradedOrder): boolean {
    return order.state !== 'sent' && order.state !== 'open';
  }

  /** Undefined if nothing of it can be replaced any more. */
  #termsToCome(order: TradedOrder): Terms | undefined {
    if (this.#isOver(order)) return undefined;
    const replace = this.#replacesOf(order).at(-1);
    return replace ?? order.mirrored ?? this.#enters.get(order.firstToken)?.message;
  }

  /** Those that are not answered. */
  #replacesOf(order: TradedOrder): ReplaceOrder[] {
    const requests = this.#requests.get(order) ?? [];
    return Array.from(requests, ({ message }) => message).filter(
      ({ type }) => type === 'replace',
    ) as ReplaceOrder[];
  }

  #orderOf(mirrored: MirroredOrder): TradedOrder {
    const known = this.#byMirrored.get(mirrored);
    if (known !== undefined) return known;
    const order = new TradedOrder(this, mirrored.firstToken, Promise.resolve(mirrored.accepted));
    order.mirrored = mirrored;
    this.#orders.set(mirrored.firstToken, order);
    this.#byMirrored.set(mirrored, order);
    return order;
  }

  #nextToken(): number {
    const { nextToken } = this;
    if (nextToken <= TOKEN_MAX) return nextToken;
    throw new OutcryError('ERR_API_LIMIT', 'there are no more tokens in this session');
  }

  #checked<Message extends InboundMessage>(message: Message): Message {
    if (this.#unanswered.length >= UNANSWERED_MAX) {
      const text = `${this.#unanswered.length} messages are not answered, and no more may be; await ready() first`;
      throw new OutcryError('ERR_API_LIMIT', text);
    }
    if (message.type === 'enter' && (typeof message.orderbook === 'number') !== (this.#form === 'uint32')) {
      const expected = this.#form === 'uint32' ? 'a number' : 'text';
      const text = `orderbook is ${JSON.stringify(message.orderbook)}; expected ${expected}, as this client was connected`;
      throw new OutcryError('ERR_OUCH_MESSAGE', text, { fields: { field: 'orderbook' } });
    }
    return message;
  }
}

function usedTokenError(token: number, next: number): OutcryError {
  const message = `token is ${token}; expected ${next}, the next one of this session, or a greater one`;
  return new OutcryError('ERR_OUCH_MESSAGE', message, { fields: { field: 'token' } });
}

/** Throws ERR_OUCH_MESSAGE. */
function packetOf(message: InboundMessage): Uint8Array {
  return encodeClientPacket({ type: 'unsequenced', message: encodeInbound(message) });
}

function joined(packets: readonly Uint8Array[]): Uint8Array {
  const [first] = packets;
  return packets.length === 1 && first !== undefined ? first : Buffer.concat(packets);
}

function timeoutError(what: string, timeoutMs: number): OutcryError {
  const message = `${what} was not answered within ${timeoutMs} ms; it may have been taken`;
  return new OutcryError('ERR_REQUEST_TIMEOUT', message, { fields: { timeoutMs } });
}

function rejectedError(token: number, reason: string): OutcryError {
  const message = `the exchange did not take order ${token}: ${explainReject(reason)} (${reason})`;
  return new OutcryError('ERR_ORDER_REJECTED', message, { fields: { token, reason } });
}

function doneError(order: TradedOrder): OutcryError {
  const { state, mirrored, token } = order;
  const reason = mirrored?.cancelReason;
  const why = state === 'canceled' && reason !== undefined ? `: ${explainCancel(reason)} (${reason})` : '';
  const message = `nothing of order ${token} is open, it is ${state}${why}`;
  const fields = { token, state, ...(reason === undefined ? {} : { reason }) };
  return new OutcryError('ERR_ORDER_DONE', message, { fields });
}
