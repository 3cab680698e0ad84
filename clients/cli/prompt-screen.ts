/**
 * The terminal that a prompt is drawn on: what comes meanwhile is printed above it.
 *
 * A prompt redraws itself by moving up to its first line and writing some of them anew. What it has drawn is kept here line
 * by line, so that it can be wiped, and drawn again below what came. Invariant: the cursor is at the end of the last line.
 */
import { Writable } from 'node:stream';

/** What of process.stdout is used. */
export interface Screen {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
  on(event: 'resize', react: () => void): unknown;
  off(event: 'resize', react: () => void): unknown;
}

/** Of a terminal that does not say. */
const COLUMNS = 80;
const ROWS = 24;

const ESC = '\x1b';
/** A line's end; a sequence that moves the cursor or erases; or what is seen, with its colours. */
const PIECE = new RegExp(`(\\n)|${ESC}\\[([?\\d;]*)([A-Za-ln-z])|(?:[^\\n${ESC}]|${ESC}\\[[\\d;]*m)+`, 'g');

export class PromptScreen extends Writable {
  readonly #screen: Screen;
  readonly #onResize = () => this.emit('resize');
  #lines = [''];
  #row = 0;

  constructor(screen: Screen) {
    super({ decodeStrings: false });
    this.#screen = screen;
    screen.on('resize', this.#onResize);
  }

  get columns(): number {
    return this.#screen.columns || COLUMNS;
  }

  get rows(): number {
    return this.#screen.rows || ROWS;
  }

  /** Lines above the prompt, if there is one. */
  print(text: string): void {
    const up = this.#row === 0 ? '' : `${ESC}[${this.#row}A`;
    this.#screen.write(`${up}\r${ESC}[J${text}\n${this.#lines.join('\n')}`);
  }

  /** What the prompt has drawn stays as it is. */
  settle(): void {
    this.#lines = [''];
    this.#row = 0;
  }

  override _write(text: string, _encoding: string, done: () => void): void {
    this.#screen.write(text);
    for (const [piece, end, count, letter] of text.matchAll(PIECE)) {
      if (end !== undefined) this.#lines[++this.#row] ??= '';
      else if (letter !== undefined) this.#obey(letter, Number(count));
      else this.#lines[this.#row] += piece;
    }
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#screen.off('resize', this.#onResize);
    done(error);
  }

  #obey(letter: string, count: number): void {
    if (letter === 'A') this.#row = Math.max(this.#row - count, 0);
    else if (letter === 'B') this.#row = Math.min(this.#row + count, this.#lines.length - 1);
    else if (letter === 'J') this.#lines.splice(this.#row, this.#lines.length, '');
    else if (letter === 'K') this.#lines[this.#row] = '';
  }
}
