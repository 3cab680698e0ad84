import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Rate, TokenBucket } from '../../../clients/ouch-inputs/rate.ts';

describe('TokenBucket', () => {
  test('gives as many as the rate has in the time', () => {
    const bucket = new TokenBucket(1000, 0);
    assert.equal(bucket.take(100, 0), 1);
    assert.equal(bucket.take(100, 0), 0);
    assert.equal(bucket.waitMs, 1);
    assert.equal(bucket.take(100, 5), 5);
    assert.equal(bucket.take(2, 10), 2);
    assert.equal(bucket.take(100, 10), 3);
  });

  test('keeps no more than a hundredth of a second for later, and at least one', () => {
    const fast = new TokenBucket(10_000, 0);
    assert.equal(fast.take(1_000_000, 60_000), 100);
    const slow = new TokenBucket(0.5, 0);
    assert.equal(slow.take(10, 60_000), 1);
    assert.equal(slow.waitMs, 2000);
  });

  test('loses nothing between two looks', () => {
    const bucket = new TokenBucket(300, 0);
    let taken = 0;
    for (let ms = 1; ms <= 1000; ms++) taken += bucket.take(10, ms);
    assert.ok(taken >= 300 && taken <= 301, `${taken} were taken`);
  });
});

describe('Rate', () => {
  test('those who ask take turns', async () => {
    const rate = new Rate(10_000, undefined);
    const turns: string[] = [];
    const ask = async (name: string) => {
      for (let i = 0; i < 3; i++) {
        await rate.take(1);
        turns.push(name);
      }
    };
    await Promise.all([ask('a'), ask('b')]);
    assert.deepEqual(turns, ['a', 'b', 'a', 'b', 'a', 'b']);
  });

  test('nobody waits any more when all is to end', async () => {
    const controller = new AbortController();
    const rate = new Rate(0.001, controller.signal);
    await rate.take(1);
    const waiting = [rate.take(7), rate.take(8)];
    controller.abort();
    assert.deepEqual(await Promise.all(waiting), [7, 8]);
  });
});
