import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer as createListener, type Socket } from 'node:net';
import { after, before, describe, type TestContext, test } from 'node:test';
import { connect } from '../../../clients/index.ts';
import { createServer, type OutcryServer } from '../../../src/create-server.ts';
import { parseGoldFile } from '../../../src/protocol/gold-file.ts';
import { until } from '../../support/until.ts';
import { type Ended, runOutcry, startOutcry, TypedTerminal, waitForEnd } from './outcry-process.ts';

const WELCOME = 'Welcome to the gold rate service. Type -signup or -signin.';
const ROW =
  'SJC, Hồ Chí Minh: buy 82,500.00, sell 84,500.00 (82,500,000 to 84,500,000 VND/lượng), 2025-01-02 09:00:00';
const DAYS = [
  '2025-01-02 82,500.00 84,500.00 (82,500,000 84,500,000 VND/lượng)',
  '2025-01-03 82,600.00 84,600.00 (82,600,000 84,600,000 VND/lượng)',
];
const ANSWERS: Readonly<Record<string, string>> = {
  '': 'Type -help for help.',
  '-signin': 'Type your user name and password on one line.',
  'khtn daihoc tphcm': 'Welcome khtn.',
  'khtn wrong': 'ERROR the user name or the password is wrong',
  '-quit': 'Goodbye.',
  '2025-01-02 SJC': `${ROW}\n3 more`,
  '2025-01-02..2025-01-03 SJC': DAYS.join('\n'),
};

/** A gold service that says what it is told to; a line that it does not know is its own answer. */
class ScriptedGold {
  readonly said: string[] = [];
  readonly port: number;
  readonly #sockets: Socket[] = [];

  private constructor(port: number) {
    this.port = port;
  }

  static async start(t: TestContext, answer?: (line: string, socket: Socket) => string | undefined) {
    const listener = createListener((socket) => gold.#serve(socket, answer));
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const gold = new ScriptedGold((listener.address() as AddressInfo).port);
    t.after(() => {
      for (const socket of gold.#sockets) socket.destroy();
      listener.close();
    });
    return gold;
  }

  /** To all that are connected. */
  write(text: string): void {
    for (const socket of this.#sockets) socket.write(text);
  }

  #serve(socket: Socket, answer?: (line: string, socket: Socket) => string | undefined): void {
    this.#sockets.push(socket);
    socket.on('error', () => {
      // The client may go when it likes.
    });
    socket.write(WELCOME);
    let rest = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        this.said.push(line);
        const reply = answer?.(line, socket) ?? ANSWERS[line] ?? line;
        socket.write(`${reply}\n\n`);
        if (line === '-quit') socket.end();
      }
    });
  }
}

function visit(port: number, lines: readonly string[], flags: readonly string[] = []): Promise<Ended> {
  return runOutcry(['gold', '--port', String(port), ...flags], lines.map((line) => `${line}\n`).join(''));
}

