/**
 * Steps of a recording that are not written yet, because replies to them may still come, or because another client's step
 * has to stand before them.
 *
 * They leave in the order in which the exchange has handled them, as far as its replies tell: by their time and by the
 * number of the order, which counts all orders; else as they arrived. What arrived in one piece stays together, a client's
 * steps stay in their order, and a step waits for those behind which its client has heard of it. So at the end of each step
 * of a replay the exchange is where it was.
 */
import { Queue } from '../../values/queue.ts';
import type { InboundMessage, OutboundMessage } from '../ouch/messages.ts';

/** What a client has heard, in its place among all that it has heard: of which step that is may not be known yet. */
export interface Heard {
  step: RecordedStep | undefined;
}

export interface Told<Client> {
  readonly client: Client;
  readonly reply: OutboundMessage;
}

export class RecordedStep<Client = unknown> {
  readonly client: Client;
  /** Counts all steps of all clients. Of what was heard unasked: the last one that could have been the cause. */
  arrival: number;
  /** Of the piece that it came in. */
  readonly piece: number;
  readonly message: InboundMessage | undefined;
  /** What it does, where that is no message. */
  readonly verb: object;
  /** To its client. */
  readonly replies: OutboundMessage[] = [];
  /** To others, because of it. */
  readonly told: Told<Client>[] = [];
  /** What has to be written before. */
  readonly behind: Heard[] = [];
  readonly heard: Heard = { step: this };
  /** When the exchange says that it has handled it. */
  timestampNs: bigint | undefined;
  orderNumber: bigint | undefined;
  /** Nothing more will be heard of it. */
  isDone = false;
  /** It may have been answered, and its client was not there any more. */
  isUntold = false;
  isWritten = false;
  /** When it was last heard of. */
  tick: number;

  constructor(
    client: Client,
    place: { readonly arrival: number; readonly piece: number; readonly tick: number },
    message: InboundMessage | undefined,
    verb: object = {},
  ) {
    this.client = client;
    this.arrival = place.arrival;
    this.piece = place.piece;
    this.tick = place.tick;
    this.message = message;
    this.verb = verb;
  }

  get isAnswered(): boolean {
    return this.replies.length > 0 || this.message === undefined;
  }

  /** Its client has done nothing: it has only heard something. */
  get isUnasked(): boolean {
    return this.message === undefined && Object.keys(this.verb).length === 0;
  }
}

/** What is heard of a step comes together, but for what is on its way through another thread. */
const ANSWERED_TICKS = 1;
/** An exchange that has not answered for so long is taken to have nothing to say. */
const UNANSWERED_TICKS = 10;
/** With more the oldest are written as they are. */
const STEPS_MAX = 16_384;
const DAY_NS = 86_400_000_000_000n;

export class StepWindow<Client> {
  readonly #write: (step: RecordedStep<Client>, isCut: boolean) => void;
  /** The steps of each client that has some, the oldest first. */
  readonly #queues = new Map<Client, Queue<RecordedStep<Client>>>();
  /** What clients heard because of no step that is known. */
  readonly #loose = new Set<RecordedStep<Client>>();
  #size = 0;
  #last: RecordedStep<Client> | undefined;

  /** `isCut`: it was not waited for what may still be heard of it. */
  constructor(write: (step: RecordedStep<Client>, isCut: boolean) => void) {
    this.#write = write;
  }

  get isFull(): boolean {
    return this.#size >= STEPS_MAX;
  }

  add(step: RecordedStep<Client>): void {
    let queue = this.#queues.get(step.client);
    if (queue === undefined) {
      queue = new Queue();
      this.#queues.set(step.client, queue);
    }
    queue.push(step);
    this.#size++;
  }

  addLoose(step: RecordedStep<Client>): void {
    this.#loose.add(step);
    this.#size++;
  }

