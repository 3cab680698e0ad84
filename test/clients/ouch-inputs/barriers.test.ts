import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BarrierGuest, Barriers } from '../../../clients/ouch-inputs/barriers.ts';

class Guest implements BarrierGuest {
  readonly file: string;
  readonly barriers: ReadonlyMap<string, number>;
  readonly heard: string[] = [];

  constructor(file: string, barriers: Readonly<Record<string, number>>) {
    this.file = file;
    this.barriers = new Map(Object.entries(barriers));
  }

  onPass(): void {
    this.heard.push('pass');
  }

  onFail(error: Error): void {
    this.heard.push(error.message);
  }
}

function meeting(...guests: readonly Guest[]): Barriers {
  const barriers = new Barriers();
  for (const guest of guests) barriers.invite(guest);
  return barriers;
}

describe('Barriers', () => {
  test('all who have it pass when the last of them has come, each time anew', () => {
    const [a, b, c] = [new Guest('a', { x: 2 }), new Guest('b', { x: 1 }), new Guest('c', { y: 1 })];
    const barriers = meeting(a, b, c);
    barriers.arrive(a, 'x');
    assert.deepEqual(a.heard, []);
    barriers.arrive(b, 'x');
    assert.deepEqual([a.heard, b.heard], [['pass'], ['pass']]);
    // Nobody else comes a second time, and nobody else to the other one.
    barriers.arrive(a, 'x');
    barriers.arrive(c, 'y');
    assert.deepEqual([a.heard.length, c.heard], [2, ['pass']]);
  });

  test('who waits for an input that has ended fails, and so does who comes later', () => {
    const [a, b, c] = [new Guest('a', { x: 1 }), new Guest('b', { x: 1 }), new Guest('c', { x: 1, y: 1 })];
    const barriers = meeting(a, b, c);
    barriers.arrive(a, 'x');
    barriers.leave(b);
    assert.deepEqual(a.heard, ['barrier x: b has ended']);
    barriers.arrive(c, 'x');
    assert.deepEqual(c.heard, ['barrier x: b has ended']);
  });

  test('who has been there may end', () => {
    const [a, b] = [new Guest('a', { x: 1, y: 1 }), new Guest('b', { x: 1 })];
    const barriers = meeting(a, b);
    barriers.arrive(b, 'x');
    barriers.arrive(a, 'x');
    barriers.leave(b);
    barriers.arrive(a, 'y');
    assert.deepEqual(a.heard, ['pass', 'pass']);
  });

  test('those who wait for each other at different ones fail', () => {
    const [a, b] = [new Guest('a', { x: 1, y: 1 }), new Guest('b', { x: 1, y: 1 })];
    const barriers = meeting(a, b);
    barriers.arrive(a, 'x');
    barriers.arrive(b, 'y');
    assert.deepEqual(a.heard, ['barrier x: b waits at y']);
    assert.deepEqual(b.heard, ['barrier y: a waits at x']);
  });

  test('they are found when the last other one has ended', () => {
    const [a, b, c] = [
      new Guest('a', { x: 1, y: 1 }),
      new Guest('b', { x: 1, y: 1 }),
      new Guest('c', { z: 1 }),
    ];
    const barriers = meeting(a, b, c);
    barriers.arrive(a, 'x');
    barriers.arrive(b, 'y');
    assert.deepEqual(a.heard, []);
    barriers.leave(c);
    assert.deepEqual([a.heard.length, b.heard.length], [1, 1]);
  });
});
