import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GoldInput, type GoldMessage } from '../../../workers/gold/gold-input.ts';
import { framed } from '../../support/seed-gold-client.ts';

const BYTES_MAX = 100;
const NO_HEADER = 'broken: a header is a number and spaces, 64 bytes';

type Chunk = string | Uint8Array;

/** Adds chunks, '' for a pause; what is around them in their buffer must not matter. */
function add(input: GoldInput, ...chunks: readonly Chunk[]): void {
  for (const chunk of chunks) {
    const bytes = Buffer.concat([Buffer.from('77'), Buffer.from(chunk as string), Buffer.from('77')]);
    input.add(bytes, 2, bytes.length - 2);
    bytes.fill(0);
  }
}

function inputOf(...chunks: readonly Chunk[]): GoldInput {
  const input = new GoldInput(BYTES_MAX);
  add(input, ...chunks);
  return input;
}

/** What is left to take, in short. */
function taken(input: GoldInput): string[] {
  const messages: string[] = [];
  for (let message = input.take(); message !== undefined; message = input.take()) {
    messages.push(shortOf(message));
  }
  return messages;
}

function shortOf(message: GoldMessage): string {
  const line = message.isLine ? ' ↵' : '';
  switch (message.type) {
    case 'message':
      return message.text + line;
    case 'empty':
      return (message.isFirst ? 'empty, the first' : 'empty') + line;
    case 'broken':
      return `broken: ${message.reason}`;
    default:
      return message.type + line;
  }
}

function messagesOf(...chunks: readonly Chunk[]): string[] {
  return taken(inputOf(...chunks));
}

describe('messages with headers', () => {
  test('are as long as their headers say', () => {
    const bytes = [framed(''), framed('-signin'), framed('khtn daihoc tphcm'), framed('ồ\nLF')];
    assert.deepEqual(messagesOf(Buffer.concat(bytes)), [
      'empty, the first',
      '-signin',
      'khtn daihoc tphcm',
      'ồ\nLF',
    ]);
  });

  test('may come byte by byte, with pauses between', () => {
    const bytes = Buffer.concat([framed(''), framed('-help'), framed('2025-01-02 ồ')]);
    const chunks = Array.from(bytes, (byte) => [Uint8Array.of(byte), '']).flat();
    assert.deepEqual(messagesOf(...chunks), ['empty, the first', '-help', '2025-01-02 ồ']);
  });

  test('wait for what their header promises', () => {
    const input = inputOf(framed('', 5), 'hel', '');
    assert.deepEqual(taken(input), []);
    add(input, 'lo');
    assert.deepEqual(taken(input), ['hello']);
  });

  test('that are empty are the first only once, and only at the beginning', () => {
    assert.deepEqual(messagesOf(framed(''), framed('')), ['empty, the first', 'empty']);
    assert.deepEqual(messagesOf(framed('a'), framed('')), ['a', 'empty']);
  });

  test('lose the end of a line', () => {
    assert.deepEqual(messagesOf(framed('-help\r\n'), framed('\n')), ['-help', 'empty']);
  });

  test('are broken by what is no header behind them', () => {
    for (const header of ['-5', '+5', ' 5', '5 5', 'abc', '5\n', '0x5', '5.0', '', '٥']) {
      const bytes = Buffer.concat([framed(''), Buffer.from(header), Buffer.alloc(64, ' ')]);
      assert.deepEqual(messagesOf(bytes), ['empty, the first', NO_HEADER], JSON.stringify(header));
    }
  });

  test('are broken when a header says too little, and nothing after it counts', () => {
    const input = inputOf(framed('-help and more', 5), framed('-quit'), framed('-quit'));
    assert.deepEqual(taken(input), ['-help', NO_HEADER]);
    add(input, framed('-quit'));
    assert.deepEqual(taken(input), []);
  });

  test('are broken when a header says more than a message may have', () => {
    const tooMuch = `broken: a message has ${BYTES_MAX} bytes at most`;
    assert.deepEqual(messagesOf(framed('x'.repeat(BYTES_MAX))), ['x'.repeat(BYTES_MAX)]);
    for (const length of [BYTES_MAX + 1, 999_999_999, 9_999_999_999, '9'.repeat(63)]) {
      assert.deepEqual(messagesOf(framed('', length)), [tooMuch], String(length));
    }
  });

  test('are read as far as they are UTF-8', () => {
    assert.deepEqual(messagesOf(framed('', 2), Uint8Array.of(0xff, 0x61)), ['\ufffda']);
  });

  test('end with their connection', () => {
    const input = inputOf(framed(''), framed('-he', 5));
    input.end();
    assert.deepEqual(taken(input), ['empty, the first']);
  });

  test('are kept no longer than they wait', () => {
    const input = inputOf(framed('-help'), framed('abc', 4));
    assert.deepEqual(taken(input), ['-help']);
    assert.equal(input.waitingBytes, 0);
  });
});

