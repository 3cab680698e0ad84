/**
 * Runs an ActorSystem on a worker thread: batches come in over message ports, the system takes its turns (turns.ts), and
 * each link's batch goes out, one `postMessage` a turn and link.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { HostEvent } from '../../src/protocol/control.ts';
import type { HostPorts, PeerPort } from '../../src/protocol/host-task.ts';
import { type Batch, BatchWriter, RECORD, transferListOf } from '../../src/protocol/link.ts';
import { monotonicMs, preciseEpochMs } from '../../src/values/clock.ts';
import { OutcryError } from '../../src/values/errors.ts';
import type { ActorSpec, ConnectionInfo } from './actor.ts';
import { ActorSystem } from './actor-system.ts';
import { startInspector } from './inspector.ts';
import { LmdbStore } from './lmdb-store.ts';
import { MemoryStore, type Store } from './store.ts';
import { type Batches, Turns } from './turns.ts';

/** Starts the actors of a service that live in this host; returns what makes a session of it, if it has any. */
export type StartService = (system: ActorSystem) => MakeSession | undefined;
export type MakeSession = (connection: ConnectionInfo) => ActorSpec;

/**
 * Runs `services`, by name, until the main thread closes the port. Rejects when the store can't be used or a fault went
 * past the last supervisor; which it was, the main thread has been told.
 */
export function runHost(ports: HostPorts, services: Readonly<Record<string, StartService>>): Promise<void> {
  return new Promise((resolve, reject) => {
    try {
      new Host(ports, resolve, reject).start(services);
    } catch (error) {
      tellWhy(ports.port, error);
      reject(error);
    }
  });
}

/** An error loses its code on the way out of a task, so the main thread is told before. */
function tellWhy(port: MessagePort, error: unknown): void {
  if (!(error instanceof OutcryError)) return;
  const writer = new BatchWriter();
  const event: HostEvent = { type: 'fatal', error: error.toRecord() };
  writer.value(RECORD.control, 0, event);
  const batch = writer.take();
  port.postMessage(batch, transferListOf(batch));
}

/** What setTimeout can wait; it takes anything longer for 1 ms, and the host would turn a thousand times a second. */
const DELAY_MAX_MS = 2 ** 31 - 1;

/** Batches of a link that are taken in for one turn, beside the one that has woken the host. */
const GATHERED_MAX = 64;

/** The wait between attempts to store what could not be stored. */
const STORE_RETRY_MS = 200;

class Host {
  readonly #task: HostPorts;
  readonly #resolve: () => void;
  readonly #reject: (error: Error) => void;
  readonly #store: Store;
  readonly #system: ActorSystem;
  readonly #turns: Turns;
  /** For the main thread, ahead of what waits to be stored. */
  readonly #urgent = new BatchWriter();
  readonly #sessions = new Map<string, MakeSession>();
  /** By origin. */
  readonly #ports: MessagePort[] = [];
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** When it comes, monotonic; Infinity without one. */
  #timerMs = Number.POSITIVE_INFINITY;
  #retrying: NodeJS.Timeout | undefined;

