/** vang.today: VND per lượng, as numbers. It says the time of its answer, and no day of its rates. */
import type { GoldRow } from '../../../src/protocol/gold.ts';
import { rowText } from '../../../src/protocol/gold-file.ts';
import {
  type Fields,
  fieldsOf,
  jsonOf,
  type Parsed,
  type Provider,
  pricedRow,
  priceText,
  Refused,
} from './provider.ts';

/** The world's price, in dollars an ounce. */
const WORLD = 'XAUUSD';
const CURRENCY = 'VND';

export const VANG_TODAY: Provider = {
  name: 'vang-today',
  // It turns away who does not say who he is.
  headers: { 'user-agent': 'outcry' },
  parse(text, nowDate): Parsed {
    const answer = fieldsOf(jsonOf(text), 'prices');
    const { success, date } = answer;
    if (success === false) throw new Refused('it says that it failed');
    const updated = rowText(date);
    return { date: nowDate, rows: pricesOf(answer).flatMap((price) => rowOf(price, updated)) };
  },
};

interface Price {
  readonly code: string;
  readonly path: string;
  readonly fields: Fields;
}

/** By their codes, or as a list where it was asked for the current ones. */
function pricesOf({ data, prices }: Fields): Price[] {
  if (Array.isArray(data)) {
    return data.map((value, i) => {
      const fields = fieldsOf(value, `data[${i}]`);
      const { type_code: code } = fields;
      return { code: rowText(code), path: `data[${i}]`, fields };
    });
  }
  return Object.entries(fieldsOf(prices, 'prices')).map(([code, value]) => {
    return { code: rowText(code), path: `prices.${code}`, fields: fieldsOf(value, `prices.${code}`) };
  });
}

function rowOf({ code, path, fields }: Price, updated: string): GoldRow[] {
  const { name, currency = CURRENCY, buy: bought, sell: sold } = fields;
  if (code === WORLD || currency !== CURRENCY) return [];
  const buy = priceText(bought, `${path}.buy`);
  const sell = priceText(sold, `${path}.sell`);
  const type = rowText(name) || code;
  return [pricedRow({ type, code, buy, sell, updated }, 1)];
}
