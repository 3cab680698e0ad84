/** Japannext OUCH 1.12 by itself: `import { … } from 'outcry/ouch'`. */
export { ERROR_CODES, type ErrorCode, OutcryError } from '../../values/errors.ts';
export type { Letter, OrderbookForm } from './fields.ts';
export { DAY, IMMEDIATE, LENGTH, LETTER, PRICE_MAX, QUANTITY_MAX } from './layout.ts';
export {
  type CancelOrder,
  type Capacity,
  type CashMargin,
  type Classification,
  type Display,
  decodeInbound,
  decodeOutbound,
  type EnterOrder,
  encodeInbound,
  encodeOutbound,
  type InboundMessage,
  type Liquidity,
  type OrderAccepted,
  type OrderAiqCanceled,
  type OrderCanceled,
  type OrderExecuted,
  type OrderRejected,
  type OrderReplaced,
  type OrderState,
  type OutboundMessage,
  type ReplaceOrder,
  type Side,
  type SystemEvent,
} from './messages.ts';
export { formatTenths, toTenths } from './prices.ts';
export {
  CANCEL_REASONS,
  type CancelReason,
  explainCancel,
  explainReject,
  REJECT_REASONS,
  type RejectReason,
} from './reasons.ts';
