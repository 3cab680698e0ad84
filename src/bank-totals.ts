/** What the bank did, for the one line that a server prints when it ends. */
export interface BankTotals {
  readonly connections: number;
  readonly applied: number;
  /** Lines by the reason for which they were discarded. */
  readonly discarded: Readonly<Record<string, number>>;
}

/** `50 connections, 500000 lines applied, 2 discarded (empty 1, amount 1)` */
export function formatTotals({ connections, applied, discarded }: BankTotals): string {
  const reasons = Object.entries(discarded).filter(([, count]) => count > 0);
  const sum = reasons.reduce((total, [, count]) => total + count, 0);
  const detail = reasons.map(([reason, count]) => `${reason} ${count}`).join(', ');
  const plural = connections === 1 ? '' : 's';
  const lines = applied === 1 ? '' : 's';
  return `${connections} connection${plural}, ${applied} line${lines} applied, ${sum} discarded${detail && ` (${detail})`}`;
}
