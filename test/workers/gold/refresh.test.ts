import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { RefreshGoldJob } from '../../../src/protocol/gold.ts';
import { goldDateOf } from '../../../src/protocol/gold-dates.ts';
import { refreshGold } from '../../../workers/gold/refresh.ts';
import { GoldStub, STUB_ROWS, type StubKind } from '../../support/gold-stubs.ts';

const DAY_MS = 86_400_000;
const TODAY = goldDateOf(Date.now());

function startAll(t: TestContext, ...kinds: readonly StubKind[]): Promise<GoldStub[]> {
  return Promise.all(kinds.map((kind) => GoldStub.start(t, kind)));
}

function refresh(stubs: readonly GoldStub[], more: Partial<RefreshGoldJob> = {}) {
  const sources = stubs.map(({ kind, url }) => ({ name: kind, url, key: '' }));
  return refreshGold({ type: 'refresh-gold', timeMs: Date.now(), sources, ...more });
}

function daysAgo(days: number): string {
  return goldDateOf(Date.now() - days * DAY_MS);
}

describe('refreshGold', () => {
  for (const kind of ['tygia', 'vang-today', 'pnj', 'btmc'] as const) {
    test(`has the rows of ${kind}, whichever it is`, async (t) => {
      const timeMs = Date.now();
      const outcome = await refresh(await startAll(t, kind), { timeMs });
      assert.deepEqual(outcome.refused, []);
      const { rows, ...taken } = outcome.taken?.refresh ?? assert.fail('nothing was taken');
      assert.deepEqual(taken, { date: TODAY, source: kind, timeMs });
      assert.deepEqual(
        rows.map(({ type, buyVnd, sellVnd }) => [type, buyVnd, sellVnd]),
        STUB_ROWS.map(({ type, buyVnd, sellVnd }) => [type, buyVnd, sellVnd]),
      );
    });
  }

  test('takes the first source that is good, and asks no other', async (t) => {
    const stubs = await startAll(t, 'tygia', 'vang-today', 'pnj');
    stubs[0]?.answerWith('status-500');
    const { taken, refused } = await refresh(stubs);
    assert.equal(taken?.source, 'vang-today');
    assert.deepEqual(refused, [{ source: 'tygia', reason: 'status 500' }]);
    assert.deepEqual(
      stubs.map(({ requests }) => requests.length),
      [1, 1, 0],
    );
  });

  test('says of each source why it was refused', async (t) => {
    const stubs = await startAll(t, 'tygia', 'vang-today', 'pnj', 'btmc');
    for (const [i, how] of (['html', 'wrong-unit', 'changed-shape', 'not-json'] as const).entries()) {
      stubs[i]?.answerWith(how);
    }
    assert.deepEqual(await refresh(stubs), {
      refused: [
        { source: 'tygia', reason: 'it answered with a page of HTML' },
        { source: 'vang-today', reason: 'price of SJC is 825,000,000 VND per lượng, outside 20M to 500M' },
        { source: 'pnj', reason: 'shape: updateDate is missing' },
        { source: 'btmc', reason: 'not JSON' },
      ],
    });
  });

  test('refuses a leap from the rates before', async (t) => {
    const { taken, refused } = await refresh(await startAll(t, 'pnj'), { lastMedian: 8_450_000 });
    assert.equal(taken, undefined);
    assert.match(refused[0]?.reason ?? '', /^the median price went from 8,450,000 to 84,400,000/);
  });

  test('counts the rows that it leaves out', async (t) => {
    const [stub] = (await startAll(t, 'pnj')) as [GoldStub];
    const rows = Array.from({ length: 12 }, () => STUB_ROWS).flat();
    stub.answerWith({ rows: [...rows, { ...(STUB_ROWS[0] as (typeof rows)[0]), buyVnd: 90_000_000 }] });
    const { taken } = await refresh([stub]);
    assert.deepEqual([taken?.dropped, taken?.refresh?.rows.length], [1, rows.length]);
  });

  test('files rates under the day of the source, which may be yesterday but not the day after tomorrow', async (t) => {
    const [stub] = (await startAll(t, 'pnj')) as [GoldStub];
    stub.answerWith({ date: daysAgo(1) });
    assert.equal((await refresh([stub])).taken?.refresh?.date, daysAgo(1));
    stub.answerWith({ date: daysAgo(-2) });
    assert.deepEqual(await refresh([stub]), {
      refused: [{ source: 'pnj', reason: `its rates are of ${daysAgo(-2)}, which is to come` }],
    });
  });

  test('takes rates that are old only where no source has newer ones', async (t) => {
    const stubs = await startAll(t, 'tygia', 'pnj');
    stubs[0]?.answerWith({ date: '2023-05-04' });
    const reason = 'its rates are of 2023-05-04';
    const fresh = await refresh(stubs);
    assert.deepEqual([fresh.taken?.source, fresh.refused], ['pnj', [{ source: 'tygia', reason }]]);
    stubs[1]?.answerWith('status-500');
    const old = await refresh(stubs);
    assert.deepEqual(
      [old.taken?.refresh?.date, old.refused],
      ['2023-05-04', [{ source: 'pnj', reason: 'status 500' }]],
    );
  });

  test('hears that nothing has changed', async (t) => {
    const [stub] = (await startAll(t, 'tygia')) as [GoldStub];
    stub.answerWith({ etag: '"1"' });
    const { taken } = await refresh([stub]);
    assert.equal(taken?.etag, '"1"');
    const sources = [{ name: stub.kind, url: stub.url, key: '', etag: '"1"' }];
    assert.deepEqual(await refresh([stub], { sources }), {
      taken: { source: 'tygia', isUnchanged: true, dropped: 0 },
      refused: [],
    });
  });

  test('adds the key of a source', async (t) => {
    const [stub] = (await startAll(t, 'btmc')) as [GoldStub];
    await refresh([stub], { sources: [{ name: 'btmc', url: stub.url, key: 'a&b' }] });
    assert.deepEqual(
      stub.requests.map(({ path, headers }) => [path, headers.accept]),
      [['/rates?kind=btmc&key=a%26b', 'application/json']],
    );
  });

  test('invents the rates of example, which nobody has to serve', async () => {
    const sources = [{ name: 'example', url: '', key: '' }] as const;
    const { taken } = await refresh([], { sources });
    assert.equal(taken?.refresh?.date, TODAY);
    assert.equal(taken?.refresh?.rows[0]?.company, 'EXAMPLE GOLD');
  });
});
