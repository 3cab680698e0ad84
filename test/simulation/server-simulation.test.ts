import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { describe, test } from 'node:test';
import { PLANTED_BUGS } from './planted-bugs.ts';
import { runSeeds } from './server-simulation.ts';

const RUNS = 250;
const PLANTED_RUNS_MAX = 200;

describe('a simulated server', () => {
  test('counts each line once and acknowledges what is stored, whatever breaks', () => {
    const { SIMULATION_SEED: only } = process.env;
    const seed = only === undefined ? randomInt(2 ** 31) : Number(only);
    const counts = runSeeds(seed, only === undefined ? RUNS : 1);
    if (only !== undefined) return;
    const tame = Object.entries(counts).filter(([, count]) => count < RUNS / 4);
    assert.deepEqual(tame, [], 'things that hardly ever happened');
  });

  test('runs the same with the same seed', () => {
    assert.deepEqual(runSeeds(7, 3), runSeeds(7, 3));
    assert.notDeepEqual(runSeeds(7, 3), runSeeds(8, 3));
  });

  for (const [bug, { services }] of Object.entries(PLANTED_BUGS)) {
    for (const service of services) {
      test(`finds the planted bug ${bug} in the ${service}, and says how to see it again`, () => {
        const again = `npm run simulate -- --seed \\d+ --services ${service} --bug ${bug}`;
        assert.throws(
          () => runSeeds(1, PLANTED_RUNS_MAX, { services: [service], bug }),
          new RegExp(`^Error: seed \\d+ fails, run again with ${again}: `),
        );
      });
    }
  }
});
