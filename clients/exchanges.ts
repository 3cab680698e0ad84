/**
 * All exchanges of a client, with whichever connection it has: those that wait, in order, and those that were asked, by
 * their numbers.
 *
 * Invariant: no more are asked at once than the server has said it takes; one that was given up counts until it is
 * answered.
 */
import {
  encodeFrame,
  FRAME,
  FRAME_HEAD_BYTES,
  type ServerFrame,
  type StreamFrame,
  type WireError,
} from '../src/protocol/api/frames.ts';
import { findOperation } from '../src/protocol/api/operations.ts';
import { monotonicMs } from '../src/values/clock.ts';
import { OutcryError } from '../src/values/errors.ts';
import type { Exchange } from './exchange.ts';
import { TIMER_MAX_MS } from './pending.ts';
import { Queue } from './queue.ts';
import type { Wire } from './wire.ts';
import { errorOf } from './wire-errors.ts';

/** Requests of a program that asks without ever awaiting; more would only fill its memory. */
const WAITING_MAX = 65_536;

export class Exchanges {
  readonly #waiting = { requests: new Queue<Exchange>(), streams: new Queue<Exchange>() };
  readonly #asked = new Map<number, Exchange>();
  #askedStreams = 0;
  #lastId = 0;
  #wire: Wire | undefined;
  /** The server takes nothing new on this connection. */
  #isHeld = false;

  start(exchange: Exchange): void {
    const queue = this.#queueOf(exchange);
    if (queue.length >= WAITING_MAX) {
      const message = `${queue.length} requests wait to be sent, and no more may; await some of them first`;
      this.#fail(exchange, new OutcryError('ERR_API_LIMIT', message));
      return;
    }
    this.#enqueue(exchange);
    this.#sendOn();
  }

  /** Nobody waits for it any more. */
  giveUp(exchange: Exchange): void {
    if (exchange.state === 'over' || exchange.isGivenUp) return;
    exchange.isGivenUp = true;
    if (exchange.state !== 'asked') this.#end(exchange);
    else if (exchange.isStream) this.sendEnd(exchange);
  }

  /** The items leave at once; see to the credit and to `isWritable` before. */
  sendItems(exchange: Exchange, items: readonly unknown[]): void {
    this.#send([FRAME.items, exchange.id, items]);
  }

  sendCredit(exchange: Exchange, count: number): void {
    this.#send([FRAME.credit, exchange.id, count]);
  }

  /** There are no more items, or no more are wanted. */
  sendEnd(exchange: Exchange): void {
    if (exchange.isEnded) return;
    exchange.isEnded = true;
    this.#send([FRAME.end, exchange.id]);
  }

  get isWritable(): boolean {
    return this.#wire?.isWritable === true;
  }

  onOpen(wire: Wire): void {
    this.#wire = wire;
    this.#lastId = 0;
    this.#isHeld = false;
    this.#sendOn();
  }

  onDrain(): void {
    for (const exchange of this.#asked.values()) exchange.asker.onDrain?.();
    this.#sendOn();
  }

  /** Answers to what was asked may still come, but nothing new is asked on this connection. */
  hold(): void {
    this.#isHeld = true;
  }

  onLost(error: OutcryError): void {
    this.#wire = undefined;
    const lost = [...this.#asked.values()];
    this.#asked.clear();
    this.#askedStreams = 0;
    // Ahead of those that were never sent, in their order.
    for (const exchange of lost.reverse()) {
      if (exchange.mayBeAskedAgain) {
        this.#startOver(exchange, error);
        this.#enqueue(exchange, { isFirst: true });
      } else this.#fail(exchange, lostError(exchange, error));
    }
  }

  onFrame(frame: ServerFrame): void {
    if (frame[0] === FRAME.hello || frame[0] === FRAME.heartbeat || frame[0] === FRAME.event) return;
    const [type, id, body] = frame;
    const exchange = this.#asked.get(id ?? 0);
    if (exchange !== undefined) this.#onAnswer(exchange, type, body);
    else if ((id ?? 0) > this.#lastId) throw protocolError(`the id ${id}, which was not used`);
    this.#sendOn();
  }

  #onAnswer(exchange: Exchange, type: ServerFrame[0], body: unknown): void {
    const { asker } = exchange;
    switch (type) {
      case FRAME.reply:
        this.#deliver(exchange, asker.onReply, body, { isLast: true });
        break;
      case FRAME.error:
        this.#onError(exchange, body as WireError);
        break;
      case FRAME.open:
        this.#deliver(exchange, asker.onOpen, body);
        break;
      case FRAME.items:
        this.#deliver(exchange, asker.onItems, body);
        break;
      case FRAME.credit:
        this.#deliver(exchange, asker.onCredit, body);
        break;
      default:
        this.#deliver(exchange, asker.onEnd, body, { isLast: true });
    }
  }

  #deliver<Body>(
    exchange: Exchange,
    take: ((body: Body) => void) | undefined,
    body: unknown,
    { isLast = false } = {},
  ): void {
    if (take === undefined) throw protocolError(`what does not belong to ${exchange.operation}`);
    if (isLast) this.#end(exchange);
    if (!exchange.isGivenUp) take.call(exchange.asker, body as Body);
  }

  #onError(exchange: Exchange, wireError: WireError): void {
    const error = errorOf(wireError);
    if (!wireError.retryable || !exchange.mayBeAskedAgain) {
      this.#fail(exchange, error);
      return;
    }
    this.#forget(exchange);
    this.#startOver(exchange, error);
    exchange.state = 'paused';
    exchange.pause = setTimeout(() => {
      this.#enqueue(exchange);
      this.#sendOn();
    }, exchange.retries.nextMs());
  }

