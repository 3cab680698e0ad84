/** Tables of rows that have more to say than a terminal has room for: what matters least is left out. */
import { type Alignment, type Cell, type TableFormat, tabulate } from './tabulate.ts';

export interface Look {
  readonly format: TableFormat;
  /** Terminal columns. */
  readonly width: number;
}

/** Of the terminal; elsewhere what COLUMNS says, or room for everything. */
export function columnsOf(
  { columns }: { readonly columns?: number },
  { COLUMNS }: NodeJS.ProcessEnv,
): number {
  return columns || Number(COLUMNS) || Number.POSITIVE_INFINITY;
}

export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => Cell;
  /** What is aligned right is never cut. */
  readonly align?: Alignment;
  /** Its text may be cut to so many terminal columns for the sake of the others. */
  readonly cutTo?: number;
  /** Columns with the lowest number are left out first, together; one without a number never is. */
  readonly spare?: number;
}

/** Columns in which no row has anything are left out, too. */
export function formatRows<Row>(rows: readonly Row[], columns: readonly Column<Row>[], look: Look): string {
  const filled = columns.map((column) => ({ ...column, cells: rows.map(column.cell) })).filter(hasText);
  const shown = fit(filled, look);
  return tabulate(
    rows.map((_, i) => shown.map(({ cells }) => cells[i])),
    {
      headers: shown.map(({ head }) => head),
      align: shown.map(({ align }) => align),
      ...look,
    },
  );
}

interface FilledColumn {
  readonly head: string;
  readonly cutTo?: number;
  readonly spare?: number;
  readonly cells: readonly Cell[];
}

function hasText({ cells }: FilledColumn): boolean {
  return cells.some((cell) => cell !== '' && cell !== null && cell !== undefined);
}

function fit<C extends FilledColumn>(columns: readonly C[], look: Look): readonly C[] {
  const lowest = Math.min(...columns.map(({ spare = Number.POSITIVE_INFINITY }) => spare));
  if (lowest === Number.POSITIVE_INFINITY || leastWidth(columns, look) <= look.width) return columns;
  return fit(
    columns.filter(({ spare }) => spare !== lowest),
    look,
  );
}

function leastWidth(columns: readonly FilledColumn[], { format }: Look): number {
  const isFramed = format !== 'plain' && format !== 'simple';
  const frame = isFramed ? 3 * columns.length + 1 : 2 * (columns.length - 1);
  const widths = columns.map(({ head, cells, cutTo = Number.POSITIVE_INFINITY }) => {
    const widest = cells.reduce<number>((most, cell) => Math.max(most, String(cell ?? '').length), 0);
    return Math.max(head.length, Math.min(widest, cutTo));
  });
  return widths.reduce((sum, width) => sum + width, frame);
}

/** Labels and what belongs to them, in lines that are broken where they are too long. */
export function formatPairs(
  pairs: readonly (readonly [label: string, text: string])[],
  width: number,
): string {
  const labelWidth = Math.max(...pairs.map(([label]) => label.length));
  const rows = pairs.flatMap(([label, text]) =>
    breakText(text, width - labelWidth - 2).map((line, i) => [i === 0 ? label : '', line]),
  );
  return tabulate(rows, { format: 'plain', align: ['left', 'left'] });
}

/** At blanks where that is possible. */
function breakText(text: string, width: number): readonly string[] {
  const room = Math.max(width, 1);
  if (text.length <= room) return [text];
  const blank = text.lastIndexOf(' ', room);
  const end = blank > 0 ? blank : room;
  return [text.slice(0, end), ...breakText(text.slice(end).trimStart(), room)];
}
