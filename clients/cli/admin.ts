/** `outcry admin …`: what an operator asks of a running server, and tells it. */
import { Option } from 'commander';
import { ACTOR_SORTS, SESSION_SORTS } from '../../src/protocol/api/operations.ts';
import { argumentsOf, parseFlags, parseWhole } from '../../src/protocol/command-line.ts';
import { adminFlags, limitOf, missing, show, showFlags, tell } from './admin-command.ts';
import {
  formatActors,
  formatDeadLetters,
  formatLimits,
  formatNumber,
  formatSessions,
  formatStatus,
} from './admin-text.ts';
import { EXIT_DONE } from './failure.ts';

const STATES = ['open', 'ended', 'all'] as const;
const SESSIONS_MAX = 10_000;
const ACTORS_MAX = 1000;
const DEAD_LETTERS_MAX = 1000;
const CONNECTION_MAX = 2 ** 31;

export async function status(args: readonly string[]): Promise<number> {
  const flags = showFlags(
    'status',
    '',
    'Say how the server is: its services, its threads, the bank, the exchange.',
  );
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  argumentsOf(flags, 0);
  return show(flags, ({ admin }, options) => admin.status(options), formatStatus);
}

export async function sessions(args: readonly string[]): Promise<number> {
  const flags = showFlags(
    'sessions',
    '[--service NAME] [--state STATE] …',
    'List connections of all services.',
  )
    .option('--service <name>', 'only those of this service')
    .option('--user <text>', 'only those with this in the name of the user')
    .option('--address <text>', 'only those with this in the address of the client')
    .addOption(new Option('--state <state>', 'which ones').choices(STATES).default('open'))
    .addOption(new Option('--sort <key>', 'the order').choices(SESSION_SORTS).default('number'))
    .option('--limit <n>', 'so many at most', '100');
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  argumentsOf(flags, 0);
  const { service, user, address, state, sort, limit } = flags.opts<{
    service?: string;
    user?: string;
    address?: string;
    state: (typeof STATES)[number];
    sort: (typeof SESSION_SORTS)[number];
    limit: string;
  }>();
  const params = { service, user, address, state, sort, limit: limitOf(limit, SESSIONS_MAX) };
  return show(flags, ({ admin }, options) => admin.sessions(params, options), formatSessions);
}

export async function limits(args: readonly string[]): Promise<number> {
  const flags = showFlags('limits', '', 'List the settings in force, and how much of each limit is used.');
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  argumentsOf(flags, 0);
  return show(flags, ({ admin }, options) => admin.limits(options), formatLimits);
}

export async function deadLetters(args: readonly string[]): Promise<number> {
  const flags = showFlags('dead-letters', '[--limit N]', 'List messages that no actor could handle.').option(
    '--limit <n>',
    'so many at most, the latest',
    '20',
  );
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  argumentsOf(flags, 0);
  const limit = limitOf(flags.opts<{ limit: string }>().limit, DEAD_LETTERS_MAX);
  return show(flags, ({ admin }, options) => admin.deadLetters({ limit }, options), formatDeadLetters);
}

export async function actors(args: readonly string[]): Promise<number> {
  const flags = showFlags(
    'actors',
    '[--filter TEXT] [--sort KEY] …',
    'List actors, and what they have to do.',
  )
    .option('--filter <text>', 'only those with this in their address')
    .addOption(new Option('--sort <key>', 'the order').choices(ACTOR_SORTS).default('depth'))
    .option('--limit <n>', 'so many at most', '30');
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  argumentsOf(flags, 0);
  const { filter, sort, limit } = flags.opts<{
    filter?: string;
    sort: (typeof ACTOR_SORTS)[number];
    limit: string;
  }>();
  const params = { filter, sort, limit: limitOf(limit, ACTORS_MAX) };
  return show(flags, ({ admin }, options) => admin.actors(params, options), formatActors);
}

export async function kick(args: readonly string[]): Promise<number> {
  const flags = adminFlags(
    'kick',
    'CONNECTION [--reason TEXT]',
    'Close a connection; its id is what outcry admin sessions shows.',
  ).option('--reason <text>', 'why, for the log and the list of connections');
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  const [id] = argumentsOf(flags, 1);
  if (id === undefined) throw missing(flags);
  const connection = parseWhole('CONNECTION', id, { min: 1, max: CONNECTION_MAX });
  const { reason } = flags.opts<{ reason?: string }>();
  return tell(flags, async ({ admin }) => ({ isKicked: await admin.kick(connection, reason) }), {
    text: ({ isKicked }) =>
      isKicked ? `connection ${connection} is closed` : `no connection ${connection} is open`,
    isDone: ({ isKicked }) => isKicked,
  });
}

export async function broadcast(args: readonly string[]): Promise<number> {
  const flags = adminFlags(
    'broadcast',
    'TEXT…',
    "Tell all clients of the lobby something, as the operator's word.",
  );
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  const text = flags.args.join(' ');
  if (text === '') throw missing(flags);
  return tell(flags, async ({ admin }) => ({ listeners: await admin.broadcast(text) }), {
    text: ({ listeners }) => `${formatNumber(listeners, 'client')} heard it`,
  });
}

export async function report(args: readonly string[]): Promise<number> {
  const flags = adminFlags('report', '', 'Have the balances written as they are now.');
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  argumentsOf(flags, 0);
  return tell(flags, async ({ admin }) => ({ path: await admin.report() }), {
    text: ({ path }) => `the balances are in ${path}`,
  });
}

export async function shutdown(args: readonly string[]): Promise<number> {
  const flags = adminFlags(
    'shutdown',
    '[--message TEXT]',
    'End the server in order: every client is told, and read to its end.',
  ).option('--message <text>', 'what the clients are told');
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  argumentsOf(flags, 0);
  const { message } = flags.opts<{ message?: string }>();
  const text = () => 'the server is shutting down';
  return tell(flags, async ({ admin }) => ({ isAsked: await admin.shutdown(message).then(() => true) }), {
    text,
  });
}
