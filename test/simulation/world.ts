/**
 * A whole server in one thread, run by a seed: clients, the network, the main thread, hosts, their stores, and everything
 * that may break.
 *
 *     clients ◄──► network ◄──► gateway ◄──► hosts, linked with each other ◄──► stores
 *
 * The clients' state machines, the framers, the actors, their turns and what they store are the product's; sockets,
 * threads, clocks and disks are not. Each step one of all the things that may happen next is drawn; now and then a fault
 * is. What the clients do and what must be true is for the scenarios of the services.
 */
import assert from 'node:assert/strict';
import { type Address, hostIndexOf } from '../../src/values/address.ts';
import { OutcryError } from '../../src/values/errors.ts';
import type { DurableActor } from '../../workers/runtime/actor.ts';
import type { ActorSystem } from '../../workers/runtime/actor-system.ts';
import type { MakeSession } from '../../workers/runtime/host.ts';
import type { Random } from '../../workers/runtime/random.ts';
import { Redistribution } from '../../workers/runtime/redistribute.ts';
import { Simulation } from '../../workers/runtime/simulation.ts';
import { Turns } from '../../workers/runtime/turns.ts';
import { Gateway } from './gateway.ts';
import { Network } from './network.ts';
import { type PlantedBug, plant } from './planted-bugs.ts';
import type { Counts, Door, Scenario } from './scenario.ts';
import { type CrashKind, SimulatedStore, StoreFaults, StoreImage } from './simulated-store.ts';

const HOSTS_MAX = 4;
/** Far more than a run has ever taken. */
const STEPS_MAX = 300_000;
/** Of what clients are told so much is compared with what is stored, and more while a fault is on its way. */
const CHECKED_SHARE = { calm: 0.03, critical: 0.3 };
/** The wall clock of a server that starts anew may be set back by so much, or ahead. */
const CLOCK_STEP_MS = 5000;

type Fault = 'break' | 'host-crash' | 'process-crash' | 'disk-full' | 'client-restart';
const FAULTS: readonly Fault[] = [
  'break',
  'break',
  'host-crash',
  'process-crash',
  'disk-full',
  'client-restart',
];

export interface WorldOptions {
  readonly random: Random;
  readonly scenarios: readonly Scenario[];
  /** The date at the beginning, in ms since 1970. */
  readonly startMs: number;
  readonly bug: PlantedBug | undefined;
}

