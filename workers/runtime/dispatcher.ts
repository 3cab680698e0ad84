/**
 * Handles messages: one batch of an actor after the other, each message decided, applied, and only then followed by
 * its outputs. A fault is caught here and nowhere else.
 */
import { type Flow, RECORD } from '../../src/protocol/link.ts';
import type { ActorRef } from './actor-ref.ts';
import type { Asking } from './asking.ts';
import type { Ask } from './asks.ts';
import type { Cell } from './cell.ts';
import type { DeadLetterReason, DeadLetters } from './dead-letters.ts';
import type { Directory } from './directory.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Links } from './links.ts';
import { ANSWER, ASK, CONNECTION, DUE, type Envelope, LOCAL, TELL } from './mailbox.ts';
import { OUTPUT, type Outbox } from './outbox.ts';
import type { RunQueue } from './run-queue.ts';
import type { DueTimer } from './timers.ts';
import type { Turn } from './turn.ts';
import type { TurnEvents } from './turn-events.ts';

export interface DispatcherParts {
  readonly turn: Turn;
  readonly directory: Directory;
  readonly links: Links;
  readonly runQueue: RunQueue;
  readonly asking: Asking;
  readonly outbox: Outbox;
  readonly deadLetters: DeadLetters;
  readonly lifecycle: Lifecycle;
  /** Absent if nothing is stored. */
  readonly events: TurnEvents | undefined;
}

export class Dispatcher {
  readonly #turn: Turn;
  readonly #directory: Directory;
  readonly #links: Links;
  readonly #runQueue: RunQueue;
  readonly #asking: Asking;
  readonly #outbox: Outbox;
  readonly #deadLetters: DeadLetters;
  readonly #lifecycle: Lifecycle;
  readonly #events: TurnEvents | undefined;
  /** The message being handled; one object for all. */
  readonly #envelope: Envelope = { item: undefined, start: 0, end: 0, origin: LOCAL };

  constructor(parts: DispatcherParts) {
    this.#turn = parts.turn;
    this.#directory = parts.directory;
    this.#links = parts.links;
    this.#runQueue = parts.runQueue;
    this.#asking = parts.asking;
    this.#outbox = parts.outbox;
    this.#deadLetters = parts.deadLetters;
    this.#lifecycle = parts.lifecycle;
    this.#events = parts.events;
  }

  /** Handles one batch of a cell's messages, the notices ahead of them. */
  dispatch(cell: Cell): void {
    const { mailbox } = cell;
    while (mailbox.hasNotice && cell.state === 'running') this.#handleNotice(cell, mailbox.takeNotice());
    const envelope = this.#envelope;
    const { batchMessages, batchBytes } = this.#runQueue.scheduler;
    let messages = 0;
    let bytes = 0;
    while (
      messages < batchMessages &&
      bytes < batchBytes &&
      !cell.suspended &&
      cell.state === 'running' &&
      !mailbox.hasNotice &&
      mailbox.take(envelope)
    ) {
      messages++;
      if (envelope.start >= 0) bytes += envelope.end - envelope.start;
      this.#handle(cell, envelope);
      if (cell.waiters !== undefined && mailbox.hasRoom(cell.mailboxMax)) {
        this.#runQueue.wakeAll(cell.waiters);
        cell.waiters = undefined;
      }
    }
    cell.handled += messages;
    this.#turn.messagesLeft -= messages + 1;
    this.#turn.bytesLeft -= bytes;
    this.#runQueue.schedule(cell);
  }

  /** Delivers a message that arrived over a link to the actor that `ref` stands for. */
  receive(ref: ActorRef<never>, item: unknown, start: number, end: number, origin: number): void {
    const cell = this.#directory.cellOf(ref);
    if (cell !== undefined) {
      this.#runQueue.push(undefined, cell, item, start, end, origin);
      return;
    }
    const envelope = { item, start, end, origin };
    this.#lifecycle.giveBack(envelope);
    if (start === ASK) this.#asking.fail(item as Ask, 'ERR_ASK_NO_ACTOR', ref.address);
    this.#lifecycle.bury('no-actor', ref.address, envelope);
  }

