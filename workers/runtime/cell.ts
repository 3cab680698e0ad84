/**
 * One actor's place in its host: the instance, its mailbox, its family, and the context through which it acts. The
 * cell outlives the instance: a restart replaces the actor and keeps the mailbox.
 */
import type { HostEvent, LogFields, LogLevel } from '../../src/protocol/control.ts';
import { FLOW } from '../../src/protocol/link.ts';
import type { Address } from '../../src/values/address.ts';
import type { Actor, ActorSpec, Answer, Context } from './actor.ts';
import type { ActorRef } from './actor-ref.ts';
import type { ActorSystem } from './actor-system.ts';
import type { Ask } from './asks.ts';
import { Mailbox } from './mailbox.ts';
import { OUTPUT } from './outbox.ts';
import { RestartBudget } from './supervision.ts';
import type { Timer } from './timers.ts';

/** starting: within `spawn`, before its first instance has started. */
export type CellState = 'starting' | 'running' | 'restarting' | 'stopped';

interface CellOptions {
  readonly parent?: Cell;
  readonly connection?: number;
}

export class Cell implements Context<unknown> {
  readonly self: Address;
  readonly spec: ActorSpec;
  readonly parent: Cell | undefined;
  /** For a session, its connection. */
  readonly connection: number | undefined;
  readonly mailbox = new Mailbox();
  readonly mailboxMax: number;
  readonly #system: ActorSystem;
  actor: Actor | undefined;
  state: CellState = 'starting';
  /** In the scheduler. Invariant: a cell is there at most once. */
  queued = false;
  /** It filled a mailbox or a link, and handles only notices until there is room again. */
  suspended = false;
  /** Senders that wait until this mailbox is half empty. */
  waiters: Cell[] | undefined;
  /** The ask being handled, until it is replied to or taken. */
  asking: Ask | undefined;
  asksPending = 0;
  /** Asks to be answered in a later turn. Invariant: none of them is settled. */
  taken: Set<Ask> | undefined;
  children: Map<string, Cell> | undefined;
  timers: Map<string, Timer> | undefined;
  /** Whom it watches, and the message it wants; and who watches it. */
  watches: Map<Address, unknown> | undefined;
  watchers: Set<Address> | undefined;
  closeReason = '';
  /** Position of the last event of a durable actor. */
  events = 0;
  /** It may have flat events of this turn. */
  isTouched = false;
  /** Messages handled, and how many they were, and when, at the last `sample`. */
  handled = 0;
  handledAtSample = 0;
  /** A session that knows that nothing can be stored. */
  knowsTrouble = false;
  restarts = 0;
  lastError = '';
  #budget: RestartBudget | undefined;

  constructor(
    system: ActorSystem,
    self: Address,
    spec: ActorSpec,
    mailboxMax: number,
    { parent, connection }: CellOptions,
  ) {
    this.#system = system;
    this.self = self;
    this.spec = spec;
    this.parent = parent;
    this.connection = connection;
    this.mailboxMax = spec.mailboxMax ?? mailboxMax;
  }

  get budget(): RestartBudget {
    this.#budget ??= new RestartBudget(this.spec.supervision);
    return this.#budget;
  }

  get nowMs(): number {
    return this.#system.nowMs;
  }

  get timeMs(): number {
    return this.#system.timeMs;
  }

  refer<Message>(address: Address): ActorRef<Message> {
    return this.#system.refer(address);
  }

  tell<Message>(to: ActorRef<Message>, message: Message): void {
    this.#system.outbox.add(OUTPUT.tell, to, message, 0, 0);
  }

  tellBytes(to: ActorRef<never>, bytes: Uint8Array, start: number, end: number): void {
    this.#system.outbox.add(OUTPUT.bytes, to, bytes, start, end);
  }

