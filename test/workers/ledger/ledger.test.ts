import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MINOR_UNITS_MAX } from '../../../src/values/money.ts';
import { hashName, Ledger, POSTING, refusalOf } from '../../../workers/ledger/ledger.ts';
import { decodeSnapshot, encodeSnapshot } from '../../../workers/ledger/ledger-snapshot.ts';
import { balancesOf, post, viewOf } from '../../support/ledgers.ts';

const ACCOUNTS_MAX = 1_000_000;

describe('Ledger', () => {
  test('opens an account at its first posting, also by a debit', () => {
    const ledger = new Ledger(ACCOUNTS_MAX, [1, 2]);
    assert.equal(post(ledger, 'Marc', 200), POSTING.applied);
    assert.equal(post(ledger, 'Zoe', -1), POSTING.applied);
    assert.equal(ledger.accountCount, 2);
    assert.deepEqual(
      balancesOf(ledger),
      new Map([
        ['Marc', 200],
        ['Zoe', -1],
      ]),
    );
  });

  test('tells apart names that differ in one byte, in length, or in a NUL at the end', () => {
    const names = ['a', 'a\0', 'a\0\0', 'a\0\0\0', 'a\0\0\0\0', 'aaaa', 'aaaab', 'aaaac', '\xff', '\0', 'A'];
    const ledger = new Ledger(ACCOUNTS_MAX, [1, 2]);
    for (const hash of [undefined, 7]) {
      for (const [i, name] of names.entries()) post(ledger, name, i + 1, hash);
    }
    // The same hash for all, and each one's own: two accounts a name, told apart by the hash alone.
    assert.equal(ledger.accountCount, 2 * names.length);
    assert.deepEqual(balancesOf(ledger), new Map(names.map((name, i) => [name, i + 1])));
  });

  test('takes the state of another, whatever the length of the last name', () => {
    for (let length = 1; length <= 9; length++) {
      const ledger = new Ledger(ACCOUNTS_MAX, [1, 2]);
      post(ledger, 'first', -3);
      post(ledger, 'x'.repeat(length), 5);
      const { names, ...rest } = ledger.freeze();
      const restored = new Ledger(ACCOUNTS_MAX, [3, 4]);
      restored.restore({ ...rest, names: names.slice() });
      assert.deepEqual(balancesOf(restored), balancesOf(ledger));
    }
  });

  test('looks only at the bytes of a name, not at what is behind it', () => {
    for (let length = 1; length <= 9; length++) {
      const view = viewOf('abcdefghijklm');
      const alone = viewOf('abcdefghijklm'.slice(0, length));
      assert.equal(hashName(view, 0, length), hashName(alone, 0, length));
      const ledger = new Ledger(ACCOUNTS_MAX, [1, 2]);
      ledger.post(view, 0, length, 1, 5);
      ledger.post(alone, 0, length, 1, 5);
      assert.equal(ledger.accountCount, 1);
    }
  });

  test('refuses what would take a balance out of the safe range, and leaves it as it was', () => {
    for (const sign of [1, -1]) {
      const ledger = new Ledger(ACCOUNTS_MAX, [1, 2]);
      const most = sign * MINOR_UNITS_MAX;
      assert.equal(post(ledger, 'Marc', most - sign), POSTING.applied);
      assert.equal(post(ledger, 'Marc', sign * 2), POSTING.balanceRange);
      assert.equal(post(ledger, 'Marc', most), POSTING.balanceRange);
      assert.deepEqual(balancesOf(ledger), new Map([['Marc', most - sign]]));
      assert.equal(post(ledger, 'Marc', sign), POSTING.applied);
      assert.equal(post(ledger, 'Marc', sign), POSTING.balanceRange);
      assert.equal(post(ledger, 'Marc', -most), POSTING.applied);
      assert.deepEqual(balancesOf(ledger), new Map([['Marc', 0]]));
    }
  });

  test('opens no account for a posting that it refuses', () => {
    const ledger = new Ledger(ACCOUNTS_MAX, [1, 2]);
    assert.equal(post(ledger, 'Marc', MINOR_UNITS_MAX + 1), POSTING.balanceRange);
    assert.equal(post(ledger, 'Marc', -MINOR_UNITS_MAX - 1), POSTING.balanceRange);
    assert.equal(ledger.accountCount, 0);
    assert.deepEqual(balancesOf(ledger), new Map());
  });

  test('refuses new accounts when it is full, and goes on with those it has', () => {
    const ledger = new Ledger(2, [1, 2]);
    const outcomes = ['a', 'b', 'c', 'a', 'c'].map((name) => post(ledger, name, 1));
    const { applied, accountsFull } = POSTING;
    assert.deepEqual(outcomes, [applied, applied, accountsFull, applied, accountsFull]);
    assert.deepEqual(
      balancesOf(ledger),
      new Map([
        ['a', 2],
        ['b', 1],
      ]),
    );
  });

  test('never has a balance of minus zero', () => {
    const ledger = new Ledger(ACCOUNTS_MAX, [1, 2]);
    post(ledger, 'a', -0);
    post(ledger, 'b', 5);
    post(ledger, 'b', -5);
    post(ledger, 'b', -0);
    for (const balance of balancesOf(ledger).values()) assert.ok(Object.is(balance, 0));
  });

  test('counts a refusal under its own reason', () => {
    assert.equal(refusalOf(POSTING.balanceRange), 'balance-out-of-range');
    assert.equal(refusalOf(POSTING.accountsFull), 'too-many-accounts');
  });

  test('hashes spread names over the shards and over the slots', () => {
    const shards = new Map<number, number>();
    const slots = new Set<number>();
    const names = 16_000;
    for (let i = 0; i < names; i++) {
      const name = `account-${i}`;
      const hash = hashName(viewOf(name), 0, name.length);
      const shard = (hash >>> 24) & 15;
      shards.set(shard, (shards.get(shard) ?? 0) + 1);
      slots.add(hash & 0xffff);
    }
    const even = names / 16;
    for (const count of shards.values()) assert.ok(Math.abs(count - even) < even / 5, `${count} in a shard`);
    assert.equal(shards.size, 16);
    // 16,000 balls in 65,536 bins leave about 14,200 bins with a ball.
    assert.ok(slots.size > 13_500, `${slots.size} slots`);
  });
});

