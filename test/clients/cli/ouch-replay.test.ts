import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { createServer, type OutcryServer } from '../../../src/create-server.ts';
import { listen } from '../../support/odd-server.ts';
import { until } from '../../support/until.ts';
import { MAIN_FILE, runOnTerminal, runOutcry, startOutcry, waitForEnd } from './outcry-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'ouch-replay-'));

let server: OutcryServer;

/** A new one each time: tokens are used up. */
beforeEach(async () => {
  server = await createServer({ services: ['ouch', 'ouch-raw'] });
});
afterEach(() => server.close());
after(() => rmSync(folder, { recursive: true }));

/** As the original inputs have them: every field, text without padding. */
function order(token: number, changes: object = {}): object {
  return {
    message_type: 'O',
    order_token: token,
    client_reference: 'something',
    buy_sell_indicator: 'B',
    quantity: 100,
    orderbook_id: 1,
    group: 'DAY',
    price: 2300.0,
    time_in_force: 99999,
    firm_id: 0,
    display: ' ',
    capacity: 'P',
    minimum_quantity: 0,
    order_classification: '1',
    cash_margin_type: '1',
    ...changes,
  };
}

function write(name: string, actions: readonly object[], members: object = {}): string {
  writeFileSync(join(folder, name), JSON.stringify({ ...members, actions }, undefined, 2));
  return name;
}

/** Over SoupBinTCP, and raw clients to the raw port. */
function replay(...args: readonly string[]) {
  return runOutcry(['ouch', 'replay', ...ports(), ...args], '', folder);
}

function replayRaw(...args: readonly string[]) {
  const port = String(server.port('ouch-raw'));
  return runOutcry(['ouch', 'replay', '--raw', '--port', port, ...args], '', folder);
}

function ports(): readonly string[] {
  return ['--port', String(server.port('ouch')), '--raw-port', String(server.port('ouch-raw'))];
}

const SEED = [
  order(1),
  order(2, { quantity: 50, minimum_quantity: 10 }),
  {
    message_type: 'U',
    existing_order_token: 1,
    replacement_order_token: 3,
    quantity: 120,
    price: 2300.5,
    time_in_force: 99999,
    display: 'P',
    minimum_quantity: 0,
  },
  { message_type: 'X', order_token: 9, quantity: -10 },
  { message_type: 'X', order_token: 3, quantity: 0 },
];

