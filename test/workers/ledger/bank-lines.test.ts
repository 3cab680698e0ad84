import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DISCARD_REASONS, LEDGER_SHARDS, NAME_LENGTH_MAX } from '../../../src/protocol/bank.ts';
import { BankLines, type PostingTarget } from '../../../workers/ledger/bank-lines.ts';
import { POSTING, type PostingOutcome } from '../../../workers/ledger/ledger.ts';
import { readLine } from '../../support/bank-model.ts';

const LINE_LENGTH_MAX = 256;
/** More bytes than the reader of plain lines may read beyond a line. */
const PADDING = 128;
const MAX = '90071992547409.91';
const LONGEST_NAME = 'n'.repeat(NAME_LENGTH_MAX);

/** What became of one line: `name cents`, or the reason for which it was discarded. */
function take(line: string, padding: number, outcome: PostingOutcome = POSTING.applied): string {
  const lines = new BankLines(LINE_LENGTH_MAX);
  const postings: string[] = [];
  const target: PostingTarget = {
    post: (view, start, length, _hash, cents) => {
      const name = Buffer.from(view.buffer, view.byteOffset + start, length).toString('latin1');
      postings.push(`${name} ${cents}`);
      return outcome;
    },
  };
  const bytes = Buffer.concat([Buffer.from(`${line}\n`, 'latin1'), Buffer.alloc(padding, '7')]);
  lines.take(bytes, 0, line.length + 1, new Array<PostingTarget>(LEDGER_SHARDS).fill(target));
  const discards = Object.keys(lines.takeDiscards() ?? {});
  if (outcome === POSTING.applied) return [...postings, ...discards].join(', ');
  assert.equal(postings.length, 1);
  return discards.join(', ');
}

function assertTaken(line: string, expected: string): void {
  // The last lines of a buffer and those before them go different ways.
  assert.deepEqual([take(line, 0), take(line, PADDING)], [expected, expected], JSON.stringify(line));
  const reading = readLine(line, LINE_LENGTH_MAX);
  const naive = typeof reading === 'string' ? reading : `${reading.name} ${reading.cents}`;
  assert.equal(naive, expected, `the model reads ${JSON.stringify(line)} otherwise`);
}

describe('BankLines > what is posted', () => {
  const cases: readonly (readonly [what: string, line: string, expected: string])[] = [
    ['a credit', 'Marc credit $2', 'Marc 200'],
    ['a debit', 'Marc debit $1', 'Marc -100'],
    ['an amount without a dollar sign', 'Marc credit 2.05', 'Marc 205'],
    ['one decimal', 'Marc credit $1.5', 'Marc 150'],
    ['leading zeros, however many', `Marc credit $${'0'.repeat(100)}7.00`, 'Marc 700'],
    ['zero', 'Marc debit $0.00', 'Marc 0'],
    ['the largest amount', `Marc credit $${MAX}`, 'Marc 9007199254740991'],
    ['the largest amount as a debit', `Marc debit ${MAX}`, 'Marc -9007199254740991'],
    ['tabs between the fields', 'Marc\tcredit\t$2', 'Marc 200'],
    ['runs of blanks', 'Marc \t  credit\t\t  $2', 'Marc 200'],
    ['blanks around', ' \t Marc credit $2 \t', 'Marc 200'],
    ['CR LF', 'Marc credit $2\r', 'Marc 200'],
    ['blanks before CR LF', 'Marc credit $2 \r', 'Marc 200'],
    ['a name of one byte', 'M credit $2', 'M 200'],
    ['the longest name', `${LONGEST_NAME} credit $2`, `${LONGEST_NAME} 200`],
    ['high bytes and NUL in a name', '\xff\0\x80\xc3\xa9 credit $2', '\xff\0\x80\xc3\xa9 200'],
    ['control bytes that are no white space in a name', 'a\x01\x1f\x7f credit $2', 'a\x01\x1f\x7f 200'],
    ['a name that is a type', 'credit debit $2', 'credit -200'],
    ['a name that is an amount', '$2 credit $3', '$2 300'],
  ];
  for (const [what, line, expected] of cases) test(what, () => assertTaken(line, expected));

  test('names of every length up to the longest are read whole', () => {
    for (let length = 1; length <= NAME_LENGTH_MAX; length++) {
      const name = LONGEST_NAME.slice(0, length);
      assertTaken(`${name} debit $1.01`, `${name} -101`);
    }
  });

  test('a line of exactly the maximum length is read, one byte more is too long', () => {
    const line = `Marc credit $2`.padEnd(LINE_LENGTH_MAX);
    assertTaken(line, 'Marc 200');
    assertTaken(`${line} `, 'line-too-long');
  });

  test('the CR counts towards the length of a line', () => {
    assertTaken(`${'Marc credit $2'.padEnd(LINE_LENGTH_MAX - 1)}\r`, 'Marc 200');
    assertTaken(`${'Marc credit $2'.padEnd(LINE_LENGTH_MAX)}\r`, 'line-too-long');
  });
});

