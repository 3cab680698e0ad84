/** The client library and the server, as programs have them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Client, connect, type Transaction } from '../../clients/index.ts';
import { createServer, type OutcryServer } from '../../src/create-server.ts';
import { QUICK } from '../support/api-client.ts';
import { until } from '../support/until.ts';

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'outcry-client-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function* credits(count: number): Generator<Transaction> {
  for (let i = 0; i < count; i++) yield { account: `a${i % 100}`, type: 'credit', amount: { cents: 1 } };
}

async function total(client: Client): Promise<number> {
  let cents = 0;
  for await (const balance of client.bank.balances()) cents += balance.cents;
  return cents;
}

describe('a client of a server', () => {
  for (const clients of ['sockets', 'in-process'] as const) {
    const open = (server: OutcryServer) =>
      clients === 'sockets' ? connect({ port: server.port('api') }) : connect({ server });

    test(`posts, reads balances and is refused (${clients})`, async () => {
      await using server = await createServer({ clients });
      await using client = await open(server);
      await client.bank.credit('Marc', '12.30');
      await client.bank.debit('Marc', { cents: 30 });
      assert.equal(await client.bank.balance('Marc'), 1200);
      assert.equal(await client.bank.balance('Ann'), undefined);
      await client.bank.credit('Ann', '90071992547409.91');
      await assert.rejects(client.bank.credit('Ann', '0.01'), {
        code: 'ERR_POSTING_REFUSED',
        fields: { reason: 'balance-out-of-range', account: 'Ann' },
      });
      assert.equal(await client.bank.balance('Ann'), Number.MAX_SAFE_INTEGER);
    });

    test(`posts many, and names those that are refused (${clients})`, async () => {
      await using server = await createServer({ clients, settings: { bank: { accounts_max: 1600 } } });
      await using client = await open(server);
      assert.deepEqual(await client.bank.postAll(credits(50_000)), { posted: 50_000, refused: [] });
      assert.equal(await total(client), 50_000);
      async function* strangers(): AsyncGenerator<Transaction> {
        for (let i = 0; i < 3000; i++) yield { account: `stranger${i}`, type: 'credit', amount: '1' };
      }
      const { posted, refused } = await client.bank.postAll(strangers());
      assert.equal(posted + refused.length, 3000);
      assert.ok(refused.length >= 1500 && refused.every(({ reason }) => reason === 'too-many-accounts'));
    });
  }

  test('posts a key once, whichever client posts it', async () => {
    await using server = await createServer();
    for (let attempt = 0; attempt < 3; attempt++) {
      await using client = await connect({ server });
      await client.bank.credit('Marc', '1', { key: 'salary' });
      await client.bank.postAll(credits(15_000), { key: 'import' });
      assert.equal(await client.bank.balance('Marc'), 100);
      assert.equal(await total(client), 15_100);
      await assert.rejects(client.bank.credit('Marc', '2', { key: 'salary' }), { code: 'ERR_API_KEY' });
    }
  });

  test('hears in the lobby what others say, and what operators do', async () => {
    await using server = await createServer();
    await using ann = await connect({ server, name: 'Ann' });
    await using operator = await connect({ server, token: server.operatorToken });
    const messages = ann.lobby.messages();
    const first = messages.next();
    await until('she listens', async () => (await operator.lobby.say('hello')) === 1);
    assert.equal((await first).value?.text, 'hello');
    assert.equal(await operator.admin.broadcast('five minutes'), 1);
    assert.equal((await messages.next()).value?.text, 'five minutes');
    await messages.return();
    await assert.rejects(ann.admin.status(), { code: 'ERR_API_DENIED' });
    await assert.rejects(connect({ server, token: 'wrong' }), { code: 'ERR_API_DENIED' });
  });

  test('speaks in the name of nobody else', async () => {
    await using server = await createServer({ clients: 'in-process' });
    await using ann = await connect({ server, name: 'Ann' });
    await using zoe = await connect({ server, name: 'Zoe-2' });
    const messages = ann.lobby.messages();
    const first = messages.next();
    await until('she listens', async () => (await zoe.lobby.say('hello')) === 1);
    assert.equal((await first).value?.from, 'Zoe-2');
    for (const name of ['Operator: we close', 'operator', 'Client1', 'Client 1', ' ', 'a: b']) {
      await using speaker = await connect({ server, name });
      await speaker.lobby.say('hi');
      assert.match((await messages.next()).value?.from ?? '', /^api\/\d+$/, name);
    }
    await messages.return();
  });

  test('does not come back after it was kicked, and says why', async () => {
    await using server = await createServer();
    await using client = await connect({ server, reconnect: QUICK });
    await using operator = await connect({ server, token: server.operatorToken });
    assert.equal(await operator.admin.kick(client.server.connection, 'enough'), true);
    const why = { code: 'ERR_API_DENIED', message: 'kicked by an operator: enough' };
    const { code, message } = (await client.closed) ?? assert.fail('it was closed without a reason');
    assert.deepEqual({ code, message }, why);
    await assert.rejects(client.bank.credit('Marc', '1'), { code: 'ERR_CLIENT_CLOSED', message: /enough/ });
  });

  test('puts a file and gets it, and is told what is wrong with others', async () => {
    await withFolder(async (folder) => {
      const settings = { lobby: { files_folder: folder, is_put_allowed: true } };
      await using server = await createServer({ settings });
      await using client = await connect({ port: server.port('api') });
      const content = Buffer.from('gold 1.234\n'.repeat(200_000));
      const info = await client.lobby.put('gold.txt', content);
      const file = await client.lobby.get('gold.txt');
      assert.deepEqual([file.size, file.sha256], [content.length, info.sha256]);
      assert.ok(content.equals(await file.bytes()));
      await assert.rejects(client.lobby.put('gold.txt', content), { code: 'ERR_FILE_EXISTS' });
      await assert.rejects(client.lobby.get('silver.txt'), { code: 'ERR_FILE_MISSING' });
      await assert.rejects(client.lobby.get('../gold.txt'), { code: 'ERR_FILE_NAME' });

      const short = client.lobby.put('short.txt', [Buffer.from('abc')], { size: 5 });
      await assert.rejects(short, { code: 'ERR_FILE_SIZE' });
      const stopping = new AbortController();
      const { signal } = stopping;
      function* endless(): Generator<Uint8Array> {
        for (let i = 0; ; i++) {
          if (i === 20) stopping.abort();
          yield new Uint8Array(10_000);
        }
      }
      const aborted = client.lobby.put('aborted.txt', endless(), { size: 1_000_000, signal });
      await assert.rejects(aborted, { name: 'AbortError' });
      for await (const _ of await client.lobby.get('gold.txt')) break;
      (await client.lobby.get('gold.txt')).cancel();
      assert.deepEqual(
        (await client.lobby.files()).map(({ name }) => name),
        ['gold.txt'],
      );
    });
  });

  test('posts each transaction once while its server ends and starts again and again', async () => {
    await withFolder(async (folder) => {
      let server = await createServer({ store: { folder } });
      const port = server.port('api');
      await using client = await connect({ port, reconnect: QUICK });
      let isDone = false;
      const posting = (async () => {
        let posted = 0;
        while (!isDone) {
          const posts = Array.from({ length: 100 }, () => client.bank.credit('Marc', '0.01'));
          await Promise.all(posts);
          posted += posts.length;
        }
        return posted;
      })();
      for (let restart = 0; restart < 3; restart++) {
        const before = (await client.bank.balance('Marc')) ?? 0;
        await until(
          'some more are posted',
          async () => ((await client.bank.balance('Marc')) ?? 0) > before + 500,
        );
        const closing = once(client, 'notice');
        await server.close('back in a moment');
        assert.deepEqual(await closing, [{ name: 'closing', data: { message: 'back in a moment' } }]);
        server = await createServer({ store: { folder }, settings: { api: { port } } });
      }
      isDone = true;
      const posted = await posting;
      assert.equal(await client.bank.balance('Marc'), posted);
      const { entries, balanceCents } = await client.bank.statement('Marc', { last: 2 });
      assert.deepEqual([entries.length, balanceCents], [2, posted]);
      await client.close();
      await server.close();
    });
  });
});
