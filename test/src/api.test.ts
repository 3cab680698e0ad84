/** The api over real sockets, in raw frames: what a client of any language sees. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { type CreateServerOptions, createServer, type OutcryServer } from '../../src/create-server.ts';
import { encodeFrame, FRAME } from '../../src/protocol/api/frames.ts';
import { SERVICES } from '../../src/services.ts';
import { readVersion } from '../../src/values/version.ts';
import { collectGarbage } from '../support/garbage.ts';
import { ApiClient } from '../support/raw-api-client.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const MIB = 1024 * 1024;

type Settings = Readonly<Record<string, Readonly<Record<string, string | number>>>>;

async function start(t: TestContext, settings: Settings = {}): Promise<OutcryServer> {
  const server = await createServer({
    services: ['bank', 'api'],
    settings: { server: { hosts: 2 }, ...settings },
  });
  t.after(() => server.close());
  return server;
}

/** Connects with a time limit that the test's end is not kept waiting for. */
function connectTo(
  server: OutcryServer,
  hello: Parameters<typeof ApiClient.connect>[1] = {},
): Promise<ApiClient> {
  return ApiClient.connect(server.port('api'), hello);
}

function operatorOf(server: OutcryServer): Promise<ApiClient> {
  return connectTo(server, { token: server.operatorToken });
}

async function deadLettersOf(server: OutcryServer): Promise<{ readonly poison?: number }> {
  const operator = await operatorOf(server);
  const { counts } = (await operator.ask('admin.dead-letters')) as { counts: { poison?: number } };
  operator.drop();
  return counts;
}

