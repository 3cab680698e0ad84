import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toJson } from '../../../clients/cli/json.ts';

test('toJson is one line, the same value, and shows nothing that moves the cursor', () => {
  const value = { text: 'a\x1b[2J\x9b1m\x7f\u2028\u202eb\nç', count: 1, none: null };
  const json = toJson(value);
  assert.deepEqual(JSON.parse(json), value);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  assert.doesNotMatch(json.slice(0, -1), /[\x00-\x1f\x7f-\x9f\u2028\u202e]/);
  assert.match(json, /ç/);
});
