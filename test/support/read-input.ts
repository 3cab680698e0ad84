/** A whole test input that is there as text, read as the runner reads files. */
import type { OrderbookForm } from '../../src/protocol/ouch/fields.ts';
import {
  checkEnd,
  checkMember,
  checkStep,
  EMPTY_HEADER,
  type Header,
} from '../../src/protocol/ouch-inputs/check.ts';
import type { Step } from '../../src/protocol/ouch-inputs/input.ts';
import { type Piece, PieceSplitter } from '../../src/protocol/ouch-inputs/pieces.ts';

export interface ReadInput {
  readonly header: Header;
  readonly steps: readonly Step[];
}

export function readInput(file: string, text: string, form: OrderbookForm = 'alpha'): ReadInput {
  const header: Header = { ...EMPTY_HEADER };
  const elements: Piece[] = [];
  const splitter = new PieceSplitter(file);
  splitter.feed(Buffer.from(text), (piece) => {
    if (piece.index === undefined) Object.assign(header, checkMember(file, piece));
    else elements.push(piece);
  });
  splitter.end();
  // Members may stand behind the actions.
  const steps = elements.map((piece) => checkStep(file, piece, header, () => form).step);
  checkEnd(file, header, steps.length);
  return { header, steps };
}
