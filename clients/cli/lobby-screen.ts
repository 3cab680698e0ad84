/**
 * What a person reads and types. On a terminal there is a prompt, and the line that is being typed stays whole and last
 * while others are heard; elsewhere lines go in and out.
 */
import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { printable } from '../../src/values/printable.ts';
import { Echo } from './hidden-input.ts';
import type { Progress } from './progress.ts';

export interface ScreenOptions {
  readonly input: Readable;
  readonly output: Writable;
  readonly isTerminal: boolean;
  /** Ctrl-C on the terminal. */
  readonly onInterrupt: () => void;
  /** A line was typed: who sets the prompt here is heard before the next key. */
  readonly onTyped?: (line: string) => void;
}

export interface Prompt {
  readonly text: string;
  /** What is typed is neither shown nor kept among the lines that the arrow keys bring back. */
  readonly isSecret?: boolean;
}

const HISTORY_LINES = 100;

export class LobbyScreen {
  /** While a bar is drawn lines go above it. */
  progress: Progress | undefined;
  readonly #options: ScreenOptions;
  readonly #echo: Echo;
  #prompt: Prompt = { text: '' };
  #lines: Interface | undefined;
  /** Nothing is waited for but the next line. */
  #isPrompting = false;
  #isClosed = false;

  constructor(options: ScreenOptions) {
    this.#options = options;
    this.#echo = new Echo(options.output);
  }

  get prompt(): Prompt {
    return this.#prompt;
  }

  /** In force from the next key on; to be seen with the next line. */
  set prompt(prompt: Prompt) {
    this.#prompt = prompt;
    this.#echo.isMuted = prompt.isSecret === true;
  }

  /** What is typed, line by line, to the end of the input. Who takes the next line is ready for it. */
  async *lines(prompt?: string): AsyncGenerator<string, void, undefined> {
    if (this.#isClosed) return;
    if (prompt !== undefined) this.prompt = { text: prompt };
    const { input, isTerminal: terminal, onInterrupt } = this.#options;
    const lines = createInterface({ input, output: this.#echo, terminal, historySize: HISTORY_LINES });
    this.#lines = lines;
    lines.on('SIGINT', onInterrupt);
    lines.on('history', (history) => {
      if (this.#prompt.isSecret) history.shift();
    });
    lines.on('line', (line) => this.#onTyped(line));
    // Ctrl-D closes it too.
    lines.once('close', () => this.#onClosed());
    this.#ask(lines);
    for await (const line of lines) {
      this.#isPrompting = false;
      yield line;
      this.#ask(lines);
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
    // The prompt and what was typed may take several rows, unless it is not seen.
    if (!this.#prompt.isSecret) moveCursor(output, 0, -this.#lines.getCursorPos().rows);
    cursorTo(output, 0);
    clearScreenDown(output);
    output.write(`${line}\n`);
    if (this.#isPrompting) this.#show(this.#lines);
  }

  #ask(lines: Interface): void {
    if (this.#isClosed) return;
    this.#isPrompting = true;
    if (this.#options.isTerminal) this.#show(lines);
  }

  #show(lines: Interface): void {
    const { text, isSecret } = this.#prompt;
    lines.setPrompt(text);
    lines.prompt(true);
    if (isSecret) this.#options.output.write(text);
  }

  #onTyped(line: string): void {
    const { output, isTerminal, onTyped } = this.#options;
    if (this.#prompt.isSecret && isTerminal) output.write('\n');
    onTyped?.(line);
  }

  /** What comes next begins on a line of its own. */
  #onClosed(): void {
    if (this.#isPrompting && this.#options.isTerminal) this.#options.output.write('\n');
    this.#isPrompting = false;
    this.#isClosed = true;
  }
}
