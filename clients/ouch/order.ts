/** An order as its trader has it: what was wanted, what became of it, and how it is changed. */
import { EventEmitter } from 'node:events';
import { DAY, IMMEDIATE } from '../../src/protocol/ouch/layout.ts';
import type {
  EnterOrder,
  OrderAccepted,
  OrderReplaced,
  ReplaceOrder,
} from '../../src/protocol/ouch/messages.ts';
import { toTenths } from '../../src/protocol/ouch/prices.ts';
import { OutcryError } from '../../src/values/errors.ts';
import type { CallOptions } from '../pending.ts';
import type { Fill, MirroredOrder } from './order-mirror.ts';

/** `'2300.0'`, decimal text with at most one decimal; or whole tenths. */
export type Price = string | { readonly tenths: number };

export interface NewOrder {
  /** Greater than all that were used before; the next one without it. */
  readonly token?: number | undefined;
  /** Buy, sell, short sell, exempt short sell. */
  readonly side: 'B' | 'S' | 'T' | 'E';
  readonly quantity: number;
  /** `'7203'`; a number where the exchange has numbers. */
  readonly orderbook: string | number;
  readonly price: Price;
  /** `DAY` without it; else `NGHT`, `DAYX` or `DAYU`. */
  readonly group?: string | undefined;
  /** What does not trade at once is canceled. */
  readonly isImmediate?: boolean | undefined;
  /** Of an immediate order: it does not trade at all if not so much of it does. 0 without it. */
  readonly minimumQuantity?: number | undefined;
  /** It does not trade at once. */
  readonly isPostOnly?: boolean | undefined;
  /** Up to ten characters, which come back with the answer. */
  readonly clientReference?: string | undefined;
  /** Agency or principal; principal without it. */
  readonly capacity?: 'A' | 'P' | undefined;
  /** An MPID; 0, for none, without it. */
  readonly firm?: number | undefined;
  /** Of high frequency trading; `1`, none, without it. */
  readonly classification?: '1' | '3' | '4' | '5' | '6' | undefined;
  /** `1`, cash, without it. */
  readonly cashMargin?: '1' | '2' | '3' | '4' | '5' | undefined;
}

/** What is left out stays as it is. */
export interface OrderChange {
  /** Of all that is wanted, with what was executed already. */
  readonly quantity?: number | undefined;
  readonly price?: Price | undefined;
  readonly isImmediate?: boolean | undefined;
  readonly minimumQuantity?: number | undefined;
  readonly isPostOnly?: boolean | undefined;
}

/**
 * `sent`: not answered yet. `dead`: nothing of it was open when it was accepted, or replaced. `lost`: it was not taken, or
 * nobody will ever tell; the rejection of `done` says why.
 */
export type OrderState = 'sent' | 'rejected' | 'lost' | MirroredOrder['state'];

/** Each comes behind the change that it tells of. */
export interface OrderEvents {
  readonly accepted: [accepted: OrderAccepted];
  readonly rejected: [error: OutcryError];
  readonly executed: [fill: Fill];
  readonly replaced: [replaced: OrderReplaced];
  /** `by`: so much is not open any more. `reason`: see CANCEL_REASONS. */
  readonly canceled: [by: number, reason: string];
  /** Nothing of it is open any more, and nothing more will come. */
  readonly done: [];
}

export interface Order extends EventEmitter<OrderEvents> {
  /** Under which it was entered, and under which it goes on. */
  readonly firstToken: number;
  readonly token: number;
  readonly state: OrderState;
  readonly open: number;
  readonly executed: number;
  readonly fills: readonly Fill[];
  /** All that the exchange has said of it, added up; undefined before it is accepted. */
  readonly mirrored: MirroredOrder | undefined;
  /**
   * Resolves when the exchange has taken it; rejects with ERR_ORDER_REJECTED, whose `fields.reason` is the letter, or with
   * ERR_REQUEST_TIMEOUT, the reason of the signal, ERR_SESSION_ENDED or ERR_ORDER_IGNORED.
   */
  readonly accepted: Promise<OrderAccepted>;
  /** Resolves when nothing of it is open any more, whatever has ended it; rejects when it is lost. */
  readonly done: Promise<Order>;
  /**
   * Puts other terms in place of its own; its place in the book is lost. Resolves when they are. Rejects with ERR_ORDER_DONE if
   * nothing of it is open any more: then it was too late, or the exchange has canceled the order since the terms are wrong.
   */
  replace(change: OrderChange, options?: CallOptions): Promise<OrderReplaced>;
  /** Resolves when nothing of it is open any more, also if it was filled before; rejects as `done` does when it is lost. */
  cancel(options?: CallOptions): Promise<Order>;
}

