/**
 * The venue as config.ini has it, in sections with names of their own, `[book BTC]`, `[ticks equities]` and
 * `[trader TRADE1]`; or as a program brings it. What neither says is the default venue's.
 *
 * A venue has the books, or the traders, that are named, and no default ones beside them. A tick table is one more.
 */
import {
  type BookSettings,
  GROUPS,
  SELF_TRADE_MODES,
  type TickBand,
  type TickTable,
  type TraderSettings,
  type VenueSettings,
} from './protocol/venue.ts';
import { nearest } from './values/nearest.ts';

/** What a program says of its venue; the rest is as by default. */
export interface VenueOptions {
  readonly tickTables?: readonly TickTable[];
  /** Without a number a book has its id's, if that is one. */
  readonly books?: readonly (Pick<BookSettings, 'id'> & Partial<BookSettings>)[];
  readonly traders?: readonly (Pick<TraderSettings, 'user' | 'password'> & Partial<TraderSettings>)[];
}

/** A section of a file. */
export interface NamedSection {
  readonly kind: VenueKind;
  readonly name: string;
  /** `config.ini [book BTC]` */
  readonly origin: string;
  readonly entries: Readonly<Record<string, string>>;
}

export const VENUE_KINDS = ['book', 'ticks', 'trader'] as const;
export type VenueKind = (typeof VENUE_KINDS)[number];

export interface ReadVenue {
  readonly venue: VenueSettings;
  /** What is wrong, one line each. */
  readonly problems: readonly string[];
}

const PRICE_MAX = 0x7ffffffe;
const QUANTITY_MAX = 0x7fffffff;
const UINT32_MAX = 0xffffffff;
/** Each book is one for each of its groups; each trader may hold a stream. */
const BOOKS_MAX = 10_000;
const TRADERS_MAX = 100_000;
const TICK_TABLES_MAX = 1_000;
const BANDS_MAX = 100;
const FIRMS_MAX = 100;

/** One key of a section, or one value of a program. */
interface Field<T> {
  /** The end of a sentence that begins with "expected". */
  readonly expected: string;
  /** Undefined if it is none. */
  readonly parse: (text: string) => T | undefined;
  readonly isValid: (value: T) => boolean;
}

type Fields<T> = { readonly [Key in keyof T]-?: Field<T[Key]> };

const GROUP_LIST = list(
  `some of ${GROUPS.map(unpadded).join(' ')}, each once`,
  parseGroup,
  isGroup,
  GROUPS.length,
);

const BOOK: Fields<Omit<BookSettings, 'id'>> = {
  number: whole(0, UINT32_MAX),
  name: word('1 to 64 printable characters', /^\P{Cc}{1,64}$/u),
  groups: {
    ...GROUP_LIST,
    isValid: (groups) =>
      groups.length > 0 && new Set(groups).size === groups.length && GROUP_LIST.isValid(groups),
  },
  lot: whole(1, QUANTITY_MAX),
  tickTable: word('the name of a section of ticks', /^\S{1,32}$/),
  lowerLimit: price(),
  upperLimit: price(),
  isShortSellRestricted: flag(),
};

const TRADER: Fields<Omit<TraderSettings, 'user'>> = {
  password: word('1 to 10 printable ASCII characters', /^[!-~](?:[ -~]{0,8}[!-~])?$/),
  groups: BOOK.groups,
  firms: list(`up to ${FIRMS_MAX} whole numbers from 1 to ${UINT32_MAX}`, parseWhole, isFirm, FIRMS_MAX),
  orderValueMax: whole(0, Number.MAX_SAFE_INTEGER),
  ordersPerSecond: whole(0, 1_000_000),
  selfTrade: {
    expected: `one of ${SELF_TRADE_MODES.join(', ')}`,
    parse: (text) => SELF_TRADE_MODES.find((mode) => mode === text),
    isValid: (mode) => SELF_TRADE_MODES.includes(mode),
  },
  owner: word('at most 64 printable characters', /^\P{Cc}{0,64}$/u),
};