describe('outcry gold in a pipe', () => {
  test('says the answers in the order of the requests, and leaves in order', async (t) => {
    const gold = await ScriptedGold.start(t);
    const { exitCode, stdout, stderr } = await visit(gold.port, ['one', '-quit', 'not any more']);
    assert.deepEqual([exitCode, stderr], [0, '']);
    assert.equal(stdout, `${WELCOME}\none\nGoodbye.\n`);
    assert.deepEqual(gold.said, ['', 'one', '-quit']);
  });

  test('leaves at the end of its input, too', async (t) => {
    const gold = await ScriptedGold.start(t);
    const { exitCode, stdout } = await visit(gold.port, ['one']);
    assert.deepEqual([exitCode, stdout], [0, `${WELCOME}\none\n`]);
    assert.deepEqual(gold.said, ['', 'one', '-quit']);
  });

  test('shows rates as a table, and a range of days with a chart', async (t) => {
    const gold = await ScriptedGold.start(t);
    const { stdout } = await visit(gold.port, ['2025-01-02 SJC', '2025-01-02..2025-01-03 SJC']);
    assert.equal(
      stdout,
      [
        WELCOME,
        'gold                    buy       sell                 VND/lượng              updated',
        '----------------  ---------  ---------  ------------------------  -------------------',
        'SJC, Hồ Chí Minh  82,500.00  84,500.00  82,500,000 to 84,500,000  2025-01-02 09:00:00',
        '3 more',
        '      date        buy       sell                 VND/lượng',
        '----------  ---------  ---------  ------------------------',
        '2025-01-02  82,500.00  84,500.00  82,500,000 to 84,500,000',
        '2025-01-03  82,600.00  84,600.00  82,600,000 to 84,600,000',
        '',
        '2025-01-02..2025-01-03 SJC, sell in VND/lượng',
        '84,600,000 ┤ ╭',
        '84,500,000 ┤─╯',
        '',
      ].join('\n'),
    );
  });

  test('signs in with the first line as the password', async (t) => {
    const gold = await ScriptedGold.start(t);
    const { exitCode, stdout } = await visit(gold.port, ['daihoc tphcm', 'one'], ['--user', 'khtn']);
    assert.deepEqual([exitCode, stdout], [0, `${WELCOME}\nWelcome khtn.\none\n`]);
    assert.deepEqual(gold.said, ['', '-signin', 'khtn daihoc tphcm', 'one', '-quit']);
  });

  test('exits 1 if that is the wrong one', async (t) => {
    const gold = await ScriptedGold.start(t);
    const { exitCode, stdout, stderr } = await visit(gold.port, ['wrong', 'one'], ['--user', 'khtn']);
    assert.deepEqual([exitCode, stdout], [1, `${WELCOME}\n`]);
    assert.equal(stderr, 'outcry: the user name or the password is wrong\n');
  });

  test('shows what comes unasked, between answers and without a request', async (t) => {
    const gold = await ScriptedGold.start(t, (line) => (line === 'one' ? '~ ahead\nof one' : undefined));
    const child = startOutcry(['gold', '--port', String(gold.port)]);
    let seen = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      seen += text;
    });
    await until('it is welcome', () => seen === `${WELCOME}\n`);
    gold.write('~ SJC: buy 1 (+1)\n');
    await until('it is heard', () => seen.endsWith('~ SJC: buy 1 (+1)\n'));
    child.stdin.end('one\n');
    assert.equal((await waitForEnd(child)).exitCode, 0);
    assert.ok(seen.endsWith('~ ahead\nof one\n'), seen);
  });

  test('shows nothing that moves the cursor', async (t) => {
    const gold = await ScriptedGold.start(t, (line) =>
      line === 'one' ? `\x1b[2J${ROW}\x07\n\x1b]0;title\x07text` : undefined,
    );
    const { stdout } = await visit(gold.port, ['one']);
    assert.match(stdout, /^SJC, Hồ Chí Minh +82,500.00/m);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
  });

  test('exits 1 with the last words of a server that goes', async (t) => {
    const gold = await ScriptedGold.start(t, (line, socket) => {
      if (line === 'one') socket.end('The server closes this connection: enough\n\n');
      return undefined;
    });
    const child = startOutcry(['gold', '--port', String(gold.port)]);
    child.stdin.write('one\n');
    const { exitCode, stdout, stderr } = await waitForEnd(child);
    assert.deepEqual([exitCode, stdout], [1, `${WELCOME}\nThe server closes this connection: enough\n`]);
    assert.equal(stderr, `outcry: 127.0.0.1:${gold.port} closed the connection\n`);
  });

  test('says CONNECTION FAILED, why, and exits 1', async (t) => {
    const nobody = await visit(1, []);
    assert.deepEqual([nobody.exitCode, nobody.stdout], [1, '']);
    assert.equal(
      nobody.stderr,
      'outcry: CONNECTION FAILED: nobody listens on 127.0.0.1:1; start "outcry serve" there or check the port\n',
    );
    const closes = createListener((socket) => socket.end('no room\n')).listen(0, '127.0.0.1');
    t.after(() => closes.close());
    await once(closes, 'listening');
    const { port } = closes.address() as AddressInfo;
    const refused = await visit(port, []);
    assert.equal(refused.exitCode, 1);
    assert.match(
      refused.stderr,
      /^outcry: CONNECTION FAILED: 127\.0\.0\.1:\d+ closed the connection: no room\n$/,
    );
  });

  test('says so within five seconds where somebody listens and is silent', async (t) => {
    const silent = createListener().listen(0, '127.0.0.1');
    const { port } = await new Promise<AddressInfo>((resolve) => {
      silent.once('listening', () => resolve(silent.address() as AddressInfo));
    });
    t.after(() => silent.close());
    const { exitCode, stderr } = await visit(port, []);
    assert.equal(exitCode, 1);
    assert.equal(
      stderr,
      `outcry: CONNECTION FAILED: 127.0.0.1:${port} did not greet within 5 s; does the gold service listen there?\n`,
    );
  });

  test('refuses what it does not understand', async () => {
    const wrong = [
      ['now'],
      ['--port', '0'],
      ['--colour'],
      ['--user', 'two words'],
      ['--user', 'x'.repeat(33)],
    ];
    for (const args of wrong) {
      const { exitCode, stdout, stderr } = await runOutcry(['gold', ...args]);
      assert.deepEqual([exitCode, stdout], [2, ''], args.join(' '));
      assert.match(stderr, /^outcry: [^\n]+\n$/);
    }
  });

  test('is explained with examples, for a screen of 80 columns', async () => {
    const { exitCode, stdout } = await runOutcry(['gold', '--help']);
    assert.equal(exitCode, 0);
    assert.match(stdout, /\nExamples:\n {2}outcry gold .*\n(?: {2}.*\n)+\n$/);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
  });
});

