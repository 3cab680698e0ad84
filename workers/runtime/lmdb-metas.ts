/**
 * The metas of an LMDB data file, where a reader begins: pages 0 and 1 have one each, transaction N writes number N & 1.
 * The second half of page 0 has a third, from its map size on: the snapshot that is known to be on the disk.
 *
 *     meta      24 magic u32, version u32, address u64, map size u64 │ 48 the free database │ 96 the main database
 *               144 last page u64, transaction u64, id of the machine's boot u64
 *     database  0 page size u32, flags u16, depth u16 │ 8 branch, leaf, overflow pages u64 │ 32 entries u64, root u64
 *
 * LMDB takes the newest, whatever it says. That one may be the only damage there is, and an acknowledged transaction
 * be lost: so they are compared with each other and with the pages that they lead to.
 */
import { readFileSync } from 'node:fs';
import { BRANCH, int64, LEAF, META, Page, PageFile } from './lmdb-pages.ts';
import { type Database, NO_PAGE, readDatabase } from './lmdb-tree.ts';

const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
const META_LENGTH = 168;
export const FREE_DATABASE = 48;
export const MAIN_DATABASE = 96;
const PAGE_SIZE_MIN = 256;
const PAGE_SIZE_MAX = 65_536;
const LAST_PAGE_MAX = 2 ** 32;
/** The levels that LMDB's cursors have room for. */
const DEPTH_MAX = 32;
/** Flags of the file, kept with those of the free database: its keys are integers; the commit did not wait for the disk. */
const INTEGER_KEYS = 0x08;
const UNFLUSHED = 0x1000;
/** Further flags, of how the file was opened when it was created; the same in all its metas. */
const CREATION_FLAGS = 0x4c00;
/** LMDB holds up transactions when five hundred are not flushed yet. */
const UNFLUSHED_MAX = 1000;
const STEADY_TRIES = 1000;

/** One meta, and what it says. */
export class Meta {
  readonly page: Page;
  /** Where in the page its header would be: in the second half for the flushed one. */
  readonly at: number;
  readonly free: Database;
  readonly main: Database;
  readonly lastPage: number;
  /** 0 if nothing was written yet. */
  readonly transaction: number;
  readonly bootId: number;

  constructor(page: Page, at: number) {
    const { view } = page;
    this.page = page;
    this.at = at;
    this.free = readDatabase(page, at + FREE_DATABASE);
    this.main = readDatabase(page, at + MAIN_DATABASE);
    this.lastPage = int64(view, at + 144);
    this.transaction = int64(view, at + 152);
    this.bootId = int64(view, at + 160);
  }

  get isUnflushed(): boolean {
    return (this.free.flags & UNFLUSHED) !== 0;
  }

  fail(problem: string, at: number): never {
    return this.page.fail(problem, this.at + at);
  }

  /** Two transactions never have all this in common, but the metas of one do. */
  isCopyOf(other: Meta): boolean {
    const essence = ({ free, main, lastPage }: Meta) =>
      JSON.stringify([{ ...free, flags: 0 }, main, lastPage]);
    return essence(this) === essence(other);
  }

  /** `others` are the flags of another meta of the file. */
  check(pageSize: number, others: number): void {
    const { free, main, lastPage } = this;
    const fail = (what: string, at: number) =>
      this.fail(`a meta on page ${this.page.number} has ${what}`, at);
    const uint32 = (at: number) => this.page.view.getUint32(this.at + at, true);
    if (uint32(FREE_DATABASE) !== pageSize) {
      fail(`pages of ${uint32(FREE_DATABASE)} bytes instead of ${pageSize}`, FREE_DATABASE);
    }
    const flags = free.flags & ~UNFLUSHED;
    if ((flags & ~CREATION_FLAGS) !== INTEGER_KEYS || flags !== (others & ~UNFLUSHED)) {
      fail(`the flags 0x${free.flags.toString(16)}`, FREE_DATABASE + 4);
    }
    if (main.flags !== 0 || uint32(MAIN_DATABASE) !== 0) {
      fail(`a main database of the flags 0x${main.flags.toString(16)}`, MAIN_DATABASE);
    }
    const mapSize = int64(this.page.view, this.at + 40);
    if (!(lastPage >= 1 && lastPage <= LAST_PAGE_MAX && (lastPage + 1) * pageSize <= mapSize)) {
      fail(`the last page ${lastPage}`, 144);
    }
    for (const { depth, root } of [free, main]) {
      const isSane = root >= 2 && root <= lastPage && depth >= 1 && depth <= DEPTH_MAX;
      if (root === NO_PAGE ? depth !== 0 : !isSane)
        fail(`a tree of depth ${depth} with the root ${root}`, 48);
    }
    if (this.bootId < 0 || this.bootId >= 2 ** 32) fail(`the boot ${this.bootId}`, 160);
  }

  /** Every transaction writes the root of a tree: so these tell whose meta this is. */
  checkRoots(file: PageFile, transaction = this.transaction): void {
    const page = new Page(file.pageSize);
    let latest = 0;
    for (const { root } of [this.free, this.main]) {
      if (root === NO_PAGE) continue;
      file.read(root, page);
      page.checkHeader(page.view.getUint16(18, true) === LEAF ? LEAF : BRANCH);
      latest = Math.max(latest, page.checkTransaction(transaction));
    }
    if (latest !== transaction) {
      const claim = `page ${this.page.number} is of transaction ${this.transaction}`;
      this.fail(`${claim}, its roots are of ${latest}`, 152);
    }
  }
}

