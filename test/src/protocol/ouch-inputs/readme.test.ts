/** The page of test inputs says what the code does. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { messagesWith } from '../../../../src/protocol/ouch-inputs/names.ts';
import { inputSchema } from '../../../../src/protocol/ouch-inputs/schema.ts';
import { named, rowsOf } from '../../../support/page-tables.ts';
import { readInput } from '../../../support/read-input.ts';

const PAGE = readFileSync(
  new URL('../../../../../src/protocol/ouch-inputs/README.md', import.meta.url),
  'utf8',
);

interface Properties {
  readonly properties: Readonly<Record<string, unknown>>;
}

function namesIn(heading: string): string[] {
  return rowsOf(PAGE, heading).map(([name = '']) => named(name));
}

describe('the page of test inputs', () => {
  test('has every field of every message with its kind and its default', () => {
    for (const { title, fields } of [...messagesWith('inbound'), ...messagesWith('outbound')]) {
      const listed = rowsOf(PAGE, title).map(([name = '', kind, value = '']) => [
        named(name),
        kind,
        named(value),
      ]);
      const known = fields.map(({ name, kind, default: value }) => [
        name,
        kind,
        value === undefined ? '' : JSON.stringify(value),
      ]);
      assert.deepEqual(listed, known, title);
    }
  });

  test('has every member of a file, of a client and of a step', () => {
    const schema = inputSchema() as Properties & { readonly $defs: Readonly<Record<string, Properties>> };
    const keys = (of: Properties | undefined) => Object.keys(of?.properties ?? {}).sort();
    assert.deepEqual(namesIn('The file').sort(), keys(schema));
    const { client, otherStep } = schema.$defs;
    assert.deepEqual(namesIn('Clients').sort(), keys(client));
    assert.deepEqual(namesIn('Steps').sort(), ['message_type', ...keys(otherStep)].sort());
  });

  const examples = [...PAGE.matchAll(/```json\n(.*?)```/gs)].map(([, example = '']) => example);
  assert.equal(examples.length, 4);
  for (const [i, example] of examples.entries()) {
    test(`example ${i + 1} is an input`, () => {
      assert.ok(readInput('README.md', example).steps.length > 0);
    });
  }
});
