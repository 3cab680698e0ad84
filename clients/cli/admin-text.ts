/** What `outcry admin` prints. Everything fits the width; what a terminal has no room for is in the JSON. */
import type {
  ActorRow,
  AdminSession,
  AdminStatus,
  DeadLetterRow,
  LimitInForce,
  ReplyOf,
} from '../../src/protocol/api/operations.ts';
import type { ExchangeFigures } from '../../src/protocol/exchange.ts';
import { formatBytes } from '../../src/values/byte-size.ts';
import { type Column, formatPairs, formatRows, type Look } from '../../src/values/columns.ts';
import { formatCount, formatLocalTime, formatSpan } from '../../src/values/readable.ts';

const NONE = '–';

export function formatStatus(status: AdminStatus, look: Look): string {
  const { server, pid, startedMs, uptimeMs, dataFolder, bank, exchange, memoryBytes, deadLetters } = status;
  const pairs = formatPairs(
    [
      ['server', `${server}, process ${pid}`],
      ['started', `${formatLocalTime(startedMs)}, ${formatSpan(uptimeMs)} ago`],
      ['data folder', dataFolder ?? 'none: everything is in memory'],
      ['memory', formatBytes(memoryBytes)],
      ['bank', `${formatNumber(bank.accounts, 'account')}, ${formatNumber(bank.applied, 'line')} applied`],
      ['discarded', formatCounts(bank.discarded)],
      ['exchange', formatExchange(exchange)],
      ['ignored', formatCounts(exchange.ignored)],
      ['dead letters', formatCounts(deadLetters)],
    ],
    look.width,
  );
  const services = formatRows(status.services, SERVICE_COLUMNS, look);
  const hosts = formatRows(status.hosts, HOST_COLUMNS, look);
  return `${pairs}\n${services}\n${hosts}`;
}

/** `open, session MWQTCZ8, 2 of 40 books halted, 3 traders, 42 open orders, 7 trades` */
function formatExchange(figures: ExchangeFigures): string {
  const { state, session, books, halted, connected, openOrders, trades } = figures;
  return [
    state === 'open' ? 'open' : 'not open',
    `session ${session}`,
    ...(halted === 0 ? [] : [`${formatCount(halted)} of ${formatNumber(books, 'book')} halted`]),
    formatNumber(connected, 'trader'),
    formatNumber(openOrders, 'open order'),
    formatNumber(trades, 'trade'),
  ].join(', ');
}

const SERVICE_COLUMNS: readonly Column<AdminStatus['services'][number]>[] = [
  { head: 'service', cell: ({ name }) => name },
  { head: 'address', cell: ({ address }) => address },
  { head: 'open', cell: ({ open }) => formatCount(open) },
  { head: 'accepted', cell: ({ accepted }) => formatCount(accepted) },
  { head: 'refused', cell: ({ refused }) => formatCount(refused) },
];

const HOST_COLUMNS: readonly Column<AdminStatus['hosts'][number]>[] = [
  { head: 'host', cell: ({ index }) => index },
  { head: 'in flight', cell: ({ bytesInFlight }) => formatBytes(bytesInFlight), align: 'right' },
  { head: 'trouble', cell: ({ trouble }) => trouble ?? NONE },
];

export function formatSessions({ sessions, total }: ReplyOf<'admin.sessions'>, look: Look): string {
  if (sessions.length === 0) return 'no such connections\n';
  return formatRows(sessions, SESSION_COLUMNS, look) + formatRest(sessions.length, total, 'connections');
}

const SESSION_COLUMNS: readonly Column<AdminSession>[] = [
  { head: 'id', cell: ({ connection }) => connection },
  { head: 'service', cell: ({ service }) => service },
  { head: 'user', cell: ({ user }) => user, cutTo: 8 },
  { head: 'address', cell: ({ address }) => address, align: 'right' },
  { head: 'since', cell: ({ sinceMs }) => formatLocalTime(sinceMs), align: 'right', spare: 6 },
  {
    head: 'until',
    cell: ({ untilMs }) => (untilMs === null ? '' : formatLocalTime(untilMs)),
    align: 'right',
  },
  { head: 'in', cell: ({ figures }) => formatBytes(figures.bytesIn), align: 'right', spare: 5 },
  { head: 'out', cell: ({ figures }) => formatBytes(figures.bytesOut), align: 'right', spare: 5 },
  { head: 'waiting', cell: ({ bytesWaiting }) => formatBytes(bytesWaiting), align: 'right', spare: 3 },
  { head: 'frames', cell: ({ figures }) => formatCount(figures.frames), spare: 2 },
  { head: 'ignored', cell: ({ figures }) => formatSum(figures.ignored), spare: 1 },
  { head: 'reason', cell: ({ reason }) => reason, cutTo: 12 },
];

