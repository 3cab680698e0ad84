/**
 * Simulates whole servers, each from a seed: `npm run simulate -- --seed N --runs K`. Without a seed they are new ones;
 * the first that fails is printed with its command. `--bug NAME` plants one of the bugs of planted-bugs.ts.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { PLANTED_BUGS, type PlantedBug } from './planted-bugs.ts';
import { type RunCounts, runSeed } from './server-simulation.ts';

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
const totals: Partial<Record<keyof RunCounts, number>> = {};
for (let run = 0; run < runs; run++) {
  try {
    for (const [name, count] of Object.entries(runSeed(seed + run, bug)) as [keyof RunCounts, number][]) {
      totals[name] = (totals[name] ?? 0) + count;
    }
  } catch (error) {
    const again = `npm run simulate -- --seed ${seed + run}${bug === undefined ? '' : ` --bug ${bug}`}`;
    console.error(`seed ${seed + run} fails, after ${run} that passed; again: ${again}`);
    throw error;
  }
}
const tookMs = performance.now() - startedMs;
console.log(`all passed, ${(tookMs / runs).toFixed(1)} ms a run`);
console.log(
  Object.entries(totals)
    .map(([name, count]) => `${name} ${count}`)
    .join(', '),
);
