/**
 * A durable bank whose files are not what it wrote. It either says what is wrong and does not start, or has the right
 * balances. FLIPS says how many bytes are changed at random.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { open, type RootDatabase } from 'lmdb';
import { Packr } from 'msgpackr';
import { Random } from '../../workers/runtime/random.ts';
import { connectTo, send, write } from '../support/bank-client.ts';
import { DurableBank, kill, writeInputs } from '../support/durable-bank.ts';
import { fuzzSeed } from '../support/fuzz-seed.ts';
import { until } from '../support/until.ts';

const { FLIPS: flips = '5' } = process.env;
const PAGE = 4096;
/** The flag of a branch page. */
const BRANCH = 1;
/** In a meta page: the roots of the two databases, the last page, and the number of the transaction. */
const FREE_ROOT = 88;
const MAIN_ROOT = 136;
const LAST_PAGE = 144;
const TRANSACTION = 152;
const FLAGS = ['--server-hosts', '1'];
const DAMAGED = /^outcry: \S+\/data\/1\/0\/data\.mdb is damaged: .+Put a copy back that is sound/m;
const packr = new Packr({ useRecords: false });

type Store = RootDatabase<Buffer, Buffer>;

/** A sound data folder, and what the bank in it has. */
let folder: string;
let expected: string;
/** What it has without its last batch. */
let expectedBeforeLast: string;

