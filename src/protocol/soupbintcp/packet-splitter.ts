/** Finds the packets in what comes over a connection, however it was cut on its way. */
import { type FrameSink, FrameSplitter } from '../../values/frame-splitter.ts';
import { packetBytesAt } from './packets.ts';

const LENGTH_BYTES = 2;

export class PacketSplitter {
  readonly #splitter = new FrameSplitter(LENGTH_BYTES, packetBytesAt);

  /**
   * `sink` gets whole packets, which share the memory of the chunks. Throws ERR_SOUPBIN_PACKET at one of length 0; nothing
   * that follows can be read then.
   */
  feed(chunk: Uint8Array, sink: FrameSink): void {
    this.#splitter.feed(chunk, sink);
  }
}
