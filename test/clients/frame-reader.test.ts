import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FrameReader } from '../../clients/frame-reader.ts';
import { encodeFrame, FRAME } from '../../src/protocol/api/frames.ts';
import { Random } from '../../workers/runtime/random.ts';
import { fuzzSeed } from '../support/fuzz-seed.ts';

const FRAMES = [
  encodeFrame([FRAME.heartbeat]),
  encodeFrame([FRAME.reply, 7, { text: 'x'.repeat(300) }]),
  encodeFrame([FRAME.end, 1]),
];
const STREAM = Buffer.concat(FRAMES);
const BODIES = FRAMES.map((frame) => Buffer.from(frame.subarray(4)));

/** The bodies that a reader finds in the chunks. */
function read(chunks: readonly Uint8Array[], lengthMax = 1000): Buffer[] {
  const bodies: Buffer[] = [];
  const reader = new FrameReader(lengthMax);
  for (const chunk of chunks) {
    reader.feed(chunk, (bytes, start, end) => bodies.push(Buffer.from(bytes.subarray(start, end))));
  }
  return bodies;
}

describe('FrameReader', () => {
  test('finds every frame of one chunk', () => {
    assert.deepEqual(read([STREAM]), BODIES);
  });

  test('finds them however the stream is cut in three', () => {
    for (let first = 0; first <= STREAM.length; first++) {
      for (const second of [first, first + 1, first + 5, STREAM.length - 1]) {
        const cut = Math.min(Math.max(first, second), STREAM.length);
        const chunks = [STREAM.subarray(0, first), STREAM.subarray(first, cut), STREAM.subarray(cut)];
        assert.deepEqual(read(chunks), BODIES, `cut at ${first} and ${cut}`);
      }
    }
  });

  test('finds them one byte at a time', () => {
    assert.deepEqual(read(Array.from(STREAM, (byte) => Uint8Array.of(byte))), BODIES);
  });

  test('finds them in chunks that never align, for a megabyte', () => {
    const random = new Random(fuzzSeed());
    const stream = Buffer.concat(Array.from({ length: 3200 }, () => STREAM));
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < stream.length; ) {
      const end = at + 1 + random.below(700);
      chunks.push(stream.subarray(at, end));
      at = end;
    }
    const bodies = read(chunks);
    assert.equal(bodies.length, 3200 * FRAMES.length);
    assert.ok(bodies.every((body, index) => body.equals(BODIES[index % FRAMES.length] as Buffer)));
  });

  test('takes a frame of exactly the limit', () => {
    const [, longest = Buffer.alloc(0)] = BODIES;
    assert.deepEqual(read([STREAM], longest.length), BODIES);
  });

  test('throws at the head of a frame that is one byte longer', () => {
    const [, longest = Buffer.alloc(0)] = BODIES;
    const head = Buffer.alloc(4);
    head.writeUInt32BE(longest.length);
    assert.throws(() => read([head], longest.length - 1), { code: 'ERR_API_PROTOCOL' });
  });

  test('obeys a limit that changes between two frames of a chunk', () => {
    const reader = new FrameReader(10);
    let count = 0;
    reader.feed(STREAM, () => {
      count += 1;
      reader.lengthMax = 1000;
    });
    assert.equal(count, FRAMES.length);
  });
});
