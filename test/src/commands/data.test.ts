import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { formatCount } from '../../../src/values/readable.ts';
import { send } from '../../support/bank-client.ts';
import { OUTCRY, runOutcry, type ServerProcess, startOutcry } from '../../support/server-process.ts';
import { temporaryFolder } from '../../support/stored-bank.ts';
import { until } from '../../support/until.ts';

/** Small snapshots, so that there are some. */
const FLAGS = ['--server-hosts', '2', '--bank-port', '0', '--data-snapshot-bytes', '20000'];

function serve(t: TestContext, data: string, flags: readonly string[] = []): Promise<ServerProcess> {
  const server = startOutcry(t, ['serve', '--data', data, ...FLAGS, ...flags]);
  return server.listening(/^bank +127\.0\.0\.1:(\d+)/m);
}

function data(t: TestContext, ...args: readonly string[]) {
  return runOutcry(t, ['data', ...args]);
}

function lines(count: number, name = 'Marc'): string {
  return Array.from({ length: count }, (_, i) => `${name}${i % 7} credit $${i % 50}.05\n`).join('');
}

/** A folder that a server has written, and ended in order. */
async function written(t: TestContext): Promise<string> {
  const folder = join(temporaryFolder(t), 'data');
  const server = await serve(t, folder);
  for (let i = 0; i < 10; i++)
    await send(server.port, [lines(1000), 'nonsense\n', 'caf\u00e9 debit $1.50\n']);
  assert.equal((await server.interrupted()).code, 0);
  return folder;
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
}

