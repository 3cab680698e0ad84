/** A terminal as far as prompts use one: what is to be seen on it, colours and the cursor aside. It never scrolls. */
import type { Screen } from '../../clients/cli/prompt-screen.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const PIECE = /([\n\r])|\x1b\[([?\d;]*)([A-Za-z])|[^\n\r\x1b]/g;

export class VirtualScreen implements Screen {
  readonly columns: number;
  readonly rows = 1000;
  #rows: string[][] = [[]];
  #row = 0;
  #column = 0;

  constructor(columns = 80) {
    this.columns = columns;
  }

  get lines(): string[] {
    return this.#rows.map((row) => row.join(''));
  }

  get text(): string {
    return this.lines.join('\n');
  }

  on(): void {}

  off(): void {}

  write(text: string): void {
    for (const [piece, end, count, letter] of text.matchAll(PIECE)) {
      if (letter !== undefined) this.#obey(letter, Number(count || 1));
      else if (end === '\r') this.#column = 0;
      else if (end === '\n') this.#lineFeed();
      else this.#put(piece);
    }
  }

  #lineFeed(): void {
    this.#row++;
    this.#column = 0;
    this.#rows[this.#row] ??= [];
  }

  #put(character: string): void {
    if (this.#column === this.columns) this.#lineFeed();
    const row = this.#rows[this.#row] as string[];
    while (row.length < this.#column) row.push(' ');
    row[this.#column++] = character;
  }

  #obey(letter: string, count: number): void {
    const row = this.#rows[this.#row] as string[];
    if (letter === 'A') this.#row = Math.max(this.#row - count, 0);
    else if (letter === 'B') this.#row = Math.min(this.#row + count, this.#rows.length - 1);
    else if (letter === 'D') this.#column = Math.max(this.#column - count, 0);
    else if (letter === 'C') this.#column = Math.min(this.#column + count, this.columns - 1);
    else if (letter === 'G') this.#column = count - 1;
    else if (letter === 'K') row.length = 0;
    else if (letter === 'J') {
      row.length = Math.min(row.length, this.#column);
      this.#rows.length = this.#row + 1;
    }
  }
}
