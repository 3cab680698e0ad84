import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer as createListener, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { connect } from '../../../clients/index.ts';
import { createServer, type OutcryServer } from '../../../src/create-server.ts';
import { TestClient } from '../../support/test-client.ts';
import { until } from '../../support/until.ts';
import { runOnTerminal, runOutcry, startOutcry, waitForEnd } from './outcry-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'outcry-lobby-'));
const served = join(folder, 'served');
const BYTES = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff));

let server: OutcryServer;
let port: string;

before(async () => {
  mkdirSync(served);
  writeFileSync(join(served, 'notes.txt'), 'a note\n');
  writeFileSync(join(served, 'two words.bin'), BYTES);
  writeFileSync(join(served, 'empty'), '');
  server = await createServer({
    settings: { lobby: { files_folder: served, is_put_allowed: true, clients_max: 2 } },
  });
  port = String(server.port('lobby'));
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

/** A working directory of its own. */
function workplace(): string {
  return mkdtempSync(join(folder, 'work-'));
}

/** Says `lines` through a pipe, in a working directory. */
function visit(lines: readonly string[], work = workplace(), flags: readonly string[] = []) {
  const input = lines.map((line) => `${line}\n`).join('');
  return runOutcry(['lobby', '--port', port, ...flags], input, work);
}

/** A server that says what it should not: `talk` has the socket once the client is greeted. */
async function startLiar(t: TestContext, talk: (socket: Socket, line: string) => void): Promise<string> {
  const listener = createListener((socket) => {
    socket.write('Client1');
    socket.on('error', () => {
      // The client may go when it likes.
    });
    socket.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n').slice(0, -1)) {
        if (line.startsWith('mark-')) socket.write(`${line} ACK\n`);
        else talk(socket, line);
      }
    });
  });
  listener.listen(0, '127.0.0.1');
  await new Promise((resolve) => listener.once('listening', resolve));
  t.after(() => listener.close());
  return String((listener.address() as AddressInfo).port);
}

