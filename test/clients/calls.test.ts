/** Requests: each settled once, asked again only where that is right, and within what the server takes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OutcryError } from '../../clients/index.ts';
import { FRAME } from '../../src/protocol/api/frames.ts';
import { connectTo } from '../support/api-client.ts';
import { type ApiCall, type ApiPlan, ApiServer } from '../support/api-server.ts';
import { until } from '../support/until.ts';

/** A handler that answers nothing yet, and what it was called with. */
function held(): { readonly calls: ApiCall[]; readonly take: (call: ApiCall) => void } {
  const calls: ApiCall[] = [];
  return { calls, take: (call) => calls.push(call) };
}

const FIRST_BREAKS = (connection: number): ApiPlan => (connection === 0 ? { inputBytesMax: 60 } : {});

describe('a request', () => {
  test('is settled by its own answer, in whatever order answers come', async () => {
    const { calls, take } = held();
    await using server = await ApiServer.listen({ handlers: { 'bank.balance': take } });
    await using client = await connectTo(server);
    const asking = ['a', 'b', 'c'].map((account) => client.bank.balance(account));
    await until('all have been asked', () => calls.length === 3);
    for (const call of calls.reverse()) call.reply({ cents: call.id * 10 });
    assert.deepEqual(await Promise.all(asking), [10, 20, 30]);
  });

  test('tells the server how long its answer is waited for', async () => {
    await using server = await ApiServer.listen();
    await using client = await connectTo(server, { timeoutMs: 5000 });
    await client.bank.balance('Marc');
    await client.bank.balance('Marc', { timeoutMs: 70_000 });
    await client.bank.balance('Marc', { timeoutMs: Number.POSITIVE_INFINITY });
    const [own = 0, longer = 0, endless] = server.calls.map(({ timeoutMs }) => timeoutMs);
    assert.ok(own > 4000 && own <= 5000, `${own}`);
    assert.ok(longer > 69_000 && longer <= 70_000, `${longer}`);
    assert.equal(endless, 2 ** 31 - 1);
  });

  test('rejects with the code, the text and the fields of the error', async () => {
    const take = (call: ApiCall) => call.fail('ERR_STATEMENT_ACCOUNT', { fields: { account: 'Marc' } });
    await using server = await ApiServer.listen({ handlers: { 'bank.statement': take } });
    await using client = await connectTo(server);
    await assert.rejects(client.bank.statement('Marc'), {
      name: 'OutcryError',
      code: 'ERR_STATEMENT_ACCOUNT',
      message: 'scripted ERR_STATEMENT_ACCOUNT',
      fields: { account: 'Marc' },
    });
  });

  test('rejects with ERR_UNEXPECTED for a code of a later version, and keeps it', async () => {
    const take = (call: ApiCall) => call.fail('ERR_FROM_THE_FUTURE');
    await using server = await ApiServer.listen({ handlers: { 'bank.balance': take } });
    await using client = await connectTo(server);
    await assert.rejects(client.bank.balance('Marc'), {
      code: 'ERR_UNEXPECTED',
      message: /^ERR_FROM_THE_FUTURE/,
      fields: { code: 'ERR_FROM_THE_FUTURE' },
    });
  });

  test('rejects when its time is over, and a late answer is ignored', async () => {
    const { calls, take } = held();
    await using server = await ApiServer.listen({ handlers: { 'bank.balance': take } });
    await using client = await connectTo(server);
    await assert.rejects(client.bank.balance('Marc', { timeoutMs: 20 }), {
      code: 'ERR_REQUEST_TIMEOUT',
      fields: { operation: 'bank.balance', timeoutMs: 20, attempts: 1 },
    });
    calls[0]?.reply({ cents: 1 });
    await client.bank.credit('Marc', '1');
    assert.equal(client.state, 'connected');
  });

  test('says that nothing was sent if its time is over while there is no connection', async () => {
    await using server = await ApiServer.listen();
    await using client = await connectTo(server);
    server.stop();
    await until('the connection is lost', () => client.state === 'reconnecting');
    const { message, fields } = (await client.bank
      .balance('Marc', { timeoutMs: 20 })
      .catch((error: unknown) => error)) as OutcryError;
    assert.match(message, /could not be sent/);
    assert.equal(Object.entries(fields).find(([name]) => name === 'attempts')?.[1], 0);
    await server.start();
    await client.bank.credit('Marc', '1');
    assert.equal(server.callsOf('bank.balance').length, 0);
  });

  test('refuses a time that is none', async () => {
    await using server = await ApiServer.listen();
    await using client = await connectTo(server);
    for (const timeoutMs of [0, -1, Number.NaN, 2 ** 31]) {
      await assert.rejects(client.bank.balance('Marc', { timeoutMs }), { code: 'ERR_API_PARAMS' });
      await assert.rejects(client.bank.credit('Marc', '1', { timeoutMs }), { code: 'ERR_API_PARAMS' });
    }
    assert.equal(server.calls.length, 0);
  });

  test('rejects with the reason of its signal, and is not asked again', async () => {
    await using server = await ApiServer.listen({ handlers: { 'bank.balance': () => {} } });
    await using client = await connectTo(server);
    const stopping = new AbortController();
    const reason = new Error('changed my mind');
    const asking = client.bank.balance('Marc', { signal: stopping.signal });
    await until('it has been asked', () => server.calls.length === 1);
    stopping.abort(reason);
    await assert.rejects(asking, (error) => error === reason);
    server.breakAll();
    await client.bank.credit('Marc', '1');
    assert.equal(server.callsOf('bank.balance').length, 1);
  });

  test('is not asked at all with a signal that was aborted before', async () => {
    await using server = await ApiServer.listen();
    await using client = await connectTo(server);
    const reason = new Error('changed my mind');
    const signal = AbortSignal.abort(reason);
    const calls = [
      client.bank.balance('Marc', { signal }),
      client.bank.credit('Marc', '1', { signal }),
      client.bank.postAll([], { signal }),
      client.lobby.get('a', { signal }),
      client.lobby.put('a', new Uint8Array(1), { signal }),
    ];
    for (const call of calls) await assert.rejects(call, (error) => error === reason);
    assert.equal(server.calls.length, 0);
  });

  test('leaves nothing with a signal that is used for many', async () => {
    const warnings: Error[] = [];
    const warn = (warning: Error) => warnings.push(warning);
    process.on('warning', warn);
    await using server = await ApiServer.listen();
    await using client = await connectTo(server);
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 100 }, () => client.bank.balance('Marc', { signal })));
    process.off('warning', warn);
    assert.deepEqual(warnings, []);
  });

  test('rejects if it is more than a frame of this server takes, and does not go out', async () => {
    await using server = await ApiServer.listen({ limits: { frameBytes: 1000 } });
    await using client = await connectTo(server);
    await assert.rejects(client.bank.balance('x'.repeat(1000)), { code: 'ERR_API_PARAMS', message: /1000/ });
    assert.equal(await client.bank.balance('Marc'), undefined);
  });

  test('rejects if the server would not understand it, and does not go out', async () => {
    await using server = await ApiServer.listen();
    await using client = await connectTo(server);
    for (const account of [() => {}, undefined, new Date(), 5] as unknown as string[]) {
      await assert.rejects(client.bank.balance(account), {
        code: 'ERR_API_PARAMS',
        message: /bank.balance.account/,
      });
    }
    await assert.rejects(client.lobby.say(''), { code: 'ERR_API_PARAMS', message: /lobby.say.text/ });
    for (const signal of [{}, 5, 'now'] as unknown as AbortSignal[]) {
      await assert.rejects(client.bank.balance('Marc', { signal }), {
        code: 'ERR_API_PARAMS',
        message: /signal/,
      });
    }
    for (const key of [5, '', ' a', 'ä', 'x'.repeat(128)] as string[]) {
      await assert.rejects(client.bank.credit('Marc', '1', { key }), {
        code: 'ERR_API_KEY',
        message: /not /,
      });
    }
    assert.equal(await client.bank.balance('Marc'), undefined);
  });
});

