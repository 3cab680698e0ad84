/** An exchange of a real server to which bad things happen: threads that die, full disks, and rude clients. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EXCHANGE_ADDRESS } from '../../src/protocol/exchange.ts';
import { encodeClientPacket } from '../../src/protocol/soupbintcp/packets.ts';
import { hostIndexOf } from '../../src/values/address.ts';
import { cannotFillDisks, DurableBank, kill as killProcess, makeRoom } from '../support/durable-bank.ts';
import { fuzzSeed } from '../support/fuzz-seed.ts';
import { checkVenue, connectTraders, settleAll, VENUE_PASSWORD, writeVenue } from '../support/live-venue.ts';
import { isReplaced, kill, startServer } from '../support/mortal-hosts.ts';
import type { SocketTrader } from '../support/socket-trader.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const HOSTS = 3;
const GRACE = { 'ouch-disconnect-grace-seconds': '600' };

function leftOf(traders: readonly SocketTrader[]): number {
  return traders.reduce((sum, { left }) => sum + left, 0);
}

describe('an exchange one of whose hosts dies', () => {
  for (const grace of [{}, GRACE]) {
    const whose = Object.keys(grace).length === 0 ? 'withdraws' : 'keeps';
    test(`loses nothing that was told, and ${whose} the orders`, async (t) => {
      const bank = await DurableBank.create(t);
      writeVenue(bank, 8);
      const started = await startServer(t, bank, grace);
      const traders = connectTraders(t, bank, 8, { seed: fuzzSeed() });
      for (const trader of traders) trader.trade(600);
      const home = hostIndexOf(EXCHANGE_ADDRESS, HOSTS);
      // That of the exchange, one that has only sessions, and again that of the exchange.
      for (const [i, host] of [home, (home + 1) % HOSTS, home].entries()) {
        await until('the orders go on', () => leftOf(traders) <= 8 * 600 * (1 - (i + 1) / 4));
        kill(started, host);
        await isReplaced(started, i + 1);
      }
      await settleAll(traders);
      const { trades } = await checkVenue(traders, bank);
      assert.ok(trades > 0);
      for (const { breaks } of traders) assert.ok(breaks >= 2, 'the exchange was lost twice');
      await Promise.all(traders.map((trader) => trader.readAgain()));
      assert.deepEqual(started.fatal, []);
    });
  }
});

describe('an exchange whose disk is full', { skip: cannotFillDisks() }, () => {
  /** Enough to start with, and soon too little. */
  const FULL = { fileKibMax: 600 };
  const FULL_TEXT = /can't write to \S+: EFBIG/;

  test('lets orders wait, and goes on when there is room', async (t) => {
    const bank = await DurableBank.create(t);
    writeVenue(bank, 4);
    const server = await bank.start(['--server-hosts', '1'], FULL);
    const traders = connectTraders(t, bank, 4, { seed: fuzzSeed() });
    for (const trader of traders) trader.trade(3000);
    await until('it can store nothing', () => FULL_TEXT.test(server.stderr));
    const observer = await TestClient.connect(bank.ouchPort);
    await until('a client is told', () => observer.text.includes('nothing can be stored at the moment'));
    assert.ok(leftOf(traders) > 0);
    makeRoom(server);
    await settleAll(traders);
    await checkVenue(traders, bank);
    assert.ok(traders.every(({ breaks }) => breaks === 0));
  });

  test('has acknowledged nothing that it can not keep', async (t) => {
    const bank = await DurableBank.create(t);
    writeVenue(bank, 4);
    const full = await bank.start(['--server-hosts', '2'], FULL);
    const traders = connectTraders(t, bank, 4, { seed: fuzzSeed() });
    for (const trader of traders) trader.trade(3000);
    await until('it can store nothing', () => FULL_TEXT.test(full.stderr));
    await killProcess(full);
    await bank.start(['--server-hosts', '2']);
    await settleAll(traders);
    await checkVenue(traders, bank);
    await Promise.all(traders.map((trader) => trader.readAgain()));
  });
});

describe('an exchange with rude clients', () => {
  test('goes on for the others while one does not read what it is sent', async (t) => {
    const bank = await DurableBank.create(t);
    writeVenue(bank, 3);
    // So that what the slow one has to hear is soon in the journal alone.
    await startServer(t, bank, { 'exchange-stream-memory-bytes': '1048576' });
    const [slow, ...others] = connectTraders(t, bank, 3, { seed: fuzzSeed() }) as [
      SocketTrader,
      ...SocketTrader[],
    ];
    await slow.entered();
    slow.pause();
    // More than the buffers of sockets hold.
    slow.flood(80_000);
    for (const trader of others) {
      trader.trade(2000);
      await trader.settles();
    }
    const before = slow.trader.session?.messages.count ?? 0;
    slow.resume();
    await settleAll([slow, ...others]);
    assert.ok((slow.trader.session?.messages.count ?? 0) >= before + 80_000);
    await checkVenue([slow, ...others], bank);
    await slow.readAgain();
  });

  test('answers a flood of logins, and those who are there all the while', async (t) => {
    const LOGINS = 1500;
    const bank = await DurableBank.create(t);
    writeVenue(bank, 2);
    await startServer(t, bank);
    const [trader] = connectTraders(t, bank, 1, { seed: fuzzSeed() }) as [SocketTrader];
    trader.trade(1000);
    const login = (password: string) =>
      encodeClientPacket({ type: 'login-request', user: 'T1', password, requestedSession: '', sequence: 1 });
    const clients = Array.from({ length: LOGINS }, (_, i) => {
      const client = TestClient.open(bank.ouchPort);
      client.send(login(i % 2 === 0 ? VENUE_PASSWORD : 'wrong'));
      return client;
    });
    await trader.settles();
    assert.equal(trader.breaks, 0);
    // Only one of those that were right is still in.
    await until(
      'all others are let go',
      () => clients.filter(({ isDropped }) => !isDropped).length === 1,
      60_000,
    );
    // The length of a packet comes first.
    for (const [i, { text }] of clients.entries()) {
      assert.match(text, i % 2 === 0 ? /^..A[ A-Z0-9]{10} {19}1/s : /..JA$/s);
    }
    for (const client of clients) client.socket.destroy();
  });

  test('withdraws ten thousand orders of a trader whose connection is reset', async (t) => {
    const ORDERS = 10_000;
    const bank = await DurableBank.create(t);
    writeVenue(bank, 1);
    await startServer(t, bank);
    const [trader] = connectTraders(t, bank, 1, { seed: fuzzSeed() }) as [SocketTrader];
    await trader.entered();
    trader.quote(ORDERS);
    await trader.settles();
    assert.equal(trader.trader.session?.model.open.size, ORDERS);
    trader.reset();
    await until('all are withdrawn', () => trader.trader.session?.model.open.size === 0);
    assert.deepEqual([...(trader.trader.session?.model.cancelReasons ?? [])], ['L']);
    assert.equal((await checkVenue([trader], bank)).open, 0);
  });
});
