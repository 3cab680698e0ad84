import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { Statement, StatementEntry } from '../../../src/protocol/data-jobs.ts';
import { MINOR_UNITS_MAX } from '../../../src/values/money.ts';
import { readStatement } from '../../../workers/ledger/read-statement.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { namesOf, type Posted, StoredBank, temporaryFolder } from '../../support/stored-bank.ts';

interface Asked {
  readonly last?: number;
  readonly at?: number;
}

function statementOf(bank: StoredBank, name: string, { last = 1000, at }: Asked = {}): Promise<Statement> {
  const { hosts } = bank;
  return readStatement({
    type: 'statement',
    hosts,
    isExamined: true,
    name: Buffer.from(name, 'latin1'),
    last,
    at,
  });
}

function entryOf({ position, timeMs, cents, balance }: Posted): StatementEntry {
  return { position, timeMs, cents, balance };
}

function bankOf(t: TestContext, hosts: number): StoredBank {
  return new StoredBank(temporaryFolder(t), hosts);
}

describe('readStatement', () => {
  for (const isTrimmed of [false, true]) {
    test(`gives what was posted, now and at any kept position (history ${isTrimmed ? 'trimmed' : 'whole'})`, async (t) => {
      const bank = bankOf(t, 2);
      const random = new Random(7);
      // New accounts come behind the snapshot too.
      const names = namesOf(random, 50);
      for (let i = 0; i < 80; i++) bank.turn(random, names.slice(0, 20));
      bank.snapshot({ keepBytes: isTrimmed ? 4000 : Number.POSITIVE_INFINITY });
      for (let i = 0; i < 40; i++) bank.turn(random, names);
      let checked = 0;
      for (const [name, postings] of bank.postings) {
        const { firstKept, entries, balance, shard } = await statementOf(bank, name);
        assert.equal(shard, bank.shardOf(name));
        assert.equal(firstKept > 1, isTrimmed);
        const kept = postings.filter(({ position }) => position >= firstKept);
        assert.deepEqual(entries, kept.map(entryOf), name);
        assert.equal(balance, postings.at(-1)?.balance);
        for (const { position } of kept) {
          for (const at of [position, position - 1]) {
            const before = postings.filter((posting) => posting.position <= at);
            const last = before.at(-1);
            if (last === undefined || at < firstKept) continue;
            checked++;
            const then = await statementOf(bank, name, { at, last: 3 });
            assert.equal(then.balance, last.balance, `${name} at ${at}`);
            const listed = before.filter((posting) => posting.position >= firstKept).slice(-3);
            assert.deepEqual(then.entries, listed.map(entryOf));
          }
        }
      }
      assert.ok(checked > 50);
      await bank.close();
    });
  }

  test('is exact where the sums on the way are beyond the exact numbers', async (t) => {
    const bank = bankOf(t, 1);
    bank.post('Marc', MINOR_UNITS_MAX);
    bank.store();
    bank.snapshot({ keepBytes: 0 });
    bank.post('Marc', -MINOR_UNITS_MAX);
    bank.post('Marc', -MINOR_UNITS_MAX);
    bank.post('Marc', 1);
    bank.store();
    bank.snapshot();
    const positions = bank.postings.get('Marc') ?? [];
    for (const { position, balance } of positions) {
      assert.equal((await statementOf(bank, 'Marc', { at: position })).balance, balance);
    }
    await bank.close();
  });

  test('refuses names and positions that are not there, and says where the journal begins', async (t) => {
    const bank = bankOf(t, 1);
    const random = new Random(1);
    bank.post('Marc', 5);
    bank.store();
    await assert.rejects(statementOf(bank, 'Nobody'), { code: 'ERR_STATEMENT_ACCOUNT' });
    await assert.rejects(statementOf(bank, 'Marc', { at: 0 }), {
      code: 'ERR_STATEMENT_ACCOUNT',
      message: `there is no account "Marc" at position 0 of ${bank.shardOf('Marc')}: it was opened at 1`,
    });
    await assert.rejects(statementOf(bank, 'Marc', { at: 3 }), {
      code: 'ERR_STATEMENT_POSITION',
      message: `${bank.shardOf('Marc')} has no position 3: its last position is 2`,
    });
    for (let i = 0; i < 30; i++) {
      bank.post('Marc', random.below(100));
      bank.store();
    }
    bank.snapshot({ keepBytes: 500 });
    const { firstKept } = await statementOf(bank, 'Marc');
    assert.ok(firstKept > 10);
    assert.equal((await statementOf(bank, 'Marc', { at: firstKept - 1 })).entries.length, 0);
    await assert.rejects(statementOf(bank, 'Marc', { at: firstKept - 2 }), {
      code: 'ERR_STATEMENT_POSITION',
      message: `${bank.shardOf('Marc')} has no position ${firstKept - 2}: its first position that is kept is ${firstKept}`,
    });
    await bank.close();
  });

  test('finds nobody where nothing was stored', async (t) => {
    const folder = temporaryFolder(t);
    const hosts = [{ folder, index: 0, count: 1, isMade: false, isInUse: false }];
    const job = {
      type: 'statement',
      hosts,
      isExamined: false,
      name: Buffer.from('Marc'),
      last: 1,
      at: undefined,
    } as const;
    await assert.rejects(readStatement(job), { code: 'ERR_STATEMENT_ACCOUNT' });
  });
});
