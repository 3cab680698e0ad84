import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { Gateway } from '../../src/gateway.ts';
import { Hosts, type HostsOptions } from '../../src/hosts.ts';
import {
  LEDGER_ADDRESSES,
  type LedgerFigures,
  TALLY_ADDRESS,
  type TallyReport,
} from '../../src/protocol/bank.ts';
import { hostIndexOf } from '../../src/values/address.ts';
import { monotonicMs } from '../../src/values/clock.ts';
import type { OutcryError } from '../../src/values/errors.ts';
import { createLogRecorder, type LogRecorder } from '../support/log-recorder.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';
import { USERS_SETTINGS } from '../support/users-settings.ts';

const TIMEOUT_MS = 60_000;

let recorder: LogRecorder;
let hosts: Hosts | undefined;
let gateway: Gateway | undefined;
/** Indexes of the hosts that were replaced. */
let replaced: number[] = [];
let fatal: OutcryError | undefined;

async function start(options: Partial<HostsOptions> = {}): Promise<Hosts> {
  recorder = createLogRecorder();
  replaced = [];
  fatal = undefined;
  hosts = await Hosts.start({
    count: 2,
    bytesHigh: 16 * 1024 * 1024,
    bytesLow: 8 * 1024 * 1024,
    mailboxMax: 65_536,
    restartsMax: 3,
    restartsPeriodMs: 60_000,
    services: {
      bank: { lineLengthMax: 1024, accountsMax: 1_000_000, uploadsMax: 1000, hashKey: [1, 2] as const },
      users: USERS_SETTINGS,
    },
    log: recorder.log,
    onReplaced: (link) => {
      replaced.push(link.index);
      gateway?.reopen(link);
    },
    onFatal: (error) => {
      fatal = error;
    },
    ...options,
  });
  return hosts;
}

async function listen(on: Hosts): Promise<number> {
  gateway = new Gateway(on.links, recorder.log);
  return gateway.listen({
    service: 'bank',
    host: '127.0.0.1',
    port: 0,
    connectionsMax: 1000,
    connectionsPerAddressMax: 1000,
    framing: { type: 'lines', lengthMax: 1024 },
    idleMs: 3_600_000,
    outboundBytesMax: 1024 * 1024,
  });
}

async function applied(on: Hosts): Promise<number> {
  const asks = LEDGER_ADDRESSES.map((address) => on.ask(address, { type: 'figures' }, TIMEOUT_MS));
  const figures = (await Promise.all(asks)) as LedgerFigures[];
  return figures.reduce((sum, { transactions }) => sum + transactions, 0);
}

function killOne(on: Hosts): Promise<number> {
  const [thread] = on.pool.threads;
  if (thread === undefined) throw new Error('the pool has no thread');
  return thread.terminate();
}

afterEach(async () => {
  gateway?.close();
  gateway = undefined;
  await hosts?.close();
  hosts = undefined;
});

