import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type ClientPacket,
  decodeClientPacket,
  decodeServerPacket,
  encodeClientPacket,
  encodeServerPacket,
  foldCase,
  PAYLOAD_BYTES_MAX,
  type ServerPacket,
} from '../../../../src/protocol/soupbintcp/packets.ts';
import { OutcryError } from '../../../../src/values/errors.ts';
import { fuzzSeed } from '../../../support/fuzz-seed.ts';
import { CLIENT_PACKETS, fromHex, type Golden, SERVER_PACKETS, toHex } from '../../../support/ouch-bytes.ts';

const NO_PACKET = { code: 'ERR_SOUPBIN_PACKET' };
const seed = fuzzSeed();

function asciiOf(lengthMax: number): fc.Arbitrary<string> {
  return fc
    .string({
      unit: fc.integer({ min: 0x20, max: 0x7e }).map((c) => String.fromCharCode(c)),
      maxLength: lengthMax,
    })
    .map((text) => text.trim());
}

const PLAIN = { noNullPrototype: true } as const;
const sequence = fc.maxSafeNat();
const message = fc.uint8Array({ maxLength: 300 });
const debug = fc.record(
  { type: fc.constant('debug' as const), text: fc.string({ unit: 'grapheme' }) },
  PLAIN,
);
const clientPacket: fc.Arbitrary<ClientPacket> = fc.oneof(
  debug,
  fc.record(
    {
      type: fc.constant('login-request' as const),
      user: asciiOf(6),
      password: asciiOf(10),
      requestedSession: asciiOf(10),
      sequence,
    },
    PLAIN,
  ),
  fc.record({ type: fc.constant('unsequenced' as const), message }, PLAIN),
  fc.constantFrom<ClientPacket>({ type: 'client-heartbeat' }, { type: 'logout-request' }),
);
const serverPacket: fc.Arbitrary<ServerPacket> = fc.oneof(
  debug,
  fc.record({ type: fc.constant('login-accepted' as const), session: asciiOf(10), sequence }, PLAIN),
  fc.record(
    {
      type: fc.constant('login-rejected' as const),
      reason: fc.constantFrom('A' as const, 'S' as const),
    },
    PLAIN,
  ),
  fc.record({ type: fc.constant('sequenced' as const), message }, PLAIN),
  fc.constantFrom<ServerPacket>({ type: 'server-heartbeat' }, { type: 'end-of-session' }),
);

/** What both sides have, so that each is tested in the same way. */
const SIDES = [
  {
    name: 'a client',
    golden: CLIENT_PACKETS as readonly Golden<unknown>[],
    encode: (packet: unknown) => encodeClientPacket(packet as ClientPacket),
    decode: (bytes: Uint8Array): unknown => decodeClientPacket(bytes),
    arbitrary: clientPacket as fc.Arbitrary<unknown>,
  },
  {
    name: 'a server',
    golden: SERVER_PACKETS as readonly Golden<unknown>[],
    encode: (packet: unknown) => encodeServerPacket(packet as ServerPacket),
    decode: (bytes: Uint8Array): unknown => decodeServerPacket(bytes),
    arbitrary: serverPacket as fc.Arbitrary<unknown>,
  },
];

function isPacketOrError(decode: () => unknown): boolean {
  try {
    return typeof decode() === 'object';
  } catch (error) {
    return error instanceof OutcryError && error.code === 'ERR_SOUPBIN_PACKET';
  }
}

