/** The actor in each host that tells of the others: how much waits for them, how fast they are, and how they failed. */
import type { ActorRow, DeadLetterRow } from '../../src/protocol/api/operations.ts';
import {
  type ActorSort,
  type ActorsAnswer,
  type DeadLettersAnswer,
  INSPECTOR_ADDRESS,
  type InspectorCommand,
} from '../../src/protocol/inspector.ts';
import { by } from '../../src/values/order.ts';
import { type Actor, type Context, RESTART_ON_FAULT } from './actor.ts';
import type { ActorSystem } from './actor-system.ts';
import type { Cell } from './cell.ts';

export function startInspector(system: ActorSystem): void {
  system.spawnRoot(INSPECTOR_ADDRESS, {
    create: () => new Inspector(system),
    supervision: RESTART_ON_FAULT,
  });
}

class Inspector implements Actor<InspectorCommand> {
  readonly #system: ActorSystem;
  #sampledMs: number | undefined;

  constructor(system: ActorSystem) {
    this.#system = system;
  }

  receive(command: InspectorCommand, context: Context<InspectorCommand>): undefined {
    switch (command.type) {
      case 'sample':
        this.#sampledMs = context.nowMs;
        for (const cell of this.#system.cells) cell.handledAtSample = cell.handled;
        context.reply(null);
        break;
      case 'actors':
        context.reply(this.#list(command, context.nowMs));
        break;
      case 'dead-letters':
        context.reply(this.#deadLetters(command.limit, context));
    }
  }

  #list({ filter, sort, limit }: InspectorCommand & { type: 'actors' }, nowMs: number): ActorsAnswer {
    const seconds = this.#sampledMs === undefined ? 0 : (nowMs - this.#sampledMs) / 1000;
    const rows: ActorRow[] = [];
    for (const cell of this.#system.cells) {
      if (cell.self.includes(filter)) rows.push(this.#describe(cell, seconds));
    }
    rows.sort(by((row) => row[sort satisfies ActorSort]));
    return { actors: rows.slice(0, limit), total: rows.length };
  }

  #describe(cell: Cell, seconds: number): ActorRow {
    return {
      address: cell.self,
      host: this.#system.hostIndex,
      state: cell.suspended ? 'suspended' : cell.state,
      depth: cell.mailbox.count,
      handled: cell.handled,
      rate: seconds > 0 ? (cell.handled - cell.handledAtSample) / seconds : 0,
      restarts: cell.restarts,
      lastError: cell.lastError,
    };
  }

  #deadLetters(limit: number, context: Context<InspectorCommand>): DeadLettersAnswer {
    const { counts, recent } = this.#system.deadLetters;
    const dateMs = context.timeMs - context.nowMs;
    const rows = recent.slice(-limit).map(
      ({ reason, address, message, cause, atMs }): DeadLetterRow => ({
        host: this.#system.hostIndex,
        timeMs: dateMs + atMs,
        reason,
        actor: address,
        message,
        cause,
      }),
    );
    return { counts, recent: rows };
  }
}
