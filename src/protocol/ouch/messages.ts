/**
 * The messages of Japannext OUCH 1.12 as values, and their bytes; README.md beside this file has them as tables. Inbound
 * is from a client to the exchange, outbound the way back.
 *
 * A codec says what is on the wire, not what an exchange takes: a side of `Q` is read and written like any other. Prices
 * are whole tenths of a yen, `prices.ts` makes text of them; numbers of 64 bits are bigints.
 */
import { OutcryError } from '../../values/errors.ts';
import {
  choice,
  type Field,
  integer,
  type Letter,
  letter,
  long,
  type OrderbookForm,
  orderbook,
  text,
} from './fields.ts';
import {
  ACCEPTED,
  ACCEPTED_LENGTHS_OLD,
  AIQ_CANCELED,
  CANCEL,
  CANCELED,
  ENTER,
  ENTER_LENGTHS_OLD,
  EXECUTED,
  LENGTH,
  LETTER,
  REJECTED,
  REPLACE,
  REPLACED,
  SYSTEM_EVENT,
  TIMESTAMP,
} from './layout.ts';

/** Buy, sell, short sell, exempt short sell. */
export type Side = Letter<'B' | 'S' | 'T' | 'E'>;
/** Post-only, or nothing. */
export type Display = Letter<'P' | ' '>;
/** Agency or principal. */
export type Capacity = Letter<'A' | 'P'>;
/** No high frequency trading; market making, arbitrage, directional, other. */
export type Classification = Letter<'1' | '3' | '4' | '5' | '6'>;
/** Cash; margin, opened or closed, negotiable or standardized. */
export type CashMargin = Letter<'1' | '2' | '3' | '4' | '5'>;
/** The order is live, or was dead from the start. */
export type OrderState = 'L' | 'D';
/** The order was there before (added), or came and traded at once (removed). */
export type Liquidity = 'A' | 'R';

export interface EnterOrder {
  readonly type: 'enter';
  readonly token: number;
  readonly clientReference: string;
  readonly side: Side;
  readonly quantity: number;
  /** Text as of 1.12, a number before it. */
  readonly orderbook: string | number;
  /** Without padding: `DAY`. */
  readonly group: string;
  readonly priceTenths: number;
  /** 0: immediate, 99,999: day. */
  readonly timeInForce: number;
  readonly firm: number;
  readonly display: Display;
  readonly capacity: Capacity;
  readonly minimumQuantity: number;
  readonly classification: Classification;
  readonly cashMargin: CashMargin;
}

export interface ReplaceOrder {
  readonly type: 'replace';
  readonly existingToken: number;
  readonly replacementToken: number;
  /** Of the whole chain, with what was executed. */
  readonly quantity: number;
  readonly priceTenths: number;
  readonly timeInForce: number;
  readonly display: Display;
  readonly minimumQuantity: number;
}

export interface CancelOrder {
  readonly type: 'cancel';
  readonly token: number;
  /** Ignored; 0 is best. */
  readonly quantity: number;
}

export type InboundMessage = EnterOrder | ReplaceOrder | CancelOrder;

/** Start or end of the day. */
export interface SystemEvent {
  readonly type: 'system-event';
  /** Nanoseconds since midnight, as in all outbound messages. */
  readonly timestampNs: bigint;
  readonly event: 'S' | 'E';
}

export interface OrderAccepted {
  readonly type: 'accepted';
  readonly timestampNs: bigint;
  readonly token: number;
  readonly clientReference: string;
  readonly side: Side;
  readonly quantity: number;
  readonly orderbook: string | number;
  readonly group: string;
  readonly priceTenths: number;
  readonly timeInForce: number;
  readonly firm: number;
  readonly display: Display;
  readonly capacity: Capacity;
  readonly orderNumber: bigint;
  readonly minimumQuantity: number;
  readonly state: OrderState;
  readonly classification: Classification;
  readonly cashMargin: CashMargin;
}

