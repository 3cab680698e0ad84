/**
 * Hosts in one thread for tests: the real actor systems and the real bytes between them, with a clock that is moved by
 * hand and no choice left to chance. The main thread's side of each link is here too.
 */
import assert from 'node:assert/strict';
import type { HostCommand, HostEvent, LogFields, LogLevel } from '../../src/protocol/control.ts';
import { type Batch, BatchReader, BatchWriter, type Flow, RECORD } from '../../src/protocol/link.ts';
import { type Address, hostIndexOf, toAddress } from '../../src/values/address.ts';
import type { ErrorRecord } from '../../src/values/errors.ts';
import type {
  Actor,
  ActorSpec,
  Answer,
  ConnectionInfo,
  Context,
  Supervision,
} from '../../workers/runtime/actor.ts';
import { STOP_ON_FAULT } from '../../workers/runtime/actor.ts';
import type { ActorRef } from '../../workers/runtime/actor-ref.ts';
import { ActorSystem } from '../../workers/runtime/actor-system.ts';

/** Three restarts within ten seconds, at once. */
export const RESTART: Supervision = {
  onFault: 'restart',
  restartsMax: 3,
  periodMs: 10_000,
  backoffMinMs: 0,
  backoffMaxMs: 0,
};

/** Turns within which anything in a test comes to rest; more means that something spins. */
const TURNS_MAX = 2000;
const MAILBOX_MAX = 1024;
const LINK_HIGH_WATER = 65_536;

export interface ActorParts extends Omit<Actor, 'receive'> {
  receive?(message: unknown, context: Context<unknown>): readonly unknown[] | undefined;
}

/** A spec whose actor is made of `parts` anew for each instance. */
export function specOf(
  create: () => ActorParts,
  supervision: Supervision = STOP_ON_FAULT,
  mailboxMax = MAILBOX_MAX,
): ActorSpec {
  return { create: () => ({ receive: () => undefined, ...create() }), supervision, mailboxMax };
}

/** A spec whose actor calls `receive` and has no events. */
export function reacting(
  receive: (message: unknown, context: Context<unknown>) => void,
  supervision?: Supervision,
  mailboxMax?: number,
): ActorSpec {
  return specOf(
    () => ({
      receive(message, context) {
        receive(message, context);
        return undefined;
      },
    }),
    supervision,
    mailboxMax,
  );
}

/** A spec whose actor adds each message to `heard`. */
export function listening(heard: unknown[]): ActorSpec {
  return reacting((message) => heard.push(message));
}

export function refTo(context: Context<unknown>, address: string): ActorRef<unknown> {
  return context.refer(toAddress(address));
}

/** An address of the given name that lives in `host`. */
export function addressIn(host: number, hostCount: number, name: string): Address {
  for (let i = 0; ; i++) {
    const address = toAddress(`test/${name}-${i}`);
    if (hostIndexOf(address, hostCount) === host) return address;
  }
}

/** What an answer comes down to: its value, or the code of its error. */
export function outcomeOf(answer: Answer<unknown>): unknown {
  return answer.ok ? answer.value : answer.error.code;
}

export interface LogLine {
  readonly level: LogLevel;
  readonly text: string;
  readonly fields: LogFields;
}

export interface TestHostsOptions {
  readonly hosts?: number;
  readonly linkHighWater?: number;
  readonly mailboxMax?: number;
  readonly createSession?: (service: string, connection: ConnectionInfo, host: number) => ActorSpec;
  /** Hosts know nothing of each other. */
  readonly isIsolated?: boolean;
}

/** What an actor has asked of the main thread. */
export interface AskedOfMain {
  readonly id: number;
  readonly address: string;
  readonly message: unknown;
  reply(value: unknown): void;
  fail(error: ErrorRecord): void;
}

