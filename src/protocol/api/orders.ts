/**
 * Orders as the api has them: what a client says of them and what the exchange answers, in words, with decimal prices.
 * What each means is the exchange's, and OUCH's; the same fields are there in src/protocol/ouch/messages.ts.
 */

export const SIDES = ['buy', 'sell', 'short-sell', 'short-sell-exempt'] as const;
export type OrderSide = (typeof SIDES)[number];

/** Immediate: what does not trade at once is not kept. */
export const TIMES_IN_FORCE = ['day', 'immediate'] as const;
export type TimeInForce = (typeof TIMES_IN_FORCE)[number];

export const CAPACITIES = ['agency', 'principal'] as const;
export type OrderCapacity = (typeof CAPACITIES)[number];

/** 1: no high-frequency trading; 3 to 6: market making, arbitrage, directional, other. */
export const CLASSIFICATIONS = ['1', '3', '4', '5', '6'] as const;
export type OrderClassification = (typeof CLASSIFICATIONS)[number];

/** 1: cash; 2 and 3: margin opened and closed, negotiable; 4 and 5: the same, standardized. */
export const CASH_MARGINS = ['1', '2', '3', '4', '5'] as const;
export type OrderCashMargin = (typeof CASH_MARGINS)[number];

/** What can be said of an order. */
interface OrderTerms {
  readonly side: OrderSide;
  readonly book: string;
  /** Not padded: `DAY`. */
  readonly group: string;
  readonly price: string;
  readonly timeInForce: TimeInForce;
  /** It is not taken if it would trade at once. */
  readonly isPostOnly: boolean;
  /** Of an immediate order: if less than that would trade, nothing does. */
  readonly minimumQuantity: number;
}

/** In every message. */
interface Told {
  /** Of the account's own messages, from 1; without gaps. */
  readonly sequence: number;
  /** Since midnight, where the exchange is. */
  readonly nanoseconds: number;
}

/** The day has begun, or is over. */
export interface DayMessage extends Told {
  readonly type: 'system-event';
  readonly event: 'start' | 'end';
}

export interface AcceptedMessage extends Told, OrderTerms {
  readonly type: 'accepted';
  readonly token: number;
  readonly quantity: number;
  readonly orderNumber: string;
  /** False: nothing could be done with it, and it is gone. */
  readonly isLive: boolean;
  readonly clientReference: string;
  readonly firm: number;
  readonly capacity: OrderCapacity;
  readonly classification: OrderClassification;
  readonly cashMargin: OrderCashMargin;
}

export interface ReplacedMessage extends Told, OrderTerms {
  readonly type: 'replaced';
  /** From now on the order's. */
  readonly token: number;
  readonly previousToken: number;
  /** Still open. */
  readonly quantity: number;
  readonly orderNumber: string;
  readonly isLive: boolean;
}

export interface CanceledMessage extends Told {
  readonly type: 'canceled';
  readonly token: number;
  /** No longer open. */
  readonly quantity: number;
  /** A letter: U, L, S, I, … */
  readonly reason: string;
  /** What it means. */
  readonly text: string;
}

/** Taken from an order, so that it does not trade with another one of its owner. */
export interface PreventedMessage extends Told {
  readonly type: 'prevented';
  readonly token: number;
  /** No longer open. */
  readonly quantity: number;
  /** What would have been traded, and at what price. */
  readonly preventedQuantity: number;
  readonly price: string;
  readonly liquidity: 'added' | 'removed';
}

export interface ExecutedMessage extends Told {
  readonly type: 'executed';
  readonly token: number;
  /** In this trade. */
  readonly quantity: number;
  readonly price: string;
  /** The order was there before (added), or came and traded at once (removed). */
  readonly liquidity: 'added' | 'removed';
  readonly matchNumber: string;
}

export interface RejectedMessage extends Told {
  readonly type: 'rejected';
  readonly token: number;
  /** A letter: X, Z, N, … */
  readonly reason: string;
  /** What it means. */
  readonly text: string;
}

/** What the exchange tells an account of its orders. */
export type OrderMessage =
  | DayMessage
  | AcceptedMessage
  | ReplacedMessage
  | CanceledMessage
  | PreventedMessage
  | ExecutedMessage
  | RejectedMessage;

/** What a stream of an account's own messages opens with. */
export interface SignedIn {
  /** In upper case. */
  readonly user: string;
  /** Of the exchange, of this day. */
  readonly session: string;
  /** Of the first message that follows. */
  readonly sequence: number;
  /** Of the last message there is so far; 0 if there is none. */
  readonly lastSequence: number;
  /** The greatest token that was used in the session, −1 if none was: the next order's is greater. */
  readonly lastToken: number;
}

/** By which the exchange knows what a request is about. */
export interface OrderTokens {
  readonly token: number;
  /** Of a replace. */
  readonly replacementToken?: number;
}

/** Whether the message answers the request. A cancel is also answered by what has canceled the order just before. */
export function isAnswer(
  operation: string,
  { token, replacementToken }: OrderTokens,
  message: OrderMessage,
): boolean {
  switch (message.type) {
    case 'accepted':
    case 'rejected':
      return operation === 'exchange.enter' && message.token === token;
    case 'replaced':
      return operation === 'exchange.replace' && message.token === replacementToken;
    case 'canceled':
      return operation !== 'exchange.enter' && message.token === token;
    default:
      return false;
  }
}
