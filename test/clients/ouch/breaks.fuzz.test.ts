/** Whatever breaks, each order is taken once, and the client knows what became of it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { connectExchange, type Order } from '../../../clients/index.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { QUICK } from '../../support/api-client.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import { SoupServer } from '../../support/soup-server.ts';
import { ToyExchange } from '../../support/toy-exchange.ts';

const ROUNDS = 6;
const STEPS = 400;

const SETTLED = { code: 'ERR_ORDER_DONE' };

describe('a client whose connection breaks at any moment', () => {
  const seed = fuzzSeed();
  for (let round = 0; round < ROUNDS; round++) {
    test(`has each order taken once, and knows what became of it (${round})`, async () => {
      const random = new Random(seed + round);
      await using server = await SoupServer.listen({ onMessage: (message) => exchange.take(message) });
      const exchange = new ToyExchange((message) => server.say(message));
      await using client = await connectExchange({
        user: 'A',
        password: 'B',
        port: server.port,
        reconnect: QUICK,
      });
      const orders: Order[] = [];
      const waiting: Promise<unknown>[] = [];
      const some = () => random.pick(orders);
      const steps: readonly (readonly [number, () => void])[] = [
        [
          0.4,
          () => {
            const quantity = random.below(20);
            orders.push(client.enter({ side: 'B', quantity, orderbook: 'BTC', price: { tenths: 10 } }));
          },
        ],
        [
          0.2,
          () => {
            if (orders.length === 0) return;
            const replacing = some().replace({ quantity: random.below(30) });
            waiting.push(replacing.catch((error) => assert.equal(error.code, SETTLED.code)));
          },
        ],
        [0.15, () => orders.length > 0 && waiting.push(some().cancel())],
        [
          0.15,
          () => exchange.orders.size > 0 && exchange.execute(random.pick([...exchange.orders.keys()]), 7),
        ],
        [0.03, () => server.drop()],
        [0.03, () => server.dropWithin()],
        [
          0.04,
          () => {
            server.isDeaf = true;
          },
        ],
      ];
      for (let step = 0; step < STEPS; step++) {
        let draw = random.below(1000) / 1000;
        const [, act] = steps.find(([share]) => {
          draw -= share;
          return draw < 0;
        }) ?? [0, () => {}];
        act();
        for (let turns = random.below(3); turns > 0; turns--) await turn();
      }
      server.drop();
      await Promise.all(waiting);
      await Promise.all(orders.map((order) => order.accepted.catch(() => {})));
      // What was told before it is here with its answer.
      await client.enter({ side: 'B', quantity: 0, orderbook: 'BTC', price: '1' }).accepted.catch(() => {});
      assert.equal(client.mirror.openCount, exchange.orders.size);
      for (const order of orders) {
        assert.notEqual(order.state, 'sent');
        assert.notEqual(order.state, 'lost');
        assert.equal(exchange.taken.get(order.firstToken), 1);
        const live = exchange.orders.get(order.token);
        assert.equal(order.open, live?.open ?? 0, `order ${order.firstToken} is ${order.state}`);
        if (order.state === 'open') assert.equal(order.executed, live?.used);
      }
      assert.ok([...exchange.taken.values()].every((count) => count === 1));
      assert.ok(server.logins.length > 2, 'nothing broke');
    });
  }
});
