/** Runs the real `outcry` as a child process. */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const { PATH } = process.env;

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
  return spawn(process.execPath, [mainFile, ...args], { env: { PATH, ...env }, cwd: folder });
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

/** Runs to the end, with `input` typed, and resolves to what a terminal of 80 columns would have been sent. */
export async function runOnTerminal(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  input = '',
): Promise<string> {
  const command = ['stty cols 80;', process.execPath, MAIN_FILE, ...args].join(' ');
  const child = promisify(execFile)('script', ['-qec', command, '/dev/null'], {
    env: { PATH, TERM: 'xterm', ...env },
  });
  child.child.stdin?.end(input);
  return (await child).stdout;
}
