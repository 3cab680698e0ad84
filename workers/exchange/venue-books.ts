/**
 * The order books of a venue: one for each security and group in which it is traded. They are found by the four bytes
 * that messages have, without allocation; the table of a form is open-addressed and at most half full.
 */
import type { BookSelection, OrderbookForm } from '../../src/protocol/exchange.ts';
import { type BookSettings, GROUPS, type VenueSettings } from '../../src/protocol/venue.ts';
import type { BookState } from './exchange-snapshot.ts';
import type { MatchSink } from './order-book.ts';
import { OrderBook } from './order-book.ts';
import type { Orders } from './orders.ts';
import { NONE } from './rows.ts';
import { Ticks } from './ticks.ts';
import { type Trade, Trades } from './trades.ts';
import { type BookRules, groupIndexOf } from './validate.ts';
import { numberText, textNumber } from './wire-text.ts';

export class VenueBook {
  readonly index: number;
  /** As on the wire: four characters as an integer, and what it is where books are numbers. */
  readonly id: number;
  readonly number: number;
  readonly group: number;
  /** For people. */
  readonly name: string;
  readonly rules: BookRules;
  readonly book: OrderBook;
  /** No settings have it any more, but orders do. */
  readonly isRetired: boolean;
  isHalted = false;
  /** Price of the last trade there was, 0 without one; and its counter, 0 if it was on a date before. */
  lastPrice = 0;
  lastMatch = 0;
  /** Shares traded in the session. */
  volume = 0;
  readonly trades = new Trades();
  /** Set while somebody follows it. */
  changes: BookChanges | undefined;

  constructor(index: number, key: BookKey, security: Security | undefined, book: OrderBook) {
    this.index = index;
    this.id = key.id;
    this.number = key.number;
    this.group = key.group;
    this.name = security?.settings.name ?? numberText(key.id);
    this.rules = security?.rules ?? NOTHING_ALLOWED;
    this.book = book;
    this.isRetired = security === undefined;
  }

  /** As in the settings. */
  get idText(): string {
    return numberText(this.id);
  }

  get groupText(): string {
    return numberText(this.group);
  }

  traded(
    date: number,
    counter: number,
    price: number,
    quantity: number,
    isBuy: boolean,
    timeMs: number,
  ): void {
    this.lastPrice = price;
    this.lastMatch = counter;
    this.volume += quantity;
    this.trades.add(date, counter, price, quantity, isBuy, timeMs);
    this.changes?.traded(this.trades.at(this.trades.count - 1));
  }

  freeze(): BookState {
    const { id, group, isHalted, lastPrice: last, lastMatch, volume } = this;
    return { id, group, isHalted, last, lastMatch, volume };
  }
}

/** Hears of what a book's row has beside its levels. */
export interface BookChanges {
  traded(trade: Trade): void;
  /** Its state is another one, or the session. */
  touch(): void;
}

interface BookKey {
  readonly id: number;
  readonly number: number;
  readonly group: number;
}

interface Security {
  readonly settings: BookSettings;
  readonly rules: BookRules;
}

const NOTHING_ALLOWED: BookRules = {
  ticks: new Ticks({ name: '', bands: [{ from: 0, tick: 1 }] }),
  lot: 1,
  lowerLimit: 1,
  upperLimit: 0,
  isShortSellRestricted: true,
};

export class VenueBooks {
  readonly list: VenueBook[] = [];
  readonly #orders: Orders;
  readonly #sink: MatchSink;
  /** By form, where the four books of a security are in `#places`. */
  readonly #alpha = new IdTable();
  readonly #numbers = new IdTable();
  /** Indexes of books by security and group, NONE where there is none. */
  readonly #places: number[] = [];

