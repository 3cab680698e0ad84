/** Messages for people: in a line of words, and byte by byte. */
import { printable } from '../../values/printable.ts';
import type { OrderbookForm } from '../ouch/fields.ts';
import { DAY, IMMEDIATE } from '../ouch/layout.ts';
import type {
  EnterOrder,
  InboundMessage,
  OrderAiqCanceled,
  OrderCanceled,
  OutboundMessage,
  ReplaceOrder,
} from '../ouch/messages.ts';
import { formatTenths } from '../ouch/prices.ts';
import { explainCancel, explainReject } from '../ouch/reasons.ts';
import { formatValue } from './expect.ts';
import { bookFor, type Direction, messageOfType, messageWith, type NamedField } from './names.ts';

/** `O 1: buy 100 BTC at 2300.0, day` */
export function describeInbound(message: InboundMessage): string {
  return printable(`${letterOf('inbound', message)} ${inboundWords(message)}`);
}

function inboundWords(message: InboundMessage): string {
  switch (message.type) {
    case 'enter': {
      const { token, side, quantity, orderbook, group } = message;
      const book = bookFor(orderbook, bookForm(orderbook));
      const where = group === 'DAY' ? book : `${book} in ${group}`;
      return `${token}: ${sideWords(side)} ${quantity} ${where} at ${terms(message)}`;
    }
    case 'replace': {
      const { existingToken, replacementToken, quantity } = message;
      return `${existingToken} → ${replacementToken}: ${quantity} at ${terms(message)}`;
    }
    case 'cancel':
      return `${message.token}: cancel`;
  }
}

const ALPHA_DIGITS_MAX = 9999;

/** The original books have names; a number with more digits than a name has characters is shown as it is. */
function bookForm(book: string | number): OrderbookForm {
  return typeof book === 'number' && book > ALPHA_DIGITS_MAX ? 'uint32' : 'alpha';
}

const SIDES: Readonly<Record<string, string>> = {
  B: 'buy',
  S: 'sell',
  T: 'short sell',
  E: 'exempt short sell',
};

function sideWords(side: string): string {
  return SIDES[side] ?? `side ${side}`;
}

function terms(message: EnterOrder | ReplaceOrder): string {
  const { priceTenths, timeInForce, display, minimumQuantity } = message;
  const words = [formatTenths(priceTenths), timeWords(timeInForce)];
  if (display !== ' ') words.push(display === 'P' ? 'post-only' : `display ${display}`);
  if (minimumQuantity !== 0) words.push(`at least ${minimumQuantity}`);
  return words.join(', ');
}

function timeWords(timeInForce: number): string {
  if (timeInForce === DAY) return 'day';
  return timeInForce === IMMEDIATE ? 'immediate' : `time in force ${timeInForce}`;
}

/** `A 1: accepted, live, order 202607310000000001` */
export function describeOutbound(message: OutboundMessage): string {
  return printable(`${letterOf('outbound', message)} ${outboundWords(message)}`);
}

function outboundWords(message: OutboundMessage): string {
  switch (message.type) {
    case 'system-event':
      return message.event === 'S' ? 'start of day' : 'end of day';
    case 'accepted':
      return `${message.token}: accepted, ${stateWords(message)}`;
    case 'replaced': {
      const { previousToken, replacementToken, quantity, priceTenths } = message;
      const open = `${quantity} open at ${formatTenths(priceTenths)}`;
      return `${previousToken} → ${replacementToken}: replaced, ${open}, ${stateWords(message)}`;
    }
    case 'canceled':
      return canceledWords(message);
    case 'aiq-canceled': {
      const prevented = `${message.preventedQuantity} at ${formatTenths(message.priceTenths)} prevented`;
      return `${canceledWords(message)}, ${prevented}, ${message.liquidity}`;
    }
    case 'executed': {
      const trade = `${message.quantity} at ${formatTenths(message.priceTenths)}`;
      return `${message.token}: executed ${trade}, ${message.liquidity}, match ${message.matchNumber}`;
    }
    case 'rejected':
      return `${message.token}: rejected, ${message.reason} ${explainReject(message.reason)}`;
  }
}

function canceledWords({ token, decrement, reason }: OrderCanceled | OrderAiqCanceled): string {
  return `${token}: ${decrement} canceled, ${reason} ${explainCancel(reason)}`;
}

function stateWords({
  state,
  orderNumber,
}: {
  readonly state: string;
  readonly orderNumber: bigint;
}): string {
  return `${state === 'L' ? 'live' : 'dead'}, order ${orderNumber}`;
}

function letterOf(direction: Direction, { type }: { readonly type: string }): string {
  return messageOfType(direction, type).letter;
}

interface HexRow {
  readonly at: number;
  readonly length: number;
  readonly name: string;
  readonly value: string;
}

/** A line for each field of one whole message: where it is, its bytes, its name and its value. */
export function hexLines(bytes: Uint8Array, direction: Direction, form: OrderbookForm): string[] {
  const rows = rowsOf(bytes, direction, form);
  const atWidth = Math.max(...rows.map(({ at }) => String(at).length));
  const hexWidth = Math.max(...rows.map(({ length }) => 2 * length));
  const nameWidth = Math.max(...rows.map(({ name }) => name.length));
  return rows.map(({ at, length, name, value }) => {
    const columns = [
      String(at).padStart(atWidth),
      hex(bytes.subarray(at, at + length)).padEnd(hexWidth),
      name.padEnd(nameWidth),
      printable(value),
    ];
    return columns.join('  ').trimEnd();
  });
}

function rowsOf(bytes: Uint8Array, direction: Direction, form: OrderbookForm): HexRow[] {
  const letter = String.fromCharCode(bytes[0] ?? 0);
  const message = messageWith(direction, letter);
  if (!message?.lengths.includes(bytes.length)) return unknownRows(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const fields = message.fields.filter(({ field }) => field.at < bytes.length);
  return [
    { at: 0, length: 1, name: 'message_type', value: letter },
    ...fields.map((named) => fieldRow(named, view, form)),
  ];
}

function fieldRow(named: NamedField, view: DataView, form: OrderbookForm): HexRow {
  const { name, field } = named;
  const value = formatValue(named, field.read(view, form) as string | number | bigint);
  return { at: field.at, length: field.length, name, value };
}

const ROW_BYTES = 16;

/** What is no message: its bytes alone. */
function unknownRows(bytes: Uint8Array): HexRow[] {
  return Array.from({ length: Math.max(1, Math.ceil(bytes.length / ROW_BYTES)) }, (_, row) => {
    const at = row * ROW_BYTES;
    return { at, length: Math.min(ROW_BYTES, bytes.length - at), name: '', value: '' };
  });
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
