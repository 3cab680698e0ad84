/** Gold rates of a whole server, whose sources are servers of this machine: they feed it, lie to it, hang and go away. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { type Client, connect } from '../../clients/index.ts';
import { createServer, type OutcryServer } from '../../src/create-server.ts';
import { goldDateOf } from '../../src/protocol/gold-dates.ts';
import { parseGoldFile } from '../../src/protocol/gold-file.ts';
import { GoldStub, type Misbehaviour, STUB_ROWS } from '../support/gold-stubs.ts';
import { temporaryFolder } from '../support/stored-bank.ts';
import { until } from '../support/until.ts';

const KINDS = ['tygia', 'vang-today', 'pnj', 'btmc'] as const;
const MISBEHAVIOURS: readonly Misbehaviour[] = [
  'half',
  'huge',
  'gzip-bomb',
  'html',
  'wrong-unit',
  'status-500',
  'redirect-loop',
  'redirect-away',
  'not-utf8',
  'not-json',
  'changed-shape',
];

interface Running {
  readonly server: OutcryServer;
  readonly client: Client;
}

/** Where each source is; one that is not there any more is where it was. */
type Urls = Readonly<Record<string, string>>;

function urlsOf(stubs: readonly GoldStub[]): Urls {
  return Object.fromEntries(stubs.map(({ kind, url }) => [kind, url]));
}

async function start(t: TestContext, urls: Urls, folder?: string): Promise<Running> {
  const kinds = Object.keys(urls);
  const settings = kinds
    .filter((kind) => kind !== 'example')
    .map((kind) => [`${kind.replaceAll('-', '_')}_url`, urls[kind] as string]);
  const server = await createServer({
    store: folder === undefined ? 'memory' : { folder },
    services: ['api'],
    settings: {
      gold: { providers: kinds.join(' ') || 'none', btmc_key: 'a key', ...Object.fromEntries(settings) },
    },
  });
  const client = await connect({ server, token: server.operatorToken });
  t.after(async () => {
    await client.close();
    await server.close();
  });
  return { server, client };
}

async function stop({ server, client }: Running): Promise<void> {
  await client.close();
  await server.close();
}

/** Waits until rates are there. */
function fed({ client }: Running): Promise<boolean> {
  return until('rates are there', async () => (await client.gold.dates()).total > 0);
}

/** What the server answers to all that a user may ask, but for how long ago that was. */
async function answers({ client }: Running): Promise<unknown> {
  const { dates } = await client.gold.dates();
  const rows = await Promise.all(
    dates.flatMap((date) =>
      STUB_ROWS.map(async ({ type }) => {
        const { ageMs: _, isStale: __, ...answer } = await client.gold.lookUp(date, type.toLowerCase());
        return answer;
      }),
    ),
  );
  return { dates, types: await client.gold.types(), rows };
}

