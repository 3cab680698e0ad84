import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type AccountBalance,
  decodeBalances,
  encodeBalances,
  encodeSome,
} from '../../../workers/ledger/balances.ts';
import { Ledger } from '../../../workers/ledger/ledger.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import { balancesOf, post } from '../../support/ledgers.ts';

/** One character a byte; most are UTF-8. */
const name = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 15 }),
    fc.constantFrom('\ufeffMarc', '\ufffd', 'Zo\u00eb', '\u{1f600}'),
  )
  .map((text) => Buffer.from(text).toString('latin1'));
const junk = fc
  .uint8Array({ minLength: 1, maxLength: 64 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'));

function nameOf([account]: AccountBalance): string {
  return Buffer.from(account as string).toString('latin1');
}

describe('encodeSome', () => {
  const seed = fuzzSeed();

  test('gives every account once, as text where it is text, in portions of any length', () => {
    const accounts = fc.uniqueArray(fc.oneof(name, junk), { maxLength: 60 });
    fc.assert(
      fc.property(accounts, fc.integer({ min: 1, max: 70 }), (names, length) => {
        const ledger = new Ledger(1000, [1, 2]);
        for (const [i, each] of names.entries()) post(ledger, each, i % 2 === 0 ? i : -(2 ** 40 + i));
        const all: AccountBalance[] = [];
        let cursor = { account: 0, word: 0 };
        for (let isMore = true; isMore; ) {
          const { balances, next } = encodeSome(ledger, cursor, length);
          const page = decodeBalances(balances);
          assert.equal(page.length, Math.min(length, names.length - all.length));
          all.push(...page);
          cursor = next;
          isMore = page.length > 0;
        }
        assert.deepEqual(new Map(all.map((each) => [nameOf(each), each[1]])), balancesOf(ledger));
        for (const each of all) {
          const isText =
            Buffer.from(Buffer.from(nameOf(each), 'latin1').toString()).toString('latin1') === nameOf(each);
          assert.equal(typeof each[0] === 'string', isText);
        }
        const whole = decodeBalances(encodeBalances(ledger));
        assert.deepEqual(new Map(whole.map((each) => [nameOf(each), each[1]])), balancesOf(ledger));
      }),
      { seed, numRuns: 300 },
    );
  });
});
