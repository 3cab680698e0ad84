import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Packr } from 'msgpackr';
import { findMsgpackFault } from '../../../../src/protocol/api/msgpack-check.ts';
import { Random } from '../../../../workers/runtime/random.ts';
import { fuzzSeed } from '../../../support/fuzz-seed.ts';
import { randomValue } from '../../../support/random-values.ts';

const CUT_OFF = 'it ends in the middle of a value';
const TOO_DEEP = 'it is nested more than 16 deep';

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

function faultIn(bytes: Uint8Array): string | undefined {
  return findMsgpackFault(bytes, 0, bytes.length);
}

const zeros = (count: number) => '00'.repeat(count);

/** By the specification of msgpack: a value of every format, the shortest and the longest of those with a length. */
const GOLDEN: Readonly<Record<string, string>> = {
  nil: 'c0',
  false: 'c2',
  true: 'c3',
  'positive fixint 0': '00',
  'positive fixint 127': '7f',
  'negative fixint -32': 'e0',
  'negative fixint -1': 'ff',
  'uint 8': 'cc ff',
  'uint 16': 'cd ffff',
  'uint 32': 'ce ffffffff',
  'uint 64': 'cf ffffffffffffffff',
  'int 8': 'd0 80',
  'int 16': 'd1 8000',
  'int 32': 'd2 80000000',
  'int 64': 'd3 8000000000000000',
  'float 32': 'ca 3fc00000',
  'float 64': 'cb 3ff8000000000000',
  'fixstr of 0': 'a0',
  'fixstr of 31': `bf ${zeros(31)}`,
  'str 8 of 0': 'd9 00',
  'str 8 of 255': `d9 ff ${zeros(255)}`,
  'str 16 of 256': `da 0100 ${zeros(256)}`,
  'str 32 of 3': 'db 00000003 616263',
  'bin 8 of 0': 'c4 00',
  'bin 8 of 2': 'c4 02 ffff',
  'bin 16 of 256': `c5 0100 ${zeros(256)}`,
  'bin 32 of 1': 'c6 00000001 ff',
  'fixarray of 0': '90',
  'fixarray of 15': `9f ${zeros(15)}`,
  'array 16 of 16': `dc 0010 ${zeros(16)}`,
  'array 32 of 2': 'dd 00000002 c0c0',
  'fixmap of 0': '80',
  'fixmap of 1': '81 a161 01',
  'fixmap of 15': `8f ${'a100 c0'.repeat(15)}`,
  'map 16 of 1': 'de 0001 a161 01',
  'map 32 of 1': 'df 00000001 a161 01',
  'arrays and maps within each other': '92 81 a161 93 01 90 80 82 a162 c4 01 00 a163 91 c0',
};

const PLAIN_HEADS = new Set([
  ...Array.from({ length: 0xc1 }, (_, head) => head),
  ...[0xc2, 0xc3, 0xc4, 0xc5, 0xc6],
  ...[0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3],
  ...[0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf],
  ...Array.from({ length: 32 }, (_, i) => 0xe0 + i),
]);