for (const { name, golden, encode, decode, arbitrary } of SIDES) {
  describe(`packets of ${name}`, () => {
    test('are the bytes of the specification and of captures', () => {
      for (const { hex, value } of golden) {
        assert.equal(toHex(encode(value)), hex.replaceAll(' ', ''));
        assert.deepEqual(decode(fromHex(hex)), value);
      }
    });

    test('are the same after the way through bytes', () => {
      const same = fc.property(arbitrary, (packet) => {
        assert.deepEqual(decode(encode(packet)), packet);
      });
      fc.assert(same, { seed });
    });

    test('that are cut off or have a byte too many are errors', () => {
      for (const { hex } of golden) {
        const bytes = fromHex(hex);
        for (let length = 0; length < bytes.length; length++) {
          assert.throws(() => decode(bytes.subarray(0, length)), NO_PACKET, `${hex} cut at ${length}`);
        }
        assert.throws(() => decode(Buffer.concat([bytes, Buffer.of(0)])), NO_PACKET);
      }
    });

    test('with a bit flipped are packets or errors', () => {
      for (const { hex } of golden) {
        const bytes = fromHex(hex);
        for (let bit = 0; bit < bytes.length * 8; bit++) {
          const flipped = bytes.slice();
          flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
          assert.ok(
            isPacketOrError(() => decode(flipped)),
            `${hex}, bit ${bit}`,
          );
        }
      }
    });

    test('are found amid other bytes', () => {
      for (const { hex, value } of golden) {
        const bytes = new Uint8Array(
          Buffer.concat([Buffer.from('before'), fromHex(hex), Buffer.from('after')]),
        );
        const end = bytes.length - 5;
        const found =
          name === 'a client' ? decodeClientPacket(bytes, 6, end) : decodeServerPacket(bytes, 6, end);
        assert.deepEqual(found, value);
      }
    });

    test('are not those of the other side', () => {
      const others = SIDES.filter((side) => side.name !== name).flatMap((side) => side.golden);
      for (const { hex, value } of others) {
        if ((value as { type: string }).type === 'debug') continue;
        assert.throws(() => decode(fromHex(hex)), NO_PACKET, hex);
      }
    });
  });
}

describe('a login', () => {
  test('is read whatever it is padded with, and on whichever side', () => {
    const bytes = encodeClientPacket({
      type: 'login-request',
      user: '',
      password: '',
      requestedSession: '',
      sequence: 0,
    });
    bytes.set(Buffer.from('\0 AB\0 '), 3);
    bytes.set(Buffer.from('  SECRET\0\0'), 9);
    bytes.set(Buffer.from('12345\0\0\0\0\0'), 19);
    bytes.set(Buffer.from('7'.padEnd(20)), 29);
    const expected = { user: 'AB', password: 'SECRET', requestedSession: '12345', sequence: 7 };
    assert.deepEqual(decodeClientPacket(bytes), { type: 'login-request', ...expected });
  });

  test('says which of its values does not fit', () => {
    const login = {
      type: 'login-request',
      user: 'A',
      password: 'B',
      requestedSession: '',
      sequence: 1,
    } as const;
    const wrong: readonly [Partial<typeof login> | Record<string, unknown>, RegExp][] = [
      [{ user: 'TOOLONG' }, /user is "TOOLONG"; expected at most 6/],
      [{ password: 'pässword' }, /password is "pässword"/],
      [{ requestedSession: 'a\nb' }, /session is/],
      [{ sequence: -1 }, /sequence number is -1/],
      [{ sequence: 2 ** 53 }, /sequence number is 9007199254740992/],
      [{ sequence: 0.5 }, /sequence number is 0.5/],
    ];
    for (const [change, message] of wrong) {
      assert.throws(() => encodeClientPacket({ ...login, ...change } as ClientPacket), {
        ...NO_PACKET,
        message,
      });
    }
  });

  test('that asks for no number is an error', () => {
    for (const text of ['', '-1', '1e3', '0x1', '1.5', '12 3', '99999999999999999999']) {
      const bytes = encodeClientPacket({
        type: 'login-request',
        user: 'A',
        password: 'B',
        requestedSession: '',
        sequence: 1,
      });
      bytes.set(Buffer.from(text.padStart(20)), 29);
      assert.throws(
        () => decodeClientPacket(bytes),
        { ...NO_PACKET, message: /the sequence number is/ },
        text,
      );
    }
  });

  test('has users and passwords without regard to case', () => {
    assert.equal(foldCase('Trade1-ß'), foldCase('tRADE1-ß'));
    assert.notEqual(foldCase('a'), foldCase('b'));
  });
});

describe('a payload', () => {
  test('may have 65,534 bytes and no more', () => {
    const packet = encodeServerPacket({ type: 'sequenced', message: new Uint8Array(PAYLOAD_BYTES_MAX) });
    assert.deepEqual([...packet.subarray(0, 3)], [0xff, 0xff, 0x53]);
    assert.equal(packet.length, 65_537);
    const tooLong = new Uint8Array(PAYLOAD_BYTES_MAX + 1);
    assert.throws(() => encodeServerPacket({ type: 'sequenced', message: tooLong }), NO_PACKET);
    assert.throws(() => encodeClientPacket({ type: 'debug', text: 'x'.repeat(65_535) }), NO_PACKET);
  });
});
