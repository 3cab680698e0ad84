/** Messages of OUCH as the objects that test inputs have them as, and back. */
import type { OrderbookForm } from '../ouch/fields.ts';
import type { InboundMessage, OutboundMessage } from '../ouch/messages.ts';

/** Prices are decimal numbers, all fields are there. */
export function toStep(_message: InboundMessage): Record<string, string | number> {
  throw new Error('not written');
}

/** Prices are decimal numbers, numbers of 64 bits their digits. */
export function toReply(_message: OutboundMessage): Record<string, string | number> {
  throw new Error('not written');
}

/** What is left out has its default. Throws ERR_INPUT, with the name of the field in `fields.field`. */
export function fromStep(_step: object, _form: OrderbookForm): InboundMessage {
  throw new Error('not written');
}