  #startOver(exchange: Exchange, trouble: OutcryError): void {
    exchange.trouble = trouble;
    exchange.asker.onStartOver?.();
  }

  #fail(exchange: Exchange, error: OutcryError): void {
    this.#end(exchange);
    if (!exchange.isGivenUp) exchange.asker.onFail(error);
  }

  #end(exchange: Exchange): void {
    this.#forget(exchange);
    if (exchange.place !== undefined) this.#queueOf(exchange).remove(exchange.place);
    clearTimeout(exchange.pause);
    exchange.state = 'over';
  }

  #forget(exchange: Exchange): void {
    if (exchange.state === 'asked' && this.#asked.delete(exchange.id) && exchange.isStream)
      this.#askedStreams--;
  }

  #enqueue(exchange: Exchange, { isFirst = false } = {}): void {
    const queue = this.#queueOf(exchange);
    exchange.state = 'waiting';
    exchange.place = isFirst ? queue.unshift(exchange) : queue.push(exchange);
  }

  #queueOf(exchange: Exchange): Queue<Exchange> {
    return exchange.isStream ? this.#waiting.streams : this.#waiting.requests;
  }

  /** Asks for as much of what waits as the server takes. */
  #sendOn(): void {
    const limits = this.#wire?.server?.limits;
    if (limits === undefined) return;
    while (this.#asked.size - this.#askedStreams < limits.requests && this.#askNext(this.#waiting.requests));
    while (this.#askedStreams < limits.streams && this.#askNext(this.#waiting.streams));
  }

  /** False if nothing waits or nothing more can be sent now. */
  #askNext(queue: Queue<Exchange>): boolean {
    const wire = this.#wire;
    if (wire?.isWritable !== true || this.#isHeld) return false;
    const exchange = queue.shift();
    if (exchange === undefined) return false;
    try {
      wire.write(this.#encode(exchange, wire));
    } catch (error) {
      this.#fail(exchange, error as OutcryError);
      return true;
    }
    this.#lastId += 1;
    exchange.id = this.#lastId;
    exchange.state = 'asked';
    exchange.isEnded = false;
    exchange.attempts += 1;
    this.#asked.set(exchange.id, exchange);
    if (exchange.isStream) this.#askedStreams++;
    return true;
  }

  /** Throws ERR_API_PARAMS if the server would, or would not even read it. */
  #encode({ operation, params, key, asker }: Exchange, wire: Wire): Uint8Array {
    const checked = findOperation(operation)?.params(params, operation);
    const timeoutMs = Math.min(Math.max(Math.ceil(asker.deadlineMs() - monotonicMs()), 1), TIMER_MAX_MS);
    const bytes = encodeFrame([FRAME.request, this.#lastId + 1, operation, checked, timeoutMs, key]);
    const length = bytes.length - FRAME_HEAD_BYTES;
    const max = wire.server?.limits.frameBytes ?? 0;
    if (length <= max) return bytes;
    const message = `what ${operation} asks with has ${length} bytes; this server takes at most ${max}`;
    throw new OutcryError('ERR_API_PARAMS', message);
  }

  #send(frame: StreamFrame): void {
    this.#wire?.send(frame);
  }
}

function lostError({ operation }: Exchange, cause: OutcryError): OutcryError {
  const message = `${operation} was not answered, and may have been done: ${cause.message}`;
  return new OutcryError('ERR_CONNECTION_LOST', message, { cause, fields: { operation } });
}

function protocolError(what: string): OutcryError {
  return new OutcryError('ERR_API_PROTOCOL', `the server sent ${what}`);
}
