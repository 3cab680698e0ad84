/** What a session asks of the store of rates, beside one that answers as a test says. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FRAME } from '../../../src/protocol/api/frames.ts';
import type { GoldRange } from '../../../src/protocol/api/operations.ts';
import { type GoldRow, RATES_ADDRESS } from '../../../src/protocol/gold.ts';
import { createApiHosts, HostedClient } from '../../support/api-in-hosts.ts';
import { ScriptedActor } from '../../support/scripted-actor.ts';

const CLIENT = 1;
const SESSION = 'api/1';
const DATE = '2025-01-02';

function row(type: string, brand = ''): GoldRow {
  const texts = { company: 'SJC', brand, type, code: '', buy: '82,500.00', sell: '84,500.00' };
  return { ...texts, updated: '', day: '', id: '', buyVnd: 82_500_000, sellVnd: 84_500_000 };
}

function answerOf(...rows: readonly GoldRow[]) {
  return { date: DATE, source: 'tygia', rows, timeMs: 1, ageMs: 2, isStale: false };
}

/** The change of a row that was not there before. */
function noticeOf(...rows: readonly GoldRow[]) {
  return { type: 'gold-changed', date: DATE, source: 'tygia', timeMs: 3, rows, before: rows.map(() => null) };
}

const [RING, BAR] = [row('Nhẫn 9999'), row('SJC 1L', 'Hồ Chí Minh')];

function start(answers: Readonly<Record<string, unknown>> = {}, frameBytes = 65_536) {
  const hosts = createApiHosts({ limits: { frameBytes, requests: 64, streams: 8, idleMs: 60_000 } });
  const rates = new ScriptedActor(hosts, RATES_ADDRESS, answers);
  const client = new HostedClient(hosts, CLIENT, { isOperator: true });
  return { client, rates };
}

