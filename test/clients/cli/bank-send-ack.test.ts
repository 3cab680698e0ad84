import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import { Random } from '../../../workers/runtime/random.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import { type ConnectionPlan, reasonToDiscard, UploadServer } from '../../support/upload-server.ts';
import { type Ended, runOnTerminal, runOutcry, startOutcry, waitForEnd } from './outcry-process.ts';

const MEBIBYTE = 1024 * 1024;

const folder = mkdtempSync(join(tmpdir(), 'bank-send-ack-'));
const servers: UploadServer[] = [];

after(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  for (const server of servers.splice(0)) server.stop();
});

function writeInput(name: string, content: string): string {
  const file = join(folder, name);
  writeFileSync(file, content, 'latin1');
  return file;
}

async function listen(plan?: (connection: number) => ConnectionPlan): Promise<UploadServer> {
  const server = await UploadServer.listen(plan === undefined ? {} : { plan });
  servers.push(server);
  return server;
}

function upload(server: UploadServer, ...args: readonly string[]): Promise<Ended> {
  return runOutcry(['bank', 'send', '--ack', String(server.port), ...args]);
}

function idOf(content: string): string {
  return `sha256-${createHash('sha256').update(content, 'latin1').digest('hex')}`;
}

/** As the server counts them, each without its LF. */
function linesOf(content: string): string[] {
  const lines = content.split('\n');
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}

function createLines(count: number): string {
  return Array.from({ length: count }, (_, i) => `Name${i} credit $${i}.25\n`).join('');
}

/** The lines of standard error that name a discarded line, as `LINE: reason`. */
function discardsIn(stderr: string, file: string): string[] {
  const lines = stderr.split('\n').filter((line) => line.startsWith(`${file}:`));
  return lines.map((line) => line.slice(file.length + 1)).filter((line) => /^\d+: /.test(line));
}

function discardsOf(content: string): string[] {
  const reasons = linesOf(content).map((line, i) => [i + 1, reasonToDiscard(line)]);
  return reasons.filter(([, reason]) => reason !== undefined).map(([line, reason]) => `${line}: ${reason}`);
}

describe('bank send --ack > uploads', () => {
  const contents = {
    'lines with LF': 'A credit $1\nB debit $2\n',
    'lines with CRLF': 'A credit $1\r\nB debit $2\r\n',
    'a last line without LF': 'A credit $1\nB debit $2',
    'one line without LF': 'A credit $1',
    'empty lines and junk': '\n\n!one\nA credit $1\n\0\xff\n\n',
    'a single LF': '\n',
    'what looks like a header': 'OUTCRY 1 ACK x\nOK 1\n',
  };
  for (const [what, content] of Object.entries(contents)) {
    test(`${what}, each line once`, async () => {
      const server = await listen();
      const file = writeInput('small.txt', content);
      const { exitCode, stdout, stderr } = await upload(server, file);
      const discards = discardsOf(content);
      assert.equal(exitCode, 0, stderr);
      assert.deepEqual(server.lines(idOf(content)), linesOf(content));
      assert.deepEqual(discardsIn(stderr, file), discards);
      const { length } = linesOf(content);
      assert.match(
        stdout,
        new RegExp(
          `^uploaded 1 file, ${length} lines? \\(${discards.length} discarded\\) durable in \\d+\\.\\d\\d s\\n$`,
        ),
      );
    });
  }

  test('an empty file at once, every time', async () => {
    const server = await listen();
    for (let time = 0; time < 2; time++) {
      const { exitCode, stdout, stderr } = await upload(server, writeInput('empty.txt', ''));
      assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
      assert.match(stdout, /^uploaded 1 file, 0 lines \(0 discarded\) durable /);
    }
    assert.equal(server.connectionCount, 0);
  });

  test('a long file whole and in order', async () => {
    const server = await listen();
    const content = createLines(500_000);
    const { exitCode } = await upload(server, writeInput('long.txt', content));
    assert.equal(exitCode, 0);
    assert.equal(server.lines(idOf(content)).join('\n'), content.trimEnd());
  });

  test('many files, each under an id of its own', async () => {
    const server = await listen();
    const contents = Array.from({ length: 100 }, (_, i) => createLines(i + 1));
    const files = contents.map((content, i) => writeInput(`many-${i}.txt`, content));
    const { exitCode, stdout } = await upload(server, ...files);
    assert.equal(exitCode, 0);
    assert.match(stdout, /^uploaded 100 files, 5050 lines /);
    for (const content of contents) assert.deepEqual(server.lines(idOf(content)), linesOf(content));
  });

  test('under the id that is given', async () => {
    const server = await listen();
    await upload(server, '--upload-id', 'monday.1', writeInput('named.txt', 'A credit $1\n'));
    assert.deepEqual(server.headers, ['OUTCRY 1 ACK monday.1']);
    assert.deepEqual(server.lines('monday.1'), ['A credit $1']);
  });

  test('standard input, also over breaks, and leaves no temporary file', async () => {
    const server = await listen((connection) =>
      connection < 3 ? { inputBytesMax: 5000, portionLines: 10 } : {},
    );
    const content = createLines(1000).trimEnd();
    const temporary = mkdtempSync(join(folder, 'tmp-'));
    const args = ['bank', 'send', '--ack', String(server.port), '-'];
    const child = startOutcry(args, undefined, { TMPDIR: temporary });
    child.stdin.end(content);
    const { exitCode, stderr } = await waitForEnd(child);
    assert.equal(exitCode, 0, stderr);
    assert.deepEqual(server.lines(idOf(content)), linesOf(content));
    assert.deepEqual(readdirSync(temporary), []);
  });
});

