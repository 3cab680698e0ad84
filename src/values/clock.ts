/** The one clock: monotonic milliseconds, the same on all threads of the process, untouched by changes of the date. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
