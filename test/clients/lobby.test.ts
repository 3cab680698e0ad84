import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import type { LobbyMessage } from '../../clients/index.ts';
import { change, connectTo } from '../support/api-client.ts';
import { type ApiCall, ApiServer } from '../support/api-server.ts';
import { until } from '../support/until.ts';

const CONTENT = Buffer.from('outcry '.repeat(100_000));
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');
const CHUNK_BYTES = 65_536;

function message(text: string): LobbyMessage {
  return { from: 'Ann', text, timeMs: 0 };
}

/** Sends the content as what is announced, within the credit. */
function serve(announced = { size: CONTENT.length, sha256: SHA256 }): (call: ApiCall) => void {
  return (call) => {
    let at = 0;
    call.open(announced);
    call.onCredit = () => {
      for (; call.credit > 0 && at < CONTENT.length; at += CHUNK_BYTES) {
        call.send(CONTENT.subarray(at, at + CHUNK_BYTES));
      }
      if (at >= CONTENT.length) call.end();
    };
  };
}

/** Takes what comes, a few items ahead, and answers with what it was. */
function take(call: ApiCall): void {
  call.open();
  call.allow(4);
  call.onItems = () => call.allow(1);
  call.onEnd = () => {
    const bytes = Buffer.concat(call.items as Uint8Array[]);
    const { size } = call.params as { readonly size: number };
    if (bytes.length !== size) call.fail('ERR_FILE_SIZE');
    else call.reply({ size, sha256: createHash('sha256').update(bytes).digest('hex') });
  };
}

describe('say, clients and files', () => {
  test('ask for what they are given', async () => {
    const clients = [{ name: 'Ann', sinceMs: 1, untilMs: null }];
    const files = [{ name: 'rates.csv', size: 5, modifiedMs: 1 }];
    await using server = await ApiServer.listen({
      handlers: {
        'lobby.say': (call) => call.reply({ listeners: 3 }),
        'lobby.clients': (call) => call.reply(clients),
        'lobby.files': (call) => call.reply(files),
      },
    });
    await using client = await connectTo(server);
    assert.equal(await client.lobby.say('hello'), 3);
    assert.deepEqual(await client.lobby.clients(), clients);
    assert.deepEqual(await client.lobby.files(), files);
    assert.deepEqual(server.callsOf('lobby.say')[0]?.params, { text: 'hello' });
  });
});

