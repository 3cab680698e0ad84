/** Who follows the market of a simulated exchange: it keeps the books by what it is told of their changes. */
import {
  EXCHANGE_ADDRESS,
  type LevelRow,
  type MarketCommand,
  type MarketNotice,
} from '../../../src/protocol/exchange.ts';
import { type Address, toAddress } from '../../../src/values/address.ts';
import { type Actor, type Context, STOP_ON_FAULT } from '../../../workers/runtime/actor.ts';
import type { ActorRef } from '../../../workers/runtime/actor-ref.ts';

export const FOLLOWER_ADDRESS: Address = toAddress('followers/1');

interface ExchangeLost {
  readonly type: 'exchange-lost';
}

/** The books as one exchange has told of them, which may be lost and replaced. */
class BookCopies implements Actor<MarketNotice> {
  /** By id and group, each side's levels by price. */
  readonly books = new Map<string, { number: number; readonly sides: readonly Map<number, LevelRow>[] }>();
  /** Changes that were not the next ones. */
  readonly gaps: string[] = [];

  started(context: Context<MarketNotice>): void {
    const exchange = context.refer<MarketCommand>(EXCHANGE_ADDRESS);
    context.tell(exchange, { type: 'follow-market', address: context.self, call: 1 });
  }

  receive(notice: MarketNotice): undefined {
    const { type, number, row, bids, asks } = notice;
    const key = `${row.id} ${row.group}`;
    if (type === 'book-snapshot') this.books.set(key, { number: number - 1, sides: [new Map(), new Map()] });
    const book = this.books.get(key);
    if (book === undefined || number !== book.number + 1) {
      this.gaps.push(`${number} of ${key} comes after ${book?.number}`);
      return;
    }
    book.number = number;
    for (const [i, levels] of [bids, asks].entries()) {
      for (const level of levels) {
        if (level.quantity === 0) book.sides[i]?.delete(level.price);
        else book.sides[i]?.set(level.price, level);
      }
    }
  }
}

/**
 * Each exchange tells another actor, of another name, so that what a lost one has said is not taken for a word of the next
 * one, nor what is still on its way to a lost follower for something that is meant for the next.
 */
export class MarketFollower implements Actor<ExchangeLost> {
  readonly #nextName: () => string;
  #copies = new BookCopies();
  #child: ActorRef<never> | undefined;

  constructor(nextName: () => string) {
    this.#nextName = nextName;
  }

  get gaps(): readonly string[] {
    return this.#copies.gaps;
  }

  /** Best first, as text. */
  levelsOf(id: string, group: string): string {
    const { sides } = this.#copies.books.get(`${id} ${group}`) ?? { sides: [] };
    const [bids = [], asks = []] = sides.map((levels) =>
      [...levels.values()].sort((a, b) => a.price - b.price),
    );
    return JSON.stringify([bids.reverse(), asks]);
  }

  started(context: Context<ExchangeLost>): void {
    this.#follow(context);
  }

  receive(_: ExchangeLost, context: Context<ExchangeLost>): undefined {
    this.#follow(context);
  }

  #follow(context: Context<ExchangeLost>): void {
    if (this.#child !== undefined) context.stopChild(this.#child);
    const copies = new BookCopies();
    this.#copies = copies;
    context.watch(context.refer<never>(EXCHANGE_ADDRESS), { type: 'exchange-lost' });
    const spec = { create: () => copies, supervision: STOP_ON_FAULT };
    this.#child = context.spawn<never>(this.#nextName(), spec);
  }
}
