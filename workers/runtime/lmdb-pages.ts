/**
 * The pages of an LMDB data file: how they are read, and what each of them is used for.
 *
 * All numbers are little-endian. A page begins with a header:
 *
 *     0 number u64 │ 8 transaction u64 │ 16 unused u16 │ 18 flags u16 │ 20 lower u16, upper u16 │ 24 body
 *
 * In place of `lower` and `upper` the first page of a large value has the number of its pages, u32; the value goes on
 * over the headerless pages that follow.
 */
import { fstatSync, readSync } from 'node:fs';

export interface FileDamage {
  readonly page: number;
  /** Where in the file. */
  readonly offset: number;
  /** What was found, as a sentence without its full stop. */
  readonly problem: string;
}

/** Ends a check at the first finding. */
export class Damage extends Error {
  readonly found: FileDamage;

  constructor(page: number, offset: number, problem: string) {
    super(problem);
    this.found = { page, offset, problem };
  }
}

export const HEADER_LENGTH = 24;
export const BRANCH = 1;
export const LEAF = 2;
export const OVERFLOW = 4;
export const META = 8;
const KINDS: Readonly<Record<number, string>> = { 1: 'branch', 2: 'leaf', 4: 'overflow', 8: 'meta' };

/** A whole number of 64 bits; one beyond what a double holds exactly is far beyond what a sound file has. */
export function int64(view: DataView, at: number): number {
  return view.getInt32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

/** A buffer for one page, or for several that follow each other. */
export class Page {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly #pageSize: number;
  number = 0;

  constructor(pageSize: number, count = 1) {
    this.bytes = new Uint8Array(pageSize * count);
    this.view = new DataView(this.bytes.buffer);
    this.#pageSize = pageSize;
  }

  /** Throws: `problem` was found `at` so many bytes into the page. */
  fail(problem: string, at = 0): never {
    throw new Damage(this.number, this.number * this.#pageSize + at, problem);
  }

  equals(other: Page): boolean {
    return Buffer.compare(this.bytes, other.bytes) === 0;
  }

  /** The page that was read says that it is the page that was meant, and of this kind alone. */
  checkHeader(kind: number): void {
    const number = int64(this.view, 0);
    if (number !== this.number) this.fail(`page ${this.number} says it is page ${number}`);
    const flags = this.view.getUint16(18, true);
    if (flags === kind) return;
    const found = KINDS[flags] ?? `0x${flags.toString(16)}`;
    this.fail(`page ${this.number} is of the kind ${found} instead of ${KINDS[kind]}`, 18);
  }

  /** The transaction that wrote the page; one above is written again whenever this one is, and so is never older. */
  checkTransaction(latest: number): number {
    const transaction = int64(this.view, 8);
    if (transaction >= 0 && transaction <= latest) return transaction;
    return this.fail(
      `page ${this.number} is of transaction ${transaction}, what refers to it of ${latest}`,
      8,
    );
  }
}

/** An open data file as numbered pages. */
export class PageFile {
  readonly pageSize: number;
  readonly #fd: number;

  constructor(fd: number, pageSize: number) {
    this.#fd = fd;
    this.pageSize = pageSize;
  }

  /** In bytes, now. */
  get length(): number {
    return fstatSync(this.#fd).size;
  }

  /** Fills `page` from page `number` on. */
  read(number: number, page: Page): void {
    page.number = number;
    const { bytes } = page;
    const start = number * this.pageSize;
    let filled = 0;
    while (filled < bytes.length) {
      const count = readSync(this.#fd, bytes, filled, bytes.length - filled, start + filled);
      if (count === 0) page.fail(`the file ends within page ${number}`, filled);
      filled += count;
    }
  }
}

export type Use = 1 | 2;
export const IN_USE = 1;
export const FREE = 2;
const USES = ['', 'in use', 'free'] as const;
/** How many pages go by between two reports of progress. */
const PROGRESS_PAGES = 4096;

/** Which pages are in use or free: each from page 2 to the last is one of both, and only once. */
export class PageUsage {
  readonly #uses: Uint8Array;
  readonly #pagesInFile: number;
  readonly #onProgress: ((pages: number, pagesTotal: number) => void) | undefined;
  #count = 2;

  constructor(file: PageFile, lastPage: number, onProgress?: (pages: number, pagesTotal: number) => void) {
    this.#uses = new Uint8Array(lastPage + 1);
    this.#uses.fill(IN_USE, 0, 2);
    this.#pagesInFile = Math.floor(file.length / file.pageSize);
    this.#onProgress = onProgress;
  }

  /** Counts `count` pages from `first` on, which `from` refers to `at` so many bytes into it. */
  take(use: Use, first: number, count: number, from: Page, at: number): void {
    const end = first + count;
    if (!(first >= 2 && count >= 1 && end <= this.#uses.length)) {
      from.fail(`page ${from.number} refers to ${range(first, count)} of ${this.#uses.length}`, at);
    }
    // What is free need not be there: the last pages of a file may have been given back before they were written.
    if (use === IN_USE && end > this.#pagesInFile) {
      from.fail(`the file ends before ${range(first, count)}, which page ${from.number} refers to`, at);
    }
    for (let page = first; page < end; page++) {
      const other = this.#uses[page] ?? 0;
      if (other !== 0) from.fail(`page ${page} is ${USES[use]}, and is ${USES[other]} already`, at);
    }
    this.#uses.fill(use, first, end);
    const before = this.#count;
    this.#count += count;
    if (Math.floor(before / PROGRESS_PAGES) !== Math.floor(this.#count / PROGRESS_PAGES)) {
      this.#onProgress?.(this.#count, this.#uses.length);
    }
  }

  /** The first page that is neither in use nor free. */
  get lost(): number | undefined {
    const page = this.#uses.indexOf(0);
    return page === -1 ? undefined : page;
  }
}

function range(first: number, count: number): string {
  return count === 1 ? `page ${first}` : `pages ${first} to ${first + count - 1}`;
}
