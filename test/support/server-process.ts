/** A server of the real `outcry` command in a process and a working directory of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { until } from './until.ts';

export const OUTCRY = fileURLToPath(new URL('../../clients/cli/main.js', import.meta.url));

/** Services that a test has no use for must not be in the way of other tests. */
export const FREE_PORTS = {
  OUTCRY_LOBBY_PORT: '0',
  OUTCRY_OUCH_PORT: '0',
  OUTCRY_OUCH_RAW_PORT: '0',
  OUTCRY_API_PORT: '0',
  OUTCRY_GOLD_PORT: '0',
};

/** Nothing outside this machine is asked for gold rates. */
const NO_PROVIDERS = { OUTCRY_GOLD_PROVIDERS: 'none' };

/** Longer than any shutdown in a test: what takes longer hangs. */
const EXIT_LIMIT_MS = 20_000;

export interface SpawnOptions {
  /** The program, if it is not the one that was built. */
  readonly program?: string;
  /** The working directory; a new one without it. */
  readonly folder?: string;
  /** Behind `sh -c '… &'`, as a script starts it: with SIGINT ignored. */
  readonly isInBackground?: boolean;
  /** Variables beside those of the test's own environment. */
  readonly variables?: Readonly<Record<string, string>>;
  /** No file may grow beyond this, as if the disk were full; see `makeRoom`. */
  readonly fileKibMax?: number;
  /** What takes longer hangs. */
  readonly exitLimitMs?: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Totals {
  readonly connections: number;
  readonly applied: number;
  readonly discarded: Readonly<Record<string, number>>;
}

export class ServerProcess {
  readonly folder: string;
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  readonly #exitLimitMs: number;
  #stdout = '';
  #stderr = '';
  #port: number | undefined;
  #pid: number | undefined;

  constructor(args: readonly string[], options: SpawnOptions = {}) {
    this.folder = options.folder ?? temporaryFolder();
    this.#exitLimitMs = options.exitLimitMs ?? EXIT_LIMIT_MS;
    const [file, words] = commandLine(args, options);
    this.#child = spawn(file, words, {
      cwd: this.folder,
      env: { ...withoutSettings(process.env), ...FREE_PORTS, ...NO_PROVIDERS, ...options.variables },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (!options.isInBackground) this.#pid = this.#child.pid;
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.#closed = new Promise((resolve) => {
      this.#child.once('close', () => resolve());
    });
  }

  get port(): number {
    return this.#port ?? this.#fail('it does not listen yet');
  }

  get pid(): number {
    return this.#pid ?? this.#fail('it has no process id yet');
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Resolves once `pattern`, whose group is a port, stands on standard output. */
  async listening(pattern: RegExp): Promise<this> {
    const found = await until('the server listens', () => {
      if (this.hasEnded) this.#fail(`it ended with ${this.#child.exitCode ?? this.#child.signalCode}`);
      return pattern.exec(this.#stdout) ?? undefined;
    });
    this.#port = Number(found[1]);
    this.#pid ??= Number(/^pid (\d+)$/m.exec(this.#stdout)?.[1]);
    return this;
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name);
  }

  /** As `signal`, but the process may have ended. */
  signalIfAlive(name: NodeJS.Signals): void {
    try {
      this.signal(name);
    } catch {
      // It has ended by itself.
    }
  }

  closeOutputs(): void {
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }

  /** Waits for the end of the process. One that does not end is killed and the test fails. */
  async exited(): Promise<Exit> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<true>((resolve) => {
      timer = setTimeout(() => resolve(true), this.#exitLimitMs);
    });
    const isLate = await Promise.race([this.#closed, late]);
    clearTimeout(timer);
    if (isLate) this.#fail(`it did not end within ${this.#exitLimitMs} ms`);
    const { exitCode: code, signalCode: signal } = this.#child;
    return { code, signal, stdout: this.#stdout, stderr: this.#stderr };
  }

  async interrupted(signal: NodeJS.Signals = 'SIGINT'): Promise<Exit> {
    this.signal(signal);
    return this.exited();
  }

  /** log.txt, one character a byte; undefined if there is none. */
  report(): string | undefined {
    return this.files().includes('log.txt')
      ? readFileSync(join(this.folder, 'log.txt'), 'latin1')
      : undefined;
  }

  files(): readonly string[] {
    return readdirSync(this.folder);
  }

  /** What the server's process has read so far, from sockets as well; Infinity where the system does not say. */
  bytesRead(): number {
    try {
      return Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${this.pid}/io`, 'utf8'))?.[1]);
    } catch {
      // Not every system has /proc.
      return Number.POSITIVE_INFINITY;
    }
  }

  /** What the server's process has needed at most, in MB; undefined where the system does not say. */
  peakMemoryMb(): number | undefined {
    try {
      const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
      return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
    } catch {
      // Not every system has /proc.
      return undefined;
    }
  }

  async dispose(): Promise<void> {
    if (this.#pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null) {
      this.signalIfAlive('SIGKILL');
      this.#child.kill('SIGKILL');
      await this.#closed;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  #fail(what: string): never {
    throw new Error(`${what}; it said ${JSON.stringify(this.#stdout)} and ${JSON.stringify(this.#stderr)}`);
  }
}

/** The program and its arguments. */
function commandLine(args: readonly string[], options: SpawnOptions): [string, readonly string[]] {
  const { program = OUTCRY, isInBackground, fileKibMax } = options;
  const words = [process.execPath, program, ...args];
  if (isInBackground) return ['/bin/sh', ['-c', '"$@" & echo "pid $!"; wait $!', 'sh', ...words]];
  if (fileKibMax === undefined) return [process.execPath, words.slice(1)];
  return ['/bin/bash', ['-c', `ulimit -S -f ${fileKibMax} && exec "$@"`, 'bash', ...words]];
}

/** Starts `outcry` with `args` and ends it with the test. */
export function startOutcry(t: TestContext, args: readonly string[], options?: SpawnOptions): ServerProcess {
  const server = new ServerProcess(args, options);
  t.after(() => server.dispose());
  return server;
}

/** Starts `outcry bank serve 0` and waits until it listens. */
export function startBank(
  t: TestContext,
  flags: readonly string[] = [],
  options?: SpawnOptions,
): Promise<ServerProcess> {
  const server = startOutcry(t, ['bank', 'serve', '0', ...flags], options);
  return server.listening(/^bank: listening on 127\.0\.0\.1:(\d+)$/m);
}

/** Runs `outcry` to its end. */
export function runOutcry(t: TestContext, args: readonly string[], options?: SpawnOptions): Promise<Exit> {
  return startOutcry(t, args, options).exited();
}

/** The totals that a server printed when it ended. */
export function totalsIn(stdout: string): Totals {
  const line =
    /^bank: (\d+) connections?(?: \([^)]*\))?, (\d+) lines? applied, (\d+) discarded(?: \((.*)\))?$/m.exec(
      stdout,
    );
  if (line === null) throw new Error(`no totals in ${JSON.stringify(stdout)}`);
  const reasons = (line[4] ?? '').split(', ').filter((text) => text !== '');
  const discarded = Object.fromEntries(
    reasons.map((text) => [text.slice(0, text.lastIndexOf(' ')), Number(text.split(' ').at(-1))]),
  );
  const sum = Object.values(discarded).reduce((total, count) => total + count, 0);
  if (sum !== Number(line[3])) throw new Error(`the reasons do not add up in ${line[0]}`);
  return { connections: Number(line[1]), applied: Number(line[2]), discarded };
}

function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'outcry-'));
}

function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('OUTCRY_')));
}
