/**
 * The connections of all services: each feeds the host of its session and gets what the session writes; the idle are
 * closed, and at the end all are read to their ends.
 */
import { type Duplex, duplexPair } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type ClientStream, Connection } from './connection.ts';
import type { HostLink } from './host-link.ts';
import { counted, Listener, type ListenerOptions } from './listener.ts';
import { LogStorm } from './log-storm.ts';
import type { Flow } from './protocol/link.ts';
import { hostIndexOf, toAddress } from './values/address.ts';
import { monotonicMs } from './values/clock.ts';

/** Who wants to know of connections that come and go. */
export interface ConnectionWatcher {
  opened(connection: Connection): void;
  /** The session says what it calls its client. */
  identified(connection: Connection): void;
  ended(connection: Connection): void;
}

export interface DrainOptions {
  /** Why the server shuts down, for clients that are told. */
  readonly message: string;
  /** A client that has been silent this long is given up. */
  readonly silentMs: number;
  /** All connections are given up at this time, monotonic. */
  readonly deadlineMs: number;
}

/** Numbers of connections cross threads in 32 bits; after the last one they start again. */
const ID_MAX = 2 ** 31 - 1;
const SWEEP_MAX_MS = 10_000;
const DRAIN_SWEEP_MS = 50;
/** The event loop accepts one waiting connection a turn; after this many turns without one, none waits. */
const QUIET_TURNS = 3;

export class Gateway {
  readonly #links: readonly HostLink[];
  readonly #log: Logger;
  readonly #watcher: ConnectionWatcher | undefined;
  readonly #storms = new LogStorm();
  readonly #listeners: Listener[] = [];
  readonly #connections = new Map<number, Connection>();
  /** Those written to since the last flush. */
  readonly #corked: Connection[] = [];
  #idleSweep: NodeJS.Timeout | undefined;
  #nextId = 1;
  /** Resolve the drains that are under way. */
  readonly #onEmpty: (() => void)[] = [];

