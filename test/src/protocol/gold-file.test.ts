import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { goldFileText, parseGoldFile, thousandsOf, thousandsText } from '../../../src/protocol/gold-file.ts';
import { goldRefresh, goldRow } from '../../support/gold-rows.ts';

const ROW = {
  buy: '82,500.00',
  sell: '84,500.00',
  company: 'SJC',
  brand: 'Hồ Chí Minh',
  updated: '2025-01-02 08:59:00',
  day: '20250102',
  id: '7',
  type: 'SJC',
  code: 'SJL1L10',
};
const GOLD = { updated: '2025-01-02 09:00:00', value: [ROW] };
const EXPECTED = { ...ROW, buyVnd: 82_500_000, sellVnd: 84_500_000 };
const NINE_MS = Date.parse('2025-01-02T02:00:00Z');

function refused(value: unknown, message: string): void {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  assert.throws(() => parseGoldFile(text), { code: 'ERR_GOLD_FILE', message });
}

describe('parseGoldFile', () => {
  test('reads the answer of the course, whatever stands ahead of it', () => {
    const expected = [{ date: '2025-01-02', source: 'import', timeMs: NINE_MS, rows: [EXPECTED] }];
    for (const mark of ['', '\ufeff', '\ufeff\n', '\n  ']) {
      assert.deepEqual(
        parseGoldFile(mark + JSON.stringify({ golds: [GOLD], rates: [{ code: 'USD' }] })),
        expected,
      );
    }
    assert.deepEqual(parseGoldFile(JSON.stringify(GOLD)), expected);
    assert.deepEqual(parseGoldFile(JSON.stringify([GOLD])), expected);
  });

  test('reads a file of many days', () => {
    const day = (date: string) => ({ updated: `${date} 09:00:00`, value: [{ buy: '1', sell: '2' }] });
    const golds = ['2025-01-02', '2025-01-03'].map(day);
    const dates = parseGoldFile(JSON.stringify([{ golds }, day('2025-01-04')])).map(({ date }) => date);
    assert.deepEqual(dates, ['2025-01-02', '2025-01-03', '2025-01-04']);
  });

  test('takes the day from the rows, the entry, its time, or the name of the file', () => {
    const price = { buy: '1', sell: '2' };
    const dateOf = (entry: object, fileDate?: string) =>
      parseGoldFile(JSON.stringify({ golds: [{ value: [price], ...entry }] }), fileDate)[0]?.date;
    assert.equal(dateOf({ date: '20250101', value: [{ ...price, day: '20250102' }] }), '2025-01-02');
    assert.equal(dateOf({ date: '20250102' }), '2025-01-02');
    assert.equal(dateOf({ date: '2025-01-02' }), '2025-01-02');
    assert.equal(dateOf({ updated: '02/01/2025 09:00' }), '2025-01-02');
    assert.equal(dateOf({}, '2025-01-02'), '2025-01-02');
    refused({ golds: [{ value: [price] }] }, 'golds[0].date is missing');
    refused({ golds: [{ value: [price], date: '20250230' }] }, 'golds[0].date is missing');
  });

  test('leaves out what is no gold, and what has no price', () => {
    const others = [
      { ...ROW, brand: 'SPOT GOLD' },
      { ...ROW, brand: 'OIL' },
      { ...ROW, type: 'USD/VND' },
      { ...ROW, buy: '0' },
      { ...ROW, sell: 'n/a' },
      { ...ROW, sell: '9'.repeat(40) },
    ];
    const [refresh] = parseGoldFile(JSON.stringify({ golds: [{ ...GOLD, value: [...others, ROW] }] }));
    assert.deepEqual(refresh?.rows, [EXPECTED]);
  });

  test('leaves out what has no row then, since it would stand in the way of the same with prices', () => {
    const unpriced = { ...GOLD, value: [{ ...ROW, buy: '-1' }] };
    const refreshes = parseGoldFile(JSON.stringify({ golds: [unpriced, { ...GOLD, value: [] }, GOLD] }));
    assert.deepEqual(
      refreshes.map(({ rows }) => rows.length),
      [1],
    );
  });

  test('keeps no control characters and no endless texts', () => {
    const value = [{ ...ROW, brand: 'Hồ\u001b[31m Chí\nMinh', code: 'x'.repeat(5000) }];
    const [refresh] = parseGoldFile(JSON.stringify({ golds: [{ ...GOLD, value }] }));
    assert.equal(refresh?.rows[0]?.brand, 'Hồ Chí Minh');
    assert.equal(refresh?.rows[0]?.code.length, 128);
  });

  test('says where a file is wrong', () => {
    refused('<html>', 'it is not JSON');
    refused('', 'it is not JSON');
    refused('5', 'it is no object');
    refused('null', 'it is no object');
    refused({}, 'golds is missing');
    refused([GOLD, 7], '[1] is no object');
    refused({ golds: [{}] }, 'golds[0].value is missing');
    refused({ golds: [GOLD, { value: [null] }] }, 'golds[1].value[0] is no object');
    refused({ golds: [{ value: [{ buy: '1' }] }] }, 'golds[0].value[0].sell is missing');
    refused({ golds: [{ ...GOLD, value: Array(1001).fill(ROW) }] }, 'golds[0].value has more than 1000 rows');
    refused(`${'['.repeat(50_000)}${']'.repeat(50_000)}`, '[0] is no object');
  });
});

describe('goldFileText', () => {
  test('is in the shape of the course, in thousands, whatever the unit of the source was', () => {
    const row = goldRow('SJC', 82_500_000, { buy: '8250', sell: '8450', id: '1' });
    const text = goldFileText('2025-01-02', [goldRefresh('2025-01-02 09:00:00', [row])]);
    assert.equal(
      text,
      '{"golds":[{"updated":"2025-01-02 09:00:00","value":[{"buy":"82,500.00","sell":"84,500.00","company":"SJC",' +
        '"brand":"Hồ Chí Minh","updated":"","day":"20250102","id":"1","type":"SJC","code":""}]}]}\n',
    );
  });

  test('is read as it was written', () => {
    const refreshes = ['2025-01-02 09:00:00', '2025-01-02 09:30:00'].map((time) =>
      goldRefresh(time, [goldRow('SJC', 82_500_123, { day: '20250102' })], 'import'),
    );
    assert.deepEqual(parseGoldFile(goldFileText('2025-01-02', refreshes)), refreshes);
  });
});

test('thousands are written with commas and at least two decimals', () => {
  for (const [text, value] of [
    ['82,500.00', 82_500],
    ['82500', 82_500],
    ['1,082,500.25', 1_082_500.25],
    ['8,25', undefined],
    ['82.500,00', undefined],
    ['-1', undefined],
    ['', undefined],
  ] as const) {
    assert.equal(thousandsOf(text), value, text);
  }
  assert.deepEqual([82_500_000, 999, 82_500_250, 1_082_500_123].map(thousandsText), [
    '82,500.00',
    '0.999',
    '82,500.25',
    '1,082,500.123',
  ]);
});
