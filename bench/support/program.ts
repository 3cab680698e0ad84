/** Programs that a bench starts: servers, loads and peers. Each is ended by the bench that started it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';

export interface Program {
  readonly process: ChildProcess;
  /** Everything on standard output so far. */
  output: string;
  /** Resolves with the exit code. */
  readonly ended: Promise<number>;
}

/** A bench asks nobody outside for anything. */
const NO_PROVIDERS = { OUTCRY_GOLD_PROVIDERS: 'none' };

export function start(command: string, args: readonly string[], cwd?: string): Program {
  const env = { ...process.env, ...NO_PROVIDERS };
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? (signal === null ? 0 : 128)));
  });
  const program: Program = { process: child, output: '', ended };
  const collect = (chunk: Buffer) => {
    program.output += chunk.toString();
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  return program;
}

/** Resolves once something listens on `port`. */
export async function untilListening(port: number, timeoutMs = 10_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await canConnect(port))) {
    if (Date.now() > deadline) throw new Error(`nothing listens on port ${port} after ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : 0));
    });
  });
}

/** True if `command` can be run here. */
export function isInstalled(command: string): boolean {
  return spawnSync('sh', ['-c', `command -v "$0"`, command]).status === 0;
}

/** Compiles a C file where there is a compiler and the file; undefined otherwise. */
export function compile(source: string, target: string): string | undefined {
  if (!existsSync(source) || !isInstalled('cc')) return undefined;
  const { status, stderr } = spawnSync('cc', ['-O2', '-o', target, source]);
  if (status !== 0) throw new Error(`cc can't compile ${source}: ${stderr}`);
  return target;
}

/** A figure in MB from the kernel's account of a process: VmHWM is its peak, VmRSS what it has now. */
export function memoryMb(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8')
    .split('\n')
    .find((text) => text.startsWith(field));
  return Number(line?.replace(/\D/g, '')) / 1024;
}

const TICKS_PER_SECOND = 100;

/** Processor seconds that a process has used. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
