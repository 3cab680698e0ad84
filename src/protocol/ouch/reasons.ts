/**
 * Why orders end, and why they are not taken. Two tables: S and L are in both, and mean something else in each.
 */

/** In Order Canceled and Order AIQ Canceled. */
export const CANCEL_REASONS = {
  U: 'asked for by the user',
  L: 'the user was disconnected',
  S: 'withdrawn by the exchange',
  I: 'the rest of an immediate order',
  M: 'would have traded with an order of the same owner',
  X: 'invalid price',
  Z: 'invalid quantity',
  N: 'invalid minimum quantity',
  Y: 'invalid order type',
  D: 'invalid display',
  V: 'order value above the limit',
  i: 'short sales are restricted',
  R: 'not allowed at this time',
  F: 'too many orders at once',
  G: 'margin restriction',
  O: 'other',
} as const;

/** In Order Rejected. */
export const REJECT_REASONS = {
  H: 'the order book is halted',
  S: 'unknown order book',
  X: 'invalid price',
  Z: 'invalid quantity',
  N: 'invalid minimum quantity',
  Y: 'invalid order type',
  D: 'invalid display',
  V: 'order value above the limit',
  i: 'short sales are restricted',
  R: 'not allowed at this time',
  F: 'too many orders at once',
  G: 'invalid cash margin type',
  L: 'firm not permitted',
  c: 'group not permitted',
  O: 'other',
} as const;

export type CancelReason = keyof typeof CANCEL_REASONS;
export type RejectReason = keyof typeof REJECT_REASONS;

/** What the reason of a canceled order means, for people. */
export function explainCancel(reason: string): string {
  return explain(CANCEL_REASONS, reason);
}

/** What the reason of a rejected order means, for people. */
export function explainReject(reason: string): string {
  return explain(REJECT_REASONS, reason);
}

function explain(words: Readonly<Record<string, string>>, reason: string): string {
  return Object.hasOwn(words, reason) ? (words[reason] as string) : `reason ${reason}`;
}
