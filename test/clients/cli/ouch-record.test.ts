import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { createServer, type OutcryServer } from '../../../src/create-server.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import { runOutcry, type ServerProcess, startOutcry } from '../../support/server-process.ts';
import { MIXED_VENUE, RandomClient, replayRecording } from '../../support/session-recorder.ts';
import { TestClient } from '../../support/test-client.ts';
import { until } from '../../support/until.ts';

const RECORDED = 'recorded.json';
const OPTIONS = { services: ['ouch', 'ouch-raw'], venue: MIXED_VENUE } as const;

function startRecord(t: TestContext, port: number, flags: readonly string[] = []): Promise<ServerProcess> {
  const args = ['ouch', 'record', RECORDED, '--port', '0', '--to', `127.0.0.1:${port}`, ...flags];
  return startOutcry(t, args).listening(
    /^recording 127\.0\.0\.1:(\d+) → 127\.0\.0\.1:\d+ into recorded\.json$/m,
  );
}

async function venue(t: TestContext): Promise<OutcryServer> {
  const server = await createServer(OPTIONS);
  t.after(() => server.close());
  return server;
}

/** Some clients send at once, then leave one after the other. */
async function tradeAtRandom(users: readonly string[], port: number): Promise<void> {
  const random = new Random(fuzzSeed());
  const clients = users.map((user) => new RandomClient(user, random));
  for (const client of clients) await client.connect({ ouch: port, raw: port });
  for (let round = 0; round < 30; round++) random.pick(clients).send(1 + random.below(10));
  for (const client of clients) await client.settle();
  for (const client of clients) await client.leave('close');
}

describe('outcry ouch record', () => {
  for (const [door, flags, users] of [
    ['ouch', [], ['TRADE0', 'TRADE1', 'TRADE5']],
    ['ouch-raw', ['--raw'], ['', '', '']],
  ] as const) {
    test(`writes what passes ${door}, which an empty server answers in the same way`, async (t) => {
      const server = await venue(t);
      const record = await startRecord(t, server.port(door), flags);
      await tradeAtRandom(users, record.port);
      const { code, stdout, stderr } = await record.interrupted();
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^3 sessions, \d+ messages$/m);
      const { results } = await replayRecording(join(record.folder, RECORDED), OPTIONS);
      assert.equal(results[0]?.failure, undefined);
      assert.ok(results[0] !== undefined && results[0].tally.executed > 10);
    });
  }

  test('passes on all bytes as they are, also such as are no messages', async (t) => {
    const server = await venue(t);
    const record = await startRecord(t, server.port('ouch-raw'), ['--raw']);
    const client = await TestClient.connect(record.port);
    await until('it is told that the day is open', () => client.receivedBytes === 10);
    client.end('?');
    await until('the exchange has let it go', () => client.hasEnded);
    const { stdout } = await record.interrupted();
    assert.match(stdout, /^1 session, 0 messages, 1 left out that no test input can have$/m);
  });

  test('turns clients away when the exchange is not there, and goes on', async (t) => {
    const gone = await createServer(OPTIONS);
    const port = gone.port('ouch');
    await gone.close();
    const record = await startRecord(t, port);
    const client = await TestClient.connect(record.port);
    await client.isLetGo();
    await until('it is said', () =>
      record.stderr.includes(`outcry: nobody listens on 127.0.0.1:${port}: is the server running?`),
    );
    const { code } = await record.interrupted();
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(readFileSync(join(record.folder, RECORDED), 'utf8')).actions, []);
  });

  test('replaces a file only with --force', async (t) => {
    const server = await venue(t);
    const record = await startRecord(t, server.port('ouch'));
    const { folder } = record;
    writeFileSync(join(folder, RECORDED), 'mine');
    const refused = await runOutcry(t, ['ouch', 'record', RECORDED], { folder });
    assert.equal(refused.code, 2);
    assert.equal(refused.stderr, 'outcry: recorded.json is there already; --force replaces it\n');
    assert.equal(readFileSync(join(folder, RECORDED), 'utf8'), 'mine');
  });

  test('says what is wrong with its arguments', async (t) => {
    for (const [args, message] of [
      [[], /^outcry: usage: outcry ouch record FILE/],
      [['x.json', '--to', 'nowhere'], /--to expects HOST:PORT, not "nowhere"/],
      [['x.json', '--port', 'http'], /PORT must be a whole number from 0 to 65535, not "http"/],
    ] as const) {
      const { code, stderr } = await runOutcry(t, ['ouch', 'record', ...args]);
      assert.equal(code, 2);
      assert.match(stderr, message);
    }
  });
});