describe('outcry ouch replay', () => {
  test('plays the original inputs over SoupBinTCP and over bare OUCH, and says what came of them', async () => {
    const file = write('seed.json', SEED, { _expected_behaviour: ['1. accepted', '2. rejected with N'] });
    for (const run of [replay, replayRaw]) {
      const { exitCode, stdout, stderr } = await run(file);
      assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
      const [heads, , row, last, ...rest] = stdout.split('\n');
      assert.match(heads ?? '', /^input +sent +accepted +rejected +silent +p50 +p99 +result$/);
      assert.match(row ?? '', /^seed\.json +5 +1 +N 1 +1 +\d+ [µm]s +\d+ [µm]s +done$/);
      assert.match(last ?? '', /^1 input, 5 messages in \d+\.\d\d s, [\d,]+\/s, own CPU \d+ %: all done$/);
      assert.deepEqual(rest, ['']);
    }
  });

  test('passes when everything expected comes, between the clients of a file too', async () => {
    const file = write('trade.json', [
      order(1, { as: 'maker', buy_sell_indicator: 'S', expect: { message_type: 'A', order_state: 'L' } }),
      order(1, {
        as: 'taker',
        quantity: 60,
        expect: [{ message_type: 'A' }, { message_type: 'E', executed_quantity: 60, match_number: '$m' }],
      }),
      { as: 'maker', expect: { message_type: 'E', executed_quantity: 60, match_number: '$m' } },
    ]);
    for (const run of [replay, replayRaw]) {
      const { exitCode, stdout, stderr } = await run(file);
      assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
      assert.match(stdout, /^trade\.json +2 +2 .*done$/m);
    }
  });

  test('shows the difference and is exit 1 when something else comes; the other files are played', async () => {
    const wrong = write('wrong.json', [
      order(1, { expect: { message_type: 'A', quantity: 99, order_state: 'L' } }),
    ]);
    const right = write('right.json', [order(1, { expect: { message_type: 'A' } })]);
    const { exitCode, stdout, stderr } = await replay(wrong, right);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^wrong\.json:\d+:\d+: step 1, /);
    assert.match(stderr, /^ {2}≠ quantity +99 +came 100$/m);
    assert.match(stderr, /^ {4}order_state +L$/m);
    assert.match(stdout, /^wrong\.json .*FAILED$/m);
    assert.match(stdout, /^right\.json .*done$/m);
    assert.match(stdout, /^2 inputs, .*: 1 failed$/m);
  });

  test('says what the venue of a file that failed should be like', async () => {
    const file = write('closed.json', [order(1, { expect: { message_type: 'J', reason: 'R' } })], {
      venue: { settings: { exchange: { day: 'by-hand' } } },
    });
    const { exitCode, stderr } = await replay(file);
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /^closed\.json is for a venue of its own: \{"settings":\{"exchange":\{"day":"by-hand"\}\}\}$/m,
    );
  });

  test('fails when nothing comes within the time', async () => {
    const file = write('late.json', [{ message_type: 'X', order_token: 7, expect: { message_type: 'C' } }]);
    const { exitCode, stderr } = await replay(file, '--timeout', '0.3');
    assert.equal(exitCode, 1);
    assert.match(stderr, /^late\.json:\d+:\d+: step 1, .*nothing came within 0\.3 s; expected C/m);
  });

  test('expects nothing with --no-check', async () => {
    const file = write('unchecked.json', [order(1, { expect: { message_type: 'J' } })]);
    const { exitCode, stdout, stderr } = await replay(file, '--no-check');
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
    assert.match(stdout, /^unchecked\.json +1 +1 .*done$/m);
  });

  test('has raw clients beside others, by the file and by the names of a recording', async () => {
    const expect = { message_type: 'A' };
    const hinted = write('hinted.json', [order(1, { as: 'a', expect }), order(1, { as: 'b', expect })], {
      clients: { a: { user: 'TRADE7' }, b: { raw: true } },
    });
    const recorded = write(
      'recorded.json',
      [order(1, { as: 'TRADE8', expect }), order(1, { as: 'raw-1', expect })],
      { recorded: true },
    );
    const { exitCode, stderr } = await replay(hinted, recorded);
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
  });

  test('gives the report as JSON', async () => {
    const good = write('good.json', [order(1), order(2, { quantity: 0 })]);
    const bad = write('bad.json', [order(1, { expect: { message_type: 'J' } })], { name: 'a rejected one' });
    const { exitCode, stdout } = await replayRaw('--json', good, bad);
    assert.equal(exitCode, 1);
    const report = JSON.parse(stdout);
    assert.equal(report.messages, 3);
    const [first, second] = report.inputs;
    assert.deepEqual(
      [first.file, first.ok, first.sent, first.accepted, first.rejected, first.executed, first.silent],
      ['good.json', true, 2, 1, { Z: 1 }, 0, 0],
    );
    assert.ok(first.p50Us > 0 && first.p99Us >= first.p50Us);
    assert.deepEqual([second.file, second.name, second.ok], ['bad.json', 'a rejected one', false]);
    assert.notEqual(second.failure, undefined);
  });

  test('writes a report for a pipeline', async () => {
    const good = write('junit-good.json', [order(1)]);
    const bad = write('junit-bad.json', [order(1, { expect: { message_type: 'J' } })]);
    const { exitCode } = await replayRaw('--junit', 'report.xml', good, bad);
    assert.equal(exitCode, 1);
    const xml = readFileSync(join(folder, 'report.xml'), 'utf8');
    assert.match(xml, /^<\?xml /);
    assert.equal(xml.match(/<testcase /g)?.length, 2);
    assert.equal(xml.match(/<failure/g)?.length, 1);
  });

  test('finds before it sends anything that a report can not be written', async () => {
    const file = write('unreported.json', [order(1)]);
    const { exitCode, stdout, stderr } = await replayRaw('--junit', 'absent/report.xml', file);
    assert.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' });
    assert.match(stderr, /^outcry: absent\/report\.xml can not be written: /);
  });

  test('tells all results when the report can not be written in the end, and then that it is not', async () => {
    const file = write('untold.json', [order(1, { expect: { message_type: 'J' } })]);
    const { exitCode, stdout, stderr } = await replayRaw('--junit', '/dev/full', file);
    assert.equal(exitCode, 1);
    assert.match(stdout, /^untold\.json .*FAILED$/m);
    assert.match(
      stderr,
      /^untold\.json:\d+:\d+: .*\n(?:.*\n)+outcry: \/dev\/full can not be written: ENOSPC.*\n$/,
    );
    const done = await replayRaw('--junit', '/dev/full', write('told.json', [order(1)]));
    assert.equal(done.exitCode, 1);
  });

  test('says that an input sent nothing', async () => {
    const { exitCode, stdout } = await replayRaw(write('empty.json', []));
    assert.equal(exitCode, 0);
    assert.match(stdout, /^empty\.json +0 +done, 0 messages$/m);
  });

  test('says which barriers no other input has, once each', async () => {
    const actions = (name: string) => [{ barrier: 'both' }, { barrier: name }, { barrier: name }, order(1)];
    const left = write('left.json', actions('opend'));
    const right = write('right.json', actions('opened'));
    const { exitCode, stderr } = await replayRaw(left, right);
    assert.deepEqual(
      { exitCode, stderr },
      {
        exitCode: 0,
        stderr:
          'left.json: no other input has a barrier "opend"\nright.json: no other input has a barrier "opened"\n',
      },
    );
    assert.equal((await replayRaw(left)).stderr, '');
    assert.equal((await replayRaw(left, left)).stderr, '');
  });

  test('leaves the report of a run before as it was when an input is wrong', async () => {
    writeFileSync(join(folder, 'kept.xml'), 'kept');
    write('unsendable.json', [order(1, { price: 0.25 })]);
    assert.equal((await replayRaw('--junit', 'kept.xml', 'unsendable.json')).exitCode, 2);
    assert.equal(readFileSync(join(folder, 'kept.xml'), 'utf8'), 'kept');
  });
});

