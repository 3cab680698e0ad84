/** The questions whose answers are an order, a replace or a cancel. What can not be right is not taken for an answer. */

import type { OrderbookForm } from '../../src/protocol/ouch/fields.ts';
import { DAY, IMMEDIATE } from '../../src/protocol/ouch/layout.ts';
import type { EnterOrder, ReplaceOrder } from '../../src/protocol/ouch/messages.ts';
import { formatTenths } from '../../src/protocol/ouch/prices.ts';
import { fromStep } from '../../src/protocol/ouch-inputs/json.ts';
import { messageOfType } from '../../src/protocol/ouch-inputs/names.ts';
import { GROUPS } from '../../src/protocol/venue.ts';
import { OutcryError } from '../../src/values/errors.ts';
import type { Order } from '../index.ts';
import { flawsOf } from './order-flaws.ts';
import type { Choice, Prompts } from './prompts.ts';

/** A step of a test input while it is asked for, by the names that its fields have there. */
export type Draft = Readonly<Record<string, string | number>>;

export const SIDES: Readonly<Record<string, string>> = {
  B: 'buy',
  S: 'sell',
  T: 'short sell',
  E: 'exempt short sell',
};

type Kind = 'day' | 'immediate' | 'post-only';

const KINDS: readonly Choice<Kind>[] = [
  { value: 'day', label: 'day: what does not trade at once rests' },
  { value: 'immediate', label: 'immediate: what does not trade at once is canceled' },
  { value: 'post-only', label: 'post-only: day, and not to trade at once' },
];

const KIND_TERMS: Readonly<Record<Kind, Draft>> = {
  day: { time_in_force: DAY, display: ' ' },
  immediate: { time_in_force: IMMEDIATE, display: ' ' },
  'post-only': { time_in_force: DAY, display: 'P' },
};

const FIRST_ORDER: Draft = {
  message_type: 'O',
  buy_sell_indicator: 'B',
  orderbook_id: 'BTC',
  group: 'DAY',
  quantity: 100,
  time_in_force: DAY,
  display: ' ',
  client_reference: '',
  capacity: 'P',
  minimum_quantity: 0,
  firm_id: 0,
  order_classification: '1',
  cash_margin_type: '1',
};

/** For what was not asked for yet and has no default. */
const RIGHT: Draft = { price: '1' };

export class OrderPrompts {
  readonly #prompts: Prompts;
  readonly #form: OrderbookForm;
  /** The last order that was asked for; its terms are the next one's by default. */
  #last: Draft = FIRST_ORDER;

  constructor(prompts: Prompts, form: OrderbookForm) {
    this.#prompts = prompts;
    this.#form = form;
  }

  /** Undefined if it was left. `token` will be its own. */
  async order(token: number): Promise<EnterOrder | undefined> {
    const draft = new DraftPrompts(this.#prompts, this.#form, { ...this.#last, order_token: token });
    const isAsked =
      (await draft.choose('buy_sell_indicator', 'Side', labelled(SIDES))) &&
      (await draft.type('orderbook_id', 'Book')) &&
      (await draft.choose('group', 'Group', labelled(Object.fromEntries(GROUPS.map(twice))))) &&
      (await draft.type('quantity', 'Quantity')) &&
      (await draft.type('price', 'Price')) &&
      (await draft.askKind());
    if (!isAsked) return undefined;
    for (;;) {
      const next = await this.#prompts.choose('Send it?', SENDINGS, 'send');
      if (next === undefined || next === 'drop') return undefined;
      if (next === 'send') break;
      if (!(await askRest(draft))) return undefined;
    }
    this.#last = draft.values;
    return draft.message as EnterOrder;
  }

  /** Undefined if it was left. `token` will be its new one. */
  async replace(order: Order, token: number): Promise<ReplaceOrder | undefined> {
    const { mirrored } = order;
    if (mirrored === undefined) return undefined;
    const { quantity, open, priceTenths, timeInForce, display, minimumQuantity } = mirrored;
    const values: Draft = {
      message_type: 'U',
      existing_order_token: order.token,
      replacement_order_token: token,
      quantity,
      price: formatTenths(priceTenths),
      time_in_force: timeInForce,
      display,
      minimum_quantity: minimumQuantity,
    };
    const draft = new DraftPrompts(this.#prompts, this.#form, values, quantity - open);
    const isAsked =
      (await draft.type('quantity', `Quantity, with what was executed (${order.executed})`)) &&
      (await draft.type('price', 'Price')) &&
      (await draft.askKind());
    return isAsked ? (draft.message as ReplaceOrder) : undefined;
  }

  /** One of those that are open. */
  async pick(orders: readonly Order[], message: string): Promise<Order | undefined> {
    const token = await this.#prompts.choose(
      message,
      orders.map((order) => ({ value: order.token, label: labelOf(order) })),
    );
    return orders.find((order) => order.token === token);
  }
}

type Sending = 'send' | 'rest' | 'drop';

const SENDINGS: readonly Choice<Sending>[] = [
  { value: 'send', label: 'send' },
  { value: 'rest', label: 'ask for the other fields first' },
  { value: 'drop', label: 'drop it' },
];

async function askRest(draft: DraftPrompts): Promise<boolean> {
  return (
    (await draft.type('client_reference', 'Client reference')) &&
    (await draft.choose('capacity', 'Capacity', labelled({ P: 'principal', A: 'agency' }))) &&
    (await draft.type('firm_id', 'Firm')) &&
    (await draft.choose('order_classification', 'Classification', labelled(CLASSIFICATIONS))) &&
    (await draft.choose('cash_margin_type', 'Cash or margin', labelled(CASH_MARGINS)))
  );
}

const CLASSIFICATIONS = {
  1: 'no high frequency trading',
  3: 'market making',
  4: 'arbitrage',
  5: 'directional',
  6: 'other high frequency trading',
};

const CASH_MARGINS = {
  1: 'cash',
  2: 'margin, opened, negotiable',
  3: 'margin, closed, negotiable',
  4: 'margin, opened, standardized',
  5: 'margin, closed, standardized',
};

/** Asks for the fields of one message, one after the other. Each question is answered with false if it was left. */
class DraftPrompts {
  values: Draft;
  readonly #prompts: Prompts;
  readonly #form: OrderbookForm;
  readonly #used: number;

