import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { printable } from '../../../src/values/printable.ts';
import { type Alignment, type Cell, type TableFormat, tabulate } from '../../../src/values/tabulate.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';

const HEADERS = ['item', 'qty', 'note'];
const ROWS: readonly (readonly Cell[])[] = [
  ['spam', 41.9999, '漢字'],
  ['eggs', 451, null],
  ['bacon', -3, 'x'],
];

const lines = (...expected: readonly string[]) => expected.map((line) => `${line}\n`).join('');

/** What Python's tabulate prints with MIN_PADDING = 0: with headers, without, and without rows. */
const GOLDEN: Readonly<Record<TableFormat, readonly [string, string, string]>> = {
  psql: [
    lines(
      '+-------+----------+------+',
      '| item  |      qty | note |',
      '|-------+----------+------|',
      '| spam  |  41.9999 | 漢字 |',
      '| eggs  | 451      |      |',
      '| bacon |  -3      | x    |',
      '+-------+----------+------+',
    ),
    lines(
      '+-------+----------+------+',
      '| spam  |  41.9999 | 漢字 |',
      '| eggs  | 451      |      |',
      '| bacon |  -3      | x    |',
      '+-------+----------+------+',
    ),
    lines('+------+-----+------+', '| item | qty | note |', '|------+-----+------|', '+------+-----+------+'),
  ],
  grid: [
    lines(
      '+-------+----------+------+',
      '| item  |      qty | note |',
      '+=======+==========+======+',
      '| spam  |  41.9999 | 漢字 |',
      '+-------+----------+------+',
      '| eggs  | 451      |      |',
      '+-------+----------+------+',
      '| bacon |  -3      | x    |',
      '+-------+----------+------+',
    ),
    lines(
      '+-------+----------+------+',
      '| spam  |  41.9999 | 漢字 |',
      '+-------+----------+------+',
      '| eggs  | 451      |      |',
      '+-------+----------+------+',
      '| bacon |  -3      | x    |',
      '+-------+----------+------+',
    ),
    lines('+------+-----+------+', '| item | qty | note |', '+======+=====+======+', '+------+-----+------+'),
  ],
  github: [
    lines(
      '| item  |      qty | note |',
      '|-------|----------|------|',
      '| spam  |  41.9999 | 漢字 |',
      '| eggs  | 451      |      |',
      '| bacon |  -3      | x    |',
    ),
    lines(
      '|-------|----------|------|',
      '| spam  |  41.9999 | 漢字 |',
      '| eggs  | 451      |      |',
      '| bacon |  -3      | x    |',
    ),
    lines('| item | qty | note |', '|------|-----|------|'),
  ],
  plain: [
    lines('item        qty  note', 'spam    41.9999  漢字', 'eggs   451', 'bacon   -3       x'),
    lines('spam    41.9999  漢字', 'eggs   451', 'bacon   -3       x'),
    lines('item  qty  note'),
  ],
  simple: [
    lines(
      'item        qty  note',
      '-----  --------  ----',
      'spam    41.9999  漢字',
      'eggs   451',
      'bacon   -3       x',
    ),
    lines(
      '-----  --------  ----',
      'spam    41.9999  漢字',
      'eggs   451',
      'bacon   -3       x',
      '-----  --------  ----',
    ),
    lines('item  qty  note', '----  ---  ----'),
  ],
};
const FORMATS = Object.keys(GOLDEN) as TableFormat[];

describe('tabulate > a format', () => {
  for (const format of FORMATS) {
    const [withHeaders, withoutHeaders, withoutRows] = GOLDEN[format];
    test(`${format} looks as in Python, with headers, without, and without rows`, () => {
      assert.equal(tabulate(ROWS, { headers: HEADERS, format }), withHeaders);
      assert.equal(tabulate(ROWS, { format }), withoutHeaders);
      assert.equal(tabulate([], { headers: HEADERS, format }), withoutRows);
    });
  }

  test('is plain if none is given', () => {
    assert.equal(tabulate(ROWS, { headers: HEADERS }), GOLDEN.plain[0]);
  });

  test('of nothing is nothing', () => {
    for (const format of FORMATS) {
      assert.equal(tabulate([], { format }), '');
      assert.equal(tabulate([[], []], { headers: [], format }), '');
    }
  });

  test('github keeps a bar in a cell from ending it', () => {
    assert.equal(
      tabulate([['a|b']], { headers: ['x'], format: 'github' }),
      lines('| x    |', '|------|', '| a\\|b |'),
    );
    assert.equal(tabulate([['a|b']], { format: 'psql' }), lines('+-----+', '| a|b |', '+-----+'));
  });
});

