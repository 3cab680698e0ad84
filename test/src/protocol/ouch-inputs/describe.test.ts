import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeInbound, decodeOutbound } from '../../../../src/protocol/ouch/messages.ts';
import {
  describeInbound,
  describeOutbound,
  hexLines,
} from '../../../../src/protocol/ouch-inputs/describe.ts';
import { fromStep } from '../../../../src/protocol/ouch-inputs/json.ts';
import { fromHex, OUTBOUND_GOLDEN } from '../../../support/ouch-bytes.ts';

const ORDER = {
  message_type: 'O',
  order_token: 1,
  buy_sell_indicator: 'B',
  quantity: 100,
  orderbook_id: 1,
  price: 2300,
};
const REPLACE = {
  message_type: 'U',
  existing_order_token: 1,
  replacement_order_token: 5,
  quantity: 115,
  price: 2300,
};

describe('describeInbound', () => {
  const cases: readonly (readonly [step: object, words: string])[] = [
    [ORDER, 'O 1: buy 100 BTC at 2300.0, day'],
    [
      { ...ORDER, buy_sell_indicator: 'T', group: 'NGHT', display: 'P' },
      'O 1: short sell 100 BTC in NGHT at 2300.0, day, post-only',
    ],
    [
      { ...ORDER, time_in_force: 0, minimum_quantity: 50 },
      'O 1: buy 100 BTC at 2300.0, immediate, at least 50',
    ],
    [
      { ...ORDER, buy_sell_indicator: 'Q', time_in_force: 7, display: 'Z' },
      'O 1: side Q 100 BTC at 2300.0, time in force 7, display Z',
    ],
    [{ ...ORDER, orderbook_id: 123456 }, 'O 1: buy 100 123456 at 2300.0, day'],
    [REPLACE, 'U 1 → 5: 115 at 2300.0, day'],
    [{ message_type: 'X', order_token: 5 }, 'X 5: cancel'],
  ];
  for (const [step, words] of cases) {
    test(words, () => assert.equal(describeInbound(fromStep(step, 'uint32')), words));
  }
});

describe('describeOutbound', () => {
  test('has a line for every message', () => {
    const lines = OUTBOUND_GOLDEN.map(({ hex }) => describeOutbound(decodeOutbound(fromHex(hex))));
    assert.deepEqual(lines, [
      'S start of day',
      'A 1: accepted, live, order 1',
      'U 1 → 5: replaced, 115 open at 2300.0, live, order 2',
      'C 5: 115 canceled, U asked for by the user',
      'D 7: 100 canceled, M would have traded with an order of the same owner, 40 at 2300.0 prevented, R',
      'E 1: executed 25 at 2300.0, A, match 9',
      'J 2: rejected, N invalid minimum quantity',
    ]);
  });

  test('shows no control characters', () => {
    const wild = decodeInbound(
      fromHex(`4f0000000100000000000000000000421b5b4a0a${'00'.repeat(28)}`),
      'alpha',
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    assert.doesNotMatch(describeInbound(wild), /[\x00-\x1f]/);
  });
});

describe('hexLines', () => {
  test('has a line for each field with its bytes', () => {
    assert.deepEqual(hexLines(fromHex('58000000050000000a'), 'inbound', 'alpha'), [
      '0  58        message_type  X',
      '1  00000005  order_token   5',
      '5  0000000a  quantity      10',
    ]);
    const accepted =
      '410000289e0ea79700000000014c454e4e59202020202042000000640000000344415920000059d80001869f0000000020500000000000000001000000004c3131';
    assert.deepEqual(hexLines(fromHex(accepted), 'outbound', 'uint32').slice(0, 5), [
      ' 0  41                    message_type          A',
      ' 1  0000289e0ea79700      timestamp             44659315808000',
      ' 9  00000001              order_token           1',
      '13  4c454e4e592020202020  client_reference      LENNY',
      '23  42                    buy_sell_indicator    B',
    ]);
  });

  test('leaves out what an older message does not have', () => {
    const old = `4f${'00'.repeat(45)}`;
    assert.match(hexLines(fromHex(old), 'inbound', 'uint32').at(-1) ?? '', /^42 .*minimum_quantity/);
  });

  test('shows what is no message as bytes alone', () => {
    assert.deepEqual(hexLines(fromHex('ff'.repeat(18)), 'inbound', 'alpha'), [
      ` 0  ${'ff'.repeat(16)}`,
      '16  ffff',
    ]);
  });
});
