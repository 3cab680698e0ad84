import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatTenths, toTenths } from '../../../../src/protocol/ouch/prices.ts';

describe('prices', () => {
  test('are decimal text and whole tenths', () => {
    const prices: readonly (readonly [string, number])[] = [
      ['2300.0', 23_000],
      ['0.1', 1],
      ['0.0', 0],
      ['214748364.6', 0x7ffffffe],
      ['429496729.5', 0xffffffff],
    ];
    for (const [text, tenths] of prices) {
      assert.equal(toTenths(text), tenths);
      assert.equal(formatTenths(tenths), text);
    }
    assert.equal(toTenths('2300'), 23_000);
  });

  test('are nothing else', () => {
    for (const text of [
      '',
      '1.',
      '.5',
      '1.23',
      '-1',
      '+1',
      '1e3',
      ' 1',
      '1,000.0',
      '429496729.6',
      '10000000000',
      'NaN',
    ]) {
      assert.throws(() => toTenths(text), { code: 'ERR_OUCH_MESSAGE' }, text);
    }
  });
});