describe('outcry gold with the gold service', () => {
  let server: OutcryServer;

  before(async () => {
    server = await createServer({
      settings: { gold: { providers: 'example' }, users: { scrypt_cost: 16_384 } },
    });
  });
  after(() => server.close());

  test('signs up, looks up, and leaves', async () => {
    const lines = ['-latest', '-signup', 'khtn daihoc tphcm', '-latest', '2025-02-30 SJC', '-quit'];
    const { exitCode, stdout, stderr } = await visit(server.port('gold'), lines);
    assert.deepEqual([exitCode, stderr], [0, '']);
    assert.match(stdout, /^Welcome to the gold rate service\..*-quit to leave\.\nSign in first/);
    assert.match(
      stdout,
      /\nWelcome khtn, your account is made\..*\n\d{4}-\d\d-\d\d from example\ngold +buy +sell +VND/,
    );
    assert.match(stdout, /\nERROR 2025-02-30 is no date; .*\nGoodbye\.\n$/);
  });

  test('signs in, and shows a range of days', async () => {
    const client = await connect({ port: server.port('api'), token: server.operatorToken });
    const golds = [82_500, 82_600, 82_550].map((price, i) => {
      const updated = `2025-01-0${i + 2} 09:00:00`;
      const prices = { buy: `${price}`, sell: `${price + 2000}` };
      return { updated, value: [{ ...prices, company: 'SJC', brand: '', type: 'SJC', updated }] };
    });
    await client.gold.import(parseGoldFile(JSON.stringify({ golds })));
    await client.close();
    const lines = ['daihoc tphcm', '2025-01-02..2025-01-31 sjc'];
    const { exitCode, stdout, stderr } = await visit(server.port('gold'), lines, ['--user', 'KHTN']);
    assert.deepEqual([exitCode, stderr], [0, '']);
    assert.match(
      stdout,
      /\nWelcome khtn\. .*\n +date +buy +sell +VND\/lượng\n[- ]+\n2025-01-02 +82500 +84500 +82,500,000/,
    );
    assert.match(stdout, /\n84,600,000 ┤ ╭╮\n84,550,000 ┤ │╰\n84,500,000 ┤─╯\n$/);
  });

  test('is told why the server closes it', async () => {
    const child = startOutcry(['gold', '--port', String(server.port('gold'))]);
    const ended = waitForEnd(child);
    let seen = '';
    child.stdout.on('data', (text: Buffer) => {
      seen += text;
    });
    await until('it is welcome', () => seen.endsWith('-quit to leave.\n'));
    await using operator = await connect({ port: server.port('api'), token: server.operatorToken });
    const { sessions } = await operator.admin.sessions({ service: 'gold' });
    for (const { connection } of sessions) await operator.admin.kick(connection, 'enough');
    const { exitCode, stdout, stderr } = await ended;
    assert.equal(exitCode, 1);
    assert.match(stdout, /\nThe server closes this connection: kicked by an operator: enough\n$/);
    assert.match(stderr, /^outcry: 127\.0\.0\.1:\d+ closed the connection\n$/);
  });
});

