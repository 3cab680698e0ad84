import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatBooks, formatDepth, formatTrades } from '../../../clients/cli/exchange-text.ts';
import type { Book, BookDepth, BookOrder, Trade } from '../../../clients/index.ts';

const look = { format: 'simple', width: 80 } as const;
/** In the local time of the test. */
const timeMs = new Date(2026, 10, 21, 10, 0, 0).getTime();
const widest = (text: string) => Math.max(...text.split('\n').map((line) => line.length));

/** As wide as they get. */
const BOOK: Book = {
  id: '7203',
  group: 'NGHT',
  name: 'Toyota Motor Corporation',
  state: 'halted',
  bid: '214748364.5',
  bidQuantity: 2_147_483_647,
  ask: '214748364.6',
  askQuantity: 2_147_483_647,
  last: '214748364.6',
  orders: 1_000_000,
  volume: 12_345_678_901,
};
const EMPTY: Book = {
  ...BOOK,
  id: 'BTC',
  group: 'DAY',
  name: 'BTC',
  state: 'open',
  bid: null,
  ask: null,
  last: null,
  bidQuantity: 0,
  askQuantity: 0,
  orders: 0,
  volume: 0,
};
const QUIET: Book = {
  ...EMPTY,
  bid: '2299.9',
  bidQuantity: 300,
  ask: '2300.0',
  askQuantity: 5,
  last: '2300.0',
  orders: 4,
  volume: 1200,
};
const ORDER: BookOrder = {
  orderNumber: '202611210000000001',
  user: 'TRADE1',
  token: 4_294_967_295,
  side: 'buy',
  price: '214748364.5',
  quantity: 2_147_483_647,
  timeMs,
};
const TRADE: Trade = {
  id: '7203',
  group: 'NGHT',
  matchNumber: '202611210000000001',
  price: '214748364.5',
  quantity: 2_147_483_647,
  side: 'sell',
  timeMs,
};

describe('formatBooks', () => {
  test('shows the best prices, and leaves blank what is not there', () => {
    const lines = formatBooks([QUIET, EMPTY], look).split('\n');
    assert.match(lines[0] ?? '', /^book +group +state +bid qty +bid +ask +ask qty +last +orders +traded$/);
    assert.match(lines[2] ?? '', /^BTC +DAY +open +300 +2299\.9 +2300\.0 +5 +2300\.0 +4 +1,200$/);
    assert.match(lines[3] ?? '', /^BTC +DAY +open *$/);
    assert.equal(formatBooks([], look), 'no order books\n');
  });

  test('fits the terminal, and never cuts a price', () => {
    const text = formatBooks([BOOK, QUIET], look);
    assert.ok(widest(text) <= 80, text);
    assert.match(text, /7203 +NGHT +halted.* 214748364\.5 +214748364\.6/);
    assert.match(formatBooks([BOOK], { ...look, width: 200 }), /Toyota .*12,345,678,901/);
  });
});

describe('formatDepth', () => {
  const level = (price: string) => ({ price, quantity: 2_147_483_647, orders: 1_000_000 });
  const depth: BookDepth = {
    book: BOOK,
    bids: [level('214748364.5'), level('214748364.4')],
    asks: [level('214748364.6')],
    buyOrders: [ORDER],
    sellOrders: [{ ...ORDER, side: 'short-sell-exempt' }],
  };

  test('shows both sides from the best prices on, and the orders', () => {
    const text = formatDepth(depth, look);
    assert.ok(widest(text) <= 80, text);
    assert.match(text, /^book +7203 NGHT, Toyota Motor Corporation\nstate +halted\n/);
    assert.match(text, /^last price +214748364\.6\ntraded +12,345,678,901\norders +1,000,000\n\n/m);
    assert.match(text, /orders +bid qty +bid +ask +ask qty +orders\n/);
    assert.match(text, /1,000,000 +2,147,483,647 +214748364\.5 +214748364\.6 +2,147,483,647 +1,000,000\n/);
    assert.match(text, /1,000,000 +2,147,483,647 +214748364\.4 *\n\n/);
    assert.match(text, /^buy +214748364\.5 +2,147,483,647 +TRADE1 +.*2026-11-21 10:00:00\n/m);
    assert.match(text, /^exempt +214748364\.5/m);
  });

  test('of an empty book says so', () => {
    const text = formatDepth({ book: EMPTY, bids: [], asks: [], buyOrders: [], sellOrders: [] }, look);
    assert.match(text, /^book +BTC DAY\n(.*\n)*last price +–\n(.*\n)*\nno orders\n$/);
  });
});

describe('formatTrades', () => {
  test('shows each with its side', () => {
    const text = formatTrades([TRADE], look);
    assert.ok(widest(text) <= 80, text);
    assert.match(text, /2026-11-21 10:00:00 +7203 +NGHT +sell +214748364\.5 +2,147,483,647/);
    assert.equal(formatTrades([], look), 'no trades\n');
  });
});
