/**
 * A whole bank server in one thread, run by a seed: clients that upload or post requests, the network, the main thread,
 * hosts, their stores, and everything that may break.
 *
 *     upload clients, plain clients ◄──► network ◄──► gateway ◄──► hosts, linked with each other ◄──► stores
 *     request clients ◄──────────────────────────────►
 *
 * The clients' state machine, the framer, the actors, their turns and what they store are the product's; sockets,
 * threads, clocks and disks are not. Each step one of all the things that may happen next is drawn; now and then a fault
 * is. When all clients are done everything is compared with a model, and so is, now and then on the way, what a server
 * that started at this moment would find.
 */
import assert from 'node:assert/strict';
import { LEDGER_ADDRESSES, LEDGER_SHARDS, TALLY_ADDRESS } from '../../src/protocol/bank.ts';
import { hostIndexOf } from '../../src/values/address.ts';
import { messageOf } from '../../src/values/errors.ts';
import { startBank } from '../../workers/ledger/bank-service.ts';
import { homeOf } from '../../workers/ledger/uploads.ts';
import { type DurableActor, STOP_ON_FAULT } from '../../workers/runtime/actor.ts';
import type { ActorSystem } from '../../workers/runtime/actor-system.ts';
import type { MakeSession } from '../../workers/runtime/host.ts';
import { Random } from '../../workers/runtime/random.ts';
import { Redistribution } from '../../workers/runtime/redistribute.ts';
import { Simulation } from '../../workers/runtime/simulation.ts';
import {
  checkAcknowledged,
  checkAnswered,
  checkBalances,
  checkClients,
  checkRecovery,
  checkRequests,
  checkStored,
} from './checks.ts';
import { Gateway } from './gateway.ts';
import { Network } from './network.ts';
import { PlainClient } from './plain-client.ts';
import { type PlantedBug, partsWith } from './planted-bugs.ts';
import { type Recovered, recover, snapshotOf } from './recovery.ts';
import { RequestClient } from './request-client.ts';
import { REQUEST_SESSIONS, RequestSession } from './request-session.ts';
import { ACCOUNTS_MAX, HASH_KEY, UPLOADS_MAX } from './settings.ts';
import { type CrashKind, SimulatedStore, StoreFaults, StoreImage } from './simulated-store.ts';
import { UploadClient } from './upload-client.ts';
import {
  drawUpload,
  LINE_LENGTH_MAX,
  PlainPlan,
  type PlannedRequest,
  RequestPlan,
  type UploadPlan,
} from './workload.ts';

const HOSTS_MAX = 4;
/** Far more than a run has ever taken. */
const STEPS_MAX = 300_000;
/** Of the acknowledgements so many are checked against what is stored; while a fault is on its way, all. */
const CHECKED_SHARE = 0.05;
const BANK = { lineLengthMax: LINE_LENGTH_MAX, accountsMax: ACCOUNTS_MAX, hashKey: HASH_KEY };

type Fault = 'break' | 'host-crash' | 'process-crash' | 'disk-full' | 'client-restart';

/** What a run was like, for those who want to know that the runs are not all tame. */
export interface RunCounts {
  steps: number;
  acknowledgements: number;
  checked: number;
  hostCrashes: number;
  processCrashes: number;
  diskFull: number;
  breaks: number;
  clientRestarts: number;
  answers: number;
  retries: number;
  snapshots: number;
}

/**
 * Runs so many seeds, from `seed` on, to their ends; returns what they were like, all together. Throws when something is
 * not as it must be, with the command that shows it again.
 */
export function runSeeds(seed: number, runs: number, bug?: PlantedBug): RunCounts {
  const totals = noCounts();
  for (let run = 0; run < runs; run++) {
    const counts = runSeed(seed + run, bug);
    for (const name of Object.keys(totals) as (keyof RunCounts)[]) totals[name] += counts[name];
  }
  return totals;
}

function runSeed(seed: number, bug: PlantedBug | undefined): RunCounts {
  try {
    return new ServerSimulation(seed, bug).run();
  } catch (cause) {
    const again = `npm run simulate -- --seed ${seed}${bug === undefined ? '' : ` --bug ${bug}`}`;
    throw new Error(`seed ${seed} fails, run again with ${again}: ${messageOf(cause)}`, { cause });
  }
}

