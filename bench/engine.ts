/**
 * How many messages a second does the matching engine take, without sockets and threads?
 *
 *     Enter, Replace, Cancel ──► orders and books ──► Accepted, Replaced, Canceled, Executed in pages
 *
 * Messages are decoded, matched and answered as an exchange does it, without its checks and streams, in one book and in
 * ten. The operations alone, as objects that are made before, go to the npm package nodejs-order-book.
 */
import { fileURLToPath } from 'node:url';
import { type LimitOrderOptions, OrderBook as PeerBook, Side } from 'nodejs-order-book';
import { ENTRY_HEAD_BYTES } from '../src/protocol/exchange.ts';
import {
  type ReplacedFields,
  type Wide,
  writeAccepted,
  writeCanceled,
  writeExecuted,
  writeReplaced,
} from '../src/protocol/ouch/flat.ts';
import * as layout from '../src/protocol/ouch/layout.ts';
import { type MatchSink, OrderBook, SELF_TRADE } from '../workers/exchange/order-book.ts';
import { BUY, ORDER, Orders } from '../workers/exchange/orders.ts';
import { NONE } from '../workers/exchange/rows.ts';
import { type EngineLoad, type EngineTotals, engineLoad, PACKET_HEAD_BYTES } from './support/engine-load.ts';
import { check, environmentLine, formatRates, formatRatio, median, print } from './support/figures.ts';

// As in flat.ts: a constant of this module is a number in compiled code.
const { CANCEL, DAY, ENTER, LENGTH, LETTER, REPLACE } = layout;
const { ACCOUNT, OPEN, USED } = ORDER;

export interface EngineBenchOptions {
  readonly messages: number;
  readonly live: number;
  readonly repeats: number;
  /** The peer is some fifty times slower: it gets this share of the messages. */
  readonly peerShare: number;
}

const ACCOUNTS = 50;
const PAGE_BYTES = 65_536;
const SEQUENCED_DATA = 0x53;
const LIVE = 0x4c;
const USER = 0x55;
const ADDED = 0x41;
const REMOVED = 0x52;
const TIME_MS = 1;

export function runEngineBench({ messages, live, repeats, peerShare }: EngineBenchOptions): void {
  print(`matching engine: ${messages} messages, ${live} live orders`, environmentLine());
  for (const books of [1, 10]) {
    const name = books === 1 ? 'one book' : `${books} books`;
    const load = engineLoad({ messages, books, accounts: ACCOUNTS, live, seed: 7 });
    const rate = messages / median(measure(name, load, repeats));
    const peerLoad = engineLoad({ messages: messages * peerShare, books, accounts: ACCOUNTS, live, seed: 7 });
    const seconds = measurePeer(peerLoad, repeats);
    print(
      `  nodejs-order-book, ${name}`,
      formatRates(peerLoad.messages, seconds),
      formatRatio((rate * median(seconds)) / peerLoad.messages, 'it'),
    );
  }
}

function measure(name: string, load: EngineLoad, repeats: number): number[] {
  const seconds: number[] = [];
  const { view, starts } = load;
  let bytes = 0;
  // The first two warm up.
  for (let i = -2; i < repeats; i++) {
    const venue = new PlainVenue(load);
    const startedMs = performance.now();
    for (let i = 1; i < starts.length; i++) venue.take(view, starts[i - 1], starts[i]);
    if (i >= 0) seconds.push((performance.now() - startedMs) / 1000);
    checkTotals(venue.totals(), load.expected, name);
    bytes = venue.bytes;
  }
  print(
    name,
    formatRates(load.messages, seconds),
    `${(bytes / load.messages).toFixed(0)} bytes told a message`,
  );
  return seconds;
}

function checkTotals(found: EngineTotals, expected: EngineTotals, what: string): void {
  check(JSON.stringify(found) === JSON.stringify(expected), what);
}

/** What an account is told, in pages that begin again when they are full. */
class Pages {
  readonly view = new DataView(new ArrayBuffer(PAGE_BYTES));
  bytes = 0;
  #end = 0;

