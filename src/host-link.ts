/**
 * The main thread's end of the link to one host. What a turn of the event loop produced leaves as one batch; what is
 * in flight is counted, and above the high-water mark the connections that feed the host pause.
 *
 * Invariant: `#bytesInFlight` is the charge of all records sent to the present host and not yet given back.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { HostCommand, HostEvent } from './protocol/control.ts';
import { type Batch, BatchReader, BatchWriter, type Flow, RECORD, transferListOf } from './protocol/link.ts';
import type { Address } from './values/address.ts';
import { monotonicMs } from './values/clock.ts';
import { type ErrorRecord, messageOf, OutcryError } from './values/errors.ts';

/** A connection, as far as the link is concerned. */
export interface Pausable {
  pause(): void;
  resume(): void;
}

export interface HostLinkOptions {
  readonly index: number;
  readonly bytesHigh: number;
  readonly bytesLow: number;
  readonly onEvent: (event: HostEvent) => void;
}

/** Where what hosts send to connections goes. */
export interface ConnectionSink {
  write(connection: number, bytes: Uint8Array): void;
  /** `reason` is empty when the session ended in order. */
  close(connection: number, reason: string): void;
  /** For the session that takes the present one's place, if its host is lost. */
  remember(connection: number, memory: string): void;
  identify(connection: number, user: string): void;
  countFrames(connection: number, count: number): void;
  countIgnored(connection: number, counts: Readonly<Record<string, number>>): void;
  flow(connection: number, flow: Flow): void;
  /** All of one batch has been handed over; true if nothing of its bytes is needed any more. */
  flush(): boolean;
}

/** Does what actors ask or tell the main thread; a rejection becomes the ask's error. */
export type AnswerAsk = (address: string, message: unknown) => Promise<unknown>;

interface PendingAsk {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: OutcryError) => void;
  readonly timer: NodeJS.Timeout;
}

/** Smaller runs of frames are copied into the batch: one more transferred buffer costs more than copying them. */
const TRANSFER_MIN_BYTES = 4096;

export class HostLink {
  readonly index: number;
  readonly #options: HostLinkOptions;
  readonly #writer = new BatchWriter();
  readonly #names = new Map<Address, number>();
  readonly #asks = new Map<number, PendingAsk>();
  readonly #paused = new Set<Pausable>();
  /** Addresses of the main thread that the host has named, by its numbers for them. */
  readonly #named: string[] = [];
  /** Hosts begin before the rest of the server: what their actors ask at once waits for whoever answers. */
  readonly #answering: Promise<AnswerAsk>;
  #answerWith: (answer: AnswerAsk) => void = () => {};
  #sink: ConnectionSink | undefined;
  #port: MessagePort | undefined;
  #flushing: NodeJS.Immediate | undefined;
  #bytesInFlight = 0;
  #nextAskId = 1;
  /** Why the host can store nothing at the moment. */
  #trouble: OutcryError | undefined;

