import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import { createServer, type OutcryServer } from '../../../src/create-server.ts';
import { until } from '../../support/until.ts';
import { MAIN_FILE, runOnTerminal, runOutcry, startOutcry, waitForEnd } from './outcry-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'ouch-steps-'));
const ORDER = { message_type: 'O', buy_sell_indicator: 'B', quantity: 100, orderbook_id: 1, price: 2300 };
const INPUT = {
  actions: [
    { ...ORDER, order_token: 1 },
    { ...ORDER, order_token: 1 },
    { message_type: 'X', order_token: 1, quantity: -10 },
  ],
};

let server: OutcryServer;
let port: string;

beforeEach(async () => {
  server = await createServer({ services: ['ouch', 'ouch-raw'] });
  port = String(server.port('ouch-raw'));
});
afterEach(() => server.close());
after(() => rmSync(folder, { recursive: true }));

function write(name: string, content: object): string {
  writeFileSync(join(folder, name), JSON.stringify(content));
  return name;
}

/** Presses what is in `keys`, through a pipe. */
function step(file: string, keys: string, flags: readonly string[] = ['--raw', '--port', port]) {
  return runOutcry(['ouch', 'replay', '--step', ...flags, file], keys, folder);
}

/** Connected, and waiting for the first Enter. */
async function startSteps(file: string) {
  const args = ['ouch', 'replay', '--step', '--raw', '--port', port, file];
  const child = startOutcry(args, MAIN_FILE, {}, folder);
  let shown = '';
  child.stdout.on('data', (text: Buffer) => {
    shown += text;
  });
  const ended = waitForEnd(child);
  const shows = (text: string) => shown.includes(text);
  await until('it is connected', () => shows('< S start of day'));
  return { child, ended, shows };
}

/** It comes when it comes: before the first message, or behind it. */
function withoutEvents(stdout: string): readonly string[] {
  return stdout.split('\n').filter((line) => line !== '< S start of day');
}

describe('outcry ouch replay --step', () => {
  test('sends a message for each Enter, and shows it and what is replied, or that nothing is', async () => {
    const { exitCode, stdout, stderr } = await step(write('three.json', INPUT), '\n\n\n');
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
    assert.ok(stdout.split('\n').includes('< S start of day'));
    const lines = withoutEvents(stdout);
    assert.equal(lines[0], `three.json, 3 messages to 127.0.0.1:${port}. Enter sends the next one.`);
    assert.equal(lines[1], '[1/3] > O 1: buy 100 BTC at 2300.0, day');
    assert.match(lines[2] ?? '', /^< A 1: accepted, live, order \d{18}$/);
    assert.equal(lines[3], '[2/3] > O 1: buy 100 BTC at 2300.0, day');
    assert.equal(lines[4], '  · no reply');
    assert.match(lines[5] ?? '', /^\[3\/3\] > X 1/);
    assert.match(lines[6] ?? '', /^< C 1: /);
    assert.match(stdout, /^three\.json +3 +1 +1 .*done$/m);
  });

  test('ends in order at the end of the input, with what was not sent left out', async () => {
    const { exitCode, stdout, stderr } = await step(write('part.json', INPUT), '\n');
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
    assert.match(stdout, /^\[1\/3\] > O 1/m);
    assert.doesNotMatch(stdout, /^\[2\/3\]/m);
    assert.match(stdout, /^part\.json +1 +1 /m);
  });

  test('is exit 1 when the input ends ahead of something that is expected', async () => {
    const file = write('left.json', {
      actions: [
        { ...ORDER, order_token: 1 },
        { ...ORDER, order_token: 2, expect: { message_type: 'J' } },
      ],
    });
    const { exitCode, stdout } = await step(file, '\n');
    assert.equal(exitCode, 1);
    assert.match(stdout, /^left\.json +1 +1 .*stopped$/m);
  });

  test('shows the last message as it does the others', async () => {
    const file = write('last.json', { actions: [{ message_type: 'X', order_token: 5 }] });
    const { stdout } = await step(file, '\n');
    assert.match(stdout, /^\[1\/1\] > X 5.*\n(< S start of day\n)? {2}· no reply$/m);
  });

  test('says whose messages they are when there are several clients', async () => {
    const file = write('two.json', {
      actions: [
        { ...ORDER, as: 'maker', order_token: 1, buy_sell_indicator: 'S', expect: { message_type: 'A' } },
        { ...ORDER, as: 'taker', order_token: 1 },
        { as: 'maker', expect: { message_type: 'E' } },
      ],
    });
    const { exitCode, stdout } = await step(file, '\n\n', ['--port', String(server.port('ouch'))]);
    assert.equal(exitCode, 0);
    assert.match(stdout, /^\[1\/2\] maker > O 1: sell 100 BTC/m);
    assert.match(stdout, /^\[2\/2\] taker > O 1: buy 100 BTC/m);
    assert.match(stdout, /^maker < E 1: /m);
    assert.match(stdout, /^taker < E 1: /m);
  });

  test('is exit 1 when something expected does not come', async () => {
    const file = write('wrong.json', {
      actions: [{ ...ORDER, order_token: 1, expect: { message_type: 'J' } }],
    });
    const { exitCode, stdout, stderr } = await step(file, '\n');
    assert.equal(exitCode, 1);
    assert.match(stdout, /^< A 1: /m);
    assert.match(stderr, /^wrong\.json:1:\d+: step 1, /);
  });

  test('waits for Enter', async () => {
    const file = write('waits.json', INPUT);
    const { child, ended, shows } = await startSteps(file);
    assert.ok(!shows('[1/3]'));
    child.stdin.write('\n');
    await until('the reply is shown', () => shows('< A 1'));
    assert.ok(!shows('[2/3]'));
    child.stdin.end();
    assert.equal((await ended).exitCode, 0);
  });

  test('is interrupted while it waits', async () => {
    const file = write('interrupted.json', INPUT);
    const { child, ended } = await startSteps(file);
    child.kill('SIGINT');
    const { exitCode, stdout } = await ended;
    assert.equal(exitCode, 1);
    assert.match(stdout, /^interrupted\.json +0 .*stopped$/m);
  });

  test('ends when the server goes while it waits', async () => {
    const file = write('left.json', INPUT);
    const { ended } = await startSteps(file);
    await server.close();
    const { exitCode, stderr } = await ended;
    assert.equal(exitCode, 1);
    assert.match(stderr, /^left\.json.*closed the connection/m);
  });

  test('is stepped through by hand on a terminal', async () => {
    const file = join(folder, write('hand.json', INPUT));
    const screen = await runOnTerminal(
      ['ouch', 'replay', '--step', '--raw', '--port', port, file],
      {},
      '\r\r\r',
    );
    assert.match(screen, /Enter sends the next one\.\r\n/);
    assert.match(screen, /\[3\/3\] > X 1[^\r\n]*\r\n/);
    assert.match(screen, /^hand\.json +3 /m);
  });
});