describe('bank send --ack > discarded lines', () => {
  test('are shown up to twenty a file, then counted, by reason at the end', async () => {
    const server = await listen();
    const file = writeInput('junk.txt', `${'!\n'.repeat(15)}${'\n'.repeat(10)}A credit $1\n`);
    const { exitCode, stdout, stderr } = await upload(server, file);
    const shown = Array.from({ length: 20 }, (_, i) => `${file}:${i + 1}: ${i < 15 ? 'amount' : 'empty'}`);
    assert.equal(exitCode, 0);
    assert.deepEqual(stderr.trimEnd().split('\n'), [
      ...shown,
      `${file}: … and 5 more`,
      'discarded: empty 10, amount 15',
    ]);
    assert.match(stdout, /^uploaded 1 file, 26 lines \(25 discarded\) /);
  });
});

describe('bank send --ack > breaks', () => {
  test('at random places cost no line and post none twice', async () => {
    const seed = fuzzSeed();
    const random = new Random(seed);
    for (let round = 0; round < 15; round++) {
      const content = randomContent(random);
      const plans = Array.from({ length: random.below(8) }, () => randomPlan(random, content.length));
      const server = await listen((connection) => plans[connection] ?? {});
      const what = `seed ${seed}, round ${round}: ${JSON.stringify(plans)}`;

      const file = writeInput(`round-${round}.txt`, content);
      const { exitCode, stdout, stderr } = await upload(server, file);
      assert.equal(exitCode, 0, `${what}: ${stderr}`);
      assert.deepEqual(server.lines(idOf(content)), linesOf(content), what);
      const discards = discardsOf(content);
      assert.deepEqual(discardsIn(stderr, file).sort(), discards.slice(0, 20).sort(), what);
      assert.match(
        stdout,
        new RegExp(`, ${linesOf(content).length} lines? \\(${discards.length} discarded\\) `),
        what,
      );
    }
  });

  test('in a long file resume at the line that is due', async () => {
    const server = await listen((connection) =>
      connection < 5 ? { inputBytesMax: 2_222_222, isReset: true, portionLines: 100 } : {},
    );
    const content = createLines(600_000);
    const { exitCode } = await upload(server, writeInput('broken.txt', content));
    assert.equal(exitCode, 0);
    assert.equal(server.lines(idOf(content)).join('\n'), content.trimEnd());
    assert.equal(server.connectionCount, 6);
  });

  test('and the way on are a line each', async () => {
    const server = await listen((connection) =>
      connection === 0 ? { inputBytesMax: 100, downMs: 300 } : {},
    );
    const file = writeInput('told.txt', createLines(100));
    const { stderr } = await upload(server, file);
    const closed = `${file}: 127.0.0.1:${server.port} closed the connection; 0 of 100 lines are durable, trying again`;
    assert.deepEqual(stderr.trimEnd().split('\n'), [closed, `${file}: goes on with line 1 of 100`]);
  });

  test('many a second are not told one by one', async () => {
    const server = await listen((connection) =>
      connection < 8 ? { inputBytesMax: 150, portionLines: 1 } : {},
    );
    const file = writeInput('storm.txt', createLines(100));
    const { exitCode, stderr } = await upload(server, file);
    assert.equal(exitCode, 0);
    assert.match(stderr, /: was interrupted 8 times\n/);
    assert.equal(stderr.split('\n').length, 4);
  });

  test('by a server that lost a worker go on over the same connection', async () => {
    const server = await listen(() => ({ retryAfterLines: 500, portionLines: 100 }));
    const content = createLines(1000);
    const file = writeInput('retry.txt', content);
    const { exitCode, stderr } = await upload(server, file);
    assert.equal(exitCode, 0);
    assert.deepEqual(server.lines(idOf(content)), linesOf(content));
    assert.equal(server.connectionCount, 1);
    assert.equal(server.headers.length, 2);
    assert.match(
      stderr,
      /: the server has lost what was on its way; 400 of 1000 lines are durable, trying again\n/,
    );
  });

  test('by a server that lost a worker may come in the middle of a line', async () => {
    const server = await listen(() => ({ retryAfterLines: 1000 }));
    // A length that puts no end of a line at the end of any of the first 24 chunks, which have 2 ** 20 bytes.
    const content = createLines(800_000).replaceAll(/.+/g, (line) => line.slice(0, 24).padEnd(24, '0'));
    const { exitCode } = await upload(server, writeInput('mid-line.txt', content));
    assert.equal(exitCode, 0);
    assert.equal(server.lines(idOf(content)).join('\n'), content.trimEnd());
    assert.equal(server.connectionCount, 1);
  });

  test('of the client are made good by the next run', async () => {
    const server = await listen((connection) =>
      connection === 0 ? { inputBytesMax: 2000, portionLines: 10, downMs: 1e6 } : {},
    );
    const content = createLines(1000);
    const file = writeInput('killed.txt', content);
    const child = startOutcry(['bank', 'send', '--ack', String(server.port), file]);
    const ended = waitForEnd(child);
    await once(child.stderr, 'data');
    child.kill('SIGKILL');
    await ended;
    const durable = server.lines(idOf(content)).length;
    await server.start();

    const { exitCode, stderr } = await upload(server, file);
    assert.ok(durable > 0);
    assert.deepEqual(
      { exitCode, stderr },
      { exitCode: 0, stderr: `${file}: was begun before; goes on with line ${durable + 1} of 1000\n` },
    );
    assert.deepEqual(server.lines(idOf(content)), linesOf(content));
  });
});

