/**
 * Bytes over a message port, as they come and no faster than they are taken: the writer is held up while a few chunks
 * are on their way. Chunks are transferred, not copied.
 */
import type { MessagePort } from 'node:worker_threads';

/** Chunks that may be on their way. */
const WINDOW = 4;
const END = 'end';
const TAKEN = 'taken';

/** The other side gave up. Why, it says elsewhere. */
export class ChannelBroken extends Error {
  override readonly name = 'ChannelBroken';

  constructor() {
    super('the other end of the channel was closed');
  }
}

export class ChunkWriter {
  readonly #port: MessagePort;
  #waiting = 0;
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', () => {
      this.#waiting--;
      this.#wake?.();
    });
    port.on('close', () => {
      this.#isClosed = true;
      this.#wake?.();
    });
  }

  /** Takes the chunk with its whole buffer; resolves when there may be another. Rejects with ChannelBroken. */
  async write(chunk: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#waiting++;
    this.#port.postMessage(chunk, [chunk.buffer]);
    await this.#until(() => this.#waiting < WINDOW);
  }

  /** Says that this was all, and resolves when the other side has taken it. */
  async end(): Promise<void> {
    this.#waiting++;
    this.#port.postMessage(END);
    await this.#until(() => this.#waiting === 0);
    this.#port.close();
  }

  /** Without an end: the other side learns that something is missing. */
  close(): void {
    this.#port.close();
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#isClosed) throw new ChannelBroken();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** What the other side writes, to its end. Throws ChannelBroken. Whoever stops early closes the channel. */
export async function* readChunks(port: MessagePort): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const chunks: (Uint8Array<ArrayBuffer> | typeof END)[] = [];
  let isClosed = false;
  let wake: (() => void) | undefined;
  port.on('message', (chunk: Uint8Array<ArrayBuffer> | typeof END) => {
    chunks.push(chunk);
    wake?.();
  });
  port.on('close', () => {
    isClosed = true;
    wake?.();
  });
  try {
    for (;;) {
      const chunk = chunks.shift();
      if (chunk !== undefined) {
        if (chunk !== END) yield chunk;
        port.postMessage(TAKEN);
        if (chunk === END) return;
      } else if (isClosed) throw new ChannelBroken();
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    port.close();
  }
}
