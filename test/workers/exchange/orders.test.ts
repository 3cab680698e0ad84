import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Orders } from '../../../workers/exchange/orders.ts';
import { NONE } from '../../../workers/exchange/rows.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';

/** The tokens of an account's orders, the oldest first. */
function tokensOf(orders: Orders, account: number): number[] {
  const tokens: number[] = [];
  for (let slot = orders.firstOf(account); slot !== NONE; slot = orders.nextOf(slot)) {
    tokens.push(orders.tokenOf(slot));
  }
  return tokens;
}

describe('Orders', () => {
  test('finds an order by its account and token, and no other', () => {
    const orders = new Orders();
    const slot = orders.add(7, 1);
    assert.equal(orders.find(7, 1), slot);
    assert.deepEqual([orders.find(7, 2), orders.find(8, 1), orders.find(1000, 1)], [NONE, NONE, NONE]);
    orders.remove(slot);
    assert.equal(orders.find(7, 1), NONE);
    assert.equal(orders.count, 0);
  });

  test('takes every token and many accounts', () => {
    const orders = new Orders();
    for (const account of [0, 1, 64, 5000]) {
      for (const token of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff]) orders.add(account, token);
    }
    assert.deepEqual(tokensOf(orders, 5000), [0, 1, 0x7fffffff, 0x80000000, 0xffffffff]);
    assert.ok(orders.find(64, 0xffffffff) !== NONE);
    orders.check();
  });

  test('keeps orders apart whose hashes are the same', () => {
    // Of so many, ten pairs or so have one hash of 32 bits.
    const random = new Random(1);
    const orders = new Orders();
    for (let token = 0; token < 0xffffffff; token += 1 + random.below(0x7fff)) {
      orders.add(random.below(1_000_000), token);
    }
    orders.check();
  });

  test('lists the orders of an account in the order in which they came or were replaced', () => {
    const orders = new Orders();
    for (let token = 1; token <= 4; token++) orders.add(token % 2, token * 10);
    orders.rekey(orders.find(1, 10), 50);
    assert.deepEqual(
      [tokensOf(orders, 0), tokensOf(orders, 1)],
      [
        [20, 40],
        [30, 50],
      ],
    );
    assert.deepEqual(tokensOf(orders, 99), []);
    assert.equal(orders.find(1, 10), NONE);
    orders.remove(orders.find(1, 30));
    assert.deepEqual(tokensOf(orders, 1), [50]);
    orders.check();
  });

  test('gives the slot of an order that is gone to the next one', () => {
    const orders = new Orders();
    const slot = orders.add(1, 1);
    orders.remove(slot);
    assert.equal(orders.add(1, 2), slot);
  });

  test('takes each account for its own owner until it is told otherwise', () => {
    const orders = new Orders();
    assert.equal(orders.ownerOf(12), 12);
    orders.setOwner(200, 12);
    assert.equal(orders.ownerOf(200), 12);
    orders.add(10_000, 1);
    assert.deepEqual([orders.ownerOf(200), orders.ownerOf(10_000)], [12, 10_000]);
  });

  for (const secret of [0, 1, 0x9e3779b1, -1]) {
    test(`agrees with a map, with the secret ${secret}`, () => {
      const random = new Random(fuzzSeed());
      const orders = new Orders(secret);
      const slots = new Map<string, number>();
      const keyOf = (account: number, token: number) => `${account}/${token}`;
      for (let i = 0; i < 30_000; i++) {
        const account = random.below(4);
        // Few tokens far apart, so that gaps in the index are closed over many others.
        const token = random.below(1500) * 0x10000;
        const known = slots.get(keyOf(account, token));
        assert.equal(orders.find(account, token), known ?? NONE);
        if (known === undefined) slots.set(keyOf(account, token), orders.add(account, token));
        else {
          slots.delete(keyOf(account, token));
          const other = token + 1 + random.below(0xffff);
          if (random.chance(0.3) && !slots.has(keyOf(account, other))) {
            orders.rekey(known, other);
            slots.set(keyOf(account, other), known);
          } else orders.remove(known);
        }
        if (i % 1000 === 0) orders.check();
      }
      orders.check();
      assert.equal(orders.count, slots.size);
      for (const [key, slot] of slots) {
        const [account = 0, token = 0] = key.split('/').map(Number);
        assert.equal(orders.find(account, token), slot);
      }
    });
  }
});
