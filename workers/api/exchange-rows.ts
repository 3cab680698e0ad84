/** What the exchange says of its books, as the api says it: prices are decimal, groups not padded. */
import type {
  Book,
  BookDepth,
  BookOrder,
  MarketItem,
  PriceLevel,
  Trade,
} from '../../src/protocol/api/operations.ts';
import type {
  BookRow,
  BookView,
  LevelRow,
  MarketNotice,
  OrderRow,
  TradeRow,
} from '../../src/protocol/exchange.ts';
import { formatTenths } from '../../src/protocol/ouch/prices.ts';
import { SIDE_WORDS, wordOf } from './order-words.ts';

/** Bids, asks and trades that one item has at most, so many of each: a frame has room for some of them. */
const ROWS_OF_ITEM = 50;

export function toBook(row: BookRow): Book {
  return {
    id: row.id,
    group: row.group.trimEnd(),
    name: row.name,
    state: row.state,
    bid: priceOrNull(row.bid),
    bidQuantity: row.bidQuantity,
    ask: priceOrNull(row.ask),
    askQuantity: row.askQuantity,
    last: priceOrNull(row.last),
    orders: row.orders,
    volume: row.volume,
  };
}

export function toDepth({ row, bids, asks, buyOrders, sellOrders }: BookView): BookDepth {
  return {
    book: toBook(row),
    bids: bids.map(toLevel),
    asks: asks.map(toLevel),
    buyOrders: buyOrders.map(toOrder),
    sellOrders: sellOrders.map(toOrder),
  };
}

export function toTrade(row: TradeRow): Trade {
  const side = row.side === 'B' ? 'buy' : 'sell';
  return { ...row, group: row.group.trimEnd(), side, price: formatTenths(row.price) };
}

/** As many items as it takes. `isLate`: the client was too slow for changes ahead of it. */
export function toMarketItems(notice: MarketNotice, isLate: boolean): MarketItem[] {
  const { number, bids, asks } = notice;
  const book = toBook(notice.row);
  const trades = notice.type === 'book-change' ? notice.trades : [];
  const longest = Math.max(bids.length, asks.length, trades.length);
  const count = Math.max(1, Math.ceil(longest / ROWS_OF_ITEM));
  return Array.from({ length: count }, (_, i): MarketItem => {
    const [start, end] = [i * ROWS_OF_ITEM, (i + 1) * ROWS_OF_ITEM];
    const hasMore = i < count - 1;
    const sides = { bids: bids.slice(start, end).map(toLevel), asks: asks.slice(start, end).map(toLevel) };
    if (i === 0 && notice.type === 'book-snapshot') {
      return { type: 'snapshot', number, hasMore, book, isLate, ...sides };
    }
    return { type: 'change', number, hasMore, book, ...sides, trades: trades.slice(start, end).map(toTrade) };
  });
}

function toLevel({ price, quantity, orders }: LevelRow): PriceLevel {
  return { price: formatTenths(price), quantity, orders };
}

function toOrder(row: OrderRow): BookOrder {
  return { ...row, side: wordOf(SIDE_WORDS, row.side), price: formatTenths(row.price) };
}

function priceOrNull(tenths: number): string | null {
  return tenths === 0 ? null : formatTenths(tenths);
}
