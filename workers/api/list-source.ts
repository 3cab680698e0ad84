/** A list that is there as a whole, given in frames that are not too long. */
import type { ItemOf, OperationName } from '../../src/protocol/api/operations.ts';
import type { Call, Source } from './call.ts';

export class ListSource<N extends OperationName> implements Source {
  readonly #call: Call<N>;
  readonly #items: readonly ItemOf<N>[];
  readonly #frameItems: number;
  #sent = 0;

  constructor(call: Call<N>, items: readonly ItemOf<N>[], frameItems: number) {
    this.#call = call;
    this.#items = items;
    this.#frameItems = frameItems;
  }

  pull(credit: number): void {
    const end = this.#sent + Math.min(credit, this.#frameItems);
    const items = this.#items.slice(this.#sent, end);
    this.#sent += items.length;
    this.#call.push(items);
    if (this.#sent === this.#items.length) this.#call.end();
    else this.#call.pullAgain();
  }
}
