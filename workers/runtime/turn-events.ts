/** The events of the turn that a host is in, on their way from its durable actors to the store: one batch. */
import type { Address } from '../../src/values/address.ts';
import type { DurableActor } from './actor.ts';
import type { Cell } from './cell.ts';
import { BatchBuilder } from './journal.ts';

/** A batch for the store, and whose events are in it. */
export interface TurnBatch {
  readonly bytes: Uint8Array;
  readonly actors: ReadonlySet<Address>;
}

export class TurnEvents {
  readonly #builder = new BatchBuilder();
  /** Actors with flat events that may have some, in the order in which they were first touched. */
  readonly #touched: Cell[] = [];
  #actors = new Set<Address>();

  add(cell: Cell, events: readonly unknown[]): void {
    this.#builder.addValues(cell.self, cell.events + 1, events);
    cell.events += events.length;
    this.#actors.add(cell.self);
  }

  /** The actor may have changed its state in place, and has the events of it. */
  touch(cell: Cell): void {
    if (cell.isTouched) return;
    cell.isTouched = true;
    this.#touched.push(cell);
  }

  /** Removes and returns the batch of all of them; undefined if there are none. */
  take(position: number, timeMs: number): TurnBatch | undefined {
    for (const cell of this.#touched) {
      cell.isTouched = false;
      const flat = (cell.actor as DurableActor | undefined)?.takeFlat?.();
      if (flat === undefined) continue;
      this.#builder.addFlat(cell.self, cell.events + 1, flat);
      cell.events += flat.count;
      this.#actors.add(cell.self);
    }
    this.#touched.length = 0;
    if (this.#builder.isEmpty) return undefined;
    const batch = { bytes: this.#builder.take(position, timeMs), actors: this.#actors };
    this.#actors = new Set();
    return batch;
  }
}
