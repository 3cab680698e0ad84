import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { checkLmdbFile } from '../../../workers/runtime/lmdb-file.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import type { ChildAnswer, ChildTask } from '../../support/lmdb-child.ts';
import {
  type ChangeOptions,
  change,
  type Entry,
  entriesOf,
  openStore,
  putEntry,
} from '../../support/lmdb-entries.ts';

const CHILD = fileURLToPath(new URL('../../support/lmdb-child.js', import.meta.url));
const PAGE = 4096;
const ANSWER_LIMIT_MS = 10_000;
const KILLS = 20;
const LIVE_CHECKS = 60;
let folder: string;
let files = 0;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'outcry-lmdb-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function newPath(): string {
  return join(folder, `${files++}.mdb`);
}

/** A file made by `steps` of random changes, opened and closed for each; with the entries it has. */
async function makeFile(seed: number, steps: readonly ChangeOptions[], pageSize?: number) {
  const path = newPath();
  const random = new Random(seed);
  let entries: Entry[] = [];
  for (const step of steps.length > 0 ? steps : [undefined]) {
    const store = openStore(path, pageSize);
    if (step !== undefined) await change(store, random, step);
    entries = entriesOf(store);
    await store.close();
  }
  return { path, entries };
}

const SMALL: ChangeOptions = { count: 20, keys: 20, lengthMax: 100, removals: 0 };
const DEEP: ChangeOptions = { count: 4000, keys: 100_000, lengthMax: 1500, removals: 0 };
const BIG: ChangeOptions = { count: 60, keys: 200, lengthMax: 3_000_000 };
const MIXED: ChangeOptions = { count: 600, keys: 500, lengthMax: 20_000 };
const SHRUNK: ChangeOptions = { count: 1500, keys: 1000, lengthMax: 20_000, removals: 90 };

describe('checkLmdbFile finds a sound file sound', () => {
  const kinds: [string, readonly ChangeOptions[]][] = [
    ['without entries', []],
    ['with a few entries', [SMALL]],
    ['with many entries in a deep tree', [DEEP]],
    ['with large values', [BIG]],
    ['with many free pages', [DEEP, MIXED, SHRUNK]],
    ['emptied', [SMALL, { ...SMALL, count: 2000, removals: 100 }]],
  ];
  for (const pageSize of [PAGE, 16_384]) {
    for (const [name, steps] of kinds) {
      test(`${name}, in pages of ${pageSize} bytes`, async () => {
        const { path } = await makeFile(1, steps, pageSize);
        assert.equal(checkLmdbFile(path), undefined);
      });
    }
  }
});

test('checkLmdbFile takes it that free pages at the end were never written', async () => {
  const path = newPath();
  const store = openStore(path);
  const [kept, gone] = [Buffer.from([1]), Buffer.from([2])];
  for (let i = 0; i < 4; i++) {
    store.transactionSync(() => {
      putEntry(store, kept, 100);
      if (i < 3) return;
      putEntry(store, gone, 1_000_000);
      store.remove(gone).catch(() => {});
    });
    await store.flushed;
  }
  await store.close();
  const bytes = readFileSync(path);
  const lastPage = Math.max(bytes.readUInt32LE(144), bytes.readUInt32LE(PAGE + 144));
  assert.ok(bytes.length < lastPage * PAGE, `${bytes.length} bytes have the last page ${lastPage}`);
  assert.equal(checkLmdbFile(path), undefined);
});

test('checkLmdbFile says how far it is', async () => {
  const path = newPath();
  const store = openStore(path);
  for (let i = 0; i < 3; i++) putEntry(store, Buffer.from([i + 1]), 20_000_000);
  await store.flushed;
  await store.close();
  const reports: [number, number][] = [];
  checkLmdbFile(path, { onProgress: (pages, pagesTotal) => reports.push([pages, pagesTotal]) });
  assert.equal(reports.length, 3);
  assert.ok(
    reports.every(([pages, pagesTotal], i) => pages > (reports[i - 1]?.[0] ?? 0) && pages <= pagesTotal),
  );
});

/** A child process that uses files; if it dies or hangs over one, the next gets a new process. */
class Child {
  #process: ChildProcess | undefined;