function noCounts(): RunCounts {
  return {
    steps: 0,
    acknowledgements: 0,
    checked: 0,
    hostCrashes: 0,
    processCrashes: 0,
    diskFull: 0,
    breaks: 0,
    clientRestarts: 0,
    answers: 0,
    retries: 0,
    snapshots: 0,
  };
}

class ServerSimulation {
  readonly #random: Random;
  readonly #parts: ReturnType<typeof partsWith>;
  readonly #gateway: Gateway;
  readonly #network: Network;
  readonly #simulation: Simulation;
  readonly #plans: readonly UploadPlan[];
  readonly #uploads: UploadClient[] = [];
  readonly #plain: PlainClient[] = [];
  readonly #requests: RequestClient[] = [];
  #images: StoreImage[];
  #faults: StoreFaults[];
  /** By host: when its disk has room again. */
  readonly #roomMs: number[] = [];
  #restartMs = Infinity;
  /**
   * The server remembers one upload of each home, and all have the same home: what it forgets counts twice, and its
   * client gives up. Only that all come to an end, and that it is recovered as it was, can be expected.
   */
  readonly #isForgetful: boolean;
  readonly #faultChance: number;
  readonly #kinds: readonly Fault[];
  #faultsLeft: number;
  #mayLosePlain = false;
  readonly #makers: MakeSession[] = [];
  readonly #counts = noCounts();

