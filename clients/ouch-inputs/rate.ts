/** So many messages a second, of all connections together. */
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '../../src/values/clock.ts';

/** What may be sent at once after a pause: a rate is kept in each hundredth of a second. */
const BURST_MS = 10;

/** Fills by itself, and what is in it may be sent. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #capacity: number;
  #tokens: number;
  #filledMs: number;

  constructor(perSecond: number, nowMs: number) {
    this.#perMs = perSecond / 1000;
    this.#capacity = Math.max(this.#perMs * BURST_MS, 1);
    this.#tokens = 1;
    this.#filledMs = nowMs;
  }

  /** As many as there are, at most so many as are wanted. */
  take(wanted: number, nowMs: number): number {
    this.#tokens = Math.min(this.#tokens + (nowMs - this.#filledMs) * this.#perMs, this.#capacity);
    this.#filledMs = nowMs;
    const taken = Math.min(Math.floor(this.#tokens), wanted);
    this.#tokens -= taken;
    return taken;
  }

  /** Until there is one. */
  get waitMs(): number {
    return Math.max(1 - this.#tokens, 0) / this.#perMs;
  }
}

/** Those who want to send take turns. */
export class Rate {
  readonly #bucket: TokenBucket;
  /** Nobody waits any more. */
  readonly #signal: AbortSignal | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(perSecond: number, signal: AbortSignal | undefined) {
    this.#bucket = new TokenBucket(perSecond, monotonicMs());
    this.#signal = signal;
  }

  /** Resolves with how many messages may be sent now, at least one. */
  take(wanted: number): Promise<number> {
    const taken = this.#turn.then(() => this.#take(wanted));
    this.#turn = taken;
    return taken;
  }

  async #take(wanted: number): Promise<number> {
    while (this.#signal?.aborted !== true) {
      const taken = this.#bucket.take(wanted, monotonicMs());
      if (taken > 0) return taken;
      // The loop sees why a delay was cut short.
      await delay(this.#bucket.waitMs, undefined, { signal: this.#signal }).catch(() => {});
    }
    return wanted;
  }
}
