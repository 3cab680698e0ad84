import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { type Client, connect, type UserList } from '../../../clients/index.ts';
import { createServer, type OutcryServer } from '../../../src/create-server.ts';
import {
  type Ended,
  MAIN_FILE,
  runOutcry,
  startOutcry,
  TypedTerminal,
  waitForEnd,
} from './outcry-process.ts';

const COMMANDS = ['', ' add', ' password', ' role', ' disable', ' enable', ' sign-out', ' import'];
const ENTER = '\r';

const folder = mkdtempSync(join(tmpdir(), 'outcry-users-'));
let server: OutcryServer;

before(async () => {
  server = await createServer({ settings: { users: { scrypt_cost: 16_384 } } });
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

function variables(): NodeJS.ProcessEnv {
  return { OUTCRY_ADMIN_TOKEN: server.operatorToken };
}

function flags(): string[] {
  return ['--port', String(server.port('api'))];
}

/** `outcry admin users`, with `input` on standard input. */
function users(words: readonly string[], input = ''): Promise<Ended> {
  const child = startOutcry(['admin', 'users', ...words, ...flags()], MAIN_FILE, variables());
  child.stdin.end(input);
  return waitForEnd(child);
}

/** What it says where all is well. */
async function said(words: readonly string[], input = ''): Promise<string> {
  const { exitCode, stdout, stderr } = await users(words, input);
  assert.deepEqual([exitCode, stderr], [0, ''], stdout);
  return stdout;
}

function onTerminal(t: TestContext, words: readonly string[]): TypedTerminal {
  const terminal = new TypedTerminal(['admin', 'users', ...words, ...flags()], variables());
  t.after(() => terminal.kill());
  return terminal;
}

async function visitor(t: TestContext): Promise<Client> {
  const client = await connect({ port: server.port('api'), reconnect: false });
  t.after(() => client.close());
  return client;
}

/** Signs in, and out again. */
async function mayEnter(t: TestContext, name: string, password: string): Promise<boolean> {
  const client = await visitor(t);
  try {
    await client.users.signIn(name, password);
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'ERR_USER_DENIED');
    return false;
  }
  await client.users.signOut();
  return true;
}

describe('outcry admin users', () => {
  test('makes a user, whose password comes through a pipe', async (t) => {
    assert.equal(await said(['add', 'khtn'], 'daihoc tphcm\nnot this\n'), 'khtn is a user\n');
    assert.equal(await mayEnter(t, 'khtn', 'daihoc tphcm'), true);
    assert.equal(await said(['add', 'boss', '--role', 'operator'], 'x'), 'boss is an operator\n');
  });

  test('asks for a password twice on a terminal, and does not show it', async (t) => {
    const terminal = onTerminal(t, ['add', 'typed']);
    await terminal.shows(/^Password: $/);
    terminal.type(`geheim${ENTER}`);
    await terminal.shows(/^Again: $/);
    terminal.type(`geheim${ENTER}`);
    await terminal.shows(/^typed is a user$/);
    assert.equal(await terminal.ended, 0);
    assert.doesNotMatch(terminal.seen.text, /geheim/);
    assert.equal(await mayEnter(t, 'typed', 'geheim'), true);
  });

  test('does nothing if the two are not the same, or there is none', async (t) => {
    const unlike = onTerminal(t, ['add', 'nobody']);
    await unlike.shows(/^Password: $/);
    unlike.type(`one${ENTER}`);
    await unlike.shows(/^Again: $/);
    unlike.type(`two${ENTER}`);
    await unlike.shows(/^outcry: these were two passwords; nothing is done$/);
    assert.equal(await unlike.ended, 1);
    const left = onTerminal(t, ['add', 'nobody']);
    await left.shows(/^Password: $/);
    left.type('half\x03');
    await left.shows(/^outcry: nothing was typed; nothing is done$/);
    assert.equal(await left.ended, 2);
    const none = await users(['add', 'nobody']);
    assert.deepEqual([none.exitCode, none.stdout], [2, '']);
    const empty = await users(['add', 'nobody'], '\n');
    assert.deepEqual(
      [empty.exitCode, empty.stderr],
      [1, 'outcry: a password is 1 to 1024 bytes; nothing is done\n'],
    );
    assert.equal(await said(['--filter', 'nobody']), 'no such users\n');
  });

  test('lists the users', async () => {
    const table = await said(['--filter', 'kht']);
    assert.match(
      table,
      /^name +role +state +since +sessions\n[- ]+\nkhtn +user +- +\d{4}-\d\d-\d\d \d\d:\d\d +0\n1 user\n$/,
    );
    assert.match(await said(['--limit', '1']), /\n1 of \d+ users; --limit shows more\n$/);
    const { users } = JSON.parse(await said(['--json'])) as UserList;
    assert.deepEqual(
      users.map(({ name, role }) => [name, role]),
      [
        ['khtn', 'user'],
        ['boss', 'operator'],
        ['typed', 'user'],
      ],
    );
    assert.doesNotMatch(await said(['--json']), /hash|salt|password/);
  });

  test('changes a password and ends the sessions under the old one', async (t) => {
    const client = await visitor(t);
    await client.users.signIn('khtn', 'daihoc tphcm');
    assert.equal(await said(['password', 'khtn'], 'moi\n'), 'khtn has a new password; 1 session ended\n');
    assert.equal(await said(['password', 'khtn'], 'moi\n'), 'khtn has a new password\n');
    assert.deepEqual(
      [await mayEnter(t, 'khtn', 'daihoc tphcm'), await mayEnter(t, 'khtn', 'moi')],
      [false, true],
    );
  });

  test('makes a user an operator, keeps one out, lets one in again, and signs one out', async (t) => {
    assert.equal(await said(['role', 'typed', 'operator']), 'typed is an operator\n');
    const client = await visitor(t);
    await client.users.signIn('typed', 'geheim');
    assert.equal(await said(['disable', 'TYPED']), 'TYPED is disabled; 1 session ended\n');
    assert.match(await said(['--filter', 'typed']), /^typed +operator +disabled /m);
    assert.equal(await mayEnter(t, 'typed', 'geheim'), false);
    assert.equal(await said(['enable', 'typed']), 'typed may sign in again\n');
    const again = await visitor(t);
    await again.users.signIn('typed', 'geheim');
    assert.equal(await said(['sign-out', 'typed']), '1 session of typed ended\n');
    assert.equal(await said(['sign-out', 'typed']), '0 sessions of typed ended\n');
    assert.deepEqual(JSON.parse(await said(['enable', 'typed', '--json'])), { name: 'typed' });
  });

  test('says that a name is taken, is nobody, or can not be one', async () => {
    const taken = await users(['add', 'KHTN'], 'x\n');
    assert.deepEqual([taken.exitCode, taken.stderr], [1, 'outcry: the account KHTN already exists\n']);
    const nobody = await users(['disable', 'nobody']);
    assert.deepEqual(
      [nobody.exitCode, nobody.stderr],
      [1, 'outcry: there is no account nobody; outcry admin users lists them\n'],
    );
    const wrong = await users(['add', 'two words'], 'x\n');
    assert.equal(wrong.exitCode, 1);
    assert.match(wrong.stderr, /^outcry: NAME is none: a user name is 1 to 32 printable characters.*\n$/);
  });

  test('repeats nothing of what may be a password', async () => {
    const wrong = [
      ['add', 'khtn', 'geheim'],
      ['add', 'khtn', '--password', 'geheim'],
      ['add', 'khtn', '--password=geheim'],
      ['password', 'khtn', '-pgeheim'],
      ['add', 'khtn geheim'],
    ];
    for (const words of wrong) {
      const { exitCode, stdout, stderr } = await users(words, 'x\n');
      assert.ok(exitCode === 2 || words.length === 2, words.join(' '));
      assert.equal(stdout, '');
      assert.match(stderr, /^outcry: [^\n]+\n$/);
      assert.doesNotMatch(stderr, /geheim/);
    }
  });
});

describe('outcry admin users import', () => {
  function file(name: string, content: string | Buffer): string {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  }

  test('makes users of both kinds of lines, once', async (t) => {
    const path = file(
      'user_management.txt',
      '\ufeffan daihoc tphcm\r\nbinh,mat khau, dai\r\n\r\n  chi\tx  \r\nAN other\n',
    );
    assert.equal(await said(['import', path]), '3 users imported, 1 was there before\n');
    assert.equal(await said(['import', path]), '0 users imported, 4 were there before\n');
    assert.equal(await mayEnter(t, 'an', 'daihoc tphcm'), true);
    assert.equal(await mayEnter(t, 'binh', 'mat khau, dai'), true);
    assert.equal(await mayEnter(t, 'chi', 'x'), true);
  });

  test('says which lines are wrong, not what is in them', async () => {
    const lines = [
      'dung x',
      'geheim',
      `${'n'.repeat(33)} geheim`,
      `em ${'g'.repeat(1025)}`,
      'giang y',
      'ha \ufffd',
    ];
    const path = file('wrong.txt', lines.join('\n'));
    const { exitCode, stdout, stderr } = await users(['import', path]);
    assert.deepEqual(
      [exitCode, stdout, stderr],
      [1, '2 users imported, 4 lines are wrong: 2, 3, 4, 6\n', ''],
    );
    const many = file('many.txt', 'geheim\n'.repeat(25));
    const { stdout: cut } = await users(['import', many]);
    assert.match(cut, /^0 users imported, 25 lines are wrong: 1, .*, 20 and 5 more\n$/);
    const json = await users(['import', path, '--json']);
    assert.deepEqual(JSON.parse(json.stdout), { imported: 0, existing: 2, wrong: [2, 3, 4, 6] });
  });

  test('has a bar on a terminal, and takes a file that is not all text', async (t) => {
    const path = file('latin.txt', Buffer.concat([Buffer.from('khanh z\nlan '), Buffer.of(0xe9, 10)]));
    const terminal = onTerminal(t, ['import', path]);
    await terminal.shows(/1 user imported, 1 line is wrong: 2$/);
    assert.equal(await terminal.ended, 1);
  });

  test('says that there is no such file', async () => {
    const { exitCode, stderr } = await users(['import', join(folder, 'none.txt')]);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^outcry: .*none\.txt: there is no such file\n$/);
  });
});

