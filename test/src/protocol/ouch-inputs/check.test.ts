import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { placeIn } from '../../../../src/protocol/ouch-inputs/check.ts';
import { expectationsOf } from '../../../../src/protocol/ouch-inputs/input.ts';
import { type Piece, PieceSplitter } from '../../../../src/protocol/ouch-inputs/pieces.ts';
import { messageOf, OutcryError } from '../../../../src/values/errors.ts';
import { readInput } from '../../../support/read-input.ts';

const ORDER =
  '"message_type": "O", "order_token": 1, "buy_sell_indicator": "B", "quantity": 100, "orderbook_id": 1, "price": 10';

function problemOf(text: string, form?: 'alpha' | 'uint32'): string | undefined {
  try {
    readInput('x.json', text, form);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof OutcryError && error.code === 'ERR_INPUT', messageOf(error));
    return error.message;
  }
}

describe('checkMember', () => {
  test('reads all that stands beside the actions, wherever it stands', () => {
    const { header } = readInput(
      'x.json',
      `{
      "$schema": "x", "name": "n", "recorded": true, "actions": [],
      "clients": {"a": {"user": "TRADE1", "password": "p", "raw": true, "form": "uint32"}, "b": {}},
      "venue": {"settings": {"exchange": {"day": "by-hand"}}, "books": [{"id": "A"}]},
      "_expected_behaviour": []}`,
    );
    assert.deepEqual(header, {
      name: 'n',
      isRecorded: true,
      clients: { a: { user: 'TRADE1', password: 'p', raw: true, form: 'uint32' }, b: {} },
      venue: { settings: { exchange: { day: 'by-hand' } }, books: [{ id: 'A' }] },
      arrays: new Map(),
    });
  });

  const wrong: readonly (readonly [text: string, problem: string])[] = [
    ['{"action": []}', '1:2: unknown member "action"; did you mean "actions"?'],
    ['{"actions": {}}', '1:13: actions is {}; expected a list'],
    ['{"name": 1}', '1:10: name is 1; expected text'],
    ['{"recorded": "yes"}', '1:14: recorded is "yes"; expected true or false'],
    ['{"clients": []}', '1:13: clients is []; expected an object'],
    ['{"clients": {"a": 1}}', '1:19: a client is 1; expected an object'],
    ['{"clients": {\n"a": {"usr": "x"}}}', '2:7: unknown field "usr" of a client; did you mean "user"?'],
    [
      '{"clients": {"a": {"user": "TRADE10"}}}',
      '1:28: user is "TRADE10"; expected at most 6 characters of ASCII',
    ],
    ['{"clients": {"a": {"form": "text"}}}', '1:28: form is "text"; expected alpha or uint32'],
    ['{"clients": {"": {}}}', '1:18: the name of a client is ""; expected a name'],
    ['{"venue": {"book": []}}', '1:12: unknown field "book" of the venue; did you mean "books"?'],
    ['{"venue": {"books": [1]}}', '1:21: books is [1]; expected a list of objects'],
    ['{"_expected_behaviour": {}}', '1:25: _expected_behaviour is {}; expected a list'],
    ['{"_expected_behaviour": [1]}', '1:26: what is expected is 1; expected prose or a list'],
    ['{"_expected_behaviour": ["a",\n [{}]]}', '2:3: an entry is {}; expected text or a number'],
    [
      '{"_expected_behaviour": ["a",\n ["J", 1]]}',
      '2:2: a list of J has 2 entries; expected 4: message_type, timestamp, order_token, reason',
    ],
  ];
  for (const [text, problem] of wrong) {
    test(`refuses ${text}`, () => assert.equal(problemOf(text), `x.json:${problem}`));
  }
});

