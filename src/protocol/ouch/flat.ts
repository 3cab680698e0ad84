/**
 * Outbound messages written straight into bytes, for hot paths: no objects. `at` is where the type letter goes; each
 * function writes as many bytes as LENGTH has for its message. Numbers of 64 bits come in two halves.
 */
import {
  ACCEPTED,
  AIQ_CANCELED,
  CANCELED,
  ENTER,
  EXECUTED,
  LENGTH,
  LETTER,
  REJECTED,
  REPLACED,
  SYSTEM_EVENT,
  TIMESTAMP,
} from './layout.ts';

const DEFAULT_CLASSIFICATION = 0x31;
const DEFAULT_CASH_MARGIN = 0x31;

/** Nanoseconds past midnight, or a number of an order or a match. */
export interface Wide {
  readonly high: number;
  readonly low: number;
}

export interface ReplacedFields {
  readonly replacementToken: number;
  readonly side: number;
  readonly quantity: number;
  /** The four bytes, as an integer. */
  readonly orderbook: number;
  readonly group: number;
  readonly price: number;
  readonly timeInForce: number;
  readonly display: number;
  readonly minimumQuantity: number;
  readonly state: number;
  readonly previousToken: number;
}

function begin(view: DataView, at: number, letter: number, time: Wide): void {
  view.setUint8(at, letter);
  view.setUint32(at + TIMESTAMP, time.high);
  view.setUint32(at + TIMESTAMP + 4, time.low);
}

/** `event` is the letter S or E. */
export function writeSystemEvent(view: DataView, at: number, time: Wide, event: number): void {
  begin(view, at, LETTER.systemEvent, time);
  view.setUint8(at + SYSTEM_EVENT.event, event);
}

/** Answers the Enter Order of `enterLength` bytes at `enterAt`, whose fields it repeats as they are. */
export function writeAccepted(
  view: DataView,
  at: number,
  time: Wide,
  enter: DataView,
  enterAt: number,
  enterLength: number,
  number: Wide,
  state: number,
): void {
  begin(view, at, LETTER.accepted, time);
  // From token to capacity both messages are the same 41 bytes. A loop over them takes twice as long.
  const to = at + ACCEPTED.token;
  const from = enterAt + ENTER.token;
  view.setInt32(to, enter.getInt32(from));
  view.setInt32(to + 4, enter.getInt32(from + 4));
  view.setInt32(to + 8, enter.getInt32(from + 8));
  view.setInt32(to + 12, enter.getInt32(from + 12));
  view.setInt32(to + 16, enter.getInt32(from + 16));
  view.setInt32(to + 20, enter.getInt32(from + 20));
  view.setInt32(to + 24, enter.getInt32(from + 24));
  view.setInt32(to + 28, enter.getInt32(from + 28));
  view.setInt32(to + 32, enter.getInt32(from + 32));
  view.setInt32(to + 36, enter.getInt32(from + 36));
  view.setUint8(at + ACCEPTED.capacity, enter.getUint8(enterAt + ENTER.capacity));
  view.setUint32(at + ACCEPTED.orderNumber, number.high);
  view.setUint32(at + ACCEPTED.orderNumber + 4, number.low);
  view.setInt32(at + ACCEPTED.minimumQuantity, enter.getInt32(enterAt + ENTER.minimumQuantity));
  view.setUint8(at + ACCEPTED.state, state);
  const classification =
    enterLength > ENTER.classification
      ? enter.getUint8(enterAt + ENTER.classification)
      : DEFAULT_CLASSIFICATION;
  const cashMargin =
    enterLength >= LENGTH.enter ? enter.getUint8(enterAt + ENTER.cashMargin) : DEFAULT_CASH_MARGIN;
  view.setUint8(at + ACCEPTED.classification, classification);
  view.setUint8(at + ACCEPTED.cashMargin, cashMargin);
}

export function writeReplaced(
  view: DataView,
  at: number,
  time: Wide,
  fields: ReplacedFields,
  number: Wide,
): void {
  begin(view, at, LETTER.replaced, time);
  view.setUint32(at + REPLACED.replacementToken, fields.replacementToken);
  view.setUint8(at + REPLACED.side, fields.side);
  view.setUint32(at + REPLACED.quantity, fields.quantity);
  view.setUint32(at + REPLACED.orderbook, fields.orderbook);
  view.setUint32(at + REPLACED.group, fields.group);
  view.setUint32(at + REPLACED.price, fields.price);
  view.setUint32(at + REPLACED.timeInForce, fields.timeInForce);
  view.setUint8(at + REPLACED.display, fields.display);
  view.setUint32(at + REPLACED.orderNumber, number.high);
  view.setUint32(at + REPLACED.orderNumber + 4, number.low);
  view.setUint32(at + REPLACED.minimumQuantity, fields.minimumQuantity);
  view.setUint8(at + REPLACED.state, fields.state);
  view.setUint32(at + REPLACED.previousToken, fields.previousToken);
}

export function writeCanceled(
  view: DataView,
  at: number,
  time: Wide,
  token: number,
  decrement: number,
  reason: number,
): void {
  begin(view, at, LETTER.canceled, time);
  view.setUint32(at + CANCELED.token, token);
  view.setUint32(at + CANCELED.decrement, decrement);
  view.setUint8(at + CANCELED.reason, reason);
}

/** `liquidity` is the letter A or R; the reason is always M. */
export function writeAiqCanceled(
  view: DataView,
  at: number,
  time: Wide,
  token: number,
  decrement: number,
  prevented: number,
  price: number,
  liquidity: number,
): void {
  begin(view, at, LETTER.aiqCanceled, time);
  view.setUint32(at + AIQ_CANCELED.token, token);
  view.setUint32(at + AIQ_CANCELED.decrement, decrement);
  view.setUint8(at + AIQ_CANCELED.reason, 0x4d);
  view.setUint32(at + AIQ_CANCELED.prevented, prevented);
  view.setUint32(at + AIQ_CANCELED.price, price);
  view.setUint8(at + AIQ_CANCELED.liquidity, liquidity);
}

export function writeExecuted(
  view: DataView,
  at: number,
  time: Wide,
  token: number,
  quantity: number,
  price: number,
  liquidity: number,
  matchNumber: Wide,
): void {
  begin(view, at, LETTER.executed, time);
  view.setUint32(at + EXECUTED.token, token);
  view.setUint32(at + EXECUTED.quantity, quantity);
  view.setUint32(at + EXECUTED.price, price);
  view.setUint8(at + EXECUTED.liquidity, liquidity);
  view.setUint32(at + EXECUTED.matchNumber, matchNumber.high);
  view.setUint32(at + EXECUTED.matchNumber + 4, matchNumber.low);
}

export function writeRejected(view: DataView, at: number, time: Wide, token: number, reason: number): void {
  begin(view, at, LETTER.rejected, time);
  view.setUint32(at + REJECTED.token, token);
  view.setUint8(at + REJECTED.reason, reason);
}