describe('tabulate > rows', () => {
  test('that are too short are filled with empty cells, and so are headers', () => {
    assert.equal(
      tabulate([['a'], [], ['b', 'c', 'd']], { headers: ['x', 'y'], format: 'psql' }),
      lines(
        '+---+---+---+',
        '| x | y |   |',
        '|---+---+---|',
        '| a |   |   |',
        '|   |   |   |',
        '| b | c | d |',
        '+---+---+---+',
      ),
    );
  });

  test('may have columns without anything in them', () => {
    assert.equal(tabulate([['a', '', 'b']], { headers: ['x', '', 'y'] }), lines('x    y', 'a    b'));
    assert.equal(
      tabulate([['', null, undefined]], { format: 'grid' }),
      lines('+--+--+--+', '|  |  |  |', '+--+--+--+'),
    );
  });

  test('of headers that are empty have a line of their own', () => {
    assert.equal(
      tabulate([['ab']], { headers: [''], format: 'psql' }),
      lines('+----+', '|    |', '|----|', '| ab |', '+----+'),
    );
  });

  test('keep their columns however many there are', () => {
    const rows = Array.from({ length: 2_500 }, (_, i) => [`row ${i}`, i]);
    const [first, ...others] = tabulate([...rows, ['the longest of them all', 1]], { format: 'grid' }).split(
      '\n',
    );
    assert.equal(others.pop(), '');
    assert.equal(others.length, 2 * 2_501);
    assert.deepEqual(
      others.filter((line) => line.length !== first?.length),
      [],
    );
  });
});

describe('tabulate > a cell', () => {
  test('is written as its value is, and nothing for what is missing', () => {
    assert.equal(
      tabulate([[true, 9_007_199_254_740_993n, 0.1, null, undefined, 'text', Number.NaN]], {
        format: 'psql',
      }).split('\n')[1],
      '| true | 9007199254740993 | 0.1 |  |  | text | NaN |',
    );
  });

  test('takes as much room as it has in a terminal', () => {
    const texts = ['漢字', 'Việt', 'e\u0301', '🙂', '👩‍👩‍👧‍👦', '🇩🇪', '👍🏽', '1️⃣', 'ｱ'];
    assert.equal(
      tabulate(
        texts.map((text) => [text]),
        { format: 'psql' },
      ),
      lines(
        '+------+',
        '| 漢字 |',
        '| Việt |',
        '| e\u0301    |',
        '| 🙂   |',
        '| 👩‍👩‍👧‍👦   |',
        '| 🇩🇪   |',
        '| 👍🏽   |',
        '| 1️⃣   |',
        '| ｱ    |',
        '+------+',
      ),
    );
  });

  test('is one line without control characters, and so is a header', () => {
    assert.equal(
      tabulate([['a\nb\tc', '\x1b[31mred\x1b[0m\x07']], { headers: ['\x1b]0;title\x07x', 'y\r\nz'] }),
      lines('x      y z', 'a b c  red'),
    );
  });
});

describe('tabulate > alignment', () => {
  const aligned = (align: Alignment, cells: readonly Cell[]) =>
    tabulate(
      cells.map((cell) => [cell]),
      { headers: ['header'], align: [align], format: 'github' },
    );

  test('is left, right, or in the middle', () => {
    assert.equal(aligned('left', ['a', 12]), lines('| header |', '|--------|', '| a      |', '| 12     |'));
    assert.equal(aligned('right', ['a', 12]), lines('| header |', '|--------|', '|      a |', '|     12 |'));
    assert.equal(aligned('center', ['a', 12]), lines('| header |', '|--------|', '|   a    |', '|   12   |'));
  });

  test('is by the decimal point, before which what has none ends', () => {
    assert.equal(
      aligned('decimal', ['$1,234.5', -0.25, 7n, '.125', '–', null, 1e21]),
      lines(
        '|     header |',
        '|------------|',
        '| $1,234.5   |',
        '|     -0.25  |',
        '|      7     |',
        '|       .125 |',
        '|      –     |',
        '|            |',
        '|      1e+21 |',
      ),
    );
  });

  test('is decimal for columns of numbers and left for all others, if none is given', () => {
    const rows: readonly (readonly Cell[])[] = [
      [1, 10n, '1,000.25', '12.50', '2026-11-21', true, '1.2.3', 1, null],
      [22.5, 9, '-3', null, '5', false, '4', 'a', ''],
    ];
    assert.equal(
      tabulate(rows, { align: [undefined] }),
      lines(
        ' 1    10  1,000.25  12.50  2026-11-21  true   1.2.3  1',
        '22.5   9     -3            5           false  4      a',
      ),
    );
  });
});