/** The snapshot that LMDB would open. */
export function openSnapshot(fd: number): { file: PageFile; snapshot: Meta } {
  const file = new PageFile(fd, readPageSize(fd));
  const [even, odd] = readSteadily(file);
  for (const page of [even, odd]) {
    page.checkHeader(META);
    if (page.view.getUint32(24, true) !== MAGIC) page.fail(`page ${page.number} has lost its mark`, 24);
    const version = page.view.getUint32(28, true);
    if (version !== DATA_VERSION) page.fail(`page ${page.number} is of version ${version}`, 28);
  }
  const pair = [new Meta(even, 0), new Meta(odd, 0)] as const;
  const [older, newest] = pair[0].transaction > pair[1].transaction ? [pair[1], pair[0]] : pair;
  const flushed = new Meta(even, file.pageSize / 2);
  for (const meta of [older, newest, flushed]) {
    if (meta !== flushed || flushed.transaction !== 0) meta.check(file.pageSize, older.free.flags);
  }
  return { file, snapshot: chooseSnapshot(file, older, newest, flushed) };
}

function readPageSize(fd: number): number {
  const start = new Page(META_LENGTH);
  new PageFile(fd, META_LENGTH).read(0, start);
  if (start.view.getUint32(24, true) !== MAGIC) start.fail('this is no LMDB file', 24);
  const pageSize = start.view.getUint32(FREE_DATABASE, true);
  if (pageSize < PAGE_SIZE_MIN || pageSize > PAGE_SIZE_MAX || !Number.isInteger(Math.log2(pageSize))) {
    start.fail(`the pages have ${pageSize} bytes`, FREE_DATABASE);
  }
  return pageSize;
}

/** Reads pages 0 and 1 until they stay the same, since a running server may be writing them. */
function readSteadily(file: PageFile): readonly [Page, Page] {
  let before = readBoth(file);
  for (let tries = 0; tries < STEADY_TRIES; tries++) {
    const [even, odd] = readBoth(file);
    if (even.equals(before[0]) && odd.equals(before[1])) return [even, odd];
    before = [even, odd];
  }
  throw new Error('the file is written too fast to be read');
}

function readBoth(file: PageFile): readonly [Page, Page] {
  const pages = [new Page(file.pageSize), new Page(file.pageSize)] as const;
  file.read(0, pages[0]);
  file.read(1, pages[1]);
  return pages;
}

/** Takes the metas for what LMDB does, and checks that the newest is what it should be. */
function chooseSnapshot(file: PageFile, older: Meta, newest: Meta, flushed: Meta): Meta {
  const bootId = readBootId();
  const isLost = (meta: Meta) => meta.isUnflushed && meta.bootId !== bootId;
  checkFlushed(older, newest, flushed);
  if (newest.transaction === 0) return older;
  for (const { transaction, page } of [older, newest]) {
    if (transaction % 2 !== page.number)
      page.fail(`page ${page.number} is of transaction ${transaction}`, 152);
  }
  // The machine went down before these were on the disk: LMDB goes back, and what was written since is of no account.
  if (isLost(newest) && newest.transaction !== flushed.transaction) {
    const snapshot =
      flushed.transaction > older.transaction || (flushed.transaction > 0 && isLost(older)) ? flushed : older;
    snapshot.checkRoots(file);
    return snapshot;
  }
  if (newest.transaction !== older.transaction + 1) {
    const text = `page ${newest.page.number} is of transaction ${newest.transaction}`;
    newest.fail(`${text}, page ${older.page.number} of ${older.transaction}`, 152);
  }
  newest.checkRoots(file);
  // LMDB copies the snapshot that it went back to, under the number before.
  older.checkRoots(file, older.isCopyOf(newest) ? newest.transaction : older.transaction);
  return newest;
}

function checkFlushed(older: Meta, newest: Meta, flushed: Meta): void {
  const { transaction } = flushed;
  if (transaction > newest.transaction || transaction - 1 > older.transaction) {
    flushed.fail(`transaction ${transaction} was flushed, but the newest is ${newest.transaction}`, 152);
  }
  if (newest.isUnflushed && newest.transaction - transaction > UNFLUSHED_MAX) {
    flushed.fail(`nothing was flushed between transactions ${transaction} and ${newest.transaction}`, 152);
  }
  for (const meta of [newest, older]) {
    if (transaction === 0 || transaction > meta.transaction) continue;
    if (flushed.isCopyOf(meta) !== (transaction === meta.transaction)) {
      flushed.fail(
        `what was flushed as transaction ${transaction} is not what page ${meta.page.number} has`,
        152,
      );
    }
  }
}

/** What LMDB takes for the id of the system's boot; undefined where it can not be known. */
function readBootId(): number | undefined {
  try {
    return Number.parseInt(readFileSync('/proc/sys/kernel/random/boot_id', 'latin1'), 16);
  } catch {
    return undefined;
  }
}
