import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LobbyInput, type Message } from '../../../workers/lobby/lobby-input.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';

const LENGTH_MAX = 20;

/** Adds chunks, '' for a pause; what is around them in their buffer must not matter. */
function add(input: LobbyInput, ...chunks: readonly (string | Uint8Array)[]): void {
  for (const chunk of chunks) {
    const bytes = Buffer.concat([Buffer.from('<<'), Buffer.from(chunk as string), Buffer.from('>>')]);
    input.add(bytes, 2, bytes.length - 2);
    bytes.fill(0);
  }
}

function inputOf(...chunks: readonly (string | Uint8Array)[]): LobbyInput {
  const input = new LobbyInput(LENGTH_MAX);
  add(input, ...chunks);
  return input;
}

/** What is left to take, in short: `line`, `message ⏸`, or that it was too long. */
function taken(input: LobbyInput): string[] {
  const texts: string[] = [];
  for (let message = input.takeMessage(); message !== undefined; message = input.takeMessage()) {
    texts.push(shortOf(message));
  }
  return texts;
}

function shortOf({ text, isLine, isTooLong }: Message): string {
  return `${isTooLong ? 'too long' : text}${isLine ? '' : ' ⏸'}`;
}

describe('the messages of a lobby client', () => {
  test('end with a newline, whatever its kind', () => {
    assert.deepEqual(taken(inputOf('a\nb\r\n\r\nc\rd\n')), ['a', 'b', '', 'c\rd']);
  });

  test('end with a pause where there is no newline', () => {
    assert.deepEqual(taken(inputOf('Client1: Hello', '', 'Client1: ', '')), [
      'Client1: Hello ⏸',
      'Client1:  ⏸',
    ]);
  });

  test('do not come of a pause alone', () => {
    assert.deepEqual(taken(inputOf('', 'a\n', '', '')), ['a']);
  });

  test('wait for their end', () => {
    const input = inputOf('he');
    assert.deepEqual(taken(input), []);
    add(input, 'll');
    assert.deepEqual(taken(input), []);
    add(input, 'o\nwo');
    assert.deepEqual(taken(input), ['hello']);
    add(input, '');
    assert.deepEqual(taken(input), ['wo ⏸']);
  });

  test('are put together where a character was split', () => {
    const [bytes] = [Buffer.from('añ€😀\n')];
    const chunks = Array.from(bytes, (byte) => Uint8Array.of(byte));
    assert.deepEqual(taken(inputOf(...chunks)), ['añ€😀']);
  });

  test('are read as far as they are UTF-8', () => {
    assert.deepEqual(taken(inputOf(Buffer.from('a\xff\xfeb\n', 'latin1'))), ['a\ufffd\ufffdb']);
  });

  test('may have so many bytes, and one more is too long', () => {
    const most = 'x'.repeat(LENGTH_MAX);
    for (const chunks of [[`${most}\n`], [`${most}\r\n`], [`${most}\r`, '\n'], [...most, '\n']]) {
      assert.deepEqual(taken(inputOf(...chunks)), [most]);
    }
    assert.deepEqual(taken(inputOf(most, '')), [`${most} ⏸`]);
    for (const chunks of [[`${most}x\n`], [`${most}x\r\n`], [...most, 'x', '\n']]) {
      assert.deepEqual(taken(inputOf(...chunks, 'next\n')), ['too long', 'next']);
    }
    assert.deepEqual(taken(inputOf(most, 'x', '', 'next\n')), ['too long ⏸', 'next']);
  });

  test('are found the same in whatever chunks they come', () => {
    const line = fc.string({ unit: fc.constantFrom('a', 'é', ' ', '\r', '😀'), maxLength: 30 });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), fc.array(fc.nat(6)), (lines, lengths) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
        const chunks: Uint8Array[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const length = 1 + (lengths[i % lengths.length] ?? 0);
          chunks.push(bytes.subarray(at, at + length));
          at += length;
        }
        const input = new LobbyInput(LENGTH_MAX);
        const found: string[] = [];
        for (const chunk of chunks) {
          add(input, chunk);
          found.push(...taken(input));
        }
        const expected = lines.map((text) => text.replace(/\r$/, ''));
        const judged = expected.map((text) => (Buffer.byteLength(text) > LENGTH_MAX ? 'too long' : text));
        assert.deepEqual(found, judged);
        assert.deepEqual(taken(inputOf(...chunks)), judged, 'all at once');
        assert.equal(input.waitingBytes, 0);
      }),
      { seed: fuzzSeed(), numRuns: 500 },
    );
  });

  test('keep no more of one without an end than it may be long', () => {
    const input = new LobbyInput(LENGTH_MAX);
    for (let i = 0; i < 1000; i++) {
      add(input, 'x'.repeat(1000));
      assert.deepEqual(taken(input), []);
      assert.equal(input.waitingBytes, 0);
    }
    add(input, '\nnext\n');
    assert.deepEqual(taken(input), ['too long', 'next']);
  });
});

describe('the bytes of a file between them', () => {
  test('are no messages, pauses within them neither', () => {
    const input = inputOf('put a 10\nab\n', '', 'status\nc', 'bye\n', 'x', '');
    assert.equal(input.takeMessage()?.text, 'put a 10');
    assert.ok(input.hasMore);
    assert.equal(Buffer.from(input.takeBytes(5)).toString(), 'ab\nst');
    assert.equal(Buffer.from(input.takeBytes(5)).toString(), 'atus\n');
    assert.deepEqual(taken(input), ['cbye', 'x ⏸']);
    assert.equal(input.waitingBytes, 0);
  });

  test('are taken as far as they have come', () => {
    const input = inputOf('put a 10\n', '');
    input.takeMessage();
    assert.equal(input.hasMore, false);
    assert.equal(input.takeBytes(10).length, 0);
    add(input, 'abc');
    assert.equal(Buffer.from(input.takeBytes(10)).toString(), 'abc');
    assert.equal(input.waitingBytes, 0);
  });
});
