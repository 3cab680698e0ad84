/** `outcry gold import`. */
import { OutcryError } from '../../src/values/errors.ts';

export async function run(_args: readonly string[]): Promise<number> {
  throw new OutcryError('ERR_USAGE', 'outcry gold import can not be used yet');
}
