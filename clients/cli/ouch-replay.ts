/** `outcry ouch replay`: test inputs, played to an exchange all at once; what they expect must come. */
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import {
  createFlags,
  parseFlags,
  parsePort,
  parseSeconds,
  parseWhole,
} from '../../src/protocol/command-line.ts';
import type { OrderbookForm } from '../../src/protocol/ouch/fields.ts';
import { columnsOf, type Look } from '../../src/values/columns.ts';
import { messageOf, OutcryError } from '../../src/values/errors.ts';
import { printable } from '../../src/values/printable.ts';
import { formatCount } from '../../src/values/readable.ts';
import { TABLE_FORMATS, type TableFormat } from '../../src/values/tabulate.ts';
import { type Survey, type SurveyOptions, survey } from '../ouch-inputs/read.ts';
import { formatFailure, formatSummary, toJsonReport, toJunit } from '../ouch-inputs/report.ts';
import { type FileResult, type RunOptions, type RunReport, runInputs } from '../ouch-inputs/run.ts';
import { SpoolFile } from '../ouch-inputs/spool.ts';
import { targetsAt, type VenueOptions } from '../ouch-inputs/target.ts';
import { EXIT_DONE, EXIT_FAILED, EXIT_WRONG_USE, explainFailure } from './failure.ts';
import { toJson } from './json.ts';
import { Steps } from './ouch-steps.ts';
import { startProgress } from './progress.ts';

const NAME = 'outcry ouch replay';
const USAGE = 'FILE… [--raw] [--step] [--host H] [--port P] …';

const PORT = 31_422;
const RAW_PORT = 31_421;
const SESSION_LENGTH_MAX = 10;
/** Of --repeat and --clients. */
const ONCE = '1';
const FORMS = ['alpha', 'uint32'] as const;
const USER = 'TRADE#';
const PASSWORD = 'OUTCRY';
const RATE_RANGE = { min: 1, max: 100_000_000 };
const REPEAT_RANGE = { min: 1, max: 1_000_000 };
const CLIENTS_RANGE = { min: 1, max: 10_000 };
const TIMEOUT_RANGE = { min: 0.1, max: 86_400 };
const SEQUENCE_RANGE = { min: 0, max: Number.MAX_SAFE_INTEGER };

const EXAMPLES = `
Examples:
  outcry ouch replay order.json                     log in as TRADE0 and play it
  outcry ouch replay --raw --step client_1.json     Enter sends the next message
  outcry ouch replay inputs/*.json --junit out.xml  in a pipeline
  outcry ouch replay load.json --no-check --clients 10 --repeat 100 --rate 50000
  outcry ouch replay day.json --host 10.0.0.5 --port 9000 --user A --password X

The exit code is 0 when everything expected came, 1 when something did not, 2
when a file or a flag is wrong; then nothing was sent.
`;

interface Flags {
  readonly host: string;
  readonly port?: string;
  readonly raw?: true;
  readonly rawPort: string;
  readonly form?: OrderbookForm;
  readonly user: string;
  readonly password: string;
  readonly session?: string;
  readonly sequence?: string;
  readonly timeout: string;
  readonly step?: true;
  readonly rate?: string;
  readonly repeat: string;
  readonly clients: string;
  readonly check: boolean;
  readonly json?: true;
  readonly junit?: string;
  readonly format: TableFormat;
}

export async function run(args: readonly string[]): Promise<number> {
  const flags = replayFlags();
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  const files = flags.args;
  if (files.length === 0) {
    process.stderr.write(`usage: ${NAME} ${USAGE}\n`);
    return EXIT_WRONG_USE;
  }
  const options = flags.opts<Flags>();
  checkTogether(options, files);
  const venue = venueOf(options);
  const runOptions = runOptionsOf(options);

  await using spools = await SpoolFile.create();
  const surveys = await surveyAll(files, { target: targetsAt(venue), spools, noCheck: !options.check });
  if (surveys === undefined) return EXIT_WRONG_USE;
  checkPlayedOnce(runOptions, surveys);
  tellLoneBarriers(surveys, runOptions);
  const { junit: path } = options;
  // Awaited here, since the spools are in use until then.
  return await interruptible(async (signal) => {
    const junit = path === undefined ? undefined : await openReport(path);
    try {
      const report = await (options.step
        ? playSteps(surveys, { ...runOptions, signal }, venue)
        : play(surveys, { ...runOptions, signal }));
      try {
        await junit?.writeFile(toJunit(report)).catch((cause) => {
          throw unwritable('ERR_FILE_IO', path, cause);
        });
      } finally {
        tellFailures(surveys, report);
        process.stdout.write(options.json ? toJsonReport(report) : formatSummary(report, lookOf(options)));
      }
      return report.results.every(isDone) ? EXIT_DONE : EXIT_FAILED;
    } finally {
      await junit?.close();
    }
  });
}

