/** Writes the file of a day's gold rates, whole or not at all. */
import type { WriteGoldDayJob } from '../../src/protocol/gold.ts';
import { OutcryError } from '../../src/values/errors.ts';

export function writeGoldDay(_job: WriteGoldDayJob): Promise<void> {
  throw new OutcryError('ERR_UNEXPECTED', 'days can not be written yet');
}
