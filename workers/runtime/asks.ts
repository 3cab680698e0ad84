/**
 * Requests that wait for their answer.
 *
 * An Ask is settled exactly once: by a reply, by the fault or stop of the actor asked, by the loss of its host, or by
 * its deadline; whatever comes later is ignored. Deadlines are kept in one list for each timeout in use (in practice
 * a few), in which the first is always the next to expire, so that an ask costs no timer.
 */
import type { Answer } from './actor.ts';
import type { Cell } from './cell.ts';

export class Ask {
  readonly message: unknown;
  readonly deadlineMs: number;
  /** The link to answer over, LOCAL if the asker is in this host. */
  readonly origin: number;
  /** The asker's number for it. */
  readonly id: number;
  /** Who asked, when it is in this host. */
  readonly asker: Cell | undefined;
  readonly adapt: ((answer: Answer<never>) => unknown) | undefined;
  /** The host asked. */
  host = 0;
  settled = false;
  /** For an asker in this host: what settled it. */
  answer: Answer<never> | undefined;
  /** Who has taken it to answer it later. */
  taker: Cell | undefined;
  previous: Ask | undefined;
  next: Ask | undefined;
  list: AskList | undefined;

  constructor(
    message: unknown,
    deadlineMs: number,
    origin: number,
    id: number,
    asker?: Cell,
    adapt?: (answer: Answer<never>) => unknown,
  ) {
    this.message = message;
    this.deadlineMs = deadlineMs;
    this.origin = origin;
    this.id = id;
    this.asker = asker;
    this.adapt = adapt;
  }
}

/** Asks with one timeout, oldest first, linked through themselves. */
interface AskList {
  readonly timeoutMs: number;
  first: Ask | undefined;
  last: Ask | undefined;
}

export class PendingAsks {
  readonly #lists = new Map<number, AskList>();
  /** The list used last: nearly every ask has the timeout of the one before. */
  #recent: AskList = { timeoutMs: -1, first: undefined, last: undefined };
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** How many timeouts are in use, or were a moment ago. */
  get timeouts(): number {
    return this.#lists.size;
  }

  add(ask: Ask, timeoutMs: number): void {
    const list = this.#recent.timeoutMs === timeoutMs ? this.#recent : this.#listOf(timeoutMs);
    ask.list = list;
    ask.previous = list.last;
    if (list.last === undefined) list.first = ask;
    else list.last.next = ask;
    list.last = ask;
    this.#count++;
  }

  remove(ask: Ask): void {
    const { list, previous, next } = ask;
    if (list === undefined) return;
    if (previous === undefined) list.first = next;
    else previous.next = next;
    if (next === undefined) list.last = previous;
    else next.previous = previous;
    ask.list = undefined;
    ask.previous = undefined;
    ask.next = undefined;
    this.#count--;
  }

  /** The next ask that has expired by `nowMs`, removed; call until undefined. */
  takeExpired(nowMs: number): Ask | undefined {
    for (const list of this.#lists.values()) {
      const ask = list.first;
      // Timeouts that are computed, not fixed, would add up.
      if (ask === undefined && list !== this.#recent) this.#lists.delete(list.timeoutMs);
      if (ask !== undefined && ask.deadlineMs <= nowMs) {
        this.remove(ask);
        return ask;
      }
    }
    return undefined;
  }

  /** When the next ask expires; Infinity if none waits. */
  nextDueMs(): number {
    let due = Infinity;
    if (this.#count === 0) return due;
    for (const list of this.#lists.values()) {
      if (list.first !== undefined) due = Math.min(due, list.first.deadlineMs);
    }
    return due;
  }

  #listOf(timeoutMs: number): AskList {
    let list = this.#lists.get(timeoutMs);
    if (list === undefined) {
      list = { timeoutMs, first: undefined, last: undefined };
      this.#lists.set(timeoutMs, list);
    }
    this.#recent = list;
    return list;
  }
}
