/** PNJ: thousands of VND per chỉ, as numbers; ten chỉ are a lượng. */

import { readGoldDate } from '../../../src/protocol/gold-dates.ts';
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

const THOUSAND_A_CHI = 10_000;
const COMPANY = 'PNJ';

export const PNJ: Provider = {
  name: 'pnj',
  headers: {},
  parse(text): Parsed {
    const { data, chinhanh, updateDate } = fieldsOf(jsonOf(text), 'data');
    const updated = rowText(updateDate);
    const date = readGoldDate(updated);
    if (date === undefined) throw missing('updateDate');
    const brand = rowText(chinhanh);
    const rows = listOf(data, 'data').map((value, i) => {
      const { masp, tensp, giamua, giaban, stt } = fieldsOf(value, `data[${i}]`);
      const buy = priceText(giamua, `data[${i}].giamua`);
      const sell = priceText(giaban, `data[${i}].giaban`);
      const [type, code, id] = [rowText(tensp), rowText(masp), rowText(stt)];
      return pricedRow({ company: COMPANY, brand, type, code, buy, sell, updated, id }, THOUSAND_A_CHI);
    });
    return { date, rows };
  },
};
