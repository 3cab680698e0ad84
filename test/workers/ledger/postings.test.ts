import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { POSTING } from '../../../workers/ledger/ledger.ts';
import { PostingsWriter, readPostings } from '../../../workers/ledger/postings.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import { viewOf } from '../../support/ledgers.ts';

interface Posting {
  readonly name: string;
  readonly hash: number;
  readonly cents: number;
  readonly line: number;
}

const name = fc
  .uint8Array({ minLength: 1, maxLength: 64 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'));
const posting = fc.record(
  { name, hash: fc.integer(), cents: fc.maxSafeInteger(), line: fc.nat({ max: 2 ** 25 - 1 }) },
  { noNullPrototype: true },
);

function write(writer: PostingsWriter, postings: readonly Posting[]): Uint8Array | undefined {
  for (const { name: text, hash, cents, line } of postings) {
    writer.post(viewOf(text), 0, text.length, hash, cents, line);
  }
  return writer.take();
}

function read(bytes: Uint8Array, start: number, end: number): Posting[] {
  const postings: Posting[] = [];
  readPostings(bytes, start, end, (view, nameStart, length, hash, cents, line) => {
    // A ledger reads a name's last word whole.
    view.getInt32(nameStart + (length & ~3), true);
    const text = Buffer.from(view.buffer, view.byteOffset + nameStart, length).toString('latin1');
    postings.push({ name: text, hash, cents, line });
    return POSTING.applied;
  });
  return postings;
}

describe('postings', () => {
  const seed = fuzzSeed();

  test('are read as they were written, wherever they stand in a buffer', () => {
    const surroundings = fc.nat({ max: 9 });
    fc.assert(
      fc.property(
        fc.array(posting, { minLength: 1, maxLength: 80 }),
        surroundings,
        surroundings,
        (written, before, after) => {
          const bytes = write(new PostingsWriter(), written) ?? assert.fail('nothing was written');
          const buffer = Buffer.concat([Buffer.alloc(before, 1), bytes, Buffer.alloc(after, 2)]);
          const end = before + bytes.length;
          // A copy has a buffer of its own that ends where the bytes do.
          assert.deepEqual(read(Uint8Array.from(buffer), before, end), written);
          assert.deepEqual(read(buffer, before, end), written);
        },
      ),
      { seed, numRuns: 300 },
    );
  });

  test('are taken once, and a writer goes on empty', () => {
    const writer = new PostingsWriter();
    const first = { name: 'Marc', hash: 1, cents: -5, line: 7 };
    const second = { name: 'Zoe', hash: -2, cents: 7, line: 7 };
    const a = write(writer, [first]) ?? assert.fail('nothing was written');
    assert.equal(writer.take(), undefined);
    const b = write(writer, [second]) ?? assert.fail('nothing was written');
    assert.deepEqual([read(a, 0, a.length), read(b, 0, b.length)], [[first], [second]]);
  });

  test('are the same bytes whatever was written before, and whatever is behind a name', () => {
    const writer = new PostingsWriter();
    const writeName = (behind: number) => {
      const bytes = new Uint8Array(9).fill(behind);
      bytes.set(Buffer.from('Marco'));
      writer.post(new DataView(bytes.buffer), 0, 5, 9, 1, 0);
      return writer.take();
    };
    const fresh = writeName(0);
    write(writer, [{ name: '\xff'.repeat(64), hash: 1, cents: 1, line: 0 }]);
    assert.deepEqual(writeName(0xa5), fresh);
  });
});
