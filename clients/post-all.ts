/** Posts of one long source: pulled from it only as fast as the server answers. */
import type { RefusalTuple, TransactionTuple } from '../src/protocol/api/operations.ts';
import { OutcryError } from '../src/values/errors.ts';
import type { Calls, KeyedOptions } from './calls.ts';
import type { Answerer, Pending } from './pending.ts';
import { REQUESTS_MAX } from './post-batches.ts';
import { type Transaction, TransactionList, toTuple } from './transactions.ts';

export interface PostedAll {
  readonly posted: number;
  /** In ascending order. */
  readonly refused: readonly Refusal[];
}

export interface Refusal {
  /** Of the transaction in the source, from 0. */
  readonly index: number;
  /** As in ARCHITECTURE.md, "Discarded bank lines". */
  readonly reason: string;
}

type Source = Iterable<Transaction> | AsyncIterable<Transaction>;

export function postAll(calls: Calls, source: Source, options: KeyedOptions): Promise<PostedAll> {
  return new PostAll(calls, options).run(source);
}

/** One request of it. */
class Part {
  readonly list: TransactionList;
  /** Where its transactions are in the source. */
  readonly indexes: number[] = [];

  constructor(frameBytes: number) {
    this.list = new TransactionList(frameBytes);
  }

  /** False if there is no room. */
  add(tuple: TransactionTuple, index: number): boolean {
    const hasRoom = this.list.add(tuple);
    if (hasRoom) this.indexes.push(index);
    return hasRoom;
  }
}

class PostAll implements Answerer {
  readonly #calls: Calls;
  readonly #options: KeyedOptions;
  readonly #answer: Pending<PostedAll>;
  #part: Part;
  #partCount = 0;
  /** Those that were not answered yet, in their order. */
  readonly #asked = new Set<Part>();
  #taken = 0;
  #posted = 0;
  readonly #refused: Refusal[] = [];
  #wake = () => {};

  constructor(calls: Calls, options: KeyedOptions) {
    this.#calls = calls;
    this.#options = options;
    this.#part = new Part(calls.frameBytes);
    // Each request has a deadline; the source has all the time it wants.
    this.#answer = calls.promise(this, { signal: options.signal, timeoutMs: Number.POSITIVE_INFINITY });
  }

  run(source: Source): Promise<PostedAll> {
    if (!this.#answer.isSettled) {
      const forget = this.#calls.onClosing((refusal) => this.#fail(refusal));
      void this.#postAll(source).finally(forget);
    }
    return this.#answer.promise;
  }

  onGivenUp(): void {
    this.#wake();
  }

  async #postAll(source: Source): Promise<void> {
    try {
      if (Symbol.iterator in source) {
        // A wait for each of them would cost more than all the rest.
        for (const transaction of source) {
          const full = this.#add(transaction);
          if (full !== undefined) await full;
          if (this.#answer.isSettled) return;
        }
      } else {
        for await (const transaction of source) {
          await this.#add(transaction);
          if (this.#answer.isSettled) return;
        }
      }
      await this.#ask();
      await this.#until(() => this.#asked.size === 0);
      this.#refused.sort((left, right) => left.index - right.index);
      this.#answer.resolve({ posted: this.#posted, refused: this.#refused });
    } catch (error) {
      this.#answer.giveUp(error);
    }
  }

  /** Returns what must be waited for before the next one may come, if there is anything. */
  #add(transaction: Transaction): Promise<void> | undefined {
    const tuple = this.#take(transaction);
    if (tuple === undefined) return undefined;
    const index = this.#taken - 1;
    if (this.#part.add(tuple, index)) return undefined;
    return this.#ask().then(() => void this.#part.add(tuple, index));
  }

  /** Undefined if it is refused here already. */
  #take(transaction: Transaction): TransactionTuple | undefined {
    const index = this.#taken++;
    try {
      return toTuple(transaction);
    } catch (error) {
      if (!(error instanceof OutcryError)) throw error;
      const { reason } = error.fields;
      this.#refused.push({ index, reason: String(reason) });
      return undefined;
    }
  }

  /** Resolves when the present part is on its way, and the next one may be filled. */
  async #ask(): Promise<void> {
    await this.#until(() => this.#asked.size < REQUESTS_MAX);
    const part = this.#part;
    const { tuples } = part.list;
    if (tuples.length === 0 || this.#answer.isSettled) return;
    this.#part = new Part(this.#calls.frameBytes);
    this.#asked.add(part);
    const { signal, timeoutMs, key } = this.#options;
    this.#partCount += 1;
    this.#calls
      .request(
        'bank.post',
        { transactions: tuples },
        { signal, timeoutMs, key: key === undefined ? undefined : `${key}/${this.#partCount}` },
      )
      .then(({ refused }) => this.#settle(part, refused))
      .catch((error) => this.#fail(error));
  }

  #settle(part: Part, refused: readonly RefusalTuple[]): void {
    this.#asked.delete(part);
    this.#posted += part.list.tuples.length - refused.length;
    for (const [at, reason] of refused) this.#refused.push({ index: part.indexes[at] ?? 0, reason });
    this.#wake();
  }

  #fail(error: unknown): void {
    this.#answer.giveUp(error instanceof OutcryError ? this.#withProgress(error) : error);
  }

  #withProgress(cause: OutcryError): OutcryError {
    const [unanswered = this.#part] = this.#asked;
    const settled = unanswered.indexes[0] ?? this.#taken;
    const message = `${cause.message}; all before transaction ${settled} are posted or refused`;
    const fields = { ...cause.fields, settled, posted: this.#posted, refused: this.#refused.length };
    return new OutcryError(cause.code, message, { cause, fields });
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.#answer.isSettled) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
