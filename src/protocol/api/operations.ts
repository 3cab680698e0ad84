/**
 * Every operation of the api, once: what it is asked with, what it answers, and how it may be repeated. The server's
 * handlers and the client library follow from this table.
 *
 *     request    one answer
 *     download   opened with `info`, then items from the server, as many as the client gives credit for
 *     upload     opened with `info`, then items from the client, as many as the server gives credit for, then one answer
 *
 *     safe       carrying it out twice is as good as once: a client may send it again
 *     keyed      carried out once for each key: a client may send it again under the same key
 *     once       nobody knows, after a break, whether it was carried out: a client does not send it again
 */

import { OutcryError } from '../../values/errors.ts';
import { printable } from '../../values/printable.ts';
import { REQUEST_TRANSACTIONS_MAX } from '../bank.ts';
import type {
  BookRow,
  BookSelection,
  DayReply,
  ExchangeFigures,
  LevelRow,
  OrderRow,
  TradeRow,
} from '../exchange.ts';
import type { GoldAnswer, GoldRefresh, GoldRow } from '../gold.ts';
import { isGoldDate } from '../gold-dates.ts';
import type { ConnectionRecord } from '../registry.ts';
import { ROLES, type UserRow, type UserSession } from '../users.ts';
import type { UserInfo } from './frames.ts';
import {
  type AcceptedMessage,
  CAPACITIES,
  CASH_MARGINS,
  type CanceledMessage,
  CLASSIFICATIONS,
  type OrderMessage,
  type OrderSide,
  type RejectedMessage,
  type ReplacedMessage,
  SIDES,
  type SignedIn,
  TIMES_IN_FORCE,
} from './orders.ts';
import {
  type Check,
  eachOf,
  flag,
  integer,
  listOf,
  oneOf,
  optional,
  record,
  secret,
  text,
  textOrBytes,
} from './shape.ts';

export type Repetition = 'safe' | 'keyed' | 'once';

interface Described<Params> {
  readonly params: Check<Params>;
  readonly repetition: Repetition;
  /** Only for operators. */
  readonly isOperators: boolean;
}

export interface RequestOperation<Params, Reply> extends Described<Params> {
  readonly kind: 'request';
  /** Only in types. */
  readonly reply?: Reply;
}

export interface DownloadOperation<Params, Info, Item> extends Described<Params> {
  readonly kind: 'download';
  readonly info?: Info;
  readonly item?: Item;
}

export interface UploadOperation<Params, Info, Item, Reply> extends Described<Params> {
  readonly kind: 'upload';
  readonly info?: Info;
  readonly item?: Item;
  readonly reply?: Reply;
}

interface Manner {
  readonly repetition?: Repetition;
  readonly isOperators?: boolean;
}

function described<Params>(params: Check<Params>, manner: Manner): Described<Params> {
  return { params, repetition: manner.repetition ?? 'safe', isOperators: manner.isOperators ?? false };
}

/** `request<Reply>()(params)`: what it is asked with is inferred, what it answers is said. */
const request =
  <Reply>(manner: Manner = {}) =>
  <Params>(params: Check<Params>): RequestOperation<Params, Reply> => ({
    kind: 'request',
    ...described(params, manner),
  });

const download =
  <Info, Item>(manner: Manner = {}) =>
  <Params>(params: Check<Params>): DownloadOperation<Params, Info, Item> => ({
    kind: 'download',
    ...described(params, manner),
  });

const upload =
  <Info, Item, Reply>(manner: Manner = {}) =>
  <Params>(params: Check<Params>): UploadOperation<Params, Info, Item, Reply> => ({
    kind: 'upload',
    ...described(params, manner),
  });

/** A name of an account; bytes where it is not UTF-8. */
export type AccountName = string | Uint8Array;
/** Cents, positive for a credit and negative for a debit. */
export type TransactionTuple = readonly [account: AccountName, cents: number | bigint];
export type BalanceTuple = readonly [account: AccountName, cents: number];

/** Why the transaction at `index` was not posted. */
export type RefusalTuple = readonly [index: number, reason: string];

export interface StatementReply {
  /** Whose stream the positions are in. */
  readonly shard: string;
  readonly entries: readonly {
    readonly position: number;
    readonly timeMs: number;
    readonly cents: number;
    readonly balanceCents: number;
  }[];
  readonly balanceCents: number;
  readonly position: number;
  readonly firstKept: number;
}