describe('outcry lobby in a pipe', () => {
  test('says its name and the replies in the order of the requests, and leaves in order', async () => {
    const { exitCode, stdout, stderr } = await visit(['hello', 'list', 'say hi', 'bye', 'not any more']);
    assert.deepEqual([exitCode, stderr], [0, '']);
    assert.match(
      stdout,
      /^You are Client\d+\.\nhello ACK\nFiles: .*notes\.txt \| .*\nNobody else is here\n$/,
    );
  });

  test('leaves at the end of its input, too', async () => {
    const { exitCode, stdout } = await visit(['hello']);
    assert.equal(exitCode, 0);
    assert.match(stdout, /\nhello ACK\n$/);
  });

  test('reads a status to its end before it goes on', async () => {
    const { stdout } = await visit(['status', 'hello']);
    const [, name = ''] = /^You are (Client\d+)\./.exec(stdout) ?? [];
    assert.match(stdout, new RegExp(`Name: ${name}\n.*\n.*\nClient Disconnect Time: None\n-+\nhello ACK\n$`));
  });

  test('hears what others say', async () => {
    const child = startOutcry(['lobby', '--port', port]);
    let heard = '';
    child.stdout.on('data', (text: Buffer) => {
      heard += text;
    });
    await until('it is there', () => heard.startsWith('You are '));
    const { stdout } = await visit(['say hello all']);
    assert.match(stdout, /Said to 1 other/);
    await until('it has heard', () => / says: hello all\n$/.test(heard));
    child.stdin.end();
    assert.equal((await waitForEnd(child)).exitCode, 0);
  });

  test('leaves in order when it is interrupted', async () => {
    const child = startOutcry(['lobby', '--port', port]);
    const ended = waitForEnd(child);
    child.stdin.write('hello\n');
    let said = '';
    child.stdout.on('data', (text: string) => {
      said += text;
    });
    await until('it is answered', () => said.endsWith('hello ACK\n'));
    child.kill('SIGINT');
    const { exitCode, stderr } = await ended;
    assert.deepEqual([exitCode, stderr], [0, '']);
  });

  test('fetches files whole, under their own or another name', async () => {
    const work = workplace();
    const { exitCode, stdout, stderr } = await visit(
      ['get notes.txt', 'get "two words.bin" other.bin', 'get empty', 'hello'],
      work,
    );
    assert.deepEqual([exitCode, stderr], [0, '']);
    assert.match(
      stdout,
      /got notes\.txt, 7 B, SHA-256 checked\ngot other\.bin, 300 kB, SHA-256 checked\ngot empty, 0 B, .*\nhello ACK\n$/,
    );
    assert.deepEqual(readdirSync(work).sort(), ['empty', 'notes.txt', 'other.bin']);
    assert.deepEqual(readFileSync(join(work, 'other.bin')), BYTES);
  });

  test('replaces a file only with --force', async () => {
    const work = workplace();
    writeFileSync(join(work, 'notes.txt'), 'mine');
    const { exitCode, stdout, stderr } = await visit(['get notes.txt', 'hello'], work);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^outcry: notes\.txt is there already: .*--force\n$/);
    assert.match(stdout, /hello ACK\n$/);
    assert.equal(readFileSync(join(work, 'notes.txt'), 'utf8'), 'mine');
    assert.equal((await visit(['get notes.txt'], work, ['--force'])).exitCode, 0);
    assert.equal(readFileSync(join(work, 'notes.txt'), 'utf8'), 'a note\n');
  });

  test('says what can not be had or sent, and goes on', async () => {
    const work = workplace();
    const { exitCode, stdout, stderr } = await visit(
      ['get nothing', 'get ../secret', 'put nothing', 'put .', 'get', 'hello'],
      work,
    );
    assert.equal(exitCode, 1);
    assert.match(stdout, /^You are .*\nhello ACK\n$/);
    assert.match(
      stderr,
      /^outcry: nothing: .*\noutcry: \.\.\/secret: .*\noutcry: nothing: there is no such file\noutcry: \. is no file\noutcry: it is used so: get NAME \[AS\]\n$/,
    );
    assert.deepEqual(readdirSync(work), []);
  });

  test('sends files whole, and says that one is there already', async () => {
    const work = workplace();
    writeFileSync(join(work, 'mine.bin'), BYTES);
    writeFileSync(join(work, 'nothing.txt'), '');
    const { exitCode, stdout, stderr } = await visit(
      ['put mine.bin', 'put nothing.txt', 'put mine.bin', 'hello'],
      work,
    );
    assert.equal(exitCode, 1);
    assert.match(
      stdout,
      /sent mine\.bin, 300 kB, SHA-256 checked\nsent nothing\.txt, 0 B, SHA-256 checked\nhello ACK\n$/,
    );
    assert.match(stderr, /^outcry: mine\.bin: .*\n$/);
    assert.deepEqual(readFileSync(join(served, 'mine.bin')), BYTES);
  });

  test('says that the lobby is full, and exits 1', async () => {
    const others = await Promise.all([1, 2].map(() => TestClient.connect(Number(port))));
    for (const other of others) await until('it is let in', () => other.text.startsWith('Client'));
    const { exitCode, stdout, stderr } = await visit(['hello']);
    assert.deepEqual(
      { exitCode, stdout, stderr },
      { exitCode: 1, stdout: '', stderr: 'outcry: Server full, rejecting connection\n' },
    );
    for (const other of others) other.end('bye\n');
    for (const other of others) await other.isLetGo();
  });

  test('says that nobody listens, or something else, and exits 1', async (t) => {
    const nobody = await runOutcry(['lobby', '--port', '1']);
    assert.equal(nobody.exitCode, 1);
    assert.match(nobody.stderr, /^outcry: nobody listens on 127\.0\.0\.1:1; start "outcry serve" there/);
    const other = createListener((socket) => socket.end('220 mail.example ready\r\n'));
    other.listen(0, '127.0.0.1');
    t.after(() => other.close());
    await until('it listens', () => other.listening);
    const { exitCode, stderr } = await runOutcry([
      'lobby',
      '--port',
      String((other.address() as AddressInfo).port),
    ]);
    assert.equal(exitCode, 1);
    assert.match(stderr, /is no lobby: it does not greet as a lobby does\n$/);
  });

  test('refuses what it does not understand', async () => {
    for (const args of [['now'], ['--port', '0'], ['--colour']]) {
      const { exitCode, stderr } = await runOutcry(['lobby', ...args]);
      assert.deepEqual([exitCode, stderr.split('\n').length], [2, 2], stderr);
    }
  });
});

