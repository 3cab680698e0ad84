/**
 * Simulates whole servers, each from a seed: `npm run simulate -- --seed N --runs K`. Without a seed they are new ones;
 * the first that fails is printed with its command. `--services bank,exchange` says what they have, `--bug NAME` plants
 * one of the bugs of planted-bugs.ts.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { PLANTED_BUGS, SERVICES, type ServiceName } from './planted-bugs.ts';
import { runSeeds } from './server-simulation.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { seed: text, runs: text, services: text, bug: text } });
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
const runs = Number(values.runs ?? (values.seed === undefined ? 200 : 1));
const services = values.services?.split(',');
const { bug } = values;
if (!Number.isInteger(seed) || !Number.isInteger(runs)) {
  throw new RangeError('--seed and --runs are whole numbers');
}
if (services !== undefined && !isServices(services)) {
  throw new RangeError(`--services are some of: ${SERVICES.join(', ')}`);
}
if (bug !== undefined && !Object.hasOwn(PLANTED_BUGS, bug)) {
  throw new RangeError(`--bug is one of: ${Object.keys(PLANTED_BUGS).join(', ')}`);
}

console.log(`${runs} runs from seed ${seed} on`);
const startedMs = performance.now();
const counts = runSeeds(seed, runs, {
  ...(services === undefined ? {} : { services }),
  ...(bug === undefined ? {} : { bug }),
});
console.log(`all passed, ${((performance.now() - startedMs) / runs).toFixed(1)} ms a run`);
console.log(
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', '),
);

function isServices(names: readonly string[]): names is readonly ServiceName[] {
  return names.every((name) => (SERVICES as readonly string[]).includes(name));
}