describe('BankLines > what is discarded, and why', () => {
  const cases: readonly (readonly [what: string, line: string, reason: string])[] = [
    ['nothing', '', 'empty'],
    ['a CR alone', '\r', 'empty'],
    ['blanks alone', ' \t ', 'empty'],
    ['one field', 'Marc', 'not-three-fields'],
    ['two fields', 'Marc credit', 'not-three-fields'],
    ['two fields and a blank', 'Marc credit ', 'not-three-fields'],
    ['four fields', 'Marc credit $1 extra', 'not-three-fields'],
    ['a name one byte too long', `${LONGEST_NAME}n credit $2`, 'name'],
    ['a vertical tab in the name', 'a\vb credit $2', 'name'],
    ['a form feed in the name', 'a\fb credit $2', 'name'],
    ['a CR in the name', 'a\rb credit $2', 'name'],
    ['another type', 'Marc transfer $5.00', 'type'],
    ['a type in capitals', 'Marc CREDIT $1', 'type'],
    ['a type cut short', 'Marc credi $1', 'type'],
    ['a type too long', 'Marc debits $1', 'type'],
    ['half of either type', 'Marc crebit $1', 'type'],
    ['a NUL behind the type', 'Marc credit\0 $1', 'type'],
    ['a dollar sign alone', 'Marc credit $', 'amount'],
    ['two dollar signs', 'Marc credit $$1', 'amount'],
    ['a dollar sign behind', 'Marc credit 1$', 'amount'],
    ['no digit before the point', 'Marc credit $.5', 'amount'],
    ['no digit behind the point', 'Marc credit 5.', 'amount'],
    ['three decimals', 'Marc credit $1.234', 'amount'],
    ['two points', 'Marc credit $1.2.3', 'amount'],
    ['a comma', 'Marc credit $1,000', 'amount'],
    ['a plus sign', 'Marc credit +1', 'amount'],
    ['a minus sign', 'Marc debit -1', 'amount'],
    ['a minus sign behind the dollar sign', 'Marc debit $-4.00', 'amount'],
    ['an exponent', 'Marc credit 1e3', 'amount'],
    ['a hexadecimal number', 'Marc credit 0x10', 'amount'],
    ['digits that are not ASCII', 'Marc credit \xd9\xa1', 'amount'],
    ['a high byte that is a digit but for its top bit', 'Marc credit \xb1', 'amount'],
    ['a CR in the amount', 'Marc credit $1\r0', 'amount'],
    ['two CRs at the end', 'Marc credit $1\r\r', 'amount'],
    ['a cent too much', 'Marc credit $90071992547409.92', 'amount-too-large'],
    ['a dollar too much', 'Marc credit $90071992547410', 'amount-too-large'],
    ['far too much', `Marc credit $${'9'.repeat(200)}.99`, 'amount-too-large'],
  ];
  for (const [what, line, reason] of cases) test(what, () => assertTaken(line, reason));

  test('of several reasons the earliest in their order is counted', () => {
    const tooLong = 'x'.repeat(LINE_LENGTH_MAX);
    const longName = `${LONGEST_NAME}n`;
    const lines = [
      `${tooLong} `,
      '',
      `${longName} kredit`,
      `${longName} kredit one`,
      'Marc kredit one',
      `Marc credit ${'9'.repeat(30)}.123`,
      `Marc credit ${'9'.repeat(30)}`,
    ];
    assert.deepEqual(
      lines.map((line) => take(line, 0)),
      DISCARD_REASONS.slice(0, lines.length),
    );
    for (const padding of [0, PADDING]) {
      assert.equal(take('Marc credit $1', padding, POSTING.accountsFull), 'too-many-accounts');
      assert.equal(take('Marc credit $1', padding, POSTING.balanceRange), 'balance-out-of-range');
    }
  });

  test('a discarded line leaves the lines around it alone', () => {
    const lines = new BankLines(LINE_LENGTH_MAX);
    const cents: number[] = [];
    const target: PostingTarget = {
      post: (_view, _start, _length, _hash, amount) => {
        cents.push(amount);
        return POSTING.applied;
      },
    };
    const text = `A credit 1\n${'x'.repeat(5000)}\nA credit 2\n\nA debit 3 \nA credit 4.5\n`;
    const targets = new Array<PostingTarget>(LEDGER_SHARDS).fill(target);
    lines.take(Buffer.from(text), 0, text.length, targets);
    assert.deepEqual(cents, [100, 200, -300, 450]);
    assert.deepEqual(lines.takeDiscards(), { 'line-too-long': 1, empty: 1 });
    assert.equal(lines.takeDiscards(), undefined);
  });
});
