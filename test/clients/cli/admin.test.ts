import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { type BookDepth, connect, type DayReply } from '../../../clients/index.ts';
import { createServer, type OutcryServer } from '../../../src/create-server.ts';
import type { AdminStatus, ReplyOf } from '../../../src/protocol/api/operations.ts';
import { type ServerProcess, startOutcry as startServer } from '../../support/server-process.ts';
import { TestClient } from '../../support/test-client.ts';
import { until } from '../../support/until.ts';
import { type Ended, MAIN_FILE, runOutcry, startOutcry, waitForEnd } from './outcry-process.ts';

const COMMANDS = [
  'status',
  'sessions',
  'kick',
  'broadcast',
  'report',
  'limits',
  'dead-letters',
  'actors',
  'open',
  'close',
  'halt',
  'resume',
  'cancel-all',
  'books',
  'book',
  'trades',
  'shutdown',
];
const SHOWING = ['status', 'sessions', 'limits', 'dead-letters', 'actors', 'books', 'book BTC', 'trades'];

describe('outcry admin with a server in memory', () => {
  let server: OutcryServer;
  let client: TestClient;

  before(async () => {
    server = await createServer({ settings: { bank: { idle_seconds: 60 } } });
    client = await TestClient.connect(server.port('lobby'));
    await until('it is let in', () => client.text === 'Client1');
    client.send('hi\n');
    await client.receives('hi ACK\n');
  });
  after(() => server.close());

  function admin(command: string, ...flags: readonly string[]): Promise<Ended> {
    const port = String(server.port('api'));
    const { operatorToken: OUTCRY_ADMIN_TOKEN } = server;
    const words = ['admin', command, '--port', port, ...flags];
    const child = startOutcry(words, MAIN_FILE, { OUTCRY_ADMIN_TOKEN, COLUMNS: columns });
    child.stdin.end();
    return waitForEnd(child);
  }

  /** Of what is shown where there is no terminal. */
  let columns = '';

  async function json<Reply>(command: string, ...flags: readonly string[]): Promise<Reply> {
    const { exitCode, stdout, stderr } = await admin(command, '--json', ...flags);
    assert.deepEqual([exitCode, stderr, stdout.split('\n').length], [0, '', 2]);
    return JSON.parse(stdout);
  }

  test('shows everything in eighty columns, without control characters', async () => {
    columns = '80';
    for (const command of SHOWING) {
      for (const format of ['simple', 'grid']) {
        const [name = '', ...words] = command.split(' ');
        const { exitCode, stdout, stderr } = await admin(name, ...words, '--format', format);
        assert.deepEqual([exitCode, stderr], [0, ''], command);
        for (const line of stdout.split('\n')) assert.ok(line.length <= 80, `${command}: ${line}`);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
        assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
      }
    }
    columns = '';
  });

  test('leaves nothing out where there is no terminal', async () => {
    const { stdout } = await admin('sessions');
    assert.match(stdout, /^id .* since +in +out +waiting +frames/);
  });

  test('says how the server is', async () => {
    const { stdout } = await admin('status');
    assert.match(stdout, /^server +outcry\/\S+, process \d+\n/);
    assert.match(stdout, /^started +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d, .* ago$/m);
    assert.match(stdout, /^data folder +none: everything is in memory$/m);
    assert.match(stdout, new RegExp(`^lobby +127\\.0\\.0\\.1:${server.port('lobby')} +1 +1 +0$`, 'm'));
    const status = await json<AdminStatus>('status');
    assert.equal(status.pid, process.pid);
    assert.equal(status.services.find(({ name }) => name === 'lobby')?.open, 1);
  });

  test('lists the connections that are asked for', async () => {
    const { stdout } = await admin('sessions', '--service', 'lobby');
    assert.match(stdout, /^id +service +user +address +since +in +out.*\n[- ]+\n +\d+ +lobby +Client1 +127/);
    const { sessions } = await json<ReplyOf<'admin.sessions'>>('sessions', '--user', 'Client1');
    assert.deepEqual(
      sessions.map(({ service, figures }) => [service, figures.bytesIn]),
      [['lobby', 3]],
    );
    const nobody = await admin('sessions', '--address', '10.9.8.7');
    assert.deepEqual([nobody.exitCode, nobody.stdout], [0, 'no such connections\n']);
    const one = await admin('sessions', '--state', 'all', '--limit', '1');
    assert.match(one.stdout, /\n\n1 of \d+ connections; --limit shows more\n$/);
  });

  test('lists what is in force, and the actors', async () => {
    const { stdout } = await admin('limits');
    assert.match(stdout, /^bank\.idle_seconds +60 /m);
    const { actors } = await json<ReplyOf<'admin.actors'>>(
      'actors',
      '--filter',
      'ledger',
      '--sort',
      'address',
    );
    assert.equal(actors.length, 16);
    assert.equal(typeof actors[0]?.handled, 'number');
    assert.deepEqual(Object.keys(await json<object>('dead-letters')), ['counts', 'recent']);
  });

  test('tells the lobby, and closes a connection once', async () => {
    const told = await admin('broadcast', 'closing', 'at ten');
    assert.deepEqual([told.exitCode, told.stdout], [0, '1 client heard it\n']);
    await client.receives('Operator: closing at ten\n');
    const { sessions } = await json<ReplyOf<'admin.sessions'>>('sessions', '--user', 'Client1');
    const id = String(sessions[0]?.connection);
    const kicked = await admin('kick', id, '--reason', 'enough');
    assert.deepEqual([kicked.exitCode, kicked.stdout], [0, `connection ${id} is closed\n`]);
    await client.receives('kicked by an operator: enough\n');
    await client.isLetGo();
    client.end();
    await client.closes();
    const again = await until('it is gone', async () => {
      const ended = await admin('kick', id, '--json');
      return ended.exitCode === 1 && ended;
    });
    assert.deepEqual(JSON.parse(again.stdout), { isKicked: false });
    const { stdout } = await admin('sessions', '--state', 'ended', '--user', 'Client1');
    assert.match(stdout, /kicked/);
  });

  test('governs the exchange, and shows its books and trades', async () => {
    await using trading = await connect({ server });
    using seller = await trading.exchange.signIn({ user: 'TRADE0', password: 'OUTCRY' });
    using buyer = await trading.exchange.signIn({ user: 'TRADE1', password: 'OUTCRY' });
    const { token } = await seller.enter({ side: 'sell', book: 'BTC', price: '2300.0', quantity: 100 });
    await seller.enter({ side: 'sell', book: 'BTC', price: '2300.5', quantity: 20 });
    await buyer.enter({ side: 'buy', book: 'BTC', price: '2300.0', quantity: 60 });
    await buyer.enter({ side: 'buy', book: 'ETH', group: 'NGHT', price: '0.1', quantity: 7 });

    const lines = (await admin('books')).stdout.split('\n');
    assert.match(lines.find((line) => /^BTC +DAY/.test(line)) ?? '', /open +2300\.0 +40 +2300\.0 +2 +60$/);
    const shown = await admin('book', 'BTC', '--orders', '1');
    assert.match(shown.stdout, /^book +BTC DAY\n/);
    assert.match(shown.stdout, /^2300\.5 +20 +1$/m);
    assert.match(shown.stdout, /^sell +2300\.0 +40 +TRADE0 +1 /m);
    const night = await json<BookDepth>('book', 'ETH', '--group', 'NGHT');
    assert.deepEqual([night.book.group, night.bids], ['NGHT', [{ price: '0.1', quantity: 7, orders: 1 }]]);
    assert.match((await admin('trades', 'BTC')).stdout, /BTC +DAY +buy +2300\.0 +60 +\d{18}\n$/);
    assert.match(
      (await admin('status')).stdout,
      /^exchange +open, session \w+, 2 traders, 3 open orders, 1 trade$/m,
    );

    const unknown = await admin('book', 'BTD');
    assert.deepEqual(
      [unknown.exitCode, unknown.stderr],
      [1, 'outcry: no order book is called "BTD"; did you mean "BTC"?\n'],
    );
    const said = async (...words: readonly [string, ...string[]]) => {
      const { exitCode, stdout, stderr } = await admin(...words);
      assert.deepEqual([exitCode, stderr], [0, ''], words.join(' '));
      return stdout;
    };
    assert.equal(await said('halt', 'BTC', '--group', 'DAY'), '1 book halted\n');
    assert.equal(await said('halt', 'BTC'), '3 books halted\n');
    assert.equal(await said('halt', 'BTC'), '0 books halted: they were before\n');
    await assert.rejects(seller.enter({ side: 'sell', book: 'BTC', price: '1', quantity: 1 }), {
      code: 'ERR_ORDER_REJECTED',
      fields: { token: 3, reason: 'H' },
    });
    assert.equal(await said('resume'), '4 books resumed\n');
    const nobody = await admin('cancel-all', '--user', 'nobody');
    assert.deepEqual([nobody.exitCode, nobody.stderr], [1, 'outcry: no trader is called "nobody"\n']);
    assert.equal(await said('cancel-all', '--user', 'TRADE0', '--book', 'ETH'), '0 orders withdrawn\n');
    assert.equal(await said('cancel-all', '--user', 'trade0'), '2 orders withdrawn\n');
    await assert.rejects(seller.cancel(token), { code: 'ERR_ORDER_IGNORED' });
    assert.match(await said('open'), /^the day was open before, session \w+\n$/);
    assert.match(await said('close'), /^the day is closed; the next session is \w+\n$/);
    const day = await json<DayReply>('close');
    assert.deepEqual([day.isChanged, day.state], [false, 'before-open']);
    assert.match(await said('open'), new RegExp(`^the day is open, session ${day.session}\\n$`));
  });

  test('appends to a pipe what it watches, until it is interrupted', async () => {
    const words = ['admin', 'status', '--port', String(server.port('api')), '--token', server.operatorToken];
    const child = startOutcry([...words, '--json', '--watch', '0.1']);
    const ended = waitForEnd(child);
    let lines = 0;
    child.stdout.on('data', (text: string) => {
      lines += text.split('\n').length - 1;
    });
    await until('it has shown three', () => lines >= 3);
    child.kill('SIGINT');
    const { exitCode, stdout, stderr } = await ended;
    assert.deepEqual([exitCode, stderr], [0, '']);
    for (const line of stdout.trim().split('\n')) assert.equal(JSON.parse(line).pid, process.pid);
  });

  test('hears from the server that shutting down was asked for', async () => {
    const { exitCode, stdout } = await admin('shutdown', '--message', 'good night');
    assert.deepEqual([exitCode, stdout], [0, 'the server is shutting down\n']);
    assert.equal(await server.shutdownAsked, 'good night');
  });

  test('says that a token is wrong, or missing', async () => {
    const port = String(server.port('api'));
    const wrong = await runOutcry(['admin', 'status', '--port', port, '--token', 'x']);
    assert.equal(wrong.exitCode, 1);
    assert.match(wrong.stderr, /^outcry: the token is not the one .*\n$/);
    const missing = await runOutcry(['admin', 'status', '--port', port]);
    assert.equal(missing.exitCode, 2);
    assert.match(missing.stderr, /^outcry: --token or OUTCRY_ADMIN_TOKEN .*\n$/);
  });
});

