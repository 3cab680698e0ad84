/** Rates of gold, as a client of the library sees them. Prices are as their source has them, and in VND per lượng. */
import type { GoldChange, GoldImport, GoldRange } from '../src/protocol/api/operations.ts';
import type { GoldAnswer, GoldRefresh } from '../src/protocol/gold.ts';
import type { Calls } from './calls.ts';
import { Download } from './download.ts';
import type { CallOptions } from './pending.ts';
import { sendItems } from './send-items.ts';

export interface RangeOptions extends CallOptions {
  /** Days, up to 1,000; 366 without it. */
  readonly limit?: number | undefined;
}

export interface GoldWatchOptions extends CallOptions {
  /** Up to 64; all without it. */
  readonly types?: readonly string[] | undefined;
  /** The connection was lost and is there again: changes may be missing, and `latest` has what they came to. */
  readonly onGap?: (() => void) | undefined;
}

/** Changes that the server sends ahead of a loop that is busy. */
const WATCH_WINDOW = 256;

export class Gold {
  readonly #calls: Calls;

  /** For the library; programs `connect`. */
  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * The rates of a type on a day, `yyyy-mm-dd`. A type is found by its name, brand, company or code, without regard to case
   * and accents. Rejects with ERR_GOLD_DATE or ERR_GOLD_TYPE, and with the nearest one there is in `fields.nearest`.
   */
  lookUp(date: string, type: string, options?: CallOptions): Promise<GoldAnswer> {
    return this.#calls.request('gold.look-up', { date, type }, options);
  }

  /**
   * Those of a type from one day to another, oldest first: as many days as `limit` says and an answer has room for; `total`
   * is how many there are.
   */
  range(
    from: string,
    to: string,
    type: string,
    { limit, ...options }: RangeOptions = {},
  ): Promise<GoldRange> {
    return this.#calls.request('gold.range', { from, to, type, limit }, options);
  }

  /** The types of a day; of the last one without a date. */
  types(date?: string, options?: CallOptions): Promise<readonly string[]> {
    return this.#calls.request('gold.types', { date }, options);
  }

  /** The days of which there are rates, the newest first: 100 of them, or `limit` up to 10,000. */
  dates(
    limit?: number,
    options?: CallOptions,
  ): Promise<{ readonly dates: readonly string[]; readonly total: number }> {
    return this.#calls.request('gold.dates', { limit }, options);
  }

  /** The rates that were fetched last, of one type or of all. */
  latest(type?: string, options?: CallOptions): Promise<GoldAnswer> {
    return this.#calls.request('gold.latest', { type }, options);
  }

  /**
   * What changes from now on, for as long as the loop goes on or until the client is closed; also over new connections.
   * `timeoutMs` is how long the server may take to begin.
   */
  watch({ types, ...options }: GoldWatchOptions = {}): AsyncGenerator<GoldChange, void, undefined> {
    const endless = { ...options, isEndless: true, window: WATCH_WINDOW };
    return new Download(this.#calls, 'gold.watch', { types }, endless).items();
  }

  /**
   * Adds what was read from elsewhere, such as a file of many days; what is there already stays as it is. For operators.
   * Rejects with ERR_CONNECTION_LOST if nobody knows how much was taken: to import it again does no harm.
   */
  import(
    refreshes: Iterable<GoldRefresh> | AsyncIterable<GoldRefresh>,
    options?: CallOptions,
  ): Promise<GoldImport> {
    return sendItems(this.#calls, 'gold.import', { ...options, params: {}, items: refreshes });
  }
}
