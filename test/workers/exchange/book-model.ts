/** An order book written as plainly as it can be, to compare the engine with. Slow: it sorts for every step. */
import type { SelfTradeMode } from '../../../src/protocol/venue.ts';

export interface ModelOrder {
  readonly account: number;
  readonly token: number;
  readonly isBuy: boolean;
  readonly price: number;
  open: number;
  used: number;
}

/** What a book says: of both orders of an execution, or of one whose trade was prevented. */
export type BookEvent =
  | {
      readonly type: 'executed';
      readonly resting: string;
      readonly incoming: string;
      quantity: number;
      price: number;
    }
  | {
      readonly type: 'prevented';
      readonly order: string;
      readonly decrement: number;
      readonly prevented: number;
      readonly price: number;
      readonly isIncoming: boolean;
    };

/** As much of an order as shows what has become of it. */
export function stateOf({ account, token, open, used }: Omit<ModelOrder, 'isBuy' | 'price'>): string {
  return `account ${account}, token ${token}: ${open} open, ${used} used`;
}

export class BookModel {
  /** In the order in which they came. */
  resting: ModelOrder[] = [];
  events: BookEvent[] = [];
  readonly #ownerOf: (account: number) => number;

  constructor(ownerOf: (account: number) => number) {
    this.#ownerOf = ownerOf;
  }

  /** Best first. */
  side(isBuy: boolean): ModelOrder[] {
    const orders = this.resting.filter((order) => order.isBuy === isBuy);
    return orders.sort((a, b) => (isBuy ? b.price - a.price : a.price - b.price));
  }

  levels(isBuy: boolean): { price: number; quantity: number; orders: number }[] {
    const rows = new Map<number, { price: number; quantity: number; orders: number }>();
    for (const { price, open } of this.side(isBuy)) {
      const row = rows.get(price) ?? { price, quantity: 0, orders: 0 };
      rows.set(price, { price, quantity: row.quantity + open, orders: row.orders + 1 });
    }
    return [...rows.values()];
  }

  /** Tries it on a copy of the book. */
  canTrade(incoming: ModelOrder, atLeast: number, mode: SelfTradeMode): boolean {
    const trial = new BookModel(this.#ownerOf);
    trial.resting = this.resting.map((order) => ({ ...order }));
    trial.match({ ...incoming }, mode);
    const traded = trial.events.reduce((sum, e) => (e.type === 'executed' ? sum + e.quantity : sum), 0);
    return traded >= atLeast;
  }

  match(incoming: ModelOrder, mode: SelfTradeMode): void {
    for (;;) {
      const resting = this.crossing(incoming)[0];
      if (resting === undefined || incoming.open === 0) return;
      const { price } = resting;
      const quantity = Math.min(resting.open, incoming.open);
      if (mode === 'off' || this.#ownerOf(resting.account) !== this.#ownerOf(incoming.account)) {
        take(resting, quantity);
        take(incoming, quantity);
        const [there, here] = [stateOf(resting), stateOf(incoming)];
        this.events.push({ type: 'executed', resting: there, incoming: here, quantity, price });
      } else {
        if (mode !== 'cancel-newest') this.#prevent(resting, quantity, price, mode, false);
        if (mode !== 'cancel-oldest') this.#prevent(incoming, quantity, price, mode, true);
      }
      this.resting = this.resting.filter(({ open }) => open > 0);
    }
  }

  /** Orders that it would trade with, best first. */
  crossing({ isBuy, price }: ModelOrder): ModelOrder[] {
    return this.side(!isBuy).filter((resting) => (isBuy ? resting.price <= price : resting.price >= price));
  }

  #prevent(order: ModelOrder, prevented: number, price: number, mode: SelfTradeMode, isIncoming: boolean) {
    const decrement = mode === 'decrement-both' ? prevented : order.open;
    take(order, decrement);
    this.events.push({ type: 'prevented', order: stateOf(order), decrement, prevented, price, isIncoming });
  }
}

function take(order: ModelOrder, quantity: number): void {
  order.open -= quantity;
  order.used += quantity;
}
