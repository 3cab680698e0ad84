/**
 * A venue: its accounts, order books and day, and all that a client can do. It knows neither actors nor sockets.
 *
 * A turn begins with the time and ends with `finish`, which writes into the log what accounts were told, and hands it to
 * those who are there. All that is stored is what accounts were told and the few events beside it that
 * exchange-log.ts has; recovery.ts makes the same state of them.
 */
import {
  type BookSelection,
  type ClientAddress,
  type ClientNotice,
  type DayReply,
  type DayState,
  ENTRY_HEAD_BYTES,
  type ExchangeCommand,
  type ExchangeFigures,
  type OrderbookForm,
} from '../../src/protocol/exchange.ts';
import type { ExchangeSettings } from '../../src/protocol/host-task.ts';
import { writeSystemEvent } from '../../src/protocol/ouch/flat.ts';
import { LENGTH } from '../../src/protocol/ouch/layout.ts';
import { Accounts } from './accounts.ts';
import { ExchangeLog, type LoggedEvents } from './exchange-log.ts';
import { type ExchangeState, freezeOrders } from './exchange-snapshot.ts';
import { explain, type MessageToken, ownTokenOf } from './explain.ts';
import { type IgnoredReason, OrderEntry } from './order-entry.ts';
import { Orders } from './orders.ts';
import { Recovery } from './recovery.ts';
import { NONE } from './rows.ts';
import { type ColdPlace, countPackets, type SequencedStream, StreamMemory } from './sequenced-stream.ts';
import { Line, type TradingAccount } from './trading-account.ts';
import { type Opening, openingAt, ZoneTime } from './trading-day.ts';
import { REASON } from './validate.ts';
import type { VenueBooks } from './venue-books.ts';
import { VenueClock } from './venue-clock.ts';

type LogIn = Extract<ExchangeCommand, { type: 'log-in' }>;

/** A notice before it is known for which call it is. */
export type NoticeBody = ClientNotice extends infer Notice
  ? Notice extends unknown
    ? Omit<Notice, 'call'>
    : never
  : never;

/** Where all goes that leaves an exchange. */
export interface Outlet {
  tell(client: ClientAddress, notice: NoticeBody): void;
  /** Messages of a line that only the journal has; `coldRead` is called with them. */
  readCold(line: Line, place: ColdPlace): void;
}

export interface ExchangeOptions extends ExchangeSettings {
  /** Its journal is kept, so that no message is ever gone. */
  readonly isDurable: boolean;
  /** Of the index of orders: nobody may know where his tokens fall. */
  readonly secret: number;
}

interface Openings {
  /** That is now, or comes next. */
  readonly current: Opening;
  /** That the session belongs to. */
  readonly own: Opening;
}

/** Explanations of messages without effect, for each byte message. */
const EXPLAINED_MAX = 16;
const READ_BYTES = 64 * 1024;
const LENGTH_BYTES = 2;
const PACKET_HEAD_BYTES = 3;
const UNSEQUENCED = 0x55;
const EVENT_START = 0x53;
const EVENT_END = 0x45;
const SESSION_RADIX = 36;

export class Exchange {
  readonly orders: Orders;
  readonly books: VenueBooks;
  readonly accounts: Accounts;
  readonly clock: VenueClock;
  readonly entry: OrderEntry;
  readonly #options: ExchangeOptions;
  readonly #outlet: Outlet;
  /** Until the start. */
  #recovery: Recovery | undefined;
  #log: ExchangeLog | undefined;
  /** When the session began, in milliseconds since 1970; 0 before the first one. */
  #sessionMs = 0;
  /** Ids by the numbers that stand for them, as the log has them. */
  #listed = new Map<number, number>();
  readonly #ignored = new Map<string, number>();
  /** Lines of the last session that are not through with their stream yet. */
  readonly #ending = new Set<Line>();
  /** When the calendar is to be looked at again. */
  #calendarDueMs = 0;
  /** Accounts that have left, and have orders; the one whose grace is over first is the first. */
  readonly #leaving = new Set<TradingAccount>();

