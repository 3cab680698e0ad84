/**
 * What every venue rejects, whatever its books and traders are: the rules of OUCH.md that an order breaks by itself. Pure.
 * Whoever types an order is told before it is sent; the venue examines it again.
 */
import { DAY, IMMEDIATE, PRICE_MAX, QUANTITY_MAX } from '../../src/protocol/ouch/layout.ts';
import type { EnterOrder, ReplaceOrder } from '../../src/protocol/ouch/messages.ts';
import { formatTenths } from '../../src/protocol/ouch/prices.ts';
import { explainReject } from '../../src/protocol/ouch/reasons.ts';
import { GROUPS } from '../../src/protocol/venue.ts';

/** What can be wrong with it, as the codec calls it. */
export type FlawedField = keyof EnterOrder & string;

export interface Flaw {
  readonly field: FlawedField;
  /** With which it would be rejected; or, if it is a replace, its order canceled. */
  readonly reason: string;
  readonly text: string;
}

interface Rule<Message> {
  readonly field: FlawedField;
  readonly reason: string;
  readonly expected: string;
  /** `used`: so much of the order is not open any more; 0 of a new one. */
  readonly isKept: (message: Message, used: number) => boolean;
}

type Terms = EnterOrder | ReplaceOrder;

const GROUP_NAMES = GROUPS.map((group) => group.trimEnd());

const PRICE: Rule<Terms> = {
  field: 'priceTenths',
  reason: 'X',
  expected: `0.1 to ${formatTenths(PRICE_MAX)}`,
  isKept: ({ priceTenths }) => priceTenths > 0 && priceTenths <= PRICE_MAX,
};

const MINIMUM: Rule<Terms> = {
  field: 'minimumQuantity',
  reason: 'N',
  expected: 'no more than can trade, and none of a day order',
  isKept: ({ quantity, minimumQuantity, timeInForce }, used) =>
    minimumQuantity <= quantity - used && (minimumQuantity === 0 || timeInForce !== DAY),
};

const TIME_IN_FORCE: Rule<Terms> = {
  field: 'timeInForce',
  reason: 'Y',
  expected: `${IMMEDIATE}, immediate, or ${DAY}, day`,
  isKept: ({ timeInForce }) => timeInForce === IMMEDIATE || timeInForce === DAY,
};

const DISPLAY: Rule<Terms> = {
  field: 'display',
  reason: 'D',
  expected: 'P, post-only, of a day order, or blank',
  isKept: ({ display, timeInForce }) => display === ' ' || (display === 'P' && timeInForce === DAY),
};

/** In the order in which a venue examines them, as those of replaces. */
const ORDERS: readonly Rule<EnterOrder>[] = [
  {
    field: 'group',
    reason: 'c',
    expected: `one of ${GROUP_NAMES.join(' ')}`,
    isKept: ({ group }) => GROUP_NAMES.includes(group),
  },
  PRICE,
  {
    field: 'quantity',
    reason: 'Z',
    expected: `1 to ${QUANTITY_MAX}`,
    isKept: ({ quantity }) => quantity > 0 && quantity <= QUANTITY_MAX,
  },
  MINIMUM,
  oneOf('side', 'Y', 'BSTE'),
  oneOf('capacity', 'Y', 'AP'),
  oneOf('classification', 'Y', '13456'),
  TIME_IN_FORCE,
  DISPLAY,
  oneOf('cashMargin', 'G', '12345'),
];

const REPLACES: readonly Rule<ReplaceOrder>[] = [
  PRICE,
  {
    field: 'quantity',
    reason: 'Z',
    expected: `no less than was executed, up to ${QUANTITY_MAX}`,
    isKept: ({ quantity }, used) => quantity >= used && quantity <= QUANTITY_MAX,
  },
  MINIMUM,
  TIME_IN_FORCE,
  DISPLAY,
];

function oneOf(
  field: 'side' | 'capacity' | 'classification' | 'cashMargin',
  reason: string,
  letters: string,
): Rule<EnterOrder> {
  const expected = `one of ${[...letters].join(' ')}`;
  return { field, reason, expected, isKept: (order) => letters.includes(order[field]) };
}

/** All rules that are broken, the one that decides first. `used`: so much of what is replaced is not open any more. */
export function flawsOf(message: EnterOrder | ReplaceOrder, used = 0): Flaw[] {
  return message.type === 'enter' ? broken(ORDERS, message, used) : broken(REPLACES, message, used);
}

function broken<Message>(rules: readonly Rule<Message>[], message: Message, used: number): Flaw[] {
  return rules
    .filter(({ isKept }) => !isKept(message, used))
    .map(({ field, reason, expected }) => ({
      field,
      reason,
      text: `${explainReject(reason)} (${reason}); expected ${expected}`,
    }));
}
