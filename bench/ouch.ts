/**
 * How many messages a second does the exchange take over OUCH, and how long does an order take?
 *
 *     50 sessions ── 57 % Enter, 29 % Cancel, 14 % Replace, as fast as they can be written ──► outcry serve ──► the last reply
 *     1 session   ── an order, its reply, the next ──► outcry serve
 *     1 session   ── an order every so many microseconds, whether the last one is answered or not ──► outcry serve
 *
 * In memory and durable. Every reply is checked, and what was bought must be what was sold. References in the same run:
 * a bare Node server that frames and answers without any logic, and one that sends back what it gets.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OUTCRY, portFlags, withBenchFolder } from './support/bank-servers.ts';
import {
  check,
  environmentLine,
  formatRates,
  formatRatio,
  median,
  print,
  quantile,
} from './support/figures.ts';
import { CYCLE_MESSAGES, OuchLoad, TimedOrders, traderSections } from './support/ouch-load.ts';
import { freePort, type Program, start, untilListening } from './support/program.ts';

export interface OuchBenchOptions {
  readonly sessions: number;
  readonly cyclesPerSession: number;
  readonly repeats: number;
  /** Entered one after the other. */
  readonly singles: number;
  /** Entered at a fixed rate. */
  readonly paced: number;
  readonly pacedPerSecond: number;
}

const FULL: OuchBenchOptions = {
  sessions: 50,
  cyclesPerSession: 2500,
  repeats: 5,
  singles: 20_000,
  paced: 20_000,
  pacedPerSecond: 2000,
};

const REFERENCE = fileURLToPath(new URL('./support/ouch-reference.js', import.meta.url));

interface Figures {
  /** Of each repeat. */
  readonly seconds: readonly number[];
  /** Milliseconds of each order. */
  readonly singles: readonly number[];
  readonly paced: readonly number[];
}

export async function runOuchBench(options: OuchBenchOptions): Promise<void> {
  const { sessions, cyclesPerSession } = options;
  print(`ouch: ${sessions} sessions × ${cyclesPerSession * CYCLE_MESSAGES} messages`, environmentLine());
  const bare = await measureBare(options);
  report('bare Node server', options, bare);
  await withBenchFolder(async (folder) => {
    const config = join(folder, 'config.ini');
    writeFileSync(config, traderSections(sessions + 1));
    for (const [name, flags] of [
      ['outcry serve --memory', ['--memory']],
      ['outcry serve --data', ['--data', join(folder, 'data')]],
    ] as const) {
      report(name, options, await measureOutcry([...flags, '--config', config], folder, options), bare);
    }
  });
}

async function measureBare(options: OuchBenchOptions): Promise<Figures> {
  const port = await freePort();
  const server = start(process.execPath, [REFERENCE, String(port)]);
  await untilListening(port);
  const seconds = await measureThroughput(port, options, { isExchange: false });
  await end(server);
  const echoPort = await freePort();
  const echo = start(process.execPath, [REFERENCE, String(echoPort), 'echo']);
  await untilListening(echoPort);
  const latencies = await measureLatencies(echoPort, options, 0);
  await end(echo);
  return { seconds, ...latencies };
}

async function end(server: Program): Promise<void> {
  server.process.kill('SIGKILL');
  await server.ended;
}

async function measureOutcry(
  flags: readonly string[],
  folder: string,
  options: OuchBenchOptions,
): Promise<Figures> {
  const port = await freePort();
  const args = [OUTCRY, 'serve', ...flags, ...portFlags('ouch', port), '--server-hosts', '1'];
  const server = start(process.execPath, args, folder);
  await untilListening(port);
  const seconds = await measureThroughput(port, options, { isExchange: true });
  const latencies = await measureLatencies(port, options, options.sessions);
  server.process.kill('SIGINT');
  check((await server.ended) === 0, `the server failed; it said: ${server.output}`);
  return { seconds, ...latencies };
}

/** Resolves with the seconds from the first order to the last reply, of each repeat; the first one warms up. */
async function measureThroughput(
  port: number,
  { sessions, cyclesPerSession, repeats }: OuchBenchOptions,
  { isExchange }: { readonly isExchange: boolean },
): Promise<number[]> {
  const loads = await Promise.all(Array.from({ length: sessions }, (_, i) => OuchLoad.connect(port, i)));
  const seconds: number[] = [];
  for (let repeat = 0; repeat <= repeats; repeat++) {
    const prepared = loads.map((load) => load.prepare(cyclesPerSession));
    const startedMs = performance.now();
    await Promise.all(loads.map((load, i) => load.send(prepared[i] ?? [])));
    if (repeat > 0) seconds.push((performance.now() - startedMs) / 1000);
  }
  if (isExchange) {
    await untilQuiet(loads);
    const added = loads.reduce((sum, { executed }) => sum + executed.added, 0);
    const removed = loads.reduce((sum, { executed }) => sum + executed.removed, 0);
    check(added === removed && added > 0, `${removed} shares were taken, ${added} given`);
  }
  for (const load of loads) load.close();
  return seconds;
}

/** The last executions may come behind the last reply. */
async function untilQuiet(loads: readonly OuchLoad[]): Promise<void> {
  const totalOf = () => loads.reduce((sum, { executed }) => sum + executed.added + executed.removed, 0);
  for (let before = -1; before !== totalOf(); ) {
    before = totalOf();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Of one session. */
async function measureLatencies(
  port: number,
  { singles, paced, pacedPerSecond }: OuchBenchOptions,
  session: number,
): Promise<Pick<Figures, 'singles' | 'paced'>> {
  const timed = await TimedOrders.connect(port, session);
  const figures = {
    singles: await timed.oneByOne(singles),
    paced: await timed.paced(paced, 1000 / pacedPerSecond),
  };
  timed.close();
  return figures;
}

function report(name: string, options: OuchBenchOptions, figures: Figures, bare?: Figures): void {
  const messages = options.sessions * options.cyclesPerSession * CYCLE_MESSAGES;
  const ratio =
    bare === undefined
      ? []
      : [formatRatio(median(bare.seconds) / median(figures.seconds), 'the bare server')];
  print(`${name}, pipelined`, formatRates(messages, figures.seconds), ...ratio);
  printLatency('  one at a time', figures.singles, bare?.singles);
  printLatency(`  ${options.pacedPerSecond} a second`, figures.paced, bare?.paced);
}

/** The first tenth warms up. */
function printLatency(name: string, milliseconds: readonly number[], echo?: readonly number[]): void {
  const columns = [0.5, 0.99, 0.999].map((share) => {
    const of = (values: readonly number[]) => quantile(values.slice(values.length / 10), share);
    const ratio = echo === undefined ? '' : ` (${(of(milliseconds) / of(echo)).toFixed(2)} ×)`;
    return `p${share * 100} ${(of(milliseconds) * 1000).toFixed(0)} µs${ratio}`;
  });
  print(name, ...columns);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runOuchBench(FULL);
