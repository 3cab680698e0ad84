/**
 * A venue for tests: an exchange with a clock that is moved by hand, and traders who say what they want in words and see
 * what they were told in words.
 *
 *     S S                           the day has begun
 *     A[1] B q100 p23000 L          accepted, live
 *     U[5] was 1 q115 p23000 L      replaced
 *     E[1] 60 at 100 R m1           executed
 *     C[5] -115 U                   canceled
 *     D[5] -40 40 at 100 R          prevented from trading with itself
 *     J[2] N                        rejected
 */
import assert from 'node:assert/strict';
import { type ClientAddress, ENTRY_HEAD_BYTES, type OrderbookForm } from '../../src/protocol/exchange.ts';
import {
  ACCEPTED,
  AIQ_CANCELED,
  CANCEL,
  CANCELED,
  DAY,
  ENTER,
  EXECUTED,
  LENGTH,
  LETTER,
  REJECTED,
  REPLACE,
  REPLACED,
  SYSTEM_EVENT,
} from '../../src/protocol/ouch/layout.ts';
import type { BookSettings, TraderSettings } from '../../src/protocol/venue.ts';
import {
  Exchange,
  type ExchangeOptions,
  type NoticeBody,
  type Outlet,
} from '../../workers/exchange/exchange.ts';
import type { ColdPlace } from '../../workers/exchange/sequenced-stream.ts';
import type { Line } from '../../workers/exchange/trading-account.ts';

/** 31 July 2026, noon in Tokyo. */
export const NOON_MS = Date.UTC(2026, 6, 31, 3);
export const PASSWORD = 'secret';

export function bookOf(id: string, number: number, changes: Partial<BookSettings> = {}): BookSettings {
  return {
    id,
    number,
    name: id,
    groups: ['DAY ', 'NGHT'],
    lot: 1,
    tickTable: 'plain',
    lowerLimit: 1,
    upperLimit: 0x7ffffffe,
    isShortSellRestricted: false,
    ...changes,
  };
}

export function traderOf(user: string, changes: Partial<TraderSettings> = {}): TraderSettings {
  return {
    user,
    password: PASSWORD,
    groups: ['DAY ', 'NGHT'],
    firms: [],
    orderValueMax: 0,
    ordersPerSecond: 0,
    selfTrade: 'cancel-newest',
    owner: '',
    ...changes,
  };
}

export function optionsOf(changes: Partial<ExchangeOptions> = {}): ExchangeOptions {
  return {
    venue: {
      tickTables: [
        { name: 'plain', bands: [{ from: 0, tick: 1 }] },
        {
          name: 'steps',
          bands: [
            { from: 0, tick: 1 },
            { from: 30_000, tick: 5 },
            { from: 50_000, tick: 50 },
          ],
        },
      ],
      books: [bookOf('4422', 4422), bookOf('7203', 7203)],
      traders: ['ALICE', 'BOB', 'CAROL'].map((user) => traderOf(user)),
    },
    day: 'at-start',
    openAtMs: 8 * 3_600_000,
    closeAtMs: 16 * 3_600_000,
    openDays: [1, 2, 3, 4, 5],
    timeZone: 'Asia/Tokyo',
    ordersMax: 2_000_000,
    ordersPerTraderMax: 2_000_000,
    streamMemoryBytes: 64 * 1024 * 1024,
    disconnectGraceMs: 0,
    isDebugOn: true,
    isRawCancelOnDisconnect: true,
    isDurable: true,
    secret: 7,
    ...changes,
  };
}

export class TestVenue implements Outlet {
  readonly exchange: Exchange;
  nowMs: number;
  readonly coldReads: { readonly line: Line; readonly place: ColdPlace }[] = [];
  readonly #byConnection = new Map<number, TestTrader>();
  #connections = 0;

  constructor(
    options: ExchangeOptions = optionsOf(),
    before?: (exchange: Exchange) => void,
    nowMs = NOON_MS,
  ) {
    this.nowMs = nowMs;
    this.exchange = new Exchange(options, this);
    before?.(this.exchange);
    this.exchange.start(nowMs);
  }

  /** A turn in which `act` is done. */
  turn<Result>(act: (exchange: Exchange) => Result): Result {
    this.exchange.begin(this.nowMs);
    const result = act(this.exchange);
    this.exchange.finish();
    return result;
  }

  advance(ms: number): void {
    this.nowMs += ms;
    this.turn(() => {});
  }

