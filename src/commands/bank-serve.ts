/**
 * `outcry bank serve PORT`: the homework's server. Accounts in memory; SIGINT reads every client to its end, writes
 * log.txt in the working directory and ends. A second SIGINT ends the clients and writes what they had sent; a third
 * ends at once, without a report.
 */
import { formatTotals } from '../bank-totals.ts';
import { addSettingFlags, givenSettingFlags, resolveConfig } from '../config.ts';
import { createLog } from '../log.ts';
import { createFlags, parseFlags, parsePort } from '../protocol/command-line.ts';
import { Server } from '../server.ts';
import { takeOverSignals } from '../values/early-signals.ts';
import { messageOf, type OutcryError } from '../values/errors.ts';

const USAGE = 'usage: outcry bank serve PORT';
const REPORT_PATH = 'log.txt';

export async function run(args: readonly string[]): Promise<number> {
  const flags = createFlags({
    name: 'outcry bank serve',
    usage: 'PORT',
    summary: 'Serve bank transactions on PORT (0: any free one). SIGINT writes log.txt and ends.',
  }).argument('[port]');
  addSettingFlags(flags);
  if (parseFlags(flags, args) === 'help') return 0;
  const [port] = flags.args;
  if (port === undefined || flags.args.length > 1) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  parsePort(port, { min: 0 });
  const config = resolveConfig({
    file: null,
    // The homework's server is quiet, unless it is told otherwise.
    environment: { OUTCRY_LOG_LEVEL: 'warn', ...process.env },
    flags: { ...givenSettingFlags(flags.opts()), 'bank-port': port },
  });
  return serve(await Server.start({ config, log: await createLog(config.log), services: ['bank'], onFatal }));
}

async function serve(server: Server): Promise<number> {
  const waiting: (() => void)[] = [];
  const nextSignal = () => new Promise<void>((resolve) => waiting.push(resolve));
  const [first, second] = [nextSignal(), nextSignal()];
  takeOverSignals(() => {
    const resolve = waiting.shift() ?? (() => process.exit(1));
    resolve();
  });
  for (const { host, port } of server.services) process.stdout.write(`bank: listening on ${host}:${port}\n`);
  try {
    await first;
    // The second ends only the waiting for clients: the report is written once, whole. The third is impatient.
    await Promise.race([server.drain(), second.then(() => server.cutOff())]);
    // The threads have nothing left to do; ending them in order would only delay the exit.
    process.exit(await end(server));
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function end(server: Server): Promise<number> {
  await server.bank.writeReport(REPORT_PATH);
  process.stdout.write(`bank: ${formatTotals(await server.bank.totals())}\n`);
  if (server.losses.length === 0) return 0;
  const losses = server.losses.join('; ');
  process.stderr.write(`outcry: ${REPORT_PATH} is not complete: accounts in memory were lost (${losses})\n`);
  return 1;
}

function onFatal(error: OutcryError): void {
  process.stderr.write(`outcry: ${messageOf(error)}\n`);
  process.exit(1);
}
