/**
 * Balances as bytes, for the way from the shards to a report: for each account one byte of name length, the name, and
 * eight bytes of cents.
 */
import type { MinorUnits } from '../../src/values/money.ts';
import type { Ledger } from './ledger.ts';

const CENTS_BYTES = 8;

export function encodeBalances(ledger: Ledger): Uint8Array {
  let length = 0;
  ledger.forEach((name) => {
    length += 1 + name.length + CENTS_BYTES;
  });
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  ledger.forEach((name, cents) => {
    bytes[at] = name.length;
    bytes.set(name, at + 1);
    view.setFloat64(at + 1 + name.length, cents, true);
    at += 1 + name.length + CENTS_BYTES;
  });
  return bytes;
}

/** Names as Latin-1 strings, one character a byte: such strings compare as their bytes do. */
export function decodeBalances(bytes: Uint8Array): { name: string; cents: MinorUnits }[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const balances: { name: string; cents: MinorUnits }[] = [];
  for (let at = 0; at < buffer.length; ) {
    const nameEnd = at + 1 + buffer.readUInt8(at);
    const name = buffer.toString('latin1', at + 1, nameEnd);
    balances.push({ name, cents: buffer.readDoubleLE(nameEnd) as MinorUnits });
    at = nameEnd + CENTS_BYTES;
  }
  return balances;
}
