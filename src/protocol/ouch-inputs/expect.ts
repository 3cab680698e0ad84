/** Compares what is expected with what came. */
import { OutcryError } from '../../values/errors.ts';
import type { OrderbookForm } from '../ouch/fields.ts';
import type { OutboundMessage } from '../ouch/messages.ts';
import { formatTenths } from '../ouch/prices.ts';
import type { Reply } from './input.ts';
import { codecValue, shown } from './json.ts';
import { messageOfType, messagesWith, messageWith, type NamedField } from './names.ts';

/** One field that was asked for, the letter first: alone if it is another one. */
export interface DifferenceLine {
  readonly field: string;
  readonly expected: string;
  readonly got: string;
  readonly isSame: boolean;
}

export interface Difference {
  readonly lines: readonly DifferenceLine[];
}

/** What the names of an input, `$m1`, stand for. */
export class Captures {
  readonly #values = new Map<string, bigint>();

  get(name: string): bigint | undefined {
    return this.#values.get(name);
  }

  set(name: string, value: bigint): void {
    this.#values.set(name, value);
  }
}

/** Whatever it is. */
const ANY = '*';
const NAME = /^\$./;

/** A number whose value the first reply decides: `$m1`. */
export function isCapture(field: NamedField, value: unknown): value is string {
  return field.kind === 'number64' && typeof value === 'string' && NAME.test(value);
}

export function isAny(value: unknown): boolean {
  return value === ANY;
}

/** Undefined if it is what was expected; only then are names bound. */
export function compare(
  expected: Reply,
  got: OutboundMessage,
  form: OrderbookForm,
  captures: Captures,
): Difference | undefined {
  const { letter, fields } = messageOfType('outbound', got.type);
  const isSameLetter = letter === expected.message_type;
  const first = { field: 'message_type', expected: expected.message_type, got: letter, isSame: isSameLetter };
  if (!isSameLetter) return { lines: [first] };
  const values = got as unknown as Readonly<Record<string, string | number | bigint>>;
  const bound = new Map<string, bigint>();
  const lines: DifferenceLine[] = [];
  for (const field of fields) {
    const asked = expected[field.name];
    if (asked === undefined || isAny(asked)) continue;
    lines.push(compareField(field, asked, values[field.key] ?? '', { form, captures, bound }));
  }
  if (lines.every(({ isSame }) => isSame)) {
    for (const [name, value] of bound) captures.set(name, value);
    return undefined;
  }
  return { lines: [first, ...lines] };
}

interface Context {
  readonly form: OrderbookForm;
  readonly captures: Captures;
  /** Names that are used for the first time, if all is as expected. */
  readonly bound: Map<string, bigint>;
}

function compareField(
  field: NamedField,
  asked: string | number,
  value: string | number | bigint,
  { form, captures, bound }: Context,
): DifferenceLine {
  const got = formatValue(field, value);
  if (!isCapture(field, asked)) {
    const wanted = codecValue(field, asked, form);
    return { field: field.name, expected: formatValue(field, wanted), got, isSame: wanted === value };
  }
  const known = captures.get(asked) ?? bound.get(asked);
  if (known === undefined && typeof value === 'bigint') bound.set(asked, value);
  return {
    field: field.name,
    expected: known === undefined ? asked : `${asked} = ${known}`,
    got,
    isSame: typeof value === 'bigint' && (known ?? value) === value,
  };
}

/** A value of the codec, for people. */
export function formatValue({ kind }: NamedField, value: string | number | bigint): string {
  if (kind === 'price') return formatTenths(value as number);
  // What is blank would not be seen.
  return typeof value === 'string' && value.trim() === '' ? JSON.stringify(value) : String(value);
}

/** These are of the run in which a list was written. */
const isOfARun = ({ kind }: NamedField) => kind === 'number64';

/** A reply in wire order, with prices in tenths; undefined for an empty list. Throws ERR_INPUT. */
export function fromArray(array: readonly (string | number)[]): Reply | undefined {
  const [letter, ...values] = array;
  if (letter === undefined) return undefined;
  const message = messageWith('outbound', letter);
  if (message === undefined) {
    const letters = messagesWith('outbound').map((known) => known.letter);
    throw new OutcryError(
      'ERR_INPUT',
      `a list of a reply begins with ${shown(letter)}; expected one of ${letters.join(' ')}`,
    );
  }
  const { fields } = message;
  if (values.length !== fields.length) {
    const problem = `a list of ${message.letter} has ${array.length} entries; expected ${fields.length + 1}: `;
    const names = ['message_type', ...fields.map(({ name }) => name)].join(', ');
    throw new OutcryError('ERR_INPUT', problem + names);
  }
  const compared = fields.flatMap((field, i) =>
    isOfARun(field) ? [] : [[field.name, listValue(field, values[i] as string | number)] as const],
  );
  return { message_type: message.letter, ...Object.fromEntries(compared) };
}

function listValue(field: NamedField, value: string | number): string | number {
  if (isAny(value) || field.kind === 'orderbook') return value;
  if (field.kind !== 'price') {
    codecValue(field, value, 'alpha');
    return value;
  }
  return formatTenths(codecValue({ ...field, kind: 'integer' }, value, 'alpha') as number);
}
