/** A durable bank whose disk is full: a limit on the length of files stands for that. */
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { send } from '../support/bank-client.ts';
import { cannotFillDisks, DurableBank, kill, makeRoom, writeInputs } from '../support/durable-bank.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

/** Enough to start with, and soon too little. */
const FULL = { fileKibMax: 480 };
const FULL_TEXT = /can't write to \S+\/data\/1\/\d\/data\.mdb: EFBIG: .*is there room on the disk\?/;

async function isFull(server: ServerProcess): Promise<void> {
  await until('it says that it can store nothing', () => FULL_TEXT.test(server.stderr));
}

describe('outcry serve > with a full disk', { skip: cannotFillDisks() }, () => {
  for (const hosts of ['1', '2']) {
    test(`says so to everybody, loses nothing, and goes on when there is room (${hosts} hosts)`, async (t) => {
      const bank = await DurableBank.create(t);
      const { files, model } = writeInputs(bank, 45_000);
      const [plain = '', ...uploaded] = files;
      const server = await bank.start(['--server-hosts', hosts], FULL);
      const clients = await Promise.all(Array.from({ length: 6 }, () => TestClient.connect(bank.port)));
      for (const [i, client] of clients.entries()) {
        client.send(`OUTCRY 1 ACK one-more-${i}\nMarc credit $0.00\n`);
        await client.receives('OK 1\n');
      }
      const sending = send(bank.port, [readFileSync(plain)]);
      const uploading = bank.upload(uploaded);
      await isFull(server);
      const isTold = ({ text }: TestClient) => /^ERR 0 store [a-z]/m.test(text);
      const client = await until('a client is told', () => clients.find(isTold));
      client.send('Marc credit $1.00\n');
      const problems = () => server.stderr.match(/^outcry: can't write to /gm)?.length ?? 0;
      server.signal('SIGUSR1');
      await until('it can not report', () => problems() === 1);
      assert.doesNotMatch(client.text, /OK 2/);

      makeRoom(server);
      await client.receives('OK 2\n');
      for (const each of clients) each.end();
      await sending;
      const { code, stderr } = await uploading;
      assert.equal(code, 0, stderr);
      assert.match(server.stderr, /it can store again, and goes on/);
      model.post('Marc', 100n);
      await until('all is taken in', async () => (await bank.report(server)) === model.report());
      assert.equal((await server.interrupted()).code, 0);
    });
  }

  test('keeps what it has acknowledged when it is killed then', async (t) => {
    const bank = await DurableBank.create(t);
    const { files, model } = writeInputs(bank, 45_000);
    const full = await bank.start(['--server-hosts', '2'], FULL);
    const uploading = bank.upload(files);
    await isFull(full);
    await kill(full);
    // Without room it starts, and is as it was.
    const again = await bank.start(['--server-hosts', '2'], FULL);
    await kill(again);
    const server = await bank.start(['--server-hosts', '2']);
    const { code, stderr } = await uploading;
    assert.equal(code, 0, stderr);
    assert.equal(await bank.report(server), model.report());
  });

  test('ends when it is told to, and says what could not be stored', async (t) => {
    const bank = await DurableBank.create(t);
    const { files } = writeInputs(bank, 45_000);
    const server = await bank.start(['--drain-deadline-seconds', '1'], FULL);
    await send(
      bank.port,
      files.map((file) => readFileSync(file)),
    );
    await isFull(server);
    const { code, stderr } = await server.interrupted();
    assert.equal(code, 1);
    assert.match(stderr, /^outcry: .*can't write to /m);
  });

  test('puts a snapshot off, and takes lines on', async (t) => {
    const bank = await DurableBank.create(t);
    // Their balances and names need more room than a file ever has in advance.
    const names = Array.from({ length: 120_000 }, (_, i) => `${'x'.repeat(50)}${i}`);
    const first = await bank.start(['--server-hosts', '1']);
    await send(bank.port, [names.map((name) => `${name} credit $1\n`).join('')]);
    assert.equal((await first.interrupted()).code, 0);
    const used = Math.ceil(statSync(join(bank.data, '1', '0', 'data.mdb')).size / 1024);
    const flags = ['--server-hosts', '1', '--data-snapshot-bytes', '4096', '--data-history-bytes', '0'];
    const server = await bank.start(flags, { fileKibMax: used });
    await until('it can not write a snapshot', () =>
      /the snapshot is put off: can't write/.test(server.stderr),
    );
    const client = await TestClient.connect(bank.port);
    client.send('OUTCRY 1 ACK one\nMarc credit $2\n');
    await until('it can store nothing', () => FULL_TEXT.test(server.stderr));
    makeRoom(server);
    await client.receives('OK 1\n');
    await kill(server);
    const report = await bank.report(await bank.start(flags));
    assert.equal(report.split('\n').length, names.length + 2);
    assert.match(report, /^Marc \$2\.00\n/);
  });
});
