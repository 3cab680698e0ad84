/**
 * Programs post through the client library while the server is killed again and again: every transaction counts once.
 * TRANSACTIONS in the environment says how many, KILLS how many kills; without them they are few.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Client, connect, OutcryError, type Transaction } from '../../clients/index.ts';
import { Random } from '../../workers/runtime/random.ts';
import { DurableBank, kill } from '../support/durable-bank.ts';
import { fuzzSeed } from '../support/fuzz-seed.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { until } from '../support/until.ts';

const { TRANSACTIONS: givenTransactions = '100000', KILLS: givenKills = '3' } = process.env;
const TRANSACTIONS = Number(givenTransactions);
const KILLS = Number(givenKills);
const ACCOUNTS = 1000;
const TIMEOUT_MS = 120_000;

/** Transactions by a seed, and the balances that they make, in cents. */
class Load {
  readonly balances = new Map<string, number>();
  readonly #random: Random;
  taken = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  next(): Transaction {
    this.taken++;
    const account = `customer-${this.#random.below(ACCOUNTS)}`;
    const type = this.#random.pick(['credit', 'debit'] as const);
    const cents = this.#random.below(1_000_000);
    const signed = type === 'credit' ? cents : -cents;
    this.balances.set(account, (this.balances.get(account) ?? 0) + signed);
    return { account, type, amount: { cents } };
  }

  *take(count: number): Iterable<Transaction> {
    for (let i = 0; i < count; i++) yield this.next();
  }
}

async function balancesOf(client: Client): Promise<Map<string, number>> {
  const balances = new Map<string, number>();
  for await (const { account, cents } of client.bank.balances()) balances.set(String(account), cents);
  return balances;
}

/** Kills the server as often as it is said, each time when so much more has been taken from the load. */
async function killAgainAndAgain(
  bank: DurableBank,
  first: ServerProcess,
  load: Load,
): Promise<ServerProcess> {
  let server = first;
  for (let i = 1; i <= KILLS; i++) {
    await until('the load goes on', () => load.taken >= (TRANSACTIONS * i) / (KILLS + 1));
    await kill(server);
    server = await bank.start();
  }
  return server;
}

describe('a server that is killed under the client library', () => {
  test('has every transaction of a long source once', async (t) => {
    const bank = await DurableBank.create(t);
    const server = await bank.start();
    const client = await connect({ port: bank.apiPort, timeoutMs: TIMEOUT_MS });
    t.after(() => client.close());
    const load = new Load(fuzzSeed());
    const [posted] = await Promise.all([
      client.bank.postAll(load.take(TRANSACTIONS)),
      killAgainAndAgain(bank, server, load),
    ]);
    assert.deepEqual(posted, { posted: TRANSACTIONS, refused: [] });
    assert.deepEqual(await balancesOf(client), load.balances);
  });

  test('has every transaction of many callers once, and settles each call once', async (t) => {
    const bank = await DurableBank.create(t);
    const server = await bank.start();
    const client = await connect({ port: bank.apiPort, timeoutMs: TIMEOUT_MS });
    t.after(() => client.close());
    const load = new Load(fuzzSeed());
    let settled = 0;
    const caller = async () => {
      while (load.taken < TRANSACTIONS) {
        await client.bank.post(load.next());
        settled++;
      }
    };
    await Promise.all([...Array.from({ length: 1000 }, caller), killAgainAndAgain(bank, server, load)]);
    assert.equal(settled, load.taken);
    assert.deepEqual(await balancesOf(client), load.balances);
  });

  test('fails what must not be done twice, and nothing else', async (t) => {
    const bank = await DurableBank.create(t);
    const server = await bank.start();
    const client = await connect({ port: bank.apiPort, timeoutMs: TIMEOUT_MS });
    t.after(() => client.close());
    await client.bank.post({ account: 'Marc', type: 'credit', amount: '2' });
    const outcomes: string[] = [];
    const ask = async (what: () => Promise<unknown>) => {
      try {
        await what();
        outcomes.push('done');
      } catch (error) {
        outcomes.push(error instanceof OutcryError ? error.code : String(error));
      }
    };
    const asking: Promise<void>[] = [];
    for (let i = 0; i < 200; i++) {
      asking.push(ask(async () => assert.equal(await client.bank.balance('Marc'), 200)));
      asking.push(ask(() => client.lobby.say('hello')));
    }
    await kill(server);
    await bank.start();
    await Promise.all(asking);
    assert.equal(outcomes.length, 400);
    const failed = outcomes.filter((outcome) => outcome !== 'done');
    assert.ok(
      failed.every((code) => code === 'ERR_CONNECTION_LOST'),
      failed.join(' '),
    );
    assert.ok(failed.length <= 200);
  });
});
