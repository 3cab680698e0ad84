/** Test inputs against the server and against a scripted one, over real sockets. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { freePort } from '../../../bench/support/program.ts';
import { runInputs } from '../../../clients/ouch-inputs/run.ts';
import { createServer, type OutcryServer } from '../../../src/create-server.ts';
import type { OutboundMessage } from '../../../src/protocol/ouch/messages.ts';
import type { Step } from '../../../src/protocol/ouch-inputs/input.ts';
import { enter, InputFolder, outcomes } from '../../support/played-inputs.ts';
import { SoupServer } from '../../support/soup-server.ts';
import { until } from '../../support/until.ts';

const ACCEPTED = { message_type: 'A', order_state: 'L' };
const SELL = { buy_sell_indicator: 'S' };
const IMMEDIATE = { time_in_force: 0 };

function portsOf(server: OutcryServer) {
  return { port: server.port('ouch'), rawPort: server.port('ouch-raw') };
}

function tradersOf(count: number) {
  return Array.from({ length: count }, (_, i) => ({ user: `T${i}`, password: 'OUTCRY' }));
}

/** A maker and a taker; what the maker hears is expected or not. */
function trade(heard: readonly Step[]): readonly Step[] {
  return [
    enter(1, { as: 'maker', ...SELL, expect: ACCEPTED }),
    enter(1, {
      as: 'taker',
      quantity: 60,
      expect: [ACCEPTED, { message_type: 'E', executed_quantity: 60, match_number: '$m' }],
    }),
    ...heard,
  ];
}

