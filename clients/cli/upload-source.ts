/**
 * The lines of one file for an upload: read once for their hash and their number, then sent from any line on.
 *
 * What cannot be read twice (standard input, a pipe) is copied to a temporary file first, which loses its name as soon
 * as it is open: it goes with this process, however that ends.
 *
 * Invariant: nothing is handed out that was not hashed. A file whose length or time of change is no longer what it was
 * ends the upload; that is looked at after each read, before the bytes are sent.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OutcryError } from '../../src/values/errors.ts';
import { LineIndex } from '../line-index.ts';
import { directoryError, fileError } from './send-errors.ts';
import { type BufferPair, STANDARD_INPUT } from './send-file.ts';

const LF = 0x0a;
const LINE_END = Buffer.from('\n');

/** What shows that somebody has written to a file. */
interface Version {
  readonly size: bigint;
  readonly mtimeNs: bigint;
}

interface Scan {
  readonly index: LineIndex;
  /** SHA-256 of all bytes, in hexadecimal. */
  readonly digest: string;
}

interface SourceParts extends Scan {
  readonly file: string;
  readonly handle: FileHandle;
  readonly version: Version;
}

/** Reads the whole file; `buffers` are used until then. Throws ERR_SEND_FILE. */
export async function openUploadSource(file: string, buffers: BufferPair): Promise<UploadSource> {
  try {
    return file === STANDARD_INPUT ? await spool(file, process.stdin) : await openFile(file, buffers);
  } catch (error) {
    throw asFileError(file, error);
  }
}

export class UploadSource {
  readonly digest: string;
  readonly #file: string;
  readonly #handle: FileHandle;
  readonly #version: Version;
  readonly #index: LineIndex;

  constructor({ file, handle, version, index, digest }: SourceParts) {
    this.digest = digest;
    this.#file = file;
    this.#handle = handle;
    this.#version = version;
    this.#index = index;
  }

  get lineCount(): number {
    return this.#index.lineCount;
  }

  /** About how many bytes the first `lineCount` lines have; exact for all of them. */
  bytesBefore(lineCount: number): number {
    const isAll = lineCount === this.lineCount;
    return isAll ? this.#index.byteCount : this.#index.before(lineCount).offset;
  }

  /**
   * The bytes from the beginning of line `line` (from 1) to the file's end, with an LF after the last line even if the
   * file has none. A chunk stays as it is until the one after the next is asked for. Throws ERR_SEND_FILE.
   */
  async *readFrom(line: number, buffers: BufferPair): AsyncGenerator<Buffer> {
    const { byteCount, isLastLineOpen } = this.#index;
    let position = await this.#findLine(line, buffers[0]);
    for (let turn: 0 | 1 = 0; position < byteCount; turn = turn === 0 ? 1 : 0) {
      const chunk = await this.#read(buffers[turn], position);
      position += chunk.length;
      yield chunk;
    }
    if (isLastLineOpen) yield LINE_END;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** The offset at which line `line` begins. */
  async #findLine(line: number, buffer: Buffer): Promise<number> {
    const { offset, lineEnds } = this.#index.before(line - 1);
    let position = offset;
    for (let missing = line - 1 - lineEnds; missing > 0; ) {
      const chunk = await this.#read(buffer, position);
      let end = 0;
      for (; missing > 0; missing--) {
        const at = chunk.indexOf(LF, end);
        if (at < 0) break;
        end = at + 1;
      }
      position += missing > 0 ? chunk.length : end;
    }
    return position;
  }

  async #read(buffer: Buffer, position: number): Promise<Buffer> {
    try {
      const length = Math.min(buffer.length, this.#index.byteCount - position);
      const { bytesRead } = await this.#handle.read(buffer, 0, length, position);
      await checkUnchanged(this.#file, this.#handle, this.#version);
      if (bytesRead === 0) throw changedError(this.#file);
      return buffer.subarray(0, bytesRead);
    } catch (error) {
      throw asFileError(this.#file, error);
    }
  }
}

async function openFile(file: string, buffers: BufferPair): Promise<UploadSource> {
  const handle = await open(file);
  let source: UploadSource | undefined;
  try {
    const version = await handle.stat({ bigint: true });
    if (version.isDirectory()) throw directoryError();
    const chunks = readToEnd(handle, buffers[0]);
    if (!version.isFile()) return await spool(file, chunks);

    const scan = await scanChunks(chunks);
    await checkUnchanged(file, handle, version);
    source = new UploadSource({ file, handle, version, ...scan });
    return source;
  } finally {
    if (source === undefined) await handle.close();
  }
}

async function* readToEnd(handle: FileHandle, buffer: Buffer): AsyncGenerator<Buffer> {
  for (;;) {
    const { bytesRead } = await handle.read(buffer);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

async function scanChunks(chunks: AsyncIterable<Buffer>): Promise<Scan> {
  const hash = createHash('sha256');
  const index = new LineIndex();
  for await (const chunk of chunks) {
    hash.update(chunk);
    index.add(chunk);
  }
  return { index, digest: hash.digest('hex') };
}

async function spool(file: string, chunks: AsyncIterable<Buffer>): Promise<UploadSource> {
  const handle = await openNameless();
  async function* copied(): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      await handle.writeFile(chunk);
      yield chunk;
    }
  }
  try {
    const scan = await scanChunks(copied());
    return new UploadSource({ file, handle, version: await handle.stat({ bigint: true }), ...scan });
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openNameless(): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), 'outcry-'));
  try {
    return await open(join(folder, 'input'), 'wx+', 0o600);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function checkUnchanged(file: string, handle: FileHandle, version: Version): Promise<void> {
  const { size, mtimeNs } = await handle.stat({ bigint: true });
  if (size !== version.size || mtimeNs !== version.mtimeNs) throw changedError(file);
}

function changedError(file: string): OutcryError {
  return new OutcryError('ERR_SEND_FILE', `${file}: was changed while it was sent; no more of it was sent`, {
    fields: { file },
  });
}

function asFileError(file: string, error: unknown): OutcryError {
  return error instanceof OutcryError ? error : fileError(file, error);
}
