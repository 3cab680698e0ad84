import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { resolveConfig } from '../../src/config.ts';
import { Server } from '../../src/server.ts';
import type { OutcryError } from '../../src/values/errors.ts';
import { connectTo, leave, send, write } from '../support/bank-client.ts';
import { bankInputs } from '../support/bank-inputs.ts';
import { BankModel } from '../support/bank-model.ts';
import { fuzzSeed } from '../support/fuzz-seed.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

interface Started {
  readonly server: Server;
  readonly port: number;
  /** Levels and texts, `50 host 0 was lost: …`. */
  readonly log: readonly string[];
  readonly fatal: readonly OutcryError[];
}

async function start(t: TestContext, flags: Readonly<Record<string, string>>): Promise<Started> {
  const log: string[] = [];
  const fatal: OutcryError[] = [];
  const sink = {
    write: (line: string) => {
      const { level, msg } = JSON.parse(line) as { level: number; msg: string };
      log.push(`${level} ${msg}`);
    },
  };
  const server = await Server.start({
    services: ['bank'],
    config: resolveConfig({ file: null, environment: {}, flags: { 'bank-port': '0', ...flags } }),
    log: pino({ level: 'info' }, sink),
    onFatal: (error) => fatal.push(error),
  });
  t.after(() => server.stop());
  return { server, port: server.services[0]?.port ?? 0, log, fatal };
}

