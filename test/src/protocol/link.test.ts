import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Batch, BatchReader, BatchWriter, chargeOf, RECORD } from '../../../src/protocol/link.ts';

/** A record as it was written and must be read. */
type Entry =
  | { readonly type: 'copy'; readonly target: number; readonly bytes: Uint8Array }
  | { readonly type: 'transfer'; readonly target: number; readonly bytes: Uint8Array }
  | { readonly type: 'value'; readonly target: number; readonly value: unknown; readonly flags: number }
  | { readonly type: 'text'; readonly target: number; readonly text: string }
  | {
      readonly type: 'ask';
      readonly target: number;
      readonly id: number;
      readonly deadlineMs: number;
      readonly value: unknown;
    }
  | { readonly type: 'credit'; readonly target: number };

const target = fc.integer({ min: 0, max: 0x7fffffff });
const bytes = fc.uint8Array({ maxLength: 3000 });
const value = fc.oneof(fc.string({ maxLength: 3000 }), fc.array(fc.integer(), { maxLength: 500 }), bytes);
const PLAIN = { noNullPrototype: true };
const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({ type: fc.constant('copy' as const), target, bytes }, PLAIN),
  fc.record({ type: fc.constant('transfer' as const), target, bytes }, PLAIN),
  fc.record({ type: fc.constant('value' as const), target, value, flags: fc.nat(255) }, PLAIN),
  fc.record({ type: fc.constant('text' as const), target, text: fc.string({ maxLength: 3000 }) }, PLAIN),
  fc.record(
    {
      type: fc.constant('ask' as const),
      target,
      id: target,
      deadlineMs: fc.double({ min: 0, max: 1e15, noNaN: true }),
      value,
    },
    PLAIN,
  ),
  fc.record({ type: fc.constant('credit' as const), target }, PLAIN),
);

function write(writer: BatchWriter, written: Entry): number | undefined {
  switch (written.type) {
    case 'copy':
      return writer.copy(RECORD.bytes, written.target, written.bytes, 0, written.bytes.length);
    case 'transfer': {
      const chunk = written.bytes.slice().buffer as ArrayBuffer;
      return writer.transfer(RECORD.connectionChunk, written.target, chunk, 0, chunk.byteLength);
    }
    case 'value':
      return writer.value(RECORD.control, written.target, written.value, written.flags);
    case 'text':
      return void writer.text(RECORD.close, written.target, written.text);
    case 'ask':
      return writer.ask(written.target, written.id, written.deadlineMs, written.value);
    case 'credit':
      return void writer.credit(written.target);
  }
}

function readAll(batch: Batch): { entry: Entry; charge: number }[] {
  const reader = new BatchReader(batch);
  const read: { entry: Entry; charge: number }[] = [];
  while (reader.next()) read.push({ entry: entryOf(reader), charge: reader.charge });
  return read;
}

function entryOf(reader: BatchReader): Entry {
  const { target, flags } = reader;
  const body = () => Uint8Array.from(reader.bytes.subarray(reader.start, reader.end));
  switch (reader.kind) {
    case RECORD.bytes:
      return { type: 'copy', target, bytes: body() };
    case RECORD.connectionChunk:
      return { type: 'transfer', target, bytes: body() };
    case RECORD.control:
      return { type: 'value', target, value: plain(reader.value()), flags };
    case RECORD.close:
      return { type: 'text', target, text: reader.text() };
    case RECORD.ask:
      return {
        type: 'ask',
        target,
        id: reader.askId(),
        deadlineMs: reader.askDeadlineMs(),
        value: plain(reader.askMessage()),
      };
    default:
      return { type: 'credit', target };
  }
}

/** msgpack gives bytes back as a Buffer. */
function plain(read: unknown): unknown {
  return read instanceof Uint8Array ? Uint8Array.from(read) : read;
}

describe('BatchWriter and BatchReader', () => {
  test('any records are read as they were written, charged as the writer said', () => {
    const writer = new BatchWriter();
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 30 }), (entries) => {
        const charges = entries.map((written) => write(writer, written));
        const read = readAll(writer.take());
        assert.deepEqual(
          read.map(({ entry }) => entry),
          entries,
        );
        charges.forEach((charge, i) => {
          if (charge !== undefined) assert.equal(read[i]?.charge, charge);
        });
        assert.ok(writer.isEmpty);
      }),
      { numRuns: 300 },
    );
  });

  test('a batch grows by control messages and texts as well', () => {
    for (const type of ['value', 'text'] as const) {
      const writer = new BatchWriter();
      const text = 'x'.repeat(100);
      for (let i = 0; i < 100; i++) {
        if (type === 'value') writer.value(RECORD.control, i, text);
        else writer.text(RECORD.close, i, text);
      }
      assert.equal(readAll(writer.take()).length, 100);
    }
  });

  test('a record without a body is charged too', () => {
    const writer = new BatchWriter();
    assert.equal(writer.copy(RECORD.bytes, 1, new Uint8Array(0), 0, 0), chargeOf(0));
    assert.ok(chargeOf(0) > 0);
  });

  test('a record that names a chunk which its batch does not carry is refused', () => {
    const writer = new BatchWriter();
    writer.transfer(RECORD.connectionChunk, 1, new ArrayBuffer(8), 0, 8);
    const { records } = writer.take();
    assert.throws(() => readAll({ records, chunks: [] }), RangeError);
  });
});
