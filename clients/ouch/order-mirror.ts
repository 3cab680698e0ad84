/**
 * What an exchange's messages say, added up: a trader's open orders as the exchange has them, and the end of others. Pure:
 * messages in, orders out. It must be given all messages of a session, from the first one on.
 *
 *     accepted ──► open ── executed, canceled, replaced ──► open
 *         │          ├── all of it executed ──► filled
 *         │          └── the rest canceled ──► canceled
 *         └── dead when it was accepted, or replaced ──► dead
 *
 * A chain is an order with all that has replaced it; here it is one order, whose token changes.
 */
import type {
  Liquidity,
  OrderAccepted,
  OrderReplaced,
  OutboundMessage,
} from '../../src/protocol/ouch/messages.ts';

export interface Fill {
  readonly quantity: number;
  readonly priceTenths: number;
  readonly liquidity: Liquidity;
  readonly matchNumber: bigint;
  readonly timestampNs: bigint;
}

/** An order as the exchange has it; it changes with each message about it. */
export interface MirroredOrder {
  readonly firstToken: number;
  /** Under which it goes on. */
  readonly token: number;
  /** How it was entered. */
  readonly accepted: OrderAccepted;
  readonly state: 'open' | 'filled' | 'canceled' | 'dead';
  readonly orderNumber: bigint;
  readonly priceTenths: number;
  readonly timeInForce: number;
  readonly display: string;
  readonly minimumQuantity: number;
  /** Of all that was ever wanted: executed, prevented and open now. It is what a replace is to say. */
  readonly quantity: number;
  readonly open: number;
  readonly executed: number;
  /** Executed quantities times their prices, added up. */
  readonly executedValueTenths: bigint;
  /** Not traded, because the other side was of the same owner. */
  readonly prevented: number;
  readonly fills: readonly Fill[];
  /** Of the last cancel: see CANCEL_REASONS. */
  readonly cancelReason: string | undefined;
}

type Chain = { -readonly [Key in keyof MirroredOrder]: MirroredOrder[Key] } & { fills: Fill[] };

export class OrderMirror {
  readonly #open = new Map<number, Chain>();
  #lastToken = -1;
  #day: 'before' | 'open' | 'over' = 'before';

  /** Those that are open, the longest accepted or replaced first. */
  get orders(): IterableIterator<MirroredOrder> {
    return this.#open.values();
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** The greatest that the exchange has taken; −1 before there is one. */
  get lastToken(): number {
    return this.#lastToken;
  }

  /** Whether the exchange has said that its day begins, and ends. */
  get day(): 'before' | 'open' | 'over' {
    return this.#day;
  }

  /** The open order under that token. */
  find(token: number): MirroredOrder | undefined {
    return this.#open.get(token);
  }

  /**
   * Takes a message in. Returns the order that it is about, as it is now; undefined if it is about none, or about one whose
   * beginning was not seen.
   */
  apply(message: OutboundMessage): MirroredOrder | undefined {
    switch (message.type) {
      case 'accepted':
        return this.#onAccepted(message);
      case 'replaced':
        return this.#onReplaced(message);
      case 'executed': {
        const { token, quantity, priceTenths, liquidity, matchNumber, timestampNs } = message;
        const order = this.#open.get(token);
        if (order === undefined) return undefined;
        order.fills.push({ quantity, priceTenths, liquidity, matchNumber, timestampNs });
        order.executed += quantity;
        order.executedValueTenths += BigInt(quantity) * BigInt(priceTenths);
        return this.#reduce(order, quantity, 'filled');
      }
      case 'aiq-canceled':
      case 'canceled': {
        const order = this.#open.get(message.token);
        if (order === undefined) return undefined;
        const prevented = message.type === 'aiq-canceled' ? message.preventedQuantity : 0;
        order.prevented += prevented;
        order.quantity -= message.decrement - prevented;
        order.cancelReason = message.reason;
        return this.#reduce(order, message.decrement, 'canceled');
      }
      case 'rejected':
        this.#sawToken(message.token);
        return undefined;
      case 'system-event':
        this.#day = message.event === 'S' ? 'open' : 'over';
        return undefined;
    }
  }

  /** Forgets everything: another session begins. */
  clear(): void {
    this.#open.clear();
    this.#lastToken = -1;
    this.#day = 'before';
  }

  #onAccepted(accepted: OrderAccepted): Chain {
    const { token, quantity, orderNumber, priceTenths, timeInForce, display, minimumQuantity } = accepted;
    const isLive = accepted.state === 'L';
    const order: Chain = {
      firstToken: token,
      token,
      accepted,
      state: isLive ? 'open' : 'dead',
      orderNumber,
      priceTenths,
      timeInForce,
      display,
      minimumQuantity,
      quantity,
      open: isLive ? quantity : 0,
      executed: 0,
      executedValueTenths: 0n,
      prevented: 0,
      fills: [],
      cancelReason: undefined,
    };
    this.#sawToken(token);
    if (isLive) this.#open.set(token, order);
    return order;
  }

  #onReplaced(replaced: OrderReplaced): Chain | undefined {
    const { previousToken, replacementToken, quantity, state } = replaced;
    const order = this.#open.get(previousToken);
    this.#sawToken(replacementToken);
    if (order === undefined) return undefined;
    const { orderNumber, priceTenths, timeInForce, display, minimumQuantity } = replaced;
    Object.assign(order, { orderNumber, priceTenths, timeInForce, display, minimumQuantity });
    order.token = replacementToken;
    order.open = state === 'L' ? quantity : 0;
    order.quantity = order.executed + order.prevented + order.open;
    this.#open.delete(previousToken);
    if (state === 'L') this.#open.set(replacementToken, order);
    else order.state = 'dead';
    return order;
  }

  #reduce(order: Chain, by: number, end: 'filled' | 'canceled'): Chain {
    order.open -= by;
    if (order.open <= 0) {
      order.state = end;
      this.#open.delete(order.token);
    }
    return order;
  }

  #sawToken(token: number): void {
    if (token > this.#lastToken) this.#lastToken = token;
  }
}
