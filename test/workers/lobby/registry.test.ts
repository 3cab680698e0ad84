import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type ConnectionRecord,
  ENDED_KEPT,
  type RegistryCommand,
  type RegistryQuery,
} from '../../../src/protocol/registry.ts';
import { END_NOT_SEEN, Registry } from '../../../workers/lobby/registry.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';

type Told = Exclude<RegistryCommand, { type: 'list' }>;

const FIGURES = { bytesIn: 10, bytesOut: 20, frames: 3, ignored: { empty: 1 } };

function tell(registry: Registry, ...commands: readonly Told[]): void {
  for (const command of commands) for (const event of registry.decide(command)) registry.apply(event);
}

function opened(connection: number, more: Partial<Told & { type: 'opened' }> = {}): Told {
  return {
    type: 'opened',
    connection,
    service: 'lobby',
    address: '127.0.0.1:5',
    sinceMs: 100 + connection,
    ...more,
  };
}

function ended(connection: number, more: Partial<Told & { type: 'ended' }> = {}): Told {
  return { type: 'ended', connection, untilMs: 200 + connection, reason: '', ...more };
}

function listed(registry: Registry, query: Partial<RegistryQuery> = {}): readonly ConnectionRecord[] {
  return registry.list({ limit: 1_000_000, ...query }).connections;
}

function only(registry: Registry): ConnectionRecord {
  const [record, ...others] = listed(registry);
  assert.deepEqual(others, []);
  return record ?? assert.fail('there is no connection');
}

describe('Registry', () => {
  test('keeps a connection from its accept to its end, with what it amounted to', () => {
    const registry = new Registry();
    tell(registry, opened(7), opened(7, { user: 'Client1' }));
    assert.equal(only(registry).untilMs, null);
    tell(registry, ended(7, { reason: 'idle', figures: FIGURES }));
    assert.deepEqual(only(registry), {
      number: 1,
      connection: 7,
      service: 'lobby',
      address: '127.0.0.1:5',
      user: 'Client1',
      sinceMs: 107,
      untilMs: 207,
      reason: 'idle',
      figures: FIGURES,
    });
  });

  test('knows what a next run may call its first connection', () => {
    const registry = new Registry();
    assert.equal(registry.nextConnection, 1);
    tell(registry, opened(7), ended(7), opened(3));
    assert.equal(registry.nextConnection, 8);
    const restored = new Registry();
    restored.restore(registry.freeze());
    assert.equal(restored.nextConnection, 8);
  });

  test('makes one record of what two tell, whoever comes first', () => {
    const main = [opened(1), ended(1, { untilMs: 999, reason: 'reset', figures: FIGURES })];
    const session = [opened(1, { user: 'Client1' }), ended(1, { untilMs: 500 })];
    for (const [first, second] of [
      [main, session],
      [session, main],
    ] as const) {
      const registry = new Registry();
      tell(registry, ...first, ...second);
      const { user, untilMs, reason, figures } = only(registry);
      assert.deepEqual({ user, figures }, { user: 'Client1', figures: FIGURES });
      const { untilMs: firstMs, reason: firstReason } = first[1] as Told & { type: 'ended' };
      assert.deepEqual([untilMs, reason], [firstMs, firstReason], 'the first end counts');
    }
  });

  test('has no event of what it knows already', () => {
    const registry = new Registry();
    tell(registry, opened(1, { user: 'Client1' }), ended(1));
    for (const again of [opened(1), opened(1, { user: 'Client1' }), ended(1), ended(2)]) {
      assert.deepEqual(registry.decide(again), []);
    }
  });

  test('ends all that are not present, and only those', () => {
    const registry = new Registry();
    tell(registry, opened(1), opened(2), opened(3), ended(3));
    tell(registry, { type: 'present', connections: [2], timeMs: 900 });
    assert.deepEqual(
      listed(registry).map(({ connection, untilMs, reason }) => [connection, untilMs, reason]),
      [
        [1, 900, END_NOT_SEEN],
        [2, null, ''],
        [3, 203, ''],
      ],
    );
  });

  test('tells connections of two runs apart that have the same number there', () => {
    const registry = new Registry();
    tell(registry, opened(1, { user: 'Client1' }));
    tell(registry, opened(1, { sinceMs: 5000 }), ended(1, { untilMs: 6000 }));
    assert.deepEqual(
      listed(registry).map(({ number, user, untilMs, reason }) => [number, user, untilMs, reason]),
      [
        [1, 'Client1', 5000, END_NOT_SEEN],
        [2, '', 6000, ''],
      ],
    );
  });

  test('keeps the last that have ended, and all that are open', () => {
    const registry = new Registry();
    tell(registry, opened(0));
    for (let i = 1; i <= ENDED_KEPT + 5; i++) tell(registry, opened(i), ended(i));
    const records = listed(registry);
    assert.equal(records.length, ENDED_KEPT + 1);
    assert.deepEqual([records[0]?.connection, records[1]?.connection], [0, 6]);
    tell(registry, ended(0));
    assert.deepEqual([listed(registry)[0]?.connection, listed(registry)[1]?.connection], [0, 7]);
  });

  test('lists what is asked for, the last ones, in the order of their numbers', () => {
    const registry = new Registry();
    tell(registry, opened(1, { service: 'bank', address: '10.0.0.1:1' }), opened(2, { user: 'Client1' }));
    tell(registry, opened(3, { user: 'Client2' }), opened(4, { user: 'Client3' }), ended(2));
    const found = (query: Partial<RegistryQuery>) =>
      listed(registry, query).map(({ connection }) => connection);
    assert.deepEqual(found({ service: 'lobby' }), [2, 3, 4]);
    assert.deepEqual(found({ state: 'ended' }), [2]);
    assert.deepEqual(found({ state: 'open', user: 'Client' }), [3, 4]);
    assert.deepEqual(found({ address: '10.0' }), [1]);
    assert.deepEqual(registry.list({ service: 'lobby', limit: 2 }).total, 3);
    assert.deepEqual(found({ service: 'lobby', limit: 2 }), [3, 4]);
  });

  test('is the same after its events, and after a snapshot and the events behind it', () => {
    const command = fc.oneof(
      fc
        .record({ connection: fc.nat(20), sinceMs: fc.nat(3), user: fc.constantFrom('', 'Client1') })
        .map(({ connection, ...more }) => opened(connection, more)),
      fc
        .record({ connection: fc.nat(20), isMeasured: fc.boolean() })
        .map(({ connection, isMeasured }) => ended(connection, isMeasured ? { figures: FIGURES } : {})),
      fc.array(fc.nat(20)).map((connections): Told => ({ type: 'present', connections, timeMs: 7 })),
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), fc.nat(60), (commands, cut) => {
        const [live, replayed] = [new Registry(), new Registry()];
        let restored: Registry | undefined;
        commands.forEach((each, i) => {
          if (i === cut) {
            restored = new Registry();
            restored.restore(structuredClone(live.freeze()));
          }
          for (const event of live.decide(each)) {
            for (const registry of [live, replayed, restored]) registry?.apply(event);
          }
          if (restored !== undefined) assert.deepEqual(restored.decide(each), live.decide(each));
        });
        assert.deepEqual(replayed.freeze(), live.freeze());
        if (restored !== undefined) assert.deepEqual(restored.freeze(), live.freeze());
      }),
      { seed: fuzzSeed(), numRuns: 300 },
    );
  });
});
