/**
 * The entry of a host: one long-lived pool task that runs an ActorSystem on this worker thread. Batches come in over
 * message ports, the system takes its turn, and each link's batch goes out, one `postMessage` a turn and link.
 */
import { isMainThread, type MessagePort } from 'node:worker_threads';
import type { HostTask, PeerPort } from '../src/protocol/host-task.ts';
import { type Batch, transferListOf } from '../src/protocol/link.ts';
import { monotonicMs } from '../src/values/clock.ts';
import { startBank } from './ledger/bank-service.ts';
import type { ActorSpec } from './runtime/actor.ts';
import { ActorSystem } from './runtime/actor-system.ts';

if (isMainThread) throw new Error('a host runs on a worker thread, not on the main thread');

/** Runs until the main thread closes the port. Rejects when a fault went past the last supervisor. */
export function runHost(task: HostTask): Promise<void> {
  return new Promise((resolve, reject) => {
    new Host(task, resolve, reject).start();
  });
}

class Host {
  readonly #task: HostTask;
  readonly #resolve: () => void;
  readonly #reject: (error: Error) => void;
  readonly #system: ActorSystem;
  /** By origin. */
  readonly #ports: MessagePort[] = [];
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(task: HostTask, resolve: () => void, reject: (error: Error) => void) {
    this.#task = task;
    this.#resolve = resolve;
    this.#reject = reject;
    const services = new Map<string, (remoteAddress: string) => ActorSpec>();
    this.#system = new ActorSystem({
      hostIndex: task.hostIndex,
      hostCount: task.hostCount,
      linkHighWater: task.linkHighWater,
      mailboxMax: task.mailboxMax,
      log: (level, text, fields) => this.#system.emit({ type: 'log', level, text, fields }),
      createSession: (service, remoteAddress) => {
        const create = services.get(service);
        if (create === undefined) throw new RangeError(`no service is called ${service}`);
        return create(remoteAddress);
      },
    });
    this.#system.nowMs = monotonicMs();
    services.set('bank', startBank(this.#system, task.services.bank));
  }

  start(): void {
    const { port, peers } = this.#task;
    this.#listen(this.#system.mainOrigin, port);
    port.on('close', () => this.#stop());
    for (const peer of peers) this.#connectPeer(peer.host, peer.port);
    this.#system.emit({ type: 'ready' });
    this.#turn();
  }

  #connectPeer(host: number, port: MessagePort): void {
    this.#listen(this.#system.connectPeer(host), port);
  }

  #listen(origin: number, port: MessagePort): void {
    this.#ports[origin] = port;
    port.on('message', (message: Batch | PeerPort) => {
      if ('peer' in message) this.#connectPeer(message.peer, message.port);
      else this.#system.intake(origin, message);
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
    this.#timer = setTimeout(() => this.#turn(), Math.max(0, dueMs - monotonicMs()));
  }

  #stop(): void {
    clearImmediate(this.#immediate);
    clearTimeout(this.#timer);
    for (const port of this.#ports) port?.close();
    this.#resolve();
  }
}
