import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LengthFramer, lengthHead, letterHead } from '../../src/length-framer.ts';
import { Random } from '../../workers/runtime/random.ts';
import { fuzzSeed } from '../support/fuzz-seed.ts';
import { collectGarbage } from '../support/garbage.ts';

const LENGTH_MAX = 10_000;

function frameOf(length: number, fill = 7): Uint8Array {
  const frame = new Uint8Array(4 + length).fill(fill);
  new DataView(frame.buffer).setUint32(0, length);
  return frame;
}

function headOf(length: number): Uint8Array {
  return frameOf(0).map((_, i) => (length >>> (8 * (3 - i))) & 0xff);
}

/** What the framer hands on when it is fed `chunks`: copies, since a chunk may be used again. */
function feed(framer: LengthFramer, chunks: readonly Uint8Array[]): Uint8Array[] {
  const handed: Uint8Array[] = [];
  for (const chunk of chunks) framer.feed(chunk, (bytes, start, end) => handed.push(bytes.slice(start, end)));
  return handed;
}

/** `bytes` in pieces of which none is empty. */
function cut(bytes: Uint8Array, random: Random, most: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + random.below(most);
    // Within a larger buffer, as a socket may give it.
    chunks.push(Uint8Array.of(1, 2, 3, ...bytes.subarray(at, end)).subarray(3));
    at = end;
  }
  return chunks;
}

describe('LengthFramer', () => {
  test('hands on the same frames, whole and in order, however they are cut', () => {
    const random = new Random(fuzzSeed());
    for (let round = 0; round < 200; round++) {
      const frames = Array.from({ length: 1 + random.below(20) }, () =>
        frameOf(random.chance(0.3) ? random.below(4) : random.below(3000), random.below(256)),
      );
      const framer = new LengthFramer(lengthHead(4, LENGTH_MAX));
      const chunks = cut(Buffer.concat(frames), random, random.pick([1, 3, 5, 100, 5000, 100_000]));
      const handed: Uint8Array[] = [];
      for (const chunk of chunks) {
        framer.feed(chunk, (bytes, start, end) => {
          assert.ok(start < end);
          // Each call has whole frames, so that a host may take it as it is.
          let at = start;
          while (at < end) at += 4 + new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0);
          assert.equal(at, end);
          handed.push(bytes.slice(start, end));
        });
      }
      assert.deepEqual(Buffer.concat(handed), Buffer.concat(frames));
      assert.deepEqual([framer.hasPartialFrame, framer.isWithinFrame], [false, false]);
    }
  });

  test('a frame is handed on as soon as its last byte is here', () => {
    const framer = new LengthFramer(lengthHead(4, LENGTH_MAX));
    const frame = frameOf(5);
    for (let i = 0; i < frame.length - 1; i++) {
      assert.deepEqual(feed(framer, [frame.subarray(i, i + 1)]), []);
      assert.deepEqual([framer.hasPartialFrame, framer.isWithinFrame], [true, true]);
    }
    assert.deepEqual(feed(framer, [frame.subarray(-1)]), [frame]);
    assert.equal(framer.hasPartialFrame, false);
  });

  test('the middle of a chunk is handed on as it is, not copied', () => {
    const framer = new LengthFramer(lengthHead(4, LENGTH_MAX));
    const chunk = Buffer.concat([frameOf(2), frameOf(3), frameOf(9).subarray(0, 6)]);
    framer.feed(chunk, (bytes, start, end) => {
      assert.equal(bytes, chunk);
      assert.deepEqual([start, end], [0, 13]);
    });
    assert.equal(framer.hasPartialFrame, true);
  });

  test('what it has kept is not changed by who gave the chunk', () => {
    const framer = new LengthFramer(lengthHead(4, LENGTH_MAX));
    const frame = frameOf(100);
    const chunk = frame.slice(0, 50);
    feed(framer, [chunk]);
    chunk.fill(0);
    assert.deepEqual(feed(framer, [frame.subarray(50)]), [frame]);
  });

  test('a frame that has been handed on is not written over by the next one', () => {
    const framer = new LengthFramer(lengthHead(4, LENGTH_MAX));
    const handed: Uint8Array[] = [];
    for (const frame of [frameOf(10, 1), frameOf(10, 2)]) {
      for (const chunk of [frame.subarray(0, 7), frame.subarray(7)]) {
        framer.feed(chunk, (bytes, start, end) => handed.push(bytes.subarray(start, end)));
      }
    }
    assert.deepEqual(handed, [frameOf(10, 1), frameOf(10, 2)]);
  });

  test('a frame of the greatest length is one, a longer one is only its head, and all behind it is thrown away', () => {
    const random = new Random(fuzzSeed());
    const good = [frameOf(3), frameOf(LENGTH_MAX), frameOf(0)];
    for (const length of [LENGTH_MAX + 1, 2 ** 31, 2 ** 32 - 1]) {
      const bytes = Buffer.concat([...good, headOf(length), frameOf(5), frameOf(6)]);
      for (const most of [1, 3, 1000, 100_000]) {
        const framer = new LengthFramer(lengthHead(4, LENGTH_MAX));
        const handed = feed(framer, cut(bytes, random, most));
        assert.deepEqual(Buffer.concat(handed), Buffer.concat([...good, headOf(length)]));
        assert.deepEqual(handed.at(-1), headOf(length), 'by itself, so that nothing is read behind it');
        assert.deepEqual([framer.hasPartialFrame, feed(framer, [frameOf(1)])], [false, []]);
      }
    }
  });

  test('a long frame costs as much memory as has come of it, not as much as it claims', () => {
    const most = 2 ** 32 - 1;
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    const framers = Array.from({ length: 1000 }, () => new LengthFramer(lengthHead(4, most)));
    for (const framer of framers) {
      feed(framer, [headOf(most), new Uint8Array(100)]);
      assert.equal(framer.hasPartialFrame, true);
    }
    collectGarbage();
    const perFramer = (process.memoryUsage().arrayBuffers - before) / framers.length;
    assert.ok(perFramer < 2048, `${perFramer} bytes each`);
  });

  test('a long frame in small pieces is not copied anew for each', () => {
    const length = 8 * 1024 * 1024;
    const framer = new LengthFramer(lengthHead(4, length));
    const piece = new Uint8Array(1024);
    const started = process.cpuUsage();
    const handed = [headOf(length), ...Array.from({ length: length / 1024 }, () => piece)].flatMap((chunk) =>
      feed(framer, [chunk]),
    );
    assert.equal(handed[0]?.length, 4 + length);
    assert.ok(process.cpuUsage(started).user < 2e6, 'by the square it would be half a minute');
  });

  test('half a frame is none when the input pauses or ends', () => {
    const framer = new LengthFramer(lengthHead(4, LENGTH_MAX));
    feed(framer, [frameOf(5).subarray(0, 7)]);
    framer.flush();
    assert.equal(framer.hasPartialFrame, true);
    assert.deepEqual(feed(framer, [frameOf(5).subarray(7)]), [frameOf(5)]);
  });
});

