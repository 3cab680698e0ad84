/** The gold service over real sockets, with the client of the original system byte for byte, and others. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { resolveConfig } from '../../src/config.ts';
import { type GoldCommand, RATES_ADDRESS } from '../../src/protocol/gold.ts';
import { Server } from '../../src/server.ts';
import type { ServiceName } from '../../src/services.ts';
import { ANSWER_BYTES_MAX, HELP_TEXT, WELCOME_TEXT } from '../../workers/gold/gold-replies.ts';
import { GoldStub, STUB_ROWS, type StubRow } from '../support/gold-stubs.ts';
import { framed, SeedGoldClient } from '../support/seed-gold-client.ts';
import { temporaryFolder } from '../support/stored-bank.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const DATE = '2025-01-02';
const PROMPT = 'Type your user name and password on one line, with a space between them.';
const HOW = 'Type a date and a type, such as 2025-01-02 SJC.';
const SIGN_IN_FIRST = 'Sign in first: type -signin or -signup.';
const SJC_TEXT = [
  'SJC, Hồ Chí Minh, SJC: buy 82,500.00, sell 84,500.00 (82,500,000 to 84,500,000 VND/lượng), 2025-01-02 09:00:00',
  'SJC, Hà Nội, SJC 1 chỉ: buy 82,400.00, sell 84,400.00 (82,400,000 to 84,400,000 VND/lượng), 2025-01-02 09:00:00',
].join('\n');

interface Gold {
  readonly server: Server;
  readonly port: number;
  readonly log: readonly string[];
  readonly stub: GoldStub;
}

interface GoldOptions {
  readonly flags?: Readonly<Record<string, string>>;
  readonly rows?: readonly StubRow[];
  readonly services?: readonly ServiceName[];
  readonly data?: string;
}

/** With the rates of DATE, which a source has been asked for. */
async function startGold(t: TestContext, options: GoldOptions = {}): Promise<Gold> {
  const { flags = {}, rows = STUB_ROWS, services = ['gold'], data } = options;
  const stub = await GoldStub.start(t, 'tygia');
  stub.answerWith({ rows, date: DATE });
  const log: string[] = [];
  const sink = { write: (line: string) => log.push((JSON.parse(line) as { msg: string }).msg) };
  const server = await Server.start({
    services,
    config: resolveConfig({
      file: null,
      environment: {},
      flags: {
        'gold-port': '0',
        'lobby-port': '0',
        'gold-providers': 'tygia',
        'gold-tygia-url': stub.url,
        'users-scrypt-cost': '16384',
        ...flags,
      },
    }),
    log: pino({ level: 'info' }, sink),
    dataFolder: data,
    onFatal: (error) => assert.fail(error),
  });
  t.after(() => server.stop());
  await until('the rates are there', () => log.includes('~SERVER~ Database is up-to-date'));
  return { server, port: portOf(server, 'gold'), log, stub };
}

function portOf(server: Server, service: ServiceName): number {
  return server.services.find(({ name }) => name === service)?.port ?? 0;
}

/** A client of lines, welcomed. */
async function enter(port: number): Promise<TestClient> {
  const client = await TestClient.connect(port);
  await client.receives(WELCOME_TEXT);
  return client;
}

/** Where there is room for one client: once it is. */
function enterWhenFree(port: number): Promise<TestClient> {
  return until('there is room', async () => {
    const client = await TestClient.connect(port);
    await until('it is welcomed or closed', () => client.isDropped || client.receivedBytes > 0);
    return !client.isDropped && client;
  });
}

/** All that `client` has received, as the text it is. */
function textOf(client: TestClient): string {
  return Buffer.from(client.text, 'latin1').toString();
}

/** Sends and waits until what comes is `answer`. */
async function says(client: TestClient, message: string | Uint8Array, answer: string): Promise<void> {
  const before = client.receivedBytes;
  client.send(message);
  const received = () => Buffer.from(client.text, 'latin1').subarray(before).toString();
  await until(
    `${JSON.stringify(String(message))} is answered with ${JSON.stringify(answer)}, not ${JSON.stringify(received())}`,
    () => received() === answer,
  );
}

async function signUp(client: TestClient, name: string): Promise<void> {
  await says(client, '-signup\n', `${PROMPT}\n\n`);
  await says(client, `${name} daihoc tphcm\n`, `Welcome ${name}, your account is made. ${HOW}\n\n`);
}

