/** One refresh of the gold rates, by a job: the sources are asked in their order until one answers as it should. */
import type { ProviderName, RefreshGoldJob, RefreshOutcome } from '../../src/protocol/gold.ts';
import { DAY_MS, goldDateOf, startOfGoldDate } from '../../src/protocol/gold-dates.ts';
import { checkRows } from './check-rows.ts';
import { fetchText } from './fetch-text.ts';
import { BTMC } from './providers/btmc.ts';
import { exampleRates } from './providers/example.ts';
import { PNJ } from './providers/pnj.ts';
import { type Parsed, type Provider, Refused } from './providers/provider.ts';
import { TYGIA } from './providers/tygia.ts';
import { VANG_TODAY } from './providers/vang-today.ts';

type Source = RefreshGoldJob['sources'][number];
type Taken = NonNullable<RefreshOutcome['taken']>;

const PROVIDERS: Readonly<Record<Exclude<ProviderName, 'example'>, Provider>> = {
  tygia: TYGIA,
  'vang-today': VANG_TODAY,
  pnj: PNJ,
  btmc: BTMC,
};

/** Markets are closed for a week at most. Older rates are taken only where no source has newer ones. */
const OLD_MS = 10 * DAY_MS;

export async function refreshGold(job: RefreshGoldJob): Promise<RefreshOutcome> {
  const refused: RefreshOutcome['refused'][number][] = [];
  let old: Taken | undefined;
  for (const source of job.sources) {
    try {
      const taken = await takeFrom(source, job);
      if (!isOld(taken, job.timeMs)) return { taken, refused };
      old ??= taken;
      refused.push({ source: source.name, reason: `its rates are of ${taken.refresh?.date}` });
    } catch (error) {
      refused.push({ source: source.name, reason: reasonOf(error) });
    }
  }
  if (old === undefined) return { refused };
  return { taken: old, refused: refused.filter(({ source }) => source !== old.source) };
}

async function takeFrom(source: Source, job: RefreshGoldJob): Promise<Taken> {
  const { name } = source;
  const { timeMs } = job;
  if (name === 'example') return checked(name, exampleRates(timeMs), { timeMs });
  const { headers, parse } = PROVIDERS[name];
  const { etag, lastModified } = source;
  const fetched = await fetchText(urlOf(source), { headers, etag, lastModified });
  if (fetched.status === 'unchanged') return { source: name, isUnchanged: true, dropped: 0 };
  const { status, text, ...state } = fetched;
  return { ...checked(name, parse(text, goldDateOf(timeMs)), job), ...state };
}

/** Throws Refused if the rates can not be. */
function checked(
  source: ProviderName,
  { date, rows: found }: Parsed,
  { timeMs, lastMedian }: Pick<RefreshGoldJob, 'timeMs' | 'lastMedian'>,
): Taken {
  if (startOfGoldDate(date) > timeMs + DAY_MS)
    throw new Refused(`its rates are of ${date}, which is to come`);
  const result = checkRows(found, lastMedian);
  if ('refused' in result) throw new Refused(result.refused);
  const { rows, dropped } = result;
  return { source, isUnchanged: false, refresh: { date, source, timeMs, rows }, dropped };
}

function isOld({ refresh }: Taken, timeMs: number): boolean {
  return refresh !== undefined && startOfGoldDate(refresh.date) < timeMs - OLD_MS;
}

function urlOf({ url, key }: Source): string {
  const found = new URL(url);
  if (key !== '') found.searchParams.set('key', key);
  return found.href;
}

/** Whatever a source sends, the others are asked. */
function reasonOf(error: unknown): string {
  return error instanceof Refused
    ? error.message
    : `what it sent could not be read: ${(error as Error).name}`;
}
