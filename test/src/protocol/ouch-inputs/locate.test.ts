import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { firstFault, nameOffsetOf, offsetOf, placeAt } from '../../../../src/protocol/ouch-inputs/locate.ts';
import { fuzzSeed } from '../../../support/fuzz-seed.ts';
import { mutatedJson } from '../../../support/mutated-json.ts';

const seed = fuzzSeed();

function refusalOf(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

describe('firstFault', () => {
  test('finds one where JSON.parse does, and only there', () => {
    fc.assert(
      fc.property(mutatedJson, (text) => {
        const refusal = refusalOf(text);
        const fault = firstFault(text);
        assert.equal(fault === undefined, refusal === undefined, `${refusal}: ${JSON.stringify(fault)}`);
        const [, position] = / at position (\d+)/.exec(refusal ?? '') ?? [];
        // A mistyped word is told at its beginning here, at the first wrong letter there.
        const isWord = fault?.problem === 'expected a value' && /[tfn]/.test(text[fault.offset] ?? '');
        if (position !== undefined && !isWord) assert.equal(fault?.offset, Number(position), refusal);
      }),
      { seed, numRuns: 5000 },
    );
  });

  const faults: readonly (readonly [text: string, offset: number, problem: string])[] = [
    ['', 0, 'expected a value'],
    ['{"a": 1', 7, 'expected "," or "}"'],
    ['{"a": 1 "b": 2}', 8, 'expected "," or "}"'],
    ['{"a": 1,}', 8, 'expected a name in quotes'],
    ['{a: 1}', 1, 'expected a name in quotes or "}"'],
    ['{"a" 1}', 5, 'expected ":"'],
    ['{"a": B}', 6, 'expected a value'],
    ["{'a': 1}", 1, 'expected a name in quotes or "}"'],
    ['[1, 2', 5, 'expected "," or "]"'],
    ['[1,]', 3, 'expected a value'],
    ['[,]', 1, 'expected a value or "]"'],
    ['[1}', 2, 'expected "," or "]"'],
    ['1 2', 2, 'expected the end'],
    ['[01]', 2, 'expected "," or "]"'],
    ['[1.]', 3, 'expected a digit'],
    ['[-]', 2, 'expected a digit'],
    ['[1e+]', 4, 'expected a digit'],
    ['["\\x"]', 3, 'unknown escape in a text'],
    ['["\\u12g4"]', 4, 'expected four hexadecimal digits'],
    ['["a\nb"]', 3, 'a text has a line break or another control character in it'],
    ['["a', 3, 'expected the quote that ends the text'],
  ];
  for (const [text, offset, problem] of faults) {
    test(`tells what is wrong with ${JSON.stringify(text)}`, () => {
      assert.deepEqual(firstFault(text), { offset, problem });
    });
  }

  test('takes any depth', () => {
    const depth = 1_000_000;
    assert.equal(firstFault('['.repeat(depth) + ']'.repeat(depth)), undefined);
    assert.equal(firstFault('['.repeat(depth))?.offset, depth);
  });
});

describe('offsetOf', () => {
  const text = '{ "a": [1, {"b\\n": "}"}, []], "a": [ {}, { "c": [ ], "d" : 5 } ] }';

  test('finds a value by its path; of a name that is there twice, the last one', () => {
    assert.equal(text.slice(offsetOf(text, [])), text);
    assert.equal(text.slice(offsetOf(text, ['a', 1, 'd'])), '5 } ] }');
    assert.equal(offsetOf(' {"x\\n" :\t1}', ['x\n']), 10);
  });

  test('finds a name', () => {
    assert.equal(text.slice(nameOffsetOf(text, ['a', 1, 'd'])), '"d" : 5 } ] }');
  });
});

describe('placeAt', () => {
  test('counts lines and code points from 1, from where the text begins', () => {
    assert.deepEqual(placeAt('ab\n c', 0), { line: 1, column: 1 });
    assert.deepEqual(placeAt('ab\n c', 4), { line: 2, column: 2 });
    assert.deepEqual(placeAt('ab', 1, { line: 3, column: 10 }), { line: 3, column: 11 });
    assert.deepEqual(placeAt('ab\ncd', 4, { line: 3, column: 10 }), { line: 4, column: 2 });
    assert.deepEqual(placeAt('😀é!', 3), { line: 1, column: 3 });
  });
});
