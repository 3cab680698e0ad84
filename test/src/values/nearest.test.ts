import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nearest } from '../../../src/values/nearest.ts';

describe('nearest', () => {
  const known = ['port', 'part', 'idle_seconds', 'connections_max'];

  for (const { slip, name, expected } of [
    { slip: 'nothing', name: 'part', expected: 'part' },
    { slip: 'two neighbours swapped', name: 'prot', expected: 'port' },
    { slip: 'a letter missing', name: 'prt', expected: 'port' },
    { slip: 'a letter too many', name: 'paart', expected: 'part' },
    { slip: 'a wrong letter', name: 'pors', expected: 'port' },
    { slip: 'the case', name: 'PART', expected: 'part' },
    { slip: 'another separator', name: 'idle-seconds', expected: 'idle_seconds' },
    { slip: 'half of the name missing', name: 'connections', expected: 'connections_max' },
    { slip: 'everything missing', name: '', expected: 'port' },
  ]) {
    test(`finds the name when the slip is ${slip}`, () => {
      assert.equal(nearest(name, known), expected);
    });
  }

  test('counts a swap of neighbours as one slip, so that it beats two wrong letters', () => {
    assert.equal(nearest('ab', ['xy', 'ba']), 'ba');
    assert.equal(nearest('abcd', ['abxy', 'abdc']), 'abdc');
  });

  test('takes the first of names that are equally near', () => {
    assert.equal(nearest('pxrt', ['part', 'port']), 'part');
  });

  test('finds nothing where nothing is known', () => {
    assert.equal(nearest('port', []), undefined);
  });
});
