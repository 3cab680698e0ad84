/** A file that is there only when it is whole: until then its bytes are in another one beside it. */
import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf, OutcryError } from '../../src/values/errors.ts';

export interface NewFileOptions {
  /** A file that is there already is replaced. */
  readonly mayReplace: boolean;
}

export class NewFile {
  readonly path: string;
  readonly #options: NewFileOptions;
  readonly #partPath: string;
  readonly #part: FileHandle;
  readonly #hash = createHash('sha256');

  private constructor(path: string, options: NewFileOptions, partPath: string, part: FileHandle) {
    this.path = path;
    this.#options = options;
    this.#partPath = partPath;
    this.#part = part;
  }

  /** Throws ERR_FILE_EXISTS or ERR_FILE_IO, as the other methods do. */
  static async create(path: string, options: NewFileOptions): Promise<NewFile> {
    if (!options.mayReplace && (await isThere(path))) throw exists(path);
    const partPath = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.part`);
    const part = await open(partPath, 'wx').catch((cause: unknown) => failWriting(path, cause));
    return new NewFile(path, options, partPath, part);
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    await this.#part.appendFile(bytes).catch((cause: unknown) => failWriting(this.path, cause));
  }

  /** It becomes what it is to be, if its hash is `sha256`; otherwise nothing is left of it. */
  async complete(sha256: string): Promise<void> {
    try {
      await this.#part.close();
      if (this.#hash.digest('hex') !== sha256) {
        throw new OutcryError(
          'ERR_FILE_IO',
          `${this.path}: what came is not what the server has; nothing is kept`,
        );
      }
      // In the place of the other one nobody else can put a file between the look and the renaming.
      if (!this.#options.mayReplace) await (await open(this.path, 'wx')).close();
      await rename(this.#partPath, this.path);
    } catch (error) {
      await this.discard();
      if (error instanceof OutcryError) throw error;
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw exists(this.path);
      failWriting(this.path, error);
    }
  }

  async discard(): Promise<void> {
    await this.#part.close().catch(() => {
      // It was closed before, or can not be: either way it is removed.
    });
    await rm(this.#partPath, { force: true });
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false;
    failWriting(path, cause);
  }
}

function exists(path: string): OutcryError {
  const message = `${path} is there already: name another one (get NAME AS), or start with --force`;
  return new OutcryError('ERR_FILE_EXISTS', message, { fields: { file: path } });
}

function failWriting(path: string, cause: unknown): never {
  const message = `${path} can not be written: ${messageOf(cause)}`;
  throw new OutcryError('ERR_FILE_IO', message, { cause, fields: { file: path } });
}
