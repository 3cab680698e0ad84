import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatDuration } from '../../../clients/cli/progress.ts';
import { formatBytes } from '../../../src/values/byte-size.ts';

describe('formatBytes', () => {
  test('uses the unit that leaves at most three digits before the point', () => {
    const amounts = [0, 999, 1000, 99_949, 123_456_789, 5e9, 2e15];
    assert.deepEqual(amounts.map(formatBytes), [
      '0 B',
      '999 B',
      '1.0 kB',
      '99.9 kB',
      '123 MB',
      '5.0 GB',
      '2000 TB',
    ]);
  });
});

describe('formatDuration', () => {
  test('rounds up to whole seconds and shows hours only when there are any', () => {
    assert.deepEqual([0, 0.2, 59.1, 750, 11_100].map(formatDuration), [
      '0:00',
      '0:01',
      '1:00',
      '12:30',
      '3:05:00',
    ]);
  });
});
