/**
 * An exchange of one trader that never trades by itself, with the rules of tokens: what is not the next token, or not that
 * of a live order, is ignored.
 */
import type { EnterOrder, InboundMessage, OutboundMessage } from '../../src/protocol/ouch/messages.ts';

interface LiveOrder {
  readonly entered: EnterOrder;
  open: number;
  used: number;
}

const TIMESTAMP_NS = 1n;

export class ToyExchange {
  readonly orders = new Map<number, LiveOrder>();
  /** How often each token was taken. */
  readonly taken = new Map<number, number>();
  readonly #say: (message: OutboundMessage) => void;
  #lastToken = -1;
  #number = 0n;

  constructor(say: (message: OutboundMessage) => void) {
    this.#say = say;
  }

  /** Of quantity 0 an order is rejected, and a replace is wrong. */
  take(message: InboundMessage): void {
    switch (message.type) {
      case 'enter':
        this.#enter(message);
        break;
      case 'replace': {
        const { existingToken, replacementToken, quantity, priceTenths, timeInForce, display } = message;
        const order = this.orders.get(existingToken);
        if (order === undefined || replacementToken <= this.#lastToken) return;
        if (quantity === 0) {
          this.cancel(existingToken, 'Z');
          return;
        }
        this.#use(replacementToken);
        this.orders.delete(existingToken);
        order.open = Math.max(quantity - order.used, 0);
        if (order.open > 0) this.orders.set(replacementToken, order);
        this.#say({
          type: 'replaced',
          timestampNs: TIMESTAMP_NS,
          replacementToken,
          side: order.entered.side,
          quantity: order.open,
          orderbook: order.entered.orderbook,
          group: order.entered.group,
          priceTenths,
          timeInForce,
          display,
          orderNumber: this.#nextNumber(),
          minimumQuantity: message.minimumQuantity,
          state: order.open > 0 ? 'L' : 'D',
          previousToken: existingToken,
        });
        break;
      }
      case 'cancel':
        if (this.orders.has(message.token)) this.cancel(message.token, 'U');
    }
  }

  cancel(token: number, reason: string): void {
    const decrement = this.orders.get(token)?.open ?? 0;
    this.orders.delete(token);
    this.#say({ type: 'canceled', timestampNs: TIMESTAMP_NS, token, decrement, reason });
  }

  /** Executes so much of a live order, or what is open of it. */
  execute(token: number, wanted: number): void {
    const order = this.orders.get(token);
    if (order === undefined) return;
    const quantity = Math.min(wanted, order.open);
    order.open -= quantity;
    order.used += quantity;
    if (order.open === 0) this.orders.delete(token);
    this.#say({
      type: 'executed',
      timestampNs: TIMESTAMP_NS,
      token,
      quantity,
      priceTenths: order.entered.priceTenths,
      liquidity: 'A',
      matchNumber: this.#nextNumber(),
    });
  }

  #enter(message: EnterOrder): void {
    const { token, quantity } = message;
    if (token <= this.#lastToken) return;
    this.#use(token);
    if (quantity === 0) {
      this.#say({ type: 'rejected', timestampNs: TIMESTAMP_NS, token, reason: 'Z' });
      return;
    }
    const isDead = message.timeInForce === 0;
    if (!isDead) this.orders.set(token, { entered: message, open: quantity, used: 0 });
    this.#say({
      ...message,
      type: 'accepted',
      timestampNs: TIMESTAMP_NS,
      orderNumber: this.#nextNumber(),
      state: isDead ? 'D' : 'L',
    });
  }

  #use(token: number): void {
    this.#lastToken = token;
    this.taken.set(token, (this.taken.get(token) ?? 0) + 1);
  }

  #nextNumber(): bigint {
    this.#number += 1n;
    return this.#number;
  }
}
