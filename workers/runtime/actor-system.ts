/**
 * The actors of one host. It does no I/O and reads no clock; its owner (host.ts on a worker thread, simulation.ts in a
 * test) calls `intake` with what arrived, `run` with the time, and posts what `takeBatch` returns for each link.
 *
 *     intake ──► mailboxes ──► run: actors in fair order, a batch each ──► takeBatch, for each link
 *
 *     directory   who lives here                      run queue   who may run, and who is held up
 *     links       the ways to other threads           dispatcher  one message after the other, then its outputs
 *     asking      requests and their answers          lifecycle   spawned, restarted, escalated, stopped
 *     watching    who is told of whose end            timers, dead letters
 *     streams     what was stored before              turn events, snapshots: what is to be stored
 *
 * With a durable store every turn ends with `store`: what the turn has for other threads may leave only after that.
 */
import type { HostCommand, HostEvent, PeerMessage } from '../../src/protocol/control.ts';
import { type Batch, BatchReader, RECORD } from '../../src/protocol/link.ts';
import { type Address, toAddress } from '../../src/values/address.ts';
import { type ErrorRecord, OutcryError } from '../../src/values/errors.ts';
import type { ActorSpec, Answer, ConnectionCommand, ConnectionInfo, DurableActor } from './actor.ts';
import type { ActorRef } from './actor-ref.ts';
import { Asking } from './asking.ts';
import { Ask } from './asks.ts';
import { Cell } from './cell.ts';
import { DeadLetters, type Log } from './dead-letters.ts';
import { Directory } from './directory.ts';
import { Dispatcher } from './dispatcher.ts';
import { Lifecycle } from './lifecycle.ts';
import { Links } from './links.ts';
import { ASK, CONNECTION, DUE, LOCAL, TELL } from './mailbox.ts';
import type { OutLink } from './out-link.ts';
import { Outbox } from './outbox.ts';
import { RunQueue } from './run-queue.ts';
import { FairScheduler, type Scheduler } from './scheduler.ts';
import { type SnapshotLimits, Snapshots } from './snapshots.ts';
import { MemoryStore, type Store } from './store.ts';
import { Streams } from './streams.ts';
import { type DueTimer, Timers } from './timers.ts';
import { Turn } from './turn.ts';
import { type TurnBatch, TurnEvents } from './turn-events.ts';
import { Watching } from './watching.ts';

/** A turn ends after this much, so that credit, timers and new messages are seen between. */
const TURN_MESSAGES = 32_768;
const TURN_BYTES = 1024 * 1024;
/** With a durable store: every turn costs a flush, and so a line costs less the more of them share it. */
const DURABLE_TURN_BYTES = 2 * 1024 * 1024;

export interface ActorSystemOptions {
  readonly hostIndex: number;
  readonly hostCount: number;
  /** Charge in flight to another host above which senders pause. */
  readonly linkHighWater: number;
  /** Messages that may wait for an actor whose spec does not say otherwise. */
  readonly mailboxMax: number;
  readonly log: Log;
  /** Makes the session of a new connection. */
  readonly createSession: (service: string, connection: ConnectionInfo) => ActorSpec;
  readonly scheduler?: Scheduler;
  /** Where events are kept; without one nowhere. */
  readonly store?: Store;
  readonly snapshots?: SnapshotLimits;
  readonly onRecovering?: (bytes: number, total: number) => void;
}

const NO_SNAPSHOTS: SnapshotLimits = {
  everyBytes: Number.POSITIVE_INFINITY,
  keepBytes: Number.POSITIVE_INFINITY,
  wishBytes: 0,
};