  /** Lets go what the message that `cell` has just handled wants done. */
  commit(cell: Cell): void {
    const outbox = this.#outbox;
    let stopsItself = false;
    for (let i = 0; i < outbox.count; i++) {
      const output = outbox.output(i);
      if (output === OUTPUT.tell) {
        this.#deliver(cell, outbox.target(i) as ActorRef<never>, outbox.item(i));
      } else if (output === OUTPUT.bytes) {
        const ref = outbox.target(i) as ActorRef<never>;
        this.#deliverBytes(cell, ref, outbox.item(i) as Uint8Array, outbox.start(i), outbox.end(i));
      } else if (output === OUTPUT.ask) {
        const ask = outbox.item(i) as Ask;
        // The asker is a child of `cell` if that has just spawned it.
        this.#deliverAsk(ask.asker ?? cell, outbox.target(i) as ActorRef<never>, ask, outbox.start(i));
      } else if (output === OUTPUT.reply) {
        this.#asking.settle(outbox.target(i) as Ask, { ok: true, value: outbox.item(i) as never });
      } else if (output === OUTPUT.send) {
        const bytes = outbox.item(i) as Uint8Array;
        const connection = outbox.target(i) as number;
        this.#links.main.writer.write(connection, bytes, outbox.start(i), outbox.end(i));
      } else if (output === OUTPUT.frames) {
        this.#links.main.writer.frames(outbox.target(i) as number, outbox.start(i));
      } else if (output !== OUTPUT.stop) {
        this.#tellMain(output, outbox.target(i) as number, outbox.item(i), outbox.start(i));
      } else if (outbox.target(i) === cell) {
        stopsItself = true;
        cell.closeReason = outbox.item(i) as string;
      } else this.#lifecycle.stop(outbox.target(i) as Cell);
    }
    outbox.clear();
    // Last, whatever it sent after it asked for it: nothing follows the close of a connection.
    if (stopsItself) this.#lifecycle.stopItself(cell);
  }