describe('outcry lobby where clients sign in', () => {
  test('signs in with the first line of a pipe, or says why it can not', async () => {
    await using closed = await createServer({
      services: ['lobby', 'api'],
      settings: { users: { sign_in_services: 'lobby', scrypt_cost: 16_384 } },
    });
    await using client = await connect({ server: closed });
    await client.users.signUp('khtn', 'daihoc tphcm');
    const visitAs = (user: readonly string[], ...lines: readonly string[]) => {
      const at = ['lobby', '--port', String(closed.port('lobby')), ...user];
      return runOutcry(at, lines.map((line) => `${line}\n`).join(''));
    };
    const right = await visitAs(['--user', 'KHTN'], 'daihoc tphcm', 'hello');
    assert.deepEqual([right.exitCode, right.stdout], [0, 'You are Client1.\nhello ACK\n']);
    for (const [user, line, reason] of [
      [['--user', 'khtn'], 'wrong', 'ERROR the user name or the password is wrong'],
      [['--user', 'khtn'], '', 'a password is 1 to 1024 bytes'],
      [['--user', 'a b'], 'wrong', 'a user name is 1 to 32 printable characters without white space'],
      [[], 'hello', 'clients of this lobby sign in: say who you are with --user NAME'],
    ] as const) {
      const { exitCode, stdout, stderr } = await visitAs(user, line);
      assert.deepEqual([exitCode, stdout, stderr], [1, '', `outcry: ${reason}\n`]);
    }
  });

  test('is let in where nobody has to, and told so', async () => {
    const { exitCode, stdout } = await runOutcry(['lobby', '--port', port, '--user', 'khtn'], 'x\nhello\n');
    assert.equal(exitCode, 0);
    assert.match(
      stdout,
      /^ERROR you are in already: there is nothing to sign in to\nYou are Client\d+\.\nhello ACK\n$/,
    );
  });
});

