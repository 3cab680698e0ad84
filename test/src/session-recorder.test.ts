import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createServer } from '../../src/create-server.ts';
import { Random } from '../../workers/runtime/random.ts';
import { fuzzSeed } from '../support/fuzz-seed.ts';
import { MIXED_VENUE, RandomClient, replayRecording, temporaryPath } from '../support/session-recorder.ts';

const USERS = ['TRADE0', 'TRADE1', 'TRADE2', 'TRADE3', 'TRADE4', 'TRADE5', '', ''];
const ROUNDS = 60;

/** Clients of both doors come, go, and send, all at once; returns the path of the recording. */
async function recordAtRandom(t: TestContext, seed: number): Promise<string> {
  const random = new Random(seed);
  const path = temporaryPath(t, 'recorded.json');
  await using server = await createServer({
    services: ['ouch', 'ouch-raw'],
    settings: { ouch: { record_file: path }, server: { hosts: 1 } },
    venue: MIXED_VENUE,
  });
  const ports = { ouch: server.port('ouch'), raw: server.port('ouch-raw') };
  const clients = USERS.map((user) => new RandomClient(user, random));
  for (let round = 0; round < ROUNDS; round++) {
    const client = random.pick(clients);
    if (!client.isConnected) await client.connect(ports);
    else if (random.chance(0.1)) await client.leave(random.pick(['logout', 'close', 'reset']));
    else client.send(1 + random.below(20));
    if (random.chance(0.5)) await nextTurn();
  }
  for (const client of clients) await client.leave('close');
  return path;
}

describe('a recording', () => {
  test('gives the same replies when it is played to an empty server', async (t) => {
    const seed = fuzzSeed();
    const path = await recordAtRandom(t, seed);
    const { results } = await replayRecording(path, { venue: MIXED_VENUE });
    const [result] = results;
    if (result?.failure !== undefined) process.stdout.write(`${readFileSync(path, 'utf8')}\n`);
    assert.equal(result?.failure, undefined);
    assert.ok(result !== undefined && result.tally.sent > 100 && result.tally.executed > 10);
  });
});
