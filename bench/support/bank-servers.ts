/** The servers that are compared on the bank's load, and the load itself. */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SERVICES, type ServiceName } from '../../src/services.ts';
import { type BankInputs, writeBankInputs } from './bank-inputs.ts';
import { check, print } from './figures.ts';
import { compile, freePort, isInstalled, memoryMb, start, untilListening } from './program.ts';

export interface Run {
  /** Of the last load, the log included. */
  readonly seconds: number;
  readonly peakMb: number;
  readonly lines: number;
}

export interface BankServer {
  readonly name: string;
  readonly command: string;
  readonly args: (port: number, log: string) => readonly string[];
}

export const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));
export const OUTCRY = join(REPOSITORY, 'dist/clients/cli/main.js');
export const C_REFERENCE = 'C, one thread';
export const SEED = 20_200_331;
const SHARED = resolve(REPOSITORY, '../shared/bench');

/** Flags of `outcry serve`: one service at `port`, all others at free ports. */
export function portFlags(service: ServiceName, port: number): string[] {
  return SERVICES.flatMap((each) => [`--${each}-port`, each === service ? String(port) : '0']);
}

/** The load as a C program, so that the server is the limit; undefined where it can't be compiled. */
export function compileLoad(folder: string): string | undefined {
  const load = compile(join(SHARED, 'bank_load.c'), join(folder, 'bank_load'));
  print('load', load === undefined ? 'outcry bank send (no C compiler or source)' : 'bank_load, in C');
  return load;
}

/** The physical limit: a server in C with one thread, in memory; undefined where it can't be compiled. */
export function compileReference(folder: string): BankServer | undefined {
  const command = compile(join(SHARED, 'bank_reference.c'), join(folder, 'bank_reference'));
  if (command === undefined) return undefined;
  return { name: C_REFERENCE, command, args: (port, log) => [String(port), log] };
}

/** One run of a server: seconds from the first byte of the last load to the complete log, which is checked. */
export async function measure(
  server: BankServer,
  inputs: BankInputs,
  load: string | undefined,
  folder: string,
  loads = 1,
): Promise<Run> {
  const port = await freePort();
  const log = join(folder, 'log.txt');
  rmSync(log, { force: true });
  const running = start(server.command, server.args(port, log), folder);
  await untilListening(port);
  let sendSeconds = 0;
  for (let i = 0; i < loads; i++) sendSeconds = await send(inputs, load, port);
  const sentMs = performance.now();
  const peakMb = memoryMb(running.process.pid ?? 0, 'VmHWM');
  running.process.kill('SIGINT');
  const expected = inputs.expectedAfter(loads);
  await untilSize(log, expected.length);
  const tailSeconds = (performance.now() - sentMs) / 1000;
  await running.ended;
  check(readFileSync(log, 'utf8') === expected, `log.txt of ${server.name}; it said: ${running.output}`);
  return { seconds: sendSeconds + tailSeconds, peakMb, lines: inputs.lines };
}

/** Sends all files, each over its own connection; resolves with the seconds until the server has closed them all. */
export async function send(inputs: BankInputs, load: string | undefined, port: number): Promise<number> {
  const sender =
    load === undefined
      ? start(process.execPath, [OUTCRY, 'bank', 'send', String(port), ...inputs.files])
      : start(load, [String(port), '1', ...inputs.files]);
  const startedMs = performance.now();
  const code = await sender.ended;
  check(code === 0, `the load ended with ${code}: ${sender.output}`);
  // bank_load reads all files before it sends, and says how long the sending took.
  const said = Number(/^([\d.]+) s /.exec(sender.output)?.[1]);
  return Number.isNaN(said) ? (performance.now() - startedMs) / 1000 : said;
}

/** Resolves once the file is there and has its full size. */
async function untilSize(path: string, bytes: number): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (statSync(path, { throwIfNoEntry: false })?.size !== bytes) {
    check(Date.now() < deadline, `${path} is not complete after a minute`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Redis with the same work, its own load and as many connections; undefined where it is not installed. */
export async function measureRedis(
  requests: number,
  { isFlushed }: { readonly isFlushed: boolean },
): Promise<{ readonly name: string; readonly rate: number } | undefined> {
  const name = `Redis HINCRBY, -c 50 -P 100${isFlushed ? ', every write flushed' : ''}`;
  if (!isInstalled('redis-server') || !isInstalled('redis-benchmark')) {
    print(name, 'absent (redis-server is not installed)');
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), 'outcry-redis-'));
  const port = String(await freePort());
  const durable = isFlushed ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
  const flags = ['--port', port, '--bind', '127.0.0.1', '--save', '', ...durable];
  const server = start('redis-server', flags, folder);
  try {
    await untilListening(Number(port));
    const load = ['-p', port, '-c', '50', '-P', '100', '-n', String(requests), '-r', '200', '-q'];
    const client = start('redis-benchmark', [...load, 'HINCRBY', 'bank', 'name:__rand_int__', '125']);
    check((await client.ended) === 0, client.output);
    return { name, rate: Number(/([\d.]+) requests per second/.exec(client.output)?.[1]) };
  } finally {
    server.process.kill('SIGKILL');
    await server.ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Lends `bench` a folder of its own, which is removed afterwards. */
export async function withBenchFolder(bench: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'outcry-bench-'));
  try {
    await bench(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The files that clients send, one each. */
export function benchInputs(folder: string, connections: number, linesPerConnection: number): BankInputs {
  return writeBankInputs({
    folder: join(folder, 'inputs'),
    files: connections,
    linesPerFile: linesPerConnection,
    seed: SEED,
  });
}
