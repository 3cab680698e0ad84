import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  decodeClientFrame,
  encodeFrame,
  FRAME,
  FRAME_HEAD_BYTES,
} from '../../../../src/protocol/api/frames.ts';
import {
  type Check,
  eachOf,
  flag,
  integer,
  listOf,
  oneOf,
  optional,
  record,
  secret,
  text,
  textOrBytes,
} from '../../../../src/protocol/api/shape.ts';

const fails = (check: Check<unknown>, value: unknown, message: string) =>
  assert.throws(() => check(value, 'x'), { code: 'ERR_API_PARAMS', message }, String(message));

const shape = record({ name: text({ min: 1, max: 5 }), size: optional(integer({ min: 0, max: 9 })) });

describe('shape', () => {
  test('a record returns what is right, and only that', () => {
    assert.deepEqual(shape({ name: 'a', size: 3 }, 'x'), { name: 'a', size: 3 });
    assert.deepEqual(shape({ name: 'a' }, 'x'), { name: 'a' });
    assert.deepEqual(shape({ name: 'a', size: null }, 'x'), { name: 'a' });
  });

  test('what is no map is named', () => {
    fails(shape, 5, 'x is 5; expected a map');
    fails(shape, null, 'x is absent; expected a map');
    fails(shape, [1, 2], 'x is an array of 2; expected a map');
    fails(shape, Uint8Array.of(1), 'x is 1 bytes; expected a map');
    fails(shape, 'y', 'x is "y"; expected a map');
  });

  test('a secret is never shown, whatever is wrong with it', () => {
    const check = secret({ max: 6 });
    assert.equal(check('sesame', 'x'), 'sesame');
    fails(check, 'sesame!', 'x is not shown; expected a string of 0 to 6 characters');
    fails(check, 1234567, 'x is not shown; expected a string of 0 to 6 characters');
    fails(check, Buffer.from('sesame'), 'x is not shown; expected a string of 0 to 6 characters');
    fails(check, null, 'x is absent; expected a string of 0 to 6 characters');
  });

  test('an entry is named by its place and its value', () => {
    fails(shape, {}, 'x.name is absent; expected a string of 1 to 5 characters');
    fails(shape, { name: '' }, 'x.name is ""; expected a string of 1 to 5 characters');
    fails(shape, { name: 'toolong' }, 'x.name is "toolong"; expected a string of 1 to 5 characters');
    fails(shape, { name: 'a', size: 10 }, 'x.size is 10; expected a whole number from 0 to 9');
    fails(shape, { name: 'a', size: -1 }, 'x.size is -1; expected a whole number from 0 to 9');
    fails(shape, { name: 'a', size: 0.5 }, 'x.size is 0.5; expected a whole number from 0 to 9');
    fails(
      shape,
      { name: 'a', size: 2n ** 60n },
      'x.size is 1152921504606846976; expected a whole number from 0 to 9',
    );
    fails(shape, { name: 'a', size: true }, 'x.size is true; expected a whole number from 0 to 9');
    fails(shape, { name: { toString: 1 } }, 'x.name is a map; expected a string of 1 to 5 characters');
    fails(
      record({ in: shape }),
      { in: { name: 1 } },
      'x.in.name is 1; expected a string of 1 to 5 characters',
    );
  });

  test('a long value is shown in part', () => {
    const shown = `"${'y'.repeat(40)}"…`;
    fails(shape, { name: 'y'.repeat(1000) }, `x.name is ${shown}; expected a string of 1 to 5 characters`);
  });

  test('an entry that is not expected is named, with the nearest one', () => {
    fails(shape, { nane: 'a' }, 'x has no entry "nane"; did you mean name?');
    fails(record({}), { a: 1 }, 'x has no entry "a"; nothing is expected');
    fails(shape, { ['y'.repeat(1000)]: 1 }, `x has no entry "${'y'.repeat(40)}"; did you mean name?`);
  });

  test('a name of an entry may be as long as a frame without taking long', () => {
    const started = process.cpuUsage();
    fails(shape, { ['y'.repeat(1_000_000)]: 1 }, `x has no entry "${'y'.repeat(40)}"; did you mean name?`);
    assert.ok(process.cpuUsage(started).user < 100_000, 'less than a tenth of a second');
  });

  test('what every object has is not taken for an entry', () => {
    fails(shape, { constructor: 1 }, 'x has no entry "constructor"; did you mean name?');
    const bytes = encodeFrame([FRAME.request, 1, 'o', JSON.parse('{"__proto__":{"name":"a"}}'), 1, null]);
    const [, , , params] = decodeClientFrame(bytes, FRAME_HEAD_BYTES, bytes.length);
    assert.throws(() => shape(params, 'x'), { code: 'ERR_API_PARAMS' });
  });

  test('choices, flags, lists and names', () => {
    assert.equal(oneOf(['a', 'b'])('b', 'x'), 'b');
    fails(oneOf(['a', 'b']), 'c', 'x is "c"; expected one of a, b');
    assert.equal(flag(false, 'x'), false);
    fails(flag, 0, 'x is 0; expected true or false');
    const list = [1, 'two'];
    assert.equal(listOf({ max: 2 })(list, 'x'), list);
    fails(listOf({ max: 1 }), list, 'x is an array of 2; expected an array of at most 1 elements');
    fails(listOf({ max: 1 }), 'ab', 'x is "ab"; expected an array of at most 1 elements');
    const counts = eachOf(integer({ min: 0, max: 9 }), { max: 2 });
    assert.deepEqual(counts([1, 2], 'x'), [1, 2]);
    fails(counts, [1, 10], 'x[1] is 10; expected a whole number from 0 to 9');
    fails(counts, [1, 2, 3], 'x is an array of 3; expected an array of at most 2 elements');
    assert.equal(textOrBytes('a', 'x'), 'a');
    assert.deepEqual(textOrBytes(Uint8Array.of(1), 'x'), Uint8Array.of(1));
    fails(textOrBytes, undefined, 'x is absent; expected a string or bytes');
  });
});
