import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LineFramer } from '../../src/line-framer.ts';

const LF = 10;
const MAX = 8;

/** Feeds the chunks and returns what came out, as text. */
function frame(chunks: readonly Uint8Array[], lineLengthMax = MAX): { before: string; all: string } {
  const framer = new LineFramer(lineLengthMax);
  let out = '';
  const sink = (bytes: Uint8Array, start: number, end: number) => {
    out += Buffer.from(bytes.subarray(start, end)).toString('latin1');
  };
  for (const chunk of chunks) framer.feed(chunk, sink);
  const before = out;
  framer.flush(sink);
  return { before, all: out };
}

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

/** The lines as their parser sees them: of one that is too long, that it is. */
function linesOf(framed: string, lineLengthMax = MAX): string[] {
  const lines = framed.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => line.slice(0, lineLengthMax + 1));
}

/** What the lines of `text` are, by definition. */
function modelLinesOf(text: string, lineLengthMax = MAX): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => line.slice(0, lineLengthMax + 1));
}

function splitAt(bytes: Uint8Array, points: readonly number[]): Uint8Array[] {
  const cuts = [0, ...points.map((point) => point % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return cuts.slice(1).map((end, i) => bytes.slice(cuts[i], end));
}

describe('LineFramer', () => {
  const SAMPLE = 'a\n\nbcdefgh\r\n12345678\n123456789\n1234567890123456789012345\nlast';

  test('any bytes split at any points are the same lines as unsplit', () => {
    const byte = fc.oneof(
      { weight: 1, arbitrary: fc.constant(LF) },
      { weight: 4, arbitrary: fc.integer({ min: 0, max: 255 }) },
    );
    fc.assert(
      fc.property(
        fc.array(byte, { maxLength: 120 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        (bytes, points) => {
          const text = Buffer.from(bytes).toString('latin1');
          const framed = frame(splitAt(Uint8Array.from(bytes), points)).all;
          assert.deepEqual(linesOf(framed), modelLinesOf(text));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('a stream split in two at every byte is the same lines', () => {
    const bytes = bytesOf(SAMPLE);
    for (let at = 0; at <= bytes.length; at++) {
      assert.deepEqual(
        linesOf(frame([bytes.slice(0, at), bytes.slice(at)]).all),
        modelLinesOf(SAMPLE),
        `split at ${at}`,
      );
    }
  });

  test('a stream of one byte at a time is the same lines', () => {
    const chunks = [...bytesOf(SAMPLE)].map((byte) => Uint8Array.of(byte));
    assert.deepEqual(linesOf(frame(chunks).all), modelLinesOf(SAMPLE));
  });

  test('many lines of one chunk are handed on in one run, in place', () => {
    const chunk = bytesOf('one\ntwo\nthree\n');
    const runs: { bytes: Uint8Array; start: number; end: number }[] = [];
    new LineFramer(MAX).feed(chunk, (bytes, start, end) => runs.push({ bytes, start, end }));
    assert.deepEqual(runs, [{ bytes: chunk, start: 0, end: chunk.length }]);
    assert.equal(runs[0]?.bytes, chunk);
  });

  test('the last line is handed on without a newline by flush, and not before', () => {
    assert.deepEqual(frame([bytesOf('a\nla'), bytesOf('st')]), { before: 'a\n', all: 'a\nlast' });
  });

  test('flush adds nothing after a whole line, nor twice', () => {
    const framer = new LineFramer(MAX);
    let out = '';
    const sink = (bytes: Uint8Array, start: number, end: number) => {
      out += Buffer.from(bytes.subarray(start, end)).toString('latin1');
    };
    framer.feed(bytesOf('a\n'), sink);
    framer.flush(sink);
    framer.feed(bytesOf('b'), sink);
    framer.flush(sink);
    framer.flush(sink);
    assert.equal(out, 'a\nb');
  });

  test('CRLF and empty lines are left as they are', () => {
    assert.equal(frame([bytesOf('a\r'), bytesOf('\n\r\n'), bytesOf('\n\n')]).before, 'a\r\n\r\n\n\n');
  });

  test('a split line of exactly the maximum is whole, one of a byte more is seen to be too long', () => {
    assert.equal(frame([bytesOf('1234'), bytesOf('5678\n')]).all, '12345678\n');
    assert.equal(frame([bytesOf('1234'), bytesOf('56789\n')]).all, '123456789\n');
    assert.equal(frame([bytesOf('1234'), bytesOf('56789012345\n')]).all, '123456789\n');
    assert.equal(frame([bytesOf('12345678'), bytesOf('\n')]).all, '12345678\n');
    assert.equal(frame([bytesOf('12345678'), bytesOf('9'), bytesOf('0'), bytesOf('\n')]).all, '123456789\n');
  });

  test('what follows a line that was too long is read again', () => {
    const chunks = ['123456789', '0123', '456\nnext\n', 'more\n'].map(bytesOf);
    assert.equal(frame(chunks).all, '123456789\nnext\nmore\n');
  });

  test('after a flush within a line that is too long, the next bytes are a new line', () => {
    const framer = new LineFramer(MAX);
    let out = '';
    const sink = (bytes: Uint8Array, start: number, end: number) => {
      out += Buffer.from(bytes.subarray(start, end)).toString('latin1');
    };
    framer.feed(bytesOf('1234567890'), sink);
    assert.deepEqual([framer.hasPartialFrame, framer.isWithinFrame], [false, true]);
    framer.flush(sink);
    assert.deepEqual([framer.hasPartialFrame, framer.isWithinFrame], [false, false]);
    framer.feed(bytesOf('next\n'), sink);
    assert.equal(out, '123456789\nnext\n');
  });

  test('a megabyte that never aligns with the lines is whole, and no more than a line is retained', () => {
    const line = bytesOf(`${'x'.repeat(28)}\n`);
    const total = Buffer.alloc(1024 * 1024, line);
    const framer = new LineFramer(64);
    let handedOn = 0;
    let retainedMost = 0;
    const sink = (_bytes: Uint8Array, start: number, end: number) => {
      handedOn += end - start;
    };
    for (let at = 0; at < total.length; at += 17) {
      const end = Math.min(at + 17, total.length);
      framer.feed(total.subarray(at, end), sink);
      retainedMost = Math.max(retainedMost, end - handedOn);
    }
    assert.ok(retainedMost < line.length, `retained ${retainedMost} bytes`);
    assert.equal(handedOn, total.lastIndexOf(LF) + 1);
  });

  test('a line of 100 MB is one line of the maximum and a byte, and memory stays flat', () => {
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const framer = new LineFramer(1024);
    const lines: number[] = [];
    const sink = (_bytes: Uint8Array, start: number, end: number) => lines.push(end - start);
    const before = process.memoryUsage();
    for (let sent = 0; sent < 100e6; sent += chunk.length) framer.feed(chunk, sink);
    const after = process.memoryUsage();
    framer.feed(bytesOf('\n'), sink);
    assert.deepEqual(lines, [1026]);
    const grownBytes = after.arrayBuffers + after.heapUsed - before.arrayBuffers - before.heapUsed;
    assert.ok(grownBytes < 4 * 1024 * 1024, `memory grew by ${grownBytes} bytes`);
  });

  test('a long line that comes in small pieces is whole', () => {
    const piece = bytesOf('0123456789abcdef');
    const chunks = [...Array.from({ length: 4096 }, () => piece), bytesOf('\n')];
    assert.equal(frame(chunks, 65_536).before, `${'0123456789abcdef'.repeat(4096)}\n`);
  });
});
