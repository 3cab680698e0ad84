import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { resolveConfig } from '../../src/config.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { DEFAULT_VENUE, type NamedSection, readVenue, type VenueKind } from '../../src/venue.ts';

function section(kind: VenueKind, name: string, entries: Record<string, string> = {}): NamedSection {
  return { kind, name, origin: `a.ini [${kind} ${name}]`, entries };
}

function problemsOf(...sections: readonly NamedSection[]): readonly string[] {
  return readVenue(sections).problems;
}

describe('readVenue', () => {
  test('knows by default the books of the original client, and ten traders', () => {
    const { venue, problems } = readVenue([]);
    assert.deepEqual([venue, problems], [DEFAULT_VENUE, []]);
    const names = ['BTC', 'ETH', 'BNB', 'SOL', 'ADA', 'XRP', 'DOT', 'LUNA', 'AVAX', 'DOGE'];
    assert.deepEqual(
      venue.books.map(({ id, number }) => [id, number]),
      names.map((id, i) => [id, i + 1]),
    );
    assert.deepEqual(
      venue.traders.map(({ user, password }) => `${user} ${password}`),
      Array.from({ length: 10 }, (_, i) => `TRADE${i} OUTCRY`),
    );
  });

  test('replaces all default books by one, and leaves the traders', () => {
    const { venue } = readVenue([section('book', '7203')]);
    assert.deepEqual(
      venue.books.map(({ id, number, name, lot }) => [id, number, name, lot]),
      [['7203', 7203, '7203', 1]],
    );
    assert.equal(venue.traders, DEFAULT_VENUE.traders);
  });

  test('reads every key of a book, a table of ticks and a trader', () => {
    const { venue, problems } = readVenue([
      section('ticks', 'fine', { '1000': '0.5', '0': '0.1', '3000.5': '10' }),
      section('book', 'ABC', {
        number: '0',
        name: 'Alphabet',
        groups: 'day, nght',
        lot: '100',
        tick_table: 'fine',
        lower_limit: '2000',
        upper_limit: '3000.5',
        is_short_sell_restricted: 'true',
      }),
      section('trader', 'ab', {
        password: 'S;e#c r=t',
        groups: 'DAYX',
        firms: '17 4294967295',
        order_value_max: '5000000000',
        orders_per_second: '10',
        self_trade: 'decrement-both',
        owner: 'desk',
      }),
    ]);
    assert.deepEqual(problems, []);
    assert.deepEqual(venue, {
      tickTables: [
        ...DEFAULT_VENUE.tickTables,
        {
          name: 'fine',
          bands: [
            { from: 0, tick: 1 },
            { from: 10_000, tick: 5 },
            { from: 30_005, tick: 100 },
          ],
        },
      ],
      books: [
        {
          id: 'ABC',
          number: 0,
          name: 'Alphabet',
          groups: ['DAY ', 'NGHT'],
          lot: 100,
          tickTable: 'fine',
          lowerLimit: 20_000,
          upperLimit: 30_005,
          isShortSellRestricted: true,
        },
      ],
      traders: [
        {
          user: 'AB',
          password: 'S;e#c r=t',
          groups: ['DAYX'],
          firms: [17, 4_294_967_295],
          orderValueMax: 5_000_000_000,
          ordersPerSecond: 10,
          selfTrade: 'decrement-both',
          owner: 'desk',
        },
      ],
    });
  });

  test('takes a table of ticks of the name default for the default one', () => {
    const { venue } = readVenue([section('ticks', 'default', { '0': '1' })]);
    assert.deepEqual(venue.tickTables, [{ name: 'default', bands: [{ from: 0, tick: 10 }] }]);
  });

  for (const { kind, sections, problem } of [
    {
      kind: 'a key that is none',
      sections: [section('book', '7203', { lots: '1' })],
      problem: 'a.ini [book 7203] lots: no such name, the nearest is lot',
    },
    {
      kind: 'a wrong number',
      sections: [section('book', '7203', { lot: '0' })],
      problem: 'a.ini [book 7203] lot: "0", expected a whole number from 1 to 2147483647',
    },
    {
      kind: 'a book without a number',
      sections: [section('book', 'BTC')],
      problem: 'a.ini [book BTC] number: missing, expected a whole number from 0 to 4294967295',
    },
    {
      kind: 'two books of one number',
      sections: [section('book', 'A', { number: '7' }), section('book', '7')],
      problem: 'a.ini [book 7] number: "7", expected another than that of a.ini [book A]',
    },
    {
      kind: 'a price of two decimals',
      sections: [section('book', '7', { upper_limit: '1.25' })],
      problem: 'a.ini [book 7] upper_limit: "1.25", expected a price from 0.1 to 214748364.6',
    },
    {
      kind: 'limits in the wrong order',
      sections: [section('book', '7', { lower_limit: '2', upper_limit: '1' })],
      problem: 'a.ini [book 7] lower_limit: expected no more than the upper_limit',
    },
    {
      kind: 'ticks that nobody has described',
      sections: [section('book', '7', { tick_table: 'fien' }), section('ticks', 'fine', { '0': '1' })],
      problem: 'a.ini [book 7] tick_table: no section [ticks fien], the nearest is fine',
    },
    {
      kind: 'a group that is none',
      sections: [section('book', '7', { groups: 'DAY NIGHT' })],
      problem: 'a.ini [book 7] groups: "DAY NIGHT", expected some of DAY NGHT DAYX DAYU, each once',
    },
    {
      kind: 'an id of five characters',
      sections: [section('book', 'ABCDE', { number: '1' })],
      problem: 'a.ini [book ABCDE]: expected an id of one to four letters and digits',
    },
    {
      kind: 'ticks that do not begin at 0',
      sections: [section('ticks', 'fine', { '10': '1' })],
      problem: 'a.ini [ticks fine]: expected a tick from 0 on, such as 0 = 0.1',
    },
    {
      kind: 'a price twice',
      sections: [section('ticks', 'fine', { '0': '1', '0.0': '2' })],
      problem: 'a.ini [ticks fine]: expected each price once, in their order',
    },
    {
      kind: 'a tick of nothing',
      sections: [section('ticks', 'fine', { '0': '0' })],
      problem: 'a.ini [ticks fine] 0: "0", expected a tick of 0.1 or more',
    },
    {
      kind: 'a key of a table that is no price',
      sections: [section('ticks', 'fine', { from: '0.1' })],
      problem: 'a.ini [ticks fine] from: expected a price, from which on the tick is 0.1',
    },
    {
      kind: 'a group that is named twice',
      sections: [section('book', '7203', { groups: 'DAY DAY' })],
      problem: 'a.ini [book 7203] groups: "DAY DAY", expected some of DAY NGHT DAYX DAYU, each once',
    },
    {
      kind: 'a password that is too long, without showing it',
      sections: [section('trader', 'A', { password: '12345678901' })],
      problem: 'a.ini [trader A] password: what is there, expected 1 to 10 printable ASCII characters',
    },
    {
      kind: 'a trader without a password',
      sections: [section('trader', 'A')],
      problem: 'a.ini [trader A] password: missing, expected 1 to 10 printable ASCII characters',
    },
    {
      kind: 'a user of seven characters',
      sections: [section('trader', 'TRADER1', { password: 'x' })],
      problem: 'a.ini [trader TRADER1]: expected a user of one to six letters, digits, - and _',
    },
    {
      kind: 'a user in two cases',
      sections: [section('trader', 'a', { password: 'x' }), section('trader', 'A', { password: 'x' })],
      problem: 'a.ini [trader A]: expected once, and it is there more often',
    },
    {
      kind: 'a mode that is none',
      sections: [section('trader', 'A', { password: 'x', self_trade: 'on' })],
      problem:
        'a.ini [trader A] self_trade: "on", expected one of off, cancel-newest, cancel-oldest, cancel-both, decrement-both',
    },
  ]) {
    test(`refuses ${kind}`, () => {
      assert.deepEqual(problemsOf(...sections), [problem]);
    });
  }

  test('names everything that is wrong', () => {
    const wrong = section('book', '7', { lot: 'x', number: '-1', nmae: 'N' });
    assert.equal(problemsOf(wrong, section('trader', 'A', { firms: 'x' })).length, 4);
  });

  test('checks what a program says as strictly, and takes it before the file', () => {
    const file = [section('book', '7')];
    const { venue } = readVenue(file, { books: [{ id: 'X', number: 3 }] });
    assert.deepEqual(
      venue.books.map(({ id }) => id),
      ['X'],
    );
    const { problems } = readVenue([], {
      books: [
        { id: 'X', number: 3, lot: 0.5 },
        { id: 'Y', number: 3 },
      ],
      traders: [{ user: 'too long', password: '' }],
    });
    assert.deepEqual(problems, [
      '[book X] lot: 0.5, expected a whole number from 1 to 2147483647',
      '[book Y] number: "3", expected another than that of [book X]',
      '[trader TOO LONG]: expected a user of one to six letters, digits, - and _',
      '[trader TOO LONG] password: missing, expected 1 to 10 printable ASCII characters',
    ]);
  });

  test('refuses more books and traders than there may be', () => {
    const books = Array.from({ length: 10_001 }, (_, i) => ({ id: i.toString(36), number: i }));
    assert.deepEqual(readVenue([], { books }).problems, ['books: 10001, expected no more than 10000']);
  });
});

describe('resolveConfig > a venue', () => {
  test('comes with the other settings, in the words of a program', () => {
    const venue = { books: [{ id: '7203' }] };
    const config = resolveConfig({ file: null, environment: {}, flags: {}, venue });
    assert.deepEqual(
      config.venue.books.map(({ number }) => number),
      [7203],
    );
  });

  test('is refused with them', () => {
    const venue = { books: [{ id: 'A' }] };
    assert.throws(
      () => resolveConfig({ file: null, environment: {}, flags: { 'bank-port': 'x' }, venue }),
      (error) => error instanceof OutcryError && error.message.split('\n').length === 2,
    );
  });
});
