import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatCount, formatTime } from '../../../src/values/readable.ts';

test('formatCount groups digits', () => {
  assert.equal(formatCount(10_100_000), '10,100,000');
});

test('formatTime is UTC', () => {
  assert.equal(formatTime(Date.parse('2026-11-21T10:00:00.007Z')), '2026-11-21 10:00:00.007');
});
