/** Timers of all actors of a host: a binary heap by due time, then by the order in which they were started. */
import type { Cell } from './cell.ts';

export interface Timer {
  readonly dueMs: number;
  readonly order: number;
  /** Undefined for the runtime's own timers. */
  readonly cell: Cell | undefined;
  readonly fire: () => void;
  cancelled: boolean;
}

/** What a mailbox holds for a timer that is due: it may still be cancelled before its turn comes. */
export interface DueTimer {
  readonly timer: Timer;
  readonly key: string;
  readonly message: unknown;
}

const SWEEP_MIN = 128;

export class Timers {
  readonly #heap: Timer[] = [];
  #started = 0;
  #sweepAt = SWEEP_MIN;

  /** Those that are held, with cancelled ones that have not been swept yet. */
  get count(): number {
    return this.#heap.length;
  }

  start(dueMs: number, cell: Cell | undefined, fire: () => void): Timer {
    if (this.#heap.length >= this.#sweepAt) this.#sweep();
    const timer: Timer = { dueMs, order: this.#started++, cell, fire, cancelled: false };
    this.#heap.push(timer);
    this.#siftUp(this.#heap.length - 1);
    return timer;
  }

  /** When the next timer is due; Infinity if there is none. Cancelled ones are dropped on the way. */
  nextDueMs(): number {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (!first.cancelled) return first.dueMs;
      this.#removeFirst();
    }
    return Infinity;
  }

  /** All that have ever been started. */
  get startedCount(): number {
    return this.#started;
  }

  /** Removes and returns the next that is due and was among the first `startedCount`. */
  takeDue(nowMs: number, startedCount = Number.POSITIVE_INFINITY): Timer | undefined {
    if (this.nextDueMs() > nowMs) return undefined;
    const [first] = this.#heap;
    return first !== undefined && first.order < startedCount ? this.#removeFirst() : undefined;
  }

  /** Drops the cancelled: a long timeout that each message starts anew would fill the heap until the first is due. */
  #sweep(): void {
    const live = this.#heap.filter(({ cancelled }) => !cancelled);
    this.#heap.length = 0;
    for (const timer of live) {
      this.#heap.push(timer);
      this.#siftUp(this.#heap.length - 1);
    }
    this.#sweepAt = Math.max(SWEEP_MIN, live.length * 2);
  }

  #removeFirst(): Timer | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (last !== undefined && last !== first) {
      this.#heap[0] = last;
      this.#siftDown(0);
    }
    return first;
  }

  #isBefore(left: number, right: number): boolean {
    const a = this.#heap[left] as Timer;
    const b = this.#heap[right] as Timer;
    return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
  }

  #swap(left: number, right: number): void {
    const timer = this.#heap[left] as Timer;
    this.#heap[left] = this.#heap[right] as Timer;
    this.#heap[right] = timer;
  }

  #siftUp(index: number): void {
    for (let i = index; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (!this.#isBefore(i, parent)) return;
      this.#swap(i, parent);
      i = parent;
    }
  }

  #siftDown(index: number): void {
    for (let i = index; ; ) {
      const left = 2 * i + 1;
      const right = left + 1;
      if (left >= this.#heap.length) return;
      const least = right < this.#heap.length && this.#isBefore(right, left) ? right : left;
      if (!this.#isBefore(least, i)) return;
      this.#swap(i, least);
      i = least;
    }
  }
}
