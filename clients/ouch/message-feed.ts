/** What comes, for a loop that takes it at its own pace. */
import { OutcryError } from '../../src/values/errors.ts';
import { heed } from '../abort.ts';

/** Of a loop that falls behind; more would only fill its memory. */
const WAITING_MAX = 65_536;

export class MessageFeed<Item> {
  #waiting: Item[] = [];
  #isEnded = false;
  #failure: { readonly reason: unknown } | undefined;
  #wake: () => void = () => {};

  push(item: Item): void {
    if (this.#isEnded) return;
    if (this.#waiting.length < WAITING_MAX) this.#waiting.push(item);
    else
      this.fail(
        new OutcryError('ERR_API_LIMIT', `${WAITING_MAX} messages wait to be taken, and no more may`),
      );
    this.#wake();
  }

  /** What waits is still taken. */
  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  fail(reason: unknown): void {
    this.#failure ??= { reason };
    this.#waiting = [];
    this.end();
  }

  /** `onLeft`: nobody takes any more. */
  async *items(signal: AbortSignal | undefined, onLeft: () => void): AsyncGenerator<Item, void, undefined> {
    const forgetSignal = signal === undefined ? undefined : heed(signal, () => this.fail(signal.reason));
    if (signal?.aborted === true) this.fail(signal.reason);
    try {
      for (;;) {
        const taken = this.#waiting;
        this.#waiting = [];
        for (const item of taken) yield item;
        if (this.#failure !== undefined) throw this.#failure.reason;
        if (this.#waiting.length > 0) continue;
        if (this.#isEnded) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      forgetSignal?.();
      onLeft();
    }
  }
}
