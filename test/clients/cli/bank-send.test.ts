import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { runOnTerminal, runOutcry, startOutcry, waitForEnd } from './outcry-process.ts';

const USAGE =
  'usage: outcry bank send PORT FILE… [--host H] [--ack [--again] [--upload-id ID] [--give-up SECONDS]]\n';
const MEBIBYTE = 1024 * 1024;

const folder = mkdtempSync(join(tmpdir(), 'bank-send-'));
const servers: Server[] = [];

after(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

function writeInput(name: string, content: string | Buffer): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

/** As long as asked for, in whole lines that differ from each other. */
function createLines(byteCount: number): Buffer {
  const lines: string[] = [];
  for (let length = 0, i = 0; length < byteCount; i++) {
    const line = `Name${i} credit $${i}.25\n`;
    lines.push(line);
    length += line.length;
  }
  return Buffer.from(lines.join(''));
}

function digest(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

async function listen(onConnection: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer({ allowHalfOpen: true }, onConnection).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

/** A server that keeps what each connection sent until its end, then closes, and never answers: the bank's port. */
async function listenAndCollect(): Promise<{ port: number; received: Buffer[]; readonly openMax: number }> {
  const received: Buffer[] = [];
  const seen = { open: 0, openMax: 0 };
  const { port } = await listen((socket) => {
    seen.open += 1;
    seen.openMax = Math.max(seen.openMax, seen.open);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => {
      received.push(Buffer.concat(chunks));
      seen.open -= 1;
      socket.end();
    });
  });
  return {
    port,
    received,
    get openMax() {
      return seen.openMax;
    },
  };
}

/** A port that was free a moment ago, and where nobody listens. */
async function findClosedPort(): Promise<number> {
  const { server, port } = await listen(() => {});
  server.close();
  await once(server, 'close');
  return port;
}

describe('bank send > sends', () => {
  test('a file byte for byte and says how much', async () => {
    const { port, received } = await listenAndCollect();
    const file = writeInput('small.txt', 'Marc credit $2\nMarc debit $1\n');
    const { exitCode, stdout, stderr } = await runOutcry(['bank', 'send', String(port), file]);
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
    assert.match(stdout, /^sent 1 file, 29 bytes in \d+\.\d\d s\n$/);
    assert.deepEqual(received.map(String), ['Marc credit $2\nMarc debit $1\n']);
  });

  test('a file as it is, without a last newline, with CRLF and with binary noise', async () => {
    const { port, received } = await listenAndCollect();
    const content = Buffer.from('Zo\xeb credit $1\r\n\0\xff\xfe\n\nlast debit $2', 'latin1');
    await runOutcry(['bank', 'send', String(port), writeInput('ragged.txt', content)]);
    assert.deepEqual(received, [content]);
  });

  test('an empty file as a connection without bytes', async () => {
    const { port, received } = await listenAndCollect();
    const { exitCode, stdout } = await runOutcry(['bank', 'send', String(port), writeInput('empty.txt', '')]);
    assert.equal(exitCode, 0);
    assert.match(stdout, /^sent 1 file, 0 bytes/);
    assert.deepEqual(received.map(String), ['']);
  });

  test('a file of 30 MB whole and in order', async () => {
    const { port, received } = await listenAndCollect();
    const content = createLines(30e6);
    const { exitCode } = await runOutcry(['bank', 'send', String(port), writeInput('long.txt', content)]);
    assert.equal(exitCode, 0);
    assert.deepEqual(received.map(digest), [digest(content)]);
  });

  test('a hundred files over a connection each, at most 64 of them open at once', async () => {
    const server = await listenAndCollect();
    const contents = Array.from({ length: 100 }, (_, i) => createLines(1000 * (i + 1)));
    const files = contents.map((content, i) => writeInput(`many-${i}.txt`, content));
    const { exitCode, stdout } = await runOutcry(['bank', 'send', String(server.port), ...files]);
    const byteCount = contents.reduce((sum, { length }) => sum + length, 0);
    assert.equal(exitCode, 0);
    assert.match(stdout, new RegExp(`^sent 100 files, ${byteCount} bytes `));
    assert.deepEqual(server.received.map(digest).sort(), contents.map(digest).sort());
    assert.ok(server.openMax <= 64, `${server.openMax} connections were open at once`);
  });

  test('standard input for -, among files', async () => {
    const { port, received } = await listenAndCollect();
    const file = writeInput('beside.txt', 'Anna credit $1\n');
    const { exitCode } = await runOutcry(['bank', 'send', String(port), '-', file], 'Zoe debit $3\n');
    assert.equal(exitCode, 0);
    assert.deepEqual(received.map(String).sort(), ['Anna credit $1\n', 'Zoe debit $3\n']);
  });

  test('to the host that --host names', async () => {
    const { port, received } = await listenAndCollect();
    const file = writeInput('host.txt', 'Anna credit $1\n');
    const { exitCode } = await runOutcry(['bank', 'send', '--host', 'localhost', String(port), file]);
    assert.equal(exitCode, 0);
    assert.deepEqual(received.map(String), ['Anna credit $1\n']);
  });

  test('and ignores whatever the server answers', async () => {
    const { port } = await listen((socket) => {
      socket.write(Buffer.alloc(MEBIBYTE, '!'));
      socket.on('end', () => socket.end());
      socket.resume();
    });
    const { exitCode, stderr } = await runOutcry([
      'bank',
      'send',
      String(port),
      writeInput('talk.txt', 'A credit $1\n'),
    ]);
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
  });

  test('and ends at once on SIGINT', async () => {
    const { server, port } = await listen((socket) => {
      socket.on('error', () => {});
    });
    const child = startOutcry(['bank', 'send', String(port), writeInput('cut.txt', 'A credit $1\n')]);
    const ended = waitForEnd(child);
    const [socket] = (await once(server, 'connection')) as [Socket];
    await once(socket, 'data');
    child.kill('SIGINT');
    assert.equal((await ended).signal, 'SIGINT');
  });
});

describe('bank send > memory', () => {
  test('stays small and reading stops while the server does not read', async () => {
    const file = writeInput('sparse.txt', '');
    truncateSync(file, 300 * MEBIBYTE);
    const { server, port } = await listen((socket) => socket.pause());

    const child = startOutcry(['bank', 'send', String(port), file]);
    const ended = waitForEnd(child);
    const [socket] = (await once(server, 'connection')) as [Socket];
    const readByteCount = await findReadByteCountAtRest(child.pid);
    assert.ok(readByteCount < 50 * MEBIBYTE, `${readByteCount} bytes were read ahead`);

    let receivedByteCount = 0;
    socket.on('data', (chunk: Buffer) => {
      receivedByteCount += chunk.length;
    });
    socket.resume();
    await once(socket, 'end');
    const peakBytes = readStatus(child.pid, 'status', 'VmHWM') * 1024;
    socket.end();
    assert.equal((await ended).exitCode, 0);
    assert.equal(receivedByteCount, 300 * MEBIBYTE);
    assert.ok(peakBytes < 150 * MEBIBYTE, `the peak was ${peakBytes} bytes`);
  });
});

/** What a process has read from files once the figure no longer grows. */
async function findReadByteCountAtRest(pid: number | undefined): Promise<number> {
  const sameReadingsWanted = 10;
  let last = -1;
  for (let same = 0; same < sameReadingsWanted; ) {
    const current = readStatus(pid, 'io', 'rchar');
    same = current === last ? same + 1 : 0;
    last = current;
    await delay(20);
  }
  return last;
}

function readStatus(pid: number | undefined, name: 'io' | 'status', field: string): number {
  const text = readFileSync(`/proc/${pid}/${name}`, 'utf8');
  return Number(new RegExp(`^${field}:\\s*(\\d+)`, 'm').exec(text)?.[1]);
}

describe('bank send > failures', () => {
  test('a refused connection is one clear line a file and exit 1', async () => {
    const port = await findClosedPort();
    const files = [writeInput('first.txt', 'A credit $1\n'), writeInput('second.txt', 'A credit $1\n')];
    const { exitCode, stdout, stderr } = await runOutcry(['bank', 'send', String(port), ...files]);
    const lines = files.map(
      (file) =>
        `outcry: ${file}: nobody listens on 127.0.0.1:${port}; start "outcry bank serve ${port}" there or check the port`,
    );
    assert.equal(exitCode, 1);
    assert.deepEqual(stderr.trimEnd().split('\n').sort(), lines);
    assert.match(stdout, /^sent 0 of 2 files, 0 bytes/);
  });

  test('a refused connection ends at once although standard input is still open', async () => {
    const child = startOutcry(['bank', 'send', String(await findClosedPort()), '-']);
    const { exitCode, stderr } = await waitForEnd(child);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^outcry: -: nobody listens on /);
  });

  test('files that are absent or are folders have a line each, and the others still go', async () => {
    const { port, received } = await listenAndCollect();
    const absent = join(folder, 'absent.txt');
    const good = writeInput('good.txt', 'Anna credit $1\n');
    const { exitCode, stdout, stderr } = await runOutcry([
      'bank',
      'send',
      String(port),
      absent,
      folder,
      good,
    ]);
    assert.equal(exitCode, 1);
    assert.deepEqual(
      stderr.trimEnd().split('\n').sort(),
      [
        `outcry: ${absent}: there is no such file`,
        `outcry: ${folder}: is a directory; name the files in it`,
      ].sort(),
    );
    assert.match(stdout, /^sent 1 of 3 files, 15 bytes/);
    assert.deepEqual(received.map(String), ['Anna credit $1\n']);
  });

  test('a connection reset in the middle is exit 1 and says that not everything was taken', async () => {
    const { port } = await listen((socket) => {
      socket.once('data', () => socket.resetAndDestroy());
    });
    const file = writeInput('reset.txt', Buffer.alloc(30e6));
    const { exitCode, stderr } = await runOutcry(['bank', 'send', String(port), file]);
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /^outcry: \S+reset\.txt: 127\.0\.0\.1:\d+ closed the connection after \d+ bytes, before /,
    );
    assert.equal(stderr.split('\n').length, 2);
  });

  test('a server that closes its side before the end of the file is exit 1', async () => {
    const { port } = await listen((socket) => {
      socket.resume();
      socket.end();
    });
    const child = startOutcry(['bank', 'send', String(port), '-']);
    child.stdin.write('Anna credit $1\n');
    const { exitCode, stderr } = await waitForEnd(child);
    assert.equal(exitCode, 1);
    assert.match(stderr, /closed the connection after \d+ bytes, before it had taken everything\n$/);
  });

  test('a failure keeps its exit code when nobody reads the output', async () => {
    const child = startOutcry([
      'bank',
      'send',
      String(await findClosedPort()),
      writeInput('unread.txt', 'x'),
    ]);
    child.stdin.end();
    child.stdout.destroy();
    assert.equal((await waitForEnd(child)).exitCode, 1);
  });
});

