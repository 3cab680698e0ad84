/** Ledgers and what they hold, by name: for tests that care about names and cents, not about bytes. */
import { hashName, type Ledger, type PostingOutcome } from '../../workers/ledger/ledger.ts';

/** What is behind a name in its buffer: a ledger must not take it for a part of the name. */
const BEHIND = 0xa5;

export function viewOf(name: string): DataView {
  const bytes = new Uint8Array(name.length + 4).fill(BEHIND);
  bytes.set(Buffer.from(name, 'latin1'));
  return new DataView(bytes.buffer);
}

/** Posts by name, under its own hash unless another is given. */
export function post(ledger: Ledger, name: string, cents: number, hash?: number): PostingOutcome {
  const view = viewOf(name);
  return ledger.post(view, 0, name.length, hash ?? hashName(view, 0, name.length), cents);
}

export function balancesOf(ledger: Ledger): Map<string, number> {
  const balances = new Map<string, number>();
  ledger.forEach((name, cents) => {
    balances.set(Buffer.from(name).toString('latin1'), cents);
  });
  return balances;
}