describe('outcry lobby with a server that fails', () => {
  test('shows the last words of a server that goes, and exits 1', async (t) => {
    const liar = await startLiar(t, (socket) => socket.end('Server is \x1b[31mshutting down\n'));
    const { exitCode, stdout, stderr } = await runOutcry(['lobby', '--port', liar], 'list\nlist\n');
    assert.deepEqual(
      { exitCode, stdout, stderr },
      {
        exitCode: 1,
        stdout: 'You are Client1.\nServer is shutting down\n',
        stderr: `outcry: 127.0.0.1:${liar} closed the connection\n`,
      },
    );
  });

  test('ends when the server goes while nothing is asked', async (t) => {
    const liar = await startLiar(t, (socket) => {
      socket.write('hello ACK\n');
      setImmediate(() => socket.destroy());
    });
    const child = startOutcry(['lobby', '--port', liar]);
    child.stdin.write('hello\n');
    const { exitCode, stderr } = await waitForEnd(child);
    assert.deepEqual([exitCode, stderr], [1, `outcry: 127.0.0.1:${liar} closed the connection\n`]);
  });

  test('keeps nothing of a file that is not what was promised', async (t) => {
    const sha256 = createHash('sha256').update('right').digest('hex');
    const liar = await startLiar(t, (socket, line) => {
      socket.write(line === 'bye' ? '' : `SIZE 5 SHA-256 ${sha256}\nwrong`);
      if (line === 'bye') socket.end();
    });
    const work = workplace();
    const { exitCode, stderr } = await runOutcry(['lobby', '--port', liar], 'get a\nbye\n', work);
    assert.equal(exitCode, 1);
    assert.equal(stderr, 'outcry: a: what came is not what the server has; nothing is kept\n');
    assert.deepEqual(readdirSync(work), []);
  });

  test('keeps nothing of a file that stops halfway', async (t) => {
    const liar = await startLiar(t, (socket) => socket.end(`SIZE 50 SHA-256 ${'0'.repeat(64)}\nhalf`));
    const work = workplace();
    const { exitCode, stderr } = await runOutcry(['lobby', '--port', liar], 'get a\n', work);
    assert.deepEqual([exitCode, stderr], [1, `outcry: 127.0.0.1:${liar} closed the connection\n`]);
    assert.deepEqual(readdirSync(work), []);
  });

  test('keeps nothing of a file whose fetching is interrupted', async (t) => {
    const liar = await startLiar(t, (socket) => {
      socket.write(`SIZE 50 SHA-256 ${'0'.repeat(64)}\nhalf`);
    });
    const work = workplace();
    const child = startOutcry(['lobby', '--port', liar], undefined, {}, work);
    child.stdin.write('get a\n');
    await until('a part of it is there', () =>
      readdirSync(work).some((name) => readFileSync(join(work, name), 'utf8') === 'half'),
    );
    child.kill('SIGINT');
    const { exitCode, stderr } = await waitForEnd(child);
    assert.deepEqual([exitCode, stderr], [1, 'outcry: interrupted; nothing of the file is kept\n']);
    assert.deepEqual(readdirSync(work), []);
  });

  test('stays in step when a file is refused while it is sent', async (t) => {
    let isFile = false;
    const liar = await startLiar(t, (socket, line) => {
      if (line.startsWith('put')) {
        isFile = true;
        socket.write('SEND 1000000\n');
        socket.write('ERROR the disk is full\n');
      } else if (line === 'bye') socket.end();
      else if (isFile) socket.write(`${line.slice(0, 20)} ACK\n`);
    });
    const work = workplace();
    writeFileSync(join(work, 'a'), 'some line\n'.repeat(100_000));
    const { exitCode, stdout, stderr } = await runOutcry(
      ['lobby', '--port', liar],
      'put a\nhello\nbye\n',
      work,
    );
    assert.deepEqual(
      { exitCode, stdout, stderr },
      {
        exitCode: 1,
        stdout: 'You are Client1.\nhello ACK\n',
        stderr: 'outcry: a: the disk is full\n',
      },
    );
  });

  test('breaks off rather than send something else when a file becomes shorter', async (t) => {
    const work = workplace();
    const file = join(work, 'a');
    writeFileSync(file, 'x'.repeat(1000));
    const liar = await startLiar(t, (socket, line) => {
      if (!line.startsWith('put')) return;
      truncateSync(file, 10);
      socket.write('SEND 1000\n');
    });
    const { exitCode, stderr } = await runOutcry(['lobby', '--port', liar], 'put a\n', work);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^outcry: a: it has become shorter while it was sent; nothing is stored, .*\n$/);
  });
});

describe('outcry lobby on a terminal', () => {
  test('has a prompt and a bar, and leaves with bye', async () => {
    const target = join(workplace(), 'b');
    const screen = await runOnTerminal(
      ['lobby', '--port', port],
      {},
      `hello\rget "two words.bin" ${target}\rbye\r`,
    );
    assert.match(screen, /You are (Client\d+)\. Type help to see what can be said\.\r\n.*\1: /);
    assert.match(screen, /hello ACK/);
    assert.match(screen.replaceAll('\x1b[39m', ''), /━ 100 %/);
    assert.match(screen, /got .*, 300 kB, SHA-256 checked/);
    assert.deepEqual(readFileSync(target), BYTES);
  });
});
