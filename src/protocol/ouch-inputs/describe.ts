/** Messages for people: in a line of words, and byte by byte. */
import type { OrderbookForm } from '../ouch/fields.ts';
import type { InboundMessage, OutboundMessage } from '../ouch/messages.ts';
import type { Direction } from './names.ts';

/** `O 1: buy 100 BTC at 2300.0, day` */
export function describeInbound(_message: InboundMessage): string {
  throw new Error('not written');
}

/** `A 1: accepted, live, order 202607310000000001` */
export function describeOutbound(_message: OutboundMessage): string {
  throw new Error('not written');
}

/** A line for each field of one whole message: where it is, its bytes, its name and its value. */
export function hexLines(_bytes: Uint8Array, _direction: Direction, _form: OrderbookForm): string[] {
  throw new Error('not written');
}
