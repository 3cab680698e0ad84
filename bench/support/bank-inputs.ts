/** Input files for the bank with the log they must produce: a seed's files are always the same bytes. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../../workers/runtime/random.ts';

export interface BankInputs {
  readonly files: readonly string[];
  readonly bytes: number;
  readonly lines: number;
  /** The complete log.txt after all files were sent so many times. */
  expectedAfter(times: number): string;
}

export interface BankInputsOptions {
  readonly folder: string;
  readonly files: number;
  readonly linesPerFile: number;
  readonly seed: number;
}

const NAMES = 200;
const AMOUNT_MAX_CENTS = 10_000;

export function writeBankInputs({ folder, files, linesPerFile, seed }: BankInputsOptions): BankInputs {
  const random = new Random(seed);
  const names = namesOf(random);
  const balances = new Map<string, number>();
  mkdirSync(folder, { recursive: true });
  let bytes = 0;
  const paths = Array.from({ length: files }, (_, i) => {
    const path = join(folder, `input_${i + 1}.txt`);
    const text = Array.from({ length: linesPerFile }, () => line(random, names, balances)).join('');
    bytes += text.length;
    writeFileSync(path, text);
    return path;
  });
  return {
    files: paths,
    bytes,
    lines: files * linesPerFile,
    expectedAfter: (times) => logOf(balances, times),
  };
}

function namesOf(random: Random): string[] {
  const names = new Set<string>();
  while (names.size < NAMES) {
    const letters = Array.from({ length: 2 + random.below(9) }, () =>
      String.fromCharCode(97 + random.below(26)),
    );
    const name = letters.join('');
    names.add(`${name.charAt(0).toUpperCase()}${name.slice(1)}`);
  }
  return [...names];
}

function line(random: Random, names: readonly string[], balances: Map<string, number>): string {
  const name = random.pick(names);
  const isCredit = random.chance(0.5);
  const cents = 1 + random.below(AMOUNT_MAX_CENTS);
  balances.set(name, (balances.get(name) ?? 0) + (isCredit ? cents : -cents));
  const sign = random.chance(0.05) ? '' : '$';
  return `${name} ${isCredit ? 'credit' : 'debit'} ${sign}${dollars(cents)}\n`;
}

function logOf(balances: ReadonlyMap<string, number>, times: number): string {
  return [...balances]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, cents]) => `${name} $${cents < 0 ? '-' : ''}${dollars(Math.abs(cents * times))}\n`)
    .join('');
}

function dollars(cents: number): string {
  return `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
}