async function reportOf(server: Server): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'outcry-report-'));
  try {
    await server.bank.writeReport(join(folder, 'report.txt'));
    return readFileSync(join(folder, 'report.txt'), 'latin1');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Ends the thread of some host; resolves once it has been replaced. */
async function killThread({ server, log }: Started, index: number): Promise<void> {
  const replaced = () => log.filter((line) => line.endsWith('was replaced')).length;
  const before = replaced();
  server.hosts.pool.threads[index]?.terminate();
  await until('the host is replaced', () => replaced() > before);
}

describe('Server', () => {
  for (const hosts of ['1', '2', '3']) {
    test(`after a drain the totals count every line, also those refused in another host (${hosts} hosts)`, async (t) => {
      const { server, port } = await start(t, { 'server-hosts': hosts });
      const model = new BankModel();
      const names = Array.from({ length: 50 }, (_, i) => `n${i}`);
      const lines = names.map((name) => `${name} credit $90071992547409.91`);
      for (let i = 0; i < 200; i++) lines.push(...names.map((name) => `${name} credit $1`));
      for (const line of lines) model.take(line);
      await send(port, [lines.join('\n')]);
      await server.drain();
      const { applied, discarded } = await server.bank.totals();
      assert.deepEqual({ applied, discarded }, { applied: model.applied, discarded: model.discards });
    });
  }

  test('answers for what it has so far while clients are connected', async (t) => {
    const { server, port } = await start(t, {});
    const socket = await connectTo(port);
    await write(socket, 'Marc credit $2\nMarc cre');
    await until('the line is applied', async () => (await server.bank.totals()).applied === 1);
    assert.equal(await reportOf(server), 'Marc $2.00\n');
    await leave(socket);
  });

  test('opens no more accounts than it may, and says how many lines that cost', async (t) => {
    const { server, port } = await start(t, { 'bank-accounts-max': '160' });
    const lines = Array.from({ length: 1000 }, (_, i) => `n${i} credit $1\n`);
    await send(port, [lines.join('')]);
    await server.drain();
    const { applied, discarded } = await server.bank.totals();
    const report = await reportOf(server);
    assert.equal(report.split('\n').length - 1, applied);
    assert.deepEqual(discarded, { 'too-many-accounts': 1000 - applied });
    assert.ok(applied <= 160, `${applied} accounts`);
  });

  test('refuses connections beyond its limit and serves the others', async (t) => {
    const { server, port, log } = await start(t, { 'bank-connections-max': '2' });
    const sockets = await Promise.all([connectTo(port), connectTo(port)]);
    const third = await connectTo(port);
    third.on('error', () => {
      // A reset is as good as a close.
    });
    await until('the third is closed', () => third.closed || third.readableEnded || third.destroyed);
    for (const socket of sockets) await write(socket, 'Marc credit $1\n');
    await Promise.all(sockets.map(leave));
    await server.drain();
    assert.equal(await reportOf(server), 'Marc $2.00\n');
    assert.equal((await server.bank.totals()).connections, 2);
    assert.match(log.join('\n'), /40 refused 1 connection: /);
  });

  test('gives up a client that is silent too long', async (t) => {
    const { server, port } = await start(t, { 'bank-idle-seconds': '1' });
    const socket = await connectTo(port);
    socket.on('error', () => {
      // A reset is as good as a close.
    });
    socket.resume();
    await write(socket, 'Marc credit $1\nMarc cre');
    await until('it is closed', () => socket.closed);
    const cutOff = async () => (await server.bank.totals()).discarded['cut-off'] === 1;
    await until('its half line is counted', cutOff);
    assert.equal(await reportOf(server), 'Marc $1.00\n');
  });
});

describe('Server > an upload', () => {
  test('whose client reads nothing for a while is read on when it does, and every line is answered once', async (t) => {
    // So that the host has not been given all before the first answers have come.
    const { server, port } = await start(t, { 'flow-host-bytes-high': '65536', 'flow-host-bytes-low': '0' });
    const client = await TestClient.connect(port);
    client.send('OUTCRY 1 ACK blank\n');
    await client.receives('OK 0\n');
    client.socket.pause();
    const count = 2_000_000;
    // 36 MB, more than the kernel's buffers hold.
    const errors = Array.from({ length: count }, (_, i) => `ERR ${i + 1} empty\n`).join('');
    client.send('\n'.repeat(count));
    const read = await stoppedReading(server);
    assert.ok(read < count, 'it is not read to its end while it takes nothing');
    client.socket.resume();
    await until(
      'the last line is durable',
      () => client.receivedBytes > errors.length && client.text.endsWith(`\nOK ${count}\n`),
    );
    assert.ok(client.text.replaceAll(/^OK \d+\n/gm, '') === errors, 'every line is answered once, in order');
  });

  test('whose first line only begins like one is refused, and nothing that follows it is taken', async (t) => {
    const { server, port } = await start(t, {});
    const client = await TestClient.connect(port);
    client.send('OUTCRY 1 PUT monday\nMarc credit $1\n');
    await client.isLetGo();
    client.end();
    await client.closes();
    const refusal = 'ERR 0 first-line the first line of an upload is: OUTCRY 1 ACK upload-id\n';
    assert.deepEqual([client.text, client.errorCode], [refusal, undefined]);
    await server.drain();
    const { applied, discarded } = await server.bank.totals();
    assert.deepEqual([applied, discarded], [0, {}]);
  });
});

/** Resolves with the lines that were read when no more are, since the answers to them wait for the client. */
async function stoppedReading(server: Server): Promise<number> {
  let count = 0;
  let quiet = 0;
  return until('no more is read', async () => {
    const { empty = 0 } = (await server.bank.totals()).discarded;
    quiet = empty === count ? quiet + 1 : 0;
    count = empty;
    return count > 0 && quiet > 20 && count;
  });
}

describe('Server > a worker thread that dies', () => {
  for (const hosts of [1, 3]) {
    test(`in mid-load costs its accounts, is said, and hangs nothing, on ${hosts} hosts`, async (t) => {
      const started = await start(t, { 'server-hosts': String(hosts) });
      const { server, port, log, fatal } = started;
      const { files } = bankInputs({ seed: fuzzSeed(), files: 4, lines: 20_000 });
      const sockets = await Promise.all(files.map(() => connectTo(port)));
      const sending = files.map((file, i) => write(sockets[i] ?? assert.fail(), file));
      await until('lines are applied', async () => (await server.bank.totals()).applied > 0);
      await killThread(started, 0);
      await Promise.all(sending);
      assert.equal(server.losses.length, 1);
      assert.match(log.join('\n'), /50 host \d was lost: .+/);
      assert.match(log.join('\n'), /50 host \d kept its accounts in memory: they are lost/);

      // The connections that were open and a new one: what they send from now on counts.
      for (const socket of sockets) await write(socket, '\nAfterwards credit $1\n');
      await send(port, ['Afterwards credit $1\n']);
      await Promise.all(sockets.map(leave));
      await server.drain();
      assert.match(await reportOf(server), /^Afterwards \$5\.00$/m);
      assert.deepEqual(fatal, []);
    });
  }

  test('during the drain does not hang it', async (t) => {
    const { server, port } = await start(t, { 'server-hosts': '2' });
    const { files } = bankInputs({ seed: fuzzSeed(), files: 4, lines: 20_000 });
    await Promise.all(files.map((file) => send(port, [file])));
    const draining = server.drain();
    server.hosts.pool.threads[1]?.terminate();
    await draining;
    await until('the loss is known', () => server.losses.length > 0);
  });

  test('together with another is survived as well', async (t) => {
    const { server, port, fatal } = await start(t, { 'server-hosts': '3' });
    for (const thread of [...server.hosts.pool.threads]) thread.terminate();
    await until('all losses are known', () => server.losses.length >= 3);
    await send(port, ['Marc credit $2\nZoe credit $1\n']);
    await server.drain();
    assert.equal(await reportOf(server), 'Marc $2.00\nZoe $1.00\n');
    assert.deepEqual(fatal, []);
  });

  test('too often stops the server with a reason', async (t) => {
    const started = await start(t, { 'server-hosts': '1', 'supervision-host-restarts-max': '1' });
    await killThread(started, 0);
    started.server.hosts.pool.threads[0]?.terminate();
    await until('it is fatal', () => started.fatal.length > 0);
    assert.deepEqual(
      started.fatal.map(({ code }) => code),
      ['ERR_HOST_RESTARTS'],
    );
  });
});
