/** Finds the messages in OUCH that comes back to back, without packets, however it was cut on its way. */
import { OutcryError } from '../../values/errors.ts';
import { type FrameSink, FrameSplitter } from '../../values/frame-splitter.ts';
import { type Direction, messagesWith } from './names.ts';

const LETTER_BYTES = 1;

export class RawSplitter {
  readonly #splitter: FrameSplitter;

  constructor(direction: Direction) {
    const lengths = new Map(
      messagesWith(direction).map(({ letter, lengths: [length = 0] }) => [letter.charCodeAt(0), length]),
    );
    this.#splitter = new FrameSplitter(LETTER_BYTES, (bytes, at) => {
      const letter = bytes[at] as number;
      const length = lengths.get(letter);
      if (length === undefined) throw unknownLetter(direction, letter);
      return length;
    });
  }

  /**
   * `sink` gets whole messages, which share the memory of the chunks. Throws ERR_OUCH_MESSAGE at a letter that none has;
   * nothing that follows can be read then.
   */
  feed(chunk: Uint8Array, sink: FrameSink): void {
    this.#splitter.feed(chunk, sink);
  }
}

function unknownLetter(direction: Direction, letter: number): OutcryError {
  const shown = `0x${letter.toString(16).padStart(2, '0')}`;
  return new OutcryError('ERR_OUCH_MESSAGE', `no ${direction} message has the letter ${shown}`);
}