function randomContent(random: Random): string {
  const lineEnd = random.pick(['\n', '\r\n']);
  const lines = Array.from({ length: 1 + random.below(3000) }, (_, i) =>
    random.chance(0.01) ? random.pick(['', '!junk']) : `Name${i} credit $${random.below(1000)}`,
  );
  return lines.join(lineEnd) + (random.chance(0.5) ? lineEnd : `${lineEnd}Last debit $1`);
}

function randomPlan(random: Random, length: number): ConnectionPlan {
  return {
    ...(random.chance(0.7) ? { inputBytesMax: 1 + random.below(length) } : {}),
    ...(random.chance(0.3) ? { outputBytesMax: 1 + random.below(500) } : {}),
    ...(random.chance(0.2) ? { downMs: 1 + random.below(100) } : {}),
    ...(random.chance(0.3) ? { retryAfterLines: 1 + random.below(1000) } : {}),
    isReset: random.chance(0.5),
    isTellingEarly: random.chance(0.5),
    portionLines: 1 + random.below(300),
  };
}

describe('bank send --ack > a second time', () => {
  test('is refused, and nothing is sent', async () => {
    const server = await listen();
    const file = writeInput('twice.txt', 'A credit $1\nB credit $1\n');
    await upload(server, file);
    const { exitCode, stdout, stderr } = await upload(server, file);
    assert.deepEqual(
      { exitCode, stderr },
      {
        exitCode: 1,
        stderr: `outcry: ${file}: all 2 lines were uploaded before; nothing was sent. To post them a second time: --again\n`,
      },
    );
    assert.match(stdout, /^uploaded 0 of 1 file, 0 lines \(0 discarded\) /);
    assert.equal(server.lines(idOf('A credit $1\nB credit $1\n')).length, 2);
  });

  test('is refused to the second of two files with the same content', async () => {
    const server = await listen();
    const files = [writeInput('one.txt', 'A credit $1\n'), writeInput('other.txt', 'A credit $1\n')];
    const { exitCode, stdout, stderr } = await upload(server, ...files);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^outcry: \S+(one|other)\.txt: its one line was uploaded before; [^\n]*\n$/);
    assert.match(stdout, /^uploaded 1 of 2 files, 1 line /);
  });

  test('is posted with --again, under the next id', async () => {
    const server = await listen();
    const content = 'A credit $1\nB credit $1\n';
    const file = writeInput('again.txt', content);
    await upload(server, file);
    for (let time = 2; time <= 3; time++) {
      const { exitCode, stdout } = await upload(server, '--again', file);
      assert.equal(exitCode, 0);
      assert.match(stdout, /^uploaded 1 file, 2 lines /);
      assert.deepEqual(server.lines(`${idOf(content)}.${time}`), linesOf(content));
    }
    assert.equal(server.uploads.size, 3);
  });

  test('that was interrupted goes on with --again', async () => {
    const server = await listen();
    const content = createLines(10);
    server.stored(idOf(content)).lines.push(...linesOf(content));
    server.stored(`${idOf(content)}.2`).lines.push(...linesOf(content).slice(0, 4));
    const { exitCode, stderr } = await upload(server, '--again', writeInput('resumed.txt', content));
    assert.equal(exitCode, 0);
    assert.match(stderr, /: was begun before; goes on with line 5 of 10\n$/);
    assert.deepEqual(server.lines(`${idOf(content)}.2`), linesOf(content));
    assert.equal(server.uploads.size, 2);
  });
});

