/**
 * Programs trade through the client of OUCH while the server is killed again and again: each order is taken once, each of
 * them learns what became of it, and that is what the exchange has kept. KILLS in the environment says how many kills.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  connectExchange,
  type ExchangeClient,
  type MirroredOrder,
  type Order,
  OrderMirror,
} from '../../clients/index.ts';
import { Random } from '../../workers/runtime/random.ts';
import { DurableBank, kill } from '../support/durable-bank.ts';
import { fuzzSeed } from '../support/fuzz-seed.ts';
import { SoupbinTrader } from '../support/soupbin-trader.ts';
import { until } from '../support/until.ts';

const { KILLS = '3' } = process.env;
const USERS = ['TRADE0', 'TRADE1', 'TRADE2'];
const ORDERS_BETWEEN_KILLS = 1500;
const TIMEOUT_MS = 120_000;
/** Too late to replace, or wrong. */
const KNOWN_CODES = new Set(['ERR_ORDER_DONE']);

class Program {
  readonly orders: Order[] = [];
  readonly #client: ExchangeClient;
  readonly #random: Random;
  isDone = false;

  constructor(client: ExchangeClient, random: Random) {
    this.#client = client;
    this.#random = random;
  }

  /** Resolves when it is done, and all that it has sent is answered. */
  async run(): Promise<void> {
    const random = this.#random;
    const waiting: Promise<unknown>[] = [];
    while (!this.isDone) {
      await this.#client.ready();
      const order = this.#client.enter({
        side: random.pick(['B', 'S'] as const),
        quantity: 1 + random.below(50),
        orderbook: random.pick(['BTC', 'ETH']),
        price: { tenths: 1000 + random.below(20) },
        isImmediate: random.chance(0.2),
      });
      this.orders.push(order);
      if (random.chance(0.2)) {
        const replacing = random.pick(this.orders).replace({ quantity: random.below(60) });
        waiting.push(replacing.catch(({ code }) => assert.ok(KNOWN_CODES.has(code), code)));
      }
      if (random.chance(0.4)) waiting.push(random.pick(this.orders).cancel());
      if (random.chance(0.05)) await order.accepted;
    }
    await Promise.all(this.orders.map((order) => order.accepted));
    await Promise.all(waiting);
    await Promise.all(this.orders.map((order) => order.cancel()));
  }
}

/** What the exchange has kept of a trader's orders, by their first tokens. */
async function keptOrders(user: string, port: number): Promise<Map<number, MirroredOrder>> {
  const trader = new SoupbinTrader(user);
  const { sequence: last } = await trader.logIn(port, 0);
  trader.close();
  const again = new SoupbinTrader(user);
  await again.logIn(port, 1);
  await until('all is told again', () => again.told.length >= last);
  again.close();
  const mirror = new OrderMirror();
  const told = again.messages.map((message) => mirror.apply(message));
  return new Map(told.flatMap((order) => (order === undefined ? [] : [[order.firstToken, order] as const])));
}

describe('a server that is killed under clients of its exchange', () => {
  test('has taken each of their orders once, and has told all that became of it', async (t) => {
    const seed = fuzzSeed();
    const bank = await DurableBank.create(t);
    let server = await bank.start();
    const clients = await Promise.all(
      USERS.map((user) =>
        connectExchange({ user, password: 'OUTCRY', port: bank.ouchPort, timeoutMs: TIMEOUT_MS }),
      ),
    );
    t.after(() => Promise.all(clients.map((client) => client.close())));
    const programs = clients.map((client, i) => new Program(client, new Random(seed + i)));
    const running = programs.map((program) => program.run());
    const count = () => programs.reduce((sum, { orders }) => sum + orders.length, 0);
    for (let i = 0; i < Number(KILLS); i++) {
      const enough = count() + ORDERS_BETWEEN_KILLS;
      await until('they trade', () => count() > enough);
      await kill(server);
      server = await bank.start();
    }
    const enough = count() + ORDERS_BETWEEN_KILLS;
    await until('they trade', () => count() > enough);
    for (const program of programs) program.isDone = true;
    await Promise.all(running);
    await Promise.all(clients.map((client) => client.close()));
    let fills = 0;
    for (const [i, { orders }] of programs.entries()) {
      const kept = await keptOrders(USERS[i] ?? '', bank.ouchPort);
      assert.equal(kept.size, orders.length);
      for (const order of orders) {
        assert.deepEqual(order.mirrored, kept.get(order.firstToken));
        fills += order.fills.length;
      }
    }
    assert.ok(fills > 0);
    t.diagnostic(`${KILLS} kills, ${count()} orders, ${fills} fills`);
  });
});
