/**
 * Several hosts in one thread, run by a seed: which actor handles its next message, when a batch arrives and when a
 * host crashes are all drawn from it, and time is virtual. The actors, the links' bytes and the supervision are those
 * of the real server; only threads and sockets are missing. The same seed gives the same run.
 *
 * Messages between one pair of hosts stay in order, as on a MessagePort; everything else may interleave.
 */
import type { HostCommand, HostEvent } from '../../src/protocol/control.ts';
import { type Batch, BatchReader, BatchWriter, RECORD } from '../../src/protocol/link.ts';
import { type Address, hostIndexOf } from '../../src/values/address.ts';
import type { ErrorRecord } from '../../src/values/errors.ts';
import type { ActorSpec, Answer } from './actor.ts';
import { ActorSystem } from './actor-system.ts';
import type { Cell } from './cell.ts';
import type { Log } from './dead-letters.ts';
import { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

export interface SimulationOptions {
  readonly seed: number;
  readonly hosts: number;
  /** Starts the actors that live in a host; called again when it is replaced after a crash. */
  readonly startHost: (system: ActorSystem) => void;
  readonly createSession?: (service: string, remoteAddress: string) => ActorSpec;
  /** Probability of a crash of some host, each step. */
  readonly crashChance?: number;
  /** The longest a batch is on its way, in virtual ms. */
  readonly delayMaxMs?: number;
  readonly linkHighWater?: number;
  readonly mailboxMax?: number;
  readonly log?: Log;
}

/** A seeded choice among the actors that have mail, one message at a time. */
class SeededScheduler implements Scheduler {
  readonly batchMessages = 1;
  readonly batchBytes = Number.POSITIVE_INFINITY;
  readonly #random: Random;
  readonly #cells: Cell[] = [];
  /** One message a step: set by the simulation before each `run`. */
  mayTake = false;

  constructor(random: Random) {
    this.#random = random;
  }

  get size(): number {
    return this.#cells.length;
  }

  add(cell: Cell): void {
    this.#cells.push(cell);
  }

  take(): Cell | undefined {
    if (!this.mayTake || this.#cells.length === 0) return undefined;
    this.mayTake = false;
    return this.#cells.splice(this.#random.below(this.#cells.length), 1)[0];
  }
}

interface SimulatedHost {
  readonly system: ActorSystem;
  readonly scheduler: SeededScheduler;
  /** By host: the origin of the link to it. */
  readonly peerOrigins: number[];
}

/** A link in one direction, with what is on its way. */
interface Wire {
  readonly queue: { readonly arrivesMs: number; readonly batch: Batch }[];
  readonly deliver: (batch: Batch) => void;
}

const STEP_MS = 0.01;
const STEPS_MAX = 10_000_000;
const MAIN = -1;

export class Simulation {
  readonly random: Random;
  /** Everything sent to a connection so far. */
  readonly written = new Map<number, Buffer>();
  /** Connections that their sessions have closed, with the reason. */
  readonly closed = new Map<number, string>();
  /** What hosts have told the main thread, in order of arrival. */
  readonly events: { readonly host: number; readonly event: HostEvent }[] = [];
  /** Faults that went past the last supervisor; each was followed by a crash. */
  readonly failures: ErrorRecord[] = [];
  crashes = 0;
  nowMs = 0;
  readonly #options: SimulationOptions;
  readonly #hosts: SimulatedHost[] = [];
  /** By `from>to`; MAIN is -1. */
  readonly #wires = new Map<string, Wire>();
  readonly #mainWriters: BatchWriter[] = [];
  readonly #mainNames: Map<Address, number>[] = [];
  readonly #asks = new Map<number, (answer: Answer<unknown>) => void>();
  #nextAskId = 1;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.random = new Random(options.seed);
    for (let host = 0; host < options.hosts; host++) this.#connectHost(host);
    for (const host of this.#hosts) this.#startActors(host);
  }

  /** Sends a message to an actor from outside. */
  tell(address: Address, message: unknown): void {
    const host = this.#hostOf(address);
    this.#writerTo(host).value(RECORD.tell, this.#nameOf(host, address), message);
  }

  /** Asks an actor from outside; `onAnswer` is called at most once, never if the host crashes meanwhile. */
  ask(address: Address, message: unknown, onAnswer: (answer: Answer<unknown>) => void): void {
    const host = this.#hostOf(address);
    const id = this.#nextAskId++;
    this.#asks.set(id, onAnswer);
    const deadlineMs = Number.POSITIVE_INFINITY;
    this.#writerTo(host).ask(this.#nameOf(host, address), id, deadlineMs, message);
  }

  command(host: number, command: HostCommand): void {
    this.#writerTo(host).value(RECORD.control, 0, command);
  }

  /** Whole frames of a connection, to the host of its session. */
  sendFrames(host: number, connection: number, bytes: Uint8Array): void {
    this.#writerTo(host).copy(RECORD.connectionBytes, connection, bytes, 0, bytes.length);
  }

  systemOf(host: number): ActorSystem {
    return (this.#hosts[host] as SimulatedHost).system;
  }

  /** One drawn step; false when there is nothing left to do. */
  step(): boolean {
    this.nowMs += STEP_MS;
    const { crashChance = 0, hosts } = this.#options;
    if (crashChance > 0 && this.random.chance(crashChance)) this.crash(this.random.below(hosts));
    this.#postFromMain();
    const moves = this.#moves();
    if (moves.length === 0) return this.#skipToNextDue();
    this.random.pick(moves)();
    return true;
  }

  /** Steps until nothing is left to do. */
  runUntilQuiet(): void {
    for (let steps = 0; this.step(); steps++) {
      if (steps === STEPS_MAX)
        throw new Error(`seed ${this.#options.seed} is not quiet after ${steps} steps`);
    }
  }

  /** A host dies with all it held and all that was on its way to and from it; another takes its place. */
  crash(host: number): void {
    this.crashes++;
    for (const key of [...this.#wires.keys()]) {
      if (key.split('>').includes(String(host))) this.#wires.delete(key);
    }
    this.#startActors(this.#connectHost(host));
  }

  /** Makes a host and its links to all others. */
  #connectHost(host: number): SimulatedHost {
    const scheduler = new SeededScheduler(this.random);
    const { hosts, linkHighWater = 65_536, mailboxMax = 1024, log = () => {}, createSession } = this.#options;
    const system: ActorSystem = new ActorSystem({
      hostIndex: host,
      hostCount: hosts,
      linkHighWater,
      mailboxMax,
      log,
      scheduler,
      createSession: (service, remoteAddress) => {
        if (createSession === undefined) throw new RangeError(`no service is called ${service}`);
        return createSession(service, remoteAddress);
      },
    });
    system.nowMs = this.nowMs;
    const started: SimulatedHost = { system, scheduler, peerOrigins: [] };
    this.#hosts[host] = started;
    this.#mainWriters[host] = new BatchWriter();
    this.#mainNames[host] = new Map();
    this.#connect(MAIN, host, (batch) => system.intake(system.mainOrigin, batch, this.nowMs));
    this.#connect(host, MAIN, (batch) => this.#onMainBatch(host, batch));
    this.#hosts.forEach((other, index) => {
      if (index === host) return;
      const here = system.connectPeer(index);
      const there = other.system.connectPeer(host);
      started.peerOrigins[index] = here;
      other.peerOrigins[host] = there;
      this.#connect(index, host, (batch) => system.intake(here, batch, this.nowMs));
      this.#connect(host, index, (batch) => other.system.intake(there, batch, this.nowMs));
    });
    return started;
  }

  #startActors(host: SimulatedHost): void {
    this.#options.startHost(host.system);
    this.#post(host);
  }

  #connect(from: number, to: number, deliver: (batch: Batch) => void): void {
    this.#wires.set(`${from}>${to}`, { queue: [], deliver });
  }

  /** All that may happen next. */
  #moves(): (() => void)[] {
    const moves: (() => void)[] = [];
    for (const host of this.#hosts) {
      if (host.scheduler.size > 0 || host.system.nextDueMs() <= this.nowMs) {
        moves.push(() => this.#runHost(host, { messages: 1 }));
      }
    }
    for (const { queue, deliver } of this.#wires.values()) {
      const [first] = queue;
      if (first === undefined || first.arrivesMs > this.nowMs) continue;
      moves.push(() => {
        queue.shift();
        deliver(first.batch);
        for (const host of this.#hosts) this.#runHost(host, { messages: 0 });
      });
    }
    return moves;
  }

  #runHost(host: SimulatedHost, { messages }: { readonly messages: 0 | 1 }): void {
    host.scheduler.mayTake = messages === 1;
    host.system.run(this.nowMs);
    host.scheduler.mayTake = false;
    if (host.system.failure !== undefined) {
      this.failures.push(host.system.failure);
      this.crash(host.system.hostIndex);
    } else this.#post(host);
  }

  /** Puts what a host has to say on its wires. */
  #post({ system, peerOrigins }: SimulatedHost): void {
    this.#send(system.hostIndex, MAIN, system.takeBatch(system.mainOrigin));
    peerOrigins.forEach((origin, host) => {
      this.#send(system.hostIndex, host, system.takeBatch(origin));
    });
  }

  #postFromMain(): void {
    this.#mainWriters.forEach((writer, host) => {
      if (!writer.isEmpty) this.#send(MAIN, host, writer.take());
    });
  }

  #send(from: number, to: number, batch: Batch | undefined): void {
    if (batch === undefined) return;
    const queue = this.#wires.get(`${from}>${to}`)?.queue;
    const { delayMaxMs = 1 } = this.#options;
    const arrivesMs = this.nowMs + (this.random.below(1000) / 1000) * delayMaxMs;
    queue?.push({ arrivesMs: Math.max(arrivesMs, queue.at(-1)?.arrivesMs ?? 0), batch });
  }

  /** Nothing can happen now: time moves on to the next arrival or timer. */
  #skipToNextDue(): boolean {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const { system } of this.#hosts) dueMs = Math.min(dueMs, system.nextDueMs());
    for (const { queue } of this.#wires.values()) dueMs = Math.min(dueMs, queue[0]?.arrivesMs ?? dueMs);
    if (dueMs === Number.POSITIVE_INFINITY) return false;
    this.nowMs = Math.max(this.nowMs, dueMs);
    return true;
  }

  #onMainBatch(host: number, batch: Batch): void {
    const reader = new BatchReader(batch);
    while (reader.next()) {
      if (reader.kind === RECORD.write) this.#onWrite(reader);
      else if (reader.kind === RECORD.close) this.closed.set(reader.target, reader.text());
      else if (reader.kind === RECORD.reply) this.#onReply(reader);
      else if (reader.kind === RECORD.control) this.events.push({ host, event: reader.value() as HostEvent });
    }
  }

  #onWrite(reader: BatchReader): void {
    const before = this.written.get(reader.target) ?? Buffer.alloc(0);
    this.written.set(reader.target, Buffer.concat([before, reader.bytes.subarray(reader.start, reader.end)]));
  }

  #onReply(reader: BatchReader): void {
    const onAnswer = this.#asks.get(reader.target);
    this.#asks.delete(reader.target);
    const value = reader.value();
    onAnswer?.(reader.flags === 0 ? { ok: true, value } : { ok: false, error: value as ErrorRecord });
  }

  #hostOf(address: Address): number {
    return hostIndexOf(address, this.#options.hosts);
  }

  #writerTo(host: number): BatchWriter {
    return this.#mainWriters[host] as BatchWriter;
  }

  #nameOf(host: number, address: Address): number {
    const names = this.#mainNames[host] as Map<Address, number>;
    let name = names.get(address);
    if (name === undefined) {
      name = names.size;
      names.set(address, name);
      this.#writerTo(host).text(RECORD.bind, name, address);
    }
    return name;
  }
}
