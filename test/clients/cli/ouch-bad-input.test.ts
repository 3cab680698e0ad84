/** What is wrong with a test input, or with the server it is for, as whoever types `outcry ouch replay` is told it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer as createListener } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createServer, type OutcryServer } from '../../../src/create-server.ts';
import { encodeServerPacket } from '../../../src/protocol/soupbintcp/packets.ts';
import { listen } from '../../support/odd-server.ts';
import { runOutcry } from './outcry-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'ouch-bad-input-'));

let server: OutcryServer;

before(async () => {
  server = await createServer({ services: ['ouch', 'ouch-raw'] });
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const ORDER = {
  message_type: 'O',
  order_token: 1,
  buy_sell_indicator: 'B',
  quantity: 100,
  orderbook_id: 1,
  price: 2300,
};

function write(name: string, content: string | object): void {
  writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
}

/** In the folder of the inputs, so that they are named as a person would. */
function replay(...args: readonly string[]) {
  return runOutcry(['ouch', 'replay', ...args], '', folder);
}

/** Nothing is at this port: a wrong input is found before anybody is asked. */
async function refused(content: string | object): Promise<string> {
  write('x.json', content);
  const { exitCode, stdout, stderr } = await replay('x.json', '--port', String(await closedPort()));
  assert.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' }, stderr);
  return stderr;
}

/** One action on its own line, the second. */
function refusedAction(action: object): Promise<string> {
  return refused(`{"actions": [\n${JSON.stringify(action)}\n]}`);
}

/** It was free a moment ago. */
async function closedPort(): Promise<number> {
  const listener = createListener().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, 'close');
  return port;
}

