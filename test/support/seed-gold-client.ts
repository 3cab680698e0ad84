/**
 * The client of the original gold system, byte for byte: each message is a header of 64 bytes and a body; what comes is
 * read with one `recv(2048)` a request, and shown as it is. `0` without a body is sent at the beginning, and at an empty
 * line.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const HEADER_BYTES = 64;
const RECEIVED_BYTES_MAX = 2048;
const ANSWER_LIMIT_MS = 10_000;

/** The body behind its header, which says `length`, if that is to be a lie. */
export function framed(body: string, length: number | string = Buffer.byteLength(body)): Buffer {
  return Buffer.from(String(length).padEnd(HEADER_BYTES) + body);
}

export interface SeedGoldOptions {
  /** Header and body leave as two segments, this long apart. */
  readonly splitMs?: number;
}

export class SeedGoldClient {
  readonly socket: Socket;
  readonly #options: SeedGoldOptions;
  readonly #received: Buffer[] = [];
  #hasEnded = false;
  #wake: () => void = () => {};

  private constructor(port: number, options: SeedGoldOptions) {
    this.#options = options;
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('data', (bytes) => {
      this.#received.push(bytes);
      this.#wake();
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.#hasEnded = true;
      this.#wake();
    });
  }

  /** Connects, says that it is there, and returns with what it shows first. */
  static async connect(port: number, options: SeedGoldOptions = {}): Promise<[SeedGoldClient, string]> {
    const client = new SeedGoldClient(port, options);
    await once(client.socket, 'connect');
    await client.#send('');
    return [client, await client.receive()];
  }

  /** Sends what was typed, and returns what is shown. */
  async asks(text: string): Promise<string> {
    await this.#send(text);
    return this.receive();
  }

  /** The next `recv(2048)`: of what has come, at most so much; '' at the end. */
  async receive(): Promise<string> {
    const timer = setTimeout(() => this.socket.destroy(), ANSWER_LIMIT_MS);
    while (this.#received.length === 0 && !this.#hasEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(timer);
    const bytes = Buffer.concat(this.#received.splice(0));
    if (bytes.length > RECEIVED_BYTES_MAX) this.#received.push(bytes.subarray(RECEIVED_BYTES_MAX));
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, RECEIVED_BYTES_MAX));
  }

  /** Its window is closed. */
  vanish(): void {
    this.socket.resetAndDestroy();
  }

  async #send(text: string): Promise<void> {
    const { splitMs } = this.#options;
    const bytes = framed(text);
    if (splitMs === undefined) {
      this.socket.write(bytes);
      return;
    }
    this.socket.write(bytes.subarray(0, HEADER_BYTES));
    await delay(splitMs);
    this.socket.write(bytes.subarray(HEADER_BYTES));
  }
}
