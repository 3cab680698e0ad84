/** One host of a simulation: an ActorSystem whose turns are taken by the seed, and the wires out of it. */
import type { Batch } from '../../src/protocol/link.ts';
import { ActorSystem, type ActorSystemOptions } from './actor-system.ts';
import type { Cell } from './cell.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import { type Outlet, type TurnEnd, Turns } from './turns.ts';

/** The wait between attempts to store what could not be stored. */
const STORE_RETRY_MS = 200;

/** A seeded choice among the actors that have mail, one message at a time. */
class SeededScheduler implements Scheduler {
  readonly batchMessages = 1;
  readonly batchBytes = Number.POSITIVE_INFINITY;
  readonly #random: Random;
  readonly #cells: Cell[] = [];
  /** Messages that may be handled before the next turn. */
  left = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get size(): number {
    return this.#cells.length;
  }

  add(cell: Cell): void {
    this.#cells.push(cell);
  }

  take(): Cell | undefined {
    if (this.left === 0 || this.#cells.length === 0) return undefined;
    this.left--;
    return this.#cells.splice(this.#random.below(this.#cells.length), 1)[0];
  }
}

/** A link in one direction, with what is on its way. */
export class Wire {
  readonly from: number;
  readonly to: number;
  readonly #deliver: (batch: Batch) => void;
  readonly #queue: { readonly arrivesMs: number; readonly batch: Batch }[] = [];
  /** One of its ends is gone, and with it what was on its way. */
  isCut = false;

  constructor(from: number, to: number, deliver: (batch: Batch) => void) {
    this.from = from;
    this.to = to;
    this.#deliver = deliver;
  }

  get arrivesMs(): number {
    return this.#queue[0]?.arrivesMs ?? Number.POSITIVE_INFINITY;
  }

  send(batch: Batch, arrivesMs: number): void {
    if (this.isCut) return;
    this.#queue.push({ arrivesMs: Math.max(arrivesMs, this.#queue.at(-1)?.arrivesMs ?? 0), batch });
  }

  deliver(): void {
    const first = this.#queue.shift();
    if (first !== undefined) this.#deliver(first.batch);
  }
}

export class SimulatedHost {
  readonly system: ActorSystem;
  /** By origin. */
  readonly wires: (Wire | undefined)[] = [];
  readonly #scheduler: SeededScheduler;
  readonly #turns: Turns;
  #hasMore = false;
  /** The next attempt to store what could not be stored; undefined while there is no such thing. */
  #retryMs: number | undefined;

  constructor(random: Random, options: ActorSystemOptions, outlet: Outlet) {
    this.#scheduler = new SeededScheduler(random);
    this.system = new ActorSystem({ ...options, scheduler: this.#scheduler });
    this.#turns = new Turns(this.system, outlet);
  }

  /** When it may take its next turn. */
  get dueMs(): number {
    if (this.#retryMs !== undefined) return this.#retryMs;
    return this.#hasMore || this.#scheduler.size > 0 ? 0 : this.system.nextDueMs();
  }

  /** A turn of so many messages at the most, or another attempt to store the last one. */
  turn(nowMs: number, messages: number): TurnEnd {
    if (this.#retryMs !== undefined) {
      if (nowMs < this.#retryMs || !this.#turns.retry()) {
        this.#retryMs = Math.max(this.#retryMs, nowMs + STORE_RETRY_MS);
        return 'held';
      }
      this.#retryMs = undefined;
    }
    this.#scheduler.left = messages;
    const end = this.#turns.take(nowMs, nowMs);
    this.#scheduler.left = 0;
    this.#hasMore = end === 'more';
    if (end === 'held') this.#retryMs = nowMs + STORE_RETRY_MS;
    return end;
  }

  get isHeld(): boolean {
    return this.#retryMs !== undefined;
  }
}
