/** Traders over the api while worker threads die and the server is killed: nobody is left in doubt of what was done. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { connect, type MarketItem } from '../../clients/index.ts';
import { Random } from '../../workers/runtime/random.ts';
import { DurableBank, kill as killServer } from '../support/durable-bank.ts';
import { fuzzSeed } from '../support/fuzz-seed.ts';
import { isReplaced, kill, startServer } from '../support/mortal-hosts.ts';
import { OrderLoad } from '../support/order-load.ts';
import { until } from '../support/until.ts';

const HOSTS = [0, 1, 2];
const ORDERS = 300;

describe('traders over the api', () => {
  test('go on when any worker thread dies, and know of each order whether it was done', async (t) => {
    const bank = await DurableBank.create(t);
    const started = await startServer(t, bank);
    const random = new Random(fuzzSeed());
    await using observer = await connect({ port: bank.apiPort });
    const clients = await Promise.all(HOSTS.map(() => connect({ port: bank.apiPort })));
    t.after(() => Promise.all(clients.map((client) => client.close())));
    const loads = await Promise.all(clients.map((client, i) => OrderLoad.begin(client, `TRADE${i}`, random)));
    for (const host of HOSTS) {
      const isEnough = (load: OrderLoad) => load.doneCount >= ORDERS * (host + 1);
      const entering = loads.map((load) => load.enterUntil(() => isEnough(load)));
      await until('they are under way', () => loads.every((load) => load.doneCount > ORDERS * host));
      kill(started, host);
      await isReplaced(started, host + 1);
      await Promise.all(entering);
    }
    for (const load of loads) await load.check(observer);
    assert.deepEqual(started.fatal, []);
  });

  test('know it also when the server is killed again and again', async (t) => {
    const bank = await DurableBank.create(t);
    let server = await bank.start();
    const random = new Random(fuzzSeed());
    await using client = await connect({ port: bank.apiPort });
    await using observer = await connect({ port: bank.apiPort });
    const load = await OrderLoad.begin(client, 'TRADE0', random);
    for (let kills = 1; kills <= 3; kills++) {
      const entering = load.enterUntil(() => load.doneCount >= ORDERS * kills);
      await until('he is under way', () => load.doneCount > ORDERS * (kills - 1) + random.below(ORDERS / 2));
      await killServer(server);
      server = await bank.start();
      await entering;
    }
    await load.check(observer);
  });

  test('have followers who begin anew', async (t) => {
    const bank = await DurableBank.create(t);
    const started = await startServer(t, bank);
    await using client = await connect({ port: bank.apiPort });
    let gaps = 0;
    const items = client.exchange.market({ books: [{ id: 'BTC', group: 'DAY' }], onGap: () => gaps++ });
    const next = async () => (await items.next()).value as MarketItem;
    assert.equal((await next()).type, 'snapshot');
    for (const host of HOSTS) {
      kill(started, host);
      await isReplaced(started, host + 1);
    }
    await until('it has begun anew', () => gaps > 0);
    const trader = await client.exchange.signIn({ user: 'TRADE0', password: 'OUTCRY' });
    await trader.enter({ side: 'buy', book: 'BTC', price: '2300.0', quantity: 1 });
    for (let item = await next(); item.book.bid !== '2300.0'; ) item = await next();
    trader.signOut();
    await items.return();
  });
});
