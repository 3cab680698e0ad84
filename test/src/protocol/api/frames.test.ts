import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type ClientFrame,
  decodeClientFrame,
  decodeServerFrame,
  encodeFrame,
  FRAME,
  FRAME_HEAD_BYTES,
  lengthIn,
  type ServerFrame,
} from '../../../../src/protocol/api/frames.ts';
import { Random } from '../../../../workers/runtime/random.ts';
import { fuzzSeed } from '../../../support/fuzz-seed.ts';
import { randomValue } from '../../../support/random-values.ts';

function clientFrame(bytes: Uint8Array): ClientFrame {
  return decodeClientFrame(bytes, FRAME_HEAD_BYTES, bytes.length);
}

function serverFrame(bytes: Uint8Array): ServerFrame {
  return decodeServerFrame(bytes, FRAME_HEAD_BYTES, bytes.length);
}

/** Any value as the body of a frame. */
function framed(value: unknown): Uint8Array {
  return encodeFrame(value as ClientFrame);
}

function hexOf(frame: unknown): string {
  return Buffer.from(framed(frame)).toString('hex');
}

function bodyOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

const refused = (message: RegExp) => ({ code: 'ERR_API_PROTOCOL', message });

const CLIENT_FRAMES: readonly ClientFrame[] = [
  [FRAME.hello, { protocol: 1 }],
  [FRAME.hello, { protocol: 1, name: 'me', token: 'secret' }],
  [FRAME.request, 1, 'bank.balance', { account: 'Marc' }, 1000, null],
  [FRAME.request, Number.MAX_SAFE_INTEGER, 'bank.post', { transactions: [['Zoë', -(2 ** 40)]] }, 0.5, 'key'],
  [FRAME.items, 7, [Uint8Array.of(1, 2), 'x', null]],
  [FRAME.items, 7, []],
  [FRAME.credit, 2 ** 33, 1000],
  [FRAME.end, 3],
  [FRAME.heartbeat],
];

const SERVER_FRAMES: readonly ServerFrame[] = [
  [FRAME.reply, 5, { cents: 2 ** 45 }],
  [FRAME.reply, 5, null],
  [FRAME.error, null, { code: 'ERR_API_PROTOCOL', message: 'no', retryable: false }],
  [FRAME.error, 2, { code: 'ERR_API_LIMIT', message: 'no', retryable: true, fields: { a: 1, b: 'c' } }],
  [FRAME.open, 9, { size: 2 ** 50 }],
  [FRAME.items, 9, [['Marc', -5]]],
  [FRAME.credit, 9, 1],
  [FRAME.end, 9],
  [FRAME.heartbeat],
  [FRAME.event, 'closing', { message: '' }],
];

describe('frames', () => {
  test('each comes out as it went in, from anywhere in a chunk', () => {
    for (const frame of CLIENT_FRAMES) {
      const bytes = encodeFrame(frame);
      assert.equal(lengthIn(bytes, 0), bytes.length - FRAME_HEAD_BYTES);
      assert.deepEqual(clientFrame(bytes), frame);
      const chunk = Uint8Array.of(9, 9, ...bytes, 9).subarray(1);
      assert.equal(lengthIn(chunk, 1), bytes.length - FRAME_HEAD_BYTES);
      const start = 1 + FRAME_HEAD_BYTES;
      assert.deepEqual(decodeClientFrame(chunk, start, start + bytes.length - FRAME_HEAD_BYTES), frame);
    }
    for (const frame of SERVER_FRAMES) assert.deepEqual(serverFrame(encodeFrame(frame)), frame);
  });

  test('any plain value goes through a reply', () => {
    const random = new Random(fuzzSeed());
    for (let i = 0; i < 2000; i++) {
      const frame: ServerFrame = [FRAME.reply, 1 + i, randomValue(random, 8)];
      assert.deepEqual(serverFrame(encodeFrame(frame)), frame);
    }
  });

  test('the bytes are those that any library of msgpack writes', () => {
    assert.equal(hexOf([8]), '000000029108');
    assert.equal(
      hexOf([1, 2, 'bank.balance', { account: 'Marc' }, 1000, null]),
      `0000002496 01 02 ac${Buffer.from('bank.balance').toString('hex')} de0001 a7${Buffer.from(
        'account',
      ).toString('hex')} a4${Buffer.from('Marc').toString('hex')} cd03e8 c0`.replaceAll(' ', ''),
    );
  });

  test('an integer is an integer on the wire, whatever its size', () => {
    const longs: readonly (readonly [number | bigint, string])[] = [
      [2 ** 32 - 1, 'ceffffffff'],
      [2 ** 32, 'd30000000100000000'],
      [-(2 ** 31), 'd280000000'],
      [-(2 ** 31) - 1, 'd3ffffffff7fffffff'],
      [Number.MAX_SAFE_INTEGER, 'd3001fffffffffffff'],
      [Number.MIN_SAFE_INTEGER, 'd3ffe0000000000001'],
      [2n ** 60n, 'd31000000000000000'],
      [0.5, 'cb3fe0000000000000'],
    ];
    for (const [value, hex] of longs) {
      assert.equal(hexOf([8, value]), `${(2 + hex.length / 2).toString(16).padStart(8, '0')}9208${hex}`);
      assert.ok(hexOf([2, 1, { deep: [[{ cents: value }]] }]).endsWith(hex), 'also deep within');
      assert.deepEqual(serverFrame(framed([2, 1, [value]])), [2, 1, [value]]);
    }
  });

  test('what has a long integer in it keeps everything else as it is', () => {
    const frame: ServerFrame = [
      FRAME.reply,
      1,
      { bytes: Uint8Array.of(1), list: [2 ** 40, 'a', null, 0.5], no: false },
    ];
    const before = structuredClone(frame);
    assert.deepEqual(serverFrame(encodeFrame(frame)), before);
    assert.deepEqual(frame, before);
  });

  test('an int64 that no number is exactly stays exact', () => {
    const [, , value] = serverFrame(Uint8Array.of(0, 0, 0, 0, ...bodyOf('93 02 01 cf0020000000000001')));
    assert.equal(value, 9007199254740993n);
  });
});

