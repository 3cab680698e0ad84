import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Ledger, POSTING } from '../../../workers/ledger/ledger.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { BankModel } from '../../support/bank-model.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import { balancesOf, post } from '../../support/ledgers.ts';

const ACCOUNTS_MAX = 1_000_000;
const CENTS_MAX = Number.MAX_SAFE_INTEGER;

function nameOf(random: Random, distinct: number): string {
  const number = random.below(distinct);
  // Some long ones, with the difference at either end.
  if (number % 7 === 0) return `${'p'.repeat(number % 60)}${number}`.slice(-64);
  return number % 5 === 0 ? `${number}${'\0'.repeat(number % 3)}` : `n${number}`;
}

function centsOf(random: Random): number {
  const sign = random.chance(0.5) ? 1 : -1;
  if (random.chance(0.05)) return sign * (CENTS_MAX - random.below(3));
  if (random.chance(0.05)) return 0;
  return sign * random.below(1_000_000);
}

function assertSame(ledger: Ledger, model: BankModel): void {
  const balances = balancesOf(ledger);
  const expected = new Map([...model.balances].map(([name, cents]) => [name, Number(cents)]));
  assert.equal(ledger.accountCount, expected.size);
  assert.deepEqual(balances, expected);
}

/** Does the same to both and compares each outcome, and now and then everything. */
function runBoth(random: Random, steps: number, distinct: number, hash?: number): void {
  const ledger = new Ledger(ACCOUNTS_MAX, [1, 2]);
  const model = new BankModel();
  for (let step = 1; step <= steps; step++) {
    const name = nameOf(random, distinct);
    const cents = centsOf(random);
    const isApplied = post(ledger, name, cents, hash) === POSTING.applied;
    assert.equal(isApplied, model.post(name, BigInt(cents)), `step ${step}: ${name} ${cents}`);
    if (step % (steps / 4) === 0) assertSame(ledger, model);
  }
}

describe('Ledger against a Map of BigInts', () => {
  const seed = fuzzSeed();

  test('agrees while it grows', () => runBoth(new Random(seed), 40_000, 20_000));

  test('agrees on few accounts with many postings', () => runBoth(new Random(seed + 1), 20_000, 12));

  test('agrees when all names have the same hash', () => runBoth(new Random(seed + 2), 4000, 700, seed | 0));

  test('holds 100,000 names through all its growth', () => {
    const ledger = new Ledger(ACCOUNTS_MAX, [1, 2]);
    const names = Array.from({ length: 100_000 }, (_, i) => `${i.toString(36)}-${'x'.repeat(i % 50)}`);
    for (const [i, name] of names.entries()) post(ledger, name, i);
    for (const name of names) post(ledger, name, 1);
    assert.equal(ledger.accountCount, names.length);
    assert.deepEqual(balancesOf(ledger), new Map(names.map((name, i) => [name, i + 1])));
  });
});
