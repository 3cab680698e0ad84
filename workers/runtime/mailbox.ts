/**
 * The messages that wait for one actor: a ring that grows by doubling, and ahead of it the notices of watched actors.
 *
 * A message takes four places of the ring, so that nothing is allocated for it:
 *
 *     item        the message, or the bytes that hold it, or the Ask
 *     start       where the bytes start; TELL or ASK for the others
 *     end         where the bytes end; for the others what they are charged
 *     origin      the link it came over (its charge goes back there), LOCAL for this host's own
 *
 * The ring never refuses and never drops. Its limit is the sender's: see ActorSystem, "full mailboxes".
 */

export const TELL = -1;
export const ASK = -2;
export const LOCAL = 0;

const STRIDE = 4;
const CAPACITY_MIN = 8;
/** A ring that grew beyond this is given up when it runs empty, so that a burst does not hold memory for ever. */
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
  #notices: unknown[] | undefined;

  get count(): number {
    return this.#count;
  }

  get hasNotice(): boolean {
    return this.#notices !== undefined;
  }

  /** Appends a message; returns how many wait now. */
  push(item: unknown, start: number, end: number, origin: number): number {
    if (this.#count === this.#capacity) this.#grow();
    const at = ((this.#head + this.#count) & (this.#capacity - 1)) * STRIDE;
    const ring = this.#ring;
    ring[at] = item;
    ring[at + 1] = start;
    ring[at + 2] = end;
    ring[at + 3] = origin;
    return ++this.#count;
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
    ring[at] = undefined;
    this.#head = (this.#head + 1) & (this.#capacity - 1);
    if (--this.#count === 0 && this.#capacity > CAPACITY_KEPT) this.#release();
    return true;
  }

  pushNotice(message: unknown): void {
    this.#notices ??= [];
    this.#notices.push(message);
  }

  takeNotice(): unknown {
    const notice = this.#notices?.shift();
    if (this.#notices?.length === 0) this.#notices = undefined;
    return notice;
  }

  #grow(): void {
    const capacity = Math.max(CAPACITY_MIN, this.#capacity * 2);
    const ring: unknown[] = [];
    for (let i = 0; i < this.#count * STRIDE; i++) {
      ring.push(this.#ring[(this.#head * STRIDE + i) & (this.#capacity * STRIDE - 1)]);
    }
    while (ring.length < capacity * STRIDE) ring.push(undefined);
    this.#ring = ring;
    this.#head = 0;
    this.#capacity = capacity;
  }

  #release(): void {
    this.#ring = NO_RING;
    this.#capacity = 0;
    this.#head = 0;
  }
}
