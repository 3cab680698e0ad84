/**
 * Cuts a test input into its members and the elements of `actions` while its bytes come, in constant memory.
 *
 * Only brackets and quotes are counted here. Up to the first fault in a piece they are where they seem to be: so a piece that
 * is well-formed ends where it ends, and in one that is not JSON.parse finds the fault.
 */
import type { OutcryError } from '../../values/errors.ts';
import { type Closer, EXPECTED, firstFault, type Place, placeAt, wrongAt } from './locate.ts';

export interface Piece {
  /** The name of the member. */
  readonly member: string;
  /** Of an element of `actions`, from 0. */
  readonly index?: number;
  /** Not parsed yet; it may be malformed. */
  readonly text: string;
  /** Of its first character in the file. */
  readonly place: Place;
  /** Of the member's name. */
  readonly namePlace: Place;
}

export type PieceSink = (piece: Piece) => void;

const START: Place = { line: 1, column: 1 };

export const ACTIONS = 'actions';

/** A piece is held as a whole. A list of what 100,000 actions are answered has room. */
const PIECE_BYTES_MAX = 16 * 1024 * 1024;

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const NEWLINE = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const BRACE = 0x7b;
const BRACE_END = 0x7d;
const BRACKET = 0x5b;
const BRACKET_END = 0x5d;

/** What comes next, between names and values; and what it says when something else comes. */
const NEXT = {
  file: 'expected "{"',
  firstName: EXPECTED.nameOrEnd,
  name: EXPECTED.name,
  colon: EXPECTED.colon,
  value: EXPECTED.value,
  afterValue: EXPECTED['}'],
  firstElement: EXPECTED.valueOrEnd,
  element: EXPECTED.value,
  afterElement: EXPECTED[']'],
  end: EXPECTED.end,
} as const;
type Next = keyof typeof NEXT;

/** What comes next behind a name or a value that was next. */
const AFTER: Partial<Readonly<Record<Next, Next>>> = {
  firstName: 'colon',
  name: 'colon',
  value: 'afterValue',
  firstElement: 'afterElement',
  element: 'afterElement',
};

/** In what a value stands. */
const CLOSER: Partial<Readonly<Record<Next, Closer>>> = { value: '}', firstElement: ']', element: ']' };

/** What is being read. A word is a number, true, false or null, or something else that is none of the others. */
type Token = 'text' | 'container' | 'word';

/** What a byte outside of texts does; most do nothing. */
const ROLE = new Uint8Array(256);
const OPENS = 1;
const CLOSES = 2;
const QUOTES = 3;
const DIVIDES = 4;
const IS_BLANK = 5;
ROLE[BRACE] = ROLE[BRACKET] = OPENS;
ROLE[BRACE_END] = ROLE[BRACKET_END] = CLOSES;
ROLE[QUOTE] = QUOTES;
for (const blank of [0x20, 0x09, NEWLINE, 0x0d]) ROLE[blank] = IS_BLANK;
ROLE[COMMA] = ROLE[COLON] = DIVIDES;

export class PieceSplitter {
  readonly #file: string;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #next: Next = 'file';
  /** Undefined between names and values. */
  #token: Token | undefined;
  /** Of a container: how many are open, and whether it is within a text. */
  #depth = 0;
  #isInText = false;
  /** The last byte of the chunk before was a backslash of a text, which goes with the next one. */
  #isEscaped = false;
  /** Of the token, from chunks before this one. */
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #member = '';
  #index = 0;
  #hasActions = false;
  #markBytes = 0;

  /** The place of byte `#placed` of the chunk; and of what is being read, and of its member. */
  #place = START;
  #placed = 0;
  /** The first one from there on in the chunk. */
  #newlineAt = 0;
  #tokenPlace = this.#place;
  #namePlace = this.#place;

  /** `file` is what errors begin with. */
  constructor(file: string) {
    this.#file = file;
  }

