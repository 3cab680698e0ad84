import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OutcryError, type Transaction } from '../../clients/index.ts';
import { encodeFrame, FRAME } from '../../src/protocol/api/frames.ts';
import type { TransactionTuple } from '../../src/protocol/api/operations.ts';
import { REQUEST_TRANSACTIONS_MAX } from '../../src/protocol/bank.ts';
import { change, connectTo } from '../support/api-client.ts';
import { type ApiCall, ApiServer, Gate } from '../support/api-server.ts';
import { until } from '../support/until.ts';

/** The transactions of each request that came. */
function posted(server: ApiServer): (readonly TransactionTuple[])[] {
  return server
    .callsOf('bank.post')
    .map(({ params }) => (params as { readonly transactions: readonly TransactionTuple[] }).transactions);
}

function sizes(server: ApiServer): number[] {
  return posted(server).map(({ length }) => length);
}

function* credits(count: number, account = 'Marc'): Generator<Transaction> {
  for (let i = 0; i < count; i++) yield { account, type: 'credit', amount: { cents: 1 } };
}

function postGate(): Gate {
  return new Gate((call) => call.server.post(call));
}

async function immediately(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('post', () => {
  test('says credits and debits as cents, in the order in which they were made', async () => {
    await using server = await ApiServer.listen();
    await using client = await connectTo(server);
    await Promise.all([
      client.bank.credit('Ann', '12.30'),
      client.bank.debit('Ann', { cents: 30 }),
      client.bank.post({ account: Buffer.from('Bob'), type: 'credit', amount: '90071992547409.91' }),
    ]);
    assert.deepEqual(posted(server), [
      [
        ['Ann', 1230],
        ['Ann', -30],
        [Buffer.from('Bob'), Number.MAX_SAFE_INTEGER],
      ],
    ]);
    assert.equal(await client.bank.balance('Ann'), 1200);
  });

  test('shares one request with all that are made in one turn of the event loop', async () => {
    await using server = await ApiServer.listen();
    await using client = await connectTo(server);
    await Promise.all(Array.from({ length: 1000 }, () => client.bank.credit('Marc', '1')));
    assert.deepEqual(sizes(server), [1000]);
  });

  test('shares the next request with all that are made while one is on its way', async () => {
    const gate = postGate();
    await using server = await ApiServer.listen({ handlers: { 'bank.post': gate.take } });
    await using client = await connectTo(server);
    const posting = [client.bank.credit('Marc', '1')];
    await until('the first request is there', () => server.calls.length === 1);
    for (let turn = 0; turn < 50; turn++) {
      posting.push(client.bank.credit('Marc', '1'), client.bank.credit('Marc', '1'));
      await immediately();
    }
    gate.open();
    await Promise.all(posting);
    assert.deepEqual(sizes(server), [1, 100]);
  });

  test('has full requests on their way side by side, four of them', async () => {
    const gate = postGate();
    await using server = await ApiServer.listen({ handlers: { 'bank.post': gate.take } });
    await using client = await connectTo(server);
    const posting = Array.from({ length: 6 * REQUEST_TRANSACTIONS_MAX + 1 }, () =>
      client.bank.credit('Marc', '0.01'),
    );
    await until('four requests are there', () => server.calls.length === 4);
    await client.bank.balance('Marc');
    assert.deepEqual(sizes(server), [10_000, 10_000, 10_000, 10_000]);
    gate.open();
    await Promise.all(posting);
    assert.deepEqual(sizes(server).slice(4), [10_000, 10_000, 1]);
    assert.equal(server.accounts.get('Marc'), posting.length);
    assert.deepEqual(server.violations, []);
  });

  test('makes no request longer than the server takes', async () => {
    await using server = await ApiServer.listen({ limits: { frameBytes: 65_536 } });
    await using client = await connectTo(server);
    const account = 'é'.repeat(32);
    await Promise.all(
      Array.from({ length: 3000 }, () => client.bank.credit(account, '90071992547409.91').catch(() => {})),
    );
    assert.deepEqual(server.violations, []);
    assert.equal(sizes(server).length, 4);
  });

  test('rejects those that the bank refuses, and no others', async () => {
    await using server = await ApiServer.listen();
    await using client = await connectTo(server);
    const results = await Promise.allSettled([
      client.bank.credit('Ann', '1'),
      client.bank.debit('!Bob', '12.30'),
      client.bank.credit('Ann', '1'),
    ]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    const [, refused] = results;
    assert.ok(refused?.status === 'rejected' && refused.reason instanceof OutcryError);
    assert.deepEqual(
      [refused.reason.code, refused.reason.fields, refused.reason.message],
      [
        'ERR_POSTING_REFUSED',
        { reason: 'balance-out-of-range', account: '!Bob' },
        'the bank does not post a debit of 12.30 to "!Bob": the balance would go beyond 90,071,992,547,409.91 or below its negative',
      ],
    );
    assert.equal(server.accounts.get('Ann'), 200);
  });

  test('rejects what is no transaction without asking, and it does not harm others', async () => {
    await using server = await ApiServer.listen();
    await using client = await connectTo(server);
    const good = client.bank.credit('Ann', '1');
    for (const bad of [
      client.bank.credit('', '1'),
      client.bank.credit('Ann', '1.234'),
      client.bank.credit('Ann', 0.1 as unknown as string),
    ]) {
      await assert.rejects(bad, { code: 'ERR_POSTING_REFUSED' });
    }
    await good;
    assert.deepEqual(sizes(server), [1]);
  });

  test('with a key of its own has a request of its own, under that key', async () => {
    await using server = await ApiServer.listen();
    await using client = await connectTo(server);
    await using other = await connectTo(server);
    await Promise.all([
      client.bank.credit('Ann', '1'),
      client.bank.credit('Ann', '1', { key: 'salary of May' }),
      client.bank.credit('Ann', '1'),
    ]);
    await other.bank.credit('Ann', '1', { key: 'salary of May' });
    assert.deepEqual(sizes(server).sort(), [1, 1, 2]);
    assert.equal(server.accounts.get('Ann'), 300);
    await assert.rejects(client.bank.debit('!Bob', '1', { key: 'rent' }), {
      code: 'ERR_POSTING_REFUSED',
      fields: { reason: 'balance-out-of-range', account: '!Bob' },
    });
  });

  test('is not posted if it is given up before its request leaves', async () => {
    const gate = postGate();
    await using server = await ApiServer.listen({ handlers: { 'bank.post': gate.take } });
    await using client = await connectTo(server);
    const first = client.bank.credit('Ann', '1');
    await until('the first request is there', () => server.calls.length === 1);
    const stopping = new AbortController();
    const aborted = client.bank.credit('Ann', '1', { signal: stopping.signal });
    const late = client.bank.credit('Ann', '1', { timeoutMs: 10 });
    const last = client.bank.credit('Ann', '1');
    stopping.abort();
    await assert.rejects(aborted, { name: 'AbortError' });
    await assert.rejects(late, { code: 'ERR_REQUEST_TIMEOUT', message: /could not be sent/ });
    gate.open();
    await Promise.all([first, last]);
    assert.equal(server.accounts.get('Ann'), 200);
  });

  test('whose request has left is repeated as long as anybody waits for any of it', async () => {
    const gate = postGate();
    await using server = await ApiServer.listen({ handlers: { 'bank.post': gate.take } });
    await using client = await connectTo(server);
    const stopping = new AbortController();
    const aborted = client.bank.credit('Ann', '1', { signal: stopping.signal });
    const other = client.bank.credit('Ann', '1');
    await until('the request is there', () => server.calls.length === 1);
    stopping.abort();
    await assert.rejects(aborted, { name: 'AbortError' });
    server.breakAll();
    await until('it is there again', () => server.calls.length === 2);
    gate.open();
    await other;
    assert.equal(server.accounts.get('Ann'), 200);
  });

  test('is not repeated if nobody waits for it, and does not hold up the next one', async () => {
    const gate = postGate();
    await using server = await ApiServer.listen({ handlers: { 'bank.post': gate.take } });
    await using client = await connectTo(server);
    const stopping = new AbortController();
    const aborted = [1, 2].map(() => client.bank.credit('Ann', '1', { signal: stopping.signal }));
    await until('the request is there', () => server.calls.length === 1);
    stopping.abort();
    for (const call of aborted) await assert.rejects(call, { name: 'AbortError' });
    const next = client.bank.credit('Ann', '1');
    await until('the next one is there', () => server.calls.length === 2);
    server.breakAll();
    await until('the next one is there again', () => server.calls.length === 3);
    gate.open();
    await next;
    const [first, ...others] = server.calls.map(({ key }) => key);
    assert.ok(!others.includes(first ?? null));
  });

  test('is refused beyond what a client keeps', async () => {
    await using server = await ApiServer.listen({ handlers: { 'bank.post': postGate().take } });
    const client = await connectTo(server);
    const results = Promise.allSettled(
      Array.from({ length: 100_001 }, () => client.bank.credit('Ann', '0.01')),
    );
    await client.close({ timeoutMs: 0 });
    const codes = (await results).map((result) => result.status === 'rejected' && result.reason.code);
    assert.equal(codes.indexOf('ERR_API_LIMIT'), 100_000);
  });

  test('rejects all of a request whose answer makes no sense', async () => {
    await using server = await ApiServer.listen({ handlers: { 'bank.post': (call) => call.reply({}) } });
    const client = await connectTo(server);
    const posting = [client.bank.credit('Ann', '1'), client.bank.credit('Ann', '1')];
    for (const call of posting) await assert.rejects(call, { code: 'ERR_CONNECTION_LOST' });
    assert.equal((await client.closed)?.code, 'ERR_API_PROTOCOL');
  });
});

describe('postAll', () => {
  test('posts everything in its order, in full requests', async () => {
    await using server = await ApiServer.listen();
    await using client = await connectTo(server);
    assert.deepEqual(await client.bank.postAll(credits(25_000)), { posted: 25_000, refused: [] });
    assert.deepEqual(sizes(server), [10_000, 10_000, 5000]);
    assert.equal(server.accounts.get('Marc'), 25_000);
  });

  test('takes an async source, and an empty one', async () => {
    await using server = await ApiServer.listen();
    await using client = await connectTo(server);
    async function* source() {
      for (const transaction of credits(3)) {
        await immediately();
        yield transaction;
      }
    }
    assert.deepEqual(await client.bank.postAll(source()), { posted: 3, refused: [] });
    assert.deepEqual(await client.bank.postAll([]), { posted: 0, refused: [] });
    assert.deepEqual(sizes(server), [3]);
  });

  test('names what was refused by its place in the source, here or by the bank', async () => {
    await using server = await ApiServer.listen();
    await using client = await connectTo(server);
    const source = [...credits(12_000)];
    source[3] = { account: '!Bob', type: 'debit', amount: '1' };
    source[7] = { account: 'Ann', type: 'credit', amount: '1.234' };
    source[11_000] = { account: '!Bob', type: 'debit', amount: '1' };
    source[11_999] = { account: '', type: 'credit', amount: '1' };
    assert.deepEqual(await client.bank.postAll(source), {
      posted: 11_996,
      refused: [
        { index: 3, reason: 'balance-out-of-range' },
        { index: 7, reason: 'amount' },
        { index: 11_000, reason: 'balance-out-of-range' },
        { index: 11_999, reason: 'name' },
      ],
    });
  });

  test('takes from an endless source only as fast as the server answers', async () => {
    const gate = postGate();
    await using server = await ApiServer.listen({ handlers: { 'bank.post': gate.take } });
    await using client = await connectTo(server);
    const stopping = new AbortController();
    let taken = 0;
    let isClosed = false;
    function* endless(): Generator<Transaction> {
      try {
        for (;;) {
          taken += 1;
          yield { account: 'Marc', type: 'credit', amount: { cents: 1 } };
        }
      } finally {
        isClosed = true;
      }
    }
    const posting = client.bank.postAll(endless(), { signal: stopping.signal });
    const stopped = assert.rejects(posting, { name: 'AbortError' });
    await until('four requests are there', () => server.calls.length === 4);
    for (let turn = 0; turn < 100; turn++) await immediately();
    assert.equal(taken, 5 * REQUEST_TRANSACTIONS_MAX + 1);
    gate.open();
    await until('it goes on', () => taken > 20 * REQUEST_TRANSACTIONS_MAX);
    stopping.abort();
    await stopped;
    await until('the source is closed', () => isClosed);
  });

  test('rejects at once when it is aborted, though the source gives nothing', async () => {
    await using server = await ApiServer.listen();
    await using client = await connectTo(server);
    const stopping = new AbortController();
    async function* silent(): AsyncGenerator<Transaction> {
      await new Promise(() => {});
    }
    const posting = client.bank.postAll(silent(), { signal: stopping.signal });
    stopping.abort();
    await assert.rejects(posting, { name: 'AbortError' });
  });

  test('rejects with what the source throws', async () => {
    await using server = await ApiServer.listen();
    await using client = await connectTo(server);
    const reason = new Error('the file ends here');
    function* broken(): Generator<Transaction> {
      yield* credits(10_001);
      throw reason;
    }
    await assert.rejects(client.bank.postAll(broken()), (error) => error === reason);
  });

  test('says how far it came when it fails', async () => {
    await using server = await ApiServer.listen({
      handlers: {
        'bank.post': (call) => {
          if (server.calls.length === 3) call.fail('ERR_UNEXPECTED');
          else server.post(call);
        },
      },
    });
    await using client = await connectTo(server);
    const error = (await client.bank
      .postAll(credits(100_000))
      .catch((caught: unknown) => caught)) as OutcryError;
    assert.equal(error.code, 'ERR_UNEXPECTED');
    assert.match(error.message, /all before transaction 20000 are posted or refused/);
    const { settled, refused } = error.fields;
    assert.deepEqual([settled, refused], [20_000, 0]);
  });

  test('posts each once, however often the connection breaks', async () => {
    await using server = await ApiServer.listen({
      handlers: {
        'bank.post': (call) => {
          server.post(call);
          if (server.calls.length % 2 === 1) call.session.break();
        },
      },
      // Answers are lost with what breaks here: nothing is written any more.
      plan: (connection) => ({ outputBytesMax: connection < 20 ? 400 : Number.POSITIVE_INFINITY }),
    });
    await using client = await connectTo(server);
    assert.deepEqual(await client.bank.postAll(credits(100_000)), { posted: 100_000, refused: [] });
    assert.equal(server.accounts.get('Marc'), 100_000);
    assert.ok(server.connectionCount > 5);
    assert.deepEqual(server.violations, []);
  });

  test('posts nothing twice under one key, though another process posts it again', async () => {
    await using server = await ApiServer.listen();
    for (let attempt = 0; attempt < 2; attempt++) {
      await using client = await connectTo(server);
      const result = await client.bank.postAll(credits(25_000), { key: 'import of May' });
      assert.deepEqual(result, { posted: 25_000, refused: [] });
    }
    assert.equal(server.accounts.get('Marc'), 25_000);
    const keys = new Set(server.calls.map(({ key }) => key));
    assert.deepEqual([...keys], ['import of May/1', 'import of May/2', 'import of May/3']);
  });

  test('ends with the client', async () => {
    await using server = await ApiServer.listen();
    const client = await connectTo(server);
    async function* slow(): AsyncGenerator<Transaction> {
      yield* credits(5);
      await new Promise(() => {});
    }
    const refused = assert.rejects(client.bank.postAll(slow()), { code: 'ERR_CLIENT_CLOSED' });
    await client.close();
    await refused;
  });
});

describe('balance and statement', () => {
  test('ask for what they are given', async () => {
    const statement = { shard: 'ledger/3', entries: [], balanceCents: 5, position: 7, firstKept: 1 };
    await using server = await ApiServer.listen({
      handlers: { 'bank.statement': (call) => call.reply(statement) },
    });
    await using client = await connectTo(server);
    assert.equal(await client.bank.balance('nobody'), undefined);
    assert.deepEqual(await client.bank.statement('Ann', { last: 5, at: 7 }), statement);
    await client.bank.statement('Ann');
    const params = server.callsOf('bank.statement').map((call) => call.params);
    assert.deepEqual(params, [{ account: 'Ann', last: 5, at: 7 }, { account: 'Ann' }]);
  });
});

describe('balances', () => {
  const ACCOUNTS = 20_000;

  /** Sends that many, in pages, within the credit; breaks the first connections after so many. */
  function pages(breaksAfter: readonly number[] = []): (call: ApiCall) => void {
    return (call) => {
      let sent = 0;
      const limit = breaksAfter[call.session.server.connectionCount - 1] ?? Number.POSITIVE_INFINITY;
      call.open({ accounts: ACCOUNTS });
      call.onCredit = () => {
        while (call.credit > 0 && sent < ACCOUNTS && sent < limit) {
          const page = Math.min(1000, call.credit, ACCOUNTS - sent, limit - sent);
          call.send(...Array.from({ length: page }, (_, i) => [`a${sent + i}`, sent + i]));
          sent += page;
        }
        if (sent === ACCOUNTS) call.end();
        else if (sent >= limit) call.session.finish();
      };
      if (limit === 0) call.session.break();
    };
  }

  test('gives every account once', async () => {
    await using server = await ApiServer.listen({ handlers: { 'bank.balances': pages() } });
    await using client = await connectTo(server);
    let count = 0;
    for await (const { account, cents } of client.bank.balances()) {
      assert.deepEqual([account, cents], [`a${count}`, count]);
      count += 1;
    }
    assert.equal(count, ACCOUNTS);
  });

  test('asks for nothing before the loop begins', async () => {
    await using server = await ApiServer.listen({ handlers: { 'bank.balances': pages() } });
    await using client = await connectTo(server);
    const balances = client.bank.balances();
    await client.bank.balance('Ann');
    assert.equal(server.callsOf('bank.balances').length, 0);
    assert.deepEqual((await balances.next()).value, { account: 'a0', cents: 0 });
    await balances.return();
  });

  test('lets the server send only so far ahead of the loop', async () => {
    await using server = await ApiServer.listen({ handlers: { 'bank.balances': pages() } });
    await using client = await connectTo(server);
    let count = 0;
    for await (const _ of client.bank.balances()) {
      count += 1;
      if (count % 5000 !== 0) continue;
      await client.bank.balance('Ann');
      const [call] = server.callsOf('bank.balances');
      // What was sent is what was given less what is left of it.
      assert.ok(
        call !== undefined && call.sentCount - count <= 4096,
        `${call?.sentCount} sent, ${count} taken`,
      );
    }
    assert.equal(count, ACCOUNTS);
  });

  test('ends the stream when the loop is left', async () => {
    await using server = await ApiServer.listen({ handlers: { 'bank.balances': pages() } });
    await using client = await connectTo(server);
    for await (const _ of client.bank.balances()) break;
    const [call] = server.callsOf('bank.balances');
    await until('the server knows', () => call?.isEnded);
    assert.deepEqual(server.violations, []);
  });

  test('begins anew if the connection is lost before anything was taken', async () => {
    await using server = await ApiServer.listen({ handlers: { 'bank.balances': pages([0]) } });
    await using client = await connectTo(server);
    let count = 0;
    for await (const { cents } of client.bank.balances()) assert.equal(cents, count++);
    assert.deepEqual([count, server.callsOf('bank.balances').length], [ACCOUNTS, 2]);
  });

  test('begins anew if it is refused for now before anything was taken, and forgets what came', async () => {
    const send = pages();
    await using server = await ApiServer.listen({
      handlers: {
        'bank.balances': (call) => {
          if (server.callsOf('bank.balances').length > 1) send(call);
          else {
            const error = { code: 'ERR_API_CLOSING', message: 'scripted', retryable: true };
            call.open({ accounts: ACCOUNTS });
            call.onCredit = () =>
              call.session.write(
                Buffer.concat([
                  encodeFrame([FRAME.items, call.id, [['a0', 0]]]),
                  encodeFrame([FRAME.error, call.id, error]),
                ]),
              );
          }
        },
      },
    });
    await using client = await connectTo(server);
    let count = 0;
    for await (const { cents } of client.bank.balances()) assert.equal(cents, count++);
    assert.equal(count, ACCOUNTS);
  });

  test('throws if the connection is lost later, behind what came', async () => {
    await using server = await ApiServer.listen({ handlers: { 'bank.balances': pages([7000]) } });
    await using client = await connectTo(server);
    let count = 0;
    const reading = (async () => {
      for await (const _ of client.bank.balances()) count += 1;
    })();
    await assert.rejects(reading, { code: 'ERR_CONNECTION_LOST' });
    assert.deepEqual([count, server.callsOf('bank.balances').length], [7000, 1]);
    assert.equal(await client.bank.balance('Ann'), undefined);
  });

  test('is asked again while it is refused for now', async () => {
    const send = pages();
    await using server = await ApiServer.listen({
      handlers: {
        'bank.balances': (call) => {
          if (server.callsOf('bank.balances').length < 3) call.fail('ERR_API_LIMIT', { isRetryable: true });
          else send(call);
        },
      },
    });
    await using client = await connectTo(server);
    let count = 0;
    for await (const _ of client.bank.balances()) count += 1;
    assert.equal(count, ACCOUNTS);
  });

  test('throws when the server stops in the middle', async () => {
    await using server = await ApiServer.listen({
      handlers: {
        'bank.balances': (call) => {
          call.open({ accounts: 2 });
          call.onCredit = () => call.send(['a', 1]);
        },
      },
    });
    await using client = await connectTo(server);
    const balances = client.bank.balances({ timeoutMs: 30 });
    await balances.next();
    await assert.rejects(balances.next(), { code: 'ERR_REQUEST_TIMEOUT', message: /nothing came for 30 ms/ });
    await until('the server knows', () => server.callsOf('bank.balances')[0]?.isEnded);
  });

  test('throws the reason of its signal, and ends the stream', async () => {
    await using server = await ApiServer.listen({ handlers: { 'bank.balances': pages() } });
    await using client = await connectTo(server);
    const stopping = new AbortController();
    const balances = client.bank.balances({ signal: stopping.signal });
    await balances.next();
    stopping.abort();
    await assert.rejects(balances.next(), { name: 'AbortError' });
    await until('the server knows', () => server.callsOf('bank.balances')[0]?.isEnded);
  });

  test('throws when the client is closed', async () => {
    await using server = await ApiServer.listen({ handlers: { 'bank.balances': pages() } });
    const client = await connectTo(server);
    const balances = client.bank.balances();
    await balances.next();
    await client.close();
    const rest = (async () => {
      for await (const _ of balances);
    })();
    await assert.rejects(rest, { code: 'ERR_CLIENT_CLOSED' });
  });

  test('is not opened while the server has as many streams as it takes', async () => {
    await using server = await ApiServer.listen({
      limits: { streams: 2 },
      handlers: { 'bank.balances': pages() },
    });
    await using client = await connectTo(server);
    const streams = Array.from({ length: 5 }, () => client.bank.balances());
    const counts = await Promise.all(
      streams.map(async (stream) => {
        let count = 0;
        for await (const _ of stream) count += 1;
        return count;
      }),
    );
    assert.deepEqual(counts, new Array(5).fill(ACCOUNTS));
    assert.deepEqual(server.violations, []);
  });

  test('that was given up before it was open is ended all the same', async () => {
    let open: (() => void) | undefined;
    await using server = await ApiServer.listen({
      handlers: {
        'bank.balances': (call) => {
          open = () => call.open({ accounts: 0 });
        },
      },
    });
    await using client = await connectTo(server);
    const next = client.bank.balances({ timeoutMs: 20 }).next();
    await assert.rejects(next, { code: 'ERR_REQUEST_TIMEOUT', message: /was not answered/ });
    const [call] = server.callsOf('bank.balances');
    await until('the server knows', () => call?.isEnded);
    open?.();
    await client.bank.balance('Ann');
    assert.deepEqual([client.state, server.violations], ['connected', []]);
  });

  test('that is opened while it is given up gets no credit any more', async () => {
    const stopping = new AbortController();
    await using server = await ApiServer.listen({
      handlers: {
        'bank.balances': (call) => {
          // Both are on their way at once.
          call.open({ accounts: 0 });
          stopping.abort();
        },
      },
    });
    await using client = await connectTo(server);
    const next = client.bank.balances({ signal: stopping.signal }).next();
    await assert.rejects(next, { name: 'AbortError' });
    // What it says when the first answer is there is in front of the second question.
    await client.bank.balance('Ann');
    await client.bank.balance('Ann');
    const [call] = server.callsOf('bank.balances');
    assert.deepEqual([call?.isEnded, call?.credit, server.violations], [true, 0, []]);
  });

  test('that sends more than was asked for ends the connection', async () => {
    await using server = await ApiServer.listen({
      handlers: {
        'bank.balances': (call) => {
          call.open({ accounts: 9 });
          call.send(...new Array(4097).fill(['a', 1]));
        },
      },
    });
    const client = await connectTo(server);
    const closed = change(client, 'closed');
    await assert.rejects(client.bank.balances().next(), { code: /ERR_CLIENT_CLOSED|ERR_CONNECTION_LOST/ });
    const { error } = await closed;
    assert.equal(error?.code, 'ERR_API_PROTOCOL');
  });
});
