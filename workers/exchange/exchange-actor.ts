/**
 * The actor that is the exchange: messages in, notices out, and what is due in time. Its state changes in place, and its
 * events are what it has told accounts.
 */
import { DESK_ADDRESS, type DeskAnswers, type DeskCommand } from '../../src/protocol/desk.ts';
import type {
  ClientAddress,
  ClientNotice,
  ExchangeCommand,
  MarketNotice,
} from '../../src/protocol/exchange.ts';
import { type Address, toAddress } from '../../src/values/address.ts';
import type { Answer, Context, DurableActor } from '../runtime/actor.ts';
import type { FlatEvents } from '../runtime/journal.ts';
import { BookRows } from './book-rows.ts';
import { Exchange, type ExchangeOptions, type NoticeBody, type Outlet } from './exchange.ts';
import { decodeSnapshot, encodeSnapshot } from './exchange-snapshot.ts';
import { MarketData } from './market-data.ts';
import type { ColdPlace } from './sequenced-stream.ts';
import type { Line } from './trading-account.ts';

type ExchangeMessage =
  | ExchangeCommand
  | { readonly type: 'tick' }
  | { readonly type: 'gone'; readonly session: Address }
  | { readonly type: 'cold'; readonly line: Line; readonly answer: Answer<DeskAnswers['read-stream']> };

type ExchangeContext = Context<ExchangeMessage>;

/** Of the timer for what is due. */
const DUE = 'due';
/** What is due in days is looked at again before: a change of the date is noticed by then. */
const DUE_MAX_MS = 60_000;
const COLD_READ_BYTES = 256 * 1024;
const COLD_READ_TIMEOUT_MS = 30_000;
/** At once; the others wait their turn, one for each line that waits at most. */
const COLD_READS_MAX = 4;

interface ColdRead {
  readonly line: Line;
  readonly place: ColdPlace;
}

export class ExchangeActor implements DurableActor<ExchangeMessage>, Outlet {
  readonly #exchange: Exchange;
  readonly #rows: BookRows;
  readonly #market: MarketData;
  /** Of the message that is handled. */
  #context: ExchangeContext | undefined;
  #isStarted = false;
  /** When the timer comes, by the date. */
  #dueMs = Number.POSITIVE_INFINITY;
  /** Sessions that are watched. */
  readonly #sessions = new Set<string>();
  #coldReads = 0;
  readonly #coldWaiting: ColdRead[] = [];

  constructor(options: ExchangeOptions) {
    this.#exchange = new Exchange(options, this);
    this.#rows = new BookRows(this.#exchange);
    this.#market = new MarketData(this.#exchange.books, this.#rows);
  }

  /** What its state amounts to. */
  get figures(): Readonly<Record<string, number>> {
    const { openOrders, accounts, accepted, trades } = this.#exchange.figures();
    return { traders: accounts, 'open orders': openOrders, accepted, trades };
  }

  /** The date is known in the first turn only: all that waits for it begins there. */
  started(context: ExchangeContext): void {
    context.startTimer(DUE, 0, { type: 'tick' });
  }

  receiveBytes(bytes: Uint8Array, start: number, end: number, context: ExchangeContext): void {
    this.#begin(context);
    this.#exchange.take(bytes, start, end);
    this.#finish(context);
  }

  receive(message: ExchangeMessage, context: ExchangeContext): undefined {
    this.#begin(context);
    this.#handle(message, context);
    this.#finish(context);
  }

  tell(client: ClientAddress, body: NoticeBody): void {
    const notice = (client.call === undefined ? body : { ...body, call: client.call }) as ClientNotice;
    const context = this.#current;
    context.tell(context.refer<ClientNotice>(toAddress(client.address)), notice);
  }

