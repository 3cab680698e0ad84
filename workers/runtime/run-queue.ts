/**
 * Which actors may run: those that have mail, unless they are suspended for having filled a mailbox or a link.
 *
 * Full mailboxes: a message is never refused and never dropped. The sender that fills a mailbox or a link is
 * suspended: it handles no further message until there is room for half. Its own mailbox fills meanwhile and suspends
 * its senders, until the charge of the main thread's records is no longer given back and it pauses sockets. When
 * nothing else can run, the one suspended longest runs for a batch, so that a cycle of full mailboxes is slow, not
 * dead.
 *
 * Invariants: a cell is queued only if it has something to do; a stopped cell is not suspended.
 */
import type { Cell } from './cell.ts';
import type { OutLink } from './out-link.ts';
import type { Scheduler } from './scheduler.ts';

/** How long suspended actors wait for what may still make room before the oldest runs all the same. */
const STALL_MS = 100;

export class RunQueue {
  readonly scheduler: Scheduler;
  readonly #suspended = new Set<Cell>();
  #stalledSinceMs: number | undefined;

  constructor(scheduler: Scheduler) {
    this.scheduler = scheduler;
  }

  /** True if some actor is ready. */
  get hasReady(): boolean {
    return this.scheduler.size > 0;
  }

  /** True if no actor is ready and none is held up. */
  get isQuiet(): boolean {
    return this.scheduler.size === 0 && this.#suspended.size === 0;
  }

  /** When a stall is over; Infinity if there is none. */
  get nextDueMs(): number {
    return this.#stalledSinceMs === undefined ? Number.POSITIVE_INFINITY : this.#stalledSinceMs + STALL_MS;
  }

  /** Puts a message in a mailbox; `sender` is held up if that makes it full. */
  push(
    sender: Cell | undefined,
    cell: Cell,
    item: unknown,
    start: number,
    end: number,
    origin: number,
  ): void {
    cell.mailbox.push(item, start, end, origin);
    if (!cell.queued) this.schedule(cell);
    if (sender !== undefined && sender !== cell && cell.mailbox.isFull(cell.mailboxMax)) {
      cell.waiters ??= [];
      this.#suspend(sender, cell.waiters);
    }
  }

  /** Counts what `sender` has put on a link; it is held up if that makes the link full. */
  charge(sender: Cell, link: OutLink, charge: number): void {
    link.inFlight += charge;
    if (link.isFull) this.#suspend(sender, link.waiters);
  }

  schedule(cell: Cell): void {
    if (cell.queued || cell.state !== 'running') return;
    const { mailbox } = cell;
    if (mailbox.hasNotice || (mailbox.count > 0 && !cell.suspended)) {
      cell.queued = true;
      this.scheduler.add(cell);
    }
  }

  /** Lets those go on that wait for a mailbox or link; the list is empty afterwards. */
  wakeAll(waiters: Cell[]): void {
    for (const cell of waiters.splice(0)) {
      cell.suspended = false;
      this.#suspended.delete(cell);
      this.schedule(cell);
    }
  }

  /** `cell` has stopped. */
  forget(cell: Cell): void {
    this.#suspended.delete(cell);
    if (cell.waiters !== undefined) this.wakeAll(cell.waiters);
  }

  /**
   * Removes and returns the next to run. `mayGoOn` says, when only suspended actors are left, whether something else
   * may still make room for them: a link's credit, an actor that is to be restarted.
   */
  take(nowMs: number, mayGoOn: () => boolean): Cell | undefined {
    const cell = this.scheduler.size > 0 ? this.scheduler.take() : this.#takeStalled(nowMs, mayGoOn);
    if (cell !== undefined) cell.queued = false;
    return cell;
  }

  #suspend(cell: Cell, waiters: Cell[]): void {
    if (cell.suspended || cell.state === 'stopped') return;
    cell.suspended = true;
    this.#suspended.add(cell);
    waiters.push(cell);
  }

  /** Without anything that may make room, mailboxes have filled each other in a cycle: the oldest runs at once. */
  #takeStalled(nowMs: number, mayGoOn: () => boolean): Cell | undefined {
    const [oldest] = this.#suspended;
    if (oldest === undefined) {
      this.#stalledSinceMs = undefined;
      return undefined;
    }
    this.#stalledSinceMs ??= nowMs;
    if (mayGoOn() && nowMs - this.#stalledSinceMs < STALL_MS) return undefined;
    this.#stalledSinceMs = undefined;
    oldest.suspended = false;
    this.#suspended.delete(oldest);
    return oldest;
  }
}
