/** What a venue is made of: its order books, groups, ticks and traders, as the settings have them. */

/** What becomes of two orders of one owner that would trade with each other. */
export const SELF_TRADE_MODES = [
  'off',
  'cancel-newest',
  'cancel-oldest',
  'cancel-both',
  'decrement-both',
] as const;
export type SelfTradeMode = (typeof SELF_TRADE_MODES)[number];

export interface VenueSettings {
  readonly tickTables: readonly TickTable[];
  readonly books: readonly BookSettings[];
  readonly traders: readonly TraderSettings[];
}

export interface TickTable {
  readonly name: string;
  /** By their beginning, the first at 0. */
  readonly bands: readonly TickBand[];
}

/** From this price on prices are `from` and whole ticks above it. In tenths of a yen. */
export interface TickBand {
  readonly from: number;
  readonly tick: number;
}

/** A security. In each of its groups it is a book of its own. Prices are in tenths of a yen. */
export interface BookSettings {
  /** One to four characters, not padded: `7203`. */
  readonly id: string;
  /** What it is called where order books are numbers: on the raw port, and before OUCH 1.12. */
  readonly number: number;
  /** For people. */
  readonly name: string;
  /** Of GROUPS. */
  readonly groups: readonly string[];
  readonly lot: number;
  readonly tickTable: string;
  readonly lowerLimit: number;
  readonly upperLimit: number;
  /** No short sales but those that are exempt. */
  readonly isShortSellRestricted: boolean;
}

/** Day session, night session, X-Market, U-Market: as on the wire, padded to four. */
export const GROUPS = ['DAY ', 'NGHT', 'DAYX', 'DAYU'] as const;

export interface TraderSettings {
  /** One to six characters, in upper case. */
  readonly user: string;
  /** Up to ten characters; compared without regard to case. */
  readonly password: string;
  /** In which it may trade, of GROUPS. */
  readonly groups: readonly string[];
  /** MPIDs that it may name, beside 0. */
  readonly firms: readonly number[];
  /** Price times quantity that one order may have, in yen; 0 for any. */
  readonly orderValueMax: number;
  /** Orders and replaces that are taken in a second; 0 for any. */
  readonly ordersPerSecond: number;
  readonly selfTrade: SelfTradeMode;
  /** Traders of one name here count as one owner; empty: it is its own. */
  readonly owner: string;
}
