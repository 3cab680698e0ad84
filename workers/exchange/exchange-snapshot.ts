/**
 * The state of the exchange, and its snapshot in pieces of at most a megabyte: a head in msgpack, the accounts as lists
 * of so many, then the columns of their pages and of the open orders, one after the other, account by account in the
 * order of their numbers. Of equal states the snapshots are equal, however they came to be.
 *
 * What is not in it follows from it: the books are made of the open orders in the order of their numbers.
 */
import { Packr } from 'msgpackr';
import type { OrderbookForm } from '../../src/protocol/exchange.ts';
import { ORDER, type Orders } from './orders.ts';
import { NONE } from './rows.ts';
import type { StreamState } from './sequenced-stream.ts';

const { OPEN, PRICE, USED } = ORDER;

const PIECE_BYTES = 1024 * 1024;
/** Each takes some hundred bytes at most. */
const ACCOUNTS_OF_PIECE = 4096;
const packr = new Packr({ useRecords: false });

export interface ExchangeState {
  /** Position of the last event in it. */
  readonly events: number;
  readonly session: SessionState;
  /** By number. */
  readonly accounts: readonly AccountState[];
  /** Those that are halted or have had a trade; by id, then group. */
  readonly books: readonly BookState[];
  /** What numbers stand for which ids, by number. */
  readonly listed: readonly ListedBook[];
  readonly orders: OrderColumns;
}

export interface SessionState {
  /** In ms since 1970: what its id is made of. 0 before the first one. */
  readonly beginMs: number;
  readonly isOpen: boolean;
  /** The date in order numbers and match numbers, yyyymmdd. */
  readonly date: number;
  /** The last ones that were given on that date. */
  readonly orders: number;
  readonly matches: number;
  /** Since when timestamps count, in ms since 1970. */
  readonly midnightMs: number;
  /** When an account was told something last: no later timestamp is before it, whatever the clock says. */
  readonly toldMs: number;
  /** In this session. */
  readonly accepted: number;
  readonly rejected: number;
  readonly trades: number;
}

export interface AccountState {
  readonly number: number;
  readonly name: string;
  readonly form: OrderbookForm;
  readonly isRaw: boolean;
  readonly takesPart: boolean;
  /** The last token that was used in this session; -1 if none was. */
  readonly lastToken: number;
  readonly stream: StreamState;
  /** How many are open. */
  readonly orders: number;
}

export interface BookState {
  /** Id and group as numbers: their four characters. */
  readonly id: number;
  readonly group: number;
  readonly isHalted: boolean;
  /** Price of the last trade, 0 without one; and its counter, 0 if it was on a date before. */
  readonly last: number;
  readonly lastMatch: number;
  /** Shares that were traded in this session. */
  readonly volume: number;
}

export interface ListedBook {
  readonly number: number;
  readonly id: number;
}

/** By account, each account's in the order in which they were entered or replaced. */
export interface OrderColumns {
  readonly token: Uint32Array;
  readonly id: Uint32Array;
  readonly group: Uint32Array;
  readonly side: Uint8Array;
  readonly price: Int32Array;
  readonly open: Int32Array;
  readonly used: Uint32Array;
  readonly number: Float64Array;
  readonly timeMs: Float64Array;
}

type BookKey = Pick<BookState, 'id' | 'group'>;

/** Copies the open orders of the accounts with these numbers; `books` are those that `orders.bookOf` means. */
export function freezeOrders(
  orders: Orders,
  accounts: Iterable<number>,
  books: readonly BookKey[],
): OrderColumns {
  const columns = emptyColumns(orders.count);
  let at = 0;
  for (const account of accounts) {
    for (let slot = orders.firstOf(account); slot !== NONE; slot = orders.nextOf(slot)) {
      const book = books[orders.bookOf(slot)] as BookKey;
      columns.token[at] = orders.tokenOf(slot);
      columns.id[at] = book.id;
      columns.group[at] = book.group;
      columns.side[at] = orders.sideOf(slot);
      columns.price[at] = orders.rows[slot | PRICE] as number;
      columns.open[at] = orders.rows[slot | OPEN] as number;
      columns.used[at] = orders.rows[slot | USED] as number;
      columns.number[at] = orders.numberOf(slot);
      columns.timeMs[at] = orders.timeMsOf(slot);
      at++;
    }
  }
  return columns;
}

function emptyColumns(count: number): OrderColumns {
  return {
    token: new Uint32Array(count),
    id: new Uint32Array(count),
    group: new Uint32Array(count),
    side: new Uint8Array(count),
    price: new Int32Array(count),
    open: new Int32Array(count),
    used: new Uint32Array(count),
    number: new Float64Array(count),
    timeMs: new Float64Array(count),
  };
}

