import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatTotals } from '../../src/bank-totals.ts';

const NOTHING = { refused: 0, abandoned: 0 };

describe('formatTotals', () => {
  test('says nothing of reasons when nothing was discarded', () => {
    const text = formatTotals({ ...NOTHING, connections: 0, applied: 0, discarded: {} });
    assert.equal(text, '0 connections, 0 lines applied, 0 discarded');
  });

  test('speaks of one in the singular', () => {
    const text = formatTotals({ ...NOTHING, connections: 1, applied: 1, discarded: { empty: 1 } });
    assert.equal(text, '1 connection, 1 line applied, 1 discarded (empty 1)');
  });

  test('sums the reasons and leaves out those that did not occur', () => {
    const discarded = { empty: 2, name: 0, amount: 3 };
    const text = formatTotals({ ...NOTHING, connections: 50, applied: 500_000, discarded });
    assert.equal(text, '50 connections, 500000 lines applied, 5 discarded (empty 2, amount 3)');
  });

  test('names refused connections and clients that were given up', () => {
    const text = formatTotals({ connections: 5, refused: 2, abandoned: 1, applied: 3, discarded: {} });
    assert.equal(text, '5 connections (2 refused, 1 given up), 3 lines applied, 0 discarded');
  });
});
