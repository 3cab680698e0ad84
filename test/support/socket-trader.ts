/**
 * A trader over real sockets, who sends so many orders as fast as they are answered, and comes back whenever the connection
 * breaks. Few of them are open at a time.
 */
import assert from 'node:assert/strict';
import { createConnection, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { DAY, IMMEDIATE } from '../../src/protocol/ouch/layout.ts';
import type { EnterOrder } from '../../src/protocol/ouch/messages.ts';
import { encodeClientPacket } from '../../src/protocol/soupbintcp/packets.ts';
import { Random } from '../../workers/runtime/random.ts';
import { drawOrder, drawReplace } from './random-orders.ts';
import { resetNow } from './test-client.ts';
import { Trader, TraderLine } from './trader.ts';
import { until } from './until.ts';

const RECONNECT_MS = 20;
const HEARTBEAT_MS = 1000;
/** Messages that wait for an answer. */
const WINDOW = 64;
/** In no way wrong. */
const SOUND: Partial<EnterOrder> = {
  quantity: 1,
  orderbook: 'BTC',
  group: 'DAY',
  firm: 0,
  display: ' ',
  capacity: 'A',
  minimumQuantity: 0,
  classification: '1',
  cashMargin: '1',
};
const HEARTBEAT = encodeClientPacket({ type: 'client-heartbeat' });

export interface SocketTraderOptions {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly books: readonly string[];
  readonly seed: number;
  /** It begins no order while so many are open. */
  readonly openMax?: number;
}

export class SocketTrader {
  readonly trader: Trader;
  /** Connections that have broken. */
  breaks = 0;
  readonly #options: SocketTraderOptions;
  readonly #random: Random;
  #socket: Socket | undefined;
  #line: TraderLine | undefined;
  #left = 0;
  #isFenced = true;
  #isStopped = false;
  /** What was not as it must be. */
  #failure: unknown;
  #reconnect: NodeJS.Timeout | undefined;
  readonly #heartbeat: NodeJS.Timeout;

  constructor(t: TestContext, options: SocketTraderOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.trader = new Trader(options.user, options.password);
    this.#heartbeat = setInterval(() => this.#socket?.write(HEARTBEAT), HEARTBEAT_MS);
    t.after(() => this.stop());
    this.#connect();
  }

  /** Resolves when it has logged in. */
  async entered(): Promise<void> {
    await until('it has logged in', () => this.#isIn);
  }

  /** Of the messages that were wanted, those that are still to be sent. */
  get left(): number {
    return this.#left;
  }

  /** Sends so many messages about orders more. */
  trade(messages: number): void {
    this.#left += messages;
    this.#send();
  }

  /** Sends so many orders at once that rest, none of which trades with another. */
  quote(orders: number): void {
    this.#sendAll(orders, (token) => ({ side: 'B', priceTenths: 1 + (token % 50), timeInForce: DAY }));
  }

  /** Sends so many orders at once that are answered and gone, whether or not there is an answer. */
  flood(orders: number): void {
    this.#sendAll(orders, () => ({ side: 'S', priceTenths: 100_000, timeInForce: IMMEDIATE }));
  }

  /** Resolves when everything before was answered, and what others did before it too. */
  async settles(limitMs?: number): Promise<void> {
    this.#isFenced = false;
    this.#send();
    await until(`${this.trader.user} is answered`, () => this.#isSettled, limitMs);
  }

  /** Breaks the connection off; it comes back. */
  reset(): void {
    if (this.#socket !== undefined) resetNow(this.#socket);
  }

  /** It forgets everything but what it has to find again, and reads it anew. */
  async readAgain(limitMs?: number): Promise<void> {
    const count = this.trader.session?.messages.count ?? 0;
    this.trader.wanted = 1;
    this.reset();
    await until(
      'everything is read again',
      () => this.#throwFailure() ?? this.trader.wanted > count,
      limitMs,
    );
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#heartbeat);
    clearTimeout(this.#reconnect);
    this.#socket?.destroy();
  }

  get #isIn(): boolean {
    return this.#line?.session !== undefined;
  }

  get #isSettled(): boolean {
    this.#throwFailure();
    return this.#left === 0 && this.#isFenced && this.trader.unanswered.size === 0;
  }

  #throwFailure(): undefined {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #connect(): void {
    const line = new TraderLine(this.trader);
    const socket = createConnection({ host: '127.0.0.1', port: this.#options.port, noDelay: true });
    this.#socket = socket;
    this.#line = line;
    socket.on('connect', () => socket.write(line.logIn()));
    socket.on('data', (bytes: Uint8Array) => this.#take(line, bytes));
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#isStopped) return;
      this.breaks++;
      this.#line = undefined;
      this.#reconnect = setTimeout(() => this.#connect(), RECONNECT_MS);
    });
  }

  #sendAll(orders: number, termsOf: (token: number) => Partial<EnterOrder>): void {
    const packets: Uint8Array[] = [];
    for (let i = 0; i < orders; i++) {
      const token = this.trader.nextToken();
      const drawn = drawOrder(this.#random, token, this.#options.books);
      packets.push(this.trader.ask({ ...drawn, ...SOUND, ...termsOf(token) }));
    }
    this.#socket?.write(Buffer.concat(packets));
  }

  #take(line: TraderLine, bytes: Uint8Array): void {
    try {
      line.feed(bytes, ({ type }) => {
        if (type === 'login-accepted') this.#socket?.write(this.trader.askAgain());
      });
    } catch (error) {
      this.#failure ??= error;
      this.stop();
    }
    this.#send();
  }

  #send(): void {
    if (!this.#isIn || this.#isStopped) return;
    const { trader } = this;
    const packets: Uint8Array[] = [];
    while (this.#left > 0 && trader.unanswered.size < WINDOW) {
      this.#left--;
      packets.push(this.#next());
    }
    if (this.#left === 0 && !this.#isFenced) {
      this.#isFenced = true;
      const order = drawOrder(this.#random, trader.nextToken(), this.#options.books);
      packets.push(trader.ask({ ...order, priceTenths: 0 }));
    }
    if (packets.length > 0) this.#socket?.write(Buffer.concat(packets));
  }

  #next(): Uint8Array {
    const random = this.#random;
    const { openMax = 12, books } = this.#options;
    const { trader } = this;
    const open = trader.session?.model.open;
    assert.ok(open !== undefined);
    if (open.size === 0 || (open.size < openMax && random.chance(0.7))) {
      return trader.ask(drawOrder(random, trader.nextToken(), books));
    }
    // The oldest one, or one of those that came last.
    const token = random.chance(0.5) ? ([...open.keys()][0] as number) : random.pick([...open.keys()]);
    if (random.chance(0.6)) return trader.ask({ type: 'cancel', token, quantity: 0 });
    return trader.ask(drawReplace(random, token, trader.nextToken(), open.get(token)));
  }
}
