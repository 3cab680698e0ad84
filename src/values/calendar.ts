/** How people write times of day, days of the week and time zones. */

/** In the order of their numbers, from 0. */
export const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

const TIME = /^([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/;

/** `08:20` or `08:20:30`, in milliseconds since midnight. */
export function parseTimeOfDay(text: string): number | undefined {
  const found = TIME.exec(text);
  if (found === null) return undefined;
  const [, hours, minutes, seconds = '0'] = found;
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
}

/** `mon tue`: the numbers of the days, each once, in their order. Commas may stand between them. */
export function parseDays(text: string): readonly number[] | undefined {
  const names = text
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((name) => name !== '');
  if (names.length === 0) return undefined;
  const numbers = names.map((name) => (DAYS as readonly string[]).indexOf(name));
  return numbers.includes(-1) ? undefined : [...new Set(numbers)].sort((a, b) => a - b);
}

/** Known to this Node. An offset is none: the venue's clock changes with its country's. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}
