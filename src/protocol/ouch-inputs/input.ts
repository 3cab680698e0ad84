/**
 * What is in a file of test inputs, as types; README.md beside this file is the reference. All names are those of the
 * file: snake_case, as in the original inputs.
 */
import type { OrderbookForm } from '../ouch/fields.ts';

export interface Input {
  /** For editors; not read. */
  readonly $schema?: string;
  /** Shown in reports, where else the path is. */
  readonly name?: string;
  /** A client that is not in `clients` is called as its user. */
  readonly recorded?: boolean;
  /** Entry i is about action i: prose, or the one reply to it in wire order; an empty list is no reply. */
  readonly _expected_behaviour?: readonly (string | readonly (string | number)[])[];
  readonly clients?: Readonly<Record<string, ClientHint>>;
  readonly venue?: VenueHint;
  readonly actions: readonly Step[];
}

export interface ClientHint {
  readonly user?: string;
  readonly password?: string;
  /** Bare OUCH instead of SoupBinTCP. */
  readonly raw?: boolean;
  readonly form?: OrderbookForm;
}

/** What must hold at the venue, as `createServer` takes it. Whoever replays a file only shows it. */
export interface VenueHint {
  readonly settings?: object;
  readonly books?: readonly object[];
  readonly traders?: readonly object[];
  readonly tickTables?: readonly object[];
}

/** In milliseconds, one of the two: since the input began, since the step before was done. */
export interface When {
  readonly at?: number;
  readonly after?: number;
}

/** A whole number of the wire, or its digits. */
export type Whole = number | string;
/** A decimal number, or the same as text. */
export type Price = number | string;

export interface EnterStep {
  readonly message_type: 'O';
  readonly order_token: Whole;
  readonly client_reference?: string;
  readonly buy_sell_indicator: string;
  readonly quantity: Whole;
  readonly orderbook_id: string | number;
  readonly group?: string;
  readonly price: Price;
  readonly time_in_force?: Whole;
  readonly firm_id?: Whole;
  readonly display?: string;
  readonly capacity?: string;
  readonly minimum_quantity?: Whole;
  readonly order_classification?: string;
  readonly cash_margin_type?: string;
}

export interface ReplaceStep {
  readonly message_type: 'U';
  readonly existing_order_token: Whole;
  readonly replacement_order_token: Whole;
  readonly quantity: Whole;
  readonly price: Price;
  readonly time_in_force?: Whole;
  readonly display?: string;
  readonly minimum_quantity?: Whole;
}

export interface CancelStep {
  readonly message_type: 'X';
  readonly order_token: Whole;
  /** Below 0 it is sent modulo 2³². */
  readonly quantity?: Whole;
}

export type MessageStep = EnterStep | ReplaceStep | CancelStep;

/** Meets the steps of the same name in the other inputs. */
export interface BarrierStep {
  readonly barrier: string;
}

export const DISCONNECTS = ['logout', 'close', 'reset'] as const;
/** By a Logout Request; by closing the sending side and reading to the end; by a reset of the connection. */
export type Disconnect = (typeof DISCONNECTS)[number];

export interface DisconnectStep {
  readonly disconnect: Disconnect;
}

/** True: the same session, and the next message. */
export interface ReconnectStep {
  readonly reconnect: true | { readonly session?: string; readonly sequence?: number };
}

export interface SleepStep {
  /** In milliseconds. */
  readonly sleep: number;
}

/** It only waits, or expects. */
export type WaitStep = Readonly<Record<never, never>>;

export type Step = When & {
  /** Which client; `client` if none is named. */
  readonly as?: string;
  readonly expect?: Expected | readonly Expected[];
} & (MessageStep | BarrierStep | DisconnectStep | ReconnectStep | SleepStep | WaitStep);

/** A reply: its letter, and those of its fields that are compared. */
export type Reply = { readonly message_type: string } & Readonly<Record<string, string | number>>;

/** No reply at all to this client, for so many milliseconds. */
export interface Silence {
  readonly silence: number;
}

export type Expected = Reply | Silence;

/** The client of a step that names none. */
export const CLIENT = 'client';

/** What `expect` has, as a list. */
export function expectationsOf({ expect }: Step): readonly Expected[] | undefined {
  if (expect === undefined) return undefined;
  return isList(expect) ? expect : [expect];
}

export function isSilence(expected: Expected): expected is Silence {
  return 'silence' in expected;
}

export function isMessageStep(step: Step): step is Step & MessageStep {
  return 'message_type' in step;
}

/** Array.isArray does not know lists that are read-only. */
function isList(expect: Expected | readonly Expected[]): expect is readonly Expected[] {
  return Array.isArray(expect);
}