  constructor({ books, tickTables }: VenueSettings, orders: Orders, sink: MatchSink) {
    this.#orders = orders;
    this.#sink = sink;
    const ticks = new Map(tickTables.map((table) => [table.name, new Ticks(table)]));
    for (const settings of books) {
      const tick = ticks.get(settings.tickTable);
      if (tick === undefined) throw new RangeError(`no tick table is called ${settings.tickTable}`);
      const security: Security = { settings, rules: { ...settings, ticks: tick } };
      const id = textNumber(settings.id);
      const place = this.#addPlaces(id);
      this.#numbers.add(settings.number, place);
      for (const group of settings.groups) {
        const number = textNumber(group);
        this.#add(place, { id, number: settings.number, group: number }, security);
      }
    }
  }

  /** NONE if there is no such book. */
  find(form: OrderbookForm, orderbook: number, groupIndex: number): number {
    const place = (form === 'alpha' ? this.#alpha : this.#numbers).find(orderbook);
    return place === NONE || groupIndex < 0 ? NONE : this.#places[place + groupIndex];
  }

  /** Goes on with a book as it was stored; returns its index. */
  restore({ id, group, isHalted, last, lastMatch, volume }: BookState): number {
    const book = this.#findOrRetire(id, group);
    book.isHalted = isHalted;
    book.lastPrice = last;
    book.lastMatch = lastMatch;
    book.volume = volume;
    return book.index;
  }

  /** The book of something that is stored, whose settings may be gone. */
  #findOrRetire(id: number, group: number): VenueBook {
    const found = this.find('alpha', id, groupIndexOf(group));
    if (found !== NONE) return this.list[found];
    const known = this.#alpha.find(id);
    const place = known === NONE ? this.#addPlaces(id) : known;
    return this.#add(place, { id, number: 0, group }, undefined);
  }

  /** Those that are meant, in order. */
  select({ id, group }: BookSelection): VenueBook[] {
    const wanted = { id: id && textNumber(id.trim()), group: group && textNumber(group.trim()) };
    return this.list.filter(
      (book) =>
        !book.isRetired &&
        (wanted.id === undefined || wanted.id === book.id) &&
        (wanted.group === undefined || wanted.group === book.group),
    );
  }

  #addPlaces(id: number): number {
    const place = this.#places.length;
    for (let i = 0; i < GROUPS.length; i++) this.#places.push(NONE);
    this.#alpha.add(id, place);
    return place;
  }

  #add(place: number, key: BookKey, security: Security | undefined): VenueBook {
    const index = this.list.length;
    const book = new VenueBook(index, key, security, new OrderBook(this.#orders, this.#sink));
    this.list.push(book);
    this.#places[place + groupIndexOf(key.group)] = index;
    return book;
  }
}

const TABLE_MIN = 64;

/** A place for each number of 32 bits. */
class IdTable {
  #count = 0;
  #keys = new Uint32Array(TABLE_MIN);
  #values = new Int32Array(TABLE_MIN).fill(NONE);

  find(key: number): number {
    const mask = this.#keys.length - 1;
    for (let at = hash(key) & mask; ; at = (at + 1) & mask) {
      const value = this.#values[at];
      if (value === NONE || this.#keys[at] === key) return value;
    }
  }

  add(key: number, value: number): void {
    if (2 * this.#count >= this.#keys.length) this.#grow();
    const mask = this.#keys.length - 1;
    let at = hash(key) & mask;
    while (this.#values[at] !== NONE) {
      if (this.#keys[at] === key) return;
      at = (at + 1) & mask;
    }
    this.#keys[at] = key;
    this.#values[at] = value;
    this.#count++;
  }

  #grow(): void {
    const [keys, values] = [this.#keys, this.#values];
    this.#keys = new Uint32Array(keys.length * 2);
    this.#values = new Int32Array(keys.length * 2).fill(NONE);
    this.#count = 0;
    for (let i = 0; i < keys.length; i++) if (values[i] !== NONE) this.add(keys[i], values[i]);
  }
}

function hash(key: number): number {
  const mixed = Math.imul(key, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}
