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

/** For names that come again and again: each is folded once. */
export class Folds {
  readonly #known = new Map<string, string>();

  readonly of = (text: string): string => {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const folded = fold(text);
    this.#known.set(text, folded);
    return folded;
  };
}

/** Whether the row has that name, or its type or brand begins with it. */
export function matches(row: GoldRow, folded: string): boolean {
  return isNamed(row, folded, fold) || beginsWith(row, folded, fold);
}

/** The rows of that name; only if there are none, those whose type or brand begins with it. */
export function rowsNamed(
  wanted: string,
  rows: readonly GoldRow[],
  foldOf: (text: string) => string = fold,
): readonly GoldRow[] {
  const folded = fold(wanted);
  const named = rows.filter((row) => isNamed(row, folded, foldOf));
  return named.length > 0 ? named : rows.filter((row) => beginsWith(row, folded, foldOf));
}

/** As it is written in the rows: the type, code, company or brand that was likely meant. */
export function nearestName(wanted: string, rows: readonly GoldRow[]): string | undefined {
  const names = new Map<string, string>();
  for (const { type, code, company, brand } of rows) {
    for (const name of [type, code, company, brand]) {
      const folded = fold(name);
      if (folded !== '' && !names.has(folded)) names.set(folded, name);
    }
  }
  const found = nearest(fold(wanted), [...names.keys()]);
  return found === undefined ? undefined : names.get(found);
}

function isNamed(row: GoldRow, folded: string, foldOf: (text: string) => string): boolean {
  if (folded === '') return false;
  const [company, brand, type] = [foldOf(row.company), foldOf(row.brand), foldOf(row.type)];
  if ([company, brand, type, foldOf(row.code)].includes(folded)) return true;
  return [`${company} ${brand}`, `${company} ${type}`, `${brand} ${type}`].includes(folded);
}

function beginsWith({ type, company, brand }: GoldRow, folded: string, foldOf: typeof fold): boolean {
  if (folded === '') return false;
  return [foldOf(type), `${foldOf(company)} ${foldOf(brand)}`].some((name) => name.startsWith(folded));
}