  constructor(task: HostPorts, resolve: () => void, reject: (error: Error) => void) {
    this.#task = task;
    this.#resolve = resolve;
    this.#reject = reject;
    const { hostIndex, hostCount, linkHighWater, mailboxMax, data } = task;
    this.#store =
      data === undefined ? new MemoryStore() : new LmdbStore({ folder: data.folder, isMade: data.isMade });
    this.#system = new ActorSystem({
      hostIndex,
      hostCount,
      linkHighWater,
      mailboxMax,
      log: (level, text, fields) => this.#tell({ type: 'log', level, text, fields }),
      createSession: (service, connection) => this.#createSession(service, connection),
      store: this.#store,
      ...(data === undefined ? {} : { snapshots: data.snapshots }),
      onRecovering: (bytes, total) => {
        this.#tell({ type: 'recovering', bytes, total });
        this.#postUrgent();
      },
    });
    this.#system.nowMs = monotonicMs();
    this.#turns = new Turns(this.#system, {
      tell: (event) => this.#tell(event),
      post: (batches) => this.#post(batches),
    });
  }

  start(services: Readonly<Record<string, StartService>>): void {
    const { port } = this.#task;
    port.on('close', () => void this.#stop());
    const early = this.#connectPeers(port);
    this.#system.start(() => {
      startInspector(this.#system);
      for (const [name, startService] of Object.entries(services)) {
        const makeSession = startService(this.#system);
        if (makeSession !== undefined) this.#sessions.set(name, makeSession);
      }
    });
    if (this.#system.failure === undefined) this.#tell({ type: 'ready' });
    for (const batch of early) this.#system.intake(this.#system.mainOrigin, batch, monotonicMs());
    this.#listen(this.#system.mainOrigin, port);
    this.#turn();
  }

  /**
   * The links to hosts that are up came ahead of the task: actors may send over them as soon as they start. Returns
   * what came behind them.
   */
  #connectPeers(port: MessagePort): Batch[] {
    const batches: Batch[] = [];
    for (let early = receiveMessageOnPort(port); early !== undefined; early = receiveMessageOnPort(port)) {
      const message: Batch | PeerPort = early.message;
      if ('peer' in message) this.#connectPeer(message.peer, message.port);
      else batches.push(message);
    }
    return batches;
  }

  #createSession(service: string, connection: ConnectionInfo): ActorSpec {
    const create = this.#sessions.get(service);
    if (create === undefined) throw new RangeError(`no service is called ${service}`);
    return create(connection);
  }

  #connectPeer(host: number, port: MessagePort): void {
    this.#listen(this.#system.connectPeer(host), port);
  }

  #listen(origin: number, port: MessagePort): void {
    this.#ports[origin] = port;
    port.on('message', (message: Batch | PeerPort) => {
      this.#receive(origin, message);
      // A turn that is stored costs a flush, whatever is in it: all that has come by now shares it.
      if (this.#system.isDurable) this.#receiveAll();
      // While more is ready than fits a turn, the next turn is scheduled already.
      if (this.#immediate === undefined && !this.#turns.isHeld) this.#turn();
    });
  }

  #receive(origin: number, message: Batch | PeerPort): void {
    if ('peer' in message) this.#connectPeer(message.peer, message.port);
    else this.#system.intake(origin, message, monotonicMs());
  }

  #receiveAll(): void {
    for (const [origin, port] of [...this.#ports.entries()]) {
      for (let taken = 0; port !== undefined && taken < GATHERED_MAX; taken++) {
        const next = receiveMessageOnPort(port);
        if (next === undefined) break;
        this.#receive(origin, next.message);
      }
    }
  }

  #turn(): void {
    this.#immediate = undefined;
    const end = this.#turns.take(monotonicMs(), preciseEpochMs());
    // What was said since the turn's batches have left, of a snapshot that was put off.
    this.#postUrgent();
    if (end === 'more') this.#immediate = setImmediate(() => this.#turn());
    else if (end === 'idle') this.#wakeUpAt(this.#system.nextDueMs());
    else if (end === 'held') this.#retryLater();
    else this.#reject(new Error(this.#system.failure?.message));
  }

  #retryStore(): void {
    if (this.#turns.retry()) this.#turn();
    else this.#retryLater();
  }

  #retryLater(): void {
    this.#retrying = setTimeout(() => this.#retryStore(), STORE_RETRY_MS);
  }

  #tell(event: HostEvent): void {
    this.#urgent.value(RECORD.control, 0, event);
  }

  #postUrgent(): void {
    if (this.#urgent.isEmpty) return;
    const batch = this.#urgent.take();
    this.#task.port.postMessage(batch, transferListOf(batch));
  }

  #post(batches: Batches): void {
    this.#postUrgent();
    batches.forEach((batch, origin) => {
      if (batch !== undefined) this.#ports[origin]?.postMessage(batch, transferListOf(batch));
    });
  }

  /** A timer that comes before stays, and a turn finds then that it was too early: to set one anew each turn costs more. */
  #wakeUpAt(dueMs: number): void {
    if (dueMs >= this.#timerMs) return;
    clearTimeout(this.#timer);
    this.#timerMs = dueMs;
    const delayMs = Math.min(Math.max(0, dueMs - monotonicMs()), DELAY_MAX_MS);
    this.#timer = setTimeout(() => this.#onTimer(), delayMs);
  }

  #onTimer(): void {
    this.#timerMs = Number.POSITIVE_INFINITY;
    if (this.#immediate === undefined && !this.#turns.isHeld) this.#turn();
  }

  async #stop(): Promise<void> {
    clearImmediate(this.#immediate);
    clearTimeout(this.#timer);
    clearTimeout(this.#retrying);
    for (const port of this.#ports) port?.close();
    await this.#store.close();
    this.#resolve();
  }
}
