import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { OrderbookForm } from '../../../../src/protocol/ouch/fields.ts';
import {
  decodeInbound,
  decodeOutbound,
  type EnterOrder,
  encodeInbound,
  type OutboundMessage,
} from '../../../../src/protocol/ouch/messages.ts';
import { codecValue, fromStep, toReply, toStep } from '../../../../src/protocol/ouch-inputs/json.ts';
import { fieldsOf, messagesWith } from '../../../../src/protocol/ouch-inputs/names.ts';
import { fuzzSeed } from '../../../support/fuzz-seed.ts';
import { fromHex, OUTBOUND_GOLDEN, toHex } from '../../../support/ouch-bytes.ts';

const seed = fuzzSeed();

/** The first action of an original input. */
const ORIGINAL = {
  message_type: 'O',
  order_token: 0,
  client_reference: 'something',
  buy_sell_indicator: 'B',
  quantity: 200,
  orderbook_id: 3,
  group: 'DAY',
  price: 323.4,
  time_in_force: 99999,
  firm_id: '3434',
  display: 'P',
  capacity: 'A',
  minimum_quantity: 0,
  order_classification: '1',
  cash_margin_type: '3',
};
const REQUIRED = {
  message_type: 'O',
  order_token: 1,
  buy_sell_indicator: 'B',
  quantity: 100,
  orderbook_id: 'BTC',
  price: '2300.0',
};

function wire(step: object, form: OrderbookForm = 'uint32'): string {
  return toHex(encodeInbound(fromStep(step, form)));
}

const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const character = fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code));
const text = (length: number) =>
  fc.string({ unit: character, maxLength: length }).map((value) => value.trimEnd());

const enter: fc.Arbitrary<EnterOrder> = fc.record(
  {
    type: fc.constant('enter'),
    token: uint32,
    clientReference: text(10),
    side: character,
    quantity: uint32,
    orderbook: uint32,
    group: text(4),
    priceTenths: uint32,
    timeInForce: uint32,
    firm: uint32,
    display: character,
    capacity: character,
    minimumQuantity: uint32,
    classification: character,
    cashMargin: character,
  },
  { noNullPrototype: true },
);

