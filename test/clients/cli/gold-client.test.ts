import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { GoldClient } from '../../../clients/cli/gold-client.ts';
import { until } from '../../support/until.ts';

const WELCOME = 'Chào mừng.Type -help for help.\n\n';

interface Meeting {
  readonly client: GoldClient;
  readonly welcome: Promise<readonly string[]>;
  /** Of the server, with what it has received. */
  readonly socket: Socket;
  readonly received: () => string;
  readonly heard: (readonly string[])[];
  readonly lost: string[];
}

/** A server that says what the test writes. */
async function meet(t: TestContext, limitMs?: number): Promise<Meeting> {
  const server = createServer({ noDelay: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const heard: (readonly string[])[] = [];
  const lost: string[] = [];
  const { port } = server.address() as AddressInfo;
  const client = new GoldClient(
    { host: '127.0.0.1', port },
    { onHeard: (lines) => heard.push(lines), onLost: (error) => lost.push(error.code) },
  );
  const welcome = client.greet(limitMs);
  const [socket] = (await once(server, 'connection')) as [Socket];
  let received = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    received += text;
  });
  t.after(() => {
    client.hangUp();
    socket.destroy();
    server.close();
  });
  return { client, welcome, socket, received: () => received, heard, lost };
}

async function meetAndGreet(t: TestContext): Promise<Meeting> {
  const meeting = await meet(t);
  meeting.socket.write(WELCOME);
  assert.deepEqual(await meeting.welcome, ['Chào mừng.']);
  return meeting;
}

describe('GoldClient', () => {
  test('takes answers apart, however they are cut', async (t) => {
    const { client, welcome, socket, received, heard } = await meet(t);
    const bytes = Buffer.from(`${WELCOME}~ SJC: lượng\nmột\n~ hai\n\nba\n\n~ bốn\n`);
    const writeTo = async (end: string) => {
      const from = socket.bytesWritten;
      const to = bytes.indexOf(end) + Buffer.byteLength(end);
      for (const byte of bytes.subarray(from, to)) {
        socket.write(Uint8Array.of(byte));
        // One packet each.
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await writeTo('help.\n\n');
    assert.deepEqual(await welcome, ['Chào mừng.']);
    const first = client.ask('one');
    await until('it is asked', () => received() === '\none\n');
    await writeTo('hai\n\n');
    assert.deepEqual(await first, ['một', '~ hai'], 'within an answer nothing is unasked');
    const second = client.ask('two');
    await writeTo('bốn\n');
    assert.deepEqual(await second, ['ba']);
    await until('all is heard', () => heard.length === 2);
    assert.deepEqual(heard, [['~ SJC: lượng'], ['~ bốn']]);
  });

  test('hears an answer that it has not asked for', async (t) => {
    const { socket, heard } = await meetAndGreet(t);
    socket.write('ERROR a part of the server failed\n\n');
    await until('it is heard', () => heard.length === 1);
    assert.deepEqual(heard, [['ERROR a part of the server failed']]);
  });

  test('rejects what is asked when the connection is lost, and what is asked later', async (t) => {
    const { client, socket, heard, lost } = await meetAndGreet(t);
    const asked = client.ask('one');
    socket.end('the last words');
    await assert.rejects(asked, { code: 'ERR_CONNECTION_LOST' });
    await assert.rejects(client.ask('two'), { code: 'ERR_CONNECTION_LOST' });
    assert.deepEqual([heard, lost], [[['the last words']], ['ERR_CONNECTION_LOST']]);
  });

  test('leaves without an error, with or without a word', async (t) => {
    const polite = await meetAndGreet(t);
    const quit = polite.client.quit();
    await until('it is said', () => polite.received().endsWith('\n-quit\n'));
    polite.socket.end('Goodbye.\n\n');
    assert.deepEqual(await quit, ['Goodbye.']);
    const rude = await meetAndGreet(t);
    const asked = rude.client.ask('one');
    rude.client.hangUp();
    assert.deepEqual(await asked, []);
    assert.deepEqual([polite.lost, rude.lost], [[], []]);
  });

  test('gives up a server that does not greet in time, or not as a gold service does', async (t) => {
    const silent = await meet(t, 50);
    await assert.rejects(silent.welcome, {
      code: 'ERR_CONNECTION_FAILED',
      message: /^CONNECTION FAILED: 127\.0\.0\.1:\d+ did not greet within 0\.05 s; /,
    });
    const endless = await meet(t);
    endless.socket.write('x'.repeat(70_000));
    await assert.rejects(endless.welcome, {
      code: 'ERR_CONNECTION_FAILED',
      message: /is no gold service: it answers without an end/,
    });
  });
});
