/** Waits for conditions, never for time alone: polls, and fails loudly when the condition does not come true. */
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 5;
const LIMIT_MS = 20_000;

/** Resolves with the first value of `probe` that is neither undefined nor false; rejects after `limitMs`. */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  limitMs = LIMIT_MS,
): Promise<T> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > endMs) throw new Error(`${what}: not so after ${limitMs} ms`);
    await delay(POLL_MS);
  }
}
