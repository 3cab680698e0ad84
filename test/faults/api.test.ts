/** The api when something breaks: a worker thread, the server's process, the disk. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { resolveConfig } from '../../src/config.ts';
import { FRAME, type ServerFrame } from '../../src/protocol/api/frames.ts';
import { Server } from '../../src/server.ts';
import { Random } from '../../workers/runtime/random.ts';
import { cannotFillDisks, DurableBank, kill, makeRoom } from '../support/durable-bank.ts';
import { fuzzSeed } from '../support/fuzz-seed.ts';
import { ApiClient } from '../support/raw-api-client.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { until } from '../support/until.ts';

const KILLS = 4;

/** Starts a durable bank with an api; resolves with the port of the api. */
async function startApi(
  bank: DurableBank,
  flags: readonly string[],
  options?: Parameters<DurableBank['start']>[1],
): Promise<{ readonly server: ServerProcess; readonly port: number }> {
  const server = await bank.start(['--server-hosts', '2', ...flags], options);
  return { server, port: Number(/^api +127\.0\.0\.1:(\d+) /m.exec(server.stdout)?.[1]) };
}

function balanceOf(client: ApiClient, account: string): Promise<unknown> {
  return client.ask('bank.balance', { account });
}

describe('the api > a worker thread that dies', () => {
  async function start(t: TestContext): Promise<{ readonly server: Server; readonly port: number }> {
    const flags = {
      'api-port': '0',
      'bank-port': '0',
      'server-hosts': '3',
      'supervision-host-restarts-max': '10',
      'gold-providers': 'none',
    };
    const server = await Server.start({
      services: ['bank', 'api'],
      config: resolveConfig({ file: null, environment: {}, flags }),
      log: pino({ level: 'silent' }),
      onFatal: (error) => assert.fail(error),
    });
    t.after(() => server.stop());
    return { server, port: server.services.find(({ name }) => name === 'api')?.port ?? 0 };
  }

  /** An exception that nobody in the thread catches. */
  function killHost(server: Server, host: number): void {
    const common = { remoteAddress: '', localAddress: '', sinceMs: 0 };
    server.hosts.links[host]?.command({ type: 'open', connection: 0, service: 'none', ...common });
  }

  test('leaves no request without an answer whose connection is still there', async (t) => {
    const { server, port } = await start(t);
    const random = new Random(fuzzSeed());
    let lost = 0;
    for (let round = 0; round < 5; round++) {
      const clients = await Promise.all(Array.from({ length: 12 }, () => ApiClient.connect(port)));
      const ids = clients.map((client) =>
        Array.from({ length: 50 }, (_, i) => client.request('bank.post', { transactions: names(random, i) })),
      );
      // Some have only just come, and their hello is on its way.
      const late = await Promise.all(Array.from({ length: 6 }, () => ApiClient.open(port)));
      for (const client of late) client.sayHello();
      const lateIds = late.map((client) => [client.request('bank.balance', { account: 'Marc' })]);
      killHost(server, round % 3);
      for (const [i, client] of [...clients, ...late].entries()) {
        for (const id of [...ids, ...lateIds][i] ?? []) {
          const answer = await client.answered(id);
          if (answer === undefined) assert.ok(client.isDropped);
          else if (answer[0] === FRAME.error)
            assert.match(answer[2].code, /^ERR_(HOST_LOST|ASK_STOPPED|ASK_NO_ACTOR)$/);
        }
        if (client.isDropped) {
          lost++;
          assert.equal((await client.refused()).code, 'ERR_HOST_LOST');
        } else await balanceOf(client, 'Marc');
        client.drop();
      }
    }
    assert.ok(lost > 0, 'some connections were of that host');
  });

  function names(random: Random, i: number): readonly unknown[] {
    return Array.from({ length: 1 + random.below(20) }, (_, j) => [`Name${i}-${j}`, 1]);
  }
});

