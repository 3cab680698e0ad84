import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findHeader } from '../../../workers/ledger/upload-session.ts';

/** What is found in `text`, with as much before and behind it that does not belong to it. */
function find(text: string): ReturnType<typeof findHeader> {
  const around = 'OUTCRY 1 ACK around\n';
  const found = findHeader(
    Buffer.from(around + text + around, 'latin1'),
    around.length,
    around.length + text.length,
  );
  return found && { ...found, end: found.end - around.length };
}

describe('findHeader', () => {
  for (const { what, line, version, id } of [
    { what: 'a header', line: 'OUTCRY 1 ACK monday.1_a-B', version: 1, id: 'monday.1_a-B' },
    {
      what: 'one with tabs, more blanks and a CR',
      line: 'OUTCRY \t1  ACK\t monday \t\r',
      version: 1,
      id: 'monday',
    },
    { what: 'one of another version', line: 'OUTCRY 22 ACK monday', version: 22, id: 'monday' },
    { what: 'one without an upload-id', line: 'OUTCRY 1 ACK', version: 1, id: '' },
    { what: 'one with more behind the upload-id', line: 'OUTCRY 1 ACK a b', version: 1, id: 'a b' },
    {
      what: 'one whose blanks are longer than what is looked at',
      line: `OUTCRY 1 ACK a${' '.repeat(500)}b`,
      version: 1,
      id: 'a',
    },
  ]) {
    test(`finds ${what}`, () => {
      assert.deepEqual(find(`${line}\nMarc credit $1\n`), { version, id, end: line.length + 1 });
    });
  }

  for (const line of [
    'OUTCRY 1',
    'OUTCRY 1 ',
    'OUTCRY 1 ack monday',
    'OUTCRY 1 ACKmonday',
    'OUTCRY 1ACK monday',
    'OUTCRY 1.0 ACK monday',
    'OUTCRY 1 PUT monday',
    `OUTCRY ${'1'.repeat(500)} ACK monday`,
  ]) {
    test(`finds what is meant as one, though it is none: ${line.slice(0, 30)}`, () => {
      assert.deepEqual(find(`${line}\n`), { version: undefined, id: '', end: line.length + 1 });
    });
  }

  for (const line of [
    'OUTCRY credit $5',
    'OUTCRY ACK 1 monday',
    'OUTCRY v1 ACK monday',
    'OUTCRY -1 ACK monday',
    'OUTCRY',
    'OUTCRY ',
    'OUTCRY1 ACK monday',
    'outcry 1 ACK monday',
    ' OUTCRY 1 ACK monday',
    'OUTCRYX 1 ACK monday',
    '',
  ]) {
    test(`takes for a line of the plain wire: "${line}"`, () => {
      assert.equal(find(`${line}\n`), undefined);
      assert.equal(find(`${line}\nOUTCRY 1 ACK monday\n`), undefined);
    });
  }

  test('finds none in a line without its end, whatever is behind it', () => {
    assert.equal(find('OUTCRY 1 ACK monday'), undefined);
    assert.equal(find(''), undefined);
  });
});
