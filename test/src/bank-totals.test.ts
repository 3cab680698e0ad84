import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatTotals } from '../../src/bank-totals.ts';

describe('formatTotals', () => {
  test('says nothing of reasons when nothing was discarded', () => {
    const text = formatTotals({ connections: 0, applied: 0, discarded: {} });
    assert.equal(text, '0 connections, 0 lines applied, 0 discarded');
  });

  test('speaks of one in the singular', () => {
    const text = formatTotals({ connections: 1, applied: 1, discarded: { empty: 1 } });
    assert.equal(text, '1 connection, 1 line applied, 1 discarded (empty 1)');
  });

  test('sums the reasons and leaves out those that did not occur', () => {
    const discarded = { empty: 2, name: 0, amount: 3 };
    const text = formatTotals({ connections: 50, applied: 500_000, discarded });
    assert.equal(text, '50 connections, 500000 lines applied, 5 discarded (empty 2, amount 3)');
  });
});
