import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { toAddress } from '../../../src/values/address.ts';
import { BatchBuilder, BatchDamage, BODY, readBatch, valuesIn } from '../../../workers/runtime/journal.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';

const TIME_MS = 1_790_000_000_123;

const address = fc.stringMatching(/^[a-z]{1,9}(\/[A-Za-z0-9._-]{1,20}){0,3}$/).map(toAddress);
const values = fc.record({
  kind: fc.constant(BODY.values),
  address,
  position: fc.integer({ min: 1, max: 2 ** 52 }),
  events: fc.array(
    fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value))),
    { minLength: 1, maxLength: 5 },
  ),
});
const flat = fc.record({
  kind: fc.constant(BODY.flat),
  address,
  position: fc.integer({ min: 1, max: 2 ** 52 }),
  bytes: fc.uint8Array({ maxLength: 50 }),
  count: fc.nat({ max: 2 ** 31 }),
});

/** What an event is read as: no text in it ever becomes a prototype, so `__proto__` has another name then. */
function asRead(event: unknown): unknown {
  if (Array.isArray(event)) return event.map(asRead);
  if (typeof event !== 'object' || event === null) return event;
  return Object.fromEntries(
    Object.entries(event).map(([key, value]) => [key === '__proto__' ? '__proto_' : key, asRead(value)]),
  );
}

function build(position: number): Uint8Array {
  const builder = new BatchBuilder();
  builder.addValues(toAddress('a/1'), 1, [{ n: 1 }]);
  builder.addFlat(toAddress('b/2'), 1, { bytes: Uint8Array.of(1, 2, 3, 4), count: 2 });
  return builder.take(position, TIME_MS);
}

describe('a batch of the journal', () => {
  const seed = fuzzSeed();

  test('makes a prototype of nothing that is in an event', () => {
    const builder = new BatchBuilder();
    const event = JSON.parse('{"__proto__":{"isOperator":true},"n":1}');
    builder.addValues(toAddress('a/1'), 1, [event]);
    const [segment] = readBatch(builder.take(1, TIME_MS), 1).segments;
    assert.ok(segment?.kind === BODY.values);
    const [read] = valuesIn(segment) as { isOperator?: boolean }[];
    assert.deepEqual(read, asRead(event));
    assert.equal(read?.isOperator, undefined);
  });

  test('is read as it was built, in any number of segments', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(values, flat), { minLength: 1, maxLength: 8 }), (segments) => {
        const builder = new BatchBuilder();
        for (const segment of segments) {
          if ('events' in segment) builder.addValues(segment.address, segment.position, segment.events);
          else builder.addFlat(segment.address, segment.position, segment);
        }
        const { position, timeMs, segments: read } = readBatch(builder.take(7, TIME_MS), 7);
        assert.deepEqual([position, timeMs, builder.isEmpty], [7, TIME_MS, true]);
        const found = read.map((each) => ({
          address: each.address,
          position: each.position,
          count: each.count,
          body: each.kind === BODY.flat ? [...each.bytes.subarray(each.start, each.end)] : valuesIn(each),
        }));
        const expected = segments.map((each) => ({
          address: each.address,
          position: each.position,
          count: 'events' in each ? each.events.length : each.count,
          body: 'events' in each ? each.events.map(asRead) : [...each.bytes],
        }));
        assert.deepEqual(found, expected);
      }),
      { seed, numRuns: 300 },
    );
  });

  test('with any bit changed is refused, and never taken for one that was broken off', () => {
    const batch = build(3);
    for (let bit = 0; bit < batch.length * 8; bit++) {
      const changed = batch.slice();
      (changed[bit >> 3] as number) ^= 1 << (bit & 7);
      assert.throws(
        () => readBatch(changed, 3),
        (error) => error instanceof BatchDamage && !error.isTorn,
        `bit ${bit}`,
      );
    }
  });

  test('of which only the beginning was written was broken off', () => {
    const batch = build(3);
    for (let written = 0; written < batch.length - 8; written++) {
      const cut = batch.slice(0, written);
      const zeros = batch.slice().fill(0, written);
      for (const torn of [cut, zeros]) {
        assert.throws(
          () => readBatch(torn, 3),
          (error) => error instanceof BatchDamage && error.isTorn,
          `${written} bytes`,
        );
      }
    }
  });

  test('is refused in another place than its own', () => {
    assert.throws(() => readBatch(build(3), 4), /says that it is batch 3/);
  });

  test('of another format is refused with what to do', () => {
    for (const [version, age] of [
      [0, 'an older'],
      [2, 'a newer'],
    ] as const) {
      const batch = Buffer.from(build(1));
      batch.writeUInt32LE(version, 4);
      batch.writeUInt32LE(crc32(batch.subarray(4, -8)), 0);
      assert.throws(() => readBatch(batch, 1), {
        code: 'ERR_DATA_FORMAT',
        message: new RegExp(`format ${version}, written by ${age} Outcry.*Export`),
      });
    }
  });
});

const POSITION = 5;

/** A batch whose first event has the position in its stream that the batch has in the journal. */
function sealedBatch(): Uint8Array {
  const builder = new BatchBuilder();
  builder.addValues(toAddress('ledger/1'), POSITION, ['first', 'second']);
  builder.addFlat(toAddress('ledger/2'), 9, { bytes: new Uint8Array(24).fill(7), count: 3 });
  return builder.take(POSITION, 1_700_000_000_000);
}

/** What reading says of it. */
function verdictOn(bytes: Uint8Array): 'whole' | 'torn' | 'damaged' {
  try {
    readBatch(bytes, POSITION);
    return 'whole';
  } catch (error) {
    if (!(error instanceof BatchDamage)) throw error;
    return error.isTorn ? 'torn' : 'damaged';
  }
}

describe('a batch whose writing was broken off', () => {
  const batch = sealedBatch();

  test('is torn, wherever it ends', () => {
    const verdicts = Array.from(batch.keys(), (length) => verdictOn(batch.slice(0, length)));
    assert.deepEqual(new Set(verdicts), new Set(['torn']));
  });

  test('is torn, or whole, when zeros follow', () => {
    const verdicts = Array.from(batch.keys(), (length) => {
      const zeroed = new Uint8Array(batch.length);
      zeroed.set(batch.subarray(0, length));
      return verdictOn(zeroed);
    });
    const torn = verdicts.filter((verdict) => verdict === 'torn').length;
    assert.ok(torn >= batch.length - 8, 'only the trailer can be missing from what is whole');
    assert.equal(verdicts.includes('damaged'), false);
  });
});
