import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { monotonicMs } from '../../src/values/clock.ts';
import type { Heard } from '../support/echo-host.ts';
import { TestClient } from '../support/test-client.ts';
import { TestGateway } from '../support/test-gateway.ts';
import { until } from '../support/until.ts';

const KIB = 1024;
const READ_BYTES = 64 * KIB;
const FAR_MS = 60_000;

let server: TestGateway;

afterEach(() => server.close());

/** Numbered lines, `count` of them. */
function numbered(name: string, count: number): string {
  return Array.from({ length: count }, (_, i) => `${name} ${i} ${'.'.repeat(80)}\n`).join('');
}

function sessionOf(client: TestClient, host = server.host): Heard | undefined {
  return host.sessions.find(({ remoteAddress }) => remoteAddress === `127.0.0.1:${client.socket.localPort}`);
}

async function passed(ms: number): Promise<void> {
  const fromMs = monotonicMs();
  await until(`${ms} ms have passed`, () => monotonicMs() - fromMs > ms);
}

describe('Gateway', () => {
  describe('many clients', () => {
    test('a thousand clients at once are all served', async () => {
      server = new TestGateway();
      const port = await server.listen('echo');
      const clients = Array.from({ length: 1000 }, () => TestClient.open(port));
      for (const [i, client] of clients.entries()) client.send(`client ${i}\n`);
      await Promise.all(clients.map((client, i) => client.receives(`client ${i}\n`)));
      assert.equal(server.gateway.connectionCount, 1000);
      for (const client of clients) client.end();
      await Promise.all(clients.map((client) => client.closes()));
      assert.deepEqual(
        clients.filter(({ text }, i) => text !== `client ${i}\nbye\n`),
        [],
      );
      await until('no connection is left', () => server.gateway.connectionCount === 0);
    });

    test('two thousand clients that come and go leave nothing behind', async () => {
      server = new TestGateway();
      const port = await server.listen('echo', { connectionsPerAddressMax: 100 });
      for (let round = 0; round < 20; round++) {
        await until('the last have gone', () => server.gateway.connectionCount === 0);
        const clients = Array.from({ length: 100 }, () => TestClient.open(port));
        clients.forEach((client, i) => {
          if (i % 2 === 0) client.end('hello\n');
          else client.socket.once('connect', () => client.reset());
        });
        await Promise.all(clients.map((client) => client.closes()));
      }
      await until('no connection is left', () => server.gateway.connectionCount === 0);
      await until('nothing is in flight', () => server.host.link.bytesInFlight === 0);
      assert.equal(server.accepted, 2000);
    });
  });

  describe('flow', () => {
    test('a busy host gets no more than the high-water mark and a read of each connection', async () => {
      const bytesHigh = 256 * KIB;
      server = new TestGateway({ bytesHigh, bytesLow: 64 * KIB });
      const port = await server.listen('deaf');
      const clients = await Promise.all([1, 2, 3, 4].map(() => server.connect(port)));
      await until('all have sessions', () => server.host.sessions.length === 4);
      server.host.hold();
      const inputs = clients.map((_, i) => numbered(`client-${i}`, 30_000));
      for (const [i, client] of clients.entries()) client.send(inputs[i] ?? '');
      let most = 0;
      const sampling = setInterval(() => {
        most = Math.max(most, server.host.link.bytesInFlight);
        server.host.step();
      }, 1);
      await until('all is taken in', () => {
        return clients.every((client, i) => {
          const heard = sessionOf(client)?.messages.reduce((sum, { length }) => sum + length, 0);
          return heard === inputs[i]?.length;
        });
      });
      clearInterval(sampling);
      assert.deepEqual(
        clients.map((client) => sessionOf(client)?.messages.join('')),
        inputs,
      );
      assert.ok(most > bytesHigh, `the mark was never reached: ${most} bytes`);
      assert.ok(most <= bytesHigh + clients.length * (READ_BYTES + 1024), `${most} bytes were in flight`);
    });

    test('the connections of another host are not paused', async () => {
      server = new TestGateway({ hostCount: 2, bytesHigh: 64 * KIB, bytesLow: 32 * KIB });
      const port = await server.listen('echo');
      const [slow, quick] = server.hosts as [(typeof server.hosts)[0], (typeof server.hosts)[0]];
      const clients: TestClient[] = [];
      while (slow.sessions.length === 0 || quick.sessions.length === 0) {
        clients.push(await server.connect(port));
        await until(
          'it has a session',
          () => slow.sessions.length + quick.sessions.length === clients.length,
        );
      }
      slow.hold();
      const ofSlow = clients.filter((client) => sessionOf(client, slow) !== undefined);
      const ofQuick = clients.filter((client) => sessionOf(client, quick) !== undefined);
      for (const client of ofSlow) client.send(numbered('slow', 10_000));
      await until('the slow host is full', () => slow.link.bytesInFlight > 64 * KIB);
      for (let i = 0; i < 100; i++) {
        for (const client of ofQuick) client.send(`quick ${i}\n`);
        await Promise.all(ofQuick.map((client) => client.receives(`quick ${i}\n`)));
      }
      assert.deepEqual(
        ofSlow.map(({ text }) => text),
        ofSlow.map(() => ''),
      );
      slow.release();
      await Promise.all(ofSlow.map((client) => client.receives(`slow 9999 ${'.'.repeat(80)}\n`)));
    });

    test('what a lost host had in flight does not keep its connections paused', async () => {
      server = new TestGateway({ bytesHigh: 64 * KIB, bytesLow: 32 * KIB });
      const { host, gateway } = server;
      const client = await server.connect(await server.listen('echo'));
      await until('the session is there', () => host.sessions.length === 1);
      host.hold();
      client.send(numbered('line', 10_000));
      await until('the host is full', () => host.link.bytesInFlight > 64 * KIB);
      host.replace();
      gateway.reopen(host.link);
      await client.receives(`line 9999 ${'.'.repeat(80)}\n`);
      await until('nothing is in flight', () => host.link.bytesInFlight === 0);
      assert.equal(host.sessions.length, 2);
    });
  });

  describe('the numbers of connections', () => {
    test('go on from the one that was given, and begin anew after the last', async () => {
      server = new TestGateway();
      const port = await server.listen('echo');
      let count = 0;
      const numbered = async () => {
        await server.connect(port);
        count++;
        await until('it is let in', () => server.gateway.connectionCount === count);
        return server.gateway.connections.at(-1)?.id;
      };
      server.gateway.numberFrom(500);
      assert.equal(await numbered(), 500);
      server.gateway.numberFrom(2 ** 31 - 1);
      assert.equal(await numbered(), 2 ** 31 - 1);
      assert.equal(await numbered(), 1);
      server.gateway.numberFrom(500);
      assert.equal(await numbered(), 501, 'one that is open keeps its number');
    });
  });

  describe('a replaced host', () => {
    test('connections stay open and get new sessions', async () => {
      server = new TestGateway();
      const { host, gateway } = server;
      const port = await server.listen('echo');
      const open = await server.connect(port);
      const within = await server.connect(port);
      open.send('before\n');
      await open.receives('before\n');
      within.send('whole\nhalf ');
      await within.receives('whole\n');
      host.replace();
      gateway.reopen(host.link);
      open.send('after\n');
      await open.receives('before\nafter\n');
      within.send('line\n');
      await within.receives('whole\nhalf line\n');
      assert.equal(host.sessions.length, 4);
    });

    test('a client that had half-closed is still answered', async () => {
      server = new TestGateway();
      const { host, gateway } = server;
      const client = await server.connect(await server.listen('echo'));
      await until('the session is there', () => host.sessions.length === 1);
      host.hold();
      client.end('lost\n');
      await until('the end has arrived', () => host.heldCount > 0);
      await passed(20);
      host.replace();
      gateway.reopen(host.link);
      await client.closes();
      assert.equal(client.text, 'bye\n');
    });
  });

  describe('drain', () => {
    const drain = (silentMs: number, deadlineMs = FAR_MS) =>
      server.gateway.drain({ message: 'the test is over', silentMs, deadlineMs: monotonicMs() + deadlineMs });

    test('without connections it is done at once', async () => {
      server = new TestGateway();
      await server.listen('echo');
      await drain(FAR_MS);
    });

    test('connections that wait to be accepted are all served', async () => {
      server = new TestGateway();
      const ports = [await server.listen('echo'), await server.listen('deaf'), await server.listen('echo')];
      const clients = Array.from({ length: 300 }, (_, i) => TestClient.open(ports[i % 2 === 0 ? 0 : 2] ?? 0));
      for (const client of clients) client.end('line\n');
      // The kernel has them all now, the gateway none yet.
      await Promise.resolve();
      assert.equal(server.accepted, 0);
      await drain(FAR_MS);
      await Promise.all(clients.map((client) => client.closes()));
      assert.equal(server.accepted, 300);
      assert.deepEqual(
        clients.filter(({ text }) => text !== 'line\nbye\n'),
        [],
      );
    });

    test('clients that still send are read to their ends', async () => {
      server = new TestGateway();
      const client = await server.connect(await server.listen('echo'));
      client.send('early\n');
      await client.receives('early\n');
      const drained = drain(FAR_MS);
      for (let i = 0; i < 10; i++) {
        client.send(`late ${i}\n`);
        await client.receives(`late ${i}\n`);
      }
      client.end('last');
      await drained;
      await client.closes();
      assert.ok(client.text.endsWith('late 9\nlast\nbye\n'));
    });

    test('a client that is silent is given up, one that speaks is not', async () => {
      server = new TestGateway();
      const port = await server.listen('echo');
      const silent = await server.connect(port);
      const lively = await server.connect(port);
      const speaking = setInterval(() => lively.send('here\n'), 10);
      const drained = drain(300);
      await silent.isLetGo();
      assert.equal(lively.isDropped, false);
      clearInterval(speaking);
      lively.end();
      await drained;
      await lively.receives('bye\n');
      assert.deepEqual(server.logged('info'), ['closed 1 connection: silent during the shutdown for 0.3 s']);
    });

    test('a client that the server has paused is not silent', async () => {
      server = new TestGateway({ bytesHigh: 64 * KIB, bytesLow: 32 * KIB });
      const { host } = server;
      const port = await server.listen('deaf');
      const silent = await server.connect(port);
      const paused = await server.connect(port);
      await until('both have sessions', () => host.sessions.length === 2);
      host.hold();
      const input = numbered('line', 10_000);
      paused.send(input);
      await until('the host is full', () => host.link.bytesInFlight > 64 * KIB);
      const drained = drain(100);
      await silent.isLetGo();
      await passed(200);
      assert.equal(paused.isDropped, false);
      host.release();
      await drained;
      assert.equal(sessionOf(paused)?.messages.join(''), input);
    });

    test('a client that waits for its answer after its end is not silent', async () => {
      server = new TestGateway();
      const { host } = server;
      const port = await server.listen('echo');
      const silent = await server.connect(port);
      const waiting = await server.connect(port);
      await until('both have sessions', () => host.sessions.length === 2);
      host.hold();
      waiting.end('question\n');
      await until('the host has the question', () => host.heldCount > 0);
      const drained = drain(100);
      await silent.isLetGo();
      await passed(200);
      host.release();
      await drained;
      await waiting.closes();
      assert.equal(waiting.text, 'question\nbye\n');
    });

    test('at the deadline all that is left is closed', async () => {
      server = new TestGateway();
      const port = await server.listen('deaf');
      const clients = await Promise.all([1, 2, 3].map(() => server.connect(port)));
      clients[0]?.end();
      const sending = setInterval(() => clients[1]?.send('more\n'), 10);
      await drain(FAR_MS, 200);
      clearInterval(sending);
      assert.equal(server.gateway.connectionCount, 0);
      await Promise.all(clients.map((client) => client.isLetGo()));
      assert.deepEqual(server.logged('info'), [
        'closed 1 connection: the deadline of the shutdown has come',
        'closed 2 connections: the deadline of the shutdown has come',
      ]);
    });

    test('the doors are closed to new clients while the others are read', async () => {
      server = new TestGateway();
      const port = await server.listen('echo');
      const inside = await server.connect(port);
      inside.send('in\n');
      await inside.receives('in\n');
      const drained = drain(FAR_MS);
      let late: TestClient;
      do {
        late = TestClient.open(port);
        await until('it is in or refused', () => late.errorCode !== undefined || !late.socket.connecting);
        late.end();
        await nextTurn();
      } while (late.errorCode === undefined);
      assert.equal(late.errorCode, 'ECONNREFUSED');
      inside.send('still served\n');
      await inside.receives('still served\n');
      inside.end();
      await drained;
    });

    test('everyone who drains hears of the end', async () => {
      server = new TestGateway();
      const client = await server.connect(await server.listen('echo'));
      const both = [drain(FAR_MS), drain(FAR_MS)];
      client.end();
      await Promise.all(both);
    });

    test('closing ends a drain that is under way', async () => {
      server = new TestGateway();
      const client = await server.connect(await server.listen('echo'));
      const drained = drain(FAR_MS);
      server.gateway.close();
      await drained;
      await client.isLetGo();
    });

    test('every session is told once that the server closes, before it hears of the end of its client', async () => {
      server = new TestGateway({ hostCount: 2 });
      const port = await server.listen('echo');
      const clients = await Promise.all([1, 2, 3, 4, 5].map(() => server.connect(port)));
      const sessions = () => server.hosts.flatMap((host) => host.sessions);
      await until('all have sessions', () => sessions().length === 5);
      const drained = server.gateway.drain({ message: 'so long', silentMs: FAR_MS, deadlineMs: Infinity });
      await until('all are told', () => sessions().every(({ commands }) => commands.length > 0));
      for (const client of clients) client.end();
      await drained;
      for (const { commands } of sessions()) {
        assert.deepEqual(commands.slice(0, 2), [
          { type: 'server-closing', message: 'so long' },
          { type: 'connection-ended' },
        ]);
      }
    });
  });
});
