/**
 * Runs an ActorSystem on a worker thread: batches come in over message ports, the system takes its turn, and each
 * link's batch goes out, one `postMessage` a turn and link.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { HostPorts, PeerPort } from '../../src/protocol/host-task.ts';
import { type Batch, transferListOf } from '../../src/protocol/link.ts';
import { monotonicMs } from '../../src/values/clock.ts';
import type { ActorSpec } from './actor.ts';
import { ActorSystem } from './actor-system.ts';

/** Starts the actors of a service that live in this host; returns what makes a session of it. */
export type StartService = (system: ActorSystem) => (remoteAddress: string) => ActorSpec;

/**
 * Runs `services`, by name, until the main thread closes the port. Rejects when a fault went past the last supervisor.
 */
export function runHost(ports: HostPorts, services: Readonly<Record<string, StartService>>): Promise<void> {
  return new Promise((resolve, reject) => {
    new Host(ports, resolve, reject).start(services);
  });
}

/** What setTimeout can wait; it takes anything longer for 1 ms, and the host would turn a thousand times a second. */
const DELAY_MAX_MS = 2 ** 31 - 1;

class Host {
  readonly #task: HostPorts;
  readonly #resolve: () => void;
  readonly #reject: (error: Error) => void;
  readonly #system: ActorSystem;
  readonly #sessions = new Map<string, (remoteAddress: string) => ActorSpec>();
  /** By origin. */
  readonly #ports: MessagePort[] = [];
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(task: HostPorts, resolve: () => void, reject: (error: Error) => void) {
    this.#task = task;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#system = new ActorSystem({
      hostIndex: task.hostIndex,
      hostCount: task.hostCount,
      linkHighWater: task.linkHighWater,
      mailboxMax: task.mailboxMax,
      log: (level, text, fields) => this.#system.emit({ type: 'log', level, text, fields }),
      createSession: (service, remoteAddress) => this.#createSession(service, remoteAddress),
    });
    this.#system.nowMs = monotonicMs();
  }

  start(services: Readonly<Record<string, StartService>>): void {
    const { port } = this.#task;
    port.on('close', () => this.#stop());
    const early = this.#connectPeers(port);
    for (const [name, startService] of Object.entries(services)) {
      this.#sessions.set(name, startService(this.#system));
    }
    if (this.#system.failure === undefined) this.#system.emit({ type: 'ready' });
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

  #createSession(service: string, remoteAddress: string): ActorSpec {
    const create = this.#sessions.get(service);
    if (create === undefined) throw new RangeError(`no service is called ${service}`);
    return create(remoteAddress);
  }

  #connectPeer(host: number, port: MessagePort): void {
    this.#listen(this.#system.connectPeer(host), port);
  }

  #listen(origin: number, port: MessagePort): void {
    this.#ports[origin] = port;
    port.on('message', (message: Batch | PeerPort) => {
      if ('peer' in message) this.#connectPeer(message.peer, message.port);
      else this.#system.intake(origin, message, monotonicMs());
      // While more is ready than fits a turn, the next turn is scheduled already.
      if (this.#immediate === undefined) this.#turn();
    });
  }

  #turn(): void {
    this.#immediate = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const hasMore = this.#system.run(monotonicMs());
    const { failure } = this.#system;
    if (failure !== undefined) this.#system.emit({ type: 'fatal', error: failure });
    for (const [origin, port] of this.#ports.entries()) {
      const batch = port === undefined ? undefined : this.#system.takeBatch(origin);
      if (batch !== undefined) port?.postMessage(batch, transferListOf(batch));
    }
    if (failure !== undefined) this.#reject(new Error(failure.message));
    else if (hasMore) this.#immediate = setImmediate(() => this.#turn());
    else this.#wakeUpAt(this.#system.nextDueMs());
  }

  #wakeUpAt(dueMs: number): void {
    if (dueMs === Infinity) return;
    const delayMs = Math.min(Math.max(0, dueMs - monotonicMs()), DELAY_MAX_MS);
    this.#timer = setTimeout(() => this.#turn(), delayMs);
  }

  #stop(): void {
    clearImmediate(this.#immediate);
    clearTimeout(this.#timer);
    for (const port of this.#ports) port?.close();
    this.#resolve();
  }
}