describe('the api', () => {
  let server: OutcryServer;
  let port: number;
  const clients: ApiClient[] = [];

  before(async () => {
    server = await createServer({ services: ['bank', 'api'], settings: { server: { hosts: 2 } } });
    port = server.port('api');
  });

  after(async () => {
    for (const client of clients) client.drop();
    assert.equal((await deadLettersOf(server)).poison, undefined, 'no session has failed');
    await server.close();
  });

  async function connect(hello: Parameters<typeof ApiClient.connect>[1] = {}): Promise<ApiClient> {
    const client = await ApiClient.connect(port, hello);
    clients.push(client);
    return client;
  }

  async function open(): Promise<ApiClient> {
    const client = await ApiClient.open(port);
    clients.push(client);
    return client;
  }

  describe('greeting', () => {
    test('the server says who it is, what it has, and what it allows', async () => {
      const client = await connect({ name: 'me' });
      const { connection, ...hello } = await client.hello();
      assert.ok(connection > 0);
      assert.deepEqual(hello, {
        protocol: 1,
        server: `outcry/${readVersion()}`,
        features: ['bank', 'exchange', 'gold', 'users', 'admin'],
        isOperator: false,
        user: null,
        limits: { frameBytes: MIB, requests: 1024, streams: 64, idleMs: 60_000 },
      });
    });

    for (const [name, protocol, shown] of [
      ['another version', 2, '2'],
      ['no version', undefined, 'undefined'],
      ['a version that is text for a terminal', '\u001b[2J', 'string'],
      ['a version that can not become a string', { toString: 1 }, 'object'],
    ] as const) {
      test(`a client of ${name} is told and closed`, async () => {
        const client = await open();
        client.sendValue([FRAME.hello, protocol === undefined ? {} : { protocol }]);
        assert.deepEqual(await client.refused(), {
          code: 'ERR_API_PROTOCOL',
          message: `this server speaks version 1, not ${shown}`,
          retryable: false,
          fields: {},
        });
      });
    }

    test('a frame before the hello is an error', async () => {
      for (const frame of [
        [FRAME.heartbeat],
        [FRAME.request, 1, 'bank.balance', { account: 'a' }, 1, null],
      ]) {
        const client = await open();
        client.sendValue(frame);
        assert.equal((await client.refused()).message, 'the first frame is a hello');
      }
    });

    test('a second hello is an error', async () => {
      const client = await connect();
      client.sayHello();
      assert.equal((await client.refused()).message, 'there is one hello, and it has been');
    });

    test('a request behind the hello need not wait for its answer', async () => {
      const client = await open();
      client.sayHello();
      assert.deepEqual(await client.ask('bank.balance', { account: 'nobody' }), { cents: null });
    });
  });

  describe('operators', () => {
    test('are those who know the token', async () => {
      const operator = await connect({ token: server.operatorToken });
      assert.equal((await operator.hello()).isOperator, true);
      const status = (await operator.ask('admin.status')) as { pid: number };
      assert.equal(status.pid, process.pid);
    });

    test('a wrong token is told and closed', async () => {
      for (const token of ['', 'x', `${server.operatorToken}x`, server.operatorToken.replace(/./, '!')]) {
        const client = await open();
        client.sayHello({ token });
        assert.equal((await client.refused()).code, 'ERR_API_DENIED');
      }
    });

    test('without it their operations are denied, and the connection goes on', async () => {
      const client = await connect();
      for (const operation of ['admin.status', 'admin.shutdown', 'admin.kick']) {
        assert.equal(await client.codeOf(operation), 'ERR_API_DENIED');
      }
      assert.deepEqual(await client.ask('bank.balance', { account: 'nobody' }), { cents: null });
    });

    test('every operation that only asks is answered', async () => {
      const operator = await connect({ token: server.operatorToken, name: 'Ann' });
      const limits = (await operator.ask('admin.limits')) as { setting: string; used: number | null }[];
      assert.ok((limits.find(({ setting }) => setting === 'api.connections_max')?.used ?? 0) > 0);
      const { actors, total } = (await operator.ask('admin.actors', {
        overMs: 20,
        filter: 'ledger/',
        limit: 5,
      })) as {
        actors: unknown[];
        total: number;
      };
      assert.deepEqual([actors.length, total], [5, 16]);
      assert.equal(await operator.codeOf('bank.statement', { account: 'Marc' }), 'ERR_DATA_FOLDER');
    });

    test('kick a connection', async () => {
      const operator = await connect({ token: server.operatorToken });
      const victim = await connect();
      const { connection } = await victim.hello();
      assert.deepEqual(await operator.ask('admin.kick', { connection, reason: 'enough' }), {
        isKicked: true,
      });
      await victim.tcp.isLetGo();
      victim.drop();
      await until('it is gone', async () => {
        const { isKicked } = (await operator.ask('admin.kick', { connection })) as { isKicked: boolean };
        return !isKicked;
      });
    });

    test('see why a connection was closed', async () => {
      const operator = await connect({ token: server.operatorToken });
      const culprit = await connect({ name: 'culprit' });
      culprit.sendValue([FRAME.hello, {}]);
      await culprit.refused();
      culprit.drop();
      await until('it is told of', async () => {
        const query = { user: 'culprit', state: 'ended' };
        const { sessions } = (await operator.ask('admin.sessions', query)) as {
          sessions: { reason: string }[];
        };
        return sessions[0]?.reason === 'what came is no frame of the api, or comes out of turn';
      });
    });
  });

  describe('requests', () => {
    test('money is posted, and is there', async () => {
      const client = await connect();
      const long = 2 ** 45;
      const transactions = [
        ['Ann', 500],
        ['Bob', -long],
        [Buffer.from('Ann'), -125],
        ['Zoë', BigInt(long)],
        ['Bob', Number.MAX_SAFE_INTEGER],
        ['Bob', Number.MAX_SAFE_INTEGER],
      ];
      assert.deepEqual(await client.ask('bank.post', { transactions }), {
        refused: [[5, 'balance-out-of-range']],
      });
      const balanceOf = async (account: string) =>
        ((await client.ask('bank.balance', { account })) as { cents: unknown }).cents;
      assert.equal(await balanceOf('Ann'), 375);
      assert.equal(await balanceOf('Bob'), Number.MAX_SAFE_INTEGER - long);
      assert.equal(await balanceOf('Zoë'), long);
      assert.deepEqual(await client.ask('bank.post', { transactions: [] }), { refused: [] });
    });

    test('the same key posts once, and is refused for anything else', async () => {
      const client = await connect();
      const other = await connect();
      const post = { transactions: [['Keyed', 1]] };
      for (const each of [client, client, other]) {
        assert.deepEqual(await each.ask('bank.post', post, { key: 'once' }), { refused: [] });
      }
      assert.equal(
        await other.codeOf('bank.post', { transactions: [['Keyed', 2]] }, { key: 'once' }),
        'ERR_API_KEY',
      );
      assert.deepEqual(await client.ask('bank.balance', { account: 'Keyed' }), { cents: 1 });
      // Not even to accounts of which nothing was posted before: their shards have never seen the key.
      const others = Array.from({ length: 40 }, (_, i) => [`Other${i}`, 1]);
      assert.equal(await other.codeOf('bank.post', { transactions: others }, { key: 'once' }), 'ERR_API_KEY');
      for (const [account] of others) {
        assert.deepEqual(await client.ask('bank.balance', { account }), { cents: null });
      }
      for (const key of ['', 'ä', 'a\nb', ' a', 'x'.repeat(128)]) {
        assert.equal(await client.codeOf('bank.post', post, { key }), 'ERR_API_KEY');
      }
    });

    test('an operation that there is not is named, with the nearest one', async () => {
      const client = await connect();
      const { code, message, retryable } = await client.failed(client.request('bank.balanse'));
      assert.deepEqual([code, retryable], ['ERR_API_OPERATION', false]);
      assert.equal(message, 'there is no operation "bank.balanse"; did you mean bank.balance?');
      for (const name of ['', 'toString', '__proto__', 'lobby.say', 'x'.repeat(1e6)]) {
        assert.equal(await client.codeOf(name), 'ERR_API_OPERATION', name.slice(0, 20));
      }
    });

    test('wrong parameters are named, and nothing is done', async () => {
      const client = await connect();
      const wrong: readonly (readonly [string, unknown, RegExp])[] = [
        ['bank.balance', {}, /^bank.balance.account is absent; expected a string or bytes$/],
        ['bank.balance', { account: 'a b' }, /^"a b" is no account/],
        ['bank.balance', { acount: 'a' }, /did you mean account\?$/],
        ['bank.balance', [], /^bank.balance is an array of 0; expected a map$/],
        [
          'bank.post',
          {
            transactions: [
              ['Never', 1],
              ['Never', 0.5],
            ],
          },
          /^transaction 1 has 0.5 as its cents/,
        ],
        [
          'bank.post',
          {
            transactions: [
              ['Never', 1],
              ['Never', 2n ** 60n],
            ],
          },
          /^transaction 1 has 1152921504606846976/,
        ],
        [
          'bank.post',
          {
            transactions: [
              ['Never', 1],
              [{ toString: 1 }, 1],
            ],
          },
          /^transaction 1 has an object/,
        ],
        ['bank.post', { transactions: { 0: 1 } }, /^bank.post.transactions is a map/],
        ['bank.balances', { page: 1 }, /nothing is expected$/],
      ];
      for (const [operation, params, message] of wrong) {
        const error = await client.failed(client.request(operation, params));
        assert.equal(error.code, 'ERR_API_PARAMS');
        assert.match(error.message, message);
      }
      assert.deepEqual(await client.ask('bank.balance', { account: 'Never' }), { cents: null });
    });

    test('an id that does not rise is an error', async () => {
      for (const second of [5, 4, 1]) {
        const client = await connect();
        client.lastId = 4;
        await client.ask('bank.balance', { account: 'nobody' });
        client.lastId = second - 1;
        client.request('bank.balance', { account: 'nobody' });
        assert.match((await client.refused()).message, new RegExp(`^the id ${second} was used before`));
      }
    });

    test('an id may be as high as there are integers', async () => {
      const client = await connect();
      client.lastId = Number.MAX_SAFE_INTEGER - 1;
      assert.deepEqual(await client.ask('bank.balance', { account: 'nobody' }), { cents: null });
    });

    test('what is not answered by its deadline fails, and a late answer is not sent', async () => {
      const operator = await connect({ token: server.operatorToken });
      const id = operator.request('admin.actors', { overMs: 300 }, { timeoutMs: 20 });
      assert.deepEqual(
        { ...(await operator.failed(id)), message: '' },
        { code: 'ERR_ASK_TIMEOUT', message: '', retryable: true, fields: {} },
      );
      await operator.ask('admin.actors', { overMs: 400 });
      assert.equal(operator.framesOf(id).length, 1);
    });

    test('a timeout may be longer than any timer', async () => {
      const client = await connect();
      const asked = client.ask('bank.balance', { account: 'nobody' }, { timeoutMs: Number.MAX_VALUE });
      assert.deepEqual(await asked, { cents: null });
    });

    test('a heartbeat is answered with one', async () => {
      const client = await connect();
      client.send([FRAME.heartbeat], [FRAME.heartbeat]);
      await until('both are', () => client.frames.filter(([type]) => type === FRAME.heartbeat).length === 2);
    });

    test('a client that half-closes is answered all, and then closed', async () => {
      const client = await connect();
      const ids = Array.from({ length: 200 }, (_, i) =>
        client.request('bank.post', { transactions: [[`Half${i % 40}`, 1]] }),
      );
      client.tcp.end();
      await client.tcp.closes();
      assert.equal(client.tcp.errorCode, undefined);
      assert.deepEqual(
        ids.filter((id) => client.answerOf(id)?.[0] !== FRAME.reply),
        [],
      );
    });

    test('a client that half-closes within a frame is answered all that was whole', async () => {
      const client = await connect();
      const id = client.request('bank.balance', { account: 'nobody' });
      client.tcp.end(encodeFrame([FRAME.heartbeat]).subarray(0, 4));
      await client.tcp.closes();
      assert.equal(client.answerOf(id)?.[0], FRAME.reply);
    });
  });

  describe('wrong frames', () => {
    const bytes: readonly (readonly [string, string, RegExp])[] = [
      ['an empty one', '00000000', /ends in the middle/],
      ['one that is no msgpack', '00000001c1', /0xc1 begins no plain value/],
      ['one that is no tuple', '00000001c0', /no tuple/],
      ['one that is too long', '00100001', /a frame of 1048577 bytes is longer than 1048576/],
      ['one that claims four gigabytes', 'ffffffff', /a frame of 4294967295 bytes is longer/],
    ];
    for (const [name, hex, message] of bytes) {
      test(`${name} is told and closed, and what follows is not read`, async () => {
        const client = await connect();
        client.tcp.send(Buffer.from(hex, 'hex'));
        const id = client.request('bank.post', { transactions: [['Behind', 1]] });
        const error = await client.refused();
        assert.equal(error.code, 'ERR_API_PROTOCOL');
        assert.match(error.message, message);
        assert.deepEqual(client.framesOf(id), []);
        const next = await connect();
        assert.deepEqual(await next.ask('bank.balance', { account: 'Behind' }), { cents: null });
      });
    }

    test('what was asked ahead of one has been done', async () => {
      const client = await connect();
      client.tcp.send(
        Buffer.concat([
          encodeFrame([FRAME.request, 1, 'bank.post', { transactions: [['Ahead', 7]] }, 1000, null]),
          Buffer.from('00000001c1', 'hex'),
        ]),
      );
      await client.refused();
      const next = await connect();
      await until('it is posted', async () => {
        const { cents } = (await next.ask('bank.balance', { account: 'Ahead' })) as { cents: number | null };
        return cents === 7;
      });
    });

    test('a frame of the greatest length is taken', async () => {
      const client = await connect();
      const empty = encodeFrame([
        FRAME.request,
        1,
        'bank.balance',
        { account: Buffer.alloc(65_536) },
        1000,
        null,
      ]);
      const account = Buffer.alloc(MIB - (empty.length - 4) + 65_536);
      const frame = encodeFrame([FRAME.request, 1, 'bank.balance', { account }, 1000, null]);
      assert.equal(frame.length, 4 + MIB);
      client.tcp.send(frame);
      assert.equal((await client.failed(1)).code, 'ERR_API_PARAMS');
    });
  });

  describe('streams', () => {
    let accounts: number;

    before(async () => {
      const client = await connect();
      const transactions = Array.from({ length: 10_000 }, (_, i) => [`Stream${i}`, i]);
      await client.ask('bank.post', { transactions });
      const id = client.request('bank.balances');
      await until('it is open', () => client.framesOf(id).length > 0);
      const [, , info] = client.framesOf(id)[0] ?? [];
      ({ accounts } = info as { accounts: number });
      assert.ok(accounts >= 10_000);
      client.drop();
    });

    test('nothing is sent without credit, and never more than there is credit for', async () => {
      const client = await connect();
      const id = client.request('bank.balances');
      await until('it is open', () => client.framesOf(id).length > 0);
      await client.ask('bank.balance', { account: 'nobody' });
      assert.deepEqual(
        client.framesOf(id).map(([type]) => type),
        [FRAME.open],
      );
      for (const [credit, total] of [
        [1, 1],
        [2, 3],
        [2500, 2503],
      ] as const) {
        client.send([FRAME.credit, id, credit]);
        await until(`${total} have come`, () => client.itemsOf(id).length >= total);
        await client.ask('bank.balance', { account: 'nobody' });
        assert.equal(client.itemsOf(id).length, total);
      }
      client.send([FRAME.credit, id, 1_000_000]);
      assert.equal((await client.answered(id))?.[0], FRAME.end);
      const names = client.itemsOf(id).map((item) => String((item as [string])[0]));
      assert.equal(new Set(names).size, names.length);
      assert.ok(names.length >= accounts);
    });

    test('a client may give credit before the stream is open', async () => {
      const client = await connect();
      const id = client.request('bank.balances');
      client.send([FRAME.credit, id, 5]);
      await until('five have come', () => client.itemsOf(id).length === 5);
    });

    test('credit that is none closes the connection', async () => {
      for (const count of [0, -1, 0.5]) {
        const client = await connect();
        client.sendValue([FRAME.credit, client.request('bank.balances'), count]);
        assert.match((await client.refused()).message, /credit is a whole number above 0/);
      }
    });

    test('any credit is not too much', async () => {
      const client = await connect();
      const id = client.request('bank.balances');
      for (let i = 0; i < 5; i++) client.send([FRAME.credit, id, Number.MAX_SAFE_INTEGER]);
      assert.equal((await client.answered(id))?.[0], FRAME.end);
    });

    test('a client that wants no more is answered with the end, and gets no more', async () => {
      const client = await connect();
      const id = client.request('bank.balances');
      client.send([FRAME.credit, id, 3]);
      await until('three have come', () => client.itemsOf(id).length === 3);
      client.send([FRAME.end, id], [FRAME.credit, id, 1000]);
      assert.equal((await client.answered(id))?.[0], FRAME.end);
      await client.ask('bank.balance', { account: 'nobody' });
      assert.equal(client.itemsOf(id).length, 3);
    });

    test('a client may want no more before the stream is open', async () => {
      const client = await connect();
      const id = client.lastId + 1;
      client.send(
        [FRAME.request, id, 'bank.balances', {}, 1000, null],
        [FRAME.end, id],
        [FRAME.credit, id, 9],
      );
      client.lastId = id;
      assert.equal((await client.answered(id))?.[0], FRAME.end);
      await client.ask('bank.balances-', {}).catch(() => {});
      assert.deepEqual(
        client.framesOf(id).map(([type]) => type),
        [FRAME.end],
      );
    });

    test('a client that half-closes gets what it has given credit for, and is closed', async () => {
      const client = await connect();
      const [some = 0, none = 0, all = 0] = [1, 2, 3].map(() => client.request('bank.balances'));
      client.tcp.end(
        Buffer.concat([encodeFrame([FRAME.credit, some, 2500]), encodeFrame([FRAME.credit, all, 1_000_000])]),
      );
      await client.tcp.closes();
      assert.equal(client.itemsOf(some).length, 2500);
      assert.deepEqual(client.itemsOf(none), []);
      assert.ok(client.itemsOf(all).length >= accounts);
      assert.equal(client.answerOf(all)?.[0], FRAME.end);
      for (const id of [some, none]) {
        const answer = client.answerOf(id);
        assert.ok(answer?.[0] === FRAME.error && /no credit/.test(answer[2].message), 'it is not all');
      }
    });

    test('items that nobody wants, and credit that nobody can use, close the connection', async () => {
      const client = await connect();
      const id = client.request('bank.balances');
      client.send([FRAME.items, id, ['x']]);
      assert.equal((await client.refused()).message, 'items came that no credit was given for');
      const operator = await connect({ token: server.operatorToken });
      operator.send([FRAME.credit, operator.request('admin.actors'), 1]);
      assert.equal((await operator.refused()).message, 'credit came for what sends no items');
    });

    test('what belongs to no stream is ignored: it may have ended while this was on its way', async () => {
      const client = await connect();
      client.send([FRAME.credit, 77, 5], [FRAME.items, 78, ['x']], [FRAME.end, 79]);
      assert.deepEqual(await client.ask('bank.balance', { account: 'nobody' }), { cents: null });
    });
  });

  test('two thousand connections come and go within seconds, and each is answered', async () => {
    const operator = await connect({ token: server.operatorToken });
    const openOf = async () => {
      const { services } = (await operator.ask('admin.status')) as {
        services: { name: string; open: number }[];
      };
      return services.find(({ name }) => name === 'api')?.open ?? Number.NaN;
    };
    for (const client of clients) if (client !== operator) client.drop();
    await until('the others have gone', async () => (await openOf()) === 1);
    let answered = 0;
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        Array.from({ length: 200 }, async (_, i) => {
          const client = new ApiClient(TestClient.open(port));
          client.sayHello();
          if (i % 4 === 3) {
            client.request('bank.balances');
            client.tcp.socket.once('connect', () => client.tcp.reset());
            await client.tcp.closes();
            return;
          }
          await client.ask('bank.post', { transactions: [['Crowd', 1]] });
          answered++;
          if (i % 4 === 2) client.drop();
          else client.tcp.end();
          await client.tcp.closes();
        }),
      );
    }
    assert.equal(answered, 1500);
    await until('all have gone', async () => (await openOf()) === 1);
    assert.deepEqual(await operator.ask('bank.balance', { account: 'Crowd' }), { cents: 1500 });
    const { total } = (await operator.ask('admin.actors', { filter: 'api/', overMs: 1 })) as {
      total: number;
    };
    assert.equal(total, 1, 'no session is left behind');
  });
});

