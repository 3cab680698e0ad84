/**
 * A market's day in inbound messages, for benches of the matching engine: the same seed gives the same bytes.
 *
 * Of a hundred messages 55 enter an order that rests, 30 cancel one, 8 replace one, and 7 enter an order that meets what
 * rests opposite. Orders lie within some two hundred ticks of the middle, most of them near it.
 */
import { ENTRY_HEAD_BYTES } from '../../src/protocol/exchange.ts';
import { CANCEL, DAY, ENTER, LENGTH, LETTER, REPLACE } from '../../src/protocol/ouch/layout.ts';
import { type MatchSink, OrderBook, SELF_TRADE } from '../../workers/exchange/order-book.ts';
import { BUY, ORDER, Orders } from '../../workers/exchange/orders.ts';
import { Random } from '../../workers/runtime/random.ts';

const { ACCOUNT, OPEN, USED } = ORDER;

export const SELL = 0x53;
export const PACKET_HEAD_BYTES = 3;
const UNSEQUENCED_DATA = 0x55;
/** Messages that come from an account at a time. */
const RUN = 16;
const MIDDLE = 10_000;
/** Mean distance from the middle, in ticks. */
const SPREAD = 40;
const BYTES_PER_MESSAGE = 51;

export interface EngineLoad {
  /** Chunks as the exchange gets them: a head of ENTRY_HEAD_BYTES, then packets of one account. */
  readonly view: DataView;
  /** Where each chunk begins, and the last one ends. */
  readonly starts: readonly number[];
  readonly messages: number;
  readonly accounts: number;
  /** The ids of the books, as their four bytes are read. */
  readonly books: readonly number[];
  /** What each Replace asks to be open, in their order: its quantity without what the order has traded. */
  readonly replaced: readonly number[];
  /** What must have become of all of it. */
  readonly expected: EngineTotals;
}

export interface EngineTotals {
  readonly trades: number;
  /** Shares that have changed hands. */
  readonly traded: number;
  readonly openOrders: number;
  /** Shares in them. */
  readonly open: number;
}

export interface EngineLoadOptions {
  readonly messages: number;
  readonly books: number;
  readonly accounts: number;
  /** Orders that are open most of the time, in all books together. */
  readonly live: number;
  readonly seed: number;
}

export function engineLoad(options: EngineLoadOptions): EngineLoad {
  return new LoadWriter(options).write();
}

/** `B001`, as its four bytes are read. */
export function bookId(index: number): number {
  return Buffer.from(`B${String(index).padStart(3, '0')}`, 'latin1').readUInt32BE();
}

/** Enters everything into an engine as it writes it, to know which orders are open and where the market is. */
class LoadWriter implements MatchSink {
  readonly #options: EngineLoadOptions;
  readonly #random: Random;
  readonly #orders = new Orders();
  readonly #books: readonly OrderBook[];
  readonly #tokens: Int32Array;
  readonly #live: readonly number[][];
  /** By slot: where it is in its account's list of live ones. */
  readonly #place: number[] = [];
  readonly #replaced: number[] = [];
  readonly #bytes: Buffer;
  #at = 0;
  #trades = 0;
  #traded = 0;

  constructor(options: EngineLoadOptions) {
    const { books, accounts, messages, seed } = options;
    this.#options = options;
    this.#random = new Random(seed);
    this.#books = Array.from({ length: books }, () => new OrderBook(this.#orders, this));
    this.#tokens = new Int32Array(accounts);
    this.#live = Array.from({ length: accounts }, () => []);
    this.#bytes = Buffer.alloc(messages * (BYTES_PER_MESSAGE + ENTRY_HEAD_BYTES));
  }

