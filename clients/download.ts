/**
 * A stream of items from the server, which sends no more of them ahead than the window has room for.
 *
 * One that was lost on its way starts over while nothing of it was taken; after that it fails, since what would come might
 * be other items. One that is endless goes on with what comes next, and tells of the gap.
 */
import type { InfoOf, ItemOf, OperationOf, ParamsOf } from '../src/protocol/api/operations.ts';
import { OutcryError } from '../src/values/errors.ts';
import type { Calls } from './calls.ts';
import type { Asker, Errand } from './errand.ts';
import type { CallOptions, Pending } from './pending.ts';

export interface DownloadOptions extends CallOptions {
  /** Items. */
  readonly window: number;
  /** It never ends, and may be silent for as long as it likes. */
  readonly isEndless?: boolean;
  /** Of an endless one: items may have been missed between two connections. */
  readonly onGap?: (() => void) | undefined;
}

export class Download<N extends OperationOf<'download'>> implements Asker {
  readonly #calls: Calls;
  readonly #options: DownloadOptions;
  readonly #errand: Errand;
  #opening: Pending<InfoOf<N>> | undefined;
  /** Items that were received, of which the first `#taken` are the consumer's. */
  #items: ItemOf<N>[] = [];
  #taken = 0;
  /** Items that the server may still send. */
  #credit = 0;
  /** The consumer has seen something that has to stay true. */
  #isUsed = false;
  /** Its items have a consumer, or will have none. */
  #isRead = false;
  #wasOpen = false;
  #isOver = false;
  #failure: unknown;
  #waiting: Pending<void> | undefined;
  #forgetClosing = () => {};

  constructor(calls: Calls, operation: N, params: ParamsOf<N>, options: DownloadOptions) {
    this.#calls = calls;
    this.#options = options;
    this.#errand = calls.errand(operation, params, { asker: this });
  }

  /** What the server says of the stream; opens it. */
  async info(): Promise<InfoOf<N>> {
    const info = await this.#open();
    this.#isUsed = true;
    return info;
  }

  /** The items, once. Leaving the loop ends the stream. */
  async *items(): AsyncGenerator<ItemOf<N>, void, undefined> {
    if (this.#isRead) throw new TypeError('it was read or cancelled before');
    this.#isRead = true;
    const { signal } = this.#options;
    try {
      await this.#open();
      for (;;) {
        while (this.#taken < this.#items.length) {
          signal?.throwIfAborted();
          this.#isUsed = true;
          const item = this.#items[this.#taken++] as ItemOf<N>;
          this.#giveCredit();
          yield item;
        }
        this.#dropTaken();
        if (this.#isOver) break;
        await this.#wait();
      }
      if (this.#failure !== undefined) throw this.#failure;
    } finally {
      this.cancel();
    }
  }

  /** No more items are wanted. */
  cancel(): void {
    this.#isRead = true;
    this.#forgetClosing();
    this.#calls.errands.giveUp(this.#errand);
  }

  /** Once it was open nobody waits for the opening any more. */
  deadlineMs(): number {
    if (this.#opening?.isSettled === true) return Number.POSITIVE_INFINITY;
    return this.#opening?.deadlineMs ?? 0;
  }

  mayStartOver(): boolean {
    return !this.#isUsed || this.#options.isEndless === true;
  }

  onStartOver(): void {
    this.#credit = 0;
    if (this.#options.isEndless !== true) this.#items = [];
  }

  onOpen(info: unknown): void {
    this.#opening?.resolve(info as InfoOf<N>);
    this.#giveCredit();
    // Not from here: what it throws is not for the connection.
    if (this.#wasOpen && this.#options.onGap !== undefined) process.nextTick(this.#options.onGap);
    this.#wasOpen = true;
  }

  onItems(items: readonly unknown[]): void {
    this.#credit -= items.length;
    if (this.#credit < 0)
      throw new OutcryError('ERR_API_PROTOCOL', 'the server sent more than was asked for');
    this.#items.push(...(items as readonly ItemOf<N>[]));
    this.#waiting?.resolve();
  }

  onEnd(): void {
    this.#finish();
  }

  onFail(error: OutcryError): void {
    this.#opening?.reject(error);
    this.#finish(error);
  }

  #finish(failure?: unknown): void {
    this.#isOver = true;
    this.#failure ??= failure;
    this.#waiting?.resolve();
  }

  #open(): Promise<InfoOf<N>> {
    if (this.#opening === undefined) {
      const { signal, timeoutMs } = this.#options;
      this.#opening = this.#calls.promise<InfoOf<N>>(
        {
          timeoutError: (limitMs) => this.#errand.timeoutError(limitMs),
          onGivenUp: () => this.cancel(),
        },
        { signal, timeoutMs },
      );
      if (!this.#opening.isSettled) {
        this.#forgetClosing = this.#calls.onClosing((refusal, isWanted) =>
          this.#onClosing(refusal, isWanted),
        );
        this.#calls.errands.start(this.#errand);
      }
    }
    return this.#opening.promise;
  }

  /** Whoever listens to something endless has heard all there was; whoever reads something has not read it all. */
  #onClosing(refusal: OutcryError, isWanted: boolean): void {
    const isDone = isWanted && this.#options.isEndless === true && this.#wasOpen;
    this.#opening?.reject(refusal);
    this.#finish(isDone ? undefined : refusal);
    this.cancel();
  }

  async #wait(): Promise<void> {
    const { signal, timeoutMs, isEndless } = this.#options;
    this.#waiting = this.#calls.promise<void>(
      { timeoutError: (limitMs) => this.#silenceError(limitMs), onGivenUp: () => {} },
      { signal, timeoutMs: isEndless === true ? Number.POSITIVE_INFINITY : timeoutMs },
    );
    await this.#waiting.promise;
  }

  #dropTaken(): void {
    this.#items = [];
    this.#taken = 0;
  }

  /** In portions of at least half a window. */
  #giveCredit(): void {
    const room = this.#options.window - (this.#items.length - this.#taken) - this.#credit;
    if (2 * room < this.#options.window || this.#errand.state !== 'asked') return;
    this.#credit += room;
    this.#calls.errands.sendCredit(this.#errand, room);
  }

  #silenceError(timeoutMs: number): OutcryError {
    const { operation } = this.#errand;
    const message = `${operation} was opened, but nothing came for ${timeoutMs} ms`;
    return new OutcryError('ERR_REQUEST_TIMEOUT', message, { fields: { operation, timeoutMs } });
  }
}
