/** Whether the prices of a source can be: nothing that is absurd gets into the store. Pure. */
import type { GoldRow } from '../../src/protocol/gold.ts';
import { ROWS_MAX } from '../../src/protocol/gold-file.ts';
import { formatCount } from '../../src/values/readable.ts';

/** VND per lượng. A source with another unit is outside by a factor of ten. */
const LOWEST = 20_000_000;
const HIGHEST = 500_000_000;
/** More than one of so many rows is not to be an exception. */
const ABSURD_OF = 10;

export type Checked =
  /** `dropped`: rows that were left out. */
  { readonly rows: readonly GoldRow[]; readonly dropped: number } | { readonly refused: string };

/** `lastMedian`: of rates that are not too old to be compared with. */
export function checkRows(rows: readonly GoldRow[], lastMedian?: number): Checked {
  if (rows.length > ROWS_MAX) return { refused: `more than ${formatCount(ROWS_MAX)} rows` };
  const sound = rows.filter((row) => flawOf(row) === undefined);
  const dropped = rows.length - sound.length;
  if (sound.length === 0 || dropped * ABSURD_OF > rows.length) {
    const [first] = rows.flatMap((row) => flawOf(row) ?? []);
    return { refused: first ?? 'there is no price of gold in it' };
  }
  const median = medianOf(sound);
  if (lastMedian !== undefined && isLeap(lastMedian, median)) {
    const change = `from ${formatCount(lastMedian)} to ${formatCount(median)} VND per lượng`;
    return { refused: `the median price went ${change}` };
  }
  return { rows: sound, dropped };
}

/** Of what the gold is sold for, in VND per lượng. */
export function medianOf(rows: readonly GoldRow[]): number {
  const prices = rows.map(({ sellVnd }) => sellVnd).sort((a, b) => a - b);
  return prices[Math.floor(prices.length / 2)] as number;
}

/** What is wrong with the row. */
function flawOf(row: GoldRow): string | undefined {
  const { buyVnd, sellVnd } = row;
  const outside = [buyVnd, sellVnd].find((price) => !(price >= LOWEST && price <= HIGHEST));
  if (outside !== undefined) {
    return `price of ${nameOf(row)} is ${formatCount(outside)} VND per lượng, outside 20M to 500M`;
  }
  if (buyVnd <= sellVnd) return undefined;
  return `${nameOf(row)} is bought at ${formatCount(buyVnd)} and sold at ${formatCount(sellVnd)} VND per lượng`;
}

/** One is less than half of the other. */
function isLeap(before: number, now: number): boolean {
  return Math.min(before, now) * 2 < Math.max(before, now);
}

function nameOf({ type, code, brand, company }: GoldRow): string {
  return [type, code, brand, company].find((name) => name !== '') ?? 'a row without a name';
}
