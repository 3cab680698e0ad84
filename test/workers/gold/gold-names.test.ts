import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fold, matches, nearestName, rowsNamed } from '../../../workers/gold/gold-names.ts';
import { goldRow } from '../../support/gold-rows.ts';

const SJC = goldRow('SJC', 82_500_000, { code: 'SJL1L10' });
const RING = goldRow('Nhẫn trơn 24K', 81_000_000, { company: 'PNJ', brand: 'Đà Nẵng' });
const BAR = goldRow('SJC 1 chỉ', 82_400_000, { company: 'DOJI', brand: 'Hà Nội' });
const ROWS = [SJC, RING, BAR];

describe('names of gold', () => {
  test('are compared without regard to case, accents and blanks', () => {
    assert.equal(fold('  Hồ \t Chí Minh '), 'ho chi minh');
    assert.equal(fold('ĐÀ NẴNG'), 'da nang');
    assert.equal(fold('Hồ'.normalize('NFD')), fold('Hồ'.normalize('NFC')));
    assert.equal(fold('x'.repeat(5000)).length, 128);
  });

  test('are those of the type, code, company and brand, alone and together', () => {
    for (const wanted of ['sjl1l10', 'ho chi minh', 'SJC Hồ Chí Minh', 'Ho Chi Minh SJC', 'sjc sjc']) {
      assert.deepEqual(rowsNamed(wanted, ROWS), [SJC], wanted);
    }
    for (const wanted of ['pnj', 'da nang', 'PNJ nhan tron 24k', 'Đà Nẵng Nhẫn trơn 24K']) {
      assert.deepEqual(rowsNamed(wanted, ROWS), [RING], wanted);
    }
  });

  test('may be cut short, where nothing has the short name', () => {
    assert.deepEqual(rowsNamed('sjc', ROWS), [SJC]);
    assert.deepEqual(rowsNamed('sjc 1', ROWS), [BAR]);
    assert.deepEqual(rowsNamed('nhan', ROWS), [RING]);
    assert.deepEqual(rowsNamed('doji ha', ROWS), [BAR]);
    for (const wanted of ['', '  ', 'tron', 'xyz']) assert.deepEqual(rowsNamed(wanted, ROWS), [], wanted);
  });

  test('are found in a row alone', () => {
    assert.deepEqual(
      ROWS.filter((row) => matches(row, 'sjc')),
      [SJC, BAR],
    );
    assert.deepEqual(
      ROWS.filter((row) => matches(row, '')),
      [],
    );
  });

  test('are suggested as they are written', () => {
    assert.equal(nearestName('SJX', ROWS), 'SJC');
    assert.equal(nearestName('da nag', ROWS), 'Đà Nẵng');
    assert.equal(nearestName('sjc', []), undefined);
    for (const far of ['z'.repeat(5000), 'gold of any kind whatsoever', 'x', ''])
      assert.equal(nearestName(far, [SJC]), undefined);
  });
});
