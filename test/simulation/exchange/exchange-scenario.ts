/** An exchange with traders whose orders often meet, and an operator. */
import assert from 'node:assert/strict';
import { LengthFramer, lengthHead, letterHead } from '../../../src/length-framer.ts';
import { DESK_ADDRESS, type DeskCommand } from '../../../src/protocol/desk.ts';
import {
  type BookRow,
  type BookView,
  EXCHANGE_ADDRESS,
  type OperatorCommand,
} from '../../../src/protocol/exchange.ts';
import { LENGTH, LETTER } from '../../../src/protocol/ouch/layout.ts';
import { GROUPS, SELF_TRADE_MODES, type VenueSettings } from '../../../src/protocol/venue.ts';
import { type Address, hostIndexOf } from '../../../src/values/address.ts';
import { OutcryError } from '../../../src/values/errors.ts';
import type { ExchangeOptions } from '../../../workers/exchange/exchange.ts';
import { startExchange } from '../../../workers/exchange/exchange-service.ts';
import { decodeSnapshot, type ExchangeState } from '../../../workers/exchange/exchange-snapshot.ts';
import { startOuch, startOuchRaw } from '../../../workers/exchange/ouch-service.ts';
import { readStreamFrom } from '../../../workers/exchange/read-stream.ts';
import { type DurableActor, STOP_ON_FAULT } from '../../../workers/runtime/actor.ts';
import type { ActorSystem } from '../../../workers/runtime/actor-system.ts';
import type { Random } from '../../../workers/runtime/random.ts';
import { pairedTrades } from '../../support/account-model.ts';
import type { Trader } from '../../support/trader.ts';
import type { Client, Counts, Scenario } from '../scenario.ts';
import type { StoreImage } from '../simulated-store.ts';
import type { World } from '../world.ts';
import { BOOK_IDS } from './books.ts';
import {
  checkAnswered,
  checkBook,
  checkDurable,
  checkMirrors,
  checkRecovery,
  checkTrades,
  checkUncrossed,
} from './checks.ts';
import { FOLLOWER_ADDRESS, MarketFollower } from './market-follower.ts';
import { Operator } from './operator.ts';
import { RawClient } from './raw-client.ts';
import { openCopy, recoverVenue } from './stored-venue.ts';
import { TradingClient } from './trading-client.ts';

const SECRET = 7;
const PACKET_BYTES_MAX = 200;
const OUCH = {
  orderbookForm: 'alpha',
  loginMs: 30_000,
  idleMs: 15_000,
  heartbeatMs: 1000,
  isDebugOn: true,
} as const;
const OUCH_RAW = { isEventInverted: false };
/** As in src/services.ts. */
const ENTRY_LENGTHS = {
  [LETTER.enter]: LENGTH.enter,
  [LETTER.replace]: LENGTH.replace,
  [LETTER.cancel]: LENGTH.cancel,
};
const PASSWORD = 'secret';
/** In which a server notices anything. */
const NOTICED_STEPS_MAX = 30_000;
/** All there are. */
const SHOWN = 1e6;

