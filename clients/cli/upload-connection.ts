/**
 * One connection of an upload: what the state machine of `../upload.ts` decides, done with a socket and a file.
 *
 * Invariant: at most one chunk is on its way to the system's socket buffer, so what the server has not acknowledged is
 * held by the sockets and two buffers, however long the file is.
 */
import { connect, type Socket } from 'node:net';
import { isConnectedToItself } from '../self-connection.ts';
import type { Discard, Upload } from '../upload.ts';
import { type Address, explainConnectionError } from './send-errors.ts';
import type { BufferPair } from './send-file.ts';
import type { UploadSource } from './upload-source.ts';

/** A server that is busy with its recovery may need longer; it is asked again. */
const FIRST_ANSWER_LIMIT_MS = 10_000;
/** A server answers many times a second; one that says nothing for so long while it is sent lines is gone. */
const SILENCE_LIMIT_MS = 30_000;
/** Everything is durable by then, and nothing is lost with a close that does not come. */
const CLOSE_LIMIT_MS = 2000;

export interface ConnectionOptions {
  readonly address: Address;
  readonly source: UploadSource;
  readonly buffers: BufferPair;
  readonly listener: ConnectionListener;
}

export interface ConnectionListener {
  /** Something came from the server; the upload is as it is after that. */
  onAnswer(discards: readonly Discard[]): void;
  /** The server has said from which line on it goes. */
  onOpened(): void;
  /** The server wants the header once more; resolves when it may have it. */
  onRetry(): Promise<void>;
}

export class UploadConnection {
  readonly #upload: Upload;
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #closed: Promise<void>;
  /** Why this side ended the connection, if it did. */
  #ending: string | undefined;
  #patience: NodeJS.Timeout | undefined;
  #wake = () => {};

  constructor(upload: Upload, options: ConnectionOptions) {
    this.#upload = upload;
    this.#options = options;
    this.#socket = connect({ ...options.address, noDelay: true });
    this.#closed = new Promise((resolve) => {
      this.#socket.once('close', () => resolve());
    });
    this.#socket.on('error', () => {}); // Stays in socket.errored, which is looked at when everything is over.
    this.#socket.once('connect', () => this.#wake());
    this.#socket.on('data', (bytes) => this.#onData(bytes));
    this.#socket.once('end', () => this.#socket.destroy());
    this.#socket.once('close', () => this.#wake());
  }

  /**
   * Resolves when the connection is over: to why it broke, or to undefined when the upload is complete or has failed.
   * Throws what the source throws.
   */
  async run(): Promise<string | undefined> {
    try {
      this.#startPatience(FIRST_ANSWER_LIMIT_MS, 'cannot be reached');
      await this.#until(() => !this.#socket.connecting);
      if (isConnectedToItself(this.#socket)) this.cut(`nobody listens on ${this.#peer}`);
      while (!this.#isOver()) await this.#sendOnce();
      await this.#leave();
    } finally {
      this.#endPatience();
      this.#socket.destroy();
      await this.#closed;
      this.#upload.close();
    }
    return isUploadOver(this.#upload) ? undefined : this.#explainBreak();
  }

  /** Ends the connection from outside; `run` resolves to `ending`. */
  cut(ending: string): void {
    this.#ending ??= ending;
    this.#socket.destroy();
  }

  /** From a header to the end of the connection or to the next header. */
  async #sendOnce(): Promise<void> {
    const upload = this.#upload;
    this.#startPatience(
      FIRST_ANSWER_LIMIT_MS,
      'does not answer; a server that does not know --ack never does',
    );
    this.#socket.write(upload.open());
    await this.#until(() => upload.state !== 'opening');
    if (upload.state === 'sending') await this.#sendLines();
    await this.#until(() => upload.state !== 'sending');
    this.#endPatience();
    if (upload.state === 'retry') await this.#options.listener.onRetry();
    // The machine closes by itself when only a new connection leads on.
    if (upload.state === 'closed') this.cut(`${this.#peer} has lost what was on its way`);
  }

  async #sendLines(): Promise<void> {
    const { source, buffers } = this.#options;
    let written: Promise<void> | undefined;
    for await (const chunk of source.readFrom(this.#upload.nextLine, buffers)) {
      await written;
      if (this.#upload.state !== 'sending' || this.#socket.destroyed) break;
      written = new Promise((resolve) => {
        this.#socket.write(chunk, () => resolve());
      });
    }
    // The buffers may be filled again only when the socket has let go of them.
    await written;
  }

  /** Discards may still come behind the last acknowledgement. */
  async #leave(): Promise<void> {
    if (this.#upload.state !== 'complete' || this.#socket.destroyed) return;
    this.#startPatience(CLOSE_LIMIT_MS, 'does not close');
    this.#socket.end();
    await this.#closed;
  }

  #onData(bytes: Uint8Array): void {
    const { listener } = this.#options;
    const upload = this.#upload;
    const before = upload.state;
    listener.onAnswer(upload.receive(bytes));
    if (before === 'opening' && upload.state === 'sending') listener.onOpened();
    // A server that has refused the upload may never take what is being written.
    if (upload.state === 'failed') this.#socket.destroy();
    if (upload.storeTrouble !== undefined) this.#endPatience();
    else if (upload.state === 'sending') this.#startPatience(SILENCE_LIMIT_MS, 'has gone silent');
    this.#wake();
  }

  #isOver(): boolean {
    return this.#socket.destroyed || isUploadOver(this.#upload);
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.#socket.destroyed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** From now on the server has so long for its next step. */
  #startPatience(limitMs: number, whatElse: string): void {
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => this.cut(`${this.#peer} ${whatElse}`), limitMs);
  }

  #endPatience(): void {
    clearTimeout(this.#patience);
  }

  get #peer(): string {
    const { host, port } = this.#options.address;
    return `${host}:${port}`;
  }

  #explainBreak(): string {
    const cause = this.#socket.errored ?? new Error('closed early');
    return this.#ending ?? explainConnectionError(this.#options.address, cause);
  }
}

function isUploadOver({ state }: Upload): boolean {
  return state === 'complete' || state === 'failed';
}
