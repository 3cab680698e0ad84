/**
 * What sessions, the api and operators say to the exchange, and what it says to them.
 *
 * All of a venue is one actor, at EXCHANGE_ADDRESS: an order, its token, its execution on both sides and the messages
 * about it are one event in one journal, so that no crash can come between them. Sessions may be in any host.
 *
 * Order entry comes as byte messages, which are no commands:
 *
 *     0                4                8
 *     +----------------+----------------+---------- … ---+
 *     | trading        | connection     | whole Unsequenced Data packets
 *     | account        |                | of SoupBinTCP
 *     +----------------+----------------+---------- … ---+
 *
 * The numbers are little-endian. What comes from a connection that the account has no more is ignored.
 */
import { type Address, toAddress } from '../values/address.ts';
import type { OrderbookForm } from './ouch/fields.ts';

export type { OrderbookForm };

export const EXCHANGE_ADDRESS: Address = toAddress('exchange/venue');

/** How many bytes precede the packets. */
export const ENTRY_HEAD_BYTES = 8;

/** The venue's day: it has not begun, runs, or is suspended as a whole. After its end the next one has not begun. */
export type DayState = 'before-open' | 'open';

export type ExchangeCommand =
  /** Answered to `session` with `logged-in` or `login-refused`, then with the messages from `sequence` on. */
  | {
      readonly type: 'log-in';
      /** Without padding, as they came otherwise. */
      readonly user: string;
      readonly password: string;
      /** Empty for the session of the day. */
      readonly requestedSession: string;
      /** Of the first message wanted; 0 for the last one there is. */
      readonly sequence: number;
      readonly form: OrderbookForm;
      readonly client: ClientAddress;
    }
  /** A client that has no name: its account begins and ends with its connection. */
  | { readonly type: 'log-in-raw'; readonly client: ClientAddress }
  /** The client has taken what was sent up to the last `page`. */
  | { readonly type: 'page-taken'; readonly account: number; readonly connection: number }
  /** The client sends no more: it is told what is left for it, and the session `all-told` then. */
  | { readonly type: 'hear-out'; readonly account: number; readonly connection: number }
  /**
   * The client is gone; ignored if the account has another connection by now. An ask, answered in any case: what the
   * exchange has said of the messages before is on its way then, and nothing more will be.
   */
  | { readonly type: 'left'; readonly account: number; readonly connection: number }
  | OperatorCommand
  | MarketCommand;

/** The session of a client: where notices go, and which connection it is. */
export interface ClientAddress {
  /** Of the session's actor. */
  readonly address: string;
  readonly connection: number;
  /** For a session with more than one account: repeated in each notice. */
  readonly call?: number;
}

/** What the exchange tells the session of a client. */
export type ClientNotice = { readonly call?: number } & (
  | {
      readonly type: 'logged-in';
      readonly account: number;
      /** The id of the day's session, unpadded. */
      readonly session: string;
      /** Of the first message that follows. */
      readonly sequence: number;
      /** Of the last message there is so far; 0 if there is none. */
      readonly lastSequence: number;
      /** The greatest token that the account has used in the session, −1 if it has used none. */
      readonly lastToken: number;
    }
  /** As in Login Rejected: A or S; `text` says it to a person. */
  | { readonly type: 'login-refused'; readonly reason: 'A' | 'S'; readonly text: string }
  /** Whole Sequenced Data packets. After a `page` nothing follows before `page-taken`. Never changed afterwards. */
  | { readonly type: 'sequenced'; readonly bytes: Uint8Array; readonly isPage: boolean }
  /**
   * Why a message had no effect. A client with a `call` is told of each, with its letter and its token (of a replace the
   * new one); others only if debug packets are on, and of the first of many.
   */
  | {
      readonly type: 'ignored';
      readonly text: string;
      readonly letter?: number;
      readonly token?: number;
    }
  /** There is no more for now: after pages, and in answer to `hear-out`. */
  | { readonly type: 'all-told' }
  /** The session has no more messages: End of Session, then the close. */
  | { readonly type: 'session-ended' }
  /** The connection is to be closed: another one has taken the account over, or the exchange can not go on with it. */
  | { readonly type: 'dismissed'; readonly reason: string }
);

