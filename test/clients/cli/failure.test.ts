import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { explainFailure } from '../../../clients/cli/failure.ts';
import { OutcryError } from '../../../src/values/errors.ts';

describe('explainFailure', () => {
  test('exits 2 for wrong use, wrong configuration and wrong inputs', () => {
    for (const code of ['ERR_USAGE', 'ERR_CONFIG_INVALID', 'ERR_CONFIG_PORT', 'ERR_INPUT'] as const) {
      const failure = explainFailure(new OutcryError(code, 'port 70000 is too high'), { showStack: false });
      assert.deepEqual(failure, { text: 'outcry: port 70000 is too high\n', exitCode: 2 });
    }
  });

  test('exits 1 for every other failure that explains itself, and shows no stack even when asked', () => {
    const failure = explainFailure(new OutcryError('ERR_REPORT_WRITE', 'the disk is full'), {
      showStack: true,
    });
    assert.deepEqual(failure, { text: 'outcry: the disk is full\n', exitCode: 1 });
  });

  test('lets nothing through that moves the cursor, and keeps lines apart', () => {
    const error = new OutcryError('ERR_API_DENIED', 'a\x1b[2Jb\nc\x07d');
    assert.equal(explainFailure(error, { showStack: false }).text, 'outcry: ab\ncd\n');
  });

  test('adds the stack of an unexpected error only when asked', () => {
    const error = new TypeError('x is not a function');
    assert.deepEqual(explainFailure(error, { showStack: false }), {
      text: 'outcry: x is not a function\n',
      exitCode: 1,
    });
    assert.equal(
      explainFailure(error, { showStack: true }).text,
      `outcry: x is not a function\n${error.stack}\n`,
    );
  });

  test('explains what is thrown without being an error', () => {
    assert.equal(explainFailure('out of luck', { showStack: true }).text, 'outcry: out of luck\n');
  });
});
