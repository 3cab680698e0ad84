/**
 * Simulates whole servers, each from a seed: `npm run simulate -- --seed N --runs K`. Without a seed they are new ones;
 * the first that fails is printed with its command. `--bug NAME` plants one of the bugs of planted-bugs.ts.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { PLANTED_BUGS, type PlantedBug } from './planted-bugs.ts';
import { runSeeds } from './server-simulation.ts';

const { values } = parseArgs({
  options: { seed: { type: 'string' }, runs: { type: 'string' }, bug: { type: 'string' } },
});
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
const runs = Number(values.runs ?? (values.seed === undefined ? 200 : 1));
const bug = PLANTED_BUGS.find((each): each is PlantedBug => each === values.bug);
if (!Number.isInteger(seed) || !Number.isInteger(runs) || (values.bug !== undefined && bug === undefined)) {
  throw new RangeError(`--seed and --runs are whole numbers, --bug is one of: ${PLANTED_BUGS.join(', ')}`);
}

console.log(`${runs} runs from seed ${seed} on`);
const startedMs = performance.now();
const counts = runSeeds(seed, runs, bug);
console.log(`all passed, ${((performance.now() - startedMs) / runs).toFixed(1)} ms a run`);
console.log(
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', '),
);
