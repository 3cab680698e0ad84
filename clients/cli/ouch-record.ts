/** `outcry ouch record`: stands between clients and an exchange, and writes what passes as a test input. */
import { Option } from 'commander';
import { argumentsOf, createFlags, parseFlags, parsePort } from '../../src/protocol/command-line.ts';
import type { OrderbookForm } from '../../src/protocol/ouch/fields.ts';
import { Recorder } from '../../src/protocol/ouch-inputs/recorder.ts';
import { RecordingFile } from '../../src/protocol/ouch-inputs/recording-file.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { formatCount } from '../../src/values/readable.ts';
import { RecordingProxy } from '../ouch-inputs/proxy.ts';
import { formatNumber } from './admin-text.ts';
import { EXIT_DONE, EXIT_FAILED, EXIT_WRONG_USE } from './failure.ts';

const USAGE = 'FILE [--port 31500] [--to HOST:PORT] [--raw]';
const HOST = '127.0.0.1';
const PORT = '31500';
const TO_PORT = 31_422;
const RAW_PORT = 31_421;

const EXAMPLES = `
Examples:
  outcry ouch record day.json                      clients connect to port 31500
  outcry ouch record day.json --raw --port 31500   for clients without packets
  outcry ouch record day.json --to 10.0.0.5:9000   of another exchange

Ctrl-C ends it; outcry ouch replay plays the file.
`;

interface Flags {
  readonly host: string;
  readonly port: string;
  readonly to?: string;
  readonly raw?: true;
  readonly form?: OrderbookForm;
  readonly force?: true;
}

export async function run(args: readonly string[]): Promise<number> {
  const flags = createFlags({
    name: 'outcry ouch record',
    usage: USAGE,
    summary: 'Pass on what clients and an exchange send, and write it as a test input.',
  })
    .option('--host <host>', 'where clients connect', HOST)
    .option('--port <port>', 'where clients connect; 0 picks a free port', PORT)
    .option('--to <address>', `the exchange, HOST:PORT (${HOST}:${TO_PORT}; with --raw ${RAW_PORT})`)
    .option('--raw', 'bare OUCH instead of SoupBinTCP')
    .addOption(new Option('--form <form>', 'how books are named').choices(['alpha', 'uint32']))
    .option('--force', 'replace a file that is there')
    .addHelpText('after', EXAMPLES);
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  const [path] = argumentsOf(flags, 1);
  if (path === undefined) throw new OutcryError('ERR_USAGE', `usage: outcry ouch record ${USAGE}`);
  const { host, port, to: address, raw = false, form, force = false } = flags.opts<Flags>();
  const to = parseAddress(address ?? `${HOST}:${raw ? RAW_PORT : TO_PORT}`);
  const listening = { host, port: parsePort(port, { min: 0 }) };
  const file = openFile(path, force);
  if (file === undefined) return EXIT_WRONG_USE;
  let exitCode: number = EXIT_DONE;
  const recorder = new Recorder(file, ({ message }) => {
    exitCode = EXIT_FAILED;
    process.stderr.write(`outcry: the recording has ended: ${message}\n`);
  });
  const proxy = await RecordingProxy.listen({
    ...listening,
    to,
    door: raw ? 'ouch-raw' : 'ouch',
    form: form ?? (raw ? 'uint32' : 'alpha'),
    recorder,
    onUnreachable: (reason) => process.stderr.write(`outcry: ${reason}\n`),
  });
  process.stdout.write(`recording ${host}:${proxy.port} → ${to.host}:${to.port} into ${path}\n`);
  await interrupted();
  await proxy.close();
  recorder.end();
  const { sessions, messages, skipped } = recorder.figures;
  const left = skipped === 0 ? '' : `, ${formatCount(skipped)} left out that no test input can have`;
  process.stdout.write(`${formatNumber(sessions, 'session')}, ${formatNumber(messages, 'message')}${left}\n`);
  return exitCode;
}

/** Undefined if the file is there, which has been said then. */
function openFile(path: string, isReplacing: boolean): RecordingFile | undefined {
  try {
    return RecordingFile.create(path, { isReplacing });
  } catch (error) {
    if (!(error instanceof OutcryError) || error.code !== 'ERR_FILE_EXISTS') throw error;
    process.stderr.write(`outcry: ${error.message}; --force replaces it\n`);
    return undefined;
  }
}

function parseAddress(text: string): { readonly host: string; readonly port: number } {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
  if (host !== undefined && port !== undefined) return { host, port: parsePort(port, { min: 1 }) };
  throw new OutcryError('ERR_USAGE', `--to expects HOST:PORT, not "${text}"`);
}

function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => resolve());
  });
}
