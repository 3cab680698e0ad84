import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type HashKey, halfSipHash } from '../../../workers/ledger/half-sip-hash.ts';

/** The key 00 01 … 07 of the reference implementation's vectors. */
const KEY: HashKey = [0x03020100, 0x07060504];
/** The reference's results for the inputs of 0, 1, 2 and 3 bytes 00 01 02. */
const VECTORS = ['a9359f5b', '27475ab8', 'fa62a603', '8afee704'];

function hash(bytes: readonly number[], key: HashKey): string {
  const padded = Uint8Array.from([...bytes, 9, 9, 9]);
  const result = Buffer.alloc(4);
  result.writeInt32LE(halfSipHash(new DataView(padded.buffer), 0, bytes.length, key) | 0);
  return result.toString('hex');
}

describe('halfSipHash', () => {
  test('gives the results of the reference implementation', () => {
    const results = VECTORS.map((_, length) => hash([0, 1, 2].slice(0, length), KEY));
    assert.deepEqual(results, VECTORS);
  });

  test('depends on the key', () => {
    assert.notEqual(hash([1, 2, 3, 4, 5], [1, 2]), hash([1, 2, 3, 4, 5], [1, 3]));
  });
});
