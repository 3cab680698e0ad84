import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkRows } from '../../../workers/gold/check-rows.ts';
import { goldRow } from '../../support/gold-rows.ts';

const SOUND = Array.from({ length: 9 }, (_, i) => goldRow(`Type ${i}`, 80_000_000 + i * 100_000));

function refusal(...args: Parameters<typeof checkRows>): string {
  const checked = checkRows(...args);
  return 'refused' in checked ? checked.refused : assert.fail('they were taken');
}

describe('checkRows', () => {
  test('takes prices that can be', () => {
    assert.deepEqual(checkRows(SOUND), { rows: SOUND, dropped: 0 });
    const edges = [goldRow('lowest', 20_000_000), goldRow('highest', 498_000_000)];
    assert.deepEqual(checkRows(edges), { rows: edges, dropped: 0 });
  });

  test('says of which row the price can not be', () => {
    assert.equal(
      refusal([goldRow('SJC', 8_250_000)]),
      'price of SJC is 8,250,000 VND per lượng, outside 20M to 500M',
    );
    assert.match(refusal([goldRow('SJC', 825_000_000)]), /^price of SJC is 825,000,000 VND/);
    assert.match(refusal([goldRow('SJC', 80_000_000, { sellVnd: 0 })]), /^price of SJC is 0 VND/);
    assert.match(refusal([goldRow('', Number.NaN, { code: 'N24K' })]), /^price of N24K is NaN VND/);
    assert.equal(
      refusal([goldRow('SJC', 84_500_000, { sellVnd: 82_500_000 })]),
      'SJC is bought at 84,500,000 and sold at 82,500,000 VND per lượng',
    );
  });

  test('leaves out one row in ten, and refuses all if there are more', () => {
    const absurd = goldRow('odd', 1);
    assert.deepEqual(checkRows([absurd, ...SOUND]), { rows: SOUND, dropped: 1 });
    assert.match(refusal([absurd, ...SOUND.slice(1)]), /^price of odd is 1 VND/);
  });

  test('refuses no rows, and too many', () => {
    assert.equal(refusal([]), 'there is no price of gold in it');
    assert.equal(refusal(Array(1001).fill(SOUND[0])), 'more than 1,000 rows');
    assert.ok('rows' in checkRows(Array(1000).fill(SOUND[0])));
  });

  test('refuses a leap that only another unit explains', () => {
    const rows = [goldRow('SJC', 38_000_000)];
    assert.deepEqual(checkRows(rows), { rows, dropped: 0 });
    assert.deepEqual(checkRows(rows, 80_000_000), { rows, dropped: 0 });
    assert.deepEqual(checkRows(rows, 20_000_000), { rows, dropped: 0 });
    assert.equal(
      refusal(rows, 80_000_001),
      'the median price went from 80,000,001 to 40,000,000 VND per lượng',
    );
    assert.match(refusal(rows, 19_999_999), /^the median price went from 19,999,999 to 40,000,000/);
  });
});
