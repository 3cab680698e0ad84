/** `outcry serve`: all services, until SIGINT or SIGTERM drains them; a second signal ends at once. */
import { formatTotals } from '../bank-totals.ts';
import { addSettingFlags, givenSettingFlags, resolveConfig } from '../config.ts';
import { createLog } from '../log.ts';
import { createFlags, parseFlags } from '../protocol/command-line.ts';
import { Server, type ServiceAddress } from '../server.ts';
import { takeOverSignals } from '../values/early-signals.ts';
import { messageOf, OutcryError } from '../values/errors.ts';

export async function run(args: readonly string[]): Promise<number> {
  const flags = createFlags({
    name: 'outcry serve',
    usage: '[--config FILE] [--memory] [settings]',
    summary: 'Run every service until SIGINT or SIGTERM.',
  })
    .option(
      '--config <file>',
      'settings file (default: config.ini in the working directory, where there is one)',
    )
    .option('--memory', 'keep nothing on disk; for now this is how it always runs');
  addSettingFlags(flags);
  if (parseFlags(flags, args) === 'help') return 0;
  if (flags.args.length > 0) {
    throw new OutcryError(
      'ERR_USAGE',
      `outcry serve takes no argument "${flags.args[0]}"; see outcry serve --help`,
    );
  }
  const { config: file } = flags.opts<{ config?: string }>();
  const config = resolveConfig({ file, environment: process.env, flags: givenSettingFlags(flags.opts()) });
  return serve(await Server.start({ config, log: await createLog(config.log), onFatal }));
}

async function serve(server: Server): Promise<number> {
  process.stdout.write(`${formatServices(server.services)}\n`);
  process.stdout.write('Accounts are kept in memory only. SIGINT or SIGTERM (Ctrl-C) ends in order.\n');
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

function formatServices(services: readonly ServiceAddress[]): string {
  const rows = services.map(({ name, host, port, example }) => [name, `${host}:${port}`, example]);
  const table = [['service', 'address', 'a line to try'], ...rows];
  const widths = [0, 1].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table
    .map(([name = '', address = '', example = '']) =>
      [name.padEnd(widths[0] ?? 0), address.padEnd(widths[1] ?? 0), example].join('  '),
    )
    .join('\n');
}

function onFatal(error: OutcryError): void {
  process.stderr.write(`outcry: ${messageOf(error)}\n`);
  process.exit(1);
}