  constructor(options: ExchangeOptions, outlet: Outlet) {
    this.#options = options;
    this.#outlet = outlet;
    this.orders = new Orders(options.secret);
    this.clock = new VenueClock(new ZoneTime(options.timeZone));
    const memory = new StreamMemory(options.streamMemoryBytes);
    this.accounts = new Accounts(options.venue.traders, this.orders, memory);
    this.entry = new OrderEntry(options, this.orders, this.clock, this.accounts.list);
    this.books = this.entry.books;
    this.#recovery = new Recovery(memory, this.orders);
  }

  get state(): DayState {
    return this.entry.isOpen ? 'open' : 'before-open';
  }

  /** The id of the day's session, unpadded: each is greater than the one before. */
  get session(): string {
    return this.#sessionMs.toString(SESSION_RADIX).toUpperCase();
  }

  get isAllHalted(): boolean {
    return this.books.list.every(({ isHalted, isRetired }) => isHalted || isRetired);
  }

  /** When `begin` and `finish` are to be called at the latest, whatever else comes. */
  get dueMs(): number {
    const [first] = this.#leaving;
    return Math.min(this.#calendarDueMs, first?.dueMs ?? Number.POSITIVE_INFINITY);
  }

  /** Called at most once, ahead of any event. */
  restore(state: ExchangeState): void {
    this.#recovery?.restore(state);
  }

  /** Does again what stored events have done. */
  apply(bytes: Uint8Array, start: number, end: number): void {
    this.#recovery?.apply(bytes, start, end);
  }

  /** All as it is now, between two turns. */
  freeze(): ExchangeState {
    if (this.#recovery !== undefined) return this.#recovery.freeze();
    const { accepted, rejected, trades, isOpen } = this.entry;
    const { date, orders, matches, midnightMs, toldMs } = this.clock;
    const accounts = this.accounts.all;
    const books = this.books.list.filter(({ isHalted, lastPrice }) => isHalted || lastPrice > 0);
    return {
      events: this.#nextEvent - 1,
      session: {
        beginMs: this.#sessionMs,
        ...{ isOpen, date, orders, matches, midnightMs, toldMs, accepted, rejected, trades },
      },
      accounts: accounts.map((account) => account.freeze(this.orders.countOf(account.number))),
      books: books.map((book) => book.freeze()).sort((a, b) => a.id - b.id || a.group - b.group),
      listed: [...this.#listed].map(([number, id]) => ({ number, id })).sort((a, b) => a.number - b.number),
      orders: freezeOrders(
        this.orders,
        accounts.map(({ number }) => number),
        this.books.list,
      ),
    };
  }

  /** Called once, when all is as it was stored, before anything else. */
  start(timeMs: number): void {
    this.#takeOver();
    this.#begin(timeMs);
    this.#listBooks();
    for (const account of this.accounts.all) this.#welcomeBack(account);
    if (this.#sessionMs === 0) this.#beginSession();
    if (this.#options.day === 'at-start' && this.clock.date === 0) this.#openDay();
    this.#followCalendar();
    this.finish();
  }

  /** Begins a turn. Time never goes back. */
  begin(timeMs: number): void {
    this.#begin(timeMs);
    this.#onTime();
  }

  /** Ends a turn: what accounts were told leaves for the log, and for those who are there. */
  finish(): void {
    const { touched } = this.entry;
    for (let i = 0; i < touched.length; i++) {
      const account = touched[i];
      account.isTouched = false;
      this.#flush(account);
      if (account.isRaw) this.#closeIfDone(account);
    }
    touched.length = 0;
  }

  /** Removes and returns what is to be stored; undefined if there is nothing. */
  takeLogged(): LoggedEvents | undefined {
    return this.#log?.take();
  }

  /** Handles a byte message of a session: see src/protocol/exchange.ts. */
  take(bytes: Uint8Array, start: number, end: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, end);
    if (end - start < ENTRY_HEAD_BYTES) {
      this.#count('packet');
      return;
    }
    const number = view.getUint32(start, true);
    const connection = view.getUint32(start + 4, true);
    const account = number < this.accounts.list.length ? this.accounts.list[number] : undefined;
    if (account?.line === undefined || account.line.client.connection !== connection) {
      this.#count('connection');
      return;
    }
    let ignored = 0;
    for (let at = start + ENTRY_HEAD_BYTES; at < end; ) {
      const last = at + PACKET_HEAD_BYTES > end ? end + 1 : at + LENGTH_BYTES + view.getUint16(at);
      const body = at + PACKET_HEAD_BYTES;
      let reason: IgnoredReason | undefined;
      if (last > end || last < body) {
        // What follows can not be found.
        reason = 'packet';
        at = end;
      } else {
        const isMessage = view.getUint8(at + LENGTH_BYTES) === UNSEQUENCED;
        reason = isMessage ? this.entry.take(account, view, body, last - body) : 'packet';
        at = last;
      }
      if (reason === undefined) continue;
      this.#count(reason);
      ignored++;
      const isAwaited = account.line.client.call !== undefined;
      if (!isAwaited && (ignored > EXPLAINED_MAX || !this.#options.isDebugOn)) continue;
      const text = explain(reason, view, body, last - body, account.lastToken);
      // Of a packet that is cut off there may be nothing to read.
      const isWhole = isAwaited && reason !== 'packet';
      this.#tellIgnored(account.line, text, isWhole ? ownTokenOf(view, body, last - body) : undefined);
    }
    if (ignored > EXPLAINED_MAX && this.#options.isDebugOn) {
      this.#tellIgnored(account.line, `and ${ignored - EXPLAINED_MAX} more`);
    }
  }

  logIn({ user, password, requestedSession, sequence, form, client }: LogIn): void {
    const name = user.trim().toUpperCase();
    const trader = this.accounts.traderOf(name);
    if (trader === undefined || trader.password.toUpperCase() !== password.trim().toUpperCase()) {
      this.#refuse(client, 'A', 'the user or the password is wrong');
      return;
    }
    const wanted = requestedSession.trim().toUpperCase();
    if (wanted !== '' && wanted !== this.session) {
      this.#refuse(client, 'S', `the session is ${this.session}, not ${wanted}`);
      return;
    }
    const account = this.#open(name, form, false);
    this.#takePart(account, form);
    const { count } = account.stream;
    const next = sequence === 0 ? Math.max(1, count) : Math.min(sequence, count + 1);
    if (!this.#options.isDurable && account.stream.read(next, 0) === undefined) {
      this.#refuse(client, 'S', `message ${next} is not kept any more`);
      return;
    }
    this.#attach(account, new Line(client, account.number, account.stream, next));
  }

  logInRaw(client: ClientAddress): void {
    const account = this.#open(`raw/${client.connection}`, 'uint32', true);
    this.#takePart(account, 'uint32');
    const next = account.stream.count + 1;
    this.#attach(account, new Line(client, account.number, account.stream, next));
    this.#event(account, this.#isTrading ? EVENT_START : EVENT_END);
  }

  pageTaken(account: number, connection: number): void {
    const line = this.#lineOf(account, connection);
    if (line === undefined) return;
    line.taken();
    this.#feed(line);
  }

  /** What was asked for with `readCold`: whole packets from `line.next` on, undefined if they can not be had. */
  coldRead(line: Line, packets: Uint8Array | undefined): void {
    if (this.#lineOf(line.account, line.client.connection) !== line) return;
    if (packets === undefined || packets.length === 0) {
      this.#dismiss(line, `message ${line.next} can not be read`);
      return;
    }
    line.taken();
    this.#sendRead(line, packets);
    this.#feed(line);
  }

  hearOut(account: number, connection: number): void {
    const line = this.#lineOf(account, connection);
    if (line === undefined) return;
    line.isHeardOut = true;
    this.#feed(line);
  }

  left(account: number, connection: number): void {
    const line = this.#lineOf(account, connection);
    if (line === undefined) return;
    if (!this.#ending.delete(line)) this.#lose(this.accounts.get(account));
    else line.stream.clear();
  }

  /** All that its clients have begun at this address is over. */
  gone(address: string): void {
    const leave = (line: Line | undefined) => {
      if (line?.client.address === address) this.left(line.account, line.client.connection);
    };
    for (const account of this.accounts.list) leave(account?.line);
    for (const line of this.#ending) leave(line);
  }

  openDay(): DayReply {
    const isChanged = !this.entry.isOpen;
    if (isChanged) this.#openDay();
    return { isChanged, state: this.state, session: this.session };
  }

  closeDay(): DayReply {
    const isChanged = this.entry.isOpen;
    if (isChanged) this.#beginSession();
    return { isChanged, state: this.state, session: this.session };
  }

  /** Returns the number of books that changed. */
  halt(selection: BookSelection): number {
    return this.#setHalted(selection, true);
  }

  resume(selection: BookSelection): number {
    return this.#setHalted(selection, false);
  }

  /** Withdraws orders, with reason S; returns their number, or undefined if there is no such user. */
  cancelAll({
    user,
    ...selection
  }: BookSelection & { readonly user?: string | undefined }): number | undefined {
    const books = new Set(this.books.select(selection).map(({ index }) => index));
    const name = user?.trim().toUpperCase();
    if (name !== undefined && this.accounts.traderOf(name) === undefined) return undefined;
    const accounts = this.accounts.all.filter((account) => name === undefined || account.name === name);
    const isMeant = (slot: number) => books.has(this.orders.bookOf(slot));
    return accounts.reduce((sum, { number }) => sum + this.#withdraw(number, REASON.supervisory, isMeant), 0);
  }

  figures(): ExchangeFigures {
    const { accepted, rejected, trades } = this.entry;
    const books = this.books.list.filter(({ isRetired }) => !isRetired);
    return {
      state: this.state,
      session: this.session,
      books: books.length,
      halted: books.filter(({ isHalted }) => isHalted).length,
      accounts: this.accounts.count,
      connected: this.accounts.all.filter(({ line }) => line !== undefined).length,
      openOrders: this.orders.count,
      accepted,
      rejected,
      trades,
      ignored: Object.fromEntries(this.#ignored),
    };
  }

  /** Position of the first event that somebody may want to read; 0 if there is none. */
  get keptFrom(): number {
    let first = Number.POSITIVE_INFINITY;
    const keep = (stream: SequencedStream, sequence: number) => {
      if (sequence <= stream.count) first = Math.min(first, stream.coldAt(sequence).event);
    };
    for (const { isRaw, line, stream } of this.accounts.all) {
      // A raw client asks for nothing again.
      if (!isRaw) keep(stream, 1);
      else if (line !== undefined) keep(stream, line.next);
    }
    for (const { stream, next } of this.#ending) keep(stream, next);
    return first === Number.POSITIVE_INFINITY ? 0 : first;
  }

  get #isTrading(): boolean {
    return this.entry.isOpen && !this.isAllHalted;
  }

  get #nextEvent(): number {
    return this.#log?.next ?? 1;
  }

  /** Goes on with what was stored. Orders are in the books as they came: by number. */
  #takeOver(): void {
    const recovery = this.#recovery;
    if (recovery === undefined) throw new Error('the exchange has started before');
    this.#recovery = undefined;
    const { session, accounts, books, listed, events } = recovery;
    if (this.#options.isDurable) this.#log = new ExchangeLog(events);
    this.#sessionMs = session.beginMs;
    this.#listed = listed;
    this.clock.restore(session);
    this.entry.restore(session);
    const indexes = books.map((book) => this.books.restore(book));
    const slots: number[] = [];
    for (const account of accounts.values()) {
      this.accounts.restore(account);
      for (let slot = this.orders.firstOf(account.number); slot !== NONE; slot = this.orders.nextOf(slot)) {
        this.orders.setBook(slot, indexes[this.orders.bookOf(slot)], this.orders.sideOf(slot));
        slots.push(slot);
      }
    }
    slots.sort((a, b) => this.orders.numberOf(a) - this.orders.numberOf(b));
    for (const slot of slots) this.books.list[this.orders.bookOf(slot)].book.rest(slot);
  }

  /** A number that stands for another security than before is logged. */
  #listBooks(): void {
    for (const { id, number, isRetired } of this.books.list) {
      if (isRetired || this.#listed.get(number) === id) continue;
      this.#listed.set(number, id);
      this.#log?.listBook(id, number);
    }
  }

  #begin(timeMs: number): void {
    if (this.clock.set(timeMs)) this.#log?.midnight(this.clock.midnightMs);
  }

  /** Whatever is due. */
  #onTime(): void {
    const { nowMs } = this.clock;
    for (const account of this.#leaving) {
      if (account.dueMs > nowMs) break;
      this.#withdrawLeft(account);
    }
    if (nowMs >= this.#calendarDueMs) this.#followCalendar();
  }

  #open(name: string, form: OrderbookForm, isRaw: boolean): TradingAccount {
    const known = isRaw ? undefined : this.accounts.find(name);
    if (known !== undefined) return known;
    const opened = { account: this.accounts.freeNumber(), name, form, isRaw };
    this.#log?.openAccount(opened);
    return this.accounts.open(opened);
  }

  #takePart(account: TradingAccount, form: OrderbookForm): void {
    if (account.isPart && account.form === form) return;
    const isNew = !account.isPart;
    // What it was told before is in the form before.
    this.#flush(account);
    this.#log?.takePart(account.number, form);
    account.isPart = true;
    account.form = form;
    // Of a raw account its connection says more.
    if (isNew && !account.isRaw && this.entry.isOpen) this.#event(account, EVENT_START);
  }

  #attach(account: TradingAccount, line: Line): void {
    // What the line is to have is not to come to it a second time.
    this.#flush(account);
    // The account itself has not lost its client.
    if (account.line !== undefined)
      this.#sayDismissed(account.line, 'another connection has the account now');
    this.#setLine(account, line);
    this.#leaving.delete(account);
    const { client, next: sequence } = line;
    this.#outlet.tell(client, {
      type: 'logged-in',
      account: account.number,
      session: this.session,
      sequence,
      lastSequence: account.stream.count,
      lastToken: account.lastToken,
    });
    this.#feed(line);
  }

  /** Without a journal what a client has not had yet must stay in memory. */
  #setLine(account: TradingAccount, line: Line): void {
    account.line = line;
    if (!this.#options.isDurable) account.stream.reader = line;
  }

  #refuse(client: ClientAddress, reason: 'A' | 'S', text: string): void {
    this.#outlet.tell(client, { type: 'login-refused', reason, text });
  }

  #sayDismissed({ client }: Line, reason: string): void {
    this.#outlet.tell(client, { type: 'dismissed', reason });
  }

  #dismiss(line: Line, reason: string): void {
    this.#sayDismissed(line, reason);
    this.left(line.account, line.client.connection);
  }

  #lineOf(number: number, connection: number): Line | undefined {
    const line = this.accounts.list[number]?.line;
    if (line?.client.connection === connection) return line;
    for (const ending of this.#ending) {
      if (ending.account === number && ending.client.connection === connection) return ending;
    }
    return undefined;
  }

