/** Cuts a test input into its members and the elements of `actions` while its bytes come. */
import type { Place } from './locate.ts';

export interface Piece {
  /** The name of the member. */
  readonly member: string;
  /** Of an element of `actions`, from 0. */
  readonly index?: number;
  /** Not parsed yet; where it ends is certain, what is in it is not. */
  readonly text: string;
  /** Of its first character in the file. */
  readonly place: Place;
  /** Of the member's name. */
  readonly namePlace: Place;
}

export type PieceSink = (piece: Piece) => void;

export class PieceSplitter {
  /** `file` is what errors begin with. */
  constructor(_file: string) {}

  /** Throws ERR_INPUT where the text is no JSON object; nothing that follows can be read then. */
  feed(_chunk: Uint8Array, _sink: PieceSink): void {
    throw new Error('not written');
  }

  /** Throws ERR_INPUT if the object is not whole, or has no `actions`. */
  end(): void {
    throw new Error('not written');
  }
}
