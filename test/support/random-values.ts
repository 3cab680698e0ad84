/** Random values of the kinds that the api's wire has. */
import type { Random } from '../../workers/runtime/random.ts';

const TEXTS = ['', 'a', 'Marc', 'ä'.repeat(20), '💶', '\u0000', 'x'.repeat(40), '__proto__', 'constructor'];
/** Some are what every object has: who takes such a value for a string, say, fails. */
const KEYS = ['a', 'b', 'toString', 'valueOf', 'constructor', 'length'];
const NUMBERS = [0, 1, -1, 127, 128, -33, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32, -(2 ** 31), 0.5, 1e300];

/** Nested up to `depth` deep. */
export function randomValue(random: Random, depth: number): unknown {
  const kind = random.below(depth > 1 ? 8 : 6);
  if (kind === 0) return null;
  if (kind === 1) return random.chance(0.5);
  if (kind === 2) return random.pick(NUMBERS);
  if (kind === 3) return random.below(2 ** 32) - 2 ** 31;
  if (kind === 4) return random.pick(TEXTS);
  if (kind === 5) return Uint8Array.from({ length: random.below(5) }, () => random.below(256));
  const count = random.below(5);
  if (kind === 6) return Array.from({ length: count }, () => randomValue(random, depth - 1));
  const entries = Array.from(
    { length: count },
    () => [random.pick(KEYS), randomValue(random, depth - 1)] as const,
  );
  return Object.fromEntries(entries);
}
