import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { open } from 'lmdb';
import type { Verdict } from '../../../src/protocol/data-jobs.ts';
import { toAddress } from '../../../src/values/address.ts';
import { verifyHost } from '../../../workers/data/verify.ts';
import { BatchBuilder } from '../../../workers/runtime/journal.ts';
import type { LmdbStore } from '../../../workers/runtime/lmdb-store.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { hostsIn, namesOf, nobody, StoredBank, temporaryFolder } from '../../support/stored-bank.ts';

const NAMES = namesOf(new Random(5), 60);

/** A bank with snapshots in the middle, and all of its history. */
function bankOf(t: TestContext, hosts = 1): StoredBank {
  const bank = new StoredBank(temporaryFolder(t), hosts);
  const random = new Random(11);
  for (let i = 0; i < 60; i++) bank.turn(random, NAMES);
  bank.snapshot();
  for (let i = 0; i < 40; i++) bank.turn(random, NAMES);
  return bank;
}

async function verdictsOf(bank: StoredBank, { isInUse = false } = {}): Promise<Verdict[]> {
  const hosts = hostsIn(bank.folder, bank.stores.length, isInUse);
  return Promise.all(hosts.map((host) => verifyHost({ type: 'verify', host, progress: nobody() })));
}

/** What is wrong with a bank of one host. */
async function problemsOf(bank: StoredBank): Promise<string[]> {
  const before = digestOf(bank.file(0));
  const [verdict] = await verdictsOf(bank);
  assert.equal(digestOf(bank.file(0)), before, 'the file was changed');
  return verdict?.findings.map(({ problem }) => problem) ?? [];
}

function digestOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** Changes what is stored under a key: undefined removes it. */
async function change(
  bank: StoredBank,
  key: Buffer,
  changed: (value: Buffer) => Buffer | undefined,
): Promise<void> {
  await bank.close();
  const db = open<Buffer, Buffer>({
    path: dirname(bank.file(0)),
    encoding: 'binary',
    keyEncoding: 'binary',
    compression: false,
    overlappingSync: false,
  });
  const value = changed(Buffer.from(db.get(key) ?? assert.fail('there is no such key')));
  if (value === undefined) db.removeSync(key);
  else db.putSync(key, value);
  await db.close();
}

function batchKey(position: number): Buffer {
  const key = Buffer.alloc(9, 'J');
  key.writeBigUInt64BE(BigInt(position), 1);
  return key;
}

/** Of the first piece of a snapshot. */
function pieceKey(snapshot: number): Buffer {
  const key = Buffer.alloc(13, 'P');
  key.writeBigUInt64BE(BigInt(snapshot), 1);
  key.writeUInt32BE(0, 9);
  return key;
}

function flipped(value: Buffer, at: number): Buffer {
  value.writeUInt8(value.readUInt8(at) ^ 1, at);
  return value;
}