/** What can be replaced, as on the wire. */
export type Terms = Pick<
  ReplaceOrder,
  'quantity' | 'priceTenths' | 'timeInForce' | 'display' | 'minimumQuantity'
>;

/** Who sends what an order asks for. */
export interface OrderDesk {
  replace(order: TradedOrder, change: OrderChange, options: CallOptions): Promise<OrderReplaced>;
  cancel(order: TradedOrder, options: CallOptions): Promise<Order>;
}

export function toEnter(token: number, order: NewOrder): EnterOrder {
  return {
    type: 'enter',
    token,
    clientReference: order.clientReference ?? '',
    side: order.side,
    quantity: order.quantity,
    orderbook: order.orderbook,
    group: order.group ?? 'DAY',
    priceTenths: tenthsOf(order.price),
    timeInForce: order.isImmediate === true ? IMMEDIATE : DAY,
    firm: order.firm ?? 0,
    display: order.isPostOnly === true ? 'P' : ' ',
    capacity: order.capacity ?? 'P',
    minimumQuantity: order.minimumQuantity ?? 0,
    classification: order.classification ?? '1',
    cashMargin: order.cashMargin ?? '1',
  };
}

export function changed(terms: Terms, change: OrderChange): Terms {
  const { quantity, price, isImmediate, minimumQuantity, isPostOnly } = change;
  return {
    quantity: quantity ?? terms.quantity,
    priceTenths: price === undefined ? terms.priceTenths : tenthsOf(price),
    timeInForce: isImmediate === undefined ? terms.timeInForce : isImmediate ? IMMEDIATE : DAY,
    display: isPostOnly === undefined ? terms.display : isPostOnly ? 'P' : ' ',
    minimumQuantity: minimumQuantity ?? terms.minimumQuantity,
  };
}

function tenthsOf(price: Price): number {
  if (typeof price === 'string') return toTenths(price);
  const tenths: unknown = price?.tenths;
  if (typeof tenths === 'number') return tenths;
  const message = `price is ${JSON.stringify(price)}; expected decimal text, as '2300.0', or whole { tenths }`;
  throw new OutcryError('ERR_OUCH_MESSAGE', message, { fields: { field: 'price' } });
}

/** What the library knows of an order, beside what it shows. */
export class TradedOrder extends EventEmitter<OrderEvents> implements Order {
  readonly firstToken: number;
  readonly accepted: Promise<OrderAccepted>;
  readonly done: Promise<Order>;
  mirrored: MirroredOrder | undefined;
  readonly #desk: OrderDesk;
  #end: 'rejected' | 'lost' | undefined;
  #onDone: (order: Order) => void = () => {};
  #onLost: (reason: unknown) => void = () => {};

  constructor(desk: OrderDesk, firstToken: number, accepted: Promise<OrderAccepted>) {
    super();
    this.#desk = desk;
    this.firstToken = firstToken;
    this.accepted = accepted;
    this.done = new Promise((resolve, reject) => {
      this.#onDone = resolve;
      this.#onLost = reject;
    });
    // Who does not ask what became of it is not to be ended by it.
    this.accepted.catch(() => {});
    this.done.catch(() => {});
  }

  get token(): number {
    return this.mirrored?.token ?? this.firstToken;
  }

  get state(): OrderState {
    return this.#end ?? this.mirrored?.state ?? 'sent';
  }

  get open(): number {
    return this.mirrored?.open ?? 0;
  }

  get executed(): number {
    return this.mirrored?.executed ?? 0;
  }

  get fills(): readonly Fill[] {
    return this.mirrored?.fills ?? [];
  }

  replace(change: OrderChange, options: CallOptions = {}): Promise<OrderReplaced> {
    return this.#desk.replace(this, change, options);
  }

  cancel(options: CallOptions = {}): Promise<Order> {
    return this.#desk.cancel(this, options);
  }

  /** What a listener throws is his, and must not come in between of what the client was doing. */
  tell<Name extends keyof OrderEvents>(name: Name, ...args: OrderEvents[Name]): void {
    if (this.listenerCount(name) === 0) return;
    process.nextTick(() => (this as EventEmitter).emit(name, ...args));
  }

  onRejected(error: OutcryError): void {
    this.#end = 'rejected';
    this.tell('rejected', error);
    this.onDone();
  }

  onDone(): void {
    this.#onDone(this);
    this.tell('done');
  }

  onLost(reason: unknown): void {
    this.#end = 'lost';
    this.#onLost(reason);
    this.tell('done');
  }
}
