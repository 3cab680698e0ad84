/** A trader over simulated connections, which break at any byte, and some of which it treats badly itself. */

import type { InboundMessage } from '../../../src/protocol/ouch/messages.ts';
import {
  type ClientPacket,
  encodeClientPacket,
  type ServerPacket,
} from '../../../src/protocol/soupbintcp/packets.ts';
import type { Random } from '../../../workers/runtime/random.ts';
import type { Move } from '../../../workers/runtime/simulation.ts';
import { drawOrder, drawReplace } from '../../support/random-orders.ts';
import { type KnownSession, Trader, TraderLine } from '../../support/trader.ts';
import type { ClientConnection, Network } from '../network.ts';
import type { PipeReader } from '../pipe.ts';
import type { Client } from '../scenario.ts';
import { BOOK_IDS } from './books.ts';

const HEARTBEAT_MS = 1000;
/** A server that says nothing for so long is given up. */
const SILENCE_MS = 15_000;
const PAUSE_MAX_MS = 1000;
/** Messages that wait for an answer. */
const WINDOW = 30;

export interface TradingClientOptions {
  readonly user: string;
  readonly password: string;
  readonly network: Network;
  readonly random: Random;
  /** Things that it does before it is done. */
  readonly actions: number;
  /** The longest pause between two of them. */
  readonly pauseMs: number;
  readonly startsMs: number;
  /** It never loses a connection of its own accord. */
  readonly isSteady: boolean;
  /** It was told something. */
  readonly onTold: () => void;
}

/** An attempt to log in, and the connection that comes of it. */
class Attempt implements PipeReader {
  readonly line: TraderLine;
  connection: ClientConnection | undefined;
  readonly #client: TradingClient;
  #isOver = false;

  constructor(client: TradingClient, trader: Trader) {
    this.#client = client;
    this.line = new TraderLine(trader);
  }

  get isReading(): boolean {
    return this.#client.isReading;
  }

  write(bytes: Uint8Array): void {
    this.connection?.write(bytes);
  }

  send(packet: ClientPacket): void {
    this.write(encodeClientPacket(packet));
  }