export interface OrderReplaced {
  readonly type: 'replaced';
  readonly timestampNs: bigint;
  readonly replacementToken: number;
  readonly side: Side;
  /** Still open. */
  readonly quantity: number;
  readonly orderbook: string | number;
  readonly group: string;
  readonly priceTenths: number;
  readonly timeInForce: number;
  readonly display: Display;
  readonly orderNumber: bigint;
  readonly minimumQuantity: number;
  readonly state: OrderState;
  readonly previousToken: number;
}

export interface OrderCanceled {
  readonly type: 'canceled';
  readonly timestampNs: bigint;
  readonly token: number;
  /** No longer open. */
  readonly decrement: number;
  /** See CANCEL_REASONS. */
  readonly reason: string;
}

/** Taken from an order so that it does not trade with another one of its owner. */
export interface OrderAiqCanceled {
  readonly type: 'aiq-canceled';
  readonly timestampNs: bigint;
  readonly token: number;
  readonly decrement: number;
  readonly reason: string;
  /** What would have been traded, and at what price. */
  readonly preventedQuantity: number;
  readonly priceTenths: number;
  readonly liquidity: Liquidity;
}

export interface OrderExecuted {
  readonly type: 'executed';
  readonly timestampNs: bigint;
  readonly token: number;
  /** In this trade. */
  readonly quantity: number;
  readonly priceTenths: number;
  readonly liquidity: Liquidity;
  readonly matchNumber: bigint;
}

export interface OrderRejected {
  readonly type: 'rejected';
  readonly timestampNs: bigint;
  readonly token: number;
  /** See REJECT_REASONS. */
  readonly reason: string;
}

export type OutboundMessage =
  | SystemEvent
  | OrderAccepted
  | OrderReplaced
  | OrderCanceled
  | OrderAiqCanceled
  | OrderExecuted
  | OrderRejected;

/** How a message is on the wire. */
export interface Layout<Message> {
  /** What the specification calls it. */
  readonly name: string;
  readonly letter: number;
  /** In bytes, the present length first; behind it those of older versions. */
  readonly lengths: readonly number[];
  readonly fields: { readonly [Name in Exclude<keyof Message, 'type'>]: Field<Message[Name]> };
}

type Layouts<Message extends { readonly type: string }> = {
  readonly [Type in Message['type']]: Layout<Extract<Message, { readonly type: Type }>>;
};

export const INBOUND: Layouts<InboundMessage> = {
  enter: {
    name: 'Enter Order',
    letter: LETTER.enter,
    lengths: [LENGTH.enter, ...ENTER_LENGTHS_OLD],
    fields: {
      token: integer(ENTER.token),
      clientReference: text(ENTER.clientReference, 10),
      side: letter(ENTER.side),
      quantity: integer(ENTER.quantity),
      orderbook: orderbook(ENTER.orderbook),
      group: text(ENTER.group, 4),
      priceTenths: integer(ENTER.price),
      timeInForce: integer(ENTER.timeInForce),
      firm: integer(ENTER.firm),
      display: letter(ENTER.display),
      capacity: letter(ENTER.capacity),
      minimumQuantity: integer(ENTER.minimumQuantity),
      classification: letter(ENTER.classification, { absent: '1' }),
      cashMargin: letter(ENTER.cashMargin, { absent: '1' }),
    },
  },
  replace: {
    name: 'Replace Order',
    letter: LETTER.replace,
    lengths: [LENGTH.replace],
    fields: {
      existingToken: integer(REPLACE.existingToken),
      replacementToken: integer(REPLACE.replacementToken),
      quantity: integer(REPLACE.quantity),
      priceTenths: integer(REPLACE.price),
      timeInForce: integer(REPLACE.timeInForce),
      display: letter(REPLACE.display),
      minimumQuantity: integer(REPLACE.minimumQuantity),
    },
  },
  cancel: {
    name: 'Cancel Order',
    letter: LETTER.cancel,
    lengths: [LENGTH.cancel],
    fields: { token: integer(CANCEL.token), quantity: integer(CANCEL.quantity) },
  },
};

