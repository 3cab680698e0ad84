/**
 * What a person reads and types. On a terminal there is a prompt, and the line that is being typed stays whole and last
 * while others are heard; elsewhere lines go in and out.
 */
import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { printable } from '../../src/values/printable.ts';
import type { Progress } from './progress.ts';

export interface ScreenOptions {
  readonly input: Readable;
  readonly output: Writable;
  readonly isTerminal: boolean;
  /** Ctrl-C on the terminal. */
  readonly onInterrupt: () => void;
}

const HISTORY_LINES = 100;

export class LobbyScreen {
  /** While a bar is drawn lines go above it. */
  progress: Progress | undefined;
  readonly #options: ScreenOptions;
  #lines: Interface | undefined;
  /** Nothing is waited for but the next line. */
  #isPrompting = false;
  #isClosed = false;

  constructor(options: ScreenOptions) {
    this.#options = options;
  }

  /** What is typed, line by line, to the end of the input. Who takes the next line is ready for it. */
  async *lines(prompt: string): AsyncGenerator<string, void, undefined> {
    if (this.#isClosed) return;
    const { input, output, isTerminal: terminal, onInterrupt } = this.#options;
    const lines = createInterface({ input, output, terminal, prompt, historySize: HISTORY_LINES });
    this.#lines = lines;
    lines.on('SIGINT', onInterrupt);
    // Ctrl-D closes it too.
    lines.once('close', () => this.#onClosed());
    this.#prompt(lines);
    for await (const line of lines) {
      this.#isPrompting = false;
      yield line;
      this.#prompt(lines);
    }
  }

  /** There are no more lines. */
  close(): void {
    this.#isClosed = true;
    this.#lines?.close();
  }

  print(text: string): void {
    const { output, isTerminal } = this.#options;
    const line = printable(text);
    if (this.progress !== undefined) {
      this.progress.print(line);
      return;
    }
    if (this.#lines === undefined || !isTerminal) {
      output.write(`${line}\n`);
      return;
    }
    // The prompt and what was typed may take several rows.
    moveCursor(output, 0, -this.#lines.getCursorPos().rows);
    cursorTo(output, 0);
    clearScreenDown(output);
    output.write(`${line}\n`);
    if (this.#isPrompting) this.#lines.prompt(true);
  }

  #prompt(lines: Interface): void {
    if (this.#isClosed) return;
    this.#isPrompting = true;
    if (this.#options.isTerminal) lines.prompt(true);
  }

  /** What comes next begins on a line of its own. */
  #onClosed(): void {
    if (this.#isPrompting && this.#options.isTerminal) this.#options.output.write('\n');
    this.#isPrompting = false;
    this.#isClosed = true;
  }
}
