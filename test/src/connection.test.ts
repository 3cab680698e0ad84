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

  describe('figures', () => {
    const only = () => {
      const [connection] = server.gateway.connections;
      return connection ?? assert.fail('there is no connection');
    };

    test('are what went in and out, what was handled and what was ignored', async () => {
      const client = await server.connect(await server.listen('flowing'));
      client.send('10\nnonsense\nname Ann\nnonsense\n3\n');
      await until('it is answered', () => client.receivedBytes === 13);
      const connection = only();
      assert.equal(server.gateway.find(connection.id), connection);
      await until('it is counted', () => connection.figures.frames === 5);
      assert.deepEqual(connection.figures, {
        bytesIn: 32,
        bytesOut: 13,
        frames: 5,
        ignored: { nonsense: 2, all: 2 },
      });
      assert.equal(connection.user, 'Ann');
      assert.equal(connection.bytesWaiting, 0);
    });

    test('tell how much the client has left unread', async () => {
      const client = await server.connect(await server.listen('flowing', { outboundBytesMax: 64 * MIB }));
      client.isKeeping = false;
      client.socket.pause();
      client.send(`${32 * MIB}\n`);
      await until('it waits', () => only().bytesWaiting > MIB);
      client.socket.resume();
      await until('it is taken', () => client.receivedBytes === 32 * MIB);
      await until('nothing waits', () => only().bytesWaiting === 0);
    });
  });

  describe('a session that wants no input', () => {
    test('gets none until it wants it again, and hears when its bytes have left', async () => {
      const client = await server.connect(await server.listen('flowing', { outboundBytesMax: 64 * MIB }));
      client.isKeeping = false;
      client.socket.pause();
      client.send(`${32 * MIB}\nhold\n`);
      const connection = await until('it is held', () => server.gateway.connections.find((c) => c.isPaused));
      const { bytesIn } = connection.figures;
      client.send('name Late\n');
      await until('it is sent', () => client.socket.writableLength === 0);
      assert.deepEqual(host.latest.commands, []);
      client.socket.resume();
      await until('all is taken', () => client.receivedBytes === 32 * MIB + 'drained\n'.length);
      await until('it is read on', () => connection.user === 'Late');
      assert.deepEqual(host.latest.commands, [{ type: 'connection-drained' }]);
      assert.equal(connection.figures.bytesIn, bytesIn + 'name Late\n'.length);
    });

    test('hears it once for each time it asks, also when nothing waits', async () => {
      const client = await server.connect(await server.listen('flowing'));
      for (let i = 1; i <= 3; i++) {
        client.send('hold\n');
        await client.receives('drained\n'.repeat(i));
      }
      assert.equal(host.latest.commands.length, 3);
    });

    test('is not idle meanwhile', async () => {
      const port = await server.listen('flowing', { idleMs: 50 });
      const held = await server.connect(port);
      const idle = await server.connect(port);
      held.send('keep\n');
      await until('it is held', () => server.gateway.connections.some((c) => c.isPaused));
      await idle.isLetGo();
      assert.equal(held.isDropped, false);
      assert.equal(server.gateway.connectionCount, 1);
    });

    test('does not bind the one that takes its place', async () => {
      const client = await server.connect(await server.listen('flowing'));
      client.send('keep\n');
      await until('it is held', () => server.gateway.connections.some((c) => c.isPaused));
      client.send('5\n');
      host.replace();
      server.gateway.reopen(host.link);
      await until('it is read on', () => client.receivedBytes === 5);
    });
  });

  describe('kicked', () => {
    test('it gets what was written for it, and is closed with the reason', async () => {
      const client = await server.connect(await server.listen('echo'));
      client.send('one\n');
      await client.receives('one\n');
      const [connection] = server.gateway.connections;
      assert.equal(connection?.kick('kicked'), true);
      assert.equal(connection.kick('again'), false);
      client.send('two\n');
      await client.isLetGo();
      client.end();
      await allGone();
      assert.equal(client.text, 'one\n');
      assert.deepEqual(server.logged('info'), ['closed 1 connection: kicked']);
      const closed = { type: 'connection-closed', reason: 'kicked', isCutOff: false };
      await until('its session hears of it', () => host.latest.commands.length > 0);
      assert.deepEqual(host.latest.commands, [closed]);
    });

    test('it is closed though it takes nothing', async () => {
      const client = await server.connect(await server.listen('flood', { outboundBytesMax: 64 * MIB }));
      client.socket.pause();
      client.send('16000000\n');
      const connection = await until('bytes wait for it', () =>
        server.gateway.connections.find(({ bytesWaiting }) => bytesWaiting > MIB),
      );
      connection.kick('kicked');
      await allGone();
    });
  });

  describe('within the process', () => {
    const door = {
      service: 'echo',
      host: '',
      port: 0,
      connectionsMax: 10,
      connectionsPerAddressMax: 10,
      framing: { type: 'lines', lengthMax: 64 * 1024 },
      idleMs: 3_600_000,
      outboundBytesMax: MIB,
    } as const;

    function connect(options: Partial<typeof door> | { readonly idleMs: number } = {}) {
      server.gateway.serve({ ...door, ...options });
      const stream = server.gateway.connect('echo');
      assert.ok(stream);
      let text = '';
      stream.setEncoding('latin1').on('data', (chunk: string) => {
        text += chunk;
      });
      return { stream, text: () => text };
    }

    test('a client is served like any other, to its orderly end', async () => {
      const { stream, text } = connect();
      assert.equal(server.gateway.connections[0]?.remoteAddress, 'in-process');
      stream.write('one\ntw');
      stream.end('o\nlast');
      await until('both sides are closed', () => stream.closed);
      assert.equal(text(), 'one\ntwo\nlast\nbye\n');
      await allGone();
      assert.equal(server.gateway.listenerOf('echo')?.open, 0);
    });

    test('a service that there is not can not be reached', () => {
      assert.equal(server.gateway.connect('echo'), undefined);
    });

    test('nobody comes in any more while the others are read to their ends', async () => {
      const { stream } = connect();
      const drained = server.gateway.drain({ message: '', silentMs: 60_000, deadlineMs: Infinity });
      await until('the doors are closed', () => server.gateway.listenerOf('echo')?.isClosed);
      assert.equal(server.gateway.connect('echo'), undefined);
      stream.end();
      await drained;
    });

    test('a client that is gone without a word is gone here too', async () => {
      const { stream } = connect();
      stream.write('half a li');
      await until('it is there', () => server.gateway.connections[0]?.figures.bytesIn === 9);
      stream.destroy();
      await allGone();
      const closed = { type: 'connection-closed', reason: '', isCutOff: true };
      await until('its session hears of it', () => host.latest.commands.length > 0);
      assert.deepEqual(host.latest.commands, [closed]);
    });

    test('a client that is cut off sees its end closed', async () => {
      const { stream } = connect({ idleMs: 50 });
      await until('its end is closed', () => stream.closed);
      await allGone();
      assert.deepEqual(server.logged('info'), ['closed 1 connection: idle for 0.05 s']);
    });

    test('what a client has written stays its own', async () => {
      const { stream, text } = connect();
      const bytes = Buffer.from(new Uint8Array(20_000).fill(120).buffer);
      bytes[9_999] = bytes[19_999] = 10;
      stream.write(bytes.subarray(0, 10_000));
      await until('it is answered', () => text().length === 10_000);
      assert.equal(bytes.length, 20_000, 'it was not given up to the host');
      stream.write(bytes.subarray(10_000));
      await until('it is answered', () => text().length === 20_000);
      assert.equal(text(), bytes.toString('latin1'));
    });
  });
});
