/**
 * The worker threads that run actors: started together, linked with each other, replaced when one dies.
 *
 * Piscina gives a task to any idle worker, so each host is one task that lasts as long as its worker; the pool has as
 * many threads as hosts. A host that ends fails what waits for it, and is replaced; more than `restartsMax` within
 * `restartsPeriodMs` is loud: `onFatal`.
 */
import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { MessageChannel } from 'node:worker_threads';
import type { Logger } from 'pino';
import { Piscina } from 'piscina';
import { HostLink } from './host-link.ts';
import type { HostEvent } from './protocol/control.ts';
import type { DataSettings, HostTask, PeerPort, ServiceSettings } from './protocol/host-task.ts';
import { type Address, hostIndexOf } from './values/address.ts';
import { monotonicMs } from './values/clock.ts';
import { type ErrorRecord, messageOf, OutcryError } from './values/errors.ts';

/**
 * A thread's heap, with the buffers it holds, from which on V8 collects garbage in all of it. By default that begins at what
 * a small heap has grown to: a host moves hundreds of megabytes of buffers a second, and would mark its heap twenty times in
 * each of them, on all cores. It can be said only before a thread starts.
 */
const COLLECT_AT_MB = 128;

export interface HostsOptions {
  readonly count: number;
  readonly bytesHigh: number;
  readonly bytesLow: number;
  readonly mailboxMax: number;
  readonly restartsMax: number;
  readonly restartsPeriodMs: number;
  readonly services: ServiceSettings;
  /** Where a host keeps what is to last; without it nothing does. */
  readonly dataOf?: (host: number) => DataSettings;
  readonly log: Logger;
  /** Bytes of journal that the hosts have read at the start, of `total`. */
  readonly onRecovering?: (bytes: number, total: number) => void;
  /** A host was lost with `bytesInFlight` on their way to it, and is being replaced. */
  readonly onReplaced: (
    link: HostLink,
    loss: { readonly reason: string; readonly bytesInFlight: number },
  ) => void;
  /** A host was lost for good; the server can't go on. */
  readonly onFatal: (error: OutcryError) => void;
}

interface Host {
  readonly link: HostLink;
  /** Called when the present host says it is ready. */
  onReady: (() => void) | undefined;
  port: MessageChannel['port1'] | undefined;
  /** Runs while the present host is not ready. */
  late: NodeJS.Timeout | undefined;
  /** Why the present host can't go on, in its own words. */
  fatal: OutcryError | undefined;
  /** What it has said about its recovery. */
  recovery: { readonly bytes: number; readonly total: number };
}

/** A host that takes longer to start its actors, without a word on how far it is with their recovery, is stuck. */
const READY_TIMEOUT_MS = 120_000;
/** A turn and its transaction take no longer, or the disk is stuck. */
const CLOSE_GRACE_MS = 10_000;
const HOST_ENTRY = new URL('../workers/host.js', import.meta.url).href;

/** The longest way of a message between hosts: from a session to a shard, and from there to the tally. */
const SETTLE_ROUNDS = 2;

/** How many hosts the setting `server.hosts` means. */
export function hostCountFor(setting: number): number {
  return setting || Math.max(1, availableParallelism() - 1);
}

export class Hosts {
  readonly links: readonly HostLink[];
  /** The pool of worker threads; a host is one task in it. */
  readonly pool: Piscina<HostTask, void>;
  readonly #options: HostsOptions;
  readonly #hosts: readonly Host[];
  readonly #settling = new Map<number, { readonly link: HostLink; readonly resolve: () => void }>();
  readonly #lossesMs: number[] = [];
  #nextSettleId = 1;
  /** Set until all hosts are ready for the first time: without one of them the start has failed. */
  #onStartFailed: ((error: OutcryError) => void) | undefined;
  /** Indexes of the hosts that still have actors to stop. */
  readonly #draining = new Set<number>();
  #onDrained: (() => void) | undefined;
  /** Resolves when the threads have ended, once they have been told to. */
  #closed: Promise<void> | undefined;
  /** What the threads are running. */
  readonly #tasks = new Set<Promise<void>>();
  readonly #deadLetters: Record<string, number> = {};

