import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FairQueue } from '../../../workers/users/fair-queue.ts';

function filled(max: number, ...parties: readonly string[]): FairQueue<string> {
  const queue = new FairQueue<string>(max);
  for (const [i, party] of parties.entries()) queue.add(party, `${party}${i}`);
  return queue;
}

function allOf(queue: FairQueue<string>): string[] {
  return Array.from({ length: queue.size }, () => queue.take() ?? '');
}

describe('FairQueue', () => {
  test('parties take turns, each in its own order', () => {
    assert.deepEqual(allOf(filled(9, 'a', 'a', 'a', 'b', 'c', 'b')), ['a0', 'b3', 'c4', 'a1', 'b5', 'a2']);
  });

  test('one that comes again is behind those that wait', () => {
    const queue = filled(9, 'a', 'b');
    queue.take();
    queue.add('a', 'again');
    assert.deepEqual(allOf(queue), ['b1', 'again']);
    assert.equal(queue.take(), undefined);
  });

  test('without room the party with most loses its last', () => {
    const queue = filled(4, 'a', 'a', 'a', 'b');
    assert.equal(queue.add('c', 'c4'), 'a2');
    assert.equal(queue.add('b', 'b5'), 'b5', 'as many as the other: who came earlier stays');
    assert.equal(queue.add('a', 'a6'), 'a6');
    assert.equal(queue.size, 4);
    assert.deepEqual(allOf(queue), ['a0', 'b3', 'c4', 'a1']);
  });

  test('where all have one, one more is refused', () => {
    const queue = filled(2, 'a', 'b');
    assert.equal(queue.add('c', 'c2'), 'c2');
    assert.deepEqual(allOf(queue), ['a0', 'b1']);
  });
});
