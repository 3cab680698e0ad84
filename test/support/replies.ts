/** What an exchange says, as values, with what tests do not care about filled in. */
import type {
  OrderAccepted,
  OrderCanceled,
  OrderExecuted,
  OrderRejected,
  SystemEvent,
} from '../../src/protocol/ouch/messages.ts';

const timestampNs = 1n;

export const START_OF_DAY: SystemEvent = { type: 'system-event', timestampNs, event: 'S' };

export function accepted(token: number, fields: Partial<OrderAccepted> = {}): OrderAccepted {
  return {
    type: 'accepted',
    timestampNs,
    token,
    clientReference: '',
    side: 'B',
    quantity: 100,
    orderbook: 'BTC',
    group: 'DAY',
    priceTenths: 23_000,
    timeInForce: 99_999,
    firm: 0,
    display: ' ',
    capacity: 'P',
    orderNumber: BigInt(token),
    minimumQuantity: 0,
    state: 'L',
    classification: '1',
    cashMargin: '1',
    ...fields,
  };
}

export function executed(token: number, quantity: number, matchNumber = 1n): OrderExecuted {
  return { type: 'executed', timestampNs, token, quantity, priceTenths: 23_000, liquidity: 'A', matchNumber };
}

export function canceled(token: number, reason: string): OrderCanceled {
  return { type: 'canceled', timestampNs, token, decrement: 100, reason };
}

export function rejected(token: number, reason: string): OrderRejected {
  return { type: 'rejected', timestampNs, token, reason };
}
