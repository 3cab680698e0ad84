/**
 * What the gold service says to its clients. Pure.
 *
 * Invariants: an answer is at most ANSWER_BYTES_MAX long and has no empty line in it.
 */
import type { GoldAnswer, GoldAnswers, GoldRow, Missing } from '../../src/protocol/gold.ts';
import type { Refusal } from '../../src/protocol/users.ts';
import { formatCount, formatSpan } from '../../src/values/readable.ts';
import { type RowsRequest, shown } from './gold-requests.ts';

/** The original client reads 2,048 bytes at once, and two are for the end of a line and an empty one. */
export const ANSWER_BYTES_MAX = 2045;

export const WELCOME_TEXT =
  'Welcome to the gold rate service. Type -signup or -signin, -help for help, -quit to leave.';
export const EMPTY_TEXT = 'Type -help for help.';
export const GOODBYE_TEXT = 'Goodbye.';
export const CREDENTIALS_TEXT = 'Type your user name and password on one line, with a space between them.';
export const NOTHING_DONE_TEXT = 'Nothing was done.';
export const SIGN_IN_FIRST_TEXT = 'Sign in first: type -signin or -signup.';
export const UNWATCHED_TEXT = 'Watching nothing.';
export const NO_RATES_TEXT = 'There are no rates yet.';
export const CLOSING_TEXT = 'Server is shutting down';
/** What is wrong, behind `ERROR`. */
export const CREDENTIALS_USAGE = 'it is used so: USER PASSWORD';
export const NOT_UTF8_TEXT = 'that was not UTF-8';
export const MIXED_TEXT = 'this connection has text messages; begin a new one for headers';
export const LOST_TEXT = 'a part of the server failed: send again what was not answered';
/** Unasked. */
export const STORE_TEXT = 'Nothing can be stored at the moment: wait, it goes on by itself.';

const HOW_TO_ASK = 'Type a date and a type, such as 2025-01-02 SJC.';

export const HELP_TEXT = [
  '-signup, -signin              an account, and the way in',
  'yyyy-mm-dd TYPE               the rates of a day',
  'yyyy-mm-dd..yyyy-mm-dd TYPE   from day to day',
  '-types, -dates, -latest       what there is',
  '-watch TYPE, -unwatch         changes as they come',
  '-quit                         leaves',
].join('\n');

export function tooLongText(bytesMax: number): string {
  return `a message has ${bytesMax} bytes at most`;
}

export function farewellText(reason: string): string {
  return `The server closes this connection: ${reason}`;
}

export function signedInText(name: string): string {
  return `Welcome ${name}. ${HOW_TO_ASK}`;
}

export function signedUpText(name: string): string {
  return `Welcome ${name}, your account is made. ${HOW_TO_ASK}`;
}

export function signedOutText(reason: string): string {
  return `You were signed out: ${reason}.`;
}

export function refusalText({ code, message }: Refusal): string {
  return `ERROR ${message}${code === 'ERR_USER_EXISTS' ? '; type -signin' : ''}`;
}

export function watchingText(watched: readonly string[]): string {
  return `Watching ${watched.join(', ')}; -unwatch ends it.`;
}

/** Of one date. */
export function ratesText(answer: GoldAnswer): string {
  return fitLines(answer.rows.map(rowText), { tail: staleLines(answer) });
}

export function latestText(answer: GoldAnswer): string {
  const head = `${answer.date} from ${answer.source}`;
  return fitLines([head, ...answer.rows.map(rowText)], { tail: staleLines(answer) });
}

export function rangeText({ days, total }: Exclude<GoldAnswers['range'], Missing>): string {
  const lines = days.map(({ date, rows: [row] }) =>
    row === undefined ? date : `${date} ${pricesOfDay(row)}`,
  );
  return fitLines(lines, { leftOut: total - days.length });
}

export function typesText(types: readonly string[], date: string | undefined): string {
  if (types.length > 0) return fitLines(types);
  return date === undefined ? NO_RATES_TEXT : `There are no rates of ${date}; -dates lists the days.`;
}

export function datesText({ dates, total }: GoldAnswers['dates']): string {
  return dates.length === 0 ? NO_RATES_TEXT : fitLines(dates, { leftOut: total - dates.length });
}

