/**
 * The turns of a host, whoever drives them: host.ts on a worker thread, simulation.ts in a test.
 *
 *     run ──► take the events ──► store them ──► what the turn has for others leaves ──► a piece of a snapshot
 *                                     │
 *                                     └── not possible: the sessions say so, and the same events are tried again
 *
 * Nothing that a turn did is known outside before it is stored. So while nothing can be stored no further turn is taken:
 * messages wait, the main thread gets no credit back and pauses the sockets. Only what says so leaves.
 */
import type { HostEvent } from '../../src/protocol/control.ts';
import type { Batch } from '../../src/protocol/link.ts';
import { OutcryError } from '../../src/values/errors.ts';
import type { ActorSystem } from './actor-system.ts';
import type { TurnBatch } from './turn-events.ts';

/** What is there for each other thread, by origin. */
export type Batches = readonly (Batch | undefined)[];

/** The way out of the host. */
export interface Outlet {
  /** For the main thread, ahead of all that is posted from now on. */
  tell(event: HostEvent): void;
  post(batches: Batches): void;
}

/**
 * more: the next turn may be taken at once; idle: when something comes or is due; held: not before `retry` is true;
 * failed: never.
 */
export type TurnEnd = 'more' | 'idle' | 'held' | 'failed';

export class Turns {
  readonly #system: ActorSystem;
  readonly #outlet: Outlet;
  /** The events of a turn that could not be stored yet, and what it has for others. */
  #unstored: TurnBatch | undefined;
  #held: Batches = [];

  constructor(system: ActorSystem, outlet: Outlet) {
    this.#system = system;
    this.#outlet = outlet;
  }

  /** The last turn could not be stored yet. */
  get isHeld(): boolean {
    return this.#unstored !== undefined;
  }

  /** Takes a turn at `nowMs`, monotonic; `timeMs` is its date, with which its events are stored to the millisecond. */
  take(nowMs: number, timeMs: number): TurnEnd {
    const hasMore = this.#system.run(nowMs, timeMs);
    const { failure } = this.#system;
    if (failure !== undefined) {
      // What the turn did is as if it had never been.
      this.#outlet.tell({ type: 'fatal', error: failure });
      return 'failed';
    }
    this.#unstored = this.#system.takeEvents(Math.floor(timeMs));
    const trouble = this.#store();
    if (trouble !== undefined) {
      this.#hold(trouble);
      return 'held';
    }
    this.#outlet.post(this.#system.takeBatches());
    const hasSnapshots = this.#system.advanceSnapshots();
    return hasMore || hasSnapshots ? 'more' : 'idle';
  }

  /** Tries again to store what is held; true when it is stored and has left. */
  retry(): boolean {
    if (this.#store() !== undefined) {
      // Sessions of clients that have come meanwhile. No turn was taken: nothing else can have left them.
      this.#tellSessions();
      return false;
    }
    this.#system.forgetStoreFailed();
    this.#outlet.tell({ type: 'store' });
    this.#outlet.post(this.#held);
    this.#held = [];
    return true;
  }

  /** Stores the turn's events; returns why they could not be stored, if they could not. */
  #store(): OutcryError | undefined {
    try {
      if (this.#unstored !== undefined) this.#system.store(this.#unstored);
    } catch (error) {
      if (error instanceof OutcryError && error.code === 'ERR_STORE_WRITE') return error;
      throw error;
    }
    this.#unstored = undefined;
    return undefined;
  }

  #hold(trouble: OutcryError): void {
    this.#outlet.tell({ type: 'store', error: trouble.toRecord() });
    // What the turn has for others waits; what the sessions say now does not.
    this.#held = this.#system.takeBatches();
    this.#tellSessions();
  }

  #tellSessions(): void {
    this.#system.tellStoreFailed();
    this.#outlet.post(this.#system.takeBatches());
  }
}
