/**
 * The JSON that the course's API answers with, and that days of rates are kept in:
 *
 *     {"golds":[{"updated":"2025-01-02 09:00:00","value":[
 *       {"buy":"82,500.00","sell":"84,500.00","company":"SJC","brand":"Hồ Chí Minh","updated":"…","day":"20250102",
 *        "id":"…","type":"SJC","code":"…"}]}]}
 *
 * Prices are texts, in thousands of VND per lượng. What is no gold (oil, spot prices, currencies) is left out.
 */
import { OutcryError } from '../values/errors.ts';
import { printable } from '../values/printable.ts';
import type { GoldRefresh, GoldRow } from './gold.ts';
import { goldTimeOf, isGoldDate, readGoldDate, readGoldTime, startOfGoldDate } from './gold-dates.ts';

/** Of rates that came from a file. */
export const IMPORT_SOURCE = 'import';
export const ROWS_MAX = 1000;
const TEXT_CHARACTERS_MAX = 128;

const THOUSANDS = /^(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?$/;
/** In a company, brand or type: of a row that is no gold of this country. */
const NO_GOLD = /(?<!\p{L})(?:spot gold|oil|wti|brent|usd|xau|eur)(?!\p{L})/iu;

type Fields = Readonly<Record<string, unknown>>;

/**
 * What a file holds: the course's answer, one entry of its `golds`, or a list of either. `fileDate` counts where nothing
 * in the file says the day. Rows without a price are left out, and what has no others. Throws ERR_GOLD_FILE, which says where it is wrong.
 */
export function parseGoldFile(text: string, fileDate?: string): GoldRefresh[] {
  let value: unknown;
  try {
    value = JSON.parse(withoutMark(text));
  } catch {
    throw wrong('it is not JSON');
  }
  return goldRefreshesOf(value, fileDate)
    .map(({ rows, ...refresh }) => ({
      ...refresh,
      rows: rows.filter(({ buyVnd, sellVnd }) => isPrice(buyVnd) && isPrice(sellVnd)),
    }))
    .filter(({ rows }) => rows.length > 0);
}

/** The same of what was read already, with all rows: where there is no price it is 0. */
export function goldRefreshesOf(value: unknown, fileDate?: string): GoldRefresh[] {
  const answers = Array.isArray(value) ? value.map((entry, i) => ({ entry, path: `[${i}]` })) : [];
  if (!Array.isArray(value)) answers.push({ entry: value, path: '' });
  return answers.flatMap(({ entry, path }) => {
    if (!isFields(entry)) throw wrong(`${path === '' ? 'it' : path} is no object`);
    const { golds, value: rows } = entry;
    if (!Array.isArray(golds))
      return refreshOf(entry, fileDate, path, rows === undefined ? 'golds' : 'value');
    return golds.map((gold, i) => refreshOf(gold, fileDate, `${below(path, 'golds')}[${i}]`));
  });
}

/** The file of a day, with its refreshes in their order. */
export function goldFileText(date: string, refreshes: readonly GoldRefresh[]): string {
  const golds = refreshes.map(({ timeMs, rows }) => ({
    updated: goldTimeOf(timeMs),
    value: rows.map((row) => ({
      buy: thousandsText(row.buyVnd),
      sell: thousandsText(row.sellVnd),
      company: row.company,
      brand: row.brand,
      updated: row.updated,
      day: row.day === '' ? date.replaceAll('-', '') : row.day,
      id: row.id,
      type: row.type,
      code: row.code,
    })),
  }));
  return `${JSON.stringify({ golds })}\n`;
}

/** `82,500.00` is 82500. */
export function thousandsOf(text: string): number | undefined {
  return THOUSANDS.test(text) ? Number(text.replaceAll(',', '')) : undefined;
}

/** 82500000 VND are `82,500.00` thousands. */
export function thousandsText(vnd: number): string {
  const whole = String(Math.floor(vnd / 1000)).replace(/\B(?=(?:\d{3})+$)/g, ',');
  const rest = String(vnd % 1000).padStart(3, '0');
  return `${whole}.${rest.endsWith('0') ? rest.slice(0, 2) : rest}`;
}

/** Text of a source as a row has it; numbers as they are written, '' for what is neither. */
export function rowText(value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number') return '';
  const text = printable(String(value)).trim();
  return text.length <= TEXT_CHARACTERS_MAX ? text : [...text].slice(0, TEXT_CHARACTERS_MAX).join('');
}

/** Without what some programs put ahead of a file: a byte order mark, and blanks. */
export function withoutMark(text: string): string {
  return text.replace(/^[\ufeff\s]+/, '');
}

/** `wanted` is what is missing if there are no rows. */
function refreshOf(
  entry: unknown,
  fileDate: string | undefined,
  path: string,
  wanted = 'value',
): GoldRefresh {
  if (!isFields(entry)) throw wrong(`${path} is no object`);
  const { value: values, updated } = entry;
  if (!Array.isArray(values)) throw missing(below(path, wanted));
  const rows = values.flatMap((value, i) => rowOf(value, `${below(path, 'value')}[${i}]`));
  if (rows.length > ROWS_MAX) throw wrong(`${below(path, 'value')} has more than ${ROWS_MAX} rows`);
  const date = dateOf(entry, rows, fileDate, path);
  const timeMs = readGoldTime(rowText(updated)) ?? startOfGoldDate(date);
  return { date, source: IMPORT_SOURCE, timeMs, rows };
}

function rowOf(value: unknown, path: string): GoldRow[] {
  if (!isFields(value)) throw wrong(`${path} is no object`);
  for (const name of ['buy', 'sell']) if (value[name] === undefined) throw missing(below(path, name));
  const text = (name: string) => rowText(value[name]);
  const [company, brand, type] = [text('company'), text('brand'), text('type')];
  if ([company, brand, type].some((name) => NO_GOLD.test(name))) return [];
  const [buy, sell] = [text('buy'), text('sell')];
  const [code, updated, day, id] = [text('code'), text('updated'), text('day'), text('id')];
  return [{ company, brand, type, code, buy, sell, updated, day, id, buyVnd: vnd(buy), sellVnd: vnd(sell) }];
}

/** 0 for what is no price. */
function vnd(text: string): number {
  return Math.round((thousandsOf(text) ?? 0) * 1000);
}

function isPrice(vnd: number): boolean {
  return Number.isSafeInteger(vnd) && vnd > 0;
}

/** The last day that a row has; else that of the entry, of its time, or of the file's name. */
function dateOf(entry: Fields, rows: readonly GoldRow[], fileDate: string | undefined, path: string): string {
  const days = rows.flatMap(({ day }) => readGoldDate(day) ?? []).sort();
  const { date, updated } = entry;
  const found = days.at(-1) ?? readGoldDate(rowText(date)) ?? readGoldDate(rowText(updated)) ?? fileDate;
  if (found === undefined || !isGoldDate(found)) throw missing(below(path, 'date'));
  return found;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function below(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function missing(path: string): OutcryError {
  return wrong(`${path} is missing`);
}

function wrong(what: string): OutcryError {
  return new OutcryError('ERR_GOLD_FILE', what);
}
