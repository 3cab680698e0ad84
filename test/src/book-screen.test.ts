import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatBookCsv } from '../../src/book-csv.ts';
import { type BookPicture, type BookScreenOptions, formatBookScreen } from '../../src/book-screen.ts';
import type { BookRow, BookView, OrderRow } from '../../src/protocol/exchange.ts';

const TIME_MS = new Date(2026, 6, 31, 9, 45, 12).getTime();

function row(id: string, orders: number, more: Partial<BookRow> = {}): BookRow {
  return {
    id,
    group: 'DAY ',
    name: id,
    state: 'open',
    bid: 0,
    bidQuantity: 0,
    ask: 0,
    askQuantity: 0,
    last: 0,
    orders,
    volume: 0,
    ...more,
  };
}

function order(side: OrderRow['side'], price: number, token: number): OrderRow {
  const orderNumber = `20260731000000${String(token % 10_000).padStart(4, '0')}`;
  return { orderNumber, user: 'TRADE1', token, side, price, quantity: 100, timeMs: TIME_MS - 2000 };
}

function levelOf({ price, quantity }: OrderRow) {
  return { price, quantity, orders: 1 };
}

function view(book: BookRow, buyOrders: readonly OrderRow[], sellOrders: readonly OrderRow[]): BookView {
  return { row: book, bids: buyOrders.map(levelOf), asks: sellOrders.map(levelOf), buyOrders, sellOrders };
}

const BTC = row('BTC', 3, { bid: 23_000, bidQuantity: 100, ask: 23_010, askQuantity: 100, last: 23_005 });
const BTC_VIEW = view(BTC, [order('B', 23_000, 1), order('B', 22_990, 2)], [order('T', 23_010, 3)]);

function picture(views: readonly BookView[], more: Partial<BookPicture> = {}): BookPicture {
  const openOrders = views.reduce((sum, { row: { orders } }) => sum + orders, 0);
  return {
    timeMs: TIME_MS,
    figures: {
      state: 'open',
      session: 'MSX1K2',
      books: 10,
      halted: 0,
      accounts: 2,
      connected: 2,
      openOrders,
      accepted: 4,
      rejected: 0,
      trades: 1,
      ignored: {},
    },
    books: views.map((each) => each.row),
    views,
    trades: [
      {
        id: 'BTC',
        group: 'DAY ',
        matchNumber: '202607310000000001',
        price: 23_005,
        quantity: 60,
        side: 'B',
        timeMs: TIME_MS - 1000,
      },
    ],
    doors: [{ name: 'ouch-raw', host: '127.0.0.1', port: 31_421 }],
    clients: [
      { service: 'ouch-raw', remoteAddress: '127.0.0.1:50112', user: '' },
      { service: 'ouch', remoteAddress: '127.0.0.1:50114', user: 'TRADE1' },
    ],
    ...more,
  };
}

function options(width: number, more: Partial<BookScreenOptions> = {}): BookScreenOptions {
  return {
    format: 'simple',
    width,
    rowsMax: 40,
    height: Number.POSITIVE_INFINITY,
    numberOf: (id) => (id === 'BTC' ? 1 : Number(id)),
    ...more,
  };
}

function widest(text: string): number {
  return Math.max(...text.split('\n').map((line) => line.length));
}

