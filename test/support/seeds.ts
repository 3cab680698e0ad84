/** Seeds for simulations. SIMULATION_SEED in the environment reruns the one that a failure has named. */

/** Runs `check` with each of `count` seeds; what it throws is thrown with the seed and how to run it again. */
export function forEachSeed(
  count: number,
  check: (seed: number) => void,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): void {
  const { SIMULATION_SEED: only } = environment;
  const seeds = only === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(only)];
  for (const seed of seeds) {
    try {
      check(seed);
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`seed ${seed} fails, run again with SIMULATION_SEED=${seed}: ${text}`, { cause });
    }
  }
}
