import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Client, connect } from '../../../clients/index.ts';
import { createServer, type OutcryServer } from '../../../src/create-server.ts';
import { parseGoldFile } from '../../../src/protocol/gold-file.ts';
import { until } from '../../support/until.ts';
import { type Ended, MAIN_FILE, runOutcry, startOutcry, waitForEnd } from './outcry-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'outcry-gold-'));
let server: OutcryServer;
let operator: Client;

before(async () => {
  server = await createServer({ settings: { users: { sign_in_services: 'none' } } });
  operator = await connect({ port: server.port('api'), token: server.operatorToken });
});
after(async () => {
  await operator.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

function load(...words: readonly string[]): Promise<Ended> {
  const { operatorToken: OUTCRY_ADMIN_TOKEN } = server;
  const child = startOutcry(
    ['gold', 'import', '--port', String(server.port('api')), ...words],
    MAIN_FILE,
    { OUTCRY_ADMIN_TOKEN },
    folder,
  );
  child.stdin.end();
  return waitForEnd(child);
}

/** An entry of `golds`, with made-up prices. */
function entry(date: string, time: string, thousands: number) {
  const price = {
    buy: `${thousands.toLocaleString('en-US')}.00`,
    sell: `${(thousands + 2000).toLocaleString('en-US')}.00`,
  };
  const row = { ...price, company: 'SJC', brand: 'Hồ Chí Minh', day: date.replaceAll('-', ''), type: 'SJC' };
  return {
    updated: `${date} ${time}`,
    value: [{ ...row, updated: `${date} ${time}`, id: '1', code: 'sjc' }],
  };
}

function file(name: string, content: unknown): string {
  writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  return name;
}

describe('outcry gold import', () => {
  test("loads the course's file, and knows it the next time", async () => {
    const name = file('data.json', {
      golds: [
        entry('2025-01-02', '09:00:00', 82_500),
        entry('2025-01-02', '09:30:00', 82_600),
        entry('2025-01-03', '09:00:00', 82_700),
      ],
    });
    const first = await load(name);
    assert.deepEqual(
      [first.exitCode, first.stdout, first.stderr],
      [0, 'data.json: 2 days, 3 rows imported\n', ''],
    );
    const second = await load(name);
    assert.deepEqual(
      [second.exitCode, second.stdout],
      [0, 'data.json: 2 days, 0 rows imported; 3 refreshes were known\n'],
    );
    const { rows, source } = await operator.gold.lookUp('2025-01-02', 'sjc');
    assert.deepEqual([source, rows[0]?.sellVnd], ['import', 84_600_000]);
  });

  test('goes on behind a file that is wrong, says where, and exits 1', async () => {
    file('broken.json', '{"golds":[');
    file('shape.json', { golds: [{ updated: '2025-01-02 09:00:00', value: [{ buy: '1' }] }] });
    file('2025-02-01.json', { golds: [entry('2025-02-01', '09:00:00', 83_000)] });
    const { exitCode, stdout, stderr } = await load(
      'none.json',
      'broken.json',
      'shape.json',
      '2025-02-01.json',
    );
    assert.deepEqual([exitCode, stdout], [1, '2025-02-01.json: 1 day, 1 row imported\n']);
    assert.deepEqual(stderr.split('\n'), [
      'outcry: none.json: there is no such file',
      'outcry: broken.json: it is not JSON',
      'outcry: shape.json: golds[0].value[0].sell is missing',
      '',
    ]);
  });

  test('takes the day from the name of the file where nothing else says it', async () => {
    const [row] = entry('2025-03-01', '09:00:00', 83_500).value;
    file('2025-03-01.json', { golds: [{ value: [{ ...row, day: '', updated: '' }] }] });
    assert.equal((await load('2025-03-01.json')).exitCode, 0);
    assert.equal((await operator.gold.lookUp('2025-03-01', 'SJC')).rows[0]?.buyVnd, 83_500_000);
  });

  test('has one JSON document for all files', async () => {
    const name = file('more.json', { golds: [entry('2025-01-04', '09:00:00', 82_900)] });
    const { exitCode, stdout, stderr } = await load(name, 'none.json', '--json');
    assert.deepEqual([exitCode, stderr], [1, '']);
    assert.deepEqual(JSON.parse(stdout), {
      files: [
        { file: 'more.json', days: 1, refreshes: 1, rows: 1, known: 0 },
        { file: 'none.json', error: 'none.json: there is no such file' },
      ],
    });
  });

  test('loads what another server has written', async () => {
    const data = join(folder, 'data');
    await using other = await createServer({ store: { folder: data } });
    await using client = await connect({ port: other.port('api'), token: other.operatorToken });
    await client.gold.import(
      parseGoldFile(JSON.stringify({ golds: [entry('2025-05-01', '09:00:00', 84_000)] })),
    );
    const path = join(data, 'gold', '2025-05-01.json');
    await until('it is written', () => existsSync(path));
    const { stdout } = await load(path);
    assert.equal(stdout, `${path}: 1 day, 1 row imported\n`);
    assert.equal((await operator.gold.lookUp('2025-05-01', 'SJC')).rows[0]?.sell, '86,000.00');
  });

  test('refuses what it does not understand, and a server that is not there', async () => {
    for (const words of [[], ['--colour', 'data.json'], ['data.json', '--port', 'x']]) {
      const { exitCode, stdout, stderr } = await runOutcry(['gold', 'import', ...words]);
      assert.deepEqual([exitCode, stdout], [2, ''], words.join(' '));
      assert.match(stderr, /^outcry: [^\n]+\n$/);
    }
    const { exitCode, stderr } = await runOutcry([
      'gold',
      'import',
      'data.json',
      '--port',
      '1',
      '--token',
      'x',
    ]);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^outcry: nobody listens on 127\.0\.0\.1:1; /);
  });

  test('is explained with examples, for a screen of 80 columns', async () => {
    const { exitCode, stdout } = await runOutcry(['gold', 'import', '--help']);
    assert.equal(exitCode, 0);
    assert.match(stdout, /\nExamples:\n {2}outcry gold import .*\n(?: {2}.*\n)+\n$/);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
  });
});