describe('bank send --ack > failures', () => {
  test('end the upload with a clear line, and nothing is sent', async () => {
    const answers = {
      'OK 3\n':
        /the server has 3 lines of the upload mine, more than the 2 there are: the upload-id was used for other/,
      'ERR 0 taken-over\n': /another connection goes on with the upload mine/,
      'ERR 0 upload-id\n': /the server does not accept the upload-id mine/,
      'ERR 0 version 2 only\n': /the server does not know this version of the protocol: 2 only/,
      'HTTP/1.1 400 Bad Request\r\n\r\n':
        /does not speak this protocol \(it answered "HTTP\/1\.1 400 Bad Request\?"\)/,
      ['x'.repeat(5000)]: /does not speak this protocol/,
    };
    for (const [answer, text] of Object.entries(answers)) {
      const server = await listen(() => ({ answer }));
      const file = writeInput('refused.txt', 'A credit $1\nB credit $1\n');
      const { exitCode, stderr } = await upload(server, '--upload-id', 'mine', file);
      assert.equal(exitCode, 1);
      assert.match(stderr, text);
      assert.equal(stderr.split('\n').length, 2);
      assert.equal(server.connectionCount, 1);
    }
  });

  test('are a server that has forgotten the upload', async () => {
    const server = await listen((connection) => {
      if (connection === 1) server.uploads.clear();
      return { inputBytesMax: 2000, portionLines: 10 };
    });
    const { exitCode, stderr } = await upload(server, writeInput('forgotten.txt', createLines(1000)));
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /: the server acknowledged \d+ lines of the upload \S+ and now has only 0: it has lost or forgot/,
    );
    assert.deepEqual(
      [...server.uploads.values()].map(({ lines }) => lines.length),
      [0],
    );
  });

  test('are a file that changes before it is sent', async () => {
    const server = await listen();
    server.stop();
    const file = writeInput('changing.txt', createLines(10));
    const child = startOutcry(['bank', 'send', '--ack', String(server.port), file]);
    const ended = waitForEnd(child);
    await once(child.stderr, 'data');
    appendFileSync(file, 'B credit $1\n');
    await server.start();
    const { exitCode, stderr } = await ended;
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /\noutcry: \S+changing\.txt: was changed while it was sent; no more of it was sent\n$/,
    );
    assert.deepEqual(server.lines(idOf(createLines(10))), []);
  });

  test('of one file let the others go', async () => {
    const server = await listen();
    const files = [join(folder, 'absent.txt'), folder, writeInput('good.txt', 'A credit $1\n')];
    const { exitCode, stdout, stderr } = await upload(server, ...files);
    assert.equal(exitCode, 1);
    assert.match(stderr, /absent\.txt: there is no such file\n/);
    assert.match(stderr, /: is a directory; name the files in it\n/);
    assert.match(stdout, /^uploaded 1 of 3 files, 1 line /);
  });
});

