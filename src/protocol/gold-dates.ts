/** Days and times of gold rates: those of Vietnam, which is seven hours ahead all year. */

export const DAY_MS = 86_400_000;
const OFFSET_MS = 7 * 3_600_000;

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const COMPACT = /^(\d{4})(\d{2})(\d{2})$/;
const DAY_FIRST = /^(\d{1,2})\/(\d{1,2})\/(\d{4})(?!\d)/;
const TIME = /(?:^|[ T])([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?/;

/** `2025-01-02`, a day that exists. */
export function isGoldDate(text: string): boolean {
  if (!DATE.test(text)) return false;
  const ms = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}

/** The day at that time: `2025-01-02`. */
export function goldDateOf(timeMs: number): string {
  return new Date(timeMs + OFFSET_MS).toISOString().slice(0, 10);
}

/** `2025-01-02 09:00:00` */
export function goldTimeOf(timeMs: number): string {
  return new Date(timeMs + OFFSET_MS).toISOString().slice(0, 19).replace('T', ' ');
}

/** When the day begins, in milliseconds since 1970. */
export function startOfGoldDate(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) - OFFSET_MS;
}

/** `2025-01-02`, `20250102` or `02/01/2025`, as it is or with a time behind it; undefined if there is no such day. */
export function readGoldDate(text: string): string | undefined {
  const [day = ''] = text.trim().split(/[ T]/);
  const [, year = '', month = '', date = ''] = DATE.exec(day) ?? COMPACT.exec(day) ?? dayFirst(day) ?? [];
  const found = `${year}-${month}-${date}`;
  return isGoldDate(found) ? found : undefined;
}

/** A day as above, and the time behind it if it has one. */
export function readGoldTime(text: string): number | undefined {
  const date = readGoldDate(text);
  if (date === undefined) return undefined;
  const [, hours = '0', minutes = '0', seconds = '0'] = TIME.exec(text.trim()) ?? [];
  return startOfGoldDate(date) + ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
}

function dayFirst(text: string): string[] | undefined {
  const found = DAY_FIRST.exec(text);
  if (found === null) return undefined;
  const [all, day = '', month = '', year = ''] = found;
  return [all, year, month.padStart(2, '0'), day.padStart(2, '0')];
}