describe('messages', () => {
  test('gives what is said, in order, until the loop is left', async () => {
    await using server = await ApiServer.listen({ handlers: { 'lobby.messages': (call) => call.open() } });
    await using client = await connectTo(server);
    const heard: string[] = [];
    const listening = (async () => {
      for await (const { text } of client.lobby.messages()) if (heard.push(text) === 3) break;
    })();
    const call = await until('somebody listens', () => server.callsOf('lobby.messages')[0]);
    await until('there is credit', () => call.credit > 0);
    call.send(message('one'), message('two'));
    call.send(message('three'), message('four'));
    await listening;
    assert.deepEqual(heard, ['one', 'two', 'three']);
    await until('the server knows', () => call.isEnded);
  });

  test('goes on after a break, and tells of the gap', async () => {
    await using server = await ApiServer.listen({ handlers: { 'lobby.messages': (call) => call.open() } });
    await using client = await connectTo(server);
    let gaps = 0;
    const messages = client.lobby.messages({ onGap: () => gaps++ });
    const first = messages.next();
    const [call] = await until('somebody listens', () => calls(server, 1));
    call.send(message('one'), message('two'));
    assert.equal((await first).value?.text, 'one');
    server.breakAll();
    const [, again] = await until('somebody listens again', () => calls(server, 2));
    again?.send(message('three'));
    assert.equal(gaps, 1);
    // What had come before the break is not lost with it.
    assert.equal((await messages.next()).value?.text, 'two');
    assert.equal((await messages.next()).value?.text, 'three');
    await messages.return();
    assert.deepEqual(server.violations, []);
  });

  test('gives no more credit than its window after a break, whenever the server opens', async () => {
    const waiting: ApiCall[] = [];
    await using server = await ApiServer.listen({
      handlers: { 'lobby.messages': (call) => waiting.push(call) },
    });
    await using client = await connectTo(server);
    const messages = client.lobby.messages();
    const first = messages.next();
    const call = await until('somebody listens', () => waiting[0]);
    call.open();
    const window = await until('there is credit', () => call.credit > 0 && call.credit);
    call.send(...new Array(window).fill(message('old')));
    await first;
    server.breakAll();
    const again = await until('somebody listens again', () => waiting[1]);
    for (let taken = 1; taken < window - 50; taken++) await messages.next();
    again.open();
    await client.bank.balance('Ann');
    assert.ok(again.credit > 0 && again.credit <= window - 50, `${again.credit} of ${window}`);
    again.send(...new Array(again.credit).fill(message('new')));
    for (let taken = 0; taken < 50; taken++) assert.equal((await messages.next()).value?.text, 'old');
    assert.equal((await messages.next()).value?.text, 'new');
    await messages.return();
    assert.equal(client.state, 'connected');
  });

  test('tells of no gap if there was none yet', async () => {
    await using server = await ApiServer.listen({
      handlers: {
        'lobby.messages': (call) => {
          if (server.connectionCount === 1) call.session.break();
          else call.open();
        },
      },
    });
    await using client = await connectTo(server);
    let gaps = 0;
    const messages = client.lobby.messages({ onGap: () => gaps++ });
    const next = messages.next();
    const [, call] = await until('somebody listens', () => calls(server, 2));
    call?.send(message('one'));
    assert.equal((await next).value?.text, 'one');
    assert.equal(gaps, 0);
    await messages.return();
  });

  test('may be silent for longer than a call may take', async () => {
    await using server = await ApiServer.listen({ handlers: { 'lobby.messages': (call) => call.open() } });
    await using client = await connectTo(server, { timeoutMs: 20 });
    const messages = client.lobby.messages();
    const next = messages.next();
    const [call] = await until('somebody listens', () => calls(server, 1));
    await assert.rejects(client.lobby.files(), { code: 'ERR_REQUEST_TIMEOUT' });
    await assert.rejects(client.lobby.files(), { code: 'ERR_REQUEST_TIMEOUT' });
    call.send(message('at last'));
    assert.equal((await next).value?.text, 'at last');
    await messages.return();
  });

  test('ends quietly when the client is closed', async () => {
    await using server = await ApiServer.listen({ handlers: { 'lobby.messages': (call) => call.open() } });
    const client = await connectTo(server);
    const heard: string[] = [];
    const listening = (async () => {
      for await (const { text } of client.lobby.messages()) heard.push(text);
    })();
    const [call] = await until('somebody listens', () => calls(server, 1));
    call.send(message('one'));
    await until('it was heard', () => heard.length === 1);
    await client.close();
    await listening;
  });

  test('throws when the client has lost its server for good', async () => {
    await using server = await ApiServer.listen({ handlers: { 'lobby.messages': (call) => call.open() } });
    const client = await connectTo(server, { reconnect: false });
    const next = client.lobby.messages().next();
    const lost = assert.rejects(next, { code: 'ERR_CLIENT_CLOSED' });
    await until('somebody listens', () => calls(server, 1));
    server.breakAll();
    await lost;
  });

  test('throws the reason of its signal, also while nobody speaks', async () => {
    await using server = await ApiServer.listen({ handlers: { 'lobby.messages': (call) => call.open() } });
    await using client = await connectTo(server);
    const stopping = new AbortController();
    const next = client.lobby.messages({ signal: stopping.signal }).next();
    const [call] = await until('somebody listens', () => calls(server, 1));
    stopping.abort();
    await assert.rejects(next, { name: 'AbortError' });
    await until('the server knows', () => call.isEnded);
  });

  test('throws what the server ends it with', async () => {
    await using server = await ApiServer.listen({ handlers: { 'lobby.messages': (call) => call.open() } });
    await using client = await connectTo(server);
    const next = client.lobby.messages().next();
    const [call] = await until('somebody listens', () => calls(server, 1));
    call.fail('ERR_API_LIMIT');
    await assert.rejects(next, { code: 'ERR_API_LIMIT' });
  });
});

/** The calls of `lobby.messages`, when there are so many and the last one has credit. */
function calls(server: ApiServer, count: number): readonly [ApiCall, ...ApiCall[]] | undefined {
  const all = server.callsOf('lobby.messages');
  const [first, ...others] = all;
  return first !== undefined && all.length === count && (all.at(-1)?.credit ?? 0) > 0
    ? [first, ...others]
    : undefined;
}

