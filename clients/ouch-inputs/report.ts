/** What came of test inputs, for people and for machines. */
import type { Look } from '../../src/values/columns.ts';
import type { Failure } from './failure.ts';
import type { RunReport } from './run.ts';

/** A table of the inputs, and a line about all of them. */
export function formatSummary(_report: RunReport, _look: Look): string {
  throw new Error('not written');
}

/** What was expected, and what came instead; several lines. */
export function formatFailure(_failure: Failure): string {
  throw new Error('not written');
}

export function toJsonReport(_report: RunReport): string {
  throw new Error('not written');
}

export function toJunit(_report: RunReport): string {
  throw new Error('not written');
}
