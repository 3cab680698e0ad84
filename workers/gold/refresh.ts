/** One refresh of the gold rates, by a job: the sources are asked in their order until one answers as it should. */
import type { RefreshGoldJob, RefreshOutcome } from '../../src/protocol/gold.ts';
import { OutcryError } from '../../src/values/errors.ts';

export function refreshGold(_job: RefreshGoldJob): Promise<RefreshOutcome> {
  throw new OutcryError('ERR_UNEXPECTED', 'rates can not be fetched yet');
}
