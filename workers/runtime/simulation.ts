/**
 * Several hosts in one thread, run by a seed: which actor handles its next message, when a batch arrives and when a
 * host crashes are all drawn from it, and time is virtual. The actors, the links' bytes, the supervision and the turns
 * are those of the real server; only threads and sockets are missing. The same seed gives the same run.
 *
 * Messages between one pair of hosts stay in order, as on a MessagePort; everything else may interleave. What else takes
 * part (clients, a network) joins, and is drawn among the rest.
 */
import type { HostCommand, HostEvent } from '../../src/protocol/control.ts';
import { type Batch, BatchReader, BatchWriter, type Flow, RECORD } from '../../src/protocol/link.ts';
import { type Address, hostIndexOf } from '../../src/values/address.ts';
import { type ErrorRecord, OutcryError } from '../../src/values/errors.ts';
import type { ActorSpec, Answer, ConnectionInfo } from './actor.ts';
import type { ActorSystem, ActorSystemOptions } from './actor-system.ts';
import type { Log } from './dead-letters.ts';
import { Random } from './random.ts';
import { type CreateTurns, SimulatedHost, Wire } from './simulated-host.ts';
import type { SnapshotLimits } from './snapshots.ts';
import type { Store } from './store.ts';
import { type Batches, Turns } from './turns.ts';

export interface SimulationOptions {
  readonly seed: number;
  readonly hosts: number;
  /** Starts the actors that live in a host; called again when it is replaced after a crash. */
  readonly startHost: (system: ActorSystem) => void;
  readonly createSession?: CreateSession;
  /** Probability of a crash of some host, each step. */
  readonly crashChance?: number;
  /** The date at a virtual time; without it they are the same. */
  readonly timeMs?: (nowMs: number) => number;
  /** The longest a batch is on its way, in virtual ms. */
  readonly delayMaxMs?: number;
  /** The most messages that a host handles in one turn. */
  readonly turnMessagesMax?: number;
  readonly linkHighWater?: number;
  readonly mailboxMax?: number;
  readonly log?: Log;
  /** Opens the store of a host; called again when it is replaced. Without it nothing is stored. */
  readonly openStore?: (host: number) => Store;
  readonly snapshots?: SnapshotLimits;
  /** The longest that it takes to store a turn, in virtual ms. */
  readonly storeMaxMs?: number;
  /** Without one, what hosts send to connections is only collected. */
  readonly gateway?: SimulatedGateway;
  /** A store has thrown a Crash; without it the host is replaced. */
  readonly onCrash?: (host: number) => void;
  /** In place of the real turns, to plant a mistake in them. */
  readonly createTurns?: CreateTurns;
}

type CreateSession = (service: string, connection: ConnectionInfo, host: number) => ActorSpec;

/** The main thread's side of the connections. */
export interface SimulatedGateway {
  write(connection: number, bytes: Uint8Array): void;
  close(connection: number, reason: string): void;
  remember(connection: number, memory: string): void;
  credit(host: number, charge: number): void;
  flow(connection: number, flow: Flow): void;
  /** What an actor asks an address of the main thread; an OutcryError is the answer too. */
  answer(address: Address, message: unknown): unknown;
  /** The host was replaced: its connections need new sessions. */
  replaced(host: number): void;
}

/** What a store throws to say that its host, or the process, has ended in the midst of the call. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

/** One thing that may happen next. */
export type Move = () => void;

