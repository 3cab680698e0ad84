import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { PostOutcome } from '../../../src/protocol/bank.ts';
import { MINOR_UNITS_MAX } from '../../../src/values/money.ts';
import type { LedgerShard } from '../../../workers/ledger/ledger-shard.ts';
import { decodeSnapshot } from '../../../workers/ledger/ledger-snapshot.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import {
  applyEvents,
  ask,
  createShard,
  type NamedPosting,
  postingsOf,
  takeEvents,
} from '../../support/shards.ts';

const ACCOUNTS_MAX = 4;

/** A shard as simple as it can be written. */
class Model {
  readonly balances = new Map<string, bigint>();
  readonly #keys = new Map<string, { readonly content: string; readonly outcome: PostOutcome }>();

  post(key: string | undefined, postings: readonly NamedPosting[]): PostOutcome {
    const content = JSON.stringify(postings);
    const known = key === undefined ? undefined : this.#keys.get(key);
    if (known !== undefined) return known.content === content ? known.outcome : { type: 'key-conflict' };
    const outcome: PostOutcome = {
      type: 'posted',
      refused: postings.flatMap(([name, cents], index) => this.#refusedBy(name, cents, index)),
    };
    if (key !== undefined) this.#keys.set(key, { content, outcome });
    return outcome;
  }

  get keys(): string[] {
    return [...this.#keys.keys()];
  }

  #refusedBy(
    name: string,
    cents: number,
    index: number,
  ): [number, 'too-many-accounts' | 'balance-out-of-range'][] {
    const balance = this.balances.get(name);
    if (balance === undefined && this.balances.size === ACCOUNTS_MAX) return [[index, 'too-many-accounts']];
    const after = (balance ?? 0n) + BigInt(cents);
    const isRefused = after > BigInt(MINOR_UNITS_MAX) || after < -BigInt(MINOR_UNITS_MAX);
    if (isRefused) return [[index, 'balance-out-of-range']];
    this.balances.set(name, after);
    return [];
  }
}

/** A shard whose process may end: what is left is its snapshot and the events of its turns since then. */
class StoredShard {
  shard = createShard({ accountsMax: ACCOUNTS_MAX });
  #pieces: Uint8Array[] | undefined;
  #turns: Buffer[] = [];

  endTurn(): void {
    const events = takeEvents(this.shard);
    if (events !== undefined) this.#turns.push(events);
  }

  snapshot(): void {
    this.endTurn();
    this.#pieces = [...this.shard.snapshot()].map((piece) => piece.slice());
    this.#turns = [];
  }

  restart(): void {
    this.endTurn();
    this.shard = createShard({ accountsMax: ACCOUNTS_MAX });
    if (this.#pieces !== undefined) this.shard.restore(this.#pieces);
    for (const events of this.#turns) applyEvents(this.shard, events);
  }
}

const name = fc.constantFrom('Marc', 'Zoe', 'x'.repeat(64), '\xff\xfe', 'Ann', 'Bob');
const cents = fc.oneof(
  fc.integer({ min: -500, max: 500 }),
  fc.constantFrom(0, MINOR_UNITS_MAX, -MINOR_UNITS_MAX),
);
const postings = fc.array(fc.tuple(name, cents), { minLength: 1, maxLength: 6 });
const key = fc.constantFrom('a', 'b', 'c', ' ~', 'k'.repeat(128));
/** Few contents, so that many requests come again. */
const CONTENTS = 3;
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ type: fc.constant('keyed' as const), key, content: fc.nat(CONTENTS - 1) }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('plain' as const), content: fc.nat(CONTENTS - 1) }) },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constantFrom('endTurn' as const, 'snapshot', 'restart' as const) }),
  },
);

function balanceOf(shard: LedgerShard, account: string): number | null {
  return ask(shard, { type: 'balance', name: Buffer.from(account, 'latin1') });
}

describe('requests to a ledger shard, against a model', () => {
  const seed = fuzzSeed();

  test('are posted once for each key, through snapshots and restarts at any point', () => {
    const contents = fc.array(postings, { minLength: CONTENTS, maxLength: CONTENTS });
    fc.assert(
      fc.property(contents, fc.array(step, { maxLength: 40 }), (requests, steps) => {
        const stored = new StoredShard();
        const model = new Model();
        for (const each of steps) {
          if (each.type !== 'keyed' && each.type !== 'plain') {
            stored[each.type]();
            continue;
          }
          const request = requests[each.content] ?? [];
          const keyed = each.type === 'keyed' ? { key: each.key } : {};
          const told: unknown[] = [];
          const outcome = ask(stored.shard, { type: 'post', ...keyed, postings: postingsOf(request) }, told);
          assert.deepEqual(outcome, model.post(keyed.key, request));
          assert.deepEqual(told, [], 'nobody else is told');
        }
        stored.restart();
        for (const account of ['Marc', 'Zoe', 'x'.repeat(64), '\xff\xfe', 'Ann', 'Bob']) {
          const expected = model.balances.get(account);
          assert.equal(balanceOf(stored.shard, account), expected === undefined ? null : Number(expected));
        }
        const { keys, ledger } = decodeSnapshot([...stored.shard.snapshot()]);
        assert.deepEqual(
          keys.map((remembered) => remembered.key),
          model.keys,
        );
        assert.equal(ledger.lengths.length, model.balances.size, 'a balance that is asked opens no account');
      }),
      { seed, numRuns: 500 },
    );
  });
});