describe('the client of the original gold system', () => {
  for (const [how, options] of [
    ['header and body at once', {}],
    ['header and body apart', { splitMs: 60 }],
  ] as const) {
    test(`talks as it always has, with ${how}`, async (t) => {
      const { port, log } = await startGold(t);
      const [client, welcome] = await SeedGoldClient.connect(port, options);
      assert.equal(welcome, WELCOME_TEXT);
      assert.equal(await client.asks('-help'), HELP_TEXT);
      assert.equal(await client.asks('2025-01-02 SJC'), SIGN_IN_FIRST);
      assert.equal(await client.asks('-signup'), PROMPT);
      assert.equal(
        await client.asks('khtn daihoc tphcm'),
        `Welcome khtn, your account is made. ${HOW}`,
        'who signs up is signed in',
      );
      assert.equal(await client.asks('2025-01-02 SJC'), SJC_TEXT);
      assert.equal(await client.asks(''), 'Type -help for help.');
      assert.equal(
        await client.asks('2025-01-03 SJC'),
        'There are no rates of 2025-01-03; the nearest date is 2025-01-02.',
      );
      assert.equal(await client.asks('-quit'), 'Goodbye.');
      assert.equal(await client.receive(), '');
      const [again] = await SeedGoldClient.connect(port, options);
      assert.equal(await again.asks('-signup'), PROMPT);
      assert.equal(await again.asks('KHTN other'), 'ERROR the account KHTN already exists; type -signin');
      assert.equal(await again.asks('-signin'), PROMPT);
      assert.equal(await again.asks('khtn other'), 'ERROR the user name or the password is wrong');
      assert.equal(await again.asks('-signin'), PROMPT);
      assert.equal(await again.asks('khtn daihoc tphcm'), `Welcome khtn. ${HOW}`);
      assert.equal(
        await again.asks('2025-01-02 nhan tron 24k'),
        await again.asks('2025-01-02 Nhẫn trơn 24K'),
      );
      again.vanish();
      await until('it is seen', () => log.filter((line) => line === 'gold: khtn has left').length === 2);
      assert.ok(log.includes('gold: khtn has signed up') && log.includes('gold: khtn has signed in'));
      assert.doesNotMatch(log.join('\n'), /tphcm|other/);
    });
  }

  test('reads each answer at once, however much there is', async (t) => {
    const rows = Array.from({ length: 300 }, (_, i) => ({
      company: 'SJC',
      brand: 'Hồ Chí Minh',
      type: `Vàng miếng ${i}`,
      code: `C${i}`,
      buyVnd: 82_500_000,
      sellVnd: 84_500_000,
    }));
    const { port } = await startGold(t, { rows, flags: { 'users-sign-in-services': 'none' } });
    const [client] = await SeedGoldClient.connect(port);
    for (const question of ['2025-01-02 SJC', '-types', '-latest', '-latest ho chi minh']) {
      const answer = await client.asks(question);
      const lines = answer.split('\n');
      assert.ok(Buffer.byteLength(answer) <= ANSWER_BYTES_MAX);
      const heads = question.startsWith('-latest') ? 1 : 0;
      assert.equal(lines.at(-1), `${300 - (lines.length - 1 - heads)} more`);
    }
    assert.equal(await client.asks('-help'), HELP_TEXT, 'nothing was left behind');
  });
});

describe('a client of lines', () => {
  test('has the same dialogue, and sees where each answer ends', async (t) => {
    const { port } = await startGold(t);
    const client = await enter(port);
    await says(client, '\r\n', 'Type -help for help.\n\n');
    await says(client, '2025-01-02 SJC\n', `${SIGN_IN_FIRST}\n\n`);
    await signUp(client, 'khtn');
    await says(client, '2025-01-02 SJC\r\n', `${SJC_TEXT}\n\n`);
    await says(client, '-types\n-dates\n', `SJC\nSJC 1 chỉ\nNhẫn trơn 24K\n\n${DATE}\n\n`);
    await says(client, '-latest sjx\n', 'There is no sjx; did you mean SJC?\n\n');
    const day = '2025-01-02 82,500.00 84,500.00 (82,500,000 84,500,000 VND/lượng)';
    await says(client, '2025-01-01..2025-01-09 sjc\n', `${day}\n\n`);
    await says(client, '2025-02-30 SJC\n', 'ERROR 2025-02-30 is no date; dates are written yyyy-mm-dd\n\n');
    await says(client, '-quit\n', 'Goodbye.\n\n');
    await client.isLetGo();
  });

  test('that sends no newline is answered after a pause, without one', async (t) => {
    const { port } = await startGold(t);
    const client = await enter(port);
    await says(client, '-signup', PROMPT);
    await says(client, 'khtn daihoc tphcm', `Welcome khtn, your account is made. ${HOW}`);
    await says(client, '2025-01-02 SJC', SJC_TEXT);
  });

  test('that half-closes is answered all it has sent', async (t) => {
    const { port } = await startGold(t);
    const client = await enter(port);
    client.end('-signup\nkhtn daihoc tphcm\n2025-01-02 SJC\n2025');
    await client.isLetGo();
    const welcome = `Welcome khtn, your account is made. ${HOW}`;
    assert.equal(
      textOf(client),
      `${WELCOME_TEXT}${PROMPT}\n\n${welcome}\n\n${SJC_TEXT}\n\nERROR 2025 is no date; dates are written yyyy-mm-dd`,
    );
  });
});

