/**
 * The actors of one host: spawning, delivery, dispatch, supervision, flow. It does no I/O and reads no clock; its
 * owner (host.ts on a worker thread, simulation.ts in a test) calls `intake` with what arrived, `run` with the time,
 * and posts what `takeBatch` returns for each link.
 *
 * One turn: intake → run (actors in fair order, a batch each) → batches out.
 *
 * Full mailboxes: a message is never refused and never dropped. The sender that fills a mailbox or a link is
 * suspended: it handles no further message until there is room for half. Its own mailbox fills meanwhile and suspends
 * its senders, until the charge of the main thread's records is no longer given back and it pauses sockets. When
 * nothing else can run, the one suspended longest runs for a batch, so that a cycle of full mailboxes is slow, not
 * dead.
 *
 * Invariants: a stopped cell is in no table and not suspended; a cell is queued only if it has something to do.
 */
import type { HostCommand, HostEvent, PeerMessage } from '../../src/protocol/control.ts';
import { type Batch, BatchReader, chargeOf, RECORD } from '../../src/protocol/link.ts';
import { type Address, hostIndexOf, toAddress } from '../../src/values/address.ts';
import { type ErrorCode, type ErrorRecord, messageOf, OutcryError } from '../../src/values/errors.ts';
import type { ActorSpec, Answer, ConnectionCommand } from './actor.ts';
import { ActorRef } from './actor-ref.ts';
import { Ask, PendingAsks } from './asks.ts';
import { Cell } from './cell.ts';
import { type DeadLetterReason, DeadLetters, type Log } from './dead-letters.ts';
import { ANSWER, ASK, DUE, type Envelope, LOCAL, TELL } from './mailbox.ts';
import { OutLink } from './out-link.ts';
import { OUTPUT, Outbox } from './outbox.ts';
import { FairScheduler, type Scheduler } from './scheduler.ts';
import { type DueTimer, Timers } from './timers.ts';

/** How long suspended actors wait for a full link before the oldest runs all the same. */
const STALL_MS = 100;
/** A turn ends after this much, so that credit, timers and new messages are seen between. */
const TURN_MESSAGES = 32_768;
const TURN_BYTES = 1024 * 1024;

export interface ActorSystemOptions {
  readonly hostIndex: number;
  readonly hostCount: number;
  /** Charge in flight to another host above which senders pause. */
  readonly linkHighWater: number;
  /** Messages that may wait for an actor whose spec does not say otherwise. */
  readonly mailboxMax: number;
  readonly log: Log;
  /** Makes the session of a new connection. */
  readonly createSession: (service: string, remoteAddress: string) => ActorSpec;
  readonly scheduler?: Scheduler;
}

export class ActorSystem {
  readonly hostIndex: number;
  readonly hostCount: number;
  readonly outbox = new Outbox();
  readonly deadLetters: DeadLetters;
  nowMs = 0;
  /** Set when a fault went past the last supervisor; the host must end. */
  failure: ErrorRecord | undefined;
  readonly #options: ActorSystemOptions;
  readonly #scheduler: Scheduler;
  readonly #cells = new Map<Address, Cell>();
  readonly #refs = new Map<Address, ActorRef<unknown>>();
  /** Cells without a parent, in the order of their start. */
  readonly #roots = new Set<Cell>();
  readonly #sessions = new Map<number, Cell>();
  readonly #suspended = new Set<Cell>();
  readonly #timers = new Timers();
  readonly #asks = new PendingAsks();
  readonly #remoteAsks = new Map<number, Ask>();
  /** By origin; LOCAL has none. A link that was replaced stays here, closed, for the messages that came over it. */
  readonly #links: (OutLink | undefined)[] = [undefined];
  readonly #mainOrigin: number;
  /** By host: the origin of the link to it. */
  readonly #peerOrigins: (number | undefined)[] = [];
  readonly #envelope: Envelope = { item: undefined, start: 0, end: 0, origin: LOCAL };
  readonly #settling: number[] = [];
  /** Roots still to be stopped, the next one last; undefined unless draining. */
  #drainRoots: Cell[] | undefined;
  #restarting = 0;
  #nextAskId = 0;
  /** What is left of this turn. */
  #turnMessages = 0;
  #turnBytes = 0;
  #stalledSinceMs: number | undefined;

  constructor(options: ActorSystemOptions) {
    this.#options = options;
    this.hostIndex = options.hostIndex;
    this.hostCount = options.hostCount;
    this.#scheduler = options.scheduler ?? new FairScheduler();
    this.deadLetters = new DeadLetters(options.log);
    this.#mainOrigin = this.#addLink(Infinity);
  }