export interface LobbyClient {
  readonly name: string;
  readonly sinceMs: number;
  readonly untilMs: number | null;
}

export interface LobbyMessage {
  readonly from: string;
  readonly text: string;
  readonly timeMs: number;
}

export interface ServedFile {
  readonly name: string;
  readonly size: number;
  readonly modifiedMs: number;
}

export interface FileInfo {
  readonly size: number;
  /** In hex. */
  readonly sha256: string;
}

/** Prices are decimal, `2300.0`, and null where there is none. */
export interface Book extends Omit<BookRow, 'bid' | 'ask' | 'last'> {
  readonly bid: string | null;
  readonly ask: string | null;
  readonly last: string | null;
}

export interface PriceLevel extends Omit<LevelRow, 'price'> {
  readonly price: string;
}

export interface BookOrder extends Omit<OrderRow, 'price' | 'side'> {
  readonly side: OrderSide;
  readonly price: string;
}

export interface Trade extends Omit<TradeRow, 'price' | 'side'> {
  /** Of the order that came later. */
  readonly side: 'buy' | 'sell';
  readonly price: string;
}

/** A book from the best prices on. */
export interface BookDepth {
  readonly book: Book;
  readonly bids: readonly PriceLevel[];
  readonly asks: readonly PriceLevel[];
  /** As many as were asked for. */
  readonly buyOrders: readonly BookOrder[];
  readonly sellOrders: readonly BookOrder[];
}

/** A book as it is, or what has become of it since the item before it. */
export type MarketItem = {
  /** Without gaps; but what is too long for one item comes in several of the same number. */
  readonly number: number;
  /** The next item of the book has more of this. */
  readonly hasMore: boolean;
  readonly book: Book;
} & (
  | {
      readonly type: 'snapshot';
      /** The client was too slow: changes ahead of this are missing. */
      readonly isLate: boolean;
      /** The whole book, as far as it is not in what comes next, best first. */
      readonly bids: readonly PriceLevel[];
      readonly asks: readonly PriceLevel[];
    }
  | {
      readonly type: 'change';
      /** As they are now; a level of quantity 0 is gone. */
      readonly bids: readonly PriceLevel[];
      readonly asks: readonly PriceLevel[];
      /** In the order in which they came. */
      readonly trades: readonly Trade[];
    }
);

/** Sessions that were signed out. */
interface Ended {
  readonly ended: number;
}

/** Who is signed in, and the token under which he still is over the next connection. */
export interface SignInReply {
  readonly user: UserInfo;
  readonly token: string;
  readonly expiresMs: number;
}

export interface GoldRange {
  /** Oldest first. */
  readonly days: readonly GoldAnswer[];
  /** How many there are without the limit. */
  readonly total: number;
}

/** A row that is new, or is not what it was. */
export interface GoldChange {
  readonly date: string;
  readonly source: string;
  readonly timeMs: number;
  readonly row: GoldRow;
  readonly before: GoldRow | null;
}

export interface GoldImport {
  readonly refreshes: number;
  readonly rows: number;
  /** Refreshes that were there before. */
  readonly known: number;
}

export interface AdminStatus {
  readonly server: string;
  readonly pid: number;
  readonly startedMs: number;
  readonly uptimeMs: number;
  /** Null if nothing is kept. */
  readonly dataFolder: string | null;
  readonly hosts: readonly {
    readonly index: number;
    readonly bytesInFlight: number;
    readonly trouble: string | null;
  }[];
  readonly services: readonly {
    readonly name: string;
    readonly address: string;
    readonly open: number;
    readonly accepted: number;
    readonly refused: number;
  }[];
  readonly bank: {
    readonly accounts: number;
    readonly applied: number;
    /** Since the start, by reason. */
    readonly discarded: Readonly<Record<string, number>>;
  };
  readonly exchange: ExchangeFigures;
  readonly memoryBytes: number;
  readonly deadLetters: Readonly<Record<string, number>>;
}

/** Ended ones have nothing waiting. */
export type AdminSession = ConnectionRecord & { readonly bytesWaiting: number };

export const SESSION_SORTS = [
  'number',
  'service',
  'user',
  'since',
  'bytes-in',
  'bytes-out',
  'frames',
  'waiting',
] as const;

export interface LimitInForce {
  /** `bank.connections_max` */
  readonly setting: string;
  readonly value: number | string | boolean;
  readonly reason: string;
  /** How much of it is used, where that is counted. */
  readonly used: number | null;
}

