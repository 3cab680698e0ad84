/** The operations of the exchange: what operators tell it, what anybody may ask of it, and what a client trades. */
import type { OperationName } from '../../src/protocol/api/operations.ts';
import {
  type BookRow,
  type BookSelection,
  type BookView,
  type DayReply,
  EXCHANGE_ADDRESS,
  type ExchangeFigures,
  isSelected,
  type OperatorCommand,
  type TradeRow,
} from '../../src/protocol/exchange.ts';
import { OutcryError } from '../../src/values/errors.ts';
import { nearest } from '../../src/values/nearest.ts';
import { printable } from '../../src/values/printable.ts';
import type { Call, Handlers } from './call.ts';
import { toBook, toDepth, toTrade } from './exchange-rows.ts';
import { ListSource } from './list-source.ts';
import { MarketSource } from './market-source.ts';
import { OrderStream, streamOf, streamsOf } from './order-stream.ts';
import { toEnterOrder, toReplaceOrder } from './order-words.ts';

type ExchangeOperation = Extract<OperationName, `exchange.${string}`>;

const LEVELS = 10;
const TRADES_LIMIT = 100;
const BOOKS_OF_FRAME = 200;

export function exchangeOperations(): Handlers<ExchangeOperation> {
  return {
    'exchange.books': (call) =>
      askBooks(call, (rows) => {
        call.openDownload({ books: rows.length }, new ListSource(call, rows.map(toBook), BOOKS_OF_FRAME));
      }),
    'exchange.book': showBook,
    'exchange.trades': (call) => {
      const { limit = TRADES_LIMIT, ...selection } = call.params;
      ask<readonly TradeRow[]>(call, { type: 'trades', limit, ...selection }, (rows) =>
        replyAbout(call, [selection], rows.length, () => call.reply(rows.map(toTrade))),
      );
    },
    'exchange.figures': (call) =>
      ask<ExchangeFigures>(call, { type: 'figures' }, (figures) => call.reply(figures)),
    'exchange.market': followMarket,
    'exchange.stream': signIn,
    'exchange.enter': (call) => streamOf(call).send(call, toEnterOrder(call.params)),
    'exchange.replace': (call) => streamOf(call).send(call, toReplaceOrder(call.params)),
    'exchange.cancel': (call) =>
      streamOf(call).send(call, { type: 'cancel', token: call.params.token, quantity: 0 }),
    'exchange.open-day': (call) => tellDay(call, 'open-day'),
    'exchange.close-day': (call) => tellDay(call, 'close-day'),
    'exchange.halt': (call) => tellBooks(call, 'halt'),
    'exchange.resume': (call) => tellBooks(call, 'resume'),
    'exchange.cancel-all': (call) => {
      const { user, ...selection } = call.params;
      ask<number | null>(call, { type: 'cancel-all', user, ...selection }, (orders) => {
        if (orders === null) {
          call.fail(unknownTrader(user ?? ''));
          return;
        }
        replyAbout(call, [selection], orders, () => {
          const whose = user === undefined ? '' : ` of ${printable(user)}`;
          logged(call, `withdraws orders${whose} from ${meant(selection)}: ${orders}`);
          call.reply({ orders });
        });
      });
    },
  };
}

/** One that has several groups is shown in the first of them. */
function showBook(call: Call<'exchange.book'>): void {
  const { id, group, levels = LEVELS, orders = 0 } = call.params;
  if (orders > 0 && !call.session.isOperator) {
    throw new OutcryError('ERR_API_DENIED', 'whose orders are in a book is for operators');
  }
  ask<BookView | null>(call, { type: 'book', id, group, levels, orders }, (view) =>
    replyAbout(call, [{ id, group }], Number(view !== null), () => call.reply(toDepth(view as BookView))),
  );
}

/** The source is there ahead of the answer: a client may want no more before it is open. */
function followMarket(call: Call<'exchange.market'>): void {
  const { books = [] } = call.params;
  replyAbout(call, books, 0, () => {
    const source = new MarketSource(call);
    call.session.failWhenLost(call.id, EXCHANGE_ADDRESS);
    source.follow();
    call.openDownload(null, source);
  });
}

/** An account has one connection, so there is no second stream of it over this one. */
function signIn(call: Call<'exchange.stream'>): void {
  const { session } = call;
  const stream = new OrderStream(call);
  if (streamsOf(session).some(({ user }) => user === stream.user)) {
    throw new OutcryError('ERR_LOGIN_REFUSED', `${stream.user} is signed in over this connection already`);
  }
  call.source = stream;
  session.failWhenLost(call.id, EXCHANGE_ADDRESS);
  stream.signIn();
}

function tellDay(
  call: Call<'exchange.open-day' | 'exchange.close-day'>,
  type: 'open-day' | 'close-day',
): void {
  ask<DayReply>(call, { type }, (reply) => {
    const { session, isChanged } = reply;
    if (isChanged) logged(call, type === 'open-day' ? `opens the day, session ${session}` : 'closes the day');
    call.reply(reply);
  });
}

function tellBooks(call: Call<'exchange.halt' | 'exchange.resume'>, type: 'halt' | 'resume'): void {
  const selection = call.params;
  ask<number>(call, { type, ...selection }, (books) =>
    replyAbout(call, [selection], books, () => {
      if (books > 0) logged(call, `${type}s ${meant(selection)}: ${books} changed`);
      call.reply({ books });
    }),
  );
}

function ask<Reply>(call: Call<never> | Call, command: OperatorCommand, then: (reply: Reply) => void): void {
  call.ask<Reply>(EXCHANGE_ADDRESS, command, then);
}

function askBooks(call: Call<never> | Call, then: (rows: readonly BookRow[]) => void): void {
  ask<readonly BookRow[]>(call, { type: 'books' }, then);
}

/** `reply` is called if there is such a book for each selection, as there is if anything was `found`; else the call fails. */
function replyAbout(
  call: Call<never> | Call,
  selections: readonly BookSelection[],
  found: number,
  reply: () => void,
): void {
  const named = selections.filter(({ id, group }) => id !== undefined || group !== undefined);
  if (found > 0 || named.length === 0) {
    reply();
    return;
  }
  askBooks(call, (rows) => {
    const missing = named.find((selection) => !rows.some((row) => isSelected(selection, row)));
    if (missing === undefined) reply();
    else call.fail(unknownBook(missing, rows));
  });
}

function unknownBook(selection: BookSelection, rows: readonly BookRow[]): OutcryError {
  const nameOf = ({ id, group }: BookSelection) =>
    [selection.id && id, selection.group && group?.trimEnd()].filter((part) => part !== undefined).join(' ');
  const wanted = nameOf(selection);
  const hint = nearest(wanted, rows.map(nameOf));
  const help = hint === undefined ? 'the venue has none' : `did you mean ${JSON.stringify(hint)}?`;
  const message = `no order book is called ${JSON.stringify(wanted)}; ${help}`;
  return new OutcryError('ERR_EXCHANGE_BOOK', message, { fields: { book: wanted } });
}

function unknownTrader(user: string): OutcryError {
  const message = `no trader is called ${JSON.stringify(user)}`;
  return new OutcryError('ERR_EXCHANGE_TRADER', message, { fields: { user } });
}

/** For people: books that are there. */
function meant({ id, group }: BookSelection): string {
  const names = [id, group?.trimEnd()].filter((name) => name !== undefined);
  return names.length === 0 ? 'all order books' : `the order books ${names.join(' ')}`;
}

/** For the log of the server. */
function logged(call: Call<never> | Call, what: string): void {
  call.session.log('warn', `an operator ${what}`);
}
