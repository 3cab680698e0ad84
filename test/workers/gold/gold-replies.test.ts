import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { GoldRow } from '../../../src/protocol/gold.ts';
import { REFUSALS } from '../../../src/protocol/users.ts';
import {
  ANSWER_BYTES_MAX,
  changesText,
  datesText,
  fitLines,
  HELP_TEXT,
  latestText,
  missingText,
  rangeText,
  ratesText,
  refusalText,
  typesText,
} from '../../../workers/gold/gold-replies.ts';
import type { RowsRequest } from '../../../workers/gold/gold-requests.ts';
import { answerOf, SJC } from '../../support/gold-hosts.ts';

const SJC_TEXT =
  'SJC, Hồ Chí Minh, SJC: buy 82,500.00, sell 84,500.00 (82,500,000 to 84,500,000 VND/lượng), 2025-01-02 09:00:00';

describe('rates', () => {
  test('are a line each, as the source has them and in VND a lượng', () => {
    const ring: GoldRow = { ...SJC, company: '', brand: '', type: '', updated: '' };
    const text = 'SJC_HCM: buy 82,500.00, sell 84,500.00 (82,500,000 to 84,500,000 VND/lượng)';
    assert.equal(ratesText(answerOf([SJC, ring])), `${SJC_TEXT}\n${text}`);
  });

  test('name what is repeated once', () => {
    const nameOf = (names: Partial<GoldRow>) => ratesText(answerOf([{ ...SJC, ...names }])).split(': buy')[0];
    assert.equal(nameOf({ brand: 'SJC' }), 'SJC');
    assert.equal(nameOf({ brand: '' }), 'SJC');
    assert.equal(nameOf({ company: 'PNJ', brand: 'PNJ' }), 'PNJ, SJC');
  });

  test('that are stale say how old they are, behind all rows', () => {
    const stale = { isStale: true, ageMs: 12_000_000 };
    assert.equal(ratesText(answerOf([SJC], stale)), `${SJC_TEXT}\n(stale: 3 h 20 min old)`);
    const lines = latestText(answerOf(Array(100).fill(SJC), stale)).split('\n');
    assert.equal(lines[0], '2025-01-02 from tygia');
    assert.deepEqual(lines.slice(-2), [`${100 - (lines.length - 3)} more`, '(stale: 3 h 20 min old)']);
  });

  test('of many days are the first row of each', () => {
    const days = [answerOf([SJC, { ...SJC, buy: '1' }]), answerOf([SJC], { date: '2025-01-03' })];
    const prices = '82,500.00 84,500.00 (82,500,000 84,500,000 VND/lượng)';
    const text = `2025-01-02 ${prices}\n2025-01-03 ${prices}`;
    assert.equal(rangeText({ days, total: 2 }), text);
    assert.equal(rangeText({ days, total: 2002 }), `${text}\n2,000 more`);
  });
});

describe('an answer', () => {
  test('is cut at a line when it is too long, and counts the others', () => {
    for (const length of [1, 7, 100, 500]) {
      const lines = Array.from({ length: 1000 }, (_, i) => `${i} ${'ồ'.repeat(length)}`);
      const text = fitLines(lines);
      const shown = text.split('\n');
      assert.ok(Buffer.byteLength(text) <= ANSWER_BYTES_MAX);
      assert.deepEqual(shown.slice(0, -1), lines.slice(0, shown.length - 1));
      assert.equal(shown.at(-1), `${1000 - (shown.length - 1)} more`.replace('1000', '1,000'));
      const oneMore = lines.slice(0, shown.length).join('\n');
      assert.ok(
        Buffer.byteLength(`${oneMore}\n999 more`) > ANSWER_BYTES_MAX,
        'there was no room for another',
      );
    }
  });

  test('is whole when it just fits', () => {
    const lines = ['x'.repeat(1000), 'y'.repeat(ANSWER_BYTES_MAX - 1001)];
    assert.equal(fitLines(lines), lines.join('\n'));
    assert.equal(fitLines([...lines, '']), `${lines[0]}\n2 more`);
  });

  test('of a line that nothing has room for is only the count', () => {
    assert.equal(fitLines(['ồ'.repeat(1000), 'a']), '2 more');
  });

  test('has no empty line in it', () => {
    const texts = [HELP_TEXT, ratesText(answerOf([SJC, SJC])), typesText(['a', 'b'], undefined)];
    for (const text of texts) assert.doesNotMatch(text, /\n\n|^\n|\n$/);
  });
});

