import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { OutboundMessage } from '../../../../src/protocol/ouch/messages.ts';
import { Captures, compare, fromArray } from '../../../../src/protocol/ouch-inputs/expect.ts';
import type { Reply } from '../../../../src/protocol/ouch-inputs/input.ts';
import { toReply } from '../../../../src/protocol/ouch-inputs/json.ts';

const ACCEPTED: OutboundMessage = {
  type: 'accepted',
  timestampNs: 1000n,
  token: 1,
  clientReference: 'Lenny',
  side: 'B',
  quantity: 100,
  orderbook: 'BNB',
  group: 'DAY',
  priceTenths: 23_000,
  timeInForce: 99_999,
  firm: 3434,
  display: ' ',
  capacity: 'P',
  orderNumber: 202607310000000001n,
  minimumQuantity: 0,
  state: 'L',
  classification: '1',
  cashMargin: '1',
};
const EXECUTED: OutboundMessage = {
  type: 'executed',
  timestampNs: 2000n,
  token: 1,
  quantity: 30,
  priceTenths: 100,
  liquidity: 'R',
  matchNumber: 7n,
};

function differs(expected: Reply, got: OutboundMessage, captures = new Captures()): string[] | undefined {
  const difference = compare(expected, got, 'alpha', captures);
  return difference?.lines.map(
    ({ field, expected: asked, got: came, isSame }) => `${isSame ? '=' : '≠'} ${field} ${asked} ${came}`,
  );
}

describe('compare', () => {
  test('takes what is as expected, whatever it is written like', () => {
    const alike: readonly Reply[] = [
      { message_type: 'A' },
      { message_type: 'A', firm_id: '3434', price: 2300, display: '', group: 'DAY ' },
      { message_type: 'A', firm_id: 3434, price: '2300.0', display: ' ', client_reference: 'Lenny     ' },
      { message_type: 'A', orderbook_id: 3, order_number: '202607310000000001', timestamp: 1000 },
      { message_type: 'A', quantity: '*', client_reference: '*', order_number: '*', timestamp: '*' },
      { ...toReply(ACCEPTED), message_type: 'A' },
    ];
    for (const expected of alike) assert.equal(differs(expected, ACCEPTED), undefined);
  });

  test('tells each field that was asked for, with both values', () => {
    assert.deepEqual(
      differs(
        {
          message_type: 'E',
          executed_quantity: 60,
          execution_price: 10,
          match_number: '*',
          liquidity_indicator: 'R',
        },
        EXECUTED,
      ),
      [
        '= message_type E E',
        '≠ executed_quantity 60 30',
        '= execution_price 10.0 10.0',
        '= liquidity_indicator R R',
      ],
    );
  });

  test('tells another message by its letter alone', () => {
    assert.deepEqual(differs({ message_type: 'A', order_token: 1, display: ' ' }, EXECUTED), [
      '≠ message_type A E',
    ]);
  });

  test('binds a name at its first use, and only if all is as expected', () => {
    const captures = new Captures();
    const expected: Reply = { message_type: 'E', executed_quantity: 60, match_number: '$m' };
    assert.deepEqual(differs(expected, EXECUTED, captures), [
      '= message_type E E',
      '≠ executed_quantity 60 30',
      '= match_number $m 7',
    ]);
    assert.equal(captures.get('$m'), undefined);
    assert.equal(differs({ ...expected, executed_quantity: 30 }, EXECUTED, captures), undefined);
    assert.equal(captures.get('$m'), 7n);
    assert.equal(differs({ message_type: 'E', match_number: '$m' }, EXECUTED, captures), undefined);
    assert.deepEqual(
      differs({ message_type: 'E', match_number: '$m' }, { ...EXECUTED, matchNumber: 8n }, captures),
      ['= message_type E E', '≠ match_number $m = 7 8'],
    );
  });

  test('compares a name that is there twice in one reply', () => {
    const expected: Reply = { message_type: 'E', match_number: '$m', timestamp: '$m' };
    assert.deepEqual(differs(expected, EXECUTED)?.at(-1), '≠ match_number $m = 2000 7');
    assert.equal(differs(expected, { ...EXECUTED, timestampNs: 7n }), undefined);
  });

  test('takes a dollar in text for text', () => {
    const dollar: OutboundMessage = { ...ACCEPTED, clientReference: '$m' };
    assert.equal(differs({ message_type: 'A', client_reference: '$m' }, dollar), undefined);
    assert.equal(differs({ message_type: 'A', client_reference: '$m' }, ACCEPTED)?.length, 2);
  });
});

describe('fromArray', () => {
  test('takes a reply in wire order, with prices in tenths; numbers of another run are not compared', () => {
    const array = [
      'A',
      47232330115000,
      0,
      'abcdefghij',
      'B',
      200,
      3,
      'DAY ',
      3234,
      100,
      '3434',
      'P',
      'A',
      3897380761,
      5,
      'L',
      '1',
      '3',
    ];
    assert.deepEqual(fromArray(array), {
      message_type: 'A',
      order_token: 0,
      client_reference: 'abcdefghij',
      buy_sell_indicator: 'B',
      quantity: 200,
      orderbook_id: 3,
      group: 'DAY ',
      price: '323.4',
      time_in_force: 100,
      firm_id: '3434',
      display: 'P',
      capacity: 'A',
      minimum_quantity: 5,
      order_state: 'L',
      order_classification: '1',
      cash_margin_type: '3',
    });
  });

  test('takes an empty list for no reply', () => {
    assert.equal(fromArray([]), undefined);
  });

  test('refuses what is no reply', () => {
    const wrong: readonly (readonly [readonly (string | number)[], RegExp])[] = [
      [['O', 1], /begins with "O"; expected one of S A U C D E J/],
      [['J', 1, 2], /J has 3 entries; expected 4: message_type, timestamp, order_token, reason/],
      [['J', 1, 'x', 'N'], /order_token is "x"; expected a whole number/],
      [['D', 1, 2, 3, 'M', 4, 323.4, 'R'], /execution_price is 323.4; expected a whole number/],
    ];
    for (const [array, message] of wrong)
      assert.throws(() => fromArray(array), { code: 'ERR_INPUT', message });
  });
});
