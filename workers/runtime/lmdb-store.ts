/**
 * A store in an LMDB environment, one for each host. Keys begin with a letter, numbers in them are big-endian so that
 * they sort:
 *
 *     F                        format version
 *     N                        position of the first batch that recovery needs, and how many bytes are before it
 *     J position               a batch of the journal (journal.ts)
 *     P snapshot piece         a piece of a snapshot; the number of the snapshot is the store's own
 *     S address                the head of an actor's snapshot: msgpack, behind its CRC-32
 *
 * A transaction is written and flushed by the call that makes it. LMDB's own way of doing that beside the caller was
 * tried and left: it reports a disk that is full as an unhandled rejection, and what was written behind it may be
 * stored without it.
 *
 * Damage: LMDB has no checksums of its pages, so the file's structure is examined before LMDB opens it
 * (lmdb-file.ts), and every value has a checksum of its own.
 */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { open, type RootDatabase, type Transaction } from 'lmdb';
import { Packr } from 'msgpackr';
import type { Address } from '../../src/values/address.ts';
import { messageOf, OutcryError } from '../../src/values/errors.ts';
import { checkFormat, FORMAT_VERSION } from './journal.ts';
import { checkLmdbFile } from './lmdb-file.ts';
import { LmdbRoom } from './lmdb-room.ts';
import type { Snapshot, SnapshotHead, Store, StoredBatch } from './store.ts';

const FORMAT_KEY = Buffer.from('F');
const NEEDED_KEY = Buffer.from('N');
const JOURNAL = 0x4a;
const PIECE = 0x50;
const HEAD = 0x53;
const JOURNAL_START = Buffer.from([JOURNAL]);
const JOURNAL_END = Buffer.from([JOURNAL + 1]);
const CRC_BYTES = 4;
/** Batches removed in one transaction, so that this holds up the host for no longer than a batch does. */
const TRIMMED_MAX = 256;

interface StoredHead extends SnapshotHead {
  /** The number under which its pieces are stored. */
  readonly snapshot: number;
  readonly pieces: number;
}

const packr = new Packr({ useRecords: false });

export interface LmdbStoreOptions {
  /** The folder of the environment; made if it is not there. */
  readonly folder: string;
  /** It was made before: without its file something is lost. */
  readonly isMade?: boolean;
  /** Nothing can be written; what is read is what was there when it was opened, until `renew`. */
  readonly isReadOnly?: boolean;
  /** For a reader: another process, or thread, has it open and may be writing. */
  readonly isInUse?: boolean;
  /** The file and its journal were examined before: it is not done again. */
  readonly isExamined?: boolean;
  /** Told of damage that can be read past; without it, it is thrown. */
  readonly onDamage?: (problem: string) => void;
}

export class LmdbStore implements Store {
  readonly isDurable = true;
  readonly isReadOnly: boolean;
  readonly #folder: string;
  readonly #db: RootDatabase<Buffer, Buffer>;
  /** Undefined if nothing is written. */
  readonly #room: LmdbRoom | undefined;
  readonly #onDamage: ((problem: string) => void) | undefined;
  /** What a reader sees. Pages that it needs are not written again until it is done. */
  #pin: Transaction | undefined;
  /** The snapshots that count, and the numbers of those being written. */
  readonly #heads = new Map<Address, StoredHead>();
  readonly #pending = new Map<Address, number>();
  #nextSnapshot = 1;
  #first = 1;
  #last = 0;
  #needed = 1;
  /** Bytes of the batches before `needed`. */
  #historyBytes = 0;
  /** Undefined for a reader that has not asked. */
  #journalBytes: number | undefined;

  /** Throws ERR_DATA_DAMAGED, ERR_DATA_FORMAT, or ERR_DATA_FOLDER if it can't be opened at all. */
  constructor(options: LmdbStoreOptions) {
    const { folder, isReadOnly = false, isInUse = false, isExamined = false, onDamage } = options;
    this.#folder = folder;
    this.isReadOnly = isReadOnly;
    this.#onDamage = onDamage;
    // A server that was killed while it made the file has left nothing in it.
    const isThere = (statSync(this.file, { throwIfNoEntry: false })?.size ?? 0) > 0;
    if (!isThere && options.isMade) throw this.damage('it is missing or empty');
    if (isThere && !isInUse && !isExamined) this.#examineFile();
    this.#db = this.#open();
    this.#room = isReadOnly ? undefined : new LmdbRoom(this.file, () => this.#usedBytes());
    try {
      if (isReadOnly) this.#pin = this.#db.useReadTransaction();
      if (isInUse && !isExamined) this.#examineFile();
      this.#readAll(isExamined);
    } catch (error) {
      void this.close();
      throw error;
    }
  }

