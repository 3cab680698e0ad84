import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { BatchReader, BatchWriter, RECORD } from '../../../src/protocol/link.ts';
import { type Address, toAddress } from '../../../src/values/address.ts';
import type { ActorSpec, Context, DurableActor, Supervision } from '../../../workers/runtime/actor.ts';
import { ESCALATE_FAULT, STOP_ON_FAULT } from '../../../workers/runtime/actor.ts';
import { ActorSystem } from '../../../workers/runtime/actor-system.ts';
import { LmdbStore } from '../../../workers/runtime/lmdb-store.ts';
import { RESTART } from '../../support/actors.ts';

/** Adds up what it is told; says its sum when asked; throws at what is poison. */
class Adder implements DurableActor<unknown, number> {
  sum = 0;

  receive(command: unknown, context: Context<unknown>): readonly number[] | undefined {
    if (command === 'poison') throw new Error('poison');
    if (command === 'stop') context.stop();
    if (command === 'sum') context.reply(this.sum);
    else if (command === 'unencodable') return [UNENCODABLE as unknown as number];
    else if (Array.isArray(command)) return command as number[];
    return undefined;
  }

  apply(event: number): void {
    if (event === -1) throw new Error('-1 can not be applied');
    this.sum += event;
  }

  snapshot(): Iterable<Uint8Array> {
    return [Buffer.from(String(this.sum)), Buffer.from('end')];
  }

  restore([sum]: readonly Uint8Array[]): void {
    this.sum = Number(Buffer.from(sum ?? []).toString());
  }
}

function adder(supervision: Supervision = ESCALATE_FAULT): ActorSpec {
  return { create: () => new Adder(), supervision, isDurable: true };
}

/** Wishes the journal to be kept from its event number `sum` on. */
class Keeper extends Adder {
  keptFrom(): number {
    return this.sum;
  }
}

/** It can be added, but not written. */
const UNENCODABLE = {
  valueOf: () => 5,
  get value(): never {
    throw new Error('it can not be read');
  },
};

const A = toAddress('adder/a');
const B = toAddress('adder/b');

