/** `outcry admin users …`: the users of a running server. */
import { OutcryError } from '../../src/values/errors.ts';

export const list = unfinished;
export const add = unfinished;
export const password = unfinished;
export const role = unfinished;
export const disable = unfinished;
export const enable = unfinished;
export const signOut = unfinished;
export const importUsers = unfinished;

async function unfinished(_args: readonly string[]): Promise<number> {
  throw new OutcryError('ERR_USAGE', 'outcry admin users can not be used yet');
}
