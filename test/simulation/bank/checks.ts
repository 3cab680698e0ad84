/** What must be true of a simulated server, at the end and at every moment between. */
import assert from 'node:assert/strict';
import { shardOfName as shardOfBytes } from '../../../workers/ledger/bank-lines.ts';
import type { ShardState } from '../../../workers/ledger/ledger-snapshot.ts';
import { homeOf, partNameOf } from '../../../workers/ledger/uploads.ts';
import type { PlainClient } from './plain-client.ts';
import { balancesIn, type Recovered, recoverAgain, shardsIn } from './recovery.ts';
import type { UploadClient } from './upload-client.ts';
import type { PlannedRequest, RequestPlan, UploadPlan } from './workload.ts';

/** The line up to which each shard has done its part of the upload; 0 where it does not know it. */
export function marksOf({ id }: UploadPlan, shards: readonly ShardState[]): number[] {
  const findIn = (shard: ShardState | undefined, name: string) =>
    shard?.uploads.uploads.find((upload) => upload.id === name);
  const home = homeOf(id);
  const atHome = findIn(shards[home], id);
  if (atHome === undefined) return shards.map(() => 0);
  const partName = partNameOf(id, atHome.number);
  return shards.map((shard, i) => (i === home ? atHome : findIn(shard, partName))?.mark ?? 0);
}

/** What is stored at any moment: each shard has applied exactly the lines up to its mark. */
export function checkStored(plans: readonly UploadPlan[], recovered: Recovered): void {
  const shards = shardsIn(recovered);
  const balances = shards.map(balancesIn);
  for (const plan of plans) {
    const marks = marksOf(plan, shards);
    for (const [name, history] of plan.own) {
      const shard = shardOfName(name);
      const mark = marks[shard] as number;
      const where = `${name} in shard ${shard}, of which the mark is ${mark}`;
      assert.equal(balances[shard]?.get(name), history[mark], where);
    }
  }
}

/** An acknowledged line is stored. */
export function checkAcknowledged(plan: UploadPlan, lines: number, recovered: Recovered): void {
  const marks = marksOf(plan, shardsIn(recovered));
  const stored = Math.min(...marks);
  assert.ok(stored >= lines, `OK ${lines} of ${plan.id}, but stored are ${stored} (by shard: ${marks})`);
}

/** At any moment: each shard has posted the first of a plan's requests that concern it, each once, and knows their keys. */
export function checkRequests(plans: readonly RequestPlan[], recovered: Recovered): void {
  for (const [index, shard] of shardsIn(recovered).entries()) {
    const balances = balancesIn(shard);
    const keys = new Set(shard.keys.map(({ key }) => key));
    for (const plan of plans) {
      const posted = plan.posting.findLastIndex(({ key }) => keys.has(key)) + 1;
      const where = `${plan.id} in shard ${index}, which has posted ${posted} requests`;
      const missing = plan.posting
        .slice(0, posted)
        .filter(({ key, shards }) => shards.has(index) && !keys.has(key));
      assert.deepEqual(missing, [], `the keys of ${where}`);
      for (const [name, history] of plan.own) {
        if (shardOfName(name) === index)
          assert.equal(balances.get(name), history[posted], `${name} of ${where}`);
      }
    }
  }
}

/** All of an answered request is stored. */
export function checkAnswered({ key, shards }: PlannedRequest, recovered: Recovered): void {
  const knowing = shardsIn(recovered).map((shard) => shard.keys.some((each) => each.key === key));
  for (const shard of shards)
    assert.ok(knowing[shard], `${key} was answered, but shard ${shard} does not know it`);
}

/** The balances, when all is done. */
export function checkBalances(
  plans: readonly UploadPlan[],
  requests: readonly RequestPlan[],
  plain: readonly PlainClient[],
  recovered: Recovered,
  { mayLose }: { readonly mayLose: boolean },
): void {
  const shards = shardsIn(recovered);
  const actual = new Map(shards.flatMap((shard) => [...balancesIn(shard)]));
  const expected = new Map<string, number>();
  let postings = 0;
  for (const { own, shared, applied } of [...plans, ...requests]) {
    for (const [name, history] of own) expected.set(name, history.at(-1) as number);
    for (const [name, cents] of shared) expected.set(name, (expected.get(name) ?? 0) + cents);
    postings += applied;
  }
  for (const client of plain) {
    for (const [name, cents] of client.plan.accounts) {
      if ((mayLose || client.isBroken) && !actual.has(name)) continue;
      expected.set(name, cents);
      postings++;
    }
  }
  assert.deepEqual(sorted(actual), sorted(expected));
  const applied = shards.reduce((sum, { ledger }) => sum + ledger.postings, 0);
  assert.equal(applied, postings, 'postings that were ever applied');
}

/** Each client has ended as it should, and knows of every discarded line, once. */
export function checkClients(plans: readonly UploadPlan[], clients: readonly UploadClient[]): void {
  for (const plan of plans) {
    const ours = clients.filter((client) => client.plan === plan);
    const outcomes = ours.map(({ lives }) => lives.at(-1)?.outcome);
    assert.ok(outcomes.some(isDone), `${plan.id} ends with: ${outcomes.join('; ')}`);
    for (const [i, outcome] of outcomes.entries()) {
      const isGone = ours.length > 1 && outcome?.startsWith('another connection');
      assert.ok(isDone(outcome) || isGone, `client ${i} of ${plan.id} ends with: ${outcome}`);
    }
    for (const { lives } of ours) for (const { told, outcome } of lives) checkTold(plan, told, outcome);
  }
}

function checkTold(
  plan: UploadPlan,
  told: UploadClient['lives'][number]['told'],
  outcome: string | undefined,
): void {
  for (const [line, { times, reason }] of told) {
    assert.equal(reason, plan.discards.get(line), `why line ${line} of ${plan.id} was discarded`);
    assert.equal(times, 1, `times that line ${line} of ${plan.id} was told`);
  }
  if (outcome !== 'complete') return;
  const lines = [...told.keys()].sort((a, b) => a - b);
  assert.deepEqual(lines, [...plan.discards.keys()], `discards of ${plan.id} that were told`);
}

/** What is recovered from what was recovered is the same, to the byte; and the same as what lives. */
export function checkRecovery(recovered: Recovered, living: Recovered): void {
  const again = recoverAgain(recovered);
  for (const [address, pieces] of recovered) {
    const bytes = hexOf(pieces);
    assert.equal(hexOf(living.get(address)), bytes, `${address} as it lives and as it is recovered`);
    assert.equal(hexOf(again.get(address)), bytes, `${address} recovered, and recovered again`);
  }
}

function hexOf(pieces: readonly Buffer[] = []): string {
  return pieces.map((piece) => piece.toString('hex')).join(' ');
}

function isDone(outcome: string | undefined): boolean {
  return outcome === 'complete' || (outcome?.includes('uploaded before') ?? false);
}

function shardOfName(name: string): number {
  return shardOfBytes(Buffer.from(name, 'latin1'));
}

function sorted(balances: ReadonlyMap<string, number>): [string, number][] {
  return [...balances].sort(([a], [b]) => (a < b ? -1 : 1));
}
