/**
 * BTMC: VND per chỉ, as texts; ten chỉ are a lượng. Its answer has many snapshots of each name, whose newest counts, and
 * the names of fields have the number of their row. Silver, and what it only buys, is among them.
 */
import type { GoldRow } from '../../../src/protocol/gold.ts';
import { goldDateOf, readGoldTime } from '../../../src/protocol/gold-dates.ts';
import { rowText } from '../../../src/protocol/gold-file.ts';
import {
  fieldsOf,
  jsonOf,
  listOf,
  missing,
  type Parsed,
  type Provider,
  pricedRow,
  priceText,
} from './provider.ts';

const A_CHI = 10;
const COMPANY = 'BTMC';
const SILVER = /(?<!\p{L})bạc(?!\p{L})/iu;
const NOT_SOLD = '0';

export const BTMC: Provider = {
  name: 'btmc',
  // Without it the answer is XML.
  headers: { accept: 'application/json' },
  parse(text): Parsed {
    const { DataList } = fieldsOf(jsonOf(text), 'DataList');
    const { Data } = fieldsOf(DataList, 'DataList');
    const newest = new Map<string, Quote>();
    for (const [i, value] of listOf(Data, 'DataList.Data').entries()) {
      const quote = quoteOf(value, `DataList.Data[${i}]`);
      const { type, sell } = quote.row;
      if (SILVER.test(type.normalize('NFC')) || sell === NOT_SOLD) continue;
      const known = newest.get(type);
      if (known === undefined || known.timeMs < quote.timeMs) newest.set(type, quote);
    }
    const quotes = [...newest.values()];
    const lastMs = quotes.reduce((last, { timeMs }) => Math.max(last, timeMs), 0);
    return { date: goldDateOf(lastMs), rows: quotes.map(({ row }) => row) };
  },
};

interface Quote {
  readonly row: GoldRow;
  readonly timeMs: number;
}

function quoteOf(value: unknown, path: string): Quote {
  const fields = fieldsOf(value, path);
  const id = rowText(fields['@row']);
  const [name, time] = [`@n_${id}`, `@d_${id}`];
  const [type, updated] = [rowText(fields[name]), rowText(fields[time])];
  if (type === '') throw missing(`${path}.${name}`);
  const timeMs = readGoldTime(updated);
  if (timeMs === undefined) throw missing(`${path}.${time}`);
  const buy = priceText(fields[`@pb_${id}`], `${path}.@pb_${id}`);
  const sell = priceText(fields[`@ps_${id}`], `${path}.@ps_${id}`);
  return { row: pricedRow({ company: COMPANY, type, buy, sell, updated, id }, A_CHI), timeMs };
}
