/** The search for an event's batch, against a look at all of them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toAddress } from '../../../src/values/address.ts';
import { findBatch } from '../../../workers/runtime/find-batch.ts';
import { BatchBuilder } from '../../../workers/runtime/journal.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { SimulatedStore, StoreFaults, StoreImage } from '../../simulation/simulated-store.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';

const SOUGHT = toAddress('exchange/venue');
const OTHER = toAddress('ledger/3');

describe('findBatch', () => {
  test('finds the first batch with an event or a later one, wherever it is', () => {
    const random = new Random(fuzzSeed());
    for (let run = 0; run < 200; run++) {
      const { store, ends } = journal(random);
      const last = Math.max(0, ...ends.values());
      for (let event = 0; event <= last + 1; event++) {
        const expected = [...ends].find(([, end]) => end >= event)?.[0];
        assert.equal(findBatch(store, SOUGHT, event), expected, `event ${event} of ${last}`);
      }
    }
  });

  test('finds nothing where there is nothing', () => {
    const store = new SimulatedStore(new StoreImage(), new StoreFaults(), new Random(1));
    assert.equal(findBatch(store, SOUGHT, 1), undefined);
  });
});

/** Batches with events of two actors, the first of them removed; and the last event in each that has any of the first. */
function journal(random: Random): { store: SimulatedStore; ends: Map<number, number> } {
  const store = new SimulatedStore(new StoreImage(), new StoreFaults(), random);
  const builder = new BatchBuilder();
  const ends = new Map<number, number>();
  const share = random.pick([0.02, 0.3, 0.9]);
  let last = random.below(10);
  let other = 0;
  for (let batch = 1 + random.below(60); batch > 0; batch--) {
    if (random.chance(share)) {
      const count = 1 + random.below(5);
      builder.addValues(SOUGHT, last + 1, Array<number>(count).fill(1));
      last += count;
      ends.set(store.last + 1, last);
    }
    if (builder.isEmpty || random.chance(0.5)) builder.addValues(OTHER, ++other, [1]);
    store.append(builder.take(store.last + 1, 0));
  }
  store.release(store.last);
  const removed = random.below(store.last);
  while (store.first <= removed && store.trim(0));
  for (const batch of ends.keys()) if (batch < store.first) ends.delete(batch);
  return { store, ends };
}
