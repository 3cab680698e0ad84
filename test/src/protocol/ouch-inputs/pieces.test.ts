import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { firstFault, placeAt } from '../../../../src/protocol/ouch-inputs/locate.ts';
import { type Piece, PieceSplitter, parsePiece } from '../../../../src/protocol/ouch-inputs/pieces.ts';
import { messageOf } from '../../../../src/values/errors.ts';
import { fuzzSeed } from '../../../support/fuzz-seed.ts';
import { withSlips } from '../../../support/mutated-json.ts';

const seed = fuzzSeed();

/** All pieces of a text that comes in chunks of so many bytes. */
function cut(text: string | Uint8Array, chunkBytes = 65_536): Piece[] {
  const pieces: Piece[] = [];
  const splitter = new PieceSplitter('x.json');
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    // The reader may use its buffer again.
    const chunk = Buffer.from(bytes.subarray(at, at + chunkBytes));
    splitter.feed(chunk, (piece) => pieces.push(piece));
    chunk.fill(0x7f);
  }
  splitter.end();
  return pieces;
}

/** What is wrong with a text, told by the splitter or by whoever reads its pieces. */
function problemOf(text: string, chunkBytes: number): string | undefined {
  const splitter = new PieceSplitter('x.json');
  const bytes = Buffer.from(text);
  try {
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      splitter.feed(bytes.subarray(at, at + chunkBytes), (piece) => parsePiece('x.json', piece));
    }
    splitter.end();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

describe('PieceSplitter', () => {
  test('gives members whole and actions one by one, with their places', () => {
    const text =
      '{\n  "name": "é\\"}",  "venue": {"a": [1, "]"]},\n  "actions": [\n    {"x": 1}, 2 ,"[" ],\n"n":-1.5e3}\n';
    const pieces = cut(text);
    assert.deepEqual(
      pieces.map(({ member, index, text: own, place }) => [member, index, own, place.line, place.column]),
      [
        ['name', undefined, '"é\\"}"', 2, 11],
        ['venue', undefined, '{"a": [1, "]"]}', 2, 29],
        ['actions', 0, '{"x": 1}', 4, 5],
        ['actions', 1, '2', 4, 15],
        ['actions', 2, '"["', 4, 18],
        ['n', undefined, '-1.5e3', 5, 5],
      ],
    );
    assert.deepEqual(pieces[1]?.namePlace, { line: 2, column: 20 });
  });

  test('gives the same however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue({ maxDepth: 3 }), { maxLength: 4 }),
        fc.string(),
        fc.constantFrom(0, 2),
        fc.integer({ min: 1, max: 40 }),
        (actions, name, indent, chunkBytes) => {
          const text = JSON.stringify({ name, actions, venue: { name } }, null, indent);
          const pieces = cut(text, chunkBytes);
          assert.deepEqual(pieces, cut(text));
          assert.deepEqual(
            pieces.map(({ text: own }) => JSON.parse(own)),
            JSON.parse(JSON.stringify([name, ...actions, { name }])),
          );
        },
      ),
      { seed },
    );
  });

  test('finds the first fault of a file, where it is, however the bytes are cut', () => {
    const files = fc
      .tuple(
        fc.array(fc.jsonValue({ maxDepth: 3 }), { maxLength: 3 }),
        fc.jsonValue({ maxDepth: 2 }),
        fc.constantFrom(0, 2),
      )
      .map(([actions, venue, indent]) => JSON.stringify({ venue, actions, name: 'é' }, null, indent));
    fc.assert(
      fc.property(withSlips(files), fc.integer({ min: 1, max: 60 }), (text, chunkBytes) => {
        fc.pre(!/\p{Surrogate}/u.test(text) && text.trimStart().startsWith('{'));
        const problem = problemOf(text, chunkBytes);
        const fault = firstFault(text);
        if (fault === undefined) {
          assert.match(problem ?? '"actions"', /"actions"/);
          return;
        }
        // A second list of actions is told at its name, ahead of what is wrong behind it.
        fc.pre(!/there twice/.test(problem ?? ''));
        const { line, column } = placeAt(text, fault.offset);
        const early = fault.offset === text.length ? 'the file ends too early: ' : '';
        assert.equal(problem, `x.json:${line}:${column}: malformed JSON: ${early}${fault.problem}`);
      }),
      { seed, numRuns: 5000 },
    );
  });

  test('holds no more than one piece, and none that is too long', () => {
    const splitter = new PieceSplitter('x.json');
    let count = 0;
    const feed = (text: string) => splitter.feed(Buffer.from(text), () => count++);
    feed('{"actions": [');
    const many = `${'{"order_token": 1, "as": "someone"},'.repeat(30_000)}`;
    for (let i = 0; i < 40; i++) feed(many);
    assert.equal(count, 40 * 30_000);
    assert.throws(
      () => {
        feed('"');
        for (let i = 0; i < 40; i++) feed('x'.repeat(1024 * 1024));
      },
      { code: 'ERR_INPUT', message: /^x\.json:1:\d+: longer than 16777216 bytes/ },
    );
  });

  test('tells a forgotten bracket at the place where it is missed, however much follows', () => {
    const many = '{"order_token": 1},\n'.repeat(1_000_000);
    assert.throws(() => cut(`{"actions": [\n{"as": "a", \n${many}]}`), {
      code: 'ERR_INPUT',
      message: 'x.json:3:1: malformed JSON: expected a name in quotes',
    });
  });

  const wrong: readonly (readonly [text: string, message: string])[] = [
    ['', 'x.json:1:1: malformed JSON: the file ends too early: expected "{"'],
    ['[]', 'x.json:1:1: malformed JSON: expected "{"'],
    ['{}', 'x.json:1:1: there is no "actions"'],
    ['{"actions": []', 'x.json:1:15: malformed JSON: the file ends too early: expected "," or "}"'],
    ['{"actions": [1', 'x.json:1:15: malformed JSON: the file ends too early: expected "," or "]"'],
    [
      '{"actions": [{"a": "b',
      'x.json:1:22: malformed JSON: the file ends too early: expected the quote that ends the text',
    ],
    ['{"actions": []} 1', 'x.json:1:17: malformed JSON: expected the end'],
    ['{"actions": [],\n "actions": []}', 'x.json:2:2: "actions" is there twice'],
  ];
  for (const [text, message] of wrong) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => cut(text), { code: 'ERR_INPUT', message });
    });
  }

  test('refuses what is no UTF-8', () => {
    const bytes = Buffer.concat([
      Buffer.from('{"name": "'),
      Buffer.from([0xe9]),
      Buffer.from('", "actions": []}'),
    ]);
    assert.throws(() => cut(bytes), {
      code: 'ERR_INPUT',
      message: 'x.json:1:10: malformed JSON: what begins here is no UTF-8',
    });
  });

  test('takes a byte order mark, even in two chunks', () => {
    assert.equal(cut('\ufeff{"actions": [1]}', 2)[0]?.text, '1');
  });
});
