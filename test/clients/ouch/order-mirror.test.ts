import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type MirroredOrder, OrderMirror } from '../../../clients/ouch/order-mirror.ts';
import type { OrderAccepted, OrderReplaced, OutboundMessage } from '../../../src/protocol/ouch/messages.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import { accepted as acceptedOf } from '../../support/replies.ts';
import { ToyExchange } from '../../support/toy-exchange.ts';

const timestampNs = 1n;

function accepted(token: number, fields: Partial<OrderAccepted> = {}): OrderAccepted {
  return acceptedOf(token, { clientReference: 'mine', orderbook: '7203', ...fields });
}

function replaced(
  previousToken: number,
  replacementToken: number,
  fields: Partial<OrderReplaced> = {},
): OrderReplaced {
  return {
    type: 'replaced',
    timestampNs,
    replacementToken,
    side: 'B',
    quantity: 100,
    orderbook: '7203',
    group: 'DAY',
    priceTenths: 23_000,
    timeInForce: 99_999,
    display: ' ',
    orderNumber: BigInt(replacementToken),
    minimumQuantity: 0,
    state: 'L',
    previousToken,
    ...fields,
  };
}

function executed(token: number, quantity: number, priceTenths = 23_000): OutboundMessage {
  return { type: 'executed', timestampNs, token, quantity, priceTenths, liquidity: 'A', matchNumber: 9n };
}

function canceled(token: number, decrement: number, reason = 'U'): OutboundMessage {
  return { type: 'canceled', timestampNs, token, decrement, reason };
}

function prevented(token: number, decrement: number, preventedQuantity: number): OutboundMessage {
  return {
    type: 'aiq-canceled',
    timestampNs,
    token,
    decrement,
    reason: 'M',
    preventedQuantity,
    priceTenths: 23_000,
    liquidity: 'R',
  };
}

/** What becomes of the first order, when all that was applied. */
function after(...messages: readonly OutboundMessage[]): Partial<MirroredOrder> {
  const mirror = new OrderMirror();
  const [order] = messages.map((message) => mirror.apply(message));
  assert.ok(order !== undefined);
  const { state, token, quantity, open, executed } = order;
  assert.equal(mirror.openCount, state === 'open' ? 1 : 0);
  assert.equal(mirror.find(token), state === 'open' ? order : undefined);
  return { state, token, quantity, open, executed };
}

