/**
 * What do idle connections cost?
 *
 *     N connections that send nothing ──► server: memory above the idle server, and its share of a core meanwhile
 *
 * Reference in the same run: a bare Node server that accepts and holds them.
 */
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { check, environmentLine, print } from './support/figures.ts';
import { cpuSeconds, freePort, memoryMb, start, untilListening } from './support/program.ts';

export interface ConnectionsBenchOptions {
  readonly connections: number;
  readonly watchSeconds: number;
}

const FULL: ConnectionsBenchOptions = { connections: 10_000, watchSeconds: 10 };
const OUTCRY = fileURLToPath(new URL('../clients/cli/main.js', import.meta.url));
const BARE_SERVER =
  "require('node:net').createServer((socket) => socket.on('data', () => {})).listen(+process.argv[1], '127.0.0.1')";
const OPENING_AT_ONCE = 500;

export async function runConnectionsBench(options: ConnectionsBenchOptions): Promise<void> {
  print(`${options.connections} idle connections`, environmentLine());
  await measure('bare Node', (port) => ['-e', BARE_SERVER, port], options);
  await measure('outcry bank serve', (port) => [OUTCRY, 'bank', 'serve', port], options);
}

async function measure(
  name: string,
  args: (port: string) => readonly string[],
  { connections, watchSeconds }: ConnectionsBenchOptions,
): Promise<void> {
  const port = await freePort();
  const server = start(process.execPath, args(String(port)), join(fileURLToPath(import.meta.url), '../..'));
  const pid = server.process.pid ?? 0;
  await untilListening(port);
  await pause(1);
  const idleMb = memoryMb(pid, 'VmRSS');
  const sockets: Socket[] = [];
  while (sockets.length < connections) {
    const opening = Math.min(OPENING_AT_ONCE, connections - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: opening }, () => connect(port)))));
  }
  await pause(1);
  const cpuBefore = cpuSeconds(pid);
  await pause(watchSeconds);
  const share = (cpuSeconds(pid) - cpuBefore) / watchSeconds;
  const extraMb = memoryMb(pid, 'VmRSS') - idleMb;
  check(
    sockets.every((socket) => !socket.destroyed),
    `${name} closed idle connections`,
  );
  print(
    name,
    `${extraMb.toFixed(1)} MB above its ${idleMb.toFixed(0)} MB`,
    `${(share * 100).toFixed(2)} % of a core`,
  );
  for (const socket of sockets) socket.destroy();
  server.process.kill('SIGKILL');
  await server.ended;
}

function connect(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port }, () => resolve(socket));
    socket.on('error', reject);
  });
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runConnectionsBench(FULL);
