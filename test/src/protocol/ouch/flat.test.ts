import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Wide,
  writeAccepted,
  writeAiqCanceled,
  writeCanceled,
  writeExecuted,
  writeRejected,
  writeReplaced,
  writeSystemEvent,
} from '../../../../src/protocol/ouch/flat.ts';
import {
  decodeInbound,
  decodeOutbound,
  type EnterOrder,
  encodeInbound,
  encodeOutbound,
  type OutboundMessage,
} from '../../../../src/protocol/ouch/messages.ts';
import { fromHex, INBOUND_GOLDEN, NUL_PADDED, OUTBOUND_GOLDEN, toHex } from '../../../support/ouch-bytes.ts';

/** Where the messages are written, with other bytes around them. */
const AT = 5;
const FILL = 0xaa;

function wide(value: bigint): Wide {
  return { high: Number(value >> 32n), low: Number(value & 0xffffffffn) };
}

/** The first four bytes, as an integer. */
function fourBytes(text: string | number): number {
  return Buffer.from(String(text).padEnd(4)).readUInt32BE();
}

function write(view: DataView, message: OutboundMessage): void {
  const time = wide(message.timestampNs);
  const code = (letter: string) => letter.charCodeAt(0);
  switch (message.type) {
    case 'system-event':
      writeSystemEvent(view, AT, time, code(message.event));
      break;
    case 'accepted': {
      const enter = encodeInbound({ ...message, type: 'enter' });
      const enterView = new DataView(enter.buffer);
      writeAccepted(
        view,
        AT,
        time,
        enterView,
        0,
        enter.length,
        wide(message.orderNumber),
        code(message.state),
      );
      break;
    }
    case 'replaced':
      writeReplaced(
        view,
        AT,
        time,
        {
          replacementToken: message.replacementToken,
          side: code(message.side),
          quantity: message.quantity,
          orderbook: fourBytes(message.orderbook),
          group: fourBytes(message.group),
          price: message.priceTenths,
          timeInForce: message.timeInForce,
          display: code(message.display),
          minimumQuantity: message.minimumQuantity,
          state: code(message.state),
          previousToken: message.previousToken,
        },
        wide(message.orderNumber),
      );
      break;
    case 'canceled':
      writeCanceled(view, AT, time, message.token, message.decrement, code(message.reason));
      break;
    case 'aiq-canceled': {
      const { token, decrement, preventedQuantity, priceTenths, liquidity } = message;
      writeAiqCanceled(view, AT, time, token, decrement, preventedQuantity, priceTenths, code(liquidity));
      break;
    }
    case 'executed': {
      const { token, quantity, priceTenths, liquidity, matchNumber } = message;
      writeExecuted(view, AT, time, token, quantity, priceTenths, code(liquidity), wide(matchNumber));
      break;
    }
    case 'rejected':
      writeRejected(view, AT, time, message.token, code(message.reason));
  }
}

/** What is written between bytes that stay as they were. */
function written(length: number, writeTo: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(AT + length + AT).fill(FILL);
  writeTo(new DataView(bytes.buffer));
  for (const around of [bytes.subarray(0, AT), bytes.subarray(AT + length)]) {
    assert.ok(
      around.every((byte) => byte === FILL),
      'more than the message was written',
    );
  }
  return bytes.subarray(AT, AT + length);
}

describe('flat messages', () => {
  test('are the same bytes as the encoded ones', () => {
    for (const { hex, value } of OUTBOUND_GOLDEN) {
      const { length } = encodeOutbound(value);
      assert.equal(toHex(written(length, (view) => write(view, value))), hex);
    }
  });

  test('answer an order with its own bytes, padding too', () => {
    const enter = fromHex(NUL_PADDED.hex);
    const accepted = written(65, (view) => {
      writeAccepted(view, AT, wide(1n), new DataView(enter.buffer), 0, enter.length, wide(2n ** 63n), 0x4c);
    });
    assert.deepEqual(accepted.subarray(13, 36), enter.subarray(5, 28));
    const { type: _, ...order } = NUL_PADDED.value as EnterOrder;
    const expected = { type: 'accepted', timestampNs: 1n, orderNumber: 2n ** 63n, state: 'L', ...order };
    assert.deepEqual(decodeOutbound(accepted, 'uint32'), expected);
  });

  test('answer orders of older versions', () => {
    const bytes = fromHex(INBOUND_GOLDEN[0]?.hex ?? '');
    for (const length of [46, 47, 48]) {
      const cut = bytes.slice(0, length);
      const accepted = written(65, (view) => {
        writeAccepted(view, AT, wide(1n), new DataView(cut.buffer), 0, length, wide(1n), 0x4c);
      });
      const { classification, cashMargin } = decodeInbound(cut) as EnterOrder;
      const told = decodeOutbound(accepted) as Extract<OutboundMessage, { type: 'accepted' }>;
      assert.deepEqual([told.classification, told.cashMargin], [classification, cashMargin]);
    }
  });
});
