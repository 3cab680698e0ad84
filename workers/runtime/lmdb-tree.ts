/**
 * Walks one database of an LMDB file: a tree of branch and leaf pages.
 *
 *     page     node offsets u16 from the end of the header to `lower`, a gap, nodes from `upper` to the end of the page
 *     node     0 size of the value u32 │ 4 flags u16 │ 6 size of the key u16 │ 8 key, then value; of even length
 *     big node instead of the value: its first page u64, transaction u64, number of pages u64
 *     branch   a node has the number of the page below, u48, instead of size and flags, and no value; its key is not
 *              above any in that page, and that of the first does not count
 *
 * The offsets are in the order of the keys and count from the end of the page's header, as do `lower` and `upper`. The
 * nodes lie close together, in any order.
 */
import {
  BRANCH,
  HEADER_LENGTH,
  IN_USE,
  int64,
  LEAF,
  OVERFLOW,
  Page,
  type PageFile,
  type PageUsage,
} from './lmdb-pages.ts';

/** What a database has of each. */
const COUNTS = ['branch pages', 'leaf pages', 'overflow pages', 'entries'] as const;
type Counts = Record<(typeof COUNTS)[number], number>;

/** What a meta page says about a database. */
export interface Database {
  readonly flags: number;
  readonly depth: number;
  readonly counts: Readonly<Counts>;
  /** NO_PAGE if the tree is empty. */
  readonly root: number;
}

export const NO_PAGE = -1;
/** A node's flag: the value has pages of its own. */
const BIG = 1;
const NODE_LENGTH = 8;
const BIG_LENGTH = 24;

/** Where a key is. */
export interface Key {
  readonly page: Page;
  readonly start: number;
  readonly end: number;
}

/** What a page's parents say about it: all its keys are at least `from` and below `to`. */
interface Bounds {
  readonly transaction: number;
  readonly from: Key | undefined;
  readonly to: Key | undefined;
}

export interface TreeOptions {
  readonly file: PageFile;
  readonly usage: PageUsage;
  readonly compare: (a: Key, b: Key) => number;
  /** What a branch page has at least: LMDB makes do with one only while it rebalances the free database. */
  readonly branchKeysMin: number;
  /** Called for every entry: its key and its value, which is in `page`. */
  readonly onEntry?: (key: Key, value: Key) => void;
}

export class TreeWalk {
  readonly #options: TreeOptions;
  readonly #database: Database;
  /** The pages from the root down to the one that is looked at, whose keys bound it. */
  readonly #path: Page[];
  readonly #overflow: Page;
  /** The length of the node that begins at each even offset, for the page that is looked at. */
  readonly #lengths: Uint16Array;
  readonly #found: Counts = { 'branch pages': 0, 'leaf pages': 0, 'overflow pages': 0, entries: 0 };

  constructor(database: Database, options: TreeOptions) {
    this.#database = database;
    this.#options = options;
    const { pageSize } = options.file;
    this.#path = Array.from({ length: database.depth }, () => new Page(pageSize));
    this.#overflow = new Page(pageSize);
    this.#lengths = new Uint16Array(pageSize / 2);
  }

  /** `meta` has the database's record `at` so many bytes into it. */
  run(meta: Page, at: number, transaction: number): void {
    const { root } = this.#database;
    if (root !== NO_PAGE) {
      this.#options.usage.take(IN_USE, root, 1, meta, at + 40);
      this.#visit(root, 0, { transaction, from: undefined, to: undefined });
    }
    for (const name of COUNTS) {
      const [found, claimed] = [this.#found[name], this.#database.counts[name]];
      if (found !== claimed) meta.fail(`there are ${found} ${name}, page ${meta.number} says ${claimed}`, at);
    }
  }

  #visit(number: number, level: number, { transaction: latest, from, to }: Bounds): void {
    const page = this.#path[level] as Page;
    const kind = level === this.#database.depth - 1 ? LEAF : BRANCH;
    this.#options.file.read(number, page);
    page.checkHeader(kind);
    const transaction = page.checkTransaction(latest);
    const count = this.#checkLayout(page, kind);
    this.#checkOrder(page, kind, count, from, to);
    if (kind === LEAF) {
      this.#found['leaf pages']++;
      this.#found.entries += count;
      for (let i = 0; i < count; i++) this.#checkEntry(page, i, transaction);
      return;
    }
    this.#found['branch pages']++;
    for (let i = 0; i < count; i++) {
      const node = nodeAt(page, i);
      const child = page.view.getUint32(node, true) + page.view.getUint16(node + 4, true) * 2 ** 32;
      this.#options.usage.take(IN_USE, child, 1, page, node);
      const bounds = {
        transaction,
        from: i === 0 ? from : keyAt(page, i),
        to: i === count - 1 ? to : keyAt(page, i + 1),
      };
      this.#visit(child, level + 1, bounds);
    }
  }

