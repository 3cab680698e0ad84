import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { EchoHost } from '../support/echo-host.ts';
import { collectGarbage } from '../support/garbage.ts';
import { TestGateway } from '../support/test-gateway.ts';
import { until } from '../support/until.ts';

const MIB = 1024 * 1024;

describe('Connection', () => {
  let server: TestGateway;
  let host: EchoHost;

  beforeEach(() => {
    server = new TestGateway();
    host = server.host;
  });

  afterEach(() => server.close());

  const allGone = () => until('no connection is left', () => server.gateway.connectionCount === 0);

  describe('orderly close', () => {
    test('a client that half-closes gets everything, then both sides are closed', async () => {
      const client = await server.connect(await server.listen('echo'));
      const lines = `${'0123456789'.repeat(10)}\n`.repeat(5000);
      client.end(`${lines}last`);
      await client.closes();
      assert.equal(client.text, `${lines}last\nbye\n`);
      assert.deepEqual([client.hasEnded, client.errorCode], [true, undefined]);
      await allGone();
      assert.deepEqual(server.logged('info'), []);
    });

    test('the last line may lack its newline, and its client is told that it was heard', async () => {
      const client = await server.connect(await server.listen('echo'));
      client.end('no newline');
      await client.closes();
      assert.equal(client.text, 'no newline\nbye\n');
    });

    test('a client that half-closes at once gets its answer', async () => {
      const client = await server.connect(await server.listen('echo'));
      client.end();
      await client.closes();
      assert.equal(client.text, 'bye\n');
    });

    test('a session that stops closes the connection after its bytes are out', async () => {
      const client = await server.connect(
        await server.listen('once', { framing: { type: 'lines', lengthMax: MIB } }),
      );
      const line = `${'x'.repeat(500_000)}\n`;
      client.send(line);
      await client.isLetGo();
      assert.equal(client.receivedBytes, line.length);
      client.end();
      await client.closes();
      assert.equal(client.errorCode, undefined);
      await allGone();
    });

    test('the bytes of a session that stopped arrive though the client is slow and still sends', async () => {
      const client = await server.connect(
        await server.listen('once', { framing: { type: 'lines', lengthMax: MIB } }),
      );
      const line = `${'x'.repeat(900_000)}\n`;
      client.socket.pause();
      client.send(line);
      await until('the session has answered', () => host.sessions[0]?.messages.length === 1);
      for (let i = 0; i < 50; i++) client.send('too late\n'.repeat(1000));
      await until('all is sent', () => client.socket.writableLength === 0);
      client.socket.resume();
      await client.isLetGo();
      assert.deepEqual([client.receivedBytes, client.errorCode], [line.length, undefined]);
      client.end();
      await allGone();
    });

    test('a client that does not close after its session did is closed soon', async () => {
      const client = await server.connect(await server.listen('once'));
      client.send('the only line\n');
      await client.isLetGo();
      await allGone();
      assert.equal(client.text, 'the only line\n');
      assert.deepEqual(server.logged('info'), []);
    });

    test('a client that keeps sending to a session that stopped is closed soon', async () => {
      const client = await server.connect(await server.listen('once'));
      const sending = setInterval(() => client.send('more\n'), 5);
      await allGone();
      clearInterval(sending);
      assert.deepEqual(host.latest.messages.slice(1), []);
    });

    test('a session may greet before it hears anything', async () => {
      const client = await server.connect(await server.listen('greeting'));
      await client.receives('hello\n');
      client.send('hi\n');
      await client.receives('hello\nhi\n');
    });
  });

  describe('broken off', () => {
    test('a session hears that its connection was cut off within a line, and not the half line', async () => {
      const client = await server.connect(await server.listen('deaf'));
      client.send('whole\nhal');
      await until('the session has heard the line', () => host.sessions[0]?.messages.length === 1);
      client.reset();
      await until('the session hears the close', () => host.latest.commands.length === 1);
      assert.deepEqual(host.latest.commands, [
        {
          type: 'connection-closed',
          reason: 'the connection failed (ECONNRESET)',
          isCutOff: true,
        },
      ]);
      assert.deepEqual(host.latest.messages, ['whole\n']);
      await allGone();
      assert.deepEqual(server.logged('info'), ['closed 1 connection: the connection failed (ECONNRESET)']);
    });

    test('a reset that comes together with half a line is not taken for an end', async () => {
      const client = await server.connect(await server.listen('deaf'));
      await until('the session is there', () => host.sessions.length === 1);
      // Both are in the kernel before the server looks.
      client.send('whole\nhal');
      client.reset();
      await until('the session hears the close', () => host.latest.commands.length === 1);
      assert.deepEqual(host.latest.messages.join('').replace('whole\n', ''), '');
      assert.equal(host.latest.commands[0]?.type, 'connection-closed');
    });

    test('a session hears that its connection was reset between lines', async () => {
      const client = await server.connect(await server.listen('deaf'));
      client.send('whole\n');
      await until('the session has heard the line', () => host.sessions[0]?.messages.length === 1);
      client.reset();
      await until('the session hears the close', () => host.latest.commands.length === 1);
      assert.deepEqual(host.latest.commands[0], {
        type: 'connection-closed',
        reason: 'the connection failed (ECONNRESET)',
        isCutOff: false,
      });
    });

    test('a line that was too long is not cut off as well', async () => {
      const client = await server.connect(await server.listen('deaf'));
      client.send('x'.repeat(5000));
      await until('the session has heard the line', () => host.sessions[0]?.messages.length === 1);
      client.reset();
      await until('the session hears the close', () => host.latest.commands.length === 1);
      assert.equal(host.latest.messages[0]?.length, 1026);
      assert.equal((host.latest.commands[0] as { isCutOff: boolean }).isCutOff, false);
    });

    test('a session that throws loses its connection, and the others go on', async () => {
      const port = await server.listen('faulty');
      const bad = await server.connect(port);
      const good = await server.connect(port);
      good.send('before\n');
      await good.receives('before\n');
      bad.send('fault\n');
      await bad.isLetGo();
      bad.end();
      await bad.closes();
      good.send('after\n');
      await good.receives('before\nafter\n');
      await until('it is logged', () => server.logged('info').length > 0);
      assert.deepEqual(server.logged('info'), ['closed 1 connection: the session failed']);
    });

    test('many connections that fail are two lines in the log', async () => {
      const port = await server.listen('deaf');
      const clients = await Promise.all(Array.from({ length: 50 }, () => server.connect(port)));
      await until('all are served', () => host.sessions.length === 50);
      for (const client of clients) client.reset();
      await allGone();
      await until('the second is over', () => server.logged('info').length > 1);
      assert.deepEqual(server.logged('info'), [
        'closed 1 connection: the connection failed (ECONNRESET)',
        'closed 49 connections: the connection failed (ECONNRESET)',
      ]);
    });
  });

  describe('limits', () => {
    test('a client that is silent for too long is closed, one that speaks is not', async () => {
      const port = await server.listen('echo', { idleMs: 1500 });
      const silent = await server.connect(port);
      const lively = await server.connect(port);
      const speaking = setInterval(() => lively.send('here\n'), 50);
      await silent.isLetGo();
      clearInterval(speaking);
      assert.equal(lively.isClosed, false);
      assert.deepEqual(server.logged('info'), ['closed 1 connection: idle for 1.5 s']);
    });

    test('a client that never reads is disconnected while others are served, and memory stays bounded', async () => {
      const outboundBytesMax = 256 * 1024;
      const floodPort = await server.listen('flood', { outboundBytesMax });
      const stuck = await server.connect(floodPort);
      const other = await server.connect(await server.listen('echo'));
      stuck.socket.pause();
      const before = process.memoryUsage().arrayBuffers;
      let grown = 0;
      let asked = 0;
      // Beyond what the kernel buffers of a connection hold on any system.
      for (; asked < 2000 && server.gateway.connectionCount === 2; asked++) {
        stuck.send('65536\n');
        other.send('served\n');
        await other.receives('served\n'.repeat(asked + 1));
        grown = Math.max(grown, process.memoryUsage().arrayBuffers - before);
      }
      await until('it is disconnected', () => server.gateway.connectionCount === 1);
      assert.ok(asked < 2000);
      assert.ok(grown < 16 * MIB, `memory grew by ${grown} bytes`);
      await until('it is logged', () => server.logged('info').length > 0);
      assert.deepEqual(server.logged('info'), [
        `closed 1 connection: it left more than ${outboundBytesMax} bytes unread`,
      ]);
      other.send('still\n');
      await other.receives('still\n');
    });

    test('a client that reads may be sent more at once than the limit of what it leaves unread', async () => {
      const client = await server.connect(await server.listen('flood', { outboundBytesMax: 10_000 }));
      client.send('100000\n');
      await until('all has arrived', () => client.receivedBytes === 100_000 || client.isDropped);
      assert.equal(client.receivedBytes, 100_000);
    });

    test('what waits for a slow reader does not keep the bytes of others in memory', async () => {
      const port = await server.listen('flood', { outboundBytesMax: 64 * MIB });
      const slow = await server.connect(port);
      const fast = await server.connect(port);
      await until('both have sessions', () => host.sessions.length === 2);
      fast.isKeeping = false;
      slow.socket.pause();
      // More than the kernel's buffers hold.
      slow.send('16000000\n');
      let before = 0;
      for (let round = 1; round <= 60; round++) {
        host.hold();
        slow.send('10\n');
        await until('the slow one is heard', () => host.heldCount >= 1);
        fast.send('100000\n');
        await until('the fast one is heard', () => host.heldCount >= 2);
        host.release();
        await until('the fast one is served', () => fast.receivedBytes === round * 100_000);
        collectGarbage();
        if (round === 1) before = process.memoryUsage().arrayBuffers;
      }
      const grown = process.memoryUsage().arrayBuffers - before;
      assert.ok(grown < 3 * MIB, `memory grew by ${grown} bytes`);
    });
  });
});
