/**
 * What an Enter Order or a Replace Order may ask for. The first rule that is broken decides, in the order in which they
 * stand here. Nothing is allocated.
 */
import * as layout from '../../src/protocol/ouch/layout.ts';
import { GROUPS } from '../../src/protocol/venue.ts';
import type { SelfTradeCode } from './order-book.ts';
import type { Ticks } from './ticks.ts';
import { textNumber } from './wire-text.ts';

// As in flat.ts: a constant of this module is a number in compiled code.
const { DAY, ENTER, IMMEDIATE, PRICE_MAX, QUANTITY_MAX } = layout;

/** Letters of Order Rejected and Order Canceled. S and L mean different things in the two. */
export const REASON = {
  none: 0,
  user: 0x55, // U, canceled
  loggedOff: 0x4c, // L, canceled
  supervisory: 0x53, // S, canceled
  immediate: 0x49, // I, canceled
  firm: 0x4c, // L, rejected
  orderbook: 0x53, // S, rejected
  halted: 0x48, // H
  price: 0x58, // X
  quantity: 0x5a, // Z
  minimumQuantity: 0x4e, // N
  orderType: 0x59, // Y
  display: 0x44, // D
  orderValue: 0x56, // V
  shortSale: 0x69, // i
  notNow: 0x52, // R
  throttled: 0x46, // F
  margin: 0x47, // G
  group: 0x63, // c
  other: 0x4f, // O
} as const;

export const SIDE = { buy: 0x42, sell: 0x53, short: 0x54, shortExempt: 0x45 } as const;

const SPACE = 0x20;
export const POST_ONLY = 0x50;
const AGENCY = 0x41;
const PRINCIPAL = 0x50;
const DIGIT_1 = 0x31;
const DIGIT_5 = 0x35;
const DIGIT_6 = 0x36;
/** Classifications are 1 and 3 to 6, of which 2 is none. */
const DIGIT_2 = 0x32;

/** What a book allows. */
export interface BookRules {
  readonly ticks: Ticks;
  readonly lot: number;
  readonly lowerLimit: number;
  readonly upperLimit: number;
  readonly isShortSellRestricted: boolean;
}

/** What an account may do. */
export interface AccountRules {
  /** A bit for each of GROUPS. */
  readonly groups: number;
  /** MPIDs beside 0; undefined: any. */
  readonly firms: ReadonlySet<number> | undefined;
  /** Price times quantity, in tenths of a yen; 0: any. */
  readonly valueMax: number;
  /** 0: any number. */
  readonly ordersPerSecond: number;
  readonly selfTrade: SelfTradeCode;
}

const [DAY_GROUP = 0, NIGHT_GROUP = 0, X_GROUP = 0, U_GROUP = 0] = GROUPS.map(textNumber);

/** Its index in GROUPS; -1 if it is none. */
export function groupIndexOf(group: number): number {
  // A search in an array takes ten times as long.
  if (group === DAY_GROUP) return 0;
  if (group === NIGHT_GROUP) return 1;
  if (group === X_GROUP) return 2;
  return group === U_GROUP ? 3 : -1;
}

/** The rules of an Enter Order that come before its book is known: firm and group. */
export function checkPermission(firm: number, groupIndex: number, rules: AccountRules): number {
  if (firm !== 0 && rules.firms !== undefined && !rules.firms.has(firm)) return REASON.firm;
  if (groupIndex < 0 || (rules.groups & (1 << groupIndex)) === 0) return REASON.group;
  return REASON.none;
}

/**
 * The rules that both messages have. `quantity` is all that is wanted, of which `used` were traded before; an Enter
 * Order wants something, a Replace Order may want nothing any more.
 */
export function checkTerms(
  book: BookRules,
  price: number,
  quantity: number,
  used: number,
  isReplace: boolean,
  minimum: number,
  timeInForce: number,
): number {
  if (price < book.lowerLimit || price > book.upperLimit || price === 0 || price > PRICE_MAX)
    return REASON.price;
  if (!book.ticks.allows(price)) return REASON.price;
  if (quantity > QUANTITY_MAX || quantity < used || quantity % book.lot !== 0) return REASON.quantity;
  if (quantity === 0 && !isReplace) return REASON.quantity;
  if (minimum > quantity - used || (minimum !== 0 && timeInForce === DAY)) return REASON.minimumQuantity;
  return REASON.none;
}

export function isTimeInForce(timeInForce: number): boolean {
  return timeInForce === DAY || timeInForce === IMMEDIATE;
}

/** Side, capacity and classification of an Enter Order, which a Replace Order can not change. */
export function isOrderType(view: DataView, at: number, length: number): boolean {
  const side = view.getUint8(at + ENTER.side);
  if (side !== SIDE.buy && side !== SIDE.sell && side !== SIDE.short && side !== SIDE.shortExempt)
    return false;
  const capacity = view.getUint8(at + ENTER.capacity);
  if (capacity !== AGENCY && capacity !== PRINCIPAL) return false;
  if (length <= ENTER.classification) return true;
  const classification = view.getUint8(at + ENTER.classification);
  return classification >= DIGIT_1 && classification <= DIGIT_6 && classification !== DIGIT_2;
}

export function isDisplay(display: number, timeInForce: number): boolean {
  return display === SPACE || display === 0 || (display === POST_ONLY && timeInForce === DAY);
}

export function isCashMargin(view: DataView, at: number, length: number): boolean {
  if (length <= ENTER.cashMargin) return true;
  const type = view.getUint8(at + ENTER.cashMargin);
  return type >= DIGIT_1 && type <= DIGIT_5;
}

/** Whether it may be sold short, and is not worth too much. */
export function checkExposure(
  side: number,
  price: number,
  open: number,
  book: BookRules,
  { valueMax }: AccountRules,
): number {
  if (side === SIDE.short && book.isShortSellRestricted) return REASON.shortSale;
  if (valueMax !== 0 && price * open > valueMax) return REASON.orderValue;
  return REASON.none;
}