const NAMES: Readonly<Record<VenueKind, { readonly pattern: RegExp; readonly expected: string }>> = {
  book: { pattern: /^[A-Za-z0-9]{1,4}$/, expected: 'an id of one to four letters and digits' },
  ticks: { pattern: /^[\w-]{1,32}$/, expected: 'a name of letters, digits, - and _' },
  trader: { pattern: /^[A-Z0-9_-]{1,6}$/, expected: 'a user of one to six letters, digits, - and _' },
};

const DEFAULT_TICKS: TickTable = { name: 'default', bands: [{ from: 0, tick: 1 }] };

const BOOK_DEFAULTS: Omit<BookSettings, 'id' | 'number' | 'name'> = {
  groups: GROUPS,
  lot: 1,
  tickTable: DEFAULT_TICKS.name,
  lowerLimit: 1,
  upperLimit: PRICE_MAX,
  isShortSellRestricted: false,
};

const TRADER_DEFAULTS: Omit<TraderSettings, 'user' | 'password'> = {
  groups: GROUPS,
  firms: [],
  orderValueMax: 0,
  ordersPerSecond: 0,
  selfTrade: 'cancel-newest',
  owner: '',
};

/** As the original client knows its order books, by number; and ten traders with a password that all can read here. */
export const DEFAULT_VENUE: VenueSettings = {
  tickTables: [DEFAULT_TICKS],
  books: ['BTC', 'ETH', 'BNB', 'SOL', 'ADA', 'XRP', 'DOT', 'LUNA', 'AVAX', 'DOGE'].map((id, i) => ({
    ...BOOK_DEFAULTS,
    id,
    number: i + 1,
    name: id,
  })),
  traders: Array.from({ length: 10 }, (_, i) => ({
    ...TRADER_DEFAULTS,
    user: `TRADE${i}`,
    password: 'OUTCRY',
  })),
};

/** What a program says is stronger than the file. */
export function readVenue(sections: readonly NamedSection[], options: VenueOptions = {}): ReadVenue {
  const problems: string[] = [];
  const bands = (section: NamedSection) => readBands(section, problems);
  const inFile: Required<VenueOptions> = {
    tickTables: of('ticks').map((section) => ({ name: section.name, bands: bands(section) })),
    books: of('book').map((section) => ({ id: section.name, ...readFields(section, BOOK, problems) })),
    traders: of('trader').map((section) => ({
      password: '',
      user: section.name.toUpperCase(),
      ...readFields(section, TRADER, problems),
    })),
  };
  // What was meant by a wrong value is not known: it is compared with nothing.
  if (problems.length > 0) return { venue: DEFAULT_VENUE, problems };
  const origins = new Map(sections.map(({ kind, name, origin }) => [keyOf(kind, name), origin]));
  const originOf = (kind: VenueKind, name: string) => origins.get(keyOf(kind, name)) ?? `[${kind} ${name}]`;
  const venue = complete({
    tickTables: options.tickTables ?? inFile.tickTables,
    books: options.books ?? inFile.books,
    traders: options.traders ?? inFile.traders,
  });
  return { venue, problems: problemsOf(venue, originOf) };

  function of(kind: VenueKind): readonly NamedSection[] {
    return sections.filter((section) => section.kind === kind);
  }
}

/** Users are told apart without regard to case. */
function keyOf(kind: VenueKind, name: string): string {
  return `${kind} ${kind === 'trader' ? name.toUpperCase() : name}`;
}

function complete({ tickTables, books, traders }: Required<VenueOptions>): VenueSettings {
  const hasDefaultTicks = tickTables.some(({ name }) => name === DEFAULT_TICKS.name);
  return {
    tickTables: hasDefaultTicks ? tickTables : [DEFAULT_TICKS, ...tickTables],
    books:
      books.length === 0
        ? DEFAULT_VENUE.books
        : books.map((book) => ({
            ...BOOK_DEFAULTS,
            number: parseWhole(book.id) ?? Number.NaN,
            name: book.id,
            ...book,
          })),
    traders:
      traders.length === 0
        ? DEFAULT_VENUE.traders
        : traders.map((trader) => ({ ...TRADER_DEFAULTS, ...trader, user: trader.user.toUpperCase() })),
  };
}

