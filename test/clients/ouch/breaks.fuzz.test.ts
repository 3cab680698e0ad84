/** Whatever breaks, each order is taken once, and the client knows what became of it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { connectExchange, type ExchangeClient, type Order } from '../../../clients/index.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { QUICK } from '../../support/api-client.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import { SoupServer } from '../../support/soup-server.ts';
import { ToyExchange } from '../../support/toy-exchange.ts';

const ROUNDS = 6;
const STEPS = 400;

/** What a trader does, and what happens to him, at random. */
class RandomTrading {
  readonly orders: Order[] = [];
  /** Of which the answers were still waited for when the trader gave them up. */
  readonly givenUp = new Set<Order>();
  readonly #waiting: Promise<unknown>[] = [];
  readonly #random: Random;
  readonly #client: ExchangeClient;
  readonly #server: SoupServer;
  readonly #exchange: ToyExchange;
  readonly #abortShare: number;

  constructor(
    random: Random,
    client: ExchangeClient,
    server: SoupServer,
    exchange: ToyExchange,
    abortShare: number,
  ) {
    this.#random = random;
    this.#client = client;
    this.#server = server;
    this.#exchange = exchange;
    this.#abortShare = abortShare;
  }

  step(): void {
    const random = this.#random;
    const draw = random.below(100);
    if (draw < 40 || this.orders.length === 0) this.#enter();
    else if (draw < 60) this.#replace(random.pick(this.orders));
    else if (draw < 75) this.#cancel(random.pick(this.orders));
    else if (draw < 90) this.#execute();
    else if (draw < 93) this.#server.drop();
    else if (draw < 96) this.#server.dropWithin();
    else this.#server.isDeaf = true;
  }

  /** Resolves when all is answered, and told. */
  async end(): Promise<void> {
    this.#server.drop();
    await Promise.all(this.orders.map((order) => order.accepted.catch(() => {})));
    // What was told before it is here with its answer.
    await this.#client
      .enter({ side: 'B', quantity: 0, orderbook: 'BTC', price: '1' })
      .accepted.catch(() => {});
    await Promise.all(this.#waiting);
  }

  #enter(): void {
    const { signal, isAborted } = this.#signal();
    const quantity = this.#random.below(20);
    const order = this.#client.enter(
      { side: 'B', quantity, orderbook: 'BTC', price: { tenths: 10 } },
      { signal },
    );
    this.orders.push(order);
    if (isAborted) this.givenUp.add(order);
  }

  #replace(order: Order): void {
    const { signal } = this.#signal();
    const replacing = order.replace({ quantity: this.#random.below(30) }, { signal });
    // One that goes on from a replace that was given up, and lost, is ignored.
    const known = this.#abortShare > 0 ? /ERR_ORDER_(DONE|IGNORED)|20/ : /ERR_ORDER_DONE/;
    this.#waiting.push(replacing.catch(({ code }) => assert.match(String(code), known)));
  }

  #cancel(order: Order): void {
    const canceling = order.cancel();
    this.#waiting.push(canceling.catch(() => assert.equal(order.state, 'lost')));
  }

  #execute(): void {
    const live = [...this.#exchange.orders.keys()];
    if (live.length > 0) this.#exchange.execute(this.#random.pick(live), 7);
  }

  /** Aborted after some turns, or never. */
  #signal(): { signal: AbortSignal | undefined; isAborted: boolean } {
    if (!this.#random.chance(this.#abortShare)) return { signal: undefined, isAborted: false };
    const stopping = new AbortController();
    void this.#pause(this.#random.below(4)).then(() => stopping.abort());
    return { signal: stopping.signal, isAborted: true };
  }

  async #pause(turns: number): Promise<void> {
    for (let i = 0; i < turns; i++) await turn();
  }
}

describe('a client whose connection breaks at any moment', () => {
  const seed = fuzzSeed();
  for (let round = 0; round < ROUNDS; round++) {
    const abortShare = round % 2 === 0 ? 0 : 0.3;
    const whose = abortShare === 0 ? 'orders' : 'orders, of which some are given up,';
    test(`has ${whose} taken once, and knows what became of them (${round})`, async () => {
      const random = new Random(seed + round);
      await using server = await SoupServer.listen({ onMessage: (message) => exchange.take(message) });
      const exchange = new ToyExchange((message) => server.say(message));
      const login = { user: 'A', password: 'B', port: server.port, reconnect: QUICK };
      await using client = await connectExchange(login);
      const trading = new RandomTrading(random, client, server, exchange, abortShare);
      for (let step = 0; step < STEPS; step++) {
        trading.step();
        for (let turns = random.below(3); turns > 0; turns--) await turn();
      }
      await trading.end();
      for (const order of trading.orders) {
        const { firstToken, token, state, open, executed } = order;
        assert.notEqual(state, 'sent');
        if (!trading.givenUp.has(order)) assert.notEqual(state, 'lost');
        assert.equal(exchange.taken.get(firstToken) ?? 0, state === 'lost' ? 0 : 1);
        const live = exchange.orders.get(token);
        assert.equal(open, live?.open ?? 0, `order ${firstToken} is ${state}`);
        if (state === 'open') assert.equal(executed, live?.used);
      }
      assert.equal(client.mirror.openCount, exchange.orders.size);
      assert.ok([...exchange.taken.values()].every((count) => count === 1));
      assert.ok(server.logins.length > 2, 'nothing broke');
    });
  }
});
