/** Folders in which a durable bank can not keep its data. RACES says how often two servers race for one. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { send } from '../support/bank-client.ts';
import { DurableBank, kill } from '../support/durable-bank.ts';
import { until } from '../support/until.ts';

const { RACES: races = '3' } = process.env;
const IS_ROOT = process.getuid?.() === 0;

/** The server ends at once, with one line that says why. */
async function isRefused(bank: DurableBank, data: string, reason: RegExp): Promise<void> {
  const { code, stdout, stderr } = await bank.spawn(['--data', data]).exited();
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, reason);
  assert.match(stderr, /^outcry: .+\n$/);
}

describe('outcry serve > refuses as its data folder', () => {
  test('a file, and what would be below one', async (t) => {
    const bank = await DurableBank.create(t);
    const file = join(bank.folder, 'file');
    writeFileSync(file, 'mine');
    await isRefused(bank, file, /can't use the data folder \S+\/file: ENOTDIR.*name another with --data/);
    await isRefused(bank, join(file, 'sub'), /can't use the data folder \S+\/file\/sub: ENOTDIR/);
    assert.equal(readFileSync(file, 'utf8'), 'mine');
  });

  for (const path of ['/proc/outcry', '/sys/outcry/data']) {
    test(`${path}, where nobody can make a folder`, async (t) => {
      const bank = await DurableBank.create(t);
      await isRefused(
        bank,
        path,
        /can't use the data folder \/(proc|sys)\/outcry.*E[A-Z]+: .*Make it writable/,
      );
    });
  }

  test('one that it may not write to', { skip: IS_ROOT && 'root may write anywhere' }, async (t) => {
    const bank = await DurableBank.create(t);
    const folder = join(bank.folder, 'read-only');
    mkdirSync(folder, { mode: 0o500 });
    await isRefused(bank, folder, /can't use the data folder \S+: EACCES.*Make it writable/);
    chmodSync(folder, 0o700);
  });

  test('one with something else in it, and leaves that as it is', async (t) => {
    const bank = await DurableBank.create(t);
    mkdirSync(bank.data);
    writeFileSync(join(bank.data, 'notes.txt'), 'mine');
    await isRefused(
      bank,
      bank.data,
      /is no data folder: it holds notes\.txt, but no outcry\.json\. Name an empty/,
    );
    assert.deepEqual(readdirSync(bank.data), ['notes.txt']);
  });

  for (const [what, manifest, reason] of [
    [
      'a newer Outcry',
      '{"version":2,"generation":1,"hosts":1}',
      /version 2, written by a newer Outcry.*Export it/,
    ],
    ['an older Outcry', '{"version":0,"generation":1,"hosts":1}', /version 0, written by an older Outcry/],
    [
      'nobody: half an outcry.json',
      '{"version":1,"gen',
      /outcry\.json is damaged: .*Put a copy back that is sound/,
    ],
    [
      'nobody: a wrong outcry.json',
      '{"version":1,"hosts":-1}',
      /outcry\.json is damaged: it says \{"version"/,
    ],
  ] as const) {
    test(`one of ${what}`, async (t) => {
      const bank = await DurableBank.create(t);
      mkdirSync(bank.data);
      writeFileSync(join(bank.data, 'outcry.json'), manifest);
      await isRefused(bank, bank.data, reason);
      assert.equal(readFileSync(join(bank.data, 'outcry.json'), 'utf8'), manifest);
    });
  }
});

describe('outcry serve > on a folder that another server uses', () => {
  test('names that, and is let in as soon as that is killed', async (t) => {
    const bank = await DurableBank.create(t);
    const first = await bank.start();
    await send(bank.port, ['Marc credit $2\n']);
    await until('the line is there', async () => (await bank.report(first)) === 'Marc $2.00\n');
    const reason = new RegExp(`${bank.data} is in use by process ${first.pid}; end that, or name another`);
    await isRefused(bank, bank.data, reason);
    await kill(first);
    assert.equal(await bank.report(await bank.start()), 'Marc $2.00\n');
  });

  test('one of two that start at once wins', async (t) => {
    for (let i = 0; i < Number(races); i++) await raceOnce(t);
  });
});

async function raceOnce(t: TestContext): Promise<void> {
  const bank = await DurableBank.create(t);
  // Each with a port of its own: it is the folder that they race for.
  const servers = [bank.spawn(['--bank-port', '0']), bank.spawn(['--bank-port', '0'])];
  const isUp = ({ stdout }: { stdout: string }) => stdout.includes('Everything is kept in ');
  const isOut = ({ stderr }: { stderr: string }) => / is in use by process \d+; /.test(stderr);
  await until('both have come to an end', () => servers.every((server) => isUp(server) || isOut(server)));
  assert.deepEqual(servers.map(isUp).sort(), [false, true]);
  for (const server of servers) {
    if (isUp(server)) assert.equal((await server.interrupted()).code, 0);
    else assert.equal((await server.exited()).code, 1);
  }
}