describe('outcry ouch replay > load', () => {
  test('plays a file several times, by several clients', async () => {
    const file = write('load.json', [order(0), order(1), order(2)]);
    const { exitCode, stdout } = await replayRaw(file, '--repeat', '5', '--clients', '4');
    assert.equal(exitCode, 0);
    assert.match(stdout, /^load\.json +60 +60 /m);
    const soup = await replay(file, '--repeat', '5', '--clients', '4');
    assert.equal(soup.exitCode, 0, soup.stderr);
    assert.match(soup.stdout, /^load\.json +60 +60 /m);
  });

  test('sends no faster than the rate', async () => {
    const actions = Array.from({ length: 40 }, (_, i) => order(i));
    const { stdout } = await replayRaw(write('slow.json', actions), '--rate', '100');
    const seconds = Number(/40 messages in ([\d.]+) s/.exec(stdout)?.[1]);
    assert.ok(seconds >= 0.25, `40 messages at 100 a second took ${seconds} s`);
  });

  test('draws a bar with the rate and the time left on a terminal', async () => {
    const actions = Array.from({ length: 50 }, (_, i) => order(i));
    const file = join(folder, write('bar.json', actions));
    const port = String(server.port('ouch-raw'));
    const screen = await runOnTerminal(['ouch', 'replay', '--raw', '--port', port, '--rate', '100', file], {
      NO_COLOR: '1',
    });
    assert.match(screen, /━+─*\S* +\d+ % {2}\d+ {2}\d+\/s {2}\d:\d\d left/);
    assert.match(screen, /50 messages in/);
  });
});