function readFields<T>({ origin, entries }: NamedSection, fields: Fields<T>, problems: string[]): Partial<T> {
  const keys = Object.keys(fields) as (keyof T & string)[];
  const values: Partial<T> = {};
  for (const [iniKey, text] of Object.entries(entries)) {
    const key = keys.find((each) => iniKeyOf(each) === iniKey);
    if (key === undefined) {
      const known = nearest(iniKey, keys.map(iniKeyOf));
      problems.push(`${origin} ${iniKey}: no such name, the nearest is ${known}`);
      continue;
    }
    const { parse, isValid, expected } = fields[key];
    const value = parse(text);
    if (value === undefined || !isValid(value)) {
      // A password that is nearly right is nobody's business.
      const shown = iniKey === 'password' ? 'what is there' : JSON.stringify(text);
      problems.push(`${origin} ${iniKey}: ${shown}, expected ${expected}`);
    } else values[key] = value;
  }
  return values;
}

/** Each key is a price, its value the tick from there on. */
function readBands({ origin, entries }: NamedSection, problems: string[]): readonly TickBand[] {
  const bands: TickBand[] = [];
  for (const [key, text] of Object.entries(entries)) {
    const from = parsePrice(key);
    const tick = parsePrice(text);
    if (from === undefined || from > PRICE_MAX) {
      problems.push(`${origin} ${key}: expected a price, from which on the tick is ${text}`);
    } else if (tick === undefined || tick < 1 || tick > PRICE_MAX) {
      problems.push(`${origin} ${key}: ${JSON.stringify(text)}, expected a tick of 0.1 or more`);
    } else bands.push({ from, tick });
  }
  return bands.sort((a, b) => a.from - b.from);
}

function problemsOf(
  { tickTables, books, traders }: VenueSettings,
  originOf: (kind: VenueKind, name: string) => string,
): readonly string[] {
  const tables = tickTables.map(({ name }) => name);
  return [
    ...tooMany('tick tables', tickTables.length, TICK_TABLES_MAX),
    ...tooMany('books', books.length, BOOKS_MAX),
    ...tooMany('traders', traders.length, TRADERS_MAX),
    ...repeated('ticks', tables),
    ...repeated(
      'book',
      books.map(({ id }) => id),
    ),
    ...repeated(
      'trader',
      traders.map(({ user }) => user),
    ),
    ...tickTables.flatMap((table) => [
      ...nameProblems('ticks', table.name),
      ...bandProblems(table, originOf('ticks', table.name)),
    ]),
    ...books.flatMap((book) => {
      const origin = originOf('book', book.id);
      return [
        ...nameProblems('book', book.id),
        ...fieldProblems(origin, BOOK, book),
        ...(tables.includes(book.tickTable)
          ? []
          : [
              `${origin} tick_table: no section [ticks ${book.tickTable}], the nearest is ${nearest(book.tickTable, tables)}`,
            ]),
        ...(book.lowerLimit <= book.upperLimit
          ? []
          : [`${origin} lower_limit: expected no more than the upper_limit`]),
      ];
    }),
    ...sharedNumbers(books, originOf),
    ...traders.flatMap((trader) => [
      ...nameProblems('trader', trader.user),
      ...fieldProblems(originOf('trader', trader.user), TRADER, trader),
    ]),
  ];

  function nameProblems(kind: VenueKind, name: string): string[] {
    const { pattern, expected } = NAMES[kind];
    return pattern.test(name) ? [] : [`${originOf(kind, name)}: expected ${expected}`];
  }

  function repeated(kind: VenueKind, names: readonly string[]): string[] {
    const seen = new Set<string>();
    const again = new Set(names.filter((name) => seen.size === seen.add(name).size));
    return [...again].map((name) => `${originOf(kind, name)}: expected once, and it is there more often`);
  }
}

