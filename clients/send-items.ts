/**
 * A stream of items to the server: taken from their source no faster than the server gives credit and the connection takes
 * them. The server has `timeoutMs` for each of its steps; the source has all the time it wants.
 */
import type { ItemOf, OperationOf, ParamsOf, ReplyOf } from '../src/protocol/api/operations.ts';
import type { OutcryError } from '../src/values/errors.ts';
import type { Calls } from './calls.ts';
import type { Asker, Errand } from './errand.ts';
import type { CallOptions, Pending } from './pending.ts';

export interface Sending<N extends OperationOf<'upload'>> extends CallOptions {
  readonly params: ParamsOf<N>;
  readonly items: AsyncIterable<ItemOf<N>> | Iterable<ItemOf<N>>;
}

/** Resolves with the answer to all items. Rejects with what the source throws, too. */
export function sendItems<N extends OperationOf<'upload'>>(
  calls: Calls,
  operation: N,
  sending: Sending<N>,
): Promise<ReplyOf<N>> {
  return new Upload(calls, operation, sending).run();
}

class Upload<N extends OperationOf<'upload'>> implements Asker {
  readonly #calls: Calls;
  readonly #items: AsyncIterable<ItemOf<N>> | Iterable<ItemOf<N>>;
  readonly #errand: Errand;
  readonly #answer: Pending<ReplyOf<N>>;
  #isOpen = false;
  #credit = 0;
  #wake = () => {};

  constructor(calls: Calls, operation: N, { params, items, signal, timeoutMs }: Sending<N>) {
    this.#calls = calls;
    this.#items = items;
    this.#errand = calls.errand(operation, params, { asker: this });
    this.#answer = calls.promise<ReplyOf<N>>(
      {
        timeoutError: (limitMs) => this.#errand.timeoutError(limitMs),
        onGivenUp: () => {
          calls.errands.giveUp(this.#errand);
          this.#wake();
        },
      },
      { signal, timeoutMs },
    );
  }

  run(): Promise<ReplyOf<N>> {
    if (!this.#answer.isSettled) {
      this.#calls.errands.start(this.#errand);
      void this.#sendAll();
    }
    return this.#answer.promise;
  }

  deadlineMs(): number {
    return this.#answer.deadlineMs;
  }

  mayStartOver(): boolean {
    return !this.#isOpen;
  }

  onOpen(): void {
    this.#isOpen = true;
    this.#wake();
  }

  onCredit(count: number): void {
    this.#credit += count;
    this.#wake();
  }

  onDrain(): void {
    this.#wake();
  }

  onReply(result: unknown): void {
    this.#answer.resolve(result as ReplyOf<N>);
    this.#wake();
  }

  onFail(error: OutcryError): void {
    this.#answer.reject(error);
    this.#wake();
  }

  async #sendAll(): Promise<void> {
    const { errands } = this.#calls;
    try {
      await this.#until(() => this.#isOpen);
      if (this.#answer.isSettled) return;
      this.#answer.stopDeadline();
      for await (const item of this.#items) {
        this.#answer.restartDeadline();
        await this.#until(() => this.#credit > 0 && errands.isWritable);
        if (this.#answer.isSettled) return;
        this.#credit -= 1;
        errands.sendItems(this.#errand, [item]);
        this.#answer.stopDeadline();
      }
      if (this.#answer.isSettled) return;
      errands.sendEnd(this.#errand);
      this.#answer.restartDeadline();
    } catch (error) {
      this.#answer.giveUp(error);
    }
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.#answer.isSettled) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
