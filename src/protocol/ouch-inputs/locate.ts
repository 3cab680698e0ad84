/** Where in a JSON text something is. The parsing is JSON.parse's; this one finds the place when something is wrong. */

/** Both from 1; columns are counted in code points. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface Fault {
  readonly offset: number;
  /** `expected "," or "}"` */
  readonly problem: string;
}

/** Undefined if JSON.parse takes the text. */
export function firstFault(_text: string): Fault | undefined {
  throw new Error('not written');
}

/** Of the value at `path`, in a text that JSON.parse takes. */
export function offsetOf(_text: string, _path: readonly (string | number)[]): number {
  throw new Error('not written');
}

/** Of the key with which `path` ends. */
export function keyOffsetOf(_text: string, _path: readonly (string | number)[]): number {
  throw new Error('not written');
}

/** Of an offset in a text that begins at `origin`. */
export function placeAt(_text: string, _offset: number, _origin?: Place): Place {
  throw new Error('not written');
}
