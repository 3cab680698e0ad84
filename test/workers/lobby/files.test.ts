import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { type DeskAnswers, FILES_LISTED, type FileCommand } from '../../../src/protocol/desk.ts';
import { OutcryError } from '../../../src/values/errors.ts';
import { runFileCommand } from '../../../workers/lobby/files.ts';
import { temporaryFolder } from '../../support/stored-bank.ts';

type Run = <C extends FileCommand>(command: C) => Promise<DeskAnswers[C['type']]>;

const BYTES_MAX = 3_000_000;

interface Served {
  readonly folder: string;
  readonly run: Run;
}

/** A folder with a secret beside it. */
function serve(t: TestContext, files: Readonly<Record<string, string | Uint8Array>> = {}): Served {
  const parent = temporaryFolder(t);
  writeFileSync(join(parent, 'secret'), 'secret');
  const folder = join(parent, 'files');
  mkdirSync(folder);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return { folder, run: runIn(folder) };
}

function runIn(folder: string): Run {
  return <C extends FileCommand>(command: C) =>
    runFileCommand({ type: 'file', folder, bytesMax: BYTES_MAX, command }) as Promise<DeskAnswers[C['type']]>;
}

/** The code that it fails with. */
async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return error instanceof OutcryError ? error.code : String(error);
  }
  return 'it is done';
}

function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Puts a file whole. */
async function put(run: Run, name: string, content: string): Promise<unknown> {
  const size = Buffer.byteLength(content);
  const part = await run({ type: 'begin-put', name, size });
  await run({ type: 'append-put', part, bytes: Buffer.from(content) });
  return run({ type: 'finish-put', part, name, size });
}