  /** The nodes fill the page from `upper` to its end. Returns how many there are. */
  #checkLayout(page: Page, kind: number): number {
    const { view, number } = page;
    const lower = view.getUint16(20, true);
    const upper = view.getUint16(22, true);
    const end = page.bytes.length - HEADER_LENGTH;
    const count = lower / 2;
    const countMin = kind === LEAF ? 1 : this.#options.branchKeysMin;
    if (!(Number.isInteger(count) && count >= countMin && lower <= upper && upper <= end)) {
      page.fail(`page ${number} is filled up to ${lower} and from ${upper} on, of ${end}`, 20);
    }
    this.#lengths.fill(0);
    for (let i = 0; i < count; i++) {
      const start = view.getUint16(HEADER_LENGTH + 2 * i, true);
      const fits = start >= upper && start % 2 === 0 && start + NODE_LENGTH <= end;
      const length = fits ? nodeLength(page, start + HEADER_LENGTH, kind) : 0;
      if (!fits || start + length > end) {
        page.fail(`node ${i} of page ${number} is outside`, HEADER_LENGTH + 2 * i);
      }
      this.#lengths[start / 2] = length;
    }
    let seen = 0;
    for (let at = upper; at < end; seen++) {
      const length = this.#lengths[at / 2] ?? 0;
      if (length === 0) page.fail(`no node of page ${number} begins where one ends`, at + HEADER_LENGTH);
      at += length;
    }
    if (seen !== count) page.fail(`${count} nodes of page ${number} overlap`, HEADER_LENGTH);
    return count;
  }

  #checkOrder(page: Page, kind: number, count: number, from: Key | undefined, to: Key | undefined): void {
    const { compare } = this.#options;
    let before = from;
    for (let i = kind === LEAF ? 0 : 1; i < count; i++) {
      const key = keyAt(page, i);
      const order = before === undefined ? -1 : compare(before, key);
      if (order > 0 || (order === 0 && before !== from)) {
        page.fail(`key ${i} of page ${page.number} is not above the one before`, key.start);
      }
      before = key;
    }
    if (before !== undefined && to !== undefined && compare(before, to) >= 0) {
      page.fail(`the last key of page ${page.number} belongs to the next page`, before.start);
    }
  }

  #checkEntry(page: Page, i: number, transaction: number): void {
    const key = keyAt(page, i);
    const node = key.start - NODE_LENGTH;
    const size = page.view.getUint32(node, true);
    const value = { page, start: key.end, end: key.end + size };
    const isBig = page.view.getUint16(node + 4, true) === BIG;
    const { onEntry } = this.#options;
    if (!isBig) onEntry?.(key, value);
    else {
      const pages = this.#checkOverflow(value, transaction);
      if (onEntry !== undefined) {
        const run = new Page(this.#options.file.pageSize, pages);
        this.#options.file.read(this.#overflow.number, run);
        onEntry(key, { page: run, start: HEADER_LENGTH, end: HEADER_LENGTH + size });
      }
    }
  }

  /** A value in pages of its own; `value` is where it would be otherwise. Returns the number of pages. */
  #checkOverflow({ page, start, end }: Key, latest: number): number {
    const first = int64(page.view, start);
    const transaction = int64(page.view, start + 8);
    const count = int64(page.view, start + 16);
    const { file, usage } = this.#options;
    // A value that was made shorter within its transaction keeps its pages.
    if (count * file.pageSize < HEADER_LENGTH + end - start) {
      page.fail(`page ${page.number} has a value of ${end - start} bytes in ${count} pages`, start + 16);
    }
    usage.take(IN_USE, first, count, page, start);
    this.#found['overflow pages'] += count;
    const overflow = this.#overflow;
    file.read(first, overflow);
    overflow.checkHeader(OVERFLOW);
    const written = overflow.checkTransaction(latest);
    if (written !== transaction) {
      overflow.fail(`page ${first} is of transaction ${written}, page ${page.number} says ${transaction}`, 8);
    }
    const claimed = overflow.view.getUint32(20, true);
    if (claimed !== count) {
      overflow.fail(`page ${first} begins ${claimed} pages, page ${page.number} says ${count}`, 20);
    }
    return count;
  }
}

/** The record of a database that is `at` so many bytes into a meta page. */
export function readDatabase({ view }: Page, at: number): Database {
  const counts = Object.fromEntries(COUNTS.map((name, i) => [name, int64(view, at + 8 + 8 * i)])) as Counts;
  const [flags, depth] = [view.getUint16(at + 4, true), view.getUint16(at + 6, true)];
  return { flags, depth, counts, root: int64(view, at + 40) };
}

/** Where node `i` begins in the page. */
function nodeAt(page: Page, i: number): number {
  return HEADER_LENGTH + page.view.getUint16(HEADER_LENGTH + 2 * i, true);
}

function keyAt(page: Page, i: number): Key {
  const start = nodeAt(page, i) + NODE_LENGTH;
  return { page, start, end: start + page.view.getUint16(start - 2, true) };
}

function nodeLength(page: Page, node: number, kind: number): number {
  const length = NODE_LENGTH + page.view.getUint16(node + 6, true);
  if (kind === BRANCH) return evenUp(length);
  const flags = page.view.getUint16(node + 4, true);
  if (flags > BIG) page.fail(`a node of page ${page.number} has the flags 0x${flags.toString(16)}`, node + 4);
  return evenUp(length + (flags === BIG ? BIG_LENGTH : page.view.getUint32(node, true)));
}

function evenUp(length: number): number {
  return length + (length % 2);
}

/** Byte by byte; of two keys that begin alike, the shorter comes first. */
export function compareBytes(a: Key, b: Key): number {
  const { bytes: left } = a.page;
  const { bytes: right } = b.page;
  const leftLength = a.end - a.start;
  const rightLength = b.end - b.start;
  const shorter = Math.min(leftLength, rightLength);
  for (let i = 0; i < shorter; i++) {
    const difference = (left[a.start + i] as number) - (right[b.start + i] as number);
    if (difference !== 0) return difference;
  }
  return leftLength - rightLength;
}
