/** Where in a journal an event of an actor is: positions of batches and of events both ascend, so it is found by halves. */
import type { Address } from '../../src/values/address.ts';
import type { Store } from './store.ts';
import { readStored } from './streams.ts';

/** The first batch that has this event of the actor, or a later one of it; undefined if none does. */
export function findBatch(store: Store, address: Address, event: number): number | undefined {
  let found: number | undefined;
  let low = store.first;
  let high = store.last + 1;
  // Invariant: a batch from `low` to below `high` is the one, or else the one that was found, which is above.
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const next = firstWith(store, address, middle, high);
    if (next === undefined) high = middle;
    else if (next.lastEvent < event) low = next.batch + 1;
    else {
      found = next.batch;
      high = middle;
    }
  }
  return found;
}

interface Place {
  readonly batch: number;
  /** Of the actor's events in the batch. */
  readonly lastEvent: number;
}

/** The first batch from `start` to below `end` with events of the actor. */
function firstWith(store: Store, address: Address, start: number, end: number): Place | undefined {
  for (const stored of store.read(start)) {
    if (stored.position >= end) return undefined;
    const segments = readStored(store, stored, {})?.segments ?? [];
    const last = segments.findLast((segment) => segment.address === address);
    if (last !== undefined) return { batch: stored.position, lastEvent: last.position + last.count - 1 };
  }
  return undefined;
}
