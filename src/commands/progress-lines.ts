/** How far long work is, in plain lines: not before it takes more than a moment, then once a second. */
import { formatBytes } from '../values/byte-size.ts';
import { monotonicMs } from '../values/clock.ts';

const SILENT_MS = 500;
const INTERVAL_MS = 1000;

/** `work` is what is being done: "verifying". */
export function progressLines(
  work: string,
  write: (line: string) => void,
): (done: number, total: number) => void {
  let nextMs = monotonicMs() + SILENT_MS;
  return (done, total) => {
    const nowMs = monotonicMs();
    if (nowMs < nextMs) return;
    nextMs = nowMs + INTERVAL_MS;
    const percent = Math.min(100, Math.floor((100 * done) / Math.max(total, 1)));
    write(`${work}: ${percent} % of ${formatBytes(total)}\n`);
  };
}
