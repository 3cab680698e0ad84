/**
 * Rows as a table for a terminal, with the looks and the defaults of Python's tabulate.
 *
 * The package `table` pads and joins by terminal columns. What it can not do is done here: it takes no ragged rows and
 * not none, knows no decimal points, cuts by characters instead of columns, and lets escape sequences through. It takes
 * a tenth of a millisecond and some kilobytes a row until it is done, so it gets the rows in pages.
 */
import stringWidth from 'string-width';
import { type TableUserConfig, table } from 'table';
import { printable } from './printable.ts';

export type Cell = string | number | bigint | boolean | null | undefined;
export type Alignment = 'left' | 'right' | 'center' | 'decimal';
export const TABLE_FORMATS = ['psql', 'grid', 'github', 'plain', 'simple'] as const;
export type TableFormat = (typeof TABLE_FORMATS)[number];

export interface TabulateOptions {
  readonly headers?: readonly Cell[];
  /** `plain` if none is given. */
  readonly format?: TableFormat;
  /** By column; where none is given, columns of numbers are `decimal` and others `left`. */
  readonly align?: readonly (Alignment | undefined)[];
  /** So many terminal columns at most, as far as text can be cut; what is aligned right or decimal never is. */
  readonly width?: number | undefined;
}

interface Frame {
  readonly left: string;
  readonly join: string;
  readonly right: string;
}

interface Rule extends Frame {
  readonly fill: string;
}

interface Look {
  readonly row: Frame;
  readonly above?: Rule;
  readonly underHeaders?: Rule;
  readonly between?: Rule;
  readonly below?: Rule;
  /** With headers there is no rule above and below. */
  readonly isOpen?: true;
  /** Text that would be taken for a part of the frame. */
  readonly escaped?: string;
}

const BARS: Frame = { left: '| ', join: ' | ', right: ' |' };
const SPACES: Frame = { left: '', join: '  ', right: '' };
const CROSSES: Rule = { left: '+-', fill: '-', join: '-+-', right: '-+' };
const DASHES: Rule = { ...SPACES, fill: '-' };
const PIPES: Rule = { left: '|-', fill: '-', join: '-|-', right: '-|' };

const LOOKS: Readonly<Record<TableFormat, Look>> = {
  plain: { row: SPACES },
  simple: { row: SPACES, above: DASHES, underHeaders: DASHES, below: DASHES, isOpen: true },
  github: { row: BARS, above: PIPES, underHeaders: PIPES, isOpen: true, escaped: '|' },
  psql: { row: BARS, above: CROSSES, underHeaders: { ...PIPES, join: '-+-' }, below: CROSSES },
  grid: {
    row: BARS,
    above: CROSSES,
    underHeaders: { left: '+=', fill: '=', join: '=+=', right: '=+' },
    between: CROSSES,
    below: CROSSES,
  },
};

interface Column {
  /** That of the headers, then one of each row. */
  readonly texts: readonly string[];
  readonly alignment: 'left' | 'right' | 'center';
  /** In terminal columns. */
  readonly width: number;
}

const PAGE_ROWS = 1_000;
const ELLIPSIS = '…';

/** Every line ends with a newline; of nothing there is none. */
export function tabulate(rows: readonly (readonly Cell[])[], options: TabulateOptions = {}): string {
  const { headers = [], format = 'plain', align = [], width = Number.POSITIVE_INFINITY } = options;
  const columnCount = rows.reduce((most, row) => Math.max(most, row.length), headers.length);
  if (columnCount === 0) return '';
  const look = LOOKS[format];
  const textOf = (cell: Cell) => escapeFrame(printable(String(cell ?? '')), look);
  const columns = Array.from({ length: columnCount }, (_, i) => {
    const cells = rows.map((row) => row[i]);
    return layOut(textOf(headers[i]), cells.map(textOf), align[i] ?? defaultAlignment(cells));
  });
  const fitting = fit(columns, width - frameWidth(look.row, columnCount));
  const [headerLine = '', ...lines] = draw(fitting, look.row);
  const rule = (of: Rule | undefined) => (of === undefined ? '' : drawRule(fitting, of));
  if (headers.length === 0) {
    return [rule(look.above), lines.join(rule(look.between)), rule(look.below)].join('');
  }
  const [above, below] = look.isOpen ? ['', ''] : [rule(look.above), rule(look.below)];
  return [above, headerLine, rule(look.underHeaders), lines.join(rule(look.between)), below].join('');
}

