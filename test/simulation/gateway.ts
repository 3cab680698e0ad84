/**
 * The main thread of a simulated server, as src/gateway.ts, src/connection.ts and src/host-link.ts have it: a framer for
 * each connection, sessions that are opened anew when their host is replaced, and what they want remembered. The little
 * of the desk that is needed here is answered by the doors.
 */
import type { Framer } from '../../src/framer.ts';
import { FLOW, type Flow } from '../../src/protocol/link.ts';
import { type Address, hostIndexOf, toAddress } from '../../src/values/address.ts';
import type { Answer } from '../../workers/runtime/actor.ts';
import type { SimulatedGateway, Simulation } from '../../workers/runtime/simulation.ts';
import type { Pipe, PipeReader } from './pipe.ts';
import type { Door } from './scenario.ts';

/** Bytes in flight to a host above which its connections are not read. */
const IN_FLIGHT_MAX = 4096;

/** Answers what actors ask the main thread. */
export type AnswerAsk = (address: Address, message: unknown) => unknown;

export class Gateway implements SimulatedGateway {
  readonly #doors: Readonly<Record<string, Door>>;
  readonly #answer: AnswerAsk;
  readonly #connections = new Map<number, ServerConnection>();
  /** By host. */
  #inFlight: number[] = [];
  #nextId = 1;
  #simulation: Simulation | undefined;

  constructor(doors: Readonly<Record<string, Door>>, answer: AnswerAsk) {
    this.#doors = doors;
    this.#answer = answer;
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

  /** Takes in a connection to a service that is written to through `toClient`. */
  accept(service: string, toClient: Pipe): ServerConnection {
    const id = this.#nextId++;
    const host = hostIndexOf(toAddress(`${service}/${id}`), this.simulation.hostCount);
    const framer = (this.#doors[service] as Door).createFramer();
    const connection = new ServerConnection(this, { id, service, host }, framer, toClient);
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

  flow(id: number, flow: Flow): void {
    this.#connections.get(id)?.onFlow(flow);
  }

  answer(address: Address, message: unknown): unknown {
    return this.#answer(address, message);
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

/** Which connection, of what, and where its session is. */
interface Place {
  readonly id: number;
  readonly service: string;
  readonly host: number;
}

export class ServerConnection implements PipeReader {
  readonly id: number;
  readonly host: number;
  readonly #service: string;
  memory: string | undefined;
  readonly #gateway: Gateway;
  readonly #framer: Framer;
  readonly #toClient: Pipe;
  /** Its session wants nothing more of it. */
  #isHeld = false;
  #hasEnded = false;
  #isClosing = false;
  #isLost = false;

  constructor(gateway: Gateway, { id, service, host }: Place, framer: Framer, toClient: Pipe) {
    this.#gateway = gateway;
    this.id = id;
    this.host = host;
    this.#service = service;
    this.#framer = framer;
    this.#toClient = toClient;
  }

  get isReading(): boolean {
    return this.#isLost || this.#isClosing || (!this.#isHeld && this.#gateway.mayRead(this.host));
  }

  open(): void {
    this.#open({});
  }

  /** Its host was replaced. */
  reopen(): void {
    this.#isHeld = false;
    this.#open({ isReplacement: true });
    if (this.#hasEnded) this.#command({ type: 'ended', connection: this.id });
  }

  onFlow(flow: Flow): void {
    if (flow === FLOW.pauseInput) this.#isHeld = true;
    else if (flow === FLOW.resumeInput) this.#isHeld = false;
    else this.#toClient.mark(this.#gateway.simulation.nowMs, this.#onDrained);
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

  readonly #onDrained = (): void => {
    if (!this.#isLost) this.#command({ type: 'drained', connection: this.id });
  };

  #open(replacement: { readonly isReplacement?: true }): void {
    const memory = this.memory === undefined ? {} : { memory: this.memory };
    this.#command({
      type: 'open',
      connection: this.id,
      service: this.#service,
      remoteAddress: 'client:1',
      localAddress: 'server:1',
      sinceMs: 0,
      ...replacement,
      ...memory,
    });
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