export class World {
  readonly random: Random;
  readonly network: Network;
  readonly gateway: Gateway;
  readonly simulation: Simulation;
  /** Probability of a fault, each step. */
  readonly faultChance: number;
  readonly #bug: Partial<PlantedBug>;
  readonly #scenarios: readonly Scenario[];
  #images: StoreImage[];
  #faults: StoreFaults[];
  /** By host: when its disk has room again. */
  readonly #roomMs: number[] = [];
  #restartMs = Infinity;
  /** From the simulation's time to the date. */
  #dateMs: number;
  readonly #kinds: readonly Fault[];
  #faultsLeft: number;
  /** By host, by service. */
  readonly #makers: Readonly<Record<string, MakeSession>>[] = [];
  readonly #counts = {
    steps: 0,
    checked: 0,
    hostCrashes: 0,
    processCrashes: 0,
    diskFull: 0,
    clientRestarts: 0,
  };

  constructor({ random, scenarios, startMs, bug }: WorldOptions) {
    this.random = random;
    this.#bug = bug ?? {};
    this.#scenarios = scenarios;
    this.#dateMs = startMs;
    const hosts = 1 + random.below(HOSTS_MAX);
    this.#images = Array.from({ length: hosts }, () => new StoreImage());
    this.#faults = this.#images.map(() => new StoreFaults());
    this.faultChance = random.pick([0, 0.001, 0.005, 0.02]);
    this.#faultsLeft = 1 + random.below(20);
    this.#kinds = random.chance(0.5) ? FAULTS : [random.pick(FAULTS), random.pick(FAULTS)];
    this.gateway = new Gateway(this.#doors(), (address, message) => this.#answer(address, message));
    this.network = new Network(random, this.gateway);
    this.simulation = this.#createSimulation(hosts);
    this.gateway.serve(this.simulation);
    for (const scenario of scenarios) scenario.join(this);
    this.simulation.join(this.network);
  }

  run(): Counts {
    this.runUntil('all clients are done', () => this.#areDone);
    this.#endFaults();
    for (const scenario of this.#scenarios) scenario.settle?.();
    this.simulation.runUntilQuiet();
    this.#checkQuiet();
    assert.deepEqual(this.simulation.failures, []);
    for (const scenario of this.#scenarios) scenario.checkEnd(this.#images);
    return this.#allCounts();
  }

  /** Steps until it is so; the server is up then. */
  runUntil(what: string, isSo: () => boolean, stepsMax = STEPS_MAX): void {
    for (let steps = 0; !(isSo() && this.#restartMs === Infinity); steps++) {
      if (steps === stepsMax) this.#stall(`${what}: not so after ${stepsMax} steps`);
      this.#step(what);
    }
  }

  /** Looks now and then at what is stored; returns it if it did. */
  imagesToCheck(): readonly StoreImage[] | undefined {
    const isCritical = this.#faults.some(({ isFailing, crash }) => isFailing || crash !== undefined);
    if (!this.random.chance(CHECKED_SHARE[isCritical ? 'critical' : 'calm'])) return undefined;
    this.#counts.checked++;
    this.#checkStored();
    return this.#images;
  }

  /** A durable actor as it lives. */
  actorAt(address: Address): DurableActor {
    const system = this.simulation.systemOf(hostIndexOf(address, this.simulation.hostCount));
    return system.cellOf(system.refer(address))?.actor as DurableActor;
  }

  get #areDone(): boolean {
    return this.#scenarios.every(({ clients }) => clients.every(({ isDone }) => isDone));
  }

  #step(what: string): void {
    this.#counts.steps++;
    const { nowMs } = this.simulation;
    if (this.#restartMs <= nowMs) this.#restart();
    this.#faults.forEach((faults, host) => {
      if (faults.isFailing && (this.#roomMs[host] ?? 0) <= nowMs) faults.isFailing = false;
    });
    if (this.#faultsLeft > 0 && this.random.chance(this.faultChance)) this.#drawFault();
    if (this.simulation.step()) return;
    // Nobody does anything: only a process that is down is still to come.
    if (this.#restartMs === Infinity) this.#stall(`${what}: not so, and there is nothing left to do`);
    this.#restart();
  }

  #stall(what: string): never {
    const clients = this.#scenarios.flatMap((scenario) => scenario.clients.filter(({ isDone }) => !isDone));
    assert.fail([what, ...clients].join('\n'));
  }

  #createSimulation(hosts: number): Simulation {
    const { random } = this;
    const everyBytes = random.pick([300, 3000, 30_000, Infinity]);
    const { createTurns = (...parts) => new Turns(...parts) } = this.#bug;
    const { createStore = (...parts) => new SimulatedStore(...parts) } = this.#bug;
    return new Simulation({
      seed: random.below(2 ** 31),
      hosts,
      timeMs: (nowMs) => this.#dateMs + nowMs,
      startHost: (system) => this.#startHost(system),
      createSession: (service, connection, host) => this.#makerOf(service, host)(connection),
      delayMaxMs: random.pick([0.1, 1, 20]),
      turnMessagesMax: random.pick([1, 3, 30, 300]),
      storeMaxMs: random.pick([0, 0.1, 2, 100]),
      linkHighWater: random.pick([500, 65_536]),
      mailboxMax: random.pick([4, 1024]),
      openStore: (host) =>
        createStore(this.#images[host] as StoreImage, this.#faults[host] as StoreFaults, random),
      snapshots: { everyBytes, keepBytes: random.pick([0, 2000, 100_000]), wishBytes: Infinity },
      gateway: this.gateway,
      createTurns,
      onCrash: (host) => this.#onCrash(host),
      log: (level, text) => {
        assert.ok(level !== 'error', text);
      },
    });
  }

  #startHost(system: ActorSystem): void {
    plant(this.#bug, system);
    const makers = this.#scenarios.map((scenario) => scenario.startHost(system));
    this.#makers[system.hostIndex] = Object.assign({}, ...makers);
  }

  #doors(): Readonly<Record<string, Door>> {
    const doors = this.#scenarios.flatMap((scenario) => Object.entries(scenario.doors));
    const { createFramer = (create) => create() } = this.#bug;
    return Object.fromEntries(
      doors.map(([service, { createFramer: create }]) => [
        service,
        { createFramer: () => createFramer(create) },
      ]),
    );
  }

  /** What the desk of a real server answers, as far as a scenario needs it. */
  #answer(address: Address, message: unknown): unknown {
    for (const scenario of this.#scenarios) {
      const answered = scenario.answer?.(address, message, this.#images);
      if (answered !== undefined) return answered;
    }
    return new OutcryError('ERR_ASK_NO_ACTOR', `nobody answers at ${address}`);
  }

  #makerOf(service: string, host: number): MakeSession {
    return this.#makers[host]?.[service] as MakeSession;
  }

  #checkStored(): void {
    for (const scenario of this.#scenarios) scenario.checkStored(this.#images);
  }

  #drawFault(): void {
    this.#faultsLeft--;
    const kind = this.random.pick(this.#kinds);
    if (kind === 'break') this.network.breakOne();
    else if (kind === 'client-restart') {
      this.#counts.clientRestarts++;
      this.random.pick(this.#scenarios).restartClient();
    } else if (this.simulation.hostCount > 0) this.#drawServerFault(kind);
  }

  #drawServerFault(kind: 'host-crash' | 'process-crash' | 'disk-full'): void {
    const { random } = this;
    const host = random.below(this.simulation.hostCount);
    const faults = this.#faults[host] as StoreFaults;
    if (kind === 'disk-full') {
      this.#counts.diskFull++;
      faults.isFailing = true;
      this.#roomMs[host] = this.simulation.nowMs + random.below(random.pick([500, 3000, 15_000]));
      return;
    }
    if (random.chance(0.4)) {
      if (kind === 'host-crash') this.#crashHost(host);
      else this.#crashProcess();
      return;
    }
    const kinds: readonly CrashKind[] = ['before', 'after'];
    const crash = random.pick(kind === 'host-crash' ? kinds : [...kinds, 'torn' as const]);
    faults.crash = { writesLeft: random.below(8), kind: crash, endsProcess: kind === 'process-crash' };
  }

  /** A store says that the crash which was drawn for it has come. */
  #onCrash(host: number): void {
    if (this.#faults[host]?.crashed?.endsProcess) this.#crashProcess();
    else this.#crashHost(host);
  }

  #crashHost(host: number): void {
    this.#counts.hostCrashes++;
    (this.#faults[host] as StoreFaults).crash = undefined;
    for (const scenario of this.#scenarios) scenario.onCrash?.();
    this.simulation.crash(host);
  }

  #crashProcess(): void {
    this.#counts.processCrashes++;
    for (const scenario of this.#scenarios) scenario.onCrash?.();
    this.simulation.stop();
    this.gateway.end();
    this.#restartMs = this.simulation.nowMs + this.random.below(1000);
  }

  /** The process starts again, perhaps with another number of hosts, perhaps with a clock that was set. */
  #restart(): void {
    const { random } = this;
    this.#restartMs = Infinity;
    if (random.chance(0.3)) this.#dateMs += random.below(2 * CLOCK_STEP_MS) - CLOCK_STEP_MS;
    const hosts = random.chance(0.5) ? this.#images.length : 1 + random.below(HOSTS_MAX);
    if (hosts !== this.#images.length) this.#images = this.#redistributed(hosts);
    this.#faults = this.#images.map(() => new StoreFaults());
    this.#checkStored();
    this.simulation.start(hosts);
  }

  #redistributed(hosts: number): StoreImage[] {
    const images = Array.from({ length: hosts }, () => new StoreImage());
    const open = (image: StoreImage) => new SimulatedStore(image, new StoreFaults(), this.random);
    const copying = new Redistribution(images.map(open));
    for (const image of this.#images) copying.take(open(image));
    copying.end();
    return images;
  }

  #endFaults(): void {
    this.#faultsLeft = 0;
    for (const faults of this.#faults) {
      faults.isFailing = false;
      faults.crash = undefined;
    }
  }

  /** Nothing is in flight by any host's count, or the server would never have settled when it is to stop. */
  #checkQuiet(): void {
    const { hostCount, events } = this.simulation;
    for (let host = 0; host < hostCount; host++) this.simulation.command(host, { type: 'settle', id: host });
    events.length = 0;
    this.simulation.runUntilQuiet();
    const settled = events.flatMap(({ event }) => (event.type === 'settled' ? [event.id] : []));
    assert.deepEqual(
      settled.sort(),
      Array.from({ length: hostCount }, (_, host) => host),
    );
    const charges = this.gateway.inFlight.filter((charge) => charge !== 0);
    assert.deepEqual(charges, [], 'what the hosts have not given back to the main thread');
  }

  #allCounts(): Counts {
    const snapshots = this.#images.reduce((sum, image) => sum + image.snapshots.size, 0);
    const own = { ...this.#counts, breaks: this.network.breaks, snapshots };
    return Object.assign(own, ...this.#scenarios.map((scenario) => scenario.counts()));
  }
}
