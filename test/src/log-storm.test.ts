import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { LogStorm } from '../../src/log-storm.ts';

describe('LogStorm', () => {
  let lines: string[] = [];
  let storm: LogStorm;

  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] });
    lines = [];
    storm = new LogStorm();
  });

  afterEach(() => mock.timers.reset());

  function add(kind: string, detail = ''): void {
    storm.add(kind, (count) => lines.push(`${kind}${detail} ${count}`));
  }

  test('the first of a kind is logged at once', () => {
    add('a');
    add('b');
    assert.deepEqual(lines, ['a 1', 'b 1']);
  });

  test('those that follow within a second are one line with their number', () => {
    for (let i = 0; i < 1000; i++) add('a');
    add('b');
    mock.timers.tick(999);
    assert.deepEqual(lines, ['a 1', 'b 1']);
    mock.timers.tick(1);
    assert.deepEqual(lines, ['a 1', 'b 1', 'a 999']);
  });

  test('a storm that lasts is one line a second', () => {
    for (let second = 0; second < 3; second++) {
      for (let i = 0; i < 10; i++) add('a');
      mock.timers.tick(1000);
    }
    assert.deepEqual(lines, ['a 1', 'a 9', 'a 10', 'a 10']);
  });

  test('after a calm second the next is logged at once', () => {
    add('a');
    mock.timers.tick(1000);
    add('a');
    assert.deepEqual(lines, ['a 1', 'a 1']);
  });

  test('the line is about the latest', () => {
    add('a', ' from x');
    add('a', ' from y');
    add('a', ' from z');
    mock.timers.tick(1000);
    assert.deepEqual(lines, ['a from x 1', 'a from z 2']);
  });

  test('flush logs what is left, once', () => {
    add('a');
    add('a');
    add('b');
    storm.flush();
    mock.timers.tick(1000);
    assert.deepEqual(lines, ['a 1', 'b 1', 'a 1']);
  });
});