describe('outcry data', () => {
  test('verifies, counts, exports and reads what a server has written, and changes nothing', async (t) => {
    const folder = await written(t);
    const before = [filesIn(folder), readFileSync(join(folder, '1/0/data.mdb'))];
    const verified = await data(t, 'verify', folder);
    assert.deepEqual([verified.code, verified.stderr], [0, ''], verified.stdout);
    assert.match(verified.stdout, /^host .*verdict\n0 .* sound\n1 .* sound\n$/);
    const counted = await data(t, 'stats', folder);
    assert.equal(counted.code, 0);
    assert.match(counted.stdout, /^transactions +10,010, of which 10,010 are kept$/m);
    assert.match(counted.stdout, /^accounts +8$/m);
    assert.match(counted.stdout, /^keys +0 remembered$/m);
    assert.match(counted.stdout, /^discarded +10 \(not-three-fields 10\)$/m);
    assert.ok(counted.stdout.split('\n').every((line) => line.length <= 80 || line.startsWith('folder')));
    const statement = await data(t, 'statement', 'café', '--data', folder, '--last', '2');
    assert.equal(statement.code, 0);
    assert.match(
      statement.stdout,
      /^time .*\n.* \$-1\.50 +\$-13\.50\n.* \$-1\.50 +\$-15\.00\ncafé \$-15\.00 after position \d+ of ledger\/\d+\n$/,
    );
    const exported = await data(t, 'export', folder);
    assert.equal(exported.code, 0);
    assert.match(exported.stdout, /^\{"outcry":1\}\n/);
    assert.equal(exported.stdout.match(/"type":"posting"/g)?.length, 10_010);
    assert.deepEqual([filesIn(folder), readFileSync(join(folder, '1/0/data.mdb'))], before);
  });

  test('gives another folder the same lines and balances', async (t) => {
    const folder = await written(t);
    const place = temporaryFolder(t);
    const [file, again] = [join(place, 'export.jsonl'), join(place, 'again')];
    assert.equal((await data(t, 'export', folder, '--out', file)).code, 0);
    assert.equal(statSync(file).mode & 0o777, 0o600, 'others do not read it');
    const done = await data(t, 'import', again, file, '--hosts', '2');
    assert.deepEqual([done.code, done.stderr], [0, '']);
    const events = readFileSync(file, 'utf8').match(/^\{"actor":.*"event":/gm)?.length ?? 0;
    assert.ok(events > 10_028, 'those of the bank, and those of the connections that it had');
    assert.ok(done.stdout.startsWith(`${formatCount(events)} events are in `), done.stdout);
    assert.equal((await data(t, 'export', again)).stdout, readFileSync(file, 'utf8'));
    const server = await serve(t, again, ['--server-hosts', '3']);
    server.signal('SIGUSR1');
    await until('the report is written', () => server.report() !== undefined);
    assert.match(server.report() ?? '', /^Marc0 \$\d/m);
    await server.interrupted();
    const [a, b] = await Promise.all(
      [folder, again].map((each) => data(t, 'statement', 'Marc3', '--data', each)),
    );
    assert.equal(a?.stdout, b?.stdout);
  });

  test('reads the folder of a server that is running, and finds nothing wrong while it writes', async (t) => {
    const folder = join(temporaryFolder(t), 'data');
    const server = await serve(t, folder, ['--data-history-bytes', '50000']);
    let isDone = false;
    const sending = (async () => {
      for (let i = 0; !isDone; i++) {
        await send(server.port, [lines(500, `n${i % 3}x`)]);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    await until('something is stored', () => existsSync(join(folder, '1/1/data.mdb')));
    try {
      for (let i = 0; i < 2; i++) {
        const verified = await data(t, 'verify', folder);
        assert.deepEqual([verified.code, verified.stderr], [0, ''], verified.stdout);
        const counted = await data(t, 'stats', folder);
        assert.match(counted.stdout, new RegExp(`in use by process ${server.pid}$`, 'm'));
        const exported = await data(t, 'export', folder);
        if (exported.code === 0) assert.match(exported.stdout, /\{"end":\d+\}\n$/);
        else assert.match(exported.stderr, /the server has removed batch/);
      }
    } finally {
      isDone = true;
      await sending;
    }
    await send(server.port, ['Zoe credit $5\n']);
    await until('the line is durable', async () => {
      return (await data(t, 'statement', 'Zoe', '--data', folder)).stdout.includes(
        'Zoe $5.00 after position',
      );
    });
    assert.equal((await server.interrupted()).code, 0);
    const verified = await data(t, 'verify', folder);
    assert.equal(verified.code, 0, verified.stdout);
  });

  test('says where a folder is damaged, and exits 1', async (t) => {
    const folder = await written(t);
    const file = join(folder, '1/1/data.mdb');
    const bytes = readFileSync(file);
    const at = bytes.indexOf('nonsense');
    assert.equal(at, -1);
    // Also where nothing is any more.
    for (let batch = bytes.indexOf('ledger/'); batch >= 0; batch = bytes.indexOf('ledger/', batch + 1)) {
      bytes.writeUInt8(bytes.readUInt8(batch + 12) ^ 0x10, batch + 12);
    }
    writeFileSync(file, bytes);
    const { code, stdout } = await data(t, 'verify', folder);
    assert.equal(code, 1, stdout);
    assert.match(stdout, /^1 .* damaged$/m);
    assert.ok(stdout.includes(`\n${file}\n  `), stdout);
  });

  test('imports into an empty or a new folder only, whole or not at all', async (t) => {
    const place = temporaryFolder(t);
    const file = join(place, 'wrong.jsonl');
    writeFileSync(file, '{"outcry":1}\n{"end":3}\n');
    const wrong = await data(t, 'import', join(place, 'new'), file);
    assert.deepEqual([wrong.code, existsSync(join(place, 'new'))], [1, false]);
    assert.match(wrong.stderr, /^outcry: line 2: there should be 3 lines/);
    writeFileSync(file, '{"outcry":1}\n{"end":0}\n');
    const full = await data(t, 'import', place, file);
    assert.equal(full.code, 1);
    assert.match(full.stderr, /holds wrong\.jsonl: name an empty or a new folder/);
    mkdirSync(join(place, 'empty'));
    assert.equal((await data(t, 'import', join(place, 'empty'), file)).code, 0);
    assert.equal((await data(t, 'verify', join(place, 'empty'))).code, 0);
    assert.equal((await data(t, 'import', join(place, 'empty'), file)).code, 1);
    const gone = await data(t, 'import', join(place, 'gone'), join(place, 'no-file'));
    assert.equal(gone.code, 1);
    assert.match(gone.stderr, /can't read .*no-file: ENOENT/);
  });

  test('imports from standard input, and gives up at the first wrong line though more may come', async (t) => {
    const folder = join(temporaryFolder(t), 'new');
    const child = spawn(process.execPath, [OUTCRY, 'data', 'import', folder], {
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    child.stdin.write('{"outcry":1}\nMarc\n');
    const [code] = await once(child, 'exit');
    assert.deepEqual([code, existsSync(folder)], [1, false]);
  });

  test('ends without a word when nobody reads its export any more', async (t) => {
    const folder = await written(t);
    const child = spawn(process.execPath, [OUTCRY, 'data', 'export', folder], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let errors = '';
    child.stderr.on('data', (text) => {
      errors += text;
    });
    await once(child.stdout, 'data');
    child.stdout.destroy();
    const [code] = await once(child, 'exit');
    assert.deepEqual([code, errors], [0, '']);
  });

  test('says what it can not do', async (t) => {
    const place = temporaryFolder(t);
    const none = await data(t, 'verify', place);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /is no data folder/);
    for (const words of [
      ['verify', 'a', 'b'],
      ['stats', '--what'],
      ['import'],
      ['import', 'a', 'b', 'c'],
      ['import', 'a', '--hosts', '0'],
      ['statement'],
      ['statement', 'Marc', '--last', '0'],
      ['statement', 'Marc', '--at', 'noon'],
    ]) {
      const { code, stderr } = await data(t, ...words);
      assert.equal(code, 2, `${words.join(' ')}: ${stderr}`);
      assert.match(stderr, /^outcry: /);
    }
    const full = await data(t, 'export', place, '--out', join(place, 'no', 'file'));
    assert.equal(full.code, 1);
    assert.ok(statSync(place).isDirectory());
  });
});
