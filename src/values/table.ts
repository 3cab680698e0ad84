/** Rows for a terminal, in columns as wide as what is in them. */

export interface TableOptions {
  /** Columns of numbers, which end where the others end. */
  readonly right?: readonly number[];
}

/** Ends with a newline. */
export function formatTable(rows: readonly (readonly string[])[], { right = [] }: TableOptions = {}): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  return rows
    .map((row) => {
      const cells = row.map((cell, i) =>
        right.includes(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
      );
      return `${cells.join('  ').trimEnd()}\n`;
    })
    .join('');
}

/** `10,000,000` */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** `2026-11-21 10:00:00.000`, in UTC. */
export function formatTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('T', ' ').replace('Z', '');
}
