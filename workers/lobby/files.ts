/**
 * The folder whose files are served, as jobs see it. A file that is served is a regular one in the folder itself, with a
 * name as `checkName` wants it; links, folders and devices are not, and what they lead to is never opened.
 *
 * A file comes into being in a part, a dot file beside it that nobody is served, and gets its name when it is whole and
 * flushed. No file is ever replaced.
 */
import { createHash, randomBytes } from 'node:crypto';
import { constants, type Dirent } from 'node:fs';
import { type FileHandle, link, lstat, mkdir, open, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FileInfo, ServedFile } from '../../src/protocol/api/operations.ts';
import { type DeskAnswers, FILES_LISTED, type FileCommand } from '../../src/protocol/desk.ts';
import type { FileJob } from '../../src/protocol/host-task.ts';
import { messageOf, OutcryError } from '../../src/values/errors.ts';
import { printable } from '../../src/values/printable.ts';
import { syncFolder } from '../sync-folder.ts';

const NAME_BYTES_MAX = 255;
/** Slashes, and what has no bytes in UTF-8. */
const NOT_IN_NAMES = /[/\\\p{Surrogate}]/u;
const READ_BYTES = 1024 * 1024;
const PART_PREFIX = '.outcry-put-';
const PART = /^\.outcry-put-[0-9a-f]{32}$/;
/** A link is not followed, and the open of a pipe does not wait for its other end. */
const SAFELY = constants.O_NOFOLLOW | constants.O_NONBLOCK;

type Of<T extends FileCommand['type']> = FileCommand & { type: T };
type Answer<T extends FileCommand['type']> = Promise<DeskAnswers[T]>;

/** Rejects with an ERR_FILE_… code. */
export async function runFileCommand({ folder, bytesMax, command }: FileJob): Answer<FileCommand['type']> {
  const served = new ServedFolder(folder, bytesMax);
  try {
    return await served.run(command);
  } catch (error) {
    if (error instanceof OutcryError) throw error;
    // Behind the comma the system names the path, which is no business of clients.
    const [reason] = messageOf(error).split(',');
    throw new OutcryError('ERR_FILE_IO', `the files can't be read or written: ${reason}`, { cause: error });
  }
}

class ServedFolder {
  readonly #folder: string;
  readonly #bytesMax: number;

  constructor(folder: string, bytesMax: number) {
    this.#folder = folder;
    this.#bytesMax = bytesMax;
  }

  run(command: FileCommand): Answer<FileCommand['type']> {
    switch (command.type) {
      case 'list-files':
        return this.#list();
      case 'open-file':
        return this.#open(command);
      case 'read-file':
        return this.#read(command);
      case 'begin-put':
        return this.#beginPut(command);
      case 'append-put':
        return this.#appendPut(command);
      case 'finish-put':
        return this.#finishPut(command);
      case 'abandon-put':
        return this.#abandonPut(command);
      case 'clear-parts':
        return this.#clearParts();
    }
  }

  async #list(): Answer<'list-files'> {
    const entries = await this.#entries();
    const names = entries
      .filter((entry) => entry.isFile() && isName(entry.name))
      .map(({ name }) => name)
      .sort();
    const files: ServedFile[] = [];
    for (const name of names) {
      if (files.length === FILES_LISTED) break;
      // It may have gone since, or its name is none that can be written in UTF-8.
      const stats = await lstat(join(this.#folder, name)).catch(() => undefined);
      if (stats?.isFile()) files.push({ name, size: stats.size, modifiedMs: stats.mtimeMs });
    }
    return files;
  }

  async #open({ name }: Of<'open-file'>): Answer<'open-file'> {
    checkName(name);
    // Where a file can be opened under another spelling, it is not served under it.
    const entries = await this.#entries();
    if (!entries.some((entry) => entry.name === name)) throw missing(name);
    const absence = () => missing(name);
    return withRegular(join(this.#folder, name), constants.O_RDONLY, absence, async (file) => {
      const mark = await markOf(file);
      const { size } = await file.stat();
      this.#checkSize(name, size);
      const sha256 = await hashOf(file, size);
      if ((await markOf(file)) !== mark) throw changed(name);
      return { name, size, sha256, mark };
    });
  }

