/** Finds the frames of the api in what comes over a stream. */
import { FRAME_HEAD_BYTES, lengthIn } from '../src/protocol/api/frames.ts';
import { OutcryError } from '../src/values/errors.ts';
import { type FrameSink, FrameSplitter } from '../src/values/frame-splitter.ts';

export class FrameReader {
  /** A frame with a longer body is an error. */
  lengthMax: number;
  readonly #splitter = new FrameSplitter(FRAME_HEAD_BYTES, (bytes, at) => this.#lengthAt(bytes, at));

  constructor(lengthMax: number) {
    this.lengthMax = lengthMax;
  }

  /** `sink` gets the bodies. Throws ERR_API_PROTOCOL; nothing that follows can be read then. */
  feed(chunk: Uint8Array, sink: FrameSink): void {
    this.#splitter.feed(chunk, (bytes, start, end) => sink(bytes, start + FRAME_HEAD_BYTES, end));
  }

  #lengthAt(bytes: Uint8Array, at: number): number {
    const length = lengthIn(bytes, at);
    if (length <= this.lengthMax) return FRAME_HEAD_BYTES + length;
    const message = `the server sends a frame of ${length} bytes, more than the ${this.lengthMax} it may have`;
    throw new OutcryError('ERR_API_PROTOCOL', message);
  }
}