describe('the limits of the api', () => {
  test('requests that wait, and no more than are allowed', async (t) => {
    const server = await start(t, { api: { requests_max: 3 } });
    const operator = await operatorOf(server);
    const ids = Array.from({ length: 5 }, () => operator.request('admin.actors', { overMs: 300 }));
    const errors = await Promise.all(ids.slice(3).map((id) => operator.failed(id)));
    for (const { code, message, retryable } of errors) {
      assert.deepEqual([code, retryable], ['ERR_API_LIMIT', true]);
      assert.match(message, /^3 requests wait for their answers/);
    }
    assert.equal(operator.answerOf(ids[0] ?? 0), undefined);
    await Promise.all(ids.slice(0, 3).map((id) => operator.replied(id)));
    await operator.ask('admin.status');
    operator.drop();
  });

  test('streams that are open, and no more than are allowed; requests are not counted among them', async (t) => {
    const server = await start(t, { api: { streams_max: 2, requests_max: 1 } });
    const client = await connectTo(server);
    const [first = 0, , third = 0] = [1, 2, 3].map(() => client.request('bank.balances'));
    const { code, message } = await client.failed(third);
    assert.equal(code, 'ERR_API_LIMIT');
    assert.match(message, /^2 streams are open/);
    await client.ask('bank.balance', { account: 'nobody' });
    client.send([FRAME.end, first]);
    await client.answered(first);
    const fourth = client.request('bank.balances');
    await until('it is open', () => client.framesOf(fourth)[0]?.[0] === FRAME.open);
    client.drop();
  });

  test('statements that wait to be read, and no more than are allowed', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'outcry-api-'));
    const server = await createServer({ services: ['bank', 'api'], store: { folder } });
    t.after(async () => {
      await server.close();
      rmSync(folder, { recursive: true });
    });
    const client = await connectTo(server);
    await client.ask('bank.post', { transactions: [['Marc', 5]] });
    const ids = Array.from({ length: 500 }, () => client.request('bank.statement', { account: 'Marc' }));
    await until('all are answered', () => ids.every((id) => client.answerOf(id) !== undefined));
    const answers = ids.map((id) => client.answerOf(id));
    const refused = answers.flatMap((answer) => (answer?.[0] === FRAME.error ? [answer[2].code] : []));
    assert.ok(refused.length < 500 - 63, `${refused.length} were refused`);
    assert.ok(refused.length > 0 && refused.every((code) => code === 'ERR_API_LIMIT'), refused.join(' '));
    const { balanceCents } = (await client.ask('bank.statement', { account: 'Marc' })) as {
      balanceCents: number;
    };
    assert.equal(balanceCents, 5);
    client.drop();
  });

  test('a connection over which nothing comes is closed, one that beats is not', async (t) => {
    const server = await start(t, { api: { idle_seconds: 1 } });
    const silent = await connectTo(server);
    const listening = await connectTo(server);
    listening.request('bank.balances');
    const beating = await connectTo(server);
    assert.equal((await beating.hello()).limits.idleMs, 1000);
    const heart = setInterval(() => beating.send([FRAME.heartbeat]), 100);
    t.after(() => clearInterval(heart));
    await Promise.all([silent.tcp.isLetGo(), listening.tcp.isLetGo()]);
    assert.deepEqual(await beating.ask('bank.balance', { account: 'nobody' }), { cents: null });
    beating.drop();
  });

  test('a client that never greets is closed', async (t) => {
    const server = await start(t, { api: { idle_seconds: 1 } });
    const client = await ApiClient.open(server.port('api'));
    await client.tcp.isLetGo();
    assert.deepEqual(client.frames, []);
  });

  test('a client that gives credit and never reads costs little, holds up nobody, and is closed', async (t) => {
    const server = await start(t);
    const filler = await connectTo(server);
    for (let i = 0; i < 10; i++) {
      const transactions = Array.from({ length: 10_000 }, (_, j) => [
        `${'x'.repeat(40)}${i * 10_000 + j}`,
        1,
      ]);
      await filler.ask('bank.post', { transactions });
    }
    collectGarbage();
    const before = process.memoryUsage.rss();
    const stuck = await Promise.all(Array.from({ length: 5 }, () => connectTo(server)));
    for (const client of stuck) {
      client.tcp.socket.pause();
      // Each would be five megabytes.
      for (let i = 0; i < 30; i++) client.send([FRAME.credit, client.request('bank.balances'), 1_000_000]);
    }
    // They go on asking, or they would just be idle.
    const asking = setInterval(() => {
      for (const client of stuck) for (let i = 0; i < 500; i++) client.request('admin.status');
    }, 50);
    t.after(() => clearInterval(asking));
    const operator = await operatorOf(server);
    const openOf = async () => {
      const { services } = (await operator.ask('admin.status')) as {
        services: { name: string; open: number }[];
      };
      return services.find(({ name }) => name === 'api')?.open;
    };
    let grown = 0;
    await until(
      'they are closed',
      async () => {
        grown = Math.max(grown, process.memoryUsage.rss() - before);
        await filler.ask('bank.post', { transactions: [['Served', 1]] });
        return (await openOf()) === 2;
      },
      60_000,
    );
    // Each has 30 streams open; without a limit it would be 750 MiB.
    assert.ok(grown < 300 * MIB, `memory grew by ${Math.round(grown / MIB)} MiB`);
    for (const client of stuck) client.drop();
    operator.drop();
    filler.drop();
  });
});

