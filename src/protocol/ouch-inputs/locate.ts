/**
 * Where in a JSON text something is. JSON.parse does the parsing; this finds the place when something is wrong, which only
 * some of its errors say.
 */
import { OutcryError } from '../../values/errors.ts';

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

export type Closer = '}' | ']';
type Path = readonly (string | number)[];

/** What may come, for people; PieceSplitter says the same. */
export const EXPECTED = {
  end: 'expected the end',
  value: 'expected a value',
  valueOrEnd: 'expected a value or "]"',
  name: 'expected a name in quotes',
  nameOrEnd: 'expected a name in quotes or "}"',
  colon: 'expected ":"',
  '}': 'expected "," or "}"',
  ']': 'expected "," or "]"',
} as const;

/** Undefined if JSON.parse takes the text. `after` is the end of the list or object that the text was cut from. */
export function firstFault(text: string, after?: Closer): Fault | undefined {
  const scanner = new Scanner(text);
  try {
    scanner.skipValue();
    scanner.skipBlank();
    if (scanner.at < text.length) throw new FaultFound(scanner.at, EXPECTED[after ?? 'end']);
    return undefined;
  } catch (error) {
    if (error instanceof FaultFound) return { offset: error.offset, problem: error.message };
    throw error;
  }
}

/** Of the value at `path`, in a text that JSON.parse takes. Of a name that is there twice, the last one counts. */
export function offsetOf(text: string, path: Path): number {
  const scanner = new Scanner(text);
  scanner.skipBlank();
  for (const step of path) scanner.at = memberAt(text, scanner.at, step).valueAt;
  return scanner.at;
}

/** Of the name with which `path` ends. */
export function nameOffsetOf(text: string, path: Path): number {
  return memberAt(text, offsetOf(text, path.slice(0, -1)), path.at(-1) ?? '').nameAt;
}

interface Member {
  readonly nameAt: number;
  readonly valueAt: number;
}

/** Of the object or the list that begins at `start`. */
function memberAt(text: string, start: number, step: string | number): Member {
  const scanner = new Scanner(text, start + 1);
  const isObject = text[start] === '{';
  let found: Member = { nameAt: start, valueAt: start };
  for (let index = 0; ; index++) {
    scanner.skipBlank();
    const nameAt = scanner.at;
    if (text[nameAt] === '}' || text[nameAt] === ']') return found;
    if (isObject) scanner.skipName();
    const name = isObject ? nameIn(text, nameAt) : index;
    scanner.skipBlank();
    const valueAt = scanner.at;
    if (name === step) found = { nameAt, valueAt };
    scanner.skipValue();
    scanner.skipBlank();
    if (text[scanner.at] === ',') scanner.at++;
  }
}

function nameIn(text: string, at: number): string {
  const scanner = new Scanner(text, at);
  scanner.skipString();
  return JSON.parse(text.slice(at, scanner.at));
}

/** Two units of a string that are one code point. */
const PAIR = /[\ud800-\udbff][\udc00-\udfff]/g;

/** Of an offset in a text that begins at `origin`. */
export function placeAt(text: string, offset: number, origin: Place = { line: 1, column: 1 }): Place {
  const before = text.slice(0, offset);
  const lines = before.split('\n');
  const line = lines.at(-1) ?? '';
  const column = line.length - (line.match(PAIR)?.length ?? 0);
  return lines.length === 1
    ? { line: origin.line, column: origin.column + column }
    : { line: origin.line + lines.length - 1, column: 1 + column };
}

/** `FILE:LINE:COLUMN: …` */
export function wrongAt(
  file: string,
  { line, column }: Place,
  problem: string,
  cause?: unknown,
): OutcryError {
  return new OutcryError('ERR_INPUT', `${file}:${line}:${column}: ${problem}`, {
    cause,
    fields: { file, line, column },
  });
}

class FaultFound extends Error {
  readonly offset: number;

  constructor(offset: number, problem: string) {
    super(problem);
    this.offset = offset;
  }
}

