/**
 * How long somebody must wait who has failed again and again. Pure: time comes from outside.
 *
 * After `free` failures each next attempt waits, `firstMs` at first and twice as long after each failure more, `mostMs`
 * at most. A count is forgotten `forgetMs` after its last failure. What is on its way counts as a failure until it is
 * told what became of it, so that many attempts at once are no way around.
 *
 * Invariant: counts are in the order in which they were last touched, `keysMax` of them at most: the oldest goes.
 */
export interface ThrottleOptions {
  readonly free: number;
  readonly firstMs: number;
  readonly mostMs: number;
  readonly forgetMs: number;
  readonly keysMax: number;
}

interface Count {
  failures: number;
  /** Of the last failure. */
  failedMs: number;
  onTheirWay: number;
  /** Of the last that was begun. */
  begunMs: number;
}

export class Throttle {
  readonly #options: ThrottleOptions;
  readonly #counts = new Map<string, Count>();

  constructor(options: ThrottleOptions) {
    this.#options = options;
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#counts.size;
  }

  /** Until an attempt under the key may begin; 0 for now. */
  waitMs(key: string, nowMs: number): number {
    const count = this.#counts.get(key);
    if (count === undefined || this.#isForgotten(count, nowMs)) return 0;
    const { free, firstMs, mostMs } = this.#options;
    const excess = count.failures + count.onTheirWay - free;
    if (excess < 0) return 0;
    const sinceMs = count.onTheirWay > 0 ? count.begunMs : count.failedMs;
    return Math.max(0, sinceMs + Math.min(mostMs, firstMs * 2 ** excess) - nowMs);
  }

  /** An attempt is on its way, until `fail`, `succeed` or `forgive` is told of it. */
  begin(key: string, nowMs: number): void {
    const count = this.#touch(key, nowMs);
    count.onTheirWay++;
    count.begunMs = nowMs;
  }

  fail(key: string, nowMs: number): void {
    const count = this.#touch(key, nowMs);
    count.onTheirWay = Math.max(0, count.onTheirWay - 1);
    count.failures++;
    count.failedMs = nowMs;
  }

  /** Who has succeeded has a fresh start. */
  succeed(key: string): void {
    this.#counts.delete(key);
  }

  /** The attempt is taken back; failures before it stand. */
  forgive(key: string): void {
    const count = this.#counts.get(key);
    if (count === undefined) return;
    count.onTheirWay = Math.max(0, count.onTheirWay - 1);
    if (count.failures + count.onTheirWay === 0) this.#counts.delete(key);
  }

  /** The count of the key, last in order. */
  #touch(key: string, nowMs: number): Count {
    const known = this.#counts.get(key);
    const isKnown = known !== undefined && !this.#isForgotten(known, nowMs);
    const count = isKnown ? known : { failures: 0, failedMs: nowMs, onTheirWay: 0, begunMs: nowMs };
    this.#counts.delete(key);
    this.#counts.set(key, count);
    for (const [oldest, other] of this.#counts) {
      if (this.#counts.size <= this.#options.keysMax && !this.#isForgotten(other, nowMs)) break;
      this.#counts.delete(oldest);
    }
    return count;
  }

  #isForgotten({ failedMs, begunMs }: Count, nowMs: number): boolean {
    return Math.max(failedMs, begunMs) + this.#options.forgetMs <= nowMs;
  }
}
