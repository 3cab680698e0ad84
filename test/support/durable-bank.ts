/** A bank that keeps its accounts: real `outcry serve` processes one after the other, on one port and one folder. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { bankInputs } from './bank-inputs.ts';
import type { BankModel } from './bank-model.ts';
import { fuzzSeed } from './fuzz-seed.ts';
import { type Exit, ServerProcess, type SpawnOptions } from './server-process.ts';
import { until } from './until.ts';

/** Below the ports that a system gives to clients: nobody takes it while the server is down. */
const PORTS = { first: 20_000, count: 12_000 };
const TRIES_MAX = 100;
const REPORTED = 'SIGUSR1: the balances are in log.txt';

export class DurableBank {
  /** The working directory of its processes. */
  readonly folder: string;
  readonly port: number;
  /** Of the api. */
  readonly apiPort: number;
  /** Of the exchange. */
  readonly ouchPort: number;
  readonly #processes: ServerProcess[] = [];

  private constructor(folder: string, [port, apiPort, ouchPort]: readonly [number, number, number]) {
    this.folder = folder;
    this.port = port;
    this.apiPort = apiPort;
    this.ouchPort = ouchPort;
  }

  static async create(t: TestContext): Promise<DurableBank> {
    const port = await freePort();
    const apiPort = await freePort([port]);
    const ouchPort = await freePort([port, apiPort]);
    const ports = [port, apiPort, ouchPort] as const;
    const bank = new DurableBank(mkdtempSync(join(tmpdir(), 'outcry-durable-')), ports);
    t.after(() => bank.#dispose());
    return bank;
  }

  /** Its data folder. */
  get data(): string {
    return join(this.folder, 'data');
  }

  /** The files of its hosts' environments. */
  storeFiles(): string[] {
    const files = readdirSync(this.data, { recursive: true, encoding: 'utf8' });
    return files.filter((file) => /^\d+.\d+.data\.mdb$/.test(file)).map((file) => join(this.data, file));
  }

  /** Starts a server, and does not wait for anything. */
  spawn(flags: readonly string[] = [], options: Omit<SpawnOptions, 'folder'> = {}): ServerProcess {
    const ports = { bank: this.port, api: this.apiPort, ouch: this.ouchPort, lobby: 0 };
    const portFlags = Object.entries(ports).flatMap(([service, port]) => [`--${service}-port`, String(port)]);
    const args = ['serve', ...portFlags, '--log-level', 'warn', ...flags];
    return this.#run(args, options);
  }

  /** Starts a server, and waits until it listens. */
  start(flags?: readonly string[], options?: Omit<SpawnOptions, 'folder'>): Promise<ServerProcess> {
    return this.spawn(flags, options).listening(/^bank +127\.0\.0\.1:(\d+) .*nc /m);
  }

  /** Sends the files, each as an upload whose every line counts once. */
  upload(files: readonly string[], flags: readonly string[] = []): Promise<Exit> {
    const args = ['bank', 'send', String(this.port), ...files, '--ack', ...flags];
    return this.#run(args, { exitLimitMs: UPLOAD_LIMIT_MS }).exited();
  }

  /** The balances as `server` has them now, one character a byte. */
  async report(server: ServerProcess): Promise<string> {
    const countReports = () => server.stdout.split(REPORTED).length;
    const before = countReports();
    server.signal('SIGUSR1');
    await until(`the report is written, stderr is ${server.stderr}`, () => countReports() > before);
    return readFileSync(join(this.folder, 'log.txt'), 'latin1');
  }

  #run(args: readonly string[], options: Omit<SpawnOptions, 'folder'>): ServerProcess {
    const child = new ServerProcess(args, { ...options, folder: this.folder });
    this.#processes.push(child);
    return child;
  }

  async #dispose(): Promise<void> {
    await Promise.all(this.#processes.map((child) => child.dispose()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface Inputs {
  readonly files: readonly string[];
  readonly model: BankModel;
}

/** Writes files for the bank, three of so many lines, and has the model take them. */
export function writeInputs({ folder }: DurableBank, lines: number): Inputs {
  const seed = fuzzSeed();
  const { files, model } = bankInputs({ seed, files: 3, lines });
  const paths = files.map((content, i) => {
    const path = join(folder, `${seed}-${i}.txt`);
    writeFileSync(path, content);
    return path;
  });
  return { files: paths, model };
}

/** Lets a server that was started with `fileKibMax` make its files longer. */
export function makeRoom({ pid }: ServerProcess): void {
  execFileSync('prlimit', ['--pid', String(pid), '--fsize=unlimited:']);
}

/** Why disks can not be made to look full here; false if they can. */
export function cannotFillDisks(): string | false {
  const { error } = spawnSync('prlimit', ['--version']);
  return error === undefined ? false : `prlimit can not be run: ${error.message}`;
}

/** An upload waits for a server that is killed again and again. */
const UPLOAD_LIMIT_MS = 240_000;

/** Ends a process without a chance to do anything. */
export async function kill(server: ServerProcess): Promise<void> {
  server.signalIfAlive('SIGKILL');
  await server.exited();
}

/** Another one than those. */
async function freePort(taken: readonly number[] = []): Promise<number> {
  for (let i = 0; i < TRIES_MAX; i++) {
    const port = PORTS.first + ((process.pid * 31 + i * 7919 + Math.floor(performance.now())) % PORTS.count);
    if (!taken.includes(port) && (await isFree(port))) return port;
  }
  throw new Error('there is no free port');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
