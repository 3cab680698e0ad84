import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { type Address, hostIndexOf } from '../../../src/values/address.ts';
import type { ActorSpec } from '../../../workers/runtime/actor.ts';
import type { ActorSystem } from '../../../workers/runtime/actor-system.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { Simulation } from '../../../workers/runtime/simulation.ts';
import { addressIn, outcomeOf, RESTART, reacting, refTo, specOf } from '../../support/actors.ts';
import { forEachSeed } from '../../support/seeds.ts';

const HOSTS = 3;
const SEEDS = 40;
const [BANK, AUDIT, CLIENT] = ['bank', 'audit', 'client'].map((name, host) =>
  addressIn(host, HOSTS, name),
) as [Address, Address, Address];

/** What starts, by address; each host starts its own. */
function startAll(specs: ReadonlyMap<Address, ActorSpec>) {
  return (system: ActorSystem) => {
    for (const [address, spec] of specs) {
      if (hostIndexOf(address, system.hostCount) === system.hostIndex) system.spawnRoot(address, spec);
    }
  };
}

/**
 * A client moves money in the bank and lets the audit check it. The naive client tells both and believes that what it
 * told first is done first; the careful one lets the audit look only when the bank has answered.
 */
function runTransfer(seed: number, protocol: 'naive' | 'careful'): readonly unknown[] {
  const findings: unknown[] = [];
  let balance = 0;
  const bank = reacting((message, context) => {
    if (message === 'deposit') balance += 100;
    context.reply(balance);
  });
  const audit = reacting((message, context) => {
    if (message === 'check') context.ask(refTo(context, BANK), 'balance', 1000, outcomeOf);
    else findings.push(message);
  });
  const client = reacting((message, context) => {
    const [toBank, toAudit] = [refTo(context, BANK), refTo(context, AUDIT)];
    if (message === 'deposited') context.tell(toAudit, 'check');
    else if (protocol === 'careful') context.ask(toBank, 'deposit', 1000, () => 'deposited');
    else {
      context.tell(toBank, 'deposit');
      context.tell(toAudit, 'check');
    }
  });
  const specs = new Map([
    [BANK, bank],
    [AUDIT, audit],
    [CLIENT, client],
  ]);
  const simulation = new Simulation({ seed, hosts: HOSTS, startHost: startAll(specs) });
  simulation.tell(CLIENT, 'go');
  simulation.runUntilQuiet();
  return findings;
}

/** Actors that tell, ask, fail and restart at random, in hosts that crash; everything that happens is in the trace. */
function runChaos(seed: number, crashChance: number) {
  const random = new Random(seed);
  const trace: string[] = [];
  const addresses = Array.from({ length: 9 }, (_, i) => addressIn(i % HOSTS, HOSTS, `actor-${i}`));
  let started = 0;
  const asked = new Map<number, number>();
  const settled = new Map<number, number>();
  const lost = new Set<number>();
  const create = () => {
    const instance = started++;
    return {
      receive(message: unknown, context: Parameters<NonNullable<Parameters<typeof reacting>[0]>>[1]) {
        trace.push(`${context.self}#${instance} ${JSON.stringify(message)} at ${context.nowMs.toFixed(3)}`);
        const { hops = 0, answerTo } = message as { hops?: number; answerTo?: number };
        if (answerTo !== undefined) {
          settled.set(answerTo, (settled.get(answerTo) ?? 0) + 1);
          return undefined;
        }
        const dice = random.below(20);
        if (dice === 0) throw new Error('by chance');
        if (dice < 15) context.reply('done');
        else if (dice < 18) context.takeAsk();
        if (hops === 0) return undefined;
        for (let i = 0; i < 2; i++) context.tell(refTo(context, random.pick(addresses)), { hops: hops - 1 });
        const id = asked.size;
        asked.set(id, hostIndexOf(context.self, HOSTS));
        context.ask(refTo(context, random.pick(addresses)), { hops: hops - 1 }, 5, (answer) => {
          trace.push(`ask ${id}: ${outcomeOf(answer)}`);
          return { answerTo: id };
        });
        return undefined;
      },
    };
  };
  const restarting = { ...RESTART, restartsMax: 1000, backoffMinMs: 1, backoffMaxMs: 4 };
  const specs = new Map(addresses.map((address) => [address, specOf(create, restarting, 4)]));
  const simulation = new Simulation({
    seed,
    hosts: HOSTS,
    startHost: (system) => {
      for (const [id, host] of asked) if (host === system.hostIndex && !settled.has(id)) lost.add(id);
      startAll(specs)(system);
    },
    crashChance,
    linkHighWater: 200,
  });
  for (const address of addresses) simulation.tell(address, { hops: 4 });
  simulation.runUntilQuiet();
  return { simulation, trace, asked, settled, lost };
}

