import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, connect as openSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { Random } from '../../../workers/runtime/random.ts';
import { connectTo, leave, raggedly, send, write } from '../../support/bank-client.ts';
import { bankInputs } from '../../support/bank-inputs.ts';
import { BankModel } from '../../support/bank-model.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import {
  type Exit,
  OUTCRY,
  runOutcry,
  type ServerProcess,
  startBank,
  startOutcry,
  totalsIn,
} from '../../support/server-process.ts';
import { resetNow } from '../../support/test-client.ts';
import { until } from '../../support/until.ts';

const PEAK_MEMORY_MAX_MB = 200;
const MB = 1024 * 1024;

/** It ended in order, and its report and totals are those of the model. */
function assertDone(server: ServerProcess, exit: Exit, model: BankModel, connections: number): void {
  assert.deepEqual([exit.code, exit.signal, exit.stderr], [0, null, '']);
  assert.equal(server.report(), model.report());
  const { applied, discards: discarded } = model;
  assert.deepEqual(totalsIn(exit.stdout), { connections, applied, discarded });
  assert.deepEqual(server.files(), ['log.txt']);
}

function assertOneLine(exit: Exit, code: number, text: RegExp): void {
  assert.deepEqual([exit.code, exit.stdout], [code, '']);
  assert.match(exit.stderr, text);
  assert.match(exit.stderr, /^[^\n]+\n$/);
}

function modelOf(...lines: string[]): BankModel {
  const model = new BankModel();
  for (const line of lines) model.take(line);
  return model;
}

describe('outcry bank serve > the homework', () => {
  const seed = fuzzSeed();

  test('100 clients that send $2 and take $1 leave $100.00', async (t) => {
    const server = await startBank(t);
    const lines = 'Marc credit $2\nMarc debit $1\n';
    await Promise.all(Array.from({ length: 100 }, () => send(server.port, [lines])));
    const exit = await server.interrupted();
    assert.equal(server.report(), 'Marc $100.00\n');
    assert.deepEqual([exit.code, exit.stderr], [0, '']);
    assert.deepEqual(totalsIn(exit.stdout), { connections: 100, applied: 200, discarded: {} });
  });

  for (const hosts of [1, 3]) {
    test(`50 ragged senders with junk give exactly the expected log, on ${hosts} hosts`, async (t) => {
      const { files, model } = bankInputs({ seed: seed + hosts, files: 50, lines: 1000 });
      const server = await startBank(t, ['--server-hosts', String(hosts)]);
      await Promise.all(
        files.map((file, i) => send(server.port, raggedly(file, new Random(seed + i), 3000))),
      );
      assertDone(server, await server.interrupted(), model, files.length);
    });

    test(`lines split at every byte are whole again, on ${hosts} hosts`, async (t) => {
      const { files, model } = bankInputs({
        seed,
        files: 4,
        lines: 12,
        isLastLineOpen: true,
        junkPercent: 10,
      });
      const server = await startBank(t, ['--server-hosts', String(hosts)]);
      await Promise.all(files.map((file) => send(server.port, raggedly(file, new Random(seed), 1))));
      assertDone(server, await server.interrupted(), model, files.length);
    });
  }

  test('a last line without a newline counts, in small and in large files', async (t) => {
    const { files, model } = bankInputs({ seed, files: 6, lines: 5000, isLastLineOpen: true });
    const server = await startBank(t);
    await Promise.all(files.map((file) => send(server.port, [file])));
    assertDone(server, await server.interrupted(), model, files.length);
  });

  test('what outcry bank send sends arrives', async (t) => {
    const { files, model } = bankInputs({ seed, files: 8, lines: 500 });
    const server = await startBank(t);
    const folder = mkdtempSync(join(tmpdir(), 'outcry-send-'));
    const names = files.map((file, i) => {
      writeFileSync(join(folder, `${i}.txt`), file);
      return `${i}.txt`;
    });
    const sent = await runOutcry(t, ['bank', 'send', String(server.port), ...names], { folder });
    assert.deepEqual([sent.code, sent.stderr], [0, '']);
    assertDone(server, await server.interrupted(), model, files.length);
  });

  test('started by a script in the background, where SIGINT is ignored, it ends all the same', async (t) => {
    const server = await startBank(t, [], { isInBackground: true });
    await send(server.port, ['Marc credit $2\n']);
    const exit = await server.interrupted();
    assertDone(server, exit, modelOf('Marc credit $2'), 1);
  });

  test('SIGTERM ends it as SIGINT does', async (t) => {
    const server = await startBank(t);
    await send(server.port, ['Marc credit $2\nMarc credit two\n']);
    const exit = await server.interrupted('SIGTERM');
    assertDone(server, exit, modelOf('Marc credit $2', 'Marc credit two'), 1);
  });

  test('an old log.txt is replaced, also by an empty one', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'outcry-old-'));
    writeFileSync(join(folder, 'log.txt'), 'Old $1.00\n');
    const server = await startBank(t, [], { folder });
    assertDone(server, await server.interrupted(), new BankModel(), 0);
  });
});

