import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Queue, type QueueEntry } from '../../../src/values/queue.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';

describe('Queue', () => {
  test('gives what was put in, in order, and what was put ahead before it', () => {
    const queue = new Queue<number>();
    queue.push(2);
    queue.push(3);
    queue.unshift(1);
    assert.equal(queue.first(), 1);
    assert.deepEqual([queue.shift(), queue.shift(), queue.shift(), queue.shift()], [1, 2, 3, undefined]);
    assert.equal(queue.length, 0);
  });

  test('does nothing when an entry that has left is removed', () => {
    const queue = new Queue<number>();
    const entry = queue.push(1);
    queue.push(2);
    queue.shift();
    queue.remove(entry);
    assert.deepEqual([queue.length, queue.first()], [1, 2]);
  });

  test('does what an array does, whatever is done to both', () => {
    const random = new Random(fuzzSeed());
    const queue = new Queue<number>();
    let model: { readonly item: number; readonly entry: QueueEntry<number> }[] = [];
    for (let item = 0; item < 20_000; item++) {
      const step = random.below(4);
      if (step === 0) model.push({ item, entry: queue.push(item) });
      else if (step === 1) model.unshift({ item, entry: queue.unshift(item) });
      else if (step === 2) assert.equal(queue.shift(), model.shift()?.item);
      else if (model.length > 0) {
        const { entry } = random.pick(model);
        queue.remove(entry);
        model = model.filter((other) => other.entry !== entry);
      }
      assert.deepEqual([queue.length, queue.first()], [model.length, model[0]?.item]);
    }
  });
});
