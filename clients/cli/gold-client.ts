/**
 * One connection to the gold service, in lines. An answer ends with an empty line; lines that begin with `~ ` come unasked,
 * between answers. Requests go one after the other, each when the one before is answered.
 *
 * The welcome ends with nothing, so an empty line is sent ahead of everything: the end of its answer is that of the welcome.
 */
import { connect, type Socket } from 'node:net';
import { OutcryError } from '../../src/values/errors.ts';
import { type Address, explainConnectionError } from './send-errors.ts';

export interface GoldListener {
  /** What nobody has asked for. */
  onHeard(lines: readonly string[]): void;
  /** The server has ended the connection, or it broke. */
  onLost(error: OutcryError): void;
}

interface Asked {
  readonly resolve: (lines: readonly string[]) => void;
  readonly reject: (error: OutcryError) => void;
}

const GREETING_LIMIT_MS = 5000;
/** An answer has 2,048 bytes at most. */
const BLOCK_BYTES_MAX = 65_536;
const UNASKED = '~ ';
/** To the empty line, behind the welcome. */
const EMPTY_ANSWER = 'Type -help for help.';

export class GoldClient {
  readonly #address: Address;
  readonly #socket: Socket;
  readonly #listener: GoldListener;
  #pending = '';
  #lines: string[] = [];
  #asked: Asked | undefined;
  #isWelcome = false;
  #hasLeft = false;
  /** Why the connection is over. */
  #error: OutcryError | undefined;

  constructor(address: Address, listener: GoldListener) {
    this.#address = address;
    this.#listener = listener;
    this.#socket = connect({ ...address, noDelay: true }).setEncoding('utf8');
  }

  /** Once, ahead of all: resolves to the server's welcome. Throws ERR_CONNECTION_FAILED if there is none in time. */
  async greet(limitMs = GREETING_LIMIT_MS): Promise<readonly string[]> {
    const socket = this.#socket;
    const limit = setTimeout(() => this.#end(this.#late(limitMs)), limitMs);
    socket.on('data', (text: string) => this.#onText(text));
    socket.once('error', (error) => this.#end(this.#explain(error)));
    socket.once('close', () => this.#end(this.#closed()));
    try {
      const lines = await this.ask('');
      this.#isWelcome = true;
      const welcome = lines.map((line) => line.replace(EMPTY_ANSWER, ''));
      return welcome.filter((line) => line !== '');
    } finally {
      clearTimeout(limit);
    }
  }

  /** Resolves to the lines of the answer. Throws ERR_CONNECTION_LOST. */
  ask(line: string): Promise<readonly string[]> {
    if (this.#asked !== undefined) throw new TypeError('a request is not answered yet');
    return new Promise((resolve, reject) => {
      if (this.#error !== undefined) {
        reject(this.#error);
        return;
      }
      this.#asked = { resolve, reject };
      this.#socket.write(`${line}\n`);
    });
  }

  /** Says good-bye, and resolves to what the server says to it. */
  async quit(): Promise<readonly string[]> {
    this.#hasLeft = true;
    const lines = await this.ask('-quit');
    this.#socket.destroy();
    return lines;
  }

  /** Leaves without a word. */
  hangUp(): void {
    this.#hasLeft = true;
    this.#socket.destroy();
  }

  #onText(text: string): void {
    const lines = (this.#pending + text).split('\n');
    this.#pending = lines.pop() ?? '';
    for (const line of lines) this.#onLine(line.replace(/\r$/, ''));
    if (this.#pending.length + this.#lines.join('').length > BLOCK_BYTES_MAX) {
      const { host, port } = this.#address;
      this.#end(failed(`${host}:${port} is no gold service: it answers without an end`));
    }
  }

  #onLine(line: string): void {
    if (line !== '') {
      const isUnasked = this.#lines.length === 0 && line.startsWith(UNASKED);
      if (isUnasked && this.#isWelcome) this.#listener.onHeard([line]);
      else this.#lines.push(line);
      return;
    }
    const lines = this.#lines;
    this.#lines = [];
    const asked = this.#asked;
    this.#asked = undefined;
    if (asked === undefined) this.#listener.onHeard(lines);
    else asked.resolve(lines);
  }

  /** Once; what the server has said last is heard before. */
  #end(error: OutcryError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    const last = [...this.#lines, this.#pending].filter((line) => line !== '');
    this.#lines = [];
    this.#pending = '';
    this.#socket.destroy();
    const asked = this.#asked;
    this.#asked = undefined;
    if (this.#hasLeft) {
      asked?.resolve(last);
      return;
    }
    if (!this.#isWelcome) {
      const message = [error.message, ...last].join(': ');
      asked?.reject(new OutcryError(error.code, message, { cause: error.cause }));
      return;
    }
    if (last.length > 0) this.#listener.onHeard(last);
    asked?.reject(error);
    this.#listener.onLost(error);
  }

  #late(limitMs: number): OutcryError {
    const { host, port } = this.#address;
    const within = `within ${limitMs / 1000} s`;
    if (this.#socket.connecting) {
      return failed(`${host}:${port} can not be reached ${within}; check --host and the network`);
    }
    return failed(`${host}:${port} did not greet ${within}; does the gold service listen there?`);
  }

  #explain(cause: Error): OutcryError {
    const message = explainConnectionError(this.#address, cause, 'outcry serve');
    return this.#isWelcome ? new OutcryError('ERR_CONNECTION_LOST', message, { cause }) : failed(message);
  }

  #closed(): OutcryError {
    const { host, port } = this.#address;
    const message = `${host}:${port} closed the connection`;
    return this.#isWelcome ? new OutcryError('ERR_CONNECTION_LOST', message) : failed(message);
  }
}

function failed(message: string): OutcryError {
  return new OutcryError('ERR_CONNECTION_FAILED', `CONNECTION FAILED: ${message}`);
}
