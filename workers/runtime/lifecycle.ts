/** The lives of actors: spawned, restarted, escalated, stopped, with everything that waits for them accounted for. */
import { chargeOf, RECORD } from '../../src/protocol/link.ts';
import type { Address } from '../../src/values/address.ts';
import { type ErrorRecord, messageOf, OutcryError } from '../../src/values/errors.ts';
import type { DurableActor } from './actor.ts';
import type { Asking } from './asking.ts';
import type { Ask } from './asks.ts';
import type { Cell } from './cell.ts';
import type { DeadLetterReason, DeadLetters, Log } from './dead-letters.ts';
import type { Directory } from './directory.ts';
import type { Links } from './links.ts';
import { ANSWER, ASK, CONNECTION, DUE, type Envelope, LOCAL, TELL } from './mailbox.ts';
import type { Outbox } from './outbox.ts';
import type { RunQueue } from './run-queue.ts';
import type { DueTimer, Timers } from './timers.ts';
import type { Turn } from './turn.ts';
import type { Watching } from './watching.ts';

export interface LifecycleParts {
  readonly turn: Turn;
  readonly directory: Directory;
  readonly links: Links;
  readonly runQueue: RunQueue;
  readonly asking: Asking;
  readonly watching: Watching;
  readonly timers: Timers;
  readonly outbox: Outbox;
  readonly deadLetters: DeadLetters;
  readonly log: Log;
  /** Lets go what the cell's actor wants done. */
  readonly commit: (cell: Cell) => void;
  /** Brings a durable cell's new instance to the state that is stored. */
  readonly restore: (cell: Cell) => void;
}

export class Lifecycle {
  /** Set when a fault went past the last supervisor; the host must end. */
  failure: ErrorRecord | undefined;
  readonly #parts: LifecycleParts;
  #restarting = 0;

  constructor(parts: LifecycleParts) {
    this.#parts = parts;
  }

  /** Actors that wait for their restart. */
  get restartingCount(): number {
    return this.#restarting;
  }

  /** Gives a new cell its place and its first instance. */
  spawn(cell: Cell): void {
    this.#parts.directory.add(cell);
    this.#createActor(cell);
  }

  /** The actor threw while it handled `envelope`: that message is poison. */
  onPoison(cell: Cell, envelope: Envelope, error: unknown): void {
    const { outbox, asking } = this.#parts;
    outbox.clear();
    cell.asking = undefined;
    this.giveBack(envelope);
    if (envelope.start === ASK) {
      const record = new OutcryError('ERR_ASK_FAULT', `${cell.self} failed: ${messageOf(error)}`, {
        fields: { actor: cell.self },
      }).toRecord();
      asking.settle(envelope.item as Ask, { ok: false, error: record });
    }
    this.bury('poison', cell.self, envelope, error);
    this.#onFault(cell, error);
  }

  /** The cell's actor wants to stop. A session that does has read of its client all that it wanted. */
  stopItself(cell: Cell): void {
    if (cell.connection !== undefined) this.#dropInput(cell);
    this.stop(cell);
  }

  /** Stops a cell for good: children first, then what waits in its mailbox is accounted for. */
  stop(cell: Cell): void {
    if (cell.state === 'stopped') return;
    const { directory, links, runQueue, asking, watching } = this.#parts;
    this.#stopChildren(cell);
    if (cell.state === 'restarting') this.#restarting--;
    cell.state = 'stopped';
    cell.actor = undefined;
    cell.cancelTimers();
    directory.remove(cell);
    if (cell.connection !== undefined) {
      links.main.writer.text(RECORD.close, cell.connection, cell.closeReason);
    }
    if (cell.asking !== undefined) asking.fail(cell.asking, 'ERR_ASK_STOPPED', cell.self);
    asking.failTaken(cell, 'ERR_ASK_STOPPED');
    this.#buryMailbox(cell);
    runQueue.forget(cell);
    watching.onStopped(cell);
  }

  /** The charge of a message that was handled goes back over the link it came by. */
  giveBack({ start, end, origin }: Envelope): void {
    if (origin !== LOCAL) this.#parts.links.giveBack(origin, start >= 0 ? chargeOf(end - start) : end);
  }

  bury(reason: DeadLetterReason, address: Address, envelope: Envelope, cause?: unknown): void {
    const { deadLetters, turn } = this.#parts;
    deadLetters.add(reason, address, messageIn(envelope), turn.nowMs, cause);
  }

