import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LineIndex } from '../../clients/line-index.ts';
import { Random } from '../../workers/runtime/random.ts';
import { raggedly } from '../support/bank-client.ts';
import { fuzzSeed } from '../support/fuzz-seed.ts';

function indexOf(text: string): LineIndex {
  const index = new LineIndex();
  index.add(Buffer.from(text));
  return index;
}

describe('LineIndex', () => {
  test('counts what LFs end, and what follows the last one', () => {
    const texts = ['', '\n', 'a', 'a\n', 'a\r\nb', '\n\n\n', 'a\n\nb\n'];
    assert.deepEqual(
      texts.map((text) => indexOf(text).lineCount),
      [0, 1, 1, 1, 2, 3, 3],
    );
    assert.deepEqual(
      texts.map((text) => indexOf(text).isLastLineOpen),
      [false, false, true, false, true, false, false],
    );
  });

  test('finds a checkpoint before the end of any line, at most a spacing before it, whatever was dropped', () => {
    const seed = fuzzSeed();
    const random = new Random(seed);
    for (let round = 0; round < 50; round++) {
      const bytes = Buffer.from(
        Array.from({ length: random.below(5000) }, () => (random.chance(0.1) ? 10 : 65)),
      );
      const ends = [0, ...[...bytes.keys()].filter((i) => bytes[i] === 10).map((i) => i + 1)];
      const index = new LineIndex({ spacingBytes: 16, notesMax: 8 });
      for (const chunk of raggedly(bytes, random, 100)) index.add(chunk);

      const spacing = spacingFor(bytes.length, { spacingBytes: 16, notesMax: 8 });
      assert.equal(index.byteCount, bytes.length);
      ends.forEach((end, line) => {
        const { offset, lineEnds } = index.before(line);
        assert.equal(lineEnds, ends.filter((other) => other > 0 && other <= offset).length);
        assert.ok(
          line === 0 ? offset === 0 : offset < end && end - offset <= spacing,
          `line ${line} of seed ${seed}`,
        );
      });
    }
  });
});

/** Doubled until fewer notes than fit reach to the end. */
function spacingFor(
  byteCount: number,
  { spacingBytes, notesMax }: { spacingBytes: number; notesMax: number },
): number {
  return byteCount / spacingBytes < notesMax
    ? spacingBytes
    : spacingFor(byteCount, { spacingBytes: spacingBytes * 2, notesMax });
}
