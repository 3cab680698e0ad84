/** `outcry gold import`: loads files of gold rates into a running server. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { parseFlags } from '../../src/protocol/command-line.ts';
import type { GoldRefresh } from '../../src/protocol/gold.ts';
import { isGoldDate } from '../../src/protocol/gold-dates.ts';
import { parseGoldFile } from '../../src/protocol/gold-file.ts';
import { messageOf, OutcryError } from '../../src/values/errors.ts';
import { printable } from '../../src/values/printable.ts';
import { formatCount } from '../../src/values/readable.ts';
import type { Client, GoldImport } from '../index.ts';
import { missing, serverFlags, withClient } from './admin-command.ts';
import { formatNumber } from './admin-text.ts';
import { EXIT_DONE, EXIT_FAILED } from './failure.ts';
import { toJson } from './json.ts';
import { fileError } from './send-errors.ts';

const EXAMPLES = `
What is there already stays as it is, so a file may be imported again. A file
that is wrong does not keep the others from being loaded; the exit code is 1.

Examples:
  outcry gold import data.json            as the course's program wrote it
  outcry gold import data/gold/*.json     days that a server has written
`;

export async function run(args: readonly string[]): Promise<number> {
  const flags = serverFlags({
    name: 'outcry gold import',
    usage: 'FILE… [--data DIR | --port N] [--json]',
    summary: 'Load files of gold rates into a running server.',
  }).addHelpText('after', EXAMPLES);
  if (parseFlags(flags, args) === 'help') return EXIT_DONE;
  const files = flags.args;
  if (files.length === 0) throw missing(flags);
  const { json: isJson = false } = flags.opts<{ json?: true }>();
  const loaded: Loaded[] = [];
  await withClient(flags, async (client) => {
    for (const file of files) {
      const one = await load(client, file);
      loaded.push(one);
      if (!isJson) report(one);
    }
  });
  if (isJson) process.stdout.write(toJson({ files: loaded }));
  return loaded.every((one) => 'days' in one) ? EXIT_DONE : EXIT_FAILED;
}

type Loaded = Taken | { readonly file: string; readonly error: string };

interface Taken extends GoldImport {
  readonly file: string;
  readonly days: number;
}

/** What is wrong with a file is its own matter; what is wrong with the server ends all. */
async function load(client: Client, file: string): Promise<Loaded> {
  let refreshes: readonly GoldRefresh[];
  try {
    refreshes = await readGoldFile(file);
  } catch (error) {
    if (!(error instanceof OutcryError)) throw error;
    return { file, error: messageOf(error) };
  }
  const days = new Set(refreshes.map(({ date }) => date)).size;
  return { file, days, ...(await client.gold.import(refreshes)) };
}

async function readGoldFile(file: string): Promise<readonly GoldRefresh[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw fileError(file, cause);
  }
  const name = basename(file, '.json');
  try {
    return parseGoldFile(text, isGoldDate(name) ? name : undefined);
  } catch (cause) {
    throw new OutcryError('ERR_GOLD_FILE', `${file}: ${messageOf(cause)}`, { cause });
  }
}

function report(one: Loaded): void {
  if ('error' in one) process.stderr.write(`outcry: ${printable(one.error)}\n`);
  else process.stdout.write(`${printable(one.file)}: ${formatTaken(one)}\n`);
}

/** `61 days, 2,440 rows imported; 3 refreshes were known` */
function formatTaken({ days, rows, known }: Taken): string {
  const imported = `${formatNumber(days, 'day')}, ${formatNumber(rows, 'row')} imported`;
  if (known === 0) return imported;
  return `${imported}; ${formatCount(known)} ${known === 1 ? 'refresh was' : 'refreshes were'} known`;
}
