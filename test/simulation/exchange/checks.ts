/** What must be true of a simulated exchange, at the end and at every moment between. */
import assert from 'node:assert/strict';
import type { BookView, LevelRow, OrderRow } from '../../../src/protocol/exchange.ts';
import type { TraderSettings, VenueSettings } from '../../../src/protocol/venue.ts';
import { type ExchangeState, encodeSnapshot } from '../../../workers/exchange/exchange-snapshot.ts';
import { numberText } from '../../../workers/exchange/wire-text.ts';
import {
  type AccountModel,
  DAY_NS,
  type Life,
  pairedTrades,
  type Trade,
} from '../../support/account-model.ts';
import type { Trader } from '../../support/trader.ts';
import type { StoreImage } from '../simulated-store.ts';
import { recoverAgain, recoverVenue, sessionIdOf, storedMessages } from './stored-venue.ts';

/** Whatever a client was sent is stored, to the byte. */
export function checkDurable(
  traders: readonly Trader[],
  state: ExchangeState,
  images: readonly StoreImage[],
): void {
  const id = sessionIdOf(state);
  const messages = storedMessages(images);
  for (const { number, name, stream, isRaw } of state.accounts) {
    // Nobody reads again what a raw client was told.
    if (isRaw) continue;
    const stored = messages.get(number) ?? [];
    assert.equal(stored.length, stream.count, `messages to ${name} in the journal, and by their count`);
  }
  for (const { user, session } of traders) {
    if (session === undefined) continue;
    assert.ok(session.id <= id, `${user} has seen session ${session.id}, but stored is ${id}`);
    if (session.id < id) continue;
    const account = state.accounts.find(({ name }) => name === user);
    const stored = messages.get(account?.number ?? -1) ?? [];
    for (let sequence = 1; sequence <= session.messages.count; sequence++) {
      const kept = stored[sequence - 1];
      const isSame = kept !== undefined && Buffer.compare(kept, session.messages.get(sequence)) === 0;
      assert.ok(isSame, `message ${sequence} to ${user} was seen, and is stored as it was seen`);
    }
  }
}

/** No order of the one side would trade with one of the other. */
export function checkUncrossed({ orders }: ExchangeState): void {
  const bids = new Map<string, number>();
  const asks = new Map<string, number>();
  for (const [i, price] of orders.price.entries()) {
    const key = `${numberText(orders.id[i] as number)} ${numberText(orders.group[i] as number)}`;
    if (orders.side[i] === 0x42) bids.set(key, Math.max(bids.get(key) ?? 0, price));
    else asks.set(key, Math.min(asks.get(key) ?? Infinity, price));
  }
  for (const [key, bid] of bids) {
    assert.ok(bid < (asks.get(key) ?? Infinity), `a bid of ${bid} crosses ${asks.get(key)} in ${key}`);
  }
}

/** The clients know what the exchange knows. */
export function checkMirrors(traders: readonly Trader[], state: ExchangeState): void {
  const open: string[] = [];
  let order = 0;
  for (const { name, orders } of state.accounts) {
    for (const end = order + orders; order < end; order++) {
      const { orders: columns } = state;
      open.push(
        rowOf(name, {
          token: columns.token[order] as number,
          side: String.fromCharCode(columns.side[order] as number),
          orderbook: numberText(columns.id[order] as number),
          group: numberText(columns.group[order] as number),
          priceTenths: columns.price[order] as number,
          open: columns.open[order] as number,
          used: columns.used[order] as number,
        }),
      );
    }
  }
  const known = traders.flatMap(({ user, session }) =>
    [...(session?.model.open.values() ?? [])].map((life) => rowOf(user, life)),
  );
  assert.deepEqual(open.sort(), known.sort(), 'open orders of the exchange, and those that clients know of');
}

type Row = Pick<Life, 'token' | 'side' | 'orderbook' | 'group' | 'priceTenths' | 'open' | 'used'>;

function rowOf(user: string, { token, side, orderbook, group, priceTenths, open, used }: Row): string {
  return `${user} ${token}: ${side} ${orderbook} ${group} at ${priceTenths}, ${open} open, ${used} used`;
}

/** A book as operators see it: in order, and not crossed. */
export function checkBook({ row, bids, asks, buyOrders, sellOrders }: BookView): void {
  const where = `${row.id} ${row.group}`;
  assert.equal(buyOrders.length + sellOrders.length, row.orders, `orders in ${where}`);
  assert.ok(row.bid === 0 || row.ask === 0 || row.bid < row.ask, `${row.bid} crosses ${row.ask} in ${where}`);
  for (const [levels, orders, sign] of [[bids, buyOrders, -1] as const, [asks, sellOrders, 1] as const]) {
    const sorted = [...orders].sort(
      (a, b) => sign * (a.price - b.price) || Number(BigInt(a.orderNumber) - BigInt(b.orderNumber)),
    );
    assert.deepEqual(orders, sorted, `orders in ${where} stand in the order of price and time`);
    assert.deepEqual(levels, levelsOf(orders), `levels in ${where}`);
  }
}