  private constructor(options: HostsOptions) {
    this.#options = options;
    this.#hosts = Array.from({ length: options.count }, (_, index) => ({
      link: new HostLink({
        index,
        bytesHigh: options.bytesHigh,
        bytesLow: options.bytesLow,
        onEvent: (event) => this.#onEvent(index, event),
      }),
      onReady: undefined,
      port: undefined,
      late: undefined,
      fatal: undefined,
      recovery: { bytes: 0, total: 0 },
    }));
    this.links = this.#hosts.map(({ link }) => link);
    setFlagsFromString(`--initial-old-space-size=${COLLECT_AT_MB}`);
    this.pool = new Piscina<HostTask, void>({
      filename: HOST_ENTRY,
      name: 'runHostTask',
      minThreads: options.count,
      maxThreads: options.count,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: 1,
      atomics: 'disabled',
    });
    this.pool.on('error', (error) =>
      options.log.error({ error: messageOf(error) }, 'a worker thread failed'),
    );
  }

  /** Starts all hosts; resolves when every one is ready. If one is lost before, none is left. */
  static async start(options: HostsOptions): Promise<Hosts> {
    const hosts = new Hosts(options);
    try {
      await hosts.#startAll();
    } catch (error) {
      await hosts.close();
      throw error;
    }
    return hosts;
  }

  /** Dead letters by reason, as counted by the hosts when they drained. */
  get deadLetters(): Readonly<Record<string, number>> {
    return this.#deadLetters;
  }

  /** Asks the actor at `address`; rejects with an OutcryError if it can't answer within `timeoutMs`. */
  ask(address: Address, message: unknown, timeoutMs: number): Promise<unknown> {
    const link = this.links[hostIndexOf(address, this.links.length)] as HostLink;
    return link.ask(address, message, timeoutMs);
  }

  /** Tells the actor at `address` something. */
  tell(address: Address, message: unknown): void {
    this.links[hostIndexOf(address, this.links.length)]?.tell(address, message);
  }

  /** Resolves once nothing that the hosts have taken in is still on its way between actors, or at the deadline. */
  async settle(deadlineMs: number): Promise<void> {
    // A host that was quiet may have been given work since by one that was not, and send a message in its turn.
    for (let round = 0; round < SETTLE_ROUNDS; round++) await untilDeadline(this.#settleOnce(), deadlineMs);
  }

  async #settleOnce(): Promise<void> {
    await Promise.all(
      this.#living().map(({ link }) => {
        const id = this.#nextSettleId++;
        return new Promise<void>((resolve) => {
          this.#settling.set(id, { link, resolve });
          link.command({ type: 'settle', id });
        });
      }),
    );
  }

  /** Stops all actors in the reverse order of their start. Resolves when done, or at the deadline. */
  async drain(deadlineMs: number): Promise<void> {
    const drained = new Promise<void>((resolve) => {
      this.#onDrained = resolve;
    });
    for (const { link } of this.#living()) {
      this.#draining.add(link.index);
      link.command({ type: 'drain' });
    }
    if (this.#draining.size > 0) await untilDeadline(drained, deadlineMs);
  }

  /** Ends the worker threads. */
  close(): Promise<void> {
    this.#closed ??= this.#closeNow();
    return this.#closed;
  }

  /**
   * Every host ends its turn and its task first: a thread that is terminated within a transaction of LMDB never ends, and
   * the process with it.
   */
  async #closeNow(): Promise<void> {
    for (const host of this.#hosts) {
      clearTimeout(host.late);
      host.port = undefined;
      host.link.lose('the server stops');
    }
    await untilDeadline(Promise.all(this.#tasks), monotonicMs() + CLOSE_GRACE_MS);
    await this.pool.destroy();
  }

  async #startAll(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#onStartFailed = reject;
      const tasks = this.#hosts.map((host) => this.#openPort(host));
      Promise.all(this.#hosts.map((host, i) => this.#runTask(host, tasks[i] as HostTask))).then(
        () => resolve(),
        reject,
      );
    });
    this.#onStartFailed = undefined;
  }

  /** Links the host with the main thread and the other hosts; returns its task. */
  #openPort(host: Host): HostTask {
    const { count, bytesHigh, mailboxMax, services, dataOf } = this.#options;
    const { index } = host.link;
    host.fatal = undefined;
    const { port1, port2 } = new MessageChannel();
    host.link.attach(port1);
    host.port = port1;
    this.#linkPeers(host);
    return {
      hostIndex: index,
      hostCount: count,
      port: port2,
      linkHighWater: bytesHigh,
      mailboxMax,
      services,
      ...(dataOf === undefined ? {} : { data: dataOf(index) }),
    };
  }

  /** Resolves when the host is ready. A worker thread that dies while it boots is not replaced by the pool: it is late. */
  #runTask(host: Host, task: HostTask): Promise<void> {
    return new Promise((resolve) => {
      this.#expectReady(host);
      host.onReady = () => {
        clearTimeout(host.late);
        resolve();
      };
      const ended: Promise<void> = this.pool.run(task, { transferList: [task.port] }).then(
        () => this.#onEnded(ended, task.hostIndex, 'it ended'),
        (error: unknown) => this.#onEnded(ended, task.hostIndex, messageOf(error)),
      );
      this.#tasks.add(ended);
    });
  }

  #expectReady(host: Host): void {
    clearTimeout(host.late);
    host.late = setTimeout(() => this.#onLate(host), READY_TIMEOUT_MS);
  }

  /**
   * Makes the links between `host` and the others. Each end goes ahead of whatever needs it, over the link to its
   * host; not with the task, which a port that breaks while it waits for a thread would take with it.
   */
  #linkPeers(host: Host): void {
    for (const other of this.#living()) {
      if (other === host) continue;
      const { port1, port2 } = new MessageChannel();
      const toOther: PeerPort = { peer: host.link.index, port: port1 };
      const toHost: PeerPort = { peer: other.link.index, port: port2 };
      other.port?.postMessage(toOther, [port1]);
      host.port?.postMessage(toHost, [port2]);
    }
  }

  /** Those that have a thread, or are about to. */
  #living(): Host[] {
    return this.#hosts.filter(({ port }) => port !== undefined);
  }

  #onEvent(index: number, event: HostEvent): void {
    const host = this.#hosts[index] as Host;
    switch (event.type) {
      case 'ready':
        host.onReady?.();
        host.onReady = undefined;
        break;
      case 'recovering':
        host.recovery = event;
        if (host.onReady !== undefined) this.#expectReady(host);
        this.#reportRecovery();
        break;
      case 'store':
        this.#onStore(host, event.error);
        break;
      case 'settled':
        this.#settling.get(event.id)?.resolve();
        this.#settling.delete(event.id);
        break;
      case 'drained':
        for (const [reason, count] of Object.entries(event.deadLetters)) {
          this.#deadLetters[reason] = (this.#deadLetters[reason] ?? 0) + count;
        }
        this.#endDrainOf(index);
        break;
      case 'log':
        this.#options.log[event.level]({ host: index, ...event.fields }, event.text);
        break;
      case 'fatal':
        host.fatal = OutcryError.fromRecord(event.error);
        this.#options.log.error({ host: index }, event.error.message);
        break;
    }
  }

  #reportRecovery(): void {
    if (this.#onStartFailed === undefined) return;
    const sum = (of: (host: Host) => number) => this.#hosts.reduce((total, host) => total + of(host), 0);
    this.#options.onRecovering?.(
      sum(({ recovery }) => recovery.bytes),
      sum(({ recovery }) => recovery.total),
    );
  }

  #onStore({ link }: Host, record: ErrorRecord | undefined): void {
    const { log } = this.#options;
    link.setTrouble(record && OutcryError.fromRecord(record));
    if (record === undefined) log.warn({ host: link.index }, 'it can store again, and goes on');
    else log.error({ host: link.index }, `${record.message}; nothing is lost, and it is tried again`);
  }

  #onEnded(task: Promise<void>, index: number, reason: string): void {
    this.#tasks.delete(task);
    if (this.#closed === undefined) this.#onLost(index, reason);
  }

  #onLost(index: number, reason: string): void {
    const host = this.#hosts[index] as Host;
    // Its last words come another way than its end, and may be behind: why it ended, and what it has acknowledged.
    host.link.receiveAll();
    host.port = undefined;
    clearTimeout(host.late);
    const { bytesInFlight } = host.link;
    host.link.lose(reason);
    this.#settleLost(host.link);
    this.#options.log.error({ host: index }, `host ${index} was lost: ${reason}`);
    this.#endDrainOf(index);
    const lost = host.fatal ?? new OutcryError('ERR_HOST_LOST', `host ${index} was lost: ${reason}`);
    if (this.#onStartFailed !== undefined) {
      this.#onStartFailed(lost);
      return;
    }
    if (isUnusableData(lost)) {
      // Another host would find the same.
      this.#fail(lost);
      return;
    }
    if (this.#isPastLimit()) {
      const { restartsMax, restartsPeriodMs } = this.#options;
      const period = `${restartsMax} restarts within ${restartsPeriodMs / 1000} s is the limit`;
      this.#fail(new OutcryError('ERR_HOST_RESTARTS', `${lost.message}; ${period}`));
      return;
    }
    void this.#runTask(host, this.#openPort(host)).then(() =>
      this.#options.log.warn({ host: index }, `host ${index} was replaced`),
    );
    this.#options.onReplaced(host.link, { reason, bytesInFlight });
  }

  #onLate({ link }: Host): void {
    const message = `host ${link.index} was not ready within ${READY_TIMEOUT_MS / 1000} s`;
    const error = new OutcryError('ERR_HOST_LOST', message);
    if (this.#onStartFailed !== undefined) this.#onStartFailed(error);
    else this.#fail(error);
  }

  /** The server can't go on; who hears of it may end the process, so the threads end before. */
  #fail(error: OutcryError): void {
    void this.close().then(() => this.#options.onFatal(error));
  }

  #endDrainOf(index: number): void {
    if (this.#draining.delete(index) && this.#draining.size === 0) this.#onDrained?.();
  }

  /** A lost host has nothing on its way any more. */
  #settleLost(lost: HostLink): void {
    for (const [id, { link, resolve }] of this.#settling) {
      if (link !== lost) continue;
      this.#settling.delete(id);
      resolve();
    }
  }

  #isPastLimit(): boolean {
    const { restartsMax, restartsPeriodMs } = this.#options;
    const nowMs = monotonicMs();
    while (this.#lossesMs[0] !== undefined && nowMs - this.#lossesMs[0] >= restartsPeriodMs)
      this.#lossesMs.shift();
    this.#lossesMs.push(nowMs);
    return this.#lossesMs.length > restartsMax;
  }
}

function isUnusableData({ code }: OutcryError): boolean {
  return code === 'ERR_DATA_DAMAGED' || code === 'ERR_DATA_FORMAT';
}

/** Resolves with `work`, or at the deadline. */
async function untilDeadline(work: Promise<unknown>, deadlineMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, deadlineMs - monotonicMs()));
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
