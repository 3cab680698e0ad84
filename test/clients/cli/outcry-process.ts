/** Runs the real `outcry` as a child process. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const { PATH } = process.env;

export const MAIN_FILE = fileURLToPath(new URL('../../../clients/cli/main.js', import.meta.url));

export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function startOutcry(args: readonly string[], mainFile = MAIN_FILE): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [mainFile, ...args], { env: { PATH } });
}

/** Runs to the end, with `input` (or nothing) on standard input. */
export function runOutcry(args: readonly string[], input = ''): Promise<Ended> {
  const child = startOutcry(args);
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
