/**
 * Room in an LMDB data file, made before LMDB needs it: the file is always longer than what a transaction may write.
 *
 * LMDB makes its file longer by writing to it. If that fails because the disk is full, the library (lmdb 3.5.6) writes
 * an error text beyond the end of its buffer, and the process crashes sooner or later. So the zeros are written here,
 * where a disk that is full is an ordinary error and LMDB's file is as it was.
 */
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';

const PAGE_BYTES = 4096;
/** The file grows by so much at once, if there is room for that. */
const STEP_BYTES = 1024 * 1024;
const ZEROS = new Uint8Array(64 * 1024);
/** Whatever a transaction does, it touches pages of its trees. */
const BASE_BYTES = 256 * 1024;
/** What putting or removing one entry may touch, beside the entry itself. */
const OPERATION_BYTES = 2 * PAGE_BYTES;
/** The list of free pages has 8 bytes for each. */
const FREE_LIST_SHARE = 8 / PAGE_BYTES;

export class LmdbRoom {
  readonly #fd: number;
  readonly #usedBytes: () => number;
  #length: number;
  /** At most so many bytes of the file are in use. */
  #usedMax = Number.POSITIVE_INFINITY;

  /** `usedBytes` says up to where LMDB uses the file. */
  constructor(file: string, usedBytes: () => number) {
    this.#fd = openSync(file, 'r+');
    this.#length = fstatSync(this.#fd).size;
    this.#usedBytes = usedBytes;
  }

  /** Makes room for a transaction with so many operations that write `bytes`. Throws what the system says. */
  reserve(operations: number, bytes: number): void {
    const needed = BASE_BYTES + operations * OPERATION_BYTES + bytes + this.#length * FREE_LIST_SHARE;
    if (this.#usedMax + needed > this.#length) this.#usedMax = this.#usedBytes();
    if (this.#usedMax + needed > this.#length) this.#extend(this.#usedMax + needed);
    this.#usedMax += needed;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #extend(lengthMin: number): void {
    const length = Math.ceil((lengthMin + STEP_BYTES) / PAGE_BYTES) * PAGE_BYTES;
    while (this.#length < length) {
      try {
        const count = Math.min(ZEROS.length, length - this.#length);
        this.#length += writeSync(this.#fd, ZEROS, 0, count, this.#length);
      } catch (error) {
        if (this.#length < lengthMin) throw error;
        return;
      }
    }
  }
}
