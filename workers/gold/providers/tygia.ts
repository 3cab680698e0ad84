/** tygia.com, the API of the course: thousands of VND per lượng, as texts. Its answer is what a file of rates has. */
import { goldRefreshesOf } from '../../../src/protocol/gold-file.ts';
import { OutcryError } from '../../../src/values/errors.ts';
import { by } from '../../../src/values/order.ts';
import { jsonOf, type Parsed, type Provider, Refused } from './provider.ts';

export const TYGIA: Provider = {
  name: 'tygia',
  headers: {},
  parse(text, nowDate): Parsed {
    const answer = jsonOf(text);
    try {
      const [first] = goldRefreshesOf(answer, nowDate).sort(by(({ timeMs }) => timeMs));
      if (first === undefined) throw new Refused('shape: golds[0] is missing');
      return { date: first.date, rows: first.rows };
    } catch (error) {
      if (error instanceof OutcryError) throw new Refused(`shape: ${error.message}`);
      throw error;
    }
  },
};
