/**
 * For services whose clients send lines, and messages that end with a pause, and files between them: what comes is
 * handed on as it is. When the input pauses or ends within a line, the session gets a frame of no bytes: what it has
 * kept is a message.
 */
import type { Framer, FrameSink } from './framer.ts';

const LF = 10;
const NOTHING = new Uint8Array(0);

export class ChunkFramer implements Framer {
  /** Nothing waits here, so nothing is cut off: what the session has, it has. */
  readonly hasPartialFrame = false;
  isWithinFrame = false;

  feed(chunk: Uint8Array, sink: FrameSink): void {
    this.isWithinFrame = chunk[chunk.length - 1] !== LF;
    sink(chunk, 0, chunk.length);
  }

  flush(sink: FrameSink): void {
    if (!this.isWithinFrame) return;
    this.isWithinFrame = false;
    sink(NOTHING, 0, 0);
  }
}
