import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findOperation, OPERATIONS } from '../../../../src/protocol/api/operations.ts';

describe('operations', () => {
  test('are found by their names, and by nothing that every object has', () => {
    assert.equal(findOperation('bank.post'), OPERATIONS['bank.post']);
    for (const name of ['', 'bank', 'bank.post ', 'toString', 'constructor', '__proto__', 'hasOwnProperty']) {
      assert.equal(findOperation(name), undefined, name);
    }
  });

  test('belong to a service each, those that govern to operators only', () => {
    for (const [name, { isOperators }] of Object.entries(OPERATIONS)) {
      assert.match(name, /^(bank|lobby|exchange|admin)\.[a-z-]+$/);
      const governs = /^admin\.|^exchange\.(open-day|close-day|halt|resume|cancel-all)$/;
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
      'admin.kick': 'once',
      'admin.broadcast': 'once',
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
});
