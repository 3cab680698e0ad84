import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type DoorName, DoorSplitter } from '../../../../src/protocol/ouch-inputs/door-splitter.ts';

/** A message that a client cancels with, alone and as a packet. */
const CANCEL = Buffer.from('580000000500000000', 'hex');
const FRAMES: Readonly<Record<DoorName, Buffer>> = {
  'ouch-raw': CANCEL,
  ouch: Buffer.concat([Buffer.from('000a55', 'hex'), CANCEL]),
};

describe('DoorSplitter', () => {
  for (const door of ['ouch', 'ouch-raw'] as const) {
    test(`${door}: finds a frame however it was cut, though the memory of its parts is filled again`, () => {
      const frame = FRAMES[door];
      for (let cut = 1; cut < frame.length; cut++) {
        const splitter = new DoorSplitter(door, 'inbound');
        const found: string[] = [];
        for (const part of [frame.subarray(0, cut), frame.subarray(cut)]) {
          const lent = Buffer.from(part);
          splitter.feed(lent, (bytes, start, end) =>
            found.push(Buffer.from(bytes.subarray(start, end)).toString('hex')),
          );
          lent.fill(0xff);
        }
        assert.deepEqual(found, [frame.toString('hex')], `cut at ${cut}`);
      }
    });
  }

  test('says that nothing more can be found behind what is no frame', () => {
    const splitter = new DoorSplitter('ouch-raw', 'inbound');
    assert.equal(
      splitter.feed(Buffer.from('?'), () => assert.fail('a frame')),
      false,
    );
    assert.equal(
      splitter.feed(CANCEL, () => assert.fail('a frame')),
      false,
    );
  });
});
