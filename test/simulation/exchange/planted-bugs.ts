/** Mistakes of an exchange that its simulation must find. */
import { ExchangeActor } from '../../../workers/exchange/exchange-actor.ts';
import {
  decodeSnapshot,
  encodeSnapshot,
  type OrderColumns,
} from '../../../workers/exchange/exchange-snapshot.ts';
import type { Actor } from '../../../workers/runtime/actor.ts';
import type { PlantedBug } from '../planted-bugs.ts';

/** It goes on from snapshots with other orders than they have. */
function recoverWith(change: (orders: OrderColumns) => Partial<OrderColumns>): (actor: Actor) => void {
  return (actor) => {
    if (!(actor instanceof ExchangeActor)) return;
    const restore = actor.restore.bind(actor);
    actor.restore = (pieces) => {
      const state = decodeSnapshot(pieces);
      restore([...encodeSnapshot({ ...state, orders: { ...state.orders, ...change(state.orders) } })]);
    };
  };
}

/** Of orders at one price of one side of a book the last that came is the first. */
function reversedNumbers({ id, group, side, price, number }: OrderColumns): Float64Array {
  const levels = new Map<string, number[]>();
  for (let i = 0; i < number.length; i++) {
    const key = `${id[i]} ${group[i]} ${side[i]} ${price[i]}`;
    levels.set(key, [...(levels.get(key) ?? []), i]);
  }
  const reversed = number.slice();
  for (const orders of levels.values()) {
    const numbers = orders.map((order) => number[order] as number).sort((a, b) => a - b);
    const oldestFirst = orders.sort((a, b) => (number[a] as number) - (number[b] as number));
    for (const order of oldestFirst) reversed[order] = numbers.pop() as number;
  }
  return reversed;
}

function ignoreLeave(actor: Actor): void {
  if (!(actor instanceof ExchangeActor)) return;
  const receive = actor.receive.bind(actor);
  actor.receive = (message, context) => {
    if (message.type !== 'left' && message.type !== 'gone') return receive(message, context);
    context.reply(null);
  };
}

export const EXCHANGE_BUGS = {
  /** What was executed of an order before a snapshot is forgotten when it is recovered. */
  'forgotten-used': {
    services: ['exchange'],
    change: recoverWith(({ used }) => ({ used: new Uint32Array(used.length) })),
  },
  /** Priority in time is the wrong way round after a recovery. */
  'reversed-priority': {
    services: ['exchange'],
    change: recoverWith((orders) => ({ number: reversedNumbers(orders) })),
  },
  /** Orders of a client that has left stay. */
  'ignored-leave': { services: ['exchange'], change: ignoreLeave },
} as const satisfies Record<string, PlantedBug>;
