/** Waiting for what happens elsewhere: in another thread, in the kernel, in a later turn of the event loop. */
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '../../src/values/clock.ts';

const POLL_MS = 2;
const LIMIT_MS = 10_000;

/** Resolves once `condition` holds; rejects when it still does not after ten seconds, with `what` was awaited. */
export async function until(what: string, condition: () => boolean, limitMs = LIMIT_MS): Promise<void> {
  const endMs = monotonicMs() + limitMs;
  while (!condition()) {
    if (monotonicMs() > endMs) throw new Error(`waited ${limitMs} ms in vain until ${what}`);
    await delay(POLL_MS);
  }
}
