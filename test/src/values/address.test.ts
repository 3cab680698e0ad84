import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hostIndexOf, toAddress } from '../../../src/values/address.ts';

describe('an address', () => {
  test('is a service and names, and nothing else', () => {
    for (const text of ['ledger', 'ledger/3', 'book/N225.T_x-1/child', `a${'/b'.repeat(7)}`]) {
      assert.equal(toAddress(text), text);
    }
    const wrong = [
      '',
      '/',
      'Ledger',
      '3',
      'ledger/',
      'ledger//x',
      'a b',
      'ledger/é',
      'a\n',
      `a${'/b'.repeat(8)}`,
    ];
    for (const text of [...wrong, `ledger/${'x'.repeat(129)}`]) {
      assert.throws(() => toAddress(text), RangeError, JSON.stringify(text));
    }
  });

  test('has its children in the host of their parent', () => {
    for (let i = 0; i < 100; i++) {
      const parent = toAddress(`book/${i}`);
      for (const child of ['x', 'x/y', '12']) {
        assert.equal(hostIndexOf(toAddress(`${parent}/${child}`), 7), hostIndexOf(parent, 7));
      }
    }
  });

  test('is spread evenly over any number of hosts', () => {
    for (let hosts = 1; hosts <= 16; hosts++) {
      const counts = Array<number>(hosts).fill(0);
      for (let i = 0; i < 1600; i++) {
        const index = hostIndexOf(toAddress(`session/${i}`), hosts);
        counts[index] = (counts[index] ?? 0) + 1;
      }
      const fair = 1600 / hosts;
      assert.ok(
        counts.every((n) => n > fair / 2 && n < fair * 2),
        `${hosts} hosts: ${counts}`,
      );
    }
  });
});