describe('the api > a server that is killed', () => {
  test('posts what has a key exactly once, however often it is sent', async (t) => {
    const bank = await DurableBank.create(t);
    const random = new Random(fuzzSeed());
    const limits = [
      ...['--data-snapshot-bytes', '150000', '--data-history-bytes', '60000'],
      ...['--api-requests-max', '65536'],
    ];
    const answered = new Set<string>();
    const sent = new Map<string, readonly unknown[]>();
    let keys = 0;
    let again = 0;
    for (let round = 0; round <= KILLS; round++) {
      const { server, port } = await startApi(bank, limits);
      const client = await ApiClient.connect(port);
      const waiting = new Map<string, number>();
      const send = (key: string, transactions: readonly unknown[]) =>
        waiting.set(key, client.request('bank.post', { transactions }, { key }));
      for (const [key, transactions] of sent) {
        // What was answered may come again too.
        if (!answered.has(key) || random.chance(0.1)) {
          again++;
          send(key, transactions);
        }
      }
      const fresh = round === KILLS ? 0 : 600;
      for (let i = 0; i < fresh; i++) {
        const key = `key ${keys++}`;
        const transactions = Array.from({ length: 1 + random.below(30) }, () => [
          `Acc${random.below(50)}`,
          1,
        ]);
        sent.set(key, transactions);
        send(key, transactions);
      }
      const wanted = round === KILLS ? waiting.size : 1 + random.below(fresh);
      const done = () => [...waiting].filter(([, id]) => client.answerOf(id) !== undefined);
      await until('so many are answered', () => done().length >= wanted);
      await kill(server);
      await client.tcp.isLetGo();
      for (const [key, id] of done()) {
        assert.deepEqual(client.answerOf(id), [FRAME.reply, id, { refused: [] }]);
        answered.add(key);
      }
    }
    const expected = new Map<string, number>();
    for (const transactions of sent.values()) {
      for (const [account] of transactions as [string, number][]) {
        expected.set(account, (expected.get(account) ?? 0) + 1);
      }
    }
    assert.equal(answered.size, sent.size);
    const { server, port } = await startApi(bank, limits);
    const client = await ApiClient.connect(port);
    for (const [account, cents] of expected) assert.deepEqual(await balanceOf(client, account), { cents });
    client.drop();
    t.diagnostic(`${keys} keys over ${KILLS} kills, ${again} sent again`);
    assert.equal((await server.interrupted()).code, 0);
  });
});

describe('the api > a full disk', { skip: cannotFillDisks() }, () => {
  test('is told to whoever asks, and by itself it goes on, each key posted once', async (t) => {
    const bank = await DurableBank.create(t);
    const { server, port } = await startApi(bank, [], { fileKibMax: 480 });
    const client = await ApiClient.connect(port);
    const transactions = Array.from({ length: 1000 }, (_, i) => [`${'x'.repeat(50)}${i}`, 1]);
    const ids = new Map<string, number>();
    const post = (key: string) => ids.set(key, client.request('bank.post', { transactions }, { key }));
    let keys = 0;
    const told = await until('a request fails', async () => {
      const id = post(`key ${keys++}`).get(`key ${keys - 1}`) ?? 0;
      // A shard of the other host may be the one that can not store: then nobody answers before the deadline.
      await until(
        'it is answered, or nothing is stored',
        () => client.answerOf(id) ?? /EFBIG/.test(server.stderr),
      );
      return /EFBIG/.test(server.stderr);
    });
    assert.ok(told);
    const before = [...ids].filter(([, id]) => client.answerOf(id)?.[0] === FRAME.reply).length;
    assert.ok(before < ids.size, 'not all is stored');
    const isTrouble = (frame: ServerFrame) => frame[0] === FRAME.event && frame[1] === 'trouble';
    await until('the client is told', () => client.frames.some(isTrouble));
    // Some of them have their sessions in the host that can not store.
    const newcomers = await Promise.all(Array.from({ length: 8 }, () => ApiClient.open(port)));
    for (const newcomer of newcomers) newcomer.sayHello();
    const isRefused = ({ frames }: ApiClient) =>
      frames.some((frame) => frame[0] === FRAME.error && frame[2].code === 'ERR_STORE_WRITE');
    await until('who comes now is told too', () => newcomers.some(isRefused));
    for (const newcomer of newcomers) newcomer.drop();
    makeRoom(server);
    await until('it stores again', () => /it can store again/.test(server.stderr));
    for (const [key, id] of [...ids]) {
      const answer = client.answerOf(id);
      if (answer?.[0] === FRAME.error) {
        assert.deepEqual([answer[2].code, answer[2].retryable], ['ERR_STORE_WRITE', true]);
        post(key);
      }
    }
    for (const id of ids.values()) assert.deepEqual(await client.replied(id), { refused: [] });
    for (const i of [0, 500, 999]) {
      assert.deepEqual(await balanceOf(client, `${'x'.repeat(50)}${i}`), { cents: keys });
    }
    client.drop();
    assert.equal((await server.interrupted()).code, 0);
  });
});
