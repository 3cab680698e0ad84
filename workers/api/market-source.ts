/**
 * What a client follows of the market. Each book is in step with the exchange, from a snapshot on; when too many changes
 * wait for a slow client they are dropped, and their books are out of step until a new snapshot comes.
 *
 * Invariant: what waits is bounded by CHANGES_MAX and two snapshots of each book. It is made into items, which take more
 * memory, when there is credit.
 */

import type { MarketItem } from '../../src/protocol/api/operations.ts';
import {
  type BookSelection,
  EXCHANGE_ADDRESS,
  isSelected,
  type MarketCommand,
  type MarketNotice,
} from '../../src/protocol/exchange.ts';
import type { Call, Source } from './call.ts';
import { toMarketItems } from './exchange-rows.ts';

/** Changes that wait for credit. */
const CHANGES_MAX = 1000;
/** Rows after which a frame is long enough; an item counts as some by itself. */
const ROWS_OF_FRAME = 200;
const ROWS_BESIDE = 4;

interface Waiting {
  readonly notice: MarketNotice;
  readonly isLate: boolean;
}

export class MarketSource implements Source {
  readonly #call: Call<'exchange.market'>;
  readonly #books: readonly BookSelection[] | undefined;
  #waiting: Waiting[] = [];
  #changes = 0;
  /** Of what was taken from those that wait: what there was no credit for. */
  #items: MarketItem[] = [];
  readonly #inStep = new Set<string>();
  /** Those that fell out of step. */
  readonly #late = new Set<string>();
  /** The exchange has not been asked about them yet. */
  #isAskDue = false;

  constructor(call: Call<'exchange.market'>) {
    this.#call = call;
    this.#books = call.params.books;
  }

  /** Asks the exchange for a snapshot of each book, and for what follows. */
  follow(): void {
    const books = this.#books;
    this.#tell({ type: 'follow-market', ...this.#follower, ...(books === undefined ? {} : { books }) });
  }

  offer(item: unknown): void {
    const notice = item as MarketNotice;
    const { row } = notice;
    if (this.#books?.some((selection) => isSelected(selection, row)) === false) return;
    const book = keyOf(notice);
    const isSnapshot = notice.type === 'book-snapshot';
    // Snapshots also come for the sake of other books, and of other calls.
    if (isSnapshot === this.#inStep.has(book)) return;
    if (isSnapshot) this.#inStep.add(book);
    else if (this.#changes === CHANGES_MAX) {
      this.#fallBehind(book);
      return;
    } else this.#changes++;
    this.#waiting.push({ notice, isLate: isSnapshot && this.#late.delete(book) });
  }

  pull(credit: number): void {
    const frame: MarketItem[] = [];
    for (let rows = 0; rows < ROWS_OF_FRAME && frame.length < credit; ) {
      const item = this.#next();
      if (item === undefined) break;
      frame.push(item);
      rows += ROWS_BESIDE + item.bids.length + item.asks.length;
      if (item.type === 'change') rows += item.trades.length;
    }
    this.#call.push(frame);
    if (frame.length > 0) this.#call.pullAgain();
    else if (this.#isAskDue) {
      this.#isAskDue = false;
      this.follow();
    }
  }

  cancel(): void {
    this.#tell({ type: 'unfollow-market', ...this.#follower });
  }

  #next(): MarketItem | undefined {
    if (this.#items.length === 0) {
      const next = this.#waiting.shift();
      if (next === undefined) return undefined;
      if (next.notice.type === 'book-change') this.#changes--;
      this.#items = toMarketItems(next.notice, next.isLate);
    }
    return this.#items.shift();
  }

  /** All changes that wait are dropped, and `book` has missed one, too. */
  #fallBehind(book: string): void {
    const late = this.#waiting.filter(({ notice }) => notice.type === 'book-change');
    this.#waiting = this.#waiting.filter(({ notice }) => notice.type === 'book-snapshot');
    this.#changes = 0;
    for (const key of [book, ...late.map(({ notice }) => keyOf(notice))]) {
      this.#inStep.delete(key);
      this.#late.add(key);
    }
    this.#isAskDue = true;
  }

  get #follower(): { readonly address: string; readonly call: number } {
    const { id: call, session } = this.#call;
    return { address: session.self, call };
  }

  #tell(command: MarketCommand): void {
    const { session } = this.#call;
    session.tell(session.refer<MarketCommand>(EXCHANGE_ADDRESS), command);
  }
}

function keyOf({ row: { id, group } }: MarketNotice): string {
  return `${id}/${group}`;
}
