import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DESK_ADDRESS } from '../../../src/protocol/desk.ts';
import {
  type GoldRefresh,
  type ProviderName,
  RATES_ADDRESS,
  type RefreshOrder,
  type RefreshOutcome,
  type WriteDayOrder,
} from '../../../src/protocol/gold.ts';
import { readGoldTime } from '../../../src/protocol/gold-dates.ts';
import { startRates } from '../../../workers/gold/gold-service.ts';
import { type AskedOfMain, addressIn, listening, TestHosts } from '../../support/actors.ts';
import { goldRefresh, goldRow } from '../../support/gold-rows.ts';

const REFRESH_MS = 1_800_000;
const NINE = '2025-01-02 09:00:00';

/** The store of rates, whose desk is answered by hand. */
class RatesHost {
  readonly hosts = new TestHosts();
  readonly #sources: readonly ProviderName[];

  constructor(...sources: readonly ProviderName[]) {
    this.#sources = sources;
    this.hosts.nowMs = readGoldTime(NINE) as number;
    this.start();
  }

  start(): void {
    const settings = {
      messageBytesMax: 4096,
      isSignInAsked: true,
      refreshMs: REFRESH_MS,
      sources: this.#sources,
    };
    startRates(this.hosts.system, settings);
    this.hosts.live(0);
  }

  ask(command: unknown): unknown {
    const [answer] = this.hosts.ask(RATES_ADDRESS, command);
    return answer;
  }

  /** Removes what the desk was asked next, of that type. */
  asked(type: 'refresh-gold'): AskedOfMain & { readonly message: RefreshOrder };
  asked(type: 'write-gold-day'): AskedOfMain & { readonly message: WriteDayOrder };
  asked(type: string): AskedOfMain {
    const { asked } = this.hosts.main;
    const index = asked.findIndex(({ message }) => (message as RefreshOrder | WriteDayOrder).type === type);
    const [found] = index < 0 ? [] : asked.splice(index, 1);
    if (found === undefined) return assert.fail(`the desk was not asked to ${type}`);
    assert.equal(found.address, DESK_ADDRESS);
    return found;
  }

  /** The sources that are being asked. */
  get sources(): RefreshOrder['sources'] {
    const orders = this.hosts.main.asked.map(({ message }) => message as RefreshOrder | WriteDayOrder);
    const order = orders.find(({ type }) => type === 'refresh-gold') as RefreshOrder | undefined;
    return order?.sources ?? assert.fail('no source is asked');
  }

  /** What the desk was asked and has not answered. */
  get waiting(): string[] {
    return this.hosts.main.asked.map(({ message }) => (message as { type: string }).type);
  }

  answer(outcome: RefreshOutcome): void {
    this.asked('refresh-gold').reply(outcome);
    this.hosts.live(0);
  }

  take(refresh: GoldRefresh, more: Partial<NonNullable<RefreshOutcome['taken']>> = {}): void {
    const source = refresh.source as ProviderName;
    this.answer({ taken: { source, isUnchanged: false, refresh, dropped: 0, ...more }, refused: [] });
  }

  refuse(...reasons: readonly (readonly [ProviderName, string])[]): void {
    this.answer({ refused: reasons.map(([source, reason]) => ({ source, reason })) });
  }

  written(): WriteDayOrder {
    const { message, reply } = this.asked('write-gold-day');
    reply(null);
    this.hosts.live(0);
    return message;
  }

  /** What was logged since the last look. */
  logged(): string[] {
    return this.hosts.main.events
      .splice(0)
      .flatMap((event) =>
        event.type === 'log' ? [`${event.level} ${event.text} ${JSON.stringify(event.fields)}`] : [],
      );
  }
}

