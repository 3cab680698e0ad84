/**
 * How many bank lines a second, from the first byte sent until every line is durable and the server has ended? How long
 * does it take to be back, and how many bytes does a transaction take on disk?
 *
 *     50 connections × 200,000 lines ──► outcry serve --data ── SIGINT when all are sent ──► exit
 *     the same folder ──► outcry serve --data ── listening? ── SIGUSR1 ──► log.txt, compared with what it must be
 *
 * The second start recovers from the journal alone and leaves a snapshot behind; the third recovers from that.
 * References in the same run: the C server in memory, and Redis with every write flushed.
 */
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BankInputs } from './support/bank-inputs.ts';
import {
  benchInputs,
  compileLoad,
  compileReference,
  measure,
  measureRedis,
  OUTCRY,
  portFlags,
  send,
  withBenchFolder,
} from './support/bank-servers.ts';
import {
  check,
  environmentLine,
  formatRate,
  formatRates,
  formatRatio,
  median,
  print,
} from './support/figures.ts';
import { freePort, memoryMb, type Program, start } from './support/program.ts';

export interface DurableBenchOptions {
  readonly connections: number;
  readonly linesPerConnection: number;
  readonly repeats: number;
  readonly redisRequests: number;
}

interface DurableRun {
  readonly seconds: number;
  readonly peakMb: number;
  readonly fileBytes: number;
  readonly fromJournalSeconds: number;
  readonly fromSnapshotSeconds: number;
}

interface Serving {
  readonly program: Program;
  readonly port: number;
  /** From the start of the process until it listens. */
  readonly seconds: number;
}

const FULL: DurableBenchOptions = {
  connections: 50,
  linesPerConnection: 200_000,
  repeats: 5,
  redisRequests: 2_000_000,
};

export async function runDurableBench(options: DurableBenchOptions): Promise<void> {
  await withBenchFolder((folder) => compare(folder, options));
}

async function compare(folder: string, options: DurableBenchOptions): Promise<void> {
  const { connections, linesPerConnection, repeats, redisRequests } = options;
  print(`bank, durable: ${connections} connections × ${linesPerConnection} lines`, environmentLine());
  const inputs = benchInputs(folder, connections, linesPerConnection);
  const load = compileLoad(folder);
  const c = compileReference(folder);
  const runs: DurableRun[] = [];
  const cSeconds: number[] = [];
  for (let i = 0; i < repeats; i++) {
    if (c !== undefined) cSeconds.push((await measure(c, inputs, load, folder)).seconds);
    runs.push(await measureDurable(inputs, load, folder));
  }
  const seconds = runs.map((run) => run.seconds);
  const rate = inputs.lines / median(seconds);
  const medianOf = (of: (run: DurableRun) => number) => median(runs.map(of));
  print('outcry serve --data', formatRates(inputs.lines, seconds));
  print('  peak memory', `${Math.max(...runs.map(({ peakMb }) => peakMb)).toFixed(0)} MB`);
  print(
    '  on disk',
    `${(medianOf(({ fileBytes }) => fileBytes) / inputs.lines).toFixed(2)} bytes a transaction`,
  );
  print(
    '  back from the journal alone',
    `${medianOf((run) => run.fromJournalSeconds).toFixed(2)} s until it listens`,
  );
  print(
    '  back from a snapshot',
    `${medianOf((run) => run.fromSnapshotSeconds).toFixed(2)} s until it listens`,
  );
  if (c !== undefined) {
    print(
      `${c.name}, in memory`,
      formatRates(inputs.lines, cSeconds),
      formatRatio((rate * median(cSeconds)) / inputs.lines, 'it'),
    );
  }
  const redis = await measureRedis(redisRequests, { isFlushed: true });
  if (redis !== undefined) print(redis.name, formatRate(redis.rate), formatRatio(rate / redis.rate, 'it'));
}

async function measureDurable(
  inputs: BankInputs,
  load: string | undefined,
  folder: string,
): Promise<DurableRun> {
  const data = join(folder, 'data');
  rmSync(data, { recursive: true, force: true });
  const serving = await serve(data, folder);
  const sendSeconds = await send(inputs, load, serving.port);
  const peakMb = memoryMb(serving.program.process.pid ?? 0, 'VmHWM');
  const seconds = sendSeconds + (await stop(serving));
  const fileBytes = statSync(join(data, '1/0/data.mdb')).size;

  const recovered = await serve(data, folder, ['--data-snapshot-bytes', '4096']);
  await checkBalances(recovered, inputs, folder);
  await stop(recovered);
  const again = await serve(data, folder);
  await checkBalances(again, inputs, folder);
  await stop(again);
  return {
    seconds,
    peakMb,
    fileBytes,
    fromJournalSeconds: recovered.seconds,
    fromSnapshotSeconds: again.seconds,
  };
}

async function serve(data: string, folder: string, flags: readonly string[] = []): Promise<Serving> {
  const port = await freePort();
  const startedMs = performance.now();
  const args = ['serve', '--data', data, ...portFlags('bank', port), '--server-hosts', '1', ...flags];
  const program = start(process.execPath, [OUTCRY, ...args], folder);
  await untilOutput(program, /SIGINT or SIGTERM/);
  return { program, port, seconds: (performance.now() - startedMs) / 1000 };
}

/** Resolves with the seconds until the process has ended in order. */
async function stop({ program }: Serving): Promise<number> {
  const startedMs = performance.now();
  program.process.kill('SIGINT');
  check((await program.ended) === 0, `the server failed; it said: ${program.output}`);
  return (performance.now() - startedMs) / 1000;
}

async function checkBalances({ program }: Serving, inputs: BankInputs, folder: string): Promise<void> {
  const log = join(folder, 'log.txt');
  rmSync(log, { force: true });
  program.process.kill('SIGUSR1');
  await untilOutput(program, /the balances are in/);
  check(readFileSync(log, 'utf8') === inputs.expectedAfter(1), `log.txt; the server said: ${program.output}`);
}

async function untilOutput(program: Program, expected: RegExp): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!expected.test(program.output)) {
    check(Date.now() < deadline, `the server does not say ${expected.source}; it said: ${program.output}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runDurableBench(FULL);
