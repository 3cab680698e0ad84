import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, test } from 'node:test';
import { type Client, connect, OutcryError, type StateChange } from '../../clients/index.ts';
import { encodeFrame, FRAME, type ServerFrame } from '../../src/protocol/api/frames.ts';
import { change, connectTo, QUICK } from '../support/api-client.ts';
import { ApiServer } from '../support/api-server.ts';
import { until } from '../support/until.ts';

function refusal(code: string, retryable = false): ServerFrame {
  return [FRAME.error, null, { code, message: 'scripted', retryable }];
}

/** A port on which nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe('connect', () => {
  test('resolves with what the server says of itself, and says who it is', async () => {
    await using server = await ApiServer.listen({ limits: { requests: 7 } });
    await using client = await connectTo(server, { name: 'Ann', token: 'secret' });
    assert.deepEqual(server.hellos, [{ protocol: 1, name: 'Ann', token: 'secret' }]);
    assert.deepEqual([client.state, client.server.server], ['connected', 'outcry/scripted']);
    assert.equal(client.server.limits.requests, 7);
  });

  test('says nothing of a name and a token that it was not given', async () => {
    await using server = await ApiServer.listen();
    await using client = await connectTo(server);
    assert.deepEqual(server.hellos, [{ protocol: 1 }]);
    assert.equal(client.state, 'connected');
  });

  test('works with a server in the process, without a socket', async () => {
    await using server = new ApiServer();
    await using client = await connect({ server });
    await client.bank.credit('Marc', '1');
    assert.equal(await client.bank.balance('Marc'), 100);
  });

  test('works when every byte comes by itself', async () => {
    await using server = await ApiServer.listen({ plan: () => ({ isDripping: true }) });
    await using client = await connectTo(server);
    assert.equal(await client.bank.balance('Marc'), undefined);
  });

  test('rejects at once where nobody listens', async () => {
    const port = await freePort();
    await assert.rejects(connect({ port }), { code: 'ERR_CONNECTION_FAILED' });
  });

  test('rejects a port or a pause that is none', async () => {
    await assert.rejects(connect({ port: 65_536 }), { code: 'ERR_CONNECTION_FAILED' });
    for (const ms of [0, -1, Number.NaN, 2 ** 31]) {
      await assert.rejects(connect({ reconnect: { minMs: ms } }), {
        code: 'ERR_API_PARAMS',
        message: /minMs/,
      });
      await assert.rejects(connect({ reconnect: { maxMs: ms } }), { code: 'ERR_API_PARAMS' });
      await assert.rejects(connect({ reconnect: { giveUpMs: ms } }), { code: 'ERR_API_PARAMS' });
    }
  });

  test('rejects when a server in the process can not be connected to', async () => {
    const server = {
      connect() {
        throw new Error('it is closed');
      },
    };
    await assert.rejects(connect({ server }), { code: 'ERR_CONNECTION_FAILED', message: /it is closed/ });
  });

  test('rejects when the server closes instead of saying hello', async () => {
    await using server = await ApiServer.listen({ plan: () => ({ inputBytesMax: 1 }) });
    await assert.rejects(connectTo(server), { code: 'ERR_CONNECTION_FAILED' });
    assert.equal(server.connectionCount, 1);
  });

  test('rejects with what the server refuses it for', async () => {
    await using server = await ApiServer.listen({ plan: () => ({ greeting: refusal('ERR_API_DENIED') }) });
    await assert.rejects(connectTo(server, { token: 'wrong' }), { code: 'ERR_API_DENIED' });
  });

  test('rejects what is no server of the api', async () => {
    const hello = { protocol: 2, server: 'x', features: [], connection: 1, isOperator: false, user: null };
    const limits = { frameBytes: 1, requests: 1, streams: 1, idleMs: 1 };
    const greetings = [
      Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
      encodeFrame([FRAME.reply, 1, null]),
      encodeFrame([FRAME.hello, { ...hello, limits }]),
      encodeFrame([FRAME.hello, { ...hello, protocol: 1, limits: { ...limits, idleMs: 0 } }]),
      encodeFrame([FRAME.hello, null] as unknown as ServerFrame),
      Buffer.from([0, 0, 0, 1, 0xc1]),
      Buffer.from([0, 0, 0, 1, 0x90]),
    ];
    for (const greeting of greetings) {
      await using server = await ApiServer.listen({ plan: () => ({ greeting }) });
      await assert.rejects(connectTo(server), { code: 'ERR_API_PROTOCOL' }, `${greeting}`);
      assert.equal(server.connectionCount, 1);
    }
  });

  test('rejects after ten seconds without a hello', async (t) => {
    await using server = await ApiServer.listen({ plan: () => ({ greeting: Buffer.alloc(0) }) });
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const failing = assert.rejects(connectTo(server), { code: 'ERR_CONNECTION_FAILED', message: /10 s/ });
    while (server.hellos.length === 0) await new Promise((resolve) => setImmediate(resolve));
    t.mock.timers.tick(9_999);
    assert.equal(server.openCount, 1);
    t.mock.timers.tick(1);
    await failing;
  });

  test('rejects with the reason of a signal that was aborted before, and connects nowhere', async () => {
    await using server = await ApiServer.listen();
    const reason = new Error('changed my mind');
    const failing = connectTo(server, { signal: AbortSignal.abort(reason) });
    await assert.rejects(failing, (error) => error === reason);
    assert.equal(server.connectionCount, 0);
  });

  test('rejects with the reason of a signal that is aborted meanwhile, and leaves nothing', async () => {
    await using server = await ApiServer.listen({ plan: () => ({ greeting: Buffer.alloc(0) }) });
    const stopping = new AbortController();
    const failing = connectTo(server, { signal: stopping.signal });
    await until('the client is there', () => server.hellos.length === 1);
    const reason = new Error('changed my mind');
    stopping.abort(reason);
    await assert.rejects(failing, (error) => error === reason);
    await until('it is gone', () => server.openCount === 0);
  });

  test('does not mind a signal that is aborted later', async () => {
    await using server = await ApiServer.listen();
    const stopping = new AbortController();
    await using client = await connectTo(server, { signal: stopping.signal });
    stopping.abort();
    assert.equal(await client.bank.balance('Marc'), undefined);
  });
});

describe('a lost connection', () => {
  test('is made again, and calls go on', async () => {
    await using server = await ApiServer.listen();
    await using client = await connectTo(server);
    const states: StateChange[] = [];
    client.on('state', (next) => states.push(next));
    const back = change(client, 'connected');
    server.breakAll();
    assert.equal((await back).server.connection, 2);
    await client.bank.credit('Marc', '1');
    assert.equal(server.accounts.get('Marc'), 100);
    const [lost] = states;
    assert.deepEqual(
      states.map(({ state }) => state),
      ['reconnecting', 'connected'],
    );
    assert.ok(lost?.state === 'reconnecting' && lost.error.code === 'ERR_CONNECTION_LOST');
    assert.ok(lost.pauseMs <= QUICK.minMs);
  });

  test('is tried again until the server is back', async () => {
    await using server = await ApiServer.listen();
    await using client = await connectTo(server);
    let attempts = 0;
    client.on('state', ({ state }) => {
      if (state === 'reconnecting') attempts += 1;
    });
    server.stop();
    const posting = client.bank.credit('Marc', '1');
    await until('some attempts have failed', () => attempts > 5);
    await server.start();
    await posting;
    assert.equal(server.accounts.get('Marc'), 100);
  });

  test('is given up after giveUpMs: the client is closed with what was wrong', async () => {
    await using server = await ApiServer.listen({ handlers: { 'bank.balance': () => {} } });
    const client = await connectTo(server, { reconnect: { ...QUICK, giveUpMs: 50 } });
    const asking = client.bank.balance('Marc');
    const refused = assert.rejects(asking, { code: 'ERR_CONNECTION_LOST' });
    server.stop();
    const error = await client.closed;
    assert.equal(error?.code, 'ERR_CONNECTION_FAILED');
    await refused;
    assert.equal(client.state, 'closed');
    await assert.rejects(client.bank.balance('Marc'), { code: 'ERR_CLIENT_CLOSED', cause: error });
    await client.close();
  });

  test('has all its time again after it was there', async () => {
    await using server = await ApiServer.listen();
    await using client = await connectTo(server, { reconnect: { ...QUICK, giveUpMs: 300 } });
    const startMs = performance.now();
    while (performance.now() - startMs < 400) {
      const back = change(client, 'connected');
      server.breakAll();
      await back;
    }
    assert.equal(client.state, 'connected');
  });

  test('ends the client that does not reconnect', async () => {
    await using server = await ApiServer.listen({ handlers: { 'bank.balance': () => {} } });
    const client = await connectTo(server, { reconnect: false });
    const refused = assert.rejects(client.bank.balance('Marc'), { code: 'ERR_CONNECTION_LOST' });
    server.breakAll();
    assert.equal((await client.closed)?.code, 'ERR_CONNECTION_LOST');
    await refused;
    assert.equal(server.connectionCount, 1);
  });

  test('ends the client whom the server refuses when it comes back', async () => {
    const plan = (connection: number) => (connection === 0 ? {} : { greeting: refusal('ERR_API_DENIED') });
    await using server = await ApiServer.listen({ plan });
    const client = await connectTo(server);
    server.breakAll();
    assert.equal((await client.closed)?.code, 'ERR_API_DENIED');
    assert.equal(server.connectionCount, 2);
  });

  test('is tried again when the server refuses it for now', async () => {
    const greeting = refusal('ERR_API_CLOSING', true);
    const plan = (connection: number) => (connection === 1 || connection === 2 ? { greeting } : {});
    await using server = await ApiServer.listen({ plan });
    await using client = await connectTo(server);
    const back = change(client, 'connected');
    server.breakAll();
    await back;
    assert.equal(server.connectionCount, 4);
  });

  test('ends with what the server says is wrong with the client', async () => {
    await using server = await ApiServer.listen();
    const client = await connectTo(server);
    server.sayAll(refusal('ERR_API_PROTOCOL'));
    assert.equal((await client.closed)?.code, 'ERR_API_PROTOCOL');
  });

  test('ends with a server that sends what is no frame, or answers what was not asked', async () => {
    const wrong: readonly ServerFrame[] = [
      [FRAME.reply, 99, null],
      [FRAME.hello, null] as unknown as ServerFrame,
      [FRAME.credit, 1, 0],
      [42] as unknown as ServerFrame,
    ];
    for (const frame of wrong) {
      await using server = await ApiServer.listen();
      const client = await connectTo(server);
      server.sayAll(frame);
      assert.equal((await client.closed)?.code, 'ERR_API_PROTOCOL', `${frame}`);
    }
  });
});

describe('heartbeats', () => {
  test('keep an idle connection alive, about three in the time that the server lets pass', async () => {
    await using server = await ApiServer.listen({ limits: { idleMs: 60 } });
    await using client = await connectTo(server);
    await until('some heartbeats have come', () => server.heartbeats >= 9);
    assert.deepEqual([server.connectionCount, client.state], [1, 'connected']);
  });

  test('are not sent while the client says something anyway', async () => {
    await using server = await ApiServer.listen({ limits: { idleMs: 3000 } });
    await using client = await connectTo(server);
    const startMs = performance.now();
    while (performance.now() - startMs < 1200) await client.bank.balance('Marc');
    assert.equal(server.heartbeats, 0);
  });

  test('find out that a server is silent, which is left for a new connection', async () => {
    const plan = (connection: number) => ({ isMute: connection === 0 });
    await using server = await ApiServer.listen({ limits: { idleMs: 60 }, plan });
    await using client = await connectTo(server);
    const { error } = await change(client, 'reconnecting');
    assert.match(error.message, /silent/);
    assert.equal(await client.bank.balance('Marc'), undefined);
  });

  test('find it out although the client keeps asking', async () => {
    const plan = (connection: number) => ({ isMute: connection === 0 });
    await using server = await ApiServer.listen({ limits: { idleMs: 60 }, plan });
    await using client = await connectTo(server);
    const asking: Promise<unknown>[] = [];
    const asker = setInterval(() => asking.push(client.bank.balance('Marc')), 5);
    await change(client, 'connected');
    clearInterval(asker);
    assert.ok(asking.length > 0);
    await Promise.all(asking);
  });
});

describe('a server that is shutting down', () => {
  test('tells so, and is asked nothing more', async () => {
    const held: (() => void)[] = [];
    await using server = await ApiServer.listen({
      handlers: { 'bank.balance': (call) => held.push(() => call.reply({ cents: 5 })) },
    });
    await using client = await connectTo(server);
    const first = client.bank.balance('Marc');
    await until('it has been asked', () => held.length === 1);
    const noticed = once(client, 'notice');
    server.sayAll([FRAME.event, 'closing', { message: 'back in a minute' }]);
    assert.deepEqual(await noticed, [{ name: 'closing', data: { message: 'back in a minute' } }]);
    const second = client.bank.balance('Marc');
    held.shift()?.();
    assert.equal(await first, 5);
    // Long enough for it to come, if it was sent.
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(server.calls.length, 1);
    server.breakAll();
    await until('it has been asked on the next connection', () => held.length === 1);
    held.shift()?.();
    assert.equal(await second, 5);
  });
});

describe('close', () => {
  test('waits for the answers, and takes nothing new', async () => {
    const held: (() => void)[] = [];
    await using server = await ApiServer.listen({
      handlers: { 'bank.balance': (call) => held.push(() => call.reply({ cents: 5 })) },
    });
    const client = await connectTo(server);
    const asking = client.bank.balance('Marc');
    const posting = client.bank.credit('Marc', '1');
    const closing = client.close();
    for (const call of [client.bank.balance('Marc'), client.bank.credit('Marc', '1'), client.lobby.files()]) {
      await assert.rejects(call, { code: 'ERR_CLIENT_CLOSED' });
    }
    await until('it has been asked', () => held.length === 1);
    assert.equal(client.state, 'connected');
    held[0]?.();
    assert.equal(await asking, 5);
    await posting;
    await closing;
    assert.equal(client.state, 'closed');
    assert.equal(await client.closed, undefined);
    await until('the server has seen it', () => server.openCount === 0);
  });

  test('waits no longer than it is told to', async () => {
    await using server = await ApiServer.listen({ handlers: { 'bank.balance': () => {} } });
    for (const timeoutMs of [0, 20]) {
      const client = await connectTo(server);
      const refused = assert.rejects(client.bank.balance('Marc'), { code: 'ERR_CLIENT_CLOSED' });
      await client.close({ timeoutMs });
      await refused;
    }
  });

  test('can be hurried', async () => {
    await using server = await ApiServer.listen({ handlers: { 'bank.balance': () => {} } });
    const client = await connectTo(server);
    const refused = assert.rejects(client.bank.balance('Marc'), { code: 'ERR_CLIENT_CLOSED' });
    const slow = client.close();
    await client.close({ timeoutMs: 0 });
    await slow;
    await refused;
  });

  test('ends the attempts to come back', async () => {
    await using server = await ApiServer.listen();
    const client = await connectTo(server, { reconnect: { minMs: 60_000, maxMs: 60_000 } });
    const lost = change(client, 'reconnecting');
    server.stop();
    await lost;
    await client.close();
    assert.equal(await client.closed, undefined);
  });

  test('does not wait for a server that does not close its side', async () => {
    await using server = await ApiServer.listen({ plan: () => ({ isMute: true }) });
    const client = await connectTo(server);
    await client.close();
  });

  test('happens by itself at the end of a block with await using', async () => {
    await using server = await ApiServer.listen();
    let kept: Client | undefined;
    {
      await using client = await connectTo(server);
      kept = client;
    }
    assert.equal(kept.state, 'closed');
  });

  test('leaves an error of the class and a code that can be tested', async () => {
    await using server = await ApiServer.listen();
    const client = await connectTo(server);
    await client.close();
    const error = await client.bank.balance('Marc').catch((caught: unknown) => caught);
    assert.ok(error instanceof OutcryError && error.code === 'ERR_CLIENT_CLOSED');
  });
});
