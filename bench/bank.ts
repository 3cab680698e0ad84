import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeBankInputs } from './support/bank-inputs.ts';
import {
  type BankServer,
  benchInputs,
  C_REFERENCE,
  compileLoad,
  compileReference,
  measure,
  measureRedis,
  OUTCRY,
  REPOSITORY,
  type Run,
  SEED,
  withBenchFolder,
} from './support/bank-servers.ts';
import { environmentLine, formatRate, formatRates, formatRatio, median, print } from './support/figures.ts';
import { isInstalled } from './support/program.ts';

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

const PYTHON_SERVER = join(REPOSITORY, 'bench/threaded_bank.py');

const FULL: BankBenchOptions = {
  connections: 50,
  linesPerConnection: 200_000,
  repeats: 5,
  loadsInARow: 5,
  pythonShare: 0.2,
  redisRequests: 4_000_000,
};

export async function runBankBench(options: BankBenchOptions): Promise<void> {
  await withBenchFolder((folder) => compare(folder, options));
}

async function compare(folder: string, options: BankBenchOptions): Promise<void> {
  const { connections, linesPerConnection, repeats, loadsInARow } = options;
  print(`bank: ${connections} connections × ${linesPerConnection} lines`, environmentLine());
  const inputs = benchInputs(folder, connections, linesPerConnection);
  const load = compileLoad(folder);
  const c = compileReference(folder);

  const outcry: BankServer = {
    name: 'outcry bank serve',
    command: process.execPath,
    args: (port) => [OUTCRY, 'bank', 'serve', String(port)],
  };
  const rate = await compareWithC(outcry, c, repeats, (server) => measure(server, inputs, load, folder));
  print(`the last of ${loadsInARow} loads in a row`);
  await compareWithC(outcry, c, 1, (server) => measure(server, inputs, load, folder, loadsInARow));
  for (const isFlushed of [false, true]) {
    const redis = await measureRedis(options.redisRequests, { isFlushed });
    if (redis !== undefined) print(redis.name, formatRate(redis.rate), formatRatio(rate / redis.rate, 'it'));
  }
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
  if (c === undefined) print(C_REFERENCE, 'absent (no C compiler or source)');
  else {
    const seconds = secondsOf(referenceRuns);
    print(c.name, formatRates(lines, seconds), formatRatio(rate / (lines / median(seconds)), 'it'));
  }
  return rate;
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
