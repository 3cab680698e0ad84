/** Recordings of servers that are killed, and of servers whose disk is full. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '../../workers/runtime/random.ts';
import { cannotFillDisks } from '../support/durable-bank.ts';
import { fuzzSeed } from '../support/fuzz-seed.ts';
import { type ServerProcess, type SpawnOptions, startOutcry } from '../support/server-process.ts';
import { RandomClient } from '../support/session-recorder.ts';
import { until } from '../support/until.ts';

const RECORDED = 'recorded.json';
const USERS = ['TRADE0', 'TRADE1', ''];

async function startRecording(t: TestContext, options: SpawnOptions = {}) {
  const server = startOutcry(t, ['ouch', 'serve', '--ouch-record-file', RECORDED], options);
  await server.listening(/^ouch-raw: listening on 127\.0\.0\.1:(\d+)$/m);
  const ouch = Number(/^ouch: listening on 127\.0\.0\.1:(\d+)$/m.exec(server.stdout)?.[1]);
  return { server, ports: { ouch, raw: server.port } };
}

function stepsIn(server: ServerProcess): readonly object[] {
  return JSON.parse(readFileSync(join(server.folder, RECORDED), 'utf8')).actions;
}

describe('outcry ouch serve with a recording', () => {
  test('leaves a whole document when it is killed at any moment', async (t) => {
    const random = new Random(fuzzSeed());
    for (let kill = 0; kill < 5; kill++) {
      const { server, ports } = await startRecording(t);
      const clients = USERS.map((user) => new RandomClient(user, random));
      for (const client of clients) await client.connect(ports);
      const endMs = performance.now() + 150 + random.below(300);
      while (performance.now() < endMs) {
        for (const client of clients) client.send(20);
        await delay(1);
      }
      await server.interrupted('SIGKILL');
      assert.ok(stepsIn(server).length > 100);
    }
  });

  test('goes on without it when the disk is full', { skip: cannotFillDisks() }, async (t) => {
    const { server, ports } = await startRecording(t, { fileKibMax: 512 });
    const client = new RandomClient('TRADE0', new Random(1));
    await client.connect(ports);
    await until('it is full', () => {
      client.send(50);
      return /the recording has ended: recorded\.json: EFBIG/.test(server.stderr);
    });
    await client.settle();
    const steps = stepsIn(server);
    assert.ok(steps.length > 50);
    const { code } = await server.interrupted();
    assert.equal(code, 0);
    assert.deepEqual(stepsIn(server), steps);
    assert.equal(server.stderr.match(/the recording has ended/g)?.length, 1);
  });
});
