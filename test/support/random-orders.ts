/** Orders that often meet, at a few prices. Some are wrong in one way or another. */
import { DAY, IMMEDIATE } from '../../src/protocol/ouch/layout.ts';
import type { EnterOrder, ReplaceOrder } from '../../src/protocol/ouch/messages.ts';
import type { Random } from '../../workers/runtime/random.ts';
import type { Life } from './account-model.ts';

const PRICES = 5;
const QUANTITY_MAX = 30;

export function drawOrder(random: Random, token: number, books: readonly string[]): EnterOrder {
  const order: EnterOrder = {
    type: 'enter',
    token,
    clientReference: `ref ${random.below(1000)}`,
    side: random.pick(['B', 'B', 'S', 'S', 'T', 'E']),
    quantity: 1 + random.below(QUANTITY_MAX),
    orderbook: random.pick(books),
    group: random.pick(['DAY', 'DAY', 'DAY', 'NGHT']),
    firm: 0,
    capacity: random.pick(['A', 'P']),
    classification: random.pick(['1', '3', '6']),
    cashMargin: random.pick(['1', '5']),
    ...drawTerms(random),
  };
  if (!random.chance(0.05)) return order;
  return {
    ...order,
    ...random.pick<Partial<EnterOrder>>([
      { orderbook: 'none' },
      { group: 'DAYZ' },
      { side: 'Q' },
      { firm: 17 },
      { quantity: 0 },
      { minimumQuantity: 1, timeInForce: DAY },
      { capacity: 'Z' },
      { cashMargin: '9' },
    ]),
  };
}

/** With luck of an open order, of which `life` is known. */
export function drawReplace(
  random: Random,
  existingToken: number,
  replacementToken: number,
  life: Life | undefined,
): ReplaceOrder {
  const total = (life?.used ?? 0) + random.below(QUANTITY_MAX);
  return {
    type: 'replace',
    existingToken,
    replacementToken,
    // Now and then less than what was used, or just that.
    quantity: random.chance(0.1) ? random.below(total + 1) : total,
    ...drawTerms(random),
  };
}

function drawTerms(
  random: Random,
): Pick<EnterOrder, 'priceTenths' | 'timeInForce' | 'display' | 'minimumQuantity'> {
  const isImmediate = random.chance(0.2);
  return {
    priceTenths: random.chance(0.02) ? 0 : 100 + random.below(PRICES),
    timeInForce: isImmediate ? IMMEDIATE : DAY,
    display: !isImmediate && random.chance(0.2) ? 'P' : ' ',
    minimumQuantity: isImmediate && random.chance(0.5) ? 1 + random.below(5) : 0,
  };
}