describe('a server that closes', () => {
  test('tells its clients, answers what is asked, ends the streams, and closes the connections', async () => {
    const server = await createServer({ services: ['bank', 'api'], settings: { server: { hosts: 2 } } });
    const operator = await operatorOf(server);
    const client = await connectTo(server);
    const silent = await ApiClient.open(server.port('api'));
    const waiting = operator.request('admin.actors', { overMs: 500 });
    const stream = client.request('bank.balances');
    await until('it is open', () => client.framesOf(stream).length > 0);
    const closed = server.close('that is all');
    await until('it is told', () => operator.frames.some(([type]) => type === FRAME.event));
    const event = operator.frames.find(([type]) => type === FRAME.event);
    assert.deepEqual(event, [FRAME.event, 'closing', { message: 'that is all' }]);
    const late = operator.request('bank.balance', { account: 'nobody' });
    const error = await operator.failed(late);
    assert.deepEqual([error.code, error.retryable], ['ERR_API_CLOSING', true]);
    await operator.replied(waiting);
    assert.equal((await client.failed(stream)).code, 'ERR_API_CLOSING');
    for (const each of [operator, client, silent]) {
      await each.tcp.isLetGo();
      each.tcp.end();
    }
    assert.equal(client.frames.find(([type]) => type === FRAME.event)?.[1], 'closing');
    await closed;
  });

  test('is asked to by an operator, who is answered first', async () => {
    const server = await createServer({ services: ['bank', 'api'] });
    const operator = await operatorOf(server);
    assert.deepEqual(await operator.ask('admin.shutdown', { message: 'lunch' }), {});
    assert.equal(await server.shutdownAsked, 'lunch');
    const closed = server.close('lunch');
    await operator.tcp.isLetGo();
    operator.drop();
    await closed;
  });
});

