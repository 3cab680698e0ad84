/** A served file on its way here. */
import { createHash } from 'node:crypto';
import type { FileInfo } from '../src/protocol/api/operations.ts';
import { OutcryError } from '../src/values/errors.ts';
import type { Download } from './download.ts';

/**
 * Its chunks, once, in their order: `for await (const chunk of file)`, `pipeline(file, …)`, or `bytes()`. What came is
 * checked behind the last chunk. Throws ERR_FILE_CHANGED if it is not what was announced, and ERR_CONNECTION_LOST when
 * the connection breaks in the middle.
 */
export class IncomingFile implements AsyncIterable<Uint8Array>, FileInfo {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** In hex. */
  readonly sha256: string;
  readonly #download: Download<'lobby.get'>;

  /** For the library; programs use `client.lobby.get`. */
  constructor(name: string, { size, sha256 }: FileInfo, download: Download<'lobby.get'>) {
    this.name = name;
    this.size = size;
    this.sha256 = sha256;
    this.#download = download;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const hash = createHash('sha256');
    let size = 0;
    for await (const chunk of this.#download.items()) {
      size += chunk.length;
      hash.update(chunk);
      yield chunk;
    }
    if (size === this.size && hash.digest('hex') === this.sha256) return;
    const message = `${this.name} was announced with ${this.size} bytes, and other bytes came`;
    throw new OutcryError('ERR_FILE_CHANGED', message, { fields: { name: this.name, size } });
  }

  /** All of it, in memory. */
  async bytes(): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  /** It is not wanted any more. One that is neither read nor cancelled keeps one of the connection's streams. */
  cancel(): void {
    this.#download.cancel();
  }
}
