/**
 * Whatever clients and operators do, and whenever the exchange is started again: what is stored makes the same state,
 * books are sound, both sides of a trade hear the same, and of each order the messages tell one life.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ACCEPTED,
  AIQ_CANCELED,
  CANCELED,
  DAY,
  EXECUTED,
  IMMEDIATE,
  REPLACED,
} from '../../../src/protocol/ouch/layout.ts';
import { SELF_TRADE_MODES } from '../../../src/protocol/venue.ts';
import {
  decodeSnapshot,
  type ExchangeState,
  encodeSnapshot,
} from '../../../workers/exchange/exchange-snapshot.ts';
import type { SequencedStream } from '../../../workers/exchange/sequenced-stream.ts';
import { Random } from '../../../workers/runtime/random.ts';
import { fuzzSeed } from '../../support/fuzz-seed.ts';
import {
  bookOf,
  cancelOf,
  enterOf,
  optionsOf,
  packetOf,
  packetsIn,
  replaceOf,
  type TestTrader,
  TestVenue,
  traderOf,
} from '../../support/venues.ts';

const STEPS = 2500;
const USERS = ['ANNE', 'BERT', 'CARL', 'DORA', 'EMIL', 'FINN'];

const OPTIONS = optionsOf({
  venue: {
    tickTables: optionsOf().venue.tickTables,
    books: [bookOf('A', 1), bookOf('B', 2, { lot: 10, isShortSellRestricted: true })],
    traders: USERS.map((user, i) =>
      traderOf(user, {
        selfTrade: SELF_TRADE_MODES[i % SELF_TRADE_MODES.length] ?? 'off',
        owner: i < 3 ? 'HOUSE' : '',
        ordersPerSecond: i === 5 ? 5 : 0,
        orderValueMax: i === 4 ? 100 : 0,
      }),
    ),
  },
  disconnectGraceMs: 500,
  isRawCancelOnDisconnect: false,
  ordersMax: 2_000_000,
  ordersPerTraderMax: 2_000_000,
  streamMemoryBytes: 1024 * 1024,
});

/** Does one thing after the other, and has what is stored. */
class Story {
  readonly random: Random;
  venue = new TestVenue(OPTIONS);
  #traders: TestTrader[] = [];
  #snapshot: ExchangeState | undefined;
  #logged: Uint8Array[] = [];
  readonly #tokens = new Map<number, number>();

  constructor(seed: number) {
    this.random = new Random(seed);
    this.#store();
  }

  step(): void {
    const { random, venue } = this;
    const dice = random.below(1000);
    if (this.#traders.length === 0 || dice < 40) this.#connect();
    else if (dice < 60) random.pick(this.#traders).leave();
    else if (dice < 80) venue.advance(random.below(2000));
    else if (dice < 86) this.#operate();
    else if (dice < 89) this.#startAgain();
    else if (dice < 92) this.#takeSnapshot();
    else this.#send(random.pick(this.#traders));
    this.#store();
  }

  /** What is stored, as another start would see it. */
  recovered(): ExchangeState {
    let state: ExchangeState | undefined;
    new TestVenue(OPTIONS, (exchange) => {
      if (this.#snapshot !== undefined) exchange.restore(this.#snapshot);
      for (const bytes of this.#logged) exchange.apply(bytes, 0, bytes.length);
      state = exchange.freeze();
    });
    return state ?? assert.fail();
  }

  #store(): void {
    const events = this.venue.exchange.takeLogged();
    if (events !== undefined) this.#logged.push(events.bytes.slice());
  }

  #takeSnapshot(): void {
    this.#snapshot = decodeSnapshot([...encodeSnapshot(this.venue.exchange.freeze())]);
    this.#logged = [];
  }

  #startAgain(): void {
    const [snapshot, logged] = [this.#snapshot, this.#logged];
    this.venue = new TestVenue(
      OPTIONS,
      (exchange) => {
        if (snapshot !== undefined) exchange.restore(snapshot);
        for (const bytes of logged) exchange.apply(bytes, 0, bytes.length);
      },
      this.venue.nowMs,
    );
    this.#traders = [];
  }

  #connect(): void {
    const { random, venue } = this;
    const isRaw = random.chance(0.3);
    const trader = isRaw
      ? venue.connectRaw()
      : venue.logIn(random.pick(USERS), { sequence: random.below(50) });
    this.#traders.push(trader);
    if (this.#traders.length > 8) this.#traders.shift();
  }

  #operate(): void {
    const { random, venue } = this;
    const selection = random.chance(0.3) ? {} : { id: random.pick(['A', 'B']) };
    venue.turn((exchange) => {
      const dice = random.below(6);
      if (dice === 0) exchange.closeDay();
      else if (dice === 1) exchange.halt(selection);
      else if (dice === 2) exchange.cancelAll(selection);
      else {
        exchange.openDay();
        exchange.resume({});
      }
    });
  }

  #send(trader: TestTrader): void {
    const { random } = this;
    if (random.chance(0.02)) {
      trader.sendBytes(Buffer.from(Array.from({ length: random.below(100) }, () => random.below(256))));
      return;
    }
    const messages = Array.from({ length: 1 + random.below(6) }, () => this.#message(trader));
    trader.sendBytes(Buffer.concat(messages));
  }

  #message(trader: TestTrader): Buffer {
    const { random } = this;
    const last = this.#tokens.get(trader.account) ?? -1;
    const token = last + 1 + (random.chance(0.05) ? -2 : random.below(2));
    const old = Math.max(0, last - random.below(20));
    this.#tokens.set(trader.account, Math.max(last, token));
    const wishes = {
      price: 95 + random.below(11),
      quantity: 10 * (1 + random.below(9)),
      timeInForce: random.chance(0.8) ? DAY : IMMEDIATE,
      display: random.chance(0.1) ? 'P' : ' ',
      minimum: random.chance(0.05) ? random.below(50) : 0,
    };
    const dice = random.below(100);
    if (dice < 15) return packetOf(cancelOf(old));
    if (dice < 35) return packetOf(replaceOf(old, Math.max(0, token), wishes));
    const isRaw = trader.session !== '' && !USERS.includes(this.#nameOf(trader));
    const book = isRaw ? 1 + random.below(2) : random.pick(['A', 'B', 'B\0\0\0']);
    const group = random.pick(['DAY ', 'DAY\0']);
    const message = packetOf(
      enterOf(Math.max(0, token), { ...wishes, book, group, side: random.pick([...'BBSTE']) }),
    );
    // Some are damaged anywhere, or cut off.
    if (random.chance(0.03)) message[random.below(message.length)] = random.below(256);
    return random.chance(0.005) ? message.subarray(0, random.below(message.length)) : message;
  }

  #nameOf({ account }: TestTrader): string {
    return this.venue.exchange.accounts.list[account]?.name ?? '';
  }
}

