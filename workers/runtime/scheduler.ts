/**
 * Which of the actors that have mail runs next. In a host the one that has waited longest, for one batch; in the
 * simulation a seeded choice, one message at a time.
 */
import type { Cell } from './cell.ts';

export interface Scheduler {
  readonly size: number;
  /** The most messages and bytes an actor handles before the next one runs. */
  readonly batchMessages: number;
  readonly batchBytes: number;
  add(cell: Cell): void;
  /** Removes and returns the next; undefined if none is ready. */
  take(): Cell | undefined;
}

/** A ring that grows by doubling. */
export class FairScheduler implements Scheduler {
  readonly batchMessages = 256;
  readonly batchBytes = 256 * 1024;
  #ring: (Cell | undefined)[] = new Array<Cell | undefined>(64).fill(undefined);
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(cell: Cell): void {
    if (this.#size === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#size) & (this.#ring.length - 1)] = cell;
    this.#size++;
  }

  take(): Cell | undefined {
    if (this.#size === 0) return undefined;
    const cell = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#size--;
    return cell;
  }

  #grow(): void {
    const ring = [...this.#ring.slice(this.#head), ...this.#ring.slice(0, this.#head)];
    this.#ring = ring.concat(new Array<Cell | undefined>(ring.length).fill(undefined));
    this.#head = 0;
  }
}
