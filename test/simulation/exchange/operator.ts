/** Who halts books, withdraws orders and ends days now and then; and leaves all open in the end. */
import { EXCHANGE_ADDRESS, type OperatorCommand } from '../../../src/protocol/exchange.ts';
import type { Random } from '../../../workers/runtime/random.ts';
import type { Move } from '../../../workers/runtime/simulation.ts';
import type { Gateway } from '../gateway.ts';
import type { Client } from '../scenario.ts';
import { BOOK_IDS } from './books.ts';

/** How long it waits for an answer before it asks again. */
const PATIENCE_MS = 5000;
const PAUSE_MAX_MS = 3000;
const OPEN_ALL: readonly OperatorCommand[] = [{ type: 'resume' }, { type: 'open-day' }];

export class Operator implements Client {
  readonly #gateway: Gateway;
  readonly #random: Random;
  /** What is still to be done; the first has been asked, or is next. */
  readonly #commands: OperatorCommand[];
  #dueMs: number;
  #asked = 0;

  constructor(gateway: Gateway, random: Random, actions: number) {
    this.#gateway = gateway;
    this.#random = random;
    this.#dueMs = random.below(PAUSE_MAX_MS);
    const drawn = Array.from({ length: actions }, () => drawCommands(random)).flat();
    this.#commands = actions === 0 ? [] : [...drawn, ...OPEN_ALL];
  }

  get isDone(): boolean {
    return this.#commands.length === 0;
  }

  toString(): string {
    return `the operator has yet to do ${JSON.stringify(this.#commands)}`;
  }

  get dueMs(): number {
    return this.isDone ? Infinity : this.#dueMs;
  }

  addMoves(moves: Move[], nowMs: number): void {
    if (this.dueMs <= nowMs) moves.push(this.#ask);
  }

  readonly #ask = (): void => {
    const { nowMs } = this.#gateway.simulation;
    this.#dueMs = nowMs + PATIENCE_MS;
    if (!this.#gateway.isListening) return;
    const asked = ++this.#asked;
    this.#gateway.ask(EXCHANGE_ADDRESS, this.#commands[0], ({ ok }) => {
      if (!ok || asked !== this.#asked) return;
      this.#commands.shift();
      this.#dueMs = this.#gateway.simulation.nowMs + this.#random.below(PAUSE_MAX_MS);
    });
  };
}

function drawCommands(random: Random): readonly OperatorCommand[] {
  const id = random.pick(BOOK_IDS);
  switch (random.below(5)) {
    case 0:
      return [{ type: 'halt', id }, { type: 'resume' }];
    case 1:
      return [{ type: 'halt' }, { type: 'resume', id }];
    case 2:
      return [{ type: 'cancel-all', id }];
    case 3:
      return [{ type: 'close-day' }, { type: 'open-day' }];
    default:
      // The second of them changes nothing.
      return [{ type: 'open-day' }, { type: 'resume', id, group: 'NGHT' }];
  }
}