  constructor(seed: number, bug: PlantedBug | undefined) {
    this.#random = new Random(seed);
    this.#parts = partsWith(bug);
    const random = this.#random;
    const hosts = 1 + random.below(HOSTS_MAX);
    this.#images = Array.from({ length: hosts }, () => new StoreImage());
    this.#faults = this.#images.map(() => new StoreFaults());
    this.#isForgetful = random.chance(0.05);
    this.#faultChance = random.pick([0, 0.001, 0.005, 0.02]);
    this.#faultsLeft = 1 + random.below(20);
    this.#kinds = this.#drawKinds();
    this.#gateway = new Gateway({
      lineLengthMax: LINE_LENGTH_MAX,
      createFramer: () => this.#parts.createFramer(LINE_LENGTH_MAX),
    });
    this.#network = new Network(random, this.#gateway);
    this.#simulation = this.#createSimulation(hosts);
    this.#gateway.serve(this.#simulation);
    this.#plans = Array.from({ length: 1 + random.below(4) }, (_, i) =>
      drawUpload(random, this.#isForgetful ? idAtHome(`up${i}`, 0) : `up${i}`),
    );
    this.#joinClients();
    this.#simulation.join(this.#network);
  }

  run(): RunCounts {
    while (!this.#isDone()) this.#step();
    this.#endFaults();
    this.#simulation.runUntilQuiet();
    this.#checkQuiet();
    this.#checkEnd();
    return this.#counts;
  }

  /** Those that come to an end by themselves. */
  get #clients(): readonly (UploadClient | RequestClient)[] {
    return [...this.#uploads, ...this.#requests];
  }

  #isDone(): boolean {
    return this.#clients.every(({ isDone }) => isDone) && this.#restartMs === Infinity;
  }

  #step(): void {
    if (++this.#counts.steps > STEPS_MAX) this.#stall(`is not done after ${STEPS_MAX} steps`);
    const { nowMs } = this.#simulation;
    if (this.#restartMs <= nowMs) this.#restart();
    this.#faults.forEach((faults, host) => {
      if (faults.isFailing && (this.#roomMs[host] ?? 0) <= nowMs) faults.isFailing = false;
    });
    if (this.#faultsLeft > 0 && this.#random.chance(this.#faultChance)) this.#drawFault();
    if (this.#simulation.step()) return;
    // Nobody does anything: only a process that is down is still to come.
    if (this.#restartMs === Infinity) this.#stall('has nothing left to do');
    this.#restart();
  }

  #stall(what: string): never {
    const clients = this.#clients.filter(({ isDone }) => !isDone).join('\n');
    assert.fail(`the server ${what}, but\n${clients}`);
  }

  #drawKinds(): readonly Fault[] {
    const all: readonly Fault[] = [
      'break',
      'break',
      'host-crash',
      'process-crash',
      'disk-full',
      'client-restart',
    ];
    return this.#random.chance(0.5) ? all : [this.#random.pick(all), this.#random.pick(all)];
  }

  #createSimulation(hosts: number): Simulation {
    const random = this.#random;
    const { createStore, createTurns } = this.#parts;
    const everyBytes = random.pick([300, 3000, 30_000, Infinity]);
    return new Simulation({
      seed: random.below(2 ** 31),
      hosts,
      startHost: (system) => this.#startHost(system),
      createSession: (_, connection, host) => (this.#makers[host] as MakeSession)(connection),
      delayMaxMs: random.pick([0.1, 1, 20]),
      turnMessagesMax: random.pick([1, 3, 30, 300]),
      storeMaxMs: random.pick([0, 0.1, 2, 100]),
      linkHighWater: random.pick([500, 65_536]),
      mailboxMax: random.pick([4, 1024]),
      openStore: (host) =>
        createStore(this.#images[host] as StoreImage, this.#faults[host] as StoreFaults, this.#random),
      snapshots: { everyBytes, keepBytes: random.pick([0, 2000, 100_000]), wishBytes: 0 },
      gateway: this.#gateway,
      createTurns,
      onCrash: (host) => this.#onCrash(host),
      log: (level, text) => {
        assert.ok(level !== 'error', text);
      },
    });
  }

  #startHost(system: ActorSystem): void {
    const { hostIndex } = system;
    this.#makers[hostIndex] = startBank(this.#parts.prepare(system), {
      ...BANK,
      uploadsMax: this.#isForgetful ? LEDGER_SHARDS : UPLOADS_MAX,
    });
    for (const address of REQUEST_SESSIONS) {
      if (hostIndexOf(address, system.hostCount) !== hostIndex) continue;
      system.spawnRoot(address, { create: () => new RequestSession(), supervision: STOP_ON_FAULT });
    }
  }

  #joinClients(): void {
    const random = this.#random;
    for (const plan of this.#plans) {
      const rivals = random.chance(0.1) ? 2 : 1;
      for (let i = 0; i < rivals; i++) {
        const client = new UploadClient({
          plan,
          network: this.#network,
          random,
          pieceMax: random.pick([5, 100, 1000]),
          // Right only for an upload of which the server has nothing yet, and at the risk that it never hears of it.
          isHasty: this.#faultChance === 0 && rivals === 1 && random.chance(0.3),
          startsMs: random.below(20),
          onAcknowledged: (of, lines) => this.#onAcknowledged(of, lines),
        });
        this.#uploads.push(client);
        this.#simulation.join(client);
      }
    }
    for (let i = random.below(3); i > 0; i--) {
      const client = new PlainClient(
        new PlainPlan(random, `plain${i}`),
        this.#network,
        random,
        random.below(20),
      );
      this.#plain.push(client);
      this.#simulation.join(client);
    }
    for (let i = random.below(3); i > 0; i--) {
      const client = new RequestClient({
        plan: new RequestPlan(random, `req${i}`),
        gateway: this.#gateway,
        random,
        startsMs: random.below(20),
        onAnswered: (request) => this.#onAnswered(request),
      });
      this.#requests.push(client);
      this.#simulation.join(client);
    }
  }

  #onAcknowledged(plan: UploadPlan, lines: number): void {
    this.#counts.acknowledgements++;
    const recovered = this.#checkNow();
    if (recovered !== undefined && !this.#isForgetful) checkAcknowledged(plan, lines, recovered);
  }

  #onAnswered(request: PlannedRequest): void {
    this.#counts.answers++;
    const recovered = this.#checkNow();
    if (recovered !== undefined) checkAnswered(request, recovered);
  }

  /** Checks what is stored, now and then; returns it if it did. */
  #checkNow(): Recovered | undefined {
    const isCritical = this.#faults.some(({ isFailing, crash }) => isFailing || crash !== undefined);
    if (!isCritical && !this.#random.chance(CHECKED_SHARE)) return undefined;
    this.#counts.checked++;
    const recovered = recover(this.#images);
    this.#checkStored(recovered);
    return recovered;
  }

  #checkStored(recovered: Recovered): void {
    checkRequests(this.#requestPlans, recovered);
    if (!this.#isForgetful) checkStored(this.#plans, recovered);
  }

  get #requestPlans(): readonly RequestPlan[] {
    return this.#requests.map(({ plan }) => plan);
  }

  #drawFault(): void {
    this.#faultsLeft--;
    const kind = this.#random.pick(this.#kinds);
    if (kind === 'break') this.#network.breakOne();
    else if (kind === 'client-restart') {
      this.#counts.clientRestarts++;
      this.#random.pick(this.#uploads).restart();
    } else if (this.#simulation.hostCount > 0) this.#drawServerFault(kind);
  }

  #drawServerFault(kind: 'host-crash' | 'process-crash' | 'disk-full'): void {
    const random = this.#random;
    const host = random.below(this.#simulation.hostCount);
    const faults = this.#faults[host] as StoreFaults;
    if (kind === 'disk-full') {
      this.#counts.diskFull++;
      faults.isFailing = true;
      this.#roomMs[host] = this.#simulation.nowMs + random.below(random.pick([500, 3000, 15_000]));
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
    this.#mayLosePlain = true;
    this.#simulation.crash(host);
  }

  #crashProcess(): void {
    this.#counts.processCrashes++;
    this.#mayLosePlain = true;
    this.#simulation.stop();
    this.#gateway.end();
    this.#restartMs = this.#simulation.nowMs + this.#random.below(1000);
  }

  /** The process starts again, perhaps with another number of hosts. */
  #restart(): void {
    this.#restartMs = Infinity;
    const hosts = this.#random.chance(0.5) ? this.#images.length : 1 + this.#random.below(HOSTS_MAX);
    if (hosts !== this.#images.length) this.#images = this.#redistributed(hosts);
    this.#faults = this.#images.map(() => new StoreFaults());
    this.#checkStored(recover(this.#images));
    this.#simulation.start(hosts);
  }

  #redistributed(hosts: number): StoreImage[] {
    const images = Array.from({ length: hosts }, () => new StoreImage());
    const open = (image: StoreImage) => new SimulatedStore(image, new StoreFaults(), this.#random);
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
    const { hostCount, events } = this.#simulation;
    for (let host = 0; host < hostCount; host++) this.#simulation.command(host, { type: 'settle', id: host });
    events.length = 0;
    this.#simulation.runUntilQuiet();
    const settled = events.flatMap(({ event }) => (event.type === 'settled' ? [event.id] : []));
    assert.deepEqual(
      settled.sort(),
      Array.from({ length: hostCount }, (_, host) => host),
    );
    const charges = this.#gateway.inFlight.filter((charge) => charge !== 0);
    assert.deepEqual(charges, [], 'what the hosts have not given back to the main thread');
  }

  #checkEnd(): void {
    this.#counts.breaks = this.#network.breaks;
    this.#counts.retries = this.#requests.reduce((sum, { retries }) => sum + retries, 0);
    this.#counts.snapshots = this.#images.reduce((sum, { snapshots }) => sum + snapshots.size, 0);
    const recovered = recover(this.#images);
    checkRecovery(recovered, this.#living());
    assert.deepEqual(this.#simulation.failures, []);
    this.#checkStored(recovered);
    if (this.#isForgetful) return;
    checkClients(this.#plans, this.#uploads);
    checkBalances(this.#plans, this.#requestPlans, this.#plain, recovered, { mayLose: this.#mayLosePlain });
  }

  /** The actors as they are. */
  #living(): Recovered {
    const { hostCount } = this.#simulation;
    return new Map(
      [...LEDGER_ADDRESSES, TALLY_ADDRESS].map((address) => {
        const system = this.#simulation.systemOf(hostIndexOf(address, hostCount));
        return [address, snapshotOf(system.cellOf(system.refer(address))?.actor as DurableActor)];
      }),
    );
  }
}

/** An upload-id that begins with `name` and has the shard as its home. */
function idAtHome(name: string, shard: number): string {
  for (let i = 0; ; i++) if (homeOf(`${name}-${i}`) === shard) return `${name}-${i}`;
}
