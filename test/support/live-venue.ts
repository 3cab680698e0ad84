/** A venue of a real server, and the traders that are connected to it over sockets. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { connect } from '../../clients/index.ts';
import type { OrderSide } from '../../src/protocol/api/orders.ts';
import { OPERATOR_FILE, type OperatorFile } from '../../src/protocol/operator-file.ts';
import { formatTenths } from '../../src/protocol/ouch/prices.ts';
import { pairedTrades } from './account-model.ts';
import type { DurableBank } from './durable-bank.ts';
import { SocketTrader, type SocketTraderOptions } from './socket-trader.ts';

export const VENUE_BOOKS = ['BTC', 'ETH', 'SOL', 'ADA'] as const;
export const VENUE_PASSWORD = 'secret';
/** What the api shows of one side of a book. */
const ORDERS_SHOWN = 1000;

/** The api's words for the letters of OUCH. */
const SIDES: Readonly<Record<string, OrderSide>> = {
  B: 'buy',
  S: 'sell',
  T: 'short-sell',
  E: 'short-sell-exempt',
};

/** Has the servers of the folder know so many traders. */
export function writeVenue({ folder }: DurableBank, traders: number): void {
  const books = VENUE_BOOKS.map((id, i) => `[book ${id}]\nnumber = ${i + 1}\n`);
  const sections = Array.from(
    { length: traders },
    (_, i) => `[trader ${userOf(i)}]\npassword = ${VENUE_PASSWORD}\n`,
  );
  writeFileSync(join(folder, 'config.ini'), [...books, ...sections].join('\n'));
}

/** Connects so many of them. */
export function connectTraders(
  t: TestContext,
  { ouchPort: port }: Pick<DurableBank, 'ouchPort'>,
  traders: number,
  options: Pick<SocketTraderOptions, 'seed'> & Partial<SocketTraderOptions>,
): SocketTrader[] {
  return Array.from({ length: traders }, (_, i) => {
    const own = { user: userOf(i), password: VENUE_PASSWORD, seed: options.seed + i };
    return new SocketTrader(t, { port, books: VENUE_BOOKS, ...options, ...own });
  });
}

/** Waits until everybody has heard of all that anybody has done. */
export async function settleAll(traders: readonly SocketTrader[], limitMs?: number): Promise<void> {
  await Promise.all(traders.map((trader) => trader.settles(limitMs)));
  await Promise.all(traders.map((trader) => trader.settles(limitMs)));
}

/** Traders and server know the same open orders, and both sides of each trade agree. Returns how many there are. */
export async function checkVenue(
  traders: readonly SocketTrader[],
  bank: DurableBank,
): Promise<{ readonly open: number; readonly trades: number }> {
  const known = traders.flatMap(({ trader: { user, session } }) =>
    [...(session?.model.open.values() ?? [])].map(
      ({ token, side, orderbook, group, priceTenths, open }) =>
        `${user} ${token}: ${SIDES[side]} ${orderbook} ${group} ${open} at ${formatTenths(priceTenths)}`,
    ),
  );
  assert.deepEqual((await openOrders(bank)).sort(), known.sort());
  const models = traders.flatMap(({ trader }) => trader.session?.model ?? []);
  return { open: known.length, trades: pairedTrades(models).length };
}

async function openOrders({ data }: DurableBank): Promise<string[]> {
  const { port, token } = JSON.parse(readFileSync(join(data, OPERATOR_FILE), 'utf8')) as OperatorFile;
  await using client = await connect({ port, token });
  const rows: string[] = [];
  for (const { id, group, orders } of await client.exchange.books()) {
    if (orders === 0) continue;
    const { buyOrders, sellOrders } = await client.exchange.book(id, { group, orders: ORDERS_SHOWN });
    const shown = [...buyOrders, ...sellOrders];
    assert.equal(shown.length, orders, `of the orders in ${id} all are shown`);
    for (const { user, token, side, quantity, price } of shown) {
      rows.push(`${user} ${token}: ${side} ${id} ${group} ${quantity} at ${price}`);
    }
  }
  return rows;
}

function userOf(index: number): string {
  return `T${index}`;
}