describe('outcry admin with a data folder', () => {
  function start(t: TestContext): Promise<ServerProcess> {
    const server = startServer(t, ['serve', '--bank-port', '0', '--log-level', 'warn']);
    return server.listening(/^bank +127\.0\.0\.1:(\d+) /m);
  }

  test('finds the server by the folder, and ends it in order', async (t) => {
    const server = await start(t);
    const { exitCode, stdout } = await runOutcry(['admin', 'report'], '', server.folder);
    assert.deepEqual([exitCode, stdout], [0, `the balances are in ${join(server.folder, 'log.txt')}\n`]);
    assert.equal(readFileSync(join(server.folder, 'log.txt'), 'utf8'), '');
    const data = join(server.folder, 'data');
    const ended = await runOutcry(['admin', 'shutdown', '--data', data, '--json']);
    assert.deepEqual([ended.exitCode, JSON.parse(ended.stdout)], [0, { isAsked: true }]);
    assert.equal((await server.exited()).code, 0);
    const none = await runOutcry(['admin', 'status', '--data', data]);
    assert.equal(none.exitCode, 1);
    assert.match(
      none.stderr,
      /^outcry: there is no .*operator\.json: does a server run on the folder .*--token/,
    );
  });

  test('says so when the server was killed, or another one has the port', async (t) => {
    const server = await start(t);
    const file = join(server.folder, 'data', 'operator.json');
    const { port } = JSON.parse(readFileSync(file, 'utf8'));
    const other = mkdtempSync(join(tmpdir(), 'outcry-admin-'));
    t.after(() => rmSync(other, { recursive: true }));
    const otherFile = join(other, 'operator.json');
    writeFileSync(otherFile, JSON.stringify({ host: '127.0.0.1', port, token: 'of another' }));
    const denied = await runOutcry(['admin', 'status', '--data', other]);
    assert.equal(denied.exitCode, 1);
    assert.ok(
      denied.stderr.includes(
        `127.0.0.1:${port} is another server than the one that has written ${otherFile};`,
      ),
    );

    server.signal('SIGKILL');
    await server.exited();
    const gone = await runOutcry(['admin', 'status'], '', server.folder);
    assert.equal(gone.exitCode, 1);
    assert.match(
      gone.stderr,
      /^outcry: nobody listens on .*: the server that has left data\/operator\.json there was killed; .*\n$/,
    );

    writeFileSync(otherFile, '{"host":1}');
    const damaged = await runOutcry(['admin', 'status', '--data', other]);
    assert.match(damaged.stderr, /operator\.json is not as a server writes it/);
  });
});

