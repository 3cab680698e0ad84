/**
 * Answers of the gold service as a person reads them: rates as tables, and a range of days with a chart below it. Pure.
 * Whatever is neither stays as the server has written it.
 */
import { type Column, formatRows } from '../../src/values/columns.ts';
import { printable } from '../../src/values/printable.ts';
import { formatCount } from '../../src/values/readable.ts';

/** A rate, or a day of a range. */
interface Rate {
  readonly kind: 'rate' | 'day';
  /** What it is of: the gold, or the date. */
  readonly name: string;
  readonly buy: string;
  readonly sell: string;
  readonly buyVnd: string;
  readonly sellVnd: string;
  readonly updated: string;
}

const RATE =
  /^(?<name>.+): buy (?<buy>\S+), sell (?<sell>\S+) \((?<buyVnd>[\d,]+) to (?<sellVnd>[\d,]+) VND\/lượng\)(?:, (?<updated>.+))?$/;
const DAY =
  /^(?<name>\d{4}-\d\d-\d\d) (?<buy>\S+) (?<sell>\S+) \((?<buyVnd>[\d,]+) (?<sellVnd>[\d,]+) VND\/lượng\)$/;

/** So high at most, in lines. */
const CHART_HEIGHT = 8;
/** Of less there is no course to be seen. */
const CHART_DAYS_MIN = 2;

/** The lines of an answer to `request`, for a screen of `width` columns. */
export function formatAnswer(request: string, answer: readonly string[], width: number): readonly string[] {
  const parts = answer.map((line) => readRate(line) ?? printable(line));
  return parts.flatMap((part, i) => {
    if (typeof part === 'string') return [part];
    // A table takes all rows that follow one another.
    if (kindOf(parts[i - 1]) === part.kind) return [];
    const end = parts.findIndex((other, j) => j > i && kindOf(other) !== part.kind);
    const rates = parts.slice(i, end < 0 ? undefined : end) as readonly Rate[];
    return part.kind === 'rate' ? tableOf(rates, width) : formatDays(typeOf(request), rates, width);
  });
}

function readRate(line: string): Rate | undefined {
  const text = printable(line);
  const rate = RATE.exec(text)?.groups;
  const fields = rate ?? DAY.exec(text)?.groups;
  if (fields === undefined) return undefined;
  return { updated: '', ...fields, kind: rate === undefined ? 'day' : 'rate' } as Rate;
}

function kindOf(part: Rate | string | undefined): Rate['kind'] | undefined {
  return typeof part === 'object' ? part.kind : undefined;
}

/** `2025-01-02..2025-01-09 SJC` asks for SJC. */
function typeOf(request: string): string {
  return printable(request.trim()).replace(/^\S+\s*/, '');
}

function formatDays(type: string, days: readonly Rate[], width: number): readonly string[] {
  const table = tableOf(days, width);
  if (days.length < CHART_DAYS_MIN) return table;
  const prices = days.map(({ sellVnd }) => Number(sellVnd.replaceAll(',', '')));
  const title = `${days[0]?.name}..${days.at(-1)?.name} ${type}, sell in VND/lượng`;
  return [...table, '', title, ...chartOf(prices, width)];
}

function tableOf(rates: readonly Rate[], width: number): readonly string[] {
  return formatRows(rates, COLUMNS, { format: 'simple', width }).trimEnd().split('\n');
}

const COLUMNS: readonly Column<Rate>[] = [
  { head: 'date', cell: ({ kind, name }) => (kind === 'day' ? name : ''), align: 'right' },
  { head: 'gold', cell: ({ kind, name }) => (kind === 'rate' ? name : ''), cutTo: 20 },
  { head: 'buy', cell: ({ buy }) => buy, align: 'right' },
  { head: 'sell', cell: ({ sell }) => sell, align: 'right' },
  { head: 'VND/lượng', cell: ({ buyVnd, sellVnd }) => `${buyVnd} to ${sellVnd}`, align: 'right' },
  { head: 'updated', cell: ({ updated }) => updated, align: 'right', spare: 1 },
];

/**
 * A line through the values, one a column; where there are more than columns, the last of those that share one.
 *
 *     84,900,000 ┤      ╭─
 *     84,500,000 ┤── ╭──╯
 *     84,100,000 ┤ ╰─╯
 */
export function chartOf(values: readonly number[], width: number): readonly string[] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const labelWidth = formatCount(high).length;
  const columns = Math.min(values.length, Math.max(width - labelWidth - 2, 1));
  const shown = Array.from(
    { length: columns },
    (_, x) => values[lastOf(x, columns, values.length)] as number,
  );
  const height = Math.min(CHART_HEIGHT, new Set(shown).size);
  const step = (high - low) / Math.max(height - 1, 1);
  const rows = shown.map((value) => (step === 0 ? 0 : Math.round((value - low) / step)));
  return Array.from({ length: height }, (_, i) => {
    const row = height - 1 - i;
    const label = formatCount(Math.round(low + row * step)).padStart(labelWidth);
    const line = rows.map((to, x) => strokeOf(rows[x - 1] ?? to, to, row)).join('');
    return `${label} ┤${line.trimEnd()}`;
  });
}

/** Of the values that share column `x`. */
function lastOf(x: number, columns: number, count: number): number {
  return Math.ceil(((x + 1) * count) / columns) - 1;
}

/** What is in `row` where the line goes from one row to another. */
function strokeOf(from: number, to: number, row: number): string {
  if (from === to) return row === to ? '─' : ' ';
  if (row === to) return to > from ? '╭' : '╰';
  if (row === from) return to > from ? '╯' : '╮';
  return row > Math.min(from, to) && row < Math.max(from, to) ? '│' : ' ';
}
