import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BTMC } from '../../../../workers/gold/providers/btmc.ts';
import { exampleRates } from '../../../../workers/gold/providers/example.ts';
import { PNJ } from '../../../../workers/gold/providers/pnj.ts';
import { type Provider, Refused } from '../../../../workers/gold/providers/provider.ts';
import { TYGIA } from '../../../../workers/gold/providers/tygia.ts';
import { VANG_TODAY } from '../../../../workers/gold/providers/vang-today.ts';
import { fuzzSeed } from '../../../support/fuzz-seed.ts';
import { bodyOf, STUB_ROWS, type StubKind } from '../../../support/gold-stubs.ts';
import { mutatedJson, withSlips } from '../../../support/mutated-json.ts';

const NOW = '2025-01-03';
const DAY = '2025-01-02';
const PROVIDERS = [TYGIA, VANG_TODAY, PNJ, BTMC];

/** As the source says it. */
const TYGIA_BODY =
  '\ufeff\n{"golds":[{"date":"20250102","updated":"2025-01-02 09:00:00","value":[' +
  '{"day":"20250102","company":"SJC","brand":"Hồ Chí Minh","type":"SJC","buy":"82,500.00","sell":"84,500.00","updated":"2025-01-02 08:30:00"},' +
  '{"day":"20250102","company":"XAU","brand":"SPOT GOLD","type":"SPOT GOLD","buy":"2,650.10","sell":"2,650.60","updated":"-"},' +
  '{"day":"20250102","company":"OIL","brand":"OIL","type":"OIL","buy":"70.10","sell":"70.20","updated":"-"}]}],"rates":[]}';

function refusal(provider: Provider, body: unknown): string {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  try {
    provider.parse(text, NOW);
  } catch (error) {
    assert.ok(error instanceof Refused, String(error));
    return error.message;
  }
  return assert.fail('it was taken');
}

describe('every source', () => {
  for (const provider of PROVIDERS) {
    const kind = provider.name as StubKind;

    test(`${kind} is read in its own unit, with gold alone`, () => {
      const { rows } = provider.parse(bodyOf(kind, { date: DAY }), NOW);
      assert.deepEqual(
        rows.map(({ type, buyVnd, sellVnd }) => ({ type, buyVnd, sellVnd })),
        STUB_ROWS.map(({ type, buyVnd, sellVnd }) => ({ type, buyVnd, sellVnd })),
      );
    });

    test(`${kind} is refused where it is no JSON, or has another shape`, () => {
      assert.equal(refusal(provider, '<!doctype html><p>Just a moment'), 'it answered with a page of HTML');
      assert.equal(refusal(provider, '\ufeff\n <html>'), 'it answered with a page of HTML');
      for (const text of ['', 'null golds', '{"golds":']) assert.equal(refusal(provider, text), 'not JSON');
      for (const body of [null, 5, 'x', {}, [], { status: 'ok' }]) {
        assert.match(refusal(provider, JSON.stringify(body)), /^shape: \S+ is (missing|no object)$/);
      }
    });

    test(`${kind} is taken or refused, whatever it sends`, () => {
      const seed = fuzzSeed();
      const bodies = fc.oneof(mutatedJson, withSlips(fc.constant(bodyOf(kind, { date: DAY }))));
      fc.assert(
        fc.property(bodies, (text) => {
          try {
            const { date, rows } = provider.parse(text, NOW);
            assert.match(date, /^\d{4}-\d{2}-\d{2}$/);
            for (const { buyVnd, sellVnd } of rows) assert.ok(buyVnd >= 0 && sellVnd >= 0);
          } catch (error) {
            assert.ok(error instanceof Refused, String(error));
          }
        }),
        { seed, numRuns: 2000 },
      );
    });
  }
});

describe('tygia', () => {
  test('keeps its rows as they were, behind a byte order mark and a newline', () => {
    const { date, rows } = TYGIA.parse(TYGIA_BODY, NOW);
    assert.equal(date, DAY);
    assert.deepEqual(rows, [
      {
        company: 'SJC',
        brand: 'Hồ Chí Minh',
        type: 'SJC',
        code: '',
        buy: '82,500.00',
        sell: '84,500.00',
        updated: '2025-01-02 08:30:00',
        day: '20250102',
        id: '',
        buyVnd: 82_500_000,
        sellVnd: 84_500_000,
      },
    ]);
  });

  test('says where its shape has changed', () => {
    assert.equal(refusal(TYGIA, { golds: [] }), 'shape: golds[0] is missing');
    assert.equal(refusal(TYGIA, { golds: [{ rows: [] }] }), 'shape: golds[0].value is missing');
    const value = [{ type: 'SJC', buy: '82,500.00' }];
    assert.equal(refusal(TYGIA, { golds: [{ value }] }), 'shape: golds[0].value[0].sell is missing');
  });
});

