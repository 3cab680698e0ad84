/** A durable bank that is told to stop, or to report, at awkward moments. STARTS says how often it is started in a row. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connect } from '../../clients/index.ts';
import { BankModel } from '../support/bank-model.ts';
import { DurableBank, writeInputs } from '../support/durable-bank.ts';
import type { Exit, ServerProcess } from '../support/server-process.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const { STARTS: starts = '6' } = process.env;
/** Snapshots all the time, so that a host is in a transaction nearly always. */
const SNAPSHOTS = ['--data-snapshot-bytes', '4096', '--data-history-bytes', '0'];

/** Resolves once clients have sent `server` a good deal. */
async function isUnderLoad(server: ServerProcess): Promise<void> {
  const before = server.bytesRead();
  await until('it is under load', () => server.bytesRead() >= before + 500_000);
}

describe('outcry serve > told to end by operators', () => {
  test('ends in order, however many of them say so', async (t) => {
    const bank = await DurableBank.create(t);
    const server = await bank.start();
    const plain = await TestClient.connect(bank.port);
    plain.send('Marc credit $1\n');
    const { token } = JSON.parse(readFileSync(join(bank.data, 'operator.json'), 'utf8')) as { token: string };
    const operators = await Promise.all([1, 2, 3].map(() => connect({ port: bank.apiPort, token })));
    await Promise.all(operators.map((operator) => operator.admin.shutdown('we close')));
    await Promise.all(operators.map((operator) => operator.close()));
    assert.ok(!plain.isDropped, 'it is still read');
    plain.end('Marc credit $2\n');
    const { code, stdout } = await server.exited();
    assert.equal(code, 0);
    assert.match(stdout, /^bank: 1 connection, 2 lines applied, 0 discarded$/m);
  });
});

describe('outcry serve > under load', () => {
  test('ends at once at a second signal, and has lost nothing that it acknowledged', async (t) => {
    const bank = await DurableBank.create(t);
    const expected = new BankModel();
    const uploads: Promise<Exit>[] = [];
    for (let i = 0; i < 4; i++) {
      const server = await bank.start(SNAPSHOTS);
      const { files, model } = writeInputs(bank, 40_000);
      expected.add(model);
      const underLoad = isUnderLoad(server);
      uploads.push(bank.upload(files));
      await underLoad;
      const startMs = performance.now();
      server.signal('SIGINT');
      await until('it drains', () => server.stdout.includes('SIGINT: '));
      const { code, signal, stderr } = await server.interrupted('SIGTERM');
      assert.deepEqual({ code, signal, stderr }, { code: 1, signal: null, stderr: '' });
      assert.ok(performance.now() - startMs < 5000, 'it did not wait');
    }
    const server = await bank.start(SNAPSHOTS);
    for (const { code, stderr } of await Promise.all(uploads)) assert.equal(code, 0, stderr);
    assert.equal(await bank.report(server), expected.report());
  });

  test('reports as often as it is asked to at once, and each report is whole', async (t) => {
    const bank = await DurableBank.create(t);
    const { files, model } = writeInputs(bank, 30_000);
    const server = await bank.start(SNAPSHOTS);
    const uploading = bank.upload(files);
    await isUnderLoad(server);
    for (let i = 0; i < 5; i++) {
      for (let j = 0; j < 10; j++) server.signal('SIGUSR1');
      const report = await bank.report(server);
      assert.match(report, /^([A-Z][a-z]+ \$-?\d+\.\d\d\n)+$/);
      assert.equal(
        new Set(report.split('\n').map((line) => line.split(' ')[0])).size,
        report.split('\n').length,
      );
    }
    assert.equal((await uploading).code, 0);
    await until('a report has all', async () => (await bank.report(server)) === model.report());
    const { code, stderr } = await server.interrupted();
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  });
});

describe('outcry serve > started and stopped', () => {
  test(`${starts} times in a row leaves everything as it was`, async (t) => {
    const bank = await DurableBank.create(t);
    const { files, model } = writeInputs(bank, 1000);
    for (let i = 0; i < Number(starts); i++) {
      const server = await bank.start(['--server-hosts', '2', ...SNAPSHOTS]);
      if (i === 0) assert.equal((await bank.upload(files)).code, 0);
      const { code, stderr } = await server.interrupted();
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    }
    assert.equal(await bank.report(await bank.start()), model.report());
  });

  test('by a signal before it is ready ends in order, and reports if it was asked to', async (t) => {
    const bank = await DurableBank.create(t);
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const server = bank.spawn();
      await until('it has made its data folder', () => existsSync(join(bank.data, 'lock')));
      server.signal('SIGUSR1');
      const { code, stdout, stderr } = await server.interrupted(signal);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      assert.match(stdout, /^SIGUSR1: the balances are in log\.txt$/m);
      rmSync(bank.data, { recursive: true });
    }
  });
});
