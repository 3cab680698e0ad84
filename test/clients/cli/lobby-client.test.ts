import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { LobbyClient } from '../../../clients/cli/lobby-client.ts';
import { until } from '../../support/until.ts';

/** A lobby that answers when the test wants it to. */
async function meet(t: TestContext) {
  const received: string[] = [];
  let socket: Socket | undefined;
  const server = createServer((accepted) => {
    socket = accepted;
    accepted.write('Client1');
    accepted.setEncoding('utf8').on('data', (text: string) => {
      received.push(...text.split('\n').slice(0, -1));
      if (received.length === 1) accepted.write(`${received[0]} ACK\n`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const heard: string[] = [];
  const { port } = server.address() as AddressInfo;
  const client = await LobbyClient.connect(
    { host: '127.0.0.1', port },
    { onHeard: (text) => heard.push(text), onOver: () => {} },
  );
  t.after(() => {
    socket?.destroy();
    server.close();
  });
  assert.ok(socket);
  return { client, socket, heard, received };
}

describe('LobbyClient', () => {
  test('sends a request only when the reply to the one before has been read', async (t) => {
    const { client, socket, heard, received } = await meet(t);
    const replies: string[] = [];
    const ask = (text: string) =>
      client.ask({ type: 'line', line: text, text }, (event) => {
        if (event.type === 'reply') replies.push(event.text);
      });
    const asked = Promise.all([ask('one'), ask('two'), client.bye()]);
    await until('the first has come', () => received.includes('one'));
    socket.write('Client2 says: hi\n');
    await until('it is heard', () => heard.length === 1);
    assert.deepEqual(received.slice(1), ['one']);
    socket.write('one ACK\n');
    await until('the second has come', () => received.includes('two'));
    assert.deepEqual(received.slice(1), ['one', 'two']);
    socket.write('two ACK\n');
    await until('the last has come', () => received.includes('bye'));
    socket.end();
    await asked;
    assert.deepEqual(replies, ['one ACK', 'two ACK']);
  });

  test('reads nothing more from the server while a part of a reply is taken', async (t) => {
    const { client, socket } = await meet(t);
    const size = 64 * 1024 * 1024;
    let taken = 0;
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const asked = client.ask({ type: 'get', name: 'a' }, async (event) => {
      if (event.type === 'bytes') taken += event.bytes.length;
      await held;
    });
    socket.write(`SIZE ${size} SHA-256 ${'0'.repeat(64)}\n`);
    const chunk = Buffer.alloc(1024 * 1024);
    for (let i = 0; i < size; i += chunk.length) socket.write(chunk);
    const stuck = await until('the way is full', async () => {
      const before = socket.writableLength;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return before === socket.writableLength ? before : undefined;
    });
    assert.ok(stuck > size / 2, `${stuck} bytes wait at the server`);
    release();
    await asked;
    assert.equal(taken, size);
  });

  test('refuses what is asked when the connection is over', async (t) => {
    const { client, socket } = await meet(t);
    const asked = client.ask({ type: 'status' }, () => {});
    socket.destroy();
    await assert.rejects(asked, { code: 'ERR_CONNECTION_LOST' });
    await assert.rejects(client.bye(), { code: 'ERR_CONNECTION_LOST' });
  });

  test('reads a reply to its end when it can not be taken', async (t) => {
    const { client, socket } = await meet(t);
    const asked = client.ask({ type: 'get', name: 'a' }, () => Promise.reject(new Error('no room')));
    socket.write(`SIZE 4 SHA-256 ${'0'.repeat(64)}\nab`);
    socket.write('cd');
    await assert.rejects(asked, /no room/);
    const again = client.ask({ type: 'line', line: 'hi', text: 'hi' }, () => {});
    socket.write('hi ACK\n');
    await again;
  });
});