function replayFlags(): Command {
  return createFlags({
    name: NAME,
    usage: USAGE,
    summary:
      'Play test inputs to an exchange, all files at once, and check what it replies. The files are in the ' +
      "original project's JSON; what they may expect besides is in src/protocol/ouch-inputs/README.md.",
  })
    .argument('[files...]', 'test inputs')
    .option('--host <host>', 'the host of the exchange', '127.0.0.1')
    .option('--port <port>', `its port (default: ${PORT}, with --raw ${RAW_PORT})`)
    .option('--raw', 'bare OUCH without SoupBinTCP, as the original clients')
    .option('--raw-port <port>', 'where clients go that a file calls raw', String(RAW_PORT))
    .addOption(
      new Option('--form <form>', 'books are text or numbers (default: alpha, with --raw uint32)').choices(
        FORMS,
      ),
    )
    .option('--user <names>', 'names with commas between; # is the number of the connection', USER)
    .option('--password <password>', 'the password of all users', PASSWORD)
    .option('--session <session>', 'the session to log in to (default: the one of the day)')
    .option('--sequence <n>', 'the first message to hear (default: the next one)')
    .option('--timeout <seconds>', 'how long anything may take', '5')
    .option('--step', 'Enter sends the next message; shows what is sent and received')
    .option('--rate <n>', 'so many messages a second at most, of all clients together')
    .option('--repeat <n>', 'play every file so many times', ONCE)
    .option('--clients <n>', 'so many clients at once for each one of a file', ONCE)
    .option('--no-check', 'expect nothing')
    .option('--json', 'one JSON document instead of a table')
    .option('--junit <file>', 'write a report as JUnit XML too')
    .addOption(
      new Option('--format <format>', 'how the table looks').choices(TABLE_FORMATS).default('simple'),
    )
    .addHelpText('after', EXAMPLES);
}

function checkTogether(options: Flags, files: readonly string[]): void {
  const { raw, user, password, session, sequence, step, rate, repeat, clients, json } = options;
  const isLoginGiven = (session ?? sequence) !== undefined || user !== USER || password !== PASSWORD;
  if (raw && isLoginGiven) {
    throw wrongUse(
      '--user, --password, --session and --sequence are of a login, which there is none of with --raw; leave them out',
    );
  }
  if (session !== undefined && session.length > SESSION_LENGTH_MAX) {
    throw wrongUse(`--session takes up to ${SESSION_LENGTH_MAX} characters, not "${session}"`);
  }
  if (!step) return;
  if (files.length > 1) throw wrongUse('--step plays one file; name one');
  if (rate !== undefined || repeat !== ONCE || clients !== ONCE) {
    throw wrongUse('--step plays a file once; leave --rate, --repeat and --clients out');
  }
  if (json) throw wrongUse('--step shows each message; leave --json out');
}

function venueOf({ host, port, raw, rawPort, form }: Flags): VenueOptions {
  return {
    host,
    port: port === undefined ? (raw ? RAW_PORT : PORT) : parsePort(port, { min: 1 }),
    rawPort: parsePort(rawPort, { min: 1 }),
    isRaw: raw === true,
    form,
  };
}

function runOptionsOf(options: Flags): RunOptions {
  const { user, password, session, sequence, timeout, rate, repeat, clients } = options;
  const users = user.split(',');
  if (users.includes('')) throw wrongUse(`--user expects names with commas between, not "${user}"`);
  return {
    users,
    password,
    session,
    sequence: sequence === undefined ? undefined : parseWhole('--sequence', sequence, SEQUENCE_RANGE),
    timeoutMs: parseSeconds('--timeout', timeout, TIMEOUT_RANGE) * 1000,
    rate: rate === undefined ? undefined : parseWhole('--rate', rate, RATE_RANGE),
    repeat: parseWhole('--repeat', repeat, REPEAT_RANGE),
    clients: parseWhole('--clients', clients, CLIENTS_RANGE),
  };
}