describe('outcry bank serve > the shutdown', () => {
  test('SIGINT right after the last sender has closed loses nothing, 20 times in 20', async (t) => {
    const seed = fuzzSeed();
    const round = async (i: number): Promise<void> => {
      const { files, model } = bankInputs({ seed: seed + i, files: 8, lines: 200, isLastLineOpen: true });
      const server = await startBank(t, i % 2 === 0 ? [] : ['--server-hosts', '2']);
      await Promise.all(files.map((file) => send(server.port, [file])));
      assertDone(server, await server.interrupted(), model, files.length);
    };
    for (let i = 0; i < 20; i += 4) await Promise.all([0, 1, 2, 3].map((offset) => round(i + offset)));
  });

  test('connections that still wait to be accepted when SIGINT comes are served', async (t) => {
    const { files, model } = bankInputs({ seed: 4, files: 60, lines: 20, isLastLineOpen: true });
    const server = await startBank(t);
    server.signal('SIGSTOP');
    await Promise.all(files.map((file) => send(server.port, [file])));
    server.signal('SIGINT');
    server.signal('SIGCONT');
    assertDone(server, await server.exited(), model, files.length);
  });

  test('a client that goes on sending after SIGINT is read to its end', async (t) => {
    const server = await startBank(t);
    const socket = await connectTo(server.port);
    await write(socket, 'Marc credit $1\nMarc cre');
    server.signal('SIGINT');
    await until('the doors are closed', () => isRefused(server.port));
    await write(socket, 'dit $2\nMarc credit $4');
    await leave(socket);
    const model = modelOf('Marc credit $1', 'Marc credit $2', 'Marc credit $4');
    const exit = await server.exited();
    assert.deepEqual([exit.code, server.report()], [0, model.report()]);
  });

  test('a client that stays silent is given up, and its half line is counted', async (t) => {
    const server = await startBank(t, ['--drain-silent-seconds', '1']);
    const socket = await connectTo(server.port);
    socket.on('error', () => {
      // The server closes it with a reset: expected.
    });
    await write(socket, 'Marc credit $2\nMarc credit $30');
    const startMs = performance.now();
    const exit = await server.interrupted();
    assert.ok(performance.now() - startMs > 900, 'it waited for the silent client');
    const model = modelOf('Marc credit $2');
    model.discard('cut-off');
    assertDone(server, exit, model, 1);
    assert.match(exit.stdout, /1 connection \(1 given up\)/);
    socket.destroy();
  });

  test('a second SIGINT does not wait for clients', async (t) => {
    const server = await startBank(t);
    const socket = await connectTo(server.port);
    socket.on('error', () => {
      // The server goes away: expected.
    });
    await write(socket, 'Marc credit $2\n');
    server.signal('SIGINT');
    await until('the doors are closed', () => isRefused(server.port));
    const startMs = performance.now();
    const exit = await server.interrupted();
    assert.ok(performance.now() - startMs < 5000, 'it did not wait');
    assert.deepEqual([exit.code, exit.stderr, server.files()], [0, '', ['log.txt']]);
    socket.destroy();
  });

  test('the report and the totals agree when a second SIGINT comes under load', async (t) => {
    const server = await startBank(t, ['--server-hosts', '2']);
    const flood = Buffer.from('Marc credit $0.01\n'.repeat(20_000));
    const sockets = await Promise.all(Array.from({ length: 8 }, () => connectTo(server.port)));
    for (const socket of sockets) {
      const pour = () => {
        while (!socket.destroyed && socket.write(flood));
      };
      socket.on('drain', pour);
      socket.on('error', () => {
        // The server goes away: expected.
      });
      pour();
    }
    await until('lines have been sent', () => sockets.every(({ bytesWritten }) => bytesWritten > 5_000_000));
    server.signal('SIGINT');
    await until('the doors are closed', () => isRefused(server.port));
    const exit = await server.interrupted();
    for (const socket of sockets) socket.destroy();
    // The probes of the doors may be among them.
    assert.ok(Number(/\((\d+) given up\)/.exec(exit.stdout)?.[1]) >= sockets.length, exit.stdout);
    const { applied } = totalsIn(exit.stdout);
    assert.equal(
      server.report(),
      `Marc $${Math.floor(applied / 100)}.${String(applied % 100).padStart(2, '0')}\n`,
    );
  });

  test('a second SIGINT while the report is being written leaves it whole', async (t) => {
    const names = Array.from({ length: 100_000 }, (_, i) => `name-${i}`);
    const model = modelOf(...names.map((name) => `${name} credit $1`));
    const text = Buffer.from(names.map((name) => `${name} credit $1\n`).join(''));
    const server = await startBank(t);
    await send(server.port, [text]);
    server.signal('SIGINT');
    await until('the report is being written', () => server.files().length > 0);
    assertDone(server, await server.interrupted(), model, 1);
  });

  test('SIGINT at any moment of the start ends it, with a whole report or none', async (t) => {
    const outcomes = new Set<string>();
    const round = async (afterMs: number): Promise<void> => {
      const server = startOutcry(t, ['bank', 'serve', '0']);
      // Not to wait for anything: the moment is what is tried.
      await delay(afterMs);
      const { code, signal } = await server.interrupted();
      assert.ok(signal === 'SIGINT' || code === 0, `after ${afterMs} ms: ${code} ${signal} ${server.stderr}`);
      assert.deepEqual(server.files(), code === 0 ? ['log.txt'] : []);
      if (code === 0) assert.equal(server.report(), '');
      outcomes.add(signal ?? 'ended in order');
    };
    for (let ms = 0; ms < 300; ms += 48) await Promise.all([0, 16, 32].map((offset) => round(ms + offset)));
    assert.ok(outcomes.has('ended in order'));
  });

  test('two SIGINTs during the start end it in order', async (t) => {
    const round = async (afterMs: number): Promise<void> => {
      const server = startOutcry(t, ['bank', 'serve', '0']);
      await delay(afterMs);
      server.signal('SIGINT');
      await delay(2);
      server.signalIfAlive('SIGINT');
      const { code, signal } = await server.exited();
      assert.ok(signal === 'SIGINT' || code === 0, `after ${afterMs} ms: ${code} ${signal} ${server.stderr}`);
      assert.deepEqual(server.files(), code === 0 ? ['log.txt'] : []);
    };
    for (const ms of [60, 120, 180]) await Promise.all([0, 20, 40].map((offset) => round(ms + offset)));
  });

  test('nobody who reads its output any more is no reason to lose the report', async (t) => {
    const server = await startBank(t);
    await send(server.port, ['Marc credit $2\n']);
    server.closeOutputs();
    const { code } = await server.interrupted();
    assert.deepEqual([code, server.report()], [0, 'Marc $2.00\n']);
  });

  test('a full disk is said, and the old log.txt stays as it was', async (t) => {
    const disk = smallDisk();
    try {
      writeFileSync(join(disk.folder, disk.old), 'Old $1.00\n');
      const server = await startBank(t, [], { folder: disk.folder });
      const names = Array.from({ length: 3000 }, (_, i) => `name-${i}`);
      await send(server.port, [names.map((name) => `${name} credit $1\n`).join('')]);
      const before = server.files();
      const exit = await server.interrupted();
      assert.deepEqual([exit.code, exit.stdout.split('\n').length], [1, 2]);
      assert.match(exit.stderr, disk.message);
      assert.match(exit.stderr, /^outcry: can't write log\.txt: [^\n]+\n$/);
      assert.deepEqual(server.files(), before);
      if (disk.old === 'log.txt') assert.equal(server.report(), 'Old $1.00\n');
    } finally {
      disk.unmount();
    }
  });
});

describe('outcry bank serve > bad input', () => {
  test('lines far too long are skipped in little memory', async (t) => {
    const server = await startBank(t);
    const piece = Buffer.alloc(MB, 'x');
    const huge = function* () {
      yield 'Marc credit $1\n';
      for (let i = 0; i < 100; i++) yield piece;
      yield '\nMarc credit $2\n';
    };
    const long = `Marc credit $4\n${'y'.repeat(5000)}\nMarc credit $8\n`;
    await Promise.all([send(server.port, huge()), send(server.port, [long])]);
    const peakMb = server.peakMemoryMb() ?? 0;
    assert.ok(peakMb < PEAK_MEMORY_MAX_MB, `${peakMb} MB`);
    const model = modelOf('Marc credit $1', 'Marc credit $2', 'Marc credit $4', 'Marc credit $8');
    model.discard('line-too-long');
    model.discard('line-too-long');
    assertDone(server, await server.interrupted(), model, 2);
  });

  test('an endless line that never ends is one line too long', async (t) => {
    const server = await startBank(t);
    await send(server.port, ['Marc credit $1\n', Buffer.alloc(MB, 'x')]);
    const model = modelOf('Marc credit $1');
    model.discard('line-too-long');
    assertDone(server, await server.interrupted(), model, 1);
  });

  test('binary noise is discarded line by line', async (t) => {
    const server = await startBank(t);
    const random = new Random(fuzzSeed());
    const noise = Buffer.from(Array.from({ length: 100_000 }, () => random.below(256)));
    const text = `Marc credit $1\n${noise.toString('latin1')}\nMarc credit $2`;
    await send(server.port, raggedly(Buffer.from(text, 'latin1'), random, 10_000));
    assertDone(server, await server.interrupted(), modelOf(...text.split('\n')), 1);
  });

  test('a client that sends byte by byte keeps nobody waiting', async (t) => {
    const server = await startBank(t);
    const slow = await connectTo(server.port);
    for (const byte of 'Slow credit $1\nSlow deb') {
      await write(slow, byte);
      await nextTurn();
    }
    await send(server.port, ['Fast credit $1\n']);
    for (const byte of 'it $0.25') await write(slow, byte);
    await leave(slow);
    const model = modelOf('Slow credit $1', 'Fast credit $1', 'Slow debit $0.25');
    assertDone(server, await server.interrupted(), model, 2);
  });

  test('a reset in mid-line costs that line and no other', async (t) => {
    const server = await startBank(t);
    const socket = await connectTo(server.port);
    await write(socket, 'Marc credit $2\nMarc credit $30');
    resetNow(socket);
    await send(server.port, ['Zoe credit $1\n']);
    const model = modelOf('Marc credit $2', 'Zoe credit $1');
    model.discard('cut-off');
    assertDone(server, await server.interrupted(), model, 2);
  });

  test('1,000 connections at once are all served', async (t) => {
    const server = await startBank(t);
    const sockets = await Promise.all(Array.from({ length: 1000 }, () => connectTo(server.port)));
    await Promise.all(sockets.map((socket, i) => write(socket, `Marc credit $1\nClient${i} debit $0.0`)));
    await Promise.all(
      sockets.map(async (socket, i) => {
        await write(socket, `${i % 10}`);
        await leave(socket);
      }),
    );
    const model = new BankModel();
    for (let i = 0; i < 1000; i++) {
      model.take('Marc credit $1');
      model.take(`Client${i} debit $0.0${i % 10}`);
    }
    assertDone(server, await server.interrupted(), model, 1000);
  });

  test('a client that never reads is served like any other', async (t) => {
    const server = await startBank(t);
    const socket = openSocket({ port: server.port, host: '127.0.0.1' }).pause();
    const line = 'Marc credit $0.01\n';
    await write(socket, line.repeat(50_000));
    await new Promise<void>((resolve) => socket.end(resolve));
    const exit = await server.interrupted();
    assert.deepEqual([exit.code, server.report()], [0, 'Marc $500.00\n']);
    socket.destroy();
  });

  test('100,000 distinct names are kept and sorted', async (t) => {
    const server = await startBank(t, ['--server-hosts', '2']);
    const model = new BankModel();
    const lines = Array.from(
      { length: 100_000 },
      (_, i) => `n${((i * 7919) % 100_003).toString(36)} debit $${i}.5`,
    );
    for (const line of lines) model.take(line);
    await send(server.port, [`${lines.join('\n')}\n`]);
    assertDone(server, await server.interrupted(), model, 1);
  });

  test('a balance that would leave the range refuses the line, in order, on every number of hosts', async (t) => {
    const most = '$90071992547409.91';
    const names = Array.from({ length: 40 }, (_, i) => `n${i}`);
    const lines = names.flatMap((name) => [
      `${name} credit ${most}`,
      `${name} credit $0.01`,
      `${name} debit $0.02`,
      `${name} credit $0.01`,
      `${name} credit $0.02`,
    ]);
    for (const hosts of ['1', '2', '3']) {
      const server = await startBank(t, ['--server-hosts', hosts]);
      await send(server.port, [lines.join('\n')]);
      assertDone(server, await server.interrupted(), modelOf(...lines), 1);
    }
  });
});

describe('outcry bank serve > wrong use', () => {
  test('without a port it prints how to use it', async (t) => {
    const exit = await runOutcry(t, ['bank', 'serve']);
    assert.deepEqual([exit.code, exit.stdout, exit.stderr], [2, '', 'usage: outcry bank serve PORT\n']);
  });

  test('with two ports it prints how to use it', async (t) => {
    const exit = await runOutcry(t, ['bank', 'serve', '0', '1']);
    assert.deepEqual([exit.code, exit.stderr], [2, 'usage: outcry bank serve PORT\n']);
  });

  for (const port of ['http', '65536', '-1', '1e3', '0x10', '5000.5', '']) {
    test(`refuses ${JSON.stringify(port)} as a port in one line`, async (t) => {
      assertOneLine(await runOutcry(t, ['bank', 'serve', port]), 2, /^outcry: /);
    });
  }

  test('refuses an unknown flag in one line', async (t) => {
    assertOneLine(await runOutcry(t, ['bank', 'serve', '0', '--ports', '1']), 2, /^outcry: .*--ports/);
  });

  test('refuses a wrong setting in one line', async (t) => {
    assertOneLine(
      await runOutcry(t, ['bank', 'serve', '0', '--server-hosts', 'many']),
      2,
      /server-hosts.*many/,
    );
  });

  test('says in one line that the port is in use, and leaves log.txt alone', async (t) => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    t.after(() => other.close());
    const address = other.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const folder = mkdtempSync(join(tmpdir(), 'outcry-busy-'));
    writeFileSync(join(folder, 'log.txt'), 'Old $1.00\n');
    const server = startOutcry(t, ['bank', 'serve', String(port)], { folder });
    assertOneLine(await server.exited(), 2, new RegExp(`^outcry: .*${port}: the port is in use`));
    assert.equal(server.report(), 'Old $1.00\n');
  });
});

