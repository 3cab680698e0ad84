/**
 * Balances as bytes, for the way from the shards to a report or a request: for each account one byte of name length, the
 * name, and eight bytes of cents.
 */
import type { LedgerCursor, SomeBalances } from '../../src/protocol/bank.ts';
import type { Ledger } from './ledger.ts';

export const BALANCE_CENTS_BYTES = 8;

type Visit = (name: Uint8Array, cents: number) => void;

export function encodeBalances(ledger: Ledger): Uint8Array {
  return encode((visit) => ledger.forEach(visit));
}

/** Those of `accounts` accounts, in the order in which they were opened, or of those that are left. */
export function encodeSome(ledger: Ledger, from: LedgerCursor, accounts: number): SomeBalances {
  let next = from;
  const balances = encode((visit) => {
    next = ledger.visitFrom(from, accounts, visit);
  });
  return { balances, next };
}

/** `visitAll` is called twice, and must do the same both times. */
function encode(visitAll: (visit: Visit) => void): Uint8Array {
  let length = 0;
  visitAll((name) => {
    length += 1 + name.length + BALANCE_CENTS_BYTES;
  });
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  visitAll((name, cents) => {
    bytes[at] = name.length;
    bytes.set(name, at + 1);
    view.setFloat64(at + 1 + name.length, cents, true);
    at += 1 + name.length + BALANCE_CENTS_BYTES;
  });
  return bytes;
}

/** An account as a request of the api has it: a string if its name is UTF-8, else the name's bytes. */
export type AccountBalance = readonly [account: string | Uint8Array, cents: number];

const ASCII_MAX = 0x7f;
// With its mark at the beginning, which may be a part of a name.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function decodeBalances(balances: Uint8Array): AccountBalance[] {
  const bytes = Buffer.from(balances.buffer, balances.byteOffset, balances.length);
  const accounts: AccountBalance[] = [];
  for (let at = 0; at < bytes.length; ) {
    const start = at + 1;
    const end = start + bytes.readUInt8(at);
    accounts.push([accountOf(bytes, start, end), bytes.readDoubleLE(end)]);
    at = end + BALANCE_CENTS_BYTES;
  }
  return accounts;
}

function accountOf(bytes: Buffer, start: number, end: number): string | Uint8Array {
  if (isAscii(bytes, start, end)) return bytes.toString('latin1', start, end);
  const name = Uint8Array.from(bytes.subarray(start, end));
  try {
    return decoder.decode(name);
  } catch {
    return name;
  }
}

function isAscii(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if ((bytes[at] as number) > ASCII_MAX) return false;
  return true;
}