function digestOf(trace: readonly string[]): string {
  return createHash('sha256').update(trace.join('\n')).digest('hex');
}

describe('Simulation', () => {
  test('the same seed gives the same run, another seed another', () => {
    const digests = [1, 1, 2].map((seed) => digestOf(runChaos(seed, 0.001).trace));
    assert.equal(digests[0], digests[1]);
    assert.notEqual(digests[0], digests[2]);
  });

  test('finds the protocol that believes in one order for all hosts, and names the seed', () => {
    const findsIt = () => {
      forEachSeed(SEEDS, (seed) => assert.deepEqual(runTransfer(seed, 'naive'), [100]), {});
    };
    assert.throws(findsIt, ({ message }: Error) => {
      const seed = Number(/SIMULATION_SEED=(\d+)/.exec(message)?.[1]);
      assert.deepEqual(runTransfer(seed, 'naive'), [0], 'the named seed shows it again');
      return true;
    });
  });

  test('runs the seed that the environment names, alone', () => {
    const seeds: number[] = [];
    forEachSeed(SEEDS, (seed) => seeds.push(seed), { SIMULATION_SEED: '1234' });
    assert.deepEqual(seeds, [1234]);
  });

  test('passes the protocol that waits for the answer, with the same seeds', () => {
    forEachSeed(SEEDS, (seed) => assert.deepEqual(runTransfer(seed, 'careful'), [100]));
  });

  test('settles each ask exactly once when nothing crashes', () => {
    forEachSeed(10, (seed) => {
      const { asked, settled, simulation } = runChaos(seed, 0);
      assert.ok(asked.size > 50);
      assert.deepEqual([...settled.keys()].sort(byNumber), [...asked.keys()]);
      assert.deepEqual(new Set(settled.values()), new Set([1]));
      assert.equal(simulation.crashes, 0);
    });
  });

  test('settles each ask or has lost the host that asked, and survives its crashes', () => {
    let crashes = 0;
    forEachSeed(20, (seed) => {
      const { asked, settled, lost, simulation } = runChaos(seed, 0.002);
      const open = [...asked.keys()].filter((id) => !settled.has(id) && !lost.has(id));
      assert.deepEqual(open, []);
      assert.ok([...settled.values()].every((times) => times === 1));
      crashes += simulation.crashes;
    });
    assert.ok(crashes > 0, 'some run has crashed a host');
  });

  test('sends what an actor tells when it starts', () => {
    forEachSeed(10, (seed) => {
      const heard: unknown[] = [];
      const greeting = (name: string, to: Address) =>
        specOf(() => ({
          started: (context) => context.tell(refTo(context, to), `${name} is there`),
          receive: (message) => void heard.push(message),
        }));
      const specs = new Map([
        [BANK, greeting('bank', AUDIT)],
        [AUDIT, greeting('audit', BANK)],
      ]);
      new Simulation({ seed, hosts: HOSTS, startHost: startAll(specs) }).runUntilQuiet();
      assert.deepEqual(heard.sort(), ['audit is there', 'bank is there']);
    });
  });

  test('replaces a host whose fault went past the last supervisor', () => {
    const fragile = reacting(
      (message, context) => {
        if (message === 'poison') throw new Error('it was poison');
        context.reply('alive');
      },
      { ...RESTART, onFault: 'escalate' },
    );
    const simulation = new Simulation({
      seed: 1,
      hosts: HOSTS,
      startHost: startAll(new Map([[BANK, fragile]])),
    });
    simulation.tell(BANK, 'poison');
    simulation.runUntilQuiet();
    assert.deepEqual([simulation.crashes, simulation.failures.length], [1, 1]);
    const answers: unknown[] = [];
    simulation.ask(BANK, 'hello', (answer) => answers.push(outcomeOf(answer)));
    simulation.runUntilQuiet();
    assert.deepEqual(answers, ['alive']);
  });

  test('moves its time, so that nothing waits for a clock', () => {
    const ticks: number[] = [];
    const clock = specOf(() => ({
      started: (context) => context.startTimer('tick', 3_600_000, 'tick'),
      receive(_message, context) {
        ticks.push(context.nowMs);
        if (ticks.length < 24) context.startTimer('tick', 3_600_000, 'tick');
        return undefined;
      },
    }));
    const simulation = new Simulation({
      seed: 1,
      hosts: HOSTS,
      startHost: startAll(new Map([[BANK, clock]])),
    });
    simulation.runUntilQuiet();
    assert.equal(ticks.length, 24);
    assert.equal(Math.round((ticks.at(-1) ?? 0) / 3_600_000), 24);
  });
});

function byNumber(a: number, b: number): number {
  return a - b;
}