describe('Ledger > names made to collide', () => {
  test('are told apart as quickly as others, and keep their balances', () => {
    const ledger = new Ledger(200_000, [1, 2]);
    const scratch = new Uint8Array(16);
    const view = new DataView(scratch.buffer);
    const sameHash = 7;
    const postAll = (cents: number) => {
      for (let i = 0; i < 100_000; i++) {
        view.setInt32(0, i, true);
        view.setInt32(4, ~i, true);
        assert.equal(ledger.post(view, 0, 8, sameHash, cents), POSTING.applied);
      }
    };
    // One after the other they would take ten thousand million comparisons.
    postAll(5);
    postAll(2);
    assert.equal(ledger.accountCount, 100_000);
    const balances = new Set<number>();
    ledger.forEach((_name, cents) => {
      balances.add(cents);
    });
    assert.deepEqual([...balances], [7]);
  });
});

describe('Ledger > asked for a balance', () => {
  const balanceOf = (ledger: Ledger, name: string, hash?: number) => {
    const view = viewOf(name);
    return ledger.balanceOf(view, 0, name.length, hash ?? hashName(view, 0, name.length));
  };

  test('knows it of an account that is open, and opens none', () => {
    const ledger = new Ledger(ACCOUNTS_MAX, [1, 2]);
    post(ledger, 'Marc', -5);
    post(ledger, 'Zoe', 0);
    assert.deepEqual(
      ['Marc', 'Zoe', 'Mar', 'Marco', ''].map((name) => balanceOf(ledger, name)),
      [-5, 0, undefined, undefined, undefined],
    );
    assert.equal(ledger.accountCount, 2);
  });

  test('finds names that were made to collide', () => {
    const ledger = new Ledger(ACCOUNTS_MAX, [1, 2]);
    const hash = 7;
    for (let i = 0; i < 256; i++) post(ledger, `name-${i}`, i, hash);
    assert.equal(balanceOf(ledger, 'nobody', hash), undefined);
    for (let i = 0; i < 256; i++) assert.equal(balanceOf(ledger, `name-${i}`, hash), i);
  });
});

describe('Ledger > restored from a snapshot', () => {
  for (let length = 1; length <= 9; length++) {
    test(`has its accounts when the last name has ${length} bytes`, () => {
      const ledger = new Ledger(ACCOUNTS_MAX, [1, 2]);
      const name = 'abcdefghi'.slice(0, length);
      post(ledger, 'Marc', 200);
      post(ledger, name, -7);
      const uploads = { next: 0, uploads: [] };
      const pieces = [...encodeSnapshot({ ledger: ledger.freeze(), uploads, keys: [] })];
      const restored = new Ledger(ACCOUNTS_MAX, [3, 4]);
      restored.restore(decodeSnapshot(pieces).ledger);
      post(restored, name, 10);
      assert.deepEqual(
        balancesOf(restored),
        new Map([
          ['Marc', 200],
          [name, 3],
        ]),
      );
    });
  }
});
