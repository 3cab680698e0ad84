import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { heed } from '../../clients/abort.ts';

describe('heed', () => {
  test('calls all who heed the signal when it is aborted, and none of those who have forgotten it', () => {
    const stopping = new AbortController();
    const called: string[] = [];
    heed(stopping.signal, () => called.push('one'));
    const forget = heed(stopping.signal, () => called.push('two'));
    heed(stopping.signal, () => called.push('three'));
    forget();
    stopping.abort();
    assert.deepEqual(called, ['one', 'three']);
  });
});
