/** Whole servers, each with services, settings and faults that its seed draws: see world.ts. */
import { messageOf } from '../../src/values/errors.ts';
import { Random } from '../../workers/runtime/random.ts';
import { BankScenario } from './bank/bank-scenario.ts';
import { ExchangeScenario } from './exchange/exchange-scenario.ts';
import { PLANTED_BUGS, SERVICES, type ServiceName } from './planted-bugs.ts';
import type { Counts, Scenario } from './scenario.ts';
import { World } from './world.ts';

export interface RunOptions {
  /** Without them each run draws its own. */
  readonly services?: readonly ServiceName[];
  /** The name of a planted bug. */
  readonly bug?: string;
}

/** In Tokyo a morning, and a midnight that comes in the midst of some runs. */
const MORNING_MS = Date.UTC(2026, 6, 31, 1);
const MIDNIGHT_MS = Date.UTC(2026, 6, 31, 15);
const BEFORE_MIDNIGHT_MS = 20_000;
const MIXES: readonly (readonly ServiceName[])[] = [['bank'], ['exchange'], ['exchange'], SERVICES];

/**
 * Runs so many seeds, from `seed` on, to their ends; returns what they were like, all together. Throws when something is
 * not as it must be, with the command that shows it again.
 */
export function runSeeds(seed: number, runs: number, options: RunOptions = {}): Counts {
  const totals: Record<string, number> = {};
  for (let run = 0; run < runs; run++) {
    for (const [name, count] of Object.entries(runSeed(seed + run, options))) {
      totals[name] = (totals[name] ?? 0) + count;
    }
  }
  return totals;
}

function runSeed(seed: number, { services, bug }: RunOptions): Counts {
  try {
    const random = new Random(seed);
    const drawn = random.pick(MIXES);
    const scenarios = (services ?? drawn).map((service) => createScenario(service, random));
    const startMs = random.chance(0.8) ? MORNING_MS : MIDNIGHT_MS - random.below(BEFORE_MIDNIGHT_MS);
    return new World({ random, scenarios, startMs, bug: PLANTED_BUGS[bug ?? ''] }).run();
  } catch (cause) {
    const flags = [
      `--seed ${seed}`,
      ...(services === undefined ? [] : [`--services ${services.join(',')}`]),
      ...(bug === undefined ? [] : [`--bug ${bug}`]),
    ];
    const again = `npm run simulate -- ${flags.join(' ')}`;
    throw new Error(`seed ${seed} fails, run again with ${again}: ${messageOf(cause)}`, { cause });
  }
}

function createScenario(service: ServiceName, random: Random): Scenario {
  switch (service) {
    case 'bank':
      return new BankScenario(random);
    case 'exchange':
      return new ExchangeScenario(random);
  }
}
