/** `outcry gold`. */
import { OutcryError } from '../../src/values/errors.ts';

export async function run(_args: readonly string[]): Promise<number> {
  throw new OutcryError('ERR_USAGE', 'outcry gold can not be used yet');
}
