/** Counts and times for people to read. */

/** `10,000,000` */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** `2026-11-21 10:00:00.000`, in UTC. */
export function formatTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('T', ' ').replace('Z', '');
}

/** `2026-11-21 10:00:00`, where whoever reads it is. */
export function formatLocalTime(timeMs: number): string {
  const date = new Date(timeMs);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

const SPAN_UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
] as const;

/** `2 d 3 h`, `5 min 12 s`: the two largest units say enough, and what is less than a second is nothing. */
export function formatSpan(spanMs: number): string {
  let seconds = Math.max(0, Math.floor(spanMs / 1000));
  const first = SPAN_UNITS.findIndex(([, length]) => seconds >= length);
  const units = first < 0 ? SPAN_UNITS.slice(-1) : SPAN_UNITS.slice(first, first + 2);
  const parts = units.map(([name, length], i) => {
    const count = Math.floor(seconds / length);
    seconds -= count * length;
    return count === 0 && i > 0 ? '' : `${count} ${name}`;
  });
  return parts.filter((part) => part !== '').join(' ');
}
