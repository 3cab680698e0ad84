/**
 * The asks that a host has part in: those of its own actors, wherever they went, and those that came in. Each is
 * settled exactly once.
 */
import type { BatchReader } from '../../src/protocol/link.ts';
import { RECORD } from '../../src/protocol/link.ts';
import { type ErrorCode, OutcryError } from '../../src/values/errors.ts';
import type { Answer } from './actor.ts';
import { Ask, PendingAsks } from './asks.ts';
import type { Cell } from './cell.ts';
import type { Links } from './links.ts';
import { ANSWER, LOCAL } from './mailbox.ts';
import type { RunQueue } from './run-queue.ts';

const REASONS: Partial<Record<ErrorCode, string>> = {
  ERR_ASK_FAULT: 'it failed first',
  ERR_ASK_NO_ACTOR: 'nobody lives there',
  ERR_ASK_STOPPED: 'it stopped first',
  ERR_HOST_LOST: 'its worker thread ended',
};

export class Asking {
  readonly #hostIndex: number;
  readonly #links: Links;
  readonly #runQueue: RunQueue;
  readonly #pending = new PendingAsks();
  /** Those of them that wait for another host, by number. */
  readonly #remote = new Map<number, Ask>();
  #lastId = 0;

  constructor(hostIndex: number, links: Links, runQueue: RunQueue) {
    this.#hostIndex = hostIndex;
    this.#links = links;
    this.#runQueue = runQueue;
  }

  /** Asks of this host's actors that are not settled. */
  get pendingCount(): number {
    return this.#pending.count;
  }

  nextDueMs(): number {
    return this.#pending.nextDueMs();
  }

  create(asker: Cell, message: unknown, deadlineMs: number, adapt: (answer: Answer<never>) => unknown): Ask {
    // Numbers cross threads in 32 bits: after the last one they start again.
    this.#lastId = (this.#lastId + 1) | 0;
    return new Ask(message, deadlineMs, LOCAL, this.#lastId, asker, adapt);
  }

  /** The ask leaves its asker. */
  start(ask: Ask, asker: Cell, timeoutMs: number): void {
    asker.asksPending++;
    this.#pending.add(ask, timeoutMs);
  }

  /** It waits for an answer over a link. */
  awaitHost(ask: Ask, host: number): void {
    ask.host = host;
    this.#remote.set(ask.id, ask);
  }

  /** Settles an ask once; what comes later is ignored. */
  settle(ask: Ask, answer: Answer<never>): void {
    if (ask.settled) return;
    const { asker } = ask;
    if (asker === undefined) {
      const { writer } = this.#links.of(ask.origin);
      if (answer.ok) writer.value(RECORD.reply, ask.id, answer.value);
      else writer.value(RECORD.reply, ask.id, answer.error, 1);
    }
    ask.settled = true;
    ask.taker?.taken?.delete(ask);
    if (asker === undefined) return;
    this.#pending.remove(ask);
    if (ask.host !== this.#hostIndex) this.#remote.delete(ask.id);
    asker.asksPending--;
    if (asker.state === 'stopped' || ask.adapt === undefined) return;
    ask.answer = answer;
    this.#runQueue.push(undefined, asker, ask, ANSWER, 0, LOCAL);
  }

  /** Settles it with an error; `who` should have answered. */
  fail(ask: Ask, code: ErrorCode, who: string): void {
    const error = new OutcryError(code, `${who} did not answer: ${REASONS[code] ?? code}`, {
      fields: { actor: who },
    });
    this.settle(ask, { ok: false, error: error.toRecord() });
  }

  /** The instance that meant to answer these later is gone. */
  failTaken(cell: Cell, code: ErrorCode): void {
    for (const ask of [...(cell.taken ?? [])]) this.fail(ask, code, cell.self);
  }

  /** The host was lost with all that it was asked. */
  failHost(host: number): void {
    for (const ask of [...this.#remote.values()]) {
      if (ask.host === host) this.fail(ask, 'ERR_HOST_LOST', `host-${host}`);
    }
  }

  onReply(reader: BatchReader): void {
    const ask = this.#remote.get(reader.target);
    // Its deadline has passed meanwhile: a late reply is ignored.
    if (ask === undefined) return;
    const value = reader.value() as never;
    this.settle(ask, reader.flags === 1 ? { ok: false, error: value } : { ok: true, value });
  }

  expire(nowMs: number): void {
    let ask = this.#pending.takeExpired(nowMs);
    while (ask !== undefined) {
      const error = new OutcryError('ERR_ASK_TIMEOUT', 'no answer came before the deadline');
      this.settle(ask, { ok: false, error: error.toRecord() });
      ask = this.#pending.takeExpired(nowMs);
    }
  }
}
