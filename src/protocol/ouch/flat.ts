/**
 * Outbound messages written straight into bytes, for hot paths: no objects. `at` is where the type letter goes; each
 * function writes as many bytes as LENGTH has for its message. Numbers of 64 bits come in two halves.
 */
import * as layout from './layout.ts';

/** A constant of this module is a number in compiled code, an imported one is loaded at each use. */
const {
  ACCEPTED,
  AIQ_CANCELED,
  CANCELED,
  ENTER,
  EXECUTED,
  LETTER,
  REJECTED,
  REPLACED,
  SYSTEM_EVENT,
  TIMESTAMP,
} = layout;

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
  // All is read before anything is written: that costs half as much as field by field.
  const token = enter.getInt32(enterAt + ENTER.token);
  const reference0 = enter.getInt32(enterAt + ENTER.clientReference);
  const reference4 = enter.getInt32(enterAt + ENTER.clientReference + 4);
  const reference8 = enter.getInt16(enterAt + ENTER.clientReference + 8);
  const side = enter.getUint8(enterAt + ENTER.side);
  const quantity = enter.getInt32(enterAt + ENTER.quantity);
  const orderbook = enter.getInt32(enterAt + ENTER.orderbook);
  const group = enter.getInt32(enterAt + ENTER.group);
  const price = enter.getInt32(enterAt + ENTER.price);
  const timeInForce = enter.getInt32(enterAt + ENTER.timeInForce);
  const firm = enter.getInt32(enterAt + ENTER.firm);
  const displayAndCapacity = enter.getInt16(enterAt + ENTER.display);
  const minimumQuantity = enter.getInt32(enterAt + ENTER.minimumQuantity);
  const classification =
    enterLength > ENTER.classification
      ? enter.getUint8(enterAt + ENTER.classification)
      : DEFAULT_CLASSIFICATION;
  const cashMargin =
    enterLength > ENTER.cashMargin ? enter.getUint8(enterAt + ENTER.cashMargin) : DEFAULT_CASH_MARGIN;
  begin(view, at, LETTER.accepted, time);
  view.setInt32(at + ACCEPTED.token, token);
  view.setInt32(at + ACCEPTED.clientReference, reference0);
  view.setInt32(at + ACCEPTED.clientReference + 4, reference4);
  view.setInt16(at + ACCEPTED.clientReference + 8, reference8);
  view.setUint8(at + ACCEPTED.side, side);
  view.setInt32(at + ACCEPTED.quantity, quantity);
  view.setInt32(at + ACCEPTED.orderbook, orderbook);
  view.setInt32(at + ACCEPTED.group, group);
  view.setInt32(at + ACCEPTED.price, price);
  view.setInt32(at + ACCEPTED.timeInForce, timeInForce);
  view.setInt32(at + ACCEPTED.firm, firm);
  view.setInt16(at + ACCEPTED.display, displayAndCapacity);
  view.setUint32(at + ACCEPTED.orderNumber, number.high);
  view.setUint32(at + ACCEPTED.orderNumber + 4, number.low);
  view.setInt32(at + ACCEPTED.minimumQuantity, minimumQuantity);
  view.setUint8(at + ACCEPTED.state, state);
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
