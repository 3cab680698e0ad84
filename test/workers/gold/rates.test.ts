import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Found, GoldAnswer, GoldRefresh } from '../../../src/protocol/gold.ts';
import { readGoldTime } from '../../../src/protocol/gold-dates.ts';
import { type Now, Rates } from '../../../workers/gold/rates.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import { goldRefresh, goldRow } from '../../support/gold-rows.ts';

const NOW: Now = { timeMs: readGoldTime('2025-01-05 12:00:00') as number, isFailing: false };

function accept(rates: Rates, ...refreshes: readonly GoldRefresh[]): Rates {
  for (const refresh of refreshes) for (const event of rates.decide(refresh)) rates.apply(event);
  return rates;
}

function importInto(rates: Rates, ...refreshes: readonly GoldRefresh[]): Rates {
  for (const refresh of refreshes) for (const event of rates.decideImport(refresh)) rates.apply(event);
  return rates;
}

function restored(rates: Rates): Rates {
  const other = new Rates();
  for (const day of structuredClone(rates.freeze())) other.restore([day]);
  return other;
}

function found(answer: Found): GoldAnswer {
  return 'missing' in answer ? assert.fail(`there is no ${answer.missing}`) : answer;
}

function refresh(time: string, price: number, source?: string): GoldRefresh {
  return goldRefresh(time, [goldRow('SJC', price)], source);
}

function priceOf(answer: Found): number | undefined {
  return found(answer).rows[0]?.buyVnd;
}