describe('LengthFramer > heads of other kinds', () => {
  test('may be lengths of two bytes, of which 0 is one like others', () => {
    const random = new Random(fuzzSeed());
    const frames = Array.from({ length: 300 }, () => {
      const frame = new Uint8Array(2 + random.below(300)).fill(random.below(256));
      new DataView(frame.buffer).setUint16(0, frame.length - 2);
      return frame;
    });
    for (const most of [1, 2, 3, 50, 100_000]) {
      const framer = new LengthFramer(lengthHead(2, 300));
      const chunks = cut(Buffer.concat(frames), random, most);
      assert.deepEqual(Buffer.concat(feed(framer, chunks)), Buffer.concat(frames));
      assert.equal(framer.hasPartialFrame, false);
    }
  });

  test('may be a letter, with the letter in the length', () => {
    const head = letterHead({ 65: 1, 66: 5 });
    const text = 'AB1234AABBBBB';
    for (let size = 1; size <= text.length; size++) {
      const framer = new LengthFramer(head);
      const chunks = text.match(new RegExp(`.{1,${size}}`, 'g')) ?? [];
      const handed = feed(
        framer,
        chunks.map((chunk) => Buffer.from(chunk)),
      );
      assert.equal(Buffer.concat(handed).toString(), text);
      assert.equal(framer.hasPartialFrame, false);
    }
  });

  test('hand on the head alone of a frame that is none, and nothing behind it', () => {
    for (const { head, text, handed } of [
      { head: lengthHead(2, 3), text: '\0\x02ab\0\x04abcd', handed: '\0\x02ab\0\x04' },
      { head: letterHead({ 65: 2 }), text: 'AxAyCAz', handed: 'AxAyC' },
    ]) {
      for (const chunks of [[text], [...text]]) {
        const framer = new LengthFramer(head);
        const frames = feed(
          framer,
          chunks.map((chunk) => Buffer.from(chunk)),
        );
        assert.equal(Buffer.concat(frames).toString(), handed);
        assert.equal(framer.isWithinFrame, false);
      }
    }
  });
});
