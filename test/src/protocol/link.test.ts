import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type Batch,
  BatchReader,
  BatchWriter,
  chargeOf,
  RECORD,
  transferListOf,
} from '../../../src/protocol/link.ts';

/** A record as the reader describes it; the free ones have no charge. */
interface Seen {
  readonly kind: number;
  readonly target: number;
  readonly body: unknown;
  readonly charge?: number;
}

/** Writes a record and says what must be read. */
type Write = (writer: BatchWriter) => Seen;

const target = fc.integer({ min: 0, max: 2 ** 31 - 1 });
/** Bytes within a larger array. */
const slice = fc
  .tuple(fc.nat(5), fc.uint8Array({ maxLength: 6000 }), fc.nat(5))
  .map(([before, body, after]) => {
    const whole = new Uint8Array(before + body.length + after).fill(0xee);
    whole.set(body, before);
    return { whole, start: before, end: before + body.length, body: [...body] };
  });
const json = fc.jsonValue().map((value) => {
  // Messages know neither -0 nor a key that would be a prototype.
  return JSON.parse(JSON.stringify(value).replaceAll('"__proto__"', '"proto"')) as unknown;
});

const record: fc.Arbitrary<Write> = fc.oneof(
  fc
    .tuple(fc.constantFrom(RECORD.connectionBytes, RECORD.bytes, RECORD.write), target, slice)
    .map(([kind, target, { whole, start, end, body }]): Write => {
      return (writer) => ({ kind, target, body, charge: writer.copy(kind, target, whole, start, end) });
    }),
  fc.tuple(target, slice).map(([target, { whole, start, end, body }]): Write => {
    const kind = RECORD.connectionChunk;
    const { buffer } = whole;
    return (writer) => ({ kind, target, body, charge: writer.transfer(kind, target, buffer, start, end) });
  }),
  fc
    .tuple(fc.constantFrom(RECORD.tell, RECORD.control, RECORD.reply), target, json)
    .map(([kind, target, body]): Write => {
      const flags = kind === RECORD.reply ? 1 : 0;
      return (writer) => ({ kind, target, body, charge: writer.value(kind, target, body, flags) });
    }),
  fc
    .tuple(target, target, fc.double({ noNaN: true }), json)
    .map(([target, id, deadlineMs, message]): Write => {
      const body = { id, deadlineMs, message };
      return (writer) => ({
        kind: RECORD.ask,
        target,
        body,
        charge: writer.ask(target, id, deadlineMs, message),
      });
    }),
  fc
    .tuple(fc.constantFrom(RECORD.bind, RECORD.close), target, fc.string({ unit: 'grapheme' }))
    .map(([kind, target, body]): Write => {
      return (writer) => {
        writer.text(kind, target, body);
        return { kind, target, body };
      };
    }),
  target.map((charge): Write => {
    return (writer) => {
      writer.credit(charge);
      return { kind: RECORD.credit, target: charge, body: undefined };
    };
  }),
);

const FREE: ReadonlySet<number> = new Set([RECORD.bind, RECORD.close, RECORD.credit]);

function read(batch: Batch): Seen[] {
  const reader = new BatchReader(batch);
  const seen: Seen[] = [];
  while (reader.next()) {
    const { kind, target } = reader;
    const body = bodyOf(reader);
    seen.push(FREE.has(kind) ? { kind, target, body } : { kind, target, body, charge: reader.charge });
  }
  return seen;
}

function bodyOf(reader: BatchReader): unknown {
  switch (reader.kind) {
    case RECORD.connectionBytes:
    case RECORD.connectionChunk:
    case RECORD.bytes:
    case RECORD.write:
      return [...reader.bytes.subarray(reader.start, reader.end)];
    case RECORD.ask:
      return { id: reader.askId(), deadlineMs: reader.askDeadlineMs(), message: reader.askMessage() };
    case RECORD.bind:
    case RECORD.close:
      return reader.text();
    case RECORD.credit:
      assert.equal(reader.start, reader.end);
      return undefined;
    default:
      assert.equal(reader.flags, reader.kind === RECORD.reply ? 1 : 0);
      return reader.value();
  }
}

function bodiesOf(batch: Batch): unknown[] {
  return read(batch).map(({ body }) => body);
}

