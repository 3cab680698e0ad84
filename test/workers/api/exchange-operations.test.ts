/** The api's side of the exchange, with an exchange that does what a test says. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeFrame } from '../../../src/protocol/api/frames.ts';
import type { MarketItem } from '../../../src/protocol/api/operations.ts';
import type { BookRow, LevelRow, MarketNotice, TradeRow } from '../../../src/protocol/exchange.ts';
import { formatTenths } from '../../../src/protocol/ouch/prices.ts';
import { ScriptedExchange } from '../../support/scripted-exchange.ts';

const ROW: BookRow = {
  id: 'BTC',
  group: 'DAY ',
  name: 'Bitcoin',
  state: 'open',
  bid: 22_999,
  bidQuantity: 300,
  ask: 0,
  askQuantity: 0,
  last: 23_000,
  orders: 3,
  volume: 1200,
};
const ROWS: readonly BookRow[] = [ROW, { ...ROW, group: 'NGHT' }, { ...ROW, id: 'ETH', group: 'DAY ' }];
const BOOK = { ...ROW, group: 'DAY', bid: '2299.9', ask: null, last: '2300.0' };
const TRADE: TradeRow = {
  id: 'BTC',
  group: 'DAY ',
  matchNumber: '202611210000000001',
  price: 23_000,
  quantity: 5,
  side: 'B',
  timeMs: 1,
};
const LEVEL: LevelRow = { price: 22_999, quantity: 300, orders: 3 };

const play = (answers: Readonly<Record<string, unknown>> = {}) =>
  new ScriptedExchange({ books: ROWS, ...answers });

describe('exchange > what anybody may ask', () => {
  test('is answered with decimal prices, and groups that are not padded', () => {
    const order = {
      orderNumber: '7',
      user: 'TRADE1',
      token: 1,
      side: 'B',
      price: 22_999,
      quantity: 3,
      timeMs: 1,
    };
    const view = { row: ROW, bids: [LEVEL], asks: [], buyOrders: [order], sellOrders: [] };
    const figures = { state: 'open', ignored: { token: 3 } };
    const exchange = play({ book: view, trades: [TRADE], figures });
    const { client } = exchange;
    const books = client.request('exchange.books');
    client.credit(books, 2);
    assert.deepEqual([client.infoOf(books), client.itemsOf(books)[0]], [{ books: 3 }, BOOK]);
    assert.ok(!client.isEnded(books));
    client.credit(books, 2);
    assert.ok(client.isEnded(books));
    assert.equal(client.itemsOf(books).length, 3);
    assert.deepEqual(client.ask('exchange.book', { id: 'BTC' }), {
      book: BOOK,
      bids: [{ ...LEVEL, price: '2299.9' }],
      asks: [],
      buyOrders: [{ ...order, side: 'buy', price: '2299.9' }],
      sellOrders: [],
    });
    assert.deepEqual(client.ask('exchange.trades', { id: 'BTC', limit: 5 }), [
      { ...TRADE, group: 'DAY', side: 'buy', price: '2300.0' },
    ]);
    assert.deepEqual(client.ask('exchange.figures'), figures);
    assert.deepEqual(
      exchange.commands.filter(({ type }) => type !== 'books'),
      [
        { type: 'book', id: 'BTC', group: undefined, levels: 10, orders: 0 },
        { type: 'trades', id: 'BTC', limit: 5 },
        { type: 'figures' },
      ],
    );
  });

  test('of a book that is not there has the nearest one', () => {
    const exchange = play({ book: null, trades: [] });
    const { client } = exchange;
    for (const [params, hint] of [
      [{ id: 'BTD' }, '"BTD"; did you mean "BTC"?'],
      [{ id: 'ETH', group: 'NGHT' }, '"ETH NGHT"; did you mean "BTC NGHT"?'],
      [{ id: 'ETH', group: 'DAU' }, '"ETH DAU"; did you mean "ETH DAY"?'],
    ] as const) {
      const { code, message } = client.refused('exchange.book', params);
      assert.deepEqual([code, message], ['ERR_EXCHANGE_BOOK', `no order book is called ${hint}`]);
    }
    assert.match(client.refused('exchange.trades', { group: 'NIGT' }).message, /"NIGT"; did you mean "NGHT"/);
    assert.deepEqual(client.ask('exchange.trades', { id: 'BTC' }), [], 'there are none in this one');
    assert.deepEqual(client.ask('exchange.trades'), []);
  });

  test('does not say whose orders are in a book, except to operators', () => {
    const exchange = play({ book: { row: ROW, bids: [], asks: [], buyOrders: [], sellOrders: [] } });
    const { client, operator } = exchange;
    const params = { id: 'BTC', orders: 1 };
    assert.equal(client.refused('exchange.book', params).code, 'ERR_API_DENIED');
    assert.deepEqual((operator.ask('exchange.book', params) as { book: unknown }).book, BOOK);
  });
});

describe('exchange > operators', () => {
  const day = { isChanged: true, state: 'open', session: 'ABC' };
  const answers = { 'open-day': day, 'close-day': day, halt: 2, resume: 1, 'cancel-all': 42 };

  test('govern the day, the books and the orders, and the log has it', () => {
    const exchange = play(answers);
    const { hosts, operator } = exchange;
    assert.deepEqual(operator.ask('exchange.open-day'), day);
    assert.deepEqual(operator.ask('exchange.close-day'), day);
    assert.deepEqual(operator.ask('exchange.halt', { id: 'BTC' }), { books: 2 });
    assert.deepEqual(operator.ask('exchange.resume'), { books: 1 });
    assert.deepEqual(operator.ask('exchange.cancel-all', { user: 'TRADE1', id: 'BTC' }), { orders: 42 });
    assert.deepEqual(
      exchange.commands.filter(({ type }) => type !== 'books'),
      [
        { type: 'open-day' },
        { type: 'close-day' },
        { type: 'halt', id: 'BTC' },
        { type: 'resume' },
        { type: 'cancel-all', user: 'TRADE1', id: 'BTC' },
      ],
    );
    assert.deepEqual(
      hosts.main.events.map((event) => event.type === 'log' && event.text),
      [
        'an operator opens the day, session ABC',
        'an operator closes the day',
        'an operator halts the order books BTC: 2 changed',
        'an operator resumes all order books: 1 changed',
        'an operator withdraws orders of TRADE1 from the order books BTC: 42',
      ],
    );
  });

  test('are told of a book that is not there', () => {
    const exchange = play({ halt: 0, resume: 0, 'cancel-all': 0 });
    const { operator } = exchange;
    for (const operation of ['exchange.halt', 'exchange.resume', 'exchange.cancel-all']) {
      assert.equal(operator.refused(operation, { id: 'BTX' }).code, 'ERR_EXCHANGE_BOOK');
    }
    assert.deepEqual(operator.ask('exchange.halt', { id: 'BTC' }), { books: 0 }, 'it was halted before');
    assert.deepEqual(operator.ask('exchange.cancel-all'), { orders: 0 });
  });

  test('are they alone', () => {
    const exchange = play(answers);
    const { client } = exchange;
    for (const operation of ['open-day', 'close-day', 'halt', 'resume', 'cancel-all']) {
      assert.equal(client.refused(`exchange.${operation}`).code, 'ERR_API_DENIED');
    }
    assert.deepEqual(exchange.commands, []);
  });
});

const CHANGES_MAX = 1000;

function snapshot(number: number, row = ROW): MarketNotice {
  return { type: 'book-snapshot', number, row, bids: [LEVEL], asks: [] };
}

function change(number: number, row = ROW): MarketNotice {
  return { type: 'book-change', number, row, bids: [{ ...LEVEL, quantity: 0 }], asks: [], trades: [TRADE] };
}

/** What matters of items: type, book, number, and whether it is late. */
function brief(items: readonly unknown[]): unknown[] {
  return (items as readonly MarketItem[]).map((item) => [
    item.type,
    `${item.book.id} ${item.book.group}`,
    item.number,
    ...(item.type === 'snapshot' && item.isLate ? ['late'] : []),
  ]);
}

