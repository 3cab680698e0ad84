/**
 * How fast are many large test inputs replayed, with what memory, and how much of it is the replaying?
 *
 *     100 files × 10,000 actions ── check ──► spool ── 100 connections at once ──► outcry serve --memory ──► the last reply
 *
 * The reference in the same run: the same messages over as many connections, by a load that has them ready in memory. The
 * check of the files is timed apart: it is over before anything is sent.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Survey, survey } from '../clients/ouch-inputs/read.ts';
import { type RunReport, runInputs } from '../clients/ouch-inputs/run.ts';
import { SpoolFile } from '../clients/ouch-inputs/spool.ts';
import { targetsAt } from '../clients/ouch-inputs/target.ts';
import { decodeInbound } from '../src/protocol/ouch/messages.ts';
import { toStep } from '../src/protocol/ouch-inputs/json.ts';
import { HEADER_BYTES, PacketSplitter } from '../src/protocol/soupbintcp/index.ts';
import { OUTCRY, portFlags, withBenchFolder } from './support/bank-servers.ts';
import { check, environmentLine, formatRates, formatRatio, median, print } from './support/figures.ts';
import {
  CYCLE_MESSAGES,
  LOAD_PASSWORD,
  LoadMessages,
  OuchLoad,
  traderSections,
  userOf,
} from './support/ouch-load.ts';
import { freePort, start, untilListening } from './support/program.ts';

export interface ReplayBenchOptions {
  readonly files: number;
  readonly cyclesPerFile: number;
  readonly repeats: number;
}

const FULL: ReplayBenchOptions = { files: 100, cyclesPerFile: 477, repeats: 5 };

const MB = 1024 * 1024;

interface Replay {
  readonly checkSeconds: number;
  readonly report: RunReport;
  /** In MB, when so much of all was sent. */
  readonly tenthMb: number;
  readonly wholeMb: number;
}

export async function runReplayBench(options: ReplayBenchOptions): Promise<void> {
  const { files, cyclesPerFile, repeats } = options;
  const messages = files * cyclesPerFile * CYCLE_MESSAGES;
  print(`ouch-replay: ${files} files × ${cyclesPerFile * CYCLE_MESSAGES} actions`, environmentLine());
  await withBenchFolder(async (folder) => {
    const config = join(folder, 'config.ini');
    writeFileSync(config, traderSections(files));
    const inputs = writeInputs(folder, options);
    const references: number[] = [];
    const replays: Replay[] = [];
    // The first one of each warms up.
    for (let repeat = 0; repeat <= repeats; repeat++) {
      const reference = await withServer(config, folder, (port) => measureLoad(port, options));
      const replay = await withServer(config, folder, (port) => measureReplay(port, inputs));
      if (repeat === 0) continue;
      references.push(reference);
      replays.push(replay);
    }
    const seconds = replays.map(({ report }) => report.seconds);
    const ratio = median(references) / median(seconds);
    print('load from memory', formatRates(messages, references));
    print('replay', formatRates(messages, seconds), formatRatio(ratio, 'the load from memory'));
    const share = median(replays.map(({ report }) => report.cpuShare));
    const cpuSeconds = median(replays.map(({ report }) => report.cpuShare * report.seconds));
    print('  own processor time', `${cpuSeconds.toFixed(2)} s`, `${(share * 100).toFixed(0)} % of one core`);
    const tenth = median(replays.map(({ tenthMb }) => tenthMb));
    const whole = median(replays.map(({ wholeMb }) => wholeMb));
    print('  memory at 10 % and at 100 %', `${tenth.toFixed(0)} MB, ${whole.toFixed(0)} MB`);
    const checks = replays.map(({ checkSeconds }) => checkSeconds);
    print('check of the files', formatRates(messages, checks));
  });
}

async function withServer<T>(
  config: string,
  folder: string,
  measure: (port: number) => Promise<T>,
): Promise<T> {
  const port = await freePort();
  const flags = ['--memory', '--config', config, ...portFlags('ouch', port), '--server-hosts', '1'];
  const server = start(process.execPath, [OUTCRY, 'serve', ...flags], folder);
  await untilListening(port);
  const measured = await measure(port);
  server.process.kill('SIGINT');
  check((await server.ended) === 0, `the server failed; it said: ${server.output}`);
  return measured;
}

/** Resolves with the seconds from the first message to the last reply. */
async function measureLoad(port: number, { files, cyclesPerFile }: ReplayBenchOptions): Promise<number> {
  const loads = await Promise.all(Array.from({ length: files }, (_, i) => OuchLoad.connect(port, i)));
  const prepared = loads.map((load) => load.prepare(cyclesPerFile));
  const startedMs = performance.now();
  await Promise.all(loads.map((load, i) => load.send(prepared[i] ?? [])));
  const seconds = (performance.now() - startedMs) / 1000;
  for (const load of loads) load.close();
  return seconds;
}

async function measureReplay(port: number, inputs: readonly string[]): Promise<Replay> {
  await using spools = await SpoolFile.create();
  const target = targetsAt({ host: '127.0.0.1', port, rawPort: 0, isRaw: false });
  const startedMs = performance.now();
  const surveys: Survey[] = [];
  for (const file of inputs) surveys.push(await survey(file, { target, spools }));
  const checkSeconds = (performance.now() - startedMs) / 1000;
  const messages = surveys.reduce((sum, { messages: count }) => sum + count, 0);
  let sent = 0;
  let tenthMb = 0;
  let wholeMb = 0;
  const report = await runInputs(surveys, {
    users: surveys.map((_, i) => userOf(i)),
    password: LOAD_PASSWORD,
    timeoutMs: 60_000,
    onSent: (count) => {
      sent += count;
      if (tenthMb === 0 && sent >= messages / 10) tenthMb = process.memoryUsage.rss() / MB;
      if (sent === messages) wholeMb = process.memoryUsage.rss() / MB;
    },
  });
  checkReport(report, messages);
  return { checkSeconds, report, tenthMb, wholeMb };
}

/** All that could rest or trade was accepted, and every share that was bought was sold. */
function checkReport({ results, messages }: RunReport, expected: number): void {
  const failure = results.find((result) => result.failure !== undefined)?.failure;
  check(failure === undefined, `an input failed: ${failure?.error?.message}`);
  check(messages === expected, `${messages} of ${expected} messages were sent`);
  const entered = results.reduce((sum, { tally }) => sum + tally.entered, 0);
  const accepted = results.reduce((sum, { tally }) => sum + tally.accepted, 0);
  check(accepted === entered, `${accepted} of ${entered} orders were accepted`);
}

/** The messages of the load as test inputs. */
function writeInputs(folder: string, { files, cyclesPerFile }: ReplayBenchOptions): readonly string[] {
  return Array.from({ length: files }, (_, i) => {
    const path = join(folder, `load-${i}.json`);
    const splitter = new PacketSplitter();
    const steps: string[] = [];
    for (const packets of new LoadMessages(i).prepare(cyclesPerFile)) {
      splitter.feed(packets, (bytes, start, end) => {
        steps.push(JSON.stringify(toStep(decodeInbound(bytes.subarray(start + HEADER_BYTES, end)))));
      });
    }
    writeFileSync(path, `{"actions": [\n${steps.join(',\n')}\n]}\n`);
    return path;
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runReplayBench(FULL);