describe('bank send > wrong use', () => {
  test('missing arguments print the usage and exit 2', async () => {
    for (const args of [[], ['5000']]) {
      const { exitCode, stdout, stderr } = await runOutcry(['bank', 'send', ...args]);
      assert.deepEqual({ exitCode, stdout, stderr }, { exitCode: 2, stdout: '', stderr: USAGE });
    }
  });

  test('a port that is none is named and exit 2', async () => {
    for (const port of ['abc', '0', '65536', '-1', '50.5', '1e3', '']) {
      const { exitCode, stderr } = await runOutcry(['bank', 'send', '--', port, 'input.txt']);
      assert.equal(exitCode, 2);
      assert.equal(stderr, `outcry: PORT must be a whole number from 1 to 65535, not "${port}"\n`);
    }
  });

  test('an unknown flag is named and exit 2', async () => {
    const { exitCode, stderr } = await runOutcry(['bank', 'send', '5000', 'input.txt', '--hots', 'x']);
    assert.equal(exitCode, 2);
    assert.equal(
      stderr,
      "outcry: unknown option '--hots' (Did you mean --host?); see outcry bank send --help\n",
    );
  });

  test('standard input named twice is exit 2', async () => {
    const { exitCode, stderr } = await runOutcry(['bank', 'send', '5000', '-', '-']);
    assert.equal(exitCode, 2);
    assert.equal(stderr, 'outcry: standard input (-) can be sent only once; name it once\n');
  });

  test('--help explains the flags and exits 0', async () => {
    const { exitCode, stdout } = await runOutcry(['bank', 'send', '--help']);
    assert.equal(exitCode, 0);
    assert.match(stdout, /outcry bank send PORT FILE… \[--host H\]/);
    assert.match(stdout, /--host <host>/);
  });
});

