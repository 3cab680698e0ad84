/** Says in the log what the bank's silent wire has discarded: once a minute, by reason, if there was anything. */
import type { Logger } from 'pino';
import type { DiscardCounts, DiscardReason } from './protocol/bank.ts';

const INTERVAL_MS = 60_000;

export class DiscardLog {
  readonly #log: Logger;
  readonly #count: () => Promise<DiscardCounts>;
  readonly #timer: NodeJS.Timeout;
  #logged: DiscardCounts = {};

  /** `count` answers with all that has been discarded since the start. */
  constructor(log: Logger, count: () => Promise<DiscardCounts>) {
    this.#log = log;
    this.#count = count;
    this.#timer = setInterval(() => void this.report(), INTERVAL_MS);
    this.#timer.unref();
  }

  /** Logs what has been discarded since the last line. */
  async report(): Promise<void> {
    let counts: DiscardCounts;
    try {
      counts = await this.#count();
    } catch {
      // The host that counts was lost: that is in the log already, and the next minute it counts anew.
      this.#logged = {};
      return;
    }
    const reasons = Object.keys(counts) as DiscardReason[];
    const discarded = reasons
      .map((reason) => [reason, (counts[reason] ?? 0) - (this.#logged[reason] ?? 0)] as const)
      .filter(([, count]) => count > 0);
    this.#logged = counts;
    if (discarded.length === 0) return;
    const sum = discarded.reduce((total, [, count]) => total + count, 0);
    this.#log.info(
      { discarded: Object.fromEntries(discarded) },
      `bank: discarded ${sum} line${sum === 1 ? '' : 's'}`,
    );
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
