/**
 * `outcry serve`: all services, until SIGINT or SIGTERM drains them; a second signal ends at once. SIGUSR1 writes the
 * balances as they are to log.txt in the working directory; `-quit` on the console closes the clients of gold.
 */
import { formatTotals } from '../bank-totals.ts';
import { addSettingFlags, givenSettingFlags, resolveConfig } from '../config.ts';
import { createLog } from '../log.ts';
import { createFlags, parseFlags } from '../protocol/command-line.ts';
import { DATA_FOLDER, TOKEN_VARIABLE } from '../protocol/operator-file.ts';
import { Server } from '../server.ts';
import { openServices, SERVICES } from '../services.ts';
import { takeOverSignals } from '../values/early-signals.ts';
import { messageOf, OutcryError } from '../values/errors.ts';
import { readConsole } from './console.ts';
import { progressLines } from './progress-lines.ts';
import { Reports } from './reports.ts';

const REPORT_PATH = 'log.txt';

interface ServeFlags {
  readonly config?: string;
  readonly data?: string;
  readonly memory?: boolean;
}

export async function run(args: readonly string[]): Promise<number> {
  const flags = createFlags({
    name: 'outcry serve',
    usage: '[--config FILE] [--data DIR | --memory] [settings]',
    summary: 'Run every service until SIGINT or SIGTERM.',
  })
    .option(
      '--config <file>',
      'settings file (default: config.ini in the working directory, where there is one)',
    )
    .option('--data <dir>', `the folder in which everything is kept (default: ${DATA_FOLDER})`)
    .option('--memory', 'keep nothing: everything is gone when the server ends');
  addSettingFlags(flags);
  if (parseFlags(flags, args) === 'help') return 0;
  if (flags.args.length > 0) {
    throw new OutcryError(
      'ERR_USAGE',
      `outcry serve takes no argument "${flags.args[0]}"; see outcry serve --help`,
    );
  }
  const { config: file, data, memory } = flags.opts<ServeFlags>();
  if (data !== undefined && memory) {
    throw new OutcryError('ERR_USAGE', `--data ${data} and --memory exclude each other; give one of them`);
  }
  const config = resolveConfig({ file, environment: process.env, flags: givenSettingFlags(flags.opts()) });
  const dataFolder = memory ? undefined : (data ?? DATA_FOLDER);
  const log = await createLog(config.log);
  const reports = new Reports(report);
  // From here on: without a listener the signal opens a port for a debugger.
  process.on('SIGUSR1', () => reports.ask());
  const onRecovering = progressLines('recovering', (line) => process.stdout.write(line));
  const endings = new Endings();
  const starting = Server.start({
    config,
    log,
    services: openServices(SERVICES, config),
    dataFolder,
    reportPath: REPORT_PATH,
    onRecovering,
    onShutdown: (message) => endings.askAsOperator(message),
    onFatal,
  });
  // The package that draws tables takes twenty milliseconds to load, and the hosts are being started meanwhile.
  const [server, { tabulate }] = await Promise.all([starting, import('../values/tabulate.ts')]);
  reports.begin(server);
  const services = server.services.map(({ name, host, port, example }) => [name, `${host}:${port}`, example]);
  process.stdout.write(tabulate(services, { headers: ['service', 'address', 'a line to try'] }));
  return serve(server, reports, endings);
}

async function serve(server: Server, reports: Reports<Server>, endings: Endings): Promise<number> {
  process.stdout.write(`${formatPlace(server)}SIGINT or SIGTERM (Ctrl-C) ends in order.\n`);
  takeOverSignals((signal) => endings.ask(signal));
  const typed = readConsole(process.stdin, {
    quit: () => closeGoldClients(server),
    say: (line) => process.stdout.write(`${line}\n`),
  });
  const message = await endings.first;
  typed.close();
  return Promise.race([end(server, reports, message), endings.second.then(() => abort(server))]);
}

function closeGoldClients(server: Server): string {
  const closed = server.closeClients('gold', 'the server closed all connections');
  return `gold: ${closed} ${closed === 1 ? 'client' : 'clients'} closed`;
}

function formatPlace({ dataPath, operatorToken }: Server): string {
  if (dataPath !== undefined) return `Everything is kept in ${dataPath}. `;
  return `Everything is kept in memory only. For operators: ${TOKEN_VARIABLE}=${operatorToken}\n`;
}

/**
 * Who wants the server to end: the first is obeyed in order, a second signal at once, and any more by force. Operators do
 * not know of each other, so one that asks again hurries nothing.
 */
class Endings {
  readonly first: Promise<string | undefined>;
  readonly second: Promise<string | undefined>;
  readonly #waiting: ((message: string | undefined) => void)[] = [];

  constructor() {
    const next = () => new Promise<string | undefined>((resolve) => this.#waiting.push(resolve));
    this.first = next();
    this.second = next();
  }

  get #hasBegun(): boolean {
    return this.#waiting.length < 2;
  }

  /** `message` is what clients are told. */
  askAsOperator(message: string): void {
    if (!this.#hasBegun) this.ask('an operator', message);
  }

  ask(who: string, message?: string): void {
    if (!this.#hasBegun) {
      process.stdout.write(`${who}: reading every client to its end; once more ends at once\n`);
    }
    const resolve = this.#waiting.shift();
    // Not process.exit: a thread within a transaction would keep the process from ending.
    if (resolve === undefined) process.kill(process.pid, 'SIGKILL');
    else resolve(message);
  }
}

async function end(server: Server, reports: Reports<Server>, message: string | undefined): Promise<number> {
  try {
    await server.drain(message);
    await reports.end();
    process.stdout.write(`bank: ${formatTotals(await server.bank.totals())}\n`);
  } finally {
    await server.stop();
  }
  const letters = Object.entries(server.hosts.deadLetters).map(([reason, count]) => `${reason} ${count}`);
  if (letters.length > 0) process.stdout.write(`dead letters: ${letters.join(', ')}\n`);
  return server.losses.length === 0 ? 0 : 1;
}

async function abort(server: Server): Promise<never> {
  await server.abort();
  process.exit(1);
}

async function report(server: Server): Promise<void> {
  try {
    await server.bank.writeReport(REPORT_PATH);
    process.stdout.write(`SIGUSR1: the balances are in ${REPORT_PATH}\n`);
  } catch (error) {
    process.stderr.write(`outcry: ${messageOf(error)}\n`);
  }
}

function onFatal(error: OutcryError): void {
  process.stderr.write(`outcry: ${messageOf(error)}\n`);
  process.exit(1);
}
