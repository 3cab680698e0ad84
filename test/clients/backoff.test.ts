import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Backoff } from '../../clients/backoff.ts';

const RUNS = 2000;

/** The longest of many first, second, … pauses. */
function longest(pauses: number): number[] {
  const most = new Array<number>(pauses).fill(0);
  for (let run = 0; run < RUNS; run++) {
    const backoff = new Backoff(10, 100);
    for (let i = 0; i < pauses; i++) most[i] = Math.max(most[i] ?? 0, backoff.nextMs());
  }
  return most;
}

describe('Backoff', () => {
  test('doubles the limit up to the longest, and draws up to it', () => {
    // That none of 2,000 draws from at most 101 numbers is the last one has a chance of 2 in a thousand million.
    assert.deepEqual(longest(6), [10, 20, 40, 80, 100, 100]);
  });

  test('draws from nothing on', () => {
    const pauses = Array.from({ length: RUNS }, () => new Backoff(10, 100).nextMs());
    assert.equal(Math.min(...pauses), 0);
  });

  test('begins anew after an attempt that has led to something', () => {
    const backoff = new Backoff(10, 1_000_000);
    for (let i = 0; i < 16; i++) backoff.nextMs();
    backoff.reset();
    assert.ok(backoff.nextMs() <= 10);
  });
});
