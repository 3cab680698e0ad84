/** What passes a door of the exchange in one direction, taken apart: packets of SoupBinTCP, or bare messages of OUCH. */
import type { FrameSink } from '../../values/frame-splitter.ts';
import { PacketSplitter } from '../soupbintcp/packet-splitter.ts';
import type { Direction } from './names.ts';
import { RawSplitter } from './raw-splitter.ts';

export type DoorName = 'ouch' | 'ouch-raw';

export class DoorSplitter {
  readonly #splitter: PacketSplitter | RawSplitter;
  #isBroken = false;

  constructor(door: DoorName, direction: Direction) {
    this.#splitter = door === 'ouch' ? new PacketSplitter() : new RawSplitter(direction);
  }

  /**
   * `chunk` is on loan: its memory is filled again by others, so what may be kept of it is a copy. False once something came
   * that is none: what follows can not be found any more.
   */
  feed(chunk: Uint8Array, sink: FrameSink): boolean {
    if (this.#isBroken) return false;
    try {
      this.#splitter.feed(Uint8Array.from(chunk), sink);
    } catch {
      this.#isBroken = true;
    }
    return !this.#isBroken;
  }
}