describe('vang-today', () => {
  test('is read by codes or as a list, for the day on which it was asked', () => {
    const price = { buy: 82_500_000, sell: 84_500_000 };
    const byCode = {
      success: true,
      date: '2025-01-02 09:00',
      prices: { SJL1L10: { name: 'SJC 9999', ...price } },
    };
    const asList = { success: true, data: [{ type_code: 'SJL1L10', ...price }] };
    const row = {
      company: '',
      brand: '',
      code: 'SJL1L10',
      buy: '82500000',
      sell: '84500000',
      day: '',
      id: '',
    };
    const vnd = { buyVnd: 82_500_000, sellVnd: 84_500_000 };
    assert.deepEqual(VANG_TODAY.parse(JSON.stringify(byCode), NOW), {
      date: NOW,
      rows: [{ ...row, type: 'SJC 9999', updated: '2025-01-02 09:00', ...vnd }],
    });
    assert.deepEqual(VANG_TODAY.parse(JSON.stringify(asList), NOW), {
      date: NOW,
      rows: [{ ...row, type: 'SJL1L10', updated: '', ...vnd }],
    });
  });

  test('says where its shape has changed, or that it has failed', () => {
    assert.equal(refusal(VANG_TODAY, { success: false, prices: {} }), 'it says that it failed');
    assert.equal(refusal(VANG_TODAY, { prices: { A: 5 } }), 'shape: prices.A is missing');
    assert.equal(
      refusal(VANG_TODAY, { data: [{ type_code: 'A', buy: 1 }] }),
      'shape: data[0].sell is missing',
    );
  });
});

describe('pnj', () => {
  test('has the day of its stamp', () => {
    const data = [{ stt: 1, masp: 'SJC', tensp: 'Vàng miếng SJC', giamua: 8250, giaban: '8,450' }];
    const body = { chinhanh: 'TPHCM', updateDate: '02/01/2025 09:00', data };
    assert.deepEqual(PNJ.parse(JSON.stringify(body), NOW), {
      date: DAY,
      rows: [
        {
          company: 'PNJ',
          brand: 'TPHCM',
          type: 'Vàng miếng SJC',
          code: 'SJC',
          buy: '8250',
          sell: '8,450',
          updated: '02/01/2025 09:00',
          day: '',
          id: '1',
          buyVnd: 82_500_000,
          sellVnd: 84_500_000,
        },
      ],
    });
    assert.equal(refusal(PNJ, { ...body, updateDate: '31/02/2025' }), 'shape: updateDate is missing');
    assert.equal(refusal(PNJ, { ...body, data: [{ giamua: 1 }] }), 'shape: data[0].giaban is missing');
  });
});

describe('btmc', () => {
  const row = (number: number, name: string, sell: string, time: string) => ({
    '@row': String(number),
    [`@n_${number}`]: name,
    [`@pb_${number}`]: '8250000',
    [`@ps_${number}`]: sell,
    [`@d_${number}`]: time,
  });
  const parse = (...Data: readonly object[]) => BTMC.parse(JSON.stringify({ DataList: { Data } }), NOW);

  test('counts the newest of each name', () => {
    const { date, rows } = parse(
      row(1, 'VÀNG MIẾNG SJC', '8440000', '02/01/2025 08:30'),
      row(2, 'VÀNG MIẾNG SJC', '8450000', '02/01/2025 09:00'),
      row(3, 'VÀNG MIẾNG SJC', '8430000', '01/01/2025 17:00'),
    );
    assert.equal(date, DAY);
    assert.deepEqual(
      rows.map(({ type, id, sell, sellVnd }) => [type, id, sell, sellVnd]),
      [['VÀNG MIẾNG SJC', '2', '8450000', 84_500_000]],
    );
  });

  test('leaves out silver, and what is only bought', () => {
    const time = '02/01/2025 09:00';
    const { rows } = parse(
      row(1, 'BẠC MIẾNG 1 LƯỢNG', '1550000', time),
      row(2, 'Bạc thỏi'.normalize('NFD'), '1550000', time),
      row(3, 'VÀNG NGUYÊN LIỆU', '0', time),
      row(4, 'NHẪN TRÒN MIỀN BẮC', '8450000', time),
    );
    assert.deepEqual(
      rows.map(({ type }) => type),
      ['NHẪN TRÒN MIỀN BẮC'],
    );
  });

  test('says where its shape has changed', () => {
    const { '@d_1': _, ...undated } = row(1, 'SJC', '1', '');
    assert.equal(refusal(BTMC, { DataList: {} }), 'shape: DataList.Data is missing');
    assert.equal(refusal(BTMC, { DataList: { Data: [{}] } }), 'shape: DataList.Data[0].@n_ is missing');
    assert.equal(refusal(BTMC, { DataList: { Data: [undated] } }), 'shape: DataList.Data[0].@d_1 is missing');
  });
});

describe('example', () => {
  const halfHour = (number: number) => exampleRates(Date.parse('2025-01-02T00:00:00Z') + number * 1_800_000);

  test('is nobody’s gold, and has the same rates for the same half hour', () => {
    const { date, rows } = halfHour(0);
    assert.equal(date, DAY);
    assert.equal(rows.length, 6);
    assert.ok(rows.every(({ company, brand }) => company === 'EXAMPLE GOLD' && brand === 'Fictitious'));
    assert.deepEqual(halfHour(0.9).rows, rows);
    assert.notDeepEqual(halfHour(1).rows, rows);
  });

  test('rises and falls by turns, and goes nowhere', () => {
    const prices = Array.from({ length: 49 }, (_, i) => halfHour(i).rows[0]?.buyVnd ?? 0);
    assert.ok(prices.every((price) => price >= 100_000_000 && price <= 101_200_000));
    assert.equal(prices[48], prices[0]);
  });
});