  ask<Message, Reply>(
    to: ActorRef<Message>,
    message: Message,
    timeoutMs: number,
    adapt: (answer: Answer<Reply>) => unknown,
  ): void {
    this.#system.outbox.add(
      OUTPUT.ask,
      to,
      this.#system.createAsk(this, message, timeoutMs, adapt),
      timeoutMs,
      0,
    );
  }

  reply(value: unknown): void {
    const ask = this.asking;
    this.asking = undefined;
    if (ask !== undefined) this.replyTo(ask, value);
  }

  takeAsk(): Ask | undefined {
    const ask = this.asking;
    this.asking = undefined;
    if (ask !== undefined) {
      this.taken ??= new Set();
      this.taken.add(ask);
      ask.taker = this;
    }
    return ask;
  }

  /** It has taken an ask whose deadline is still to come. */
  isAnswering(nowMs: number): boolean {
    return [...(this.taken ?? [])].some((ask) => ask.deadlineMs > nowMs);
  }

  replyTo(ask: Ask, value: unknown): void {
    this.#system.outbox.add(OUTPUT.reply, ask, value, 0, 0);
  }

  send(bytes: Uint8Array, start: number, end: number): void {
    this.#system.outbox.add(OUTPUT.send, this.#ownConnection(), bytes, start, end);
  }

  spawn<Message>(name: string, spec: ActorSpec): ActorRef<Message> {
    return this.#system.spawnChild(this, name, spec);
  }

  stop(reason = ''): void {
    this.#system.outbox.add(OUTPUT.stop, this, reason, 0, 0);
  }

  stopChild(child: ActorRef<never>): void {
    const cell = this.children?.get(child.address);
    if (cell !== undefined) this.#system.outbox.add(OUTPUT.stop, cell, undefined, 0, 0);
  }

  watch(ref: ActorRef<never>, message: unknown): void {
    this.#system.watch(this, ref, message);
  }

  startTimer(key: string, delayMs: number, message: unknown): void {
    this.#system.startTimer(this, key, delayMs, message);
  }

  cancelTimer(key: string): void {
    const timer = this.timers?.get(key);
    if (timer !== undefined) timer.cancelled = true;
    this.timers?.delete(key);
  }

  cancelTimers(): void {
    for (const timer of this.timers?.values() ?? []) timer.cancelled = true;
    this.timers = undefined;
  }

  peer(ref: ActorRef<never>): Actor | undefined {
    const cell = this.#system.cellOf(ref);
    if (cell?.spec.isDurable) this.#system.touch(cell);
    return cell?.actor;
  }

  remember(memory: string): void {
    this.#system.outbox.add(OUTPUT.remember, this.#ownConnection(), memory, 0, 0);
  }

  log(level: LogLevel, text: string, fields: LogFields = {}): void {
    const event: HostEvent = { type: 'log', level, text, fields };
    this.#system.outbox.add(OUTPUT.log, undefined, event, 0, 0);
  }

  identify(user: string): void {
    this.#system.outbox.add(OUTPUT.identify, this.#ownConnection(), user, 0, 0);
  }

  countFrames(count: number): void {
    this.#system.outbox.add(OUTPUT.frames, this.#ownConnection(), undefined, count, 0);
  }

  countIgnored(counts: Readonly<Record<string, number>>): void {
    this.#system.outbox.add(OUTPUT.ignored, this.#ownConnection(), counts, 0, 0);
  }

  pauseInput(): void {
    this.#system.outbox.add(OUTPUT.flow, this.#ownConnection(), undefined, FLOW.pauseInput, 0);
  }

  resumeInput(): void {
    this.#system.outbox.add(OUTPUT.flow, this.#ownConnection(), undefined, FLOW.resumeInput, 0);
  }

  tellDrained(): void {
    this.#system.outbox.add(OUTPUT.flow, this.#ownConnection(), undefined, FLOW.tellDrained, 0);
  }

  #ownConnection(): number {
    if (this.connection === undefined)
      throw new TypeError(`${this.self} is no session: it has no connection`);
    return this.connection;
  }
}
