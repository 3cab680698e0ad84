/**
 * Keeps what happens in storms from flooding the log: of each kind the first is logged at once, and those that follow
 * within a second as one line at the end of it, with their number.
 */
interface Storm {
  /** How many came since the last line. */
  silent: number;
  /** Writes the line about the latest. */
  write: (count: number) => void;
  timer: NodeJS.Timeout;
}

const INTERVAL_MS = 1000;

export class LogStorm {
  readonly #storms = new Map<string, Storm>();

  /** `write` is called with the number of those of this `kind` that the line stands for: now, or within a second. */
  add(kind: string, write: (count: number) => void): void {
    const storm = this.#storms.get(kind);
    if (storm === undefined) {
      this.#storms.set(kind, { silent: 0, write, timer: this.#startTimer(kind) });
      write(1);
    } else {
      storm.silent++;
      storm.write = write;
    }
  }

  /** Logs at once what is still to be logged. */
  flush(): void {
    for (const [kind, storm] of this.#storms) {
      clearTimeout(storm.timer);
      this.#storms.delete(kind);
      if (storm.silent > 0) storm.write(storm.silent);
    }
  }

  #startTimer(kind: string): NodeJS.Timeout {
    return setTimeout(() => this.#endInterval(kind), INTERVAL_MS).unref();
  }

  #endInterval(kind: string): void {
    const storm = this.#storms.get(kind);
    if (storm === undefined) return;
    if (storm.silent === 0) {
      this.#storms.delete(kind);
      return;
    }
    storm.write(storm.silent);
    storm.silent = 0;
    storm.timer = this.#startTimer(kind);
  }
}
