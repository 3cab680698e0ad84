/**
 * All that callers of a client wait for.
 *
 * Invariant: every promise that is handed out is settled once, at the latest by its deadline or the end of the client.
 */
import type { OutcryError } from '../src/values/errors.ts';
import { type Answerer, type CallOptions, type Keeper, Pending, type Waiting } from './pending.ts';

export class Promises implements Keeper {
  readonly #timeoutMs: number;
  readonly #pending = new Set<Waiting>();
  #refusal: OutcryError | undefined;
  #idle: Promise<void> | undefined;
  #onIdle: () => void = () => {};

  /** `timeoutMs`: of calls that do not say their own. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** What new calls reject with. */
  get refusal(): OutcryError | undefined {
    return this.#refusal;
  }

  /** A promise that has a deadline and ends with the client. It may be settled already: then nothing is to be asked. */
  make<T>(answerer: Answerer, { signal, timeoutMs = this.#timeoutMs }: CallOptions): Pending<T> {
    const pending = new Pending<T>(answerer, this, timeoutMs, signal);
    if (this.#refusal !== undefined) pending.reject(this.#refusal);
    if (!pending.isSettled) this.#pending.add(pending);
    return pending;
  }

  /** The first refusal stays. */
  refuse(refusal: OutcryError): OutcryError {
    this.#refusal ??= refusal;
    return this.#refusal;
  }

  giveUpAll(reason: OutcryError): void {
    for (const pending of this.#pending) pending.giveUp(reason);
  }

  /** Resolves when all are settled; those that are not after `timeoutMs` are given up, for `reason`. */
  async settle(timeoutMs: number | undefined, reason: OutcryError): Promise<void> {
    const limit = timeoutMs === undefined ? undefined : setTimeout(() => this.giveUpAll(reason), timeoutMs);
    this.#idle ??= this.#whenIdle();
    await this.#idle;
    clearTimeout(limit);
  }

  forget(settled: Waiting): void {
    this.#pending.delete(settled);
    if (this.#pending.size === 0) this.#onIdle();
  }

  async #whenIdle(): Promise<void> {
    while (this.#pending.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
  }
}
