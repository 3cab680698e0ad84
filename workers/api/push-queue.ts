/** What a client listens to, until it has room for it: a source that others fill. */
import type { ItemOf, OperationName } from '../../src/protocol/api/operations.ts';
import { OutcryError } from '../../src/values/errors.ts';
import type { Call, Source } from './call.ts';

/** A client that is so far behind is not listening. */
const WAITING_MAX = 1000;

export class PushQueue<N extends OperationName> implements Source {
  readonly #call: Call<N>;
  readonly #onCancel: () => void;
  #waiting: ItemOf<N>[] = [];

  /** `onCancel` is called when the client listens no more. */
  constructor(call: Call<N>, onCancel: () => void) {
    this.#call = call;
    this.#onCancel = onCancel;
  }

  offer(item: unknown): void {
    if (this.#waiting.length < WAITING_MAX) {
      this.#waiting.push(item as ItemOf<N>);
      return;
    }
    const message = `${WAITING_MAX} items wait that the client has given no credit for`;
    this.#call.fail(new OutcryError('ERR_API_LIMIT', message));
  }

  pull(credit: number): void {
    this.#call.push(this.#waiting.splice(0, credit));
  }

  cancel(): void {
    this.#onCancel();
  }
}