describe('Hosts', () => {
  for (const count of [1, 2, 3]) {
    test(`${count} linked take in what clients send to any of them, and settle`, async () => {
      const on = await start({ count });
      const port = await listen(on);
      assert.equal(on.links.length, count);
      // Names of all shards, and a bad line each: sessions, shards and tally live in different hosts.
      const lines = Array.from({ length: 200 }, (_, i) => `Name${i} credit $1.00\nname ${i}\n`).join('');
      const clients = await Promise.all(Array.from({ length: 8 }, () => TestClient.connect(port)));
      for (const client of clients) client.end(lines);
      await gateway?.drain({
        message: 'the test is over',
        silentMs: TIMEOUT_MS,
        deadlineMs: monotonicMs() + TIMEOUT_MS,
      });
      await on.settle(monotonicMs() + TIMEOUT_MS);
      assert.equal(await applied(on), 8 * 200);
      const discarded = (await on.ask(TALLY_ADDRESS, { type: 'report' }, TIMEOUT_MS)) as TallyReport;
      assert.deepEqual(discarded, { 'not-three-fields': 8 * 200 });
    });
  }

  test('every shard answers from the host of its address', async () => {
    const on = await start({ count: 3 });
    const indexes = new Set(LEDGER_ADDRESSES.map((address) => hostIndexOf(address, 3)));
    assert.deepEqual([...indexes].sort(), [0, 1, 2]);
    assert.equal(await applied(on), 0);
  });

  test('an address where nobody lives is an error with a code', async () => {
    const on = await start();
    await assert.rejects(on.ask('ledger/none' as never, {}, TIMEOUT_MS), { code: 'ERR_ASK_NO_ACTOR' });
  });

  test('what waits for a thread that ends fails, and another takes its place', async () => {
    const on = await start({ count: 1 });
    const ended = killOne(on);
    const asks = LEDGER_ADDRESSES.map((address) => on.ask(address, { type: 'figures' }, TIMEOUT_MS));
    const outcomes = await Promise.allSettled(asks);
    await ended;
    for (const outcome of outcomes) {
      assert.equal(outcome.status, 'rejected');
      assert.equal((outcome.reason as OutcryError).code, 'ERR_HOST_LOST');
    }
    assert.equal(await applied(on), 0);
    assert.deepEqual(replaced, [0]);
    const lost = recorder.entries.filter(({ level }) => level === 'error').map(({ msg }) => msg);
    assert.equal(lost.length, 1, lost.join('; '));
    assert.match(lost[0] ?? '', /^host 0 was lost: /);
    await until('it is said', () => recorder.entries.some(({ msg }) => msg === 'host 0 was replaced'));
    assert.equal(fatal, undefined);
  });

  test('connections stay open when their thread ends, and are served by the next', async () => {
    const on = await start({ count: 2 });
    const port = await listen(on);
    const clients = await Promise.all(Array.from({ length: 10 }, () => TestClient.connect(port)));
    for (const client of clients) client.send('Marc credit $1\n');
    await until('all is applied', async () => (await applied(on)) === 10);
    await killOne(on);
    await until('it is replaced', () => replaced.length === 1);
    const kept = await applied(on);
    assert.ok(kept === 0 || kept === 10, 'Marc is in the lost host, or in the other');
    assert.ok(clients.every(({ isDropped }) => !isDropped));
    for (const client of clients) client.end('Marc credit $1\n');
    await gateway?.drain({
      message: 'the test is over',
      silentMs: TIMEOUT_MS,
      deadlineMs: monotonicMs() + TIMEOUT_MS,
    });
    await on.settle(monotonicMs() + TIMEOUT_MS);
    assert.equal(await applied(on), kept + 10);
  });

  test('a thread that ends in mid-load loses what it had and hangs nobody', async () => {
    const on = await start({ count: 2, bytesHigh: 256 * 1024, bytesLow: 128 * 1024 });
    const port = await listen(on);
    const lines = Array.from({ length: 1000 }, (_, i) => `Name${i} credit $1.00\n`).join('');
    const clients = await Promise.all(Array.from({ length: 8 }, () => TestClient.connect(port)));
    for (const client of clients) {
      for (let i = 0; i < 200; i++) client.send(lines);
    }
    await until('the load is under way', async () => (await applied(on)) > 0);
    await killOne(on);
    for (const client of clients) client.end();
    await gateway?.drain({
      message: 'the test is over',
      silentMs: TIMEOUT_MS,
      deadlineMs: monotonicMs() + TIMEOUT_MS,
    });
    await on.settle(monotonicMs() + TIMEOUT_MS);
    assert.deepEqual(replaced.length, 1);
    assert.deepEqual(
      on.links.map(({ bytesInFlight }) => bytesInFlight),
      [0, 0],
    );
    assert.ok((await applied(on)) > 0);
    for (const client of clients) await client.closes();
    assert.ok(clients.every(({ errorCode }) => errorCode === undefined));
  });

  test('two threads that end at the same time are both replaced and linked again', async () => {
    const on = await start({ count: 2 });
    const port = await listen(on);
    await Promise.all(on.pool.threads.map((thread) => thread.terminate()));
    await until('both are replaced', () => replaced.length === 2);
    const clients = await Promise.all(Array.from({ length: 8 }, () => TestClient.connect(port)));
    for (const client of clients) client.end('Marc credit $1\nAbigail debit $2\nnonsense\n');
    await gateway?.drain({
      message: 'the test is over',
      silentMs: TIMEOUT_MS,
      deadlineMs: monotonicMs() + TIMEOUT_MS,
    });
    await on.settle(monotonicMs() + TIMEOUT_MS);
    assert.equal(await applied(on), 16);
  });

  test('settling does not wait for a host that was lost', async () => {
    const on = await start({ count: 2 });
    const ended = killOne(on);
    await on.settle(monotonicMs() + TIMEOUT_MS);
    await ended;
  });

  test('more threads ended than the limit within its period are fatal', async () => {
    const on = await start({ count: 1, restartsMax: 2 });
    for (let i = 1; i <= 2; i++) {
      await killOne(on);
      await until('it is replaced', () => replaced.length === i);
      await applied(on);
    }
    await killOne(on);
    await until('it is fatal', () => fatal !== undefined);
    assert.equal(fatal?.code, 'ERR_HOST_RESTARTS');
    assert.match(fatal?.message ?? '', /; 2 restarts within 60 s is the limit$/);
    assert.equal(replaced.length, 2);
    await assert.rejects(applied(on), { code: 'ERR_HOST_LOST' });
    await on.settle(monotonicMs() + TIMEOUT_MS);
  });

  test('losses further apart than the period are not counted together', async () => {
    const on = await start({ count: 1, restartsMax: 1, restartsPeriodMs: 1 });
    for (let i = 1; i <= 3; i++) {
      await killOne(on);
      await until('it is replaced', () => replaced.length === i);
      await applied(on);
    }
    assert.equal(fatal, undefined);
  });

  test('a host that fails at the start rejects the start and leaves no thread behind', async () => {
    const services = {
      bank: { lineLengthMax: -10, accountsMax: 1, uploadsMax: 1000, hashKey: [1, 2] as const },
      users: USERS_SETTINGS,
    };
    await assert.rejects(start({ services }), { code: 'ERR_HOST_LOST' });
    assert.deepEqual(replaced, []);
    assert.equal(fatal, undefined);
  });

  test('draining stops all actors, after which nobody answers', async () => {
    const on = await start();
    await on.drain(monotonicMs() + TIMEOUT_MS);
    await assert.rejects(applied(on), { code: 'ERR_ASK_NO_ACTOR' });
  });
});