describe('durable actors', () => {
  let folder: string;
  let store: LmdbStore;
  let system: ActorSystem;
  let logged: string[];
  let nowMs: number;
  let writer: BatchWriter;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'outcry-durable-'));
    nowMs = 0;
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  /** A host with these actors, over what the folder holds; the one before it is as good as killed. */
  async function start(
    actors: readonly (readonly [Address, ActorSpec])[],
    limits?: { everyBytes: number; keepBytes: number; wishBytes?: number },
  ): Promise<void> {
    await store?.close();
    store = new LmdbStore({ folder });
    logged = [];
    writer = new BatchWriter();
    system = new ActorSystem({
      hostIndex: 0,
      hostCount: 1,
      linkHighWater: 65_536,
      mailboxMax: 1024,
      log: (_, text) => logged.push(text),
      createSession: () => assert.fail('there are no connections'),
      store,
      ...(limits === undefined ? {} : { snapshots: { wishBytes: 0, ...limits } }),
    });
    system.start(() => {
      for (const [address, spec] of actors) system.spawnRoot(address, spec);
    });
    [A, B].forEach((address, name) => {
      writer.text(RECORD.bind, name, address);
    });
  }

  function tell(address: Address, message: unknown): void {
    writer.value(RECORD.tell, [A, B].indexOf(address), message);
  }

  /** A turn, stored unless it is said to be lost. */
  function turn({ isLost = false } = {}): void {
    if (!writer.isEmpty) system.intake(system.mainOrigin, writer.take(), nowMs);
    system.run(++nowMs);
    const events = system.takeEvents(nowMs);
    if (events !== undefined && !isLost) system.store(events);
    while (system.advanceSnapshots());
  }

  /** The actor's answer; undefined if there is none. */
  function sumOf(address: Address): unknown {
    writer.ask([A, B].indexOf(address), 1, Number.POSITIVE_INFINITY, 'sum');
    turn();
    turn();
    const batch = system.takeBatch(system.mainOrigin);
    const reader = new BatchReader(batch ?? assert.fail('nothing was answered'));
    while (reader.next()) if (reader.kind === RECORD.reply && reader.flags === 0) return reader.value();
    return undefined;
  }

  const both = [
    [A, adder()],
    [B, adder()],
  ] as const;

  test('are what they were after a restart, each with its own events', async () => {
    await start(both);
    tell(A, [1, 2]);
    tell(B, [10]);
    turn();
    tell(A, [4]);
    turn();
    assert.equal(store.last, 2);
    for (let i = 0; i < 2; i++) {
      await start(both);
      assert.deepEqual([sumOf(A), sumOf(B)], [7, 10]);
    }
    tell(B, [5]);
    turn();
    await start(both);
    assert.deepEqual([sumOf(A), sumOf(B)], [7, 15]);
  });

  test('store one batch a turn, whatever the number of actors and messages in it', async () => {
    await start(both);
    for (let i = 0; i < 100; i++) tell(i % 3 === 0 ? A : B, [1]);
    turn();
    assert.equal(store.last, 1);
    turn();
    assert.equal(store.last, 1);
    await start(both);
    assert.deepEqual([sumOf(A), sumOf(B)], [34, 66]);
  });

  test('are as they were before a turn that was not stored', async () => {
    await start(both);
    tell(A, [1]);
    turn();
    tell(A, [2]);
    tell(B, [3]);
    turn({ isLost: true });
    await start(both);
    assert.deepEqual([sumOf(A), sumOf(B)], [1, 0]);
  });

  test('come back from a snapshot and what came after it', async () => {
    const limits = { everyBytes: 300, keepBytes: 0 };
    await start(both, limits);
    for (let i = 1; i <= 50; i++) {
      tell(A, [i]);
      if (i === 20) tell(B, [7]);
      turn();
    }
    assert.deepEqual(logged, []);
    assert.ok(store.first > 20, `the journal still begins with batch ${store.first}`);
    assert.ok([...store.snapshots()].some(({ address, events }) => address === A && events > 20));
    await start(both, limits);
    assert.deepEqual([sumOf(A), sumOf(B)], [1275, 7]);
    tell(B, [1]);
    turn();
    await start(both);
    assert.deepEqual([sumOf(A), sumOf(B)], [1275, 8]);
  });

  test('that have stopped lose nothing to the snapshots of others', async () => {
    const limits = { everyBytes: 200, keepBytes: 0 };
    await start(both, limits);
    tell(A, [1, 2]);
    turn();
    tell(A, 'stop');
    for (let i = 0; i < 50; i++) {
      tell(B, [1]);
      turn();
    }
    await start(both, limits);
    assert.deepEqual([sumOf(A), sumOf(B)], [3, 50]);
    tell(A, [4]);
    for (let i = 0; i < 50; i++) {
      tell(B, [1]);
      turn();
    }
    assert.ok(store.first > 50, `the journal still begins with batch ${store.first}`);
    await start(both, limits);
    assert.deepEqual([sumOf(A), sumOf(B)], [7, 100]);
  });

  test('are restarted from the store when they throw, without what made them throw', async () => {
    await start([[A, adder(RESTART)], both[1]]);
    tell(A, [1]);
    turn();
    tell(A, [2]);
    tell(A, 'poison');
    tell(A, [4]);
    turn();
    turn();
    assert.equal(sumOf(A), 7);
    await start(both);
    assert.equal(sumOf(A), 7);
  });

  test('leave no event behind that can not be applied or encoded', async () => {
    await start([[A, adder(RESTART)], both[1]]);
    for (const events of [[1], [5, -1], 'unencodable', [2]]) {
      tell(A, events);
      turn();
      turn();
    }
    assert.equal(sumOf(A), 3);
    await start(both);
    assert.equal(sumOf(A), 3);
  });

  test('that are not there any more keep what is stored of them, and it is said', async () => {
    const limits = { everyBytes: 200, keepBytes: 0 };
    await start(both);
    tell(A, [1]);
    tell(B, [2]);
    turn();
    await start([both[0]], limits);
    assert.deepEqual(logged, ['stored, but of no actor that is here, and kept: adder/b']);
    for (let i = 0; i < 50; i++) {
      tell(A, [1]);
      turn();
    }
    await start(both, limits);
    assert.deepEqual([sumOf(A), sumOf(B)], [51, 2]);
  });

  test('with flat events must escalate their faults', async () => {
    const flat = () => Object.assign(new Adder(), { takeFlat: () => undefined });
    await start([[A, { create: flat, supervision: STOP_ON_FAULT, isDurable: true }]]);
    assert.match(logged.join(), /adder\/a writes flat events, so its fault must escalate/);
  });

  test('have the journal kept from the event on from which they wish it', async () => {
    const keeper: ActorSpec = { create: () => new Keeper(), supervision: ESCALATE_FAULT, isDurable: true };
    const actors = [
      [A, keeper],
      [B, adder()],
    ] as const;
    const limits = { everyBytes: 1, keepBytes: 0, wishBytes: 1000 };
    await start(actors, limits);
    tell(A, [0]);
    turn();
    tell(B, [1]);
    turn();
    assert.equal(store.first, 2, 'without a wish only the last batch stays');
    // Its third event, in batch 4, and three more behind it.
    tell(A, [0]);
    turn();
    tell(A, [3]);
    turn();
    for (let i = 0; i < 3; i++) {
      tell(B, [1]);
      turn();
    }
    assert.deepEqual([store.first, store.last], [4, 7]);
    await start(actors, limits);
    tell(A, [1]);
    turn();
    assert.deepEqual([store.first, store.last], [8, 8], 'its fourth event is the last one');
    for (let i = 0; i < 50; i++) {
      tell(B, [1]);
      turn();
    }
    assert.ok(store.first > 8 && store.journalBytes > 900, 'so much is kept for it, and no more');
    assert.ok(store.journalBytes <= 1000);
  });

  test('are refused if their stream has a gap', async () => {
    await start(both);
    for (let i = 0; i < 3; i++) {
      tell(A, [1]);
      turn();
    }
    // As if the first two had been in a snapshot that is gone.
    store.release(3, 0);
    await assert.rejects(start(both), {
      code: 'ERR_DATA_DAMAGED',
      message: /batch 3 goes on with event 3 of adder\/a, but the one before it was 0/,
    });
  });

  test('go on without a last batch that was torn, and it is said', async () => {
    await start(both);
    for (const events of [[1], [2]]) {
      tell(A, events);
      turn();
    }
    const [, torn] = [...store.read(1)];
    store.cutLast();
    store.append((torn?.bytes ?? assert.fail('there is no second batch')).slice(0, -20));
    await start(both);
    assert.deepEqual(logged, ['the last batch, 2, was torn, and is cut off']);
    assert.equal(sumOf(A), 1);
    tell(A, [8]);
    turn();
    await start(both);
    assert.deepEqual([logged, sumOf(A)], [[], 9]);
  });
});
