/**
 * `outcry ouch serve [debug]`: the original's server, a venue in memory. Once a second it prints the order book, on a
 * terminal in place; with `debug` each message instead. SIGUSR1 writes the book to book.csv in the working directory.
 * SIGINT reads every client to its end, a second one ends at once.
 */
import { randomUUID } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { formatBookCsv } from '../book-csv.ts';
import { type BookPicture, formatBookScreen } from '../book-screen.ts';
import { addSettingFlags, type Config, givenSettingFlags, resolveConfig } from '../config.ts';
import { DebugScreen } from '../debug-screen.ts';
import { createLog } from '../log.ts';
import { argumentsOf, createFlags, parseFlags, parseWhole } from '../protocol/command-line.ts';
import type { BookRow, BookView, ExchangeFigures, TradeRow } from '../protocol/exchange.ts';
import { Server } from '../server.ts';
import { openServices } from '../services.ts';
import { epochMs } from '../values/clock.ts';
import { columnsOf } from '../values/columns.ts';
import { takeOverSignals } from '../values/early-signals.ts';
import { messageOf, OutcryError } from '../values/errors.ts';
import { watch } from '../values/watch.ts';
import { Reports } from './reports.ts';

/** Where the original's file says what: its clients are raw. */
const ORIGINAL = { host: 'server-host', port: 'ouch-raw-port' };
const BOOK_PATH = 'book.csv';
const INTERVAL_MS = 1000;
/** Of a screen that does not say: a pipe. */
const WIDTH_MAX = 160;
const ROWS = '40';
const ROWS_MAX = 1000;
/** Asked for in one second. */
const BOOKS_MAX = 20;
const LEVELS = 10;
const TRADES = 5;
const CSV_ORDERS_MAX = 1000;

const EXAMPLES = `
Examples:
  outcry ouch serve                          the book once a second
  outcry ouch serve debug                    every message instead
  outcry ouch serve --config config.ini --ouch-raw-port 31500

SIGUSR1 writes the book to book.csv. Ctrl-C ends the server.
`;

export async function run(args: readonly string[]): Promise<number> {
  const flags = createFlags({
    name: 'outcry ouch serve',
    usage: '[debug] [--config FILE] [--rows N] [settings]',
    summary: 'Serve orders from memory, and print the book once a second or, with debug, every message.',
  })
    .argument('[debug]')
    .option('--config <file>', 'settings file; [DEFAULT] host and port are those of the raw port')
    .option('--rows <rows>', 'orders on the screen at most', ROWS);
  addSettingFlags(flags).addHelpText('after', EXAMPLES);
  if (parseFlags(flags, args) === 'help') return 0;
  const [mode] = argumentsOf(flags, 1);
  if (mode !== undefined && mode !== 'debug') {
    throw new OutcryError('ERR_USAGE', `outcry ouch serve takes no "${mode}"; there is only debug`);
  }
  const { config: file, rows } = flags.opts<{ config?: string; rows: string }>();
  const rowsMax = parseWhole('--rows', rows, { min: 1, max: ROWS_MAX });
  const config = resolveConfig({
    file,
    // As the original's, the server says little but its book.
    environment: { OUTCRY_LOG_LEVEL: 'warn', ...process.env },
    flags: givenSettingFlags(flags.opts()),
    original: ORIGINAL,
  });
  const reports = new Reports(report);
  // Without a listener the signal opens a port for a debugger.
  process.on('SIGUSR1', () => reports.ask());
  const debug = mode === 'debug' ? new DebugScreen(process.stdout, config.ouch.orderbookForm) : undefined;
  const server = await Server.start({
    config,
    log: await createLog(config.log),
    services: openServices(['ouch', 'ouch-raw'], config),
    tap: debug,
    onFatal,
  });
  reports.begin(server);
  for (const { name, host, port } of server.services) {
    process.stdout.write(`${name}: listening on ${host}:${port}\n`);
  }
  const ending = new AbortController();
  const signals = nextSignals();
  const showing = debug === undefined ? show(server, config, rowsMax, ending.signal) : undefined;
  await signals.first;
  ending.abort();
  await showing;
  return Promise.race([end(server, reports), signals.second.then(() => abort(server))]);
}

