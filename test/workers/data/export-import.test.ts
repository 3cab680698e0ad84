import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { REQUEST_TRANSACTIONS_MAX } from '../../../src/protocol/bank.ts';
import type { ActorStats, StoredHost } from '../../../src/protocol/data-jobs.ts';
import { toAddress } from '../../../src/values/address.ts';
import { MINOR_UNITS_MAX } from '../../../src/values/money.ts';
import { hostStats } from '../../../workers/data/stats.ts';
import { verifyHost } from '../../../workers/data/verify.ts';
import { readStatement } from '../../../workers/ledger/read-statement.ts';
import { BatchBuilder } from '../../../workers/runtime/journal.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { exported, imported } from '../../support/data-jobs.ts';
import { forEachSeed } from '../../support/seeds.ts';
import { hostsIn, namesOf, nobody, StoredBank, temporaryFolder } from '../../support/stored-bank.ts';

const HEADER = '{"outcry":1}';
const KEY = { type: 'key', key: 'k', fingerprint: 7, refused: [] };

/** A bank with a history that is whole, or was trimmed. */
async function bankOf(t: TestContext, seed: number, options: { hosts: number; isTrimmed?: boolean }) {
  const random = new Random(seed);
  const bank = new StoredBank(temporaryFolder(t), options.hosts);
  const names = namesOf(random, 40);
  const turns = () => {
    for (let i = 0; i < 50; i++) bank.turn(random, names);
  };
  turns();
  bank.snapshot({ keepBytes: options.isTrimmed ? 1000 : Number.POSITIVE_INFINITY });
  turns();
  // Somebody whom this program does not know.
  const builder = new BatchBuilder();
  builder.addValues(toAddress('news/1'), 1, [{ text: 'hello' }, 5]);
  const store = bank.stores[bank.hostOf(toAddress('news/1'))];
  store?.append(builder.take(store.last + 1, Date.parse('2026-11-22T00:00:00Z')));
  await bank.close();
  return bank;
}

async function importedTo(
  t: TestContext,
  text: string,
  hosts: number,
  random?: Random,
): Promise<StoredHost[]> {
  const folder = temporaryFolder(t);
  const stored = hostsIn(folder, hosts);
  await imported(
    text,
    stored.map((host) => host.folder),
    random,
  );
  return stored;
}

async function findingsIn(hosts: readonly StoredHost[]): Promise<string[]> {
  const verdicts = await Promise.all(
    hosts.map((host) => verifyHost({ type: 'verify', host, progress: nobody() })),
  );
  return verdicts.flatMap(({ findings }) => findings.map(({ problem }) => problem));
}

type Figures = Pick<ActorStats, 'events' | 'figures'>;

async function figuresIn(hosts: readonly StoredHost[]): Promise<Record<string, Figures>> {
  const stats = await Promise.all(
    hosts.map((host) => hostStats({ type: 'stats', host, progress: nobody() })),
  );
  const actors = stats.flatMap((each) => each.actors);
  return Object.fromEntries(actors.map(({ address, events, figures }) => [address, { events, figures }]));
}

/** Without the order in which the lines of different actors come. */
function byActor(text: string): Record<string, string[]> {
  const lines: Record<string, string[]> = {};
  for (const line of text.trimEnd().split('\n')) {
    const { actor = '' } = JSON.parse(line) as { actor?: string };
    const others = lines[actor] ?? [];
    lines[actor] = others;
    others.push(line);
  }
  return lines;
}

