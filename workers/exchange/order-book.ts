/**
 * An order book with price-time priority: executions at the price of the order that was there first.
 *
 * Each price level is a queue of orders of the pool, the oldest order at its front. An order is matched first and rested
 * then, if something of it is open; both take the same time however many orders and levels there are.
 */
import type { LevelRow } from '../../src/protocol/exchange.ts';
import { BUY, NONE, ORDER, type Orders } from './orders.ts';
import { ASK_MIRROR, BID_MIRROR, LEVEL as LEVEL_ROW, type LevelPool, PriceLevels } from './price-levels.ts';

// See orders.ts on constants.
const { LEVEL, NEXT, PREVIOUS, OPEN, USED, PRICE, ACCOUNT } = ORDER;
const { KEY, ORDERS, FIRST, LAST, QUANTITY } = LEVEL_ROW;
const BUY_LETTER = BUY;
const NO_SLOT = NONE;
const NO_LEVEL = NONE;

/** What becomes of two orders of one owner that would trade: indexes of SELF_TRADE_MODES. */
export const SELF_TRADE = {
  off: 0,
  cancelNewest: 1,
  cancelOldest: 2,
  cancelBoth: 3,
  decrementBoth: 4,
} as const;
export type SelfTradeCode = (typeof SELF_TRADE)[keyof typeof SELF_TRADE];
const OFF = SELF_TRADE.off;

export interface MatchSink {
  /** Both orders are already reduced; a resting one that is filled leaves book and pool right after the call. */
  executed(resting: number, incoming: number, quantity: number, price: number): void;
  /**
   * Two orders of one owner did not trade `prevented` at `price`: `decrement` was taken from this one of them. If
   * nothing of it is left open, a resting order leaves right after the call, and the match of an incoming one ends.
   */
  prevented(slot: number, decrement: number, prevented: number, price: number, isIncoming: boolean): void;
}

/** Hears of each change of a level. */
export interface LevelChanges {
  touch(isBuy: boolean, price: number): void;
}

export class OrderBook {
  /** Set while somebody follows. */
  changes: LevelChanges | undefined;
  /** Of those that rest. */
  orderCount = 0;
  readonly #orders: Orders;
  readonly #pool: LevelPool;
  readonly #sink: MatchSink;
  readonly #bids: PriceLevels;
  readonly #asks: PriceLevels;

  constructor(orders: Orders, sink: MatchSink) {
    this.#orders = orders;
    this.#pool = orders.levels;
    this.#sink = sink;
    this.#bids = new PriceLevels(orders.levels, BID_MIRROR);
    this.#asks = new PriceLevels(orders.levels, ASK_MIRROR);
  }

  /** 0 if there is none. */
  get bestBid(): number {
    return this.#bestOf(this.#bids);
  }

  get bestAsk(): number {
    return this.#bestOf(this.#asks);
  }

  /** Would an order of that price trade, or be prevented from it, at once? */
  crosses(isBuy: boolean, price: number): boolean {
    const against = isBuy ? this.#asks : this.#bids;
    return against.bestKey <= (price ^ against.mirror);
  }

  /**
   * Would an order of `quantity` trade at least `atLeast` of it at once? Takes a step for each level until that is known,
   * and for each order if there is a mode.
   */
  canTrade(
    account: number,
    isBuy: boolean,
    price: number,
    quantity: number,
    atLeast: number,
    mode: SelfTradeCode,
  ): boolean {
    const pool = this.#pool;
    const against = isBuy ? this.#asks : this.#bids;
    let level = against.best;
    let traded = 0;
    // What of the order is not prevented from trading.
    let tradable = quantity;
    const limit = price ^ against.mirror;
    while (level !== NO_LEVEL && pool.rows[level | KEY] <= limit) {
      if (mode === OFF) traded += pool.wide[(level >> 1) | QUANTITY];
      else {
        const { rows, owner } = this.#orders;
        const party = this.#orders.ownerOf(account);
        for (let slot = pool.rows[level | FIRST]; slot !== NO_SLOT; slot = rows[slot | NEXT]) {
          const openThere = rows[slot | OPEN];
          if (owner[rows[slot | ACCOUNT]] !== party) traded += openThere;
          else if (mode === SELF_TRADE.decrementBoth) tradable -= openThere;
          else if (mode !== SELF_TRADE.cancelOldest) return false;
          if (traded >= atLeast) return true;
          if (tradable < atLeast) return false;
        }
      }
      if (traded >= atLeast) return true;
      level = against.after(pool.rows[level | KEY]);
    }
    return false;
  }

