/** Orders in the words of the api, and in the letters of OUCH. */
import type { ParamsOf } from '../../src/protocol/api/operations.ts';
import type {
  OrderCapacity,
  OrderCashMargin,
  OrderClassification,
  OrderMessage,
  OrderSide,
  TimeInForce,
} from '../../src/protocol/api/orders.ts';
import { DAY, IMMEDIATE } from '../../src/protocol/ouch/layout.ts';
import type {
  EnterOrder,
  OrderAccepted,
  OrderReplaced,
  OutboundMessage,
  ReplaceOrder,
} from '../../src/protocol/ouch/messages.ts';
import { formatTenths, toTenths } from '../../src/protocol/ouch/prices.ts';
import { explainCancel, explainReject } from '../../src/protocol/ouch/reasons.ts';

const SIDE_LETTERS: Readonly<Record<OrderSide, string>> = {
  buy: 'B',
  sell: 'S',
  'short-sell': 'T',
  'short-sell-exempt': 'E',
};
const TIME_NUMBERS: Readonly<Record<TimeInForce, number>> = { day: DAY, immediate: IMMEDIATE };
const CAPACITY_LETTERS: Readonly<Record<OrderCapacity, string>> = { agency: 'A', principal: 'P' };
const POST_ONLY = 'P';
const NO_DISPLAY = ' ';
const GROUP = 'DAY';

export function toEnterOrder(params: ParamsOf<'exchange.enter'>): EnterOrder {
  const { token, side, book, group = GROUP, clientReference = '', firm = 0 } = params;
  const { capacity = 'principal', classification = '1', cashMargin = '1' } = params;
  return {
    type: 'enter',
    token,
    clientReference,
    side: SIDE_LETTERS[side],
    orderbook: book,
    group,
    firm,
    capacity: CAPACITY_LETTERS[capacity],
    classification,
    cashMargin,
    ...toTerms(params),
  };
}

export function toReplaceOrder(params: ParamsOf<'exchange.replace'>): ReplaceOrder {
  const { token: existingToken, replacementToken } = params;
  return { type: 'replace', existingToken, replacementToken, ...toTerms(params) };
}

function toTerms(params: ParamsOf<'exchange.replace'> | ParamsOf<'exchange.enter'>) {
  const { quantity, price, timeInForce = 'day', isPostOnly = false, minimumQuantity = 0 } = params;
  return {
    quantity,
    priceTenths: toTenths(price),
    timeInForce: TIME_NUMBERS[timeInForce],
    display: isPostOnly ? POST_ONLY : NO_DISPLAY,
    minimumQuantity,
  };
}

/** What an exchange has told is in the words that there are: nothing else was taken. */
export function toOrderMessage(sequence: number, message: OutboundMessage): OrderMessage {
  const told = { sequence, nanoseconds: Number(message.timestampNs) };
  switch (message.type) {
    case 'system-event':
      return { ...told, type: 'system-event', event: message.event === 'S' ? 'start' : 'end' };
    case 'accepted': {
      const { token, quantity, clientReference, firm } = message;
      return {
        ...told,
        type: 'accepted',
        token,
        quantity,
        ...placedOf(message),
        clientReference,
        firm,
        capacity: wordOf(CAPACITY_LETTERS, message.capacity),
        classification: message.classification as OrderClassification,
        cashMargin: message.cashMargin as OrderCashMargin,
      };
    }
    case 'replaced': {
      const { replacementToken: token, previousToken, quantity } = message;
      return { ...told, type: 'replaced', token, previousToken, quantity, ...placedOf(message) };
    }
    case 'canceled': {
      const { token, decrement: quantity, reason } = message;
      return { ...told, type: 'canceled', token, quantity, reason, text: explainCancel(reason) };
    }
    case 'aiq-canceled': {
      const { token, decrement: quantity, preventedQuantity } = message;
      return { ...told, type: 'prevented', token, quantity, preventedQuantity, ...tradedOf(message) };
    }
    case 'executed': {
      const { token, quantity, matchNumber } = message;
      return {
        ...told,
        type: 'executed',
        token,
        quantity,
        ...tradedOf(message),
        matchNumber: String(matchNumber),
      };
    }
    case 'rejected': {
      const { token, reason } = message;
      return { ...told, type: 'rejected', token, reason, text: explainReject(reason) };
    }
  }
}

function placedOf(message: OrderAccepted | OrderReplaced) {
  return {
    side: wordOf(SIDE_LETTERS, message.side),
    book: String(message.orderbook),
    group: message.group,
    price: formatTenths(message.priceTenths),
    timeInForce: wordOf(TIME_NUMBERS, message.timeInForce),
    isPostOnly: message.display === POST_ONLY,
    minimumQuantity: message.minimumQuantity,
    orderNumber: String(message.orderNumber),
    isLive: message.state === 'L',
  };
}

function tradedOf({
  priceTenths,
  liquidity,
}: {
  readonly priceTenths: number;
  readonly liquidity: 'A' | 'R';
}) {
  return {
    price: formatTenths(priceTenths),
    liquidity: liquidity === 'A' ? ('added' as const) : ('removed' as const),
  };
}

function wordOf<Word extends string>(letters: Readonly<Record<Word, unknown>>, letter: unknown): Word {
  const words = Object.keys(letters) as Word[];
  const word = words.find((candidate) => letters[candidate] === letter);
  if (word === undefined) throw new TypeError(`the exchange says ${letter}`);
  return word;
}
