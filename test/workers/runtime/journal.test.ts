import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toAddress } from '../../../src/values/address.ts';
import { BatchBuilder, BatchDamage, readBatch } from '../../../workers/runtime/journal.ts';

const POSITION = 5;

/** A batch whose first event has the position in its stream that the batch has in the journal. */
function sealedBatch(): Uint8Array {
  const builder = new BatchBuilder();
  builder.addValues(toAddress('ledger/1'), POSITION, ['first', 'second']);
  builder.addFlat(toAddress('ledger/2'), 9, { bytes: new Uint8Array(24).fill(7), count: 3 });
  return builder.take(POSITION, 1_700_000_000_000);
}

/** What reading says of it. */
function verdictOn(bytes: Uint8Array): 'whole' | 'torn' | 'damaged' {
  try {
    readBatch(bytes, POSITION);
    return 'whole';
  } catch (error) {
    if (!(error instanceof BatchDamage)) throw error;
    return error.isTorn ? 'torn' : 'damaged';
  }
}

describe('a batch whose writing was broken off', () => {
  const batch = sealedBatch();

  test('is torn, wherever it ends', () => {
    const verdicts = Array.from(batch.keys(), (length) => verdictOn(batch.slice(0, length)));
    assert.deepEqual(new Set(verdicts), new Set(['torn']));
  });

  test('is torn, or whole, when zeros follow', () => {
    const verdicts = Array.from(batch.keys(), (length) => {
      const zeroed = new Uint8Array(batch.length);
      zeroed.set(batch.subarray(0, length));
      return verdictOn(zeroed);
    });
    const torn = verdicts.filter((verdict) => verdict === 'torn').length;
    assert.ok(torn >= batch.length - 8, 'only the trailer can be missing from what is whole');
    assert.equal(verdicts.includes('damaged'), false);
  });
});
