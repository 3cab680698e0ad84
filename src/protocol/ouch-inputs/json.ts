/** Messages of OUCH as the objects that test inputs have them as, and back. */
import { OutcryError } from '../../values/errors.ts';
import type { OrderbookForm } from '../ouch/fields.ts';
import type { InboundMessage, OutboundMessage } from '../ouch/messages.ts';
import { toTenths } from '../ouch/prices.ts';
import {
  bookFor,
  type Direction,
  type FieldKind,
  messageOfType,
  messageWith,
  type NamedField,
} from './names.ts';

type Values = Readonly<Record<string, unknown>>;

/** Prices are decimal numbers, all fields are there. */
export function toStep(message: InboundMessage): Record<string, string | number> {
  return toJson('inbound', message);
}

/** Prices are decimal numbers, numbers of 64 bits their digits. */
export function toReply(message: OutboundMessage): Record<string, string | number> {
  return toJson('outbound', message);
}

function toJson(
  direction: Direction,
  message: InboundMessage | OutboundMessage,
): Record<string, string | number> {
  const { letter, fields } = messageOfType(direction, message.type);
  const values = message as unknown as Values;
  const json: Record<string, string | number> = { message_type: letter };
  for (const { name, key, kind } of fields) json[name] = jsonValue(kind, values[key]);
  return json;
}

function jsonValue(kind: FieldKind, value: unknown): string | number {
  if (kind === 'price') return (value as number) / 10;
  return typeof value === 'bigint' ? String(value) : (value as string | number);
}

/** What is left out has its default. Throws ERR_INPUT, with the name of the field in `fields.field`. */
export function fromStep(step: object, form: OrderbookForm): InboundMessage {
  const values = step as Values;
  const { message_type: letter } = values;
  const message = messageWith('inbound', letter);
  if (message === undefined) throw wrongValue('message_type', letter, 'O, U or X');
  const result: Record<string, unknown> = { type: message.type };
  for (const field of message.fields) {
    const value = Object.hasOwn(values, field.name) ? values[field.name] : field.default;
    if (value === undefined) {
      throw wrongInput(field.name, `${message.letter} needs "${field.name}"`);
    }
    result[field.key] =
      field.key === 'quantity' && message.type === 'cancel' && isNegative(value)
        ? value >>> 0
        : codecValue(field, value, form);
  }
  return result as unknown as InboundMessage;
}

/** The original inputs cancel -10 shares, and the original client sends that modulo 2³². */
function isNegative(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) < 0 && (value as number) >= -(2 ** 31);
}

const UINT32_MAX = 0xffffffff;
const UINT64_MAX = 0xffffffffffffffffn;
const DIGITS = /^\d+$/;

/** A value of the file as the codec has it, on a connection of that form. Throws ERR_INPUT if it is none of the field. */
export function codecValue(
  { name, kind, field }: NamedField,
  value: unknown,
  form: OrderbookForm,
): string | number | bigint {
  switch (kind) {
    case 'token':
    case 'integer': {
      const whole = isDigits(value) ? Number(value) : value;
      if (Number.isInteger(whole) && (whole as number) >= 0 && (whole as number) <= UINT32_MAX) {
        return whole as number;
      }
      throw wrongValue(name, value, `a whole number from 0 to ${UINT32_MAX}`);
    }
    case 'price':
      return tenthsOf(name, value);
    case 'number64': {
      if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
        throw wrongValue(name, value, 'its digits as text: a number of that size is rounded');
      }
      const whole = isDigits(value) || isNatural(value) ? BigInt(value) : undefined;
      if (whole !== undefined && whole <= UINT64_MAX) return whole;
      throw wrongValue(name, value, 'a whole number, "$name" or "*"');
    }
    case 'orderbook':
      if (typeof value === 'string' || typeof value === 'number') return bookFor(value, form);
      throw wrongValue(name, value, 'text or a number');
    case 'text': {
      const padded = typeof value === 'string' && field.length === 1 ? value.padEnd(1) : value;
      if (!field.isFitting(padded)) throw wrongValue(name, value, field.expected);
      return field.length === 1 ? (padded as string) : (padded as string).trimEnd();
    }
  }
}

function tenthsOf(name: string, value: unknown): number {
  const expected = 'at most one decimal, from 0 to 429496729.5';
  if (typeof value !== 'number' && typeof value !== 'string') throw wrongValue(name, value, expected);
  try {
    return toTenths(String(value));
  } catch (cause) {
    throw wrongValue(name, value, expected, cause);
  }
}

function isDigits(value: unknown): value is string {
  return typeof value === 'string' && DIGITS.test(value);
}

function isNatural(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

const SHOWN_MAX = 60;

/** A value of a file, for people. */
export function shown(value: unknown): string {
  const text = textOf(value);
  return text.length <= SHOWN_MAX ? text : `${text.slice(0, SHOWN_MAX)}…`;
}

/** JSON.parse takes lists in lists of any depth and 1e400, JSON.stringify does not. */
function textOf(value: unknown): string {
  if (typeof value === 'number') return String(value);
  try {
    return JSON.stringify(value) ?? 'nothing';
  } catch {
    return '…';
  }
}

function wrongValue(name: string, value: unknown, expected: string, cause?: unknown): OutcryError {
  return wrongInput(name, `${name} is ${shown(value)}; expected ${expected}`, cause);
}

function wrongInput(field: string, message: string, cause?: unknown): OutcryError {
  return new OutcryError('ERR_INPUT', message, { cause, fields: { field } });
}