describe('messages of text', () => {
  test('end with a newline or a pause', () => {
    assert.deepEqual(messagesOf('-help\n-types\r\n2025-01-02 SJC', ''), [
      '-help ↵',
      '-types ↵',
      '2025-01-02 SJC',
    ]);
  });

  test('may begin as a header does', () => {
    assert.deepEqual(messagesOf('2025-01-02 SJC\n'), ['2025-01-02 SJC ↵']);
    assert.deepEqual(messagesOf('2025', '', '-01-02 SJC', ''), ['2025-01-02 SJC']);
    assert.deepEqual(messagesOf('5\n', '6\r\n'), ['5 ↵', '6 ↵']);
    assert.deepEqual(messagesOf('5 kg\n'), ['5 kg ↵']);
    assert.deepEqual(messagesOf('7'.repeat(64), '\n'), [`${'7'.repeat(64)} ↵`]);
  });

  test('are decided on only when it is clear', () => {
    const input = inputOf('20', '', '25', '');
    assert.deepEqual([taken(input), input.framing], [[], 'unknown']);
    add(input, '-');
    assert.equal(input.framing, 'text');
    add(input, '01-02 SJC\n');
    assert.deepEqual(taken(input), ['2025-01-02 SJC ↵']);
  });

  test('are what is left undecided at the end', () => {
    const input = inputOf('2025');
    input.end();
    assert.deepEqual(taken(input), ['2025']);
    const nothing = inputOf();
    nothing.end();
    assert.deepEqual(taken(nothing), []);
  });

  test('that are blank are empty, and never the first', () => {
    assert.deepEqual(messagesOf('\n', ' \r\n', '-help\n'), ['empty ↵', 'empty ↵', '-help ↵']);
  });

  test('are not mixed with headers', () => {
    assert.deepEqual(messagesOf('-help\n', framed('-quit'), ''), ['-help ↵', 'mixed']);
    assert.deepEqual(messagesOf('-help\n', framed('-quit'), '\n-types\n'), [
      '-help ↵',
      'mixed ↵',
      '-types ↵',
    ]);
    assert.deepEqual(messagesOf('5 x', ' '.repeat(62), ''), [`5 x${' '.repeat(62)}`]);
  });

  test('are too long as messages of the lobby are', () => {
    assert.deepEqual(messagesOf(`${'x'.repeat(BYTES_MAX + 1)}\n-help\n`), ['too-long ↵', '-help ↵']);
  });
});

describe('what is known of a client whose session was lost', () => {
  test('goes on', () => {
    const headers = new GoldInput(BYTES_MAX, 'headers');
    add(headers, framed(''), '-help\n', ' '.repeat(64));
    assert.deepEqual(taken(headers), ['empty', NO_HEADER]);
    const text = new GoldInput(BYTES_MAX, 'text');
    add(text, framed(''), '');
    assert.deepEqual(taken(text), ['mixed']);
  });
});
