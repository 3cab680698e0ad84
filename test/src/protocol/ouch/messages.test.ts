import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Field, OrderbookForm } from '../../../../src/protocol/ouch/fields.ts';
import {
  decodeInbound,
  decodeOutbound,
  encodeInbound,
  encodeOutbound,
  INBOUND,
  type InboundMessage,
  OUTBOUND,
  type OutboundMessage,
} from '../../../../src/protocol/ouch/messages.ts';
import { OutcryError } from '../../../../src/values/errors.ts';
import { fuzzSeed } from '../../../support/fuzz-seed.ts';
import {
  CAPTURED_INBOUND,
  CAPTURED_OUTBOUND,
  fromHex,
  type Golden,
  INBOUND_GOLDEN,
  NUL_PADDED,
  OUTBOUND_GOLDEN,
  toHex,
} from '../../../support/ouch-bytes.ts';

const NO_MESSAGE = { code: 'ERR_OUCH_MESSAGE' };
/** SoupBinTCP puts them before a message. */
const HEADER_HEX_DIGITS = 6;
const seed = fuzzSeed();

const ascii = fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code));
const uint32 = fc.integer({ min: 0, max: 0xffffffff });

function textOf(lengthMax: number): fc.Arbitrary<string> {
  return fc.string({ unit: ascii, maxLength: lengthMax }).map((text) => text.trimEnd());
}

function valuesOf({ kind, length, expected }: Field<unknown>, form: OrderbookForm): fc.Arbitrary<unknown> {
  switch (kind) {
    case 'integer':
      return uint32;
    case 'long':
      return fc.bigInt({ min: 0n, max: 0xffffffffffffffffn });
    case 'letter':
      return expected.includes(' or ') ? fc.constantFrom(...expected.split(' or ')) : ascii;
    case 'text':
      return textOf(length);
    case 'orderbook':
      return form === 'alpha' ? textOf(length) : uint32;
  }
}

interface AnyLayout {
  readonly lengths: readonly number[];
  readonly fields: Readonly<Record<string, Field<unknown>>>;
}

function messagesOf(layouts: object, form: OrderbookForm): fc.Arbitrary<unknown> {
  const all = Object.entries(layouts as Readonly<Record<string, AnyLayout>>).map(([type, { fields }]) =>
    fc.record(
      {
        type: fc.constant(type),
        ...Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, valuesOf(field, form)])),
      },
      { noNullPrototype: true },
    ),
  );
  return fc.oneof(...all);
}

/** Both directions have the same properties. */
const DIRECTIONS = [
  {
    name: 'inbound',
    layouts: INBOUND as object,
    golden: INBOUND_GOLDEN as readonly Golden<unknown>[],
    captured: CAPTURED_INBOUND as readonly Golden<unknown>[],
    encode: (message: unknown) => encodeInbound(message as InboundMessage),
    decode: (bytes: Uint8Array, form?: OrderbookForm): unknown => decodeInbound(bytes, form),
  },
  {
    name: 'outbound',
    layouts: OUTBOUND as object,
    golden: OUTBOUND_GOLDEN as readonly Golden<unknown>[],
    captured: CAPTURED_OUTBOUND as readonly Golden<unknown>[],
    encode: (message: unknown) => encodeOutbound(message as OutboundMessage),
    decode: (bytes: Uint8Array, form?: OrderbookForm): unknown => decodeOutbound(bytes, form),
  },
];

function isMessageOrError(decode: () => unknown): boolean {
  try {
    const message = decode();
    return typeof message === 'object' && message !== null && 'type' in message;
  } catch (error) {
    return error instanceof OutcryError && error.code === 'ERR_OUCH_MESSAGE';
  }
}

