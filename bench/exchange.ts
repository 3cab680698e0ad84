/**
 * How many messages a second does an exchange take, without sockets and threads?
 *
 *     packets of 50 accounts, 16 messages at a time ──► Exchange ──► packets for each, and the log
 *
 * All is done that a venue does: tokens, the rules, matching, numbers and times, streams, and what is handed to sessions.
 */
import { fileURLToPath } from 'node:url';
import type { ExchangeSettings } from '../src/protocol/host-task.ts';
import { Exchange, type NoticeBody, type Outlet } from '../workers/exchange/exchange.ts';
import { numberText } from '../workers/exchange/wire-text.ts';
import { type EngineLoad, engineLoad } from './support/engine-load.ts';
import { check, environmentLine, formatRates, print } from './support/figures.ts';

export interface ExchangeBenchOptions {
  readonly messages: number;
  /** Orders that are open most of the time. */
  readonly live: number;
  readonly repeats: number;
}

const ACCOUNTS = 50;
const BOOKS = 10;
const PASSWORD = 'SECRET';
/** 31 July 2026. */
const START_MS = Date.UTC(2026, 6, 31);
/** Of the log, as one turn of a host takes it. */
const CHUNKS_OF_TURN = 64;

export function runExchangeBench({ messages, live, repeats }: ExchangeBenchOptions): void {
  print(`exchange: ${messages} messages, ${live} live orders, ${BOOKS} books`, environmentLine());
  const load = engineLoad({ messages, books: BOOKS, accounts: ACCOUNTS, live, seed: 7 });
  measure('in memory', load, repeats, false);
  measure('with a log', load, repeats, true);
}

function measure(name: string, load: EngineLoad, repeats: number, isDurable: boolean): void {
  const { view, starts, messages, expected } = load;
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const seconds: number[] = [];
  let told = 0;
  // The first two warm up.
  for (let run = -2; run < repeats; run++) {
    const clients = new Clients(load, isDurable);
    const startedMs = performance.now();
    for (let i = 1; i < starts.length; i++) clients.take(bytes, starts[i - 1] as number, starts[i] as number);
    if (run >= 0) seconds.push((performance.now() - startedMs) / 1000);
    const { openOrders, trades, rejected } = clients.exchange.figures();
    check(openOrders === expected.openOrders && trades === expected.trades && rejected === 0, name);
    told = clients.told;
  }
  print(name, formatRates(messages, seconds), `${(told / messages).toFixed(0)} bytes told a message`);
}

/** An exchange and its clients, who take at once whatever they are told. */
class Clients implements Outlet {
  readonly exchange: Exchange;
  /** Bytes. */
  told = 0;
  #chunks = 0;
  /** Accounts that are to say that they have taken a page. */
  readonly #pages: number[] = [];

  constructor({ books, accounts }: EngineLoad, isDurable: boolean) {
    const users = Array.from({ length: accounts }, (_, i) => `T${i}`);
    const settings = settingsOf(users, books.map(numberText));
    this.exchange = new Exchange({ ...settings, isDurable, secret: 7 }, this);
    this.exchange.start(START_MS);
    users.forEach((user, account) => {
      this.exchange.begin(START_MS);
      const client = { address: `test/${account}`, connection: 0, call: account };
      const login = { user, password: PASSWORD, requestedSession: '', sequence: 1 };
      this.exchange.logIn({ type: 'log-in', ...login, form: 'alpha', client });
      this.exchange.finish();
    });
  }

  take(bytes: Uint8Array, start: number, end: number): void {
    const { exchange } = this;
    exchange.begin(START_MS + this.#chunks / 1000);
    exchange.take(bytes, start, end);
    exchange.finish();
    if (++this.#chunks % CHUNKS_OF_TURN === 0) exchange.takeLogged();
    for (let account = this.#pages.pop(); account !== undefined; account = this.#pages.pop()) {
      exchange.pageTaken(account, 0);
    }
  }

  tell({ call = 0 }: { readonly call?: number }, notice: NoticeBody): void {
    if (notice.type !== 'sequenced') return;
    this.told += notice.bytes.length;
    if (notice.isPage) this.#pages.push(call);
  }

  readCold(): void {
    throw new Error('what is told is still in memory');
  }
}

function settingsOf(users: readonly string[], ids: readonly string[]): ExchangeSettings {
  const groups = ['DAY '];
  const noLimits = { firms: [], orderValueMax: 0, ordersPerSecond: 0, owner: '' };
  const prices = { lot: 1, tickTable: 'plain', lowerLimit: 1, upperLimit: 1_000_000 };
  return {
    venue: {
      tickTables: [{ name: 'plain', bands: [{ from: 0, tick: 1 }] }],
      books: ids.map((id, number) => {
        return { id, number, name: id, groups, ...prices, isShortSellRestricted: false };
      }),
      traders: users.map((user) => {
        return { user, password: PASSWORD, groups, ...noLimits, selfTrade: 'off' as const };
      }),
    },
    day: 'at-start',
    ...{ openAtMs: 0, closeAtMs: 0, openDays: [], timeZone: 'Asia/Tokyo' },
    ordersMax: 2_000_000,
    ordersPerTraderMax: 2_000_000,
    streamMemoryBytes: 256 * 1024 * 1024,
    disconnectGraceMs: 0,
    isDebugOn: true,
    isRawCancelOnDisconnect: true,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  runExchangeBench({ messages: 2_000_000, live: 10_000, repeats: 5 });
}
