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

export function toBook(row: BookRow): Book {
  const { bid, ask, last, group } = row;
  return {
    ...row,
    group: group.trimEnd(),
    bid: priceOrNull(bid),
    ask: priceOrNull(ask),
    last: priceOrNull(last),
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
  return { ...row, group: row.group.trimEnd(), price: formatTenths(row.price) };
}

/** `isLate`: the client was too slow for changes ahead of it. */
export function toMarketItem(notice: MarketNotice, isLate: boolean): MarketItem {
  const { number } = notice;
  const [book, bids, asks] = [toBook(notice.row), notice.bids.map(toLevel), notice.asks.map(toLevel)];
  if (notice.type === 'book-snapshot') return { type: 'snapshot', number, book, isLate, bids, asks };
  return { type: 'change', number, book, bids, asks, trades: notice.trades.map(toTrade) };
}

function toLevel(row: LevelRow): PriceLevel {
  return { ...row, price: formatTenths(row.price) };
}

function toOrder(row: OrderRow): BookOrder {
  return { ...row, price: formatTenths(row.price) };
}

function priceOrNull(tenths: number): string | null {
  return tenths === 0 ? null : formatTenths(tenths);
}
