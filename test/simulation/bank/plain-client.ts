/** A client of a simulated server that sends lines and wants no answer. What is on its way in a crash is lost. */
import type { Random } from '../../../workers/runtime/random.ts';
import type { Move, Participant } from '../../../workers/runtime/simulation.ts';
import type { ClientConnection, Network } from '../network.ts';
import type { PipeReader } from '../pipe.ts';
import type { PlainPlan } from './workload.ts';

const WINDOW_BYTES = 2000;
const PIECE_MAX = 300;

export class PlainClient implements Participant, PipeReader {
  readonly plan: PlainPlan;
  readonly isReading = true;
  readonly #network: Network;
  readonly #random: Random;
  #connection: ClientConnection | undefined;
  #at = 0;
  #hasEnded = false;
  #startsMs: number;
  /** Its connection broke. */
  isBroken = false;

  constructor(plan: PlainPlan, network: Network, random: Random, startsMs: number) {
    this.plan = plan;
    this.#network = network;
    this.#random = random;
    this.#startsMs = startsMs;
  }

  get dueMs(): number {
    if (this.isBroken || this.#hasEnded) return Infinity;
    if (this.#connection === undefined) return this.#startsMs;
    return this.#connection.toServer.length < WINDOW_BYTES ? 0 : Infinity;
  }

  addMoves(moves: Move[], nowMs: number): void {
    if (this.dueMs <= nowMs) moves.push(this.#move);
  }

  onData(): void {
    throw new Error('a plain client was answered');
  }

  onEnd(): void {
    this.#connection?.destroy();
  }

  onBroken(): void {
    this.isBroken = true;
  }

  readonly #move = (): void => {
    const { text } = this.plan;
    if (this.#connection === undefined) this.#connect();
    else if (this.#at < text.length) {
      const end = Math.min(this.#at + 1 + this.#random.below(PIECE_MAX), text.length);
      this.#connection.write(text.subarray(this.#at, end));
      this.#at = end;
    } else {
      this.#connection.end();
      this.#hasEnded = true;
    }
  };

  #connect(): void {
    this.#connection = this.#network.connect('bank', this);
    if (this.#connection === undefined) this.#startsMs = this.#network.simulation.nowMs + 100;
  }
}
