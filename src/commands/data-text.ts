/** What the commands on a data folder print. */
import type { ActorStats, HostStats, Statement, Verdict } from '../protocol/data-jobs.ts';
import { formatBytes } from '../values/byte-size.ts';
import { formatMoney, toMinorUnits } from '../values/money.ts';
import { formatCount, formatTime } from '../values/readable.ts';
import { tabulate } from '../values/tabulate.ts';

const NONE = '–';

/** The table, then what was found, by file. */
export function formatVerdicts(verdicts: readonly Verdict[]): string {
  const headers = ['host', 'size', 'batches', 'events', 'snapshots', 'recovered', 'replayed', 'verdict'];
  const rows = verdicts.map((verdict, host) => [
    String(host),
    formatBytes(verdict.fileBytes),
    ...[verdict.batches, verdict.events, verdict.snapshots, verdict.recovered, verdict.replayed].map(
      formatCount,
    ),
    verdict.findings.length === 0 ? 'sound' : 'damaged',
  ]);
  const table = tabulate(rows, {
    headers,
    align: ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'left'],
  });
  return [table, ...verdicts.map(formatFindings)].join('');
}

function formatFindings({ file, findings, findingsLeftOut }: Verdict): string {
  if (findings.length === 0) return '';
  const lines = findings.map(({ problem, advice }) => `  ${problem}.\n    ${advice}.\n`);
  const more = findingsLeftOut === 0 ? '' : `  and ${formatCount(findingsLeftOut)} more\n`;
  return `\n${file}\n${lines.join('')}${more}`;
}

export interface StatsOptions {
  readonly path: string;
  /** The process that has the folder. */
  readonly user: number | undefined;
  /** By host. */
  readonly hosts: readonly HostStats[];
}

export function formatStats(stats: StatsOptions): string {
  const actors = stats.hosts
    .flatMap((host) => host.actors)
    .sort((a, b) => a.address.localeCompare(b.address, 'en', { numeric: true }));
  return `${formatSummary(stats, actors)}\n${formatActors(actors)}`;
}

function formatSummary({ path, user, hosts }: StatsOptions, actors: readonly ActorStats[]): string {
  const sum = (of: (host: HostStats) => number) => hosts.reduce((total, host) => total + of(host), 0);
  const figures = sumFigures(actors);
  const { transactions: applied = 0, accounts = 0, uploads = 0, keys = 0, traders } = figures;
  const transactions = sum((host) => host.transactions);
  const journalBytes = sum((host) => host.journalBytes);
  const fileBytes = sum((host) => host.fileBytes);
  const each = (bytes: number) => (transactions === 0 ? NONE : (bytes / transactions).toFixed(1));
  // With an exchange the journal is not of transactions alone.
  const bytesOfEach =
    traders === undefined
      ? [['bytes of each', `${each(journalBytes)} in the journal, ${each(fileBytes)} on disk`]]
      : [];
  const use = user === undefined ? '' : `, in use by process ${user}`;
  const times = actors.flatMap(({ kept }) => (kept === undefined ? [] : [kept.timeMs, kept.lastMs]));
  const kept =
    times.length === 0
      ? 'nothing is in it'
      : `${formatTime(Math.min(...times))} to ${formatTime(Math.max(...times))} UTC`;
  return tabulate([
    ['folder', path],
    ['hosts', `${hosts.length}${use}`],
    ['on disk', formatBytes(fileBytes)],
    ['journal', `${formatBytes(journalBytes)} in ${formatCount(sum((host) => host.batches))} batches`],
    ['kept', kept],
    ['transactions', `${formatCount(applied)}, of which ${formatCount(transactions)} are kept`],
    ...bytesOfEach,
    ['accounts', formatCount(accounts)],
    ['uploads', `${formatCount(uploads)} remembered`],
    ['keys', `${formatCount(keys)} remembered`],
    ['discarded', formatDiscards(figures)],
    ['exchange', formatExchange(figures)],
  ]);
}

function formatExchange(figures: Readonly<Record<string, number>>): string {
  const { traders, 'open orders': open = 0, accepted = 0, trades = 0 } = figures;
  if (traders === undefined) return 'never had a trader';
  const session = `${formatCount(accepted)} orders and ${formatCount(trades)} trades in the session`;
  return `traders ${formatCount(traders)}, open orders ${formatCount(open)}; ${session}`;
}

function sumFigures(actors: readonly ActorStats[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { figures } of actors) {
    for (const [name, count] of Object.entries(figures)) sums[name] = (sums[name] ?? 0) + count;
  }
  return sums;
}

const DISCARDED = 'discarded ';

function formatDiscards(figures: Readonly<Record<string, number>>): string {
  const discards = Object.entries(figures).filter(([name]) => name.startsWith(DISCARDED));
  if (discards.length === 0) return '0';
  const total = discards.reduce((sum, [, count]) => sum + count, 0);
  const reasons = discards.map(([name, count]) => `${name.slice(DISCARDED.length)} ${formatCount(count)}`);
  return `${formatCount(total)} (${reasons.join(', ')})`;
}

/** In eighty columns. */
function formatActors(actors: readonly ActorStats[]): string {
  const headers = ['actor', 'events', 'kept from', 'snapshot at', 'written', 'size'];
  const rows = actors.map(({ address, events, kept, snapshot }) => [
    address,
    formatCount(events),
    kept === undefined ? NONE : formatCount(kept.position),
    snapshot === undefined ? NONE : formatCount(snapshot.events),
    snapshot?.timeMs === undefined ? NONE : formatTime(snapshot.timeMs).slice(0, 19),
    snapshot === undefined ? NONE : formatBytes(snapshot.bytes),
  ]);
  return tabulate(rows, { headers, align: ['left', 'right', 'right', 'right', 'left', 'right'] });
}

export function formatStatement(name: string, { shard, entries, balance, position }: Statement): string {
  const headers = ['time (UTC)', 'position', 'amount', 'balance'];
  const rows = entries.map(({ position: at, timeMs, cents, balance: after }) => [
    formatTime(timeMs),
    formatCount(at),
    formatMoney(toMinorUnits(cents)),
    formatMoney(toMinorUnits(after)),
  ]);
  const table =
    rows.length === 0 ? '' : tabulate(rows, { headers, align: ['left', 'right', 'right', 'right'] });
  return `${table}${name} ${formatMoney(toMinorUnits(balance))} after position ${position} of ${shard}\n`;
}
