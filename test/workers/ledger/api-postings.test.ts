import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LEDGER_SHARDS, REQUEST_TRANSACTIONS_MAX } from '../../../src/protocol/bank.ts';
import { OutcryError } from '../../../src/values/errors.ts';
import { formatMoney, MINOR_UNITS_MAX, toMinorUnits } from '../../../src/values/money.ts';
import { ApiPostings, accountBytes } from '../../../workers/ledger/api-postings.ts';
import { BankLines } from '../../../workers/ledger/bank-lines.ts';
import { POSTING } from '../../../workers/ledger/ledger.ts';
import { PostingsWriter, readPostings } from '../../../workers/ledger/postings.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';

/** What the bank's lines make of the same, by shard; all are credits or debits of one line each. */
function messagesOfLines(lines: readonly Buffer[]): (Uint8Array | undefined)[] {
  const writers = Array.from({ length: LEDGER_SHARDS }, () => new PostingsWriter());
  const text = Buffer.concat(lines);
  new BankLines(1024).take(text, 0, text.length, writers);
  return writers.map((writer) => writer.take());
}

function lineOf(name: Uint8Array, cents: number): Buffer {
  const money = formatMoney(toMinorUnits(Math.abs(cents)));
  return Buffer.concat([name, Buffer.from(` ${cents < 0 ? 'debit' : 'credit'} ${money}\n`)]);
}

/** The transactions in the messages, by index. */
function transactionsIn(messages: readonly (Uint8Array | undefined)[]): [string, number][] {
  const transactions: [string, number][] = [];
  for (const bytes of messages) {
    if (bytes === undefined) continue;
    readPostings(bytes, 0, bytes.length, (view, start, length, _hash, cents, index) => {
      const name = Buffer.from(view.buffer, view.byteOffset + start, length).toString('latin1');
      transactions[index] = [name, cents];
      return POSTING.applied;
    });
  }
  return transactions;
}

/** Mostly ASCII, and everything else, of lengths around those that matter. */
const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 70 }),
  fc.string({ unit: 'grapheme', maxLength: 70 }),
  fc.string({ minLength: 60, maxLength: 70 }),
);
const bytes = fc.uint8Array({ maxLength: 70 });
const cents = fc.maxSafeInteger().map((value) => (value === 0 ? 0 : value));

function isRefused(take: () => unknown): boolean {
  try {
    take();
    return false;
  } catch (error) {
    assert.ok(error instanceof OutcryError && error.code === 'ERR_API_PARAMS', String(error));
    return true;
  }
}

