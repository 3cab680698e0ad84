import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { open } from 'lmdb';
import { toAddress } from '../../../src/values/address.ts';
import { LmdbStore } from '../../../workers/runtime/lmdb-store.ts';

const LEDGER = toAddress('ledger/1');
const TALLY = toAddress('bank/tally');

describe('LmdbStore', () => {
  let folder: string;
  let store: LmdbStore;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'outcry-store-'));
    store = new LmdbStore({ folder });
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  async function reopen(): Promise<void> {
    await store.close();
    store = new LmdbStore({ folder });
  }

  /** Batches whose bytes are their position, of `length` bytes each. */
  function append(count: number, length = 100): void {
    for (let i = 0; i < count; i++) store.append(Buffer.alloc(length, store.last + 1));
  }

  function positions(from: number): number[] {
    return [...store.read(from)].map(({ position, bytes }) => {
      assert.equal(bytes[0], position & 0xff);
      return position;
    });
  }

  /** Changes what is stored behind the store's back. */
  async function meddle(change: (db: ReturnType<typeof open<Buffer, Buffer>>) => void): Promise<void> {
    await store.close();
    const db = open<Buffer, Buffer>({ path: folder, encoding: 'binary', keyEncoding: 'binary' });
    db.transactionSync(() => change(db));
    await db.close();
  }

  function keyOf(position: number): Buffer {
    const key = Buffer.alloc(9, 'J');
    key.writeBigUInt64BE(BigInt(position), 1);
    return key;
  }

  test('is empty when it is new', async () => {
    for (let i = 0; i < 2; i++) {
      const { first, last, needed, journalBytes } = store;
      assert.deepEqual(
        { first, last, needed, journalBytes },
        { first: 1, last: 0, needed: 1, journalBytes: 0 },
      );
      assert.deepEqual([[...store.read(1)], [...store.snapshots()]], [[], []]);
      await reopen();
    }
  });

  test('has what was appended, in order, when it is opened again', async () => {
    append(300);
    for (let i = 0; i < 2; i++) {
      assert.deepEqual([store.first, store.last, store.journalBytes], [1, 300, 30_000]);
      assert.deepEqual(positions(298), [298, 299, 300]);
      assert.equal(positions(1).length, 300);
      await reopen();
    }
  });

  test('shows what was appended to others that have it open', async () => {
    append(3);
    const reader = new LmdbStore({ folder, isReadOnly: true, isInUse: true });
    append(1);
    assert.deepEqual([reader.last, store.last], [3, 4]);
    await reader.close();
  });

  test('keeps of an actor the snapshot that was committed last, whole', async () => {
    append(5);
    const large = Buffer.alloc(3_000_000, 7);
    store.putSnapshotPiece(LEDGER, 0, Buffer.from('old'));
    store.commitSnapshot({ address: LEDGER, events: 3, batch: 2 }, 1);
    store.putSnapshotPiece(LEDGER, 0, Buffer.from('new'));
    store.putSnapshotPiece(TALLY, 0, Buffer.from('tally'));
    store.putSnapshotPiece(LEDGER, 1, large);
    store.commitSnapshot({ address: LEDGER, events: 9, batch: 5 }, 2);
    for (let i = 0; i < 2; i++) {
      const [snapshot, ...others] = [...store.snapshots()];
      assert.deepEqual([snapshot?.address, snapshot?.events, snapshot?.batch], [LEDGER, 9, 5]);
      assert.deepEqual(
        snapshot?.pieces.map((piece) => Buffer.from(piece).compare(large) === 0 || piece.toString()),
        ['new', true],
      );
      assert.deepEqual(others, []);
      await reopen();
    }
  });

  test('removes the oldest of the journal, but for what is needed and the last batch', async () => {
    append(1000);
    assert.equal(store.trim(0), false);
    assert.equal(store.first, 1);
    store.release(601, 60_000);
    while (store.trim(70_000));
    assert.deepEqual([store.first, store.journalBytes], [301, 70_000]);
    while (store.trim(0));
    assert.deepEqual([store.first, store.journalBytes], [601, 40_000]);
    await reopen();
    assert.deepEqual([store.first, store.needed, store.last, store.journalBytes], [601, 601, 1000, 40_000]);
    store.release(1001, 40_000);
    while (store.trim(0));
    assert.deepEqual([store.first, store.last, store.journalBytes], [1000, 1000, 100]);
    await reopen();
    append(1);
    assert.deepEqual(positions(0).slice(-1), [1001]);
  });

  test('keeps of the journal what somebody wishes, however long that is', () => {
    append(1000);
    store.release(601, 60_000);
    while (store.trim(0, 400));
    assert.deepEqual([store.first, store.journalBytes], [400, 60_100]);
    while (store.trim(50_000, 700));
    assert.equal(store.first, 501);
    while (store.trim(0, 700));
    assert.equal(store.first, 601);
  });

  test('can cut the last batch off', async () => {
    append(3);
    store.cutLast();
    assert.deepEqual([store.last, store.journalBytes, positions(1)], [2, 200, [1, 2]]);
    append(1);
    await reopen();
    assert.deepEqual([store.last, positions(1)], [3, [1, 2, 3]]);
  });

  test('refuses a journal in which a batch is missing', async () => {
    append(10);
    await meddle((db) => db.removeSync(keyOf(5)));
    assert.throws(() => new LmdbStore({ folder }), {
      code: 'ERR_DATA_DAMAGED',
      message: /data\.mdb is damaged: batch 5 is missing in the journal\. Nothing was changed\./,
    });
    await meddle((db) => db.putSync(keyOf(5), Buffer.alloc(100, 5)));
    store = new LmdbStore({ folder });
  });

  test('refuses a snapshot without its journal', async () => {
    append(10);
    store.putSnapshotPiece(LEDGER, 0, Buffer.from('state'));
    store.commitSnapshot({ address: LEDGER, events: 3, batch: 10 }, 1);
    await meddle((db) => {
      for (let i = 1; i <= 10; i++) db.removeSync(keyOf(i));
    });
    assert.throws(() => new LmdbStore({ folder }), {
      code: 'ERR_DATA_DAMAGED',
      message: /the journal should have the batches from 1 to 10, but it has none/,
    });
    await meddle((db) => {
      for (let i = 1; i <= 10; i++) db.putSync(keyOf(i), Buffer.alloc(100, i));
    });
    store = new LmdbStore({ folder });
  });

  test('refuses a changed snapshot', async () => {
    append(1);
    store.putSnapshotPiece(LEDGER, 0, Buffer.from('state'));
    store.commitSnapshot({ address: LEDGER, events: 3, batch: 1 }, 1);
    const key = Buffer.from([0x50, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    let piece: Buffer | undefined;
    await meddle((db) => {
      piece = Buffer.from(db.get(key) ?? assert.fail('the piece is elsewhere'));
      const changed = Buffer.from(piece);
      changed[6] = 0;
      db.putSync(key, changed);
    });
    store = new LmdbStore({ folder });
    assert.throws(() => [...store.snapshots()], {
      code: 'ERR_DATA_DAMAGED',
      message: /the checksum of piece 1 of the snapshot of ledger\/1 is wrong/,
    });
  });

  test('refuses another format with what to do', async () => {
    const format = (version: number) => {
      const value = Buffer.from([0, 0, 0, 0, version]);
      value.writeUInt32LE(crc32(value.subarray(4)), 0);
      return meddle((db) => db.putSync(Buffer.from('F'), value));
    };
    await format(2);
    assert.throws(() => new LmdbStore({ folder }), {
      code: 'ERR_DATA_FORMAT',
      message: /format 2, written by a newer Outcry; this one reads format 1\. Export/,
    });
    await format(0);
    assert.throws(() => new LmdbStore({ folder }), {
      code: 'ERR_DATA_FORMAT',
      message: /by an older Outcry/,
    });
    await format(1);
    store = new LmdbStore({ folder });
  });

  test('refuses a file that is none of its own, and does not touch it', async () => {
    await store.close();
    const file = join(folder, 'data.mdb');
    writeFileSync(file, 'this is not a database'.repeat(1000));
    assert.throws(() => new LmdbStore({ folder }), { code: 'ERR_DATA_DAMAGED' });
    rmSync(file);
    store = new LmdbStore({ folder });
  });

  test('that was made before is refused without its file, or with an empty one', async () => {
    append(1);
    await store.close();
    const file = join(folder, 'data.mdb');
    const sound = readFileSync(file);
    rmSync(file);
    for (let i = 0; i < 2; i++) {
      assert.throws(() => new LmdbStore({ folder, isMade: true }), {
        code: 'ERR_DATA_DAMAGED',
        message: /data\.mdb is damaged: it is missing or empty/,
      });
      writeFileSync(file, '');
    }
    writeFileSync(file, sound);
    store = new LmdbStore({ folder, isMade: true });
    assert.equal(store.last, 1);
  });

  test('does not write over a batch that somebody else has written', async () => {
    const other = new LmdbStore({ folder });
    append(1);
    assert.throws(() => other.append(Buffer.alloc(10)), {
      code: 'ERR_DATA_DAMAGED',
      message: /batch 1 is there, though nobody here has written it/,
    });
    await other.close();
    assert.deepEqual(positions(1), [1]);
  });

  test('takes a file that a process which was killed has left empty for new', async () => {
    await store.close();
    writeFileSync(join(folder, 'data.mdb'), '');
    store = new LmdbStore({ folder });
    append(1);
    assert.equal(store.last, 1);
  });
});