  get mainOrigin(): number {
    return this.#mainOrigin;
  }

  /** Connects to another host; again, with a new link, when that host has been replaced. Returns the origin. */
  connectPeer(host: number): number {
    this.#losePeer(host);
    const origin = this.#addLink(this.#options.linkHighWater);
    this.#peerOrigins[host] = origin;
    return origin;
  }

  /** Starts an actor that no other actor is the parent of. */
  spawnRoot<Message>(address: Address, spec: ActorSpec): ActorRef<Message> {
    return this.refer<Message>(this.#spawn(address, spec, undefined).self);
  }

  refer<Message>(address: Address): ActorRef<Message> {
    let ref = this.#refs.get(address);
    if (ref === undefined) {
      ref = new ActorRef<unknown>(address, hostIndexOf(address, this.hostCount));
      ref.cell = this.#cells.get(address);
      if (this.#refs.size < REFS_MAX) this.#refs.set(address, ref);
    }
    return ref;
  }

  /** The cell behind `ref` if it runs in this host. */
  cellOf(ref: ActorRef<never>): Cell | undefined {
    let { cell } = ref;
    if (cell === undefined || cell.state === 'stopped') {
      cell = ref.host === this.hostIndex ? this.#cells.get(ref.address) : undefined;
      ref.cell = cell;
    }
    return cell;
  }

  /** Takes in what arrived over a link at `nowMs`. No message is handled yet, but sessions start. */
  intake(origin: number, batch: Batch, nowMs: number): void {
    this.nowMs = nowMs;
    const link = this.#linkOf(origin);
    const reader = new BatchReader(batch);
    while (reader.next()) {
      switch (reader.kind) {
        case RECORD.connectionBytes:
        case RECORD.connectionChunk: {
          const cell = this.#sessions.get(reader.target);
          // A session may stop while its connection's bytes are on their way here.
          if (cell === undefined) link.owed += reader.charge;
          else this.#push(undefined, cell, reader.bytes, reader.start, reader.end, origin);
          break;
        }
        case RECORD.bytes:
          this.#receive(link, reader, reader.bytes, reader.start, reader.end, origin);
          break;
        case RECORD.tell:
          this.#receive(link, reader, reader.value(), TELL, reader.charge, origin);
          break;
        case RECORD.ask: {
          const ask = new Ask(reader.askMessage(), reader.askDeadlineMs(), origin, reader.askId());
          this.#receive(link, reader, ask, ASK, reader.charge, origin);
          break;
        }
        case RECORD.reply:
          this.#onReply(reader);
          break;
        case RECORD.bind:
          link.named[reader.target] = this.refer(toAddress(reader.text()));
          break;
        case RECORD.credit:
          link.inFlight -= reader.target;
          if (link.hasRoom) this.#wakeAll(link.waiters.splice(0));
          break;
        case RECORD.control:
          if (origin === this.#mainOrigin) this.#onCommand(reader.value() as HostCommand);
          else this.#onPeerMessage(reader.value() as PeerMessage);
          break;
        default:
          throw new RangeError(`a host can't take in a record of kind ${reader.kind}`);
      }
    }
  }

  /** Runs actors until none is ready or the turn is used up; true if more is ready. */
  run(nowMs: number): boolean {
    this.nowMs = nowMs;
    this.#fireTimers();
    this.#expireAsks();
    this.#turnMessages = TURN_MESSAGES;
    this.#turnBytes = TURN_BYTES;
    while (this.#turnMessages > 0 && this.#turnBytes > 0 && this.failure === undefined) {
      const cell = this.#scheduler.size > 0 ? this.#scheduler.take() : this.#takeStalled();
      if (cell === undefined) break;
      cell.queued = false;
      this.#dispatch(cell);
    }
    this.#advanceDrain();
    this.#answerSettled();
    // In the turn, so that the log's lines leave with its batches.
    this.deadLetters.flush(nowMs);
    return this.#scheduler.size > 0 && this.failure === undefined;
  }

  /** What this turn has for the other side of a link; undefined if nothing. */
  takeBatch(origin: number): Batch | undefined {
    return this.#linkOf(origin).take();
  }

  /** Monotonic time at which `run` has something to do even if nothing arrives; Infinity if never. */
  nextDueMs(): number {
    const stalledMs = this.#stalledSinceMs === undefined ? Infinity : this.#stalledSinceMs + STALL_MS;
    return Math.min(
      this.#timers.nextDueMs(),
      this.#asks.nextDueMs(),
      this.deadLetters.flush(this.nowMs),
      stalledMs,
    );
  }

  emit(event: HostEvent): void {
    this.#linkOf(this.#mainOrigin).writer.value(RECORD.control, 0, event);
  }

  spawnChild<Message>(parent: Cell, name: string, spec: ActorSpec): ActorRef<Message> {
    const child = this.#spawn(toAddress(`${parent.self}/${name}`), spec, parent);
    return this.refer<Message>(child.self);
  }

  createAsk(
    asker: Cell,
    message: unknown,
    timeoutMs: number,
    adapt: (answer: Answer<never>) => unknown,
  ): Ask {
    // Numbers cross threads in 32 bits: after the last one they start again.
    this.#nextAskId = (this.#nextAskId + 1) | 0;
    return new Ask(message, this.nowMs + timeoutMs, LOCAL, this.#nextAskId, asker, adapt);
  }

  watch(watcher: Cell, ref: ActorRef<never>, message: unknown): void {
    watcher.watches ??= new Map();
    watcher.watches.set(ref.address, message);
    if (ref.host === this.hostIndex) this.#addWatcher(ref.address, watcher.self);
    else if (this.#peerOrigins[ref.host] === undefined) this.#noticeTermination(watcher, ref.address);
    else this.#sendPeer(ref.host, { type: 'watch', address: ref.address, watcher: watcher.self });
  }

  startTimer(cell: Cell, key: string, delayMs: number, message: unknown): void {
    cell.cancelTimer(key);
    cell.timers ??= new Map();
    const timer = this.#timers.start(this.nowMs + delayMs, cell, () => {
      const due: DueTimer = { timer, key, message };
      this.#push(undefined, cell, due, DUE, 0, LOCAL);
    });
    cell.timers.set(key, timer);
  }

  // Lifecycle

  /** `connection` is that of a session, which may write to it as soon as it starts. */
  #spawn(address: Address, spec: ActorSpec, parent: Cell | undefined, connection?: number): Cell {
    if (this.#cells.has(address)) throw new RangeError(`the address ${address} is taken`);
    const cell = new Cell(this, address, spec, parent, this.#options.mailboxMax);
    this.#cells.set(address, cell);
    if (connection !== undefined) {
      cell.connection = connection;
      this.#sessions.set(connection, cell);
    }
    const ref = this.#refs.get(address);
    if (ref !== undefined) ref.cell = cell;
    if (parent === undefined) this.#roots.add(cell);
    else {
      parent.children ??= new Map();
      parent.children.set(address, cell);
    }
    this.#createActor(cell);
    return cell;
  }

  /**
   * Makes the cell's actor; a constructor or `started` that throws is a fault like any other. Throws if the cell is
   * just being spawned and its fault is its parent's.
   */
  #createActor(cell: Cell): void {
    const outputs = this.outbox.count;
    const isSpawnedByParent = cell.state === 'starting' && cell.parent !== undefined;
    try {
      cell.actor = cell.spec.create();
      cell.actor.started?.(cell);
      cell.state = 'running';
      // What a child sends while its parent spawns it leaves with the outputs of the parent's message.
      if (!isSpawnedByParent) this.#commit(cell);
    } catch (error) {
      this.outbox.truncate(outputs);
      this.#onFault(cell, error);
      return;
    }
    this.#schedule(cell);
  }

  /** The poison message, if any, has been dealt with. */
  #onFault(cell: Cell, error: unknown): void {
    if (cell.state === 'stopped') return;
    this.#stopChildren(cell);
    cell.cancelTimers();
    cell.actor = undefined;
    this.#failTaken(cell, 'ERR_ASK_FAULT');
    const verdict = cell.budget.judge(this.nowMs);
    const fields = { actor: cell.self, error: stackOf(error) };
    if (verdict.type === 'restart') {
      this.#options.log(
        'error',
        `${cell.self} failed and is restarted in ${verdict.delayMs} ms: ${messageOf(error)}`,
        fields,
      );
      this.#restart(cell, verdict.delayMs);
    } else if (verdict.type === 'stop') {
      this.#options.log('error', `${cell.self} failed and is stopped: ${messageOf(error)}`, fields);
      cell.closeReason = 'the session failed';
      this.#stop(cell);
    } else {
      this.#options.log(
        'error',
        `${cell.self} failed, escalated (${verdict.reason}): ${messageOf(error)}`,
        fields,
      );
      this.#escalate(cell, error);
    }
  }