export function formatLimits(limits: readonly LimitInForce[], look: Look): string {
  const longest = look.width === Number.POSITIVE_INFINITY ? look.width : LIMIT_VALUE_MAX;
  const columns: readonly Column<LimitInForce>[] = [
    { head: 'setting', cell: ({ setting }) => setting },
    { head: 'value', cell: (limit) => cutText(valueText(limit), longest), align: 'right' },
    { head: 'used', cell: ({ used }) => (used === null ? '' : formatCount(used)) },
    { head: 'reason', cell: ({ reason }) => reason, spare: 1 },
  ];
  return formatRows(limits, columns, look);
}

/** Of addresses a terminal shows the beginning: a column that is aligned right is cut by nobody else. */
const LIMIT_VALUE_MAX = 24;

function valueText({ setting, value }: LimitInForce): string {
  return typeof value === 'number' && !setting.endsWith('.port') ? formatCount(value) : String(value);
}

function cutText(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`;
}

export function formatDeadLetters({ counts, recent }: ReplyOf<'admin.dead-letters'>, look: Look): string {
  const pairs = formatPairs([['dead letters', formatCounts(counts)]], look.width);
  return recent.length === 0 ? pairs : `${pairs}\n${formatRows(recent, DEAD_LETTER_COLUMNS, look)}`;
}

const DEAD_LETTER_COLUMNS: readonly Column<DeadLetterRow>[] = [
  { head: 'time', cell: ({ timeMs }) => formatLocalTime(timeMs), align: 'right' },
  { head: 'host', cell: ({ host }) => host, spare: 1 },
  { head: 'reason', cell: ({ reason }) => reason },
  { head: 'actor', cell: ({ actor }) => actor, cutTo: 12 },
  { head: 'message', cell: ({ message }) => message, cutTo: 12 },
  { head: 'cause', cell: ({ cause }) => cause, cutTo: 12 },
];

export function formatActors({ actors, total }: ReplyOf<'admin.actors'>, look: Look): string {
  if (actors.length === 0) return 'no such actors\n';
  return formatRows(actors, ACTOR_COLUMNS, look) + formatRest(actors.length, total, 'actors');
}

const ACTOR_COLUMNS: readonly Column<ActorRow>[] = [
  { head: 'actor', cell: ({ address }) => address, cutTo: 20 },
  { head: 'host', cell: ({ host }) => host, spare: 1 },
  { head: 'state', cell: ({ state }) => state },
  { head: 'waiting', cell: ({ depth }) => formatCount(depth) },
  { head: 'a second', cell: ({ rate }) => formatCount(Math.round(rate)) },
  { head: 'handled', cell: ({ handled }) => formatCount(handled) },
  { head: 'restarts', cell: ({ restarts }) => formatCount(restarts) },
  { head: 'last error', cell: ({ lastError }) => lastError, cutTo: 12 },
];

/** `3 (empty 1, amount 2)` */
function formatCounts(counts: Readonly<Record<string, number>>): string {
  const seen = Object.entries(counts).filter(([, count]) => count > 0);
  if (seen.length === 0) return 'none';
  return `${formatSum(counts)} (${seen.map(([reason, count]) => `${reason} ${formatCount(count)}`).join(', ')})`;
}

function formatSum(counts: Readonly<Record<string, number>>): string {
  return formatCount(Object.values(counts).reduce((sum, count) => sum + count, 0));
}

/** `1 line`, `2,000 lines` */
export function formatNumber(count: number, what: string): string {
  return `${formatCount(count)} ${what}${count === 1 ? '' : 's'}`;
}

function formatRest(shown: number, total: number, what: string): string {
  if (shown >= total) return '';
  return `\n${formatCount(shown)} of ${formatCount(total)} ${what}; --limit shows more\n`;
}
