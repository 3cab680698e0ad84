/**
 * The folder in which `outcry serve` keeps what is to last:
 *
 *     DIR/outcry.json           format version, generation, number of hosts, whether all environments were made
 *     DIR/lock/                 an LMDB environment in which only the fact counts that somebody has it open
 *     DIR/<generation>/<host>/  an LMDB environment for each host
 *
 * Another number of hosts makes another generation: everything is copied, and only then does outcry.json say that it
 * counts. So the copy is there whole or not at all.
 *
 * The lock is LMDB's table of readers, in which a process is listed as long as it lives and holds a lock of the kernel:
 * nothing is left behind by a process that was killed. Two servers that start at once are put in order by a write
 * transaction.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { open as openFile, rename } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { crc32 } from 'node:zlib';
import { open, type RootDatabase, type Transaction } from 'lmdb';
import type { StoredHost } from './protocol/data-jobs.ts';
import { messageOf, OutcryError } from './values/errors.ts';

const MANIFEST = 'outcry.json';
/** The manifest while it is written. */
const MANIFEST_DRAFT = `${MANIFEST}.tmp`;
/** Of passwords there are hashes within: nobody else is to try passwords on them. */
const FOLDER_MODE = 0o700;
const LOCK = 'lock';
/** The first generation while an import makes it; what is left of one that was killed is nobody's. */
const UNFINISHED = 'unfinished';
const FIRST_GENERATION = 1;
/** The version of the folder's own layout; those of what is in the environments are beside their data. */
const LAYOUT_VERSION = 1;

export interface Manifest {
  readonly version: number;
  readonly generation: number;
  readonly hosts: number;
  /** Every environment is there: from then on one that is missing is a loss, not a beginning. */
  readonly isComplete: boolean;
}

interface StoredManifest extends Manifest {
  /** Of the other fields. */
  readonly crc32: number;
}

/** Copies what the environments `from` hold to new ones, so that each actor is where `to.length` hosts have it. */
export type Redistribute = (from: readonly string[], to: readonly string[]) => Promise<void>;

/** Room that must be there: LMDB maps files into memory, and where there is none the process is killed without a word. */
const ROOM_BYTES = 256 * 1024;
const ROOM_PROBE = 'room.tmp';

/** What a server or an import that was killed may have left before there was a manifest. */
const LEFTOVERS = [LOCK, UNFINISHED, MANIFEST_DRAFT, ROOM_PROBE];

/** Folders that this process has: LMDB's table tells processes apart, and no more. */
const TAKEN = new Set<string>();

/** Makes the environments `folders`, one for each host. */
export type Fill = (folders: readonly string[]) => Promise<void>;

/** A folder as those see it who only read. */
export interface FolderView {
  readonly path: string;
  /** The environments, by host. */
  readonly hostFolders: readonly string[];
  /** Every environment is there, or should be. */
  readonly isComplete: boolean;
  /** The process that has it, if there is one. */
  readonly user: number | undefined;
}

/** Held as long as `reader` is referred to: a transaction that is collected as garbage leaves the table. */
interface Lock {
  readonly path: string;
  readonly database: RootDatabase;
  readonly reader: Transaction;
}

export class DataFolder {
  readonly path: string;
  readonly #lock: Lock;
  #manifest: Manifest;
  #isClosed = false;

  private constructor(path: string, lock: Lock, manifest: Manifest) {
    this.path = path;
    this.#lock = lock;
    this.#manifest = manifest;
  }

  /**
   * Takes the folder for `hosts` hosts, making it if it is not there. Throws ERR_DATA_FOLDER, ERR_DATA_IN_USE,
   * ERR_DATA_FORMAT, or what `redistribute` throws.
   */
  static async open(folder: string, hosts: number, redistribute: Redistribute): Promise<DataFolder> {
    const path = made(folder);
    checkOurs(path);
    const lock = takeLock(path);
    try {
      const manifest = readManifest(path) ?? (await createManifest(path, { hosts, isComplete: false }));
      const current = manifest.hosts === hosts ? manifest : await grow(path, manifest, hosts, redistribute);
      return new DataFolder(path, lock, current);
    } catch (error) {
      await release(lock);
      throw error;
    }
  }