for (const { name, layouts, golden, captured, encode, decode } of DIRECTIONS) {
  describe(`${name} messages`, () => {
    test('are the bytes of the specification', () => {
      for (const { hex, value } of golden) {
        assert.equal(toHex(encode(value)), hex);
        assert.deepEqual(decode(fromHex(hex)), value);
      }
    });

    test('are the bytes that were captured, when order books were numbers', () => {
      for (const { hex, value } of captured) {
        const message = hex.slice(HEADER_HEX_DIGITS);
        assert.equal(toHex(encode(value)), message);
        assert.deepEqual(decode(fromHex(message), 'uint32'), value);
      }
    });

    for (const form of ['alpha', 'uint32'] as const) {
      test(`are the same after the way through bytes (${form})`, () => {
        const same = fc.property(messagesOf(layouts, form), (message) => {
          assert.deepEqual(decode(encode(message), form), message);
        });
        fc.assert(same, { seed, numRuns: 500 });
      });
    }

    test('have every byte in one field', () => {
      for (const { lengths, fields } of Object.values(layouts as Readonly<Record<string, AnyLayout>>)) {
        let at = 1;
        for (const field of Object.values(fields)) {
          assert.equal(field.at, at);
          at += field.length;
        }
        assert.equal(at, lengths[0]);
      }
    });

    test('that are cut off or have a byte too many are errors, except for those of older versions', () => {
      for (const { hex } of golden) {
        const bytes = fromHex(hex);
        const { lengths } = Object.values(layouts as Readonly<Record<string, AnyLayout>>).find(
          (layout) => layout.lengths[0] === bytes.length,
        ) as AnyLayout;
        for (let length = 0; length < bytes.length; length++) {
          const cut = () => decode(bytes.subarray(0, length));
          if (lengths.includes(length)) assert.equal(typeof cut(), 'object');
          else assert.throws(cut, NO_MESSAGE, `${hex} cut at ${length}`);
        }
        assert.throws(() => decode(Buffer.concat([bytes, Buffer.of(0)])), NO_MESSAGE);
      }
    });

    test('with bits flipped are messages or errors', () => {
      for (const { hex } of golden) {
        const bytes = fromHex(hex);
        for (let bit = 0; bit < bytes.length * 8; bit++) {
          const flipped = bytes.slice();
          flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
          for (const form of ['alpha', 'uint32'] as const) {
            assert.ok(
              isMessageOrError(() => decode(flipped, form)),
              `${hex}, bit ${bit}`,
            );
          }
        }
      }
    });

    test('are none of the other direction', () => {
      const others = DIRECTIONS.filter((direction) => direction.name !== name);
      for (const { hex } of others.flatMap((direction) => direction.golden)) {
        assert.throws(() => decode(fromHex(hex)), NO_MESSAGE, hex);
      }
    });

    test('say which of their values does not fit', () => {
      for (const { value } of golden) {
        const message = value as Readonly<Record<string, unknown>>;
        for (const field of Object.keys(message).filter((key) => key !== 'type')) {
          for (const wrong of [
            -1,
            0.5,
            2 ** 32,
            -1n,
            2n ** 64n,
            'too long a text',
            'é',
            '\n',
            null,
            undefined,
          ]) {
            const encoding = () => encode({ ...message, [field]: wrong });
            assert.throws(encoding, { ...NO_MESSAGE, fields: { field } }, `${field} ${wrong}`);
          }
        }
      }
    });
  });
}

describe('messages of clients that are not as they should be', () => {
  test('may be padded with NULs', () => {
    assert.deepEqual(decodeInbound(fromHex(NUL_PADDED.hex), 'uint32'), NUL_PADDED.value);
  });

  test('may be those of older versions', () => {
    const { hex, value } = INBOUND_GOLDEN[0] as Golden<InboundMessage>;
    const bytes = fromHex(hex);
    bytes[46] = 0x34;
    assert.deepEqual(decodeInbound(bytes.subarray(0, 46)), value);
    assert.deepEqual(decodeInbound(bytes.subarray(0, 47)), { ...value, classification: '4' });
  });

  test('may have letters that no exchange takes', () => {
    const [{ value }] = INBOUND_GOLDEN as readonly [Golden<InboundMessage>];
    const strange = { ...value, side: 'Q', display: '?' } as InboundMessage;
    assert.deepEqual(decodeInbound(encodeInbound(strange)), strange);
  });

  test('are not taken for what an exchange says of the state of an order', () => {
    const accepted = fromHex((OUTBOUND_GOLDEN[1] as Golden<OutboundMessage>).hex);
    accepted[62] = 0x58;
    const message = 'state of Order Accepted is "X"; expected L or D';
    assert.throws(() => decodeOutbound(accepted), { ...NO_MESSAGE, message });
  });

  test('of no type are named as what they are', () => {
    assert.throws(() => decodeInbound(Uint8Array.of()), { ...NO_MESSAGE, message: /at least one byte/ });
    assert.throws(() => decodeInbound(Uint8Array.of(0x51)), {
      ...NO_MESSAGE,
      message: /"Q"; expected one of O U X/,
    });
    const nothing = { type: 'toString' } as unknown as InboundMessage;
    assert.throws(() => encodeInbound(nothing), {
      ...NO_MESSAGE,
      message: /expected one of enter, replace, cancel/,
    });
  });
});