describe('a request whose connection is lost', () => {
  test('is asked again if that does no harm', async () => {
    const take = (call: ApiCall) => {
      if (call.session.server.connectionCount > 1) call.reply({ cents: 5 });
      else call.session.break();
    };
    await using server = await ApiServer.listen({ handlers: { 'bank.balance': take } });
    await using client = await connectTo(server);
    assert.equal(await client.bank.balance('Marc'), 5);
    assert.equal(server.calls.length, 2);
  });

  test('is asked again under the same key if it has one', async () => {
    await using server = await ApiServer.listen({
      handlers: {
        'bank.post': (call) => {
          if (server.calls.length < 3) call.session.break();
          server.post(call);
        },
      },
    });
    await using client = await connectTo(server);
    await client.bank.credit('Marc', '1');
    const keys = server.calls.map(({ key }) => key);
    assert.deepEqual([keys.length, new Set(keys).size, server.accounts.get('Marc')], [3, 1, 100]);
    assert.match(keys[0] ?? '', /^[0-9a-f]{24}-1$/);
  });

  test('rejects if it could be done twice', async () => {
    const { take } = held();
    await using server = await ApiServer.listen({ handlers: { 'lobby.say': take, 'admin.kick': take } });
    await using client = await connectTo(server);
    for (const call of [() => client.lobby.say('hello'), () => client.admin.kick(1)]) {
      const { length } = server.calls;
      const saying = assert.rejects(call(), { code: 'ERR_CONNECTION_LOST' });
      await until('it has been asked', () => server.calls.length === length + 1);
      server.breakAll();
      await saying;
    }
    await client.bank.balance('Marc');
    assert.equal(server.callsOf('lobby.say').length, 1);
  });

  test('is asked all the same if it was not sent yet', async () => {
    const say = (call: ApiCall) => call.reply({ listeners: 3 });
    await using server = await ApiServer.listen({ handlers: { 'lobby.say': say } });
    await using client = await connectTo(server);
    server.stop();
    await until('the connection is lost', () => client.state === 'reconnecting');
    const saying = client.lobby.say('hello');
    await server.start();
    assert.equal(await saying, 3);
  });

  test('is asked ahead of those that were never sent, in order', async () => {
    await using server = await ApiServer.listen({
      limits: { requests: 3 },
      handlers: {
        'bank.balance': (call) => {
          if (server.connectionCount > 1) call.reply({ cents: 0 });
          else if (server.calls.length === 3) server.breakAll();
        },
      },
    });
    await using client = await connectTo(server);
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    await Promise.all(names.map((name) => client.bank.balance(name)));
    const asked = server.calls.map(({ params }) => (params as { account: string }).account);
    assert.deepEqual(asked, ['a', 'b', 'c', ...names]);
    assert.deepEqual(server.violations, []);
  });

  test('is settled though it breaks off in the middle of the request', async () => {
    await using server = await ApiServer.listen({ plan: FIRST_BREAKS });
    await using client = await connectTo(server);
    assert.equal(await client.bank.balance('a'.repeat(64)), undefined);
    assert.equal(server.calls.length, 1);
  });
});