describe('ApiPostings', () => {
  const seed = fuzzSeed();

  test('take the names that the bank takes on a line, and make the same postings of them', () => {
    const api = new ApiPostings();
    fc.assert(
      fc.property(fc.oneof(text, bytes), cents, (account, amount) => {
        const isText = typeof account === 'string';
        const name = isText ? Buffer.from(account) : account;
        // On a line blanks divide fields and an LF ends it: no name has one, but the line may still be one.
        const isName = !/[\n\t ]/.test(Buffer.from(name).toString('latin1')) && name.length > 0;
        const expected = isName ? messagesOfLines([lineOf(name, amount)]) : [];
        // What is put in place of half a character is none of the client's bytes.
        const isWhole = !isText || Buffer.from(account).toString() === account;
        if (isWhole && expected.some((message) => message !== undefined)) {
          assert.deepEqual(api.take([[account, amount]]), expected);
          assert.deepEqual(accountBytes(account), Uint8Array.from(name));
        } else {
          assert.ok(isRefused(() => api.take([[account, amount]])));
          assert.ok(isRefused(() => accountBytes(account)));
        }
      }),
      { seed, numRuns: 3000 },
    );
  });

  test('divide many transactions among the shards, in order and each with its index', () => {
    const api = new ApiPostings();
    const request = Array.from({ length: REQUEST_TRANSACTIONS_MAX }, (_, i) => [`n${i % 777}`, i - 5000]);
    const lines = request.map(([name, amount]) => lineOf(Buffer.from(String(name)), Number(amount)));
    const messages = api.take(request);
    assert.deepEqual(messages, messagesOfLines(lines));
    assert.equal(messages.length, LEDGER_SHARDS);
    assert.deepEqual(transactionsIn(messages), request);
    assert.deepEqual(api.take([]), new Array(LEDGER_SHARDS).fill(undefined));
  });

  test('take nothing, $0, the largest amounts, and a name that begins with a byte order mark', () => {
    const request = [
      ['Marc', 0],
      ['Marc', MINOR_UNITS_MAX],
      ['Marc', -MINOR_UNITS_MAX],
      ['\ufeffMarc', 1],
      [Uint8Array.of(0xff, 0), 1],
    ];
    assert.deepEqual(transactionsIn(new ApiPostings().take(request)), [
      ...request.slice(0, 3),
      ['\xef\xbb\xbfMarc', 1],
      ['\xff\0', 1],
    ]);
  });

  const wrong: readonly { readonly what: string; readonly request: unknown; readonly says: RegExp }[] = [
    { what: 'no array', request: 'Marc', says: /^transactions are an array, not "Marc"$/ },
    { what: 'nothing', request: undefined, says: /^transactions are an array, not undefined$/ },
    {
      what: 'too many',
      request: new Array(REQUEST_TRANSACTIONS_MAX + 1).fill(['Marc', 1]),
      says: /^a request has at most 10000 transactions, not 10001$/,
    },
    { what: 'null', request: [null], says: /^transaction 0 is \[account, cents\], not null$/ },
    { what: 'a map', request: [{ account: 'Marc' }], says: /^transaction 0 is .*, not an object$/ },
    { what: 'one field', request: [['Marc']], says: /^transaction 0 is .*, not an array of 1$/ },
    { what: 'three fields', request: [['Marc', 1, 2]], says: /^transaction 0 is .*, not an array of 3$/ },
    { what: 'no name', request: [['', 1]], says: /^transaction 0 has "" as its account: a name is 1 to 64/ },
    { what: 'a number for a name', request: [[7, 1]], says: /^transaction 0 has 7 as its account: / },
    {
      what: 'bytes with a line end',
      request: [[Uint8Array.of(65, 10), 1]],
      says: /^transaction 0 has 2 bytes as its account: /,
    },
    {
      what: 'a name of which no end is to be seen',
      request: [['x'.repeat(1e7), 1]],
      says: /^transaction 0 has "x{80}" as its account: /,
    },
    {
      what: 'half a character',
      request: [['\ud800', 1]],
      says: /^transaction 0 has "\\ud800" as its account/,
    },
    { what: 'parts of cents', request: [['Marc', 0.5]], says: /^transaction 0 has 0\.5 as its cents: / },
    { what: 'a text for cents', request: [['Marc', '5']], says: /^transaction 0 has "5" as its cents: / },
    { what: 'no number', request: [['Marc', Number.NaN]], says: /^transaction 0 has NaN as its cents: / },
    {
      what: 'a large integer',
      request: [['Marc', 2n ** 63n]],
      says: /^transaction 0 has 9223372036854775808/,
    },
    {
      what: 'too large an amount',
      request: [['Marc', 2 ** 53]],
      says: /^transaction 0 has 9007199254740992 as its cents: a whole number within ±9007199254740991$/,
    },
  ];
  for (const { what, request, says } of wrong) {
    test(`refuse ${what}`, () => {
      assert.throws(() => new ApiPostings().take(request), {
        name: 'OutcryError',
        code: 'ERR_API_PARAMS',
        message: says,
      });
    });
  }

  test('take all of a request or nothing, and say which transaction is wrong', () => {
    const api = new ApiPostings();
    const right = Array.from({ length: 100 }, (_, i) => [`n${i}`, i]);
    assert.throws(() => api.take([...right, ['Ma rc', 5], ['', 5]]), {
      code: 'ERR_API_PARAMS',
      fields: { index: 100 },
    });
    assert.deepEqual(transactionsIn(api.take([['Zoe', 1]])), [['Zoe', 1]]);
  });

  test('withstand whatever msgpack can hold', () => {
    const api = new ApiPostings();
    const anything = fc.anything({ withBigInt: true, withTypedArray: true, withMap: true, withDate: true });
    const transaction = fc.oneof(fc.tuple(anything, anything), fc.tuple(text, anything), anything);
    fc.assert(
      fc.property(fc.oneof(anything, fc.array(transaction)), (request) => {
        if (isRefused(() => api.take(request))) assert.deepEqual(api.take([]).filter(Boolean), []);
      }),
      { seed, numRuns: 2000 },
    );
  });
});
