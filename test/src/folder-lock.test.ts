import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DataFolder } from '../../src/data-folder.ts';
import { runOutcry } from '../support/server-process.ts';
import { temporaryFolder } from '../support/stored-bank.ts';

/** Collects all garbage there is. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 3; i++) {
    await new Promise(setImmediate);
    collect();
  }
}

describe('the lock of a data folder', () => {
  test('is held until the folder is closed, however much garbage is collected meanwhile', async (t) => {
    const path = join(temporaryFolder(t), 'data');
    const folder = await DataFolder.open(path, 1, async () => {});
    await new Promise((resolve) => setTimeout(resolve, 20));
    await collectGarbage();
    const { stdout } = await runOutcry(t, ['data', 'stats', path]);
    assert.match(stdout, new RegExp(`in use by process ${process.pid}$`, 'm'));
    const second = await runOutcry(t, ['serve', '--data', path, '--bank-port', '0']);
    assert.equal(second.code, 1);
    assert.match(second.stderr, new RegExp(`in use by process ${process.pid}; `));
    await folder.close();
    assert.doesNotMatch((await runOutcry(t, ['data', 'stats', path])).stdout, /in use/);
  });
});
