import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chartOf, formatAnswer } from '../../../clients/cli/gold-screen.ts';

const ROW =
  'SJC, Hồ Chí Minh: buy 82,500.00, sell 84,500.00 (82,500,000 to 84,500,000 VND/lượng), 2025-01-02 09:00:00';
const SHORT_ROW = 'PNJ: buy 8250, sell 8450 (82,500,000 to 84,500,000 VND/lượng)';

function day(date: string, sell: string): string {
  return `${date} 82,500.00 ${sell.slice(0, -4)}.00 (82,500,000 ${sell} VND/lượng)`;
}

describe('an answer of the gold service', () => {
  test('has its rates in a table, and the rest as it is', () => {
    const answer = ['2025-01-02 from tygia', ROW, SHORT_ROW, '3 more', '(stale: 3 h 20 min old)'];
    assert.deepEqual(formatAnswer('-latest', answer, 100), [
      '2025-01-02 from tygia',
      'gold                    buy       sell                 VND/lượng              updated',
      '----------------  ---------  ---------  ------------------------  -------------------',
      'SJC, Hồ Chí Minh  82,500.00  84,500.00  82,500,000 to 84,500,000  2025-01-02 09:00:00',
      'PNJ                    8250       8450  82,500,000 to 84,500,000',
      '3 more',
      '(stale: 3 h 20 min old)',
    ]);
  });

  test('fits the width', () => {
    const long = ROW.replace('Hồ Chí Minh', 'a brand with a name that is much too long for any terminal');
    const lines = formatAnswer('-latest', [long, SHORT_ROW], 80);
    for (const line of lines) assert.ok(line.length <= 80, line);
    assert.match(lines[2] ?? '', /^SJC, a brand .* 82,500,000 to 84,500,000$/);
  });

  test('of a range is a table and a chart', () => {
    const days = [day('2025-01-02', '84,500,000'), day('2025-01-04', '84,700,000'), '5 more'];
    assert.deepEqual(formatAnswer(' 2025-01-02..2025-02-01  SJC 9999 ', days, 80), [
      '      date        buy       sell                 VND/lượng',
      '----------  ---------  ---------  ------------------------',
      '2025-01-02  82,500.00  84,500.00  82,500,000 to 84,500,000',
      '2025-01-04  82,500.00  84,700.00  82,500,000 to 84,700,000',
      '',
      '2025-01-02..2025-01-04 SJC 9999, sell in VND/lượng',
      '84,700,000 ┤ ╭',
      '84,500,000 ┤─╯',
      '5 more',
    ]);
  });

  test('of one day has no chart', () => {
    const lines = formatAnswer('2025-01-02..2025-01-02 SJC', [day('2025-01-02', '84,500,000')], 80);
    assert.equal(lines.length, 3);
  });

  test('lets nothing through that moves the cursor', () => {
    const lines = formatAnswer('-latest', [`\x1b[2J${ROW}\x07`, '\x1b]0;title\x07text', 'a\u202eb'], 100);
    assert.deepEqual(lines.slice(2), [
      'SJC, Hồ Chí Minh  82,500.00  84,500.00  82,500,000 to 84,500,000  2025-01-02 09:00:00',
      'text',
      'ab',
    ]);
  });
});

describe('a chart', () => {
  test('goes up and down with its values', () => {
    assert.deepEqual(chartOf([845, 845, 840, 840, 843, 849, 849, 845], 80), [
      '849 ┤     ╭─╮',
      '846 ┤──╮  │ ╰',
      '843 ┤  │ ╭╯',
      '840 ┤  ╰─╯',
    ]);
  });

  test('is one line where nothing changes', () => {
    assert.deepEqual(chartOf([1000, 1000, 1000], 80), ['1,000 ┤───']);
    assert.deepEqual(chartOf([1000], 80), ['1,000 ┤─']);
  });

  test('is at most eight lines high and as wide as the terminal, and ends with the last value', () => {
    const values = Array.from({ length: 400 }, (_, i) => 1000 + i);
    const lines = chartOf(values, 40);
    assert.equal(lines.length, 8);
    assert.deepEqual([lines[0]?.slice(0, 7), lines[0]?.length], ['1,399 ┤', 40]);
    assert.equal(lines.at(-1)?.slice(0, 8), '1,000 ┤─');
    for (const line of lines) assert.ok(line.length <= 40, line);
    for (const width of [0, 5, 8, Number.POSITIVE_INFINITY])
      assert.equal(chartOf(values, width).length <= 8, true);
  });
});
