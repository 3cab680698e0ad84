import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createServer } from '../../src/create-server.ts';
import { Random } from '../../workers/runtime/random.ts';
import { fuzzSeed } from '../support/fuzz-seed.ts';
import { MIXED_VENUE, RandomClient, replayRecording, temporaryPath } from '../support/session-recorder.ts';

const USERS = ['TRADE0', 'TRADE1', 'TRADE2', 'TRADE3', 'TRADE4', 'TRADE5', '', ''];
const ROUNDS = 120;

function recordingServer(path: string) {
  return createServer({
    services: ['ouch', 'ouch-raw'],
    settings: { ouch: { record_file: path }, server: { hosts: 1 } },
    venue: MIXED_VENUE,
  });
}

/** Clients of both doors come, go, and send, all at once; returns the path of the recording. */
async function recordAtRandom(t: TestContext, seed: number): Promise<string> {
  const random = new Random(seed);
  const path = temporaryPath(t, 'recorded.json');
  await using server = await recordingServer(path);
  const ports = { ouch: server.port('ouch'), raw: server.port('ouch-raw') };
  const clients = USERS.map((user) => new RandomClient(user, random));
  // Whether an order was there before another client had left is in no reply.
  const settle = () => Promise.all(clients.map((client) => client.settle()));
  for (let round = 0; round < ROUNDS; round++) {
    const client = random.pick(clients);
    if (!client.isConnected) await client.connect(ports);
    else if (random.chance(0.1)) {
      await settle();
      await client.leave(random.pick(['logout', 'close', 'reset']));
    } else client.send(1 + random.below(20));
    if (random.chance(0.5)) await nextTurn();
  }
  await settle();
  for (const client of clients) await client.leave('close');
  return path;
}

describe('a recording', () => {
  test('gives the same replies when it is played to an empty server', async (t) => {
    const path = await recordAtRandom(t, fuzzSeed());
    const { results } = await replayRecording(path, { venue: MIXED_VENUE });
    const [result] = results;
    assert.equal(result?.failure, undefined);
    assert.ok(result !== undefined && result.tally.sent > 300 && result.tally.executed > 50);
  });

  test('fails where the server that it is played to does not do the same', async (t) => {
    const path = await recordAtRandom(t, fuzzSeed());
    const { results } = await replayRecording(path, {
      venue: MIXED_VENUE,
      settings: { exchange: { orders_max: 3 } },
    });
    assert.notEqual(results[0]?.failure, undefined);
  });

  test('is whole when the server has ended', async (t) => {
    const path = temporaryPath(t, 'recorded.json');
    const server = await recordingServer(path);
    const client = new RandomClient('TRADE0', new Random(1));
    await client.connect({ ouch: server.port('ouch'), raw: server.port('ouch-raw') });
    client.send(50);
    await client.settle();
    await server.close();
    const { actions } = JSON.parse(readFileSync(path, 'utf8'));
    assert.equal(actions.filter((step: object) => 'message_type' in step).length, 51);
    assert.deepEqual(actions.at(-1), { as: 'TRADE0', disconnect: 'close' });
  });

  test('replaces no file', async (t) => {
    const path = temporaryPath(t, 'recorded.json');
    writeFileSync(path, 'mine');
    await assert.rejects(recordingServer(path), {
      code: 'ERR_CONFIG_INVALID',
      message: `ouch.record_file: ${path} is there already; expected a path where a file can be made`,
    });
    assert.equal(readFileSync(path, 'utf8'), 'mine');
  });
});