export function missingText({ missing, nearest }: Missing, asked: RowsRequest): string {
  if (missing === 'type') {
    const advice = nearest === null ? '.' : `; did you mean ${nearest}?`;
    return `There is no ${shown(asked.wanted ?? '')}${timeOf(asked, 'on')}${advice}`;
  }
  if (nearest === null) return NO_RATES_TEXT;
  return `There are no rates${timeOf(asked, 'of')}; the nearest date is ${nearest}.`;
}

/** Nothing if any time was meant. */
function timeOf(asked: RowsRequest, preposition: string): string {
  if (asked.type === 'range') return ` from ${asked.from} to ${asked.to}`;
  return asked.type === 'look-up' ? ` ${preposition} ${asked.date}` : '';
}

export interface GoldChange {
  readonly row: GoldRow;
  /** Null if the row is new. */
  readonly before: GoldRow | null;
}

/** Whole lines; what is sent unasked can be told from answers. */
export function changesText(changes: readonly GoldChange[], leftOut: number): string {
  return fitLines(changes.map(changeText), { leftOut, noteOf: unasked });
}

export function unasked(text: string): string {
  return `~ ${text}`;
}

function changeText({ row, before }: GoldChange): string {
  if (before === null) return unasked(`${nameOf(row)}: buy ${row.buy}, sell ${row.sell} (new)`);
  const buy = difference(row.buy, row.buyVnd, before.buyVnd);
  const sell = difference(row.sell, row.sellVnd, before.sellVnd);
  return unasked(`${nameOf(row)}: buy ${row.buy} (${buy}), sell ${row.sell} (${sell})`);
}

/** In the unit and with the decimals of `price`, as the source has it. */
function difference(price: string, vnd: number, beforeVnd: number): string {
  const unit = Number(price.replaceAll(',', '')) / vnd;
  const digits = /\.(\d+)$/.exec(price)?.[1]?.length ?? 0;
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits } as const;
  return ((vnd - beforeVnd) * unit).toLocaleString('en-US', { ...options, signDisplay: 'exceptZero' });
}

function rowText(row: GoldRow): string {
  const vnd = `${formatCount(row.buyVnd)} to ${formatCount(row.sellVnd)} VND/lượng`;
  const updated = row.updated === '' ? '' : `, ${row.updated}`;
  return `${nameOf(row)}: buy ${row.buy}, sell ${row.sell} (${vnd})${updated}`;
}

function pricesOfDay({ buy, sell, buyVnd, sellVnd }: GoldRow): string {
  return `${buy} ${sell} (${formatCount(buyVnd)} ${formatCount(sellVnd)} VND/lượng)`;
}

/** A part that says what the one before it has said is left out. */
function nameOf({ company, brand, type, code }: GoldRow): string {
  const parts = [company, brand, type].filter((part) => part !== '');
  return parts.filter((part, i) => part !== parts[i - 1]).join(', ') || code;
}

function staleLines({ isStale, ageMs }: GoldAnswer): readonly string[] {
  return isStale ? [`(stale: ${formatSpan(ageMs)} old)`] : [];
}

/**
 * Whole lines from the front, as many as there is room for, then how many more there are, as `noteOf` has it, and then all
 * of `tail`. `leftOut` lines more are not among `lines`.
 */
export function fitLines(
  lines: readonly string[],
  { tail = [], leftOut = 0, noteOf = (note) => note }: Fit = {},
): string {
  let bytes = 0;
  const tooMany = lines.findIndex((line) => {
    bytes += Buffer.byteLength(line);
    return bytes > ANSWER_BYTES_MAX;
  });
  for (let count = tooMany < 0 ? lines.length : tooMany; ; count--) {
    const more = lines.length - count + leftOut;
    const note = more === 0 ? [] : [noteOf(`${formatCount(more)} more`)];
    const text = [...lines.slice(0, count), ...note, ...tail].join('\n');
    if (count === 0 || Buffer.byteLength(text) <= ANSWER_BYTES_MAX) return text;
  }
}

interface Fit {
  readonly tail?: readonly string[];
  readonly leftOut?: number;
  readonly noteOf?: (note: string) => string;
}
