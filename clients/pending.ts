/** What callers of a client wait for: each promise is settled once, by whichever comes first. */
import { monotonicMs } from '../src/values/clock.ts';
import { OutcryError } from '../src/values/errors.ts';
import { heed } from './abort.ts';

/** What a timer of Node can hold; beyond it fires at once. */
export const TIMER_MAX_MS = 2 ** 31 - 1;

export const PERIOD = `milliseconds above 0, up to ${TIMER_MAX_MS}, or Infinity`;

/** What PERIOD says. */
export function isPeriod(ms: number): boolean {
  return (ms > 0 && ms <= TIMER_MAX_MS) || ms === Number.POSITIVE_INFINITY;
}

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

/** A promise that waits, whatever for. */
export interface Waiting {
  giveUp(reason: unknown): void;
  onTimeout(): void;
}

/** Who keeps those that are not settled. */
export interface Keeper {
  forget(settled: Waiting): void;
}

/** One that is settled from the start, by a signal that was aborted before or a wrong option, has nobody to tell. */
export class Pending<T> implements Waiting {
  readonly promise: Promise<T>;
  /** By monotonicMs. */
  deadlineMs = Number.POSITIVE_INFINITY;
  isSettled = false;
  readonly #answerer: Answerer;
  readonly #keeper: Keeper;
  readonly #timeoutMs: number;
  #resolve: (value: T) => void = () => {};
  #reject: (reason: unknown) => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #forgetSignal: (() => void) | undefined;

  constructor(answerer: Answerer, keeper: Keeper, timeoutMs: number, signal: AbortSignal | undefined) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#answerer = answerer;
    this.#keeper = keeper;
    this.#timeoutMs = timeoutMs;
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
      this.reject(new OutcryError('ERR_API_PARAMS', 'signal is no AbortSignal'));
    } else if (signal?.aborted === true) this.reject(signal.reason);
    else if (isPeriod(timeoutMs)) {
      this.restartDeadline();
      if (signal !== undefined) this.#forgetSignal = heed(signal, () => this.giveUp(signal.reason));
    } else {
      this.reject(new OutcryError('ERR_API_PARAMS', `timeoutMs is ${timeoutMs}; expected ${PERIOD}`));
    }
  }

  resolve(value: T): void {
    this.#settle();
    this.#resolve(value);
  }

  reject(reason: unknown): void {
    this.#settle();
    this.#reject(reason);
  }

  /** Rejects, and tells who would have answered. */
  giveUp(reason: unknown): void {
    if (this.isSettled) return;
    this.reject(reason);
    this.#answerer.onGivenUp();
  }

  /** From now on the other side has `timeoutMs`. */
  restartDeadline(): void {
    if (this.isSettled || this.#timeoutMs === Number.POSITIVE_INFINITY) return;
    this.deadlineMs = monotonicMs() + this.#timeoutMs;
    if (this.#timer === undefined) this.#timer = setTimeout<[Waiting]>(onTimeout, this.#timeoutMs, this);
    else this.#timer.refresh();
  }

  /** What is waited for is not the other side's now. */
  stopDeadline(): void {
    this.deadlineMs = Number.POSITIVE_INFINITY;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  onTimeout(): void {
    this.giveUp(this.#answerer.timeoutError?.(this.#timeoutMs));
  }

  /** What is settled again stays as it was. */
  #settle(): void {
    this.isSettled = true;
    clearTimeout(this.#timer);
    this.#forgetSignal?.();
    this.#keeper.forget(this);
  }
}

/** Not a function for each: there may be a million of them. */
function onTimeout(pending: Waiting): void {
  pending.onTimeout();
}