  connect(call?: number): TestTrader {
    const trader = new TestTrader(this, ++this.#connections, call);
    this.#byConnection.set(this.#connections, trader);
    return trader;
  }

  logIn(user: string, wishes: Wishes = {}): TestTrader {
    const trader = this.connect();
    trader.logIn(user, wishes);
    return trader;
  }

  connectRaw(): TestTrader {
    const trader = this.connect();
    this.turn((exchange) => exchange.logInRaw(trader.client));
    return trader;
  }

  tell(client: ClientAddress, notice: NoticeBody): void {
    this.#byConnection.get(client.connection)?.take(notice);
  }

  readCold(line: Line, place: ColdPlace): void {
    this.coldReads.push({ line, place });
  }
}

export interface Wishes {
  readonly password?: string;
  readonly session?: string;
  readonly sequence?: number;
  readonly form?: OrderbookForm;
}

export interface EnterWishes {
  readonly side?: string;
  readonly quantity?: number;
  readonly book?: string | number;
  readonly group?: string;
  readonly price?: number;
  readonly timeInForce?: number;
  readonly firm?: number;
  readonly display?: string;
  readonly capacity?: string;
  readonly minimum?: number;
  readonly classification?: string;
  readonly cashMargin?: string;
}

export interface ReplaceWishes {
  readonly quantity?: number;
  readonly price?: number;
  readonly timeInForce?: number;
  readonly display?: string;
  readonly minimum?: number;
}

export class TestTrader {
  readonly client: ClientAddress;
  readonly notices: NoticeBody[] = [];
  account = -1;
  session = '';
  /** Of the next message. */
  sequence = 0;
  /** All packets that came to this connection. */
  received = Buffer.alloc(0);
  ended: 'session-ended' | 'dismissed' | undefined;
  /** Does not say that it has taken a page, until told to. */
  isSlow = false;
  readonly #venue: TestVenue;
  #seen = 0;
  #pages = 0;

  /** With a call it is one that awaits an answer to each message. */
  constructor(venue: TestVenue, connection: number, call?: number) {
    this.#venue = venue;
    this.client = { address: `ouch/${connection}`, connection, ...(call === undefined ? {} : { call }) };
  }

  get refusal(): string | undefined {
    const refused = this.notices.find(({ type }) => type === 'login-refused');
    return refused?.type === 'login-refused' ? refused.reason : undefined;
  }

  get ignored(): string[] {
    return this.notices.flatMap((notice) => (notice.type === 'ignored' ? [notice.text] : []));
  }

  logIn(
    user: string,
    { password = PASSWORD, session = '', sequence = 1, form = 'alpha' }: Wishes = {},
  ): void {
    const { client } = this;
    const login = {
      type: 'log-in',
      user,
      password,
      requestedSession: session,
      sequence,
      form,
      client,
    } as const;
    this.#venue.turn((exchange) => exchange.logIn(login));
    this.takePages();
  }

  take(notice: NoticeBody): void {
    this.notices.push(notice);
    switch (notice.type) {
      case 'logged-in':
        this.account = notice.account;
        this.session = notice.session;
        this.sequence = notice.sequence;
        break;
      case 'sequenced':
        // What was told must not change afterwards, so it is looked at only when it is asked for.
        this.received = Buffer.concat([this.received, notice.bytes]);
        if (notice.isPage) this.#pages++;
        break;
      case 'session-ended':
      case 'dismissed':
        this.ended = notice.type;
    }
  }

  /** Says that it has taken what came. */
  takePages(): void {
    while (this.#pages > 0 && !this.isSlow) {
      this.#pages--;
      this.#venue.turn((exchange) => exchange.pageTaken(this.account, this.client.connection));
    }
  }

  leave(): void {
    this.#venue.turn((exchange) => exchange.left(this.account, this.client.connection));
  }

  enter(token: number, wishes: EnterWishes = {}): string[] {
    return this.send(enterOf(token, wishes));
  }

  replace(token: number, replacement: number, wishes: ReplaceWishes = {}): string[] {
    return this.send(replaceOf(token, replacement, wishes));
  }

  cancel(token: number, quantity = 0): string[] {
    return this.send(cancelOf(token, quantity));
  }

  /** Sends messages, in one piece, and returns what is new. */
  send(...messages: Uint8Array[]): string[] {
    this.sendBytes(Buffer.concat(messages.map(packetOf)));
    return this.news();
  }

  /** Sends packets, or anything. */
  sendBytes(packets: Uint8Array): void {
    const bytes = entryOf(this.account, this.client.connection, packets);
    this.#venue.turn((exchange) => exchange.take(bytes, 0, bytes.length));
    this.takePages();
  }

