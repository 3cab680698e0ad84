/**
 * The client library: `import { connect } from 'outcry'`. Everything that programs use is here; nothing else of the
 * package is for them, but `outcry/server`.
 */
export type { ApiLimits, ServerHello, UserInfo } from '../src/protocol/api/frames.ts';
export type {
  AccountName,
  ActorRow,
  AdminSession,
  AdminStatus,
  Book,
  BookDepth,
  BookOrder,
  DeadLetterRow,
  FileInfo,
  GoldChange,
  GoldImport,
  GoldRange,
  LimitInForce,
  LobbyClient,
  LobbyMessage,
  MarketItem,
  PriceLevel,
  ServedFile,
  Trade,
} from '../src/protocol/api/operations.ts';
export type {
  AcceptedMessage,
  CanceledMessage,
  DayMessage,
  ExecutedMessage,
  OrderMessage,
  PreventedMessage,
  RejectedMessage,
  ReplacedMessage,
} from '../src/protocol/api/orders.ts';
export type { BookSelection, DayReply, ExchangeFigures } from '../src/protocol/exchange.ts';
export type { GoldAnswer, GoldRefresh, GoldRow } from '../src/protocol/gold.ts';
export type { Role, UserRow, UserSession } from '../src/protocol/users.ts';
export { ERROR_CODES, type ErrorCode, OutcryError } from '../src/values/errors.ts';
export type {
  Actors,
  ActorsQuery,
  Admin,
  DeadLetters,
  DeadLettersQuery,
  Sessions,
  SessionsQuery,
  UserList,
  UsersQuery,
} from './admin.ts';
export type { AccountBalance, Bank, Statement, StatementOptions } from './bank.ts';
export type { KeyedOptions, Notice } from './calls.ts';
export {
  type Client,
  type ClientEvents,
  type CloseOptions,
  type ConnectOptions,
  connect,
  type LocalServer,
} from './client.ts';
export type { ConnectionState, ReconnectOptions, StateChange } from './connection.ts';
export type { BookQuery, CancelQuery, Exchange, MarketOptions, TradesQuery } from './exchange.ts';
export type { Gold, GoldWatchOptions, RangeOptions } from './gold.ts';
export type { IncomingFile } from './incoming-file.ts';
export type { Lobby, MessagesOptions } from './lobby.ts';
export {
  type ConnectExchangeOptions,
  connectExchange,
  type ExchangeClient,
  type ExchangeEvents,
  type ExchangeMessage,
  type ExchangeSession,
} from './ouch/exchange-client.ts';
export type { NewOrder, Order, OrderChange, OrderEvents, OrderState, Price } from './ouch/order.ts';
export { type Fill, type MirroredOrder, OrderMirror } from './ouch/order-mirror.ts';
export type { SoupTimeouts } from './ouch/soup-link.ts';
export type { CallOptions } from './pending.ts';
export type { PostedAll, Refusal } from './post-all.ts';
export type { EnteredOrder, OrderReplacement, SignInOptions, Trader } from './trader.ts';
export { type Amount, type Transaction, toDecimal } from './transactions.ts';
export type { SignedIn, Users } from './users.ts';
