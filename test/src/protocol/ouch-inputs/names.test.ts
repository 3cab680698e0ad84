import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bookFor, type Direction, fieldsOf } from '../../../../src/protocol/ouch-inputs/names.ts';

function namesOf(direction: Direction, letter: string): string {
  return fieldsOf(direction, letter)
    .map(({ name }) => name)
    .join(' ');
}

describe('fieldsOf', () => {
  const names: readonly (readonly [direction: Direction, letter: string, names: string])[] = [
    [
      'inbound',
      'O',
      'order_token client_reference buy_sell_indicator quantity orderbook_id group price time_in_force firm_id display capacity minimum_quantity order_classification cash_margin_type',
    ],
    [
      'inbound',
      'U',
      'existing_order_token replacement_order_token quantity price time_in_force display minimum_quantity',
    ],
    ['inbound', 'X', 'order_token quantity'],
    ['outbound', 'S', 'timestamp system_event'],
    [
      'outbound',
      'A',
      'timestamp order_token client_reference buy_sell_indicator quantity orderbook_id group price time_in_force firm_id display capacity order_number minimum_quantity order_state order_classification cash_margin_type',
    ],
    [
      'outbound',
      'U',
      'timestamp replacement_order_token buy_sell_indicator quantity orderbook_id group price time_in_force display order_number minimum_quantity order_state previous_order_token',
    ],
    ['outbound', 'C', 'timestamp order_token decrement_quantity reason'],
    [
      'outbound',
      'D',
      'timestamp order_token decrement_quantity reason quantity_prevented_from_trading execution_price liquidity_indicator',
    ],
    [
      'outbound',
      'E',
      'timestamp order_token executed_quantity execution_price liquidity_indicator match_number',
    ],
    ['outbound', 'J', 'timestamp order_token reason'],
    ['inbound', 'A', ''],
  ];
  for (const [direction, letter, expected] of names) {
    test(`has the fields of ${direction} ${letter} in wire order`, () => {
      assert.equal(namesOf(direction, letter), expected);
    });
  }

  test('knows kinds and defaults', () => {
    const kinds = fieldsOf('inbound', 'O').map(({ name, kind, default: value }) => [name, kind, value]);
    assert.deepEqual(kinds, [
      ['order_token', 'token', undefined],
      ['client_reference', 'text', ''],
      ['buy_sell_indicator', 'text', undefined],
      ['quantity', 'integer', undefined],
      ['orderbook_id', 'orderbook', undefined],
      ['group', 'text', 'DAY'],
      ['price', 'price', undefined],
      ['time_in_force', 'integer', 99_999],
      ['firm_id', 'integer', 0],
      ['display', 'text', ' '],
      ['capacity', 'text', 'P'],
      ['minimum_quantity', 'integer', 0],
      ['order_classification', 'text', '1'],
      ['cash_margin_type', 'text', '1'],
    ]);
  });
});

describe('bookFor', () => {
  test('makes text of numbers, and of the original ones their names', () => {
    const books = [1, 10, 11, 0, 7203, 'BTC', '7203', 'A   ', ''].map((id) => bookFor(id, 'alpha'));
    assert.deepEqual(books, ['BTC', 'DOGE', '11', '0', '7203', 'BTC', '7203', 'A', '']);
  });

  test('makes numbers of text, and of the original names theirs', () => {
    const books = [1, 4294967295, '7203', 'BTC', 'DOGE', '3   '].map((id) => bookFor(id, 'uint32'));
    assert.deepEqual(books, [1, 4294967295, 7203, 1, 10, 3]);
  });

  test('refuses what the form does not have', () => {
    for (const id of [12345, 1.5, -1, 'ABCDE', 'é']) {
      assert.throws(() => bookFor(id, 'alpha'), { code: 'ERR_INPUT', fields: { field: 'orderbook_id' } });
    }
    for (const id of [-1, 1.5, 4294967296, 'ABC', '', 'btc', '4294967296']) {
      assert.throws(() => bookFor(id, 'uint32'), { code: 'ERR_INPUT', fields: { field: 'orderbook_id' } });
    }
  });
});
