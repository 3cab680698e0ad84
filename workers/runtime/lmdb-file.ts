/**
 * Looks for structural damage in an LMDB data file before the native library opens it. LMDB trusts its pages, which
 * carry no checksums: a damaged one crashes the process, or loses data without a word. Keys and values are judged by
 * their order and size only; who stores them puts a checksum over each key and its value.
 *
 * The format is that of npm's lmdb 3.5 with one unnamed database without duplicates: `lmdb-pages.ts` has the pages,
 * `lmdb-metas.ts` the metas, where a reader begins, `lmdb-tree.ts` the trees. Besides the main database there is that of
 * the free pages. It has records for the transactions that freed them: a count, then page numbers in any order, zeros
 * to be skipped, and negative numbers, the length of the run that begins with the next number.
 */
import { closeSync, openSync } from 'node:fs';
import { FREE_DATABASE, MAIN_DATABASE, type Meta, openSnapshot } from './lmdb-metas.ts';
import { Damage, type FileDamage, FREE, int64, type PageFile, PageUsage } from './lmdb-pages.ts';
import { compareBytes, type Key, TreeWalk } from './lmdb-tree.ts';

export type { FileDamage } from './lmdb-pages.ts';

export interface CheckOptions {
  /** Called now and then with the number of pages that are accounted for and of those in the file. */
  readonly onProgress?: (pages: number, pagesTotal: number) => void;
}

/**
 * The first damage in the data file at `path`, or undefined if the snapshot that LMDB would open is sound: every page
 * is well formed, and is in use once or free once.
 *
 * The file may be in use: whoever holds a read transaction from before the call until its end keeps the pages of all
 * snapshots from then on, and so of the newest, from being written again.
 */
export function checkLmdbFile(path: string, { onProgress }: CheckOptions = {}): FileDamage | undefined {
  const fd = openSync(path, 'r');
  try {
    const { file, snapshot } = openSnapshot(fd);
    const usage = new PageUsage(file, snapshot.lastPage, onProgress);
    walkMain(file, snapshot, usage);
    walkFree(file, snapshot, usage);
    const { lost } = usage;
    if (lost !== undefined) snapshot.fail(`page ${lost} is neither in use nor free`, 144);
    return undefined;
  } catch (error) {
    if (error instanceof Damage) return error.found;
    throw error;
  } finally {
    closeSync(fd);
  }
}

function walkMain(file: PageFile, { page, at, main, transaction }: Meta, usage: PageUsage): void {
  const walk = new TreeWalk(main, { file, usage, compare: compareBytes, branchKeysMin: 2 });
  walk.run(page, at + MAIN_DATABASE, transaction);
}

function walkFree(file: PageFile, { page, at, free, transaction }: Meta, usage: PageUsage): void {
  const onEntry = (key: Key, value: Key) => checkFreed(key, value, transaction, usage);
  const walk = new TreeWalk(free, { file, usage, compare: compareIntegers, branchKeysMin: 1, onEntry });
  walk.run(page, at + FREE_DATABASE, transaction);
}

function compareIntegers(a: Key, b: Key): number {
  return integerOf(a) - integerOf(b);
}

function integerOf({ page, start, end }: Key): number {
  if (end - start !== 8) page.fail(`page ${page.number} has a key of ${end - start} bytes`, start - 2);
  return int64(page.view, start);
}

/** A record of the free database. */
function checkFreed(key: Key, { page, start, end }: Key, latest: number, usage: PageUsage): void {
  const transaction = integerOf(key);
  if (!(transaction >= 1 && transaction <= latest)) {
    key.page.fail(`page ${key.page.number} lists pages freed by transaction ${transaction}`, key.start);
  }
  const count = end - start >= 8 ? int64(page.view, start) : -1;
  if (!(count >= 0 && start + 8 * (count + 1) <= end)) {
    page.fail(`page ${page.number} lists ${count} numbers in ${end - start} bytes`, start);
  }
  const listEnd = start + 8 * (count + 1);
  for (let at = start + 8; at < listEnd; at += 8) {
    const number = int64(page.view, at);
    if (number === 0) continue;
    if (number > 0) usage.take(FREE, number, 1, page, at);
    else {
      at += 8;
      usage.take(FREE, at < listEnd ? int64(page.view, at) : 0, -number, page, at);
    }
  }
}