describe('the command line of outcry admin users', () => {
  test('is explained with examples, for a screen of 80 columns', async () => {
    for (const command of COMMANDS) {
      const { exitCode, stdout } = await runOutcry([
        'admin',
        'users',
        ...command.split(' ').slice(1),
        '--help',
      ]);
      assert.equal(exitCode, 0);
      assert.match(stdout, new RegExp(`^Usage: outcry admin users${command} `));
      assert.match(
        stdout,
        new RegExp(`\\nExamples?:\\n {2}outcry admin users${command}.*\\n(?: {2}.*\\n)*\\n$`),
      );
      for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
    }
  });

  test('refuses what it does not understand', async () => {
    const wrong = [
      ['now'],
      ['--limit', '0'],
      ['add'],
      ['add', 'khtn', '--role', 'king'],
      ['role', 'khtn'],
      ['role', 'khtn', 'king'],
      ['disable'],
      ['disable', 'khtn', 'minh'],
      ['disable', '--now', 'khtn'],
      ['import'],
      ['import', 'a.txt', 'b.txt'],
    ];
    for (const words of wrong) {
      const { exitCode, stdout, stderr } = await users(words);
      assert.deepEqual([exitCode, stdout], [2, ''], words.join(' '));
      assert.match(stderr, /^outcry: [^\n]+\n$/, words.join(' '));
    }
  });
});
