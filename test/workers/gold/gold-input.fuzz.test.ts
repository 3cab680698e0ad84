/** However the bytes of a gold client are cut, and whatever they are, they are the same messages. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GoldInput, type GoldMessage } from '../../../workers/gold/gold-input.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import { framed } from '../../support/seed-gold-client.ts';

const BYTES_MAX = 100;
const RUNS = 2000;
const PIECES = [
  '-help',
  '2025-01-02 SJC',
  'khtn daihoc tphcm',
  '',
  ' ',
  'Hồ Chí Minh',
  '5',
  '64      ',
  'x'.repeat(BYTES_MAX),
  'x'.repeat(BYTES_MAX + 1),
  '\xff\0\r',
];

/** Cut at random; with `pauses` some cuts are pauses too. */
function messagesOf(bytes: Uint8Array, random: Random, pauses: 'no' | 'within'): GoldMessage[] {
  const input = new GoldInput(BYTES_MAX);
  const messages: GoldMessage[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + random.below(random.chance(0.5) ? 3 : 200));
    input.add(bytes, at, end);
    if (pauses === 'within' && random.chance(0.3)) input.add(bytes, end, end);
    at = end;
    if (random.chance(0.7)) takeAll(input, messages);
  }
  input.end();
  takeAll(input, messages);
  assert.ok(input.waitingBytes >= 0);
  return messages;
}

function takeAll(input: GoldInput, messages: GoldMessage[]): void {
  for (let message = input.take(); message !== undefined; message = input.take()) messages.push(message);
}

function randomBytes(random: Random): Uint8Array {
  return Uint8Array.from({ length: random.below(200) }, () =>
    random.chance(0.5) ? random.below(256) : random.pick([0x20, 0x30, 0x35, 0x0a, 0x2d]),
  );
}

describe('the bytes of a gold client', () => {
  const random = new Random(fuzzSeed());

  test('with headers are the same messages in whatever pieces and pauses they come', () => {
    for (let run = 0; run < RUNS; run++) {
      const texts = Array.from({ length: 1 + random.below(6) }, () => random.pick(PIECES));
      const bytes = Buffer.concat([...texts.map((text) => framed(text)), randomBytes(random)]);
      const whole = messagesOf(bytes, new Random(0), 'no');
      assert.deepEqual(messagesOf(bytes, random, 'within'), whole);
      const [first] = whole;
      assert.ok(first !== undefined && !first.isLine);
    }
  });

  test('of lines are the same messages in whatever pieces they come', () => {
    for (let run = 0; run < RUNS; run++) {
      const texts = Array.from({ length: 1 + random.below(6) }, () => `${random.pick(PIECES)}\n`);
      const bytes = Buffer.concat([Buffer.from(texts.join('')), randomBytes(random), Buffer.from('\n')]);
      const whole = messagesOf(bytes, new Random(0), 'no');
      assert.deepEqual(messagesOf(bytes, random, 'no'), whole);
      assert.ok(whole.length >= texts.length, 'no line is lost');
    }
  });

  test('that mean nothing end in messages or a broken header, and are not kept', () => {
    for (let run = 0; run < RUNS; run++) {
      const input = new GoldInput(BYTES_MAX);
      const messages: GoldMessage[] = [];
      for (let i = 0; i < 20; i++) {
        const bytes = randomBytes(random);
        input.add(bytes, 0, bytes.length);
        takeAll(input, messages);
      }
      if (input.framing !== 'broken') assert.equal(input.waitingBytes, 0);
      for (const message of messages) {
        if (message.type === 'message') assert.ok(Buffer.byteLength(message.text) <= 3 * BYTES_MAX);
      }
    }
  });
});
