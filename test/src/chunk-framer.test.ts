import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { ChunkFramer } from '../../src/chunk-framer.ts';

describe('ChunkFramer', () => {
  let framer: ChunkFramer;
  let handed: string[];
  const sink = (bytes: Uint8Array, start: number, end: number) =>
    handed.push(Buffer.from(bytes).toString('latin1', start, end));

  beforeEach(() => {
    framer = new ChunkFramer();
    handed = [];
  });

  test('hands on what comes as it comes', () => {
    for (const chunk of ['a', 'b\nc', '\n', '\u0000\n\n']) framer.feed(Buffer.from(chunk), sink);
    assert.deepEqual(handed, ['a', 'b\nc', '\n', '\u0000\n\n']);
  });

  test('is within a frame after anything but an LF', () => {
    const states = ['a', 'b\n', 'c\r', '\n', '\nd'].map((chunk) => {
      framer.feed(Buffer.from(chunk), sink);
      return [framer.isWithinFrame, framer.hasPartialFrame];
    });
    assert.deepEqual(states, [
      [true, false],
      [false, false],
      [true, false],
      [false, false],
      [true, false],
    ]);
  });

  test('tells of a pause within a frame by one of no bytes, once, and of no other pause', () => {
    framer.flush(sink);
    framer.feed(Buffer.from('a\n'), sink);
    framer.flush(sink);
    framer.feed(Buffer.from('b'), sink);
    framer.flush(sink);
    framer.flush(sink);
    framer.feed(Buffer.from('c'), sink);
    framer.flush(sink);
    assert.deepEqual(handed, ['a\n', 'b', '', 'c', '']);
    assert.equal(framer.isWithinFrame, false);
  });
});