  begin(length: number): number {
    const size = PACKET_HEAD_BYTES + length;
    if (this.#end + size > PAGE_BYTES) this.#end = 0;
    const at = this.#end;
    this.view.setUint16(at, length + 1);
    this.view.setUint8(at + 2, SEQUENCED_DATA);
    this.#end = at + size;
    this.bytes += size;
    return at + PACKET_HEAD_BYTES;
  }
}

/** Orders and books with nothing around them. */
class PlainVenue implements MatchSink {
  readonly #orders = new Orders();
  readonly #books: readonly OrderBook[];
  readonly #ids: readonly number[];
  readonly #indexOf: ReadonlyMap<number, number>;
  readonly #pages: readonly Pages[];
  readonly #time: Wide = { high: 7, low: 0 };
  readonly #number = { high: 47, low: 1 };
  readonly #match = { high: 47, low: 1 };
  #trades = 0;
  #traded = 0;
  readonly #replaced: { -readonly [field in keyof ReplacedFields]: number };

  constructor({ books, accounts }: EngineLoad) {
    this.#ids = books;
    this.#indexOf = new Map(books.map((id, index) => [id, index]));
    this.#books = books.map(() => new OrderBook(this.#orders, this));
    this.#pages = Array.from({ length: accounts }, () => new Pages());
    this.#replaced = {
      ...{ replacementToken: 0, side: 0, quantity: 0, orderbook: 0, group: 0x44415920, price: 0 },
      ...{ timeInForce: DAY, display: 0x20, minimumQuantity: 0, state: LIVE, previousToken: 0 },
    };
  }

  get bytes(): number {
    return this.#pages.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  totals(): EngineTotals {
    const openOf = (slots: readonly number[]) =>
      slots.reduce((sum, slot) => sum + this.#orders.rows[slot | OPEN], 0);
    const all = this.#books.flatMap((book) => [
      ...book.ordersOf(true, Number.POSITIVE_INFINITY),
      ...book.ordersOf(false, Number.POSITIVE_INFINITY),
    ]);
    return { trades: this.#trades, traded: this.#traded, openOrders: all.length, open: openOf(all) };
  }

  /** What came from one account, from `start` to `end`. */
  take(view: DataView, start: number, end: number): void {
    const account = view.getUint32(start, true);
    for (let at = start + ENTRY_HEAD_BYTES; at < end; ) {
      const message = at + PACKET_HEAD_BYTES;
      const letter = view.getUint8(message);
      if (letter === LETTER.enter) this.#enter(account, view, message);
      else if (letter === LETTER.cancel) this.#cancel(account, view, message);
      else this.#replace(account, view, message);
      at += 2 + view.getUint16(at);
    }
  }

  executed(resting: number, incoming: number, quantity: number, price: number): void {
    this.#trades++;
    this.#traded += quantity;
    this.#match.low++;
    this.#tellExecuted(incoming, quantity, price, REMOVED);
    this.#tellExecuted(resting, quantity, price, ADDED);
  }

  prevented(): void {
    throw new Error('nothing is prevented where it is off');
  }