  constructor(links: readonly HostLink[], log: Logger, watcher?: ConnectionWatcher) {
    this.#links = links;
    this.#log = log;
    this.#watcher = watcher;
    const sink = {
      write: (id: number, bytes: Uint8Array) => this.#write(id, bytes),
      close: (id: number, reason: string) => this.#connections.get(id)?.finish(reason),
      remember: (id: number, memory: string) => this.#remember(id, memory),
      identify: (id: number, user: string) => this.#identify(id, user),
      countFrames: (id: number, count: number) => this.#connections.get(id)?.countFrames(count),
      countIgnored: (id: number, counts: Readonly<Record<string, number>>) =>
        this.#connections.get(id)?.countIgnored(counts),
      flow: (id: number, flow: Flow) => this.#connections.get(id)?.onFlow(flow),
      flush: () => this.#flush(),
    };
    for (const link of links) link.deliverTo(sink);
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  get listeners(): readonly Listener[] {
    return this.#listeners;
  }

  get connections(): readonly Connection[] {
    return [...this.#connections.values()];
  }

  /** The next connection gets this number. */
  numberFrom(id: number): void {
    this.#nextId = id <= ID_MAX ? id : 1;
  }

  /** The connection of that number, if it is open. */
  find(id: number): Connection | undefined {
    return this.#connections.get(id);
  }

  /** The door of a service, if it is open. */
  listenerOf(service: string): Listener | undefined {
    return this.#listeners.find(({ options }) => options.service === service);
  }

  /** Opens a service's door; resolves with its port. */
  async listen(options: ListenerOptions): Promise<number> {
    const listener = this.#add(options);
    const port = await listener.listen();
    this.#sweepIdle();
    return port;
  }

  /** Opens a service's door to clients in this process only. */
  serve(options: ListenerOptions): void {
    this.#add(options);
    this.#sweepIdle();
  }

  /** A client of the service in this process: its end of the connection. Undefined if nobody serves it any more. */
  connect(service: string): Duplex | undefined {
    const listener = this.listenerOf(service);
    if (listener === undefined || listener.isClosed) return undefined;
    const [client, server] = duplexPair();
    // As with sockets, what breaks at one end is broken at the other.
    client.once('close', () => server.destroy());
    server.once('close', () => client.destroy());
    listener.take(server);
    return client;
  }

  /** The host was replaced: its connections get new sessions there. */
  reopen(link: HostLink): void {
    for (const connection of this.#connections.values()) {
      if (connection.link === link) connection.reopen();
    }
  }

  /**
   * Takes in every connection that the kernel has accepted, closes the doors, and reads each connection to its end.
   * Resolves when none is left.
   */
  async drain({ message, silentMs, deadlineMs }: DrainOptions): Promise<void> {
    await this.#emptyAcceptQueues();
    for (const listener of this.#listeners) listener.close();
    for (const link of this.#links) link.command({ type: 'closing', message });
    const startedMs = monotonicMs();
    const sweep = setInterval(() => {
      const nowMs = monotonicMs();
      if (nowMs >= deadlineMs) this.#abandonAll('the deadline of the shutdown has come');
      // The silence before the shutdown is nobody's fault.
      else if (nowMs - startedMs >= silentMs) {
        const silent = this.#abortSilent(
          () => silentMs,
          'silent during the shutdown',
          (connection) => connection.isWaiting,
        );
        for (const { listener } of silent) listener.abandoned++;
      }
    }, DRAIN_SWEEP_MS);
    await new Promise<void>((resolve) => {
      this.#onEmpty.push(resolve);
      if (this.#connections.size === 0) resolve();
    });
    clearInterval(sweep);
    this.#storms.flush();
  }

  /** Kicks every client of the service that can be; returns how many. */
  kickAll(service: string, reason: string): number {
    return this.connections.filter(
      (connection) => connection.listener.options.service === service && connection.kick(reason),
    ).length;
  }

  /** Closes the doors and all connections at once. */
  close(): void {
    clearTimeout(this.#idleSweep);
    for (const listener of this.#listeners) listener.close();
    this.#abandonAll('the server stops');
    this.#storms.flush();
  }

  #add(options: ListenerOptions): Listener {
    const listener = new Listener(options, this.#log, this.#storms, (socket) => this.#open(socket, listener));
    this.#listeners.push(listener);
    return listener;
  }

  #takeId(): number {
    let id = this.#nextId;
    while (this.#connections.has(id)) id = id === ID_MAX ? 1 : id + 1;
    this.#nextId = id === ID_MAX ? 1 : id + 1;
    return id;
  }

  #open(socket: ClientStream, listener: Listener): void {
    const id = this.#takeId();
    const { service } = listener.options;
    const host = hostIndexOf(toAddress(`${service}/${id}`), this.#links.length);
    const link = this.#links[host] as HostLink;
    const connection = new Connection(id, socket, listener, link, this.#onClosed);
    this.#connections.set(id, connection);
    this.#watcher?.opened(connection);
  }

  readonly #onClosed = (connection: Connection): void => {
    this.#connections.delete(connection.id);
    connection.listener.release(connection.address);
    this.#watcher?.ended(connection);
    if (connection.reason !== '') this.#logClose(connection);
    if (this.#connections.size > 0) return;
    for (const resolve of this.#onEmpty.splice(0)) resolve();
  };

  #logClose({ listener, address, reason }: Connection): void {
    const { service } = listener.options;
    this.#storms.add(`${service} closed: ${reason}`, (closed) => {
      this.#log.info({ service, closed, address }, `closed ${counted(closed)}: ${reason}`);
    });
  }

  #write(id: number, bytes: Uint8Array): void {
    const connection = this.#connections.get(id);
    // A client may vanish while the answer is on its way here.
    if (connection?.write(bytes)) this.#corked.push(connection);
  }

  #remember(id: number, memory: string): void {
    const connection = this.#connections.get(id);
    if (connection !== undefined) connection.memory = memory;
  }

  #identify(id: number, user: string): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    connection.user = user;
    this.#watcher?.identified(connection);
  }

  #flush(): boolean {
    let isTaken = true;
    for (const connection of this.#corked.splice(0)) {
      connection.uncork();
      isTaken = connection.hasTakenAll && isTaken;
    }
    return isTaken;
  }

  /** Closes the idle, and looks again after a tenth of the shortest time that a service allows. */
  #sweepIdle(): void {
    this.#abortSilent(
      (listener) => listener.options.idleMs,
      'idle',
      (connection) => connection.isPaused,
    );
    const shortestMs = Math.min(...this.#listeners.map(({ options }) => options.idleMs));
    clearTimeout(this.#idleSweep);
    this.#idleSweep = setTimeout(() => this.#sweepIdle(), Math.min(SWEEP_MAX_MS, shortestMs / 10)).unref();
  }

  /** Aborts those that have sent nothing for their limit, but for those whose silence is excused; returns them. */
  #abortSilent(
    limitMsOf: (listener: Listener) => number,
    what: string,
    isExcused: (connection: Connection) => boolean,
  ): Connection[] {
    const nowMs = monotonicMs();
    return [...this.#connections.values()].filter((connection) => {
      const limitMs = limitMsOf(connection.listener);
      if (isExcused(connection) || nowMs - connection.lastInputMs < limitMs) return false;
      return connection.abort(`${what} for ${limitMs / 1000} s`);
    });
  }

  #abandonAll(reason: string): void {
    for (const connection of this.#connections.values()) {
      if (connection.abort(reason)) connection.listener.abandoned++;
    }
  }

  async #emptyAcceptQueues(): Promise<void> {
    const seen = () => this.#listeners.reduce((sum, listener) => sum + listener.seen, 0);
    for (let before = seen(), quiet = 0; quiet < QUIET_TURNS; quiet++) {
      await nextTurn();
      if (seen() !== before) {
        before = seen();
        quiet = 0;
      }
    }
  }
}