describe('what there is', () => {
  test('is named, or said not to be', () => {
    assert.equal(typesText(['SJC', 'Nhẫn'], undefined), 'SJC\nNhẫn');
    assert.equal(typesText([], undefined), 'There are no rates yet.');
    assert.equal(typesText([], '2025-01-03'), 'There are no rates of 2025-01-03; -dates lists the days.');
    assert.equal(
      datesText({ dates: ['2025-01-02', '2025-01-01'], total: 3 }),
      '2025-01-02\n2025-01-01\n1 more',
    );
    assert.equal(datesText({ dates: [], total: 0 }), 'There are no rates yet.');
  });

  test('is pointed to by what is not', () => {
    const lookUp: RowsRequest = { type: 'look-up', date: '2025-01-03', wanted: 'SJ\x1b[mX' };
    const range: RowsRequest = { type: 'range', from: '2025-01-03', to: '2025-01-04', wanted: 'a' };
    const latest: RowsRequest = { type: 'latest', wanted: 'x'.repeat(100) };
    const cases = [
      [lookUp, 'type', 'SJC', 'There is no SJX on 2025-01-03; did you mean SJC?'],
      [lookUp, 'type', null, 'There is no SJX on 2025-01-03.'],
      [lookUp, 'date', '2025-01-02', 'There are no rates of 2025-01-03; the nearest date is 2025-01-02.'],
      [lookUp, 'date', null, 'There are no rates yet.'],
      [range, 'type', 'b', 'There is no a from 2025-01-03 to 2025-01-04; did you mean b?'],
      [range, 'date', 'D', 'There are no rates from 2025-01-03 to 2025-01-04; the nearest date is D.'],
      [latest, 'type', null, `There is no ${'x'.repeat(64)}.`],
    ] as const;
    for (const [asked, missing, nearest, text] of cases) {
      assert.equal(missingText({ missing, nearest }, asked), text);
    }
  });
});

describe('changes', () => {
  const changeOf = (row: Partial<GoldRow>, before: Partial<GoldRow> | null) =>
    changesText([{ row: { ...SJC, ...row }, before: before && { ...SJC, ...before } }], 0);

  test('are in the unit and with the decimals of the source', () => {
    assert.equal(
      changeOf({ buy: '82,600.00', buyVnd: 82_600_000 }, { sellVnd: 84_750_000 }),
      '~ SJC, Hồ Chí Minh, SJC: buy 82,600.00 (+100.00), sell 84,500.00 (-250.00)',
    );
    assert.equal(
      changeOf({ buy: '83500000', buyVnd: 83_500_000, sell: '84.5', sellVnd: 84_500_000 }, {}),
      '~ SJC, Hồ Chí Minh, SJC: buy 83500000 (+1,000,000), sell 84.5 (0.0)',
    );
  });

  test('of a new row have nothing to compare with', () => {
    assert.equal(changeOf({}, null), '~ SJC, Hồ Chí Minh, SJC: buy 82,500.00, sell 84,500.00 (new)');
  });
});

describe('a refusal', () => {
  test('is an error with its reason, and the way on', () => {
    assert.equal(refusalText(REFUSALS.denied), 'ERROR the user name or the password is wrong');
    assert.equal(refusalText(REFUSALS.wait(7500)), 'ERROR too many wrong attempts: try again in 8 s');
    assert.equal(refusalText(REFUSALS.exists('khtn')), 'ERROR the account khtn already exists; type -signin');
  });
});
