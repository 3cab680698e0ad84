import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Throttle, type ThrottleOptions } from '../../../workers/users/throttle.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';

const OPTIONS: ThrottleOptions = { free: 3, firstMs: 1000, mostMs: 8000, forgetMs: 60_000, keysMax: 4 };

function failed(count: number, options: Partial<ThrottleOptions> = {}): Throttle {
  const throttle = new Throttle({ ...OPTIONS, ...options });
  for (let i = 0; i < count; i++) fail(throttle, 'a', 0);
  return throttle;
}

function fail(throttle: Throttle, key: string, nowMs: number): void {
  throttle.begin(key, nowMs);
  throttle.fail(key, nowMs);
}

describe('Throttle', () => {
  test('lets some failures pass, then each makes the next wait twice as long, to a limit', () => {
    const waits = Array.from({ length: 9 }, (_, count) => failed(count).waitMs('a', 0));
    assert.deepEqual(waits, [0, 0, 0, 1000, 2000, 4000, 8000, 8000, 8000]);
  });

  test('waits from the last failure on', () => {
    const throttle = failed(4);
    assert.deepEqual(
      [0, 1, 1999, 2000, 5000].map((nowMs) => throttle.waitMs('a', nowMs)),
      [2000, 1999, 1, 0, 0],
    );
  });

  test('tells keys apart', () => {
    assert.equal(failed(5).waitMs('b', 0), 0);
  });

  test('counts what is on its way, until it is told', () => {
    const throttle = new Throttle(OPTIONS);
    for (let i = 0; i < 3; i++) throttle.begin('a', 10);
    assert.equal(throttle.waitMs('a', 10), 1000);
    throttle.forgive('a');
    assert.equal(throttle.waitMs('a', 10), 0);
    throttle.begin('a', 20);
    throttle.fail('a', 500);
    throttle.fail('a', 500);
    throttle.fail('a', 500);
    assert.equal(throttle.waitMs('a', 500), 1000);
  });

  test('forgets all of a key that has succeeded', () => {
    const throttle = failed(9);
    throttle.begin('a', 9000);
    throttle.succeed('a');
    assert.equal(throttle.waitMs('a', 9000), 0);
    assert.equal(throttle.size, 0);
  });

  test('an attempt that is forgiven leaves what was before it, and makes nobody wait', () => {
    const throttle = failed(4);
    throttle.begin('a', 5000);
    throttle.forgive('a');
    assert.equal(throttle.waitMs('a', 5000), 0);
    fail(throttle, 'a', 5000);
    assert.equal(throttle.waitMs('a', 5000), 4000);
    const fresh = new Throttle(OPTIONS);
    fresh.begin('a', 0);
    fresh.forgive('a');
    assert.equal(fresh.size, 0);
  });

  test('a count is forgotten after its last failure', () => {
    const throttle = failed(9);
    assert.equal(throttle.waitMs('a', 60_000), 0);
    fail(throttle, 'b', 60_000);
    assert.equal(throttle.size, 1);
    fail(throttle, 'a', 60_000);
    assert.equal(throttle.waitMs('a', 60_000), 0, 'it begins anew');
  });

  test('with too many keys the one that has failed longest ago goes', () => {
    const throttle = failed(4);
    for (const [i, key] of ['b', 'c', 'd', 'a', 'e'].entries()) fail(throttle, key, i);
    assert.equal(throttle.size, 4);
    assert.ok(throttle.waitMs('a', 5) > 0, 'it has failed again meanwhile');
    for (let i = 0; i < 3; i++) fail(throttle, 'b', 6);
    assert.equal(throttle.waitMs('b', 6), 1000, 'it was forgotten');
  });

  test('is what a plain list of failures says, whatever happens', () => {
    const step = fc.record({
      what: fc.constantFrom('fail', 'succeed', 'forgive', 'pass' as const),
      key: fc.constantFrom('a', 'b', 'c'),
      afterMs: fc.nat(20_000),
    });
    const check = (steps: readonly { what: string; key: string; afterMs: number }[]) => {
      const throttle = new Throttle(OPTIONS);
      const failures = new Map<string, { count: number; lastMs: number }>();
      let nowMs = 0;
      for (const { what, key, afterMs } of steps) {
        nowMs += afterMs;
        const known = failures.get(key);
        const isKnown = known !== undefined && nowMs - known.lastMs < OPTIONS.forgetMs;
        const { count, lastMs } = isKnown ? known : { count: 0, lastMs: 0 };
        const lengthMs = Math.min(OPTIONS.mostMs, OPTIONS.firstMs * 2 ** (count - OPTIONS.free));
        const waitMs = count < OPTIONS.free ? 0 : Math.max(0, lastMs + lengthMs - nowMs);
        assert.equal(throttle.waitMs(key, nowMs), waitMs);
        if (what === 'pass') continue;
        throttle.begin(key, nowMs);
        if (what === 'fail') throttle.fail(key, nowMs);
        else if (what === 'succeed') throttle.succeed(key);
        else throttle.forgive(key);
        if (what === 'fail') failures.set(key, { count: count + 1, lastMs: nowMs });
        else if (what === 'succeed') failures.delete(key);
      }
    };
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), check), { seed: fuzzSeed(), numRuns: 300 });
  });
});
