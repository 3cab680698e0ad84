/** `outcry admin open`, `books` and the like: what an operator does with the exchange of a running server. */
import type { Command } from 'commander';
import { argumentsOf, parseFlags, parseWhole } from '../../src/protocol/command-line.ts';
import type { BookSelection, CallOptions, Client, DayReply } from '../index.ts';
import { adminFlags, limitOf, missing, show, showFlags, tell } from './admin-command.ts';
import { formatNumber } from './admin-text.ts';
import { formatBooks, formatDepth, formatTrades } from './exchange-text.ts';
import { EXIT_DONE } from './failure.ts';

const LEVELS_MAX = 1000;
const ORDERS_MAX = 1000;
const TRADES_MAX = 1000;

export async function open(args: readonly string[]): Promise<number> {
  const flags = adminFlags('open', '', 'Begin the day of the exchange: from now on orders are taken.');
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  argumentsOf(flags, 0);
  return tell(flags, ({ exchange }) => exchange.openDay(), {
    text: ({ isChanged, session }: DayReply) =>
      isChanged ? `the day is open, session ${session}` : `the day was open before, session ${session}`,
  });
}

export async function close(args: readonly string[]): Promise<number> {
  const flags = adminFlags(
    'close',
    '',
    'End the day of the exchange: all orders are withdrawn, and all traders signed out.',
  );
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  argumentsOf(flags, 0);
  return tell(flags, ({ exchange }) => exchange.closeDay(), {
    text: ({ isChanged, session }: DayReply) =>
      isChanged
        ? `the day is closed; the next session is ${session}`
        : `the day was not open; the session is ${session}`,
  });
}

export async function halt(args: readonly string[]): Promise<number> {
  const flags = bookFlags('halt', 'Take no orders in a book, or in all of them; what is in it stays.');
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  const selection = selectionOf(flags);
  return tell(flags, async ({ exchange }) => ({ books: await exchange.halt(selection) }), {
    text: ({ books }) => `${formatNumber(books, 'book')} halted${books === 0 ? ': they were before' : ''}`,
  });
}

export async function resume(args: readonly string[]): Promise<number> {
  const flags = bookFlags('resume', 'Take orders again in a book, or in all of them.');
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  const selection = selectionOf(flags);
  return tell(flags, async ({ exchange }) => ({ books: await exchange.resume(selection) }), {
    text: ({ books }) => `${formatNumber(books, 'book')} resumed${books === 0 ? ': none was halted' : ''}`,
  });
}

export async function cancelAll(args: readonly string[]): Promise<number> {
  const flags = adminFlags(
    'cancel-all',
    '[--user U] [--book B] [--group G]',
    'Withdraw all open orders, or those of a user or a book.',
  )
    .option('--user <user>', 'only those of this user')
    .option('--book <book>', 'only those in this book')
    .option('--group <group>', 'only those in this group');
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  argumentsOf(flags, 0);
  const { user, book: id, group } = flags.opts<{ user?: string; book?: string; group?: string }>();
  return tell(flags, async ({ exchange }) => ({ orders: await exchange.cancelAll({ user, id, group }) }), {
    text: ({ orders }) => `${formatNumber(orders, 'order')} withdrawn`,
  });
}

export async function books(args: readonly string[]): Promise<number> {
  const flags = showFlags('books', '[--group G]', 'List the order books, with their best prices.').option(
    '--group <group>',
    'only those in this group',
  );
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  argumentsOf(flags, 0);
  const { group } = flags.opts<{ group?: string }>();
  const list = async ({ exchange }: Client, options: CallOptions) =>
    (await exchange.books(options)).filter((row) => group === undefined || row.group === group);
  return show(flags, list, formatBooks);
}

export async function book(args: readonly string[]): Promise<number> {
  const flags = showFlags('book', 'BOOK [--group G] [--levels N] [--orders N]', 'Show an order book.')
    .option('--group <group>', "the group; the book's first without it")
    .option('--levels <n>', 'so many prices on each side', '10')
    .option('--orders <n>', 'so many orders on each side, too', '0');
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  const [id] = argumentsOf(flags, 1);
  if (id === undefined) throw missing(flags);
  const { group, levels, orders } = flags.opts<{ group?: string; levels: string; orders: string }>();
  const query = {
    group,
    levels: parseWhole('--levels', levels, { min: 1, max: LEVELS_MAX }),
    orders: parseWhole('--orders', orders, { min: 0, max: ORDERS_MAX }),
  };
  return show(flags, ({ exchange }, options) => exchange.book(id, { ...query, ...options }), formatDepth);
}

export async function trades(args: readonly string[]): Promise<number> {
  const flags = showFlags(
    'trades',
    '[BOOK] [--group G] [--limit N]',
    'List the last trades, the newest first.',
  )
    .option('--group <group>', 'only those in this group')
    .option('--limit <n>', 'so many at most', '20');
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  const limit = limitOf(flags.opts<{ limit: string }>().limit, TRADES_MAX);
  const query = { ...selectionOf(flags), limit };
  return show(flags, ({ exchange }, options) => exchange.trades(query, options), formatTrades);
}

function bookFlags(command: string, summary: string): Command {
  return adminFlags(command, '[BOOK] [--group G]', summary).option('--group <group>', 'only in this group');
}

function selectionOf(flags: Command): BookSelection {
  const [id] = argumentsOf(flags, 1);
  return { id, group: flags.opts<{ group?: string }>().group };
}
