/** Rows and refreshes of gold rates for tests. */
import type { GoldRefresh, GoldRow } from '../../src/protocol/gold.ts';
import { goldTimeOf, readGoldTime } from '../../src/protocol/gold-dates.ts';
import { thousandsText } from '../../src/protocol/gold-file.ts';

/** A row of the given type, of SJC in Hồ Chí Minh. */
export function goldRow(type: string, buyVnd: number, more: Partial<GoldRow> = {}): GoldRow {
  const sellVnd = buyVnd + 2_000_000;
  return {
    company: 'SJC',
    brand: 'Hồ Chí Minh',
    type,
    code: '',
    buy: thousandsText(buyVnd),
    sell: thousandsText(sellVnd),
    updated: '',
    day: '',
    id: '',
    buyVnd,
    sellVnd,
    ...more,
  };
}

/** `time`: `2025-01-02 09:00:00`, in Vietnam. */
export function goldRefresh(
  time: string,
  rows: readonly GoldRow[] = [goldRow('SJC', 82_500_000)],
  source = 'tygia',
): GoldRefresh {
  const timeMs = readGoldTime(time) as number;
  return { date: goldTimeOf(timeMs).slice(0, 10), source, timeMs, rows };
}