describe('decodeClientFrame', () => {
  const wrong: readonly (readonly [string, unknown, RegExp])[] = [
    ['no tuple', { 0: 8 }, /it is no tuple/],
    ['an empty tuple', [], /the type of a frame is a number/],
    ['an unknown type', [77], /no frame of this side has the type 77/],
    ['the type of a reply', [FRAME.reply, 1, null], /no frame of this side has the type 2/],
    ['the type of an event', [FRAME.event, 'closing', null], /has the type 9/],
    ['a type that is no number', ['\u001b[2J'], /the type of a frame is a number/],
    ['a type that can not become a string', [{ toString: 1, valueOf: 1 }], /the type of a frame is a number/],
    ['a hello without a map', [FRAME.hello, 1], /has the type 0/],
    ['a hello with an array', [FRAME.hello, []], /has the type 0/],
    ['an id of 0', [FRAME.end, 0], /an id is a whole number/],
    ['a negative id', [FRAME.end, -1], /an id is a whole number/],
    ['a broken id', [FRAME.end, 1.5], /an id is a whole number/],
    ['an id that is too high', [FRAME.end, 2n ** 53n], /an id is a whole number/],
    ['an id that is a string', [FRAME.request, '1', 'bank.post', {}, 1, null], /an id is a whole number/],
    ['no id', [FRAME.end], /an id is a whole number/],
    ['an operation that is none', [FRAME.request, 1, 5, {}, 1, null], /names its operation by a string/],
    ['no timeout', [FRAME.request, 1, 'bank.post', {}], /after how many milliseconds/],
    ['a timeout of 0', [FRAME.request, 1, 'bank.post', {}, 0, null], /after how many milliseconds/],
    ['a timeout that is no number', [FRAME.request, 1, 'bank.post', {}, Number.NaN, null], /milliseconds/],
    ['a key that is bytes', [FRAME.request, 1, 'bank.post', {}, 1, Uint8Array.of(1)], /key of a request/],
    ['items that are none', [FRAME.items, 1, 'x'], /items are an array/],
    ['a credit of 0', [FRAME.credit, 1, 0], /credit is a whole number above 0/],
    ['a negative credit', [FRAME.credit, 1, -1], /credit is a whole number above 0/],
    ['a broken credit', [FRAME.credit, 1, 0.5], /credit is a whole number above 0/],
  ];
  for (const [name, value, message] of wrong) {
    test(`${name} is refused`, () => assert.throws(() => clientFrame(framed(value)), refused(message)));
  }

  for (const [name, hex, message] of [
    ['nothing', '', /ends in the middle/],
    ['half a frame', '96 01 02 a1', /ends in the middle/],
    ['two values', '91 08 c0', /something follows/],
    ['a record of msgpackr', 'd4 7240 91 a161 01', /0xd4 begins no plain value/],
    ['a key that is an array', '92 00 81 9101 01', /Invalid property type/],
  ] as const) {
    test(`${name} is refused`, () => {
      const bytes = bodyOf(hex);
      assert.throws(() => decodeClientFrame(bytes, 0, bytes.length), refused(message));
    });
  }

  test('a key may be absent, and what stands behind it is ignored', () => {
    const frame = [FRAME.request, 1, 'bank.post', {}, 1, null];
    assert.deepEqual(clientFrame(framed(frame.slice(0, 5))), frame);
    assert.deepEqual(clientFrame(framed([...frame, 'of a later version'])), frame);
  });

  test('hostile names of entries stay names, and touch no prototype', () => {
    const hex = `92 00 82 a9${Buffer.from('__proto__').toString('hex')} 81 a568656c6c6f 01 ab${Buffer.from(
      'constructor',
    ).toString('hex')} 81 a9${Buffer.from('prototype').toString('hex')} 80`;
    const bytes = bodyOf(hex);
    const [, hello] = decodeClientFrame(bytes, 0, bytes.length) as readonly [number, object];
    assert.equal(Object.getPrototypeOf(hello), Object.prototype);
    assert.equal('hello' in hello, false);
    assert.equal('hello' in {}, false);
    assert.equal(Object.hasOwn(hello, 'constructor'), true);
  });
});

describe('decodeServerFrame', () => {
  test('what only a client sends is refused', () => {
    assert.throws(() => serverFrame(framed([FRAME.request, 1, 'a', {}, 1, null])), refused(/the type 1/));
  });

  test('a reply, an opening and an error have an id; the error of a connection has none', () => {
    for (const type of [FRAME.reply, FRAME.open, FRAME.error]) {
      assert.throws(() => serverFrame(framed([type, 'x', {}])), refused(/an id is/));
    }
    assert.throws(() => serverFrame(framed([FRAME.reply, null, {}])), refused(/an id is/));
    const error: ServerFrame = [FRAME.error, null, { code: 'ERR_HOST_LOST', message: '', retryable: true }];
    assert.deepEqual(serverFrame(encodeFrame(error)), error);
  });
});