/** Undefined if something is wrong, which was told of each file. */
async function surveyAll(
  files: readonly string[],
  options: SurveyOptions,
): Promise<readonly Survey[] | undefined> {
  const progress = await startProgress({
    findTotal: async () => files.length,
    formatAmount: (amount) => `${formatCount(Math.round(amount))} checked`,
  });
  const surveys: Survey[] = [];
  try {
    for (const file of files) {
      try {
        surveys.push(await survey(file, options));
      } catch (error) {
        if (!(error instanceof OutcryError) || error.code !== 'ERR_INPUT') throw error;
        progress.print(explainFailure(error, { showStack: false }).text.trimEnd());
      }
      progress.advance(1);
    }
  } finally {
    progress.stop();
  }
  return surveys.length === files.length ? surveys : undefined;
}

function checkPlayedOnce({ repeat = 1, clients = 1 }: RunOptions, surveys: readonly Survey[]): void {
  const checked = surveys.find((one) => one.checked.size > 0);
  if (checked === undefined || (repeat === 1 && clients === 1)) return;
  throw wrongUse(
    `${checked.file} expects replies, which are those of one client who plays it once; ` +
      'say --no-check with --repeat and --clients',
  );
}

/** Whoever is alone at a barrier passes it: more likely a name is misspelled than that this is meant. */
function tellLoneBarriers(surveys: readonly Survey[], { clients = 1 }: RunOptions): void {
  if (surveys.length === 1 || clients > 1) return;
  const guests = new Map<string, string[]>();
  for (const { file, barriers } of surveys) {
    for (const name of barriers.keys()) guests.set(name, [...(guests.get(name) ?? []), file]);
  }
  for (const [name, [file, ...others]] of guests) {
    if (others.length > 0) continue;
    process.stderr.write(`${printable(`${file}: no other input has a barrier "${name}"`)}\n`);
  }
}

async function openReport(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'w');
  } catch (cause) {
    throw unwritable('ERR_USAGE', path, cause);
  }
}

function unwritable(
  code: 'ERR_USAGE' | 'ERR_FILE_IO',
  path: string | undefined,
  cause: unknown,
): OutcryError {
  return new OutcryError(code, `${path} can not be written: ${messageOf(cause)}`, { cause });
}

async function play(surveys: readonly Survey[], options: RunOptions): Promise<RunReport> {
  const { repeat = 1, clients = 1 } = options;
  const messages = surveys.reduce((sum, one) => sum + one.messages, 0) * repeat * clients;
  const progress = await startProgress({
    findTotal: async () => messages,
    formatAmount: (amount) => formatCount(Math.round(amount)),
  });
  try {
    return await runInputs(surveys, { ...options, onSent: progress.advance });
  } finally {
    progress.stop();
  }
}

async function playSteps(
  surveys: readonly Survey[],
  options: RunOptions,
  { host, port }: VenueOptions,
): Promise<RunReport> {
  const { stdin, stdout } = process;
  const messages = surveys.reduce((sum, one) => sum + one.messages, 0);
  const [name = ''] = surveys.map(({ file }) => basename(file));
  stdout.write(
    `${printable(name)}, ${formatCount(messages)} message${messages === 1 ? '' : 's'} to ${host}:${port}. Enter sends the next one.\n`,
  );
  const steps = new Steps({
    input: stdin,
    output: stdout,
    messages,
    hasSeveralClients: surveys.some(({ clients }) => clients.length > 1),
  });
  options.signal?.addEventListener('abort', () => steps.close());
  try {
    return await runInputs(surveys, { ...options, pace: steps });
  } finally {
    steps.close();
    stdout.write('\n');
  }
}

/** The first Ctrl-C ends it in order, the second one as it does any program. */
async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interrupted = new AbortController();
  const abort = () => interrupted.abort();
  process.once('SIGINT', abort);
  try {
    return await work(interrupted.signal);
  } finally {
    process.off('SIGINT', abort);
  }
}

/** What a file says of its venue matters when it has failed: nobody else acts on it. */
function tellFailures(surveys: readonly Survey[], { results }: RunReport): void {
  for (const [i, { file, failure, hint }] of results.entries()) {
    if (failure === undefined) {
      if (hint !== undefined) process.stderr.write(`${printable(`${file}: ${hint}`)}\n`);
      continue;
    }
    process.stderr.write(`${formatFailure(failure, process.stderr.columns || undefined)}\n`);
    const { venue } = surveys[i]?.header ?? {};
    if (venue !== undefined) {
      process.stderr.write(`${printable(file)} is for a venue of its own: ${toJson(venue)}`);
    }
  }
}

function isDone({ failure, isInterrupted }: FileResult): boolean {
  return failure === undefined && !isInterrupted;
}

function lookOf({ format }: Flags): Look {
  return { format, width: columnsOf(process.stdout, process.env) };
}

function wrongUse(message: string): OutcryError {
  return new OutcryError('ERR_USAGE', message);
}