describe('a request that is refused for now', () => {
  test('is asked again until it succeeds', async () => {
    await using server = await ApiServer.listen({
      handlers: {
        'bank.balance': (call) => {
          if (server.calls.length < 4) call.fail('ERR_STORE_WRITE', { isRetryable: true });
          else call.reply({ cents: 7 });
        },
      },
    });
    await using client = await connectTo(server);
    assert.equal(await client.bank.balance('Marc'), 7);
    assert.equal(server.calls.length, 4);
  });

  test('rejects when its time is over, with what was wrong', async () => {
    const take = (call: ApiCall) => call.fail('ERR_STORE_WRITE', { isRetryable: true });
    await using server = await ApiServer.listen({ handlers: { 'bank.post': take } });
    await using client = await connectTo(server);
    const error = await client.bank
      .credit('Marc', '1', { timeoutMs: 100 })
      .catch((caught: unknown) => caught);
    assert.ok(error instanceof OutcryError && error.code === 'ERR_REQUEST_TIMEOUT');
    assert.ok(error.cause instanceof OutcryError && error.cause.code === 'ERR_STORE_WRITE');
    const { length } = server.calls;
    assert.ok(length > 1, `${length} attempts`);
    assert.equal(new Set(server.calls.map(({ key }) => key)).size, 1);
  });

  test('rejects at once if it could be done twice', async () => {
    const take = (call: ApiCall) => call.fail('ERR_STORE_WRITE', { isRetryable: true });
    await using server = await ApiServer.listen({ handlers: { 'lobby.say': take } });
    await using client = await connectTo(server);
    await assert.rejects(client.lobby.say('hello'), { code: 'ERR_STORE_WRITE' });
    assert.equal(server.calls.length, 1);
  });

  test('is not asked again once it was aborted', async () => {
    const stopping = new AbortController();
    const take = (call: ApiCall) => {
      call.fail('ERR_STORE_WRITE', { isRetryable: true });
      if (server.calls.length === 2) stopping.abort();
    };
    await using server = await ApiServer.listen({ handlers: { 'bank.balance': take } });
    await using client = await connectTo(server);
    await assert.rejects(client.bank.balance('Marc', { signal: stopping.signal }), { name: 'AbortError' });
    await client.close();
    assert.equal(server.calls.length, 2);
  });
});

