import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { connectTo, leave, send, write } from '../../support/bank-client.ts';
import {
  type Exit,
  runOutcry,
  type ServerProcess,
  type SpawnOptions,
  startOutcry,
  totalsIn,
} from '../../support/server-process.ts';
import { until } from '../../support/until.ts';

function startServe(
  t: TestContext,
  flags: readonly string[],
  options?: SpawnOptions,
): Promise<ServerProcess> {
  return startOutcry(t, ['serve', ...flags], options).listening(/^bank +127\.0\.0\.1:(\d+) .*nc /m);
}

/** One line for each problem and nothing else. */
function assertRefused(exit: Exit, ...problems: readonly RegExp[]): void {
  assert.deepEqual([exit.code, exit.stdout], [2, '']);
  const lines = exit.stderr.split('\n');
  assert.equal(lines.length, problems.length + 1, exit.stderr);
  for (const [i, problem] of problems.entries()) assert.match(lines[i] ?? '', problem);
}

describe('outcry serve', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`prints the services, serves them, and on ${signal} drains and exits 0`, async (t) => {
      const server = await startServe(t, ['--bank-port', '0', '--log-level', 'warn']);
      assert.match(server.stdout, /^service +address +a line to try\n/);
      const socket = await connectTo(server.port);
      await write(socket, 'Marc credit $2\nMarc credit');
      server.signal(signal);
      await until('it says so', () => server.stdout.includes(`${signal}: `));
      await write(socket, ' $3\njunk\n');
      await leave(socket);
      const exit = await server.exited();
      assert.deepEqual([exit.code, exit.signal, exit.stderr], [0, null, '']);
      const { applied, discarded } = totalsIn(exit.stdout);
      assert.deepEqual({ applied, discarded }, { applied: 2, discarded: { 'not-three-fields': 1 } });
      assert.deepEqual(server.files(), ['data']);
    });
  }

  test('ends at once at the second signal', async (t) => {
    const server = await startServe(t, ['--bank-port', '0']);
    const socket = await connectTo(server.port);
    socket.on('error', () => {
      // The server goes away: expected.
    });
    await write(socket, 'Marc');
    server.signal('SIGINT');
    await until('it drains', () => server.stdout.includes('SIGINT: '));
    const startMs = performance.now();
    const exit = await server.interrupted('SIGTERM');
    assert.ok(performance.now() - startMs < 5000, 'it did not wait');
    assert.equal(exit.code, 1);
    socket.destroy();
  });

  test('takes its settings from the file, from flags above it', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'outcry-serve-'));
    writeFileSync(
      join(folder, 'config.ini'),
      '[bank]\nport = 1\nline_length_max = 128\n[log]\nlevel = warn\n',
    );
    const server = await startServe(t, ['--bank-port', '0'], { folder });
    await send(server.port, [`Marc credit $1\n${'x'.repeat(129)}\n`]);
    const { discarded } = totalsIn((await server.interrupted()).stdout);
    assert.deepEqual(discarded, { 'line-too-long': 1 });
  });

  test('refuses a port that is in use in one line', async (t) => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    t.after(() => other.close());
    const address = other.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const exit = await runOutcry(t, ['serve', '--bank-port', String(port)]);
    assertRefused(
      exit,
      new RegExp(`^outcry: bank can't listen on 127\\.0\\.0\\.1:${port}: the port is in use`),
    );
  });

  test('refuses wrong settings, one line each', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'outcry-serve-'));
    writeFileSync(join(folder, 'bad.ini'), '[bank]\nprot = 1\nport = http\n');
    const exit = await runOutcry(t, ['serve', '--config', 'bad.ini', '--log-level', 'loud'], { folder });
    assertRefused(exit, /bad\.ini \[bank\] prot.*port/, /bad\.ini \[bank\] port: "http"/, /log-level.*loud/);
  });

  test('refuses a file that is not there in one line', async (t) => {
    assertRefused(await runOutcry(t, ['serve', '--config', 'none.ini']), /^outcry: none\.ini: /);
  });

  test('refuses arguments and unknown flags in one line', async (t) => {
    assertRefused(await runOutcry(t, ['serve', 'now']), /^outcry: .*"now"/);
    assertRefused(await runOutcry(t, ['serve', '--banc-port', '1']), /^outcry: .*--banc-port/);
  });
});