describe('tabulate > width', () => {
  const rows = [
    ['a text that goes on and on', 'shorter text', 1_234_567],
    ['漢字漢字漢字漢字', '👩\u200d👩\u200d👧\u200d👦👍🏽🇩🇪e\u0301e\u0301e\u0301e\u0301', 1],
  ];

  test('changes nothing if the table fits', () => {
    assert.equal(tabulate(rows, { width: 49 }), tabulate(rows));
  });

  test('cuts the widest columns of text until the table fits, and no character in two', () => {
    assert.equal(
      tabulate(rows, { width: 40 }),
      lines(
        'a text that goes…  shorter text  1234567',
        '漢字漢字漢字漢字   👩\u200d👩\u200d👧\u200d👦👍🏽🇩🇪e\u0301e\u0301e\u0301e\u0301          1',
      ),
    );
    assert.equal(
      tabulate(rows, { width: 27 }),
      lines('a text …  shorter…  1234567', '漢字漢…   👩\u200d👩\u200d👧\u200d👦👍🏽🇩🇪e\u0301…        1'),
    );
  });

  test('never cuts figures, and leaves of text one column at least', () => {
    assert.equal(tabulate(rows, { width: 1 }), lines('…  …  1234567', '…  …        1'));
    assert.equal(tabulate([['a text', 'text']], { align: ['right', 'center'], width: 1 }), 'a text  …\n');
  });

  test('counts headers and the frame', () => {
    assert.equal(
      tabulate([['a', 'b']], { headers: ['a long header', 'b'], format: 'psql', width: 14 }),
      lines('+--------+---+', '| a lon… | b |', '|--------+---|', '| a      | b |', '+--------+---+'),
    );
  });
});

const ALIGNMENTS = ['left', 'right', 'center', 'decimal', undefined] as const;

describe('tabulate > any rows', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' }),
    fc.string({
      unit: fc.constantFrom(
        ...[
          '👩‍👩‍👧',
          '🇩🇪',
          '🇩',
          '🏽',
          '👍🏽',
          '1️⃣',
          '漢',
          'ｱ',
          'e\u0301',
          '\u0301',
          '\u200d',
          '\ufe0f',
          '\u20e3',
        ],
        ...['\ud83d', '\ude00', '\x1b[31m', '\x9b', '\n', '\u202e', '\u3000', ' ', '|', '.', '1', 'a'],
      ),
    }),
  );
  const cell = fc.oneof(
    { weight: 3, arbitrary: text },
    { weight: 2, arbitrary: fc.constantFrom(null, undefined, true, 7n, -1.5, 1e21) },
  );
  const table = fc.record({
    rows: fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 5 }),
    headers: fc.option(fc.tuple(text, text, text), { nil: undefined }),
    format: fc.constantFrom(...FORMATS),
    align: fc.tuple(...Array.from({ length: 3 }, () => fc.constantFrom(...ALIGNMENTS))),
  });
  type Table = typeof table extends fc.Arbitrary<infer T> ? T : never;

  /** With a last column of the same text, since without bars a line ends where its text ends. */
  const draw = ({ rows, headers, ...options }: Table, width?: number) => {
    const drawn = tabulate(
      rows.map((row) => [...row, 'end']),
      { ...options, headers: headers === undefined ? [] : [...headers, 'end'], width },
    );
    assert.ok(drawn.endsWith('\n'));
    return drawn.split('\n').slice(0, -1);
  };
  const widthOf = (drawn: readonly string[]) => {
    const widths = new Set(drawn.map((line) => stringWidth(line)));
    assert.equal(widths.size, 1, drawn.join('\n'));
    return Math.max(...widths);
  };

  test('make lines of the same width, without control characters, in which every cell is found', () => {
    fc.assert(
      fc.property(table, (given) => {
        const drawn = draw(given);
        widthOf(drawn);
        assert.doesNotMatch(drawn.join(''), /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u);
        const lost = given.rows
          .flat()
          .map((found) => printable(String(found ?? '')))
          .map((found) => (given.format === 'github' ? found.replaceAll('|', '\\|') : found))
          // A mark without a letter has no width, and table takes it for nothing.
          .filter((found) => stringWidth(found) > 0 && !drawn.some((line) => line.includes(found)));
        assert.deepEqual(lost, []);
      }),
      { seed: fuzzSeed(), numRuns: 2_000 },
    );
  });

  test('are no wider than they may be, unless they can not be narrower', () => {
    fc.assert(
      fc.property(table, fc.nat(60), (given, width) => {
        assert.ok(widthOf(draw(given, width)) <= Math.max(width, widthOf(draw(given, 0))));
      }),
      { seed: fuzzSeed(), numRuns: 2_000 },
    );
  });
});
