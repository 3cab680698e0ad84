import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BatchReader, BatchWriter, RECORD } from '../../../src/protocol/link.ts';

const SIZES = [0, 1, 3, 4, 5, 100, 4000, 4095, 4096, 4097, 10_000, 100_000, 1];

/** Each size of SIZES, read back from one batch, which grows on its way. */
function roundTrip(
  write: (writer: BatchWriter, text: string, target: number) => void,
  read: (reader: BatchReader) => unknown,
): { readonly written: readonly unknown[]; readonly found: readonly unknown[] } {
  const writer = new BatchWriter();
  const texts = SIZES.map((size, i) => String.fromCharCode(0x61 + i).repeat(size));
  for (const [i, text] of texts.entries()) write(writer, text, i);
  const reader = new BatchReader(writer.take());
  const found: unknown[] = [];
  while (reader.next()) found.push([reader.target, read(reader)]);
  return { written: texts.map((text, i) => [i, text]), found };
}

describe('BatchWriter > records larger than what is left of its buffer', () => {
  test('values are read as they were written', () => {
    const { written, found } = roundTrip(
      (writer, text, target) => writer.value(RECORD.tell, target, text),
      (reader) => reader.value(),
    );
    assert.deepEqual(found, written);
  });

  test('texts are read as they were written', () => {
    const { written, found } = roundTrip(
      (writer, text, target) => writer.text(RECORD.bind, target, text),
      (reader) => reader.text(),
    );
    assert.deepEqual(found, written);
  });

  test('asks are read as they were written', () => {
    const { written, found } = roundTrip(
      (writer, text, target) => writer.ask(target, 7, 1e12 + 0.5, text),
      (reader) => {
        assert.deepEqual([reader.askId(), reader.askDeadlineMs()], [7, 1e12 + 0.5]);
        return reader.askMessage();
      },
    );
    assert.deepEqual(found, written);
  });

  test('copies are read as they were written', () => {
    const { written, found } = roundTrip(
      (writer, text, target) => {
        const bytes = Buffer.from(`--${text}-`);
        writer.copy(RECORD.bytes, target, bytes, 2, bytes.length - 1);
      },
      (reader) => Buffer.from(reader.bytes.subarray(reader.start, reader.end)).toString(),
    );
    assert.deepEqual(found, written);
  });
});