/** In their order in a snapshot. */
function listOf(columns: OrderColumns): readonly Column[] {
  const { token, id, group, side, price, open, used, number, timeMs } = columns;
  return [token, id, group, side, price, open, used, number, timeMs];
}

type Column = Uint8Array | Int32Array | Uint32Array | Float64Array;

interface Head {
  readonly events: number;
  readonly session: SessionState;
  readonly books: readonly BookState[];
  readonly listed: readonly ListedBook[];
  readonly accounts: number;
  readonly pages: number;
  readonly orders: number;
}

type AccountRow = [
  number: number,
  name: string,
  isNumeric: boolean,
  isRaw: boolean,
  takesPart: boolean,
  lastToken: number,
  count: number,
  pageBytes: number,
  pages: number,
  orders: number,
];

/** `state` must not change while the pieces are taken. */
export function* encodeSnapshot(state: ExchangeState): Generator<Uint8Array> {
  const { events, session, accounts, books, listed, orders } = state;
  const pages = accounts.reduce((sum, { stream }) => sum + stream.firsts.length, 0);
  const head: Head = {
    events,
    session,
    books,
    listed,
    accounts: accounts.length,
    pages,
    orders: orders.token.length,
  };
  yield packr.pack(head);
  for (let at = 0; at < accounts.length; at += ACCOUNTS_OF_PIECE) {
    yield packr.pack(accounts.slice(at, at + ACCOUNTS_OF_PIECE).map(rowOf));
  }
  for (const column of [pageColumn(state, 'firsts', pages), pageColumn(state, 'events', pages)]) {
    yield* piecesOf(column);
  }
  for (const column of listOf(orders)) yield* piecesOf(column);
}

function rowOf({
  number,
  name,
  form,
  isRaw,
  takesPart,
  lastToken,
  stream,
  orders,
}: AccountState): AccountRow {
  const { count, pageBytes, firsts } = stream;
  return [
    number,
    name,
    form === 'uint32',
    isRaw,
    takesPart,
    lastToken,
    count,
    pageBytes,
    firsts.length,
    orders,
  ];
}

function pageColumn({ accounts }: ExchangeState, key: 'firsts' | 'events', pages: number): Float64Array {
  const column = new Float64Array(pages);
  let at = 0;
  for (const { stream } of accounts) {
    column.set(stream[key], at);
    at += stream[key].length;
  }
  return column;
}

function* piecesOf(column: Column): Generator<Uint8Array> {
  const bytes = new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}

/** Throws a RangeError if the pieces are not those of an exchange. */
export function decodeSnapshot([first, ...rest]: readonly Uint8Array[]): ExchangeState {
  const head = packr.unpack(first as Uint8Array) as Head;
  const { events, session, books, listed } = head;
  const lists = Math.ceil(head.accounts / ACCOUNTS_OF_PIECE);
  const rows = rest.slice(0, lists).flatMap((piece) => packr.unpack(piece) as AccountRow[]);
  const firsts = new Float64Array(head.pages);
  const pageEvents = new Float64Array(head.pages);
  const orders = emptyColumns(head.orders);
  fill([firsts, pageEvents, ...listOf(orders)], rest.slice(lists));
  let page = 0;
  const accounts = rows.map((row): AccountState => {
    const [number, name, isNumeric, isRaw, takesPart, lastToken, count, pageBytes, pages, openOrders] = row;
    const stream = {
      count,
      pageBytes,
      firsts: [...firsts.subarray(page, page + pages)],
      events: [...pageEvents.subarray(page, page + pages)],
    };
    page += pages;
    const form = isNumeric ? 'uint32' : 'alpha';
    return { number, name, form, isRaw, takesPart, lastToken, stream, orders: openOrders };
  });
  const ordersOfAll = accounts.reduce((sum, account) => sum + account.orders, 0);
  if (accounts.length !== head.accounts || page !== head.pages || ordersOfAll !== head.orders) {
    throw new RangeError('the accounts in a snapshot have not the pages and orders that it has');
  }
  return { events, session, accounts, books, listed, orders };
}

/** The columns follow each other in the pieces, and begin a new one each. */
function fill(columns: readonly Column[], pieces: readonly Uint8Array[]): void {
  let next = 0;
  for (const column of columns) {
    const bytes = new Uint8Array(column.buffer);
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      const piece = pieces[next++];
      if (piece?.length !== Math.min(PIECE_BYTES, bytes.length - at)) {
        throw new RangeError(
          `a snapshot has ${piece?.length ?? 0} bytes of a column where there should be more`,
        );
      }
      bytes.set(piece, at);
    }
  }
  if (next !== pieces.length) throw new RangeError('a snapshot has more pieces than it should have');
}
