import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { DataFolder, manifestText, viewFolder } from '../../src/data-folder.ts';

const MODULE = new URL('../../src/data-folder.js', import.meta.url).href;

describe('DataFolder', () => {
  let parent: string;
  let path: string;

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'outcry-data-'));
    path = join(parent, 'data');
  });
  afterEach(() => rmSync(parent, { recursive: true }));

  /** Opens it as a server would; what redistributing would do is written down. */
  async function open(hosts: number): Promise<{ folder: DataFolder; moves: string[][] }> {
    const moves: string[][] = [];
    const folder = await DataFolder.open(path, hosts, async (from, to) => {
      moves.push([...from], [...to]);
      for (const each of to) mkdirSync(each, { recursive: true });
    });
    return { folder, moves };
  }

  /** A process that opens the folder, says how that went, and stays until it is killed. */
  async function openElsewhere(): Promise<{ said: string; kill: () => Promise<unknown> }> {
    const script = `
      import { DataFolder } from ${JSON.stringify(MODULE)};
      try { await DataFolder.open(${JSON.stringify(path)}, 1, () => {}); console.log('open'); }
      catch (error) { console.log(error.code, error.message); }
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
    const [said] = await once(child.stdout.setEncoding('utf8'), 'data');
    const kill = () => {
      child.kill('SIGKILL');
      return once(child, 'close');
    };
    return { said, kill };
  }

  test('is made if it is not there, with an environment for each host', async () => {
    const { folder, moves } = await open(2);
    const manifest = { version: 1, generation: 1, hosts: 2, isComplete: false };
    assert.equal(readFileSync(join(path, 'outcry.json'), 'utf8'), manifestText(manifest));
    assert.deepEqual(viewFolder(path).hostFolders, [folder.hostFolder(0), folder.hostFolder(1)]);
    assert.equal(statSync(path).mode & 0o777, 0o700, 'others do not read it');
    assert.deepEqual(moves, []);
    await folder.close();
  });

  test('makes another generation for another number of hosts, and only then forgets the one before', async () => {
    const { folder } = await open(1);
    const before = folder.hostFolder(0);
    mkdirSync(before, { recursive: true });
    await folder.complete();
    await folder.close();
    await assert.rejects(
      DataFolder.open(path, 3, async () => {
        throw new Error('the disk is full');
      }),
      /the disk is full/,
    );
    assert.deepEqual(viewFolder(path).hostFolders, [before]);
    const { folder: next, moves } = await open(3);
    assert.ok(existsSync(before));
    await next.complete();
    assert.deepEqual(moves, [[before], [0, 1, 2].map((host) => next.hostFolder(host))]);
    assert.deepEqual([existsSync(before), viewFolder(path).hostFolders.length], [false, 3]);
    await next.close();
    const { folder: same, moves: none } = await open(3);
    assert.deepEqual(none, []);
    await same.close();
  });

  test('is had by one process at a time, and free as soon as that is killed', async () => {
    const holder = await openElsewhere();
    assert.equal(holder.said, 'open\n');
    await assert.rejects(open(1), { code: 'ERR_DATA_IN_USE', message: /is in use by process \d+; end that/ });
    const second = await openElsewhere();
    assert.match(second.said, /^ERR_DATA_IN_USE/);
    await second.kill();
    await holder.kill();
    const { folder } = await open(1);
    assert.match((await openElsewhere().then(({ said, kill }) => kill().then(() => said))) ?? '', /IN_USE/);
    await folder.close();
  });

  test('is had once in a process, by whatever name', async () => {
    const { folder } = await open(1);
    await assert.rejects(open(1), { code: 'ERR_DATA_IN_USE' });
    const alias = join(parent, 'alias');
    symlinkSync(path, alias);
    await assert.rejects(
      DataFolder.open(alias, 1, async () => {}),
      { code: 'ERR_DATA_IN_USE' },
    );
    await folder.close();
    const { folder: again } = await open(1);
    await again.close();
  });

  test('is not made of a folder that holds something else', async () => {
    mkdirSync(path);
    writeFileSync(join(path, 'thesis.txt'), 'do not touch');
    await assert.rejects(open(1), {
      code: 'ERR_DATA_FOLDER',
      message: /is no data folder: it holds thesis\.txt, but no outcry\.json/,
    });
    assert.equal(readFileSync(join(path, 'thesis.txt'), 'utf8'), 'do not touch');
  });

  test('can not be made below a file', async () => {
    writeFileSync(path, '');
    path = join(path, 'data');
    await assert.rejects(open(1), {
      code: 'ERR_DATA_FOLDER',
      message: /can't use the data folder .*with --data/,
    });
  });

  test('does not touch what others have put beside it', async () => {
    const { folder } = await open(1);
    mkdirSync(join(path, '2024'));
    await folder.complete();
    await folder.close();
    assert.ok(existsSync(join(path, '2024')));
  });

  test('that a server which was killed has begun is taken up', async () => {
    mkdirSync(path);
    writeFileSync(join(path, 'outcry.json.tmp'), '{"vers');
    await (await open(1)).folder.close();
  });

  test('of another version is refused with what to do', async () => {
    await (await open(1)).folder.close();
    writeFileSync(
      join(path, 'outcry.json'),
      manifestText({ version: 2, generation: 1, hosts: 1, isComplete: true }),
    );
    await assert.rejects(open(1), {
      code: 'ERR_DATA_FORMAT',
      message: /version 2, written by a newer Outcry/,
    });
  });

  test('whose outcry.json has any bit changed is refused, and nothing is removed', async () => {
    const { folder } = await open(2);
    mkdirSync(folder.hostFolder(0), { recursive: true });
    await folder.complete();
    await folder.close();
    const file = join(path, 'outcry.json');
    const sound = readFileSync(file);
    for (let bit = 0; bit < (sound.length - 1) * 8; bit++) {
      const changed = Buffer.from(sound);
      (changed[bit >> 3] as number) ^= 1 << (bit & 7);
      writeFileSync(file, changed);
      await assert.rejects(open(2), { code: /^ERR_DATA_(DAMAGED|FORMAT)$/ }, changed.toString());
    }
    for (const text of ['', 'null', '[]', '{"version":1,"gen']) {
      writeFileSync(file, text);
      await assert.rejects(open(2), {
        code: 'ERR_DATA_DAMAGED',
        message: /outcry\.json is damaged: .*sound/,
      });
    }
    assert.ok(existsSync(folder.hostFolder(0)));
    writeFileSync(file, sound);
    await (await open(2)).folder.close();
  });
});