describe('checkStep', () => {
  test('takes every kind of step as it is', () => {
    const steps = [
      { message_type: 'X', order_token: 5, as: 'a', at: 0, expect: [] },
      { barrier: 'b', after: 1.5 },
      { disconnect: 'logout' },
      { reconnect: true, expect: { silence: 10 } },
      { reconnect: { session: 'x', sequence: 5 } },
      { sleep: 0 },
      {
        as: 'a',
        expect: [{ message_type: 'E', match_number: '$m', order_token: '*', executed_quantity: '60' }],
      },
      { after: 1 },
    ];
    assert.deepEqual(readInput('x.json', JSON.stringify({ actions: steps })).steps, steps);
  });

  test('makes expectations of the lists of _expected_behaviour', () => {
    const { steps } = readInput(
      'x.json',
      `{"_expected_behaviour": ["prose", ["J", 47, 1, "N"], []], "actions": [{${ORDER}}, {${ORDER}}, {${ORDER}}]}`,
    );
    assert.deepEqual(steps.map(expectationsOf), [
      undefined,
      [{ message_type: 'J', order_token: 1, reason: 'N' }],
      [],
    ]);
  });

  /** At the start of each is a line of its own. */
  const wrong: readonly (readonly [step: string, problem: string])[] = [
    ['5', '2:1: a step is 5; expected an object'],
    ['{}', '2:1: a step has something to do, to expect or to wait for'],
    ['{"as": "a"}', '2:1: a step has something to do, to expect or to wait for'],
    [
      '{"as": "a", "expect": []}',
      '2:23: expect is [], but the step sends nothing; expected a reply or {"silence": …}',
    ],
    ['{"slep": 5}', '2:2: unknown field "slep" of a step; did you mean "sleep"?'],
    ['{"mesage_type": "O"}', '2:2: unknown field "mesage_type" of a step; did you mean "message_type"?'],
    ['{"sleep": 5, "barrier": "b"}', '2:2: a step does one thing, not barrier and sleep'],
    [`{${ORDER}, "sleep": 5}`, '2:117: a step does one thing, not message_type and sleep'],
    ['{"sleep": 5, "at": 1, "after": 1}', '2:1: a step has "at" or "after", not both'],
    ['{"sleep": -1}', '2:11: sleep is -1; expected milliseconds, from 0 to 2147483647'],
    ['{"sleep": 5, "at": "1"}', '2:20: at is "1"; expected milliseconds, from 0 to 2147483647'],
    ['{"sleep": 5, "as": 1}', '2:20: as is 1; expected a name'],
    ['{"barrier": ""}', '2:13: barrier is ""; expected a name'],
    ['{"disconnect": true}', '2:16: disconnect is true; expected logout or close or reset'],
    ['{"reconnect": false}', '2:15: reconnect is false; expected true or an object'],
    ['{"reconnect": {"sequnce": 1}}', '2:16: unknown field "sequnce" of reconnect; did you mean "sequence"?'],
    ['{"reconnect": {"sequence": -1}}', '2:28: sequence is -1; expected a whole number'],
    ['{"message_type": "Q"}', '2:18: message_type is "Q"; expected one of O U X'],
    [`{${ORDER},\n "quantty": 5}`, '3:2: unknown field "quantty" of O; did you mean "quantity"?'],
    [
      '{"message_type": "X",\n"order_token": "é", "quantity": "é"}',
      '3:16: order_token is "é"; expected a whole number from 0 to 4294967295',
    ],
    ['{"message_type": "X"}', '2:1: X needs "order_token"'],
    [`{${ORDER}, "expect": 5}`, '2:127: expect is 5; expected a reply or a list of them'],
    ['{"expect": [{"message_type": "E"}, 5]}', '2:36: what is expected is 5; expected an object'],
    ['{"expect": {}}', '2:12: a reply needs "message_type", one of S A U C D E J'],
    ['{"expect": {"message_type": "X"}}', '2:29: message_type is "X"; expected one of S A U C D E J'],
    [
      '{"expect": {"message_type": "E", "quantity": 5}}',
      '2:34: unknown field "quantity" of E; did you mean "executed_quantity"?',
    ],
    [
      '{"expect": [{"message_type": "E", "execution_price": 1.25}]}',
      '2:54: execution_price is 1.25; expected at most one decimal, from 0 to 429496729.5',
    ],
    [
      '{"expect": {"message_type": "E", "match_number": "m1"}}',
      '2:50: match_number is "m1"; expected a whole number, "$name" or "*"',
    ],
    [
      '{"expect": {"message_type": "E", "match_number": "$"}}',
      '2:50: match_number is "$"; expected a whole number, "$name" or "*"',
    ],
    [
      '{"expect": {"silence": "long"}}',
      '2:24: silence is "long"; expected milliseconds, from 0 to 2147483647',
    ],
    [
      '{"expect": {"silence": 5, "message_type": "E"}}',
      '2:27: unknown field "message_type" of silence; did you mean "silence"?',
    ],
    [
      '{"expect": [{"message_type": "A", "orderbook_id": 12345}]}',
      '2:51: orderbook_id is 12345; expected at most 4 characters of ASCII',
    ],
    ['{"a": }', '2:7: malformed JSON: expected a value'],
    ['{"__proto__": 1}', '2:2: unknown field "__proto__" of a step; did you mean "expect"?'],
  ];
  for (const [step, problem] of wrong) {
    test(`refuses ${step}`, () => {
      assert.equal(problemOf(`{"actions": [\n${step}]}`), `x.json:${problem}`);
    });
  }

  test('knows the clients that are named, if any are', () => {
    const withClients = (step: string) => `{"clients": {"maker": {}, "taker": {}}, "actions": [\n${step}]}`;
    assert.equal(problemOf(withClients('{"as": "maker", "sleep": 1}')), undefined);
    assert.equal(
      problemOf(withClients('{"as": "makr", "sleep": 1}')),
      'x.json:2:8: unknown client "makr"; did you mean "maker"?',
    );
    assert.equal(
      problemOf(withClients('{"sleep": 1}')),
      'x.json:2:1: unknown client "client"; did you mean "maker"?',
    );
  });

  test('takes the ids of order books as the connection has them', () => {
    const text = `{"actions": [{"message_type": "O", "order_token": 1, "buy_sell_indicator": "B", "quantity": 1,\n"orderbook_id": "ABC", "price": 10}]}`;
    assert.equal(problemOf(text, 'alpha'), undefined);
    assert.match(
      problemOf(text, 'uint32') ?? '',
      /^x\.json:2:17: orderbook_id is "ABC"; expected a whole number/,
    );
  });

  test('refuses a list of _expected_behaviour beside an expectation, for no action, or with an id that there can not be', () => {
    const list = '["A",0,1,"","B",100,"ABC","DAY",100,99999,0," ","P",0,0,"L","1","1"]';
    assert.equal(
      problemOf(`{"_expected_behaviour": [[]], "actions": [\n{"sleep": 1, "expect": []}]}`),
      'x.json:2:24: a step has "expect", or a list in _expected_behaviour, not both',
    );
    assert.equal(
      problemOf('{"_expected_behaviour": ["", [], ""], "actions": [{"sleep": 1}]}'),
      'x.json: _expected_behaviour has a list for action 2; the last action is 1',
    );
    assert.match(
      problemOf(`{"_expected_behaviour": [${list}], "actions": [\n{${ORDER}}]}`, 'uint32') ?? '',
      /^x\.json:2:1: _expected_behaviour: orderbook_id is "ABC"/,
    );
  });
});

describe('placeIn', () => {
  test('finds a part of a step in its file', () => {
    const pieces: Piece[] = [];
    const text = '{"actions": [\n  {"sleep": 1,\n   "expect": [{"silence": 1}, {"silence": 2}]}]}';
    new PieceSplitter('x.json').feed(Buffer.from(text), (piece) => pieces.push(piece));
    assert.ok(pieces[0]);
    assert.deepEqual(placeIn(pieces[0], ['expect', 1]), { line: 3, column: 31 });
  });
});
