import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findOperation, GOLD_REFRESH, OPERATIONS } from '../../../../src/protocol/api/operations.ts';

describe('operations', () => {
  test('are found by their names, and by nothing that every object has', () => {
    assert.equal(findOperation('bank.post'), OPERATIONS['bank.post']);
    for (const name of ['', 'bank', 'bank.post ', 'toString', 'constructor', '__proto__', 'hasOwnProperty']) {
      assert.equal(findOperation(name), undefined, name);
    }
  });

  test('belong to a service each, those that govern to operators only', () => {
    for (const [name, { isOperators }] of Object.entries(OPERATIONS)) {
      assert.match(name, /^(bank|lobby|exchange|users|gold|admin)\.[a-z-]+$/);
      const governs = /^admin\.|^gold\.import$|^exchange\.(open-day|close-day|halt|resume|cancel-all)$/;
      assert.equal(isOperators, governs.test(name), name);
    }
  });

  test('that change something are keyed, or are not sent again', () => {
    const repetitions = Object.entries(OPERATIONS).filter(([, { repetition }]) => repetition !== 'safe');
    assert.deepEqual(Object.fromEntries(repetitions.map(([name, { repetition }]) => [name, repetition])), {
      'bank.post': 'keyed',
      'lobby.say': 'once',
      'lobby.put': 'once',
      'exchange.enter': 'once',
      'exchange.replace': 'once',
      'exchange.cancel': 'once',
      'exchange.open-day': 'once',
      'exchange.close-day': 'once',
      'exchange.halt': 'once',
      'exchange.resume': 'once',
      'exchange.cancel-all': 'once',
      'users.sign-up': 'once',
      'users.sign-out': 'once',
      'users.sign-out-everywhere': 'once',
      'users.change-password': 'once',
      'gold.import': 'once',
      'admin.kick': 'once',
      'admin.broadcast': 'once',
      'admin.user-add': 'once',
      'admin.user-password': 'once',
      'admin.user-role': 'once',
      'admin.user-disable': 'once',
      'admin.user-enable': 'once',
      'admin.user-sign-out': 'once',
      'admin.shutdown': 'once',
    });
  });

  test('check what they are asked with', () => {
    const { 'bank.post': post, 'bank.statement': statement, 'admin.sessions': sessions } = OPERATIONS;
    const transactions = Array.from({ length: 10_000 }, () => ['Marc', 1]);
    assert.equal(post.params({ transactions }, 'bank.post').transactions, transactions);
    assert.throws(() => post.params({ transactions: [...transactions, 1] }, 'bank.post'), {
      code: 'ERR_API_PARAMS',
      message: 'bank.post.transactions is an array of 10001; expected an array of at most 10000 elements',
    });
    assert.deepEqual(statement.params({ account: 'Marc', last: null, at: 7 }, ''), {
      account: 'Marc',
      at: 7,
    });
    assert.throws(
      () => statement.params({ account: 'Marc', last: 0 }, 'bank.statement'),
      /bank.statement.last is 0/,
    );
    assert.throws(() => sessions.params({ state: 'closed' }, 'admin.sessions'), /open, ended, all/);
    const { 'exchange.market': market, 'exchange.enter': enter } = OPERATIONS;
    const books = [{ id: 'BTC' }, { id: 'ETH', group: 'NGHT' }, {}];
    assert.deepEqual(market.params({ books }, ''), { books });
    assert.throws(
      () => market.params({ books: [...books, { name: 'x' }] }, 'exchange.market'),
      /exchange\.market\.books\[3\] has no entry "name"/,
    );
    const order = { token: 1, side: 'buy', book: 'BTC', quantity: 1, price: '1.0' };
    assert.deepEqual(enter.params(order, ''), order);
    assert.throws(() => enter.params({ ...order, price: 1 }, ''), /price is 1; expected a string/);
    assert.throws(() => enter.params({ ...order, quantity: 2 ** 32 }, ''), /from 0 to 4294967295/);
    assert.deepEqual(OPERATIONS['admin.status'].params({}, ''), {});
  });

  test('show no password in what is wrong with it', () => {
    for (const name of [
      'users.sign-up',
      'users.sign-in',
      'users.change-password',
      'admin.user-add',
    ] as const) {
      const secrets = { password: 'p4ssw0rd'.repeat(200), newPassword: 'p4ssw0rd'.repeat(200) };
      const check = OPERATIONS[name].params as (value: unknown, path: string) => unknown;
      const { newPassword: _, ...one } = secrets;
      const given = name === 'users.change-password' ? secrets : { name: 'Ann', ...one };
      assert.throws(
        () => check(given, name),
        ({ message }: Error) => !/p4ss/.test(message),
        name,
      );
    }
  });

  test('of gold take days that exist, and rows that can be shown', () => {
    const { 'gold.look-up': lookUp } = OPERATIONS;
    assert.deepEqual(lookUp.params({ date: '2024-02-29', type: 'SJC' }, ''), {
      date: '2024-02-29',
      type: 'SJC',
    });
    for (const date of ['2025-02-29', '2025-1-2', '02/01/2025', '', 20250102]) {
      assert.throws(() => lookUp.params({ date, type: 'SJC' }, 'gold.look-up'), { code: 'ERR_API_PARAMS' });
    }
    assert.throws(() => lookUp.params({ date: '2025-02-29', type: 'SJC' }, 'gold.look-up'), {
      message: 'gold.look-up.date is "2025-02-29"; expected a day that exists, as yyyy-mm-dd',
    });
    const texts = { company: 'SJC', brand: '', type: 'SJC', code: '', buy: '82,500.00', sell: '84,500.00' };
    const row = { ...texts, updated: '', day: '', id: '', buyVnd: 82_500_000, sellVnd: 84_500_000 };
    const refresh = { date: '2025-01-02', source: 'import', timeMs: 1, rows: [row] };
    assert.deepEqual(GOLD_REFRESH(refresh, 'item'), refresh);
    assert.throws(() => GOLD_REFRESH({ ...refresh, rows: [{ ...row, brand: '\u001b[2J' }] }, 'item'), {
      message: 'item.rows[0].brand has control characters',
    });
    assert.throws(
      () => GOLD_REFRESH({ ...refresh, rows: Array(1001).fill(row) }, 'item'),
      /item\.rows is an array/,
    );
    assert.equal(GOLD_REFRESH({ ...refresh, timeMs: 1.5 }, 'item').timeMs, 1.5);
    for (const timeMs of [-1, Number.NaN, Number.POSITIVE_INFINITY, '1', null]) {
      assert.throws(() => GOLD_REFRESH({ ...refresh, timeMs }, 'item'), /item\.timeMs is no time/);
    }
    assert.throws(() => GOLD_REFRESH({ ...refresh, rows: [{ ...row, buyVnd: '1' }] }, 'item'), /buyVnd/);
  });
});