  #read({ file: { name, size, mark }, offset, length }: Of<'read-file'>): Answer<'read-file'> {
    checkName(name);
    const absence = () => changed(name);
    return withRegular(join(this.#folder, name), constants.O_RDONLY, absence, async (file) => {
      const bytes = new Uint8Array(Math.min(length, size - offset));
      const read = await readFully(file, bytes, offset);
      // Looked at afterwards: what was read is what was described.
      if (read < bytes.length || (await markOf(file)) !== mark) throw changed(name);
      return bytes;
    });
  }

  async #beginPut({ name, size }: Of<'begin-put'>): Answer<'begin-put'> {
    checkName(name);
    this.#checkSize(name, size);
    await this.#make();
    if (await this.#isThere(name)) throw exists(name);
    const part = `${PART_PREFIX}${randomBytes(16).toString('hex')}`;
    const file = await open(join(this.#folder, part), 'wx');
    await file.close();
    return part;
  }

  #appendPut({ part, bytes }: Of<'append-put'>): Answer<'append-put'> {
    return this.#withPart(part, constants.O_WRONLY | constants.O_APPEND, async (file) => {
      const { size } = await file.stat();
      this.#checkSize('the file', size + bytes.length);
      await file.appendFile(bytes);
      return null;
    });
  }

  async #finishPut({ part, name, size }: Of<'finish-put'>): Answer<'finish-put'> {
    checkName(name);
    const info = await this.#withPart(part, constants.O_RDWR, (file) => complete(file, name, size));
    const partPath = join(this.#folder, part);
    try {
      await link(partPath, join(this.#folder, name));
    } catch (error) {
      throw codeOf(error) === 'EEXIST' ? exists(name) : error;
    }
    await rm(partPath, { force: true });
    await syncFolder(this.#folder);
    return info;
  }

  async #abandonPut({ part }: Of<'abandon-put'>): Answer<'abandon-put'> {
    checkPart(part);
    await rm(join(this.#folder, part), { force: true });
    return null;
  }

  async #clearParts(): Answer<'clear-parts'> {
    for (const { name } of await this.#entries()) {
      if (PART.test(name)) await rm(join(this.#folder, name), { force: true });
    }
    return null;
  }

  /** None if the folder is not there yet. */
  async #entries(): Promise<Dirent[]> {
    try {
      return await readdir(this.#folder, { withFileTypes: true });
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    }
  }

  async #withPart<T>(part: string, flags: number, use: (file: FileHandle) => Promise<T>): Promise<T> {
    checkPart(part);
    const absence = () => new OutcryError('ERR_FILE_IO', 'what was sent of the file is not there any more');
    return withRegular(join(this.#folder, part), flags, absence, use);
  }

  /** Under the name there is a file, or anything else. */
  async #isThere(name: string): Promise<boolean> {
    try {
      await lstat(join(this.#folder, name));
      return true;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false;
      throw error;
    }
  }

  async #make(): Promise<void> {
    const made = await mkdir(this.#folder, { recursive: true });
    if (made !== undefined) await syncFolder(dirname(made));
  }

  #checkSize(what: string, size: number): void {
    if (size <= this.#bytesMax) return;
    const message = `${what} has ${size} bytes; files here have ${this.#bytesMax} at most`;
    throw new OutcryError('ERR_FILE_SIZE', message, { fields: { size, bytesMax: this.#bytesMax } });
  }
}

/** Calls `use` with what must be a regular file; if it is none, the error is `absence`. */
async function withRegular<T>(
  path: string,
  flags: number,
  absence: () => OutcryError,
  use: (file: FileHandle) => Promise<T>,
): Promise<T> {
  const file = await openSafely(path, flags);
  if (file === undefined) throw absence();
  try {
    if (!(await file.stat()).isFile()) throw absence();
    return await use(file);
  } finally {
    await file.close();
  }
}

/** Undefined if there is nothing that could be a file. */
async function openSafely(path: string, flags: number): Promise<FileHandle | undefined> {
  try {
    return await open(path, flags | SAFELY);
  } catch (error) {
    // Of a link, a socket, or a pipe that nobody reads.
    if (['ENOENT', 'ELOOP', 'EMLINK', 'ENXIO', 'EISDIR'].includes(codeOf(error))) return undefined;
    throw error;
  }
}

async function complete(file: FileHandle, name: string, size: number): Promise<FileInfo> {
  const { size: found } = await file.stat();
  if (found !== size) {
    throw new OutcryError('ERR_FILE_SIZE', `${name} should have ${size} bytes, but ${found} came`, {
      fields: { size, found },
    });
  }
  const sha256 = await hashOf(file, size);
  await file.sync();
  return { size, sha256 };
}

/** Of its first `size` bytes. */
async function hashOf(file: FileHandle, size: number): Promise<string> {
  const hash = createHash('sha256');
  const bytes = new Uint8Array(Math.min(size, READ_BYTES));
  for (let offset = 0; offset < size; ) {
    const read = await readFully(file, bytes, offset);
    if (read === 0) break;
    hash.update(bytes.subarray(0, read));
    offset += read;
  }
  return hash.digest('hex');
}

/** Fewer bytes than fit only at the end of the file. */
async function readFully(file: FileHandle, bytes: Uint8Array, offset: number): Promise<number> {
  let read = 0;
  while (read < bytes.length) {
    const { bytesRead } = await file.read(bytes, read, bytes.length - read, offset + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return read;
}

async function markOf(file: FileHandle): Promise<string> {
  const { dev, ino, size, mtimeNs } = await file.stat({ bigint: true });
  return `${dev}-${ino}-${size}-${mtimeNs}`;
}

/** One part of a path, of which nothing is hidden or done away with when it is shown. */
function isName(name: string): boolean {
  const length = Buffer.byteLength(name);
  if (length === 0 || length > NAME_BYTES_MAX || name.startsWith('.')) return false;
  return !NOT_IN_NAMES.test(name) && printable(name) === name;
}

function checkName(name: string): void {
  if (isName(name)) return;
  const rule = `a name is 1 to ${NAME_BYTES_MAX} bytes, without slashes and control characters, and with no dot in front`;
  throw new OutcryError('ERR_FILE_NAME', rule, { fields: { name: printable(name) } });
}

function checkPart(part: string): void {
  if (!PART.test(part)) throw new OutcryError('ERR_FILE_NAME', 'that is no part of a file');
}

function missing(name: string): OutcryError {
  return new OutcryError('ERR_FILE_MISSING', `no file here is called ${name}`, { fields: { name } });
}

function exists(name: string): OutcryError {
  return new OutcryError('ERR_FILE_EXISTS', `there is a ${name} already, and no file is replaced`, {
    fields: { name },
  });
}

function changed(name: string): OutcryError {
  return new OutcryError('ERR_FILE_CHANGED', `${name} was changed while it was read`, { fields: { name } });
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
