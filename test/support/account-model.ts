/**
 * What must be true of the messages that a trading account gets in a session, and what they make of its orders. It throws
 * at the first message that can not be.
 */
import assert from 'node:assert/strict';
import { IMMEDIATE } from '../../src/protocol/ouch/layout.ts';
import type {
  OrderAccepted,
  OrderAiqCanceled,
  OrderCanceled,
  OrderExecuted,
  OrderReplaced,
  OutboundMessage,
  Side,
} from '../../src/protocol/ouch/messages.ts';

export const DAY_NS = 86_400_000_000_000n;

/** An order number and all that became of it: a replace begins another life. */
export interface Life {
  readonly token: number;
  readonly orderNumber: bigint;
  readonly side: Side;
  readonly orderbook: string | number;
  readonly group: string;
  readonly priceTenths: number;
  readonly timeInForce: number;
  readonly display: string;
  readonly minimumQuantity: number;
  readonly fromNs: bigint;
  open: number;
  /** Executed and prevented over the whole chain of replaces. */
  used: number;
  /** Executed in this life. */
  executed: number;
  /** When it ended; undefined while it is open. */
  untilNs: bigint | undefined;
}

export interface ModelTrade {
  readonly life: Life;
  readonly quantity: number;
  readonly priceTenths: number;
  readonly liquidity: 'A' | 'R';
  readonly matchNumber: bigint;
  readonly timeNs: bigint;
}

export class AccountModel {
  /** By token. */
  readonly open = new Map<number, Life>();
  /** All that there ever were, dead ones but not rejected ones among them. */
  readonly lives: Life[] = [];
  readonly trades: ModelTrade[] = [];
  /** Tokens that were accepted, rejected, or put in another's place. */
  readonly used = new Set<number>();
  readonly cancelReasons = new Set<string>();
  state: 'before-open' | 'open' | 'ended' = 'before-open';
  /** It has no name: a rejected token may come again, and the day begins and ends as often as all books are halted. */
  readonly #isRaw: boolean;
  #lastToken = -1;
  #timeNs = 0n;
  /** Since the day before the first message. */
  #dayNs = 0n;

  constructor({ isRaw = false } = {}) {
    this.#isRaw = isRaw;
  }

  take(message: OutboundMessage): void {
    const timeNs = this.#timeOf(message.timestampNs);
    if (message.type === 'system-event' && this.#isRaw) return;
    const isAnyTime = message.type === 'system-event' || message.type === 'rejected';
    if (this.state !== 'open' && !this.#isRaw)
      assert.ok(isAnyTime && this.state === 'before-open', `the day is ${this.state}`);
    switch (message.type) {
      case 'system-event':
        assert.equal(
          this.state,
          message.event === 'S' ? 'before-open' : 'open',
          'the day goes on as it should',
        );
        if (message.event === 'E') assert.deepEqual([...this.open.keys()], [], 'open at the end of the day');
        this.state = message.event === 'S' ? 'open' : 'ended';
        break;
      case 'rejected':
        if (!this.#isRaw) this.#useToken(message.token);
        break;
      case 'accepted':
        this.#accept(message, timeNs);
        break;
      case 'replaced':
        this.#replace(message, timeNs);
        break;
      case 'executed':
        this.#execute(message, timeNs);
        break;
      case 'canceled':
        this.#cancel(message, timeNs);
        break;
      case 'aiq-canceled':
        this.#prevent(message, timeNs);
    }
  }

  #accept(message: OrderAccepted, timeNs: bigint): void {
    this.#useToken(message.token);
    this.#begin(message, message.token, 0, timeNs);
  }

  #replace(message: OrderReplaced, timeNs: bigint): void {
    const { previousToken, replacementToken: token } = message;
    const previous = this.#lifeOf(previousToken);
    this.#useToken(token);
    const { side, orderbook, group } = previous;
    assert.deepEqual([message.side, message.orderbook, message.group], [side, orderbook, group]);
    previous.untilNs = timeNs;
    this.open.delete(previousToken);
    this.#begin(message, token, previous.used, timeNs);
  }

  #begin(message: OrderAccepted | OrderReplaced, token: number, used: number, fromNs: bigint): void {
    const { orderNumber, side, orderbook, group, priceTenths, timeInForce, display, minimumQuantity } =
      message;
    const last = this.lives.at(-1);
    assert.ok(
      last === undefined || orderNumber > last.orderNumber,
      `order number ${orderNumber} is a new one`,
    );
    const isLive = message.state === 'L';
    const life: Life = {
      token,
      orderNumber,
      side,
      orderbook,
      group,
      priceTenths,
      timeInForce,
      display,
      minimumQuantity,
      fromNs,
      open: isLive ? message.quantity : 0,
      used,
      executed: 0,
      untilNs: isLive ? undefined : fromNs,
    };
    this.lives.push(life);
    if (!isLive) return;
    assert.ok(life.open > 0, `live order ${token} has something open`);
    this.open.set(token, life);
  }

