/** The last trades of a book: columns that are filled in turns. */

/** Of one book. */
const TRADES_KEPT = 1000;
const COLUMN_MIN = 16;

export interface Trade {
  /** Of the match number. */
  readonly date: number;
  readonly counter: number;
  readonly price: number;
  readonly quantity: number;
  /** The order that came later bought. */
  readonly isBuy: boolean;
  readonly timeMs: number;
}

export class Trades {
  /** Of all that there have been; the last is `count - 1`, and at its place modulo the length of the columns. */
  count = 0;
  #price = new Int32Array(COLUMN_MIN);
  #quantity = new Int32Array(COLUMN_MIN);
  #date = new Uint32Array(COLUMN_MIN);
  #counter = new Uint32Array(COLUMN_MIN);
  #timeMs = new Float64Array(COLUMN_MIN);
  #isBuy = new Uint8Array(COLUMN_MIN);

  /** The first that is still known. */
  get first(): number {
    return Math.max(0, this.count - TRADES_KEPT);
  }

  add(date: number, counter: number, price: number, quantity: number, isBuy: boolean, timeMs: number): void {
    if (this.count === this.#price.length && this.count < TRADES_KEPT) this.#grow();
    const at = this.count++ % this.#price.length;
    this.#date[at] = date;
    this.#counter[at] = counter;
    this.#price[at] = price;
    this.#quantity[at] = quantity;
    this.#isBuy[at] = isBuy ? 1 : 0;
    this.#timeMs[at] = timeMs;
  }

  /** From `first` on. */
  at(index: number): Trade {
    const at = index % this.#price.length;
    return {
      date: this.#date[at],
      counter: this.#counter[at],
      price: this.#price[at],
      quantity: this.#quantity[at],
      isBuy: this.#isBuy[at] === 1,
      timeMs: this.#timeMs[at],
    };
  }

  #grow(): void {
    const length = Math.min(this.#price.length * 4, TRADES_KEPT);
    const longer = <Column extends { set(from: Column): void }>(column: Column, empty: Column): Column => {
      empty.set(column);
      return empty;
    };
    this.#price = longer(this.#price, new Int32Array(length));
    this.#quantity = longer(this.#quantity, new Int32Array(length));
    this.#date = longer(this.#date, new Uint32Array(length));
    this.#counter = longer(this.#counter, new Uint32Array(length));
    this.#timeMs = longer(this.#timeMs, new Float64Array(length));
    this.#isBuy = longer(this.#isBuy, new Uint8Array(length));
  }
}