describe('get', () => {
  test('gives a file with its size and hash, and its bytes', async () => {
    await using server = await ApiServer.listen({ handlers: { 'lobby.get': serve() } });
    await using client = await connectTo(server);
    const file = await client.lobby.get('prices.txt');
    assert.deepEqual([file.name, file.size, file.sha256], ['prices.txt', CONTENT.length, SHA256]);
    assert.ok(CONTENT.equals(await file.bytes()));
  });

  test('gives the bytes as a stream, no further ahead than a megabyte', async () => {
    await using server = await ApiServer.listen({ handlers: { 'lobby.get': serve() } });
    await using client = await connectTo(server);
    const chunks: Uint8Array[] = [];
    for await (const chunk of await client.lobby.get('prices.txt')) chunks.push(chunk);
    assert.ok(CONTENT.equals(Buffer.concat(chunks)));
  });

  test('throws behind bytes that are not those that were announced', async () => {
    for (const announced of [
      { size: CONTENT.length, sha256: '0'.repeat(64) },
      { size: CONTENT.length + 1, sha256: SHA256 },
    ]) {
      await using server = await ApiServer.listen({ handlers: { 'lobby.get': serve(announced) } });
      await using client = await connectTo(server);
      const file = await client.lobby.get('prices.txt');
      await assert.rejects(file.bytes(), { code: 'ERR_FILE_CHANGED' });
    }
  });

  test('rejects for a file that is not there', async () => {
    await using server = await ApiServer.listen({
      handlers: { 'lobby.get': (call) => call.fail('ERR_FILE_MISSING') },
    });
    await using client = await connectTo(server);
    await assert.rejects(client.lobby.get('prices.txt'), { code: 'ERR_FILE_MISSING' });
  });

  test('throws if the connection is lost once it was opened, since the file may be another one then', async () => {
    await using server = await ApiServer.listen({ handlers: { 'lobby.get': serve() } });
    await using client = await connectTo(server);
    const file = await client.lobby.get('prices.txt');
    const back = change(client, 'connected');
    server.breakAll();
    await back;
    await assert.rejects(
      (async () => {
        for await (const _ of file);
      })(),
      { code: 'ERR_CONNECTION_LOST' },
    );
  });

  test('gives its bytes once', async () => {
    await using server = await ApiServer.listen({ handlers: { 'lobby.get': serve() } });
    await using client = await connectTo(server);
    const file = await client.lobby.get('prices.txt');
    await file.bytes();
    await assert.rejects(file.bytes(), TypeError);
    const other = await client.lobby.get('prices.txt');
    other.cancel();
    await assert.rejects(other.bytes(), TypeError);
  });

  test('that is cancelled ends the stream', async () => {
    await using server = await ApiServer.listen({
      handlers: { 'lobby.get': (call) => call.open({ size: 1 }) },
    });
    await using client = await connectTo(server);
    const file = await client.lobby.get('prices.txt');
    file.cancel();
    const [call] = server.callsOf('lobby.get');
    await until('the server knows', () => call?.isEnded);
    file.cancel();
    await client.bank.balance('Ann');
    assert.deepEqual(server.violations, []);
  });
});