describe('the book on a screen', () => {
  test('of 80 columns has the depth below', () => {
    assert.equal(
      formatBookScreen(picture([BTC_VIEW]), options(80)),
      `\
2026-07-31 09:45:12   day open, session MSX1K2   3 orders, 1 trade

side    price  quantity  book   in force  received        order number  token
-----  ------  --------  -----  --------  --------  ------------------  -----
buy    2300.0       100  1 BTC  day       09:45:10  202607310000000001      1
buy    2299.0       100  1 BTC  day       09:45:10  202607310000000002      2
short  2301.0       100  1 BTC  day       09:45:10  202607310000000003      3

best prices  BTC 2300.0 / 2301.0 last 2300.5
last trades  09:45:11 BTC 60 at 2300.5 m 202607310000000001
connections  2: ouch-raw 127.0.0.1:50112; ouch 127.0.0.1:50114 TRADE1
listening    ouch-raw 127.0.0.1:31421

book   orders  bid qty     bid     ask  ask qty  orders
-----  ------  -------  ------  ------  -------  ------
1 BTC       1      100  2300.0  2301.0      100       1
            1      100  2299.0
`,
    );
  });

  test('of 120 columns has the depth beside', () => {
    const text = formatBookScreen(picture([BTC_VIEW]), options(120));
    const expected = [
      'side    price  quantity  book   in force  received        order number  token   book   bid qty     bid     ask  ask qty',
      '-----  ------  --------  -----  --------  --------  ------------------  -----   -----  -------  ------  ------  -------',
      'buy    2300.0       100  1 BTC  day       09:45:10  202607310000000001      1   1 BTC      100  2300.0  2301.0      100',
      'buy    2299.0       100  1 BTC  day       09:45:10  202607310000000002      2              100  2299.0',
      'short  2301.0       100  1 BTC  day       09:45:10  202607310000000003      3',
    ];
    assert.ok(text.includes(`\n\n${expected.join('\n')}\n\nbest prices`), text);
    assert.ok(widest(text) <= 120);
  });

  test('leaves out what matters least where prices and tokens are long', () => {
    const book = row('7203', 1, { name: 'Toyota Motor Corporation' });
    const long = view(book, [order('E', 4_294_967_295, 4_294_967_295)], []);
    for (const width of [80, 100, 120]) {
      const text = formatBookScreen(picture([BTC_VIEW, long]), options(width));
      assert.ok(widest(text) <= width, text);
      assert.match(text, /^exempt +429496729\.5 +100 +7203 Toyota .*4294967295\b/m);
    }
  });

  test('shows so many orders at most, of both sides, and says how many more there are', () => {
    const buys = Array.from({ length: 50 }, (_, i) => order('B', 20_000 - i, i));
    const sells = Array.from({ length: 3 }, (_, i) => order('S', 21_000 + i, 100 + i));
    const text = formatBookScreen(
      picture([view(row('BTC', 1253), buys, sells)]),
      options(80, { rowsMax: 10 }),
    );
    assert.equal(text.match(/^buy /gm)?.length, 7);
    assert.equal(text.match(/^sell /gm)?.length, 3);
    assert.match(text, /^… 1,243 more$/m);
  });

  test('that is low has the best prices, and depth beside or below the orders', () => {
    const buys = Array.from({ length: 50 }, (_, i) => order('B', 20_000 - i, i));
    const clients = Array.from({ length: 20 }, (_, i) => ({
      service: 'ouch-raw',
      remoteAddress: `127.0.0.1:${50_000 + i}`,
      user: '',
    }));
    const full = picture([view(row('BTC', 1253, { bid: 20_000 }), buys, [])], { clients });
    for (const width of [80, 130]) {
      for (const height of [23, 30, 49]) {
        const text = formatBookScreen(full, options(width, { height }));
        const lines = text.split('\n').slice(0, -1);
        assert.ok(lines.length <= height && lines.length >= height - 1, text);
        assert.match(text, /^best prices +BTC 2000\.0 \/ –$/m);
        const orders = text.match(/^buy /gm)?.length ?? 0;
        // Each level has one order of 100.
        const levels = text.match(/ 1 +100 +[\d.]+$/gm)?.length ?? 0;
        assert.ok(orders >= 4 && levels >= 4, text);
        if (width === 80) assert.ok(orders <= height / 2, text);
      }
    }
    const few = formatBookScreen(picture([BTC_VIEW]), options(80, { height: 23 }));
    assert.equal(few.match(/^(?:buy|short) /gm)?.length, 3);
    assert.match(few, /^ +1 +100 +2299\.0$/m);
  });

  test('says what there is when there is nothing', () => {
    const empty = picture([], { trades: [], clients: [] });
    const nothing = {
      ...empty,
      figures: { ...empty.figures, state: 'before-open', connected: 0, trades: 0 },
    } as const;
    assert.equal(
      formatBookScreen(nothing, options(80)),
      `\
2026-07-31 09:45:12   day not open, session MSX1K2   0 orders, 0 trades

no orders

best prices  –
last trades  –
connections  –
listening    ouch-raw 127.0.0.1:31421
`,
    );
  });

  test('names groups other than that of the day', () => {
    const night = view(row('BTC', 1, { group: 'NGHT', bid: 23_000 }), [order('B', 23_000, 1)], []);
    const text = formatBookScreen(picture([night]), options(100));
    assert.match(text, /^buy +2300\.0 +100 +1 BTC +NGHT +day/m);
    assert.match(text, /^best prices +BTC NGHT 2300\.0 \/ –$/m);
  });
});

describe('the book as CSV', () => {
  test('has a line for each order, bids first', () => {
    const named = { ...BTC_VIEW, row: { ...BTC, name: 'Bit "the" coin, Inc.' } };
    const received = new Date(TIME_MS - 2000).toISOString();
    const rest = (token: number) => `99999,${received},20260731000000000${token},TRADE1,${token}`;
    assert.equal(
      formatBookCsv([named]),
      [
        'side,price,quantity,orderbook_id,name,group,time_in_force,received,order_number,user,token',
        `B,2300.0,100,BTC,"Bit ""the"" coin, Inc.",DAY,${rest(1)}`,
        `B,2299.0,100,BTC,"Bit ""the"" coin, Inc.",DAY,${rest(2)}`,
        `T,2301.0,100,BTC,"Bit ""the"" coin, Inc.",DAY,${rest(3)}`,
        '',
      ].join('\n'),
    );
  });
});
