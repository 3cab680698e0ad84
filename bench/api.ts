/**
 * How many transactions a second does the api post, and how long does one take?
 *
 *     1 and 8 connections ── requests of 10,000, four at a time on each ──► outcry serve ──► the last answer
 *     1 connection        ── bank.post of one transaction with a key, its answer, the next ──► outcry serve
 *
 * In memory, and with every answer durable. The balances that the server has in the end are compared with what they must
 * be. Reference for one at a time, in the same run: a bare Node server that sends back what it gets.
 */
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ApiLoad, type ApiPoster, postAll, RawPoster } from './support/api-load.ts';
import { OUTCRY, portFlags, SEED, withBenchFolder } from './support/bank-servers.ts';
import { check, environmentLine, formatRates, formatRatio, print, quantile } from './support/figures.ts';
import { freePort, start, untilListening } from './support/program.ts';

export interface ApiBenchOptions {
  /** Over all connections. */
  readonly requests: number;
  readonly transactionsPerRequest: number;
  /** Posted one after the other. */
  readonly singles: number;
  readonly repeats: number;
}

const FULL: ApiBenchOptions = {
  requests: 240,
  transactionsPerRequest: 10_000,
  singles: 5000,
  repeats: 5,
};
const CONNECTIONS = [1, 8];
const ECHO_SERVER =
  "require('node:net').createServer({ noDelay: true }, (socket) => socket.pipe(socket)).listen(+process.argv[1], '127.0.0.1')";
/** About as many as a single post has. */
const ECHO_BYTES = 80;

export async function runApiBench(options: ApiBenchOptions): Promise<void> {
  const { requests, transactionsPerRequest } = options;
  print(`api: ${requests} requests × ${transactionsPerRequest} transactions`, environmentLine());
  const echo = await measureEcho(options.singles);
  printLatency('bare Node, one echo at a time', echo);
  await withBenchFolder(async (folder) => {
    await compare('outcry serve --memory', ['--memory'], folder, options, echo);
    await compare('outcry serve --data', ['--data', join(folder, 'data')], folder, options, echo);
  });
}

async function compare(
  name: string,
  flags: readonly string[],
  folder: string,
  options: ApiBenchOptions,
  echo: readonly number[],
): Promise<void> {
  const port = await freePort();
  const ports = portFlags('api', port);
  const server = start(
    process.execPath,
    [OUTCRY, 'serve', ...flags, ...ports, '--server-hosts', '1'],
    folder,
  );
  await untilListening(port);
  const load = new ApiLoad(SEED);
  for (const connections of CONNECTIONS) {
    const seconds: number[] = [];
    // The first one warms up.
    for (let i = 0; i <= options.repeats; i++)
      seconds.push(await measurePosts(port, load, connections, options));
    const plural = connections === 1 ? '' : 's';
    const transactions = options.requests * options.transactionsPerRequest;
    print(`${name}, ${connections} connection${plural}`, formatRates(transactions, seconds.slice(1)));
  }
  const poster = await RawPoster.connect(port);
  const singles = await measureSingles(poster, load, options.singles);
  printLatency('  one transaction at a time', singles, echo);
  const balances = new Map((await poster.balances()).map(([account, cents]) => [String(account), cents]));
  const isRight =
    balances.size === load.balances.size &&
    [...load.balances].every(([account, cents]) => balances.get(account) === cents);
  check(isRight, 'the balances are not what was posted');
  poster.close();
  server.process.kill('SIGINT');
  check((await server.ended) === 0, `the server failed; it said: ${server.output}`);
}

/** Resolves with the seconds from the first request to the last answer. */
async function measurePosts(
  port: number,
  load: ApiLoad,
  connections: number,
  { requests, transactionsPerRequest }: ApiBenchOptions,
): Promise<number> {
  const posters = await Promise.all(Array.from({ length: connections }, () => RawPoster.connect(port)));
  const prepared = posters.map((poster, i) =>
    Array.from({ length: Math.floor((requests + i) / connections) }, () =>
      poster.prepare(load.request(transactionsPerRequest)),
    ),
  );
  const startedMs = performance.now();
  await Promise.all(prepared.map(postAll));
  const seconds = (performance.now() - startedMs) / 1000;
  for (const poster of posters) poster.close();
  return seconds;
}

/** Resolves with the milliseconds of each. */
async function measureSingles(poster: ApiPoster, load: ApiLoad, count: number): Promise<number[]> {
  const posts = Array.from({ length: count }, (_, i) => poster.prepare(load.request(1), `single ${i}`));
  const milliseconds: number[] = [];
  for (const post of posts) {
    const startedMs = performance.now();
    await post();
    milliseconds.push(performance.now() - startedMs);
  }
  return milliseconds;
}

async function measureEcho(count: number): Promise<number[]> {
  const port = await freePort();
  const server = start(process.execPath, ['-e', ECHO_SERVER, String(port)]);
  await untilListening(port);
  const socket = createConnection({ host: '127.0.0.1', port, noDelay: true });
  await once(socket, 'connect');
  const bytes = new Uint8Array(ECHO_BYTES);
  const milliseconds: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedMs = performance.now();
    socket.write(bytes);
    await once(socket, 'data');
    milliseconds.push(performance.now() - startedMs);
  }
  socket.destroy();
  server.process.kill('SIGKILL');
  await server.ended;
  return milliseconds;
}

/** The first tenth warms up. */
function printLatency(name: string, milliseconds: readonly number[], echo?: readonly number[]): void {
  const columns = [0.5, 0.99].map((share) => {
    const of = (values: readonly number[]) => quantile(values.slice(values.length / 10), share);
    const ratio = echo === undefined ? '' : ` (${formatRatio(of(milliseconds) / of(echo), 'the echo')})`;
    return `p${share * 100} ${(of(milliseconds) * 1000).toFixed(0)} µs${ratio}`;
  });
  print(name, ...columns);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runApiBench(FULL);
