/** The pieces of a file as what they say. What is wrong is told with its place: `FILE:LINE:COLUMN: …`. */
import type { OrderbookForm } from '../ouch/fields.ts';
import type { ClientHint, Step, VenueHint } from './input.ts';
import type { Place } from './locate.ts';
import type { Piece } from './pieces.ts';

/** All of a file but its actions. */
export interface Header {
  readonly name?: string;
  readonly isRecorded: boolean;
  readonly clients: Readonly<Record<string, ClientHint>> | undefined;
  readonly venue: VenueHint | undefined;
  /** The lists of `_expected_behaviour`, by action. checkStep makes `expect` of them. */
  readonly arrays: ReadonlyMap<number, readonly (string | number)[]>;
}

export const EMPTY_HEADER: Header = {
  isRecorded: false,
  clients: undefined,
  venue: undefined,
  arrays: new Map(),
};

/** What one member says; the parts together, over EMPTY_HEADER, are the header. Throws ERR_INPUT. */
export function checkMember(_file: string, _piece: Piece): Partial<Header> {
  throw new Error('not written');
}

/** An element of `actions`. `formOf` is that of each client's connection. Throws ERR_INPUT. */
export function checkStep(
  _file: string,
  _piece: Piece,
  _header: Header,
  _formOf: (client: string) => OrderbookForm,
): Step {
  throw new Error('not written');
}

/** When all steps are read: no list of `_expected_behaviour` is about a step that is not there. Throws ERR_INPUT. */
export function checkEnd(_file: string, _header: Header, _steps: number): void {
  throw new Error('not written');
}

/** Of what is in a piece: `['expect', 1]` is its second expectation. */
export function placeIn(_piece: Piece, _path: readonly (string | number)[]): Place {
  throw new Error('not written');
}
