/** Sessions of a text service on hosts in one thread (actors.ts), with clients whose bytes are moved by hand. */
import type { HostCommand } from '../../src/protocol/control.ts';
import { FLOW, type Flow } from '../../src/protocol/link.ts';
import type { UserNotice } from '../../src/protocol/users.ts';
import { type Address, hostIndexOf, toAddress } from '../../src/values/address.ts';
import type { ActorSystem } from '../../workers/runtime/actor-system.ts';
import type { MakeSession } from '../../workers/runtime/host.ts';
import { type MainSide, TestHosts } from './actors.ts';

export interface SessionHostsOptions {
  readonly service: string;
  /** Its own address and port, as clients have reached it. */
  readonly localAddress: string;
  readonly hosts?: number;
  /** Starts what the service has in a host, at the beginning and when the host is replaced. */
  readonly start: (system: ActorSystem) => MakeSession;
}

export class SessionHosts {
  readonly hosts: TestHosts;
  readonly #options: SessionHostsOptions;
  readonly #makers: MakeSession[] = [];
  /** What has been read of what each client was sent. */
  readonly #read = new Map<number, number>();

  constructor(options: SessionHostsOptions) {
    const { hosts = 1 } = options;
    this.#options = options;
    this.hosts = new TestHosts({
      hosts,
      createSession: (_, connection, host) => (this.#makers[host] as MakeSession)(connection),
    });
    for (let host = 0; host < hosts; host++) this.#startIn(host);
  }

  addressOf(client: number): Address {
    return toAddress(`${this.#options.service}/${client}`);
  }

  /** The host of the client's session. */
  hostOf(client: number): number {
    return hostIndexOf(this.addressOf(client), this.hosts.hostCount);
  }

  mainOf(client: number): MainSide {
    return this.hosts.mainOf(this.hostOf(client));
  }

  /** Connects a client and returns what it is sent. */
  open(client: number, memory?: string): string {
    return this.#open(client, memory === undefined ? {} : { memory });
  }

  /** Hands the client's bytes to its session, '' for a pause, and returns what the client is sent. */
  send(client: number, ...chunks: readonly (string | Uint8Array)[]): string {
    for (const chunk of chunks) this.mainOf(client).sendFrames(client, chunk);
    this.hosts.settle();
    return this.heard(client);
  }

  command(client: number, command: HostCommand): void {
    this.mainOf(client).command(command);
    this.hosts.settle();
  }

  ended(client: number): void {
    this.command(client, { type: 'ended', connection: client });
  }

  gone(client: number, reason = ''): void {
    this.command(client, { type: 'closed', connection: client, reason, isCutOff: false });
  }

  /** The client has taken all that it was sent. */
  drained(client: number): void {
    this.command(client, { type: 'drained', connection: client });
  }

  /** Its user was signed out elsewhere. Returns what the client is sent. */
  signOut(client: number, reason: string): string {
    const notice: UserNotice = { type: 'signed-out', reason };
    this.hosts.tell(this.addressOf(client), notice);
    return this.heard(client);
  }

  /** What the client was sent since the last look. */
  heard(client: number): string {
    const written = this.mainOf(client).written.get(client) ?? '';
    const text = written.slice(this.#read.get(client) ?? 0);
    this.#read.set(client, written.length);
    return text;
  }

  isClosed(client: number): boolean {
    return this.mainOf(client).closed.has(client);
  }

  flows(client: number): readonly Flow[] {
    return this.mainOf(client).flows.get(client) ?? [];
  }

  /** Nothing is read from the client at the moment. */
  isHeld(client: number): boolean {
    const last = this.flows(client).findLast((flow) => flow !== FLOW.tellDrained);
    return last === FLOW.pauseInput;
  }

  memory(client: number): string | undefined {
    return this.mainOf(client).memories.get(client);
  }

  /** The host is lost with all in it; its clients' connections get new sessions. */
  replace(host: number, clients: readonly number[]): void {
    const memories = clients.map((client) => this.memory(client));
    this.hosts.replace(host);
    this.#startIn(host);
    for (const [i, client] of clients.entries()) {
      this.#read.set(client, 0);
      const memory = memories[i];
      this.#open(client, { isReplacement: true, ...(memory === undefined ? {} : { memory }) });
      this.#read.set(client, 0);
    }
    this.hosts.settle();
  }

  /** What was logged since the last look. */
  logged(): string[] {
    const events = this.hosts.mains.flatMap((main) => main.events.splice(0));
    return events.flatMap((event) => (event.type === 'log' ? [event.text] : []));
  }

  #open(client: number, more: { readonly memory?: string; readonly isReplacement?: true }): string {
    const { service, localAddress } = this.#options;
    this.command(client, {
      type: 'open',
      connection: client,
      service,
      remoteAddress: `10.0.0.1:${client}`,
      localAddress,
      sinceMs: client,
      ...more,
    });
    return this.heard(client);
  }

  #startIn(host: number): void {
    this.#makers[host] = this.#options.start(this.hosts.systemOf(host));
  }
}