/** True once nobody listens on the port any more. */
function isRefused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = openSocket({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => resolve(true));
  });
}

interface SmallDisk {
  readonly folder: string;
  /** The file that must survive. */
  readonly old: string;
  readonly message: RegExp;
  unmount(): void;
}

/** A disk too small for the report; where mounting is not allowed, a folder in which its name is taken by another. */
function smallDisk(): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), 'outcry-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    mkdirSync(join(folder, 'log.txt'));
    return { folder, old: 'log.txt/old', message: /directory|not empty/, unmount: () => {} };
  }
  const unmount = () => {
    execFileSync('umount', ['-l', folder]);
  };
  return { folder, old: 'log.txt', message: /ENOSPC|no space left/, unmount };
}

describe('outcry bank serve > an output that takes nothing', () => {
  const hasFullDevice = existsSync('/dev/full');

  test('a log that can not be written does not end the server', { skip: !hasFullDevice }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'outcry-'));
    const full = openSync('/dev/full', 'w');
    const args = [OUTCRY, 'bank', 'serve', '0', '--bank-connections-max', '1'];
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', full] });
    try {
      let stdout = '';
      child.stdout?.on('data', (chunk: Buffer) => {
        stdout += chunk.toString();
      });
      const port = await until('it listens', () => Number(/:(\d+)\n/.exec(stdout)?.[1]) || undefined);
      const first = await connectTo(port);
      await write(first, 'Marc credit $2\n');
      // Refused, which is logged.
      const second = await connectTo(port);
      await once(second, 'close');
      first.end();
      await once(first, 'close');
      const closed = once(child, 'close');
      child.kill('SIGINT');
      assert.deepEqual(await closed, [0, null]);
      assert.equal(readFileSync(join(folder, 'log.txt'), 'utf8'), 'Marc $2.00\n');
      assert.match(stdout, /1 connection \(1 refused\), 1 line applied/);
    } finally {
      child.kill('SIGKILL');
      closeSync(full);
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('outcry bank serve > its log', () => {
  const exitAfterJunk = async (server: ServerProcess) => {
    await send(server.port, ['junk\n']);
    return server.interrupted();
  };

  test('is silent about discarded lines by default', async (t) => {
    assert.equal((await exitAfterJunk(await startBank(t))).stderr, '');
  });

  test('is as loud as the environment says', async (t) => {
    const server = await startBank(t, [], { variables: { OUTCRY_LOG_LEVEL: 'info' } });
    assert.match((await exitAfterJunk(server)).stderr, /discarded 1 line"/);
  });

  test('is as quiet as a flag says, whatever the environment says', async (t) => {
    const variables = { OUTCRY_LOG_LEVEL: 'info' };
    const server = await startBank(t, ['--log-level', 'error'], { variables });
    assert.equal((await exitAfterJunk(server)).stderr, '');
  });
});