  /** It is part of another step. */
  removeLoose(step: RecordedStep<Client>): void {
    if (this.#loose.delete(step)) this.#size--;
    step.isWritten = true;
  }

  /** Writes what can be written; `all`: and then the rest. */
  advance(tick: number, all: boolean): void {
    while (this.#size > 0) {
      const isForced = all || this.#size > STEPS_MAX;
      const heads = this.#heads();
      if (!isForced && heads.some((step) => !isSettled(step, tick))) return;
      const next =
        this.#ripe(heads, tick) ??
        this.#pick(heads.filter(isReady)) ??
        (isForced ? this.#oldest() : undefined);
      if (next === undefined) return;
      this.#writeBehind(next);
      this.#take(next, !isSettled(next, tick));
    }
  }

  /** The first step of each client. */
  #heads(): RecordedStep<Client>[] {
    return [...this.#queues.values()].flatMap((queue) => queue.first() ?? []);
  }

  /** Something heard unasked, of which no step that is left can be the cause. */
  #ripe(heads: readonly RecordedStep<Client>[], tick: number): RecordedStep<Client> | undefined {
    for (const step of this.#loose) {
      const isLate = tick - step.tick > ANSWERED_TICKS && isReady(step);
      if (isLate && heads.every(({ arrival }) => arrival > step.arrival)) return step;
    }
    return undefined;
  }

  #oldest(): RecordedStep<Client> | undefined {
    return [...this.#heads(), ...this.#loose].reduce<RecordedStep<Client> | undefined>(
      (first, step) => (first === undefined || step.arrival < first.arrival ? step : first),
      undefined,
    );
  }

  /** What its client, or another one that hears of it, has heard unasked before. */
  #writeBehind({ behind }: RecordedStep<Client>): void {
    for (const { step } of [...behind]) {
      if (step !== undefined && this.#loose.has(step as RecordedStep<Client>)) {
        this.#writeBehind(step as RecordedStep<Client>);
        this.#take(step as RecordedStep<Client>, false);
      }
    }
  }

  #take(step: RecordedStep<Client>, isCut: boolean): void {
    if (!this.#loose.delete(step)) {
      const queue = this.#queues.get(step.client);
      queue?.shift();
      if (queue?.length === 0) this.#queues.delete(step.client);
    }
    this.#size--;
    this.#last = step.isUnasked ? this.#last : step;
    step.isWritten = true;
    this.#write(step, isCut);
  }

  #pick(ready: readonly RecordedStep<Client>[]): RecordedStep<Client> | undefined {
    const last = this.#last;
    const next = last && ready.find((step) => isOnePiece(last, step));
    if (next !== undefined) return next;
    let numbered: RecordedStep<Client> | undefined;
    let number = 0n;
    let other: RecordedStep<Client> | undefined;
    for (const step of ready) {
      const own = this.#numberOf(step);
      if (own === undefined) {
        if (other === undefined || compare(step, other) < 0) other = step;
      } else if (numbered === undefined || (compareTimes(step, numbered) || Number(own - number)) < 0) {
        numbered = step;
        number = own;
      }
    }
    if (numbered === undefined || other === undefined) return numbered ?? other;
    return compare(other, numbered) < 0 ? other : numbered;
  }

  /** That of the first order in the piece that it is the head of. */
  #numberOf(head: RecordedStep<Client>): bigint | undefined {
    for (const step of this.#queues.get(head.client) ?? []) {
      if (step !== head && !isOnePiece(head, step)) return undefined;
      if (step.orderNumber !== undefined) return step.orderNumber;
    }
    return undefined;
  }
}

function isSettled(step: RecordedStep, tick: number): boolean {
  if (step.isDone) return true;
  return tick - step.tick > (step.isAnswered ? ANSWERED_TICKS : UNANSWERED_TICKS);
}

/** All that has to stand before it is written, or can be. */
function isReady(step: RecordedStep): boolean {
  return step.behind.every(({ step: before }) => {
    if (before === undefined) return false;
    return before.isWritten || before === step || (before.isUnasked && isReady(before));
  });
}

/** They came together, and the exchange has handled them together. */
function isOnePiece(step: RecordedStep, other: RecordedStep): boolean {
  return step.client === other.client && step.piece === other.piece && compareTimes(step, other) === 0;
}

function compare(step: RecordedStep, other: RecordedStep): number {
  return compareTimes(step, other) || step.arrival - other.arrival;
}

/** 0 if one of them has none. Times are of a day, which begins again at midnight. */
function compareTimes({ timestampNs: time }: RecordedStep, { timestampNs: other }: RecordedStep): number {
  if (time === undefined || other === undefined || time === other) return 0;
  const isLater = time > other;
  const distance = isLater ? time - other : other - time;
  return isLater === distance < DAY_NS / 2n ? 1 : -1;
}
