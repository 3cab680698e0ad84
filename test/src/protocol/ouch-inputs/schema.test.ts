import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Input, Step } from '../../../../src/protocol/ouch-inputs/input.ts';
import { inputSchema } from '../../../../src/protocol/ouch-inputs/schema.ts';

const FILE = new URL('../../../../../ouch-inputs.schema.json', import.meta.url);

const isInput = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false }).compile(
  inputSchema(),
);

const ORDER = {
  message_type: 'O',
  order_token: 1,
  buy_sell_indicator: 'B',
  quantity: 100,
  orderbook_id: 1,
  price: 10,
};

function isStep(step: object): boolean {
  return isInput({ actions: [step] });
}

describe('the schema', () => {
  test('is what the file has that is published', () => {
    assert.deepEqual(
      JSON.parse(readFileSync(FILE, 'utf8')),
      inputSchema(),
      'write inputSchema() into ouch-inputs.schema.json',
    );
  });

  test('takes what the format has', () => {
    const inputs: readonly Input[] = [
      { actions: [] },
      {
        $schema: 'x',
        name: 'n',
        recorded: true,
        _expected_behaviour: ['prose', ['J', 1, 2, 'N'], []],
        actions: [ORDER],
      },
      {
        clients: { a: { user: 'TRADE1', raw: true, form: 'uint32' } },
        venue: { settings: {}, books: [{}] },
        actions: [],
      },
    ];
    for (const input of inputs) assert.ok(isInput(input), JSON.stringify([input, isInput.errors]));
    const steps: readonly Step[] = [
      ORDER,
      {
        ...ORDER,
        firm_id: '3434',
        price: '10.5',
        orderbook_id: 'BTC',
        display: '',
        as: 'a',
        at: 5,
        expect: [],
      },
      { message_type: 'U', existing_order_token: 1, replacement_order_token: 2, quantity: 5, price: 1.5 },
      { message_type: 'X', order_token: 1, quantity: -10, after: 1 },
      { barrier: 'b' },
      { disconnect: 'reset' },
      { reconnect: true },
      { reconnect: { session: 'x', sequence: 5 } },
      { sleep: 5 },
      { after: 5 },
      { expect: { silence: 5 } },
      {
        as: 'a',
        expect: [{ message_type: 'E', match_number: '$m', executed_quantity: '*' }, { silence: 1 }],
      },
      { expect: { message_type: 'A', order_number: '202607310000000001', price: '*', display: '*' } },
    ];
    for (const step of steps) assert.ok(isStep(step), JSON.stringify([step, isInput.errors]));
  });

  const wrong: readonly object[] = [
    {},
    { sleep: -1 },
    { slep: 5 },
    { sleep: 5, barrier: 'b' },
    { sleep: 5, at: 1, after: 1 },
    { ...ORDER, at: 1, after: 1 },
    { ...ORDER, sleep: 1 },
    { ...ORDER, quantty: 1 },
    { ...ORDER, quantity: 4294967296 },
    { ...ORDER, quantity: -1 },
    { ...ORDER, quantity: true },
    { ...ORDER, price: '10.55' },
    { ...ORDER, price: -1 },
    { ...ORDER, group: 'DAYXY' },
    { ...ORDER, message_type: 'Q' },
    { message_type: 'X' },
    { disconnect: 'later' },
    { reconnect: false },
    { expect: 5 },
    { expect: {} },
    { expect: { message_type: 'X' } },
    { expect: { message_type: 'E', quantity: 5 } },
    { expect: { message_type: 'E', match_number: '$' } },
    { expect: [{ silence: 5, message_type: 'E' }] },
  ];
  for (const step of wrong) {
    test(`refuses ${JSON.stringify(step)}`, () => assert.equal(isStep(step), false));
  }

  test('refuses what is no input', () => {
    for (const input of [
      [],
      {},
      { action: [] },
      { actions: {} },
      { actions: [], clients: { a: { usr: 'x' } } },
    ]) {
      assert.equal(isInput(input), false, JSON.stringify(input));
    }
  });

  test('says of a wrong order what is wrong with the order, and nothing of other messages', () => {
    isStep({ ...ORDER, quantty: 1 });
    assert.deepEqual(
      isInput.errors?.filter(({ keyword }) => keyword !== 'if').map(({ params }) => params),
      [{ additionalProperty: 'quantty' }],
    );
  });
});
