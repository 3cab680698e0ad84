/**
 * The rules of orders, on bytes: what an Enter, Replace or Cancel Order of an account does, and the messages about it,
 * to both sides of a trade. A message is read where it came and written where it stays; no object is made for it.
 *
 * Order of messages: Accepted or Replaced comes first, then the executions and preventions as they happen, at last the
 * Canceled of what an immediate order has left. So what will become of an order is known before it is accepted: an
 * immediate one that would not trade and a post-only one that would are accepted as dead, and touch nothing.
 */
import {
  type Wide,
  writeAccepted,
  writeAiqCanceled,
  writeCanceled,
  writeExecuted,
  writeRejected,
  writeReplaced,
} from '../../src/protocol/ouch/flat.ts';
import * as layout from '../../src/protocol/ouch/layout.ts';
import type { VenueSettings } from '../../src/protocol/venue.ts';
import type { SessionState } from './exchange-snapshot.ts';
import type { MatchSink } from './order-book.ts';
import { ORDER, type Orders } from './orders.ts';
import { NONE } from './rows.ts';
import type { TradingAccount } from './trading-account.ts';
import * as rules from './validate.ts';
import {
  checkExposure,
  checkPermission,
  checkTerms,
  groupIndexOf,
  isCashMargin,
  isDisplay,
  isOrderType,
  isTimeInForce,
} from './validate.ts';
import { type VenueBook, VenueBooks } from './venue-books.ts';
import type { VenueClock } from './venue-clock.ts';
import { spacePadded } from './wire-text.ts';

// As in flat.ts: a constant of this module is a number in compiled code.
const { CANCEL, DAY, ENTER, ENTER_LENGTHS_OLD, IMMEDIATE, LENGTH, LETTER, REPLACE } = layout;
const { ACCOUNT, OPEN, PRICE, USED } = ORDER;
const { POST_ONLY, REASON, SIDE } = rules;

const LIVE = 0x4c;
const DEAD = 0x44;
const ADDED = 0x41;
const REMOVED = 0x52;

/** Why a message had no effect. */
export type IgnoredReason = 'token' | 'not-live' | 'message' | 'length' | 'packet' | 'connection';

export interface OrderLimits {
  readonly venue: VenueSettings;
  /** Open at a time. */
  readonly ordersMax: number;
  readonly ordersPerTraderMax: number;
}

