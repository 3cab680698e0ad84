/** What came of test inputs, for people and for machines. */
import { basename } from 'node:path';
import type { OutboundMessage } from '../../src/protocol/ouch/messages.ts';
import { formatValue } from '../../src/protocol/ouch-inputs/expect.ts';
import type { Reply } from '../../src/protocol/ouch-inputs/input.ts';
import { messageOfType } from '../../src/protocol/ouch-inputs/names.ts';
import { type Column, formatRows, type Look } from '../../src/values/columns.ts';
import { printable } from '../../src/values/printable.ts';
import { formatCount } from '../../src/values/readable.ts';
import type { Failure } from './failure.ts';
import type { FileResult, RunReport } from './run.ts';

/** Of a name in the table, where there is no room for all of it. */
const NAME_COLUMNS = 24;
/** Of lines, where no terminal says another one. */
const WIDTH = 100;

const COLUMNS: readonly Column<FileResult>[] = [
  // Of paths the ends differ, which would be cut off.
  { head: 'input', cell: ({ file, name }) => (name === file ? basename(file) : name), cutTo: NAME_COLUMNS },
  { head: 'sent', cell: ({ tally }) => formatCount(tally.sent), align: 'right' },
  { head: 'accepted', cell: ({ tally }) => someOf(tally.accepted), align: 'right' },
  { head: 'rejected', cell: ({ tally }) => formatLetters(tally.rejected) },
  { head: 'executed', cell: ({ tally }) => someOf(tally.executed), align: 'right', spare: 2 },
  { head: 'silent', cell: ({ tally }) => someOf(tally.silent), align: 'right' },
  { head: 'p50', cell: ({ latency }) => formatUs(latency.quantileUs(0.5)), align: 'right', spare: 1 },
  { head: 'p99', cell: ({ latency }) => formatUs(latency.quantileUs(0.99)), align: 'right', spare: 1 },
  { head: 'result', cell: formatOutcome },
];

/** A table of the inputs, and a line about all of them. */
export function formatSummary(report: RunReport, look: Look): string {
  const { results, messages, seconds, cpuShare } = report;
  const failed = results.filter(({ failure }) => failure !== undefined).length;
  const stopped = results.filter(isStopped).length;
  const outcome = [
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(stopped > 0 ? [`${stopped} stopped`] : []),
  ].join(', ');
  const rate = seconds > 0 ? `${formatCount(Math.round(messages / seconds))}/s` : '–';
  const figures = [
    `${formatCount(results.length)} ${results.length === 1 ? 'input' : 'inputs'}`,
    `${formatCount(messages)} ${messages === 1 ? 'message' : 'messages'} in ${seconds.toFixed(2)} s`,
    rate,
    `own CPU ${Math.round(cpuShare * 100)} %`,
  ].join(', ');
  return `${formatRows(results, COLUMNS, look)}${figures}: ${outcome === '' ? 'all done' : outcome}\n`;
}

function someOf(count: number): string {
  return count === 0 ? '' : formatCount(count);
}

/** `N 1, X 3` */
function formatLetters(counts: Uint32Array): string {
  return lettersOf(counts)
    .map(([letter, count]) => `${letter} ${formatCount(count)}`)
    .join(', ');
}

function lettersOf(counts: Uint32Array): [letter: string, count: number][] {
  return [...counts].flatMap((count, code) => (count === 0 ? [] : [[String.fromCharCode(code), count]]));
}

function formatUs(us: number | undefined): string {
  if (us === undefined) return '';
  if (us < 10_000) return `${us} µs`;
  return us < 10_000_000 ? `${Math.round(us / 1000)} ms` : `${Math.round(us / 1e6)} s`;
}

/** That nothing was sent may be a mistake. */
function formatOutcome(result: FileResult): string {
  const outcome = formatResult(result);
  return outcome === 'done' && result.tally.sent === 0 ? 'done, 0 messages' : outcome;
}

function formatResult(result: FileResult): string {
  if (result.failure !== undefined) return 'FAILED';
  return isStopped(result) ? 'stopped' : 'done';
}

function isStopped({ failure, isInterrupted }: FileResult): boolean {
  return failure === undefined && isInterrupted;
}

/** What was expected, and what came instead; several lines. Replies are broken where they are wider than `width`. */
export function formatFailure(failure: Failure, width = WIDTH): string {
  const { file, place, step, client, got, passed, hint } = failure;
  const who = [...(step > 0 ? [`step ${step}`] : []), ...(client === undefined ? [] : [client])].join(', ');
  const lines = [
    `${file}:${place.line}:${place.column}: ${who === '' ? '' : `${who}: `}${formatProblem(failure)}`,
    ...differenceLines(failure),
    ...(got === undefined ? [] : replyLines('came:', got, width)),
    ...passed
      .filter(({ type }) => type !== 'system-event')
      .flatMap((reply) => replyLines('before it, not expected by its step:', reply, width)),
    ...(hint === undefined ? [] : [hint]),
  ];
  return lines.map(printable).join('\n');
}

