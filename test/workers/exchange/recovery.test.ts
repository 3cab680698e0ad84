/** What is recovered, against the exchange that lived through it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  decodeSnapshot,
  type ExchangeState,
  encodeSnapshot,
} from '../../../workers/exchange/exchange-snapshot.ts';
import { Recovery } from '../../../workers/exchange/recovery.ts';
import { StreamMemory } from '../../../workers/exchange/sequenced-stream.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import { RandomVenue } from '../../support/random-venue.ts';

describe('the recovery of an exchange', () => {
  test('makes the same of a snapshot and the events behind it as of all events, and as it was', () => {
    const random = new Random(fuzzSeed());
    let checked = 0;
    for (let run = 0; run < 8; run++) {
      const venue = new RandomVenue(random);
      const snapshots: (readonly Uint8Array[])[] = [];
      for (let turn = 0; turn < 400; turn++) {
        venue.turn();
        if (random.chance(0.02)) snapshots.push(copied(encodeSnapshot(venue.exchange.freeze())));
        if (random.chance(0.02)) checkRecovery(venue, snapshots, random);
        if (random.chance(0.005)) venue.restart(stateOf(snapshots, random));
      }
      checkRecovery(venue, snapshots, random);
      checked += venue.checkedBytes;
    }
    assert.ok(checked > 100_000, 'clients were told too little');
  });
});

function copied(pieces: Iterable<Uint8Array>): Uint8Array[] {
  return [...pieces].map((piece) => piece.slice());
}

/** One of the snapshots; undefined for none. */
function stateOf(snapshots: readonly (readonly Uint8Array[])[], random: Random): ExchangeState | undefined {
  const pieces = random.pick([undefined, ...snapshots]);
  return pieces && decodeSnapshot(pieces);
}

function checkRecovery(
  venue: RandomVenue,
  snapshots: readonly (readonly Uint8Array[])[],
  random: Random,
): void {
  const live = venue.exchange.freeze();
  assert.equal(live.events, venue.events);
  for (const state of [undefined, stateOf(snapshots, random)]) {
    const recovery = new Recovery(new StreamMemory(random.below(200_000)));
    if (state !== undefined) recovery.restore(state);
    for (const { position, count, bytes } of venue.batches) {
      if (position > recovery.events) recovery.apply(bytes, 0, bytes.length);
      assert.ok(recovery.events >= position + count - 1);
    }
    const recovered = recovery.freeze();
    assert.deepEqual(recovered, live);
    assert.deepEqual(copied(encodeSnapshot(recovered)), copied(encodeSnapshot(live)));
    assert.deepEqual(decodeSnapshot(copied(encodeSnapshot(live))), live);
    recovery.orders.check();
  }
}