describe('many requests', () => {
  test('are asked no more at once than the server takes, in their order', async () => {
    const { calls, take } = held();
    await using server = await ApiServer.listen({
      limits: { requests: 4 },
      handlers: { 'bank.balance': take },
    });
    await using client = await connectTo(server);
    const asking = Array.from({ length: 50 }, (_, i) => client.bank.balance(`${i}`));
    for (let answered = 0; answered < 50; answered++) {
      await until('as many as it takes have been asked', () => calls.length === Math.min(answered + 4, 50));
      calls[answered]?.reply({ cents: answered });
    }
    assert.deepEqual(
      await Promise.all(asking),
      Array.from({ length: 50 }, (_, i) => i),
    );
    assert.deepEqual(server.violations, []);
  });

  test('count those that were given up until they are answered', async () => {
    const { calls, take } = held();
    await using server = await ApiServer.listen({
      limits: { requests: 1 },
      handlers: { 'bank.balance': take },
    });
    await using client = await connectTo(server);
    await assert.rejects(client.bank.balance('a', { timeoutMs: 10 }), { code: 'ERR_REQUEST_TIMEOUT' });
    const second = client.bank.balance('b', { timeoutMs: 30 });
    await assert.rejects(second, { code: 'ERR_REQUEST_TIMEOUT', message: /could not be sent/ });
    const third = client.bank.balance('c');
    calls[0]?.reply({ cents: 1 });
    await until('the next one has been asked', () => calls.length === 2);
    calls[1]?.reply({ cents: 3 });
    assert.equal(await third, 3);
    assert.deepEqual(server.violations, []);
  });

  test('are refused beyond what a client keeps', async () => {
    await using server = await ApiServer.listen({
      limits: { requests: 1 },
      handlers: { 'bank.balance': () => {} },
    });
    const client = await connectTo(server);
    const asking = Array.from({ length: 65_538 }, () => client.bank.balance('a'));
    const settled = Promise.allSettled(asking);
    await assert.rejects(asking.at(-1) as Promise<unknown>, { code: 'ERR_API_LIMIT' });
    await client.close({ timeoutMs: 0 });
    const codes = (await settled).map((result) => result.status === 'rejected' && result.reason.code);
    assert.equal(codes.filter((code) => code === 'ERR_API_LIMIT').length, 1);
    assert.equal(codes.filter((code) => code === 'ERR_CLIENT_CLOSED').length, 65_537);
  });

  test('wait while the server takes nothing in, and leave when it does', async () => {
    await using server = await ApiServer.listen({
      limits: { requests: 20_000 },
      handlers: { 'bank.balance': (call) => call.reply({ cents: 1 }) },
    });
    await using client = await connectTo(server);
    const before = process.memoryUsage().arrayBuffers;
    server.stallAll();
    const account = 'x'.repeat(10_000);
    const asking = Array.from({ length: 10_000 }, () => client.bank.balance(account));
    await until('the sockets are full', async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return client.state === 'connected';
    });
    const grownBytes = process.memoryUsage().arrayBuffers - before;
    assert.ok(grownBytes < 20_000_000, `${grownBytes} bytes wait`);
    server.resumeAll();
    assert.equal((await Promise.all(asking)).length, 10_000);
  });

  test('leave in one piece when they are made in one turn', async () => {
    await using server = await ApiServer.listen();
    await using client = await connectTo(server);
    const { chunkCount } = server;
    await Promise.all(Array.from({ length: 100 }, () => client.bank.balance('Marc')));
    assert.equal(server.chunkCount - chunkCount, 1);
  });
});

describe('an answer', () => {
  test('of a kind that the operation does not have ends the connection', async () => {
    await using server = await ApiServer.listen({ handlers: { 'bank.balance': (call) => call.open() } });
    const client = await connectTo(server);
    await assert.rejects(client.bank.balance('Marc'), { code: 'ERR_CONNECTION_LOST' });
    assert.equal((await client.closed)?.code, 'ERR_API_PROTOCOL');
  });

  test('that comes a second time is ignored', async () => {
    const take = (call: ApiCall) => {
      call.reply({ cents: 1 });
      call.session.send([FRAME.reply, call.id, { cents: 2 }]);
    };
    await using server = await ApiServer.listen({ handlers: { 'bank.balance': take } });
    await using client = await connectTo(server);
    assert.deepEqual([await client.bank.balance('a'), await client.bank.balance('b')], [1, 1]);
  });
});
