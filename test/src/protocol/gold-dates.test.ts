import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  goldDateOf,
  goldTimeOf,
  isGoldDate,
  readGoldDate,
  readGoldTime,
  startOfGoldDate,
} from '../../../src/protocol/gold-dates.ts';

describe('days and times of gold rates', () => {
  test('are those of Vietnam', () => {
    const lateMs = Date.parse('2025-01-01T17:00:00Z');
    assert.equal(goldDateOf(lateMs), '2025-01-02');
    assert.equal(goldDateOf(lateMs - 1), '2025-01-01');
    assert.equal(goldTimeOf(lateMs + 1000), '2025-01-02 00:00:01');
    assert.equal(startOfGoldDate('2025-01-02'), lateMs);
  });

  test('exist in the calendar, or are none', () => {
    for (const date of ['2025-01-02', '2024-02-29', '0001-01-01', '9999-12-31'])
      assert.ok(isGoldDate(date), date);
    const none = [
      '2025-02-30',
      '2025-02-29',
      '2025-13-01',
      '2025-1-2',
      '02/01/2025',
      '2025-01-02 ',
      '',
      '../../x',
    ];
    for (const date of none) assert.ok(!isGoldDate(date), date);
  });

  test('are read in the ways the sources write them', () => {
    for (const text of [
      '2025-01-02',
      '20250102',
      '02/01/2025',
      '2/1/2025',
      ' 2025-01-02T09:00:00 ',
      '02/01/2025 09:00',
    ]) {
      assert.equal(readGoldDate(text), '2025-01-02', text);
    }
    for (const text of ['', 'today', '31/02/2025', '2025', '20251301'])
      assert.equal(readGoldDate(text), undefined, text);
    const nineMs = Date.parse('2025-01-02T02:00:00Z');
    assert.equal(readGoldTime('2025-01-02 09:00:00'), nineMs);
    assert.equal(readGoldTime('02/01/2025 9:00'), nineMs);
    assert.equal(readGoldTime('20250102'), nineMs - 9 * 3_600_000);
    assert.equal(readGoldTime('09:00'), undefined);
  });
});
