/** How what people type is compared with the names of rows: without regard to case, accents and blanks. Pure. */
import type { GoldRow } from '../../src/protocol/gold.ts';
import { nearest } from '../../src/values/nearest.ts';

const WANTED_CHARACTERS_MAX = 128;

/** `Hồ  Chí Minh` is `ho chi minh`. */
export function fold(text: string): string {
  return text
    .slice(0, WANTED_CHARACTERS_MAX)
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[đĐ]/g, 'd')
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .trim();
}

/** What somebody has typed. Rows come with the same names day after day: each name is folded once. */
export class Wanted {
  readonly #folded: string;
  readonly #folds = new Map<string, string>();

  constructor(text: string) {
    this.#folded = fold(text);
  }

  /** The rows of that name; only if there are none, those whose type or brand begins with it. */
  rowsIn(rows: readonly GoldRow[]): readonly GoldRow[] {
    const named: GoldRow[] = [];
    const begun: GoldRow[] = [];
    for (const row of rows) {
      const match = matchOf(row, this.#folded, this.#foldOnce);
      if (match === 'named') named.push(row);
      else if (match === 'begun') begun.push(row);
    }
    return named.length > 0 ? named : begun;
  }

  readonly #foldOnce = (text: string): string => {
    const known = this.#folds.get(text);
    if (known !== undefined) return known;
    const folded = fold(text);
    this.#folds.set(text, folded);
    return folded;
  };
}

export function rowsNamed(wanted: string, rows: readonly GoldRow[]): readonly GoldRow[] {
  return new Wanted(wanted).rowsIn(rows);
}

/** Whether the row has that name, or its type or brand begins with it. */
export function matches(row: GoldRow, folded: string): boolean {
  return matchOf(row, folded, fold) !== 'other';
}

/** As it is written in the rows: the type, code, company or brand that was likely meant. */
export function nearestName(wanted: string, rows: readonly GoldRow[]): string | undefined {
  const folded = fold(wanted);
  const names = new Map<string, string>();
  for (const { type, code, company, brand } of rows) {
    for (const name of [type, code, company, brand]) {
      const known = fold(name);
      if (isAboutAsLong(known, folded) && !names.has(known)) names.set(known, name);
    }
  }
  const found = nearest(folded, [...names.keys()]);
  return found === undefined ? undefined : names.get(found);
}

type Match = 'named' | 'begun' | 'other';

function matchOf(row: GoldRow, folded: string, foldOf: (text: string) => string): Match {
  if (folded === '') return 'other';
  const [company, brand, type] = [foldOf(row.company), foldOf(row.brand), foldOf(row.type)];
  const isNamed =
    folded === company ||
    folded === brand ||
    folded === type ||
    folded === foldOf(row.code) ||
    isPair(folded, company, brand) ||
    isPair(folded, company, type) ||
    isPair(folded, brand, type);
  if (isNamed) return 'named';
  const isBegun = type.startsWith(folded) || `${company} ${brand}`.startsWith(folded);
  return isBegun ? 'begun' : 'other';
}

/** The same as comparing it with both and a blank between, without making that text for each row. */
function isPair(folded: string, first: string, second: string): boolean {
  const isAsLong = folded.length === first.length + 1 + second.length;
  return isAsLong && folded[first.length] === ' ' && folded.startsWith(first) && folded.endsWith(second);
}

/** What differs by more than half was not meant. */
function isAboutAsLong(name: string, folded: string): boolean {
  return name !== '' && Math.abs(name.length - folded.length) * 2 <= folded.length;
}