describe('export and import', () => {
  for (const isTrimmed of [false, true]) {
    test(`give the same lines and the same balances again (history ${isTrimmed ? 'trimmed' : 'whole'})`, async (t) => {
      const runs: number[] = [];
      forEachSeed(4, (seed) => runs.push(seed));
      for (const seed of runs) {
        const bank = await bankOf(t, seed, { hosts: 2, isTrimmed });
        const text = await exported(bank.hosts);
        const same = await importedTo(t, text, 2, new Random(seed));
        assert.equal(await exported(same), text, `seed ${seed}`);
        const three = await importedTo(t, text, 3);
        assert.deepEqual(byActor(await exported(three)), byActor(text), `seed ${seed}`);
        assert.deepEqual([...(await findingsIn(same)), ...(await findingsIn(three))], []);
        const figures = await figuresIn(three);
        assert.deepEqual(figures, await figuresIn(bank.hosts), `seed ${seed}`);
        assert.ok(Object.values(figures).some(({ figures: { keys = 0 } }) => keys > 5));
        for (const [name, postings] of bank.postings) {
          const statement = await readStatement({
            type: 'statement',
            hosts: three,
            isExamined: false,
            name: Buffer.from(name, 'latin1'),
            last: 1,
            at: undefined,
          });
          assert.equal(statement.balance, postings.at(-1)?.balance, `seed ${seed}, ${name}`);
        }
      }
    });
  }

  test('say what happened in words', async (t) => {
    const bank = new StoredBank(temporaryFolder(t), 1);
    bank.openUpload('monday');
    bank.post('Marc', -250);
    bank.post('\xff', 2 ** 40);
    bank.store();
    bank.forgetUpload('monday');
    bank.store();
    await bank.close();
    const lines = (await exported(bank.hosts)).split('\n');
    const actor = bank.shardOf('Marc');
    const time = '2026-11-21T10:00:00.000Z';
    const expected = [
      { actor, position: 1, time, event: { type: 'openUpload', upload: 0, id: 'monday' } },
      { actor, position: 2, time, event: { type: 'openAccount', account: 0, name: 'Marc' } },
      { actor, position: 3, time, event: { type: 'posting', account: 0, name: 'Marc', cents: -250 } },
      {
        actor,
        position: 4,
        time: '2026-11-21T10:00:00.007Z',
        event: { type: 'forgetUpload', upload: 0 },
      },
    ];
    assert.equal(lines[0], HEADER);
    assert.deepEqual(
      lines.filter((line) => line.includes(`"${actor}"`)),
      expected.map((line) => JSON.stringify(line)),
    );
    assert.ok(
      lines.some((line) =>
        line.includes('"event":{"type":"posting","account":0,"name":{"latin1":"ÿ"},"cents":1099511627776}'),
      ),
    );
    assert.deepEqual(lines.slice(-2), ['{"end":36}', '']);
  });

  test('say what became of a request', async (t) => {
    const bank = new StoredBank(temporaryFolder(t), 1);
    bank.request('say "when"', [
      ['Marc', MINOR_UNITS_MAX],
      ['Marc', 5],
    ]);
    bank.store();
    await bank.close();
    const text = await exported(bank.hosts);
    const [line = ''] = text.split('\n').filter((each) => each.includes('"type":"key"'));
    const { position, event } = JSON.parse(line);
    assert.deepEqual(
      [position, { ...event, fingerprint: 0 }],
      [3, { type: 'key', key: 'say "when"', fingerprint: 0, refused: [[1, 'balance-out-of-range']] }],
    );
    assert.equal(await exported(await importedTo(t, text, 1)), text);
  });

  test('refuse a key that the snapshot remembers', async (t) => {
    const bank = new StoredBank(temporaryFolder(t), 1);
    bank.request('k', [['Marc', 5]]);
    bank.store();
    bank.post('Marc', 1);
    bank.store();
    bank.snapshot({ keepBytes: 0 });
    bank.post('Marc', 1);
    bank.store();
    await bank.close();
    const [header, snapshot = '', event = ''] = (await exported(bank.hosts)).split('\n');
    const again = JSON.stringify({ ...JSON.parse(event), event: KEY });
    await assert.rejects(importedTo(t, [header, snapshot, again, '{"end":2}\n'].join('\n'), 1), {
      code: 'ERR_IMPORT',
      message: /^line 3: the key "k" is known/,
    });
  });

  test('has a snapshot where the first events are gone', async (t) => {
    const bank = await bankOf(t, 1, { hosts: 1, isTrimmed: true });
    const lines = byActor(await exported(bank.hosts))[bank.shardOf('Marc')] ?? [];
    const parsed = lines.map((line) => JSON.parse(line));
    assert.ok(parsed[0].snapshot.events > 1);
    assert.equal(parsed[1].position, parsed[0].snapshot.events + 1);
  });
});