const timestampNs = long(TIMESTAMP);
const STATES = ['L', 'D'] as const;
const LIQUIDITIES = ['A', 'R'] as const;

export const OUTBOUND: Layouts<OutboundMessage> = {
  'system-event': {
    name: 'System Event',
    letter: LETTER.systemEvent,
    lengths: [LENGTH.systemEvent],
    fields: { timestampNs, event: choice(SYSTEM_EVENT.event, ['S', 'E']) },
  },
  accepted: {
    name: 'Order Accepted',
    letter: LETTER.accepted,
    lengths: [LENGTH.accepted, ...ACCEPTED_LENGTHS_OLD],
    fields: {
      timestampNs,
      token: integer(ACCEPTED.token),
      clientReference: text(ACCEPTED.clientReference, 10),
      side: letter(ACCEPTED.side),
      quantity: integer(ACCEPTED.quantity),
      orderbook: orderbook(ACCEPTED.orderbook),
      group: text(ACCEPTED.group, 4),
      priceTenths: integer(ACCEPTED.price),
      timeInForce: integer(ACCEPTED.timeInForce),
      firm: integer(ACCEPTED.firm),
      display: letter(ACCEPTED.display),
      capacity: letter(ACCEPTED.capacity),
      orderNumber: long(ACCEPTED.orderNumber),
      minimumQuantity: integer(ACCEPTED.minimumQuantity),
      state: choice(ACCEPTED.state, STATES),
      classification: letter(ACCEPTED.classification, { absent: '1' }),
      cashMargin: letter(ACCEPTED.cashMargin, { absent: '1' }),
    },
  },
  replaced: {
    name: 'Order Replaced',
    letter: LETTER.replaced,
    lengths: [LENGTH.replaced],
    fields: {
      timestampNs,
      replacementToken: integer(REPLACED.replacementToken),
      side: letter(REPLACED.side),
      quantity: integer(REPLACED.quantity),
      orderbook: orderbook(REPLACED.orderbook),
      group: text(REPLACED.group, 4),
      priceTenths: integer(REPLACED.price),
      timeInForce: integer(REPLACED.timeInForce),
      display: letter(REPLACED.display),
      orderNumber: long(REPLACED.orderNumber),
      minimumQuantity: integer(REPLACED.minimumQuantity),
      state: choice(REPLACED.state, STATES),
      previousToken: integer(REPLACED.previousToken),
    },
  },
  canceled: {
    name: 'Order Canceled',
    letter: LETTER.canceled,
    lengths: [LENGTH.canceled],
    fields: {
      timestampNs,
      token: integer(CANCELED.token),
      decrement: integer(CANCELED.decrement),
      reason: letter(CANCELED.reason),
    },
  },
  'aiq-canceled': {
    name: 'Order AIQ Canceled',
    letter: LETTER.aiqCanceled,
    lengths: [LENGTH.aiqCanceled],
    fields: {
      timestampNs,
      token: integer(AIQ_CANCELED.token),
      decrement: integer(AIQ_CANCELED.decrement),
      reason: letter(AIQ_CANCELED.reason),
      preventedQuantity: integer(AIQ_CANCELED.prevented),
      priceTenths: integer(AIQ_CANCELED.price),
      liquidity: choice(AIQ_CANCELED.liquidity, LIQUIDITIES),
    },
  },
  executed: {
    name: 'Order Executed',
    letter: LETTER.executed,
    lengths: [LENGTH.executed],
    fields: {
      timestampNs,
      token: integer(EXECUTED.token),
      quantity: integer(EXECUTED.quantity),
      priceTenths: integer(EXECUTED.price),
      liquidity: choice(EXECUTED.liquidity, LIQUIDITIES),
      matchNumber: long(EXECUTED.matchNumber),
    },
  },
  rejected: {
    name: 'Order Rejected',
    letter: LETTER.rejected,
    lengths: [LENGTH.rejected],
    fields: { timestampNs, token: integer(REJECTED.token), reason: letter(REJECTED.reason) },
  },
};

