/** The seed of a random test: FUZZ_SEED if it is set, else a new one; printed, so that a failure can be run again. */
import { randomInt } from 'node:crypto';

export function fuzzSeed(): number {
  const { FUZZ_SEED: given } = process.env;
  const seed = given === undefined ? randomInt(0x7fffffff) : Number(given);
  if (!Number.isInteger(seed)) throw new RangeError(`FUZZ_SEED is a whole number, not ${given}`);
  process.stdout.write(`FUZZ_SEED=${seed}\n`);
  return seed;
}
