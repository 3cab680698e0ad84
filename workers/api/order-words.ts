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
import type { EnterOrder, OutboundMessage, ReplaceOrder } from '../../src/protocol/ouch/messages.ts';
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
const LIVE = 'L';
const ADDED = 'A';

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

export const SIDE_WORDS = wordsOf(SIDE_LETTERS);
const TIME_WORDS = wordsOf(TIME_NUMBERS);
const CAPACITY_WORDS = wordsOf(CAPACITY_LETTERS);

/** What an exchange has told is in the words that there are: nothing else was taken. One literal each: spreads are slow. */
export function toOrderMessage(sequence: number, message: OutboundMessage): OrderMessage {
  const nanoseconds = Number(message.timestampNs);
  switch (message.type) {
    case 'system-event':
      return { type: 'system-event', sequence, nanoseconds, event: message.event === 'S' ? 'start' : 'end' };
    case 'accepted':
      return {
        type: 'accepted',
        sequence,
        nanoseconds,
        token: message.token,
        side: wordOf(SIDE_WORDS, message.side),
        quantity: message.quantity,
        book: String(message.orderbook),
        group: message.group,
        price: formatTenths(message.priceTenths),
        timeInForce: wordOf(TIME_WORDS, message.timeInForce),
        isPostOnly: message.display === POST_ONLY,
        minimumQuantity: message.minimumQuantity,
        orderNumber: String(message.orderNumber),
        isLive: message.state === LIVE,
        clientReference: message.clientReference,
        firm: message.firm,
        capacity: wordOf(CAPACITY_WORDS, message.capacity),
        classification: message.classification as OrderClassification,
        cashMargin: message.cashMargin as OrderCashMargin,
      };
    case 'replaced':
      return {
        type: 'replaced',
        sequence,
        nanoseconds,
        token: message.replacementToken,
        previousToken: message.previousToken,
        side: wordOf(SIDE_WORDS, message.side),
        quantity: message.quantity,
        book: String(message.orderbook),
        group: message.group,
        price: formatTenths(message.priceTenths),
        timeInForce: wordOf(TIME_WORDS, message.timeInForce),
        isPostOnly: message.display === POST_ONLY,
        minimumQuantity: message.minimumQuantity,
        orderNumber: String(message.orderNumber),
        isLive: message.state === LIVE,
      };
    case 'canceled':
      return {
        type: 'canceled',
        sequence,
        nanoseconds,
        token: message.token,
        quantity: message.decrement,
        reason: message.reason,
        text: explainCancel(message.reason),
      };
    case 'aiq-canceled':
      return {
        type: 'prevented',
        sequence,
        nanoseconds,
        token: message.token,
        quantity: message.decrement,
        preventedQuantity: message.preventedQuantity,
        price: formatTenths(message.priceTenths),
        liquidity: message.liquidity === ADDED ? 'added' : 'removed',
      };
    case 'executed':
      return {
        type: 'executed',
        sequence,
        nanoseconds,
        token: message.token,
        quantity: message.quantity,
        price: formatTenths(message.priceTenths),
        liquidity: message.liquidity === ADDED ? 'added' : 'removed',
        matchNumber: String(message.matchNumber),
      };
    case 'rejected':
      return {
        type: 'rejected',
        sequence,
        nanoseconds,
        token: message.token,
        reason: message.reason,
        text: explainReject(message.reason),
      };
  }
}

function wordsOf<Word extends string>(
  letters: Readonly<Record<Word, string | number>>,
): ReadonlyMap<string | number, Word> {
  const words = Object.keys(letters) as Word[];
  return new Map(words.map((word) => [letters[word], word]));
}

export function wordOf<Word>(words: ReadonlyMap<string | number, Word>, letter: string | number): Word {
  const word = words.get(letter);
  if (word === undefined) throw new TypeError(`the exchange says ${letter}`);
  return word;
}