  constructor(prompts: Prompts, form: OrderbookForm, values: Draft, used = 0) {
    this.#prompts = prompts;
    this.#form = form;
    this.values = values;
    this.#used = used;
  }

  get message(): EnterOrder | ReplaceOrder {
    return this.#read(this.values);
  }

  async type(name: string, label: string): Promise<boolean> {
    const value = this.values[name];
    const answer = await this.#prompts.type({
      message: label,
      byDefault: value === undefined ? undefined : String(value),
      flaw: (text) => this.#flawOf(name, text),
    });
    return this.#set(name, answer);
  }

  async choose(name: string, label: string, choices: readonly Choice<string>[]): Promise<boolean> {
    return this.#set(name, await this.#prompts.choose(label, choices, String(this.values[name])));
  }

  async askKind(): Promise<boolean> {
    const { time_in_force, display } = this.values;
    const now = time_in_force === IMMEDIATE ? 'immediate' : display === 'P' ? 'post-only' : 'day';
    const kind = await this.#prompts.choose('Kind', KINDS, now);
    if (kind === undefined) return false;
    this.values = { ...this.values, ...KIND_TERMS[kind] };
    if (kind === 'immediate') return this.type('minimum_quantity', 'At least, or nothing');
    this.values = { ...this.values, minimum_quantity: 0 };
    return true;
  }

  #set(name: string, answer: string | undefined): boolean {
    if (answer === undefined) return false;
    this.values = { ...this.values, [name]: answer };
    return true;
  }

  #flawOf(name: string, text: string): string | undefined {
    try {
      const message = this.#read({ ...RIGHT, ...this.values, [name]: text });
      const { fields } = messageOfType('inbound', message.type);
      const field = fields.find((named) => named.name === name);
      return flawsOf(message, this.#used).find((flaw) => flaw.field === field?.key)?.text;
    } catch (error) {
      if (error instanceof OutcryError && error.code === 'ERR_INPUT') return error.message;
      throw error;
    }
  }

  #read(values: Draft): EnterOrder | ReplaceOrder {
    return fromStep(values, this.#form) as EnterOrder | ReplaceOrder;
  }
}

function labelled(labels: Readonly<Record<string, string>>): Choice<string>[] {
  return Object.entries(labels).map(([value, label]) => ({ value, label }));
}

function twice(group: string): [string, string] {
  return [group.trimEnd(), group.trimEnd()];
}

function labelOf({ token, open, mirrored }: Order): string {
  if (mirrored === undefined) return String(token);
  const { side, orderbook } = mirrored.accepted;
  return `${token}: ${SIDES[side] ?? side} ${open} ${orderbook} at ${formatTenths(mirrored.priceTenths)}`;
}
