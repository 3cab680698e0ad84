/**
 * The file of a recording. It is a whole document after every write: each one puts steps and the end of the document where
 * the end was. What fails ends the file, not whoever is recorded.
 */
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { messageOf, OutcryError } from '../../values/errors.ts';
import { RECORDING } from './recording.ts';

/** So much is collected at most before it is written. */
const COLLECTED_MAX = 64 * 1024;

export interface RecordingFileOptions {
  /** A file that is there is replaced; else it is an error. */
  readonly isReplacing?: boolean;
}

export class RecordingFile {
  readonly path: string;
  readonly #descriptor: number;
  /** Where the end of the document begins. */
  #end = 0;
  #isEmpty = true;
  #collected: string[] = [];
  #collectedLength = 0;
  #failure: OutcryError | undefined;
  #isClosed = false;

  private constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
    this.#put(RECORDING.head);
  }

  /** Throws ERR_FILE_EXISTS or ERR_FILE_IO. */
  static create(path: string, { isReplacing = false }: RecordingFileOptions = {}): RecordingFile {
    let descriptor: number;
    try {
      descriptor = openSync(path, isReplacing ? 'w' : 'wx');
    } catch (error) {
      throw openError(path, error);
    }
    const file = new RecordingFile(path, descriptor);
    if (file.failure === undefined) return file;
    file.close();
    throw file.failure;
  }

  /** Why nothing is written any more: ERR_FILE_IO. */
  get failure(): OutcryError | undefined {
    return this.#failure;
  }

  /** One step. It is in the file after the next `flush`. */
  write(line: string): void {
    if (this.#failure !== undefined) return;
    this.#collected.push(line);
    this.#collectedLength += line.length;
    if (this.#collectedLength >= COLLECTED_MAX) this.flush();
  }

  flush(): void {
    if (this.#collected.length === 0 || this.#failure !== undefined) return;
    const lines = this.#collected.join(RECORDING.join);
    this.#collected = [];
    this.#collectedLength = 0;
    this.#put(this.#isEmpty ? lines : RECORDING.join + lines);
    this.#isEmpty = false;
  }

  close(): void {
    if (this.#isClosed) return;
    this.flush();
    this.#isClosed = true;
    closeSync(this.#descriptor);
  }

  #put(text: string): void {
    const bytes = Buffer.from(text + RECORDING.tail);
    try {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(this.#descriptor, bytes, done, bytes.length - done, this.#end + done);
      }
      this.#end += bytes.length - RECORDING.tail.length;
    } catch (error) {
      this.#failure = new OutcryError('ERR_FILE_IO', `${this.path}: ${messageOf(error)}`, {
        cause: error,
        fields: { path: this.path },
      });
      this.#putEnd();
    }
  }

  /** Where the end was there is room for it. */
  #putEnd(): void {
    try {
      ftruncateSync(this.#descriptor, this.#end);
      writeSync(this.#descriptor, RECORDING.tail, this.#end);
    } catch {
      // The disk takes nothing at all any more.
    }
  }
}

function openError(path: string, error: unknown): OutcryError {
  const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
  const options = { cause: error, fields: { path } };
  return isThere
    ? new OutcryError('ERR_FILE_EXISTS', `${path} is there already`, options)
    : new OutcryError('ERR_FILE_IO', `${path}: ${messageOf(error)}`, options);
}