describe('bank send --ack > gives up without progress', () => {
  async function giveUp(server: UploadServer): Promise<string> {
    const file = writeInput('given-up.txt', createLines(10));
    const { exitCode, stdout, stderr } = await upload(server, '--give-up', '0.4', file);
    assert.equal(exitCode, 1);
    assert.match(stdout, /^uploaded 0 of 1 file, 0 lines /);
    const lines = stderr.trimEnd().split('\n');
    const end = '0 of 10 lines are durable; the same command goes on from there';
    assert.ok(lines.at(-1)?.endsWith(end), stderr);
    return lines
      .map((line) => line.replaceAll(`${file}: `, '').replaceAll(String(server.port), 'PORT'))
      .join('\n');
  }

  test('when nobody listens', async () => {
    // Not one that the system gives to whoever asks for any: another test might have it next.
    const server = await UploadServer.listen({ port: 20_000 + (process.pid % 10_000) });
    server.stop();
    const refused =
      'nobody listens on 127.0.0.1:PORT; start "outcry bank serve PORT" there or check the port';
    assert.equal(
      await giveUp(server),
      `${refused}; 0 of 10 lines are durable, trying again\n` +
        `outcry: given up after 0.4 s without progress: ${refused}. ` +
        '0 of 10 lines are durable; the same command goes on from there',
    );
  });

  test('when the server does not answer', async () => {
    const said = await giveUp(await listen(() => ({ answer: '' })));
    assert.match(
      said,
      /^outcry: given up after 0\.4 s without progress: the server is connected but acknowledges nothing/,
    );
  });

  test('when the server cannot store, which is said once', async () => {
    const said = await giveUp(await listen(() => ({ answer: 'ERR 0 store disk full\n'.repeat(3) })));
    assert.match(
      said,
      /^the server can not store at the moment \(disk full\); waiting\noutcry: given up .*: the server can not store\./,
    );
  });
});

describe('bank send --ack > memory', () => {
  test('stays small whatever the length of the file', async () => {
    const file = writeInput('sparse.txt', '');
    truncateSync(file, 300 * MEBIBYTE);
    const server = createServer((socket) => socket.write('OK 0\n')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const child = startOutcry([
      'bank',
      'send',
      '--ack',
      String((server.address() as AddressInfo).port),
      file,
    ]);
    const ended = waitForEnd(child);
    const [socket] = (await once(server, 'connection')) as [Socket];
    let missingByteCount = Buffer.byteLength(`OUTCRY 1 ACK ${idOf('')}\n`) + 300 * MEBIBYTE + 1;
    for await (const bytes of socket) {
      missingByteCount -= bytes.length;
      if (missingByteCount === 0) break;
    }
    const peakBytes =
      Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1024;
    child.kill('SIGKILL');
    server.close();
    await ended;
    assert.ok(peakBytes < 150 * MEBIBYTE, `the peak was ${peakBytes} bytes`);
  });
});

describe('bank send --ack > on a terminal', () => {
  test('draws a bar of what is durable', async () => {
    const server = await listen();
    const file = writeInput('bar.txt', createLines(50_000));
    const output = await runOnTerminal(['bank', 'send', '--ack', String(server.port), file]);
    assert.match(output, /━+─*\S* 100 % {2}1\.3 MB {2}\S+ [kMG]?B\/s {2}0:00 left/);
    assert.match(output, /\[2Kuploaded 1 file, 50000 lines \(0 discarded\) durable in \S+ s\r\n$/);
  });
});

describe('bank send --ack > wrong use', () => {
  test('is named and exit 2', async () => {
    const uses: readonly (readonly [readonly string[], RegExp])[] = [
      [['--again'], /--again, --upload-id and --give-up mean nothing without --ack/],
      [['--upload-id', 'a'], /mean nothing without --ack/],
      [['--give-up', '1'], /mean nothing without --ack/],
      [['--ack', '--upload-id', 'a', 'second.txt'], /--upload-id names one upload; send one file at a time/],
      [['--ack', '--upload-id', 'a/b'], /an upload-id has 1 to 120 letters.* which "a\/b" has not/],
      [['--ack', '--upload-id', 'a'.repeat(121)], /an upload-id has 1 to 120 letters/],
      [['--ack', '--give-up', '0'], /--give-up expects seconds from 0.1 to 1000000, not "0"/],
      [['--ack', '--give-up', 'soon'], /--give-up expects seconds.* not "soon"/],
    ];
    for (const [flags, text] of uses) {
      const { exitCode, stderr } = await runOutcry(['bank', 'send', '5000', 'input.txt', ...flags]);
      assert.equal(exitCode, 2);
      assert.match(stderr, text);
    }
  });
});
