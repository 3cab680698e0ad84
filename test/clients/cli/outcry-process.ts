/** Runs the real `outcry` as a child process. */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { until } from '../../support/until.ts';
import { VirtualScreen } from '../../support/virtual-screen.ts';

const { PATH } = process.env;

/** Nothing outside this machine is asked for gold rates. */
const ENVIRONMENT = { PATH, OUTCRY_GOLD_PROVIDERS: 'none' };

export const MAIN_FILE = fileURLToPath(new URL('../../../clients/cli/main.js', import.meta.url));

export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function startOutcry(
  args: readonly string[],
  mainFile = MAIN_FILE,
  env: NodeJS.ProcessEnv = {},
  folder?: string,
): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [mainFile, ...args], { env: { ...ENVIRONMENT, ...env }, cwd: folder });
}

/** Runs to the end, with `input` (or nothing) on standard input, in `folder` or where the test runs. */
export function runOutcry(args: readonly string[], input = '', folder?: string): Promise<Ended> {
  const child = startOutcry(args, MAIN_FILE, {}, folder);
  child.stdin.end(input);
  return waitForEnd(child);
}

export function waitForEnd(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal, stdout, stderr }));
  });
}

/** What somebody at a terminal of 80 columns sees of a command, and types. */
export class TypedTerminal {
  readonly seen = new VirtualScreen(80);
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcessWithoutNullStreams;

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const command = ['stty cols 80 rows 50; exec', process.execPath, MAIN_FILE, ...args].join(' ');
    this.#child = spawn('script', ['-qec', command, '/dev/null'], {
      env: { ...ENVIRONMENT, TERM: 'xterm', ...env },
    });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => this.seen.write(text));
    this.ended = waitForEnd(this.#child).then(({ exitCode }) => exitCode);
  }

  /** Waits until a line like that is to be seen. */
  async shows(line: RegExp): Promise<void> {
    try {
      await until(`${line} is shown`, () => this.seen.lines.some((text) => line.test(text)));
    } catch (error) {
      throw new Error(`there is\n${this.seen.text}`, { cause: error });
    }
  }

  type(keys: string): void {
    this.#child.stdin.write(keys);
  }

  kill(): void {
    this.#child.kill();
  }
}

/** Runs to the end, with `input` typed, and resolves to what a terminal of 80 columns would have been sent. */
export async function runOnTerminal(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  input = '',
): Promise<string> {
  const command = ['stty cols 80;', process.execPath, MAIN_FILE, ...args].join(' ');
  const child = promisify(execFile)('script', ['-qec', command, '/dev/null'], {
    env: { ...ENVIRONMENT, TERM: 'xterm', ...env },
  });
  child.child.stdin?.end(input);
  return (await child).stdout;
}
