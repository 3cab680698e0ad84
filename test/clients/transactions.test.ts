import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Amount,
  type Transaction,
  TransactionList,
  toDecimal,
  toTuple,
} from '../../clients/transactions.ts';
import { encodeFrame, FRAME } from '../../src/protocol/api/frames.ts';
import { REQUEST_TRANSACTIONS_MAX } from '../../src/protocol/bank.ts';

function credit(amount: unknown, account: unknown = 'Marc'): Transaction {
  return { account, type: 'credit', amount } as Transaction;
}

function reasonOf(transaction: Transaction): unknown {
  try {
    return toTuple(transaction);
  } catch (error) {
    const { code, fields } = error as { code: string; fields: { reason: string } };
    assert.equal(code, 'ERR_POSTING_REFUSED');
    return fields.reason;
  }
}

describe('toTuple', () => {
  test('reads decimal text to the cent', () => {
    const amounts = ['0', '0.0', '7', '007', '12.3', '12.30', '0.01', '90071992547409.91'];
    const cents = amounts.map((amount) => Number(toTuple(credit(amount))[1]));
    assert.deepEqual(cents, [0, 0, 700, 700, 1230, 1230, 1, Number.MAX_SAFE_INTEGER]);
  });

  test('takes whole cents as a number or a bigint', () => {
    const amounts: readonly Amount[] = [{ cents: 1230 }, { cents: 1230n }, { cents: 0 }];
    assert.deepEqual(
      amounts.map((amount) => toTuple(credit(amount))[1]),
      [1230, 1230, 0],
    );
  });

  test('makes a debit negative, and nothing of a debit of nothing', () => {
    const debits = ['12.30', '0'].map((amount) => toTuple({ account: 'Marc', type: 'debit', amount })[1]);
    assert.deepEqual(debits, [-1230, 0]);
  });

  test('says whole numbers beyond 32 bits as integers of msgpack, not as floats', () => {
    const bytes = encodeFrame([FRAME.reply, 1, toTuple(credit('90071992547409.91'))]);
    assert.ok(bytes.includes(0xd3) || bytes.includes(0xcf), 'int 64 or uint 64');
    assert.ok(!bytes.includes(0xcb), 'float 64');
  });

  test('refuses what is no amount, for the reason of the bank', () => {
    const amounts = [
      '',
      '-1',
      '+1',
      '1.',
      '.5',
      '1.234',
      '1,5',
      '$1',
      ' 1',
      '1e3',
      '١',
      12,
      12.5,
      null,
      undefined,
    ];
    for (const amount of amounts) assert.equal(reasonOf(credit(amount)), 'amount', `${amount}`);
    const cents = [-1, -1n, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '5', undefined];
    for (const value of cents) assert.equal(reasonOf(credit({ cents: value })), 'amount', `${value} cents`);
  });

  test('refuses an amount above the largest', () => {
    const amounts = ['90071992547409.92', '9'.repeat(30), { cents: 2 ** 53 }, { cents: 2n ** 80n }];
    for (const amount of amounts) assert.equal(reasonOf(credit(amount)), 'amount-too-large');
  });

  test('refuses what is no name, for the reason of the bank', () => {
    const names = [
      '',
      'a b',
      'a\tb',
      'a\nb',
      'a\rb',
      'a\vb',
      '\ud800',
      'n'.repeat(65),
      'é'.repeat(33),
      null,
      5,
    ];
    for (const name of names) assert.equal(reasonOf(credit('1', name)), 'name', JSON.stringify(name));
    const bytes = [new Uint8Array(0), new Uint8Array(65), Buffer.from('a b')];
    for (const name of bytes) assert.equal(reasonOf(credit('1', name)), 'name');
  });

  test('takes every name that the bank takes', () => {
    const names = ['a', 'n'.repeat(64), 'é'.repeat(32), '😀', 'a\u00a0b', Uint8Array.of(0xff)];
    for (const name of names) assert.deepEqual(toTuple(credit('1', name)), [name, 100]);
  });

  test('refuses a type that is neither', () => {
    assert.equal(reasonOf({ account: 'Marc', type: 'gift' as 'credit', amount: '1' }), 'type');
  });
});

describe('toDecimal', () => {
  test('shows cents as decimal text', () => {
    const shown = [0, 1, 1230, -521_649, Number.MAX_SAFE_INTEGER].map(toDecimal);
    assert.deepEqual(shown, ['0.00', '0.01', '12.30', '-5216.49', '90071992547409.91']);
  });

  test('throws at a fraction', () => {
    assert.throws(() => toDecimal(0.5), RangeError);
  });
});

describe('TransactionList', () => {
  test('takes as many as one request may have', () => {
    const list = new TransactionList(16_777_216);
    let count = 0;
    while (list.add(['Marc', 1])) count += 1;
    assert.equal(count, REQUEST_TRANSACTIONS_MAX);
  });

  test('takes no more than fit into a frame, however long names and amounts are', () => {
    for (const [name, cents] of [
      ['n'.repeat(64), 1],
      ['é'.repeat(32), Number.MAX_SAFE_INTEGER],
      ['n', 1],
      [new Uint8Array(64), -Number.MAX_SAFE_INTEGER],
    ] as const) {
      const list = new TransactionList(65_536);
      const tuple = [name, Math.abs(cents) > 2 ** 31 ? BigInt(cents) : cents] as const;
      while (list.add(tuple));
      const params = { transactions: list.tuples };
      const frame = encodeFrame([FRAME.request, 2 ** 40, 'bank.post', params, 2 ** 31, 'k'.repeat(128)]);
      assert.ok(frame.length - 4 <= 65_536, `${frame.length} bytes`);
      assert.ok(list.tuples.length > 800, `${list.tuples.length} transactions`);
    }
  });
});
