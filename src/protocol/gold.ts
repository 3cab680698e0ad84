/** What the store of gold rates is told and asked, and what it tells; see workers/gold/gold-actor.ts. */
import { type Address, toAddress } from '../values/address.ts';

export const GOLD_SERVICE = 'gold';
export const RATES_ADDRESS: Address = toAddress(`${GOLD_SERVICE}/rates`);

export const PROVIDERS = ['tygia', 'vang-today', 'pnj', 'btmc', 'example'] as const;
export type ProviderName = (typeof PROVIDERS)[number];

/**
 * Texts are as the source had them, without control characters and at most 128 characters; empty where it had none.
 * The numbers are VND per lượng, whole.
 */
export interface GoldRow {
  readonly company: string;
  readonly brand: string;
  readonly type: string;
  readonly code: string;
  readonly buy: string;
  readonly sell: string;
  readonly updated: string;
  readonly day: string;
  readonly id: string;
  readonly buyVnd: number;
  readonly sellVnd: number;
}

export interface GoldRefresh {
  /** `yyyy-mm-dd` */
  readonly date: string;
  readonly source: string;
  readonly timeMs: number;
  readonly rows: readonly GoldRow[];
}

export interface GoldAnswer {
  readonly date: string;
  readonly source: string;
  readonly rows: readonly GoldRow[];
  readonly timeMs: number;
  readonly ageMs: number;
  readonly isStale: boolean;
}

export type GoldCommand =
  | { readonly type: 'look-up'; readonly date: string; readonly wanted: string }
  | {
      readonly type: 'range';
      readonly from: string;
      readonly to: string;
      readonly wanted: string;
      readonly limit: number;
    }
  | { readonly type: 'latest'; readonly wanted?: string }
  | { readonly type: 'types'; readonly date?: string }
  | { readonly type: 'dates'; readonly limit: number }
  | { readonly type: 'watch'; readonly session: Address }
  | { readonly type: 'unwatch'; readonly session: Address }
  | { readonly type: 'import'; readonly refreshes: readonly GoldRefresh[] }
  | { readonly type: 'refresh' };

export interface GoldAnswers {
  readonly 'look-up': Found;
  readonly latest: Found;
  readonly range: { readonly days: readonly GoldAnswer[]; readonly total: number } | Missing;
  readonly types: readonly string[];
  readonly dates: { readonly dates: readonly string[]; readonly total: number };
  readonly watch: null;
  readonly unwatch: null;
  readonly import: { readonly refreshes: number; readonly rows: number; readonly known: number };
  readonly refresh: null;
}

export type Found = GoldAnswer | Missing;

export interface Missing {
  readonly missing: 'date' | 'type';
  /** What there is instead, if anything is near. */
  readonly nearest: string | null;
}

/** To who watches: the rows that are new or changed, each with what it was before. */
export interface GoldNotice {
  readonly type: 'gold-changed';
  readonly date: string;
  readonly source: string;
  readonly timeMs: number;
  readonly rows: readonly GoldRow[];
  readonly before: readonly (GoldRow | null)[];
}

/** What is known of a source's last answer, so that it need not send the same again. */
export interface SourceState {
  readonly name: ProviderName;
  readonly etag?: string;
  readonly lastModified?: string;
}

/** Asks the sources one after the other, until one answers with rates that can be taken. */
export interface RefreshOrder {
  readonly type: 'refresh-gold';
  readonly sources: readonly SourceState[];
  /** VND per lượng, of the last rates that are not too old to be compared with. */
  readonly lastMedian?: number;
  readonly timeMs: number;
}

/** A source with its door: the desk knows them, so that no actor and no dead letter has a key. */
export interface RefreshGoldJob extends Omit<RefreshOrder, 'sources'> {
  readonly sources: readonly (SourceState & SourceDoor)[];
}

export interface SourceDoor {
  readonly url: string;
  /** Empty if the source has none. */
  readonly key: string;
}

export interface RefreshOutcome {
  readonly taken?: {
    readonly source: ProviderName;
    /** It has said that nothing changed. */
    readonly isUnchanged: boolean;
    readonly refresh?: GoldRefresh;
    readonly etag?: string;
    readonly lastModified?: string;
    /** Rows that were left out, since their prices can not be. */
    readonly dropped: number;
  };
  readonly refused: readonly { readonly source: ProviderName; readonly reason: string }[];
}

/** Writes the file of a day anew. Answered with null, at once by a server that keeps nothing. */
export interface WriteDayOrder {
  readonly type: 'write-gold-day';
  readonly date: string;
  readonly refreshes: readonly GoldRefresh[];
}

export interface WriteGoldDayJob extends WriteDayOrder {
  readonly folder: string;
}