  async ask(task: ChildTask): Promise<ChildAnswer> {
    this.#process ??= fork(CHILD, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    const child = this.#process;
    const controller = new AbortController();
    const { signal } = controller;
    const answered = once(child, 'message', { signal }).then(([message]) => message as ChildAnswer);
    const died = once(child, 'exit', { signal }).then(([code, killer]) => ({
      error: `ended with ${killer ?? code}`,
    }));
    const hung = sleep(ANSWER_LIMIT_MS, { error: 'hangs' }, { signal });
    child.send(task);
    try {
      const answer = await Promise.race([answered, died, hung]);
      if (answer.error !== undefined) await this.kill();
      return answer;
    } finally {
      controller.abort();
    }
  }

  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

interface Flip {
  readonly offset: number;
  readonly value: number;
}

/** Another value for one byte, half of the time somewhere in a page's first bytes, where its structure is. */
function drawFlip(random: Random, bytes: Buffer): Flip {
  const page = random.below(Math.ceil(bytes.length / PAGE));
  const spot = page === 0 && random.chance(0.3) ? 2048 : 0;
  const offset = random.chance(0.5)
    ? random.below(bytes.length)
    : Math.min(page * PAGE + spot + random.below(page < 2 ? 168 : 64), bytes.length - 1);
  const old = bytes[offset] as number;
  return {
    offset,
    value: random.chance(0.7) ? old ^ (1 << random.below(8)) : (old + 1 + random.below(255)) % 256,
  };
}

/** What is wrong with what LMDB read, if anything; an entry that its checksum gives away is not. */
function differenceOf(expected: readonly Entry[], { entries, error }: ChildAnswer): string | undefined {
  if (entries === undefined) return error ?? 'there is no answer';
  if (entries.length !== expected.length) return `${entries.length} entries instead of ${expected.length}`;
  for (const [i, entry] of entries.entries()) {
    const { key, valueLength } = expected[i] as Entry;
    if (entry.isIntact && (entry.key !== key || entry.valueLength !== valueLength))
      return `entry ${i} is another`;
  }
  return undefined;
}

describe('checkLmdbFile, after one byte of a file was changed', () => {
  const { LMDB_FLIPS: flips = '400' } = process.env;

  test('finds it, or it does no harm beyond what a checksum over key and value tells', async () => {
    const seed = fuzzSeed();
    const random = new Random(seed);
    const sound = await Promise.all([
      makeFile(seed, [SMALL]),
      makeFile(seed + 1, [{ ...MIXED, lengthMax: 5000 }]),
      makeFile(seed + 2, [MIXED, { ...SHRUNK, count: 300 }]),
      makeFile(seed + 3, [{ ...DEEP, count: 1500, lengthMax: 300 }]),
    ]);
    const child = new Child();
    const flipped = newPath();
    let found = 0;
    for (let i = 0; i < Number(flips); i++) {
      const { path, entries } = random.pick(sound);
      const bytes = readFileSync(path);
      const { offset, value } = drawFlip(random, bytes);
      const what = `flip ${i} of seed ${seed}: byte ${offset} from ${bytes[offset]} to ${value} in ${path}`;
      bytes[offset] = value;
      writeFileSync(flipped, bytes);
      rmSync(`${flipped}-lock`, { force: true });
      if (checkLmdbFile(flipped) !== undefined) {
        found++;
        continue;
      }
      assert.equal(differenceOf(entries, await child.ask({ path: flipped, seed: i })), undefined, what);
      assert.equal(checkLmdbFile(flipped), undefined, `${what}, after more was written`);
    }
    await child.kill();
    assert.ok(found > Number(flips) / 10, `only ${found} of ${flips} were found`);
  });
});

/** Where in the newest meta of `bytes` the roots of the two databases are. */
const FREE_ROOT = 88;
const MAIN_ROOT = 136;

/** The page numbers from the root that stands at `root` down to the first leaf. */
function pathDown(bytes: Buffer, root: number): number[] {
  const isEven = bytes.readBigUInt64LE(152) > bytes.readBigUInt64LE(PAGE + 152);
  const path = [Number(bytes.readBigUInt64LE((isEven ? 0 : PAGE) + root))];
  for (;;) {
    const at = (path.at(-1) as number) * PAGE;
    if (bytes.readUInt16LE(at + 18) === 2) return path;
    path.push(bytes.readUInt32LE(firstNode(bytes, at)));
  }
}

function firstNode(bytes: Buffer, page: number): number {
  return page + 24 + bytes.readUInt16LE(page + 24);
}

describe('checkLmdbFile names the damage of', () => {
  let sound: Buffer;
  before(async () => {
    sound = readFileSync((await makeFile(2, [DEEP, { ...MIXED, removals: 50 }])).path);
  });

  /** What is found after `harm` was done to the file's bytes. */
  function foundAfter(harm: (bytes: Buffer) => void) {
    const path = newPath();
    const bytes = Buffer.from(sound);
    harm(bytes);
    writeFileSync(path, bytes);
    return checkLmdbFile(path);
  }

  for (const page of [0, 1]) {
    test(`meta page ${page}`, () => {
      const found = foundAfter((bytes) =>
        bytes.writeUInt8((bytes[page * PAGE + 152] as number) ^ 2, page * PAGE + 152),
      );
      assert.match(found?.problem ?? '', /is of transaction|was flushed/);
    });
  }

  test('a branch page', () => {
    const [branch = 0, leaf = 0] = pathDown(sound, MAIN_ROOT);
    const found = foundAfter((bytes) => bytes.writeUInt32LE(branch, firstNode(bytes, branch * PAGE)));
    assert.deepEqual(found?.problem, `page ${branch} is in use, and is in use already`);
    assert.equal(found.page, branch);
    assert.notEqual(leaf, branch);
  });

  test('a leaf page', () => {
    const leaf = pathDown(sound, MAIN_ROOT).at(-1) as number;
    const found = foundAfter((bytes) => bytes.writeUInt32LE(leaf + 1, leaf * PAGE));
    assert.deepEqual(found, {
      page: leaf,
      offset: leaf * PAGE,
      problem: `page ${leaf} says it is page ${leaf + 1}`,
    });
  });

  test('an overflow page', () => {
    const isOverflow = (page: number) =>
      sound.readUInt16LE(page * PAGE + 18) === 4 && Number(sound.readBigUInt64LE(page * PAGE)) === page;
    const pages = Array.from({ length: sound.length / PAGE }, (_, page) => page).filter(isOverflow);
    const finds = pages.map((page) => foundAfter((bytes) => bytes.writeUInt32LE(77, page * PAGE + 20)));
    const named = finds.filter(
      (found, i) => found?.page === pages[i] && /begins 77 pages/.test(found?.problem ?? ''),
    );
    // The others are of values that are gone.
    assert.ok(named.length > 0 && finds.every((found) => found === undefined || named.includes(found)));
  });

  test('a page of the free database', () => {
    const leaf = pathDown(sound, FREE_ROOT).at(-1) as number;
    const list = firstNode(sound, leaf * PAGE) + 16;
    const found = foundAfter((bytes) => bytes.writeUInt32LE(2 ** 31, list + 8));
    assert.equal(found?.page, leaf);
    assert.match(found.problem, /refers to page 2147483648 of/);
  });

  test('a file that ends too early', () => {
    for (const length of [0, 10, 100, PAGE, PAGE + 10, 2 * PAGE, sound.length / 2]) {
      const path = newPath();
      writeFileSync(path, sound.subarray(0, length));
      assert.match(checkLmdbFile(path)?.problem ?? '', /the file ends/, `${length} bytes`);
    }
  });

  test('a file of something else', () => {
    const path = newPath();
    writeFileSync(path, Buffer.alloc(10 * PAGE, 'something else'));
    assert.deepEqual(checkLmdbFile(path), { page: 0, offset: 24, problem: 'this is no LMDB file' });
  });
});

describe('checkLmdbFile, after the machine went down before the last transaction was flushed,', () => {
  let path: string;
  let entries: Entry[];
  let bytes: Buffer;

  before(async () => {
    ({ path, entries } = await makeFile(3, [MIXED]));
    const [flushed, boot] = [2048, 160];
    const earlier = readFileSync(path).subarray(flushed, PAGE);
    const store = openStore(path);
    putEntry(store, Buffer.alloc(12, 200), 100);
    await store.flushed;
    await store.close();
    bytes = readFileSync(path);
    earlier.copy(bytes, flushed);
    for (const at of [boot, PAGE + boot]) bytes.writeUInt32LE(1234, at);
    for (const root of [FREE_ROOT, MAIN_ROOT]) {
      const [page = 0] = pathDown(bytes, root);
      bytes.fill(0, page * PAGE, page * PAGE + PAGE);
    }
  });

  test('takes the one before, as LMDB does', async () => {
    writeFileSync(path, bytes);
    assert.equal(checkLmdbFile(path), undefined);
    const child = new Child();
    assert.equal(differenceOf(entries, await child.ask({ path, seed: 1 })), undefined);
    await child.kill();
    assert.equal(checkLmdbFile(path), undefined);
  });

  test('finds the damage of the one before', () => {
    const root = Number(bytes.readBigUInt64LE(2048 + MAIN_ROOT));
    const damaged = Buffer.from(bytes);
    damaged.writeUInt16LE(4, root * PAGE + 18);
    writeFileSync(path, damaged);
    assert.equal(checkLmdbFile(path)?.page, root);
  });
});

describe('checkLmdbFile, with a process that writes,', () => {
  test('finds the file sound whenever that was killed', async () => {
    const path = newPath();
    const seed = fuzzSeed();
    const random = new Random(seed);
    for (let i = 0; i < KILLS; i++) {
      const child = new Child();
      await child.ask({ path, seed: seed + i, untilKilled: true });
      await sleep(random.below(60));
      await child.kill();
      assert.equal(checkLmdbFile(path), undefined, `kill ${i} of seed ${seed}`);
    }
  });

  test('finds the running file sound while a read transaction is held', async () => {
    const path = newPath();
    const child = new Child();
    await child.ask({ path, seed: 1, untilKilled: true });
    const store = openStore(path);
    try {
      for (let i = 0; i < LIVE_CHECKS; i++) {
        const pinned = store.useReadTransaction();
        assert.equal(checkLmdbFile(path), undefined);
        pinned.done();
        await sleep(5);
      }
    } finally {
      await child.kill();
      await store.close();
    }
  });
});
