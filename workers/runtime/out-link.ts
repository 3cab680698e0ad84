/**
 * The way out of this host to one other thread: what it has collected this turn, what is in flight, and which actors
 * wait because too much is.
 *
 * Invariant: `inFlight` is the charge of all records sent and not yet given back; `owed` is what the other side has
 * sent and this host has handled, to be given back with the next batch.
 */
import { type Batch, BatchWriter, RECORD } from '../../src/protocol/link.ts';
import type { ActorRef } from './actor-ref.ts';
import type { Cell } from './cell.ts';

/** Past this many names a link starts numbering anew, so that short-lived addresses do not add up. */
const NAMES_MAX = 65_536;

export class OutLink {
  readonly writer = new BatchWriter();
  /** Refs that the other side has named, by its number for them. */
  readonly named: ActorRef<never>[] = [];
  readonly #highWater: number;
  inFlight = 0;
  owed = 0;
  /** Senders that pause until half of what is in flight has been given back. */
  waiters: Cell[] = [];
  /** The other side is gone: what is sent here goes nowhere. */
  closed = false;
  #naming = {};
  #names = 0;

  constructor(highWater: number) {
    this.#highWater = highWater;
  }

  get isFull(): boolean {
    return this.inFlight > this.#highWater;
  }

  get hasRoom(): boolean {
    return this.inFlight <= this.#highWater / 2;
  }

  /** The number that stands for `ref` on this link, telling the other side when it is new. */
  nameOf(ref: ActorRef<never>): number {
    if (ref.linkNaming !== this.#naming) {
      if (this.#names === NAMES_MAX) {
        this.#names = 0;
        this.#naming = {};
      }
      ref.linkId = this.#names++;
      ref.linkNaming = this.#naming;
      this.writer.text(RECORD.bind, ref.linkId, ref.address);
    }
    return ref.linkId;
  }

  /** What this turn has collected, credit included; undefined if nothing. */
  take(): Batch | undefined {
    if (this.owed > 0) {
      this.writer.credit(this.owed);
      this.owed = 0;
    }
    return this.writer.isEmpty ? undefined : this.writer.take();
  }
}
