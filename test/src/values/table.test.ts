import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatCount, formatTable, formatTime } from '../../../src/values/table.ts';

describe('formatTable', () => {
  test('makes columns as wide as what is in them, numbers to the right', () => {
    const rows = [
      ['name', 'count', ''],
      ['Marc', '5', 'x'],
      ['Al', '1,000,000', ''],
    ];
    assert.equal(
      formatTable(rows, { right: [1] }),
      ['name      count', 'Marc          5  x', 'Al    1,000,000', ''].join('\n'),
    );
  });

  test('of nothing is nothing', () => {
    assert.equal(formatTable([]), '');
  });
});

test('formatCount groups digits, formatTime is UTC', () => {
  assert.equal(formatCount(10_100_000), '10,100,000');
  assert.equal(formatTime(Date.parse('2026-11-21T10:00:00.007Z')), '2026-11-21 10:00:00.007');
});