describe('exchange.market', () => {
  test('begins with a snapshot of each book, and goes on with its changes', () => {
    const exchange = play();
    const { client } = exchange;
    const id = client.request('exchange.market');
    client.credit(id, 100);
    assert.equal(client.infoOf(id), null);
    assert.deepEqual(exchange.commands, [{ type: 'follow-market', address: 'api/1', call: id }]);
    exchange.tell(snapshot(7), change(8));
    const book = BOOK;
    const price = '2299.9';
    assert.deepEqual(client.itemsOf(id), [
      {
        type: 'snapshot',
        number: 7,
        hasMore: false,
        book,
        isLate: false,
        bids: [{ ...LEVEL, price }],
        asks: [],
      },
      {
        type: 'change',
        number: 8,
        hasMore: false,
        book,
        bids: [{ ...LEVEL, price, quantity: 0 }],
        asks: [],
        trades: [{ ...TRADE, group: 'DAY', side: 'buy', price: '2300.0' }],
      },
    ]);
    client.end(id);
    assert.deepEqual(exchange.commands.at(-1), { type: 'unfollow-market', address: 'api/1', call: id });
  });

  test('has the books that were asked for, whatever other streams of the client have', () => {
    const exchange = play();
    const { client } = exchange;
    const all = client.request('exchange.market', {});
    const some = client.request('exchange.market', { books: [{ id: 'ETH' }, { id: 'BTC', group: 'NGHT' }] });
    client.credit(all, 100);
    client.credit(some, 100);
    exchange.tell(...ROWS.map((row) => snapshot(1, row)), ...ROWS.map((row) => change(2, row)));
    // The second stream has snapshots of its own, which the first has no use for.
    exchange.tell(...ROWS.slice(1).map((row) => snapshot(2, row)));
    const ofAll = ['BTC DAY', 'BTC NGHT', 'ETH DAY'];
    const ofSome = ofAll.slice(1);
    const both = (books: readonly string[]) => [
      ...books.map((book) => ['snapshot', book, 1]),
      ...books.map((book) => ['change', book, 2]),
    ];
    assert.deepEqual(brief(client.itemsOf(all)), both(ofAll));
    assert.deepEqual(brief(client.itemsOf(some)), both(ofSome));
    assert.equal(exchange.commandsOf('follow-market').length, 2);
    assert.equal(client.refused('exchange.market', { books: [{ id: 'QQQ' }] }).code, 'ERR_EXCHANGE_BOOK');
  });

  test('drops what a slow client can not take, and gives it a new snapshot when it goes on', () => {
    const exchange = play();
    const { client } = exchange;
    const [btc, night, eth] = ROWS as [BookRow, BookRow, BookRow];
    const id = client.request('exchange.market');
    const follows = () => exchange.commandsOf('follow-market').length;
    exchange.tell(snapshot(0, btc), snapshot(0, eth));
    client.credit(id, 1);
    for (let number = 1; number <= CHANGES_MAX; number++) exchange.tell(change(number, btc));
    assert.equal(follows(), 1);
    // One change too many: those that wait are gone, the snapshot of the other book is not.
    exchange.tell(change(1001, btc), change(1002, btc), snapshot(0, night), change(1, eth));
    client.credit(id, 4);
    assert.deepEqual(brief(client.itemsOf(id)), [
      ['snapshot', 'BTC DAY', 0],
      ['snapshot', 'ETH DAY', 0],
      ['snapshot', 'BTC NGHT', 0],
      ['change', 'ETH DAY', 1],
    ]);
    assert.equal(follows(), 2, 'it has taken all there was, and asks for more');
    exchange.tell(
      change(1003, btc),
      snapshot(1003, btc),
      snapshot(1, eth),
      snapshot(0, night),
      change(1004, btc),
    );
    client.credit(id, 100);
    assert.deepEqual(brief(client.itemsOf(id)).slice(4), [
      ['snapshot', 'BTC DAY', 1003, 'late'],
      ['change', 'BTC DAY', 1004],
    ]);
    assert.equal(follows(), 2);
  });

  test('gives a book of any size in items and frames that are not too long', () => {
    const exchange = play();
    const { client } = exchange;
    const levels = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => ({
        price: from + i,
        quantity: 2 ** 31 - 1,
        orders: 1_000_000,
      }));
    const trades = new Array(120).fill({ ...TRADE, price: 0x7ffffffe });
    const id = client.request('exchange.market');
    client.credit(id, 30);
    exchange.tell(
      { type: 'book-snapshot', number: 1, row: ROW, bids: levels(1, 2010), asks: levels(10_000, 20) },
      { type: 'book-change', number: 2, row: ROW, bids: [], asks: [], trades },
    );
    assert.equal(client.itemsOf(id).length, 30);
    client.credit(id, 1000);
    const items = client.itemsOf(id) as MarketItem[];
    assert.deepEqual(
      items.map(({ type, number, hasMore }) => [type, number, hasMore]),
      [
        ['snapshot', 1, true],
        ...new Array(39).fill(['change', 1, true]),
        ['change', 1, false],
        ['change', 2, true],
        ['change', 2, true],
        ['change', 2, false],
      ],
    );
    assert.deepEqual(
      items.flatMap(({ bids }) => bids).map(({ price }) => price),
      levels(1, 2010).map(({ price }) => formatTenths(price)),
    );
    assert.equal(items.flatMap(({ asks }) => asks).length, 20);
    assert.equal(items.flatMap((item) => (item.type === 'change' ? item.trades : [])).length, 120);
    for (const frame of client.framesOf(id)) assert.ok(encodeFrame(frame).length < 65_536);
  });

  test('fails when the exchange is lost, and ends nothing else', () => {
    const exchange = play();
    const { client } = exchange;
    const id = client.request('exchange.market');
    exchange.stop();
    const { code, retryable } = client.errorOf(id);
    assert.deepEqual([code, retryable], ['ERR_HOST_LOST', true]);
    assert.ok(!client.isClosed);
  });
});