describe('link', () => {
  test('any records come out of a batch as they went in, and so from the next batch of the writer', () => {
    const writer = new BatchWriter();
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 40 }), (writes) => {
        const written = writes.map((write) => write(writer));
        const batch = writer.take();
        assert.deepEqual(read(batch), written);
        assert.equal(batch.records.length % 4, 0);
        assert.ok(writer.isEmpty);
      }),
    );
  });

  const growing: Readonly<Record<string, (writer: BatchWriter, text: string) => void>> = {
    bytes: (writer, text) => writer.copy(RECORD.write, 1, Buffer.from(text), 0, text.length),
    values: (writer, text) => writer.value(RECORD.tell, 1, text),
    asks: (writer, text) => writer.ask(1, 2, 3, text),
    texts: (writer, text) => writer.text(RECORD.close, 1, text),
  };
  for (const [what, write] of Object.entries(growing)) {
    test(`a writer grows for many and for large ${what} and keeps what it holds`, () => {
      const lengths = [3, 4000, 90, 20_000, 5];
      const expected = new BatchWriter();
      const all = new BatchWriter();
      const one = lengths.map((length, i) => {
        const text = String(i).repeat(length);
        write(all, text);
        write(expected, text);
        return read(expected.take());
      });
      assert.deepEqual(read(all.take()), one.flat());
    });
  }

  test('a batch survives the way to another thread', () => {
    const writer = new BatchWriter();
    const chunk = new Uint8Array(Buffer.from('..chunk..'));
    writer.transfer(RECORD.connectionChunk, 7, chunk.buffer, 2, 7);
    writer.copy(RECORD.connectionBytes, 8, new Uint8Array(5000).fill(1), 0, 5000);
    const batch = writer.take();
    const moved = structuredClone(batch, { transfer: transferListOf(batch) });
    assert.deepEqual(bodiesOf(moved), [[...Buffer.from('chunk')], Array(5000).fill(1)]);
    assert.deepEqual([chunk.length, batch.records.length], [0, 0]);
  });

  test('a batch that was taken is not changed by what is written next', () => {
    const writer = new BatchWriter();
    writer.value(RECORD.tell, 1, 'first');
    const first = writer.take();
    writer.value(RECORD.tell, 2, 'other');
    assert.deepEqual(bodiesOf(first), ['first']);
  });

  test('a message is charged its bytes and a header, whether copied or transferred', () => {
    const writer = new BatchWriter();
    const copied = writer.copy(RECORD.bytes, 1, new Uint8Array(9), 2, 7);
    const transferred = writer.transfer(RECORD.connectionChunk, 1, new ArrayBuffer(9), 2, 7);
    assert.deepEqual([copied, transferred], [chargeOf(5), chargeOf(5)]);
  });

  test('a value that can not be encoded leaves the batch as it was', () => {
    const writer = new BatchWriter();
    writer.value(RECORD.tell, 1, 'good');
    assert.throws(() => writer.value(RECORD.tell, 1, 2n ** 80n), RangeError);
    assert.throws(() => writer.ask(1, 2, 3, 2n ** 80n), RangeError);
    writer.value(RECORD.tell, 1, 'good too');
    assert.deepEqual(bodiesOf(writer.take()), ['good', 'good too']);
  });

  test('a record that names a chunk its batch does not carry is refused', () => {
    const writer = new BatchWriter();
    writer.transfer(RECORD.connectionChunk, 1, new ArrayBuffer(4), 0, 4);
    const { records } = writer.take();
    assert.throws(() => new BatchReader({ records, chunks: [] }).next(), RangeError);
  });

  test('bytes written for a connection in a row are one record, and all of them are there in their order', () => {
    const writer = new BatchWriter();
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.tuple(fc.integer({ min: 1, max: 3 }), slice) },
      { weight: 1, arbitrary: fc.constant('other' as const) },
    );
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
        const expected: { target: number; body: number[] | undefined }[] = [];
        for (const each of steps) {
          if (each === 'other') {
            writer.credit(7);
            expected.push({ target: 7, body: undefined });
            continue;
          }
          const [target, { whole, start, end, body }] = each;
          writer.write(target, whole, start, end);
          const last = expected.at(-1);
          if (last?.body !== undefined && last.target === target) last.body.push(...body);
          else expected.push({ target, body: [...body] });
        }
        const seen = read(writer.take()).map(({ target, body }) => ({ target, body }));
        assert.deepEqual(seen, expected);
      }),
    );
  });

  test('a buffer that was given away and came back is filled again', () => {
    const writer = new BatchWriter();
    const fill = (value: number) => {
      writer.write(1, new Uint8Array(100_000).fill(value), 0, 100_000);
      return writer.take();
    };
    const first = fill(1);
    const { buffer } = first.records;
    fill(2);
    writer.reuse(buffer as ArrayBuffer);
    fill(3);
    const again = fill(4);
    assert.equal(again.records.buffer, buffer);
    const [body] = bodiesOf(again) as number[][];
    assert.ok(body?.length === 100_000 && body.every((byte) => byte === 4));
  });

  test('what is written after a batch was taken is in a record of its own', () => {
    const writer = new BatchWriter();
    writer.write(1, Uint8Array.of(1), 0, 1);
    writer.take();
    writer.write(1, Uint8Array.of(2), 0, 1);
    assert.deepEqual(bodiesOf(writer.take()), [[2]]);
  });
});
