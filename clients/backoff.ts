/**
 * How long to wait before the next attempt: at random between nothing and a limit that doubles (full jitter), so that
 * many clients that were cut off together do not come back together.
 */
import { randomInt } from 'node:crypto';

export class Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  #limitMs: number;

  constructor(minMs: number, maxMs: number) {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    this.#limitMs = minMs;
  }

  nextMs(): number {
    const limitMs = Math.min(this.#limitMs, this.#maxMs);
    this.#limitMs = limitMs * 2;
    return randomInt(Math.floor(limitMs) + 1);
  }

  /** An attempt has led to something. */
  reset(): void {
    this.#limitMs = this.#minMs;
  }
}