describe('outcry gold on a terminal', () => {
  const ENTER = '\r';
  const UP = '\x1b[A';

  function open(t: TestContext, port: number, flags: readonly string[] = []): TypedTerminal {
    const terminal = new TypedTerminal(['gold', '--port', String(port), ...flags]);
    t.after(() => terminal.kill());
    return terminal;
  }

  test('asks for the address until one is right; myip is this machine', async (t) => {
    const gold = await ScriptedGold.start(t);
    const terminal = open(t, gold.port);
    await terminal.shows(/^Server address \(myip for this machine\): $/);
    terminal.type(`127.0.0.2${ENTER}`);
    await terminal.shows(/^outcry: CONNECTION FAILED: nobody listens on 127\.0\.0\.2:/);
    await until('it asks again', () => terminal.seen.text.match(/^Server address/gm)?.length === 2);
    terminal.type(`myip${ENTER}`);
    await terminal.shows(/^Welcome to the gold/);
    await terminal.shows(/^gold: $/);
    terminal.type(`-quit${ENTER}`);
    await terminal.shows(/^Goodbye\.$/);
    assert.equal(await terminal.ended, 0);
  });

  test('shows no password, even typed ahead, and does not bring it back', async (t) => {
    const gold = await ScriptedGold.start(t);
    const terminal = open(t, gold.port, ['--host', 'myip']);
    await terminal.shows(/^gold: $/);
    terminal.type(`-signin${ENTER}`);
    await terminal.shows(/^user and password: $/);
    terminal.type(`khtn daihoc tphcm${ENTER}`);
    await terminal.shows(/^Welcome khtn\.$/);
    await terminal.shows(/^gold: $/);
    terminal.type(`-signin${ENTER}khtn wrong${ENTER}`);
    await terminal.shows(/^ERROR the user name/);
    terminal.type(`${UP}${ENTER}-quit${ENTER}`);
    await terminal.ended;
    assert.deepEqual(gold.said, [
      '',
      '-signin',
      'khtn daihoc tphcm',
      '-signin',
      'khtn wrong',
      '-signin',
      '-quit',
    ]);
    assert.doesNotMatch(terminal.seen.text, /daihoc|khtn wrong/);
  });

  test('asks for the password of --user', async (t) => {
    const gold = await ScriptedGold.start(t);
    const terminal = open(t, gold.port, ['--host', 'myip', '--user', 'khtn']);
    await terminal.shows(/^password of khtn: $/);
    terminal.type(`daihoc tphcm${ENTER}`);
    await terminal.shows(/^Welcome khtn\.$/);
    await terminal.shows(/^gold: $/);
    terminal.type('\x04');
    assert.equal(await terminal.ended, 0);
    assert.doesNotMatch(terminal.seen.text, /daihoc/);
  });

  test('asks for no password that would be seen, as where the output goes elsewhere', async (t) => {
    const gold = await ScriptedGold.start(t);
    const terminal = open(t, gold.port, ['|', 'cat']);
    await terminal.shows(/^Welcome to the gold/);
    terminal.type(`-signin${ENTER}`);
    await terminal.shows(/^outcry: the password would be seen as it is typed: /);
    terminal.type('\x04');
    await terminal.ended;
    assert.deepEqual(gold.said, ['', '-quit']);
    const named = open(t, gold.port, ['--user', 'khtn', '|', 'cat']);
    await named.shows(/^outcry: the password would be seen as it is typed: /);
    await named.ended;
    assert.deepEqual(gold.said, ['', '-quit']);
  });

  test('keeps the line that is being typed below what comes', async (t) => {
    const gold = await ScriptedGold.start(t);
    const terminal = open(t, gold.port, ['--host', 'myip']);
    await terminal.shows(/^gold: $/);
    terminal.type('2025-');
    await terminal.shows(/^gold: 2025-$/);
    gold.write('~ SJC: buy 1 (+1)\n');
    await terminal.shows(/^~ SJC/);
    const { lines } = terminal.seen;
    assert.deepEqual(lines.slice(lines.findIndex((line) => line.startsWith('~'))), [
      '~ SJC: buy 1 (+1)',
      'gold: 2025-',
    ]);
  });

  test('ends with Ctrl-C, with or without an answer', async (t) => {
    const gold = await ScriptedGold.start(t);
    const idle = open(t, gold.port, ['--host', 'myip']);
    await idle.shows(/^gold: $/);
    idle.type('\x03');
    assert.equal(await idle.ended, 0);
    const dumb = createListener((socket) => socket.write(`${WELCOME}\n\n`)).listen(0, '127.0.0.1');
    await once(dumb, 'listening');
    t.after(() => dumb.close());
    const waiting = open(t, (dumb.address() as AddressInfo).port, ['--host', 'myip']);
    await waiting.shows(/^gold: $/);
    waiting.type(`one${ENTER}`);
    await waiting.shows(/^gold: one$/);
    waiting.type('\x03');
    assert.equal(await waiting.ended, 0);
  });

  test('exits 1 when the server goes', async (t) => {
    const gold = await ScriptedGold.start(t, (line, socket) => {
      if (line === 'one') socket.destroy();
      return undefined;
    });
    const terminal = open(t, gold.port, ['--host', 'myip']);
    await terminal.shows(/^gold: $/);
    terminal.type(`one${ENTER}`);
    await terminal.shows(/^outcry: 127\.0\.0\.1:\d+ closed the connection$/);
    assert.equal(await terminal.ended, 1);
  });
});