describe('put', () => {
  test('puts bytes there, in pieces that fit into a frame', async () => {
    for (const frameBytes of [65_536, 1_048_576]) {
      await using server = await ApiServer.listen({
        limits: { frameBytes },
        handlers: { 'lobby.put': take },
      });
      await using client = await connectTo(server);
      const info = await client.lobby.put('prices.txt', CONTENT);
      assert.deepEqual(info, { size: CONTENT.length, sha256: SHA256 });
      const [call] = server.callsOf('lobby.put');
      assert.deepEqual(call?.params, { name: 'prices.txt', size: CONTENT.length });
      assert.deepEqual(server.violations, []);
    }
  });

  test('puts nothing there for no bytes', async () => {
    await using server = await ApiServer.listen({ handlers: { 'lobby.put': take } });
    await using client = await connectTo(server);
    const info = await client.lobby.put('empty.txt', new Uint8Array(0));
    assert.equal(info.size, 0);
  });

  test('puts what a stream gives there', async () => {
    await using server = await ApiServer.listen({ handlers: { 'lobby.put': take } });
    await using client = await connectTo(server);
    async function* source() {
      for (let at = 0; at < CONTENT.length; at += 100_000) yield CONTENT.subarray(at, at + 100_000);
    }
    const info = await client.lobby.put('prices.txt', source(), { size: CONTENT.length });
    assert.equal(info.sha256, SHA256);
  });

  test('takes from an endless stream only as fast as the server allows', async () => {
    await using server = await ApiServer.listen({
      handlers: {
        'lobby.put': (call) => {
          call.open();
          call.allow(4);
        },
      },
    });
    await using client = await connectTo(server);
    const stopping = new AbortController();
    let taken = 0;
    let isClosed = false;
    function* endless() {
      try {
        for (;;) {
          taken += 1;
          yield new Uint8Array(CHUNK_BYTES);
        }
      } finally {
        isClosed = true;
      }
    }
    const { signal } = stopping;
    const putting = client.lobby.put('endless', endless(), { size: Number.MAX_SAFE_INTEGER, signal });
    const stopped = assert.rejects(putting, { name: 'AbortError' });
    const [call] = await until('as much came as was allowed', () => {
      const all = server.callsOf('lobby.put');
      return all[0]?.items.length === 4 && all;
    });
    assert.equal(taken, 5);
    stopping.abort();
    await stopped;
    await until('the stream is closed', () => isClosed);
    await until('the server knows', () => call?.isEnded);
    assert.deepEqual(server.violations, []);
  });

  test('says only once that it is all, though it is aborted then', async () => {
    await using server = await ApiServer.listen({
      handlers: {
        'lobby.put': (call) => {
          call.open();
          call.allow(100);
        },
      },
    });
    await using client = await connectTo(server);
    const stopping = new AbortController();
    const putting = client.lobby.put('prices.txt', CONTENT, { signal: stopping.signal });
    await until('all is there', () => server.callsOf('lobby.put')[0]?.isEnded);
    stopping.abort();
    await assert.rejects(putting, { name: 'AbortError' });
    await client.bank.balance('Ann');
    assert.deepEqual(server.violations, []);
  });

  test('rejects with what the stream throws, and the server knows that it is not all', async () => {
    await using server = await ApiServer.listen({ handlers: { 'lobby.put': take } });
    await using client = await connectTo(server);
    const reason = new Error('the disk is gone');
    function* broken() {
      yield new Uint8Array(5);
      throw reason;
    }
    const putting = client.lobby.put('prices.txt', broken(), { size: 10 });
    await assert.rejects(putting, (error) => error === reason);
    const [call] = server.callsOf('lobby.put');
    await until('the server knows', () => call?.isEnded);
  });

  test('rejects with what the server has against it, and reads no further', async () => {
    await using server = await ApiServer.listen({
      handlers: {
        'lobby.put': (call) => {
          call.open();
          call.allow(1);
          call.onItems = () => call.fail('ERR_FILE_SIZE');
        },
      },
    });
    await using client = await connectTo(server);
    let isClosed = false;
    function* source() {
      try {
        for (;;) yield new Uint8Array(5);
      } finally {
        isClosed = true;
      }
    }
    const putting = client.lobby.put('prices.txt', source(), { size: 10 });
    await assert.rejects(putting, { code: 'ERR_FILE_SIZE' });
    await until('the stream is closed', () => isClosed);
  });

  test('rejects when the connection is lost, since nobody knows whether it is there', async () => {
    await using server = await ApiServer.listen({
      handlers: {
        'lobby.put': (call) => {
          call.open();
          call.allow(100);
          call.onEnd = () => call.session.break();
        },
      },
    });
    await using client = await connectTo(server);
    await assert.rejects(client.lobby.put('prices.txt', CONTENT), { code: 'ERR_CONNECTION_LOST' });
    await client.bank.balance('Ann');
    assert.equal(server.callsOf('lobby.put').length, 1);
  });

  test('rejects when the server takes too long for a step, not when the stream does', async () => {
    await using server = await ApiServer.listen({
      handlers: {
        'lobby.put': (call) => {
          call.open();
          call.allow(3);
        },
      },
    });
    await using client = await connectTo(server);
    async function* slow() {
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 40));
        yield new Uint8Array(1);
      }
    }
    const putting = client.lobby.put('prices.txt', slow(), { size: 10, timeoutMs: 25 });
    await assert.rejects(putting, { code: 'ERR_REQUEST_TIMEOUT' });
    assert.equal(server.callsOf('lobby.put')[0]?.items.length, 3);
  });

  test('waits for the end when the client is closed meanwhile', async () => {
    await using server = await ApiServer.listen({ handlers: { 'lobby.put': take } });
    const client = await connectTo(server);
    const putting = client.lobby.put('prices.txt', CONTENT);
    await client.close();
    assert.equal((await putting).sha256, SHA256);
  });
});