  /** What it was told since the last time. */
  news(): string[] {
    const packets = packetsIn(this.received).slice(this.#seen);
    this.#seen += packets.length;
    return packets.map(wordsOf);
  }
}

export function entryOf(account: number, connection: number, packets: Uint8Array): Buffer {
  const head = Buffer.alloc(ENTRY_HEAD_BYTES);
  head.writeInt32LE(account, 0);
  head.writeInt32LE(connection, 4);
  return Buffer.concat([head, packets]);
}

/** As an Unsequenced Data packet. */
export function packetOf(message: Uint8Array): Buffer {
  const head = Buffer.from([0, 0, 0x55]);
  head.writeUInt16BE(message.length + 1);
  return Buffer.concat([head, message]);
}

export function packetsIn(bytes: Buffer): Buffer[] {
  const packets: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 2 + bytes.readUInt16BE(at);
    assert.ok(end <= bytes.length, 'a packet is cut off');
    packets.push(bytes.subarray(at, end));
    at = end;
  }
  return packets;
}

export function enterOf(
  token: number,
  {
    side = 'B',
    quantity = 100,
    book = '4422',
    group = 'DAY ',
    price = 23_000,
    timeInForce = DAY,
    firm = 0,
    display = ' ',
    capacity = 'P',
    minimum = 0,
    classification = '1',
    cashMargin = '1',
  }: EnterWishes = {},
): Buffer {
  const message = Buffer.alloc(LENGTH.enter, ' ');
  message[0] = LETTER.enter;
  message.writeUInt32BE(token, ENTER.token);
  message.write('LENNY', ENTER.clientReference, 'latin1');
  message.write(side, ENTER.side, 'latin1');
  message.writeUInt32BE(quantity, ENTER.quantity);
  if (typeof book === 'number') message.writeUInt32BE(book, ENTER.orderbook);
  else message.write(book, ENTER.orderbook, 'latin1');
  message.write(group, ENTER.group, 'latin1');
  message.writeUInt32BE(price, ENTER.price);
  message.writeUInt32BE(timeInForce, ENTER.timeInForce);
  message.writeUInt32BE(firm, ENTER.firm);
  message.write(display, ENTER.display, 'latin1');
  message.write(capacity, ENTER.capacity, 'latin1');
  message.writeUInt32BE(minimum, ENTER.minimumQuantity);
  message.write(classification, ENTER.classification, 'latin1');
  message.write(cashMargin, ENTER.cashMargin, 'latin1');
  return message;
}

export function replaceOf(
  token: number,
  replacement: number,
  { quantity = 100, price = 23_000, timeInForce = DAY, display = ' ', minimum = 0 }: ReplaceWishes = {},
): Buffer {
  const message = Buffer.alloc(LENGTH.replace);
  message[0] = LETTER.replace;
  message.writeUInt32BE(token, REPLACE.existingToken);
  message.writeUInt32BE(replacement, REPLACE.replacementToken);
  message.writeUInt32BE(quantity, REPLACE.quantity);
  message.writeUInt32BE(price, REPLACE.price);
  message.writeUInt32BE(timeInForce, REPLACE.timeInForce);
  message.write(display, REPLACE.display, 'latin1');
  message.writeUInt32BE(minimum, REPLACE.minimumQuantity);
  return message;
}

export function cancelOf(token: number, quantity = 0): Buffer {
  const message = Buffer.alloc(LENGTH.cancel);
  message[0] = LETTER.cancel;
  message.writeUInt32BE(token, CANCEL.token);
  message.writeUInt32BE(quantity, CANCEL.quantity);
  return message;
}

const COUNTERS = 10_000_000_000n;

/** A Sequenced Data packet in words. */
export function wordsOf(packet: Buffer): string {
  assert.equal(packet[2], 0x53, 'it is a Sequenced Data packet');
  const message = packet.subarray(3);
  const u32 = (at: number) => message.readUInt32BE(at);
  const letter = (at: number) => message.toString('latin1', at, at + 1);
  const name = letter(0);
  const lengths: Record<string, number> = {
    S: LENGTH.systemEvent,
    A: LENGTH.accepted,
    U: LENGTH.replaced,
    C: LENGTH.canceled,
    D: LENGTH.aiqCanceled,
    E: LENGTH.executed,
    J: LENGTH.rejected,
  };
  assert.equal(message.length, lengths[name], `${name} has its length`);
  switch (name) {
    case 'S':
      return `S ${letter(SYSTEM_EVENT.event)}`;
    case 'A':
      return `A[${u32(ACCEPTED.token)}] ${letter(ACCEPTED.side)} q${u32(ACCEPTED.quantity)} p${u32(ACCEPTED.price)} ${letter(ACCEPTED.state)}`;
    case 'U':
      return `U[${u32(REPLACED.replacementToken)}] was ${u32(REPLACED.previousToken)} q${u32(REPLACED.quantity)} p${u32(REPLACED.price)} ${letter(REPLACED.state)}`;
    case 'C':
      return `C[${u32(CANCELED.token)}] -${u32(CANCELED.decrement)} ${letter(CANCELED.reason)}`;
    case 'D':
      return `D[${u32(AIQ_CANCELED.token)}] -${u32(AIQ_CANCELED.decrement)} ${u32(AIQ_CANCELED.prevented)} at ${u32(AIQ_CANCELED.price)} ${letter(AIQ_CANCELED.liquidity)}`;
    case 'E': {
      const match = message.readBigUInt64BE(EXECUTED.matchNumber) % COUNTERS;
      return `E[${u32(EXECUTED.token)}] ${u32(EXECUTED.quantity)} at ${u32(EXECUTED.price)} ${letter(EXECUTED.liquidity)} m${match}`;
    }
    default:
      return `J[${u32(REJECTED.token)}] ${letter(REJECTED.reason)}`;
  }
}
