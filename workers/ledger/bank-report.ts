/** `log.txt`: a line for each account, sorted by the bytes of its name: `Abigail $-5216.49`. */
import { formatMoney } from '../../src/values/money.ts';
import { decodeBalances } from './balances.ts';

/** The report over the balances of all shards, in Latin-1, so that names keep their bytes. */
export function formatReport(shards: readonly Uint8Array[]): string {
  const balances = shards.flatMap(decodeBalances);
  balances.sort((a, b) => (a.name < b.name ? -1 : 1));
  return balances.map(({ name, cents }) => `${name} ${formatMoney(cents)}\n`).join('');
}