describe('runInputs on the server', () => {
  test('sends what the original inputs say, and counts what comes', async () => {
    await using folder = await InputFolder.create();
    await using server = await createServer();
    const actions: Step[] = [
      enter(1),
      enter(2, { minimum_quantity: 100 }),
      enter(3),
      enter(3),
      { message_type: 'U', existing_order_token: 1, replacement_order_token: 5, quantity: 115, price: 2300 },
      { message_type: 'X', order_token: 1, quantity: -10 },
      { message_type: 'X', order_token: 5, quantity: -10 },
    ];
    const report = await folder.play({ 'client_1.json': { actions } }, portsOf(server));
    assert.deepEqual(outcomes(report), ['done']);
    const [{ tally, latency }] = report.results as [(typeof report.results)[0]];
    assert.deepEqual(
      [tally.sent, tally.accepted, tally.rejected['N'.charCodeAt(0)], tally.replaced, tally.silent],
      [7, 2, 1, 1, 2],
    );
    assert.ok((latency.quantileUs(0.5) ?? 0) > 0);
    assert.ok(report.seconds > 0 && report.messages === 7 && report.cpuShare > 0);
  });

  test('a trade is heard by both sides, under one number', async () => {
    await using folder = await InputFolder.create();
    await using server = await createServer();
    const heard = { as: 'maker', expect: { message_type: 'E', executed_quantity: 60, match_number: '$m' } };
    const report = await folder.play({ 'a.json': { actions: trade([heard]) } }, portsOf(server));
    assert.deepEqual(outcomes(report), ['done']);
  });

  test('what a file does not expect is found every time, without waiting for it', async () => {
    await using folder = await InputFolder.create();
    await using server = await createServer({ venue: { traders: tradersOf(40) } });
    for (let time = 0; time < 20; time++) {
      const users = [`T${2 * time}`, `T${2 * time + 1}`];
      const report = await folder.play({ 'a.json': { actions: trade([]) } }, { ...portsOf(server), users });
      assert.deepEqual(outcomes(report), ['unexpected in 1 of maker']);
      assert.ok(report.seconds < 1);
    }
  });

  test('a hundred inputs at once are done', async () => {
    await using folder = await InputFolder.create();
    await using server = await createServer({ venue: { traders: tradersOf(100) } });
    const count = 100;
    const cancel = (order_token: number): Step => ({ message_type: 'X', order_token });
    const inputs = Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => {
        const expect = i % 2 === 0 ? undefined : ACCEPTED;
        const actions = Array.from({ length: count }, (__, n) => [
          enter(n + 1, { price: 1 + i, ...(expect && { expect }) }),
          ...(expect === undefined ? [cancel(n + 1)] : []),
        ]).flat();
        return [`${i}.json`, { actions }];
      }),
    );
    const report = await folder.play(inputs, { ...portsOf(server), users: ['T#'] });
    assert.deepEqual(new Set(outcomes(report)), new Set(['done']));
    assert.equal(report.messages, 50 * count + 50 * 2 * count);
    assert.ok(report.results.every(({ tally }) => tally.accepted === count && tally.silent === 0));
  });

  test('inputs wait for each other at barriers, in every repetition', async () => {
    await using folder = await InputFolder.create();
    await using server = await createServer();
    const barrier = (name: string): Step => ({ barrier: name });
    const maker = [
      enter(1, SELL),
      barrier('resting'),
      barrier('taken'),
      { message_type: 'X', order_token: 1 } as Step,
    ];
    const taker = [barrier('resting'), enter(1, IMMEDIATE), barrier('taken')];
    const options = { ...portsOf(server), repeat: 3, timeoutMs: 5000 };
    // What rests is surely there only if its client has heard so: a barrier follows what is sent, not what is answered.
    const heard = [{ ...maker[0], expect: ACCEPTED } as Step, ...maker.slice(1)];
    const checked = await folder.play(
      { 'a.json': { actions: heard }, 'b.json': { actions: taker } },
      portsOf(server),
    );
    assert.deepEqual(outcomes(checked), ['unexpected in 4 of client', 'done']);
    const report = await folder.play(
      { 'c.json': { actions: maker }, 'd.json': { actions: taker } },
      { ...options, users: ['TRADE5', 'TRADE6'] },
    );
    assert.deepEqual(outcomes(report), ['done', 'done']);
    assert.deepEqual(
      report.results.map(({ tally }) => tally.sent),
      [6, 3],
    );
  });

  test('an input whose barrier nobody else will come to fails', async () => {
    await using folder = await InputFolder.create();
    await using server = await createServer();
    const wrong = [enter(1, { expect: { message_type: 'J' } }), { barrier: 'b' }];
    const report = await folder.play(
      { 'a.json': { actions: [{ barrier: 'b' }, enter(1)] }, 'b.json': { actions: wrong } },
      portsOf(server),
    );
    const [first = '', second] = outcomes(report);
    assert.match(first, /^barrier in 1 of -: barrier b: .*b\.json has ended$/);
    assert.equal(second, 'mismatch in 1 of client');
  });

  test('a client comes back where it was, or where it wants, and what is told again is counted once', async () => {
    await using folder = await InputFolder.create();
    await using server = await createServer();
    const withdrawn = (order_token: number) => ({ message_type: 'C', order_token, reason: 'L' });
    const actions: Step[] = [
      enter(1, { expect: [{ message_type: 'S' }, ACCEPTED] }),
      enter(2, { expect: ACCEPTED }),
      { disconnect: 'logout' },
      { reconnect: true, expect: [withdrawn(1), withdrawn(2)] },
      { disconnect: 'close' },
      {
        reconnect: { sequence: 3 },
        expect: [{ message_type: 'A', order_token: 2 }, withdrawn(1), withdrawn(2)],
      },
      enter(3, { expect: ACCEPTED }),
      // The newer login takes the account over, and the order stays.
      { reconnect: true },
      { message_type: 'X', order_token: 3, expect: { message_type: 'C', order_token: 3, reason: 'U' } },
    ];
    const report = await folder.play({ 'a.json': { actions } }, portsOf(server));
    assert.deepEqual(outcomes(report), ['done']);
    assert.equal(report.results[0]?.tally.accepted, 3);
  });

  test('a client that was cut off comes back, and a raw one begins anew', async () => {
    await using folder = await InputFolder.create();
    await using server = await createServer();
    const cutOff: Step[] = [
      // Whether the order is withdrawn ahead of the next login is the server's business: nothing is expected of it.
      enter(1),
      { expect: { message_type: 'A', order_token: 1 } },
      { disconnect: 'reset' },
      { reconnect: true },
      enter(2, { expect: ACCEPTED }),
    ];
    const raw: Step[] = [
      enter(1, { expect: ACCEPTED }),
      { disconnect: 'logout' },
      { reconnect: true },
      enter(1, { expect: ACCEPTED }),
    ];
    const report = await folder.play({ 'a.json': { actions: cutOff } }, portsOf(server));
    const port = server.port('ouch-raw');
    const bare = await folder.play({ 'b.json': { actions: raw } }, { port, isRaw: true });
    assert.deepEqual([outcomes(report), outcomes(bare)], [['done'], ['done']]);
    assert.deepEqual(bare.results[0]?.tally.accepted, 2);
  });

  test('old replies of an account are no replies to what is sent now', async () => {
    await using folder = await InputFolder.create();
    await using server = await createServer();
    const inputs = { 'a.json': { actions: [enter(1, { expect: ACCEPTED })] } };
    assert.deepEqual(outcomes(await folder.play(inputs, portsOf(server))), ['done']);
    const again = await folder.play(inputs, { ...portsOf(server), timeoutMs: 200 });
    assert.deepEqual(outcomes(again), ['timeout in 1 of client: nothing came within 0.2 s']);
    assert.match(again.results[0]?.failure?.hint ?? '', /^TRADE0 was told 3 messages in this session before/);
    assert.deepEqual([again.results[0]?.tally.accepted, again.results[0]?.tally.silent], [0, 1]);
    // Who asks for them is told them.
    const asked = await folder.play(inputs, { ...portsOf(server), sequence: 1 });
    assert.equal(asked.results[0]?.tally.accepted, 1);
  });

  test('raw clients and those who log in trade with each other', async () => {
    await using folder = await InputFolder.create();
    await using server = await createServer();
    const heard = { as: 'maker', expect: { message_type: 'E', match_number: '$m' } };
    const input = { clients: { maker: { raw: true }, taker: { user: 'TRADE7' } }, actions: trade([heard]) };
    assert.deepEqual(outcomes(await folder.play({ 'a.json': input }, portsOf(server))), ['done']);
    const all = await folder.play(
      { 'b.json': { actions: trade([heard]) } },
      { port: server.port('ouch-raw'), isRaw: true },
    );
    assert.deepEqual(outcomes(all), ['done']);
  });

  test('the clients of a recording are called as their users', async () => {
    await using folder = await InputFolder.create();
    await using server = await createServer();
    const actions = [enter(1, { as: 'TRADE3' }), enter(1, { as: 'raw-1', ...SELL, ...IMMEDIATE })];
    const input = { recorded: true, actions };
    const report = await folder.play({ 'a.json': input }, { ...portsOf(server), users: [] });
    assert.deepEqual(outcomes(report), ['done']);
    assert.equal(report.results[0]?.tally.accepted, 2);
  });

  test('a flat input is repeated with other tokens, by several clients', async () => {
    await using folder = await InputFolder.create();
    await using server = await createServer();
    const actions: Step[] = [
      enter(4, { price: 1 }),
      { message_type: 'U', existing_order_token: 4, replacement_order_token: 9, quantity: 50, price: 1 },
      { message_type: 'X', order_token: 9 },
    ];
    let sent = 0;
    const onSent = (count: number) => {
      sent += count;
    };
    const inputs = { 'a.json': { actions } };
    const report = await folder.play(inputs, { ...portsOf(server), repeat: 50, clients: 3, onSent });
    const [{ tally }] = report.results as [(typeof report.results)[0]];
    assert.deepEqual(
      [sent, tally.sent, tally.accepted, tally.replaced, tally.silent],
      [450, 450, 150, 150, 0],
    );
  });

  test('an input is not repeated so often that there are no more tokens, of orders or to cancel', async () => {
    await using folder = await InputFolder.create();
    for (const last of [enter(2 ** 31), { message_type: 'X', order_token: 2 ** 31 } as Step]) {
      const inputs = { 'a.json': { actions: [enter(1), last] } };
      await assert.rejects(folder.play(inputs, { port: 1, rawPort: 1, repeat: 2 }), {
        code: 'ERR_USAGE',
        message: /a\.json go up to 2147483648; 2 times as many are more than there are$/,
      });
    }
  });

  test('one that is not flat is repeated step by step', async () => {
    await using folder = await InputFolder.create();
    await using server = await createServer();
    const actions = [enter(1, { as: 'a', expect: { message_type: 'J' } }), enter(1, { as: 'b', price: 1 })];
    const options = { ...portsOf(server), repeat: 5, clients: 2, noCheck: true };
    const report = await folder.play({ 'a.json': { actions } }, options);
    assert.deepEqual([outcomes(report), report.messages], [['done'], 20]);
    assert.equal(report.results[0]?.tally.accepted, 20);
  });

  test('a flat input longer than its buffer is sent as it is', async () => {
    await using folder = await InputFolder.create();
    await using server = await createServer();
    const actions = Array.from({ length: 5000 }, (_, i) => enter(i + 1, { price: 1 + (i % 50) }));
    const report = await folder.play({ 'a.json': { actions } }, portsOf(server));
    assert.deepEqual([outcomes(report), report.results[0]?.tally.accepted], [['done'], 5000]);
  });

  test('a rate is kept by all inputs together', async () => {
    await using folder = await InputFolder.create();
    await using server = await createServer();
    const actions = Array.from({ length: 50 }, (_, i) => enter(i + 1));
    const inputs = { 'a.json': { actions }, 'b.json': { actions: [...actions, { sleep: 1 }] } };
    const { messages, seconds } = await folder.play(inputs, { ...portsOf(server), rate: 500 });
    assert.equal(messages, 100);
    // Ninety of them wait for their turn.
    assert.ok(seconds >= 0.175, `100 messages took ${seconds} s`);
  });

  test('step by step somebody says when to go on, sees what comes, and may stop', async () => {
    await using folder = await InputFolder.create();
    await using server = await createServer();
    const seen: string[] = [];
    const pace = {
      next: async (client: string, message: { readonly type: string }) => {
        await until('what came before is seen', () => seen.length % 2 === 1);
        seen.push(`${client} > ${message.type}`);
        return seen.length < 5;
      },
      received: (client: string, message: OutboundMessage) => seen.push(`${client} < ${message.type}`),
    };
    const actions = [enter(1), enter(2), enter(3)];
    const report = await folder.play({ 'a.json': { actions } }, { ...portsOf(server), pace });
    assert.deepEqual(seen.slice(0, 6), [
      'client < system-event',
      'client > enter',
      'client < accepted',
      'client > enter',
      'client < accepted',
      'client > enter',
    ]);
    assert.deepEqual([outcomes(report), report.messages], [['done'], 2]);
  });

  test('a signal ends all inputs where they are', async () => {
    await using folder = await InputFolder.create();
    await using server = await createServer();
    const controller = new AbortController();
    const inputs = {
      'a.json': { actions: [enter(1), enter(2)] },
      'b.json': { actions: [enter(1), { sleep: 3_600_000 }] },
      'c.json': { actions: [enter(1, { expect: [{ message_type: 'A' }, { silence: 3_600_000 }] })] },
    };
    let sent = 0;
    const played = folder.play(inputs, {
      ...portsOf(server),
      signal: controller.signal,
      onSent: (count) => {
        sent += count;
      },
    });
    await until('all is sent', () => sent === 4);
    controller.abort();
    assert.deepEqual(outcomes(await played).slice(1), ['stopped', 'stopped']);
  });

  test('a file that is another one than was checked fails', async () => {
    await using folder = await InputFolder.create();
    await using server = await createServer();
    const options = portsOf(server);
    const file = await folder.write('a.json', { actions: [enter(1, { expect: ACCEPTED })] });
    const checked = await folder.survey(file, options);
    await writeFile(file, '{"actions": [{"message_type": "O"}]}');
    const report = await runInputs([checked], { users: ['TRADE0'], password: 'OUTCRY', timeoutMs: 5000 });
    assert.match(outcomes(report)[0] ?? '', /^file in 0 of -: .*a\.json:1:/);
  });
});

