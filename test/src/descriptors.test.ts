import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { affordableConnections } from '../../src/descriptors.ts';

const limits = (soft: string) =>
  `Limit                     Soft Limit           Hard Limit           Units\nMax open files            ${soft}                 524288               files\n`;

describe('affordableConnections', () => {
  test('is what is wanted where there are descriptors enough', () => {
    assert.equal(affordableConnections(16_384, limits('20000')), 16_384);
  });

  test('leaves some descriptors to the rest of the process', () => {
    assert.equal(affordableConnections(16_384, limits('1024')), 924);
  });

  test('is never less than one', () => {
    assert.equal(affordableConnections(16_384, limits('64')), 1);
  });

  test('is what is wanted where the system sets or tells no limit', () => {
    assert.equal(affordableConnections(16_384, limits('unlimited')), 16_384);
    assert.equal(affordableConnections(16_384, ''), 16_384);
  });
});
