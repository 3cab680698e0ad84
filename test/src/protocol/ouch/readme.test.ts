/** The page of OUCH says what the code does. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { Field } from '../../../../src/protocol/ouch/fields.ts';
import { INBOUND, OUTBOUND } from '../../../../src/protocol/ouch/messages.ts';
import {
  CANCEL_REASONS,
  explainCancel,
  explainReject,
  REJECT_REASONS,
} from '../../../../src/protocol/ouch/reasons.ts';
import { named, rowsOf } from '../../../support/page-tables.ts';

const PAGE = readFileSync(new URL('../../../../../src/protocol/ouch/README.md', import.meta.url), 'utf8');

describe('the page of OUCH', () => {
  test('has every field of every message where it is', () => {
    for (const { name, fields } of [...Object.values(INBOUND), ...Object.values(OUTBOUND)]) {
      const listed = rowsOf(PAGE, name).map(([field = '', at, length, kind]) => [
        named(field),
        Number(at),
        Number(length),
        kind,
      ]);
      const known = Object.entries(fields as Readonly<Record<string, Field<unknown>>>).map(
        ([field, { at, length, kind }]) => [field, at, length, kind],
      );
      assert.deepEqual(listed, known, name);
    }
  });

  test('has the letter, the direction and the lengths of every message', () => {
    for (const [from, layouts] of [
      ['client', INBOUND],
      ['exchange', OUTBOUND],
    ] as const) {
      for (const { name, letter, lengths } of Object.values(layouts)) {
        const [now, ...before] = [...(lengths as readonly number[])].sort((left, right) => right - left);
        const formerly = before.length === 0 ? '' : `, formerly ${before.join(' and ')}`;
        const line = `\`${String.fromCharCode(letter)}\`, from the ${from}, ${now}${formerly} bytes.`;
        assert.ok(PAGE.includes(`### ${name}\n\n${line}\n`), line);
      }
    }
  });

  test('has every reason with what it means', () => {
    const reasonsIn = (heading: string) =>
      Object.fromEntries(rowsOf(PAGE, heading).map(([reason = '', words]) => [named(reason), words]));
    assert.deepEqual(reasonsIn('Of canceled orders'), CANCEL_REASONS);
    assert.deepEqual(reasonsIn('Of rejected orders'), REJECT_REASONS);
  });
});

describe('reasons', () => {
  test('mean what their own table says', () => {
    assert.equal(explainCancel('S'), 'withdrawn by the exchange');
    assert.equal(explainReject('S'), 'unknown order book');
    assert.equal(explainReject('U'), 'reason U');
  });
});
