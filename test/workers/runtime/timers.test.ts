import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Timers } from '../../../workers/runtime/timers.ts';

describe('Timers', () => {
  test('come by due time, then by start, without those that were cancelled', () => {
    const entries = fc.array(fc.record({ dueMs: fc.nat(20), isCancelled: fc.boolean() }), { maxLength: 300 });
    fc.assert(
      fc.property(entries, (entries) => {
        const timers = new Timers();
        const fired: number[] = [];
        entries.forEach(({ dueMs, isCancelled }, i) => {
          timers.start(dueMs, undefined, () => fired.push(i)).cancelled = isCancelled;
        });
        for (let nowMs = 0; nowMs <= 20; nowMs++) {
          for (let timer = timers.takeDue(nowMs); timer !== undefined; timer = timers.takeDue(nowMs)) {
            assert.equal(timer.dueMs, nowMs);
            timer.fire();
          }
        }
        const expected = entries
          .map((entry, i) => ({ ...entry, i }))
          .filter(({ isCancelled }) => !isCancelled)
          .sort((a, b) => a.dueMs - b.dueMs || a.i - b.i)
          .map(({ i }) => i);
        assert.deepEqual(fired, expected);
        assert.equal(timers.nextDueMs(), Infinity);
      }),
    );
  });

  test('that are replaced over and over do not add up', () => {
    const timers = new Timers();
    timers.start(5, undefined, () => {});
    for (let i = 0; i < 100_000; i++) timers.start(60_000, undefined, () => {}).cancelled = true;
    assert.ok(timers.count <= 200, `${timers.count} timers are held`);
    assert.equal(timers.nextDueMs(), 5);
  });
});
