/** Connections that break at any byte, again and again: what was asked is settled once, and posted once. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { OutcryError } from '../../clients/index.ts';
import { Random } from '../../workers/runtime/random.ts';
import { connectTo } from '../support/api-client.ts';
import { type ApiPlan, ApiServer } from '../support/api-server.ts';
import { fuzzSeed } from '../support/fuzz-seed.ts';

const ROUNDS = 20;
const POSTS = 300;
const BROKEN_CONNECTIONS = 25;

type Settled<T> = PromiseSettledResult<T>;

async function settle<T>(promise: Promise<T>): Promise<Settled<T>> {
  const [result] = await Promise.allSettled([promise]);
  return result;
}

/** The first connection gets through its hello, or there would be no client. */
function breaking(random: Random, bytesMax: number): (connection: number) => ApiPlan {
  return (connection) => {
    if (connection > BROKEN_CONNECTIONS) return {};
    const least = connection === 0 ? 300 : 1;
    const isReset = random.chance(0.5);
    return random.chance(0.5)
      ? { inputBytesMax: least + random.below(bytesMax), isReset }
      : { outputBytesMax: least + random.below(bytesMax), isReset, isDripping: random.chance(0.2) };
  };
}

describe('connections that break at any byte', () => {
  const seed = fuzzSeed();
  for (let round = 0; round < ROUNDS; round++) {
    test(`leave every post done once, or said to be in doubt (${seed + round})`, async () => {
      const random = new Random(seed + round);
      const heard = new Map<string, number>();
      await using server = await ApiServer.listen({
        limits: { requests: 1 + random.below(50), streams: 2 },
        plan: breaking(random, 2000),
        handlers: {
          'lobby.say': (call) => {
            const { text } = call.params as { readonly text: string };
            heard.set(text, (heard.get(text) ?? 0) + 1);
            call.reply({ listeners: 1 });
          },
          'bank.balances': (call) => {
            call.open({ accounts: 3 });
            call.onCredit = () => {
              call.send(['a', 1], ['b', 2], ['c', 3]);
              call.end();
            };
          },
        },
      });
      await using client = await connectTo(server);
      const stopping = new AbortController();
      const { signal } = stopping;
      const posting: Promise<Settled<void>>[] = [];
      const saying: Promise<Settled<number>>[] = [];
      const reading: Promise<Settled<string>>[] = [];
      const read = async () => {
        const accounts: string[] = [];
        for await (const { account } of client.bank.balances()) accounts.push(`${account}`);
        return accounts.join();
      };
      for (let i = 0; i < POSTS; i++) {
        const isDoubtful = random.chance(0.1);
        const key = random.chance(0.1) ? `own ${i}` : undefined;
        posting.push(settle(client.bank.credit(`p${i}`, '1', { key, ...(isDoubtful ? { signal } : {}) })));
        if (random.chance(0.1)) saying.push(settle(client.lobby.say(`${i}`)));
        if (random.chance(0.05)) reading.push(settle(read()));
        if (random.chance(0.2)) await new Promise((resolve) => setImmediate(resolve));
      }
      stopping.abort();
      const posts = await Promise.all(posting);
      const said = await Promise.all(saying);
      const reads = await Promise.all(reading);

      posts.forEach((result, i) => {
        const cents = server.accounts.get(`p${i}`);
        if (result.status === 'fulfilled') assert.equal(cents, 100, `p${i}`);
        else {
          assert.equal(result.reason.name, 'AbortError', `p${i}`);
          assert.ok(cents === undefined || cents === 100, `p${i} has ${cents}`);
        }
      });
      for (const count of heard.values()) assert.equal(count, 1);
      const lost = said.filter((result) => result.status === 'rejected');
      for (const { reason } of lost) assert.equal((reason as OutcryError).code, 'ERR_CONNECTION_LOST');
      assert.ok(heard.size >= said.length - lost.length);
      for (const result of reads) {
        if (result.status === 'fulfilled') assert.equal(result.value, 'a,b,c');
        else assert.equal((result.reason as OutcryError).code, 'ERR_CONNECTION_LOST');
      }
      assert.deepEqual(server.violations, []);
    });
  }

  test('settle each of 10,000 requests in flight once', async () => {
    const random = new Random(seed);
    const count = 10_000;
    await using server = await ApiServer.listen({
      limits: { requests: count },
      plan: breaking(random, 20_000),
      handlers: {
        'bank.balance': (call) => {
          const { account } = call.params as { readonly account: string };
          call.reply({ cents: Number(account) });
        },
      },
    });
    await using client = await connectTo(server);
    const settled = new Uint8Array(count);
    const asking = Array.from({ length: count }, async (_, i) => {
      assert.equal(await client.bank.balance(`${i}`), i);
      settled[i] = (settled[i] ?? 0) + 1;
    });
    await Promise.all(asking);
    assert.ok(settled.every((times) => times === 1));
    assert.ok(server.connectionCount > 5, `${server.connectionCount} connections`);
    assert.deepEqual(server.violations, []);
  });
});