/** Of operators; each is an ask. A book without a group is meant in all of its groups, no book is all books. */
export type OperatorCommand =
  /** Begins the day; resumes nothing. Answered with a DayReply. */
  | { readonly type: 'open-day' }
  /** Ends the day: orders are withdrawn, accounts get System Event E and End of Session. Answered with a DayReply. */
  | { readonly type: 'close-day' }
  /** Answered with the number of books that changed. */
  | ({ readonly type: 'halt' | 'resume' } & BookSelection)
  /** Withdraws orders, with reason S. Answered with their number, or null if there is no such user. */
  | ({ readonly type: 'cancel-all'; readonly user?: string | undefined } & BookSelection)
  /** Answered with BookRows. */
  | { readonly type: 'books' }
  /** Answered with a BookView, or null if there is no such book. */
  | {
      readonly type: 'book';
      readonly id: string;
      readonly group?: string | undefined;
      /** Price levels on each side. */
      readonly levels: number;
      /** Orders, best first, that are to be in it; 0 for none. */
      readonly orders: number;
    }
  /** The last ones, the newest first. Answered with TradeRows. */
  | ({ readonly type: 'trades'; readonly limit: number } & BookSelection)
  /** Answered with ExchangeFigures. */
  | { readonly type: 'figures' };

export interface BookSelection {
  /** `7203`; without it all books. */
  readonly id?: string | undefined;
  /** `DAY`, padded or not; without it all groups. */
  readonly group?: string | undefined;
}

export interface DayReply {
  /** False if it was so before. */
  readonly isChanged: boolean;
  readonly state: DayState;
  readonly session: string;
}

/** Prices are in tenths of a yen, 0 where there is none. */
export interface BookRow {
  readonly id: string;
  readonly group: string;
  readonly name: string;
  readonly state: 'open' | 'halted' | 'closed';
  readonly bid: number;
  readonly bidQuantity: number;
  readonly ask: number;
  readonly askQuantity: number;
  readonly last: number;
  readonly orders: number;
  /** Traded today, in shares. */
  readonly volume: number;
}

export interface LevelRow {
  readonly price: number;
  readonly quantity: number;
  readonly orders: number;
}

export interface OrderRow {
  /** Decimal. */
  readonly orderNumber: string;
  readonly user: string;
  readonly token: number;
  readonly side: 'B' | 'S' | 'T' | 'E';
  readonly price: number;
  readonly quantity: number;
  /** When it was entered, or replaced. */
  readonly timeMs: number;
}

export interface BookView {
  readonly row: BookRow;
  /** Best first. */
  readonly bids: readonly LevelRow[];
  readonly asks: readonly LevelRow[];
  readonly buyOrders: readonly OrderRow[];
  readonly sellOrders: readonly OrderRow[];
}

export interface TradeRow {
  readonly id: string;
  readonly group: string;
  /** Decimal. */
  readonly matchNumber: string;
  readonly price: number;
  readonly quantity: number;
  /** Of the order that came later. */
  readonly side: 'B' | 'S';
  readonly timeMs: number;
}

export interface ExchangeFigures {
  readonly state: DayState;
  readonly session: string;
  readonly books: number;
  readonly halted: number;
  /** Trading accounts that have ever logged in, and those that are connected. */
  readonly accounts: number;
  readonly connected: number;
  readonly openOrders: number;
  /** Since the day began. */
  readonly accepted: number;
  readonly rejected: number;
  readonly trades: number;
  /** Inbound messages without effect since the start, by reason. */
  readonly ignored: Readonly<Record<string, number>>;
}

/**
 * Of those who follow the market: first comes a snapshot of each book, then its changes, one number after the other.
 * `call` tells the wishes of one follower apart; to ask again under the same one is to get the snapshots again.
 */
export type MarketCommand =
  /** Told; `address` gets MarketNotices until it stops or unsubscribes. Without `books` all of them. */
  | {
      readonly type: 'follow-market';
      readonly address: string;
      readonly call: number;
      readonly books?: readonly BookSelection[];
    }
  | { readonly type: 'unfollow-market'; readonly address: string; readonly call: number };

/** One for all of a follower's calls, and the same for all followers: each takes what it has asked for. */
export type MarketNotice =
  | {
      readonly type: 'book-snapshot';
      /** The next change of the book has the number after it. */
      readonly number: number;
      readonly row: BookRow;
      readonly bids: readonly LevelRow[];
      readonly asks: readonly LevelRow[];
    }
  /** All that one turn of the exchange has changed in the book. */
  | {
      readonly type: 'book-change';
      readonly number: number;
      readonly row: BookRow;
      /** As they are now; a level of quantity 0 is gone. */
      readonly bids: readonly LevelRow[];
      readonly asks: readonly LevelRow[];
      /** In the order in which they came. */
      readonly trades: readonly TradeRow[];
    };

/** Whether the book is one of those that are meant. */
export function isSelected({ id, group }: BookSelection, row: Pick<BookRow, 'id' | 'group'>): boolean {
  return (
    (id === undefined || id === row.id) && (group === undefined || group.trimEnd() === row.group.trimEnd())
  );
}
