import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatMoney, MINOR_UNITS_MAX, toMinorUnits } from '../../../src/values/money.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';

function naive(cents: bigint): string {
  const magnitude = cents < 0n ? -cents : cents;
  return `$${cents < 0n ? '-' : ''}${magnitude / 100n}.${String(magnitude % 100n).padStart(2, '0')}`;
}

describe('formatMoney', () => {
  test('is exact over the whole range', () => {
    const anywhere = fc.maxSafeInteger();
    const nearTheEnds = fc.nat({ max: 1000 }).map((cents) => MINOR_UNITS_MAX - cents);
    fc.assert(
      fc.property(fc.oneof(anywhere, nearTheEnds), fc.constantFrom(1, -1), (magnitude, sign) => {
        const cents = sign * magnitude;
        assert.equal(formatMoney(toMinorUnits(cents)), naive(BigInt(cents)));
      }),
      { seed: fuzzSeed(), numRuns: 2000 },
    );
  });

  test('has no minus zero', () => assert.equal(formatMoney(toMinorUnits(-0)), '$0.00'));
});

describe('toMinorUnits', () => {
  test('refuses fractions and what no longer counts every cent', () => {
    for (const cents of [0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => toMinorUnits(cents), RangeError);
    }
  });
});