  #execute(message: OrderExecuted, timeNs: bigint): void {
    const { token, quantity, priceTenths, liquidity, matchNumber } = message;
    const life = this.#lifeOf(token);
    const isWithin = life.side === 'B' ? priceTenths <= life.priceTenths : priceTenths >= life.priceTenths;
    assert.ok(isWithin, `order ${token} of ${life.priceTenths} trades at ${priceTenths}`);
    if (liquidity === 'A') {
      assert.equal(priceTenths, life.priceTenths, `order ${token} was there first, and trades at its price`);
      assert.notEqual(life.timeInForce, IMMEDIATE, `immediate order ${token} rests`);
    } else assert.notEqual(life.display, 'P', `post-only order ${token} does not rest`);
    this.trades.push({ life, quantity, priceTenths, liquidity, matchNumber, timeNs });
    life.executed += quantity;
    life.used += quantity;
    this.#reduce(life, quantity, timeNs);
  }

  #cancel({ token, decrement, reason }: OrderCanceled, timeNs: bigint): void {
    const life = this.#lifeOf(token);
    assert.equal(decrement, life.open, `all of order ${token} is canceled, with reason ${reason}`);
    this.cancelReasons.add(reason);
    if (reason === 'I') assert.equal(life.timeInForce, IMMEDIATE, `order ${token} is immediate`);
    this.#reduce(life, decrement, timeNs);
  }

  #prevent({ token, decrement, preventedQuantity }: OrderAiqCanceled, timeNs: bigint): void {
    const life = this.#lifeOf(token);
    assert.ok(preventedQuantity <= life.open, `order ${token} could trade ${preventedQuantity}`);
    life.used += decrement;
    this.#reduce(life, decrement, timeNs);
  }

  #reduce(life: Life, quantity: number, timeNs: bigint): void {
    assert.ok(quantity > 0 && quantity <= life.open, `order ${life.token}: ${quantity} of ${life.open}`);
    life.open -= quantity;
    if (life.open > 0) return;
    this.open.delete(life.token);
    life.untilNs = timeNs;
    assert.ok(life.executed >= life.minimumQuantity, `order ${life.token} has traded its minimum`);
  }

  #lifeOf(token: number): Life {
    const life = this.open.get(token);
    assert.ok(life !== undefined, `order ${token} is open`);
    return life;
  }

  #useToken(token: number): void {
    assert.ok(token > this.#lastToken, `token ${token} comes after ${this.#lastToken}`);
    this.#lastToken = token;
    this.used.add(token);
  }

  /** Counted on over midnight. */
  #timeOf(timestampNs: bigint): bigint {
    assert.ok(timestampNs < DAY_NS, `${timestampNs} ns is a time of day`);
    const isPastMidnight = this.#dayNs + timestampNs + DAY_NS / 2n < this.#timeNs;
    if (isPastMidnight) this.#dayNs += DAY_NS;
    const timeNs = this.#dayNs + timestampNs;
    assert.ok(timeNs >= this.#timeNs, `time goes back from ${this.#timeNs} to ${timeNs}`);
    this.#timeNs = timeNs;
    return timeNs;
  }
}

/** A trade's two sides. */
export interface Trade {
  readonly resting: ModelTrade;
  readonly incoming: ModelTrade;
}

/** Of all accounts of a venue, in their order: both sides of each must agree. If some of what they were told is
 * not known, not each has two. */
export function pairedTrades(models: readonly AccountModel[], { isWhole = true } = {}): Trade[] {
  const sides = new Map<bigint, ModelTrade[]>();
  for (const trade of models.flatMap(({ trades }) => trades)) {
    const { matchNumber } = trade;
    sides.set(matchNumber, [...(sides.get(matchNumber) ?? []), trade]);
  }
  const numbers = [...sides.keys()].sort((a, b) => (a < b ? -1 : 1));
  return numbers.flatMap((number) => {
    const both = sides.get(number) ?? [];
    if (both.length === 1 && !isWhole) return [];
    const resting = both.find(({ liquidity }) => liquidity === 'A');
    const incoming = both.find(({ liquidity }) => liquidity === 'R');
    assert.ok(both.length === 2 && resting && incoming, `match ${number} has two sides`);
    const { orderbook, group } = resting.life;
    assert.deepEqual(
      [
        incoming.quantity,
        incoming.priceTenths,
        incoming.timeNs % DAY_NS,
        incoming.life.orderbook,
        incoming.life.group,
      ],
      [resting.quantity, resting.priceTenths, resting.timeNs % DAY_NS, orderbook, group],
      `both sides of match ${number}`,
    );
    assert.notEqual(incoming.life.side === 'B', resting.life.side === 'B', `match ${number} buys and sells`);
    assert.ok(resting.life.orderNumber < incoming.life.orderNumber, `match ${number} is of a resting order`);
    return [{ resting, incoming }];
  });
}