  write(): EngineLoad {
    const { messages, accounts, books } = this.#options;
    const starts: number[] = [];
    for (let done = 0; done < messages; done += RUN) {
      const account = this.#random.below(accounts);
      starts.push(this.#at);
      this.#bytes.writeUInt32LE(account, this.#at);
      this.#at += ENTRY_HEAD_BYTES;
      for (let i = done; i < Math.min(done + RUN, messages); i++) this.#writeMessage(account);
    }
    starts.push(this.#at);
    const open = this.#live.flat().reduce((sum, slot) => sum + this.#orders.rows[slot | OPEN], 0);
    return {
      view: new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#at),
      starts,
      messages,
      accounts,
      books: Array.from({ length: books }, (_, index) => bookId(index)),
      replaced: this.#replaced,
      expected: {
        trades: this.#trades,
        traded: this.#traded,
        openOrders: this.#orders.count,
        open,
      },
    };
  }

  executed(resting: number, _incoming: number, quantity: number): void {
    this.#trades++;
    this.#traded += quantity;
    if (this.#orders.rows[resting | OPEN] === 0) this.#forget(resting);
  }

  prevented(): void {
    throw new Error('nothing is prevented where it is off');
  }

  #writeMessage(account: number): void {
    const random = this.#random;
    const live = this.#live[account];
    const { count } = this.#orders;
    // Until the book is full nothing leaves it.
    const dice = random.below(100);
    if (count < this.#options.live / 2 || live.length === 0 || dice < 55) this.#enter(account, false);
    else if (dice < 62) this.#enter(account, true);
    else {
      const slot = random.pick(live);
      if (dice < 70) this.#replace(slot);
      else this.#cancel(slot);
    }
  }

  #enter(account: number, isCrossing: boolean): void {
    const random = this.#random;
    const index = random.below(this.#books.length);
    const book = this.#books[index];
    const isBuy = random.chance(0.5);
    const price = isCrossing ? priceAcross(book, isBuy) : this.#priceOf(book, isBuy);
    // What crosses takes as many orders as keeps the number of live ones.
    const mean = this.#orders.count > this.#options.live ? 300 : 100;
    const quantity = isCrossing ? 1 + random.below(2 * mean) : 1 + random.below(100);
    const token = ++this.#tokens[account];
    const at = this.#begin(LENGTH.enter, LETTER.enter);
    const bytes = this.#bytes;
    bytes.writeUInt32BE(token, at + ENTER.token);
    bytes.write('          ', at + ENTER.clientReference, 'latin1');
    bytes[at + ENTER.side] = isBuy ? BUY : SELL;
    bytes.writeUInt32BE(quantity, at + ENTER.quantity);
    bytes.writeUInt32BE(bookId(index), at + ENTER.orderbook);
    bytes.write('DAY ', at + ENTER.group, 'latin1');
    bytes.writeUInt32BE(price, at + ENTER.price);
    bytes.writeUInt32BE(DAY, at + ENTER.timeInForce);
    bytes.write(' P', at + ENTER.display, 'latin1');
    bytes.write('11', at + ENTER.classification, 'latin1');
    const slot = this.#orders.add(account, token);
    this.#orders.setBook(slot, index, isBuy ? BUY : SELL);
    this.#place[slot] = this.#live[account].push(slot) - 1;
    this.#settle(slot, price, quantity);
  }

  #replace(slot: number): void {
    const orders = this.#orders;
    const account = orders.rows[slot | ACCOUNT];
    const book = this.#books[orders.bookOf(slot)];
    book.remove(slot);
    const price = this.#priceOf(book, orders.sideOf(slot) === BUY);
    const open = 1 + this.#random.below(100);
    const token = ++this.#tokens[account];
    const at = this.#begin(LENGTH.replace, LETTER.replace);
    const bytes = this.#bytes;
    bytes.writeUInt32BE(orders.tokenOf(slot), at + REPLACE.existingToken);
    bytes.writeUInt32BE(token, at + REPLACE.replacementToken);
    bytes.writeUInt32BE(open + orders.rows[slot | USED], at + REPLACE.quantity);
    bytes.writeUInt32BE(price, at + REPLACE.price);
    bytes.writeUInt32BE(DAY, at + REPLACE.timeInForce);
    bytes.write(' ', at + REPLACE.display, 'latin1');
    this.#replaced.push(open);
    orders.rekey(slot, token);
    this.#settle(slot, price, open);
  }

  #cancel(slot: number): void {
    const orders = this.#orders;
    const at = this.#begin(LENGTH.cancel, LETTER.cancel);
    this.#bytes.writeUInt32BE(orders.tokenOf(slot), at + CANCEL.token);
    this.#books[orders.bookOf(slot)].remove(slot);
    this.#forget(slot);
    orders.remove(slot);
  }

  #settle(slot: number, price: number, open: number): void {
    const orders = this.#orders;
    const book = this.#books[orders.bookOf(slot)];
    orders.setTerms(slot, price, open, 0, 0);
    book.match(slot, SELF_TRADE.off);
    if (orders.rows[slot | OPEN] > 0) book.rest(slot);
    else {
      this.#forget(slot);
      orders.remove(slot);
    }
  }

  /** Near the middle, on its own side of the market. */
  #priceOf(book: OrderBook, isBuy: boolean): number {
    const away = 1 + Math.floor(-Math.log(1 - this.#random.below(1000) / 1000) * SPREAD);
    if (isBuy) return Math.min(MIDDLE - away, (book.bestAsk || MIDDLE) - 1);
    return Math.max(MIDDLE + away, book.bestBid + 1);
  }

  #begin(length: number, letter: number): number {
    const at = this.#at;
    this.#bytes.writeUInt16BE(length + 1, at);
    this.#bytes[at + 2] = UNSEQUENCED_DATA;
    this.#bytes[at + PACKET_HEAD_BYTES] = letter;
    this.#at = at + PACKET_HEAD_BYTES + length;
    return at + PACKET_HEAD_BYTES;
  }

  #forget(slot: number): void {
    const live = this.#live[this.#orders.rows[slot | ACCOUNT]];
    const place = this.#place[slot];
    const last = live.pop() as number;
    if (last === slot) return;
    live[place] = last;
    this.#place[last] = place;
  }
}

/** Some ticks over the best opposite price. */
function priceAcross(book: OrderBook, isBuy: boolean): number {
  return isBuy ? (book.bestAsk || MIDDLE) + 20 : Math.max(1, (book.bestBid || MIDDLE) - 20);
}