  readCold(line: Line, place: ColdPlace): void {
    if (this.#coldReads === COLD_READS_MAX) this.#coldWaiting.push({ line, place });
    else this.#askCold({ line, place });
  }

  takeFlat(): FlatEvents | undefined {
    return this.#exchange.takeLogged();
  }

  applyFlat(bytes: Uint8Array, start: number, end: number): void {
    this.#exchange.apply(bytes, start, end);
  }

  snapshot(): Iterable<Uint8Array> {
    return encodeSnapshot(this.#exchange.freeze());
  }

  restore(pieces: readonly Uint8Array[]): void {
    this.#exchange.restore(decodeSnapshot(pieces));
  }

  keptFrom(): number {
    return this.#exchange.keptFrom;
  }

  get #current(): ExchangeContext {
    if (this.#context === undefined) throw new Error('the exchange speaks only while it handles a message');
    return this.#context;
  }

  #begin(context: ExchangeContext): void {
    this.#context = context;
    if (this.#isStarted) this.#exchange.begin(context.timeMs);
    else this.#exchange.start(context.timeMs);
    this.#isStarted = true;
  }

  #finish(context: ExchangeContext): void {
    this.#exchange.finish();
    this.#market.finish(this.#tellMarket);
    this.#context = undefined;
    const { dueMs } = this.#exchange;
    if (dueMs === this.#dueMs) return;
    this.#dueMs = dueMs;
    if (dueMs === Number.POSITIVE_INFINITY) context.cancelTimer(DUE);
    else {
      const delayMs = Math.min(Math.max(0, dueMs - this.#exchange.clock.nowMs), DUE_MAX_MS);
      context.startTimer(DUE, delayMs, { type: 'tick' });
    }
  }

  #handle(message: ExchangeMessage, context: ExchangeContext): void {
    const exchange = this.#exchange;
    switch (message.type) {
      case 'log-in':
        this.#watch(message.client.address, context);
        exchange.logIn(message);
        break;
      case 'log-in-raw':
        this.#watch(message.client.address, context);
        exchange.logInRaw(message.client);
        break;
      case 'page-taken':
        exchange.pageTaken(message.account, message.connection);
        break;
      case 'hear-out':
        exchange.hearOut(message.account, message.connection);
        break;
      case 'left':
        exchange.left(message.account, message.connection);
        context.reply(null);
        break;
      case 'gone':
        this.#sessions.delete(message.session);
        exchange.gone(message.session);
        this.#market.forget(message.session);
        break;
      case 'cold':
        this.#endCold();
        exchange.coldRead(message.line, message.answer.ok ? message.answer.value : undefined);
        break;
      case 'open-day':
        context.reply(exchange.openDay());
        break;
      case 'close-day':
        context.reply(exchange.closeDay());
        break;
      case 'halt':
        context.reply(exchange.halt(message));
        break;
      case 'resume':
        context.reply(exchange.resume(message));
        break;
      case 'cancel-all':
        context.reply(exchange.cancelAll(message) ?? null);
        break;
      case 'books':
        context.reply(this.#rows.all());
        break;
      case 'book':
        context.reply(this.#rows.view(message, message.levels, message.orders));
        break;
      case 'trades':
        context.reply(this.#rows.trades(message, message.limit));
        break;
      case 'figures':
        context.reply(exchange.figures());
        break;
      case 'follow-market':
        this.#watch(message.address, context);
        for (const notice of this.#market.follow(message)) this.#tellMarket(message.address, notice);
        break;
      case 'unfollow-market':
        this.#market.unfollow(message);
        break;
      case 'tick':
        // Whatever is due was done as the turn began; the timer is spent.
        this.#dueMs = Number.POSITIVE_INFINITY;
        break;
    }
  }

  #askCold({ line, place }: ColdRead): void {
    this.#coldReads++;
    const { account, next: sequence } = line;
    const part = { account, place, sequence, bytesMax: COLD_READ_BYTES };
    const context = this.#current;
    context.ask<DeskCommand, DeskAnswers['read-stream']>(
      context.refer(DESK_ADDRESS),
      { type: 'read-stream', ...part },
      COLD_READ_TIMEOUT_MS,
      (answer) => ({ type: 'cold', line, answer }),
    );
  }

  #endCold(): void {
    this.#coldReads--;
    const next = this.#coldWaiting.shift();
    if (next !== undefined) this.#askCold(next);
  }

  readonly #tellMarket = (address: string, notice: MarketNotice): void => {
    const context = this.#current;
    context.tell(context.refer<MarketNotice>(toAddress(address)), notice);
  };

  /** A session that is lost has left. */
  #watch(address: string, context: ExchangeContext): void {
    if (this.#sessions.has(address)) return;
    this.#sessions.add(address);
    const session = toAddress(address);
    context.watch(context.refer<never>(session), { type: 'gone', session });
  }
}
