/** The prices that a book allows: a grid that is wider, the higher the price. In tenths of a yen. */
import type { TickTable } from '../../src/protocol/venue.ts';

export class Ticks {
  /** Where each band begins, the first at 0, and its tick. */
  readonly #from: Int32Array;
  readonly #tick: Int32Array;

  constructor({ bands }: TickTable) {
    this.#from = Int32Array.from(bands, ({ from }) => from);
    this.#tick = Int32Array.from(bands, ({ tick }) => tick);
  }

  allows(price: number): boolean {
    let band = this.#from.length - 1;
    while (band > 0 && price < this.#from[band]) band--;
    return (price - this.#from[band]) % this.#tick[band] === 0;
  }
}
