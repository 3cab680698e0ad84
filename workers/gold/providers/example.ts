/** Invented rates, for demonstrations and tests: nothing is fetched, and nobody could take them for real ones. */
import { goldDateOf, goldTimeOf } from '../../../src/protocol/gold-dates.ts';
import { thousandsText } from '../../../src/protocol/gold-file.ts';
import type { Parsed } from './provider.ts';

const TYPES = ['One', 'Two', 'Three', 'Four', 'Five', 'Six'];
const BASE_VND = 100_000_000;
const SPREAD_VND = 2_000_000;
/** From type to type. */
const STEP_VND = 500_000;
const HALF_HOUR_MS = 1_800_000;
/** The price rises for so many half hours, and falls for as many. */
const TOOTH = 12;
const RISE_VND = 100_000;

export function exampleRates(timeMs: number): Parsed {
  const halfHour = Math.floor(timeMs / HALF_HOUR_MS);
  const height = TOOTH - Math.abs((halfHour % (2 * TOOTH)) - TOOTH);
  const date = goldDateOf(timeMs);
  const updated = goldTimeOf(halfHour * HALF_HOUR_MS);
  const rows = TYPES.map((number, i) => {
    const buyVnd = BASE_VND + i * STEP_VND + height * RISE_VND;
    const sellVnd = buyVnd + SPREAD_VND;
    return {
      company: 'EXAMPLE GOLD',
      brand: 'Fictitious',
      type: `Example ${number}`,
      code: `EXAMPLE${i + 1}`,
      buy: thousandsText(buyVnd),
      sell: thousandsText(sellVnd),
      updated,
      day: date.replaceAll('-', ''),
      id: String(i + 1),
      buyVnd,
      sellVnd,
    };
  });
  return { date, rows };
}