describe('runInputs and a server that does not do as it should', () => {
  const flat = { actions: [enter(1), enter(2)] };
  const checked = { actions: [enter(1, { expect: ACCEPTED }), enter(2, { expect: ACCEPTED })] };
  const both = { 'flat.json': flat, 'checked.json': checked };

  test('one that is not there', async () => {
    await using folder = await InputFolder.create();
    const port = await freePort();
    const why = `nobody listens on 127.0.0.1:${port}: is the server running?`;
    for (const isRaw of [false, true]) {
      const report = await folder.play(both, { port, isRaw });
      assert.deepEqual(outcomes(report), [
        `connection in 0 of client: ${why}`,
        `connection in 0 of client: ${why}`,
      ]);
    }
  });

  test('one that refuses the login', async () => {
    await using folder = await InputFolder.create();
    await using server = await SoupServer.listen({ answer: () => ({ type: 'login-rejected', reason: 'A' }) });
    const report = await folder.play(both, { port: server.port });
    const why = `127.0.0.1:${server.port} refused the login: user or password are wrong`;
    assert.deepEqual(outcomes(report), [
      `connection in 0 of client: ${why}`,
      `connection in 0 of client: ${why}`,
    ]);
  });

  test('one that never answers the login', async () => {
    await using folder = await InputFolder.create();
    await using server = await SoupServer.listen({ answer: () => null });
    const report = await folder.play(both, { port: server.port, timeoutMs: 100 });
    const why = `127.0.0.1:${server.port} did not answer within 100 ms`;
    assert.deepEqual(outcomes(report), [
      `connection in 0 of client: ${why}`,
      `connection in 0 of client: ${why}`,
    ]);
  });

  test('one that never answers what is sent', async () => {
    await using folder = await InputFolder.create();
    await using server = await SoupServer.listen();
    const report = await folder.play({ 'checked.json': checked }, { port: server.port, timeoutMs: 100 });
    assert.deepEqual(outcomes(report), ['timeout in 1 of client: nothing came within 0.1 s']);
    assert.deepEqual(report.results[0]?.failure?.expected, { order_token: 1, ...ACCEPTED });
  });

  test('one that closes in the middle', async () => {
    await using folder = await InputFolder.create();
    await using server = await SoupServer.listen({ onMessage: (_message, on) => on.drop() });
    for (const input of [flat, checked]) {
      const report = await folder.play({ 'a.json': input }, { port: server.port, rate: 20 });
      const [{ failure }] = report.results as [(typeof report.results)[0]];
      assert.deepEqual([failure?.what, failure?.step], ['connection', 1]);
      assert.match(failure?.error?.message ?? '', /127.0.0.1:\d+ (failed|closed the connection)/);
    }
  });

  test('one that ends the session while replies are expected', async () => {
    await using folder = await InputFolder.create();
    await using server = await SoupServer.listen({ onMessage: (_message, on) => on.endSession('NEXT') });
    const report = await folder.play({ 'a.json': checked }, { port: server.port });
    assert.match(outcomes(report)[0] ?? '', /^connection in 1 of client: .* has ended the session$/);
  });

  test('one that answers with what no server says', async () => {
    await using folder = await InputFolder.create();
    await using server = await SoupServer.listen({
      onMessage: (_message, on) => on.sayBytes(Uint8Array.of(0x51, 1, 2)),
    });
    const report = await folder.play({ 'a.json': checked }, { port: server.port });
    assert.match(outcomes(report)[0] ?? '', /^connection in \d of client: what .* sent was not understood/);
  });

  test('one that does not close when a client has said all', async () => {
    await using folder = await InputFolder.create();
    const sockets: Socket[] = [];
    const server = createTcpServer({ allowHalfOpen: true }, (socket) => sockets.push(socket.resume()));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const steps = { actions: [enter(1), { sleep: 1 }] };
    const report = await folder.play(
      { 'a.json': flat, 'b.json': steps },
      { port, isRaw: true, timeoutMs: 100 },
    );
    const why = 'the connection was not closed within 0.1 s';
    assert.deepEqual(outcomes(report), [`timeout in 2 of client: ${why}`, `timeout in 2 of client: ${why}`]);
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  test('one that takes nothing any more', async () => {
    await using folder = await InputFolder.create();
    const sockets: Socket[] = [];
    const server = createTcpServer({ pauseOnConnect: true }, (socket) => sockets.push(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const actions = Array.from({ length: 2000 }, (_, i) => enter(i + 1));
    const inputs = { 'a.json': { actions }, 'b.json': { actions: [...actions, { sleep: 1 }] } };
    const report = await folder.play(inputs, { port, isRaw: true, timeoutMs: 200, repeat: 100 });
    for (const line of outcomes(report)) {
      assert.match(line, /^timeout in \d+ of client: nothing more was taken within 0.2 s$/);
    }
    for (const socket of sockets) socket.destroy();
    server.close();
  });
});