before(async (t) => {
  const bank = await DurableBank.create(t as TestContext);
  const { files, model } = writeInputs(bank, 3000);
  const snapshots = ['--data-snapshot-bytes', '20000', '--data-history-bytes', '400000'];
  const first = await bank.start([...FLAGS, ...snapshots]);
  assert.equal((await bank.upload(files)).code, 0);
  await until('it has snapshots of all', () => hasReleased(bank));
  assert.equal((await first.interrupted()).code, 0);
  const server = await bank.start(FLAGS);
  for (let i = 0; i < 150; i++) {
    await send(bank.port, [`Name${i % 10} credit $1.00\n`]);
    model.post(`Name${i % 10}`, 100n);
    // What comes at once is one batch, and there are to be many.
    if (i % 5 === 0) await bank.report(server);
  }
  await until('all is there', async () => (await bank.report(server)) === model.report());
  expectedBeforeLast = model.report();
  // It stays until the kill: the registry keeps when a connection ends, and the last batch is to be this line's.
  const last = await connectTo(bank.port);
  last.on('error', () => {});
  await write(last, 'Last credit $5.00\n');
  model.post('Last', 500n);
  expected = model.report();
  await until('the last is there', async () => (await bank.report(server)) === expected);
  await kill(server);
  folder = mkdtempSync(join(tmpdir(), 'outcry-sound-'));
  cpSync(bank.data, folder, { recursive: true });
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** A bank with a copy of the sound folder. */
async function copyOf(t: TestContext): Promise<DurableBank> {
  const bank = await DurableBank.create(t);
  cpSync(folder, bank.data, { recursive: true });
  return bank;
}

function fileOf({ data }: DurableBank): string {
  return join(data, '1', '0', 'data.mdb');
}

function flip(bank: DurableBank, offset: number, mask = 0x10): void {
  const bytes = readFileSync(fileOf(bank));
  bytes.writeUInt8((bytes[offset] as number) ^ mask, offset);
  writeFileSync(fileOf(bank), bytes);
}

/** Why the server does not start; undefined if it does, and has what it should. */
async function refusalOf(bank: DurableBank): Promise<string | undefined> {
  const server = bank.spawn(FLAGS);
  const isUp = () => server.stdout.includes('Everything is kept in ');
  await until('it is up or down', () => isUp() || server.hasEnded);
  if (isUp()) {
    assert.equal(await bank.report(server), expected);
    assert.equal((await server.interrupted()).code, 0);
    return undefined;
  }
  const { code, signal, stderr, stdout } = await server.exited();
  assert.deepEqual([code, signal, stdout], [1, null, ''], stderr);
  assert.doesNotMatch(stderr, /\n {4}at /);
  return stderr;
}

async function change(bank: DurableBank, action: (store: Store) => void): Promise<void> {
  const store: Store = open({
    path: join(bank.data, '1', '0'),
    encoding: 'binary',
    keyEncoding: 'binary',
    compression: false,
    overlappingSync: false,
  });
  store.transactionSync(() => action(store));
  await store.close();
}

/** The beginning of the journal is not needed any more. */
async function hasReleased({ data }: DurableBank): Promise<boolean> {
  const store: Store = open({
    path: join(data, '1', '0'),
    keyEncoding: 'binary',
    encoding: 'binary',
    readOnly: true,
  });
  const isReleased = store.get(Buffer.from('N')) !== undefined;
  await store.close();
  return isReleased;
}

function entriesOf(store: Store, letter: string): { key: Buffer; value: Buffer }[] {
  const [start, end] = [Buffer.from(letter), Buffer.from([letter.charCodeAt(0) + 1])];
  return [...store.getRange({ start, end })].map(({ key, value }) => ({
    key: Buffer.from(key),
    value: Buffer.from(value),
  }));
}

/** Changes a byte in the middle of an entry's value, also where an older page has it. */
async function flipEntry(bank: DurableBank, letter: string, index: number): Promise<void> {
  let value = Buffer.alloc(0) as Buffer;
  await change(bank, (store) => {
    value = entriesOf(store, letter).at(index)?.value ?? assert.fail(`there is no entry ${letter}`);
  });
  const bytes = readFileSync(fileOf(bank));
  for (let at = bytes.indexOf(value); at >= 0; at = bytes.indexOf(value, at + 1)) {
    flip(bank, at + Math.floor(value.length / 2));
  }
}

describe('outcry serve > with one byte changed', () => {
  const newestMeta = (bytes: Buffer) =>
    bytes.readBigUInt64LE(TRANSACTION) > bytes.readBigUInt64LE(PAGE + TRANSACTION) ? 0 : PAGE;
  const rootOf = (bytes: Buffer, root: number) =>
    Number(bytes.readBigUInt64LE(newestMeta(bytes) + root)) * PAGE;
  const firstNode = (bytes: Buffer, page: number) => page + 24 + bytes.readUInt16LE(page + 24);
  const branchOf = (bytes: Buffer) => {
    const branch = rootOf(bytes, MAIN_ROOT);
    assert.equal(bytes.readUInt16LE(branch + 18), BRANCH);
    return branch;
  };
  const leafOf = (bytes: Buffer) => bytes.readUInt32LE(firstNode(bytes, branchOf(bytes))) * PAGE;
  const places: Record<string, (bytes: Buffer) => number> = {
    'the newest meta page': (bytes) => newestMeta(bytes) + TRANSACTION + 1,
    'the magic number of a meta page': () => 24,
    'the head of a branch page': (bytes) => branchOf(bytes) + 20,
    'an entry of a branch page': (bytes) => firstNode(bytes, branchOf(bytes)),
    'the head of a leaf page': (bytes) => leafOf(bytes) + 20,
    'an entry of a leaf page': (bytes) => firstNode(bytes, leafOf(bytes)) + 6,
    'the list of free pages': (bytes) => firstNode(bytes, rootOf(bytes, FREE_ROOT)) + 16 + 9,
  };
  for (const [what, offset] of Object.entries(places)) {
    test(`in ${what}: refuses, and says so`, async (t) => {
      const bank = await copyOf(t);
      flip(bank, offset(readFileSync(fileOf(bank))));
      assert.match((await refusalOf(bank)) ?? 'it started', DAMAGED);
    });
  }

  test('in the head of an overflow page: refuses, and says so', async (t) => {
    const bank = await copyOf(t);
    let largest = Buffer.alloc(0) as Buffer;
    await change(bank, (store) => {
      for (const { value } of entriesOf(store, 'J')) if (value.length > largest.length) largest = value;
    });
    assert.ok(largest.length > PAGE);
    // The value follows the head; its last word is the number of pages.
    flip(bank, readFileSync(fileOf(bank)).indexOf(largest) - 4);
    assert.match((await refusalOf(bank)) ?? 'it started', DAMAGED);
  });

  const records: [string, string, number, RegExp][] = [
    ['a batch in the middle of the journal', 'J', -20, /batch \d+: its checksum is wrong/],
    ['the last batch', 'J', -1, /batch \d+: its checksum is wrong/],
    ['a piece of a snapshot', 'P', 0, /checksum of piece 1 of the snapshot of \S+ is wrong/],
    ['the head of a snapshot', 'S', 0, /checksum of the snapshot of \S+ is wrong/],
    ['the format version', 'F', 0, /checksum of the format version is wrong/],
    ['the start of the journal', 'N', 0, /checksum of the start of the journal is wrong/],
  ];
  for (const [what, letter, index, reason] of records) {
    test(`in ${what}: refuses, and says so`, async (t) => {
      const bank = await copyOf(t);
      await flipEntry(bank, letter, index);
      const refusal = (await refusalOf(bank)) ?? 'it started';
      assert.match(refusal, reason);
      assert.match(refusal, DAMAGED);
    });
  }

  test('in a batch that is only kept as history: has the right balances', async (t) => {
    const bank = await copyOf(t);
    await flipEntry(bank, 'J', 0);
    assert.equal(await refusalOf(bank), undefined);
  });

  test('anywhere: refuses, or has the right balances', async (t) => {
    const random = new Random(fuzzSeed());
    const bank = await copyOf(t);
    let refused = 0;
    for (let i = 0; i < Number(flips); i++) {
      rmSync(bank.data, { recursive: true });
      cpSync(folder, bank.data, { recursive: true });
      const bytes = readFileSync(fileOf(bank));
      const pages = 1 + Math.max(...[0, PAGE].map((meta) => bytes.readUInt32LE(meta + LAST_PAGE)));
      // Half of them at the beginning of a page, where its structure is.
      const offset = random.below(pages) * PAGE + random.below(random.chance(0.5) ? 64 : PAGE);
      flip(bank, offset, 1 << random.below(8));
      const refusal = await refusalOf(bank);
      if (refusal === undefined) continue;
      assert.match(refusal, DAMAGED, `byte ${offset}`);
      refused++;
    }
    t.diagnostic(`${refused} of ${flips} refused`);
  });
});

describe('outcry serve > with a last batch that is torn', () => {
  const tears: Record<string, (value: Buffer) => Buffer> = {
    'of which the beginning is there': (value) => value.subarray(0, value.length - 12),
    'of which almost nothing is there': (value) => value.subarray(0, 3),
    'that ends in zeros': (value) => Buffer.concat([value.subarray(0, 20), Buffer.alloc(value.length - 20)]),
  };
  for (const [what, tear] of Object.entries(tears)) {
    test(`${what}: cuts it off, says so, and goes on`, async (t) => {
      const bank = await copyOf(t);
      await change(bank, (store) => {
        const { key, value } = entriesOf(store, 'J').at(-1) ?? assert.fail('there is no journal');
        store.putSync(key, tear(value));
      });
      const server = await bank.start(FLAGS);
      assert.match(server.stderr, /the last batch, \d+, was torn, and is cut off/);
      assert.equal(await bank.report(server), expectedBeforeLast);
      await send(bank.port, ['Last credit $5.00\n']);
      await until('the line counts', async () => (await bank.report(server)) === expected);
      await kill(server);
      assert.equal(await refusalOf(bank), undefined);
    });
  }
});

describe('outcry serve > refuses', () => {
  const ofVersion = (value: Buffer, version: number) => {
    const batch = Buffer.from(value);
    batch.writeUInt32LE(version, 4);
    batch.writeUInt32LE(crc32(batch.subarray(4, -8)), 0);
    return batch;
  };
  const sealed = (body: Buffer) => {
    const crc = Buffer.alloc(4);
    crc.writeUInt32LE(crc32(body));
    return Buffer.concat([crc, body]);
  };
  for (const [version, age] of [
    [0, 'an older'],
    [2, 'a newer'],
  ] as const) {
    const reason = new RegExp(
      `of format ${version}, written by ${age} Outcry; .*Export it with the version that`,
    );
    test(`stored data of version ${version}`, async (t) => {
      const bank = await copyOf(t);
      await change(bank, (store) => store.putSync(Buffer.from('F'), sealed(packr.pack(version))));
      assert.match((await refusalOf(bank)) ?? 'it started', reason);
    });

    test(`a batch of version ${version}`, async (t) => {
      const bank = await copyOf(t);
      await change(bank, (store) => {
        const { key, value } = entriesOf(store, 'J').at(-3) ?? assert.fail('there is no journal');
        store.putSync(key, ofVersion(value, version));
      });
      assert.match((await refusalOf(bank)) ?? 'it started', reason);
    });
  }

  test('a snapshot whose journal is gone', async (t) => {
    const bank = await copyOf(t);
    await change(bank, (store) => {
      for (const { key } of entriesOf(store, 'J')) store.removeSync(key);
    });
    const refusal = (await refusalOf(bank)) ?? 'it started';
    assert.match(refusal, /the journal should have the batches from \d+ to \d+, but it has none/);
    assert.match(refusal, DAMAGED);
  });

  test('a journal of which a batch in the middle is missing', async (t) => {
    const bank = await copyOf(t);
    await change(bank, (store) => {
      const { key } = entriesOf(store, 'J').at(-20) ?? assert.fail('there is no journal');
      store.removeSync(key);
    });
    const refusal = (await refusalOf(bank)) ?? 'it started';
    assert.match(refusal, /batch \d+ is missing in the journal/);
    assert.match(refusal, DAMAGED);
  });
});