function nextSignals(): { readonly first: Promise<void>; readonly second: Promise<void> } {
  const waiting: (() => void)[] = [];
  const next = () => new Promise<void>((resolve) => waiting.push(resolve));
  const signals = { first: next(), second: next() };
  takeOverSignals(() => {
    // Not process.exit: a thread within a transaction would keep the process from ending.
    const resolve = waiting.shift() ?? (() => process.kill(process.pid, 'SIGKILL'));
    resolve();
  });
  return signals;
}

async function end(server: Server, reports: Reports<Server>): Promise<number> {
  try {
    await server.drain();
    await reports.end();
  } finally {
    await server.stop();
  }
  return server.losses.length === 0 ? 0 : 1;
}

async function abort(server: Server): Promise<never> {
  await server.abort();
  process.exit(1);
}

function show(server: Server, config: Config, rowsMax: number, signal: AbortSignal): Promise<void> {
  const numbers = new Map(config.venue.books.map(({ id, number }) => [id, number]));
  const { stdout: screen } = process;
  const render = async () => {
    // The last line of a terminal is that of the cursor.
    const height = screen.isTTY && screen.rows > 0 ? screen.rows - 1 : Number.POSITIVE_INFINITY;
    const rows = Math.min(rowsMax, height);
    const picture = await takePicture(server, rows);
    if (picture === undefined) return undefined;
    const text = formatBookScreen(picture, {
      format: 'simple',
      width: Math.min(columnsOf(screen, process.env), WIDTH_MAX),
      rowsMax,
      height,
      numberOf: (id) => numbers.get(id),
    });
    return screen.isTTY ? text : `${text}\n`;
  };
  return watch(render, { screen, everyMs: INTERVAL_MS, signal });
}

/** Undefined if the exchange has not answered in time: it has more to do than to be looked at. */
async function takePicture(server: Server, rows: number): Promise<BookPicture | undefined> {
  try {
    const [figures, books, trades] = await Promise.all([
      server.askExchange<ExchangeFigures>({ type: 'figures' }),
      server.askExchange<readonly BookRow[]>({ type: 'books' }),
      server.askExchange<readonly TradeRow[]>({ type: 'trades', limit: TRADES }),
    ]);
    const views = await viewsOf(server, booksToShow(books, rows), LEVELS, rows);
    const { services: doors, clients } = server;
    return { timeMs: epochMs(), figures, books, views, trades, doors, clients };
  } catch (error) {
    if (isUnanswered(error)) return undefined;
    throw error;
  }
}

function isUnanswered(error: unknown): boolean {
  const codes = ['ERR_ASK_TIMEOUT', 'ERR_ASK_NO_ACTOR', 'ERR_HOST_LOST'];
  return error instanceof OutcryError && codes.includes(error.code);
}

/** With so many orders that there are `rows` of them. */
function booksToShow(books: readonly BookRow[], rows: number): readonly BookRow[] {
  let orders = 0;
  return books
    .filter((book) => {
      const isShown = book.orders > 0 && orders < rows;
      orders += book.orders;
      return isShown;
    })
    .slice(0, BOOKS_MAX);
}

async function viewsOf(
  server: Server,
  books: readonly BookRow[],
  levels: number,
  orders: number,
): Promise<readonly BookView[]> {
  const views: BookView[] = [];
  for (const { id, group } of books) {
    const view = await server.askExchange<BookView | null>({ type: 'book', id, group, levels, orders });
    if (view !== null) views.push(view);
  }
  return views;
}

/** Writes the book, whole or not at all. */
async function report(server: Server): Promise<void> {
  const beside = `${BOOK_PATH}.${randomUUID()}`;
  try {
    const books = await server.askExchange<readonly BookRow[]>({ type: 'books' });
    const views = await viewsOf(
      server,
      books.filter(({ orders }) => orders > 0),
      0,
      CSV_ORDERS_MAX,
    );
    await writeFile(beside, formatBookCsv(views));
    await rename(beside, BOOK_PATH);
    process.stderr.write(`SIGUSR1: the book is in ${BOOK_PATH}\n`);
  } catch (error) {
    await rm(beside, { force: true });
    process.stderr.write(`outcry: can't write ${BOOK_PATH}: ${messageOf(error)}\n`);
  }
}

function onFatal(error: OutcryError): void {
  process.stderr.write(`outcry: ${messageOf(error)}\n`);
  process.exit(1);
}
