/** Whoever waits for a condition looks again whenever something has changed. */
export class Wakeup {
  #waiting: (() => void)[] = [];

  /** Resolves with the next change. */
  wait(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  wake(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
