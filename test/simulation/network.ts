/** The connections between simulated clients and the gateway, and what may happen to them. */
import type { Random } from '../../workers/runtime/random.ts';
import type { Move, Participant, Simulation } from '../../workers/runtime/simulation.ts';
import type { Gateway } from './gateway.ts';
import { Pipe, type PipeReader } from './pipe.ts';

/** What the server notices of a broken connection, it notices at once, or after a while, or very late. */
const LATE_MS = [0, 0, 5, 500, 3000, 15_000] as const;

export class Network implements Participant {
  readonly #random: Random;
  readonly #gateway: Gateway;
  readonly #pipes = new Set<Pipe>();
  readonly #open = new Set<ClientConnection>();
  breaks = 0;

  constructor(random: Random, gateway: Gateway) {
    this.#random = random;
    this.#gateway = gateway;
  }

  get simulation(): Simulation {
    return this.#gateway.simulation;
  }

  /** Undefined if nobody listens. */
  connect(service: string, reader: PipeReader): ClientConnection | undefined {
    if (!this.#gateway.isListening) return undefined;
    const toClient = new Pipe(this.#random, reader);
    const server = this.#gateway.accept(service, toClient);
    const toServer = new Pipe(this.#random, server);
    const connection = new ClientConnection(this, toServer, toClient);
    for (const pipe of [toServer, toClient]) this.#pipes.add(pipe);
    this.#open.add(connection);
    return connection;
  }

  get dueMs(): number {
    let dueMs = Infinity;
    for (const pipe of this.#pipes) dueMs = Math.min(dueMs, pipe.dueMs);
    return dueMs;
  }

  addMoves(moves: Move[], nowMs: number): void {
    for (const pipe of this.#pipes) {
      if (pipe.isDone) this.#pipes.delete(pipe);
      else pipe.addMoves(moves, nowMs);
    }
  }

  /** Breaks one of the connections. */
  breakOne(): void {
    if (this.#open.size === 0) return;
    this.breaks++;
    const connection = this.#random.pick([...this.#open]);
    connection.toClient.break(this.simulation.nowMs, 0);
    this.close(connection);
  }

  /** The client's side is closed. */
  close(connection: ClientConnection): void {
    if (!this.#open.delete(connection)) return;
    const latestMs = this.#random.pick(LATE_MS);
    connection.toServer.break(this.simulation.nowMs, this.#random.below(latestMs + 1));
  }
}

/** A client's side of its connection. */
export class ClientConnection {
  readonly toServer: Pipe;
  readonly toClient: Pipe;
  readonly #network: Network;

  constructor(network: Network, toServer: Pipe, toClient: Pipe) {
    this.#network = network;
    this.toServer = toServer;
    this.toClient = toClient;
  }

  write(bytes: Uint8Array): void {
    this.toServer.write(bytes, this.#network.simulation.nowMs);
  }

  end(): void {
    this.toServer.end(this.#network.simulation.nowMs);
  }

  destroy(): void {
    this.toClient.drop();
    this.#network.close(this);
  }
}