export class ExchangeScenario implements Scenario {
  readonly doors = {
    ouch: { createFramer: () => new LengthFramer(lengthHead(2, PACKET_BYTES_MAX)) },
    'ouch-raw': { createFramer: () => new LengthFramer(letterHead(ENTRY_LENGTHS)) },
  };
  readonly clients: Client[] = [];
  readonly #random: Random;
  readonly #options: ExchangeOptions;
  readonly #trading: TradingClient[] = [];
  readonly #raw: RawClient[] = [];
  #follower: MarketFollower | undefined;
  #followers = 0;
  #world: World | undefined;
  #restarts = 0;
  #coldReads = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#options = {
      venue: drawVenue(random),
      day: 'at-start',
      openAtMs: 0,
      closeAtMs: 0,
      openDays: [],
      timeZone: 'Asia/Tokyo',
      ordersMax: 2_000_000,
      ordersPerTraderMax: 2_000_000,
      streamMemoryBytes: random.pick([0, 2000, 1_000_000]),
      disconnectGraceMs: random.pick([0, 100, 5000, 60_000]),
      isDebugOn: random.chance(0.5),
      isRawCancelOnDisconnect: true,
      isDurable: true,
      secret: SECRET,
    };
  }

  startHost(system: ActorSystem) {
    startExchange(system, this.#options, SECRET);
    if (hostIndexOf(FOLLOWER_ADDRESS, system.hostCount) === system.hostIndex) {
      const follower = new MarketFollower(() => String(++this.#followers));
      this.#follower = follower;
      system.spawnRoot(FOLLOWER_ADDRESS, { create: () => follower, supervision: STOP_ON_FAULT });
    }
    return { ouch: startOuch(system, OUCH), 'ouch-raw': startOuchRaw(system, OUCH_RAW) };
  }

  join(world: World): void {
    this.#world = world;
    const random = this.#random;
    const isSteady = random.chance(0.3);
    const operatorActions = random.pick([0, 0, 1, 4]);
    for (const { user } of this.#options.venue.traders) {
      const client = new TradingClient({
        user,
        password: PASSWORD,
        network: world.network,
        random,
        actions: random.below(random.pick([30, 150])),
        pauseMs: random.pick([0.1, 10, 300]),
        startsMs: random.below(20),
        isSteady,
        onTold: () => this.#onTold(),
      });
      this.#trading.push(client);
    }
    for (let i = random.pick([0, 0, 1, 2]); i > 0; i--) {
      this.#raw.push(new RawClient({ network: world.network, random, actions: random.below(60) }));
    }
    this.clients.push(...this.#trading, ...this.#raw, new Operator(world.gateway, random, operatorActions));
    for (const client of this.clients) world.simulation.join(client);
  }

  restartClient(): void {
    this.#restarts++;
    this.#random.pick(this.#trading).restart();
  }

  answer(address: Address, message: unknown, images: readonly StoreImage[]): unknown {
    const command = message as DeskCommand;
    if (address !== DESK_ADDRESS || command.type !== 'read-stream') return undefined;
    this.#coldReads++;
    try {
      return readStreamFrom(openCopy(images), command);
    } catch (error) {
      if (error instanceof OutcryError) return error;
      throw error;
    }
  }

  checkStored(images: readonly StoreImage[]): void {
    const state = recoverVenue(images);
    checkUncrossed(state);
    checkDurable(this.#traders, state, images);
  }

  settle(): void {
    this.#meet('all orders are handled');
    this.#running.runUntil(
      'the server has noticed that raw clients are gone',
      () => this.#living.accounts.every(({ isRaw }) => !isRaw),
      NOTICED_STEPS_MAX,
    );
    // Once more: of what others did before they were done, everybody has heard by then.
    this.#meet('all have heard of the others');
    const state = this.#living;
    checkUncrossed(state);
    checkMirrors(this.#traders, state);
    this.#checkBooks();
    this.#checkTrades();
    this.#checkSteady();
    // A program that was started anew has forgotten what it wanted.
    if (this.#restarts === 0) for (const trader of this.#traders) checkAnswered(trader);
    this.#leave();
    assert.equal(this.#living.orders.token.length, 0, 'orders of clients that are gone for long');
    for (const client of this.#trading) client.comeBack();
    this.#meet('all have read everything again');
    checkMirrors(this.#traders, this.#living);
    this.#checkTrades();
    this.#leave();
  }

  checkEnd(images: readonly StoreImage[]): void {
    checkRecovery(images, this.#actor.snapshot());
    this.checkStored(images);
  }

  counts(): Counts {
    const sum = (of: (client: TradingClient) => number) =>
      this.#trading.reduce((total, each) => total + of(each), 0);
    const sessions = this.#traders.flatMap((trader) => trader.sessions);
    return {
      told: sessions.reduce((total, { messages }) => total + messages.count, 0),
      trades: sessions.reduce((total, { model }) => total + model.trades.length, 0) / 2,
      sessions: sessions.length,
      resent: sum(({ resent }) => resent),
      takeovers: sum(({ takeovers }) => takeovers),
      replays: sum(({ replays }) => replays),
      rawConnections: this.#raw.reduce((total, { models }) => total + models.length, 0),
      coldReads: this.#coldReads,
    };
  }

  get #traders(): readonly Trader[] {
    return this.#trading.map(({ trader }) => trader);
  }

  get #running(): World {
    return this.#world as World;
  }

  get #actor(): DurableActor {
    return this.#running.actorAt(EXCHANGE_ADDRESS);
  }

  get #living(): ExchangeState {
    return decodeSnapshot([...this.#actor.snapshot()]);
  }

  /** Each sends an order whose answer comes behind all others, and gets it. */
  #meet(what: string): void {
    for (const client of this.#trading) client.fence();
    this.#running.runUntil(what, () => this.#trading.every(({ isDone }) => isDone));
  }

  /** All log out, for longer than their orders live. */
  #leave(): void {
    for (const client of this.#trading) client.leave();
    this.#running.runUntil('all have left', () => this.#trading.every(({ isDone }) => isDone));
    this.#running.simulation.runUntilQuiet();
  }

  #onTold(): void {
    this.#world?.imagesToCheck();
  }

  #checkTrades(): void {
    const models = this.#traders.flatMap(({ user, session }) =>
      session === undefined ? [] : [[user, session.model] as const],
    );
    const raw = this.#raw.flatMap((client) => client.models);
    checkTrades(new Map(models), raw, this.#options.venue);
    // Of sessions before this one not everybody has heard the end.
    const all = this.#traders.flatMap(({ sessions }) => sessions.map(({ model }) => model));
    pairedTrades([...all, ...raw], { isWhole: false });
  }

  /** As operators see them, and those who follow the market. */
  #checkBooks(): void {
    const rows = this.#ask<readonly BookRow[]>({ type: 'books' });
    for (const { id, group } of rows) {
      const view = this.#ask<BookView>({ type: 'book', id, group, levels: SHOWN, orders: SHOWN });
      checkBook(view);
      const levels = JSON.stringify([view.bids, view.asks]);
      this.#running.runUntil(
        `who follows ${id} ${group} knows ${levels}`,
        () => this.#follower?.levelsOf(id, group) === levels,
      );
    }
    assert.deepEqual(this.#follower?.gaps, [], 'changes of books that came out of order');
  }

  #ask<Reply>(command: OperatorCommand): Reply {
    let reply: Reply | undefined;
    this.#running.gateway.ask<OperatorCommand, Reply>(EXCHANGE_ADDRESS, command, (answer) => {
      if (answer.ok) reply = answer.value;
    });
    this.#running.runUntil(`${command.type} is answered`, () => reply !== undefined);
    return reply as Reply;
  }

  /** Whose connection was there all the time, or was taken over by his next one, has his orders. */
  #checkSteady(): void {
    for (const { trader, losses } of this.#trading) {
      if (losses > 0) continue;
      const reasons = trader.sessions.flatMap(({ model }) => [...model.cancelReasons]);
      assert.ok(!reasons.includes('L'), `orders of ${trader.user}, who was always there, are withdrawn`);
    }
  }
}

function drawVenue(random: Random): VenueSettings {
  const isShared = random.chance(0.3);
  return {
    tickTables: [{ name: 'default', bands: [{ from: 0, tick: 1 }] }],
    books: BOOK_IDS.map((id, i) => ({
      id,
      number: i + 1,
      name: id,
      groups: GROUPS,
      lot: 1,
      tickTable: 'default',
      lowerLimit: 1,
      upperLimit: 1000,
      isShortSellRestricted: random.chance(0.2),
    })),
    traders: Array.from({ length: 2 + random.below(4) }, (_, i) => ({
      user: `TRADE${i}`,
      password: PASSWORD,
      groups: GROUPS,
      firms: [],
      orderValueMax: random.chance(0.1) ? 200 : 0,
      ordersPerSecond: random.chance(0.1) ? 20 : 0,
      selfTrade: random.pick(SELF_TRADE_MODES),
      owner: isShared && random.chance(0.5) ? 'desk' : '',
    })),
  };
}
