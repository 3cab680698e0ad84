/** What the commands of `outcry admin` have in common: how they find their server, ask it, and show what it answers. */
import { type Command, Option } from 'commander';
import { createFlags, type FlagsOptions, parseSeconds, parseWhole } from '../../src/protocol/command-line.ts';
import { DATA_FOLDER, TOKEN_VARIABLE } from '../../src/protocol/operator-file.ts';
import { epochMs } from '../../src/values/clock.ts';
import { columnsOf, type Look } from '../../src/values/columns.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { printable } from '../../src/values/printable.ts';
import { formatLocalTime } from '../../src/values/readable.ts';
import { TABLE_FORMATS, type TableFormat } from '../../src/values/tabulate.ts';
import { watch } from '../../src/values/watch.ts';
import { type CallOptions, type Client, connect } from '../index.ts';
import { API_HOST, API_PORT, explainServerError, findServer, type ServerFlags } from './admin-server.ts';
import { EXIT_DONE, EXIT_FAILED } from './failure.ts';
import { toJson } from './json.ts';

interface CommonFlags extends ServerFlags {
  readonly json?: true;
}

interface ShowFlags extends CommonFlags {
  readonly format: TableFormat;
  /** True without a number of seconds. */
  readonly watch?: string | true;
}

const WATCH_SECONDS = '2';
const WATCH_RANGE = { min: 0.1, max: 86_400 };
/** In the list of connections. */
const CLIENT_NAME = 'admin';

/** Of a command that is told to a server: `command` stands behind `outcry admin`. */
export function adminFlags(command: string, usage: string, summary: string): Command {
  const name = `outcry admin ${command}`;
  return serverFlags({ name, usage: `${usage} [--data DIR | --port N] [--json]`.trimStart(), summary });
}

export function showFlags(command: string, usage: string, summary: string): Command {
  return addShowFlags(adminFlags(command, `${usage} [--watch [SECONDS]]`.trimStart(), summary));
}

export function serverFlags(options: FlagsOptions): Command {
  return createFlags(options)
    .option('--data <dir>', `the data folder of the server (default: ${DATA_FOLDER})`)
    .option('--host <host>', `the host of the api, without a folder (default: ${API_HOST})`)
    .option('--port <port>', `the port of the api, without a folder (default: ${API_PORT})`)
    .option('--token <token>', `the token of the server, without a folder (default: $${TOKEN_VARIABLE})`)
    .option('--json', 'one JSON document instead of text');
}

/** What `show` understands beside that. */
export function addShowFlags(flags: Command): Command {
  return flags
    .addOption(new Option('--format <format>', 'how tables look').choices(TABLE_FORMATS).default('simple'))
    .option('--watch [seconds]', `again every so many seconds (${WATCH_SECONDS}), until Ctrl-C`);
}

export function missing(flags: Command): OutcryError {
  return new OutcryError('ERR_USAGE', `usage: ${flags.name()} ${flags.usage()}`);
}

export function limitOf(text: string, max: number): number {
  return parseWhole('--limit', text, { min: 1, max });
}

/** Asks once, or with --watch again and again over one connection, and prints what is answered. */
export async function show<Reply>(
  flags: Command,
  ask: (client: Client, options: CallOptions) => Promise<Reply>,
  format: (reply: Reply, look: Look) => string,
): Promise<number> {
  const { json, format: tableFormat, watch: every } = flags.opts<ShowFlags>();
  const everyMs = every === undefined ? undefined : watchMs(every);
  const { stdout } = process;
  const interrupted = new AbortController();
  const render = async (client: Client) => {
    const reply = await ask(client, { signal: interrupted.signal });
    return json
      ? toJson(reply)
      : format(reply, { format: tableFormat, width: columnsOf(stdout, process.env) });
  };
  await withClient(flags, async (client) => {
    if (everyMs === undefined) {
      stdout.write(await render(client));
      return;
    }
    process.once('SIGINT', () => interrupted.abort());
    const renderDated = async () => {
      const text = await render(client);
      return json ? text : `${formatLocalTime(epochMs())}\n\n${text}${stdout.isTTY ? '' : '\n'}`;
    };
    await watch(renderDated, { screen: stdout, everyMs, signal: interrupted.signal });
  });
  return EXIT_DONE;
}

function watchMs(every: string | true): number {
  return parseSeconds('--watch', every === true ? WATCH_SECONDS : every, WATCH_RANGE) * 1000;
}

interface Outcome<Reply> {
  readonly text: (reply: Reply) => string;
  readonly isDone?: (reply: Reply) => boolean;
}

export async function tell<Reply>(
  flags: Command,
  ask: (client: Client) => Promise<Reply>,
  { text, isDone = () => true }: Outcome<Reply>,
): Promise<number> {
  const { json } = flags.opts<CommonFlags>();
  const reply = await withClient(flags, ask);
  process.stdout.write(json ? toJson(reply) : `${printable(text(reply))}\n`);
  return isDone(reply) ? EXIT_DONE : EXIT_FAILED;
}

/** `work` has a connection to the server that the flags name. */
export async function withClient<T>(flags: Command, work: (client: Client) => Promise<T>): Promise<T> {
  const server = await findServer(flags.opts<ServerFlags>(), process.env);
  const { host, port, token } = server;
  try {
    const client = await connect({ host, port, token, name: CLIENT_NAME, reconnect: false });
    try {
      return await work(client);
    } finally {
      await client.close();
    }
  } catch (error) {
    throw explainServerError(error, server);
  }
}