  constructor(options: HostLinkOptions) {
    this.index = options.index;
    this.#options = options;
    this.#answering = new Promise((resolve) => {
      this.#answerWith = resolve;
    });
  }

  get bytesInFlight(): number {
    return this.#bytesInFlight;
  }

  /** Takes the port to a new host; what is written from now on goes there. */
  attach(port: MessagePort): void {
    this.#port = port;
    port.on('message', (batch: Batch) => this.#receive(batch));
  }

  /** The host can store nothing at the moment, and answers nothing; or, without `trouble`, it can again. */
  setTrouble(trouble: OutcryError | undefined): void {
    this.#trouble = trouble;
    if (trouble !== undefined) this.#failAsks(trouble);
  }

  get trouble(): OutcryError | undefined {
    return this.#trouble;
  }

  deliverTo(sink: ConnectionSink): void {
    this.#sink = sink;
  }

  /** From now on what actors of the host ask the main thread is answered; once. */
  answerWith(answer: AnswerAsk): void {
    this.#answerWith(answer);
  }

  /** Takes in what the host has sent and nobody has seen yet. */
  receiveAll(): void {
    if (this.#port === undefined) return;
    for (let next = receiveMessageOnPort(this.#port); next !== undefined; ) {
      this.#receive(next.message);
      next = receiveMessageOnPort(this.#port);
    }
  }

  /** The host is gone: fails what waits for it, forgets what was in flight. */
  lose(reason: string): void {
    this.#port?.close();
    this.#port = undefined;
    this.#writer.take();
    this.#names.clear();
    this.#named.length = 0;
    this.#failAsks(new OutcryError('ERR_HOST_LOST', `host ${this.index} was lost: ${reason}`));
    this.#trouble = undefined;
    this.#bytesInFlight = 0;
    this.#resumePaused();
  }

  /** Sends whole frames of a connection. If they are most of their ArrayBuffer, it is given up. */
  sendFrames(connection: number, bytes: Uint8Array, start: number, end: number): void {
    const { buffer, byteOffset } = bytes;
    const isWorthIt = end - start >= TRANSFER_MIN_BYTES && buffer instanceof ArrayBuffer;
    this.#bytesInFlight += isWorthIt
      ? this.#writer.transfer(
          RECORD.connectionChunk,
          connection,
          buffer,
          byteOffset + start,
          byteOffset + end,
        )
      : this.#writer.copy(RECORD.connectionBytes, connection, bytes, start, end);
    this.#scheduleFlush();
  }

  /** Pauses `connection` if too much is in flight; true if it did. It is resumed when there is room. */
  pauseIfFull(connection: Pausable): boolean {
    if (this.#bytesInFlight <= this.#options.bytesHigh) return false;
    this.#paused.add(connection);
    connection.pause();
    return true;
  }

  /** Tells an actor of this host something, or nobody if the host is gone. */
  tell(address: Address, message: unknown): void {
    if (this.#port === undefined) return;
    this.#bytesInFlight += this.#writer.value(RECORD.tell, this.#nameOf(address), message);
    this.#scheduleFlush();
  }

  command(command: HostCommand): void {
    this.#writer.value(RECORD.control, 0, command);
    this.#scheduleFlush();
  }

  /** Asks an actor of this host; rejects with an OutcryError if it can't answer within `timeoutMs`. */
  ask(address: Address, message: unknown, timeoutMs: number): Promise<unknown> {
    if (this.#port === undefined) {
      return Promise.reject(new OutcryError('ERR_HOST_LOST', `host ${this.index} is not there any more`));
    }
    if (this.#trouble !== undefined) return Promise.reject(this.#trouble);
    const id = this.#nextAskId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#takeAsk(id)?.reject(
          new OutcryError('ERR_ASK_TIMEOUT', `${address} did not answer within ${timeoutMs} ms`),
        );
      }, timeoutMs);
      this.#asks.set(id, { resolve, reject, timer });
      this.#bytesInFlight += this.#writer.ask(this.#nameOf(address), id, monotonicMs() + timeoutMs, message);
      this.#scheduleFlush();
    });
  }

  #nameOf(address: Address): number {
    let name = this.#names.get(address);
    if (name === undefined) {
      name = this.#names.size;
      this.#names.set(address, name);
      this.#writer.text(RECORD.bind, name, address);
    }
    return name;
  }

  /** Everything that this turn of the event loop still produces joins the batch. */
  #scheduleFlush(): void {
    this.#flushing ??= setImmediate(() => {
      this.#flushing = undefined;
      if (this.#port === undefined || this.#writer.isEmpty) return;
      const batch = this.#writer.take();
      this.#port.postMessage(batch, transferListOf(batch));
    });
  }

  #receive(batch: Batch): void {
    const reader = new BatchReader(batch);
    // A value may have parts of the batch within it.
    let hasValues = false;
    while (reader.next()) {
      switch (reader.kind) {
        case RECORD.write:
          this.#sink?.write(reader.target, reader.bytes.subarray(reader.start, reader.end));
          break;
        case RECORD.close:
          this.#sink?.close(reader.target, reader.text());
          break;
        case RECORD.remember:
          this.#sink?.remember(reader.target, reader.text());
          break;
        case RECORD.identify:
          this.#sink?.identify(reader.target, reader.text());
          break;
        case RECORD.frames:
          this.#sink?.countFrames(reader.target, reader.count());
          break;
        case RECORD.ignored:
          this.#sink?.countIgnored(reader.target, reader.value() as Record<string, number>);
          break;
        case RECORD.flow:
          this.#sink?.flow(reader.target, reader.flags as Flow);
          break;
        case RECORD.bind:
          this.#named[reader.target] = reader.text();
          break;
        case RECORD.tell:
          hasValues = true;
          this.#onTell(this.#named[reader.target] ?? '', reader);
          break;
        case RECORD.ask:
          hasValues = true;
          this.#onAsk(this.#named[reader.target] ?? '', reader);
          break;
        case RECORD.credit:
          this.#bytesInFlight -= reader.target;
          break;
        case RECORD.reply: {
          hasValues = true;
          const value = reader.value();
          // Its deadline may have passed: a late reply is ignored.
          if (reader.flags === 0) this.#takeAsk(reader.target)?.resolve(value);
          else this.#takeAsk(reader.target)?.reject(OutcryError.fromRecord(value as ErrorRecord));
          break;
        }
        case RECORD.control:
          hasValues = true;
          this.#options.onEvent(reader.value() as HostEvent);
          break;
        default:
          throw new RangeError(`the main thread can't take in a record of kind ${reader.kind}`);
      }
    }
    const isTaken = this.#sink?.flush() ?? true;
    if (isTaken && !hasValues) this.#writer.giveBack(batch);
    if (this.#bytesInFlight <= this.#options.bytesLow) this.#resumePaused();
  }

  /** Nobody waits for an answer: what it fails with is nobody's either. */
  #onTell(address: string, reader: BatchReader): void {
    this.#giveBack(reader);
    this.#answerTo(address, reader.value()).catch(() => {});
  }

  #onAsk(address: string, reader: BatchReader): void {
    const port = this.#port;
    const id = reader.askId();
    this.#giveBack(reader);
    const reply = (value: unknown, flags: number) => {
      // The host that has asked may be gone, and another one may use the same number.
      if (this.#port !== port) return;
      this.#writer.value(RECORD.reply, id, value, flags);
      this.#scheduleFlush();
    };
    this.#answerTo(address, reader.askMessage()).then(
      (value) => reply(value, 0),
      (error: unknown) => reply(recordOf(error), 1),
    );
  }

  async #answerTo(address: string, message: unknown): Promise<unknown> {
    const answer = await this.#answering;
    return answer(address, message);
  }

  #giveBack(reader: BatchReader): void {
    this.#writer.credit(reader.charge);
    this.#scheduleFlush();
  }

  #resumePaused(): void {
    for (const connection of this.#paused) connection.resume();
    this.#paused.clear();
  }

  #failAsks(error: OutcryError): void {
    for (const id of [...this.#asks.keys()]) this.#takeAsk(id)?.reject(error);
  }

  #takeAsk(id: number): PendingAsk | undefined {
    const ask = this.#asks.get(id);
    this.#asks.delete(id);
    clearTimeout(ask?.timer);
    return ask;
  }
}

function recordOf(error: unknown): ErrorRecord {
  if (error instanceof OutcryError) return error.toRecord();
  return { code: 'ERR_UNEXPECTED', message: messageOf(error), fields: {} };
}