const ORDINALS = ['', 'first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth'];

function formatProblem({ what, nth = 1, expected, error }: Failure): string {
  switch (what) {
    case 'mismatch':
      return `${ORDINALS[nth] === undefined ? `reply ${nth}` : `the ${ORDINALS[nth]} reply`} is another one`;
    case 'unexpected':
      return 'an unexpected reply';
    case 'noise':
      return 'a reply where silence was expected';
    default: {
      const wanted = expected === undefined ? '' : `; expected ${formatExpected(expected)}`;
      return `${error?.message ?? what}${wanted}`;
    }
  }
}

function differenceLines({ difference }: Failure): string[] {
  const lines = difference?.lines ?? [];
  const nameWidth = Math.max(...lines.map(({ field }) => field.length));
  const valueWidth = Math.max(...lines.map(({ expected }) => expected.length));
  return lines.map(({ field, expected, got, isSame }) =>
    isSame
      ? `    ${field.padEnd(nameWidth)}  ${expected}`
      : `  ≠ ${field.padEnd(nameWidth)}  ${expected.padEnd(valueWidth)}  came ${got}`,
  );
}

/** `E executed_quantity 60` */
function formatExpected({ message_type, ...fields }: Reply): string {
  return [message_type, Object.entries(fields).map(formatField).join(', ')].join(' ').trimEnd();
}

/** `came: E order_token 1, …`, broken between fields. Its time says nothing that a file could have said. */
function replyLines(label: string, message: OutboundMessage, width: number): string[] {
  const { letter, fields } = messageOfType('outbound', message.type);
  const values = message as unknown as Readonly<Record<string, string | number | bigint>>;
  const shown = fields.filter(({ name }) => name !== 'timestamp');
  const lines: string[] = [];
  let line = `${label} ${letter}`;
  for (const [i, field] of shown.entries()) {
    const text = formatField([field.name, formatValue(field, values[field.key] ?? '')]);
    const next = i < shown.length - 1 ? `${text},` : text;
    if (line.length + 1 + next.length <= width) line += ` ${next}`;
    else {
      lines.push(line);
      line = `    ${next}`;
    }
  }
  return [...lines, line];
}

function formatField([name, value]: readonly [string, string | number]): string {
  return `${name} ${value}`;
}

export function toJsonReport({ results, messages, seconds, cpuShare }: RunReport): string {
  const inputs = results.map((result) => {
    const { file, name, tally, latency, failure } = result;
    return {
      file,
      name,
      ok: formatResult(result) === 'done',
      seconds: result.seconds,
      sent: tally.sent,
      accepted: tally.accepted,
      rejected: Object.fromEntries(lettersOf(tally.rejected)),
      replaced: tally.replaced,
      canceled: Object.fromEntries(lettersOf(tally.canceled)),
      executed: tally.executed,
      prevented: tally.prevented,
      silent: tally.silent,
      p50Us: latency.quantileUs(0.5) ?? null,
      p99Us: latency.quantileUs(0.99) ?? null,
      ...(isStopped(result) ? { stopped: true } : {}),
      ...(failure === undefined ? {} : { failure: jsonFailure(failure) }),
    };
  });
  return `${JSON.stringify({ inputs, messages, seconds, cpuShare }, undefined, 2)}\n`;
}

function jsonFailure(failure: Failure): object {
  const { what, step, place, client } = failure;
  return { what, step, ...place, client, text: formatFailure(failure) };
}

export function toJunit({ results, seconds }: RunReport): string {
  const failures = results.filter(({ failure }) => failure !== undefined).length;
  const skipped = results.filter(isStopped).length;
  const counts = `tests="${results.length}" failures="${failures}" errors="0" skipped="${skipped}"`;
  const suite = `<testsuite name="outcry ouch replay" ${counts} time="${seconds.toFixed(3)}">`;
  const cases = results.flatMap((result) => testcaseLines(result));
  return ['<?xml version="1.0" encoding="UTF-8"?>', suite, ...cases, '</testsuite>', ''].join('\n');
}

function testcaseLines(result: FileResult): string[] {
  const { file, name, seconds, failure } = result;
  const opening = `  <testcase classname="${attribute(file)}" name="${attribute(name)}" time="${seconds.toFixed(3)}"`;
  if (isStopped(result)) return [`${opening}>`, '    <skipped message="stopped"/>', '  </testcase>'];
  if (failure === undefined) return [`${opening}/>`];
  const text = formatFailure(failure);
  const message = attribute(text.split('\n', 1).join(''));
  return [
    `${opening}>`,
    `    <failure type="${failure.what}" message="${message}"><![CDATA[${cdata(text)}]]></failure>`,
    '  </testcase>',
  ];
}

function attribute(text: string): string {
  const escaped = printable(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return escaped.replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** What would end the section is divided between two. */
function cdata(text: string): string {
  return text.replaceAll(']]>', ']]]]><![CDATA[>');
}
