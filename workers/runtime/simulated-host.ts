/** One host of a simulation: an ActorSystem whose turns are taken by the seed, and the wires out of it. */
import type { Batch } from '../../src/protocol/link.ts';
import { ActorSystem, type ActorSystemOptions } from './actor-system.ts';
import type { Cell } from './cell.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { Outlet, TurnEnd, Turns } from './turns.ts';

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
  #isCut = false;

  constructor(from: number, to: number, deliver: (batch: Batch) => void) {
    this.from = from;
    this.to = to;
    this.#deliver = deliver;
  }

  get arrivesMs(): number {
    return this.#queue[0]?.arrivesMs ?? Number.POSITIVE_INFINITY;
  }

  /** Batches on their way. */
  get length(): number {
    return this.#queue.length;
  }

  /** One of its ends is gone; the first `kept` of what was on its way still arrive. */
  cut(kept: number): void {
    this.#queue.length = kept;
    this.#isCut = true;
  }

  /** Nothing comes out of it any more. */
  get isDone(): boolean {
    return this.#isCut && this.#queue.length === 0;
  }

  send(batch: Batch, arrivesMs: number): void {
    if (this.#isCut) return;
    this.#queue.push({ arrivesMs: Math.max(arrivesMs, this.#queue.at(-1)?.arrivesMs ?? 0), batch });
  }

  deliver(): void {
    const first = this.#queue.shift();
    if (first !== undefined) this.#deliver(first.batch);
  }
}

export type CreateTurns = (system: ActorSystem, outlet: Outlet) => Turns;

export interface SimulatedHostOptions {
  readonly system: ActorSystemOptions;
  readonly createTurns: CreateTurns;
  /** The longest that it takes to store a turn; messages come in meanwhile. */
  readonly storeMaxMs: number;
}

export class SimulatedHost {
  readonly system: ActorSystem;
  /** By origin. */
  readonly wires: (Wire | undefined)[] = [];
  readonly #random: Random;
  readonly #options: SimulatedHostOptions;
  readonly #scheduler: SeededScheduler;
  readonly #turns: Turns;
  /** It has something to look at in its next turn. */
  #hasMore = true;
  /** When it has stored its last turn, or tries again to. */
  #busyUntilMs = 0;

  constructor(random: Random, options: SimulatedHostOptions, outlet: Outlet) {
    this.#random = random;
    this.#options = options;
    this.#scheduler = new SeededScheduler(random);
    this.system = new ActorSystem({ ...options.system, scheduler: this.#scheduler });
    this.#turns = options.createTurns(this.system, outlet);
  }

  /** When it may take its next turn. */
  get dueMs(): number {
    const isReady = this.#turns.isHeld || this.#hasMore || this.#scheduler.size > 0;
    return Math.max(this.#busyUntilMs, isReady ? 0 : this.system.nextDueMs());
  }

  /** What has arrived is looked at at once, but no message of it handled. */
  intake(origin: number, batch: Batch, nowMs: number): void {
    this.system.intake(origin, batch, nowMs);
    this.#hasMore = true;
  }

  /** A turn of so many messages at the most, or another attempt to store the last one. */
  turn(nowMs: number, timeMs: number, messages: number): TurnEnd {
    const { store } = this.#options.system;
    const before = store?.last;
    if (this.#turns.isHeld && !this.#turns.retry()) {
      this.#busyUntilMs = nowMs + STORE_RETRY_MS;
      return 'held';
    }
    this.#scheduler.left = messages;
    const end = this.#turns.take(nowMs, timeMs);
    this.#scheduler.left = 0;
    this.#hasMore = end === 'more';
    if (end === 'held') this.#busyUntilMs = nowMs + STORE_RETRY_MS;
    else if (store?.last !== before) {
      this.#busyUntilMs = nowMs + (this.#random.below(1000) / 1000) * this.#options.storeMaxMs;
    }
    return end;
  }
}