describe('fromStep', () => {
  test('makes the bytes that the original client sends, padded with spaces', () => {
    const original =
      '4f00000000736f6d657468696e672042000000c8000000034441592000000ca20001869f00000d6a5041000000003133';
    assert.equal(wire(ORIGINAL), original);
    assert.equal(
      wire({ ...ORIGINAL, client_reference: 'something ', group: 'DAY ', price: '323.4' }),
      original,
    );
  });

  test('fills in what is left out', () => {
    assert.deepEqual(fromStep(REQUIRED, 'alpha'), {
      type: 'enter',
      token: 1,
      clientReference: '',
      side: 'B',
      quantity: 100,
      orderbook: 'BTC',
      group: 'DAY',
      priceTenths: 23_000,
      timeInForce: 99_999,
      firm: 0,
      display: ' ',
      capacity: 'P',
      minimumQuantity: 0,
      classification: '1',
      cashMargin: '1',
    });
    assert.deepEqual(
      fromStep(
        {
          message_type: 'U',
          existing_order_token: 1,
          replacement_order_token: 5,
          quantity: 115,
          price: 2300,
        },
        'alpha',
      ),
      {
        type: 'replace',
        existingToken: 1,
        replacementToken: 5,
        quantity: 115,
        priceTenths: 23_000,
        timeInForce: 99_999,
        display: ' ',
        minimumQuantity: 0,
      },
    );
    assert.deepEqual(fromStep({ message_type: 'X', order_token: 5 }, 'alpha'), {
      type: 'cancel',
      token: 5,
      quantity: 0,
    });
  });

  test('sends a negative quantity of a cancel modulo 2³², as the original client does', () => {
    assert.equal(wire({ message_type: 'X', order_token: 2, quantity: -10 }), '5800000002fffffff6');
    assert.throws(() => wire({ ...REQUIRED, quantity: -10 }), { code: 'ERR_INPUT' });
  });

  test('sends what a venue must reject', () => {
    const odd = {
      ...REQUIRED,
      price: 0,
      quantity: 0,
      buy_sell_indicator: 'Q',
      time_in_force: 100,
      display: '',
    };
    const { priceTenths, quantity, side, timeInForce, display } = fromStep(odd, 'alpha') as EnterOrder;
    assert.deepEqual([priceTenths, quantity, side, timeInForce, display], [0, 0, 'Q', 100, ' ']);
  });

  test('takes the largest of everything', () => {
    const most = { ...REQUIRED, price: 429496729.5, quantity: 4294967295, order_token: '4294967295' };
    const { priceTenths, quantity, token } = fromStep(most, 'alpha') as EnterOrder;
    assert.deepEqual([priceTenths, quantity, token], [0xffffffff, 0xffffffff, 0xffffffff]);
  });

  const wrong: readonly (readonly [change: object, field: string, message: string])[] = [
    [{ price: 2300.55 }, 'price', 'price is 2300.55; expected at most one decimal, from 0 to 429496729.5'],
    [
      { price: '2300.50' },
      'price',
      'price is "2300.50"; expected at most one decimal, from 0 to 429496729.5',
    ],
    [{ price: -1 }, 'price', 'price is -1; expected at most one decimal, from 0 to 429496729.5'],
    [
      { price: 429496729.6 },
      'price',
      'price is 429496729.6; expected at most one decimal, from 0 to 429496729.5',
    ],
    // As JSON.parse reads 1e400.
    [
      { price: Number.POSITIVE_INFINITY },
      'price',
      'price is Infinity; expected at most one decimal, from 0 to 429496729.5',
    ],
    [{ price: true }, 'price', 'price is true; expected at most one decimal, from 0 to 429496729.5'],
    [
      { quantity: 4294967296 },
      'quantity',
      'quantity is 4294967296; expected a whole number from 0 to 4294967295',
    ],
    [{ quantity: 1.5 }, 'quantity', 'quantity is 1.5; expected a whole number from 0 to 4294967295'],
    [{ quantity: 'many' }, 'quantity', 'quantity is "many"; expected a whole number from 0 to 4294967295'],
    [{ quantity: null }, 'quantity', 'quantity is null; expected a whole number from 0 to 4294967295'],
    [{ firm_id: null }, 'firm_id', 'firm_id is null; expected a whole number from 0 to 4294967295'],
    [{ group: 'DAYXY' }, 'group', 'group is "DAYXY"; expected at most 4 characters of ASCII'],
    [{ group: 'DAY  ' }, 'group', 'group is "DAY  "; expected at most 4 characters of ASCII'],
    [{ group: 'é' }, 'group', 'group is "é"; expected at most 4 characters of ASCII'],
    [{ group: 5 }, 'group', 'group is 5; expected at most 4 characters of ASCII'],
    [
      { buy_sell_indicator: 'BS' },
      'buy_sell_indicator',
      'buy_sell_indicator is "BS"; expected one character of ASCII',
    ],
    [
      { orderbook_id: 12345 },
      'orderbook_id',
      'orderbook_id is 12345; expected at most 4 characters of ASCII',
    ],
    [{ orderbook_id: {} }, 'orderbook_id', 'orderbook_id is {}; expected text or a number'],
    [{ message_type: 'Z' }, 'message_type', 'message_type is "Z"; expected O, U or X'],
  ];
  for (const [change, field, message] of wrong) {
    test(`refuses ${JSON.stringify(change)}`, () => {
      assert.throws(
        () => fromStep({ ...REQUIRED, ...change }, 'alpha'),
        (error: unknown) => {
          assert.deepEqual(
            { ...(error as object), message: (error as Error).message },
            { name: 'OutcryError', code: 'ERR_INPUT', message, fields: { field } },
          );
          return true;
        },
      );
    });
  }

  test('says what is missing', () => {
    const { price, ...rest } = REQUIRED;
    assert.throws(() => fromStep(rest, 'alpha'), { code: 'ERR_INPUT', message: 'O needs "price"' });
    assert.equal(price, '2300.0');
  });

  test('reads what toStep has written, whatever it is', () => {
    fc.assert(
      fc.property(enter, (message) => {
        const json = JSON.parse(JSON.stringify(toStep(message)));
        assert.deepEqual(fromStep(json, 'uint32'), message);
        assert.deepEqual(decodeInbound(encodeInbound(message), 'uint32'), message);
      }),
      { seed },
    );
  });
});

describe('toReply', () => {
  test('has every field in wire order, and what is read of it is what it was', () => {
    for (const { hex } of OUTBOUND_GOLDEN) {
      const message: OutboundMessage = decodeOutbound(fromHex(hex), 'alpha');
      const reply = toReply(message);
      const named = messagesWith('outbound').find(({ type }) => type === message.type);
      assert.deepEqual(Object.keys(reply), [
        'message_type',
        ...(named?.fields ?? []).map(({ name }) => name),
      ]);
      const read = (named?.fields ?? []).map((field) => [
        field.key,
        codecValue(field, reply[field.name], 'alpha'),
      ]);
      assert.deepEqual({ type: message.type, ...Object.fromEntries(read) }, message);
    }
  });
});

describe('codecValue', () => {
  const orderNumber = fieldsOf('outbound', 'A').find(({ name }) => name === 'order_number');
  assert.ok(orderNumber);

  test('takes numbers of 64 bits as digits, and as numbers as long as those are exact', () => {
    assert.equal(codecValue(orderNumber, '202607310000000001', 'alpha'), 202607310000000001n);
    assert.equal(codecValue(orderNumber, 7, 'alpha'), 7n);
    assert.throws(() => codecValue(orderNumber, 2 ** 60, 'alpha'), /expected its digits as text/);
    for (const value of ['18446744073709551616', -1, 1.5, 'x', true]) {
      assert.throws(() => codecValue(orderNumber, value, 'alpha'), { code: 'ERR_INPUT' });
    }
  });
});
