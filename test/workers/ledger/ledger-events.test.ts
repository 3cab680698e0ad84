import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FoundUpload } from '../../../src/protocol/bank.ts';
import { MINOR_UNITS_MAX } from '../../../src/values/money.ts';
import { hashName } from '../../../workers/ledger/ledger.ts';
import type { LedgerShard } from '../../../workers/ledger/ledger-shard.ts';
import { decodeSnapshot } from '../../../workers/ledger/ledger-snapshot.ts';
import { partNameOf } from '../../../workers/ledger/uploads.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import { viewOf } from '../../support/ledgers.ts';
import { applyEvents, ask, createShard, postingsOf, stateOf, takeEvents } from '../../support/shards.ts';

const UPLOADS_MAX = 5;

/** Does something drawn at random that has events. */
function act(random: Random, shard: LedgerShard, uploads: number[]): void {
  const roll = random.below(100);
  if (roll < 85) {
    const name = `n${random.below(400)}${'x'.repeat(random.below(60))}`;
    const view = viewOf(name);
    const cents = random.chance(0.1) ? random.below(2 ** 45) - 2 ** 44 : random.below(20_000) - 10_000;
    shard.post(view, 0, name.length, hashName(view, 0, name.length), cents);
  } else if (roll < 88) {
    const id = `upload-${random.below(40)}`;
    const opened = ask(shard, { type: 'open-upload', id, claim: `bank/${random.below(5)}` });
    uploads.push((opened as FoundUpload).number);
  } else if (roll < 90) {
    const name = `n${random.below(400)}`;
    const postings = postingsOf([
      [name, 1],
      [name, random.chance(0.5) ? 2 : MINOR_UNITS_MAX],
    ]);
    ask(shard, { type: 'post', key: `key-${random.below(1000)}`, postings });
  } else if (roll < 92) ask(shard, { type: 'forget-upload', id: `upload-${random.below(40)}` });
  else {
    const upload = uploads[random.below(uploads.length + 1)] ?? 0;
    const mark = shard.markOf(upload) ?? 0;
    const discards = Array.from({ length: random.below(4) }, () => random.below(1_000_000) * 16 + 3);
    shard.mark(upload, mark + random.below(1000), discards);
  }
}

describe('a ledger shard', () => {
  const seed = fuzzSeed();

  test('has the same state when its events are done again, from nothing and from any snapshot', () => {
    const random = new Random(seed);
    const shard = createShard();
    const uploads: number[] = [];
    const runs: Buffer[] = [];
    const snapshots: { readonly runs: number; readonly pieces: Uint8Array[] }[] = [];
    for (let turn = 0; turn < 60; turn++) {
      for (let step = random.below(200); step > 0; step--) act(random, shard, uploads);
      const events = takeEvents(shard);
      if (events !== undefined) runs.push(events);
      if (random.chance(0.2)) {
        snapshots.push({ runs: runs.length, pieces: [...shard.snapshot()].map((piece) => piece.slice()) });
      }
    }
    const expected = stateOf(shard);
    for (const { runs: done, pieces } of [{ runs: 0, pieces: undefined }, ...snapshots]) {
      const again = createShard();
      if (pieces !== undefined) again.restore(pieces);
      for (const run of runs.slice(done)) applyEvents(again, run);
      assert.ok(stateOf(again).equals(expected), `from the snapshot after ${done} runs`);
      assert.equal(again.takeFlat(), undefined);
    }
  });

  test('counts its events, and has none twice', () => {
    const shard = createShard();
    const view = viewOf('Marc');
    const post = (cents: number) => shard.post(view, 0, 4, hashName(view, 0, 4), cents);
    post(5);
    post(2 ** 40);
    assert.equal(shard.takeFlat()?.count, 3);
    assert.equal(shard.takeFlat(), undefined);
    post(-1);
    assert.deepEqual(shard.takeFlat(), { bytes: Uint8Array.of(0, 0, 0, 0, 255, 255, 255, 255), count: 1 });
  });

  test('freezes its state for a snapshot while it goes on', () => {
    const random = new Random(seed + 1);
    const shard = createShard();
    for (let step = 0; step < 2000; step++) act(random, shard, []);
    const before = stateOf(shard);
    const pieces = shard.snapshot();
    for (let step = 0; step < 5000; step++) act(random, shard, []);
    assert.ok(Buffer.concat([...pieces]).equals(before));
  });

  test('forgets the uploads at home that were not used for longest, but none that is in use', () => {
    const shard = createShard({ uploadsMax: UPLOADS_MAX });
    const idsIn = () => decodeSnapshot([...shard.snapshot()]).uploads.uploads.map(({ id }) => id);
    /** Opens it for a session, which goes on with it or not. */
    const open = (id: string, isInUse = false) => {
      const { number } = ask(shard, { type: 'open-upload', id, claim: 'bank/1' }) as FoundUpload;
      if (!isInUse) ask(shard, { type: 'release', id, session: 'bank/1' });
      return number;
    };
    // What other shards call an upload has its number in it; of those none is forgotten by itself.
    const parts = Array.from({ length: 20 }, (_, i) => partNameOf('elsewhere', i));
    for (const id of parts) ask(shard, { type: 'open-upload', id });
    open('in-use', true);
    const atHome = Array.from({ length: 20 }, (_, i) => `u${i}`);
    const numbers = atHome.map((id) => open(id));
    const last = atHome.slice(1 - UPLOADS_MAX);
    assert.deepEqual(idsIn(), [...parts, 'in-use', ...last]);
    // One that goes on is not the oldest any more.
    shard.mark(numbers.at(1 - UPLOADS_MAX) ?? -1, 10, []);
    open('another');
    assert.ok(idsIn().includes(last[0] as string) && !idsIn().includes(last[1] as string));
  });
});
