/** Finds the frames in what comes over a stream, however it was cut on its way, where each says its length at its head. */

/** Gets a whole frame with its head: `bytes` from `start` to `end`. */
export type FrameSink = (bytes: Uint8Array, start: number, end: number) => void;

export class FrameSplitter {
  readonly #headBytes: number;
  readonly #lengthAt: (bytes: Uint8Array, at: number) => number;
  /** What follows the last whole frame; together it is shorter than `#neededBytes`. */
  #chunks: Uint8Array[] = [];
  #keptBytes = 0;
  #neededBytes: number;

  /** `lengthAt`: of the frame whose head is there, with the head; throws if there can be no such frame. */
  constructor(headBytes: number, lengthAt: (bytes: Uint8Array, at: number) => number) {
    this.#headBytes = headBytes;
    this.#lengthAt = lengthAt;
    this.#neededBytes = headBytes;
  }

  /** Throws what `lengthAt` throws; nothing that follows can be read then. Frames share the memory of the chunks. */
  feed(chunk: Uint8Array, sink: FrameSink): void {
    this.#chunks.push(chunk);
    this.#keptBytes += chunk.length;
    // Joined only when a frame is whole, so that each byte is copied once.
    if (this.#keptBytes < this.#neededBytes) return;
    const bytes = this.#chunks.length === 1 ? chunk : joined(this.#chunks, this.#keptBytes);
    const rest = bytes.subarray(this.#readFrames(bytes, sink));
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#keptBytes = rest.length;
  }

  /** Returns where the first frame that is not whole starts. */
  #readFrames(bytes: Uint8Array, sink: FrameSink): number {
    let at = 0;
    for (;;) {
      this.#neededBytes = this.#headBytes;
      if (bytes.length - at < this.#neededBytes) return at;
      this.#neededBytes = this.#lengthAt(bytes, at);
      if (bytes.length - at < this.#neededBytes) return at;
      sink(bytes, at, at + this.#neededBytes);
      at += this.#neededBytes;
    }
  }
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
