/** What is typed on a terminal and not to be seen there: passwords. */
import { createInterface } from 'node:readline';
import { type Readable, Writable } from 'node:stream';
import { OutcryError } from '../../src/values/errors.ts';

/** The terminal as it is handed to readline, which shows on it what is typed. */
export class Echo extends Writable {
  /** Nothing is shown. */
  isMuted = false;
  readonly #output: Terminal;
  readonly #onResize = () => this.emit('resize');

  constructor(output: Writable) {
    super({ decodeStrings: false });
    this.#output = output;
    output.on('resize', this.#onResize);
  }

  get columns(): number | undefined {
    return this.#output.columns;
  }

  get rows(): number | undefined {
    return this.#output.rows;
  }

  override _write(text: string, _encoding: string, done: () => void): void {
    if (!this.isMuted) this.#output.write(text);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#output.off('resize', this.#onResize);
    done(error);
  }
}

type Terminal = Writable & { readonly columns?: number; readonly rows?: number };

/** One line of a terminal, of which nothing is shown. Throws ERR_INPUT if there is none: Ctrl-C, Ctrl-D. */
export function readSecret(prompt: string, input: Readable, output: Writable): Promise<string> {
  const echo = new Echo(output);
  const lines = createInterface({ input, output: echo, terminal: true, historySize: 0 });
  echo.isMuted = true;
  output.write(prompt);
  return new Promise((resolve, reject) => {
    lines.once('line', (line) => {
      resolve(line);
      lines.close();
    });
    lines.once('SIGINT', () => lines.close());
    lines.once('close', () => {
      echo.destroy();
      output.write('\n');
      reject(new OutcryError('ERR_INPUT', 'nothing was typed; nothing is done'));
    });
  });
}

/** The first line of a pipe; throws ERR_INPUT if it is empty. The rest is left. */
export async function readFirstLine(input: Readable): Promise<string> {
  for await (const line of createInterface({ input })) return line;
  throw new OutcryError('ERR_INPUT', 'the first line of standard input is to be the password; there is none');
}