  /** Trades an order that is in the pool against the other side, as far as it goes. */
  match(incoming: number, mode: SelfTradeCode): void {
    const orders = this.#orders;
    const { rows, owner } = orders;
    const levels = this.#pool.rows;
    const isBuy = orders.sideOf(incoming) === BUY_LETTER;
    const against = isBuy ? this.#asks : this.#bids;
    const limit = rows[incoming | PRICE] ^ against.mirror;
    const isGuarded = mode !== OFF;
    const party = owner[rows[incoming | ACCOUNT]];
    while (against.bestKey <= limit && rows[incoming | OPEN] > 0) {
      const level = against.best;
      const resting = levels[level | FIRST];
      const price = against.bestKey ^ against.mirror;
      const isOwn = isGuarded && owner[rows[resting | ACCOUNT]] === party;
      if (isOwn) this.#prevent(level, resting, incoming, price, mode);
      else this.#execute(level, resting, incoming, price);
      if (rows[resting | OPEN] === 0) {
        this.#unlink(against, level, resting);
        orders.remove(resting);
      }
      this.changes?.touch(!isBuy, price);
    }
  }

  /** Puts an order at the end of its price level. */
  rest(slot: number): void {
    const { rows } = this.#orders;
    const pool = this.#pool;
    const price = rows[slot | PRICE];
    const side = this.#sideOf(slot);
    const level = side.open(price ^ side.mirror);
    const levels = pool.rows;
    const last = levels[level | LAST];
    rows[slot | LEVEL] = level;
    rows[slot | PREVIOUS] = last;
    rows[slot | NEXT] = NO_SLOT;
    if (last === NO_SLOT) levels[level | FIRST] = slot;
    else rows[last | NEXT] = slot;
    levels[level | LAST] = slot;
    levels[level | ORDERS]++;
    pool.wide[(level >> 1) | QUANTITY] += rows[slot | OPEN];
    this.orderCount++;
    this.changes?.touch(side === this.#bids, price);
  }

  /** Takes a resting order off its level; the caller removes it from the pool. */
  remove(slot: number): void {
    const { rows } = this.#orders;
    const side = this.#sideOf(slot);
    const level = rows[slot | LEVEL];
    this.#pool.wide[(level >> 1) | QUANTITY] -= rows[slot | OPEN];
    this.#unlink(side, level, slot);
    this.changes?.touch(side === this.#bids, rows[slot | PRICE]);
  }

  /** A level as it is now; of quantity 0 if there is none. */
  levelAt(isBuy: boolean, price: number): LevelRow {
    const side = isBuy ? this.#bids : this.#asks;
    const level = side.find(price ^ side.mirror);
    return level === NO_LEVEL ? { price, quantity: 0, orders: 0 } : this.#rowOf(side, level);
  }

  /** Best first. */
  levels(isBuy: boolean, max: number): LevelRow[] {
    const side = isBuy ? this.#bids : this.#asks;
    const rows: LevelRow[] = [];
    for (let level = side.best; level !== NO_LEVEL && rows.length < max; level = this.#after(side, level)) {
      rows.push(this.#rowOf(side, level));
    }
    return rows;
  }

  /** The slots, best first. */
  ordersOf(isBuy: boolean, max: number): number[] {
    const side = isBuy ? this.#bids : this.#asks;
    const { rows } = this.#orders;
    const slots: number[] = [];
    for (let level = side.best; level !== NO_LEVEL; level = this.#after(side, level)) {
      let slot = this.#pool.rows[level | FIRST];
      for (; slot !== NO_SLOT; slot = rows[slot | NEXT]) {
        if (slots.length === max) return slots;
        slots.push(slot);
      }
    }
    return slots;
  }

  /** Throws if an invariant is broken. Takes time for each order. */
  check(): void {
    const { bestBid, bestAsk } = this;
    expect(bestBid === 0 || bestAsk === 0 || bestBid < bestAsk, `bid ${bestBid} crosses ask ${bestAsk}`);
    const count = this.#checkSide(this.#bids) + this.#checkSide(this.#asks);
    expect(count === this.orderCount, `${count} orders rest of ${this.orderCount}`);
  }

  #checkSide(side: PriceLevels): number {
    side.check();
    let count = 0;
    for (let level = side.best; level !== NO_LEVEL; level = this.#after(side, level)) {
      count += this.#checkLevel(side, level);
    }
    return count;
  }

  #checkLevel(side: PriceLevels, level: number): number {
    const { rows: levels, wide } = this.#pool;
    const { rows } = this.#orders;
    const levelPrice = levels[level | KEY] ^ side.mirror;
    let count = 0;
    let sum = 0;
    let before = NO_SLOT;
    for (let slot = levels[level | FIRST]; slot !== NO_SLOT; slot = rows[slot | NEXT]) {
      const isThere = this.#sideOf(slot) === side && rows[slot | PRICE] === levelPrice;
      expect(isThere, `order ${slot} is at its price`);
      const isLinked = rows[slot | LEVEL] === level && rows[slot | PREVIOUS] === before;
      expect(isLinked, `order ${slot} is linked`);
      expect(rows[slot | OPEN] > 0, `order ${slot} is open`);
      sum += rows[slot | OPEN];
      before = slot;
      count++;
    }
    expect(levels[level | LAST] === before, `the queue at ${levelPrice} ends with ${before}`);
    expect(count > 0 && levels[level | ORDERS] === count, `${count} orders are at ${levelPrice}`);
    expect(wide[(level >> 1) | QUANTITY] === sum, `${sum} is open at ${levelPrice}`);
    return count;
  }

  #execute(level: number, resting: number, incoming: number, price: number): void {
    const { rows } = this.#orders;
    const quantity = Math.min(rows[resting | OPEN], rows[incoming | OPEN]);
    this.#reduce(level, resting, quantity);
    this.#use(incoming, quantity);
    this.#sink.executed(resting, incoming, quantity, price);
  }