describe('outcry ouch replay > a wrong input', () => {
  test('a value may be as deep as it likes', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const of = (step: string) => refused(`{"actions": [\n${step}\n]}`);
    assert.equal(await of(deep), 'outcry: x.json:2:1: a step is …; expected an object\n');
    assert.equal(
      await of(`{"sleep": ${deep}, "as": 1}`),
      'outcry: x.json:2:11: sleep is …; expected milliseconds, from 0 to 2147483647\n',
    );
    assert.match(await of(`{"sleep": ${deep},, "as": 1}`), /^outcry: x\.json:2:200012: malformed JSON: /);
  });

  test('malformed JSON is named with line and column', async () => {
    const action = JSON.stringify(ORDER);
    for (const [content, expected] of [
      [`{"actions": [\n${action}\n${action}\n]}`, 'x.json:3:1: malformed JSON: expected "," or "]"'],
      [
        '{"actions": [\n  {"message_type": "O",\n   "order_token" 1}]}',
        'x.json:3:18: malformed JSON: expected ":"',
      ],
      [
        '{"actions": [\n  {"message_type": "X", "order_token": 01}]}',
        'x.json:2:41: malformed JSON: expected "," or "}"',
      ],
      ['{"actions": [', 'x.json:1:14: malformed JSON: '],
      ['', 'x.json:1:1: malformed JSON: '],
    ] as const) {
      const stderr = await refused(content);
      assert.ok(stderr.startsWith(`outcry: ${expected}`), `${content} is refused with ${stderr}`);
      assert.equal(stderr.split('\n').length, 2, stderr);
    }
  });

  test('an unknown field is named, with the nearest known one', async () => {
    const { quantity, ...rest } = ORDER;
    assert.equal(
      await refusedAction({ ...rest, quantty: quantity }),
      'outcry: x.json:2:92: unknown field "quantty" of O; did you mean "quantity"?\n',
    );
    assert.match(
      await refusedAction({ message_type: 'X', order_token: 1, price: 1 }),
      /^outcry: x\.json:2:\d+: unknown field "price" of X; did you mean ".+"\?\n$/,
    );
    assert.match(
      await refused({ action: [ORDER] }),
      /^outcry: x\.json:1:2: unknown .*"action".*; did you mean "actions"\?\n$/,
    );
    assert.match(
      await refusedAction({ ...ORDER, expect: { message_type: 'A', order_tokn: 1 } }),
      /^outcry: x\.json:2:\d+: unknown field "order_tokn" of A; did you mean "order_token"\?\n$/,
    );
  });

  test('a field that is missing is named', async () => {
    const { price: _, ...rest } = ORDER;
    assert.match(await refusedAction(rest), /^outcry: x\.json:2:1: O needs "price"\n$/);
  });

  test('a wrong type is named with what it is, and what was expected', async () => {
    for (const [field, value, shown] of [
      ['order_token', '1a', '"1a"'],
      ['order_token', true, 'true'],
      ['quantity', null, 'null'],
      ['buy_sell_indicator', 5, '5'],
      ['client_reference', ['a'], '\\["a"\\]|a list'],
      ['price', {}, '\\{\\}|an object'],
    ] as const) {
      const stderr = await refusedAction({ ...ORDER, [field]: value });
      assert.match(stderr, new RegExp(`^outcry: x\\.json:2:\\d+: ${field} is (${shown}); expected .+\\n$`));
    }
    assert.match(await refused('[]'), /^outcry: x\.json:1:1: .*expected .*\n$/);
    assert.match(await refused({ actions: {} }), /^outcry: x\.json:1:12: actions .*expected .*\n$/);
    assert.match(await refused({ actions: [7] }), /^outcry: x\.json:1:13: .*expected .*\n$/);
    assert.match(await refused({}), /^outcry: x\.json:\d+:\d+: .*"actions".*\n$/);
  });

  test('a price with two decimals is named, and not rounded', async () => {
    const { price: _, ...rest } = ORDER;
    assert.equal(
      await refused(`{"actions": [\n${JSON.stringify(rest).replace('}', ',')}\n "price": 2300.55}]}`),
      'outcry: x.json:3:11: price is 2300.55; expected at most one decimal, from 0 to 429496729.5\n',
    );
    assert.match(
      await refusedAction({ ...ORDER, price: '0.05' }),
      /: price is "0\.05"; expected at most one decimal, .+\n$/,
    );
    assert.match(await refusedAction({ ...ORDER, price: -1 }), /: price is -1; expected .+\n$/);
    assert.match(
      await refusedAction({ ...ORDER, price: 429496729.6 }),
      /: price is 429496729\.6; expected .+\n$/,
    );
  });

  test('a quantity out of range is named with the range', async () => {
    for (const quantity of [4294967296, -1, 1.5]) {
      assert.match(
        await refusedAction({ ...ORDER, quantity }),
        new RegExp(`^outcry: x\\.json:2:\\d+: quantity is ${quantity}; expected .*4294967295.*\\n$`),
      );
    }
    assert.match(
      await refusedAction({ message_type: 'X', order_token: 1, quantity: -2147483649 }),
      /: quantity is -2147483649; expected .+\n$/,
    );
  });

  test('a text that is too long for its field is named', async () => {
    assert.match(
      await refusedAction({ ...ORDER, client_reference: 'elevenbytes' }),
      /: client_reference is "elevenbytes"; expected .*10.*\n$/,
    );
  });

  test('a file that is not there, or is a folder, has a line, and so has every other wrong file', async () => {
    mkdirSync(join(folder, 'sub'), { recursive: true });
    write('wrong.json', { actions: [{ ...ORDER, price: 0.25 }] });
    write('right.json', { actions: [ORDER] });
    const { exitCode, stdout, stderr } = await replay(
      'absent.json',
      'right.json',
      'sub',
      'wrong.json',
      '--port',
      String(await closedPort()),
    );
    assert.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' });
    const lines = stderr.trimEnd().split('\n');
    assert.equal(lines.length, 3, stderr);
    assert.equal(lines[0], 'outcry: absent.json: no such file');
    assert.equal(lines[1], 'outcry: sub: is a directory; name the files in it');
    assert.match(
      lines[2] ?? '',
      /^outcry: wrong\.json:1:\d+: price is 0\.25; expected at most one decimal, .+$/,
    );
  });

  test('bytes that move the cursor do not reach the terminal', async () => {
    const stderr = await refusedAction({ ...ORDER, 'pri\x1b[2Jce': 1 });
    assert.match(stderr, /unknown field "pri/);
    assert.ok(!stderr.includes('\x1b'));
  });
});

