/** The messages of flat inputs, as they will be sent, on disk: so that a run neither parses nor holds them. */
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf, OutcryError } from '../../src/values/errors.ts';

/** One file for all inputs. It has no name any more, and is gone with the process. */
export class SpoolFile implements AsyncDisposable {
  readonly #file: FileHandle;
  #bytes = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async create(): Promise<SpoolFile> {
    const folder = await mkdtemp(join(tmpdir(), 'outcry-'));
    try {
      return new SpoolFile(await open(join(folder, 'spool'), 'wx+', 0o600));
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  /** Begins behind all that was written. One is written at a time. */
  begin(): Spool {
    return new Spool(this.#file, this.#bytes, (bytes) => {
      this.#bytes += bytes;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

/** The messages of one input. */
export class Spool {
  readonly #file: FileHandle;
  readonly #start: number;
  readonly #onWritten: (bytes: number) => void;
  bytes = 0;

  constructor(file: FileHandle, start: number, onWritten: (bytes: number) => void) {
    this.#file = file;
    this.#start = start;
    this.#onWritten = onWritten;
  }

  /** Throws ERR_FILE_IO. */
  async append(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length; ) {
      const at = this.#start + this.bytes;
      const { bytesWritten } = await this.#file
        .write(bytes, from, bytes.length - from, at)
        .catch((cause: unknown) => {
          const message = `what is to be sent can not be kept in ${tmpdir()}: ${messageOf(cause)}`;
          throw new OutcryError('ERR_FILE_IO', message, { cause });
        });
      from += bytesWritten;
      this.bytes += bytesWritten;
      this.#onWritten(bytesWritten);
    }
  }

  /** What is at `at`, as much as there is room for `into`, from `offset` on; returns how much that was. */
  async read(at: number, into: Uint8Array, offset: number): Promise<number> {
    const length = Math.min(into.length - offset, this.bytes - at);
    if (length === 0) return 0;
    const { bytesRead } = await this.#file.read(into, offset, length, this.#start + at);
    return bytesRead;
  }
}
