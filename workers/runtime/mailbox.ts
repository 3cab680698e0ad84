/**
 * The messages that wait for one actor: a ring that grows by doubling, and ahead of it the notices of watched actors.
 *
 * A message takes four places of the ring, so that nothing is allocated for it:
 *
 *     item        the message, or the bytes that hold it, the Ask, or the DueTimer
 *     start       where the bytes start; TELL, ASK, ANSWER, DUE or CONNECTION for the others
 *     end         where the bytes end; for the others what they are charged
 *     origin      the link it came over (its charge goes back there), LOCAL for this host's own
 *
 * The ring never refuses and never drops. Its limit is the sender's: see ActorSystem, "full mailboxes".
 */

export const TELL = -1;
export const ASK = -2;
/** An ask of this actor that has its answer. */
export const ANSWER = -3;
/** A timer of this actor that is due. */
export const DUE = -4;
/** What a session hears of its connection: of no use to one that has stopped. */
export const CONNECTION = -5;
export const LOCAL = 0;

/** Byte messages of this host's own are charged to nobody: so many of them must not wait. */
export const MAILBOX_BYTES_MAX = 4 * 1024 * 1024;

const STRIDE = 4;
const CAPACITY_MIN = 8;
/** A ring above this that runs empty after using less than a quarter of it is halved: a burst holds no memory for ever. */
const CAPACITY_KEPT = 1024;

/** One message out of a mailbox; one reused object a system. */
export interface Envelope {
  item: unknown;
  start: number;
  end: number;
  origin: number;
}

const NO_RING: unknown[] = [];

export class Mailbox {
  #ring = NO_RING;
  /** Invariant: capacity is a power of two or 0; head < capacity; count <= capacity. */
  #capacity = 0;
  #head = 0;
  #count = 0;
  /** Of the byte messages. */
  #bytes = 0;
  /** The most that have waited since it was empty. */
  #peak = 0;
  #notices: unknown[] | undefined;
  #noticesTaken = 0;

  get count(): number {
    return this.#count;
  }

  get hasNotice(): boolean {
    return this.#notices !== undefined;
  }

  /** No more is to come: `countMax` messages wait, or byte messages of MAILBOX_BYTES_MAX together. */
  isFull(countMax: number): boolean {
    return this.#count >= countMax || this.#bytes >= MAILBOX_BYTES_MAX;
  }

  /** Half of it is free. */
  hasRoom(countMax: number): boolean {
    return this.#count <= countMax / 2 && this.#bytes <= MAILBOX_BYTES_MAX / 2;
  }

  push(item: unknown, start: number, end: number, origin: number): void {
    if (this.#count === this.#capacity) this.#grow();
    const at = ((this.#head + this.#count) & (this.#capacity - 1)) * STRIDE;
    const ring = this.#ring;
    ring[at] = item;
    ring[at + 1] = start;
    ring[at + 2] = end;
    ring[at + 3] = origin;
    if (start >= 0) this.#bytes += end - start;
    const count = ++this.#count;
    if (count > this.#peak) this.#peak = count;
  }

  /** Removes the oldest message into `envelope`; false when there is none. */
  take(envelope: Envelope): boolean {
    if (this.#count === 0) return false;
    const ring = this.#ring;
    const at = this.#head * STRIDE;
    envelope.item = ring[at];
    envelope.start = ring[at + 1] as number;
    envelope.end = ring[at + 2] as number;
    envelope.origin = ring[at + 3] as number;
    if (envelope.start >= 0) this.#bytes -= envelope.end - envelope.start;
    ring[at] = undefined;
    this.#head = (this.#head + 1) & (this.#capacity - 1);
    if (--this.#count === 0 && this.#capacity > CAPACITY_KEPT) this.#shrink();
    return true;
  }

  pushNotice(message: unknown): void {
    this.#notices ??= [];
    this.#notices.push(message);
  }

  takeNotice(): unknown {
    const notice = this.#notices?.[this.#noticesTaken++];
    if (this.#noticesTaken === this.#notices?.length) {
      this.#notices = undefined;
      this.#noticesTaken = 0;
    }
    return notice;
  }

  #grow(): void {
    const capacity = Math.max(CAPACITY_MIN, this.#capacity * 2);
    const ring = new Array<unknown>(capacity * STRIDE).fill(undefined);
    const old = this.#ring;
    const headAt = this.#head * STRIDE;
    for (let i = headAt; i < old.length; i++) ring[i - headAt] = old[i];
    for (let i = 0; i < headAt; i++) ring[old.length - headAt + i] = old[i];
    this.#ring = ring;
    this.#head = 0;
    this.#capacity = capacity;
  }

  /** Called when empty. */
  #shrink(): void {
    if (this.#peak < this.#capacity / 4) {
      this.#capacity /= 2;
      this.#ring = new Array<unknown>(this.#capacity * STRIDE).fill(undefined);
      this.#head = 0;
    }
    this.#peak = 0;
  }
}
