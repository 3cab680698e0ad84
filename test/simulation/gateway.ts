/**
 * The main thread of a simulated server, as src/gateway.ts, src/connection.ts and src/host-link.ts have it: a framer for
 * each connection, sessions that are opened anew when their host is replaced, and what they want remembered.
 */
import type { LineFramer } from '../../src/line-framer.ts';
import { type Address, hostIndexOf, toAddress } from '../../src/values/address.ts';
import type { Answer } from '../../workers/runtime/actor.ts';
import type { SimulatedGateway, Simulation } from '../../workers/runtime/simulation.ts';
import type { Pipe, PipeReader } from './pipe.ts';

/** Bytes in flight to a host above which its connections are not read. */
const IN_FLIGHT_MAX = 4096;

export interface GatewayOptions {
  readonly lineLengthMax: number;
  readonly createFramer: () => LineFramer;
}

export class Gateway implements SimulatedGateway {
  readonly #options: GatewayOptions;
  readonly #connections = new Map<number, ServerConnection>();
  /** By host. */
  #inFlight: number[] = [];
  #nextId = 1;
  #simulation: Simulation | undefined;

  constructor(options: GatewayOptions) {
    this.#options = options;
  }

  serve(simulation: Simulation): void {
    this.#simulation = simulation;
  }

  get simulation(): Simulation {
    if (this.#simulation === undefined) throw new Error('the gateway serves nothing yet');
    return this.#simulation;
  }

  /** False while the process is down: then nobody listens. */
  get isListening(): boolean {
    return this.simulation.hostCount > 0;
  }

  /** Takes in a connection that is written to through `toClient`. */
  accept(toClient: Pipe): ServerConnection {
    const id = this.#nextId++;
    const host = hostIndexOf(toAddress(`bank/${id}`), this.simulation.hostCount);
    const framer = this.#options.createFramer();
    const connection = new ServerConnection(this, id, host, framer, toClient);
    this.#connections.set(id, connection);
    connection.open();
    return connection;
  }

  write(id: number, bytes: Uint8Array): void {
    this.#connections.get(id)?.write(bytes);
  }

  close(id: number): void {
    this.#connections.get(id)?.finish();
  }

  remember(id: number, memory: string): void {
    const connection = this.#connections.get(id);
    if (connection !== undefined) connection.memory = memory;
  }

  credit(host: number, charge: number): void {
    this.#inFlight[host] = (this.#inFlight[host] ?? 0) - charge;
  }

  replaced(host: number): void {
    this.#inFlight[host] = 0;
    for (const connection of this.#connections.values()) if (connection.host === host) connection.reopen();
  }

  /** The process ends: every connection breaks, and nothing of them is left. */
  end(): void {
    for (const connection of this.#connections.values()) connection.lose();
    this.#connections.clear();
    this.#inFlight = [];
    this.#nextId = 1;
  }

  /** By host: the charge of what it has not given back. */
  get inFlight(): readonly number[] {
    return this.#inFlight;
  }

  forget(id: number): void {
    this.#connections.delete(id);
  }

  mayRead(host: number): boolean {
    return (this.#inFlight[host] ?? 0) <= IN_FLIGHT_MAX;
  }

  /** A message of a client that has no connection here; it is answered at most once, and never if a host ends. */
  ask<Message, Reply>(address: Address, message: Message, onAnswer: (answer: Answer<Reply>) => void): void {
    const host = hostIndexOf(address, this.simulation.hostCount);
    const charge = this.simulation.ask(address, message, (answer) => onAnswer(answer as Answer<Reply>));
    this.#inFlight[host] = (this.#inFlight[host] ?? 0) + charge;
  }

  sendFrames(host: number, id: number, bytes: Uint8Array, start: number, end: number): void {
    const charge = this.simulation.sendFrames(host, id, bytes, start, end);
    this.#inFlight[host] = (this.#inFlight[host] ?? 0) + charge;
  }
}

export class ServerConnection implements PipeReader {
  readonly id: number;
  readonly host: number;
  memory: string | undefined;
  readonly #gateway: Gateway;
  readonly #framer: LineFramer;
  readonly #toClient: Pipe;
  #hasEnded = false;
  #isClosing = false;
  #isLost = false;

  constructor(gateway: Gateway, id: number, host: number, framer: LineFramer, toClient: Pipe) {
    this.#gateway = gateway;
    this.id = id;
    this.host = host;
    this.#framer = framer;
    this.#toClient = toClient;
  }

  get isReading(): boolean {
    return this.#isLost || this.#isClosing || this.#gateway.mayRead(this.host);
  }

  open(): void {
    const memory = this.memory === undefined ? {} : { memory: this.memory };
    this.#command({
      type: 'open',
      connection: this.id,
      service: 'bank',
      remoteAddress: 'client:1',
      localAddress: 'server:1',
      sinceMs: 0,
      ...memory,
    });
  }

  /** Its host was replaced. */
  reopen(): void {
    this.open();
    if (this.#hasEnded) this.#command({ type: 'ended', connection: this.id });
  }

  write(bytes: Uint8Array): void {
    if (!this.#isClosing) this.#toClient.write(bytes, this.#gateway.simulation.nowMs);
  }

  /** The session has stopped. What comes from the client is thrown away until it closes its side. */
  finish(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#toClient.end(this.#gateway.simulation.nowMs);
    if (this.#hasEnded) this.#close();
  }

  onData(bytes: Uint8Array): void {
    if (this.#isClosing || this.#isLost) return;
    this.#framer.feed(bytes, this.#sink);
  }

  onEnd(): void {
    if (this.#isLost) return;
    if (this.#isClosing) {
      this.#close();
      return;
    }
    this.#framer.flush(this.#sink);
    this.#hasEnded = true;
    this.#command({ type: 'ended', connection: this.id });
  }

  onBroken(): void {
    if (!this.#isLost) this.#close();
  }

  /** The process has ended. */
  lose(): void {
    this.#isLost = true;
    const { nowMs } = this.#gateway.simulation;
    this.#toClient.break(nowMs, 0);
  }

  readonly #sink = (bytes: Uint8Array, start: number, end: number): void => {
    this.#gateway.sendFrames(this.host, this.id, bytes, start, end);
  };

  #close(): void {
    const isCutOff = this.#framer.hasPartialFrame;
    this.#command({ type: 'closed', connection: this.id, reason: '', isCutOff });
    this.#gateway.forget(this.id);
    this.#isLost = true;
  }

  #command(command: Parameters<Simulation['command']>[1]): void {
    this.#gateway.simulation.command(this.host, command);
  }
}