  get file(): string {
    return join(this.#folder, 'data.mdb');
  }

  get first(): number {
    return this.#first;
  }

  get last(): number {
    return this.#last;
  }

  get needed(): number {
    return this.#needed;
  }

  get journalBytes(): number {
    this.#journalBytes ??= this.#measureJournal();
    return this.#journalBytes;
  }

  append(batch: Uint8Array): void {
    this.appendAll([batch]);
  }

  appendAll(batches: readonly Uint8Array[]): void {
    const next = this.#last + 1;
    const before = this.journalBytes;
    const bytes = batches.reduce((sum, { length }) => sum + length, 0);
    this.#write(batches.length, bytes, () => {
      // Another writer's, which there should not be: better an end than to write over it.
      if (this.#db.doesExist(keyOf(JOURNAL, next))) {
        throw this.damage(`batch ${next} is there, though nobody here has written it`);
      }
      batches.forEach((batch, i) => {
        this.#put(keyOf(JOURNAL, next + i), batch);
      });
    });
    this.#last += batches.length;
    this.#journalBytes = before + bytes;
  }

  *read(position: number): Iterable<StoredBatch> {
    for (const { key, value } of this.#range(keyOf(JOURNAL, position), JOURNAL + 1)) {
      yield { position: numberIn(key, 1), bytes: value };
    }
  }

  *snapshots(): Iterable<Snapshot> {
    for (const address of this.#heads.keys()) {
      const snapshot = this.snapshot(address);
      if (snapshot !== undefined) yield snapshot;
    }
  }

  /** The snapshot of one actor, if there is one. */
  snapshot(address: Address): Snapshot | undefined {
    const head = this.#heads.get(address);
    if (head === undefined) return undefined;
    const pieces: Uint8Array[] = [];
    for (let index = 0; index < head.pieces; index++) {
      const piece = this.#readPiece(address, head.snapshot, index);
      // Without one of its pieces a snapshot is none; only a reader that is told of damage comes here.
      if (piece === undefined) return undefined;
      pieces.push(piece);
    }
    const { events, batch } = head;
    return { address, events, batch, pieces };
  }

  putSnapshotPiece(address: Address, index: number, piece: Uint8Array): void {
    const snapshot = this.#pending.get(address) ?? this.#nextSnapshot++;
    this.#pending.set(address, snapshot);
    this.#write(1, piece.length, () => this.#put(keyOf(PIECE, snapshot, index), sealed(piece)));
  }

  commitSnapshot(head: SnapshotHead, pieces: number): void {
    const { address } = head;
    const snapshot = this.#pending.get(address) ?? this.#nextSnapshot++;
    const stored: StoredHead = { ...head, snapshot, pieces };
    const before = this.#heads.get(address);
    this.#write(1 + (before?.pieces ?? 0), 0, () => {
      this.#put(headKeyOf(address), sealed(packr.pack(stored)));
      for (let index = 0; before !== undefined && index < before.pieces; index++) {
        this.#db.removeSync(keyOf(PIECE, before.snapshot, index));
      }
    });
    this.#heads.set(address, stored);
    this.#pending.delete(address);
  }

  release(position: number, historyBytes: number): void {
    this.#write(1, 0, () => this.#putNeeded(position, historyBytes));
    this.#needed = position;
    this.#historyBytes = historyBytes;
  }

  trim(keepBytes: number, keptFrom = Number.POSITIVE_INFINITY): boolean {
    // The last batch stays: without any the journal's end would be unknown.
    const end = Math.min(this.#needed, this.#last, keptFrom);
    const before = this.journalBytes;
    const excess = before - keepBytes;
    let first = this.#first;
    let removed = 0;
    if (first >= end || excess <= 0) return false;
    this.#write(Math.min(end - first, TRIMMED_MAX), 0, () => {
      for (; first < end && removed < excess && first - this.#first < TRIMMED_MAX; first++) {
        const key = keyOf(JOURNAL, first);
        removed += this.#db.getBinaryFast(key)?.length ?? 0;
        this.#db.removeSync(key);
      }
      this.#putNeeded(this.#needed, this.#historyBytes - removed);
    });
    this.#first = first;
    this.#historyBytes -= removed;
    this.#journalBytes = before - removed;
    return removed < excess && first < end;
  }

  cutLast(): void {
    const key = keyOf(JOURNAL, this.#last);
    const bytes = this.#db.getBinaryFast(key)?.length ?? 0;
    const before = this.journalBytes;
    this.#write(1, 0, () => this.#db.removeSync(key));
    this.#last--;
    this.#journalBytes = before - bytes;
  }

  /**
   * From here on a reader of the journal sees what has been written since. No iterator over what it saw may be left, and
   * of its snapshots nothing is known any more.
   */
  renew(): void {
    this.#db.resetReadTxn();
    this.#pin?.done();
    this.#pin = this.#db.useReadTransaction();
  }

  async close(): Promise<void> {
    this.#room?.close();
    this.#pin?.done();
    this.#pin = undefined;
    await this.#db.close();
  }

  #open(): RootDatabase<Buffer, Buffer> {
    try {
      if (!this.isReadOnly) mkdirSync(this.#folder, { recursive: true });
      return open<Buffer, Buffer>({
        path: this.#folder,
        encoding: 'binary',
        keyEncoding: 'binary',
        compression: false,
        overlappingSync: false,
        readOnly: this.isReadOnly,
      });
    } catch (error) {
      throw new OutcryError('ERR_DATA_FOLDER', `can't open ${this.file}: ${messageOf(error)}`, {
        cause: error,
        fields: { file: this.file },
      });
    }
  }

  #readAll(isExamined: boolean): void {
    if (this.#isEmpty()) {
      if (this.isReadOnly) return;
      this.#write(1, 0, () => this.#put(FORMAT_KEY, sealed(packr.pack(FORMAT_VERSION))));
    }
    this.#readFormat();
    this.#readNeeded();
    this.#readHeads();
    this.#findJournal(isExamined);
  }

  /** Before LMDB reads the file, since it trusts every byte of it; of one that is being written, what is pinned. */
  #examineFile(): void {
    const damage = checkLmdbFile(this.file);
    if (damage === undefined) return;
    throw this.damage(`at byte ${damage.offset}, in page ${damage.page}, ${damage.problem}`);
  }

  #get(key: Buffer): Buffer | undefined {
    return this.#db.get(key, this.#pinned);
  }

  #range(start: Buffer, end: number): Iterable<{ key: Buffer; value: Buffer }> {
    return this.#db.getRange({ start, end: Buffer.from([end]), ...this.#pinned });
  }

  get #pinned(): { transaction?: Transaction } {
    return this.#pin === undefined ? {} : { transaction: this.#pin };
  }

  #put(key: Buffer, value: Uint8Array): void {
    this.#db.putSync(key, bufferOf(value));
  }

  /** Up to where LMDB uses its file. */
  #usedBytes(): number {
    const { lastPageNumber, pageSize } = this.#db.getStats() as { lastPageNumber: number; pageSize: number };
    return (lastPageNumber + 1) * pageSize;
  }

  /** One transaction of so many operations that write `bytes`, durable when it returns. */
  #write(operations: number, bytes: number, action: () => void): void {
    try {
      this.#room?.reserve(operations, bytes);
      this.#db.transactionSync(action);
    } catch (error) {
      if (error instanceof OutcryError) throw error;
      throw new OutcryError(
        'ERR_STORE_WRITE',
        `can't write to ${this.file}: ${messageOf(error)}; is there room on the disk?`,
        { cause: error, fields: { file: this.file } },
      );
    }
  }

  #isEmpty(): boolean {
    for (const _ of this.#db.getKeys({ limit: 1, ...this.#pinned })) return false;
    return true;
  }

  #readFormat(): void {
    const value = this.#get(FORMAT_KEY);
    if (value === undefined) {
      this.#found('the format version is missing');
      return;
    }
    const body = this.#unsealed(value, 'the format version');
    if (body !== undefined) checkFormat(packr.unpack(body));
  }

  #readNeeded(): void {
    const value = this.#get(NEEDED_KEY);
    const body = value === undefined ? undefined : this.#unsealed(value, 'the start of the journal');
    if (body === undefined) return;
    const [needed, historyBytes] = packr.unpack(body);
    this.#needed = needed;
    this.#historyBytes = historyBytes;
  }

  #putNeeded(position: number, historyBytes: number): void {
    this.#put(NEEDED_KEY, sealed(packr.pack([position, historyBytes])));
  }

  /** Reads the heads of snapshots and, if it may, removes the pieces of those that were never committed. */
  #readHeads(): void {
    for (const { key, value } of this.#range(Buffer.from([HEAD]), HEAD + 1)) {
      const body = this.#unsealed(value, `the snapshot of ${key.subarray(1).toString()}`);
      if (body === undefined) continue;
      const head = packr.unpack(body) as StoredHead;
      this.#heads.set(head.address, head);
    }
    const used = new Set([...this.#heads.values()].map(({ snapshot }) => snapshot));
    const stale: Buffer[] = [];
    const [start, end] = [Buffer.from([PIECE]), Buffer.from([PIECE + 1])];
    for (const key of this.#db.getKeys({ start, end, ...this.#pinned })) {
      const snapshot = numberIn(key, 1);
      this.#nextSnapshot = Math.max(this.#nextSnapshot, snapshot + 1);
      if (!used.has(snapshot)) stale.push(Buffer.from(key));
    }
    if (stale.length === 0 || this.isReadOnly) return;
    this.#write(stale.length, 0, () => {
      for (const key of stale) this.#db.removeSync(key);
    });
  }

  /** Finds the journal's first and last batch, and unless it was seen before that none between them is missing. */
  #findJournal(isExamined: boolean): void {
    const all = { start: JOURNAL_START, end: JOURNAL_END, ...this.#pinned };
    const [firstKey] = this.#db.getKeys({ ...all, limit: 1 });
    const backwards = { start: JOURNAL_END, end: JOURNAL_START, reverse: true, limit: 1 };
    const [lastKey] = this.#db.getKeys({ ...backwards, ...this.#pinned });
    if (firstKey !== undefined) this.#first = numberIn(firstKey, 1);
    this.#last = lastKey === undefined ? 0 : numberIn(lastKey, 1);
    const covered = Math.max(this.#needed - 1, ...[...this.#heads.values()].map(({ batch }) => batch));
    if (this.#last < covered || this.#first > this.#needed) {
      const found = this.#last === 0 ? 'it has none' : `it has those from ${this.#first} to ${this.#last}`;
      this.#found(`the journal should have the batches from ${this.#needed} to ${covered}, but ${found}`);
    }
    if (isExamined) return;
    // Keys are whole numbers that only ascend: as many as fit are all.
    const fitting = this.#last === 0 ? 0 : this.#last - this.#first + 1;
    // A copy: LMDB writes into the options of a count.
    if (this.#db.getKeysCount({ ...all }) !== fitting) this.#findMissing(this.#db.getKeys(all));
  }

  #measureJournal(): number {
    let sum = this.#historyBytes;
    for (const { bytes } of this.read(this.#needed)) sum += bytes.length;
    return sum;
  }

  #findMissing(keys: Iterable<Buffer>): void {
    let expected = this.#first;
    for (const key of keys) {
      const position = numberIn(key, 1);
      if (position > expected) this.#found(`${nameOf(expected, position - 1)} missing in the journal`);
      expected = position + 1;
    }
  }

  #readPiece(address: Address, snapshot: number, index: number): Uint8Array | undefined {
    const value = this.#get(keyOf(PIECE, snapshot, index));
    const what = `piece ${index + 1} of the snapshot of ${address}`;
    if (value !== undefined) return this.#unsealed(value, what);
    this.#found(`${what} is missing`);
    return undefined;
  }

  /** Undefined only for a reader that is told of damage. */
  #unsealed(value: Buffer, what: string): Uint8Array | undefined {
    const body = value.subarray(CRC_BYTES);
    if (value.length >= CRC_BYTES && value.readUInt32LE(0) === crc32(body)) return body;
    this.#found(`the checksum of ${what} is wrong`);
    return undefined;
  }

  #found(problem: string): void {
    if (this.#onDamage === undefined) throw this.damage(problem);
    this.#onDamage(problem);
  }

  damage(problem: string): OutcryError {
    return new OutcryError(
      'ERR_DATA_DAMAGED',
      `${this.file} is damaged: ${problem}. Nothing was changed. Put a copy back that is sound, ` +
        `or see what is left with: outcry data verify`,
      { fields: { file: this.file, problem } },
    );
  }
}

function nameOf(first: number, last: number): string {
  return first === last ? `batch ${first} is` : `the batches ${first} to ${last} are`;
}

/** A letter and one or two numbers, 8 bytes the first, 4 the second. */
function keyOf(letter: number, first: number, second?: number): Buffer {
  const key = Buffer.allocUnsafe(second === undefined ? 9 : 13);
  key[0] = letter;
  key.writeBigUInt64BE(BigInt(first), 1);
  if (second !== undefined) key.writeUInt32BE(second, 9);
  return key;
}

function headKeyOf(address: Address): Buffer {
  return Buffer.concat([Buffer.from([HEAD]), Buffer.from(address)]);
}

function numberIn(key: Buffer, at: number): number {
  return Number(key.readBigUInt64BE(at));
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function sealed(body: Uint8Array): Buffer {
  const value = Buffer.allocUnsafe(CRC_BYTES + body.length);
  value.set(body, CRC_BYTES);
  value.writeUInt32LE(crc32(value.subarray(CRC_BYTES)), 0);
  return value;
}
