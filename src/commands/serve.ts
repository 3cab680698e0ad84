/**
 * `outcry serve`: all services, until SIGINT or SIGTERM drains them; a second signal ends at once. SIGUSR1 writes the
 * balances as they are to log.txt in the working directory.
 */
import { formatTotals } from '../bank-totals.ts';
import { addSettingFlags, givenSettingFlags, resolveConfig } from '../config.ts';
import { createLog } from '../log.ts';
import { createFlags, parseFlags } from '../protocol/command-line.ts';
import { Server, type ServiceAddress } from '../server.ts';
import { takeOverSignals } from '../values/early-signals.ts';
import { messageOf, OutcryError } from '../values/errors.ts';
import { formatTable } from '../values/table.ts';
import { progressLines } from './progress-lines.ts';

const DATA_FOLDER = 'data';
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
  const onRecovering = progressLines('recovering', (line) => process.stdout.write(line));
  return serve(await Server.start({ config, log, dataFolder, onRecovering, onFatal }));
}

async function serve(server: Server): Promise<number> {
  // Before anybody can know that the server is there: without a listener this signal starts Node's debugger.
  process.on('SIGUSR1', () => void report(server));
  process.stdout.write(formatServices(server.services));
  const place = server.dataPath === undefined ? 'in memory only' : `in ${server.dataPath}`;
  process.stdout.write(`Accounts are kept ${place}. SIGINT or SIGTERM (Ctrl-C) ends in order.\n`);
  await new Promise<void>((resolve) => {
    let signals = 0;
    takeOverSignals((signal) => {
      signals++;
      if (signals > 1) process.exit(1);
      process.stdout.write(`${signal}: reading every client to its end; once more ends at once\n`);
      resolve();
    });
  });
  try {
    await server.drain();
    process.stdout.write(`bank: ${formatTotals(await server.bankTotals())}\n`);
  } finally {
    await server.stop();
  }
  const letters = Object.entries(server.hosts.deadLetters).map(([reason, count]) => `${reason} ${count}`);
  if (letters.length > 0) process.stdout.write(`dead letters: ${letters.join(', ')}\n`);
  return server.losses.length === 0 ? 0 : 1;
}

async function report(server: Server): Promise<void> {
  try {
    await server.writeBankReport(REPORT_PATH);
    process.stdout.write(`SIGUSR1: the balances are in ${REPORT_PATH}\n`);
  } catch (error) {
    process.stderr.write(`outcry: ${messageOf(error)}\n`);
  }
}

function formatServices(services: readonly ServiceAddress[]): string {
  const rows = services.map(({ name, host, port, example }) => [name, `${host}:${port}`, example]);
  return formatTable([['service', 'address', 'a line to try'], ...rows]);
}

function onFatal(error: OutcryError): void {
  process.stderr.write(`outcry: ${messageOf(error)}\n`);
  process.exit(1);
}