  /** Throws ERR_INPUT where the text is no JSON object; no more can be read then. The chunk may be used again. */
  feed(chunk: Uint8Array, sink: PieceSink): void {
    let at = this.#skipMark(chunk);
    this.#placed = at;
    this.#newlineAt = newlineFrom(chunk, at);
    while (at < chunk.length) {
      if (this.#token === undefined) {
        if (ROLE[chunk[at] as number] === IS_BLANK) {
          at++;
          continue;
        }
        at = this.#goOn(chunk, at);
        if (this.#token === undefined) continue;
      }
      const start = at;
      at = this.#endOfToken(chunk, start);
      if (at < 0) {
        // The slice of a Buffer would be no copy.
        this.#keep(Uint8Array.from(chunk.subarray(start)));
        break;
      }
      this.#take(this.#decode(this.#whole(chunk.subarray(start, at))), sink);
    }
    this.#placeOf(chunk, chunk.length);
  }

  /** Throws ERR_INPUT if the object is not whole, or has no `actions`. */
  end(): void {
    if (this.#token !== undefined) {
      const text = this.#tokenSoFar();
      const missing = firstFault(text)?.problem ?? NEXT[AFTER[this.#next] ?? this.#next];
      throw this.#faultWithin(text) ?? this.#cutOff(missing);
    }
    if (this.#next !== 'end') throw this.#cutOff(NEXT[this.#next]);
    if (!this.#hasActions) throw wrongAt(this.#file, START, `there is no "${ACTIONS}"`);
  }

  /** Some editors begin a file with a byte order mark. */
  #skipMark(chunk: Uint8Array): number {
    let at = 0;
    while (this.#next === 'file' && at < chunk.length && chunk[at] === BYTE_ORDER_MARK[this.#markBytes]) {
      this.#markBytes++;
      at++;
    }
    return at;
  }

  /** Between names and values: takes the byte at `at`, or begins a token with it. Returns where to go on. */
  #goOn(chunk: Uint8Array, at: number): number {
    const byte = chunk[at];
    switch (this.#next) {
      case 'file':
        if (byte !== BRACE) break;
        this.#next = 'firstName';
        return at + 1;
      case 'firstName':
      case 'name':
        if (byte === QUOTE) {
          this.#begin('text', chunk, at);
          return at;
        }
        if (byte !== BRACE_END || this.#next === 'name') break;
        this.#next = 'end';
        return at + 1;
      case 'colon':
        if (byte !== COLON) break;
        this.#next = 'value';
        return at + 1;
      case 'value':
        if (byte !== BRACKET || this.#member !== ACTIONS) return this.#beginValue(chunk, at);
        this.#index = 0;
        this.#next = 'firstElement';
        return at + 1;
      case 'afterValue':
        if (byte !== COMMA && byte !== BRACE_END) break;
        this.#next = byte === COMMA ? 'name' : 'end';
        return at + 1;
      case 'firstElement':
      case 'element':
        if (byte !== BRACKET_END || this.#next === 'element') return this.#beginValue(chunk, at);
        this.#next = 'afterValue';
        return at + 1;
      case 'afterElement':
        if (byte !== COMMA && byte !== BRACKET_END) break;
        this.#next = byte === COMMA ? 'element' : 'afterValue';
        return at + 1;
      case 'end':
        break;
    }
    throw this.#unexpected(chunk, at);
  }

  #beginValue(chunk: Uint8Array, at: number): number {
    const role = ROLE[chunk[at] as number];
    if (role === CLOSES || role === DIVIDES) throw this.#unexpected(chunk, at);
    this.#begin(role === QUOTES ? 'text' : role === OPENS ? 'container' : 'word', chunk, at);
    return at;
  }

  #unexpected(chunk: Uint8Array, at: number): OutcryError {
    return malformed(this.#file, this.#placeOf(chunk, at), NEXT[this.#next]);
  }

  #begin(token: Token, chunk: Uint8Array, at: number): void {
    this.#token = token;
    this.#depth = 0;
    this.#isInText = false;
    this.#isEscaped = false;
    this.#tokenPlace = this.#placeOf(chunk, at);
  }

  /** Behind the token's last byte, or -1 if that is not in the chunk. */
  #endOfToken(chunk: Uint8Array, start: number): number {
    return this.#token === 'word' ? endOfWord(chunk, start) : this.#endOfContainer(chunk, start);
  }

  /** Or of a text that is in none. Each byte is looked at once, in one of two short loops. */
  #endOfContainer(chunk: Uint8Array, start: number): number {
    const end = chunk.length;
    let depth = this.#depth;
    let isInText = this.#isInText;
    let at = this.#isEscaped ? start + 1 : start;
    while (at < end) {
      if (isInText) {
        while (at < end && isInText) {
          const byte = chunk[at++];
          if (byte === QUOTE) isInText = false;
          else if (byte === BACKSLASH) at++;
        }
        if (!isInText && depth === 0) return at;
      }
      while (at < end && !isInText) {
        const role = ROLE[chunk[at++] as number] as number;
        if (role === QUOTES) isInText = true;
        else if (role === OPENS) depth++;
        else if (role === CLOSES && --depth === 0) return at;
      }
    }
    this.#depth = depth;
    this.#isInText = isInText;
    this.#isEscaped = at > end;
    return -1;
  }

  #keep(part: Uint8Array): void {
    this.#kept.push(part);
    this.#keptBytes += part.length;
    if (this.#keptBytes <= PIECE_BYTES_MAX) return;
    // What seems too long may be what follows a bracket that was forgotten.
    throw (
      this.#faultWithin(this.#tokenSoFar()) ??
      wrongAt(this.#file, this.#tokenPlace, `longer than ${PIECE_BYTES_MAX} bytes; expected less`)
    );
  }

  /** The token's bytes of all chunks. */
  #whole(last: Uint8Array): Uint8Array {
    if (this.#keptBytes === 0) return last;
    const bytes = new Uint8Array(this.#keptBytes + last.length);
    let at = 0;
    for (const part of [...this.#kept, last]) {
      bytes.set(part, at);
      at += part.length;
    }
    this.#kept = [];
    this.#keptBytes = 0;
    return bytes;
  }

  /** It may be cut within a character. */
  #tokenSoFar(): string {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.#whole(new Uint8Array()));
  }

  #decode(bytes: Uint8Array): string {
    try {
      return this.#decoder.decode(bytes);
    } catch (cause) {
      throw wrongAt(this.#file, this.#tokenPlace, 'malformed JSON: what begins here is no UTF-8', cause);
    }
  }

  #take(text: string, sink: PieceSink): void {
    const next = this.#next;
    this.#token = undefined;
    this.#next = AFTER[next] ?? next;
    if (this.#next === 'colon') this.#takeName(text);
    else {
      const index = this.#next === 'afterElement' ? { index: this.#index++ } : {};
      sink({ member: this.#member, ...index, text, place: this.#tokenPlace, namePlace: this.#namePlace });
    }
  }

  #takeName(text: string): void {
    const place = this.#tokenPlace;
    this.#member = parseAt(this.#file, text, place) as string;
    this.#namePlace = place;
    if (this.#member !== ACTIONS) return;
    if (this.#hasActions) throw wrongAt(this.#file, place, `"${ACTIONS}" is there twice`);
    this.#hasActions = true;
  }

  /** Of a byte of the chunk; none that is before it will be asked for. */
  #placeOf(chunk: Uint8Array, to: number): Place {
    let { line, column } = this.#place;
    let from = this.#placed;
    while (this.#newlineAt < to) {
      from = this.#newlineAt + 1;
      line++;
      column = 1;
      this.#newlineAt = newlineFrom(chunk, from);
    }
    for (; from < to; from++) if (((chunk[from] as number) & 0xc0) !== 0x80) column++;
    this.#placed = to;
    this.#place = { line, column };
    return this.#place;
  }

  /** A fault before the end of what is there of a token. */
  #faultWithin(text: string): OutcryError | undefined {
    const fault = firstFault(text, CLOSER[this.#next]);
    return fault === undefined || fault.offset === text.length
      ? undefined
      : malformed(this.#file, placeAt(text, fault.offset, this.#tokenPlace), fault.problem);
  }

  #cutOff(problem: string): OutcryError {
    return malformed(this.#file, this.#place, `the file ends too early: ${problem}`);
  }
}

function newlineFrom(chunk: Uint8Array, from: number): number {
  const at = chunk.indexOf(NEWLINE, from);
  return at < 0 ? Number.POSITIVE_INFINITY : at;
}

function endOfWord(chunk: Uint8Array, start: number): number {
  let at = start;
  while (at < chunk.length && ROLE[chunk[at] as number] === 0) at++;
  return at < chunk.length ? at : -1;
}

function malformed(file: string, place: Place, problem: string): OutcryError {
  return wrongAt(file, place, `malformed JSON: ${problem}`);
}

/** Throws ERR_INPUT at the first fault. */
export function parsePiece(file: string, { text, place, index }: Piece): unknown {
  return parseAt(file, text, place, index === undefined ? '}' : ']');
}

function parseAt(file: string, text: string, origin: Place, after?: Closer): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const fault = firstFault(text, after);
    throw fault === undefined ? error : malformed(file, placeAt(text, fault.offset, origin), fault.problem);
  }
}