describe('the command line of outcry admin', () => {
  test('explains each command', async () => {
    for (const command of COMMANDS) {
      const { exitCode, stdout } = await runOutcry(['admin', command, '--help']);
      assert.equal(exitCode, 0);
      assert.match(stdout, new RegExp(`^Usage: outcry admin ${command} `));
    }
  });

  test('refuses what it does not understand', async () => {
    const wrong = [
      ['status', 'now'],
      ['status', '--watch', '0'],
      ['status', '--format', 'html'],
      ['sessions', '--sort', 'size'],
      ['sessions', '--limit', '0'],
      ['actors', '--limit', 'many'],
      ['kick'],
      ['kick', 'me'],
      ['open', 'BTC'],
      ['book'],
      ['book', 'BTC', 'ETH'],
      ['book', 'BTC', '--levels', '0'],
      ['books', '--limit', '1'],
      ['trades', '--limit', 'all'],
      ['cancel-all', 'BTC'],
      ['broadcast'],
      ['status', '--data', 'data', '--port', '7400'],
      ['status', '--port', 'seven', '--token', 'x'],
      ['stats'],
    ];
    for (const words of wrong) {
      const { exitCode, stdout, stderr } = await runOutcry(['admin', ...words]);
      assert.deepEqual([exitCode, stdout], [2, ''], words.join(' '));
      assert.match(stderr, /^outcry: [^\n]+\n$/, words.join(' '));
    }
  });
});
