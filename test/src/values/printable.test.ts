import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { printable } from '../../../src/values/printable.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';

describe('printable', () => {
  for (const { what, text, shown } of [
    { what: 'colours', text: '\x1b[1;31mred\x1b[0m', shown: 'red' },
    { what: 'moves of the cursor', text: 'a\x1b[2J\x1b[10;20Hb\x1b[?25l', shown: 'ab' },
    { what: 'a sequence with an intermediate byte', text: 'a\x1b[0 qb', shown: 'ab' },
    { what: 'a sequence that begins with one byte', text: 'a\x9b31mb', shown: 'ab' },
    { what: 'a title that is ended by a bell', text: 'a\x1b]0;my title\x07b', shown: 'ab' },
    { what: 'a link', text: '\x1b]8;;http://a.b/?c=d\x1b\\here\x1b]8;;\x1b\\', shown: 'here' },
    { what: 'a device control string', text: 'a\x90q#0~\x9cb\x1bPq\x1b\\c', shown: 'abc' },
    { what: 'a reset, a character set', text: 'a\x1bcb\x1b(0c', shown: 'abc' },
  ]) {
    test(`leaves out ${what}`, () => {
      assert.equal(printable(text), shown);
    });
  }

  test('shows what begins like a sequence and has no end, without its introducer', () => {
    assert.equal(printable('\x1b]0;title'), '0;title');
    assert.equal(printable('\x1b[31'), '31');
    assert.equal(printable('a\x1b'), 'a');
  });

  test('makes no sequence of what is left when another is taken out', () => {
    assert.equal(printable('\x1b\x1b[m[31mred'), '[31mred');
  });

  test('makes one space of each tab and each line break', () => {
    assert.equal(printable('a\tb\nc\r\nd\re\u2028f\x85g\n\nh'), 'a b c d e f g  h');
  });

  test('leaves out what turns the direction of writing, and what has no width', () => {
    assert.equal(printable('a\u202egnp.exe\u202c\u2066b\u2069\u200f\u061c'), 'agnp.exeb');
    assert.equal(printable('\ufeffa\u200bb\u2060c'), 'abc');
  });

  test('leaves text of all scripts and emoji as they are', () => {
    const text = 'Ünï 漢字 नमस्ते می\u200cخواهم e\u0301 👩\u200d👩\u200d👧 🇩🇪 1\ufe0f\u20e3 👍🏽 $5.00';
    assert.equal(printable(text), text);
  });

  test('takes time in proportion to the text, however much in it begins and does not end', () => {
    for (const introducer of ['\x1b]', '\x9d', '\x1b[', '\x1b[0', '\x1b ', '\x1bP0']) {
      assert.doesNotMatch(printable(introducer.repeat(200_000)), /\p{Cc}/u);
    }
  });

  test('leaves no control character in any text, and changes nothing a second time', () => {
    const unit = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 1 }),
      fc.constantFrom(
        '\x1b',
        '[',
        ']',
        '\\',
        '\x9b',
        '\x9c',
        '\x9d',
        '\x07',
        'P',
        'm',
        ';',
        '0',
        '\r',
        '\n',
        '\u202e',
      ),
    );
    fc.assert(
      fc.property(fc.string({ unit }), (text) => {
        const shown = printable(text);
        assert.doesNotMatch(shown, /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u);
        assert.equal(printable(shown), shown);
      }),
      { seed: fuzzSeed(), numRuns: 2_000 },
    );
  });
});
