/** The one clock. Monotonic milliseconds, the same on all threads of the process, untouched by changes of the date. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/** The date, as milliseconds since 1970: for people. Nothing is decided by it. */
export function epochMs(): number {
  return Date.now();
}