describe('createServer', () => {
  const refused = async (options: CreateServerOptions, code: string, message: RegExp) =>
    assert.rejects(createServer(options), { code, message });

  test('refuses settings that there are not, or that are wrong, and begins nothing', async () => {
    await refused({ settings: { bank: { accounts: 1 } } }, 'ERR_CONFIG_INVALID', /no setting bank.accounts/);
    await refused({ settings: { nowhere: { port: 1 } } }, 'ERR_CONFIG_INVALID', /no setting nowhere.port/);
    await refused(
      { settings: { bank: { accounts_max: 0 } } },
      'ERR_CONFIG_INVALID',
      /bank-accounts-max: "0"/,
    );
    await refused({ settings: { api: { port: 'x' } } }, 'ERR_CONFIG_INVALID', /api-port: "x"/);
    const server = await createServer({ services: ['bank', 'api'] });
    const used = server.port('api');
    const again = { services: ['bank', 'api'], settings: { api: { port: used } } } as const;
    await refused(again, 'ERR_CONFIG_PORT', /api can't listen on 127.0.0.1:\d+: the port is in use/);
    await server.close();
    await (await createServer(again)).close();
  });

  test('has the services that are asked for, all of them by default', async () => {
    await using all = await createServer();
    const ports = SERVICES.map((service) => all.port(service));
    assert.equal(new Set(ports).size, SERVICES.length);
    const client = await connectTo(all);
    assert.deepEqual((await client.hello()).features, [
      'bank',
      'lobby',
      'exchange',
      'gold',
      'users',
      'admin',
    ]);
    client.drop();
    await using bank = await createServer({ services: ['bank'] });
    assert.throws(() => bank.port('api'), RangeError);
    assert.throws(() => bank.connect('api'), /this server has no service api/);
  });

  test('within the process no port is open, and clients are served and operators known', async () => {
    const server = await createServer({ clients: 'in-process', services: ['bank', 'api'] });
    assert.throws(() => server.port('api'), RangeError);
    const stream = server.connect('api');
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.write(encodeFrame([FRAME.hello, { protocol: 1, token: server.operatorToken }]));
    stream.write(encodeFrame([FRAME.request, 1, 'admin.status', {}, 1000, null]));
    await until('it is answered', () => Buffer.concat(chunks).includes('memoryBytes'));
    assert.ok(Buffer.concat(chunks).includes('in-process'));
    const closed = server.close();
    await until('its end is closed', () => stream.readableEnded);
    stream.end();
    await closed;
  });

  test('may be closed twice, and at once', async () => {
    const server = await createServer({ services: ['api'] });
    await Promise.all([server.close(), server.close()]);
  });
});
