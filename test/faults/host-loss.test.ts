/** A durable bank one of whose worker threads dies by an exception nobody catches, while clients go on. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Client, connect } from '../../clients/index.ts';
import { Random } from '../../workers/runtime/random.ts';
import { BankModel } from '../support/bank-model.ts';
import { DurableBank, writeInputs } from '../support/durable-bank.ts';
import { fuzzSeed } from '../support/fuzz-seed.ts';
import { isReplaced, kill, type Started, startServer } from '../support/mortal-hosts.ts';
import type { Exit } from '../support/server-process.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

async function reportOf({ server }: Started, { folder }: DurableBank): Promise<string> {
  const path = join(folder, 'report.txt');
  await server.bank.writeReport(path);
  return readFileSync(path, 'latin1');
}

describe('Server > a durable host that dies', () => {
  test('under load is replaced, and every uploaded line counts once', async (t) => {
    const bank = await DurableBank.create(t);
    const started = await startServer(t, bank);
    const { server, log, fatal } = started;
    const random = new Random(fuzzSeed());
    const model = new BankModel();
    const uploads: Promise<Exit>[] = [];
    const plain = await TestClient.connect(bank.port);
    const applied = async () => (await server.bank.totals()).applied;
    for (let i = 1; i <= 3; i++) {
      const inputs = writeInputs(bank, 20_000);
      model.add(inputs.model);
      const wanted = (await applied()) + 1 + random.below(inputs.model.applied / 2);
      uploads.push(bank.upload(inputs.files));
      await until('it is under load', async () => (await applied()) >= wanted);
      kill(started, random.below(3));
      await isReplaced(started, i);
      // The next host is there, so it is not lost with the one before.
      plain.send(`Plain${i} credit $1\n`);
    }
    for (const { code, stderr } of await Promise.all(uploads)) assert.equal(code, 0, stderr);
    assert.ok(!plain.isDropped, 'a connection stays open');
    plain.end('Plain4 credit $1\n');
    await server.drain();
    for (let i = 1; i <= 4; i++) model.post(`Plain${i}`, 100n);
    assert.equal(await reportOf(started, bank), model.report());
    assert.match(log.join('\n'), /50 host \d was lost: no service is called none/);
    assert.deepEqual(fatal, []);
  });

  test('with ten thousand requests in flight is replaced, and each is settled once', async (t) => {
    const bank = await DurableBank.create(t);
    const started = await startServer(t, bank);
    const random = new Random(fuzzSeed());
    const clients = await Promise.all([0, 1, 2, 3].map(() => connect({ port: bank.apiPort })));
    t.after(() => Promise.all(clients.map((client) => client.close())));
    const model = new BankModel();
    let settled = 0;
    // With keys of their own they are not batched: each is a request.
    const posts = Array.from({ length: 10_000 }, async (_, i) => {
      const client = clients[i % clients.length] as Client;
      const account = `customer-${random.below(100)}`;
      model.post(account, 100n);
      await client.bank.post({ account, type: 'credit', amount: '1' }, { key: `post-${i}` });
      settled++;
    });
    for (const host of [0, 1, 2]) {
      const wanted = 1000 + 2000 * host;
      await until('they are under way', () => settled >= wanted);
      kill(started, host);
      await isReplaced(started, host + 1);
    }
    await Promise.all(posts);
    assert.equal(settled, 10_000);
    assert.equal(await reportOf(started, bank), model.report());
    assert.deepEqual(started.fatal, []);
  });

  test('has an upload over another host told to go on', async (t) => {
    const bank = await DurableBank.create(t);
    const started = await startServer(t, bank);
    const clients = await Promise.all(Array.from({ length: 6 }, () => TestClient.connect(bank.port)));
    for (const [i, client] of clients.entries()) {
      client.send(`OUTCRY 1 ACK id${i}\nMarc credit $1\n`);
      await client.receives('OK 1\n');
    }
    kill(started, 1);
    for (const [i, client] of clients.entries()) {
      await until('it is told', () => /^ERR 0 retry /m.test(client.text));
      client.send(`OUTCRY 1 ACK id${i}\n`);
      await client.receives('OK 1\n');
      client.send('Zoe credit $1\n');
      await client.receives('OK 2\n');
    }
    assert.equal(await reportOf(started, bank), 'Marc $6.00\nZoe $6.00\n');
  });

  test('too often stops the server, and what was stored is there when it starts again', async (t) => {
    const bank = await DurableBank.create(t);
    const started = await startServer(t, bank, { 'supervision-host-restarts-max': '1' });
    const client = await TestClient.connect(bank.port);
    client.send('OUTCRY 1 ACK one\nMarc credit $1\n');
    await client.receives('OK 1\n');
    kill(started, 0);
    await isReplaced(started, 1);
    kill(started, 0);
    await until('it is fatal', () => started.fatal.length > 0);
    assert.equal(started.fatal[0]?.code, 'ERR_HOST_RESTARTS');
    await started.server.stop();
    assert.equal(await reportOf(await startServer(t, bank), bank), 'Marc $1.00\n');
  });

  test('and finds its file damaged stops the server at once, with what was found', async (t) => {
    const bank = await DurableBank.create(t);
    const started = await startServer(t, bank);
    const client = await TestClient.connect(bank.port);
    client.send('OUTCRY 1 ACK one\nMarc credit $1\n');
    await client.receives('OK 1\n');
    const file = join(bank.data, '1', '2', 'data.mdb');
    const bytes = readFileSync(file);
    // The numbers that pages have of themselves.
    for (let page = 2; page * 4096 < bytes.length; page++) bytes.writeUInt8(1, page * 4096 + 5);
    rmSync(file);
    writeFileSync(file, bytes);
    kill(started, 2);
    await until('it is fatal', () => started.fatal.length > 0);
    const [error] = started.fatal;
    assert.equal(error?.code, 'ERR_DATA_DAMAGED');
    assert.match(error.message, /\/1\/2\/data\.mdb is damaged: at byte \d+, in page \d+, .+Put a copy back/);
  });
});