describe('OrderMirror', () => {
  test('adds up what is executed of an order', () => {
    const open = { token: 1, quantity: 100 };
    assert.deepEqual(after(accepted(1)), { ...open, state: 'open', open: 100, executed: 0 });
    assert.deepEqual(after(accepted(1), executed(1, 30)), { ...open, state: 'open', open: 70, executed: 30 });
    const filled = after(accepted(1), executed(1, 30), executed(1, 70));
    assert.deepEqual(filled, { ...open, state: 'filled', open: 0, executed: 100 });
  });

  test('keeps the fills, and what they were worth', () => {
    const mirror = new OrderMirror();
    const order = mirror.apply(accepted(1, { quantity: 0x7fffffff }));
    mirror.apply(executed(1, 0x7ffffffe, 0x7ffffffe));
    mirror.apply(executed(1, 1, 5));
    assert.equal(order?.executedValueTenths, 0x7ffffffen * 0x7ffffffen + 5n);
    assert.deepEqual(order?.fills[1], {
      quantity: 1,
      priceTenths: 5,
      liquidity: 'A',
      matchNumber: 9n,
      timestampNs,
    });
  });

  test('knows that an order was dead when it came', () => {
    const order = after(accepted(1, { state: 'D', timeInForce: 0 }));
    assert.deepEqual(order, { state: 'dead', token: 1, quantity: 100, open: 0, executed: 0 });
  });

  test('takes off what is canceled, in part or all of it', () => {
    const part = after(accepted(1), canceled(1, 40));
    assert.deepEqual(part, { state: 'open', token: 1, quantity: 60, open: 60, executed: 0 });
    const all = after(accepted(1), executed(1, 30), canceled(1, 70, 'I'));
    assert.deepEqual(all, { state: 'canceled', token: 1, quantity: 30, open: 0, executed: 30 });
  });

  test('counts what was prevented from trading as used, as a replace has to', () => {
    const both = after(accepted(1), prevented(1, 40, 40));
    assert.deepEqual(both, { state: 'open', token: 1, quantity: 100, open: 60, executed: 0 });
    const newest = after(accepted(1), prevented(1, 100, 40));
    assert.deepEqual(newest, { state: 'canceled', token: 1, quantity: 40, open: 0, executed: 0 });
  });

  test('follows a chain of replaces', () => {
    const shown = after(
      accepted(1),
      executed(1, 25),
      replaced(1, 5, { quantity: 60, priceTenths: 10 }),
      executed(5, 15, 10),
      replaced(5, 6, { quantity: 45 }),
    );
    assert.deepEqual(shown, { state: 'open', token: 6, quantity: 85, open: 45, executed: 40 });
    const dead = after(accepted(1), executed(1, 60), replaced(1, 2, { quantity: 0, state: 'D' }));
    assert.deepEqual(dead, { state: 'dead', token: 2, quantity: 60, open: 0, executed: 60 });
  });

  test('has the terms of the last replace, and the order as it was entered', () => {
    const mirror = new OrderMirror();
    mirror.apply(accepted(1));
    const terms = { priceTenths: 7, timeInForce: 0, display: 'P', minimumQuantity: 3, orderNumber: 77n };
    const order = mirror.apply(replaced(1, 2, terms));
    const { priceTenths, timeInForce, display, minimumQuantity, orderNumber, firstToken } =
      order as MirroredOrder;
    assert.deepEqual({ priceTenths, timeInForce, display, minimumQuantity, orderNumber }, terms);
    assert.deepEqual([firstToken, order?.accepted.priceTenths], [1, 23_000]);
  });

  test('knows the greatest token that was taken, also by what was rejected or replaced', () => {
    const mirror = new OrderMirror();
    assert.equal(mirror.lastToken, -1);
    mirror.apply(accepted(0));
    assert.equal(mirror.lastToken, 0);
    mirror.apply({ type: 'rejected', timestampNs, token: 7, reason: 'X' });
    assert.equal(mirror.lastToken, 7);
    mirror.apply(replaced(0, 9));
    assert.equal(mirror.lastToken, 9);
  });

  test('knows whether the day is open, and forgets everything for the next one', () => {
    const mirror = new OrderMirror();
    assert.equal(mirror.day, 'before');
    mirror.apply({ type: 'system-event', timestampNs, event: 'S' });
    mirror.apply(accepted(3));
    assert.equal(mirror.day, 'open');
    mirror.apply({ type: 'system-event', timestampNs, event: 'E' });
    assert.equal(mirror.day, 'over');
    mirror.clear();
    assert.deepEqual([mirror.day, mirror.openCount, mirror.lastToken], ['before', 0, -1]);
  });

  test('has nothing to say of orders whose beginning it has not seen', () => {
    const mirror = new OrderMirror();
    for (const message of [executed(1, 5), canceled(1, 5), prevented(1, 5, 5), replaced(1, 2)]) {
      assert.equal(mirror.apply(message), undefined);
    }
    assert.equal(mirror.openCount, 0);
  });

  test('has the same orders as the exchange, whatever that says', () => {
    const random = new Random(fuzzSeed());
    const mirror = new OrderMirror();
    const exchange = new ToyExchange((message) => mirror.apply(message));
    let token = 0;
    for (let step = 0; step < 5000; step++) {
      const live = [...exchange.orders.keys()];
      const draw = random.below(10);
      token += 1 + random.below(2);
      if (draw < 4 || live.length === 0) {
        const { state: _, orderNumber: __, timestampNs: ___, ...entered } = accepted(token);
        exchange.take({
          ...entered,
          type: 'enter',
          quantity: random.below(50),
          timeInForce: random.chance(0.1) ? 0 : 99_999,
        });
      } else if (draw < 7) exchange.execute(random.pick(live), 1 + random.below(20));
      else if (draw < 8) exchange.cancel(random.pick(live), 'L');
      else {
        exchange.take({
          type: 'replace',
          existingToken: random.pick(live),
          replacementToken: token,
          quantity: random.below(60),
          priceTenths: 5,
          timeInForce: 99_999,
          display: ' ',
          minimumQuantity: 0,
        });
      }
      assert.deepEqual(
        Array.from(mirror.orders, ({ token, open, executed }) => [token, open, executed]).sort(),
        Array.from(exchange.orders, ([token, { open, used }]) => [token, open, used]).sort(),
      );
    }
    assert.ok(mirror.openCount > 10);
  });
});