export interface DeadLetterRow {
  readonly host: number;
  readonly timeMs: number;
  readonly reason: string;
  readonly actor: string;
  readonly message: string;
  readonly cause: string;
}

export interface ActorRow {
  readonly address: string;
  readonly host: number;
  readonly state: string;
  /** Messages that wait. */
  readonly depth: number;
  /** Messages handled since it was started. */
  readonly handled: number;
  /** Messages a second, over the time that was asked for. */
  readonly rate: number;
  readonly restarts: number;
  /** Empty if it never failed. */
  readonly lastError: string;
}

export const ACTOR_SORTS = ['address', 'depth', 'rate', 'handled', 'restarts'] as const;

const NAME = text({ min: 1, max: 128 });
const TEXT = text({ min: 1, max: 1000 });
const FILE_NAME = text({ min: 1, max: 255 });
const nothing = record({});
const BOOK_ID = text({ min: 1, max: 4 });
const BOOK_GROUP = text({ min: 1, max: 4 });
const TRADER = text({ min: 1, max: 6 });
const PRICE = text({ min: 1, max: 16 });
const UINT32 = integer({ min: 0, max: 2 ** 32 - 1 });
/** Whose order it is: may be absent if only one user is signed in over the connection. */
const whose = { user: optional(TRADER) };
/** What can be said anew when an order is replaced. */
const terms = {
  quantity: UINT32,
  price: PRICE,
  timeInForce: optional(oneOf(TIMES_IN_FORCE)),
  isPostOnly: optional(flag),
  minimumQuantity: optional(UINT32),
};
/** No book is all books, and a book without a group is meant in all of its groups. */
const selection = { id: optional(BOOK_ID), group: optional(BOOK_GROUP) };
/** What names and passwords have to be is said elsewhere: here is only what bounds them. */
const NAME_OF_USER = text({ min: 1, max: 64 });
const PASSWORD = secret({ max: 1024 });
const credentials = { name: NAME_OF_USER, password: PASSWORD };
const namedUser = record({ name: NAME_OF_USER });
const GOLD_TYPE = text({ min: 1, max: 128 });
const DATE: Check<string> = (value, path) => {
  const date = text({ max: 10 })(value, path);
  if (isGoldDate(date)) return date;
  throw new OutcryError(
    'ERR_API_PARAMS',
    `${path} is ${JSON.stringify(date)}; expected a day that exists, as yyyy-mm-dd`,
  );
};
/** It is shown on terminals, whoever it comes from. */
const GOLD_TEXT: Check<string> = (value, path) => {
  const given = text({ max: 128 })(value, path);
  if (printable(given) === given) return given;
  throw new OutcryError('ERR_API_PARAMS', `${path} has control characters`);
};
const AMOUNT = integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
/** With a fraction, or without. */
const TIME_MS: Check<number> = (value, path) => {
  if (typeof value === 'number' && value >= 0 && value < Number.MAX_SAFE_INTEGER) return value;
  throw new OutcryError('ERR_API_PARAMS', `${path} is no time; expected milliseconds since 1970`);
};
/** What an item of gold.import is. */
export const GOLD_REFRESH: Check<GoldRefresh> = record({
  date: DATE,
  source: GOLD_TEXT,
  timeMs: TIME_MS,
  rows: eachOf(
    record({
      company: GOLD_TEXT,
      brand: GOLD_TEXT,
      type: GOLD_TEXT,
      code: GOLD_TEXT,
      buy: GOLD_TEXT,
      sell: GOLD_TEXT,
      updated: GOLD_TEXT,
      day: GOLD_TEXT,
      id: GOLD_TEXT,
      buyVnd: AMOUNT,
      sellVnd: AMOUNT,
    }),
    { max: 1000 },
  ),
});
const once: Manner = { repetition: 'once' };
const operator: Manner = { isOperators: true };
const operatorOnce: Manner = { isOperators: true, repetition: 'once' };

