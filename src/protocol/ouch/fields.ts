/**
 * The kinds of fields that messages of OUCH are made of: which values each can have, and how its bytes are read and
 * written. Whether an exchange takes a value is not decided here.
 */

/** In what form a client has the ids of order books: text as of OUCH 1.12, numbers before it. */
export type OrderbookForm = 'alpha' | 'uint32';

/** One character. Those that are known are named; another one can be on the wire, too. */
export type Letter<Known extends string> = Known | (string & Record<never, never>);

export interface Field<Value> {
  readonly kind: 'integer' | 'long' | 'letter' | 'text' | 'orderbook';
  /** From the type letter of the message. */
  readonly at: number;
  readonly length: number;
  /** Which values there are, for people. */
  readonly expected: string;
  /** What it is in a message of an older version, which ends before it. */
  readonly absent?: Value;
  isFitting(value: unknown): boolean;
  /** What was read may be a value that does not fit. */
  read(view: DataView, form: OrderbookForm): Value;
  write(view: DataView, value: Value): void;
}

const SPACE = 0x20;
const ASCII_END = 0x7f;
const UINT32_MAX = 0xffffffff;
const UINT64_MAX = 0xffffffffffffffffn;

/** Four bytes, unsigned. */
export function integer(at: number): Field<number> {
  return {
    kind: 'integer',
    at,
    length: 4,
    expected: `a whole number from 0 to ${UINT32_MAX}`,
    isFitting: isUint32,
    read: (view) => view.getUint32(at),
    write: (view, value) => view.setUint32(at, value),
  };
}

/** Eight bytes, unsigned. */
export function long(at: number): Field<bigint> {
  return {
    kind: 'long',
    at,
    length: 8,
    expected: `a bigint from 0n to ${UINT64_MAX}n`,
    isFitting: (value) => typeof value === 'bigint' && value >= 0n && value <= UINT64_MAX,
    read: (view) => view.getBigUint64(at),
    write: (view, value) => view.setBigUint64(at, value),
  };
}

/** One character of ASCII. A NUL is read as the space that it stands for. */
export function letter<Known extends string>(
  at: number,
  { absent }: { readonly absent?: Known } = {},
): Field<Letter<Known>> {
  return {
    kind: 'letter',
    at,
    length: 1,
    expected: 'one character of ASCII',
    ...(absent === undefined ? {} : { absent }),
    isFitting: (value) => isAscii(value, 1) && value.length === 1,
    read: (view) => String.fromCharCode(view.getUint8(at) || SPACE),
    write: (view, value) => view.setUint8(at, value.charCodeAt(0)),
  };
}

/** One of these characters, and no other. */
export function choice<const Known extends string>(at: number, known: readonly Known[]): Field<Known> {
  return {
    kind: 'letter',
    at,
    length: 1,
    expected: known.join(' or '),
    isFitting: (value) => known.some((one) => one === value),
    read: (view) => String.fromCharCode(view.getUint8(at)) as Known,
    write: (view, value) => view.setUint8(at, value.charCodeAt(0)),
  };
}

/** ASCII, padded with spaces on the right; NULs are taken for padding, too, and padding is no part of the value. */
export function text(at: number, length: number): Field<string> {
  return {
    kind: 'text',
    at,
    length,
    expected: `at most ${length} characters of ASCII`,
    isFitting: (value) => isAscii(value, length),
    read: (view) => readText(view, at, length),
    write: (view, value) => writeText(view, at, length, value),
  };
}

/** The id of an order book: text or a number. Which of them was written is not to be seen from the bytes. */
export function orderbook(at: number): Field<string | number> {
  return {
    kind: 'orderbook',
    at,
    length: 4,
    expected: `at most 4 characters of ASCII, or a whole number from 0 to ${UINT32_MAX}`,
    isFitting: (value) => isAscii(value, 4) || isUint32(value),
    read: (view, form) => (form === 'alpha' ? readText(view, at, 4) : view.getUint32(at)),
    write: (view, value) => {
      if (typeof value === 'number') view.setUint32(at, value);
      else writeText(view, at, 4, value);
    },
  };
}

function readText(view: DataView, at: number, length: number): string {
  let end = at + length;
  while (end > at && isPadding(view.getUint8(end - 1))) end--;
  let value = '';
  for (let i = at; i < end; i++) value += String.fromCharCode(view.getUint8(i) || SPACE);
  return value;
}

function writeText(view: DataView, at: number, length: number, value: string): void {
  for (let i = 0; i < length; i++) view.setUint8(at + i, i < value.length ? value.charCodeAt(i) : SPACE);
}

function isPadding(byte: number): boolean {
  return byte === SPACE || byte === 0;
}

function isUint32(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= UINT32_MAX;
}

function isAscii(value: unknown, lengthMax: number): value is string {
  if (typeof value !== 'string' || value.length > lengthMax) return false;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < SPACE || code >= ASCII_END) return false;
  }
  return true;
}
