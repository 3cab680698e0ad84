import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { connectTo } from '../support/api-client.ts';
import { type ApiCall, ApiServer } from '../support/api-server.ts';
import { until } from '../support/until.ts';

const TEXTS = {
  company: 'SJC',
  brand: 'Hồ Chí Minh',
  type: 'SJC',
  code: '',
  buy: '82,500.00',
  sell: '84,500.00',
};
const ROW = { ...TEXTS, updated: '', day: '20250102', id: '1', buyVnd: 82_500_000, sellVnd: 84_500_000 };
const REFRESH = { date: '2025-01-02', source: 'import', timeMs: 1, rows: [ROW] };
const ANSWER = { ...REFRESH, source: 'tygia', ageMs: 5, isStale: false };
const DATES = { dates: ['2025-01-02'], total: 1 };
const RANGE = { days: [ANSWER], total: 1 };
const TAKEN = { refreshes: 3, rows: 3, known: 0 };
const ANSWERS: Readonly<Record<string, unknown>> = {
  'gold.look-up': ANSWER,
  'gold.range': RANGE,
  'gold.types': ['SJC'],
  'gold.dates': DATES,
  'gold.latest': ANSWER,
};

describe('gold', () => {
  test('asks for each operation with what it is given, and gives what is answered', async () => {
    const handlers = Object.fromEntries(
      Object.entries(ANSWERS).map(([operation, answer]) => [
        operation,
        (call: ApiCall) => call.reply(answer),
      ]),
    );
    await using server = await ApiServer.listen({ handlers });
    await using client = await connectTo(server);
    const { gold } = client;
    const answers = [
      await gold.lookUp('2025-01-02', 'ho chi minh'),
      await gold.range('2025-01-02', '2025-01-09', 'SJC'),
      await gold.range('2025-01-02', '2025-01-09', 'SJC', { limit: 5 }),
      await gold.types(),
      await gold.types('2025-01-02'),
      await gold.dates(),
      await gold.dates(5),
      await gold.latest(),
      await gold.latest('SJC'),
    ];
    assert.deepEqual(answers, [ANSWER, RANGE, RANGE, ['SJC'], ['SJC'], DATES, DATES, ANSWER, ANSWER]);
    assert.deepEqual(
      server.calls.map(({ operation, params }) => [operation, params]),
      [
        ['gold.look-up', { date: '2025-01-02', type: 'ho chi minh' }],
        ['gold.range', { from: '2025-01-02', to: '2025-01-09', type: 'SJC' }],
        ['gold.range', { from: '2025-01-02', to: '2025-01-09', type: 'SJC', limit: 5 }],
        ['gold.types', {}],
        ['gold.types', { date: '2025-01-02' }],
        ['gold.dates', {}],
        ['gold.dates', { limit: 5 }],
        ['gold.latest', {}],
        ['gold.latest', { type: 'SJC' }],
      ],
    );
  });

  test('what is missing is an error that has the nearest there is', async () => {
    await using server = await ApiServer.listen({
      handlers: { 'gold.look-up': (call) => call.fail('ERR_GOLD_TYPE', { fields: { nearest: 'SJC' } }) },
    });
    await using client = await connectTo(server);
    const missing = { code: 'ERR_GOLD_TYPE', fields: { nearest: 'SJC' } };
    await assert.rejects(client.gold.lookUp('2025-01-02', 'SJX'), missing);
  });

  test('a day that does not exist is not asked for', async () => {
    await using server = await ApiServer.listen();
    await using client = await connectTo(server);
    await assert.rejects(client.gold.lookUp('2025-02-30', 'SJC'), { code: 'ERR_API_PARAMS' });
    assert.deepEqual(server.calls, []);
  });

  test('watches changes over breaks, and tells of them', async () => {
    await using server = await ApiServer.listen({
      handlers: { 'gold.watch': (call) => call.open(ANSWER) },
    });
    await using client = await connectTo(server);
    let gaps = 0;
    const changes = client.gold.watch({ types: ['SJC'], onGap: () => gaps++ });
    const first = changes.next();
    const nth = (n: number) => until('it is watched', () => server.callsOf('gold.watch')[n - 1]);
    const call = await nth(1);
    assert.deepEqual(call.params, { types: ['SJC'] });
    const told = (timeMs: number) => ({
      date: '2025-01-02',
      source: 'tygia',
      timeMs,
      row: ROW,
      before: null,
    });
    call.send(told(1));
    assert.deepEqual((await first).value, told(1));
    server.breakAll();
    (await nth(2)).send(told(7));
    assert.deepEqual((await changes.next()).value, told(7));
    assert.equal(gaps, 1);
    await changes.return();
    await until('the watch has ended', () => server.callsOf('gold.watch')[1]?.isEnded);
    assert.deepEqual(server.violations, []);
  });

  test('imports as fast as the server takes it', async () => {
    await using server = await ApiServer.listen({
      handlers: {
        'gold.import': (call) => {
          call.open();
          call.allow(1);
          call.onItems = () => call.allow(1);
          call.onEnd = () => call.reply(TAKEN);
        },
      },
    });
    await using client = await connectTo(server);
    const days = ['2025-01-02', '2025-01-03', '2025-01-04'].map((date) => ({ ...REFRESH, date }));
    assert.deepEqual(await client.gold.import(days), TAKEN);
    assert.deepEqual(server.callsOf('gold.import')[0]?.items, days);
    assert.deepEqual(server.violations, []);
  });
});
