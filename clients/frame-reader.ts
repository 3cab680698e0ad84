/** Finds the frames of the api in what comes over a stream, however it was cut on its way. */
import { FRAME_HEAD_BYTES, lengthIn } from '../src/protocol/api/frames.ts';
import { OutcryError } from '../src/values/errors.ts';

/** Gets the body of a frame: `bytes` from `start` to `end`. */
export type FrameSink = (bytes: Uint8Array, start: number, end: number) => void;

export class FrameReader {
  /** A frame with a longer body is an error. */
  lengthMax: number;
  /** What follows the last whole frame; together it is shorter than `#neededBytes`. */
  #chunks: Uint8Array[] = [];
  #keptBytes = 0;
  #neededBytes = FRAME_HEAD_BYTES;

  constructor(lengthMax: number) {
    this.lengthMax = lengthMax;
  }

  /** Throws ERR_API_PROTOCOL; nothing that follows can be read then. */
  feed(chunk: Uint8Array, sink: FrameSink): void {
    this.#chunks.push(chunk);
    this.#keptBytes += chunk.length;
    // Joined only when a frame is whole, so that each byte is copied once.
    if (this.#keptBytes < this.#neededBytes) return;
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    const rest = bytes.subarray(this.#readFrames(bytes, sink));
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#keptBytes = rest.length;
  }

  /** Returns where the first frame that is not whole starts. */
  #readFrames(bytes: Uint8Array, sink: FrameSink): number {
    let at = 0;
    for (;;) {
      this.#neededBytes = FRAME_HEAD_BYTES;
      if (bytes.length - at < this.#neededBytes) return at;
      const length = lengthIn(bytes, at);
      if (length > this.lengthMax) {
        const message = `the server sends a frame of ${length} bytes, more than the ${this.lengthMax} it may have`;
        throw new OutcryError('ERR_API_PROTOCOL', message);
      }
      this.#neededBytes += length;
      if (bytes.length - at < this.#neededBytes) return at;
      sink(bytes, at + FRAME_HEAD_BYTES, at + this.#neededBytes);
      at += this.#neededBytes;
    }
  }
}
