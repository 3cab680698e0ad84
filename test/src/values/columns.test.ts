import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Column, formatPairs, formatRows } from '../../../src/values/columns.ts';

interface Row {
  readonly name: string;
  readonly place: string;
  readonly bytes: number;
  readonly note: string;
}

const ROWS: readonly Row[] = [
  { name: 'a', place: '127.0.0.1', bytes: 1, note: '' },
  { name: 'a rather long name', place: '10.0.0.12', bytes: 20, note: '' },
];
const COLUMNS: readonly Column<Row>[] = [
  { head: 'name', cell: ({ name }) => name, cutTo: 6 },
  { head: 'place', cell: ({ place }) => place, align: 'right', spare: 2 },
  { head: 'bytes', cell: ({ bytes }) => bytes, spare: 1 },
  { head: 'note', cell: ({ note }) => note },
];

const heads = (width: number, rows = ROWS) =>
  formatRows(rows, COLUMNS, { format: 'simple', width }).split('\n')[0]?.split(/ {2,}/);

describe('formatRows', () => {
  test('has all columns but those of nothing where there is room', () => {
    assert.equal(
      formatRows(ROWS, COLUMNS, { format: 'simple', width: 80 }),
      [
        'name                    place  bytes',
        '------------------  ---------  -----',
        'a                   127.0.0.1      1',
        'a rather long name  10.0.0.12     20',
        '',
      ].join('\n'),
    );
    const [first, ...others] = ROWS;
    assert.ok(first);
    assert.deepEqual(heads(80, [{ ...first, note: 'x' }, ...others]), ['name', 'place', 'bytes', 'note']);
  });

  test('cuts text before it leaves out columns, and leaves out the least first', () => {
    assert.deepEqual(
      [24, 23, 17, 16].map((width) => heads(width)),
      [['name', 'place', 'bytes'], ['name', 'place'], ['name', 'place'], ['name']],
    );
    assert.match(formatRows(ROWS, COLUMNS, { format: 'simple', width: 24 }), /^a rat… +10/m);
  });

  test('never is wider than it may be, whatever it looks like', () => {
    for (const format of ['psql', 'grid', 'github', 'plain', 'simple'] as const) {
      for (const width of [12, 20, 30, 40, 80]) {
        const lines = formatRows(ROWS, COLUMNS, { format, width }).split('\n');
        assert.ok(Math.max(...lines.map((line) => line.length)) <= width, `${format} in ${width}`);
      }
    }
  });
});

describe('formatPairs', () => {
  test('breaks what is too long between words, and a long word anywhere', () => {
    const pairs = formatPairs(
      [
        ['a', 'one two three'],
        ['bc', '/a/very/long/path'],
      ],
      14,
    );
    assert.equal(pairs, 'a   one two\n    three\nbc  /a/very/lo\n    ng/path\n');
  });
});
