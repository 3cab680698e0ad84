/** What the fields of all messages are called in test inputs, in wire order, and what they are if they are left out. */
import { OutcryError } from '../../values/errors.ts';
import type { Field, OrderbookForm } from '../ouch/fields.ts';
import { DAY } from '../ouch/layout.ts';
import { INBOUND, OUTBOUND } from '../ouch/messages.ts';

/** From the client to the exchange, or the way back. */
export type Direction = 'inbound' | 'outbound';

export type FieldKind = 'token' | 'integer' | 'price' | 'text' | 'orderbook' | 'number64';

export interface NamedField {
  /** `order_token` */
  readonly name: string;
  /** What the codec calls it: `token`. */
  readonly key: string;
  readonly kind: FieldKind;
  /** Without it the field can not be left out of a step. */
  readonly default?: string | number;
  /** Where it is on the wire, and how it is read. */
  readonly field: Field<unknown>;
}

export interface NamedMessage {
  /** What the codec calls it: `enter`. */
  readonly type: string;
  /** What the specification calls it: `Enter Order`. */
  readonly title: string;
  readonly letter: string;
  /** In bytes, the present length first. */
  readonly lengths: readonly number[];
  readonly fields: readonly NamedField[];
  readonly byName: ReadonlyMap<string, NamedField>;
}

const NAMES: Readonly<Record<string, string>> = {
  token: 'order_token',
  existingToken: 'existing_order_token',
  replacementToken: 'replacement_order_token',
  previousToken: 'previous_order_token',
  clientReference: 'client_reference',
  side: 'buy_sell_indicator',
  quantity: 'quantity',
  orderbook: 'orderbook_id',
  group: 'group',
  priceTenths: 'price',
  timeInForce: 'time_in_force',
  firm: 'firm_id',
  display: 'display',
  capacity: 'capacity',
  minimumQuantity: 'minimum_quantity',
  classification: 'order_classification',
  cashMargin: 'cash_margin_type',
  timestampNs: 'timestamp',
  event: 'system_event',
  orderNumber: 'order_number',
  state: 'order_state',
  decrement: 'decrement_quantity',
  reason: 'reason',
  preventedQuantity: 'quantity_prevented_from_trading',
  liquidity: 'liquidity_indicator',
  matchNumber: 'match_number',
};

/** What is called otherwise in one message. */
const OWN_NAMES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  executed: { quantity: 'executed_quantity', priceTenths: 'execution_price' },
  'aiq-canceled': { priceTenths: 'execution_price' },
};

type Defaults = Readonly<Record<string, string | number>>;

const TERMS: Defaults = { timeInForce: DAY, display: ' ', minimumQuantity: 0 };

const DEFAULTS: Readonly<Record<string, Defaults>> = {
  enter: {
    ...TERMS,
    clientReference: '',
    group: 'DAY',
    firm: 0,
    capacity: 'P',
    classification: '1',
    cashMargin: '1',
  },
  replace: TERMS,
  cancel: { quantity: 0 },
};

/** One layout, whichever: its fields are looked up by name. */
interface AnyLayout {
  readonly name: string;
  readonly letter: number;
  readonly lengths: readonly number[];
  readonly fields: Readonly<Record<string, Field<unknown>>>;
}

const MESSAGES: Readonly<Record<Direction, readonly NamedMessage[]>> = {
  inbound: messagesOf(INBOUND as unknown as Readonly<Record<string, AnyLayout>>),
  outbound: messagesOf(OUTBOUND as unknown as Readonly<Record<string, AnyLayout>>),
};

function messagesOf(layouts: Readonly<Record<string, AnyLayout>>): NamedMessage[] {
  return Object.entries(layouts).map(([type, { name, letter, lengths, fields }]) => {
    const named = Object.entries(fields).map(([key, field]) => namedField(type, key, field));
    return {
      type,
      title: name,
      letter: String.fromCharCode(letter),
      lengths,
      fields: named,
      byName: new Map(named.map((field) => [field.name, field])),
    };
  });
}

function namedField(type: string, key: string, field: Field<unknown>): NamedField {
  const name = OWN_NAMES[type]?.[key] ?? NAMES[key] ?? key;
  const value = DEFAULTS[type]?.[key];
  return { name, key, kind: kindOf(key, field), field, ...(value === undefined ? {} : { default: value }) };
}

function kindOf(key: string, { kind }: Field<unknown>): FieldKind {
  if (key === 'priceTenths') return 'price';
  if (/token$/i.test(key)) return 'token';
  if (kind === 'long') return 'number64';
  return kind === 'letter' ? 'text' : kind;
}

/** All of a direction. */
export function messagesWith(direction: Direction): readonly NamedMessage[] {
  return MESSAGES[direction];
}

export function messageWith(direction: Direction, letter: unknown): NamedMessage | undefined {
  return MESSAGES[direction].find((message) => message.letter === letter);
}

/** What the codec calls `type`; it has one. */
export function messageOfType(direction: Direction, type: string): NamedMessage {
  return MESSAGES[direction].find((message) => message.type === type) as NamedMessage;
}

/** None of a letter that no message has. */
export function fieldsOf(direction: Direction, letter: string): readonly NamedField[] {
  return messageWith(direction, letter)?.fields ?? [];
}

/** The securities of the original exchange, numbered from 1. */
export const SEED_BOOKS: readonly string[] = [
  'BTC',
  'ETH',
  'BNB',
  'SOL',
  'ADA',
  'XRP',
  'DOT',
  'LUNA',
  'AVAX',
  'DOGE',
];

const UINT32_MAX = 0xffffffff;
const ALPHA = /^[ -~]{0,4}$/;
const DIGITS = /^\d+$/;

/**
 * An id as a connection of that form has it: where books are text, 1 is BTC and 7203 is "7203"; where they are numbers, BTC
 * is 1 and "7203" is 7203. Throws ERR_INPUT if it has none.
 */
export function bookFor(id: string | number, form: OrderbookForm): string | number {
  const book = form === 'alpha' ? alphaBook(id) : numberedBook(id);
  if (book !== undefined) return book;
  const expected =
    form === 'alpha'
      ? 'at most 4 characters of ASCII'
      : `a whole number from 0 to ${UINT32_MAX}, or one of ${SEED_BOOKS.join(' ')}`;
  throw new OutcryError('ERR_INPUT', `orderbook_id is ${JSON.stringify(id)}; expected ${expected}`, {
    fields: { field: 'orderbook_id' },
  });
}

function alphaBook(id: string | number): string | undefined {
  if (typeof id === 'number' && !isUint32(id)) return undefined;
  const text = typeof id === 'string' ? id.trimEnd() : (SEED_BOOKS[id - 1] ?? String(id));
  return ALPHA.test(text) ? text : undefined;
}

function numberedBook(id: string | number): number | undefined {
  const number = typeof id === 'number' ? id : numberOf(id.trimEnd());
  return isUint32(number) ? number : undefined;
}

function numberOf(text: string): number {
  if (DIGITS.test(text)) return Number(text);
  const at = SEED_BOOKS.indexOf(text);
  return at < 0 ? Number.NaN : at + 1;
}

function isUint32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= UINT32_MAX;
}