/** A host as the main thread sees it. */
export class MainSide {
  readonly writer = new BatchWriter();
  readonly events: HostEvent[] = [];
  readonly written = new Map<number, string>();
  /** The same as bytes. */
  readonly writtenBytes = new Map<number, Buffer>();
  readonly closed = new Map<number, string>();
  /** What sessions have said of their connections. */
  readonly memories = new Map<number, string>();
  readonly users = new Map<number, string>();
  readonly frames = new Map<number, number>();
  readonly ignored = new Map<number, unknown[]>();
  readonly flows = new Map<number, Flow[]>();
  /** What sessions have said of their connections beside bytes, in its order: kind, connection, and what. */
  readonly said: unknown[] = [];
  /** What was asked and told of the main thread. */
  readonly asked: AskedOfMain[] = [];
  readonly told: { readonly address: string; readonly message: unknown }[] = [];
  readonly #named: string[] = [];
  /** Charge sent and not yet given back. */
  inFlight = 0;
  readonly #names = new Map<Address, number>();
  readonly #answers = new Map<number, (answer: Answer<unknown>) => void>();

  tell(address: Address, message: unknown): void {
    this.inFlight += this.writer.value(RECORD.tell, this.#nameOf(address), message);
  }

  tellBytes(address: Address, bytes: Uint8Array): void {
    this.inFlight += this.writer.copy(RECORD.bytes, this.#nameOf(address), bytes, 0, bytes.length);
  }

  ask(
    address: Address,
    message: unknown,
    onAnswer: (answer: Answer<unknown>) => void,
    deadlineMs = Infinity,
  ): void {
    const id = this.#answers.size;
    this.#answers.set(id, onAnswer);
    this.inFlight += this.writer.ask(this.#nameOf(address), id, deadlineMs, message);
  }

  sendFrames(connection: number, text: string | Uint8Array): void {
    const bytes = Buffer.from(text as string);
    this.inFlight += this.writer.copy(RECORD.connectionBytes, connection, bytes, 0, bytes.length);
  }

  sendChunk(connection: number, text: string, start: number, end: number): void {
    const bytes = new Uint8Array(Buffer.from(text));
    this.inFlight += this.writer.transfer(RECORD.connectionChunk, connection, bytes.buffer, start, end);
  }

  command(command: HostCommand): void {
    this.writer.value(RECORD.control, 0, command);
  }

  /** The main thread's answer to what an actor has asked. */
  reply(id: number, answer: Answer<unknown>): void {
    if (answer.ok) this.writer.value(RECORD.reply, id, answer.value);
    else this.writer.value(RECORD.reply, id, answer.error, 1);
  }

  open(connection: number, service = 'test'): void {
    this.command({ type: 'open', connection, service, remoteAddress: '', localAddress: '', sinceMs: 0 });
  }

  onBatch(batch: Batch): void {
    const reader = new BatchReader(batch);
    while (reader.next()) {
      const { kind, target } = reader;
      if (kind === RECORD.write) {
        const bytes = Buffer.from(reader.bytes.subarray(reader.start, reader.end));
        assert.ok(!this.closed.has(target), 'nothing is written to a connection after its close');
        this.written.set(target, (this.written.get(target) ?? '') + bytes.toString());
        const before = this.writtenBytes.get(target) ?? Buffer.alloc(0);
        this.writtenBytes.set(target, Buffer.concat([before, bytes]));
      } else if (kind === RECORD.close) this.closed.set(target, reader.text());
      else if (kind === RECORD.control) this.events.push(reader.value() as HostEvent);
      else if (kind === RECORD.credit) this.inFlight -= target;
      else if (kind === RECORD.bind) this.#named[target] = reader.text();
      else if (kind === RECORD.ask) this.#onAsk(reader);
      else if (kind === RECORD.reply) {
        const value = reader.value();
        const answer =
          reader.flags === 0 ? { ok: true as const, value } : { ok: false as const, error: value };
        this.#answers.get(target)?.(answer as Answer<unknown>);
      } else if (kind === RECORD.tell) {
        this.told.push({ address: this.#named[target] ?? '', message: reader.value() });
        this.writer.credit(reader.charge);
      } else this.#onSaid(reader);
    }
  }

  /** What a session says of its connection. */
  #onSaid(reader: BatchReader): void {
    const { kind, target } = reader;
    if (kind === RECORD.remember) {
      this.memories.set(target, reader.text());
      this.said.push(['remember', target, reader.text()]);
    } else if (kind === RECORD.identify) {
      this.users.set(target, reader.text());
      this.said.push(['identify', target, reader.text()]);
    } else if (kind === RECORD.frames) {
      this.frames.set(target, (this.frames.get(target) ?? 0) + reader.count());
      this.said.push(['frames', target, reader.count()]);
    } else if (kind === RECORD.ignored) {
      this.ignored.set(target, [...(this.ignored.get(target) ?? []), reader.value()]);
      this.said.push(['ignored', target, reader.value()]);
    } else if (kind === RECORD.flow) {
      this.flows.set(target, [...(this.flows.get(target) ?? []), reader.flags as Flow]);
      this.said.push(['flow', target, reader.flags]);
    } else assert.fail(`the main thread takes no record of kind ${kind}`);
  }

  #onAsk(reader: BatchReader): void {
    const id = reader.askId();
    this.writer.credit(reader.charge);
    this.asked.push({
      id,
      address: this.#named[reader.target] ?? '',
      message: reader.askMessage(),
      reply: (value) => this.writer.value(RECORD.reply, id, value),
      fail: (error) => this.writer.value(RECORD.reply, id, error, 1),
    });
  }

  #nameOf(address: Address): number {
    let name = this.#names.get(address);
    if (name === undefined) {
      name = this.#names.size;
      this.#names.set(address, name);
      this.writer.text(RECORD.bind, name, address);
    }
    return name;
  }
}

/** One way of a link between two hosts, as its records tell. */
export interface LinkTally {
  /** Charge sent and not yet given back. */
  inFlight: number;
  /** Records that passed, by kind. */
  readonly records: Map<number, number>;
}

export class TestHosts {
  readonly systems: ActorSystem[] = [];
  readonly mains: MainSide[] = [];
  readonly logs: LogLine[] = [];
  /** By `from>to`. */
  readonly links = new Map<string, LinkTally>();
  nowMs = 1000;
  readonly #options: TestHostsOptions;
  /** By host and peer: the origin of the link between them. */
  readonly #origins: number[][] = [];

  constructor(options: TestHostsOptions = {}) {
    this.#options = options;
    for (let host = 0; host < this.hostCount; host++) this.#start(host);
  }

  get hostCount(): number {
    return this.#options.hosts ?? 1;
  }

  /** The first host, the only one of most tests. */
  get system(): ActorSystem {
    return this.systemOf(0);
  }

  get main(): MainSide {
    return this.mainOf(0);
  }

  get errors(): readonly string[] {
    return this.logs.filter(({ level }) => level === 'error').map(({ text }) => text);
  }

  systemOf(host: number): ActorSystem {
    return this.systems[host] as ActorSystem;
  }

  mainOf(host: number): MainSide {
    return this.mains[host] as MainSide;
  }

  linkOf(from: number, to: number): LinkTally {
    const tally = this.links.get(`${from}>${to}`) ?? { inFlight: 0, records: new Map() };
    this.links.set(`${from}>${to}`, tally);
    return tally;
  }

  spawn(address: Address, spec: ActorSpec): ActorRef<unknown> {
    return this.systemOf(hostIndexOf(address, this.hostCount)).spawnRoot(address, spec);
  }

  /** Sends from the main thread and lets everything come to rest. */
  tell(address: Address, ...messages: readonly unknown[]): void {
    const main = this.mainOf(hostIndexOf(address, this.hostCount));
    for (const message of messages) main.tell(address, message);
    this.settle();
  }

  /** The outcomes of one ask from the main thread, in order of arrival: one at most, if all is well. */
  ask(address: Address, message: unknown): unknown[] {
    const outcomes: unknown[] = [];
    const main = this.mainOf(hostIndexOf(address, this.hostCount));
    main.ask(address, message, (answer) => outcomes.push(outcomeOf(answer)));
    this.settle();
    return outcomes;
  }

  /** Runs all hosts until none has anything to do now. Returns the number of turns. */
  settle(): number {
    for (let turns = 1; turns <= TURNS_MAX; turns++) {
      if (!this.turn()) return turns;
    }
    return assert.fail(`the hosts are still busy after ${TURNS_MAX} turns`);
  }

  advance(durationMs: number): void {
    this.nowMs += durationMs;
    this.settle();
  }

  /** Goes through all that is due within `durationMs`, one due time after the other. */
  live(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    this.settle();
    for (let dueMs = this.nextDueMs(); dueMs <= endMs; dueMs = this.nextDueMs()) {
      this.advance(dueMs - this.nowMs);
    }
    this.advance(endMs - this.nowMs);
  }

  /** One turn of each host; true if something moved or more is ready. */
  turn(): boolean {
    let isBusy = false;
    for (let host = 0; host < this.hostCount; host++) {
      const main = this.mainOf(host);
      if (!main.writer.isEmpty) {
        this.systemOf(host).intake(this.systemOf(host).mainOrigin, main.writer.take(), this.nowMs);
        isBusy = true;
      }
      if (this.systemOf(host).run(this.nowMs)) isBusy = true;
    }
    if (this.nextDueMs() <= this.nowMs) isBusy = true;
    for (let from = 0; from < this.hostCount; from++) {
      if (this.post(from)) isBusy = true;
    }
    return isBusy;
  }

  /** Moves what a host has to say; true if it was anything. */
  post(from: number): boolean {
    const system = this.systemOf(from);
    const toMain = system.takeBatch(system.mainOrigin);
    if (toMain !== undefined) this.mainOf(from).onBatch(toMain);
    let isBusy = toMain !== undefined;
    for (let to = 0; to < this.hostCount; to++) {
      const origin = this.#origins[from]?.[to];
      const batch = origin === undefined ? undefined : system.takeBatch(origin);
      if (batch === undefined) continue;
      isBusy = true;
      this.#tally(from, to, batch);
      this.systemOf(to).intake(this.#originOf(to, from), batch, this.nowMs);
    }
    return isBusy;
  }

  /** A host is lost with all it held, and another takes its place. */
  replace(host: number): void {
    this.#start(host);
  }

  nextDueMs(): number {
    return Math.min(...this.systems.map((system) => system.nextDueMs()));
  }

  #originOf(host: number, peer: number): number {
    return this.#origins[host]?.[peer] as number;
  }

  #start(host: number): void {
    const { linkHighWater = LINK_HIGH_WATER, mailboxMax = MAILBOX_MAX, createSession } = this.#options;
    const system = new ActorSystem({
      hostIndex: host,
      hostCount: this.hostCount,
      linkHighWater,
      mailboxMax,
      log: (level, text, fields) => this.logs.push({ level, text, fields }),
      createSession: (service, connection) =>
        createSession?.(service, connection, host) ?? assert.fail('this test has no sessions'),
    });
    system.nowMs = this.nowMs;
    this.systems[host] = system;
    this.mains[host] = new MainSide();
    this.#origins[host] = [];
    this.systems.forEach((other, peer) => {
      if (peer === host || this.#options.isIsolated) return;
      (this.#origins[host] as number[])[peer] = system.connectPeer(peer);
      (this.#origins[peer] as number[])[host] = other.connectPeer(host);
      this.links.delete(`${host}>${peer}`);
      this.links.delete(`${peer}>${host}`);
    });
  }

  #tally(from: number, to: number, batch: Batch): void {
    const tally = this.linkOf(from, to);
    const reader = new BatchReader(batch);
    while (reader.next()) {
      tally.records.set(reader.kind, (tally.records.get(reader.kind) ?? 0) + 1);
      if (CHARGED.has(reader.kind)) tally.inFlight += reader.charge;
      if (reader.kind === RECORD.credit) this.linkOf(to, from).inFlight -= reader.target;
    }
  }
}

const CHARGED: ReadonlySet<number> = new Set([RECORD.bytes, RECORD.tell, RECORD.ask]);

/** The error that an ask got, for tests of its fields. */
export function errorOf(answer: Answer<unknown>): ErrorRecord {
  return answer.ok ? assert.fail('the ask was answered') : answer.error;
}