describe('verifyHost', () => {
  for (const hosts of [1, 3]) {
    test(`finds a sound folder sound, and all actors as they were (${hosts} hosts)`, async (t) => {
      const bank = bankOf(t, hosts);
      await bank.close();
      const verdicts = await verdictsOf(bank);
      assert.deepEqual(
        verdicts.flatMap(({ findings }) => findings),
        [],
      );
      const sum = (of: (verdict: Verdict) => number) =>
        verdicts.reduce((total, verdict) => total + of(verdict), 0);
      assert.equal(
        sum(({ snapshots }) => snapshots),
        17,
      );
      assert.equal(
        sum(({ recovered }) => recovered),
        17,
      );
      assert.equal(
        sum(({ replayed }) => replayed),
        17,
      );
    });
  }

  test('finds a folder sound whose history was trimmed', async (t) => {
    const bank = bankOf(t);
    bank.snapshot({ keepBytes: 2000 });
    for (let i = 0; i < 10; i++) bank.turn(new Random(i), NAMES);
    await bank.close();
    const [verdict] = await verdictsOf(bank);
    assert.deepEqual(verdict?.findings, []);
    assert.deepEqual([verdict?.recovered, verdict?.replayed], [17, 0]);
  });

  test('finds nothing wrong with a host that never stored anything', async (t) => {
    const host = { folder: temporaryFolder(t), index: 0, count: 1, isMade: false, isInUse: false };
    const verdict = await verifyHost({ type: 'verify', host, progress: nobody() });
    assert.deepEqual([verdict.fileBytes, verdict.findings], [0, []]);
  });

  test('names every batch that is changed, and goes on behind it', async (t) => {
    const bank = bankOf(t);
    await change(bank, batchKey(7), (value) => flipped(value, 40));
    await change(bank, batchKey(80), (value) => flipped(value, 60));
    const [verdict] = await verdictsOf(bank);
    assert.deepEqual(
      verdict?.findings.map(({ problem, advice }) => [problem, /not need it/.test(advice)]),
      [
        ['batch 7: its checksum is wrong', true],
        ['batch 80: its checksum is wrong', false],
      ],
    );
    assert.equal(verdict?.batches, 100);
  });

  test('names a batch that is missing', async (t) => {
    const bank = bankOf(t);
    await change(bank, batchKey(80), () => undefined);
    assert.deepEqual(await problemsOf(bank), ['batch 80 is missing in the journal']);
  });

  test('reports a torn last batch and leaves it as it is', async (t) => {
    const bank = bankOf(t);
    await change(bank, batchKey(100), (value) => value.subarray(0, value.length - 12));
    assert.deepEqual(await problemsOf(bank), ['batch 100: the last one, it was not written to its end']);
  });

  test('names the snapshot of which a piece is damaged or missing', async (t) => {
    const bank = bankOf(t);
    await change(bank, pieceKey(1), (value) => flipped(value, 9));
    await change(bank, pieceKey(5), () => undefined);
    assert.deepEqual(await problemsOf(bank), [
      'the checksum of piece 1 of the snapshot of ledger/0 is wrong',
      'piece 1 of the snapshot of ledger/4 is missing',
      'event 1 of ledger/4 is in no snapshot that can be read, but recovery begins behind it, with batch 61',
      'event 1 of ledger/0 is in no snapshot that can be read, but recovery begins behind it, with batch 61',
    ]);
  });

  test('names the head of a snapshot that is damaged', async (t) => {
    const bank = bankOf(t);
    await change(bank, Buffer.from('Sledger/4'), (value) => flipped(value, 5));
    const problems = await problemsOf(bank);
    assert.ok(problems.includes('the checksum of the snapshot of ledger/4 is wrong'), problems.join('\n'));
  });

  // All pieces are short: the head, names, their lengths, balances, keys.
  const changes: readonly { readonly what: string; readonly piece: number; readonly at: number }[] = [
    { what: 'balance', piece: 3, at: 0 },
    { what: 'fingerprint of a key', piece: 4, at: 12 },
  ];
  for (const { what, piece, at } of changes) {
    test(`finds a snapshot that is not what the history makes, by a ${what}`, async (t) => {
      const bank = bankOf(t);
      const store = bank.stores[0] as LmdbStore;
      const snapshot = store.snapshot(toAddress('ledger/2')) ?? assert.fail('there is no snapshot');
      const pieces = snapshot.pieces.map((each) => Buffer.from(each));
      assert.equal(pieces.length, 5);
      const changed = pieces[piece] as Buffer;
      changed.writeDoubleLE(changed.readDoubleLE(at) + 1, at);
      pieces.forEach((each, i) => {
        store.putSnapshotPiece(snapshot.address, i, each);
      });
      store.commitSnapshot(snapshot, pieces.length);
      await bank.close();
      assert.deepEqual(await problemsOf(bank), [
        `the snapshot of ledger/2 is not what its events 1 to ${snapshot.events} make`,
      ]);
    });
  }

  test('finds a gap in a stream, events that no account has, and an actor in the wrong host', async (t) => {
    const bank = new StoredBank(temporaryFolder(t), 2);
    bank.post('Marc', 100);
    bank.store();
    const address = bank.shardOf('Marc');
    const host = bank.hostOf(address);
    const append = (to: number, position: number, words: readonly number[]) => {
      const builder = new BatchBuilder();
      const bytes = new Uint8Array(Int32Array.from(words).buffer);
      builder.addFlat(address, position, { bytes, count: 1 });
      const store = bank.stores[to] as LmdbStore;
      store.append(builder.take(store.last + 1, 0));
    };
    append(host, 3, [9 << 3, 100]);
    append(host, 8, [0, 100]);
    append(1 - host, 1, [(1 << 3) | 6, (1 << 3) | 6]);
    await bank.close();
    const verdicts = await verdictsOf(bank);
    assert.deepEqual(
      verdicts[host]?.findings.map(({ problem }) => problem),
      [
        `batch 2, events 3 to 3 of ${address}: event 1 of them is of account 9, but there are 1`,
        `batch 3 goes on with event 8 of ${address}, but the one before was 3`,
      ],
    );
    assert.deepEqual(
      verdicts[1 - host]?.findings.map(({ problem }) => problem),
      [
        `${address} belongs to host ${host}, and is not looked for here`,
        `batch 1, events 1 to 1 of ${address}: there should be 1 events, but there are 2`,
      ],
    );
  });

  test('reads only the structure of actors that nobody knows', async (t) => {
    const bank = bankOf(t);
    const builder = new BatchBuilder();
    builder.addFlat(toAddress('news/1'), 1, { bytes: new Uint8Array(5), count: 3 });
    const store = bank.stores[0] as LmdbStore;
    store.append(builder.take(store.last + 1, 0));
    await bank.close();
    const [verdict] = await verdictsOf(bank);
    assert.deepEqual([verdict?.findings, verdict?.recovered], [[], 17]);
  });

  test('says what is wrong with the structure of a file', async (t) => {
    const bank = bankOf(t);
    await bank.close();
    const bytes = readFileSync(bank.file(0));
    bytes.fill(0xff, 3 * 4096, 3 * 4096 + 16);
    writeFileSync(bank.file(0), bytes);
    const problems = await problemsOf(bank);
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', /^at byte \d+, in page \d+, /);
  });
});
