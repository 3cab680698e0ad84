/** The test inputs of test/ouch-inputs, and how they are played to a venue. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { survey } from '../../clients/ouch-inputs/read.ts';
import { formatFailure } from '../../clients/ouch-inputs/report.ts';
import { type FileResult, runInputs } from '../../clients/ouch-inputs/run.ts';
import { SpoolFile } from '../../clients/ouch-inputs/spool.ts';
import { targetsAt } from '../../clients/ouch-inputs/target.ts';
import type { CreateServerOptions } from '../../src/create-server.ts';
import type { Input } from '../../src/protocol/ouch-inputs/input.ts';

const FOLDER = fileURLToPath(new URL('../../../test/ouch-inputs/', import.meta.url));

/** The names of all, without `.json`. */
export const INPUT_NAMES: readonly string[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.slice(0, -'.json'.length))
  .sort();

export function readInput(name: string): Input {
  return JSON.parse(readFileSync(fileOf(name), 'utf8')) as Input;
}

/** A server at which all holds that the input says of its venue. */
export function serverOptions({ venue: { settings, ...venue } = {} }: Input): CreateServerOptions {
  return { store: 'memory', settings, venue } as CreateServerOptions;
}

export interface VenuePorts {
  readonly ouch: number;
  readonly raw: number;
}

/** Plays them, all at once. With `isRaw` nobody logs in. */
export async function play(
  names: readonly string[],
  ports: VenuePorts,
  { isRaw = false, timeoutMs = 10_000 } = {},
): Promise<readonly FileResult[]> {
  await using spools = await SpoolFile.create();
  const port = isRaw ? ports.raw : ports.ouch;
  const target = targetsAt({ host: '127.0.0.1', port, rawPort: ports.raw, isRaw });
  const surveys = [];
  for (const name of names) surveys.push(await survey(fileOf(name), { target, spools }));
  const { results } = await runInputs(surveys, { users: ['TRADE#'], password: 'OUTCRY', timeoutMs });
  return results;
}

/** What has failed, in words. */
export function failuresOf(results: readonly FileResult[]): readonly string[] {
  return results.flatMap(({ failure }) => (failure === undefined ? [] : [formatFailure(failure)]));
}

function fileOf(name: string): string {
  return `${FOLDER}${name}.json`;
}