describe('importData', () => {
  const time = '2026-11-21T10:00:00.000Z';
  const event = (position: number, fields: object, actor = 'ledger/3') =>
    JSON.stringify({ actor, position, time, event: fields });
  const open = event(1, { type: 'openAccount', account: 0, name: 'Marc' });
  const post = (fields: object) =>
    event(2, { type: 'posting', account: 0, name: 'Marc', cents: 1, ...fields });

  const refusals: readonly {
    readonly what: string;
    readonly lines: readonly string[];
    readonly says: RegExp;
  }[] = [
    { what: 'nothing', lines: [], says: /^line 1: the line \{"end":…\}/ },
    { what: 'no export', lines: ['{"a":1}'], says: /^line 1: .*header/ },
    { what: 'an export of another version', lines: ['{"outcry":2}'], says: /^line 1: .*version 2/ },
    { what: 'no JSON', lines: [HEADER, 'Marc credit $5'], says: /^line 2: it is no JSON: / },
    { what: 'no object', lines: [HEADER, '[1]'], says: /^line 2: it is no JSON object/ },
    { what: 'no actor', lines: [HEADER, '{"position":1}'], says: /^line 2: it has no actor/ },
    { what: 'a wrong address', lines: [HEADER, event(1, {}, 'A B')], says: /^line 2: an address / },
    {
      what: 'a stream that does not begin',
      lines: [HEADER, post({})],
      says: /^line 2: event 2 of ledger\/3 comes where event 1/,
    },
    {
      what: 'a gap',
      lines: [HEADER, open, event(3, {})],
      says: /^line 3: event 3 of ledger\/3 comes where event 2/,
    },
    {
      what: 'an event twice',
      lines: [HEADER, open, open],
      says: /^line 3: event 1 of ledger\/3 comes where event 2/,
    },
    { what: 'no position', lines: [HEADER, open.replace('1', 'null')], says: /^line 2: a position is/ },
    { what: 'no time', lines: [HEADER, open.replace(time, 'today')], says: /^line 2: a time looks like/ },
    { what: 'an unknown event', lines: [HEADER, event(1, { type: 'gift' })], says: /^line 2: .*type "gift"/ },
    {
      what: 'an account that was not opened',
      lines: [HEADER, open, post({ account: 1 })],
      says: /^line 3: account 1 was not opened/,
    },
    {
      what: 'an account of another name',
      lines: [HEADER, open, post({ name: 'Zoe' })],
      says: /^line 3: account 0 is "Marc", not "Zoe"/,
    },
    { what: 'parts of cents', lines: [HEADER, open, post({ cents: 0.5 })], says: /^line 3: cents are/ },
    {
      what: 'too large a balance',
      lines: [
        HEADER,
        open,
        post({ cents: Number.MAX_SAFE_INTEGER }),
        event(3, { type: 'posting', account: 0, name: 'Marc', cents: 1 }),
      ],
      says: /^line 4: the balance/,
    },
    { what: 'a name with a blank', lines: [HEADER, open.replace('Marc', 'M c')], says: /^line 2: a name is/ },
    {
      what: 'a name that is no text',
      lines: [HEADER, open.replace('Marc', '\\ud800')],
      says: /^line 2: a name is/,
    },
    {
      what: 'a wrong number of an account',
      lines: [HEADER, open.replace('"account":0', '"account":1')],
      says: /^line 2: the next account has number 0/,
    },
    {
      what: 'an unknown upload',
      lines: [HEADER, event(1, { type: 'mark', upload: 0, line: 5 })],
      says: /^line 2: there is no upload 0/,
    },
    ...[
      { key: 5 },
      { key: '' },
      { key: 'k'.repeat(129) },
      { key: 'caf\u00e9' },
      { fingerprint: -1 },
      { fingerprint: undefined },
      { refused: undefined },
      { refused: [5] },
      { refused: [[REQUEST_TRANSACTIONS_MAX, 'amount']] },
      { refused: [[0, 'whim']] },
      { refused: new Array(REQUEST_TRANSACTIONS_MAX + 1).fill([0, 'amount']) },
    ].map((fields) => ({
      what: `a key with ${JSON.stringify(fields).slice(0, 40)}`,
      lines: [HEADER, event(1, { ...KEY, ...fields })],
      says: /^line 2: (a key|fingerprint|refused transactions|a refused|no reason|a request)/,
    })),
    {
      what: 'a key that is known',
      lines: [HEADER, event(1, KEY), event(2, KEY)],
      says: /^line 3: the key "k" is known/,
    },
    {
      what: 'a wrong discard',
      lines: [HEADER, event(1, { type: 'discarded', counts: { bad: 1 } }, 'bank/tally')],
      says: /^line 2: a tally has no event/,
    },
    {
      what: 'a snapshot too late',
      lines: [HEADER, open, '{"actor":"ledger/3","snapshot":{"events":1,"pieces":[]}}'],
      says: /^line 3: the snapshot of ledger\/3 must come before/,
    },
    {
      what: 'a snapshot that is none',
      lines: [HEADER, '{"actor":"ledger/3","snapshot":{"events":1,"pieces":["AAAA"]}}'],
      says: /^line 2: the snapshot of ledger\/3 can't be read/,
    },
    {
      what: 'a snapshot in no base64',
      lines: [HEADER, '{"actor":"ledger/3","snapshot":{"events":1,"pieces":["é"]}}'],
      says: /^line 2: bytes are in base64/,
    },
    {
      what: 'an unknown actor in words',
      lines: [HEADER, event(1, {}, 'news/1')],
      says: /^line 2: nobody knows the actor news\/1/,
    },
    {
      what: 'an end too early',
      lines: [HEADER, open, '{"end":2}'],
      says: /^line 3: there should be 2 lines .* not 1/,
    },
    { what: 'no end', lines: [HEADER, open], says: /^line 3: the line \{"end":…\}/ },
    {
      what: 'more behind the end',
      lines: [HEADER, open, '{"end":1}', open],
      says: /^line 4: nothing may follow/,
    },
  ];
  for (const { what, lines, says } of refusals) {
    test(`refuses ${what}`, async (t) => {
      const text = lines.map((line) => `${line}\n`).join('');
      await assert.rejects(
        imported(text, [join(temporaryFolder(t), '0')]),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, 'ERR_IMPORT');
          assert.match(error.message, says);
          return true;
        },
      );
    });
  }

  test('refuses what is not UTF-8', async (t) => {
    const bytes = Buffer.from(`${HEADER}\n${open.replace('Marc', '\xff')}\n`, 'latin1');
    await assert.rejects(
      imported(bytes, [join(temporaryFolder(t), '0')]),
      /^OutcryError: line 2: it is not UTF-8/,
    );
  });
});
