import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeBalances } from '../../../workers/ledger/balances.ts';
import { formatReport } from '../../../workers/ledger/bank-report.ts';
import { Ledger } from '../../../workers/ledger/ledger.ts';
import { post } from '../../support/ledgers.ts';

function shardOf(balances: Readonly<Record<string, number>>): Uint8Array {
  const ledger = new Ledger(100_000, [1, 2]);
  for (const [name, cents] of Object.entries(balances)) post(ledger, name, cents);
  return encodeBalances(ledger);
}

function report(...shards: Readonly<Record<string, number>>[]): string {
  return [...formatReport(shards.map(shardOf))].join('');
}

describe('formatReport', () => {
  test('is empty without accounts', () => assert.equal(report({}, {}), ''));

  test('writes dollars with two decimals, and the minus behind the dollar sign', () => {
    const text = report({ a: 10_000, b: -521_649, c: 5, d: -5, e: 0, f: 110, g: -100 });
    const expected = 'a $100.00|b $-5216.49|c $0.05|d $-0.05|e $0.00|f $1.10|g $-1.00|';
    assert.equal(text, expected.replaceAll('|', '\n'));
  });

  test('writes the largest balances to the cent', () => {
    const most = Number.MAX_SAFE_INTEGER;
    const expected = 'a $90071992547409.91\nb $-90071992547409.91\nc $90071992547408.99\n';
    assert.equal(report({ a: most, b: -most, c: most - 92 }), expected);
  });

  test('sorts by the bytes of the names, over all shards', () => {
    const text = report({ b: 1, aa: 1, Z: 1 }, { '\xc3\xa9': 1, a: 1, '\xff': 1 }, { 'a\0': 1, '\x7f': 1 });
    const names = text.split('\n').map((line) => line.split(' ')[0]);
    assert.deepEqual(names, ['Z', 'a', 'a\0', 'aa', 'b', '\x7f', '\xc3\xa9', '\xff', '']);
  });

  test('tells names apart that differ only after many bytes, or in length', () => {
    const alike = 'n'.repeat(63);
    const names = ['nnnnnn', 'nnnnnn\0', 'nnnnnnn', alike, `${alike}a`, `${alike}b`];
    const shards = names.toReversed().map((name) => ({ [name]: 1 }));
    const sorted = report(...shards)
      .split('\n')
      .slice(0, -1);
    assert.deepEqual(
      sorted,
      names.map((name) => `${name} $0.01`),
    );
  });

  test('comes in parts, so that no string grows with the number of accounts', () => {
    const balances = Object.fromEntries(Array.from({ length: 25_000 }, (_, i) => [`name-${i}`, i]));
    const parts = [...formatReport([shardOf(balances)])];
    assert.equal(parts.length, 3);
    assert.equal(parts.join('').split('\n').length, 25_001);
  });
});

describe('encodeBalances', () => {
  test('writes no bytes without accounts', () => {
    assert.equal(encodeBalances(new Ledger(1, [1, 2])).length, 0);
  });
});
