/** Input files for the bank, with some junk, and the model that has taken them in. */
import { Random } from '../../workers/runtime/random.ts';
import { BankModel } from './bank-model.ts';

export interface BankInputsOptions {
  readonly seed: number;
  readonly files: number;
  readonly lines: number;
  readonly junkPercent?: number;
  /** The last line of each file has no LF. */
  readonly isLastLineOpen?: boolean;
}

export interface BankInputs {
  readonly files: readonly Buffer[];
  readonly model: BankModel;
}

const JUNK: readonly ((name: string) => string)[] = [
  () => '',
  () => ' ',
  (name) => name,
  (name) => `${name} credit`,
  (name) => `${name} transfer $5.00`,
  (name) => `${name} credit $`,
  (name) => `${name} credit five`,
  (name) => `${name} debit $-4.00`,
  (name) => `${name} credit $1.234`,
  (name) => `${name} credit $1.2.3`,
  (name) => `${name} credit $1 extra`,
  (name) => `${name} credit 1e3`,
  (name) => `${name} credit $1,000`,
  (name) => `credit ${name} $1.00`,
  (name) => `${name}\tcredit`,
  () => '\u00c3\u00a9\u00c3\u00a8 \u00c3\u00bf',
  (name) => `${name} CREDIT $1`,
  (name) => `${name} credit $99999999999999999999`,
  () => 'x'.repeat(5000),
];

export function bankInputs(options: BankInputsOptions): BankInputs {
  const { seed, files, lines, junkPercent = 3, isLastLineOpen = false } = options;
  const random = new Random(seed);
  const names = Array.from({ length: 200 }, () => nameOf(random));
  const model = new BankModel();
  const texts = Array.from({ length: files }, () => {
    const text = Array.from({ length: lines }, () =>
      random.chance(junkPercent / 100) ? random.pick(JUNK)(random.pick(names)) : plainLine(random, names),
    );
    // An empty last line without its LF is no line at all.
    if (isLastLineOpen) text.push(plainLine(random, names));
    for (const line of text) model.take(line);
    return Buffer.from(text.join('\n') + (isLastLineOpen ? '' : '\n'), 'latin1');
  });
  return { files: texts, model };
}

function nameOf(random: Random): string {
  const letters = Array.from({ length: 2 + random.below(9) }, () =>
    String.fromCharCode(0x61 + random.below(26)),
  );
  return letters.join('').replace(/^./, (letter) => letter.toUpperCase());
}

function plainLine(random: Random, names: readonly string[]): string {
  const cents = 1 + random.below(10_000);
  const exact = `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
  const amounts = [`$${exact}`, `$${exact}`, exact, cents % 100 === 0 ? `$${cents / 100}` : `$${exact}`];
  return `${random.pick(names)} ${random.pick(['credit', 'debit'])} ${random.pick(amounts)}`;
}