describe('Rates', () => {
  test('answers the last rates of a day, and when they were last known to be right', () => {
    const rates = accept(
      new Rates(),
      refresh('2025-01-02 09:00:00', 82_000_000),
      refresh('2025-01-02 09:30:00', 82_500_000),
      refresh('2025-01-03 09:00:00', 83_000_000),
    );
    const answer = found(rates.lookUp('2025-01-02', 'sjc', NOW));
    const timeMs = readGoldTime('2025-01-02 09:30:00') as number;
    assert.deepEqual(answer, {
      date: '2025-01-02',
      source: 'tygia',
      rows: [goldRow('SJC', 82_500_000)],
      timeMs,
      ageMs: NOW.timeMs - timeMs,
      isStale: false,
    });
  });

  test('confirms rates that have not changed', () => {
    const rates = accept(new Rates(), refresh('2025-01-02 09:00:00', 82_000_000));
    const again = refresh('2025-01-02 09:30:00', 82_000_000);
    const { date, source, timeMs } = again;
    assert.deepEqual(rates.decide(again), [{ type: 'confirmed', date, source, timeMs }]);
    assert.deepEqual(rates.confirm('tygia', timeMs), [{ type: 'confirmed', date, source, timeMs }]);
    assert.deepEqual(rates.confirm('pnj', timeMs), []);
    accept(rates, again);
    assert.equal(found(rates.latest(undefined, NOW)).timeMs, timeMs);
    assert.deepEqual(rates.figures, { dates: 1, refreshes: 1 });
  });

  test('keeps the same rates of another source apart', () => {
    const rates = accept(
      new Rates(),
      refresh('2025-01-02 09:00:00', 82_000_000),
      refresh('2025-01-02 09:30:00', 82_000_000, 'pnj'),
      refresh('2025-01-02 10:00:00', 82_000_000),
    );
    assert.equal(found(rates.lookUp('2025-01-02', 'SJC', NOW)).source, 'tygia');
    assert.deepEqual(rates.figures, { dates: 1, refreshes: 3 });
  });

  test('has rows as their source had them last, and none for each look that it took at them', () => {
    const at = (time: string) => goldRefresh(time, [goldRow('SJC', 82_000_000, { updated: time })]);
    const rates = accept(new Rates(), at('2025-01-02 09:00:00'), at('2025-01-02 09:30:00'));
    assert.equal(found(rates.latest('SJC', NOW)).rows[0]?.updated, '2025-01-02 09:30:00');
    assert.deepEqual(rates.figures, { dates: 1, refreshes: 1 });
  });

  test('has equal rows of a day once', () => {
    const [same, other] = [goldRow('A', 80_000_000), goldRow('B', 81_000_000)];
    const rates = accept(
      new Rates(),
      goldRefresh('2025-01-02 09:00:00', [same, other]),
      goldRefresh('2025-01-02 09:30:00', [{ ...same }, goldRow('B', 82_000_000)]),
    );
    for (const each of [rates, restored(rates)]) {
      const [first, second] = each.refreshesOf('2025-01-02');
      assert.equal(first?.rows[0], second?.rows[0]);
      assert.notEqual(first?.rows[1], second?.rows[1]);
    }
  });

  test('says what is near to what it has not', () => {
    const rates = accept(
      new Rates(),
      refresh('2025-01-02 09:00:00', 82_000_000),
      refresh('2025-01-08 09:00:00', 83_000_000),
    );
    const nearest = (date: string) => rates.lookUp(date, 'SJC', NOW);
    assert.deepEqual(nearest('2025-01-01'), { missing: 'date', nearest: '2025-01-02' });
    assert.deepEqual(nearest('2025-01-05'), { missing: 'date', nearest: '2025-01-02' });
    assert.deepEqual(nearest('2025-01-06'), { missing: 'date', nearest: '2025-01-08' });
    assert.deepEqual(nearest('2030-01-01'), { missing: 'date', nearest: '2025-01-08' });
    assert.deepEqual(rates.lookUp('2025-01-02', 'SJX', NOW), { missing: 'type', nearest: 'SJC' });
    assert.deepEqual(rates.latest('SJX', NOW), { missing: 'type', nearest: 'SJC' });
    assert.deepEqual(new Rates().lookUp('2025-01-02', 'SJC', NOW), { missing: 'date', nearest: null });
    assert.deepEqual(new Rates().latest(undefined, NOW), { missing: 'date', nearest: null });
  });

  test('marks as stale what is of now, and never what is past', () => {
    const rates = accept(
      new Rates(),
      refresh('2025-01-04 09:00:00', 82_000_000),
      refresh('2025-01-05 09:00:00', 83_000_000),
    );
    const failing = { ...NOW, isFailing: true };
    const stale = (answer: Found) => found(answer).isStale;
    assert.equal(stale(rates.lookUp('2025-01-05', 'SJC', failing)), true);
    assert.equal(stale(rates.lookUp('2025-01-05', 'SJC', NOW)), false);
    assert.equal(stale(rates.lookUp('2025-01-04', 'SJC', failing)), false);
    assert.equal(stale(rates.latest(undefined, { ...failing, timeMs: NOW.timeMs + 1e10 })), true);
  });

  test('answers ranges with the days that have the type, oldest first', () => {
    const rates = accept(
      new Rates(),
      refresh('2025-01-04 09:00:00', 84_000_000),
      refresh('2025-01-02 09:00:00', 82_000_000),
      goldRefresh('2025-01-03 09:00:00', [goldRow('Ring', 80_000_000, { company: 'PNJ' })]),
    );
    const range = (from: string, to: string, wanted: string, limit = 10) => {
      const answer = rates.range({ type: 'range', from, to, wanted, limit }, NOW);
      return 'missing' in answer
        ? answer
        : { dates: answer.days.map(({ date }) => date), total: answer.total };
    };
    assert.deepEqual(range('2025-01-01', '2025-12-31', 'sjc'), {
      dates: ['2025-01-02', '2025-01-04'],
      total: 2,
    });
    assert.deepEqual(range('2025-01-01', '2025-12-31', 'sjc', 1), { dates: ['2025-01-02'], total: 2 });
    assert.deepEqual(range('2025-01-03', '2025-01-03', 'rong'), { missing: 'type', nearest: 'Ring' });
    assert.deepEqual(range('2025-02-01', '2025-02-03', 'sjc'), { missing: 'date', nearest: '2025-01-04' });
  });

  test('lists types and dates', () => {
    const rates = accept(
      new Rates(),
      refresh('2025-01-04 09:00:00', 84_000_000),
      goldRefresh('2025-01-03 09:00:00', [goldRow('Ring', 1), goldRow('SJC', 1), goldRow('Ring', 2)]),
    );
    assert.deepEqual(rates.types(), ['SJC']);
    assert.deepEqual(rates.types('2025-01-03'), ['Ring', 'SJC']);
    assert.deepEqual(rates.types('2025-01-01'), []);
    assert.deepEqual(new Rates().types(), []);
    assert.deepEqual(rates.dates(10), { dates: ['2025-01-04', '2025-01-03'], total: 2 });
    assert.deepEqual(rates.dates(1), { dates: ['2025-01-04'], total: 2 });
  });

  test('never lets an import take the place of what was fetched', () => {
    const rates = accept(new Rates(), refresh('2025-01-02 09:00:00', 82_000_000));
    importInto(rates, refresh('2025-01-02 17:00:00', 70_000_000), refresh('2025-01-09 09:00:00', 71_000_000));
    assert.equal(priceOf(rates.lookUp('2025-01-02', 'SJC', NOW)), 82_000_000);
    assert.equal(priceOf(rates.lookUp('2025-01-09', 'SJC', NOW)), 71_000_000);
    assert.equal(found(rates.lookUp('2025-01-09', 'SJC', NOW)).source, 'import');
    assert.equal(found(rates.latest(undefined, NOW)).date, '2025-01-02');
    const again = { ...refresh('2025-01-09 09:00:00', 1), source: 'anything' };
    assert.deepEqual(rates.decideImport(again), []);
    assert.throws(
      () => rates.apply({ type: 'imported', refresh: { ...again, source: 'import' } }),
      RangeError,
    );
  });

  test('shows invented rates only where there are no others', () => {
    const rates = accept(new Rates(), refresh('2025-01-05 09:00:00', 100_000_000, 'example'));
    assert.equal(found(rates.latest(undefined, NOW)).source, 'example');
    importInto(rates, refresh('2025-01-05 08:00:00', 82_000_000));
    assert.equal(found(rates.latest(undefined, NOW)).source, 'import');
    accept(
      rates,
      refresh('2025-01-05 10:00:00', 100_000_000, 'example'),
      refresh('2025-01-03 08:00:00', 83_000_000),
    );
    assert.equal(priceOf(rates.latest(undefined, NOW)), 83_000_000);
    assert.equal(priceOf(rates.lookUp('2025-01-05', 'SJC', NOW)), 82_000_000);
  });

  test('tells what has changed in the latest rates', () => {
    const rates = new Rates();
    const first = goldRefresh('2025-01-02 09:00:00', [goldRow('A', 80_000_000), goldRow('B', 81_000_000)]);
    assert.deepEqual(rates.changesOf(first)?.before, [null, null]);
    accept(rates, first);
    const [a, b, c] = [
      goldRow('A', 80_000_000, { updated: 'now' }),
      goldRow('B', 82_000_000),
      goldRow('C', 83_000_000),
    ];
    const second = goldRefresh('2025-01-03 09:00:00', [a, b, c]);
    const { date, source, timeMs } = second;
    const before = [goldRow('B', 81_000_000), null];
    assert.deepEqual(rates.changesOf(second), {
      type: 'gold-changed',
      date,
      source,
      timeMs,
      rows: [b, c],
      before,
    });
    accept(rates, second);
    assert.equal(rates.changesOf(goldRefresh('2025-01-03 09:30:00', [a, b, c])), undefined);
    assert.equal(rates.changesOf(goldRefresh('2025-01-02 23:00:00', [b])), undefined);
  });

  test('tells rows of the same name apart by their order', () => {
    const twins = [goldRow('A', 80_000_000), goldRow('A', 90_000_000)];
    const rates = accept(new Rates(), goldRefresh('2025-01-02 09:00:00', twins));
    assert.equal(rates.changesOf(goldRefresh('2025-01-02 09:30:00', twins)), undefined);
  });

  test('has prices to compare with for a week', () => {
    const rates = importInto(new Rates(), refresh('2025-01-05 09:00:00', 1));
    assert.equal(rates.comparableMedian(NOW.timeMs), undefined);
    const rows = [80, 90, 70].map((millions) => goldRow(`${millions}`, millions * 1_000_000));
    accept(rates, goldRefresh('2025-01-05 09:00:00', rows));
    assert.equal(rates.comparableMedian(NOW.timeMs), 82_000_000);
    assert.equal(rates.comparableMedian(NOW.timeMs + 7 * 86_400_000), undefined);
  });

  test('answers after a restart as before it, whatever came in whatever order', () => {
    const seed = fuzzSeed();
    const step = fc.record({
      hour: fc.integer({ min: 0, max: 100 }),
      price: fc.integer({ min: 80, max: 82 }),
      updated: fc.constantFrom('', 'x', 'y'),
      source: fc.constantFrom('tygia', 'pnj', 'example', 'import'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const rates = new Rates();
        const replayed = new Rates();
        for (const { hour, price, updated, source } of steps) {
          const timeMs = (readGoldTime('2025-01-02') as number) + hour * 3_600_000;
          const date = new Date(timeMs + 7 * 3_600_000).toISOString().slice(0, 10);
          const rows = [goldRow('SJC', price * 1_000_000, { updated })];
          const given = { date, source, timeMs, rows };
          for (const event of source === 'import' ? rates.decideImport(given) : rates.decide(given)) {
            rates.apply(event);
            replayed.apply(structuredClone(event));
          }
        }
        for (const other of [replayed, restored(rates)]) {
          assert.deepEqual(other.freeze(), rates.freeze());
          assert.deepEqual(other.latest(undefined, NOW), rates.latest(undefined, NOW));
          assert.deepEqual(other.figures, rates.figures);
        }
        const { dates } = rates.dates(1000);
        assert.deepEqual(dates, [...new Set(dates)].sort().reverse());
      }),
      { seed, numRuns: 500 },
    );
  });
});
