/** What callers of a client wait for: each promise is settled once, by whichever comes first. */
import { monotonicMs } from '../src/values/clock.ts';
import { OutcryError } from '../src/values/errors.ts';

/** What a timer of Node can hold; beyond it fires at once. */
export const TIMER_MAX_MS = 2 ** 31 - 1;

/** How long a call is waited for. */
export interface CallOptions {
  /** When it is aborted the call rejects with its reason and is not sent again; what was sent may still be done. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until the call rejects with ERR_REQUEST_TIMEOUT, or Infinity; those of the client without it. */
  readonly timeoutMs?: number | undefined;
}

/** Who answers a promise, or hears that nobody waits for the answer any more. */
export interface Answerer {
  /** Not needed without a deadline. */
  timeoutError?(timeoutMs: number): OutcryError;
  onGivenUp(): void;
}

/** One that is settled from the start, by a signal that was aborted before or a wrong option, has nobody to tell. */
export class Pending<T> {
  readonly promise: Promise<T>;
  readonly timeoutMs: number;
  /** By monotonicMs. */
  deadlineMs = Number.POSITIVE_INFINITY;
  isSettled = false;
  readonly #answerer: Answerer;
  readonly #signal: AbortSignal | undefined;
  readonly #onSettled: (pending: Pending<T>) => void;
  #resolve: (value: T) => void = () => {};
  #reject: (reason: unknown) => void = () => {};
  #timer: NodeJS.Timeout | undefined;

  constructor(
    answerer: Answerer,
    { timeoutMs, signal }: CallOptions & { readonly timeoutMs: number },
    onSettled: (pending: Pending<T>) => void,
  ) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#answerer = answerer;
    this.timeoutMs = timeoutMs;
    this.#signal = signal;
    this.#onSettled = onSettled;
    if (signal?.aborted === true) this.reject(signal.reason);
    else if (timeoutMs > 0 && (timeoutMs <= TIMER_MAX_MS || timeoutMs === Number.POSITIVE_INFINITY)) {
      this.restartDeadline();
      signal?.addEventListener('abort', this.#onAbort);
    } else {
      const message = `timeoutMs is ${timeoutMs}; expected milliseconds up to ${TIMER_MAX_MS}, or Infinity`;
      this.reject(new OutcryError('ERR_API_PARAMS', message));
    }
  }

  resolve(value: T): void {
    if (this.#settle()) this.#resolve(value);
  }

  reject(reason: unknown): void {
    if (this.#settle()) this.#reject(reason);
  }

  /** Rejects, and tells who would have answered. */
  giveUp(reason: unknown): void {
    if (this.isSettled) return;
    this.reject(reason);
    this.#answerer.onGivenUp();
  }

  /** From now on the other side has `timeoutMs`. */
  restartDeadline(): void {
    if (this.isSettled || this.timeoutMs === Number.POSITIVE_INFINITY) return;
    this.deadlineMs = monotonicMs() + this.timeoutMs;
    if (this.#timer === undefined) this.#timer = setTimeout(this.#onTimeout, this.timeoutMs);
    else this.#timer.refresh();
  }

  /** What is waited for is not the other side's now. */
  stopDeadline(): void {
    this.deadlineMs = Number.POSITIVE_INFINITY;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  readonly #onTimeout = (): void => this.giveUp(this.#answerer.timeoutError?.(this.timeoutMs));
  readonly #onAbort = (): void => this.giveUp(this.#signal?.reason);

  /** False if it was settled before. */
  #settle(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#onSettled(this);
    return true;
  }
}
