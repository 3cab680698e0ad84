/**
 * What is typed into the terminal of a running server, or written to its standard input.
 *
 * Invariant: the console neither ends nor stops the server. Its input may end or break at any time, and a terminal that
 * belongs to another program is not read, since the system stops a process in the background that does (with a listener
 * for SIGTTIN the read would begin again for ever instead).
 */
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';

/** As `process.stdin`. */
export interface ConsoleInput extends Readable {
  readonly isTTY?: boolean;
  unref?(): void;
}

export interface ConsoleCommands {
  /** `-quit`: returns what is to be said of it. */
  quit(): string;
  say(line: string): void;
}

export interface Console {
  close(): void;
}

const HINT = 'the console knows -quit; Ctrl-C ends the server';
/** Of a longer line the rest is dropped, so that one without an end cannot fill the memory. */
const LINE_MAX = 256;

export function readConsole(input: ConsoleInput, { quit, say }: ConsoleCommands): Console {
  // A file or a device: nobody types there, and it would keep the process from ending.
  if (input.unref === undefined) return { close: () => {} };
  let rest = '';
  const onData = (text: string) => {
    const lines = `${rest}${text}`.split('\n');
    rest = (lines.pop() ?? '').slice(0, LINE_MAX);
    const words = lines.map((line) => line.trim()).filter((line) => line !== '');
    for (const word of words) if (word === '-quit') say(quit());
    // Once for all that came together: what is piped in by mistake is not answered line by line.
    if (words.some((word) => word !== '-quit')) say(HINT);
  };
  const readIfInForeground = () => {
    if (input.isTTY && !isInForeground()) input.pause();
    else input.resume();
  };
  readIfInForeground();
  // A shell sends the signal when a process that was stopped goes on, in the foreground or behind it.
  process.on('SIGCONT', readIfInForeground);
  input.setEncoding('utf8').on('data', onData);
  input.on('error', () => {
    // Nobody types any more: the server goes on.
  });
  input.unref();
  return {
    close() {
      process.off('SIGCONT', readIfInForeground);
      input.off('data', onData).pause();
    },
  };
}

/** Whether what is typed is for this process. Where the system does not say, it is. */
function isInForeground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    // Behind the name, which may have anything in it: state, parent, group, session, terminal, the terminal's group.
    const [, , group, , , groupInForeground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A terminal that does not control the process stops nobody.
    return groupInForeground === '-1' || group === groupInForeground;
  } catch {
    // Not every system has /proc.
    return true;
  }
}
