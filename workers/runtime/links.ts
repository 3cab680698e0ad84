/**
 * The links of a host: to the main thread and to each other host. A link is known by its origin, the number that a
 * mailbox keeps with each message, so that its charge goes back to where it came from.
 */
import type { PeerMessage } from '../../src/protocol/control.ts';
import { type Batch, RECORD } from '../../src/protocol/link.ts';
import { MAIN_HOST } from './directory.ts';
import { LOCAL } from './mailbox.ts';
import { OutLink } from './out-link.ts';

export class Links {
  readonly main: OutLink;
  readonly mainOrigin: number;
  readonly #highWater: number;
  /** By origin. A link that was replaced stays here, closed, for the messages that came over it. */
  readonly #links: (OutLink | undefined)[] = [];
  /** By host: the link to it. */
  readonly #peers: (OutLink | undefined)[] = [];

  /** `highWater`: the charge in flight to another host above which senders pause. */
  constructor(highWater: number) {
    this.#highWater = highWater;
    this.#links[LOCAL] = undefined;
    this.main = new OutLink(Number.POSITIVE_INFINITY);
    this.mainOrigin = this.#links.push(this.main) - 1;
  }

  /** True if some actor may wait for credit. */
  get isAnyFull(): boolean {
    return this.#peers.some((link) => link?.isFull);
  }

  /** True if no other host still has something of ours to handle. */
  get isQuiet(): boolean {
    return this.#peers.every((link) => link === undefined || link.inFlight === 0);
  }

  /** A new link to a host; the one before it is closed. Returns the origin. */
  connectPeer(host: number): number {
    const before = this.#peers[host];
    if (before !== undefined) before.closed = true;
    const link = new OutLink(this.#highWater);
    this.#peers[host] = link;
    return this.#links.push(link) - 1;
  }

  of(origin: number): OutLink {
    const link = this.#links[origin];
    if (link === undefined) throw new RangeError(`there is no link ${origin}`);
    return link;
  }

  /** What this turn has for the other side of each link, by origin. */
  takeAll(): (Batch | undefined)[] {
    return this.#links.map((link) => link?.take());
  }

  /** The main thread counts as a host, MAIN_HOST. */
  toHost(host: number): OutLink | undefined {
    return host === MAIN_HOST ? this.main : this.#peers[host];
  }

  /** A message that came over `origin` and was charged `charge` has been handled. */
  giveBack(origin: number, charge: number): void {
    const link = this.#links[origin];
    if (link !== undefined) link.owed += charge;
  }

  sendPeer(host: number, message: PeerMessage): void {
    this.#peers[host]?.writer.value(RECORD.control, 0, message);
  }
}
