import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Latency, Probes, Tally } from '../../../clients/ouch-inputs/statistics.ts';
import { LETTER } from '../../../src/protocol/ouch/layout.ts';
import { encodeOutbound, type OutboundMessage } from '../../../src/protocol/ouch/messages.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import { order } from '../../support/order-client.ts';
import { accepted, canceled, executed, rejected, START_OF_DAY } from '../../support/replies.ts';

const seed = fuzzSeed();

function tallyOf(replies: readonly OutboundMessage[], sent: readonly number[] = []): Tally {
  const tally = new Tally();
  for (const letter of sent) tally.countSent(letter);
  for (const reply of replies) tally.count(Uint8Array.from([0, 0, ...encodeOutbound(reply)]), 2);
  return tally;
}

const { enter, replace, cancel } = LETTER;

describe('Tally', () => {
  test('counts replies by their kinds, and rejects by their letters', () => {
    const tally = tallyOf([
      START_OF_DAY,
      accepted(1),
      accepted(2),
      executed(1, 5),
      rejected(3, 'X'),
      rejected(4, 'X'),
      rejected(5, 'i'),
      canceled(1, 'U'),
    ]);
    assert.deepEqual([tally.accepted, tally.executed, tally.replaced], [2, 1, 0]);
    const letters = ['X', 'i', 'N'].map((letter) => tally.rejected[letter.charCodeAt(0)]);
    assert.deepEqual(letters, [2, 1, 0]);
  });

  test('silent is what was sent less what was answered', () => {
    const sent = [enter, enter, enter, replace, replace, cancel, cancel];
    assert.equal(tallyOf([], sent).silent, 7);
    const tally = tallyOf(
      // A replace that is not taken cancels its order; one at the end of a connection answers nothing.
      [accepted(1), rejected(2, 'N'), canceled(1, 'Z'), canceled(3, 'U'), canceled(4, 'L'), executed(1, 5)],
      sent,
    );
    assert.deepEqual([tally.sent, tally.silent], [7, 3]);
  });

  test('silent is never below nothing', () => {
    assert.equal(tallyOf([canceled(1, 'U'), canceled(2, 'U')], [cancel]).silent, 0);
  });

  test('adds up', () => {
    const tally = tallyOf([accepted(1), rejected(2, 'X')], [enter, enter, cancel]);
    tally.add(tallyOf([accepted(3), executed(3, 1)], [enter]));
    assert.deepEqual([tally.sent, tally.accepted, tally.executed, tally.silent], [4, 2, 1, 1]);
  });
});

describe('Latency', () => {
  test('knows every value to 1.6 %', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (us) => {
        const latency = new Latency();
        latency.record(us);
        const found = latency.quantileUs(0.5) ?? Number.NaN;
        assert.ok(Math.abs(found - us) <= us * 0.016, `${us} is found as ${found}`);
      }),
      { seed, numRuns: 1000 },
    );
  });

  test('has the quantiles of what was recorded, alone and added up', () => {
    const [low, high] = [new Latency(), new Latency()];
    for (let us = 1; us <= 50; us++) low.record(us);
    for (let us = 51; us <= 63; us++) high.record(us);
    assert.deepEqual([low.quantileUs(0.5), low.quantileUs(0.99), low.quantileUs(1)], [25, 50, 50]);
    low.add(high);
    assert.deepEqual([low.quantileUs(0.5), low.quantileUs(1)], [32, 63]);
  });

  test('of nothing has none', () => {
    assert.equal(new Latency().quantileUs(0.5), undefined);
  });
});

describe('Probes', () => {
  const answer = (probes: Probes, reply: OutboundMessage, nowMs: number) =>
    probes.answered(encodeOutbound(reply), 0, nowMs);

  test('time each message until its own answer', () => {
    const probes = new Probes();
    probes.sent(order({ token: 1 }), 10);
    probes.sent({ type: 'cancel', token: 1, quantity: 0 }, 11);
    assert.equal(answer(probes, executed(1, 1), 11), undefined);
    assert.equal(answer(probes, accepted(1), 12), 2000);
    assert.equal(answer(probes, canceled(1, 'U'), 14), 3000);
    assert.equal(answer(probes, canceled(1, 'U'), 15), undefined);
  });

  test('forget those that were passed over', () => {
    const probes = new Probes();
    probes.sent(order({ token: 1 }), 10);
    probes.sent(order({ token: 2 }), 10);
    assert.equal(answer(probes, accepted(2), 11), 1000);
    assert.equal(answer(probes, accepted(1), 12), undefined);
  });
});