  #enter(account: number, view: DataView, at: number): void {
    const orders = this.#orders;
    const index = this.#indexOf.get(view.getUint32(at + ENTER.orderbook)) as number;
    const slot = orders.add(account, view.getUint32(at + ENTER.token));
    const price = view.getInt32(at + ENTER.price);
    orders.setBook(slot, index, view.getUint8(at + ENTER.side));
    orders.setTerms(slot, price, view.getInt32(at + ENTER.quantity), ++this.#number.low, TIME_MS);
    const pages = this.#pages[account];
    const to = pages.begin(LENGTH.accepted);
    writeAccepted(pages.view, to, this.#time, view, at, LENGTH.enter, this.#number, LIVE);
    this.#settle(slot, this.#books[index]);
  }

  #replace(account: number, view: DataView, at: number): void {
    const orders = this.#orders;
    const token = view.getUint32(at + REPLACE.existingToken);
    const slot = orders.find(account, token);
    if (slot === NONE) return;
    const index = orders.bookOf(slot);
    const book = this.#books[index];
    const replacement = view.getUint32(at + REPLACE.replacementToken);
    book.remove(slot);
    const price = view.getInt32(at + REPLACE.price);
    const open = view.getInt32(at + REPLACE.quantity) - orders.rows[slot | USED];
    orders.rekey(slot, replacement);
    orders.setTerms(slot, price, open, ++this.#number.low, TIME_MS);
    const fields = this.#replaced;
    fields.replacementToken = replacement;
    fields.side = orders.sideOf(slot);
    fields.quantity = open;
    fields.orderbook = this.#ids[index];
    fields.price = price;
    fields.previousToken = token;
    const pages = this.#pages[account];
    writeReplaced(pages.view, pages.begin(LENGTH.replaced), this.#time, fields, this.#number);
    this.#settle(slot, book);
  }

  #cancel(account: number, view: DataView, at: number): void {
    const orders = this.#orders;
    const token = view.getUint32(at + CANCEL.token);
    const slot = orders.find(account, token);
    if (slot === NONE) return;
    const pages = this.#pages[account];
    const to = pages.begin(LENGTH.canceled);
    writeCanceled(pages.view, to, this.#time, token, orders.rows[slot | OPEN], USER);
    this.#books[orders.bookOf(slot)].remove(slot);
    orders.remove(slot);
  }

  #settle(slot: number, book: OrderBook): void {
    book.match(slot, SELF_TRADE.off);
    if (this.#orders.rows[slot | OPEN] === 0) this.#orders.remove(slot);
    else book.rest(slot);
  }

  #tellExecuted(slot: number, quantity: number, price: number, liquidity: number): void {
    const pages = this.#pages[this.#orders.rows[slot | ACCOUNT]];
    const to = pages.begin(LENGTH.executed);
    const token = this.#orders.tokenOf(slot);
    writeExecuted(pages.view, to, this.#time, token, quantity, price, liquidity, this.#match);
  }
}

type PeerOperation =
  | { readonly type: 'enter'; readonly book: number; readonly order: LimitOrderOptions }
  | { readonly type: 'cancel'; readonly book: number; readonly id: string }
  | {
      readonly type: 'replace';
      readonly book: number;
      readonly id: string;
      readonly next: { size: number; price: number };
    };

function measurePeer(load: EngineLoad, repeats: number): number[] {
  const operations = peerOperations(load);
  const seconds: number[] = [];
  for (let i = -1; i < repeats; i++) {
    const books = load.books.map(() => new PeerBook());
    const startedMs = performance.now();
    for (const operation of operations) runOnPeer(books[operation.book], operation);
    if (i >= 0) seconds.push((performance.now() - startedMs) / 1000);
    const levels = books.flatMap((book) => book.depth().flat());
    const open = levels.reduce((sum, [, size]) => sum + size, 0);
    check(open === load.expected.open, `open shares of the peer: ${open} instead of ${load.expected.open}`);
  }
  return seconds;
}

function runOnPeer(book: PeerBook, operation: PeerOperation): void {
  if (operation.type === 'enter') book.limit(operation.order);
  else if (operation.type === 'cancel') book.cancel(operation.id);
  else book.modify(operation.id, operation.next);
}

/** The peer knows an order by one id for all of its life, and is told what is to be open of it instead of a total. */
function peerOperations(load: EngineLoad): PeerOperation[] {
  const operations: PeerOperation[] = [];
  const ids = new Map<string, { readonly id: string; readonly book: number }>();
  const { view, starts } = load;
  let replaces = 0;
  for (let i = 1; i < starts.length; i++) {
    const start = starts[i - 1];
    const account = view.getUint32(start, true);
    const end = starts[i];
    for (let packet = start + ENTRY_HEAD_BYTES; packet < end; packet += 2 + view.getUint16(packet)) {
      const at = packet + PACKET_HEAD_BYTES;
      const letter = view.getUint8(at);
      const key = `${account}/${view.getUint32(at + 1)}`;
      if (letter === LETTER.enter) {
        const book = load.books.indexOf(view.getUint32(at + ENTER.orderbook));
        ids.set(key, { id: key, book });
        operations.push({ type: 'enter', book, order: peerOrder(key, view, at) });
        continue;
      }
      const known = ids.get(key);
      if (known === undefined) throw new Error(`there is no order ${key}`);
      if (letter === LETTER.cancel) operations.push({ type: 'cancel', ...known });
      else {
        ids.set(`${account}/${view.getUint32(at + REPLACE.replacementToken)}`, known);
        const next = { size: load.replaced[replaces++], price: view.getUint32(at + REPLACE.price) };
        operations.push({ type: 'replace', ...known, next });
      }
    }
  }
  return operations;
}

function peerOrder(id: string, view: DataView, at: number): LimitOrderOptions {
  const side = view.getUint8(at + ENTER.side) === BUY ? Side.BUY : Side.SELL;
  return { id, side, size: view.getUint32(at + ENTER.quantity), price: view.getUint32(at + ENTER.price) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  runEngineBench({ messages: 2_000_000, live: 10_000, repeats: 5, peerShare: 0.1 });
}