  /** The account's client is gone. */
  #lose(account: TradingAccount): void {
    account.line = undefined;
    account.stream.reader = undefined;
    const isKept = account.isRaw && !this.#options.isRawCancelOnDisconnect;
    if (isKept || this.orders.firstOf(account.number) === NONE) {
      this.#closeIfDone(account);
      return;
    }
    account.dueMs = this.clock.nowMs + (account.isRaw ? 0 : this.#options.disconnectGraceMs);
    this.#leaving.add(account);
    if (account.dueMs <= this.clock.nowMs) this.#withdrawLeft(account);
  }

  /** After a start: whoever was there is gone, and who is in the settings no more has no orders. */
  #welcomeBack(account: TradingAccount): void {
    const isKnown = account.isRaw || this.accounts.traderOf(account.name) !== undefined;
    const isGone = (slot: number) => !isKnown || this.books.list[this.orders.bookOf(slot)].isRetired;
    this.#withdraw(account.number, REASON.supervisory, isGone);
    this.#lose(account);
  }

  #withdrawLeft(account: TradingAccount): void {
    this.#leaving.delete(account);
    this.#withdraw(account.number, REASON.loggedOff);
  }

  /** Withdraws an account's orders, or some of them, the oldest first; returns how many. */
  #withdraw(account: number, reason: number, isMeant?: (slot: number) => boolean): number {
    let count = 0;
    for (let slot = this.orders.firstOf(account); slot !== NONE; ) {
      const next = this.orders.nextOf(slot);
      if (isMeant === undefined || isMeant(slot)) {
        this.entry.withdraw(slot, reason);
        count++;
      }
      slot = next;
    }
    return count;
  }

  /** A raw account without a client and without orders is forgotten. */
  #closeIfDone(account: TradingAccount): void {
    const { isRaw, isTouched, line, number } = account;
    if (!isRaw || isTouched || line !== undefined || this.orders.firstOf(number) !== NONE) return;
    if (this.accounts.list[number] !== account) return;
    this.#log?.closeAccount(number);
    this.accounts.close(account);
  }

  #openDay(): void {
    const date = this.clock.zone.dateNumber(this.clock.nowMs);
    this.#log?.openDay(date);
    this.entry.isOpen = true;
    for (const book of this.books.list) {
      if (date !== this.clock.date) book.lastMatch = 0;
      book.changes?.touch();
    }
    this.clock.beginDay(date);
    this.#tellAll(EVENT_START, this.#isTrading);
    this.#lookAhead();
  }

  /** Ends the day, if it is open, and begins the next session. */
  #beginSession(): void {
    if (this.entry.isOpen) this.#endDay();
    this.finish();
    const rawLines: Line[] = [];
    for (const account of this.accounts.all) {
      const { line } = account;
      if (line === undefined) continue;
      account.line = undefined;
      if (!account.isRaw) this.#end(account, line);
      else if (line.isWaiting) this.#dismiss(line, 'the day has ended before its messages were taken');
      else rawLines.push(line);
    }
    const sessionMs = Math.max(Math.floor(this.clock.nowMs), this.#sessionMs + 1);
    this.#log?.beginSession(sessionMs);
    this.#sessionMs = sessionMs;
    this.entry.endDay();
    for (const book of this.books.list) {
      book.volume = 0;
      book.changes?.touch();
    }
    for (const account of this.accounts.all) account.beginSession();
    for (const { account: number, client } of rawLines) {
      const account = this.accounts.get(number);
      this.#setLine(account, new Line(client, number, account.stream, 1));
      this.#takePart(account, account.form);
    }
    for (const account of this.accounts.all) this.#closeIfDone(account);
    this.#lookAhead();
  }

  /** The session of a line is over; the client gets the rest of it. */
  #end(account: TradingAccount, line: Line): void {
    line.isEnding = true;
    this.#ending.add(line);
    if (line.isWaiting) account.stream = this.accounts.newStream();
    else this.#feed(line);
  }

  /** Every order is withdrawn, then all hear of the end. */
  #endDay(): void {
    for (const { number } of this.accounts.all) this.#withdraw(number, REASON.other);
    this.#leaving.clear();
    this.#tellAll(EVENT_END, this.#isTrading);
  }

  /** To the accounts of the session, and to raw clients if they are concerned. */
  #tellAll(event: number, isForRaw: boolean): void {
    for (const account of this.accounts.all) {
      if (account.isRaw ? isForRaw && account.line !== undefined : account.isPart)
        this.#event(account, event);
    }
  }

  #tellRaw(event: number): void {
    for (const account of this.accounts.all) {
      if (account.isRaw && account.line !== undefined) this.#event(account, event);
    }
  }

  #event(account: TradingAccount, event: number): void {
    const at = this.entry.begin(account, LENGTH.systemEvent);
    writeSystemEvent(account.stream.view, at, this.clock.time, event);
  }

  #setHalted(selection: BookSelection, isHalted: boolean): number {
    const wasTrading = this.#isTrading;
    const changed = this.books.select(selection).filter((book) => book.isHalted !== isHalted);
    for (const book of changed) {
      book.isHalted = isHalted;
      book.changes?.touch();
      if (isHalted) this.#log?.halt(book.id, book.group);
      else this.#log?.resume(book.id, book.group);
    }
    // A raw client knows nothing of single books.
    if (wasTrading !== this.#isTrading) this.#tellRaw(wasTrading ? EVENT_END : EVENT_START);
    return changed.length;
  }

  /** Opens and closes what is due. */
  #followCalendar(): void {
    const openings = this.#openings;
    if (openings !== undefined) this.#follow(openings);
    this.#lookAhead();
  }

  #follow({ current, own }: Openings): void {
    const { nowMs, date } = this.clock;
    const isOver = this.entry.isOpen && nowMs >= own.closeMs;
    // A session that began within the opening follows one that was closed by hand, unless it is the first.
    const isDue = nowMs >= current.openMs && (isOver || this.#sessionMs <= current.openMs || date === 0);
    if (isOver || (isDue && own.openMs !== current.openMs)) this.#beginSession();
    if (isDue && !this.entry.isOpen) this.#openDay();
  }

  get #openings(): Openings | undefined {
    if (this.#options.day !== 'calendar') return undefined;
    const current = openingAt(this.clock.nowMs, this.#options, this.clock.zone);
    const own = openingAt(this.#sessionMs, this.#options, this.clock.zone);
    return current === undefined || own === undefined ? undefined : { current, own };
  }

  /** Says when the calendar is to be looked at again: whenever the day has changed, and when that time has come. */
  #lookAhead(): void {
    const openings = this.#openings;
    if (openings === undefined) this.#calendarDueMs = Number.POSITIVE_INFINITY;
    else if (this.entry.isOpen) this.#calendarDueMs = openings.own.closeMs;
    else {
      const { openMs, closeMs } = openings.current;
      this.#calendarDueMs = this.clock.nowMs < openMs ? openMs : closeMs;
    }
  }

  /** What an account was told goes into the log. */
  #settle({ number, stream }: TradingAccount): readonly Uint8Array[] {
    return this.#log === undefined ? stream.takeFresh(0) : this.#log.packets(number, stream);
  }

  #flush(account: TradingAccount): void {
    const fresh = this.#settle(account);
    const { line } = account;
    if (line === undefined || line.isWaiting || fresh.length === 0) return;
    line.next = account.stream.count + 1;
    let length = 0;
    for (const bytes of fresh) length += bytes.length;
    const isPage = line.sends(length);
    for (let i = 0; i < fresh.length; i++) this.#send(line, fresh[i], isPage && i === fresh.length - 1);
  }

  /** Sends what the stream of a line has, as far as it may go. */
  #feed(line: Line): void {
    const { stream } = line;
    const account = this.accounts.list[line.account];
    if (account?.stream === stream) this.#settle(account);
    while (!line.isWaiting && line.next <= stream.count) {
      const packets = stream.read(line.next, READ_BYTES);
      if (packets === undefined) {
        line.isWaiting = true;
        this.#outlet.readCold(line, stream.coldAt(line.next));
      } else this.#sendRead(line, packets);
    }
    if (line.isWaiting) return;
    if (line.isEnding) {
      this.#ending.delete(line);
      stream.clear();
      this.#outlet.tell(line.client, { type: 'session-ended' });
    } else if (line.isHeardOut || line.isBehind) {
      line.isBehind = false;
      this.#outlet.tell(line.client, { type: 'all-told' });
    }
  }

  #sendRead(line: Line, packets: Uint8Array): void {
    line.next += countPackets(packets);
    this.#send(line, packets, line.sends(packets.length));
  }

  #send({ client }: Line, bytes: Uint8Array, isPage: boolean): void {
    this.#outlet.tell(client, { type: 'sequenced', bytes, isPage });
  }

  #count(reason: IgnoredReason): void {
    this.#ignored.set(reason, (this.#ignored.get(reason) ?? 0) + 1);
  }

  #tellIgnored({ client }: Line, text: string, message?: MessageToken): void {
    this.#outlet.tell(client, { type: 'ignored', text, ...message });
  }
}