interface Side {
  readonly quantity: number;
  readonly price: number;
  readonly isBuy: boolean;
}

/** Follows what one account was told, and fails if that can not be. */
class Witness {
  readonly #open = new Map<number, { left: number; isBuy: boolean }>();
  readonly #ended = new Set<number>();

  get openCount(): number {
    return this.#open.size;
  }

  hear(packet: Buffer, trades: Map<string, Side[]>): void {
    const message = packet.subarray(3);
    const u32 = (at: number) => message.readUInt32BE(at);
    const isLive = (at: number) => message[at] === 0x4c;
    const letter = message.toString('latin1', 0, 1);
    if (letter === 'A') {
      const isBuy = message[ACCEPTED.side] === 0x42;
      this.#begin(u32(ACCEPTED.token), u32(ACCEPTED.quantity), isBuy, isLive(ACCEPTED.state));
    } else if (letter === 'U') {
      const { isBuy } = this.#end(u32(REPLACED.previousToken));
      this.#begin(u32(REPLACED.replacementToken), u32(REPLACED.quantity), isBuy, isLive(REPLACED.state));
    } else if (letter === 'C') this.#reduce(u32(CANCELED.token), u32(CANCELED.decrement));
    else if (letter === 'D') this.#reduce(u32(AIQ_CANCELED.token), u32(AIQ_CANCELED.decrement));
    else if (letter === 'E') {
      const quantity = u32(EXECUTED.quantity);
      const { isBuy } = this.#reduce(u32(EXECUTED.token), quantity);
      const match = message.readBigUInt64BE(EXECUTED.matchNumber).toString();
      const sides = trades.get(match) ?? [];
      sides.push({ quantity, price: u32(EXECUTED.price), isBuy });
      trades.set(match, sides);
    }
  }

  #begin(token: number, left: number, isBuy: boolean, isLive: boolean): void {
    assert.ok(!this.#open.has(token) && !this.#ended.has(token), `token ${token} is new`);
    if (isLive) this.#open.set(token, { left, isBuy });
    else this.#ended.add(token);
  }

  #reduce(token: number, quantity: number): { isBuy: boolean } {
    const order = this.#open.get(token) ?? assert.fail(`order ${token} is open`);
    assert.ok(quantity > 0 && quantity <= order.left, `order ${token} has what is taken from it`);
    order.left -= quantity;
    if (order.left === 0) this.#end(token);
    return order;
  }

  #end(token: number): { isBuy: boolean } {
    const order = this.#open.get(token) ?? assert.fail(`order ${token} is open`);
    this.#open.delete(token);
    this.#ended.add(token);
    return order;
  }
}

/** Returns how many trades were told of. */
function checkVenue({ exchange }: TestVenue): number {
  exchange.orders.check();
  for (const { book } of exchange.books.list) book.check();
  const resting = exchange.books.list.reduce((sum, { book }) => sum + book.orderCount, 0);
  assert.equal(resting, exchange.orders.count, 'what is open rests');
  const trades = new Map<string, Side[]>();
  let open = 0;
  for (const { stream } of exchange.accounts.all) {
    const witness = new Witness();
    const packets = packetsOf(stream);
    // After a snapshot what was told before it is in the journal only.
    if (packets === undefined) return 0;
    for (const packet of packets) witness.hear(packet, trades);
    open += witness.openCount;
  }
  assert.equal(open, exchange.orders.count, 'what was told and what is open agree');
  for (const [match, sides] of trades) {
    // The other side's account may be closed.
    if (sides.length === 1) continue;
    const [one, other] = sides as [Side, Side];
    assert.equal(sides.length, 2, match);
    assert.deepEqual({ ...one, isBuy: !one.isBuy }, other, match);
  }
  return trades.size;
}

/** Undefined if not all of them are in memory. */
function packetsOf(stream: SequencedStream): Buffer[] | undefined {
  const packets: Buffer[] = [];
  while (packets.length < stream.count) {
    const bytes = stream.read(packets.length + 1, 65_536);
    if (bytes === undefined) return undefined;
    packets.push(...packetsIn(Buffer.from(bytes)));
  }
  return packets;
}

test('a venue is sound, and the same when it is started again, whatever happens', () => {
  const story = new Story(fuzzSeed());
  let trades = 0;
  for (let step = 0; step < STEPS; step++) {
    story.step();
    if (step % 50 === 0) trades += checkVenue(story.venue);
    if (step % 25 === 0) assert.deepEqual(story.recovered(), story.venue.exchange.freeze(), `step ${step}`);
  }
  assert.ok(trades > 0, 'there was something to see');
});
