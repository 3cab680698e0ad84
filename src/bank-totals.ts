/** What the bank did, for the one line that a server prints when it ends. */
export interface BankTotals {
  readonly connections: number;
  /** Connections that were turned away at a limit. */
  readonly refused: number;
  /** Connections that were given up in the shutdown. */
  readonly abandoned: number;
  readonly applied: number;
  /** Lines by the reason for which they were discarded. */
  readonly discarded: Readonly<Record<string, number>>;
}

/** `50 connections (2 refused), 500000 lines applied, 2 discarded (empty 1, amount 1)` */
export function formatTotals({ connections, refused, abandoned, applied, discarded }: BankTotals): string {
  const sum = Object.values(discarded).reduce((total, count) => total + count, 0);
  return [
    `${connections} connection${connections === 1 ? '' : 's'}${formatCounts({ refused, 'given up': abandoned }, ([what, count]) => `${count} ${what}`)}`,
    `${applied} line${applied === 1 ? '' : 's'} applied`,
    `${sum} discarded${formatCounts(discarded, ([reason, count]) => `${reason} ${count}`)}`,
  ].join(', ');
}

/** Those that are not zero, in brackets; nothing if all are. */
function formatCounts(
  counts: Readonly<Record<string, number>>,
  format: (entry: [string, number]) => string,
): string {
  const entries = Object.entries(counts).filter(([, count]) => count > 0);
  return entries.length === 0 ? '' : ` (${entries.map(format).join(', ')})`;
}