describe('gold over the api', () => {
  test('is looked up in the store', () => {
    const answers = {
      'look-up': answerOf(BAR),
      range: { days: [answerOf(BAR)], total: 1 },
      types: ['SJC 1L'],
      dates: { dates: [DATE], total: 1 },
      latest: answerOf(RING, BAR),
    };
    const { client, rates } = start(answers);
    const range = { from: DATE, to: '2025-01-09', type: 'sjc' };
    assert.deepEqual(
      [
        client.ask('gold.look-up', { date: DATE, type: 'sjc' }),
        client.ask('gold.range', range),
        client.ask('gold.range', { ...range, limit: 5 }),
        client.ask('gold.types'),
        client.ask('gold.types', { date: DATE }),
        client.ask('gold.dates'),
        client.ask('gold.latest'),
        client.ask('gold.latest', { type: 'sjc' }),
      ],
      [
        answers['look-up'],
        answers.range,
        answers.range,
        answers.types,
        answers.types,
        answers.dates,
        answers.latest,
        answers.latest,
      ],
    );
    const asked = { from: DATE, to: '2025-01-09', wanted: 'sjc' };
    assert.deepEqual(rates.commands, [
      { type: 'look-up', date: DATE, wanted: 'sjc' },
      { type: 'range', ...asked, limit: 366 },
      { type: 'range', ...asked, limit: 5 },
      { type: 'types' },
      { type: 'types', date: DATE },
      { type: 'dates', limit: 100 },
      { type: 'latest' },
      { type: 'latest', wanted: 'sjc' },
    ]);
  });

  test('says what is missing, and what is near', () => {
    const { client, rates } = start();
    const missed = (missing: string, nearest: string | null, operation: string, params: unknown) => {
      for (const type of ['look-up', 'range', 'latest']) rates.answer(type, { missing, nearest });
      const { code, message, fields } = client.refused(operation, params);
      return [code, message, fields];
    };
    const params = { date: DATE, type: 'SJX' };
    assert.deepEqual(missed('date', '2025-01-03', 'gold.look-up', params), [
      'ERR_GOLD_DATE',
      'there are no rates of 2025-01-02; the nearest date is 2025-01-03',
      { nearest: '2025-01-03' },
    ]);
    assert.deepEqual(missed('type', 'SJC', 'gold.look-up', params), [
      'ERR_GOLD_TYPE',
      'there are no rates of 2025-01-02 of the type SJX; did you mean SJC?',
      { nearest: 'SJC' },
    ]);
    assert.deepEqual(missed('date', null, 'gold.range', { from: DATE, to: DATE, type: 'x' }), [
      'ERR_GOLD_DATE',
      'there are no rates of 2025-01-02..2025-01-02',
      {},
    ]);
    assert.deepEqual(missed('date', null, 'gold.latest', {}), ['ERR_GOLD_DATE', 'there are no rates', {}]);
    const bell = missed('type', null, 'gold.latest', { type: 'bell\u0007' });
    assert.doesNotMatch(String(bell[1]), /\p{Cc}/u);
  });

  test('a range that is long is cut at a day, and says how many days there are', () => {
    const day = answerOf(...Array(900).fill(BAR));
    const params = { from: DATE, to: DATE, type: 'sjc' };
    const { client } = start({ range: { days: [day, day, day], total: 1500 } }, 1_048_576);
    const { days, total } = client.ask('gold.range', params) as GoldRange;
    assert.deepEqual([days.length, total], [2, 1500]);
  });

  test('an answer that is longer than a frame is an error, and the connection goes on', () => {
    const { client } = start({ 'look-up': answerOf(...Array(900).fill(BAR)), types: [] }, 65_536);
    const { code, message } = client.refused('gold.look-up', { date: DATE, type: 'sjc' });
    assert.equal(code, 'ERR_API_PARAMS');
    assert.match(message, /^the answer has \d+ bytes, and a frame at most 65536: ask for less at a time$/);
    assert.deepEqual(client.ask('gold.types'), []);
  });

  describe('watching', () => {
    test('tells of the rows that are wanted, as far as there is credit', () => {
      const { client, rates } = start({ latest: answerOf(RING, BAR) });
      const all = client.request('gold.watch');
      const some = client.request('gold.watch', { types: ['nhan', 'ho chi minh', 'ho chi minh'] });
      assert.deepEqual(rates.commandsOf('watch'), [
        { type: 'watch', session: SESSION },
        { type: 'watch', session: SESSION },
      ]);
      assert.deepEqual(client.infoOf(some), answerOf(RING, BAR));
      client.credit(all, 1);
      client.credit(some, 10);
      const other = row('Vàng 24K');
      rates.tell(CLIENT, { ...noticeOf(other, BAR), before: [null, RING] });
      const told = { date: DATE, source: 'tygia', timeMs: 3 };
      assert.deepEqual(client.itemsOf(all), [{ ...told, row: other, before: null }]);
      assert.deepEqual(client.itemsOf(some), [{ ...told, row: BAR, before: RING }]);
      client.credit(all, 1);
      assert.deepEqual(client.itemsOf(all)[1], { ...told, row: BAR, before: RING });
    });

    test('begins with nothing where there are no rates yet', () => {
      const { client, rates } = start({ latest: { missing: 'date', nearest: null } });
      const id = client.request('gold.watch');
      assert.equal(client.infoOf(id), null);
      client.credit(id, 1);
      rates.tell(CLIENT, noticeOf(BAR));
      assert.equal(client.itemsOf(id).length, 1);
    });

    test('does not tell again what the first answer has', () => {
      const { client, rates } = start();
      const id = client.request('gold.watch');
      client.credit(id, 10);
      rates.tell(CLIENT, noticeOf(BAR));
      rates.reply(answerOf(BAR));
      assert.deepEqual(client.framesOf(id), [[FRAME.open, id, answerOf(BAR)]]);
    });

    test('ends at the store with the last stream, however that ends', () => {
      for (const leave of [
        (client: HostedClient, id: number) => client.end(id),
        (client: HostedClient) => client.leave(),
      ]) {
        const { client, rates } = start({ latest: answerOf() });
        const ids = [client.request('gold.watch'), client.request('gold.watch')] as const;
        client.end(ids[0]);
        assert.deepEqual(rates.commandsOf('unwatch'), []);
        leave(client, ids[1]);
        assert.deepEqual(rates.commandsOf('unwatch'), [{ type: 'unwatch', session: SESSION }]);
      }
    });

    test('ends with an error when the client takes too little', () => {
      const { client, rates } = start({ latest: answerOf() });
      const id = client.request('gold.watch');
      rates.tell(CLIENT, noticeOf(...Array(1000).fill(BAR)));
      assert.equal(client.framesOf(id).length, 1);
      rates.tell(CLIENT, noticeOf(BAR, RING));
      assert.equal(client.errorOf(id).code, 'ERR_API_LIMIT');
      assert.equal(client.framesOf(id).length, 2, 'it is told once');
      assert.equal(rates.commandsOf('unwatch').length, 1);
    });

    test('ends with an error that may be tried again when the store is lost', () => {
      const { client, rates } = start({ latest: answerOf() });
      const id = client.request('gold.watch');
      rates.stop();
      assert.deepEqual([client.errorOf(id).code, client.errorOf(id).retryable], ['ERR_HOST_LOST', true]);
    });
  });

  describe('importing', () => {
    const refresh = (date: string) => ({ date, source: 'import', timeMs: 1, rows: [BAR] });
    const days = ['2025-01-02', '2025-01-03', '2025-01-04'].map(refresh);

    test('hands on what comes, one part after the other, and answers with the sum', () => {
      const { client, rates } = start();
      const id = client.request('gold.import');
      assert.deepEqual(client.framesOf(id), [
        [FRAME.open, id, null],
        [FRAME.credit, id, 8],
      ]);
      client.send([FRAME.items, id, days.slice(0, 1)]);
      client.send([FRAME.items, id, days.slice(1)], [FRAME.end, id]);
      assert.deepEqual(rates.commands, [{ type: 'import', refreshes: days.slice(0, 1) }]);
      rates.reply({ refreshes: 1, rows: 1, known: 0 });
      assert.deepEqual(rates.commands[1], { type: 'import', refreshes: days.slice(1) });
      rates.reply({ refreshes: 1, rows: 1, known: 1 });
      assert.deepEqual(client.framesOf(id).slice(2), [
        [FRAME.credit, id, 1],
        [FRAME.credit, id, 2],
        [FRAME.reply, id, { refreshes: 2, rows: 2, known: 1 }],
      ]);
    });

    test('of nothing is answered at once', () => {
      const { client, rates } = start();
      const id = client.request('gold.import');
      client.end(id);
      assert.deepEqual(client.framesOf(id).at(-1), [FRAME.reply, id, { refreshes: 0, rows: 0, known: 0 }]);
      assert.deepEqual(rates.commands, []);
    });

    test('says which item is wrong', () => {
      const { client, rates } = start();
      const id = client.request('gold.import');
      client.send([FRAME.items, id, [days[0], { ...days[1], date: '2025-02-30' }]]);
      const { code, message } = client.errorOf(id);
      assert.deepEqual(
        [code, message],
        ['ERR_API_PARAMS', 'gold.import[1].date is "2025-02-30"; expected a day that exists, as yyyy-mm-dd'],
      );
      assert.deepEqual(rates.commands, []);
    });

    test('is for operators', () => {
      const client = new HostedClient(createApiHosts(), CLIENT);
      assert.equal(client.refused('gold.import').code, 'ERR_API_DENIED');
    });
  });
});