describe('the store of gold rates', () => {
  test('has rates fetched at the start and at every interval, one refresh at a time', () => {
    const rates = new RatesHost('tygia', 'pnj');
    assert.deepEqual(rates.waiting, ['refresh-gold']);
    rates.ask({ type: 'refresh' });
    assert.deepEqual(rates.waiting, ['refresh-gold']);
    rates.take(goldRefresh(NINE));
    rates.written();
    rates.hosts.live(REFRESH_MS - 1);
    assert.deepEqual(rates.waiting, []);
    rates.hosts.live(1);
    assert.deepEqual(rates.waiting, ['refresh-gold']);
    const { sources, timeMs, lastMedian } = rates.asked('refresh-gold').message;
    assert.deepEqual(sources, [{ name: 'tygia' }, { name: 'pnj' }]);
    assert.deepEqual([timeMs, lastMedian], [rates.hosts.nowMs, 84_500_000]);
  });

  test('asks nobody if no source is on', () => {
    const rates = new RatesHost();
    rates.ask({ type: 'refresh' });
    rates.hosts.live(10 * REFRESH_MS);
    assert.deepEqual(rates.waiting, []);
    assert.deepEqual(rates.ask({ type: 'latest' }), { missing: 'date', nearest: null });
  });

  test('says that the database is up-to-date, and answers', () => {
    const rates = new RatesHost('vang-today');
    rates.take(goldRefresh(NINE, undefined, 'vang-today'), { dropped: 2 });
    assert.deepEqual(rates.logged(), [
      'info ~SERVER~ Database is up-to-date {"source":"vang-today","rows":1,"dropped":2}',
    ]);
    const answer = { date: '2025-01-02', source: 'vang-today', rows: [goldRow('SJC', 82_500_000)] };
    const now = { timeMs: readGoldTime(NINE), ageMs: 0, isStale: false };
    assert.deepEqual(rates.ask({ type: 'look-up', date: '2025-01-02', wanted: 'sjc' }), {
      ...answer,
      ...now,
    });
    assert.deepEqual(rates.ask({ type: 'latest' }), { ...answer, ...now });
    assert.deepEqual(rates.ask({ type: 'types' }), ['SJC']);
    assert.deepEqual(rates.ask({ type: 'dates', limit: 5 }), { dates: ['2025-01-02'], total: 1 });
    const range = { type: 'range', from: '2025-01-01', to: '2025-01-03', wanted: 'SJC', limit: 5 };
    assert.deepEqual(rates.ask(range), { days: [{ ...answer, ...now }], total: 1 });
  });

  test('asks a source whether anything has changed, on the same day and while its rates are the latest', () => {
    const rates = new RatesHost('tygia', 'pnj');
    rates.take(goldRefresh(NINE), { etag: '"1"', lastModified: 'then' });
    rates.written();
    rates.hosts.live(REFRESH_MS);
    assert.deepEqual(rates.sources, [{ name: 'tygia', etag: '"1"', lastModified: 'then' }, { name: 'pnj' }]);
    rates.answer({ taken: { source: 'tygia', isUnchanged: true, dropped: 0 }, refused: [] });
    assert.match(rates.logged().at(-1) ?? '', /up-to-date \{"source":"tygia","rows":1\}$/);
    assert.deepEqual(rates.waiting, []);
    const { ageMs } = rates.ask({ type: 'latest' }) as { ageMs: number };
    assert.equal(ageMs, 0);
    rates.hosts.live(REFRESH_MS);
    assert.equal(rates.sources[0]?.etag, '"1"');
    rates.take(goldRefresh('2025-01-02 10:00:00', undefined, 'pnj'));
    rates.written();
    rates.hosts.live(REFRESH_MS);
    assert.deepEqual(rates.sources, [{ name: 'tygia' }, { name: 'pnj' }]);
  });

  test('asks anew on another day', () => {
    const rates = new RatesHost('tygia');
    rates.take(goldRefresh(NINE), { etag: '"1"' });
    for (let hour = 0; hour < 23; hour++) {
      rates.hosts.live(REFRESH_MS);
      rates.answer({ taken: { source: 'tygia', isUnchanged: true, dropped: 0 }, refused: [] });
      rates.hosts.live(REFRESH_MS);
      assert.deepEqual(rates.sources, [hour < 14 ? { name: 'tygia', etag: '"1"' } : { name: 'tygia' }]);
      rates.answer({ taken: { source: 'tygia', isUnchanged: true, dropped: 0 }, refused: [] });
    }
  });

  test('keeps the last rates while none can be fetched, and says how old they are', () => {
    const rates = new RatesHost('tygia');
    rates.take(goldRefresh(NINE));
    rates.written();
    rates.logged();
    rates.hosts.live(REFRESH_MS);
    rates.refuse(['tygia', 'status 500']);
    assert.deepEqual(rates.logged(), [
      'warn gold: tygia was refused: status 500 {}',
      'warn gold: no source could be used; the rates are 30 min old {}',
    ]);
    const look = (date: string) =>
      rates.ask({ type: 'look-up', date, wanted: 'SJC' }) as { ageMs: number; isStale: boolean };
    assert.deepEqual([look('2025-01-02').isStale, look('2025-01-02').ageMs], [true, REFRESH_MS]);
    rates.hosts.live(REFRESH_MS);
    rates.take(goldRefresh('2025-01-02 10:00:00'));
    assert.equal(look('2025-01-02').isStale, false);
  });

  test('is stale from the start until a source has answered', () => {
    const rates = new RatesHost('tygia');
    rates.ask({ type: 'import', refreshes: [goldRefresh(NINE)] });
    const isStale = () => (rates.ask({ type: 'latest' }) as { isStale: boolean }).isStale;
    assert.equal(isStale(), true);
    rates.take(goldRefresh(NINE));
    assert.equal(isStale(), false);
  });

  test('tries once an interval, and says the same only now and then, however long all are down', () => {
    const rates = new RatesHost('tygia', 'pnj');
    let tries = 0;
    for (let interval = 0; interval < 100; interval++) {
      const names = rates.sources.map(({ name }) => name);
      tries += names.length;
      rates.refuse(...names.map((name) => [name, 'no connection: ECONNREFUSED'] as const));
      assert.deepEqual(rates.waiting, []);
      rates.hosts.live(REFRESH_MS);
      assert.deepEqual(rates.waiting, ['refresh-gold']);
    }
    assert.ok(tries < 120, `${tries} tries`);
    const lines = rates.logged().filter((line) => line.includes('was refused'));
    assert.ok(lines.length < 14, lines.join('\n'));
    assert.match(lines.at(-1) ?? '', /ECONNREFUSED \(\d+ times\)/);
    assert.equal(rates.logged().length, 0);
  });

  test('outlives a desk that does not answer, or fails', () => {
    const rates = new RatesHost('tygia', 'pnj');
    rates.hosts.live(30_000);
    assert.equal(rates.logged().length, 3);
    rates.hosts.main.asked.splice(0);
    rates.hosts.live(REFRESH_MS - 30_000);
    rates.asked('refresh-gold').fail({ code: 'ERR_UNEXPECTED', message: 'no thread', fields: {} });
    rates.hosts.live(0);
    assert.deepEqual(rates.logged(), [
      'warn gold: tygia was refused: no thread {}',
      'warn gold: pnj was refused: no thread {}',
      'warn gold: no source could be used; there are no rates yet {}',
    ]);
  });

  test('tells who watches what has changed, until he watches no more or is gone', () => {
    const rates = new RatesHost('tygia');
    const heard: unknown[][] = [[], []];
    const sessions = heard.map((messages, i) => {
      const address = addressIn(0, 1, `watcher${i}`);
      rates.hosts.spawn(address, listening(messages));
      assert.equal(rates.ask({ type: 'watch', session: address }), null);
      return address;
    });
    const rows = [goldRow('A', 80_000_000), goldRow('B', 81_000_000)];
    rates.take(goldRefresh(NINE, rows));
    assert.deepEqual(
      heard.map((messages) => messages.splice(0).length),
      [1, 1],
    );
    const changed = goldRow('B', 82_000_000);
    rates.ask({ type: 'refresh' });
    rates.take(goldRefresh('2025-01-02 09:10:00', [rows[0] as (typeof rows)[0], changed]));
    for (const messages of heard) {
      assert.deepEqual(messages.splice(0), [
        {
          type: 'gold-changed',
          date: '2025-01-02',
          source: 'tygia',
          timeMs: readGoldTime('2025-01-02 09:10:00'),
          rows: [changed],
          before: [rows[1]],
        },
      ]);
    }
    rates.ask({ type: 'unwatch', session: sessions[0] });
    rates.ask({ type: 'refresh' });
    rates.take(goldRefresh('2025-01-02 09:20:00', rows));
    assert.deepEqual(
      heard.map((messages) => messages.splice(0).length),
      [0, 1],
    );
    rates.ask({ type: 'watch', session: addressIn(0, 1, 'nobody') });
    rates.ask({ type: 'refresh' });
    rates.take(goldRefresh('2025-01-02 09:20:00', [changed]));
    assert.deepEqual(rates.hosts.errors, []);
  });

  test('imports each day once, and writes its file', () => {
    const rates = new RatesHost();
    const refreshes = ['2024-12-30 09:00:00', '2024-12-31 09:00:00', '2024-12-31 09:00:00'].map((time) =>
      goldRefresh(time),
    );
    assert.deepEqual(rates.ask({ type: 'import', refreshes }), { refreshes: 2, rows: 2, known: 1 });
    rates.hosts.live(0);
    assert.deepEqual(rates.waiting, ['write-gold-day']);
    assert.equal(rates.written().date, '2024-12-30');
    const { date, refreshes: written } = rates.written();
    assert.deepEqual([date, written.length, written[0]?.source], ['2024-12-31', 1, 'import']);
    assert.deepEqual(rates.waiting, []);
    assert.deepEqual(rates.ask({ type: 'import', refreshes }), { refreshes: 0, rows: 0, known: 3 });
    rates.hosts.live(0);
    assert.deepEqual(rates.waiting, []);
  });

  test('writes the file of a day when its rates have changed, and again if that has failed', () => {
    const rates = new RatesHost('tygia');
    rates.take(goldRefresh(NINE));
    rates.logged();
    const fail = () => {
      rates
        .asked('write-gold-day')
        .fail({ code: 'ERR_FILE_IO', message: "can't write it: ENOSPC", fields: {} });
      rates.hosts.live(0);
    };
    fail();
    assert.deepEqual(rates.logged(), [
      "warn gold: the file of 2025-01-02 is not written: can't write it: ENOSPC {}",
    ]);
    rates.hosts.live(60_000);
    fail();
    assert.deepEqual(rates.logged(), []);
    rates.hosts.live(60_000);
    const { date, refreshes } = rates.written();
    assert.deepEqual([date, refreshes.length], ['2025-01-02', 1]);
    rates.ask({ type: 'refresh' });
    rates.take(goldRefresh('2025-01-02 09:10:00'));
    assert.deepEqual(rates.waiting, []);
  });
});
