/**
 * Balances as bytes, for the way from the shards to a report: for each account one byte of name length, the name, and
 * eight bytes of cents.
 */
import type { Ledger } from './ledger.ts';

export const BALANCE_CENTS_BYTES = 8;

export function encodeBalances(ledger: Ledger): Uint8Array {
  let length = 0;
  ledger.forEach((name) => {
    length += 1 + name.length + BALANCE_CENTS_BYTES;
  });
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  ledger.forEach((name, cents) => {
    bytes[at] = name.length;
    bytes.set(name, at + 1);
    view.setFloat64(at + 1 + name.length, cents, true);
    at += 1 + name.length + BALANCE_CENTS_BYTES;
  });
  return bytes;
}
