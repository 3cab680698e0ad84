import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { monotonicMs } from '../../src/values/clock.ts';
import type { EchoHost } from '../support/echo-host.ts';
import type { TestClient } from '../support/test-client.ts';
import { TestGateway } from '../support/test-gateway.ts';
import { until } from '../support/until.ts';

const PAUSE_MS = 30;

describe('Messages that end with a pause', () => {
  let server: TestGateway;
  let host: EchoHost;
  let client: TestClient;

  beforeEach(async () => {
    server = new TestGateway({ bytesHigh: 2000, bytesLow: 100 });
    host = server.host;
    client = await server.connect(await server.listen('echo', { pauseMs: PAUSE_MS }));
    await until('the session is there', () => host.sessions.length === 1);
  });

  afterEach(() => server.close());

  test('a message without a newline comes once the client has paused', async () => {
    const sentMs = monotonicMs();
    client.send('hello');
    await client.receives('hello\n');
    assert.ok(monotonicMs() - sentMs >= PAUSE_MS, 'not before the pause is over');
    client.send('again');
    await client.receives('again\n');
    assert.deepEqual(host.latest.messages, ['hello\n', 'again\n']);
  });

  test('what is written within the pause is one message', async () => {
    client.send('one ');
    await nextTurn();
    client.send('message');
    await client.receives('message\n');
    assert.deepEqual(host.latest.messages, ['one message\n']);
  });

  test('a message that comes one byte at a time is one message', async () => {
    for (const character of 'a byte at a time') {
      client.send(character);
      await nextTurn();
    }
    await client.receives('time\n');
    assert.deepEqual(host.latest.messages, ['a byte at a time\n']);
  });

  test('a message with a newline does not wait for the pause', async () => {
    client.send('line\n');
    client.send('rest');
    await client.receives('line\n');
    assert.deepEqual(host.latest.messages, ['line\n']);
    await client.receives('rest\n');
    assert.deepEqual(host.latest.messages, ['line\n', 'rest\n']);
  });

  test('the pauses of two clients are their own', async () => {
    const other = await server.connect(client.socket.remotePort ?? 0);
    client.send('mine');
    other.send('its');
    await client.receives('mine\n');
    await other.receives('its\n');
    assert.deepEqual([client.text, other.text], ['mine\n', 'its\n']);
  });

  test('a message that is too long is cut, and the next one is heard', async () => {
    client.send('x'.repeat(1500));
    await client.receives(`${'x'.repeat(1025)}\n`);
    await pauseOver();
    client.send('next');
    await client.receives('next\n');
    assert.deepEqual(host.latest.messages, [`${'x'.repeat(1025)}\n`, 'next\n']);
  });

  test('a message is not cut because the server itself was busy', async () => {
    client.send('first half, ');
    await until('the first half has arrived', () => client.socket.bytesWritten === 12);
    await nextTurn();
    client.send('second half');
    const busyUntilMs = monotonicMs() + 2 * PAUSE_MS;
    while (monotonicMs() < busyUntilMs) {
      // The event loop stands still, while the kernel has the second half.
    }
    await client.receives('half\n');
    assert.deepEqual(host.latest.messages, ['first half, second half\n']);
  });

  test('a message is not cut because the server paused the connection', async () => {
    host.hold();
    const lines = `${'y'.repeat(999)}\n`.repeat(3);
    client.send(`${lines}first half, `);
    await until('the server has paused the connection', () => host.link.bytesInFlight > 2000);
    client.send('second half');
    await pauseOver();
    host.release();
    await client.receives('half\n');
    assert.deepEqual(host.latest.messages.join(''), `${lines}first half, second half\n`);
  });

  test('a client that half-closes within a message need not wait for the pause', async () => {
    client.end('the end');
    await client.receives('the end\nbye\n');
    await client.closes();
    assert.deepEqual(host.latest.messages, ['the end\n']);
  });

  /** Resolves when what has been sent by now has ended by its pause. */
  async function pauseOver(): Promise<void> {
    const sentMs = monotonicMs();
    await until('the pause is over', () => monotonicMs() - sentMs > 2 * PAUSE_MS);
  }
});
