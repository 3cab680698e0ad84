/** How benches measure and print: medians with their spread, ratios to a reference of the same run. */
import { cpus } from 'node:os';

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The value below which so much of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** `14.92 M/s (14.1 to 15.3)`, for operations and the seconds of each repeat. */
export function formatRates(operations: number, seconds: readonly number[]): string {
  const rates = seconds.map((second) => operations / second);
  const low = formatRate(Math.min(...rates));
  return `${formatRate(median(rates))} (${low} to ${formatRate(Math.max(...rates))})`;
}

export function formatRate(perSecond: number): string {
  if (perSecond >= 1e6) return `${(perSecond / 1e6).toFixed(2)} M/s`;
  if (perSecond >= 1e3) return `${(perSecond / 1e3).toFixed(1)} k/s`;
  return `${perSecond.toFixed(0)} /s`;
}

export function formatRatio(ratio: number, reference: string): string {
  return `${ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(2)} × ${reference}`;
}

/** What the figures of a run depend on. */
export function environmentLine(): string {
  const [cpu] = cpus();
  return `node ${process.version}, ${cpus().length} × ${cpu?.model.trim() ?? 'unknown processor'}`;
}

export function print(...columns: readonly string[]): void {
  const [name = '', ...rest] = columns;
  process.stdout.write(`${[name.padEnd(44), ...rest].join('  ').trimEnd()}\n`);
}

/** Fails a bench whose result is wrong: a figure for the wrong answer is worth nothing. */
export function check(isRight: boolean, what: string): void {
  if (!isRight) throw new Error(`the bench computed a wrong result: ${what}`);
}
