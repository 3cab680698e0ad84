/**
 * Balances as bytes, for the way from the shards to a report or a request: for each account one byte of name length, the
 * name, and eight bytes of cents.
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

/** An account as a request of the api has it: a string if its name is UTF-8, else the name's bytes. */
export type AccountBalance = readonly [account: string | Uint8Array, cents: number];

const ASCII_MAX = 0x7f;
// With its mark at the beginning, which may be a part of a name.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A shard's balances, page by page: no account is decoded before its page is taken. */
export class BalancePages {
  readonly #bytes: Buffer;
  /** Where the next account begins. */
  #at = 0;

  constructor(balances: Uint8Array) {
    this.#bytes = Buffer.from(balances.buffer, balances.byteOffset, balances.length);
  }

  get isDone(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The next `accountsMax` accounts, or those that are left. */
  take(accountsMax: number): AccountBalance[] {
    const page: AccountBalance[] = [];
    while (page.length < accountsMax && !this.isDone) {
      const start = this.#at + 1;
      const end = start + this.#bytes.readUInt8(this.#at);
      page.push([accountOf(this.#bytes, start, end), this.#bytes.readDoubleLE(end)]);
      this.#at = end + BALANCE_CENTS_BYTES;
    }
    return page;
  }
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