describe('outcry ouch replay > a server', () => {
  before(() => write('order.json', { actions: [{ ...ORDER, expect: { message_type: 'A' } }] }));

  test('that is not there is exit 1, with its address', async () => {
    const port = String(await closedPort());
    for (const flags of [[], ['--raw']]) {
      const { exitCode, stderr } = await replay('order.json', ...flags, '--port', port);
      assert.equal(exitCode, 1);
      assert.match(stderr, new RegExp(`nobody listens on 127\\.0\\.0\\.1:${port}`));
    }
  });

  test('that closes in the middle is exit 1', async (t) => {
    const port = await listen(t, (socket) => socket.once('data', () => socket.end()));
    for (const flags of [[], ['--raw']]) {
      const { exitCode, stdout, stderr } = await replay('order.json', ...flags, '--port', port);
      assert.equal(exitCode, 1);
      assert.match(stderr, /^order\.json.*closed the connection/m);
      if (flags.length > 0) assert.match(stdout, /^order\.json +1 .*FAILED$/m);
    }
  });

  test('that resets in the middle is exit 1', async (t) => {
    const port = await listen(t, (socket) => socket.once('data', () => socket.resetAndDestroy()));
    const { exitCode, stderr } = await replay('order.json', '--raw', '--port', port);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^order\.json.*127\.0\.0\.1:\d+/m);
  });

  test('that never answers is exit 1 after the timeout', async (t) => {
    const port = await listen(t, (socket) => socket.resume());
    for (const flags of [[], ['--raw']]) {
      const startedMs = performance.now();
      const { exitCode, stderr } = await replay('order.json', ...flags, '--port', port, '--timeout', '0.3');
      assert.equal(exitCode, 1);
      assert.match(stderr, /^order\.json.*within (0\.3 s|300 ms)/m);
      assert.ok(performance.now() - startedMs < 5000, 'it ends soon after the timeout');
    }
  });

  test('that never closes is exit 1 after the timeout, also when nothing was expected', async (t) => {
    write('free.json', { actions: [ORDER] });
    const port = await listen(t, (socket) => socket.resume());
    const { exitCode, stderr } = await replay('free.json', '--raw', '--port', port, '--timeout', '0.3');
    assert.equal(exitCode, 1);
    assert.match(stderr, /^free\.json/m);
  });

  test('that speaks something else is exit 1', async (t) => {
    const port = await listen(t, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    for (const flags of [[], ['--raw']]) {
      const { exitCode, stderr } = await replay('order.json', ...flags, '--port', port);
      assert.equal(exitCode, 1);
      assert.match(stderr, /^order\.json/m);
    }
  });

  test('that answers what is no message is exit 1, also when nothing was expected', async (t) => {
    write('free.json', { actions: [ORDER] });
    const login = { type: 'login-accepted', session: 'S', sequence: 1 } as const;
    for (const [text, problem] of [
      ['Q', 'the letter of a message is "Q"'],
      ['Axxxx', 'Order Accepted has 65 '],
    ] as const) {
      const message = Buffer.from(text);
      const answer = [login, { type: 'sequenced', message } as const].map(encodeServerPacket);
      const port = await listen(t, (socket) => {
        socket.once('data', () => socket.write(Buffer.concat(answer)));
        socket.on('end', () => socket.end());
      });
      const { exitCode, stderr } = await replay('free.json', '--port', port);
      assert.equal(exitCode, 1);
      assert.ok(stderr.includes(`was not understood: ${problem}`), stderr);
    }
  });

  test('that does not let the user in is exit 1', async () => {
    const port = String(server.port('ouch'));
    const { exitCode, stderr } = await replay('order.json', '--port', port, '--password', 'wrong');
    assert.equal(exitCode, 1);
    assert.match(stderr, /^order\.json.*refused the login: user or password are wrong/m);
  });
});

describe('outcry ouch replay > 100 files at once', () => {
  test('are played, each by its own client, and a line says of each what became of it', async () => {
    const files = Array.from({ length: 100 }, (_, file) => {
      const actions = Array.from({ length: 100 }, (_, i) => ({
        ...ORDER,
        order_token: i,
        quantity: file + 1,
      }));
      write(`many-${file}.json`, { actions });
      return `many-${file}.json`;
    });
    const port = String(server.port('ouch-raw'));
    const { exitCode, stdout, stderr } = await replay('--raw', '--port', port, ...files);
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    assert.equal(lines.length, 2 + 100 + 1);
    for (const file of files) {
      const line = lines.find((text) => text.startsWith(`${file} `));
      assert.match(line ?? '', /^\S+ +100 +100 .*done$/);
    }
    assert.match(
      lines.at(-1) ?? '',
      /^100 inputs, 10,000 messages in [\d.]+ s, [\d,]+\/s, own CPU \d+ %: all done$/,
    );
  });

  test('of which one is wrong are not played at all', async (t) => {
    let connections = 0;
    const port = await listen(t, () => {
      connections += 1;
    });
    write('one-wrong.json', { actions: [{ ...ORDER, quantity: 'many' }] });
    const files = Array.from({ length: 99 }, (_, i) => `many-${i}.json`);
    const { exitCode, stderr } = await replay('--raw', '--port', port, ...files, 'one-wrong.json');
    assert.equal(exitCode, 2);
    assert.match(stderr, /^outcry: one-wrong\.json:1:\d+: quantity is "many"; expected .*\n$/);
    assert.equal(connections, 0);
  });
});