  /**
   * Makes the cell's actor; a constructor or `started` that throws is a fault like any other. Throws if the cell is
   * just being spawned and its fault is its parent's.
   */
  #createActor(cell: Cell): void {
    const { outbox, runQueue, commit, restore } = this.#parts;
    const outputs = outbox.count;
    const isSpawnedByParent = cell.state === 'starting' && cell.parent !== undefined;
    try {
      cell.actor = cell.spec.create();
      if (cell.spec.isDurable) {
        checkFlat(cell);
        restore(cell);
      }
      cell.actor.started?.(cell);
      cell.state = 'running';
      // What a child sends while its parent spawns it leaves with the outputs of the parent's message.
      if (!isSpawnedByParent) commit(cell);
    } catch (error) {
      outbox.truncate(outputs);
      this.#onFault(cell, error);
      return;
    }
    runQueue.schedule(cell);
  }

  /** The message at fault, if any, has been dealt with. */
  #onFault(cell: Cell, error: unknown): void {
    if (cell.state === 'stopped') return;
    const { asking, turn } = this.#parts;
    this.#stopChildren(cell);
    cell.cancelTimers();
    cell.actor = undefined;
    cell.lastError = messageOf(error);
    asking.failTaken(cell, 'ERR_ASK_FAULT');
    const verdict = cell.budget.judge(turn.nowMs);
    if (verdict.type === 'restart') {
      this.#logFault(cell, `is restarted in ${verdict.delayMs} ms`, error);
      this.#restart(cell, verdict.delayMs);
    } else if (verdict.type === 'stop') {
      this.#logFault(cell, 'is stopped', error);
      cell.closeReason = 'the session failed';
      this.stop(cell);
    } else {
      this.#logFault(cell, `is escalated (${verdict.reason})`, error);
      this.#escalate(cell, error);
    }
  }

  #logFault(cell: Cell, verdict: string, error: unknown): void {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const text = `${cell.self} failed and ${verdict}: ${messageOf(error)}`;
    this.#parts.log('error', text, { actor: cell.self, error: stack });
  }

  #restart(cell: Cell, delayMs: number): void {
    const { timers, turn } = this.#parts;
    if (cell.state !== 'restarting') this.#restarting++;
    cell.state = 'restarting';
    cell.restarts++;
    timers.start(turn.nowMs + delayMs, cell, () => {
      if (cell.state !== 'restarting') return;
      this.#restarting--;
      cell.state = 'running';
      this.#createActor(cell);
    });
  }

  #escalate(cell: Cell, error: unknown): void {
    const { parent } = cell;
    const isStarting = cell.state === 'starting';
    this.stop(cell);
    if (parent === undefined) {
      this.failure ??= new OutcryError('ERR_ASK_FAULT', `${cell.self} failed for good: ${messageOf(error)}`, {
        fields: { actor: cell.self },
      }).toRecord();
      return;
    }
    // Its parent is in the midst of a message, with `spawn`: the fault must end that too.
    if (isStarting) throw error;
    this.#onFault(parent, error);
  }

  #stopChildren(cell: Cell): void {
    for (const child of [...(cell.children?.values() ?? [])].reverse()) this.stop(child);
  }

  /** Gives back what its client has sent; what others have waits again, in its order. */
  #dropInput({ mailbox }: Cell): void {
    const envelope: Envelope = { item: undefined, start: 0, end: 0, origin: LOCAL };
    for (let left = mailbox.count; left > 0 && mailbox.take(envelope); left--) {
      const { item, start, end, origin } = envelope;
      if (start >= 0 && origin === this.#parts.links.mainOrigin) this.giveBack(envelope);
      else mailbox.push(item, start, end, origin);
    }
  }

  #buryMailbox(cell: Cell): void {
    const envelope: Envelope = { item: undefined, start: 0, end: 0, origin: LOCAL };
    while (cell.mailbox.take(envelope)) {
      if (envelope.start === DUE || envelope.start === CONNECTION) continue;
      this.giveBack(envelope);
      if (envelope.start === ASK) this.#parts.asking.fail(envelope.item as Ask, 'ERR_ASK_STOPPED', cell.self);
      this.bury('stopped', cell.self, envelope);
    }
  }
}

/** A flat actor that failed halfway has changed its state, and has events, of a message that does not count. */
function checkFlat({ self, actor, spec }: Cell): void {
  const isFlat = (actor as DurableActor).takeFlat !== undefined;
  if (isFlat && spec.supervision.onFault !== 'escalate') {
    throw new TypeError(`${self} writes flat events, so its fault must escalate`);
  }
}

function messageIn({ item, start, end }: Envelope): unknown {
  if (start === TELL || start === CONNECTION) return item;
  if (start === ASK) return (item as Ask).message;
  if (start === ANSWER) return (item as Ask).answer;
  if (start === DUE) return (item as DueTimer).message;
  return (item as Uint8Array).subarray(start, end);
}