describe('outcry ouch replay > users', () => {
  test('are numbered over all files, or named', async () => {
    const files = [1, 2, 3].map((n) => write(`user-${n}.json`, [order(1)]));
    assert.equal((await replay(...files)).exitCode, 0);
    const named = await replay(...files, '--user', 'TRADE5,trade6,TRADE7');
    assert.deepEqual([named.exitCode, named.stderr], [0, '']);
  });

  test('that have used their tokens are told of, when messages are ignored', async () => {
    const file = write('again.json', [order(1)]);
    assert.equal((await replay(file)).stderr, '');
    const { exitCode, stdout, stderr } = await replay(file);
    assert.equal(exitCode, 0);
    assert.match(stdout, /^again\.json +1 +1 +done$/m);
    assert.match(
      stderr,
      /^again\.json: TRADE0 was told \d+ messages in this session before; .*another user.*\n$/,
    );
  });

  test('that are too few, named twice or too long are exit 2', async () => {
    const files = Array.from({ length: 11 }, (_, n) => write(`many-${n}.json`, [order(1)]));
    for (const [user, expected] of [
      ['A,B', /^outcry: more clients log in than there are users \(A, B\); .*#/],
      ['A,B,A,U#', /^outcry: user A is there twice; /],
      ['TRADE#', /^outcry: TRADE10 can not log in: .*6/],
      ['A,,U#', /^outcry: --user expects names with commas between, not "A,,U#"\n$/],
    ] as const) {
      const { exitCode, stdout, stderr } = await replay(...files, '--user', user);
      assert.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' });
      assert.match(stderr, expected);
      assert.equal(stderr.split('\n').length, 2);
    }
  });
});

describe('outcry ouch replay > wrong use', () => {
  test('without a file prints the usage', async () => {
    const { exitCode, stdout, stderr } = await runOutcry(['ouch', 'replay']);
    assert.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' });
    assert.match(stderr, /^usage: outcry ouch replay FILE… /);
  });

  test('names the flag and what it takes', async () => {
    const file = write('flags.json', [order(1)]);
    const checked = write('checked.json', [order(1, { expect: { message_type: 'A' } })]);
    for (const [flags, expected] of [
      [['--rate', '0'], '--rate expects a whole number from 1 to 100000000, not "0"'],
      [['--repeat', 'x'], '--repeat expects a whole number from 1 to 1000000, not "x"'],
      [['--clients', '-1'], '--clients expects a whole number from 1 to 10000, not "-1"'],
      [['--timeout', '0'], '--timeout expects seconds from 0.1 to 86400, not "0"'],
      [['--port', '70000'], 'PORT must be a whole number from 1 to 65535, not "70000"'],
      ...['--user', '--password', '--session', '--sequence'].map(
        (flag) =>
          [
            ['--raw', flag, '1'],
            '--user, --password, --session and --sequence are of a login, which there is none of with --raw; leave them out',
          ] as const,
      ),
      [['--session', 'elevenbytes'], '--session takes up to 10 characters, not "elevenbytes"'],
      [['--step', file], '--step plays one file; name one'],
      [['--step', '--repeat', '2'], '--step plays a file once; leave --rate, --repeat and --clients out'],
      [['--step', '--rate', '2'], '--step plays a file once; leave --rate, --repeat and --clients out'],
      [['--step', '--json'], '--step shows each message; leave --json out'],
      [
        ['--repeat', '2', checked],
        'checked.json expects replies, which are those of one client who plays it once; say --no-check with --repeat and --clients',
      ],
      [
        ['--clients', '2', checked],
        'checked.json expects replies, which are those of one client who plays it once; say --no-check with --repeat and --clients',
      ],
    ] as const) {
      const { exitCode, stdout, stderr } = await replay(file, ...flags);
      assert.deepEqual(
        { exitCode, stdout, stderr },
        { exitCode: 2, stdout: '', stderr: `outcry: ${expected}\n` },
      );
    }
    const { exitCode, stderr } = await replay(file, '--reapet', '2');
    assert.equal(exitCode, 2);
    assert.match(stderr, /--repeat/);
    assert.equal((await replay(checked, '--no-check', '--repeat', '2')).exitCode, 0);
  });
});

describe('outcry ouch replay > interrupted', () => {
  test('stops sending, says what was done so far, and is exit 1', async () => {
    const actions = Array.from({ length: 1000 }, (_, i) => order(i));
    const file = write('long.json', actions);
    const port = String(server.port('ouch-raw'));
    const child = startOutcry(
      ['ouch', 'replay', '--raw', '--port', port, '--rate', '50', '--junit', 'stopped.xml', file],
      MAIN_FILE,
      {},
      folder,
    );
    const ended = waitForEnd(child);
    await until('it plays', () => existsSync(join(folder, 'stopped.xml')));
    child.kill('SIGINT');
    const { exitCode, stdout } = await ended;
    assert.equal(exitCode, 1);
    const sent = Number(/^long\.json +(\d+) .*stopped$/m.exec(stdout)?.[1]);
    assert.ok(sent < 1000, stdout);
    assert.match(stdout, /^1 input, .*: 1 stopped$/m);
  });

  test('does not wait for a server that is silent', async (t) => {
    const sockets = new Set<Socket>();
    const port = await listen(t, (socket) => sockets.add(socket.resume()));
    const file = write('deaf.json', [order(1, { expect: { message_type: 'A' } })]);
    const child = startOutcry(
      ['ouch', 'replay', '--raw', '--port', port, '--timeout', '60', file],
      MAIN_FILE,
      {},
      folder,
    );
    const startedMs = performance.now();
    const ended = waitForEnd(child);
    await until('it is connected', () => sockets.size === 1);
    child.kill('SIGINT');
    const { exitCode, stdout } = await ended;
    assert.equal(exitCode, 1);
    assert.match(stdout, /^deaf\.json .*stopped$/m);
    assert.ok(performance.now() - startedMs < 20_000, 'it ends long before the timeout');
  });
});

describe('the commands of outcry ouch', () => {
  let all: string;
  before(async () => {
    all = (await runOutcry(['ouch', '--help'])).stdout;
  });

  test('are listed', () => {
    for (const name of ['serve', 'replay', 'record', 'enter', 'send']) {
      assert.match(all, new RegExp(`^  ouch ${name} +\\S`, 'm'));
    }
  });

  test('are explained with examples, for a screen of 80 columns', async () => {
    for (const name of ['serve', 'replay', 'record', 'enter', 'send']) {
      const { exitCode, stdout } = await runOutcry(['ouch', name, '--help']);
      assert.equal(exitCode, 0, name);
      assert.match(stdout, new RegExp(`^Examples?:\\n(?:.*\\n)*? {2}outcry ouch ${name}`, 'm'));
      const longest = Math.max(...stdout.split('\n').map((line) => line.length));
      assert.ok(longest <= 80, `outcry ouch ${name} --help has a line of ${longest}`);
    }
  });
});