  /** What is rare. */
  #tellMain(output: number, connection: number, item: unknown, flow: number): void {
    const { writer } = this.#links.main;
    if (output === OUTPUT.remember) writer.text(RECORD.remember, connection, item as string);
    else if (output === OUTPUT.identify) writer.text(RECORD.identify, connection, item as string);
    else if (output === OUTPUT.ignored) writer.value(RECORD.ignored, connection, item);
    else if (output === OUTPUT.log) writer.value(RECORD.control, 0, item);
    else writer.flow(connection, flow as Flow);
  }

  #handle(cell: Cell, envelope: Envelope): void {
    const { actor } = cell;
    const { item, start } = envelope;
    if (actor === undefined) return;
    // Whatever the message is, the actor may change its state in place.
    if (cell.spec.isDurable) this.#events?.touch(cell);
    try {
      if (start === TELL || start === CONNECTION) this.#apply(cell, actor.receive(item, cell));
      else if (start === ASK) this.#handleAsk(cell, item as Ask);
      else if (start === ANSWER) this.#handleAnswer(cell, item as Ask);
      else if (start === DUE) this.#handleDue(cell, item as DueTimer);
      else if (actor.receiveBytes === undefined) throw new TypeError(`${cell.self} takes no byte messages`);
      else actor.receiveBytes(item as Uint8Array, start, envelope.end, cell);
      // What can't be encoded for another thread is found out here.
      if (!this.#outbox.isEmpty) this.commit(cell);
      cell.asking = undefined;
    } catch (error) {
      this.#lifecycle.onPoison(cell, envelope, error);
      return;
    }
    this.#lifecycle.giveBack(envelope);
  }

  #handleAsk(cell: Cell, ask: Ask): void {
    // The asker has given up: no use working for it.
    if (ask.settled || ask.deadlineMs <= this.#turn.nowMs) return;
    cell.asking = ask;
    this.#apply(cell, cell.actor?.receive(ask.message, cell));
  }

  /** The answer becomes a message in the asker's own turn: what `adapt` throws is the asker's fault. */
  #handleAnswer(cell: Cell, { adapt, answer }: Ask): void {
    if (adapt === undefined || answer === undefined) return;
    this.#apply(cell, cell.actor?.receive(adapt(answer), cell));
  }

  #handleDue(cell: Cell, { timer, key, message }: DueTimer): void {
    // It was cancelled or replaced while it waited, or the instance that started it is gone.
    if (timer.cancelled) return;
    cell.timers?.delete(key);
    this.#apply(cell, cell.actor?.receive(message, cell));
  }

  #handleNotice(cell: Cell, message: unknown): void {
    if (cell.spec.isDurable) this.#events?.touch(cell);
    try {
      this.#apply(cell, cell.actor?.receive(message, cell));
      this.commit(cell);
    } catch (error) {
      this.#lifecycle.onPoison(cell, { item: message, start: TELL, end: 0, origin: LOCAL }, error);
    }
  }

  /** Tells the actor of a session that nothing can be stored. */
  tellStoreFailed(cell: Cell): void {
    if (cell.state !== 'running' || cell.actor?.storeFailed === undefined) return;
    try {
      cell.actor.storeFailed(cell);
      this.commit(cell);
    } catch (error) {
      this.#lifecycle.onPoison(cell, { item: 'store failed', start: TELL, end: 0, origin: LOCAL }, error);
    }
  }

  #apply(cell: Cell, events: readonly unknown[] | undefined): void {
    if (events === undefined || events.length === 0) return;
    for (const event of events) cell.actor?.apply?.(event);
    // Behind `apply`: an event that can't be applied must not be there to be recovered from.
    if (cell.spec.isDurable) this.#events?.add(cell, events);
  }

  #deliver(cell: Cell, ref: ActorRef<never>, message: unknown): void {
    const target = this.#directory.cellOf(ref);
    if (target !== undefined) {
      this.#runQueue.push(cell, target, message, TELL, 0, LOCAL);
      return;
    }
    const link = this.#links.toHost(ref.host);
    if (link === undefined) this.#deadLetters.add(this.#lossOf(ref), ref.address, message, this.#turn.nowMs);
    else this.#runQueue.charge(cell, link, link.writer.value(RECORD.tell, link.nameOf(ref), message));
  }

  #deliverBytes(cell: Cell, ref: ActorRef<never>, bytes: Uint8Array, start: number, end: number): void {
    const target = this.#directory.cellOf(ref);
    if (target !== undefined) {
      this.#runQueue.push(cell, target, bytes, start, end, LOCAL);
      return;
    }
    const link = this.#links.toHost(ref.host);
    if (link !== undefined) {
      this.#runQueue.charge(cell, link, link.writer.copy(RECORD.bytes, link.nameOf(ref), bytes, start, end));
      return;
    }
    this.#deadLetters.add(this.#lossOf(ref), ref.address, bytes.subarray(start, end), this.#turn.nowMs);
  }

  #deliverAsk(cell: Cell, ref: ActorRef<never>, ask: Ask, timeoutMs: number): void {
    this.#asking.start(ask, cell, timeoutMs);
    const target = this.#directory.cellOf(ref);
    if (target !== undefined) {
      this.#runQueue.push(cell, target, ask, ASK, 0, LOCAL);
      return;
    }
    const link = this.#links.toHost(ref.host);
    if (link === undefined) {
      const code = this.#lossOf(ref) === 'no-actor' ? 'ERR_ASK_NO_ACTOR' : 'ERR_HOST_LOST';
      this.#asking.fail(ask, code, ref.address);
      return;
    }
    this.#asking.awaitHost(ask, ref.host);
    this.#runQueue.charge(cell, link, link.writer.ask(link.nameOf(ref), ask.id, ask.deadlineMs, ask.message));
  }

  #lossOf(ref: ActorRef<never>): DeadLetterReason {
    return ref.host === this.#directory.hostIndex ? 'no-actor' : 'host-lost';
  }
}
