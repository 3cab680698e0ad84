import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeBalances, encodeBalances } from '../../../workers/ledger/balances.ts';
import { formatReport } from '../../../workers/ledger/bank-report.ts';
import { Ledger } from '../../../workers/ledger/ledger.ts';
import { balancesOf, post } from '../../support/ledgers.ts';

function shardOf(balances: Readonly<Record<string, number>>): Uint8Array {
  const ledger = new Ledger(1000);
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
});

describe('balances', () => {
  test('are decoded as they were encoded', () => {
    const ledger = new Ledger(1000);
    const most = Number.MAX_SAFE_INTEGER;
    for (const [i, name] of ['a', '\0\xff', 'n'.repeat(64)].entries()) post(ledger, name, most - i);
    const decoded = decodeBalances(encodeBalances(ledger));
    assert.deepEqual(new Map(decoded.map(({ name, cents }) => [name, cents])), balancesOf(ledger));
    assert.equal(decoded.length, 3);
  });

  test('of no account are no bytes', () => {
    assert.equal(encodeBalances(new Ledger(1)).length, 0);
    assert.deepEqual(decodeBalances(new Uint8Array(0)), []);
  });
});
