/** `outcry admin …`: what an operator asks of a running server, and tells it. */
import { type Command, Option } from 'commander';
import { ACTOR_SORTS, SESSION_SORTS } from '../../src/protocol/api/operations.ts';
import { argumentsOf, createFlags, parseFlags, parseWhole } from '../../src/protocol/command-line.ts';
import { DATA_FOLDER, TOKEN_VARIABLE } from '../../src/protocol/operator-file.ts';
import { epochMs } from '../../src/values/clock.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { printable } from '../../src/values/printable.ts';
import { formatLocalTime } from '../../src/values/readable.ts';
import { TABLE_FORMATS, type TableFormat } from '../../src/values/tabulate.ts';
import { type Admin, type CallOptions, connect } from '../index.ts';
import { API_HOST, API_PORT, explainServerError, findServer, type ServerFlags } from './admin-server.ts';
import {
  formatActors,
  formatDeadLetters,
  formatLimits,
  formatNumber,
  formatSessions,
  formatStatus,
} from './admin-text.ts';
import type { Look } from './columns.ts';
import { EXIT_DONE, EXIT_FAILED } from './failure.ts';
import { toJson } from './json.ts';
import { watch } from './watch.ts';

interface CommonFlags extends ServerFlags {
  readonly json?: true;
}

interface ShowFlags extends CommonFlags {
  readonly format: TableFormat;
  /** True without a number of seconds. */
  readonly watch?: string | true;
}

const STATES = ['open', 'ended', 'all'] as const;
const SESSIONS_MAX = 10_000;
const ACTORS_MAX = 1000;
const DEAD_LETTERS_MAX = 1000;
const CONNECTION_MAX = 2 ** 31;
const WATCH_SECONDS = '2';
const WATCH_SECONDS_MAX = 86_400;
/** In the list of connections. */
const CLIENT_NAME = 'admin';

export async function status(args: readonly string[]): Promise<number> {
  const flags = showFlags('status', '', 'Say how the server is: its services, its threads, the bank.');
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  argumentsOf(flags, 0);
  return show(flags, (admin, options) => admin.status(options), formatStatus);
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
  return show(flags, (admin, options) => admin.sessions(params, options), formatSessions);
}

export async function limits(args: readonly string[]): Promise<number> {
  const flags = showFlags('limits', '', 'List the settings in force, and how much of each limit is used.');
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  argumentsOf(flags, 0);
  return show(flags, (admin, options) => admin.limits(options), formatLimits);
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
  return show(flags, (admin, options) => admin.deadLetters({ limit }, options), formatDeadLetters);
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
  return show(flags, (admin, options) => admin.actors(params, options), formatActors);
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
  return tell(flags, async (admin) => ({ isKicked: await admin.kick(connection, reason) }), {
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
  return tell(flags, async (admin) => ({ listeners: await admin.broadcast(text) }), {
    text: ({ listeners }) => `${formatNumber(listeners, 'client')} heard it`,
  });
}

export async function report(args: readonly string[]): Promise<number> {
  const flags = adminFlags('report', '', 'Have the balances written as they are now.');
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  argumentsOf(flags, 0);
  return tell(flags, async (admin) => ({ path: await admin.report() }), {
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
  return tell(flags, async (admin) => ({ isAsked: await admin.shutdown(message).then(() => true) }), {
    text,
  });
}

function adminFlags(command: string, usage: string, summary: string): Command {
  const name = `outcry admin ${command}`;
  return createFlags({ name, usage: `${usage} [--data DIR | --port N] [--json]`.trimStart(), summary })
    .option('--data <dir>', `the data folder of the server (default: ${DATA_FOLDER})`)
    .option('--host <host>', `the host of the api, without a folder (default: ${API_HOST})`)
    .option('--port <port>', `the port of the api, without a folder (default: ${API_PORT})`)
    .option('--token <token>', `the token of the server, without a folder (default: $${TOKEN_VARIABLE})`)
    .option('--json', 'one JSON document instead of text');
}

function showFlags(command: string, usage: string, summary: string): Command {
  const flags = adminFlags(command, `${usage} [--watch [SECONDS]]`.trimStart(), summary);
  return flags
    .addOption(new Option('--format <format>', 'how tables look').choices(TABLE_FORMATS).default('simple'))
    .option('--watch [seconds]', `again every so many seconds (${WATCH_SECONDS}), until Ctrl-C`);
}

function missing(flags: Command): OutcryError {
  return new OutcryError('ERR_USAGE', `usage: ${flags.name()} ${flags.usage()}`);
}

function limitOf(text: string, max: number): number {
  return parseWhole('--limit', text, { min: 1, max });
}

/** Asks once, or with --watch again and again over one connection, and prints what is answered. */
async function show<Reply>(
  flags: Command,
  ask: (admin: Admin, options: CallOptions) => Promise<Reply>,
  format: (reply: Reply, look: Look) => string,
): Promise<number> {
  const { json, format: tableFormat, watch: every } = flags.opts<ShowFlags>();
  const everyMs = every === undefined ? undefined : watchMs(every);
  const { stdout } = process;
  const interrupted = new AbortController();
  const render = async (admin: Admin) => {
    const reply = await ask(admin, { signal: interrupted.signal });
    return json
      ? toJson(reply)
      : format(reply, { format: tableFormat, width: columnsOf(stdout, process.env) });
  };
  await withAdmin(flags, async (admin) => {
    if (everyMs === undefined) {
      stdout.write(await render(admin));
      return;
    }
    process.once('SIGINT', () => interrupted.abort());
    const renderDated = async () => {
      const text = await render(admin);
      return json ? text : `${formatLocalTime(epochMs())}\n\n${text}${stdout.isTTY ? '' : '\n'}`;
    };
    await watch(renderDated, { screen: stdout, everyMs, signal: interrupted.signal });
  });
  return EXIT_DONE;
}

function watchMs(every: string | true): number {
  const text = every === true ? WATCH_SECONDS : every;
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (seconds >= 0.1 && seconds <= WATCH_SECONDS_MAX) return seconds * 1000;
  throw new OutcryError(
    'ERR_USAGE',
    `--watch takes seconds, from 0.1 to ${WATCH_SECONDS_MAX}, not "${text}"`,
  );
}

interface Outcome<Reply> {
  readonly text: (reply: Reply) => string;
  readonly isDone?: (reply: Reply) => boolean;
}

async function tell<Reply>(
  flags: Command,
  ask: (admin: Admin) => Promise<Reply>,
  { text, isDone = () => true }: Outcome<Reply>,
): Promise<number> {
  const { json } = flags.opts<CommonFlags>();
  const reply = await withAdmin(flags, ask);
  process.stdout.write(json ? toJson(reply) : `${printable(text(reply))}\n`);
  return isDone(reply) ? EXIT_DONE : EXIT_FAILED;
}

async function withAdmin<T>(flags: Command, work: (admin: Admin) => Promise<T>): Promise<T> {
  const server = await findServer(flags.opts<ServerFlags>(), process.env);
  const { host, port, token } = server;
  try {
    const client = await connect({ host, port, token, name: CLIENT_NAME, reconnect: false });
    try {
      return await work(client.admin);
    } finally {
      await client.close();
    }
  } catch (error) {
    throw explainServerError(error, server);
  }
}

/** Of the terminal; elsewhere what COLUMNS says, or room for everything. */
function columnsOf({ columns }: { readonly columns?: number }, { COLUMNS }: NodeJS.ProcessEnv): number {
  return columns || Number(COLUMNS) || Number.POSITIVE_INFINITY;
}