export const OPERATIONS = {
  'bank.post': request<{ readonly refused: readonly RefusalTuple[] }>({ repetition: 'keyed' })(
    record({ transactions: listOf<TransactionTuple>({ max: REQUEST_TRANSACTIONS_MAX }) }),
  ),
  /** Null if there is no such account. */
  'bank.balance': request<{ readonly cents: number | null }>()(record({ account: textOrBytes })),
  'bank.balances': download<{ readonly accounts: number }, BalanceTuple>()(nothing),
  'bank.statement': request<StatementReply>()(
    record({
      account: textOrBytes,
      last: optional(integer({ min: 1, max: 10_000 })),
      at: optional(integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
    }),
  ),
  'lobby.say': request<{ readonly listeners: number }>({ repetition: 'once' })(record({ text: TEXT })),
  'lobby.messages': download<null, LobbyMessage>()(nothing),
  'lobby.clients': request<readonly LobbyClient[]>()(nothing),
  'lobby.files': request<readonly ServedFile[]>()(nothing),
  'lobby.get': download<FileInfo, Uint8Array>()(record({ name: FILE_NAME })),
  'lobby.put': upload<null, Uint8Array, FileInfo>({ repetition: 'once' })(
    record({ name: FILE_NAME, size: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }) }),
  ),
  'exchange.books': download<{ readonly books: number }, Book>()(nothing),
  'exchange.book': request<BookDepth>()(
    record({
      id: BOOK_ID,
      group: optional(BOOK_GROUP),
      levels: optional(integer({ min: 1, max: 1000 })),
      /** For operators: they say whose they are. */
      orders: optional(integer({ min: 0, max: 1000 })),
    }),
  ),
  'exchange.trades': request<readonly Trade[]>()(
    record({ ...selection, limit: optional(integer({ min: 1, max: 1000 })) }),
  ),
  'exchange.figures': request<ExchangeFigures>()(nothing),
  'exchange.market': download<null, MarketItem>()(
    record({ books: optional(eachOf<BookSelection>(record(selection), { max: 1000 })) }),
  ),
  'exchange.stream': download<SignedIn, OrderMessage>()(
    record({
      user: TRADER,
      password: text({ max: 10 }),
      session: optional(text({ max: 10 })),
      /** The number of the first message wanted, 0 for the last one; 1 without it. */
      from: optional(integer({ min: 0, max: Number.MAX_SAFE_INTEGER })),
    }),
  ),
  'exchange.enter': request<AcceptedMessage | RejectedMessage>({ repetition: 'once' })(
    record({
      ...whose,
      token: UINT32,
      side: oneOf(SIDES),
      book: BOOK_ID,
      group: optional(BOOK_GROUP),
      ...terms,
      clientReference: optional(text({ max: 10 })),
      firm: optional(UINT32),
      capacity: optional(oneOf(CAPACITIES)),
      classification: optional(oneOf(CLASSIFICATIONS)),
      cashMargin: optional(oneOf(CASH_MARGINS)),
    }),
  ),
  'exchange.replace': request<ReplacedMessage | CanceledMessage>({ repetition: 'once' })(
    record({ ...whose, token: UINT32, replacementToken: UINT32, ...terms }),
  ),
  'exchange.cancel': request<CanceledMessage>({ repetition: 'once' })(record({ ...whose, token: UINT32 })),
  'exchange.open-day': request<DayReply>(operatorOnce)(nothing),
  'exchange.close-day': request<DayReply>(operatorOnce)(nothing),
  'exchange.halt': request<{ readonly books: number }>(operatorOnce)(record(selection)),
  'exchange.resume': request<{ readonly books: number }>(operatorOnce)(record(selection)),
  'exchange.cancel-all': request<{ readonly orders: number }>(operatorOnce)(
    record({ ...selection, ...whose }),
  ),
  'users.sign-up': request<SignInReply>(once)(record(credentials)),
  'users.sign-in': request<SignInReply>()(record(credentials)),
  'users.sign-out': request<Record<string, never>>(once)(nothing),
  'users.sign-out-everywhere': request<Ended>(once)(nothing),
  'users.change-password': request<SignInReply>(once)(record({ password: PASSWORD, newPassword: PASSWORD })),
  'users.sessions': request<readonly UserSession[]>()(nothing),
  /** Null if nobody is signed in. */
  'users.me': request<UserInfo | null>()(nothing),
  'gold.look-up': request<GoldAnswer>()(record({ date: DATE, type: GOLD_TYPE })),
  'gold.range': request<GoldRange>()(
    record({ from: DATE, to: DATE, type: GOLD_TYPE, limit: optional(integer({ min: 1, max: 1000 })) }),
  ),
  'gold.types': request<readonly string[]>()(record({ date: optional(DATE) })),
  'gold.dates': request<{ readonly dates: readonly string[]; readonly total: number }>()(
    record({ limit: optional(integer({ min: 1, max: 10_000 })) }),
  ),
  'gold.latest': request<GoldAnswer>()(record({ type: optional(GOLD_TYPE) })),
  /** Null if there are no rates yet. */
  'gold.watch': download<GoldAnswer | null, GoldChange>()(
    record({ types: optional(eachOf(GOLD_TYPE, { max: 64 })) }),
  ),
  'gold.import': upload<null, GoldRefresh, GoldImport>(operatorOnce)(nothing),
  'admin.status': request<AdminStatus>(operator)(nothing),
  'admin.sessions': request<{ readonly sessions: readonly AdminSession[]; readonly total: number }>(operator)(
    record({
      service: optional(NAME),
      user: optional(NAME),
      address: optional(NAME),
      state: optional(oneOf(['open', 'ended', 'all'])),
      sort: optional(oneOf(SESSION_SORTS)),
      limit: optional(integer({ min: 1, max: 10_000 })),
    }),
  ),
  'admin.kick': request<{ readonly isKicked: boolean }>(operatorOnce)(
    record({ connection: integer({ min: 1, max: 2 ** 31 }), reason: optional(TEXT) }),
  ),
  'admin.broadcast': request<{ readonly listeners: number }>(operatorOnce)(record({ text: TEXT })),
  'admin.report': request<{ readonly path: string }>(operator)(nothing),
  'admin.limits': request<readonly LimitInForce[]>(operator)(nothing),
  'admin.dead-letters': request<{
    readonly counts: Readonly<Record<string, number>>;
    readonly recent: readonly DeadLetterRow[];
  }>(operator)(record({ limit: optional(integer({ min: 1, max: 1000 })) })),
  'admin.actors': request<{ readonly actors: readonly ActorRow[]; readonly total: number }>(operator)(
    record({
      /** Part of an address. */
      filter: optional(NAME),
      sort: optional(oneOf(ACTOR_SORTS)),
      limit: optional(integer({ min: 1, max: 1000 })),
      overMs: optional(integer({ min: 1, max: 10_000 })),
    }),
  ),
  'admin.users': request<{ readonly users: readonly UserRow[]; readonly total: number }>(operator)(
    record({
      /** Part of a name. */
      filter: optional(NAME_OF_USER),
      limit: optional(integer({ min: 1, max: 10_000 })),
    }),
  ),
  'admin.user-add': request<Record<string, never>>(operatorOnce)(
    record({ ...credentials, role: optional(oneOf(ROLES)) }),
  ),
  'admin.user-password': request<Ended>(operatorOnce)(record(credentials)),
  'admin.user-role': request<Ended>(operatorOnce)(record({ name: NAME_OF_USER, role: oneOf(ROLES) })),
  'admin.user-disable': request<Ended>(operatorOnce)(namedUser),
  'admin.user-enable': request<Record<string, never>>(operatorOnce)(namedUser),
  'admin.user-sign-out': request<Ended>(operatorOnce)(namedUser),
  'admin.shutdown': request<Record<string, never>>(operatorOnce)(record({ message: optional(TEXT) })),
} as const;