describe('the list of served files', () => {
  test('has the regular files in order, and nothing else', async (t) => {
    const { folder, run } = serve(t, { b: 'bb', a: 'a', 'ä ö.txt': '', '.hidden': 'x', 'c\x07': 'x' });
    mkdirSync(join(folder, 'folder'));
    symlinkSync(join(folder, 'a'), join(folder, 'link'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const files = await run({ type: 'list-files' });
    assert.deepEqual(
      files.map(({ name, size }) => [name, size]),
      [
        ['a', 1],
        ['b', 2],
        ['ä ö.txt', 0],
      ],
    );
    assert.ok(files.every(({ modifiedMs }) => modifiedMs > 0));
  });

  test('is empty without a folder', async (t) => {
    const run = runIn(join(temporaryFolder(t), 'none'));
    assert.deepEqual(await run({ type: 'list-files' }), []);
    assert.equal(await codeOf(run({ type: 'open-file', name: 'a' })), 'ERR_FILE_MISSING');
    assert.equal(await run({ type: 'clear-parts' }), null);
  });

  test('has the first thousand', async (t) => {
    const names = Array.from({ length: FILES_LISTED + 1 }, (_, i) => String(i).padStart(5, '0'));
    const { run } = serve(t, Object.fromEntries(names.map((name) => [name, ''])));
    const files = await run({ type: 'list-files' });
    assert.deepEqual(
      files.map(({ name }) => name),
      names.slice(0, FILES_LISTED),
    );
    assert.equal((await run({ type: 'open-file', name: names.at(-1) ?? '' })).size, 0);
  });
});

describe('a served file', () => {
  test('is read in pieces, as it was described', async (t) => {
    const content = Buffer.alloc(2_500_000, 'outcry');
    const { run } = serve(t, { a: content, empty: '' });
    const file = await run({ type: 'open-file', name: 'a' });
    assert.deepEqual([file.size, file.sha256], [content.length, sha256(content)]);
    const pieces: Uint8Array[] = [];
    for (let offset = 0; offset < file.size; ) {
      const piece = await run({ type: 'read-file', file, offset, length: 600_000 });
      offset += piece.length;
      pieces.push(piece);
    }
    assert.deepEqual(
      pieces.map(({ length }) => length),
      [600_000, 600_000, 600_000, 600_000, 100_000],
    );
    assert.equal(sha256(Buffer.concat(pieces)), file.sha256);
    assert.equal((await run({ type: 'open-file', name: 'empty' })).sha256, sha256(''));
  });

  for (const { what, change } of [
    { what: 'has grown', change: (path: string) => appendFileSync(path, 'x') },
    {
      what: 'was written anew',
      change(path: string) {
        writeFileSync(path, 'abcdeg');
        // Clocks of file systems may be coarse.
        utimesSync(path, 1, 1);
      },
    },
    {
      what: 'was replaced by one of the same length',
      change(path: string) {
        writeFileSync(`${path}2`, 'abcdeg');
        renameSync(`${path}2`, path);
      },
    },
    { what: 'is gone', change: (path: string) => renameSync(path, `${path}2`) },
    {
      what: 'is a link now',
      change(path: string) {
        renameSync(path, `${path}2`);
        symlinkSync(`${path}2`, path);
      },
    },
  ]) {
    test(`is not read on when it ${what}`, async (t) => {
      const { folder, run } = serve(t, { a: 'abcdef' });
      const file = await run({ type: 'open-file', name: 'a' });
      await run({ type: 'read-file', file, offset: 0, length: 3 });
      change(join(folder, 'a'));
      const read = run({ type: 'read-file', file, offset: 3, length: 3 });
      assert.equal(await codeOf(read), 'ERR_FILE_CHANGED');
    });
  }

  test('is not served when it is too large', async (t) => {
    const { run } = serve(t, { most: Buffer.alloc(BYTES_MAX), more: Buffer.alloc(BYTES_MAX + 1) });
    assert.equal((await run({ type: 'open-file', name: 'most' })).size, BYTES_MAX);
    assert.equal(await codeOf(run({ type: 'open-file', name: 'more' })), 'ERR_FILE_SIZE');
  });

  test('is served under its own spelling only', async (t) => {
    const { run } = serve(t, { 'Name.txt': 'x' });
    for (const name of ['name.txt', 'NAME.TXT', 'Name.txt ', 'Name.txt.', 'Name.txt::$DATA']) {
      assert.equal(await codeOf(run({ type: 'open-file', name })), 'ERR_FILE_MISSING', name);
    }
  });
});

describe('what is no served file', () => {
  const NAMES = [
    '',
    '.',
    '..',
    '../secret',
    '..\\secret',
    'folder/../../secret',
    'folder/inside',
    './a',
    '/etc/passwd',
    'C:\\secret',
    '.hidden',
    'a\0',
    'a\0.txt',
    'a\n',
    'a\x1b[2J',
    'a\x9b2J',
    'a\u202etxt.exe',
    'a\u200b',
    '\ud800',
    'x'.repeat(256),
    'ä'.repeat(128),
  ];
  for (const name of NAMES) {
    test(`can't be called ${JSON.stringify(name).slice(0, 30)}`, async (t) => {
      const { folder, run } = serve(t, { a: 'x' });
      mkdirSync(join(folder, 'folder'));
      writeFileSync(join(folder, 'folder', 'inside'), 'x');
      assert.equal(await codeOf(run({ type: 'open-file', name })), 'ERR_FILE_NAME');
      assert.equal(await codeOf(run({ type: 'begin-put', name, size: 1 })), 'ERR_FILE_NAME');
      const file = { name, size: 6, sha256: '', mark: '' };
      assert.equal(await codeOf(run({ type: 'read-file', file, offset: 0, length: 6 })), 'ERR_FILE_NAME');
    });
  }

  for (const name of [
    '%2e%2e%2fsecret',
    'files%2F..%2Fsecret',
    'folder',
    'link',
    'outside',
    'dangling',
    'null',
    'pipe',
    'socket',
  ]) {
    test(`is missing: ${name}`, { timeout: 10_000 }, async (t) => {
      const { folder, run } = serve(t, { a: 'x' });
      mkdirSync(join(folder, 'folder'));
      symlinkSync('a', join(folder, 'link'));
      symlinkSync('../secret', join(folder, 'outside'));
      symlinkSync('nowhere', join(folder, 'dangling'));
      symlinkSync('/dev/null', join(folder, 'null'));
      execFileSync('mkfifo', [join(folder, 'pipe')]);
      const server = createServer();
      await new Promise<void>((done) => server.listen(join(folder, 'socket'), done));
      t.after(() => server.close());
      assert.equal(await codeOf(run({ type: 'open-file', name })), 'ERR_FILE_MISSING');
    });
  }

  test('tells no client where the folder is', async (t) => {
    const parent = temporaryFolder(t);
    writeFileSync(join(parent, 'files'), 'no folder');
    const failed = runIn(join(parent, 'files'))({ type: 'list-files' });
    await assert.rejects(failed, ({ code, message }: OutcryError) => {
      return code === 'ERR_FILE_IO' && !message.includes(parent) && message.includes('ENOTDIR');
    });
  });
});

describe('putting a file', () => {
  test('makes it, whole and with its hash, and the folder with it', async (t) => {
    const folder = join(temporaryFolder(t), 'new', 'files');
    const run = runIn(folder);
    assert.deepEqual(await put(run, 'a.txt', 'hello'), { size: 5, sha256: sha256('hello') });
    assert.deepEqual(readdirSync(folder), ['a.txt']);
    assert.equal(readFileSync(join(folder, 'a.txt'), 'utf8'), 'hello');
    assert.equal((await run({ type: 'open-file', name: 'a.txt' })).sha256, sha256('hello'));
  });

  test('shows nobody a file that is not whole', async (t) => {
    const { run } = serve(t);
    const part = await run({ type: 'begin-put', name: 'a', size: 5 });
    await run({ type: 'append-put', part, bytes: Buffer.from('hel') });
    assert.deepEqual(await run({ type: 'list-files' }), []);
    assert.equal(await codeOf(run({ type: 'open-file', name: part })), 'ERR_FILE_NAME');
    assert.equal(await codeOf(run({ type: 'finish-put', part, name: 'a', size: 5 })), 'ERR_FILE_SIZE');
    assert.deepEqual(await run({ type: 'list-files' }), []);
  });

  test('leaves nothing when it is abandoned, or was when the server was killed', async (t) => {
    const { folder, run } = serve(t, { '.outcry-put-mine': 'x', a: 'x' });
    const part = await run({ type: 'begin-put', name: 'b', size: 5 });
    await run({ type: 'abandon-put', part });
    assert.deepEqual(readdirSync(folder).sort(), ['.outcry-put-mine', 'a']);
    assert.equal(await codeOf(run({ type: 'append-put', part, bytes: Buffer.from('x') })), 'ERR_FILE_IO');
    await run({ type: 'begin-put', name: 'b', size: 5 });
    await run({ type: 'clear-parts' });
    assert.deepEqual(readdirSync(folder).sort(), ['.outcry-put-mine', 'a']);
  });

  test('replaces no file, whichever was there first', async (t) => {
    const { folder, run } = serve(t, { a: 'mine' });
    symlinkSync('nowhere', join(folder, 'dangling'));
    mkdirSync(join(folder, 'folder'));
    for (const name of ['a', 'dangling', 'folder']) {
      assert.equal(await codeOf(run({ type: 'begin-put', name, size: 1 })), 'ERR_FILE_EXISTS', name);
    }
    const part = await run({ type: 'begin-put', name: 'b', size: 5 });
    await run({ type: 'append-put', part, bytes: Buffer.from('later') });
    await put(run, 'b', 'first');
    assert.equal(await codeOf(run({ type: 'finish-put', part, name: 'b', size: 5 })), 'ERR_FILE_EXISTS');
    assert.equal(readFileSync(join(folder, 'b'), 'utf8'), 'first');
    assert.equal(existsSync(join(folder, 'nowhere')), false);
  });

  test('takes no more than the most that a file may have', async (t) => {
    const { run } = serve(t);
    const tooLarge = run({ type: 'begin-put', name: 'a', size: BYTES_MAX + 1 });
    assert.equal(await codeOf(tooLarge), 'ERR_FILE_SIZE');
    const part = await run({ type: 'begin-put', name: 'a', size: 1 });
    await run({ type: 'append-put', part, bytes: Buffer.alloc(BYTES_MAX) });
    const bytes = Buffer.alloc(1);
    assert.equal(await codeOf(run({ type: 'append-put', part, bytes })), 'ERR_FILE_SIZE');
  });

  test('writes to nothing but a part', async (t) => {
    const { folder, run } = serve(t, { a: 'x' });
    const name = `.outcry-put-${'0'.repeat(32)}`;
    symlinkSync('../secret', join(folder, name));
    const bytes = Buffer.from('x');
    assert.equal(await codeOf(run({ type: 'append-put', part: name, bytes })), 'ERR_FILE_IO');
    for (const part of ['a', '../secret', '', `${name}/../../secret`]) {
      assert.equal(await codeOf(run({ type: 'append-put', part, bytes })), 'ERR_FILE_NAME', part);
      assert.equal(await codeOf(run({ type: 'abandon-put', part })), 'ERR_FILE_NAME', part);
      const finish = run({ type: 'finish-put', part, name: 'b', size: 1 });
      assert.equal(await codeOf(finish), 'ERR_FILE_NAME', part);
    }
    assert.equal(readFileSync(join(folder, '..', 'secret'), 'utf8'), 'secret');
  });
});