describe('findMsgpackFault', () => {
  for (const [name, hex] of Object.entries(GOLDEN)) {
    test(`${name} is whole, cut off before its end, and must be alone`, () => {
      const bytes = bytesOf(hex);
      assert.equal(faultIn(bytes), undefined);
      for (let end = 0; end < bytes.length; end++) {
        assert.equal(findMsgpackFault(bytes, 0, end), CUT_OFF, `cut at byte ${end}`);
      }
      assert.equal(faultIn(Uint8Array.of(...bytes, 0xc0)), 'something follows the value');
    });
  }

  test('it looks from start to end and nowhere else', () => {
    const bytes = bytesOf('c1 92 01 a161 c1');
    assert.equal(findMsgpackFault(bytes, 1, 5), undefined);
    assert.equal(findMsgpackFault(bytes.subarray(1), 0, 4), undefined);
    assert.equal(findMsgpackFault(bytes, 1, 4), CUT_OFF);
  });

  test('each of the 256 heads begins a plain value or is refused by its name', () => {
    for (let head = 0; head < 256; head++) {
      const bytes = new Uint8Array(64);
      bytes[0] = head;
      const fault = faultIn(bytes);
      if (PLAIN_HEADS.has(head))
        assert.notEqual(fault?.startsWith('the byte'), true, `0x${head.toString(16)}`);
      else assert.equal(fault, `the byte 0x${head.toString(16)} begins no plain value`);
    }
    assert.equal(256 - PLAIN_HEADS.size, 9, 'ext 8 to 32, fixext 1 to 16, and the one that is never used');
  });

  test('a head that is refused is so at any depth', () => {
    assert.equal(faultIn(bytesOf('92 01 91 d4 0000')), 'the byte 0xd4 begins no plain value');
    assert.equal(faultIn(bytesOf('81 c1 00')), 'the byte 0xc1 begins no plain value');
  });

  for (const [name, open] of [
    ['arrays', '91'],
    ['maps', '81 a0'],
    ['arrays of 32 bits', 'dd 00000001'],
  ] as const) {
    test(`a value may be 16 deep in ${name}, and no deeper`, () => {
      assert.equal(faultIn(bytesOf(`${open.repeat(14)} c0`)), undefined);
      assert.equal(faultIn(bytesOf(`${open.repeat(15)} c0`)), undefined);
      assert.equal(faultIn(bytesOf(`${open.repeat(15)} 90`)), undefined);
      assert.equal(faultIn(bytesOf(`${open.repeat(16)} c0`)), TOO_DEEP);
      assert.equal(faultIn(bytesOf(`${open.repeat(100_000)} c0`)), TOO_DEEP);
    });
  }

  test('what has been closed does not count as depth', () => {
    const pair = '92 91 c0';
    assert.equal(faultIn(bytesOf(`${pair.repeat(14)} c0`)), undefined);
    assert.equal(faultIn(bytesOf(`dc 0064 ${'91 91 91 c0'.repeat(100)}`)), undefined);
  });

  test('a claim of more than there is costs nothing', () => {
    const claims = ['dd ffffffff', 'df ffffffff', 'db ffffffff', 'c6 ffffffff', 'dc ffff', 'de ffff'];
    const before = process.memoryUsage().heapUsed;
    for (const claim of claims) {
      for (let depth = 0; depth < 15; depth++) {
        assert.equal(faultIn(bytesOf(`${'91'.repeat(depth)} ${claim} 00`)), CUT_OFF);
      }
    }
    assert.ok(process.memoryUsage().heapUsed - before < 16e6, 'no room is made for what is claimed');
  });

  test('a million elements are looked at one by one, without a stack of them', () => {
    const bytes = new Uint8Array(5 + 1_000_000).fill(0x90);
    bytes.set([0xdd, 0x00, 0x0f, 0x42, 0x40]);
    assert.equal(faultIn(bytes), undefined);
  });

  test('what msgpackr makes of a value is one, and no part of it is', () => {
    const random = new Random(fuzzSeed());
    const packr = new Packr({ useRecords: false });
    for (let i = 0; i < 3000; i++) {
      const value = randomValue(random, 6);
      const bytes = packr.pack(value);
      assert.equal(faultIn(bytes), undefined, `the value is ${JSON.stringify(value)}`);
      const end = random.below(bytes.length);
      assert.equal(findMsgpackFault(bytes, 0, end), CUT_OFF);
    }
  });

  test('what it finds nothing wrong with, msgpackr reads to its end or refuses by an error', () => {
    const random = new Random(fuzzSeed());
    const packr = new Packr({ useRecords: false, int64AsType: 'auto' as 'number' });
    let whole = 0;
    for (let i = 0; i < 100_000; i++) {
      const bytes = Uint8Array.from({ length: 1 + random.below(12) }, () =>
        random.chance(0.4)
          ? random.pick([0x81, 0x91, 0x92, 0xa1, 0xa2, 0xc0, 0xcd, 0xd9])
          : random.below(256),
      );
      if (faultIn(bytes) !== undefined) continue;
      whole++;
      try {
        packr.unpack(bytes);
      } catch (error) {
        // A map whose key is an array or bytes: there is no such object.
        assert.match(String(error), /Invalid property type/, Buffer.from(bytes).toString('hex'));
      }
    }
    assert.ok(whole > 1000, `only ${whole} were whole`);
  });
});