function levelsOf(orders: readonly OrderRow[]): LevelRow[] {
  const levels: LevelRow[] = [];
  for (const { price, quantity } of orders) {
    const level = levels.at(-1);
    if (level?.price !== price) levels.push({ price, quantity, orders: 1 });
    else levels[levels.length - 1] = { price, quantity: level.quantity + quantity, orders: level.orders + 1 };
  }
  return levels;
}

/** Each order that was sent in the last session was answered. */
export function checkAnswered({ user, session }: Trader): void {
  if (session === undefined) return;
  const silent = [...session.entered.keys()].filter((token) => !session.model.used.has(token));
  assert.deepEqual(silent, [], `orders of ${user} that were never answered`);
}

/** Of all accounts, in a session that all of them have seen to this moment, by user; and of raw clients, which may not. */
export function checkTrades(
  models: ReadonlyMap<string, AccountModel>,
  raw: readonly AccountModel[],
  { traders }: VenueSettings,
): void {
  const trades = pairedTrades([...models.values(), ...raw], { isWhole: raw.length === 0 });
  checkSelfTrades(models, traders);
  const lives = [...models.values()].flatMap((model) => model.lives).sort(byOrderNumber);
  for (const [i, { orderNumber, fromNs }] of lives.entries()) {
    const before = lives[i - 1];
    if (before === undefined) continue;
    assert.ok(orderNumber > before.orderNumber, `${orderNumber} is the number of one order`);
    assert.ok(
      sinceNoon(fromNs) >= sinceNoon(before.fromNs),
      `order ${orderNumber} is of ${fromNs}, the one before of ${before.fromNs}`,
    );
  }
  checkPriority(trades, lives);
}

/** Nobody has traded with his own orders unless he wanted to. */
function checkSelfTrades(
  models: ReadonlyMap<string, AccountModel>,
  traders: readonly TraderSettings[],
): void {
  /** The owner of the resting order, by match. */
  const owners = new Map<bigint, string>();
  const tradesOf = ({ user }: TraderSettings, liquidity: 'A' | 'R') =>
    (models.get(user)?.trades ?? []).filter((trade) => trade.liquidity === liquidity);
  const ownerOf = ({ user, owner }: TraderSettings) => owner || user;
  for (const trader of traders) {
    for (const { matchNumber } of tradesOf(trader, 'A')) owners.set(matchNumber, ownerOf(trader));
  }
  for (const trader of traders.filter(({ selfTrade }) => selfTrade !== 'off')) {
    for (const { matchNumber } of tradesOf(trader, 'R')) {
      assert.notEqual(owners.get(matchNumber), ownerOf(trader), `match ${matchNumber} of ${trader.user}`);
    }
  }
}

/** Nobody who stood before the resting order of a trade was passed over. */
function checkPriority(trades: readonly Trade[], lives: readonly Life[]): void {
  /** The last match in which an order was the resting one. */
  const lastMatches = new Map<Life, bigint>();
  for (const { resting } of trades) lastMatches.set(resting.life, resting.matchNumber);
  for (const { resting, incoming } of trades) {
    const { matchNumber, timeNs, life } = resting;
    for (const other of lives) {
      if (other.orderNumber >= incoming.life.orderNumber) break;
      if (other === life || !isBefore(other, life)) continue;
      const isThere =
        other.untilNs === undefined ||
        sinceNoon(other.untilNs) > sinceNoon(timeNs) ||
        (lastMatches.get(other) ?? 0n) > matchNumber;
      assert.ok(
        !isThere,
        `match ${matchNumber} of order ${life.orderNumber} has passed over order ${other.orderNumber}`,
      );
    }
  }
}

/** Each account counts on from its own first day. */
function sinceNoon(timeNs: bigint): bigint {
  return (timeNs + DAY_NS / 2n) % DAY_NS;
}

/** Does the one order stand before the other? */
function isBefore(one: Life, other: Life): boolean {
  const { orderbook, group, side, priceTenths, orderNumber } = other;
  const isBuy = side === 'B';
  if (one.orderbook !== orderbook || one.group !== group || (one.side === 'B') !== isBuy) return false;
  if (one.priceTenths === priceTenths) return one.orderNumber < orderNumber;
  return one.priceTenths > priceTenths === isBuy;
}

function byOrderNumber(a: Life, b: Life): number {
  return a.orderNumber < b.orderNumber ? -1 : 1;
}

/** What is recovered is the same, to the byte, as what lives, and as what is recovered from it. */
export function checkRecovery(images: readonly StoreImage[], living: Iterable<Uint8Array>): void {
  const recovered = recoverVenue(images);
  const bytes = hexOf(encodeSnapshot(recovered));
  assert.equal(hexOf(living), bytes, 'the exchange as it lives and as it is recovered');
  assert.equal(hexOf(encodeSnapshot(recoverAgain(recovered))), bytes, 'recovered, and recovered again');
}

function hexOf(pieces: Iterable<Uint8Array>): string {
  return [...pieces].map((piece) => Buffer.from(piece).toString('hex')).join(' ');
}