/** Somebody else who takes part. */
export interface Participant {
  /** Adds all that it may do now. */
  addMoves(moves: Move[], nowMs: number): void;
  /** When it has something to do, if nothing else happens; Infinity if never. */
  readonly dueMs: number;
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
  /** In place of a host that has ended: undefined. */
  readonly #hosts: (SimulatedHost | undefined)[] = [];
  #hostCount = 0;
  #wires: Wire[] = [];
  readonly #mainWires: Wire[] = [];
  readonly #mainWriters: BatchWriter[] = [];
  readonly #mainNames: Map<Address, number>[] = [];
  /** By host: addresses of the main thread that it has named, by its numbers for them. */
  readonly #named: Address[][] = [];
  readonly #asks = new Map<number, (answer: Answer<unknown>) => void>();
  readonly #participants: Participant[] = [];
  #nextAskId = 1;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.random = new Random(options.seed);
    this.start(options.hosts);
  }

  get hostCount(): number {
    return this.#hostCount;
  }

  join(participant: Participant): void {
    this.#participants.push(participant);
  }

  /** Starts so many hosts, all of which have ended before. */
  start(hosts: number): void {
    this.#hostCount = hosts;
    for (let host = 0; host < hosts; host++) this.#connectHost(host);
    for (let host = 0; host < hosts; host++) this.#startActors(host);
  }

  /** All hosts end, with all they held and all that was on its way but a part of what they have told the main thread. */
  stop(): void {
    for (const wire of this.#wires) if (wire.to === MAIN) this.#receiveLast(wire);
    for (const wire of this.#wires) wire.cut(0);
    this.#wires = [];
    this.#hosts.length = 0;
    this.#hostCount = 0;
  }

  /** Sends a message to an actor from outside. */
  tell(address: Address, message: unknown): void {
    const host = this.#hostOf(address);
    this.#writerTo(host).value(RECORD.tell, this.#nameOf(host, address), message);
  }

  /**
   * Asks an actor from outside; `onAnswer` is called at most once, never if the host crashes meanwhile. Returns what it
   * is charged.
   */
  ask(address: Address, message: unknown, onAnswer: (answer: Answer<unknown>) => void): number {
    const host = this.#hostOf(address);
    const id = this.#nextAskId++;
    this.#asks.set(id, onAnswer);
    const deadlineMs = Number.POSITIVE_INFINITY;
    return this.#writerTo(host).ask(this.#nameOf(host, address), id, deadlineMs, message);
  }

  command(host: number, command: HostCommand): void {
    this.#writerTo(host).value(RECORD.control, 0, command);
  }

  /** Whole frames of a connection, to the host of its session; returns what they are charged. */
  sendFrames(host: number, connection: number, bytes: Uint8Array, start = 0, end = bytes.length): number {
    return this.#writerTo(host).copy(RECORD.connectionBytes, connection, bytes, start, end);
  }

  systemOf(host: number): ActorSystem {
    return this.#host(host).system;
  }

  /** One drawn step; false when there is nothing left to do. */
  step(): boolean {
    this.nowMs += STEP_MS;
    const { crashChance = 0 } = this.#options;
    if (crashChance > 0 && this.random.chance(crashChance)) this.crash(this.random.below(this.#hostCount));
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

  /**
   * A host dies with all it held and all that was on its way to it; another takes its place. Of what it has sent a part
   * still arrives: at the main thread before that knows, at other hosts even when they are linked with the new one.
   */
  crash(host: number): void {
    this.crashes++;
    for (const wire of this.#wires) {
      if (wire.to === host) wire.cut(0);
      else if (wire.from === host && wire.to === MAIN) this.#receiveLast(wire);
      else if (wire.from === host) wire.cut(this.random.below(wire.length + 1));
    }
    this.#wires = this.#wires.filter(({ isDone }) => !isDone);
    this.#connectHost(host);
    this.#startActors(host);
    this.#options.gateway?.replaced(host);
  }

  #receiveLast(wire: Wire): void {
    wire.cut(this.random.below(wire.length + 1));
    while (wire.length > 0) wire.deliver();
  }

  /** Makes a host and its links to all others. */
  #connectHost(host: number): void {
    const started = this.#createHost(host);
    const { system } = started;
    system.nowMs = this.nowMs;
    this.#hosts[host] = started;
    this.#mainWriters[host] = new BatchWriter();
    this.#mainNames[host] = new Map();
    this.#named[host] = [];
    this.#mainWires[host] = this.#connect(MAIN, host, (batch) =>
      started.intake(system.mainOrigin, batch, this.nowMs),
    );
    started.wires[system.mainOrigin] = this.#connect(host, MAIN, (batch) => this.#onMainBatch(host, batch));
    this.#hosts.forEach((other, index) => {
      if (other === undefined || index === host) return;
      const here = system.connectPeer(index);
      const there = other.system.connectPeer(host);
      started.wires[here] = this.#connect(host, index, (batch) => other.intake(there, batch, this.nowMs));
      other.wires[there] = this.#connect(index, host, (batch) => started.intake(here, batch, this.nowMs));
    });
  }

  #createHost(host: number): SimulatedHost {
    const { linkHighWater = 65_536, mailboxMax = 1024, log = () => {} } = this.#options;
    const { createSession, openStore, snapshots } = this.#options;
    const { createTurns = (...parts) => new Turns(...parts), storeMaxMs = 0 } = this.#options;
    const system: ActorSystemOptions = {
      hostIndex: host,
      hostCount: this.#hostCount,
      linkHighWater,
      mailboxMax,
      log,
      createSession: (service, connection) => {
        if (createSession === undefined) throw new RangeError(`no service is called ${service}`);
        return createSession(service, connection, host);
      },
      ...(openStore === undefined ? {} : { store: openStore(host) }),
      ...(snapshots === undefined ? {} : { snapshots }),
    };
    const started: SimulatedHost = new SimulatedHost(
      this.random,
      { system, createTurns, storeMaxMs },
      {
        tell: (event) => void this.events.push({ host, event }),
        post: (batches) => this.#post(started, batches),
      },
    );
    return started;
  }

  #startActors(host: number): void {
    const started = this.#host(host);
    started.system.start(() => this.#options.startHost(started.system));
    this.#takeTurn(started, 0);
  }

  #connect(from: number, to: number, deliver: (batch: Batch) => void): Wire {
    const wire = new Wire(from, to, deliver);
    this.#wires.push(wire);
    return wire;
  }

  /** All that may happen next. */
  #moves(): Move[] {
    const moves: Move[] = [];
    const { turnMessagesMax = 1 } = this.#options;
    for (const host of this.#hosts) {
      if (host === undefined || host.dueMs > this.nowMs) continue;
      moves.push(() => this.#takeTurn(host, 1 + this.random.below(turnMessagesMax)));
    }
    for (const wire of this.#wires) {
      if (wire.arrivesMs <= this.nowMs) moves.push(() => wire.deliver());
    }
    for (const participant of this.#participants) participant.addMoves(moves, this.nowMs);
    return moves;
  }

  #takeTurn(host: SimulatedHost, messages: number): void {
    const { hostIndex } = host.system;
    try {
      if (host.turn(this.nowMs, this.#timeMs, messages) !== 'failed') return;
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      if (this.#options.onCrash === undefined) this.crash(hostIndex);
      else this.#options.onCrash(hostIndex);
      return;
    }
    if (host.system.failure !== undefined) this.failures.push(host.system.failure);
    this.crash(hostIndex);
  }

  /** Puts what a host has to say on its wires. */
  #post(host: SimulatedHost, batches: Batches): void {
    batches.forEach((batch, origin) => {
      if (batch !== undefined) this.#send(host.wires[origin], batch);
    });
  }

  #postFromMain(): void {
    for (let host = 0; host < this.#hostCount; host++) {
      const writer = this.#writerTo(host);
      if (!writer.isEmpty) this.#send(this.#mainWires[host], writer.take());
    }
  }

  #send(wire: Wire | undefined, batch: Batch): void {
    const { delayMaxMs = 1 } = this.#options;
    wire?.send(batch, this.nowMs + (this.random.below(1000) / 1000) * delayMaxMs);
  }

  /** Nothing can happen now: time moves on to the next arrival or timer. */
  #skipToNextDue(): boolean {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const host of this.#hosts) dueMs = Math.min(dueMs, host?.dueMs ?? dueMs);
    for (const wire of this.#wires) dueMs = Math.min(dueMs, wire.arrivesMs);
    for (const participant of this.#participants) dueMs = Math.min(dueMs, participant.dueMs);
    if (dueMs === Number.POSITIVE_INFINITY) return false;
    this.nowMs = Math.max(this.nowMs, dueMs);
    return true;
  }

  #onMainBatch(host: number, batch: Batch): void {
    const { gateway } = this.#options;
    const reader = new BatchReader(batch);
    while (reader.next()) {
      if (reader.kind === RECORD.write) this.#onWrite(reader);
      else if (reader.kind === RECORD.close) this.#onClose(reader);
      else if (reader.kind === RECORD.remember) gateway?.remember(reader.target, reader.text());
      else if (reader.kind === RECORD.credit) gateway?.credit(host, reader.target);
      else if (reader.kind === RECORD.flow) gateway?.flow(reader.target, reader.flags as Flow);
      else if (reader.kind === RECORD.bind) this.#bind(host, reader);
      else if (reader.kind === RECORD.tell) this.#writerTo(host).credit(reader.charge);
      else if (reader.kind === RECORD.ask) this.#onAsk(host, reader);
      else if (reader.kind === RECORD.reply) this.#onReply(reader);
      else if (reader.kind === RECORD.control) this.events.push({ host, event: reader.value() as HostEvent });
    }
  }

  #onWrite(reader: BatchReader): void {
    const bytes = reader.bytes.subarray(reader.start, reader.end);
    if (this.#options.gateway !== undefined) {
      this.#options.gateway.write(reader.target, bytes);
      return;
    }
    const before = this.written.get(reader.target) ?? Buffer.alloc(0);
    this.written.set(reader.target, Buffer.concat([before, bytes]));
  }

  #onClose(reader: BatchReader): void {
    if (this.#options.gateway === undefined) this.closed.set(reader.target, reader.text());
    else this.#options.gateway.close(reader.target, reader.text());
  }

  #onReply(reader: BatchReader): void {
    const onAnswer = this.#asks.get(reader.target);
    this.#asks.delete(reader.target);
    const value = reader.value();
    onAnswer?.(reader.flags === 0 ? { ok: true, value } : { ok: false, error: value as ErrorRecord });
  }

  #bind(host: number, reader: BatchReader): void {
    (this.#named[host] as Address[])[reader.target] = reader.text() as Address;
  }

  #onAsk(host: number, reader: BatchReader): void {
    const writer = this.#writerTo(host);
    writer.credit(reader.charge);
    const answer = this.#answer(this.#named[host]?.[reader.target] as Address, reader.askMessage());
    if (answer instanceof OutcryError) writer.value(RECORD.reply, reader.askId(), answer.toRecord(), 1);
    else writer.value(RECORD.reply, reader.askId(), answer, 0);
  }

  #answer(address: Address, message: unknown): unknown {
    const { gateway } = this.#options;
    if (gateway !== undefined) return gateway.answer(address, message);
    return new OutcryError('ERR_ASK_NO_ACTOR', `nobody answers at ${address}`);
  }

  get #timeMs(): number {
    const { timeMs = (nowMs) => nowMs } = this.#options;
    return timeMs(this.nowMs);
  }

  #hostOf(address: Address): number {
    return hostIndexOf(address, this.#hostCount);
  }

  #host(index: number): SimulatedHost {
    return this.#hosts[index] as SimulatedHost;
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