describe('gold rates', () => {
  test('of a source that hangs are not waited for when the server ends', { timeout: 8000 }, async (t) => {
    const stub = await GoldStub.start(t, 'tygia');
    stub.answerWith('hang');
    const { server } = await start(t, urlsOf([stub]));
    await until('the source is asked', () => stub.requests.length > 0);
    await server.close();
  });

  for (const kind of KINDS) {
    test(`of ${kind} are answered as it had them, and after a restart when it is gone`, async (t) => {
      const stub = await GoldStub.start(t, kind);
      const folder = temporaryFolder(t);
      const urls = urlsOf([stub]);
      const first = await start(t, urls, folder);
      await fed(first);
      const today = goldDateOf(Date.now());
      for (const { type, buyVnd, sellVnd } of STUB_ROWS) {
        const answer = await first.client.gold.lookUp(today, type);
        assert.deepEqual([answer.source, answer.isStale], [kind, false]);
        const row = answer.rows.find((row) => row.type === type);
        assert.deepEqual([row?.buyVnd, row?.sellVnd], [buyVnd, sellVnd]);
      }
      const before = await answers(first);
      await stop(first);
      await stub.close();

      const second = await start(t, urls, folder);
      assert.deepEqual(await answers(second), before);
      const { isStale } = await second.client.gold.latest();
      assert.equal(isStale, true);
    });
  }

  for (let i = 0; i < MISBEHAVIOURS.length; i += 3) {
    const misbehaviours = MISBEHAVIOURS.slice(i, i + 3);
    test(`come from the last source, where those before it do this: ${misbehaviours.join(', ')}`, async (t) => {
      const stubs = await Promise.all(KINDS.map((kind) => GoldStub.start(t, kind)));
      const last = stubs.at(-1) as GoldStub;
      for (const [i, stub] of stubs.slice(0, -1).entries()) stub.answerWith(misbehaviours[i] ?? 'status-500');
      const running = await start(t, urlsOf(stubs));
      await fed(running);
      const { source, rows } = await running.client.gold.latest();
      assert.deepEqual([source, rows.length, last.requests.length], [last.kind, STUB_ROWS.length, 1]);
    });
  }

  test('are waited for no longer than ten seconds a source, while all else goes on', async (t) => {
    const stubs = await Promise.all((['tygia', 'pnj'] as const).map((kind) => GoldStub.start(t, kind)));
    stubs[0]?.answerWith('hang');
    const running = await start(t, urlsOf(stubs));
    await until('the first source is asked', () => stubs[0]?.requests.length === 1);
    await running.client.bank.credit('Marc', '1');
    assert.equal((await running.client.gold.dates()).total, 0);
    await fed(running);
    assert.equal((await running.client.gold.latest()).source, 'pnj');
  });

  test('are asked for once when all sources are down, and nothing spins', async (t) => {
    const stubs = await Promise.all(KINDS.map((kind) => GoldStub.start(t, kind)));
    for (const stub of stubs) stub.answerWith('status-500');
    const running = await start(t, urlsOf(stubs));
    await until('all are asked', () => stubs.every(({ requests }) => requests.length > 0));
    for (let i = 0; i < 200; i++)
      await assert.rejects(running.client.gold.latest(), { code: 'ERR_GOLD_DATE' });
    assert.deepEqual(
      stubs.map(({ requests }) => requests.length),
      [1, 1, 1, 1],
    );
  });

  test('are in the file of the day, which can be imported elsewhere', async (t) => {
    const stub = await GoldStub.start(t, 'pnj');
    const folder = temporaryFolder(t);
    const running = await start(t, urlsOf([stub]), folder);
    const name = `${goldDateOf(Date.now())}.json`;
    const gold = join(folder, 'gold');
    await until(
      'the file is written',
      () => readdirSync(folder).includes('gold') && readdirSync(gold).includes(name),
    );
    assert.deepEqual(readdirSync(gold), [name]);
    const refreshes = parseGoldFile(readFileSync(join(gold, name), 'utf8'));
    assert.deepEqual(
      refreshes.flatMap(({ rows }) => rows.map(({ type, sellVnd }) => [type, sellVnd])),
      STUB_ROWS.map(({ type, sellVnd }) => [type, sellVnd]),
    );
    await stop(running);
    // A copy that was spoiled is written anew.
    writeFileSync(join(gold, name), 'spoiled');
    await stub.close();
    const again = await start(t, {}, folder);
    await until('the file is written anew', () => parsed(join(gold, name)) !== undefined);
    assert.deepEqual(parsed(join(gold, name)), refreshes);
    await stop(again);

    const other = await start(t, {});
    const imported = await other.client.gold.import(refreshes);
    assert.deepEqual(imported, { refreshes: 1, rows: STUB_ROWS.length, known: 0 });
    assert.deepEqual(await other.client.gold.import(refreshes), { refreshes: 0, rows: 0, known: 1 });
    assert.equal((await other.client.gold.latest()).source, 'import');
  });

  test('that are invented come only where they were asked for by name', async (t) => {
    const none = await start(t, {});
    await assert.rejects(none.client.gold.latest(), { code: 'ERR_GOLD_DATE' });
    const example = await start(t, { example: '' });
    await fed(example);
    const { source, rows } = await example.client.gold.latest('example one');
    assert.deepEqual([source, rows[0]?.company], ['example', 'EXAMPLE GOLD']);
  });
});

function parsed(path: string): unknown {
  try {
    return parseGoldFile(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
