/**
 * What a client follows of the market. Each book is in step with the exchange, from a snapshot on; when too many changes
 * wait for a slow client they are dropped, and their books are out of step until a new snapshot comes.
 *
 * Invariant: what waits is bounded by CHANGES_MAX and two snapshots of each book.
 */
import {
  type BookSelection,
  EXCHANGE_ADDRESS,
  isSelected,
  type MarketCommand,
  type MarketNotice,
} from '../../src/protocol/exchange.ts';
import type { Call, Source } from './call.ts';
import { toMarketItem } from './exchange-rows.ts';

/** Changes that wait for credit. */
const CHANGES_MAX = 1000;

interface Waiting {
  readonly notice: MarketNotice;
  readonly isLate: boolean;
}

export class MarketSource implements Source {
  readonly #call: Call<'exchange.market'>;
  readonly #books: readonly BookSelection[] | undefined;
  #waiting: Waiting[] = [];
  #changes = 0;
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
    const taken = this.#waiting.splice(0, credit);
    for (const { notice } of taken) if (notice.type === 'book-change') this.#changes--;
    this.#call.push(taken.map(({ notice, isLate }) => toMarketItem(notice, isLate)));
    if (this.#waiting.length > 0 || !this.#isAskDue) return;
    this.#isAskDue = false;
    this.follow();
  }

  cancel(): void {
    this.#tell({ type: 'unfollow-market', ...this.#follower });
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