describe('bank send > on a terminal', () => {
  test('draws a bar with the rate and the time left, and removes it at the end', async () => {
    const { port } = await listenAndCollect();
    const output = await runOnTerminal([
      'bank',
      'send',
      String(port),
      writeInput('bar.txt', createLines(1e6)),
    ]);
    assert.match(output, /━+─*\S* 100 % {2}1\.0 MB {2}\S+ [kMG]?B\/s {2}0:00 left/);
    assert.ok(output.includes('\x1b[32m'));
    assert.match(output, /\[2Ksent 1 file, \d+ bytes in \S+ s\r\n$/);
  });

  test('draws without colour under NO_COLOR', async () => {
    const { port } = await listenAndCollect();
    const output = await runOnTerminal(
      ['bank', 'send', String(port), writeInput('grey.txt', createLines(1e6))],
      {
        NO_COLOR: '1',
      },
    );
    assert.match(output, /━ 100 %/);
    assert.doesNotMatch(output, /\[\d+m/);
  });

  test('keeps the line of a failure when it removes the bar', async () => {
    const { port } = await listenAndCollect();
    const files = [join(folder, 'absent.txt'), writeInput('present.txt', 'A credit $1\n')];
    const output = await runOnTerminal(['bank', 'send', String(port), ...files]).catch(
      (error: { stdout: string }) => error.stdout,
    );
    // The place that the bar returns to is saved anew, below the line.
    assert.ok(output.includes('there is no such file\r\n\x1b7'), JSON.stringify(output));
    assert.match(output, /sent 1 of 2 files, 12 bytes in \S+ s\r\n$/);
  });

  test('draws nothing on a terminal that cannot move its cursor', async () => {
    const { port } = await listenAndCollect();
    const output = await runOnTerminal(
      ['bank', 'send', String(port), writeInput('dumb.txt', 'A credit $1\n')],
      {
        TERM: 'dumb',
      },
    );
    assert.match(output, /^sent 1 file, 12 bytes in \S+ s\r\n$/);
  });
});