function fieldProblems<T>(origin: string, fields: Fields<T>, values: T): string[] {
  return (Object.keys(fields) as (keyof T & string)[]).flatMap((key) => {
    const { expected, isValid } = fields[key];
    if (isValid(values[key])) return [];
    const value = values[key];
    const isMissing = value === '' || Number.isNaN(value);
    return [
      `${origin} ${iniKeyOf(key)}: ${isMissing ? 'missing' : JSON.stringify(value)}, expected ${expected}`,
    ];
  });
}

function bandProblems({ bands }: TickTable, origin: string): string[] {
  if (bands[0]?.from !== 0) return [`${origin}: expected a tick from 0 on, such as 0 = 0.1`];
  const isAscending = bands.every(({ from }, i) => i === 0 || from > (bands[i - 1]?.from ?? 0));
  if (!isAscending) return [`${origin}: expected each price once, in their order`];
  return tooMany(`prices in ${origin}`, bands.length, BANDS_MAX);
}

/** By its number as by its id one book is meant. */
function sharedNumbers(
  books: readonly BookSettings[],
  originOf: (kind: VenueKind, name: string) => string,
): string[] {
  const ids = new Map<number, string>();
  return books.flatMap(({ id, number }) => {
    // One that is missing is a problem of its own.
    const other = Number.isNaN(number) ? undefined : ids.get(number);
    if (other === undefined) ids.set(number, id);
    return other === undefined || other === id
      ? []
      : [
          `${originOf('book', id)} number: "${number}", expected another than that of ${originOf('book', other)}`,
        ];
  });
}

function tooMany(what: string, count: number, max: number): string[] {
  return count <= max ? [] : [`${what}: ${count}, expected no more than ${max}`];
}

function iniKeyOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function whole(min: number, max: number): Field<number> {
  return {
    expected: `a whole number from ${min} to ${max}`,
    parse: parseWhole,
    isValid: (value) => Number.isInteger(value) && value >= min && value <= max,
  };
}

function price(): Field<number> {
  return {
    expected: 'a price from 0.1 to 214748364.6',
    parse: parsePrice,
    isValid: (value) => Number.isInteger(value) && value >= 1 && value <= PRICE_MAX,
  };
}

function flag(): Field<boolean> {
  return {
    expected: 'true or false',
    parse: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
    isValid: (value) => typeof value === 'boolean',
  };
}

function word(expected: string, pattern: RegExp): Field<string> {
  return { expected, parse: (text) => text, isValid: (value) => pattern.test(value) };
}

/** Spaces or commas stand between its items. */
function list<T>(
  expected: string,
  parseItem: (text: string) => T | undefined,
  isItem: (item: T) => boolean,
  max: number,
): Field<readonly T[]> {
  return {
    expected,
    parse: (text) => {
      const items = text.split(/[\s,]+/).filter((item) => item !== '');
      const values = items.flatMap((item) => parseItem(item) ?? []);
      return values.length === items.length ? values : undefined;
    },
    isValid: (items) => items.length <= max && items.every(isItem),
  };
}

function parseWhole(text: string): number | undefined {
  return /^\d{1,16}$/.test(text) ? Number(text) : undefined;
}

/** In yen, with at most one decimal; in tenths. */
function parsePrice(text: string): number | undefined {
  const found = /^(\d{1,9})(?:\.(\d))?$/.exec(text);
  return found === null ? undefined : Number(found[1]) * 10 + Number(found[2] ?? 0);
}

function parseGroup(text: string): string | undefined {
  return GROUPS.find((group) => unpadded(group) === text.toUpperCase());
}

function isGroup(group: string): boolean {
  return GROUPS.some((known) => known === group);
}

function isFirm(firm: number): boolean {
  return Number.isInteger(firm) && firm >= 1 && firm <= UINT32_MAX;
}

function unpadded(group: string): string {
  return group.trimEnd();
}