/** The bytes are one whole message. Throws ERR_OUCH_MESSAGE if they are none of a client. */
export function decodeInbound(bytes: Uint8Array, form: OrderbookForm = 'alpha'): InboundMessage {
  return decode(INBOUND, bytes, form);
}

/** The bytes are one whole message. Throws ERR_OUCH_MESSAGE if they are none of an exchange. */
export function decodeOutbound(bytes: Uint8Array, form: OrderbookForm = 'alpha'): OutboundMessage {
  return decode(OUTBOUND, bytes, form);
}

/** An order book is written as what it is: text or a number. Throws ERR_OUCH_MESSAGE if a value does not fit. */
export function encodeInbound(message: InboundMessage): Uint8Array {
  return encode(INBOUND, message);
}

/** The same for what an exchange sends. */
export function encodeOutbound(message: OutboundMessage): Uint8Array {
  return encode(OUTBOUND, message);
}

/** One layout, whichever: its fields are looked up by name. */
interface AnyLayout {
  readonly name: string;
  readonly letter: number;
  readonly lengths: readonly number[];
  readonly fields: Readonly<Record<string, Field<unknown>>>;
}

function decode<Message extends { readonly type: string }>(
  layouts: Layouts<Message>,
  bytes: Uint8Array,
  form: OrderbookForm,
): Message {
  const [letter] = bytes;
  const all = layouts as Readonly<Record<string, AnyLayout>>;
  for (const type in all) {
    const layout = all[type] as AnyLayout;
    if (layout.letter === letter) return decodeAs(type, layout, bytes, form) as unknown as Message;
  }
  const names = Object.values(all).map(({ letter }) => String.fromCharCode(letter));
  throw wrong(
    letter === undefined
      ? 'a message has at least one byte'
      : `the letter of a message is ${JSON.stringify(String.fromCharCode(letter))}; expected one of ${names.join(' ')}`,
  );
}

function decodeAs(
  type: string,
  { name, lengths, fields }: AnyLayout,
  bytes: Uint8Array,
  form: OrderbookForm,
): Record<string, unknown> {
  if (!lengths.includes(bytes.length)) {
    throw wrong(`${name} has ${lengths.join(' or ')} bytes, not ${bytes.length}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const message: Record<string, unknown> = { type };
  for (const key in fields) {
    const field = fields[key] as Field<unknown>;
    const value = field.at < bytes.length ? field.read(view, form) : field.absent;
    if (field.kind === 'letter' && !field.isFitting(value))
      throw wrongValue(name, key, value, field.expected);
    message[key] = value;
  }
  return message;
}

function encode<Message extends { readonly type: string }>(
  layouts: Layouts<Message>,
  message: Message,
): Uint8Array {
  const all = layouts as Readonly<Record<string, AnyLayout>>;
  if (!Object.hasOwn(all, message.type)) {
    throw wrong(
      `the type of a message is ${JSON.stringify(message.type)}; expected one of ${Object.keys(all).join(', ')}`,
    );
  }
  const { name, letter, lengths, fields } = all[message.type] as AnyLayout;
  const values = message as unknown as Readonly<Record<string, unknown>>;
  const bytes = new Uint8Array(lengths[0] as number);
  const view = new DataView(bytes.buffer);
  bytes[0] = letter;
  for (const key in fields) {
    const field = fields[key] as Field<unknown>;
    const value = values[key];
    if (!field.isFitting(value)) throw wrongValue(name, key, value, field.expected);
    field.write(view, value);
  }
  return bytes;
}

function wrongValue(name: string, field: string, value: unknown, expected: string): OutcryError {
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return new OutcryError('ERR_OUCH_MESSAGE', `${field} of ${name} is ${shown}; expected ${expected}`, {
    fields: { field },
  });
}

function wrong(message: string): OutcryError {
  return new OutcryError('ERR_OUCH_MESSAGE', message);
}
