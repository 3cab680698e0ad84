/** A stream on which all that one turn says leaves in one piece. */
import type { Duplex } from 'node:stream';

/** A server that does not answer our end with its own is not waited for. */
const END_LIMIT_MS = 1000;

export class TurnStream {
  readonly #stream: Duplex;
  #isCorked = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  /** The other side takes what is written. */
  get isWritable(): boolean {
    return !this.#stream.writableNeedDrain;
  }

  /** `onTaken`: nothing of the bytes is read any more. */
  write(bytes: Uint8Array, onTaken?: () => void): void {
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#stream.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        this.#stream.uncork();
      });
    }
    this.#stream.write(bytes, onTaken);
  }

  /** Nothing more is written; what comes is still read. */
  halfClose(): void {
    this.#stream.end();
  }

  /** At once: what was written may be lost. */
  destroy(): void {
    this.#stream.destroy();
  }

  /** In order: what was written still leaves. Resolves when the stream is closed. */
  end(): Promise<void> {
    const stream = this.#stream;
    if (stream.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      const limit = setTimeout(() => stream.destroy(), END_LIMIT_MS);
      stream.once('close', () => {
        clearTimeout(limit);
        resolve();
      });
      stream.once('end', () => stream.destroy());
      stream.end();
    });
  }
}
