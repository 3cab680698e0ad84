/** The one clock. Monotonic milliseconds, the same on all threads of the process, untouched by changes of the date. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/** The date, as whole milliseconds since 1970: for people. Nothing is decided by it. */
export function epochMs(): number {
  return Date.now();
}

/** A change of the date by more than this is followed. */
const DATE_SLACK_MS = 2;
let dateAtOriginMs = performance.timeOrigin;

/** The same with a fraction, to the microsecond. */
export function preciseEpochMs(): number {
  const sinceOriginMs = performance.now();
  const date = Date.now();
  if (Math.abs(dateAtOriginMs + sinceOriginMs - date) > DATE_SLACK_MS) dateAtOriginMs = date - sinceOriginMs;
  return dateAtOriginMs + sinceOriginMs;
}
