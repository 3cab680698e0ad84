import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PacketSplitter } from '../../../../src/protocol/soupbintcp/packet-splitter.ts';
import { encodeServerPacket } from '../../../../src/protocol/soupbintcp/packets.ts';
import { toHex } from '../../../support/ouch-bytes.ts';

const PACKETS = [
  encodeServerPacket({ type: 'server-heartbeat' }),
  encodeServerPacket({ type: 'sequenced', message: new Uint8Array(65_534).fill(7) }),
  encodeServerPacket({ type: 'debug', text: 'x'.repeat(250) }),
  encodeServerPacket({ type: 'end-of-session' }),
];
const STREAM = Buffer.concat(PACKETS);
const EXPECTED = PACKETS.map(toHex);

function split(chunks: Iterable<Uint8Array>): string[] {
  const found: string[] = [];
  const splitter = new PacketSplitter();
  for (const chunk of chunks) {
    splitter.feed(chunk, (bytes, start, end) => found.push(toHex(bytes.subarray(start, end))));
  }
  return found;
}

function* pieces(length: number): Generator<Uint8Array> {
  for (let at = 0; at < STREAM.length; at += length) yield STREAM.subarray(at, at + length);
}

describe('PacketSplitter', () => {
  test('finds whole packets in chunks of any length', () => {
    for (const length of [1, 2, 3, 5, 251, 65_536, 65_537, STREAM.length]) {
      assert.deepEqual(split(pieces(length)), EXPECTED, `chunks of ${length}`);
    }
  });

  test('finds whole packets wherever the stream is cut', () => {
    for (const at of [0, 1, 2, 3, 4, 5, 6, 65_539, 65_540, 65_541, 65_542, STREAM.length - 2]) {
      assert.deepEqual(split([STREAM.subarray(0, at), STREAM.subarray(at)]), EXPECTED, `cut at ${at}`);
    }
  });

  test('hands on what comes before a length of 0, and takes that for an error at once', () => {
    const found: number[] = [];
    const splitter = new PacketSplitter();
    const feed = () =>
      splitter.feed(Uint8Array.of(0, 1, 0x48, 0, 0), (_, start, end) => found.push(end - start));
    assert.throws(feed, { code: 'ERR_SOUPBIN_PACKET' });
    assert.deepEqual(found, [3]);
  });
});
