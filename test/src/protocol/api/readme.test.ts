/** The page of the wire says what the code does. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { FRAME, PROTOCOL_VERSION } from '../../../../src/protocol/api/frames.ts';
import { OPERATIONS } from '../../../../src/protocol/api/operations.ts';
import { REQUEST_TRANSACTIONS_MAX } from '../../../../src/protocol/bank.ts';
import { ERROR_CODES } from '../../../../src/values/errors.ts';
import { RETRYABLE } from '../../../../workers/api/api-session.ts';
import { KEYS_KEPT } from '../../../../workers/ledger/keys.ts';
import { named, rowsOf } from '../../../support/page-tables.ts';

const PAGE = readFileSync(new URL('../../../../../src/protocol/api/README.md', import.meta.url), 'utf8');

/** A value for everything that an operation can be asked with. */
const SAMPLES: Readonly<Record<string, unknown>> = {
  account: 'Marc',
  address: '127.0.0.1',
  at: 1,
  book: 'BTC',
  books: [],
  capacity: 'agency',
  cashMargin: '1',
  classification: '1',
  clientReference: 'x',
  connection: 1,
  date: '2025-01-02',
  filter: 'ledger',
  firm: 1,
  from: 1,
  group: 'DAY',
  id: 'BTC',
  isPostOnly: true,
  last: 1,
  levels: 1,
  limit: 1,
  message: 'x',
  minimumQuantity: 1,
  name: 'x',
  newPassword: 'x',
  orders: 1,
  overMs: 1,
  password: 'x',
  price: '1.0',
  quantity: 1,
  reason: 'x',
  replacementToken: 2,
  role: 'user',
  service: 'bank',
  session: 'x',
  side: 'buy',
  size: 1,
  state: 'open',
  text: 'x',
  timeInForce: 'day',
  to: '2025-01-03',
  token: 1,
  transactions: [],
  type: 'SJC',
  types: [],
  user: 'x',
};

/** What an operation looks for in what it is asked with, and what it cannot do without. */
function paramsOf(name: keyof typeof OPERATIONS): readonly string[] {
  const check: (value: unknown, path: string) => unknown = OPERATIONS[name].params;
  // Keys that mean something else elsewhere.
  const samples: Readonly<Record<string, unknown>> = {
    ...SAMPLES,
    sort: name === 'admin.actors' ? 'depth' : 'number',
    ...(name === 'gold.range' ? { from: '2025-01-02' } : {}),
  };
  const found = new Set<string>();
  const all = new Proxy(
    {},
    {
      get(_, key) {
        found.add(String(key));
        return samples[String(key)];
      },
    },
  );
  check(all, name);
  return [...found].map((key) => {
    const given = Object.fromEntries([...found].map((other) => [other, Reflect.get(all, other)]));
    delete given[key];
    try {
      check(given, name);
      return `${key}?`;
    } catch {
      return key;
    }
  });
}

describe('the page of the wire', () => {
  test('has every frame with its number', () => {
    const listed = Object.fromEntries(
      rowsOf(PAGE, 'Frames').map(([name = '', number]) => [named(name), Number(number)]),
    );
    assert.deepEqual(listed, FRAME);
    assert.ok(PAGE.includes(`Version ${PROTOCOL_VERSION}.`));
  });

  test('has every operation as it is', () => {
    const listed = rowsOf(PAGE, 'Operations').map(([name = '', kind, repetition, who]) => [
      named(name),
      kind,
      repetition,
      who,
    ]);
    const known = Object.entries(OPERATIONS).map(([name, { kind, repetition, isOperators }]) => [
      name,
      kind,
      repetition,
      isOperators ? 'operators' : 'all',
    ]);
    assert.deepEqual(listed, known);
  });

  test('has everything that an operation can be asked with, and what may be absent', () => {
    for (const [name = '', , , , params = ''] of rowsOf(PAGE, 'Operations')) {
      const listed = [...params.matchAll(/`(\w+\??)`/g)].map(([, param]) => param);
      const known = paramsOf(named(name) as keyof typeof OPERATIONS);
      assert.deepEqual(listed.sort(), [...known].sort(), name);
    }
  });

  test('says of each error whether it is retryable, and knows no other', () => {
    const rows = rowsOf(PAGE, 'Errors').map(([code = '', retryable]) => [named(code), retryable] as const);
    for (const [code, retryable] of rows) {
      assert.ok(Object.hasOwn(ERROR_CODES, code), `${code} is no code`);
      assert.equal(retryable, RETRYABLE.has(code) ? 'yes' : 'no', code);
    }
    const listed = new Set(rows.map(([code]) => code));
    for (const code of RETRYABLE) assert.ok(listed.has(code), `${code} is not there`);
    for (const code of Object.keys(ERROR_CODES)) {
      if (/^ERR_(API|ASK|EXCHANGE|FILE|STATEMENT|USER)_(?!TOKEN$)/.test(code))
        assert.ok(listed.has(code), `${code} is not there`);
    }
  });

  test('has the numbers of the code', () => {
    for (const number of [REQUEST_TRANSACTIONS_MAX, KEYS_KEPT]) {
      assert.ok(PAGE.includes(number.toLocaleString('en')), `${number} is not there`);
    }
  });
});