  #restart(cell: Cell, delayMs: number): void {
    if (cell.state !== 'restarting') this.#restarting++;
    cell.state = 'restarting';
    this.#timers.start(this.nowMs + delayMs, cell, () => {
      if (cell.state !== 'restarting') return;
      this.#restarting--;
      cell.state = 'running';
      this.#createActor(cell);
    });
  }

  #escalate(cell: Cell, error: unknown): void {
    const { parent } = cell;
    const isStarting = cell.state === 'starting';
    this.#stop(cell);
    if (parent !== undefined) {
      // Its parent is in the midst of a message, with `spawn`: the fault must end that too.
      if (isStarting) throw error;
      this.#onFault(parent, error);
    } else {
      this.failure ??= new OutcryError('ERR_ASK_FAULT', `${cell.self} failed for good: ${messageOf(error)}`, {
        fields: { actor: cell.self },
      }).toRecord();
    }
  }

  #stopChildren(cell: Cell): void {
    for (const child of [...(cell.children?.values() ?? [])].reverse()) this.#stop(child);
  }

  /** Stops a cell for good: children first, then what waits in its mailbox is accounted for. */
  #stop(cell: Cell): void {
    if (cell.state === 'stopped') return;
    this.#stopChildren(cell);
    if (cell.state === 'restarting') this.#restarting--;
    cell.state = 'stopped';
    cell.actor = undefined;
    cell.cancelTimers();
    this.#cells.delete(cell.self);
    this.#refs.delete(cell.self);
    this.#roots.delete(cell);
    cell.parent?.children?.delete(cell.self);
    this.#suspended.delete(cell);
    if (cell.connection !== undefined) this.#closeSession(cell, cell.connection);
    this.#failAsk(cell.asking, 'ERR_ASK_STOPPED', cell.self);
    this.#failTaken(cell, 'ERR_ASK_STOPPED');
    this.#buryMailbox(cell);
    if (cell.waiters !== undefined) this.#wakeAll(cell.waiters.splice(0));
    for (const watcher of cell.watchers ?? []) this.#notifyWatcher(watcher, cell.self);
    for (const address of cell.watches?.keys() ?? []) this.#unwatch(cell.self, address);
  }

  #buryMailbox(cell: Cell): void {
    const envelope = { ...this.#envelope };
    while (cell.mailbox.take(envelope)) {
      if (envelope.start === DUE) continue;
      this.#giveBack(envelope);
      if (envelope.start === ASK) this.#failAsk(envelope.item as Ask, 'ERR_ASK_STOPPED', cell.self);
      this.#bury('stopped', cell.self, envelope);
    }
  }

  #bury(reason: DeadLetterReason, address: Address, envelope: Envelope, cause?: unknown): void {
    const message = messageIn(envelope);
    this.deadLetters.add(reason, address, message, this.nowMs, cause);
  }

  // Delivery

  /** Delivers a message that arrived over `link` for an address it has named. */
  #receive(
    link: OutLink,
    reader: BatchReader,
    item: unknown,
    start: number,
    end: number,
    origin: number,
  ): void {
    const ref = link.named[reader.target];
    if (ref === undefined) throw new RangeError(`a link used the number ${reader.target} without naming it`);
    const cell = this.cellOf(ref);
    if (cell !== undefined) {
      this.#push(undefined, cell, item, start, end, origin);
      return;
    }
    const envelope = { item, start, end, origin };
    this.#giveBack(envelope);
    if (start === ASK) this.#failAsk(item as Ask, 'ERR_ASK_NO_ACTOR', ref.address);
    this.#bury('no-actor', ref.address, envelope);
  }

  #push(
    sender: Cell | undefined,
    cell: Cell,
    item: unknown,
    start: number,
    end: number,
    origin: number,
  ): void {
    const depth = cell.mailbox.push(item, start, end, origin);
    if (!cell.queued) this.#schedule(cell);
    if (depth >= cell.mailboxMax && sender !== undefined && sender !== cell) {
      cell.waiters ??= [];
      this.#suspend(sender, cell.waiters);
    }
  }

  #schedule(cell: Cell): void {
    if (cell.queued || cell.state !== 'running') return;
    const { mailbox } = cell;
    if (mailbox.hasNotice || (mailbox.count > 0 && !cell.suspended)) {
      cell.queued = true;
      this.#scheduler.add(cell);
    }
  }

  #suspend(cell: Cell, waiters: Cell[]): void {
    if (cell.suspended || cell.state === 'stopped') return;
    cell.suspended = true;
    this.#suspended.add(cell);
    waiters.push(cell);
  }

  #wake(cell: Cell): void {
    cell.suspended = false;
    this.#suspended.delete(cell);
    this.#schedule(cell);
  }

  #wakeAll(cells: readonly Cell[]): void {
    for (const cell of cells) this.#wake(cell);
  }

  /**
   * Nothing is ready. If actors are suspended and no link is full, mailboxes have filled each other in a cycle: the
   * oldest runs. If a link is full its credit may come any moment, and an actor that is to be restarted will go on, so
   * the oldest runs only after a while.
   */
  #takeStalled(): Cell | undefined {
    const [oldest] = this.#suspended;
    if (oldest === undefined) {
      this.#stalledSinceMs = undefined;
      return undefined;
    }
    const aLinkIsFull = this.#links.some((link) => link !== undefined && !link.closed && link.isFull);
    const mayGoOn = aLinkIsFull || this.#restarting > 0;
    this.#stalledSinceMs ??= this.nowMs;
    if (mayGoOn && this.nowMs - this.#stalledSinceMs < STALL_MS) return undefined;
    this.#stalledSinceMs = undefined;
    oldest.suspended = false;
    this.#suspended.delete(oldest);
    return oldest;
  }

  // Dispatch

  /** Handles one batch of a cell's messages. */
  #dispatch(cell: Cell): void {
    const { mailbox } = cell;
    while (mailbox.hasNotice && cell.state === 'running') this.#handleNotice(cell, mailbox.takeNotice());
    const envelope = this.#envelope;
    const { batchMessages, batchBytes } = this.#scheduler;
    let messages = 0;
    let bytes = 0;
    while (
      messages < batchMessages &&
      bytes < batchBytes &&
      !cell.suspended &&
      cell.state === 'running' &&
      !mailbox.hasNotice &&
      mailbox.take(envelope)
    ) {
      messages++;
      if (envelope.start >= 0) bytes += envelope.end - envelope.start;
      this.#handle(cell, envelope);
      if (cell.waiters !== undefined && mailbox.count <= cell.mailboxMax / 2) {
        this.#wakeAll(cell.waiters);
        cell.waiters = undefined;
      }
    }
    this.#turnMessages -= messages + 1;
    this.#turnBytes -= bytes;
    this.#schedule(cell);
  }

  #handle(cell: Cell, envelope: Envelope): void {
    const { actor } = cell;
    const { item, start } = envelope;
    if (actor === undefined) return;
    try {
      if (start === TELL) {
        const events = actor.receive(item, cell);
        if (events !== undefined) this.#apply(cell, events);
      } else if (start === ASK) this.#handleAsk(cell, item as Ask);
      else if (start === ANSWER) this.#handleAnswer(cell, item as Ask);
      else if (start === DUE) this.#handleDue(cell, item as DueTimer);
      else if (actor.receiveBytes === undefined) throw new TypeError(`${cell.self} takes no byte messages`);
      else actor.receiveBytes(item as Uint8Array, start, envelope.end, cell);
      // What can't be encoded for another thread is found out here.
      if (!this.outbox.isEmpty) this.#commit(cell);
      cell.asking = undefined;
    } catch (error) {
      this.#onPoison(cell, envelope, error);
      return;
    }
    if (envelope.origin !== LOCAL) this.#giveBack(envelope);
  }

  #handleAsk(cell: Cell, ask: Ask): void {
    // The asker has given up: no use working for it.
    if (ask.settled || ask.deadlineMs <= this.nowMs) return;
    cell.asking = ask;
    const events = cell.actor?.receive(ask.message, cell);
    if (events !== undefined) this.#apply(cell, events);
  }

  /** The answer becomes a message in the asker's own turn: what `adapt` throws is the asker's fault. */
  #handleAnswer(cell: Cell, { adapt, answer }: Ask): void {
    if (adapt === undefined || answer === undefined) return;
    const events = cell.actor?.receive(adapt(answer), cell);
    if (events !== undefined) this.#apply(cell, events);
  }

  #handleDue(cell: Cell, { timer, key, message }: DueTimer): void {
    // It was cancelled or replaced while it waited, or the instance that started it is gone.
    if (timer.cancelled) return;
    cell.timers?.delete(key);
    const events = cell.actor?.receive(message, cell);
    if (events !== undefined) this.#apply(cell, events);
  }

  #handleNotice(cell: Cell, message: unknown): void {
    try {
      const events = cell.actor?.receive(message, cell);
      if (events !== undefined) this.#apply(cell, events);
      this.#commit(cell);
    } catch (error) {
      this.#onPoison(cell, { item: message, start: TELL, end: 0, origin: LOCAL }, error);
    }
  }

  #apply(cell: Cell, events: readonly unknown[]): void {
    for (const event of events) cell.actor?.apply?.(event);
  }

  #onPoison(cell: Cell, envelope: Envelope, error: unknown): void {
    this.outbox.clear();
    cell.asking = undefined;
    this.#giveBack(envelope);
    if (envelope.start === ASK) {
      this.#settle(envelope.item as Ask, {
        ok: false,
        error: new OutcryError('ERR_ASK_FAULT', `${cell.self} failed: ${messageOf(error)}`, {
          fields: { actor: cell.self },
        }).toRecord(),
      });
    }
    this.#bury('poison', cell.self, envelope, error);
    this.#onFault(cell, error);
  }

  #giveBack({ start, end, origin }: Envelope): void {
    const link = this.#links[origin];
    if (link !== undefined) link.owed += start >= 0 ? chargeOf(end - start) : end;
  }

  /** Lets go what the message that `cell` has just handled wants done. */
  #commit(cell: Cell): void {
    const { outbox } = this;
    let stopsItself = false;
    for (let i = 0; i < outbox.count; i++) {
      const output = outbox.output(i);
      if (output === OUTPUT.tell) {
        const ref = outbox.target(i) as ActorRef<never>;
        const target = this.cellOf(ref);
        if (target !== undefined) this.#push(cell, target, outbox.item(i), TELL, 0, LOCAL);
        else this.#tellElsewhere(cell, ref, outbox.item(i));
      } else if (output === OUTPUT.bytes) {
        const ref = outbox.target(i) as ActorRef<never>;
        this.#deliverBytes(cell, ref, outbox.item(i) as Uint8Array, outbox.start(i), outbox.end(i));
      } else if (output === OUTPUT.ask) {
        const ask = outbox.item(i) as Ask;
        // The asker is a child of `cell` if that has just spawned it.
        this.#deliverAsk(ask.asker ?? cell, outbox.target(i) as ActorRef<never>, ask, outbox.start(i));
      } else if (output === OUTPUT.reply) {
        this.#settle(outbox.target(i) as Ask, { ok: true, value: outbox.item(i) as never });
      } else if (output === OUTPUT.send) {
        this.#send(outbox.target(i) as number, outbox.item(i) as Uint8Array, outbox.start(i), outbox.end(i));
      } else if (outbox.target(i) === cell) stopsItself = true;
      else this.#stop(outbox.target(i) as Cell);
    }
    outbox.clear();
    // Last, whatever it sent after it asked for it: nothing follows the close of a connection.
    if (stopsItself) this.#stop(cell);
  }

  #tellElsewhere(cell: Cell, ref: ActorRef<never>, message: unknown): void {
    const link = this.#peerLink(ref);
    if (link === undefined) this.deadLetters.add(this.#lossOf(ref), ref.address, message, this.nowMs);
    else this.#charge(cell, link, link.writer.value(RECORD.tell, link.nameOf(ref), message));
  }

  #deliverBytes(cell: Cell, ref: ActorRef<never>, bytes: Uint8Array, start: number, end: number): void {
    const target = this.cellOf(ref);
    if (target !== undefined) {
      this.#push(cell, target, bytes, start, end, LOCAL);
      return;
    }
    const link = this.#peerLink(ref);
    if (link === undefined)
      this.deadLetters.add(this.#lossOf(ref), ref.address, bytes.subarray(start, end), this.nowMs);
    else this.#charge(cell, link, link.writer.copy(RECORD.bytes, link.nameOf(ref), bytes, start, end));
  }

  #deliverAsk(cell: Cell, ref: ActorRef<never>, ask: Ask, timeoutMs: number): void {
    cell.asksPending++;
    this.#asks.add(ask, timeoutMs);
    const target = this.cellOf(ref);
    if (target !== undefined) {
      this.#push(cell, target, ask, ASK, 0, LOCAL);
      return;
    }
    const link = this.#peerLink(ref);
    if (link === undefined) {
      this.#failAsk(ask, ref.host === this.hostIndex ? 'ERR_ASK_NO_ACTOR' : 'ERR_HOST_LOST', ref.address);
      return;
    }
    ask.host = ref.host;
    this.#remoteAsks.set(ask.id, ask);
    this.#charge(cell, link, link.writer.ask(link.nameOf(ref), ask.id, ask.deadlineMs, ask.message));
  }

  #send(connection: number, bytes: Uint8Array, start: number, end: number): void {
    this.#linkOf(this.#mainOrigin).writer.copy(RECORD.write, connection, bytes, start, end);
  }

  #charge(sender: Cell, link: OutLink, charge: number): void {
    link.charge(charge);
    if (link.isFull) this.#suspend(sender, link.waiters);
  }

  // Asks

  /** Settles an ask once; what comes later is ignored. */
  #settle(ask: Ask, answer: Answer<never>): void {
    if (ask.settled) return;
    const { asker } = ask;
    if (asker === undefined) {
      const { writer } = this.#linkOf(ask.origin);
      if (answer.ok) writer.value(RECORD.reply, ask.id, answer.value);
      else writer.value(RECORD.reply, ask.id, answer.error, 1);
    }
    ask.settled = true;
    ask.taker?.taken?.delete(ask);
    if (asker === undefined) return;
    this.#asks.remove(ask);
    if (ask.host !== this.hostIndex) this.#remoteAsks.delete(ask.id);
    asker.asksPending--;
    if (asker.state === 'stopped' || ask.adapt === undefined) return;
    ask.answer = answer;
    this.#push(undefined, asker, ask, ANSWER, 0, LOCAL);
  }

  #failAsk(ask: Ask | undefined, code: ErrorCode, address: Address): void {
    if (ask === undefined) return;
    const error = new OutcryError(code, `${address} did not answer: ${REASONS[code] ?? code}`, {
      fields: { actor: address },
    });
    this.#settle(ask, { ok: false, error: error.toRecord() });
  }

  /** The instance that meant to answer them later is gone. */
  #failTaken(cell: Cell, code: ErrorCode): void {
    for (const ask of [...(cell.taken ?? [])]) this.#failAsk(ask, code, cell.self);
  }

  #onReply(reader: BatchReader): void {
    const ask = this.#remoteAsks.get(reader.target);
    // Its deadline has passed meanwhile: a late reply is ignored.
    if (ask === undefined) return;
    const value = reader.value() as never;
    this.#settle(ask, reader.flags === 1 ? { ok: false, error: value } : { ok: true, value });
  }

  #expireAsks(): void {
    for (
      let ask = this.#asks.takeExpired(this.nowMs);
      ask !== undefined;
      ask = this.#asks.takeExpired(this.nowMs)
    ) {
      const error = new OutcryError('ERR_ASK_TIMEOUT', 'no answer came before the deadline');
      this.#settle(ask, { ok: false, error: error.toRecord() });
    }
  }

  // Watching

  #addWatcher(address: Address, watcher: Address): void {
    const cell = this.#cells.get(address);
    if (cell === undefined) this.#notifyWatcher(watcher, address);
    else {
      cell.watchers ??= new Set();
      cell.watchers.add(watcher);
    }
  }

  /** `watcher` has stopped: an actor that lives long must not remember all that ever watched it. */
  #unwatch(watcher: Address, address: Address): void {
    const host = hostIndexOf(address, this.hostCount);
    if (host === this.hostIndex) this.#cells.get(address)?.watchers?.delete(watcher);
    else this.#sendPeer(host, { type: 'unwatch', address, watcher });
  }

  /** `address` has stopped: tells the watcher, wherever it is. */
  #notifyWatcher(watcher: Address, address: Address): void {
    const host = hostIndexOf(watcher, this.hostCount);
    if (host !== this.hostIndex) {
      this.#sendPeer(host, { type: 'terminated', address, watcher });
      return;
    }
    const cell = this.#cells.get(watcher);
    if (cell !== undefined) this.#noticeTermination(cell, address);
  }

  #noticeTermination(cell: Cell, address: Address): void {
    const message = cell.watches?.get(address);
    if (!cell.watches?.delete(address)) return;
    cell.mailbox.pushNotice(message);
    this.#schedule(cell);
  }

  #onPeerMessage(message: PeerMessage): void {
    const address = toAddress(message.address);
    const watcher = toAddress(message.watcher);
    if (message.type === 'watch') this.#addWatcher(address, watcher);
    else if (message.type === 'unwatch') this.#unwatch(watcher, address);
    else this.#notifyWatcher(watcher, address);
  }

  // Links

  #addLink(highWater: number): number {
    return this.#links.push(new OutLink(highWater)) - 1;
  }

  #linkOf(origin: number): OutLink {
    const link = this.#links[origin];
    if (link === undefined) throw new RangeError(`there is no link ${origin}`);
    return link;
  }

  #peerLink(ref: ActorRef<never>): OutLink | undefined {
    const origin = this.#peerOrigins[ref.host];
    return origin === undefined ? undefined : this.#links[origin];
  }

  #lossOf(ref: ActorRef<never>): DeadLetterReason {
    return ref.host === this.hostIndex ? 'no-actor' : 'host-lost';
  }

  #sendPeer(host: number, message: PeerMessage): void {
    const origin = this.#peerOrigins[host];
    if (origin !== undefined) this.#linkOf(origin).writer.value(RECORD.control, 0, message);
  }

  /** The host at the other end was lost: everything that waits for it is told. */
  #losePeer(host: number): void {
    const origin = this.#peerOrigins[host];
    if (origin === undefined) return;
    const link = this.#linkOf(origin);
    link.closed = true;
    if (link.inFlight > 0) {
      const address = `host-${host}` as Address;
      this.deadLetters.add('host-lost', address, `${link.inFlight} bytes on their way`, this.nowMs);
    }
    for (const ask of [...this.#remoteAsks.values()]) {
      if (ask.host === host) this.#failAsk(ask, 'ERR_HOST_LOST', `host-${host}` as Address);
    }
    for (const cell of this.#cells.values()) {
      for (const address of [...(cell.watches?.keys() ?? [])]) {
        if (hostIndexOf(address, this.hostCount) === host) this.#noticeTermination(cell, address);
      }
      for (const watcher of cell.watchers ?? []) {
        if (hostIndexOf(watcher, this.hostCount) === host) cell.watchers?.delete(watcher);
      }
    }
    this.#wakeAll(link.waiters.splice(0));
  }

  // The main thread's commands

  #onCommand(command: HostCommand): void {
    switch (command.type) {
      case 'open':
        this.#openSession(command.connection, command.service, command.remoteAddress);
        break;
      case 'ended':
        this.#tellSession(command.connection, { type: 'connection-ended' });
        break;
      case 'closed':
        this.#tellSession(command.connection, {
          type: 'connection-closed',
          reason: command.reason,
          isCutOff: command.isCutOff,
        });
        break;
      case 'settle':
        this.#settling.push(command.id);
        break;
      case 'drain':
        this.#drainRoots = [...this.#roots];
        break;
    }
  }

  #openSession(connection: number, service: string, remoteAddress: string): void {
    const spec = this.#options.createSession(service, remoteAddress);
    this.#spawn(toAddress(`${service}/${connection}`), spec, undefined, connection);
  }

  #tellSession(connection: number, message: ConnectionCommand): void {
    const cell = this.#sessions.get(connection);
    // The session may have stopped by itself meanwhile.
    if (cell !== undefined) this.#push(undefined, cell, message, TELL, 0, LOCAL);
  }

  #closeSession(cell: Cell, connection: number): void {
    this.#sessions.delete(connection);
    this.#linkOf(this.#mainOrigin).writer.text(RECORD.close, connection, cell.closeReason);
  }

  /** Stops roots from the last started to the first, each when it has nothing left to do. */
  #advanceDrain(): void {
    const roots = this.#drainRoots;
    if (roots === undefined) return;
    for (let cell = roots.at(-1); cell !== undefined; cell = roots.at(-1)) {
      if (!isIdle(cell, this.nowMs)) return;
      this.#stop(cell);
      roots.pop();
    }
    this.#drainRoots = undefined;
    this.emit({ type: 'drained', deadLetters: this.deadLetters.counts });
  }

  #isQuiet(): boolean {
    return (
      this.#scheduler.size === 0 &&
      this.#suspended.size === 0 &&
      this.#restarting === 0 &&
      this.#asks.count === 0 &&
      this.#peerOrigins.every((origin) => origin === undefined || this.#linkOf(origin).inFlight === 0)
    );
  }

  #answerSettled(): void {
    if (this.#settling.length === 0 || !this.#isQuiet()) return;
    for (const id of this.#settling.splice(0)) this.emit({ type: 'settled', id });
  }

  #fireTimers(): void {
    for (
      let timer = this.#timers.takeDue(this.nowMs);
      timer !== undefined;
      timer = this.#timers.takeDue(this.nowMs)
    ) {
      timer.fire();
    }
  }
}

/** References remembered by address; beyond it they are made anew at each use. */
const REFS_MAX = 65_536;

/** It is stopped, or neither it nor a child of it has anything left to do. */
function isIdle(cell: Cell, nowMs: number): boolean {
  if (cell.state === 'stopped') return true;
  const hasMail = cell.mailbox.count > 0 || cell.mailbox.hasNotice;
  const isWaiting = cell.state === 'restarting' || cell.asksPending > 0 || cell.isAnswering(nowMs);
  return (
    !hasMail && !isWaiting && [...(cell.children?.values() ?? [])].every((child) => isIdle(child, nowMs))
  );
}

function messageIn({ item, start, end }: Envelope): unknown {
  if (start === TELL) return item;
  if (start === ASK) return (item as Ask).message;
  if (start === ANSWER) return (item as Ask).answer;
  if (start === DUE) return (item as DueTimer).message;
  return (item as Uint8Array).subarray(start, end);
}

const REASONS: Partial<Record<ErrorCode, string>> = {
  ERR_ASK_FAULT: 'it failed first',
  ERR_ASK_NO_ACTOR: 'nobody lives there',
  ERR_ASK_STOPPED: 'it stopped first',
  ERR_HOST_LOST: 'its worker thread ended',
};

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
