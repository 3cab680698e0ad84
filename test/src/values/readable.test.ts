import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatCount, formatLocalTime, formatSpan, formatTime } from '../../../src/values/readable.ts';

test('formatCount groups digits', () => {
  assert.equal(formatCount(10_100_000), '10,100,000');
});

test('formatTime is UTC', () => {
  assert.equal(formatTime(Date.parse('2026-11-21T10:00:00.007Z')), '2026-11-21 10:00:00.007');
});

test('formatLocalTime is where the reader is', () => {
  assert.equal(formatLocalTime(new Date(2026, 0, 2, 3, 4, 5, 678).getTime()), '2026-01-02 03:04:05');
});

test('formatSpan names the two largest units, and no second one that is nothing', () => {
  const second = 1000;
  const hour = 3600 * second;
  assert.deepEqual(
    [-1, 999, 59.9 * second, 60 * second, 312 * second, hour + second, 27 * hour, 48 * hour].map(formatSpan),
    ['0 s', '0 s', '59 s', '1 min', '5 min 12 s', '1 h', '1 d 3 h', '2 d'],
  );
});