function escapeFrame(text: string, { escaped }: Look): string {
  return escaped === undefined ? text : text.replaceAll(escaped, `\\${escaped}`);
}

const NUMBER = /^[+-]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?$/i;

/** Text that reads as a number is one, as in Python's tabulate: money and prices are decimal text. */
function defaultAlignment(cells: readonly Cell[]): Alignment {
  const present = cells.filter((cell) => cell !== undefined && cell !== null && cell !== '');
  const isNumber = (cell: Cell) =>
    typeof cell === 'string' ? NUMBER.test(cell) : typeof cell === 'number' || typeof cell === 'bigint';
  return present.length > 0 && present.every(isNumber) ? 'decimal' : 'left';
}

function layOut(header: string, cells: readonly string[], alignment: Alignment): Column {
  const texts = alignment === 'decimal' ? [header, ...alignPoints(cells)] : [header, ...cells];
  return {
    texts,
    alignment: alignment === 'decimal' ? 'right' : alignment,
    width: texts.reduce((widest, text) => Math.max(widest, widthOf(text)), 0),
  };
}

/** What follows the units: a point and its digits, an exponent. */
const FRACTION = /(?:\.\d*)?(?:e[+-]?\d+)?$/i;

function alignPoints(cells: readonly string[]): string[] {
  const lengths = cells.map((text) => text.length - text.search(FRACTION));
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  return cells.map((text, i) => text + ' '.repeat(longest - (lengths[i] ?? 0)));
}

function frameWidth({ left, join, right }: Frame, columnCount: number): number {
  return left.length + join.length * (columnCount - 1) + right.length;
}

/** The widest columns of text are cut to the same width, the greatest with which the whole fits; one is the least. */
function fit(columns: readonly Column[], room: number): readonly Column[] {
  const widthBelow = (cap: number, { alignment, width }: Column) =>
    alignment === 'right' ? width : Math.min(width, cap);
  const total = (cap: number) => columns.reduce((sum, column) => sum + widthBelow(cap, column), 0);
  let cap = Math.max(...columns.map(({ width }) => width));
  while (cap > 1 && total(cap) > room) cap -= 1;
  return columns.map((column) => {
    const width = widthBelow(cap, column);
    return width === column.width
      ? column
      : { ...column, width, texts: column.texts.map((text) => cut(text, width)) };
  });
}

function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let room = width - widthOf(ELLIPSIS);
  for (const grapheme of graphemesOf(text)) {
    room -= stringWidth(grapheme);
    if (room < 0) break;
    kept += grapheme;
  }
  return kept + ELLIPSIS;
}

/** The sum of the graphemes' widths, by which the package breaks lines; that of the whole may be less. */
function widthOf(text: string): number {
  return graphemesOf(text).reduce((sum, grapheme) => sum + stringWidth(grapheme), 0);
}

/** As the package divides them: counted in any other way, it would break a line that is said to fit. */
const GRAPHEME =
  /\p{RI}{2}|.[\p{M}\p{Emoji_Modifier}\u{e0020}-\u{e007f}]*(?:\u200d.[\p{M}\p{Emoji_Modifier}\u{e0020}-\u{e007f}]*)*/gu;

function graphemesOf(text: string): readonly string[] {
  return text.match(GRAPHEME) ?? [];
}

/** The lines of the headers and of each row. */
function draw(columns: readonly Column[], { left, join, right }: Frame): readonly string[] {
  const config: TableUserConfig = {
    border: { bodyLeft: left, bodyJoin: join, bodyRight: right },
    columnDefault: { paddingLeft: 0, paddingRight: 0 },
    // A column of nothing has no width, which can not be said.
    columns: columns.map(({ alignment, width }) => (width === 0 ? { alignment } : { alignment, width })),
    drawHorizontalLine: () => false,
  };
  const lineCount = columns[0]?.texts.length ?? 0;
  const pages = Array.from({ length: Math.ceil(lineCount / PAGE_ROWS) }, (_, page) => {
    const from = page * PAGE_ROWS;
    const rows = Array.from({ length: Math.min(PAGE_ROWS, lineCount - from) }, (_, i) =>
      columns.map(({ texts }) => texts[from + i]),
    );
    return table(rows, config).split('\n').slice(0, -1);
  });
  return pages.flat().map((line) => `${line.trimEnd()}\n`);
}

function drawRule(columns: readonly Column[], { left, fill, join, right }: Rule): string {
  return `${left}${columns.map(({ width }) => fill.repeat(width)).join(join)}${right}\n`;
}