export class ActorSystem {
  readonly hostIndex: number;
  readonly hostCount: number;
  readonly outbox = new Outbox();
  readonly deadLetters: DeadLetters;
  readonly #options: ActorSystemOptions;
  readonly #turn = new Turn();
  readonly #timers = new Timers();
  readonly #directory: Directory;
  readonly #links: Links;
  readonly #runQueue: RunQueue;
  readonly #asking: Asking;
  readonly #watching: Watching;
  readonly #lifecycle: Lifecycle;
  readonly #dispatcher: Dispatcher;
  readonly #store: Store;
  readonly #events: TurnEvents | undefined;
  #snapshots: Snapshots | undefined;
  /** What the store holds, until all that start with the host have been restored. */
  #streams: Streams | undefined;
  /** Numbers of the main thread's requests to be told when all is quiet. */
  readonly #settling: number[] = [];
  /** Roots still to be stopped, the next one last; undefined unless draining. */
  #drainRoots: Cell[] | undefined;

  constructor(options: ActorSystemOptions) {
    const { hostIndex, hostCount, linkHighWater, log } = options;
    this.#options = options;
    this.#store = options.store ?? new MemoryStore();
    this.#events = this.#store.isDurable ? new TurnEvents() : undefined;
    this.hostIndex = hostIndex;
    this.hostCount = hostCount;
    this.deadLetters = new DeadLetters(log);
    this.#directory = new Directory(hostIndex, hostCount);
    this.#links = new Links(linkHighWater);
    this.#runQueue = new RunQueue(options.scheduler ?? new FairScheduler());
    this.#asking = new Asking(hostIndex, this.#links, this.#runQueue);
    this.#watching = new Watching(this.#directory, this.#links, this.#runQueue);
    const parts = {
      turn: this.#turn,
      directory: this.#directory,
      links: this.#links,
      runQueue: this.#runQueue,
      asking: this.#asking,
      outbox: this.outbox,
      deadLetters: this.deadLetters,
    };
    this.#lifecycle = new Lifecycle({
      ...parts,
      watching: this.#watching,
      timers: this.#timers,
      log,
      commit: (cell) => this.#dispatcher.commit(cell),
      restore: (cell) => this.#restore(cell),
    });
    this.#dispatcher = new Dispatcher({ ...parts, lifecycle: this.#lifecycle, events: this.#events });
  }

  /** True if what durable actors do outlives the process. */
  get isDurable(): boolean {
    return this.#store.isDurable;
  }

  /**
   * Starts the actors that start with the host, with the state that is stored. Throws ERR_DATA_DAMAGED, ERR_DATA_FORMAT.
   */
  start(startActors: () => void): void {
    this.#streams = this.#readStreams();
    const { bytes, firstBatches } = this.#streams;
    startActors();
    const { left } = this.#streams;
    this.#streams = undefined;
    if (left.length > 0) {
      const names = left.slice(0, 10).join(', ');
      this.#options.log('warn', `stored, but of no actor that is here, and kept: ${names}`, {
        streams: left.length,
      });
    }
    const { snapshots = NO_SNAPSHOTS } = this.#options;
    this.#snapshots = new Snapshots(this.#store, snapshots, () => this.#directory.durable, {
      bytes,
      firstBatches,
    });
  }

  get nowMs(): number {
    return this.#turn.nowMs;
  }

  set nowMs(nowMs: number) {
    this.#turn.nowMs = nowMs;
  }

  /** The date of the turn. */
  get timeMs(): number {
    return this.#turn.nowMs + this.#turn.epochMs;
  }

  get mainOrigin(): number {
    return this.#links.mainOrigin;
  }

  /** Set when a fault went past the last supervisor; the host must end. */
  get failure(): ErrorRecord | undefined {
    return this.#lifecycle.failure;
  }

  /** Connects to another host; again, with a new link, when that host has been replaced. Returns the origin. */
  connectPeer(host: number): number {
    const lost = this.#links.toHost(host);
    const origin = this.#links.connectPeer(host);
    if (lost !== undefined) this.#losePeer(host, lost);
    return origin;
  }

  /** Starts an actor that no other actor is the parent of. */
  spawnRoot<Message>(address: Address, spec: ActorSpec): ActorRef<Message> {
    this.#lifecycle.spawn(new Cell(this, address, spec, this.#options.mailboxMax, {}));
    return this.refer(address);
  }

  refer<Message>(address: Address): ActorRef<Message> {
    return this.#directory.refer(address);
  }

  /** The cell behind `ref` if it runs in this host. */
  cellOf(ref: ActorRef<never>): Cell | undefined {
    return this.#directory.cellOf(ref);
  }

  /** The actors of this host, as they are now. */
  get cells(): Iterable<Cell> {
    return this.#directory.cells;
  }

  /** Takes in what arrived over a link at `nowMs`. No message is handled yet, but sessions start. */
  intake(origin: number, batch: Batch, nowMs: number): void {
    this.#turn.nowMs = nowMs;
    const link = this.#links.of(origin);
    if (batch.spent !== undefined) link.writer.reuse(batch.spent);
    const reader = new BatchReader(batch);
    while (reader.next()) {
      switch (reader.kind) {
        case RECORD.connectionBytes:
        case RECORD.connectionChunk:
          this.#receiveFrames(link, reader, origin);
          break;
        case RECORD.bytes:
          this.#dispatcher.receive(refIn(link, reader), reader.bytes, reader.start, reader.end, origin);
          break;
        case RECORD.tell:
          this.#dispatcher.receive(refIn(link, reader), reader.value(), TELL, reader.charge, origin);
          break;
        case RECORD.ask: {
          const ask = new Ask(reader.askMessage(), reader.askDeadlineMs(), origin, reader.askId());
          this.#dispatcher.receive(refIn(link, reader), ask, ASK, reader.charge, origin);
          break;
        }
        case RECORD.reply:
          this.#asking.onReply(reader);
          break;
        case RECORD.bind:
          link.named[reader.target] = this.refer(toAddress(reader.text()));
          break;
        case RECORD.credit:
          link.inFlight -= reader.target;
          if (link.hasRoom) this.#runQueue.wakeAll(link.waiters);
          break;
        case RECORD.control:
          if (origin === this.mainOrigin) this.#onCommand(reader.value() as HostCommand);
          else this.#watching.onPeerMessage(reader.value() as PeerMessage);
          break;
        default:
          throw new RangeError(`a host can't take in a record of kind ${reader.kind}`);
      }
    }
  }

  /** Runs actors until none is ready or the turn is used up; true if more is ready. `timeMs` is the date. */
  run(nowMs: number, timeMs = nowMs): boolean {
    const turn = this.#turn;
    turn.nowMs = nowMs;
    turn.epochMs = timeMs - nowMs;
    turn.messagesLeft = TURN_MESSAGES;
    turn.bytesLeft = this.#store.isDurable ? DURABLE_TURN_BYTES : TURN_BYTES;
    this.#fireTimers();
    this.#asking.expire(nowMs);
    while (!turn.isUsedUp && this.failure === undefined) {
      const cell = this.#runQueue.take(nowMs, this.#mayMakeRoom);
      if (cell === undefined) break;
      this.#dispatcher.dispatch(cell);
    }
    this.#advanceDrain();
    this.#answerSettled();
    // In the turn, so that the log's lines leave with its batches.
    this.deadLetters.flush(nowMs);
    return this.#runQueue.hasReady && this.failure === undefined;
  }

  /** What this turn has for the other side of a link; undefined if nothing. */
  takeBatch(origin: number): Batch | undefined {
    return this.#links.of(origin).take();
  }

  /** The same for all links, by origin. */
  takeBatches(): (Batch | undefined)[] {
    return this.#links.takeAll();
  }

  /** Monotonic time at which `run` has something to do even if nothing arrives; Infinity if never. */
  nextDueMs(): number {
    return Math.min(
      this.#timers.nextDueMs(),
      this.#asking.nextDueMs(),
      this.deadLetters.flush(this.nowMs),
      this.#runQueue.nextDueMs,
    );
  }

  /** The events of the turns since the last call, to be stored as one batch; undefined if there are none. */
  takeEvents(timeMs: number): TurnBatch | undefined {
    return this.#events?.take(this.#store.last + 1, timeMs);
  }

  /** Stores what `takeEvents` has returned. Throws ERR_STORE_WRITE: call it again with the same batch, later. */
  store({ bytes, actors }: TurnBatch): void {
    this.#store.append(bytes);
    this.#snapshots?.onAppended(bytes.length, actors);
  }

  /** Writes a piece of what snapshots are due, if any, between turns; true if there is more. */
  advanceSnapshots(): boolean {
    try {
      return this.#snapshots?.advance() ?? false;
    } catch (error) {
      if (!(error instanceof OutcryError)) throw error;
      this.#options.log('warn', `the snapshot is put off: ${error.message}`, {});
      return false;
    }
  }

  /** Lets the sessions that can tell their clients do so, each once: nothing can be stored. */
  tellStoreFailed(): void {
    for (const cell of [...this.#directory.sessions]) {
      if (cell.knowsTrouble) continue;
      cell.knowsTrouble = true;
      this.#dispatcher.tellStoreFailed(cell);
    }
  }

  /** It can be stored again: the next time is another one. */
  forgetStoreFailed(): void {
    for (const cell of this.#directory.sessions) cell.knowsTrouble = false;
  }

  /** The actor may have changed its state in place this turn. */
  touch(cell: Cell): void {
    this.#events?.touch(cell);
  }

  emit(event: HostEvent): void {
    this.#links.main.writer.value(RECORD.control, 0, event);
  }

  spawnChild<Message>(parent: Cell, name: string, spec: ActorSpec): ActorRef<Message> {
    const address = toAddress(`${parent.self}/${name}`);
    this.#lifecycle.spawn(new Cell(this, address, spec, this.#options.mailboxMax, { parent }));
    return this.refer(address);
  }

  createAsk(
    asker: Cell,
    message: unknown,
    timeoutMs: number,
    adapt: (answer: Answer<never>) => unknown,
  ): Ask {
    return this.#asking.create(asker, message, this.nowMs + timeoutMs, adapt);
  }

  watch(watcher: Cell, ref: ActorRef<never>, message: unknown): void {
    this.#watching.watch(watcher, ref, message);
  }

  startTimer(cell: Cell, key: string, delayMs: number, message: unknown): void {
    cell.cancelTimer(key);
    cell.timers ??= new Map();
    const timer = this.#timers.start(this.nowMs + delayMs, cell, () => {
      const due: DueTimer = { timer, key, message };
      this.#runQueue.push(undefined, cell, due, DUE, 0, LOCAL);
    });
    cell.timers.set(key, timer);
  }

  #receiveFrames(link: OutLink, reader: BatchReader, origin: number): void {
    const cell = this.#directory.sessionOf(reader.target);
    // A session may stop while its connection's bytes are on their way here.
    if (cell === undefined) link.owed += reader.charge;
    else this.#runQueue.push(undefined, cell, reader.bytes, reader.start, reader.end, origin);
  }

  #onCommand(command: HostCommand): void {
    switch (command.type) {
      case 'open':
        this.#openSession(command);
        break;
      case 'ended':
        this.#tellSession(command.connection, { type: 'connection-ended' });
        break;
      case 'closed': {
        const { connection, reason, isCutOff } = command;
        this.#tellSession(connection, { type: 'connection-closed', reason, isCutOff });
        break;
      }
      case 'drained':
        this.#tellSession(command.connection, { type: 'connection-drained' });
        break;
      case 'closing':
        for (const { connection } of [...this.#directory.sessions]) {
          if (connection !== undefined) {
            this.#tellSession(connection, { type: 'server-closing', message: command.message });
          }
        }
        break;
      case 'kick':
        this.#tellSession(command.connection, { type: 'kicked', reason: command.reason });
        break;
      case 'settle':
        this.#settling.push(command.id);
        break;
      case 'drain':
        this.#drainRoots = [...this.#directory.roots];
        break;
    }
  }

  #openSession(command: HostCommand & { type: 'open' }): void {
    const { connection, service, remoteAddress, localAddress, sinceMs, memory } = command;
    const isReplacement = command.isReplacement ?? false;
    const info: ConnectionInfo = {
      connection,
      remoteAddress,
      localAddress,
      sinceMs,
      isReplacement,
      memory,
    };
    const spec = this.#options.createSession(service, info);
    const address = toAddress(`${service}/${connection}`);
    this.#lifecycle.spawn(new Cell(this, address, spec, this.#options.mailboxMax, { connection }));
  }

  #readStreams(only?: Address): Streams {
    const { onRecovering, log } = this.#options;
    return new Streams(this.#store, {
      ...(only === undefined ? {} : { only }),
      ...(onRecovering === undefined ? {} : { onProgress: onRecovering }),
      onTorn: (position) => log('warn', `the last batch, ${position}, was torn, and is cut off`, {}),
    });
  }

  /** All the cell's events are stored: no actor is restarted in the turn in which it has failed. */
  #restore(cell: Cell): void {
    if (!this.#store.isDurable) return;
    const streams = this.#streams ?? this.#readStreams(cell.self);
    cell.events = streams.restore(cell.self, cell.actor as DurableActor);
  }

  #tellSession(connection: number, message: ConnectionCommand): void {
    const cell = this.#directory.sessionOf(connection);
    // The session may have stopped by itself meanwhile.
    if (cell !== undefined) this.#runQueue.push(undefined, cell, message, CONNECTION, 0, LOCAL);
  }

  /** The host at the other end of `link` was lost: everything that waits for it is told. */
  #losePeer(host: number, link: OutLink): void {
    if (link.inFlight > 0) {
      const address = `host-${host}` as Address;
      this.deadLetters.add('host-lost', address, `${link.inFlight} bytes on their way`, this.nowMs);
    }
    this.#asking.failHost(host);
    this.#watching.onHostLost(host);
    this.#runQueue.wakeAll(link.waiters);
  }

  /** One that an earlier one has started waits for the next turn: no actor that always fails keeps its host busy. */
  #fireTimers(): void {
    const { startedCount } = this.#timers;
    let timer = this.#timers.takeDue(this.nowMs, startedCount);
    while (timer !== undefined) {
      timer.fire();
      timer = this.#timers.takeDue(this.nowMs, startedCount);
    }
  }

  /** Whether suspended actors may hope for something else than each other. */
  readonly #mayMakeRoom = (): boolean => this.#links.isAnyFull || this.#lifecycle.restartingCount > 0;

  /** Stops roots from the last started to the first, each when it has nothing left to do. */
  #advanceDrain(): void {
    const roots = this.#drainRoots;
    if (roots === undefined) return;
    for (let cell = roots.at(-1); cell !== undefined; cell = roots.at(-1)) {
      if (!isIdle(cell, this.nowMs)) return;
      this.#lifecycle.stop(cell);
      roots.pop();
    }
    this.#drainRoots = undefined;
    this.emit({ type: 'drained', deadLetters: this.deadLetters.counts });
  }

  #answerSettled(): void {
    if (this.#settling.length === 0) return;
    const isQuiet =
      this.#runQueue.isQuiet &&
      this.#lifecycle.restartingCount === 0 &&
      this.#asking.pendingCount === 0 &&
      this.#links.isQuiet;
    if (!isQuiet) return;
    for (const id of this.#settling.splice(0)) this.emit({ type: 'settled', id });
  }
}

/** The actor for which the current record of `reader` is. */
function refIn(link: OutLink, reader: BatchReader): ActorRef<never> {
  const ref = link.named[reader.target];
  if (ref === undefined) throw new RangeError(`a link used the number ${reader.target} without naming it`);
  return ref;
}

/** It is stopped, or neither it nor a child of it has anything left to do. */
function isIdle(cell: Cell, nowMs: number): boolean {
  if (cell.state === 'stopped') return true;
  const hasMail = cell.mailbox.count > 0 || cell.mailbox.hasNotice;
  const isWaiting = cell.state === 'restarting' || cell.asksPending > 0 || cell.isAnswering(nowMs);
  const children = [...(cell.children?.values() ?? [])];
  return !hasMail && !isWaiting && children.every((child) => isIdle(child, nowMs));
}
