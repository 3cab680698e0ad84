/** How a connection's input is taken apart: each service has frames of one of these kinds. */
import { ChunkFramer } from './chunk-framer.ts';
import { type FrameHead, LengthFramer } from './length-framer.ts';
import { LineFramer } from './line-framer.ts';

/** Takes whole frames, `bytes` from `start` to `end`; several may come at once. */
export type FrameSink = (bytes: Uint8Array, start: number, end: number) => void;

export interface Framer {
  /** A frame has begun whose bytes are still here: the end of the connection would cut it off. */
  readonly hasPartialFrame: boolean;
  /** The end of a frame has not come yet, wherever its bytes are. */
  readonly isWithinFrame: boolean;
  feed(chunk: Uint8Array, sink: FrameSink): void;
  /** The input has ended or paused: what is left is a frame, where frames may end so. */
  flush(sink: FrameSink): void;
}

/**
 * lines     each ends with an LF
 * chunks    whatever comes, as it comes; the session finds its messages, and hears of pauses
 * lengths   each begins with a head that says its length
 */
export type Framing =
  | { readonly type: 'lines'; readonly lengthMax: number }
  | { readonly type: 'chunks' }
  | { readonly type: 'lengths'; readonly head: FrameHead };

export function createFramer(framing: Framing): Framer {
  switch (framing.type) {
    case 'lines':
      return new LineFramer(framing.lengthMax);
    case 'chunks':
      return new ChunkFramer();
    case 'lengths':
      return new LengthFramer(framing.head);
  }
}
