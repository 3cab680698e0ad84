/** Order books and trades as `outcry admin` prints them. */

import { type Column, formatPairs, formatRows, type Look } from '../../src/values/columns.ts';
import { formatCount, formatLocalTime } from '../../src/values/readable.ts';
import type { Book, BookDepth, BookOrder, PriceLevel, Trade } from '../index.ts';

const NONE = '–';

export function formatBooks(books: readonly Book[], look: Look): string {
  return books.length === 0 ? 'no order books\n' : formatRows(books, BOOK_COLUMNS, look);
}

const BOOK_COLUMNS: readonly Column<Book>[] = [
  { head: 'book', cell: ({ id }) => id },
  { head: 'group', cell: ({ group }) => group },
  { head: 'name', cell: ({ id, name }) => (name === id ? '' : name), cutTo: 6, spare: 1 },
  { head: 'state', cell: ({ state }) => state },
  { head: 'bid qty', cell: ({ bidQuantity }) => countOrBlank(bidQuantity), align: 'right', spare: 3 },
  { head: 'bid', cell: ({ bid }) => bid, align: 'right' },
  { head: 'ask', cell: ({ ask }) => ask, align: 'right' },
  { head: 'ask qty', cell: ({ askQuantity }) => countOrBlank(askQuantity), align: 'right', spare: 3 },
  { head: 'last', cell: ({ last }) => last, align: 'right', spare: 5 },
  { head: 'orders', cell: ({ orders }) => countOrBlank(orders), align: 'right', spare: 4 },
  { head: 'traded', cell: ({ volume }) => countOrBlank(volume), align: 'right', spare: 2 },
];

/** Best prices first, the bids on the left. */
export function formatDepth({ book, bids, asks, buyOrders, sellOrders }: BookDepth, look: Look): string {
  const { id, group, name, state, last, orders, volume } = book;
  const pairs = formatPairs(
    [
      ['book', `${id} ${group}${name === id ? '' : `, ${name}`}`],
      ['state', state],
      ['last price', last ?? NONE],
      ['traded', formatCount(volume)],
      ['orders', formatCount(orders)],
    ],
    look.width,
  );
  const levels = Array.from(
    { length: Math.max(bids.length, asks.length) },
    (_, i) => [bids[i], asks[i]] as const,
  );
  const parts = [
    pairs,
    ...(levels.length === 0 ? ['no orders\n'] : [formatRows(levels, LEVEL_COLUMNS, look)]),
    ...[buyOrders, sellOrders]
      .filter((side) => side.length > 0)
      .map((side) => formatRows(side, ORDER_COLUMNS, look)),
  ];
  return parts.join('\n');
}

type Rung = readonly [bid: PriceLevel | undefined, ask: PriceLevel | undefined];

const LEVEL_COLUMNS: readonly Column<Rung>[] = [
  { head: 'orders', cell: ([bid]) => countOf(bid?.orders), align: 'right', spare: 1 },
  { head: 'bid qty', cell: ([bid]) => countOf(bid?.quantity), align: 'right' },
  { head: 'bid', cell: ([bid]) => bid?.price, align: 'right' },
  { head: 'ask', cell: ([, ask]) => ask?.price, align: 'right' },
  { head: 'ask qty', cell: ([, ask]) => countOf(ask?.quantity), align: 'right' },
  { head: 'orders', cell: ([, ask]) => countOf(ask?.orders), align: 'right', spare: 1 },
];

/** So short that a table has room for them. */
const SIDES: Readonly<Record<BookOrder['side'], string>> = {
  buy: 'buy',
  sell: 'sell',
  'short-sell': 'short',
  'short-sell-exempt': 'exempt',
};

const ORDER_COLUMNS: readonly Column<BookOrder>[] = [
  { head: 'side', cell: ({ side }) => SIDES[side] },
  { head: 'price', cell: ({ price }) => price, align: 'right' },
  { head: 'quantity', cell: ({ quantity }) => formatCount(quantity), align: 'right' },
  { head: 'user', cell: ({ user }) => user },
  { head: 'token', cell: ({ token }) => token, spare: 2 },
  { head: 'order number', cell: ({ orderNumber }) => orderNumber, align: 'right', spare: 1 },
  { head: 'since', cell: ({ timeMs }) => formatLocalTime(timeMs), align: 'right' },
];

export function formatTrades(trades: readonly Trade[], look: Look): string {
  return trades.length === 0 ? 'no trades\n' : formatRows(trades, TRADE_COLUMNS, look);
}

const TRADE_COLUMNS: readonly Column<Trade>[] = [
  { head: 'time', cell: ({ timeMs }) => formatLocalTime(timeMs), align: 'right' },
  { head: 'book', cell: ({ id }) => id },
  { head: 'group', cell: ({ group }) => group },
  { head: 'side', cell: ({ side }) => side },
  { head: 'price', cell: ({ price }) => price, align: 'right' },
  { head: 'quantity', cell: ({ quantity }) => formatCount(quantity), align: 'right' },
  { head: 'match number', cell: ({ matchNumber }) => matchNumber, align: 'right', spare: 1 },
];

function countOf(count: number | undefined): string {
  return count === undefined ? '' : formatCount(count);
}

function countOrBlank(count: number): string {
  return count === 0 ? '' : formatCount(count);
}
