/** A trader who enters orders, whatever breaks, and at the end knows of each whether it was done. */
import assert from 'node:assert/strict';
import { type Client, type OrderMessage, OutcryError, type Trader } from '../../clients/index.ts';
import type { Random } from '../../workers/runtime/random.ts';
import { until } from './until.ts';

const PASSWORD = 'OUTCRY';
const BOOK = { side: 'buy', book: 'BTC', quantity: 100 } as const;
const PRICES = 1000;
/** Orders on their way: with more of them a connection would break before it has said what became of them. */
const WAITING_MAX = 50;

export class OrderLoad {
  readonly trader: Trader;
  readonly #random: Random;
  readonly #entering: Promise<void>[] = [];
  readonly #reading: Promise<void>;
  readonly #seen: OrderMessage[] = [];
  /** By token: what it was answered with. */
  readonly #done = new Map<number, OrderMessage>();
  readonly #undone: number[] = [];
  #waiting = 0;

  private constructor(trader: Trader, random: Random) {
    this.trader = trader;
    this.#random = random;
    this.#reading = this.#read();
  }

  /** Signs the user in, who has not traded before. */
  static async begin(client: Client, user: string, random: Random): Promise<OrderLoad> {
    return new OrderLoad(await client.exchange.signIn({ user, password: PASSWORD }), random);
  }

  get doneCount(): number {
    return this.#done.size;
  }

  get undoneCount(): number {
    return this.#undone.length;
  }

  /** Enters an order, and does not wait for the answer. */
  enter(): void {
    this.#entering.push(this.#enter());
  }

  /** Enters orders until `isEnough`, waiting for the trader now and then. */
  async enterUntil(isEnough: () => boolean): Promise<void> {
    while (!isEnough()) {
      this.enter();
      if (this.#random.chance(0.3)) await new Promise((resolve) => setImmediate(resolve));
      if (this.#random.chance(0.02)) await this.isBack();
      if (this.#waiting >= WAITING_MAX)
        await until('some are answered', () => this.#waiting < WAITING_MAX / 2);
    }
  }

  async isBack(): Promise<void> {
    await until('he is back', () => this.trader.isSignedIn);
  }

  /** Signs out, when all is answered and read, and compares what he knows with what anybody is told who signs in anew. */
  async check(observer: Client): Promise<void> {
    await Promise.all(this.#entering);
    await this.isBack();
    const last = await this.trader.enter({ ...BOOK, price: '0.1' });
    this.#done.set(last.token, last);
    await until('all is read', () => this.#seen.some((message) => isAccepted(message, last.token)));
    this.trader.signOut();
    await this.#reading;

    const told = await historyOf(observer, this.trader.user);
    const accepted = told.filter((message) => message.type === 'accepted');
    assert.deepEqual(
      accepted.map(({ token }) => token),
      [...this.#done.keys()].sort((a, b) => a - b),
      'what was done is what he was told was done',
    );
    for (const message of accepted) assert.deepEqual(this.#done.get(message.token), message);
    assert.deepEqual(this.#seen, told.slice(0, this.#seen.length), 'he has read all, once and in order');
    assert.ok(this.#undone.every((token) => !this.#done.has(token)));
  }

  async #enter(): Promise<void> {
    this.#waiting++;
    try {
      const price = `${1 + this.#random.below(PRICES)}`;
      const accepted = await this.trader.enter({ ...BOOK, price });
      this.#done.set(accepted.token, accepted);
    } catch (error) {
      if (!(error instanceof OutcryError)) throw error;
      // Nothing was sent.
      if (error.code === 'ERR_EXCHANGE_SIGNED_OUT') return;
      assert.equal(error.code, 'ERR_ORDER_IGNORED', error.message);
      const { token } = error.fields;
      this.#undone.push(Number(token));
    } finally {
      this.#waiting--;
    }
  }

  async #read(): Promise<void> {
    for await (const message of this.trader.messages()) this.#seen.push(message);
  }
}

/** All messages of a user's session so far, with numbers that have no gaps. */
export async function historyOf(client: Client, user: string): Promise<OrderMessage[]> {
  const trader = await client.exchange.signIn({ user, password: PASSWORD });
  const { token } = await trader.enter({ ...BOOK, price: '0.1' });
  const read: OrderMessage[] = [];
  for await (const message of trader.messages()) {
    if (isAccepted(message, token)) break;
    read.push(message);
  }
  trader.signOut();
  assert.deepEqual(
    read.map(({ sequence }) => sequence),
    read.map((_, i) => i + 1),
  );
  return read;
}

function isAccepted(message: OrderMessage, token: number): boolean {
  return message.type === 'accepted' && message.token === token;
}