describe('changes of rates', () => {
  test('are pushed to those who watch', async (t) => {
    const { server, port, stub } = await startGold(t, { flags: { 'users-sign-in-services': 'none' } });
    const [one, two] = [await enter(port), await enter(port)];
    await says(one, '-watch ho chi minh\n', 'Watching ho chi minh; -unwatch ends it.\n\n');
    await says(two, '-watch Nhẫn trơn 24K\n', 'Watching Nhẫn trơn 24K; -unwatch ends it.\n\n');
    const rows = STUB_ROWS.map((row, i) => (i === 0 ? { ...row, buyVnd: row.buyVnd + 100_000 } : row));
    stub.answerWith({ rows, date: DATE });
    const refresh: GoldCommand = { type: 'refresh' };
    await server.hosts.ask(RATES_ADDRESS, refresh, 10_000);
    const push = '~ SJC, Hồ Chí Minh, SJC: buy 82,600.00 (+100.00), sell 84,500.00 (0.00)\n';
    await until('it is pushed', () => textOf(one).endsWith(push));
    await says(one, '-unwatch\n', 'Watching nothing.\n\n');
    await says(two, '-help\n', `${HELP_TEXT}\n\n`);
  });
});

describe('what is wrong on the wire of the gold service', () => {
  const HEADER = 'ERROR a header is a number and spaces, 64 bytes';
  const TOO_MUCH = 'ERROR a message has 4096 bytes at most';
  const cases: readonly {
    readonly what: string;
    readonly bytes: string | Uint8Array;
    readonly answer: string;
    readonly isClosed?: boolean;
  }[] = [
    {
      what: 'a header that says too little',
      bytes: framed(`-help${' '.repeat(64)}`, 5),
      answer: `${HELP_TEXT}${HEADER}`,
      isClosed: true,
    },
    {
      what: 'a header that is no number',
      bytes: Buffer.concat([framed(''), Buffer.from('abc'.padEnd(64))]),
      answer: HEADER,
      isClosed: true,
    },
    {
      what: 'a negative header',
      bytes: Buffer.concat([framed(''), framed('-help', -5)]),
      answer: HEADER,
      isClosed: true,
    },
    { what: 'a huge header', bytes: framed('-help', '9'.repeat(40)), answer: TOO_MUCH, isClosed: true },
    { what: 'a header of too much', bytes: framed('x'.repeat(5000)), answer: TOO_MUCH, isClosed: true },
    { what: 'a first header that is no number', bytes: 'abc'.padEnd(64), answer: SIGN_IN_FIRST },
    { what: 'a first header that is negative', bytes: '-5'.padEnd(64), answer: SIGN_IN_FIRST },
    {
      what: 'lines behind headers',
      bytes: Buffer.concat([framed('-help'), Buffer.from('-help\n'.repeat(20))]),
      answer: `${HELP_TEXT}${HEADER}`,
      isClosed: true,
    },
    {
      what: 'headers behind lines',
      bytes: Buffer.concat([Buffer.from('-help\n'), framed('-help')]),
      answer: `${HELP_TEXT}\n\nERROR this connection has text messages; begin a new one for headers`,
    },
    {
      what: 'invalid UTF-8 behind a header',
      bytes: Buffer.concat([framed('', 2), Buffer.from([0xc3, 0x28])]),
      answer: 'ERROR that was not UTF-8',
    },
    {
      what: 'an invalid line',
      bytes: Buffer.from([0xff, 0xfe, 0x0a]),
      answer: 'ERROR that was not UTF-8\n\n',
    },
    { what: 'a line of too much', bytes: `${'x'.repeat(5000)}\n`, answer: `${TOO_MUCH}\n\n` },
    {
      what: 'empty headers',
      bytes: Buffer.concat([framed(''), framed(''), framed('')]),
      answer: 'Type -help for help.'.repeat(2),
    },
    { what: 'NULs', bytes: '\0'.repeat(64), answer: SIGN_IN_FIRST },
  ];

  test('is answered, and harms nobody else', async (t) => {
    const { port, server } = await startGold(t);
    const other = await enter(port);
    for (const { what, bytes, answer, isClosed = false } of cases) {
      const client = await enter(port);
      await says(client, bytes, answer);
      if (isClosed) await client.isLetGo();
      else {
        assert.ok(!client.isDropped, what);
        client.reset();
      }
      await says(other, '-help\n', `${HELP_TEXT}\n\n`);
    }
    await server.drain();
  });

  test('is waited for where more was promised, and forgotten with the client', async (t) => {
    const { port } = await startGold(t, { flags: { 'gold-connections-max': '1' } });
    const client = await enter(port);
    client.send(framed('-help', 4096));
    for (const byte of framed('-help', 5)) client.send(Uint8Array.of(byte));
    client.reset();
    await enterWhenFree(port);
  });

  test('does not matter for a body that comes byte by byte', async (t) => {
    const { port } = await startGold(t);
    const client = await enter(port);
    for (const byte of Buffer.concat([framed(''), framed('-help')])) {
      client.send(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until('it is answered', () => textOf(client) === `${WELCOME_TEXT}${HELP_TEXT}`);
  });
});

describe('the end of gold clients', () => {
  test('frees the place of each, however it went', async (t) => {
    const { port } = await startGold(t, { flags: { 'gold-connections-max': '1' } });
    const ways: readonly ((client: TestClient) => void)[] = [
      (client) => client.reset(),
      (client) => client.socket.destroy(),
      (client) => client.end(),
      (client) => client.send('-quit\n'),
      (client) => client.end('-watch'),
    ];
    for (const [i, leave] of ways.entries()) {
      const client = await enterWhenFree(port);
      await signUp(client, `user${i}`);
      leave(client);
    }
  });

  test('by the console leaves other services alone', async (t) => {
    const { server, port } = await startGold(t, { services: ['gold', 'lobby'] });
    const lobby = await TestClient.connect(portOf(server, 'lobby'));
    await lobby.receives('Client1');
    const line = await enter(port);
    await signUp(line, 'khtn');
    const [seed] = await SeedGoldClient.connect(port);
    const reason = 'the server closed all connections';
    assert.equal(server.closeClients('gold', reason), 2);
    await line.isLetGo();
    assert.ok(textOf(line).endsWith(`\n\nThe server closes this connection: ${reason}\n\n`));
    assert.equal(await seed.receive(), `The server closes this connection: ${reason}`);
    assert.equal(await seed.receive(), '');
    await says(await enter(port), '-help\n', `${HELP_TEXT}\n\n`);
    await says(lobby, 'still here\n', 'still here ACK\n');
  });

  test('by the shutdown is told', async (t) => {
    const { server, port } = await startGold(t);
    const [line, [seed]] = [await enter(port), await SeedGoldClient.connect(port)];
    await says(line, '-help\n', `${HELP_TEXT}\n\n`);
    await server.drain();
    const text = 'The server closes this connection: Server is shutting down';
    assert.ok(textOf(line).endsWith(`${text}\n\n`));
    assert.equal(await seed.receive(), text);
  });
});

describe('a gold service that breaks', () => {
  for (const isDurable of [false, true]) {
    test(`keeps ${isDurable ? 'users and rates' : 'the rest'} when its threads end (${isDurable ? 'durable' : 'in memory'})`, async (t) => {
      const data = isDurable ? temporaryFolder(t) : undefined;
      const gold = await startGold(t, {
        ...(data === undefined ? {} : { data }),
        flags: { 'server-hosts': '3', 'users-sign-in-services': isDurable ? 'gold' : 'none' },
      });
      const clients = await Promise.all(Array.from({ length: 4 }, () => enter(gold.port)));
      if (isDurable) {
        for (const [i, client] of clients.entries()) await signUp(client, `user${i}`);
      }
      for (let host = 0; host < 3; host++) {
        await killThread(gold, host);
        for (const client of clients) {
          await until('it is answered', async () => {
            const before = textOf(client).length;
            client.send('2025-01-02 sjc\n');
            await until('something comes', () => textOf(client).slice(before).includes('\n\n'));
            return textOf(client).slice(before).includes(`${SJC_TEXT}\n\n`);
          });
        }
      }
    });
  }
});

async function killThread({ server, log }: Gold, index: number): Promise<void> {
  const replaced = () => log.filter((line) => line.endsWith('was replaced')).length;
  const before = replaced();
  server.hosts.pool.threads[index]?.terminate();
  await until('the host is replaced', () => replaced() > before);
}
