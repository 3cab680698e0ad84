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
  /** Lines, where all is to fit. */
  readonly height: number;
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
/** A low screen has room for one best price, and for one trade and one connection, for so many lines each. */
const LINES_OF_BEST = 4;
const LINES_OF_OTHER = 12;
/** Of the heads of a table, and of what says how many more rows there are. */
const HEAD_LINES = 2;
const MORE_LINES = 1;
const BOOK_WIDTH_MAX = 12;
/** Every order that rests is one of the day. */
const DAY = 'day';
const NONE = '–';

export function formatBookScreen(picture: BookPicture, options: BookScreenOptions): string {
  const head = formatHead(picture);
  const summary = formatSummary(picture, options);
  const height = options.height - linesOf(`${head}\n${summary}\n`).length;
  const body =
    formatBeside(picture, options, height, summary) ?? formatBelow(picture, options, height, summary);
  return `${head}\n${body.trimEnd()}\n`;
}

/** Undefined if it is not wide enough. */
function formatBeside(
  picture: BookPicture,
  options: BookScreenOptions,
  height: number,
  summary: string,
): string | undefined {
  const orders = formatOrders(picture, options, height);
  const width = options.width - widthOf(orders) - GAP.length;
  if (options.width < BESIDE_WIDTH || width < LEVELS_WIDTH) return undefined;
  return `${beside(orders, formatLevels(picture, { ...options, width }, height))}\n${summary}`;
}

/** Where both do not fit, the orders have half of the room at most. */
function formatBelow(
  picture: BookPicture,
  options: BookScreenOptions,
  height: number,
  summary: string,
): string {
  const room = height - 1;
  const depth = linesOf(formatLevels(picture, options, room)).length;
  const orders = formatOrders(picture, options, Math.max(room - depth, Math.floor(room / 2)));
  return `${orders}\n${summary}\n${formatLevels(picture, options, room - linesOf(orders).length)}`;
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

/** In so many lines, but of one order at least. */
function formatOrders({ views, figures }: BookPicture, options: BookScreenOptions, height: number): string {
  const rows = Math.max(1, height - HEAD_LINES - MORE_LINES);
  const shown = shownOrders(views, Math.min(options.rowsMax, rows));
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

/** In so many lines, but of one level at least. */
function formatLevels({ views }: BookPicture, options: BookScreenOptions, height: number): string {
  const rungs = views.flatMap(({ row, bids, asks }) =>
    Array.from({ length: Math.max(bids.length, asks.length) }, (_, i): Rung => {
      const book = i === 0 ? `${nameOf(row, options.numberOf)} ${groupOf(row)}`.trimEnd() : '';
      return { book, bid: bids[i], ask: asks[i] };
    }),
  );
  const shown = rungs.slice(0, Math.max(1, height - HEAD_LINES));
  return shown.length === 0 ? '' : formatRows(shown, RUNG_COLUMNS, options);
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

function formatSummary(
  { books, trades, doors, clients }: BookPicture,
  { width, height }: BookScreenOptions,
): string {
  const best = Math.min(BEST_MAX, Math.max(1, Math.floor(height / LINES_OF_BEST)));
  const others = Math.max(1, Math.floor(height / LINES_OF_OTHER));
  const priced = books.filter(({ bid, ask, last }) => bid + ask + last > 0);
  return formatPairs(
    [
      ['best prices', listOf(priced.map(formatBest), best)],
      ['last trades', listOf(trades.slice(0, others).map(formatTrade), others)],
      ['connections', formatClients(clients, Math.min(others, CLIENTS_MAX))],
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
function formatClients(clients: readonly ClientRow[], max: number): string {
  const all = listOf(clients.map(formatClient), max);
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
