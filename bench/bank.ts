/**
 * How many bank lines a second, from the first byte sent to the complete log.txt?
 *
 *     50 connections × 200,000 lines ──► server ── SIGINT when all are sent ──► log.txt, compared with what it must be
 *
 * References in the same run: a C server with one thread (the physical limit), the same load on Redis as HINCRBY, and
 * the homework's own design in Python. Those that are not there are named. The load is a C program where it can be
 * compiled, so that the server is the limit, and `outcry bank send` otherwise. Also printed: the server's peak memory.
 */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BankInputs, writeBankInputs } from './support/bank-inputs.ts';
import {
  check,
  environmentLine,
  formatRate,
  formatRates,
  formatRatio,
  median,
  print,
} from './support/figures.ts';
import { compile, freePort, isInstalled, memoryMb, start, untilListening } from './support/program.ts';

export interface BankBenchOptions {
  readonly connections: number;
  readonly linesPerConnection: number;
  readonly repeats: number;
  /** How often the load is sent to one server in a row, for the rate of one that has been running for a while. */
  readonly loadsInARow: number;
  /** Python is some hundred times slower: it gets this share of the lines. */
  readonly pythonShare: number;
  readonly redisRequests: number;
}

interface Run {
  /** Of the last load, the log included. */
  readonly seconds: number;
  readonly peakMb: number;
  readonly lines: number;
}

interface BankServer {
  readonly name: string;
  readonly command: string;
  readonly args: (port: number, log: string) => readonly string[];
}

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const SHARED = resolve(REPOSITORY, '../shared/bench');
const OUTCRY = join(REPOSITORY, 'dist/clients/cli/main.js');
const PYTHON_SERVER = join(REPOSITORY, 'bench/threaded_bank.py');
const SEED = 20_200_331;

const FULL: BankBenchOptions = {
  connections: 50,
  linesPerConnection: 200_000,
  repeats: 5,
  loadsInARow: 5,
  pythonShare: 0.2,
  redisRequests: 4_000_000,
};

export async function runBankBench(options: BankBenchOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'outcry-bench-'));
  try {
    await compare(folder, options);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function compare(folder: string, options: BankBenchOptions): Promise<void> {
  const { connections, linesPerConnection, repeats, loadsInARow } = options;
  print(`bank: ${connections} connections × ${linesPerConnection} lines`, environmentLine());
  const inputs = writeBankInputs({
    folder: join(folder, 'inputs'),
    files: connections,
    linesPerFile: linesPerConnection,
    seed: SEED,
  });
  const load = compile(join(SHARED, 'bank_load.c'), join(folder, 'bank_load'));
  print('load', load === undefined ? 'outcry bank send (no C compiler or source)' : 'bank_load, in C');
  const reference = compile(join(SHARED, 'bank_reference.c'), join(folder, 'bank_reference'));

  const outcry: BankServer = {
    name: 'outcry bank serve',
    command: process.execPath,
    args: (port) => [OUTCRY, 'bank', 'serve', String(port)],
  };
  const c: BankServer | undefined =
    reference === undefined
      ? undefined
      : { name: 'C, one thread', command: reference, args: (port, log) => [String(port), log] };
  const rate = await compareWithC(outcry, c, repeats, (server) => measure(server, inputs, load, folder));
  print(`the last of ${loadsInARow} loads in a row`);
  await compareWithC(outcry, c, 1, (server) => measure(server, inputs, load, folder, loadsInARow));
  await compareRedis(rate, options.redisRequests);
  await comparePython(rate, folder, load, options);
}

/** Measures both in turns and prints them; returns the rate of Outcry. */
async function compareWithC(
  outcry: BankServer,
  c: BankServer | undefined,
  repeats: number,
  run: (server: BankServer) => Promise<Run>,
): Promise<number> {
  const runs: Run[] = [];
  const referenceRuns: Run[] = [];
  for (let i = 0; i < repeats; i++) {
    if (c !== undefined) referenceRuns.push(await run(c));
    runs.push(await run(outcry));
  }
  const secondsOf = (all: readonly Run[]) => all.map(({ seconds }) => seconds);
  const { lines } = runs[0] as Run;
  const rate = lines / median(secondsOf(runs));
  print(outcry.name, formatRates(lines, secondsOf(runs)));
  print('  peak memory', `${Math.max(...runs.map(({ peakMb }) => peakMb)).toFixed(0)} MB`);
  if (c === undefined) print('C, one thread', 'absent (no C compiler or source)');
  else {
    const seconds = secondsOf(referenceRuns);
    print(c.name, formatRates(lines, seconds), formatRatio(rate / (lines / median(seconds)), 'it'));
  }
  return rate;
}

/** One run of a server: seconds from the first byte of the last load to the complete log, which is checked. */
async function measure(
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
async function send(inputs: BankInputs, load: string | undefined, port: number): Promise<number> {
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

async function compareRedis(rate: number, requests: number): Promise<void> {
  const name = 'Redis HINCRBY, -c 50 -P 100';
  if (!isInstalled('redis-server') || !isInstalled('redis-benchmark')) {
    print(name, 'absent (redis-server is not installed)');
    return;
  }
  for (const fsync of ['no', 'always']) {
    const folder = mkdtempSync(join(tmpdir(), 'outcry-redis-'));
    const port = String(await freePort());
    const durable = fsync === 'no' ? ['--appendonly', 'no'] : ['--appendonly', 'yes', '--appendfsync', fsync];
    const server = start(
      'redis-server',
      ['--port', port, '--bind', '127.0.0.1', '--save', '', ...durable],
      folder,
    );
    try {
      await untilListening(Number(port));
      const load = ['-p', port, '-c', '50', '-P', '100', '-n', String(requests), '-r', '200', '-q'];
      const client = start('redis-benchmark', [...load, 'HINCRBY', 'bank', 'name:__rand_int__', '125']);
      check((await client.ended) === 0, client.output);
      const redis = Number(/([\d.]+) requests per second/.exec(client.output)?.[1]);
      const label = fsync === 'no' ? name : `${name}, every write flushed`;
      print(label, formatRate(redis), formatRatio(rate / redis, 'it'));
    } finally {
      server.process.kill('SIGKILL');
      await server.ended;
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

async function comparePython(
  rate: number,
  folder: string,
  load: string | undefined,
  options: BankBenchOptions,
): Promise<void> {
  const name = 'Python, a thread a client';
  if (!isInstalled('python3')) {
    print(name, 'absent (python3 is not installed)');
    return;
  }
  const inputs = writeBankInputs({
    folder: join(folder, 'python-inputs'),
    files: options.connections,
    linesPerFile: Math.ceil(options.linesPerConnection * options.pythonShare),
    seed: SEED,
  });
  const server: BankServer = {
    name,
    command: 'python3',
    args: (port, log) => [PYTHON_SERVER, String(port), log],
  };
  const { seconds } = await measure(server, inputs, load, folder);
  print(name, formatRate(inputs.lines / seconds), formatRatio((rate * seconds) / inputs.lines, 'it'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runBankBench(FULL);
