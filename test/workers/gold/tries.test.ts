import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ProviderName } from '../../../src/protocol/gold.ts';
import { Tries } from '../../../workers/gold/tries.ts';

const INTERVAL_MS = 1_800_000;
const HOUR_MS = 3_600_000;

describe('Tries', () => {
  test('leaves out a source for longer the more often it was refused, half a day at most', () => {
    const tries = new Tries(['tygia', 'pnj'], INTERVAL_MS);
    const asked: number[] = [];
    for (let interval = 0; interval < 200; interval++) {
      const nowMs = interval * INTERVAL_MS;
      if (!tries.due(nowMs).includes('tygia')) continue;
      asked.push(interval);
      tries.refuse('tygia', 'status 500', nowMs);
    }
    assert.deepEqual(asked, [0, 1, 3, 7, 15, 31, 55, 79, 103, 127, 151, 175, 199]);
  });

  test('asks a source as ever once it has answered', () => {
    const tries = new Tries(['tygia', 'pnj'], INTERVAL_MS);
    for (let i = 0; i < 5; i++) tries.refuse('tygia', 'status 500', 0);
    assert.deepEqual(tries.due(INTERVAL_MS), ['pnj']);
    tries.succeed('tygia');
    assert.deepEqual(tries.due(INTERVAL_MS), ['tygia', 'pnj']);
    tries.refuse('tygia', 'status 500', INTERVAL_MS);
    assert.deepEqual(tries.due(2 * INTERVAL_MS), ['tygia', 'pnj']);
  });

  test('asks the one that was left out for longest, if all would be', () => {
    const sources: readonly ProviderName[] = ['tygia', 'vang-today', 'pnj'];
    const tries = new Tries(sources, INTERVAL_MS);
    const asked: string[] = [];
    for (let interval = 0; interval < 20; interval++) {
      const nowMs = interval * INTERVAL_MS;
      const due = tries.due(nowMs);
      assert.ok(due.length > 0);
      asked.push(due.join(' '));
      for (const source of due) tries.refuse(source, 'status 500', nowMs);
    }
    assert.deepEqual(asked.slice(0, 6), [
      'tygia vang-today pnj',
      'tygia vang-today pnj',
      'tygia',
      'vang-today pnj',
      'tygia',
      'vang-today',
    ]);
    assert.deepEqual(new Set(asked.slice(6)), new Set(sources));
  });

  test('has each source asked at every interval that is longer than half a day', () => {
    const tries = new Tries(['tygia', 'pnj'], 24 * HOUR_MS);
    for (let day = 0; day < 5; day++) {
      assert.deepEqual(tries.due(day * 24 * HOUR_MS), ['tygia', 'pnj']);
      tries.refuse('tygia', 'status 500', day * 24 * HOUR_MS);
    }
  });

  test('has the same refusal said once, and then every twelfth time', () => {
    const tries = new Tries(['tygia'], INTERVAL_MS);
    const said = Array.from({ length: 30 }, () => tries.refuse('tygia', 'status 500', 0));
    assert.deepEqual(
      said.filter((times) => times !== undefined),
      [1, 12, 24],
    );
    assert.equal(tries.refuse('tygia', 'not JSON', 0), 1);
    assert.equal(tries.refuse('tygia', 'status 500', 0), 1);
  });
});