  #prevent(level: number, resting: number, incoming: number, price: number, mode: SelfTradeCode): void {
    const { rows } = this.#orders;
    const openResting = rows[resting | OPEN];
    const openIncoming = rows[incoming | OPEN];
    const prevented = Math.min(openResting, openIncoming);
    if (mode !== SELF_TRADE.cancelNewest) {
      const decrement = mode === SELF_TRADE.decrementBoth ? prevented : openResting;
      this.#reduce(level, resting, decrement);
      this.#sink.prevented(resting, decrement, prevented, price, false);
    }
    if (mode !== SELF_TRADE.cancelOldest) {
      const decrement = mode === SELF_TRADE.decrementBoth ? prevented : openIncoming;
      this.#use(incoming, decrement);
      this.#sink.prevented(incoming, decrement, prevented, price, true);
    }
  }

  /** Takes `quantity` from an order of a level. */
  #reduce(level: number, slot: number, quantity: number): void {
    this.#pool.wide[(level >> 1) | QUANTITY] -= quantity;
    this.#use(slot, quantity);
  }

  /** Takes an order, whose quantity is no longer counted, out of its queue, and a level without orders off its side. */
  #unlink(side: PriceLevels, level: number, slot: number): void {
    const { rows } = this.#orders;
    const levels = this.#pool.rows;
    const next = rows[slot | NEXT];
    const previous = rows[slot | PREVIOUS];
    if (previous === NO_SLOT) levels[level | FIRST] = next;
    else rows[previous | NEXT] = next;
    if (next === NO_SLOT) levels[level | LAST] = previous;
    else rows[next | PREVIOUS] = previous;
    this.orderCount--;
    if (--levels[level | ORDERS] === 0) side.remove(level);
  }

  #use(slot: number, quantity: number): void {
    const { rows } = this.#orders;
    rows[slot | OPEN] -= quantity;
    rows[slot | USED] += quantity;
  }

  #sideOf(slot: number): PriceLevels {
    return this.#orders.sideOf(slot) === BUY_LETTER ? this.#bids : this.#asks;
  }

  #bestOf(side: PriceLevels): number {
    return side.best === NO_LEVEL ? 0 : side.bestKey ^ side.mirror;
  }

  #after(side: PriceLevels, level: number): number {
    return side.after(this.#pool.rows[level | KEY]);
  }

  #rowOf(side: PriceLevels, level: number): LevelRow {
    const { rows, wide } = this.#pool;
    return {
      price: rows[level | KEY] ^ side.mirror,
      quantity: wide[(level >> 1) | QUANTITY],
      orders: rows[level | ORDERS],
    };
  }
}

function expect(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`the book is damaged: ${what}`);
}
