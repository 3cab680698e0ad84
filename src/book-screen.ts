/** All of a venue on one screen: orders, depth, best prices, last trades and who is connected. */
import stringWidth from 'string-width';
import type { BookRow, BookView, ExchangeFigures, OrderRow, TradeRow } from './protocol/exchange.ts';
import { formatTenths } from './protocol/ouch/prices.ts';
import { type Column, formatPairs, formatRows, type Look } from './values/columns.ts';
import { formatCount, formatLocalTime } from './values/readable.ts';

/** What there is at one moment. */
export interface BookPicture {
  readonly timeMs: number;
  readonly figures: ExchangeFigures;
  readonly books: readonly BookRow[];
  /** Of books with orders, as many of them as are shown. */
  readonly views: readonly BookView[];
  /** The newest first. */
  readonly trades: readonly TradeRow[];
  readonly doors: readonly DoorRow[];
  readonly clients: readonly ClientRow[];
}

export interface DoorRow {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

export interface ClientRow {
  readonly service: string;
  readonly remoteAddress: string;
  readonly user: string;
}

/** What a book is called where clients call it by number, by its id. */
export type NumberOf = (id: string) => number | undefined;

export interface BookScreenOptions extends Look {
  readonly numberOf: NumberOf;
  /** Orders in the table. */
  readonly rowsMax: number;
}

interface ShownOrder {
  readonly book: BookRow;
  readonly order: OrderRow;
}

interface Rung {
  readonly book: string;
  readonly bid: BookView['bids'][number] | undefined;
  readonly ask: BookView['asks'][number] | undefined;
}

/** With less the depth stands below the orders; so does it where they leave less than it needs. */
const BESIDE_WIDTH = 120;
const LEVELS_WIDTH = 36;
const GAP = '   ';
const BEST_MAX = 12;
const CLIENTS_MAX = 10;
const BOOK_WIDTH_MAX = 12;
/** Every order that rests is one of the day. */
const DAY = 'day';
const NONE = '–';

export function formatBookScreen(picture: BookPicture, options: BookScreenOptions): string {
  const { width } = options;
  const orders = formatOrders(picture, options);
  const summary = formatSummary(picture, width);
  const room = width - widthOf(orders) - GAP.length;
  const body =
    width >= BESIDE_WIDTH && room >= LEVELS_WIDTH
      ? `${beside(orders, formatLevels(picture, options, { ...options, width: room }))}\n${summary}`
      : `${orders}\n${summary}\n${formatLevels(picture, options, options)}`;
  return `${formatHead(picture)}\n${body.trimEnd()}\n`;
}

/** Best first: of each book the bids and the asks, and more of the side that has more. */
export function shownOrders(views: readonly BookView[], rowsMax: number): readonly ShownOrder[] {
  const shown: ShownOrder[] = [];
  for (const { row: book, buyOrders, sellOrders } of views) {
    const room = rowsMax - shown.length;
    const buys = Math.max(Math.ceil(room / 2), room - sellOrders.length);
    const bids = buyOrders.slice(0, buys);
    const all = [...bids, ...sellOrders.slice(0, room - bids.length)];
    shown.push(...all.map((order) => ({ book, order })));
  }
  return shown;
}

function formatHead({ timeMs, figures }: BookPicture): string {
  const { state, session, openOrders, trades } = figures;
  const parts = [
    `day ${state === 'open' ? 'open' : 'not open'}, session ${session}`,
    `${counted(openOrders, 'order')}, ${counted(trades, 'trade')}`,
  ];
  return `${formatLocalTime(timeMs)}   ${parts.join('   ')}\n`;
}

function formatOrders({ views, figures }: BookPicture, options: BookScreenOptions): string {
  const shown = shownOrders(views, options.rowsMax);
  if (shown.length === 0) return 'no orders\n';
  const columns: readonly Column<ShownOrder>[] = [
    { head: 'side', cell: ({ order }) => SIDES[order.side] },
    { head: 'price', cell: ({ order }) => formatTenths(order.price), align: 'right' },
    { head: 'quantity', cell: ({ order }) => order.quantity, align: 'right' },
    { head: 'book', cell: ({ book }) => nameOf(book, options.numberOf), cutTo: BOOK_WIDTH_MAX },
    { head: 'group', cell: ({ book }) => groupOf(book) },
    { head: 'in force', cell: () => DAY, spare: 1 },
    { head: 'received', cell: ({ order }) => timeOf(order.timeMs), spare: 2 },
    { head: 'order number', cell: ({ order }) => order.orderNumber, align: 'right', spare: 3 },
    { head: 'token', cell: ({ order }) => order.token, align: 'right' },
  ];
  const more = figures.openOrders - shown.length;
  return formatRows(shown, columns, options) + (more > 0 ? `… ${formatCount(more)} more\n` : '');
}

/** So short that the table has room for them. */
const SIDES: Readonly<Record<OrderRow['side'], string>> = { B: 'buy', S: 'sell', T: 'short', E: 'exempt' };

function formatLevels({ views }: BookPicture, { numberOf }: BookScreenOptions, look: Look): string {
  const rungs = views.flatMap(({ row, bids, asks }) =>
    Array.from({ length: Math.max(bids.length, asks.length) }, (_, i): Rung => {
      const book = i === 0 ? `${nameOf(row, numberOf)} ${groupOf(row)}`.trimEnd() : '';
      return { book, bid: bids[i], ask: asks[i] };
    }),
  );
  return rungs.length === 0 ? '' : formatRows(rungs, RUNG_COLUMNS, look);
}

const RUNG_COLUMNS: readonly Column<Rung>[] = [
  { head: 'book', cell: ({ book }) => book, cutTo: BOOK_WIDTH_MAX },
  { head: 'orders', cell: ({ bid }) => bid?.orders, align: 'right', spare: 1 },
  { head: 'bid qty', cell: ({ bid }) => bid?.quantity, align: 'right', spare: 2 },
  { head: 'bid', cell: ({ bid }) => bid && formatTenths(bid.price), align: 'right' },
  { head: 'ask', cell: ({ ask }) => ask && formatTenths(ask.price), align: 'right' },
  { head: 'ask qty', cell: ({ ask }) => ask?.quantity, align: 'right', spare: 2 },
  { head: 'orders', cell: ({ ask }) => ask?.orders, align: 'right', spare: 1 },
];

function formatSummary({ books, trades, doors, clients }: BookPicture, width: number): string {
  const priced = books.filter(({ bid, ask, last }) => bid + ask + last > 0);
  return formatPairs(
    [
      ['best prices', listOf(priced.map(formatBest), BEST_MAX)],
      ['last trades', listOf(trades.map(formatTrade), trades.length)],
      ['connections', formatClients(clients)],
      ['listening', listOf(doors.map(formatDoor), doors.length)],
    ],
    width,
  );
}

/** `BTC 2300.0 / 2301.0, last 2300.5` */
function formatBest({ id, group, bid, ask, last }: BookRow): string {
  const ends = `${priceOf(bid)} / ${priceOf(ask)}${last === 0 ? '' : ` last ${formatTenths(last)}`}`;
  return `${id} ${groupOf({ group })} ${ends}`.replace('  ', ' ');
}

function formatTrade({ timeMs, id, quantity, price, matchNumber }: TradeRow): string {
  return `${timeOf(timeMs)} ${id} ${quantity} at ${formatTenths(price)} m ${matchNumber}`;
}

/** `2: raw 127.0.0.1:50112; ouch 127.0.0.1:50114 TRADE1` */
function formatClients(clients: readonly ClientRow[]): string {
  const all = listOf(clients.map(formatClient), CLIENTS_MAX);
  return clients.length === 0 ? all : `${formatCount(clients.length)}: ${all}`;
}

function formatClient({ service, remoteAddress, user }: ClientRow): string {
  return `${service} ${remoteAddress}${user === '' ? '' : ` ${user}`}`;
}

function formatDoor({ name, host, port }: DoorRow): string {
  return `${name} ${host}:${port}`;
}

function listOf(texts: readonly string[], max: number): string {
  if (texts.length === 0) return NONE;
  const more = texts.length - max;
  return texts.slice(0, max).join('; ') + (more > 0 ? `; … ${formatCount(more)} more` : '');
}

/** `1 BTC`, or `7203 Toyota Motor` where the number is the id. */
function nameOf({ id, name }: BookRow, numberOf: NumberOf): string {
  const number = String(numberOf(id) ?? '');
  if (number !== id) return `${number} ${id}`.trimStart();
  return name === id ? id : `${id} ${name}`;
}

/** The day's books are what is meant where nothing is said. */
function groupOf({ group }: Pick<BookRow, 'group'>): string {
  const name = group.trimEnd();
  return name === 'DAY' ? '' : name;
}

function priceOf(tenths: number): string {
  return tenths === 0 ? NONE : formatTenths(tenths);
}

/** `09:45:10`, where whoever reads it is. */
function timeOf(timeMs: number): string {
  return formatLocalTime(timeMs).slice(-8);
}

function counted(count: number, what: string): string {
  return `${formatCount(count)} ${what}${count === 1 ? '' : 's'}`;
}

function beside(left: string, right: string): string {
  const lefts = linesOf(left);
  const rights = linesOf(right);
  const leftWidth = widthOf(left);
  const lines = Array.from({ length: Math.max(lefts.length, rights.length) }, (_, i) => {
    const line = lefts[i] ?? '';
    return `${line}${' '.repeat(leftWidth - stringWidth(line))}${GAP}${rights[i] ?? ''}`.trimEnd();
  });
  return lines.map((line) => `${line}\n`).join('');
}

function widthOf(text: string): number {
  return Math.max(...linesOf(text).map((line) => stringWidth(line)));
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').slice(0, -1);
}