  /**
   * Makes a folder for `hosts` hosts that holds what `fill` writes. It is there whole or not at all. Throws
   * ERR_DATA_FOLDER if there is something in it, ERR_DATA_IN_USE, or what `fill` throws.
   */
  static async create(folder: string, hosts: number, fill: Fill): Promise<void> {
    const isNew = !existsSync(folder);
    const path = made(folder);
    const others = entriesOf(path).filter((name) => !LEFTOVERS.includes(name));
    if (others.length > 0) throw notEmpty(path, others[0] as string);
    const lock = takeLock(path);
    const unfinished = join(path, UNFINISHED);
    try {
      rmSync(unfinished, { recursive: true, force: true });
      await fill(Array.from({ length: hosts }, (_, host) => join(unfinished, String(host))));
      await rename(unfinished, join(path, String(FIRST_GENERATION)));
      await createManifest(path, { hosts, isComplete: true });
    } catch (error) {
      rmSync(unfinished, { recursive: true, force: true });
      if (isNew) rmSync(path, { recursive: true, force: true });
      throw error;
    } finally {
      await release(lock);
    }
  }

  /** True once every environment is there. */
  get isComplete(): boolean {
    return this.#manifest.isComplete;
  }

  /** All hosts have opened their environments: what was before them is not needed any more. */
  async complete(): Promise<void> {
    if (!this.isComplete) {
      this.#manifest = { ...this.#manifest, isComplete: true };
      await writeManifest(this.path, this.#manifest);
    }
    removeNeighbours(this.path, this.#manifest.generation);
  }

  hostFolder(host: number): string {
    return hostFolderOf(this.path, this.#manifest.generation, host);
  }

  /** What is stored of each host, for jobs that read it while this server goes on. */
  get storedHosts(): StoredHost[] {
    const folders = foldersOf(this.path, this.#manifest);
    return folders.map((folder, index) => {
      return { folder, index, count: folders.length, isMade: true, isInUse: true };
    });
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await release(this.#lock);
  }
}

/** Throws ERR_DATA_FOLDER, ERR_DATA_FORMAT, ERR_DATA_DAMAGED. */
export function viewFolder(folder: string): FolderView {
  const path = resolve(folder);
  const manifest = existsSync(path) ? readManifest(path) : undefined;
  if (manifest === undefined) {
    throw new OutcryError('ERR_DATA_FOLDER', `${path} is no data folder: there is no ${MANIFEST} in it`, {
      fields: { path },
    });
  }
  const { isComplete } = manifest;
  return { path, hostFolders: foldersOf(path, manifest), isComplete, user: userOf(path) };
}

function foldersOf(path: string, { generation, hosts }: Manifest): string[] {
  return Array.from({ length: hosts }, (_, host) => hostFolderOf(path, generation, host));
}

function hostFolderOf(path: string, generation: number, host: number): string {
  return join(path, String(generation), String(host));
}

/** The folder, which is there from now on, by its true name. */
function made(folder: string): string {
  const path = resolve(folder);
  try {
    makeFolder(path, FOLDER_MODE);
    return realpathSync(path);
  } catch (error) {
    throw unusable(path, error);
  }
}

/** A folder with something else in it is not touched. */
function checkOurs(path: string): void {
  const others = entriesOf(path).filter((name) => !LEFTOVERS.includes(name));
  if (others.length === 0 || others.includes(MANIFEST)) return;
  throw new OutcryError(
    'ERR_DATA_FOLDER',
    `${path} is no data folder: it holds ${others[0]}, but no ${MANIFEST}. Name an empty or a new folder with --data`,
    { fields: { path } },
  );
}

function notEmpty(path: string, entry: string): OutcryError {
  return new OutcryError('ERR_DATA_FOLDER', `${path} holds ${entry}: name an empty or a new folder`, {
    fields: { path },
  });
}

function entriesOf(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, error: unknown): OutcryError {
  return new OutcryError(
    'ERR_DATA_FOLDER',
    `can't use the data folder ${path}: ${messageOf(error)}. Make it writable, or name another with --data`,
    { cause: error, fields: { path } },
  );
}

/** With its parents. Node's own way of that never ends where the system answers ENOENT below a folder, as /proc does. */
function makeFolder(path: string, mode?: number): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Another server may start at the same time.
    if (!existsSync(path)) throw error;
  }
}

function takeLock(path: string): Lock {
  if (TAKEN.has(path)) throw inUse(path, [process.pid]);
  let database: RootDatabase | undefined;
  try {
    probeRoom(path);
    database = open({ path: join(path, LOCK) });
    const mine = database;
    const taken = mine.transactionSync(() => {
      const holders = holdersOf(mine);
      // Listed from here on, until the process ends or releases it.
      return holders.length === 0 ? mine.useReadTransaction() : holders;
    });
    if (Array.isArray(taken)) throw inUse(path, taken);
    TAKEN.add(path);
    return { path, database, reader: taken };
  } catch (error) {
    void database?.close();
    throw error instanceof OutcryError ? error : unusable(path, error);
  }
}

function probeRoom(path: string): void {
  const probe = join(path, ROOM_PROBE);
  try {
    writeFileSync(probe, Buffer.alloc(ROOM_BYTES));
  } finally {
    rmSync(probe, { force: true });
  }
}

function inUse(path: string, holders: readonly number[]): OutcryError {
  return new OutcryError(
    'ERR_DATA_IN_USE',
    `${path} is in use by process ${holders.join(', ')}; end that, or name another folder with --data`,
    { fields: { path } },
  );
}

async function release({ path, database, reader }: Lock): Promise<void> {
  TAKEN.delete(path);
  reader.done();
  await database.close();
}

/** The process that holds the lock, found out without taking it. */
function userOf(path: string): number | undefined {
  const folder = join(path, LOCK);
  if (!existsSync(join(folder, 'lock.mdb'))) return undefined;
  const lock = open({ path: folder, readOnly: true });
  try {
    return holdersOf(lock)[0];
  } finally {
    void lock.close();
  }
}

/** The other processes in LMDB's table of readers: a heading, and lines of process, thread and transaction. */
function holdersOf(lock: RootDatabase): number[] {
  // Those that have ended are still in it before.
  lock.readerCheck();
  const lines = lock.readerList().split('\n').slice(1);
  const holders = lines.flatMap((line) => /^\s*(\d+)/.exec(line)?.[1] ?? []).map(Number);
  return holders.filter((pid) => pid !== process.pid);
}

function readManifest(path: string): Manifest | undefined {
  const file = join(path, MANIFEST);
  if (!existsSync(file)) return undefined;
  let manifest: unknown;
  try {
    manifest = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw damagedManifest(file, messageOf(error));
  }
  const {
    version,
    generation,
    hosts,
    isComplete,
    crc32: checksum,
  } = (manifest ?? {}) as Partial<StoredManifest>;
  if (!isVersion(version) || !isCount(generation) || !isCount(hosts)) {
    throw damagedManifest(file, `it says ${JSON.stringify(manifest)}`);
  }
  if (version !== LAYOUT_VERSION) {
    const age = version > LAYOUT_VERSION ? 'a newer' : 'an older';
    throw new OutcryError(
      'ERR_DATA_FORMAT',
      `${path} is of version ${version}, written by ${age} Outcry; this one reads version ${LAYOUT_VERSION}. ` +
        'Export it with the version that wrote it, and import it with this one',
      { fields: { path, version } },
    );
  }
  const read: Manifest = { version, generation, hosts, isComplete: isComplete === true };
  if (checksum !== checksumOf(read)) throw damagedManifest(file, 'its checksum is wrong');
  return read;
}

/** What is written to outcry.json. */
export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify({ ...manifest, crc32: checksumOf(manifest) })}\n`;
}

/** Over the fields in their order. */
function checksumOf({ version, generation, hosts, isComplete }: Manifest): number {
  return crc32(JSON.stringify([version, generation, hosts, isComplete]));
}

function isVersion(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function damagedManifest(file: string, problem: string): OutcryError {
  return new OutcryError(
    'ERR_DATA_DAMAGED',
    `${file} is damaged: ${problem}. Nothing was changed. Put a copy back that is sound`,
    { fields: { file } },
  );
}

async function createManifest(
  path: string,
  state: Pick<Manifest, 'hosts' | 'isComplete'>,
): Promise<Manifest> {
  const manifest = { version: LAYOUT_VERSION, generation: FIRST_GENERATION, ...state };
  await writeManifest(path, manifest);
  return manifest;
}

/** Whole or not at all, and durable. */
async function writeManifest(path: string, manifest: Manifest): Promise<void> {
  const file = join(path, MANIFEST);
  try {
    const handle = await openFile(join(path, MANIFEST_DRAFT), 'w');
    try {
      await handle.writeFile(manifestText(manifest));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(join(path, MANIFEST_DRAFT), file);
    const folder = await openFile(path, 'r');
    await folder.sync().finally(() => folder.close());
  } catch (error) {
    throw unusable(path, error);
  }
}

/** Makes the next generation, for another number of hosts. */
async function grow(
  path: string,
  manifest: Manifest,
  hosts: number,
  redistribute: Redistribute,
): Promise<Manifest> {
  const next = { ...manifest, generation: manifest.generation + 1, hosts, isComplete: true };
  rmSync(join(path, String(next.generation)), { recursive: true, force: true });
  // Before it is complete no door was ever open, and there is nothing to copy.
  if (!manifest.isComplete) return createManifest(path, { hosts, isComplete: false });
  await redistribute(foldersOf(path, manifest), foldersOf(path, next));
  await writeManifest(path, next);
  return next;
}

/** What a change of generation has left: the one before, or one that never counted. Nothing else is touched. */
function removeNeighbours(path: string, generation: number): void {
  for (const neighbour of [generation - 1, generation + 1]) {
    rmSync(join(path, String(neighbour)), { recursive: true, force: true });
  }
}