  onData(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.line.feed(bytes, (packet) => this.#client.onPacket(this, packet));
  }

  onEnd(): void {
    this.end();
  }

  onBroken(): void {
    this.end();
  }

  /** The connection is gone, or is given up. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.connection?.destroy();
    this.#client.onOver(this);
  }
}

export class TradingClient implements Client {
  readonly trader: Trader;
  /** Messages that were sent again. */
  resent = 0;
  takeovers = 0;
  /** Connections that it has lost, or given up. */
  losses = 0;
  replays = 0;
  readonly #options: TradingClientOptions;
  #attempt: Attempt | undefined;
  #actionsLeft: number;
  #connectMs: number;
  #actMs = 0;
  #heartbeatMs = Infinity;
  #silenceMs = Infinity;
  /** Until when it neither reads nor says anything. */
  #asleepMs = 0;
  /** Set while it is to stay away. */
  #isAway = false;
  #hasFenced = false;

  constructor(options: TradingClientOptions) {
    this.#options = options;
    this.trader = new Trader(options.user, options.password);
    this.#actionsLeft = options.actions;
    this.#connectMs = options.startsMs;
  }

  get isReading(): boolean {
    return this.#asleepMs <= this.#nowMs;
  }

  /** It has done all that it wanted, and every answer to that has come; or it is away. */
  get isDone(): boolean {
    if (this.#isAway) return this.#attempt === undefined;
    return this.#actionsLeft === 0 && this.#hasFenced && this.trader.unanswered.size === 0;
  }

  toString(): string {
    const { user, unanswered } = this.trader;
    const state = this.#attempt === undefined ? 'not connected' : (this.#session?.id ?? 'logging in');
    const waiting = [...unanswered].map((message) => JSON.stringify(message)).join(' ');
    return `${user} is ${state}, ${this.#actionsLeft} actions left, waits for ${waiting}`;
  }

  /** It is to send an order that is rejected: when that is answered, all before it has been handled. */
  fence(): void {
    this.#hasFenced = false;
  }

  /** It logs out and stays away. */
  leave(): void {
    this.#isAway = true;
    this.#attempt?.send({ type: 'logout-request' });
  }

  /** It comes back, and reads everything again. */
  comeBack(): void {
    this.#isAway = false;
    this.#hasFenced = false;
    this.trader.wanted = 1;
    this.#connectMs = this.#nowMs;
  }

  /** Its program is ended, and started again. */
  restart(): void {
    this.trader.restart();
    this.#attempt?.end();
  }

  get dueMs(): number {
    if (!this.isReading) return this.#asleepMs;
    if (this.#attempt === undefined) return this.#isAway ? Infinity : this.#connectMs;
    const ownMs = Math.min(this.#heartbeatMs, this.#silenceMs);
    return this.#mayAct ? Math.min(this.#actMs, ownMs) : ownMs;
  }

  addMoves(moves: Move[], nowMs: number): void {
    if (this.dueMs > nowMs || !this.isReading) return;
    if (this.#attempt === undefined) moves.push(this.#connect);
    else if (this.#silenceMs <= nowMs) moves.push(this.#giveUp);
    else if (this.#heartbeatMs <= nowMs) moves.push(this.#sendHeartbeat);
    else moves.push(this.#act);
  }

  onPacket(attempt: Attempt, { type }: ServerPacket): void {
    if (type === 'sequenced') this.#options.onTold();
    if (type === 'login-rejected') attempt.end();
    if (type === 'end-of-session' && this.#actionsLeft === 0) this.#hasFenced = false;
    if (attempt !== this.#attempt) return;
    this.#silenceMs = this.#nowMs + SILENCE_MS;
    if (type !== 'login-accepted') return;
    this.resent += this.trader.unanswered.size;
    this.#write(this.trader.askAgain());
  }

  onOver(attempt: Attempt): void {
    if (attempt !== this.#attempt) return;
    this.#attempt = undefined;
    this.losses++;
    this.#connectMs = this.#nowMs + this.#options.random.below(PAUSE_MAX_MS);
  }

  get #nowMs(): number {
    return this.#options.network.simulation.nowMs;
  }

  get #session(): KnownSession | undefined {
    return this.#attempt?.line.session;
  }

  get #mayAct(): boolean {
    if (this.#session === undefined || this.#isAway) return false;
    return this.trader.unanswered.size < WINDOW && (this.#actionsLeft > 0 || !this.#hasFenced);
  }

  readonly #connect = (): void => {
    const { network, random } = this.#options;
    const { trader } = this;
    const attempt = new Attempt(this, trader);
    attempt.connection = network.connect('ouch', attempt);
    if (attempt.connection === undefined) {
      this.#connectMs = this.#nowMs + 1 + random.below(PAUSE_MAX_MS);
      return;
    }
    this.#attempt = attempt;
    this.#silenceMs = this.#nowMs + SILENCE_MS;
    this.#heartbeatMs = Infinity;
    const isReplayed = trader.wanted > 1 && random.chance(0.2);
    if (isReplayed) this.replays++;
    attempt.write(attempt.line.logIn(isReplayed ? 1 + random.below(trader.wanted) : trader.wanted));
  };

  readonly #giveUp = (): void => {
    this.#attempt?.end();
  };

  readonly #sendHeartbeat = (): void => {
    this.#write(encodeClientPacket({ type: 'client-heartbeat' }));
  };

  readonly #act = (): void => {
    const { random, pauseMs, isSteady } = this.#options;
    this.#actMs = this.#nowMs + (random.below(1000) / 1000) * pauseMs;
    if (this.#actionsLeft === 0) {
      this.#hasFenced = true;
      this.#ask({ ...drawOrder(random, this.trader.nextToken(), BOOK_IDS), priceTenths: 0 });
      return;
    }
    this.#actionsLeft--;
    if (!isSteady && random.chance(0.02)) this.#disturb();
    else for (let i = random.below(random.chance(0.1) ? 8 : 2); i >= 0; i--) this.#order();
  };

  /** Something that happens to connections. */
  #disturb(): void {
    const { random } = this.#options;
    switch (random.below(5)) {
      case 0:
        this.#attempt?.end();
        break;
      case 1:
        this.#attempt?.send({ type: 'logout-request' });
        break;
      case 2:
        // The connection before this one is taken over.
        this.takeovers++;
        this.#connect();
        break;
      case 3:
        this.#asleepMs = this.#nowMs + random.below(random.pick([100, 20_000]));
        break;
      default:
        // Nothing that begins so is a packet of a client.
        this.#write(new Uint8Array([0, 1, 0x51]));
    }
  }

  #order(): void {
    const { random } = this.#options;
    const { trader } = this;
    const open = this.#session?.model.open ?? new Map();
    const live = [...open.keys()];
    const isOpen = live.length > 0 && random.chance(0.9);
    const token = isOpen ? random.pick(live) : random.below(trader.lastToken + 1);
    const drawn = random.below(10);
    // Gaps between tokens are fine.
    if (random.chance(0.3)) trader.nextToken();
    if (drawn < 6) this.#ask(drawOrder(random, trader.nextToken(), BOOK_IDS));
    else if (drawn < 8) this.#ask(drawReplace(random, token, trader.nextToken(), open.get(token)));
    else this.#ask({ type: 'cancel', token, quantity: random.below(3) });
    // All of it may come twice.
    if (random.chance(0.02)) this.#write(trader.askAgain());
  }

  #ask(message: InboundMessage): void {
    this.#write(this.trader.ask(message));
  }

  #write(bytes: Uint8Array): void {
    this.#attempt?.write(bytes);
    this.#heartbeatMs = this.#nowMs + HEARTBEAT_MS;
  }
}
