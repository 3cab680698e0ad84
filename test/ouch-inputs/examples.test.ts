/** The example inputs, each played to a server of its own: what they say of a venue is what ours does. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { connect } from '../../clients/index.ts';
import { createServer, type OutcryServer } from '../../src/create-server.ts';
import {
  failuresOf,
  INPUT_NAMES,
  play,
  readInput,
  serverOptions,
  type VenuePorts,
} from '../support/input-files.ts';

/** Letters of reasons: a wrong minimum, and who has asked. */
const N = 0x4e;
const U = 0x55;

/** They wait for each other. */
const TOGETHER = ['barrier-a', 'barrier-b'];

/** The expected sequences of the protocol's rules, and the files that show each of them. */
const RULES: Readonly<Record<string, readonly string[]>> = {
  'an order is accepted once': ['01-accepted-once'],
  'a day order has no minimum': ['02-minimum-of-a-day-order'],
  'a cancel of nothing is ignored': ['03-cancel-of-nothing'],
  'a replaced order goes on under its new token': ['04-replaced-token'],
  'both sides hear of a trade': ['05-trade-two-sides'],
  'a replace says the total of the chain': ['06a-replace-to-what-was-done', '06b-replace-below'],
  'an immediate order trades what it can, or its minimum, or nothing': [
    '07a-immediate-rest',
    '07b-immediate-minimum',
    '07c-the-rest-stays',
    '07d-minimum-of-all-together',
  ],
  'an immediate order that finds nothing is dead': ['08-immediate-empty-book'],
  'a post-only order does not trade at once': ['09-post-only-crosses', '09b-post-only-rests'],
  'who leaves leaves no orders, and hears of it later': ['10-disconnect-and-replay', '10b-nothing-is-left'],
  'nobody trades with himself': ['11-self-cross', '11b-self-cross-decrement-both'],
  'a wrong replace cancels its order': ['12-replace-bad-display', '12b-replace-letters'],
  'orders are taken from the opening to the close': ['13-before-the-opening', '13b-after-the-close'],
  'a session can be read again from any message on': ['14-resume-at-five'],
  'price comes first, then time': ['15-price-time'],
  'a replace loses its place, and may trade': ['16-replace-loses-its-place', '16b-replace-trades'],
  'each wrong order has its letter': [
    '17-reject-letters',
    '17b-reject-by-trader',
    '17c-reject-by-book',
    '17d-throttled',
  ],
  'books have ids of two forms': ['18-both-forms'],
  'steps may wait': ['19-time'],
  'clients of two files wait for each other': TOGETHER,
  'inputs of the original form are taken as they are': ['client_1', 'expected-arrays'],
};

/** Those that need what bare OUCH has not: logins, sessions, and traders with settings of their own. */
const LOGGED_IN_ONLY = [
  '10-disconnect-and-replay',
  '11b-self-cross-decrement-both',
  '14-resume-at-five',
  '17b-reject-by-trader',
  '17d-throttled',
  '18-both-forms',
];

function portsOf(server: OutcryServer): VenuePorts {
  return { ouch: server.port('ouch'), raw: server.port('ouch-raw') };
}

/** Each as many times as there are ways to connect, at a server of their own. */
async function playAlone(...names: readonly string[]): Promise<void> {
  const [first = ''] = names;
  await using server = await createServer(serverOptions(readInput(first)));
  if (first === '13b-after-the-close') await closeDay(server);
  for (const isRaw of LOGGED_IN_ONLY.includes(first) ? [false] : [false, true]) {
    assert.deepEqual(failuresOf(await play(names, portsOf(server), { isRaw })), [], `isRaw: ${isRaw}`);
  }
}

async function closeDay(server: OutcryServer): Promise<void> {
  await using operator = await connect({ port: server.port('api'), token: server.operatorToken });
  assert.ok((await operator.exchange.closeDay()).isChanged);
}

describe('the examples', () => {
  test('are of a rule each, and no rule is without one', () => {
    assert.deepEqual(Object.values(RULES).flat().sort(), INPUT_NAMES);
    const numbers = new Set(INPUT_NAMES.map((name) => Number.parseInt(name, 10)));
    for (let rule = 1; rule <= 14; rule++) assert.ok(numbers.has(rule), `rule ${rule} has an example`);
  });

  for (const [rule, names] of Object.entries(RULES)) {
    if (names === TOGETHER) test(`${names.join(' and ')}: ${rule}`, () => playAlone(...names));
    else for (const name of names) test(`${name}: ${rule}`, () => playAlone(name));
  }

  test('of the original form are answered as their prose says', async () => {
    await using server = await createServer();
    for (const isRaw of [false, true]) {
      const [{ tally } = assert.fail()] = await play(['client_1'], portsOf(server), { isRaw });
      const { sent, accepted, rejected, replaced, canceled, executed, silent } = tally;
      assert.deepEqual(
        { sent, accepted, rejected: rejected[N], replaced, canceled: canceled[U], executed, silent },
        { sent: 7, accepted: 2, rejected: 1, replaced: 1, canceled: 1, executed: 0, silent: 2 },
      );
    }
  });

  test('fail at another venue than the one that they mean, and say how', async () => {
    await using server = await createServer();
    const [failure = '', ...others] = failuresOf(await play(['13-before-the-opening'], portsOf(server)));
    assert.deepEqual(others, []);
    assert.match(failure, /13-before-the-opening\.json:\d+:\d+: step 1, client: /);
    assert.match(failure, /≠ message_type +J +came A/);
  });
});
