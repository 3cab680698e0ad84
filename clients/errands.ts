/**
 * All errands of a client, with whichever connection it has: those that wait, in order, and those that were asked, by
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
import { Queue } from '../src/values/queue.ts';
import type { Errand } from './errand.ts';
import { TIMER_MAX_MS } from './pending.ts';
import type { Wire } from './wire.ts';
import { errorOf } from './wire-errors.ts';

/** Requests of a program that asks without ever awaiting; more would only fill its memory. */
const WAITING_MAX = 65_536;

export class Errands {
  readonly #waiting = { requests: new Queue<Errand>(), streams: new Queue<Errand>() };
  readonly #asked = new Map<number, Errand>();
  #askedStreams = 0;
  #lastId = 0;
  #wire: Wire | undefined;
  /** The server takes nothing new on this connection. */
  #isHeld = false;

  start(errand: Errand): void {
    const queue = this.#queueOf(errand);
    if (queue.length >= WAITING_MAX) {
      const message = `${queue.length} requests wait to be sent, and no more may; await some of them first`;
      this.#fail(errand, new OutcryError('ERR_API_LIMIT', message));
      return;
    }
    this.#enqueue(errand);
    this.#sendOn();
  }

  /** Nobody waits for it any more. */
  giveUp(errand: Errand): void {
    if (errand.state === 'over' || errand.isGivenUp) return;
    errand.isGivenUp = true;
    if (errand.state !== 'asked') this.#end(errand);
    else if (errand.isStream) this.sendEnd(errand);
  }

  /** The items leave at once; see to the credit and to `isWritable` before. */
  sendItems(errand: Errand, items: readonly unknown[]): void {
    this.#send([FRAME.items, errand.id, items]);
  }

  sendCredit(errand: Errand, count: number): void {
    this.#send([FRAME.credit, errand.id, count]);
  }

  /** There are no more items, or no more are wanted. */
  sendEnd(errand: Errand): void {
    if (errand.isEnded) return;
    errand.isEnded = true;
    this.#send([FRAME.end, errand.id]);
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
    for (const errand of this.#asked.values()) errand.asker.onDrain?.();
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
    for (const errand of lost.reverse()) {
      if (errand.mayBeAskedAgain) {
        this.#startOver(errand, error);
        this.#enqueue(errand, { isFirst: true });
      } else this.#fail(errand, lostError(errand, error));
    }
  }

  onFrame(frame: ServerFrame): void {
    if (frame[0] === FRAME.hello || frame[0] === FRAME.heartbeat || frame[0] === FRAME.event) return;
    const [type, id, body] = frame;
    const errand = this.#asked.get(id ?? 0);
    if (errand !== undefined) this.#onAnswer(errand, type, body);
    else if ((id ?? 0) > this.#lastId) throw protocolError(`the id ${id}, which was not used`);
    this.#sendOn();
  }

  #onAnswer(errand: Errand, type: ServerFrame[0], body: unknown): void {
    const { asker } = errand;
    switch (type) {
      case FRAME.reply:
        this.#deliver(errand, asker.onReply, body, { isLast: true });
        break;
      case FRAME.error:
        this.#onError(errand, body as WireError);
        break;
      case FRAME.open:
        this.#deliver(errand, asker.onOpen, body);
        break;
      case FRAME.items:
        this.#deliver(errand, asker.onItems, body);
        break;
      case FRAME.credit:
        this.#deliver(errand, asker.onCredit, body);
        break;
      default:
        this.#deliver(errand, asker.onEnd, body, { isLast: true });
    }
  }

  #deliver<Body>(
    errand: Errand,
    take: ((body: Body) => void) | undefined,
    body: unknown,
    { isLast = false } = {},
  ): void {
    if (take === undefined) throw protocolError(`what does not belong to ${errand.operation}`);
    if (isLast) this.#end(errand);
    if (!errand.isGivenUp) take.call(errand.asker, body as Body);
  }

  #onError(errand: Errand, wireError: WireError): void {
    const error = errorOf(wireError);
    if (!wireError.retryable || !errand.mayBeAskedAgain) {
      this.#fail(errand, error);
      return;
    }
    this.#forget(errand);
    this.#startOver(errand, error);
    errand.state = 'paused';
    errand.pause = setTimeout(() => {
      this.#enqueue(errand);
      this.#sendOn();
    }, errand.retries.nextMs());
  }

  #startOver(errand: Errand, trouble: OutcryError): void {
    errand.trouble = trouble;
    errand.asker.onStartOver?.();
  }

  #fail(errand: Errand, error: OutcryError): void {
    this.#end(errand);
    if (!errand.isGivenUp) errand.asker.onFail(error);
  }

  #end(errand: Errand): void {
    this.#forget(errand);
    if (errand.place !== undefined) this.#queueOf(errand).remove(errand.place);
    clearTimeout(errand.pause);
    errand.state = 'over';
  }

  #forget(errand: Errand): void {
    if (errand.state === 'asked' && this.#asked.delete(errand.id) && errand.isStream) this.#askedStreams--;
  }

  #enqueue(errand: Errand, { isFirst = false } = {}): void {
    const queue = this.#queueOf(errand);
    errand.state = 'waiting';
    errand.place = isFirst ? queue.unshift(errand) : queue.push(errand);
  }

  #queueOf(errand: Errand): Queue<Errand> {
    return errand.isStream ? this.#waiting.streams : this.#waiting.requests;
  }

  /** Asks for as much of what waits as the server takes. */
  #sendOn(): void {
    const limits = this.#wire?.server?.limits;
    if (limits === undefined) return;
    while (this.#asked.size - this.#askedStreams < limits.requests && this.#askNext(this.#waiting.requests));
    while (this.#askedStreams < limits.streams && this.#askNext(this.#waiting.streams));
  }

  /** False if nothing waits or nothing more can be sent now. */
  #askNext(queue: Queue<Errand>): boolean {
    const wire = this.#wire;
    if (wire?.isWritable !== true || this.#isHeld) return false;
    const errand = queue.shift();
    if (errand === undefined) return false;
    try {
      wire.write(this.#encode(errand, wire));
    } catch (error) {
      this.#fail(errand, error as OutcryError);
      return true;
    }
    this.#lastId += 1;
    errand.id = this.#lastId;
    errand.state = 'asked';
    errand.isEnded = false;
    errand.attempts += 1;
    this.#asked.set(errand.id, errand);
    if (errand.isStream) this.#askedStreams++;
    return true;
  }

  /** Throws ERR_API_PARAMS if the server would, or would not even read it. */
  #encode({ operation, params, key, asker }: Errand, wire: Wire): Uint8Array {
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

function lostError({ operation }: Errand, cause: OutcryError): OutcryError {
  const message = `${operation} was not answered, and may have been done: ${cause.message}`;
  return new OutcryError('ERR_CONNECTION_LOST', message, { cause, fields: { operation } });
}

function protocolError(what: string): OutcryError {
  return new OutcryError('ERR_API_PROTOCOL', `the server sent ${what}`);
}
