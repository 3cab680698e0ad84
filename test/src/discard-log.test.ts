import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { DiscardLog } from '../../src/discard-log.ts';
import type { DiscardCounts } from '../../src/protocol/bank.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { createLogRecorder } from '../support/log-recorder.ts';

describe('DiscardLog', () => {
  const { log, entries } = createLogRecorder();
  let counts: DiscardCounts | Error = {};
  const discards = new DiscardLog(log, async () => {
    if (counts instanceof Error) throw counts;
    return counts;
  });
  discards.stop();
  afterEach(() => entries.splice(0));

  const reported = async (now: DiscardCounts | Error) => {
    counts = now;
    await discards.report();
    return entries.map(({ msg, discarded }) => [msg, discarded]);
  };

  test('says nothing while nothing was discarded', async () => {
    assert.deepEqual(await reported({}), []);
  });

  test('names each reason with its count', async () => {
    const lines = await reported({ empty: 1, amount: 2 });
    assert.deepEqual(lines, [['bank: discarded 3 lines', { empty: 1, amount: 2 }]]);
  });

  test('counts only what is new since the last line', async () => {
    const lines = await reported({ empty: 1, amount: 5, type: 1 });
    assert.deepEqual(lines, [['bank: discarded 4 lines', { amount: 3, type: 1 }]]);
  });

  test('starts anew when the host that counts was lost', async () => {
    assert.deepEqual(await reported(new OutcryError('ERR_HOST_LOST', 'host 0 was lost')), []);
    assert.deepEqual(await reported({ empty: 2 }), [['bank: discarded 2 lines', { empty: 2 }]]);
  });
});
