import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FrozenLedger } from '../../../workers/ledger/ledger.ts';
import { decodeSnapshot, encodeSnapshot, type ShardState } from '../../../workers/ledger/ledger-snapshot.ts';
import { DISCARDS_KEPT, packDiscard } from '../../../workers/ledger/uploads.ts';

const PIECE_BYTES_MAX = 1024 * 1024;

/** Two accounts, `Marc` and `Zoe12`, where nothing else is given. */
function stateWith(
  ledger: Partial<FrozenLedger> = {},
  { uploads = { next: 0, uploads: [] }, keys = [] }: Partial<ShardState> = {},
): ShardState {
  return {
    ledger: {
      postings: 3,
      names: new Int32Array(Uint8Array.from(Buffer.from('MarcZoe12\0\0\0')).buffer),
      lengths: Uint8Array.of(4, 5),
      balances: Float64Array.of(-500, Number.MAX_SAFE_INTEGER),
      ...ledger,
    },
    uploads,
    keys,
  };
}

function piecesOf(state: ShardState): Uint8Array[] {
  return [...encodeSnapshot(state)].map((piece) => Uint8Array.from(piece));
}

const KEY = { key: 'a', fingerprint: 0.5, refused: [3] };

describe('a snapshot of a ledger shard', () => {
  test('is read as it was written', () => {
    const monday = { id: 'monday', number: 7, mark: 2 ** 40, discards: [packDiscard(2, 'amount')] };
    const state = stateWith({}, { uploads: { next: 8, uploads: [monday] }, keys: [KEY] });
    assert.deepEqual(decodeSnapshot(piecesOf(state)), state);
    assert.deepEqual(decodeSnapshot(piecesOf(stateWith())), stateWith());
  });

  test('has no piece that is longer than a megabyte, however much there is of everything', () => {
    // As long as they can be: the longest ids, and numbers that take nine bytes each.
    const discards = Array.from({ length: DISCARDS_KEPT }, (_, i) => packDiscard(2 ** 48 + i, 'amount'));
    const uploads = Array.from({ length: 10_000 }, (_, i) => {
      const number = 2 ** 40 + i;
      return { id: `${'u'.repeat(128)}#${number}`, number, mark: 2 ** 48 + i, discards };
    });
    const keys = Array.from({ length: 10_000 }, (_, i) => ({ ...KEY, key: `${i}`.padStart(200, 'k') }));
    const accounts = 300_000;
    const ledger = {
      names: new Int32Array(accounts).fill(7),
      lengths: new Uint8Array(accounts).fill(3),
      balances: new Float64Array(accounts).fill(9),
    };
    const state = stateWith(ledger, { uploads: { next: 2 ** 41, uploads }, keys });
    const pieces = piecesOf(state);
    assert.ok(Math.max(...pieces.map(({ length }) => length)) <= PIECE_BYTES_MAX);
    const decoded = decodeSnapshot(pieces);
    assert.deepEqual({ ...decoded, uploads: undefined }, { ...state, uploads: undefined });
    assert.equal(decoded.uploads.next, 2 ** 41);
    assert.equal(decoded.uploads.uploads.length, uploads.length);
    // One after the other: all at once they are slow to compare.
    for (const [i, upload] of uploads.entries()) assert.deepEqual(decoded.uploads.uploads[i], upload);
  });

  for (const balance of [0.5, 2 ** 53, -(2 ** 53), Number.NaN, Number.POSITIVE_INFINITY]) {
    test(`is refused with a balance of ${balance} cents`, () => {
      const pieces = piecesOf(stateWith({ balances: Float64Array.of(1, balance) }));
      const error = new RangeError(`a snapshot has a balance of ${balance} cents`);
      assert.throws(() => decodeSnapshot(pieces), error);
    });
  }

  for (const [first, second] of [
    [4, 4],
    [4, 9],
    [0, 5],
    [4, 255],
  ] as const) {
    test(`is refused if its names, of 4 and 5 bytes, are said to have ${first} and ${second}`, () => {
      const pieces = piecesOf(stateWith({ lengths: Uint8Array.of(first, second) }));
      const error = new RangeError('the names in a snapshot are not as long as it says');
      assert.throws(() => decodeSnapshot(pieces), error);
    });
  }

  test('is refused if anything is missing at its end, or too much', () => {
    const pieces = piecesOf(stateWith());
    const last = pieces.at(-1) ?? assert.fail();
    const expected = 3 * 4 + 2 + 2 * 8;
    for (const { given, bytes } of [
      { given: pieces.slice(0, 1), bytes: 0 },
      { given: pieces.slice(0, -1), bytes: expected - last.length },
      { given: [...pieces.slice(0, -1), last.subarray(1)], bytes: expected - 1 },
      { given: [...pieces, Uint8Array.of(0)], bytes: expected + 1 },
    ]) {
      const error = new RangeError(`a snapshot has ${bytes} bytes where it should have ${expected}`);
      assert.throws(() => decodeSnapshot(given), error);
    }
  });

  test('is refused if it has fewer keys than it says', () => {
    const keys = [KEY, { ...KEY, key: 'b' }];
    const pieces = piecesOf(stateWith({}, { keys }));
    const one = piecesOf(stateWith({}, { keys: [KEY] })).at(-1) ?? assert.fail();
    const error = new RangeError('a snapshot does not end with the 2 keys that it should have');
    assert.throws(() => decodeSnapshot([...pieces.slice(0, -1), one]), error);
    assert.throws(() => decodeSnapshot(pieces.slice(0, -1)), error);
  });
});