const BLANK = /[ \t\n\r]*/y;
const WORD = /(?:true|false|null)/y;
const DIGITS = /[0-9]*/y;
/** Anything from the space on, but quotes and backslashes. */
const PLAIN = /[ !#-[\]-\uffff]*/y;
const HEX4 = /[0-9a-fA-F]{4}/y;
const ESCAPES = '"\\/bfnrt';

/** Walks over a text by the grammar of JSON, and throws FaultFound where the text leaves it. */
class Scanner {
  readonly #text: string;
  at: number;

  constructor(text: string, at = 0) {
    this.#text = text;
    this.at = at;
  }

  /** Nesting costs no stack. */
  skipValue(): void {
    const open: Closer[] = [];
    for (;;) {
      this.skipBlank();
      const first = this.#text[this.at];
      if (first === '{' || first === '[') {
        const closer = first === '{' ? '}' : ']';
        this.at++;
        this.skipBlank();
        if (this.#text[this.at] !== closer) {
          open.push(closer);
          if (closer === '}') this.skipName(EXPECTED.nameOrEnd);
          else this.#expectValue(EXPECTED.valueOrEnd);
          continue;
        }
        this.at++;
      } else this.#skipScalar(first);
      if (!this.#skipToNext(open)) return;
    }
  }

  /** Behind a value: to the next one in what is open, if there is one. */
  #skipToNext(open: Closer[]): boolean {
    for (;;) {
      const closer = open.at(-1);
      if (closer === undefined) return false;
      this.skipBlank();
      const next = this.#text[this.at];
      if (next !== ',' && next !== closer) throw this.#fault(EXPECTED[closer]);
      this.at++;
      if (next === ',') {
        this.skipBlank();
        if (closer === '}') this.skipName();
        return true;
      }
      open.pop();
    }
  }

  /** And its colon. */
  skipName(problem: string = EXPECTED.name): void {
    if (this.#text[this.at] !== '"') throw this.#fault(problem);
    this.skipString();
    this.skipBlank();
    if (this.#text[this.at] !== ':') throw this.#fault(EXPECTED.colon);
    this.at++;
  }

  skipString(): void {
    this.at++;
    for (;;) {
      this.#skip(PLAIN);
      const next = this.#text[this.at];
      if (next === '"') break;
      if (next === '\\') this.#skipEscape();
      else if (next === undefined) throw this.#fault('expected the quote that ends the text');
      else throw this.#fault('a text has a line break or another control character in it');
    }
    this.at++;
  }

  #skipEscape(): void {
    const letter = this.#text[this.at + 1];
    if (letter === 'u') {
      this.at += 2;
      if (this.#skip(HEX4) === 0) throw this.#fault('expected four hexadecimal digits');
      return;
    }
    this.at++;
    if (letter === undefined || !ESCAPES.includes(letter)) throw this.#fault('unknown escape in a text');
    this.at++;
  }

  #skipScalar(first: string | undefined): void {
    if (first === '"') this.skipString();
    else if (first !== undefined && /[-0-9]/.test(first)) this.#skipNumber();
    else if (this.#skip(WORD) === 0) throw this.#fault(EXPECTED.value);
  }

  #skipNumber(): void {
    if (this.#text[this.at] === '-') this.at++;
    if (this.#text[this.at] === '0') this.at++;
    else this.#skipDigits();
    if (this.#text[this.at] === '.') {
      this.at++;
      this.#skipDigits();
    }
    if (/[eE]/.test(this.#text[this.at] ?? '')) {
      this.at++;
      if (/[-+]/.test(this.#text[this.at] ?? '')) this.at++;
      this.#skipDigits();
    }
  }

  #skipDigits(): void {
    if (this.#skip(DIGITS) === 0) throw this.#fault('expected a digit');
  }

  skipBlank(): void {
    this.#skip(BLANK);
  }

  /** Such a value begins with something, or the list has ended. */
  #expectValue(problem: string): void {
    if (/[,:}]/.test(this.#text[this.at] ?? ',')) throw this.#fault(problem);
  }

  /** Returns how many characters were skipped. */
  #skip(what: RegExp): number {
    what.lastIndex = this.at;
    if (!what.test(this.#text)) return 0;
    const skipped = what.lastIndex - this.at;
    this.at = what.lastIndex;
    return skipped;
  }

  #fault(problem: string): FaultFound {
    return new FaultFound(this.at, problem);
  }
}
