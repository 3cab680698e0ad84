/** What the adapters of the sources share: each knows the shape and the unit of one, and makes rows of its text. Pure. */
import type { GoldRow, ProviderName } from '../../../src/protocol/gold.ts';
import { rowText, withoutMark } from '../../../src/protocol/gold-file.ts';

export interface Provider {
  readonly name: ProviderName;
  /** That a request must have. */
  readonly headers: Readonly<Record<string, string>>;
  /** `nowDate` is the day of rates whose source does not say it. Throws Refused. */
  parse(text: string, nowDate: string): Parsed;
}

export interface Parsed {
  /** `yyyy-mm-dd` */
  readonly date: string;
  /** Of gold alone. A price that is no number is 0 VND. */
  readonly rows: readonly GoldRow[];
}

/** Why what a source has sent is not taken. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

export type Fields = Readonly<Record<string, unknown>>;

export function jsonOf(text: string): unknown {
  const body = withoutMark(text);
  if (body.startsWith('<')) throw new Refused('it answered with a page of HTML');
  try {
    return JSON.parse(body);
  } catch {
    throw new Refused('not JSON');
  }
}

/** `path` is where it stands. */
export function fieldsOf(value: unknown, path: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw missing(path);
}

export function listOf(value: unknown, path: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw missing(path);
}

/** A price as the source had it: a text or a number. */
export function priceText(value: unknown, path: string): string {
  if (typeof value === 'string' || typeof value === 'number') return rowText(value);
  throw missing(path);
}

/** A row with what the source had of it. `unit`: as many VND per lượng as one of its prices is. */
export function pricedRow(fields: Partial<GoldRow> & Pick<GoldRow, 'buy' | 'sell'>, unit: number): GoldRow {
  const {
    company = '',
    brand = '',
    type = '',
    code = '',
    buy,
    sell,
    updated = '',
    day = '',
    id = '',
  } = fields;
  const [buyVnd, sellVnd] = [vndOf(buy, unit), vndOf(sell, unit)];
  return { company, brand, type, code, buy, sell, updated, day, id, buyVnd, sellVnd };
}

/** Of a price that is written without a fraction: `8250000`, or `8,250,000`. */
function vndOf(text: string, unit: number): number {
  return /^(?:\d+|\d{1,3}(?:,\d{3})+)$/.test(text) ? Number(text.replaceAll(',', '')) * unit : 0;
}

export function missing(path: string): Refused {
  return new Refused(`shape: ${path} is missing`);
}