export type Operations = typeof OPERATIONS;
export type OperationName = keyof Operations;

/** The operations of one kind. */
export type OperationOf<Kind extends string> = {
  [N in OperationName]: Operations[N]['kind'] extends Kind ? N : never;
}[OperationName];

export type ParamsOf<N extends OperationName> =
  Operations[N] extends Described<infer P extends object> ? P : never;
export type ReplyOf<N extends OperationName> =
  Operations[N] extends RequestOperation<infer _P, infer R>
    ? R
    : Operations[N] extends UploadOperation<infer _P, infer _I, infer _T, infer R>
      ? R
      : never;
export type InfoOf<N extends OperationName> =
  Operations[N] extends DownloadOperation<infer _P, infer I, infer _T>
    ? I
    : Operations[N] extends UploadOperation<infer _P, infer I, infer _T, infer _R>
      ? I
      : never;
export type ItemOf<N extends OperationName> =
  Operations[N] extends DownloadOperation<infer _P, infer _I, infer T>
    ? T
    : Operations[N] extends UploadOperation<infer _P, infer _I, infer T, infer _R>
      ? T
      : never;

/** Undefined if there is no operation of that name. */
export function findOperation(name: string): Operations[OperationName] | undefined {
  return Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name as OperationName] : undefined;
}
