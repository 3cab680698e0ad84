import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type DiscardCounts, LEDGER_SHARDS } from '../../../src/protocol/bank.ts';
import { BankLines, type PostingTarget, shardOf } from '../../../workers/ledger/bank-lines.ts';
import { hashName, POSTING } from '../../../workers/ledger/ledger.ts';
import { readLine } from '../../support/bank-model.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';

const LINE_LENGTH_MAX = 200;
const LF = 10;

interface Outcome {
  /** `shard name cents`, in order. */
  readonly postings: readonly string[];
  readonly discards: DiscardCounts;
}

const byteText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1').replaceAll('\n', '');
const bytes = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength }).map(byteText);
const letters = (minLength: number, maxLength: number) =>
  fc.string({ minLength, maxLength, unit: fc.constantFrom(...'abcXYZ019$.\xe9\xff') });

const name = fc.oneof(
  { weight: 5, arbitrary: letters(1, 12) },
  { weight: 2, arbitrary: letters(60, 68) },
  { weight: 1, arbitrary: bytes(0, 8) },
);
const type = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('credit', 'debit') },
  { weight: 1, arbitrary: fc.constantFrom('Credit', 'debi', 'credits', 'crebit', 'dedit', 'debit\0', '') },
  { weight: 1, arbitrary: bytes(0, 8) },
);
const digits = (maxLength: number) =>
  fc.string({ minLength: 0, maxLength, unit: fc.constantFrom(...'0123456789') });
const amount = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom('', '$'), digits(16), fc.constantFrom('', '.'), digits(3))
      .map((parts) => parts.join('')),
  },
  { weight: 1, arbitrary: fc.bigInt(9_007_199_254_740_980n, 9_007_199_254_741_000n).map(dollars) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('1e3', '+1', '-1', '$$1', '1.2.3', '1,0', '\xb1', '$', '.5', '5.'),
  },
  { weight: 1, arbitrary: bytes(0, 6) },
);
const blanks = fc.oneof(
  { weight: 12, arbitrary: fc.constant(' ') },
  { weight: 2, arbitrary: fc.constantFrom('\t', '  ', ' \t ', '', '\v', '\r') },
);
const margin = fc.oneof(
  { weight: 8, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.constantFrom(' ', '\t', '\r', ' \r', '\r\r', ' extra', '0', '\0') },
);
const line = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .tuple(margin, name, blanks, type, blanks, amount, margin)
      .map((parts) => parts.join('').slice(0, 3 * LINE_LENGTH_MAX)),
  },
  { weight: 1, arbitrary: bytes(0, 40) },
  { weight: 1, arbitrary: fc.nat({ max: 2 * LINE_LENGTH_MAX }).map((length) => 'x'.repeat(length)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(-1, 0, 1).map((d) => 'A credit $1'.padEnd(LINE_LENGTH_MAX + d)),
  },
);

function dollars(cents: bigint): string {
  const text = String(cents);
  return `${text.slice(0, -2)}.${text.slice(-2)}`;
}

/** Targets that write down what is posted to each shard, and check the hash. */
function recorders(postings: string[]): PostingTarget[] {
  return Array.from({ length: LEDGER_SHARDS }, (_, shard) => ({
    post: (view: DataView, start: number, length: number, hash: number, cents: number) => {
      const posted = Buffer.from(view.buffer, view.byteOffset + start, length);
      assert.equal(hash, hashOf(posted));
      postings.push(`${shard} ${posted.toString('latin1')} ${cents}`);
      return POSTING.applied;
    },
  }));
}

/** The hash of a name by itself, with nothing but zeros behind it. */
function hashOf(posted: Uint8Array): number {
  const padded = new Uint8Array(posted.length + 4);
  padded.set(posted);
  return hashName(new DataView(padded.buffer), 0, posted.length);
}

/** Gives each run of lines to the reader in a buffer of its own, `before` bytes in and with `after` bytes behind. */
function takeAll(runs: readonly (readonly string[])[], before: Uint8Array, after: Uint8Array): Outcome {
  const reader = new BankLines(LINE_LENGTH_MAX);
  const postings: string[] = [];
  const targets = recorders(postings);
  for (const run of runs) {
    const text = Buffer.from(run.map((each) => `${each}\n`).join(''), 'latin1');
    if (text.length === 0) continue;
    const buffer = Buffer.concat([before, text, after]);
    const end = before.length + text.length;
    assert.equal(buffer[end - 1], LF);
    reader.take(buffer, before.length, end, targets);
  }
  return { postings, discards: reader.takeDiscards() ?? {} };
}

function modelOf(lines: readonly string[]): Outcome {
  const postings: string[] = [];
  const discards: DiscardCounts = {};
  for (const each of lines) {
    const reading = readLine(each, LINE_LENGTH_MAX);
    if (typeof reading === 'string') discards[reading] = (discards[reading] ?? 0) + 1;
    else {
      const shard = shardOf(hashOf(Buffer.from(reading.name, 'latin1')));
      postings.push(`${shard} ${reading.name} ${reading.cents}`);
    }
  }
  return { postings, discards };
}

describe('BankLines', () => {
  const seed = fuzzSeed();
  const NOTHING = new Uint8Array(0);
  /** Digits, so that a number at the end of the last line would go on if it were read too far. */
  const DIGITS = Buffer.alloc(128, '7');

  test('agrees with the naive reader on each line, on the plain and on the general path', () => {
    fc.assert(
      fc.property(line, fc.uint8Array({ maxLength: 7 }), fc.uint8Array({ maxLength: 140 }), (each, a, b) => {
        const expected = modelOf([each]);
        assert.deepEqual(takeAll([[each]], NOTHING, NOTHING), expected);
        assert.deepEqual(takeAll([[each]], a, DIGITS), expected);
        assert.deepEqual(takeAll([[each]], a, b), expected);
      }),
      { seed, numRuns: 20_000 },
    );
  });

  test('reads many lines as it reads each, whatever the chunks in which they come', () => {
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 30 }),
        fc.array(fc.nat({ max: 30 }), { maxLength: 5 }),
        fc.uint8Array({ maxLength: 140 }),
        (lines, cuts, after) => {
          const borders = [0, ...cuts.sort((a, b) => a - b), lines.length];
          const runs = borders.slice(1).map((border, i) => lines.slice(borders[i], border));
          const expected = modelOf(lines);
          assert.deepEqual(takeAll([lines], NOTHING, after), expected);
          assert.deepEqual(takeAll(runs, NOTHING, after), expected);
          const one = lines.map((each) => [each]);
          assert.deepEqual(takeAll(one, after, NOTHING), expected);
        },
      ),
      { seed, numRuns: 1000 },
    );
  });

  test('survives bytes without any order', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.boolean(), (noise, isPadded) => {
        const lines = Buffer.from(noise).toString('latin1').split('\n');
        assert.deepEqual(takeAll([lines], NOTHING, isPadded ? DIGITS : NOTHING), modelOf(lines));
      }),
      { seed, numRuns: 500 },
    );
  });
});