export class OrderEntry implements MatchSink {
  isOpen = false;
  /** Since the day began. */
  accepted = 0;
  rejected = 0;
  trades = 0;
  /** Accounts with messages that nobody was told of yet. */
  readonly touched: TradingAccount[] = [];
  readonly books: VenueBooks;
  readonly #ordersMax: number;
  readonly #ordersPerTraderMax: number;
  /** By index. */
  readonly #list: readonly VenueBook[];
  readonly #orders: Orders;
  readonly #clock: VenueClock;
  /** By number. */
  readonly #accounts: readonly (TradingAccount | undefined)[];
  /** Filled in for each Replaced. */
  readonly #replaced = {
    replacementToken: 0,
    side: 0,
    quantity: 0,
    orderbook: 0,
    group: 0,
    price: 0,
    timeInForce: 0,
    display: 0,
    minimumQuantity: 0,
    state: 0,
    previousToken: 0,
  };

  constructor(
    { venue, ordersMax, ordersPerTraderMax }: OrderLimits,
    orders: Orders,
    clock: VenueClock,
    accounts: readonly (TradingAccount | undefined)[],
  ) {
    this.#ordersMax = ordersMax;
    this.#ordersPerTraderMax = ordersPerTraderMax;
    this.#orders = orders;
    this.#clock = clock;
    this.#accounts = accounts;
    this.books = new VenueBooks(venue, orders, this);
    this.#list = this.books.list;
  }

  /** Goes on with what was stored. */
  restore({ isOpen, accepted, rejected, trades }: SessionState): void {
    this.isOpen = isOpen;
    this.accepted = accepted;
    this.rejected = rejected;
    this.trades = trades;
  }

  endDay(): void {
    this.isOpen = false;
    this.accepted = 0;
    this.rejected = 0;
    this.trades = 0;
  }

  /** Handles a message of `length` bytes at `at`; returns why it had no effect, if it had none. */
  take(account: TradingAccount, view: DataView, at: number, length: number): IgnoredReason | undefined {
    if (length === 0) return 'message';
    switch (view.getUint8(at)) {
      case LETTER.enter:
        if (length !== LENGTH.enter && length !== ENTER_LENGTHS_OLD[0] && length !== ENTER_LENGTHS_OLD[1]) {
          return 'length';
        }
        return this.#enter(account, view, at, length);
      case LETTER.replace:
        return length === LENGTH.replace ? this.#replace(account, view, at) : 'length';
      case LETTER.cancel:
        return length === LENGTH.cancel ? this.#cancel(account, view.getUint32(at + CANCEL.token)) : 'length';
      default:
        return 'message';
    }
  }

  /** Withdraws an open order, unasked or asked. */
  withdraw(slot: number, reason: number): void {
    const orders = this.#orders;
    const account = this.#accountOf(slot);
    const at = this.begin(account, LENGTH.canceled);
    writeCanceled(
      account.stream.view,
      at,
      this.#clock.time,
      orders.tokenOf(slot),
      orders.rows[slot | OPEN],
      reason,
    );
    this.#list[orders.bookOf(slot)].book.remove(slot);
    orders.remove(slot);
  }

  /** Makes room for a message to an account, to be written in the view of its stream. */
  begin(account: TradingAccount, length: number): number {
    this.#clock.toldMs = this.#clock.nowMs;
    if (!account.isTouched) {
      account.isTouched = true;
      this.touched.push(account);
    }
    return account.stream.begin(length);
  }

  executed(resting: number, incoming: number, quantity: number, price: number): void {
    const orders = this.#orders;
    const clock = this.#clock;
    const counter = ++clock.matches;
    const number = clock.numberOf(counter);
    this.#writeExecuted(incoming, quantity, price, REMOVED, number);
    this.#writeExecuted(resting, quantity, price, ADDED, number);
    const book = this.#list[orders.bookOf(incoming)];
    book.traded(clock.date, counter, price, quantity, orders.sideOf(incoming) === SIDE.buy, clock.nowMs);
    this.trades++;
  }

  prevented(slot: number, decrement: number, prevented: number, price: number, isIncoming: boolean): void {
    const account = this.#accountOf(slot);
    const at = this.begin(account, LENGTH.aiqCanceled);
    writeAiqCanceled(
      account.stream.view,
      at,
      this.#clock.time,
      this.#orders.tokenOf(slot),
      decrement,
      prevented,
      price,
      isIncoming ? REMOVED : ADDED,
    );
  }

  #enter(account: TradingAccount, view: DataView, at: number, length: number): IgnoredReason | undefined {
    const token = view.getUint32(at + ENTER.token);
    if (token <= account.lastToken) return 'token';
    const groupIndex = groupIndexOf(spacePadded(view.getUint32(at + ENTER.group)));
    const orderbook = view.getUint32(at + ENTER.orderbook);
    const index = this.books.find(
      account.form,
      account.form === 'alpha' ? spacePadded(orderbook) : orderbook,
      groupIndex,
    );
    const reason = this.#checkEnter(account, view, at, length, groupIndex, index);
    if (reason !== REASON.none) {
      if (!account.isRaw) account.lastToken = token;
      this.#writeRejected(account, token, reason);
      return undefined;
    }
    account.lastToken = token;
    this.accepted++;
    const book = this.#list[index];
    const side = view.getUint8(at + ENTER.side);
    const price = view.getUint32(at + ENTER.price);
    const quantity = view.getUint32(at + ENTER.quantity);
    const timeInForce = view.getUint32(at + ENTER.timeInForce);
    const isDead = this.#isDead(
      account,
      book,
      side,
      price,
      timeInForce,
      view.getUint8(at + ENTER.display),
      quantity,
      view.getUint32(at + ENTER.minimumQuantity),
    );
    const counter = ++this.#clock.orders;
    const number = this.#clock.numberOf(counter);
    const out = this.begin(account, LENGTH.accepted);
    const state = isDead ? DEAD : LIVE;
    writeAccepted(account.stream.view, out, this.#clock.time, view, at, length, number, state);
    if (isDead) return undefined;
    const orders = this.#orders;
    const slot = orders.add(account.number, token);
    orders.setBook(slot, index, side);
    orders.setTerms(slot, price, quantity, counter, this.#clock.nowMs);
    this.#trade(account, book, slot, timeInForce);
    return undefined;
  }

  /** The order in which the rules stand is part of the protocol: OUCH.md. */
  #checkEnter(
    account: TradingAccount,
    view: DataView,
    at: number,
    length: number,
    groupIndex: number,
    index: number,
  ): number {
    if (!this.isOpen) return REASON.notNow;
    if (account.isThrottled(this.#clock.nowMs)) return REASON.throttled;
    const permission = checkPermission(view.getUint32(at + ENTER.firm), groupIndex, account.rules);
    if (permission !== REASON.none) return permission;
    if (index === NONE) return REASON.orderbook;
    const book = this.#list[index];
    if (book.isRetired) return REASON.orderbook;
    if (book.isHalted) return REASON.halted;
    const price = view.getUint32(at + ENTER.price);
    const quantity = view.getUint32(at + ENTER.quantity);
    const minimum = view.getUint32(at + ENTER.minimumQuantity);
    const timeInForce = view.getUint32(at + ENTER.timeInForce);
    const terms = checkTerms(book.rules, price, quantity, 0, false, minimum, timeInForce);
    if (terms !== REASON.none) return terms;
    if (!isTimeInForce(timeInForce) || !isOrderType(view, at, length)) return REASON.orderType;
    if (!isDisplay(view.getUint8(at + ENTER.display), timeInForce)) return REASON.display;
    if (!isCashMargin(view, at, length)) return REASON.margin;
    const exposure = checkExposure(
      view.getUint8(at + ENTER.side),
      price,
      quantity,
      book.rules,
      account.rules,
    );
    return exposure === REASON.none && this.#isFull(account.number) ? REASON.other : exposure;
  }

  /** More open orders would fill the memory, and make everybody wait when they are withdrawn. */
  #isFull(account: number): boolean {
    const orders = this.#orders;
    return orders.count >= this.#ordersMax || orders.countOf(account) >= this.#ordersPerTraderMax;
  }

  #replace(account: TradingAccount, view: DataView, at: number): IgnoredReason | undefined {
    const orders = this.#orders;
    const previousToken = view.getUint32(at + REPLACE.existingToken);
    const token = view.getUint32(at + REPLACE.replacementToken);
    const slot = orders.find(account.number, previousToken);
    if (slot === NONE) return 'not-live';
    if (token <= account.lastToken) return 'token';
    const reason = this.#checkReplace(account, view, at, slot);
    if (reason !== REASON.none) {
      this.withdraw(slot, reason);
      return undefined;
    }
    account.lastToken = token;
    const book = this.#list[orders.bookOf(slot)];
    book.book.remove(slot);
    const open = view.getUint32(at + REPLACE.quantity) - orders.rows[slot | USED];
    const price = view.getUint32(at + REPLACE.price);
    const timeInForce = view.getUint32(at + REPLACE.timeInForce);
    const display = view.getUint8(at + REPLACE.display);
    const minimum = view.getUint32(at + REPLACE.minimumQuantity);
    const side = orders.sideOf(slot);
    const isDead =
      open === 0 || this.#isDead(account, book, side, price, timeInForce, display, open, minimum);
    const counter = ++this.#clock.orders;
    const fields = this.#replaced;
    fields.replacementToken = token;
    fields.side = side;
    fields.quantity = open;
    fields.orderbook = account.form === 'alpha' ? book.id : book.number;
    fields.group = book.group;
    fields.price = price;
    fields.timeInForce = timeInForce;
    fields.display = display;
    fields.minimumQuantity = minimum;
    fields.state = isDead ? DEAD : LIVE;
    fields.previousToken = previousToken;
    const out = this.begin(account, LENGTH.replaced);
    writeReplaced(account.stream.view, out, this.#clock.time, fields, this.#clock.numberOf(counter));
    if (isDead) {
      orders.remove(slot);
      return undefined;
    }
    orders.rekey(slot, token);
    orders.setTerms(slot, price, open, counter, this.#clock.nowMs);
    this.#trade(account, book, slot, timeInForce);
    return undefined;
  }

  #checkReplace(account: TradingAccount, view: DataView, at: number, slot: number): number {
    const orders = this.#orders;
    const book = this.#list[orders.bookOf(slot)];
    if (book.isHalted) return REASON.notNow;
    if (account.isThrottled(this.#clock.nowMs)) return REASON.throttled;
    const price = view.getUint32(at + REPLACE.price);
    const quantity = view.getUint32(at + REPLACE.quantity);
    const minimum = view.getUint32(at + REPLACE.minimumQuantity);
    const timeInForce = view.getUint32(at + REPLACE.timeInForce);
    const used = orders.rows[slot | USED];
    const terms = checkTerms(book.rules, price, quantity, used, true, minimum, timeInForce);
    if (terms !== REASON.none) return terms;
    if (!isTimeInForce(timeInForce)) return REASON.orderType;
    if (!isDisplay(view.getUint8(at + REPLACE.display), timeInForce)) return REASON.display;
    return checkExposure(orders.sideOf(slot), price, quantity - used, book.rules, account.rules);
  }

  #cancel(account: TradingAccount, token: number): IgnoredReason | undefined {
    const slot = this.#orders.find(account.number, token);
    if (slot === NONE) return 'not-live';
    this.withdraw(slot, REASON.user);
    return undefined;
  }

  /** An immediate order that would not trade, or a post-only one that would. */
  #isDead(
    account: TradingAccount,
    { book }: VenueBook,
    side: number,
    price: number,
    timeInForce: number,
    display: number,
    quantity: number,
    minimum: number,
  ): boolean {
    const isBuy = side === SIDE.buy;
    if (timeInForce === DAY) return display === POST_ONLY && book.crosses(isBuy, price);
    const atLeast = minimum === 0 ? 1 : minimum;
    return !book.canTrade(account.number, isBuy, price, quantity, atLeast, account.rules.selfTrade);
  }

  /** A new order that was accepted meets the other side; what is left rests, or ends if it is immediate. */
  #trade(account: TradingAccount, { book }: VenueBook, slot: number, timeInForce: number): void {
    const orders = this.#orders;
    if (book.crosses(orders.sideOf(slot) === SIDE.buy, orders.rows[slot | PRICE])) {
      book.match(slot, account.rules.selfTrade);
    }
    const open = orders.rows[slot | OPEN];
    if (open !== 0 && timeInForce !== IMMEDIATE) {
      book.rest(slot);
      return;
    }
    if (open !== 0) {
      const at = this.begin(account, LENGTH.canceled);
      writeCanceled(account.stream.view, at, this.#clock.time, orders.tokenOf(slot), open, REASON.immediate);
    }
    orders.remove(slot);
  }

  #writeExecuted(slot: number, quantity: number, price: number, liquidity: number, number: Wide): void {
    const account = this.#accountOf(slot);
    const at = this.begin(account, LENGTH.executed);
    const token = this.#orders.tokenOf(slot);
    writeExecuted(account.stream.view, at, this.#clock.time, token, quantity, price, liquidity, number);
  }

  #writeRejected(account: TradingAccount, token: number, reason: number): void {
    this.rejected++;
    const at = this.begin(account, LENGTH.rejected);
    writeRejected(account.stream.view, at, this.#clock.time, token, reason);
  }

  #accountOf(slot: number): TradingAccount {
    return this.#accounts[this.#orders.rows[slot | ACCOUNT]] as TradingAccount;
  }
}
