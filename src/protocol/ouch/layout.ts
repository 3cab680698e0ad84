/**
 * Where the fields of each message are, in bytes from its type letter. Japannext OUCH 1.12, sections 6 and 7. Integers
 * are unsigned and big-endian, text is ASCII, padded on the right with spaces.
 */

/** The first byte of a message. Replace and Replaced share a letter; their direction tells them apart. */
export const LETTER = {
  enter: 0x4f, // O
  replace: 0x55, // U
  cancel: 0x58, // X
  systemEvent: 0x53, // S
  accepted: 0x41, // A
  replaced: 0x55, // U
  canceled: 0x43, // C
  aiqCanceled: 0x44, // D
  executed: 0x45, // E
  rejected: 0x4a, // J
} as const;

/** Bytes of each message. */
export const LENGTH = {
  enter: 48,
  replace: 26,
  cancel: 9,
  systemEvent: 10,
  accepted: 65,
  replaced: 52,
  canceled: 18,
  aiqCanceled: 27,
  executed: 30,
  rejected: 14,
} as const;

/** Enter Order before 1.8, and of 1.8 and 1.9: without the last two bytes, or the last one. */
export const ENTER_LENGTHS_OLD = [46, 47] as const;
/** Order Accepted of the same versions. */
export const ACCEPTED_LENGTHS_OLD = [63, 64] as const;

export const ENTER = {
  token: 1,
  clientReference: 5,
  side: 15,
  quantity: 16,
  orderbook: 20,
  group: 24,
  price: 28,
  timeInForce: 32,
  firm: 36,
  display: 40,
  capacity: 41,
  minimumQuantity: 42,
  classification: 46,
  cashMargin: 47,
} as const;

export const REPLACE = {
  existingToken: 1,
  replacementToken: 5,
  quantity: 9,
  price: 13,
  timeInForce: 17,
  display: 21,
  minimumQuantity: 22,
} as const;

export const CANCEL = { token: 1, quantity: 5 } as const;

/** In every outbound message. */
export const TIMESTAMP = 1;

export const SYSTEM_EVENT = { event: 9 } as const;

export const ACCEPTED = {
  token: 9,
  clientReference: 13,
  side: 23,
  quantity: 24,
  orderbook: 28,
  group: 32,
  price: 36,
  timeInForce: 40,
  firm: 44,
  display: 48,
  capacity: 49,
  orderNumber: 50,
  minimumQuantity: 58,
  state: 62,
  classification: 63,
  cashMargin: 64,
} as const;

export const REPLACED = {
  replacementToken: 9,
  side: 13,
  quantity: 14,
  orderbook: 18,
  group: 22,
  price: 26,
  timeInForce: 30,
  display: 34,
  orderNumber: 35,
  minimumQuantity: 43,
  state: 47,
  previousToken: 48,
} as const;

export const CANCELED = { token: 9, decrement: 13, reason: 17 } as const;

export const AIQ_CANCELED = {
  token: 9,
  decrement: 13,
  reason: 17,
  prevented: 18,
  price: 22,
  liquidity: 26,
} as const;

export const EXECUTED = { token: 9, quantity: 13, price: 17, liquidity: 21, matchNumber: 22 } as const;

export const REJECTED = { token: 9, reason: 13 } as const;

/** Time in force. */
export const IMMEDIATE = 0;
export const DAY = 99_999;

/** In tenths of a yen: 214,748,364.6. */
export const PRICE_MAX = 0x7ffffffe;
export const QUANTITY_MAX = 0x7fffffff;
