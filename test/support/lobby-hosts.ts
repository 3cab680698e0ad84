/** The lobby's actors on hosts in one thread (actors.ts), with clients whose bytes are moved by hand. */
import assert from 'node:assert/strict';
import type { HostCommand } from '../../src/protocol/control.ts';
import { DESK_ADDRESS, type FileCommand } from '../../src/protocol/desk.ts';
import type { LobbySettings } from '../../src/protocol/host-task.ts';
import { FLOW, type Flow } from '../../src/protocol/link.ts';
import { hostIndexOf, toAddress } from '../../src/values/address.ts';
import type { ErrorCode } from '../../src/values/errors.ts';
import { startLobby, startRegistry } from '../../workers/lobby/lobby-service.ts';
import type { MakeSession } from '../../workers/runtime/host.ts';
import { type AskedOfMain, TestHosts } from './actors.ts';

const SETTINGS: LobbySettings = {
  clientsMax: 3,
  messageBytesMax: 256,
  isPutAllowed: true,
  fileBytesMax: 1000,
  isSignInAsked: false,
};

export class LobbyHosts {
  readonly hosts: TestHosts;
  readonly #settings: LobbySettings;
  readonly #makers: MakeSession[] = [];
  /** What has been read of what each client was sent. */
  readonly #read = new Map<number, number>();

  constructor(options: Partial<LobbySettings> & { readonly hosts?: number } = {}) {
    const { hosts = 1, ...settings } = options;
    this.#settings = { ...SETTINGS, ...settings };
    this.hosts = new TestHosts({
      hosts,
      createSession: (_, connection, host) => (this.#makers[host] as MakeSession)(connection),
    });
    for (let host = 0; host < hosts; host++) this.#startIn(host);
  }

  /** The host of the client's session. */
  hostOf(client: number): number {
    return hostIndexOf(toAddress(`lobby/${client}`), this.hosts.hostCount);
  }

  /** Connects a client and returns what it is sent. */
  open(client: number, memory?: string): string {
    this.command(client, {
      type: 'open',
      connection: client,
      service: 'lobby',
      remoteAddress: `10.0.0.1:${client}`,
      localAddress: '127.0.0.1:65433',
      sinceMs: client,
      ...(memory === undefined ? {} : { memory }),
    });
    return this.heard(client);
  }

  /** Hands the client's bytes to its session, '' for a pause, and returns what the client is sent. */
  send(client: number, ...chunks: readonly (string | Uint8Array)[]): string {
    for (const chunk of chunks) this.#main(client).sendFrames(client, chunk);
    this.hosts.settle();
    return this.heard(client);
  }

  command(client: number, command: HostCommand): void {
    this.#main(client).command(command);
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

  /** What the client was sent since the last look. */
  heard(client: number): string {
    const written = this.#main(client).written.get(client) ?? '';
    const text = written.slice(this.#read.get(client) ?? 0);
    this.#read.set(client, written.length);
    return text;
  }

  isClosed(client: number): boolean {
    return this.#main(client).closed.has(client);
  }

  flows(client: number): readonly Flow[] {
    return this.#main(client).flows.get(client) ?? [];
  }

  /** Nothing is read from the client at the moment. */
  isHeld(client: number): boolean {
    const last = this.flows(client).findLast((flow) => flow !== FLOW.tellDrained);
    return last === FLOW.pauseInput;
  }

  memory(client: number): string | undefined {
    return this.#main(client).memories.get(client);
  }

  /** Removes what the main thread was asked next, over files; nothing else may have been asked. */
  asked(client: number): AskedOfMain & { readonly message: FileCommand } {
    const [asked] = this.#main(client).asked.splice(0, 1);
    if (asked === undefined) return assert.fail('nothing was asked');
    assert.equal(asked.address, DESK_ADDRESS);
    return asked as AskedOfMain & { readonly message: FileCommand };
  }

  get askedCount(): number {
    return this.hosts.mains.reduce((sum, { asked }) => sum + asked.length, 0);
  }

  /** Answers what was asked next, which must be `command`, and returns what the client is sent then. */
  answer(client: number, command: FileCommand, value: unknown): string {
    const asked = this.asked(client);
    assert.deepEqual(asked.message, command);
    asked.reply(value);
    this.hosts.settle();
    return this.heard(client);
  }

  refuse(client: number, type: FileCommand['type'], code: ErrorCode, message: string): string {
    const asked = this.asked(client);
    assert.equal(asked.message.type, type);
    asked.fail({ code, message, fields: {} });
    this.hosts.settle();
    return this.heard(client);
  }

  /** The host is lost with all in it; its clients' connections get new sessions. */
  replace(host: number, clients: readonly number[]): void {
    const memories = clients.map((client) => this.memory(client));
    this.hosts.replace(host);
    this.#startIn(host);
    for (const [i, client] of clients.entries()) {
      this.#read.set(client, 0);
      this.open(client, memories[i]);
      this.#read.set(client, 0);
    }
    this.hosts.settle();
  }

  /** What was logged since the last look. */
  logged(): string[] {
    const events = this.hosts.mains.flatMap((main) => main.events.splice(0));
    return events.flatMap((event) => (event.type === 'log' ? [event.text] : []));
  }

  #main(client: number) {
    return this.hosts.mainOf(this.hostOf(client));
  }

  #startIn(host: number): void {
    startRegistry(this.hosts.systemOf(host));
    this.#makers[host] = startLobby(this.hosts.systemOf(host), this.#settings);
  }
}
