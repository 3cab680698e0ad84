import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeInbound, encodeOutbound } from '../../../../src/protocol/ouch/messages.ts';
import { RawSplitter } from '../../../../src/protocol/ouch-inputs/raw-splitter.ts';

const CANCEL = encodeInbound({ type: 'cancel', token: 7, quantity: 0 });
const REPLACE = encodeInbound({
  type: 'replace',
  existingToken: 7,
  replacementToken: 8,
  quantity: 1,
  priceTenths: 10,
  timeInForce: 0,
  display: ' ',
  minimumQuantity: 0,
});
const REJECTED = encodeOutbound({ type: 'rejected', timestampNs: 1n, token: 7, reason: 'X' });

function split(splitter: RawSplitter, chunks: readonly Uint8Array[]): string[] {
  const found: string[] = [];
  for (const chunk of chunks) {
    splitter.feed(chunk, (bytes, start, end) => {
      found.push(Buffer.from(bytes.subarray(start, end)).toString('hex'));
    });
  }
  return found;
}

function hex(...messages: Uint8Array[]): string[] {
  return messages.map((message) => Buffer.from(message).toString('hex'));
}

describe('RawSplitter', () => {
  test('finds messages wherever they were cut', () => {
    const bytes = Buffer.concat([CANCEL, REPLACE, CANCEL]);
    for (let size = 1; size <= bytes.length; size++) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      assert.deepEqual(split(new RawSplitter('inbound'), chunks), hex(CANCEL, REPLACE, CANCEL), `by ${size}`);
    }
  });

  test('knows the letters of each direction, of which one is in both', () => {
    const replaced = new Uint8Array(52).fill(0);
    replaced[0] = 0x55;
    assert.deepEqual(split(new RawSplitter('outbound'), [REJECTED, replaced]), hex(REJECTED, replaced));
    assert.throws(() => split(new RawSplitter('inbound'), [REJECTED]), { code: 'ERR_OUCH_MESSAGE' });
  });
});
