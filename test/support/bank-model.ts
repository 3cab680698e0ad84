/** The bank as simple as it can be written: strings, `split`, BigInt and a Map. What the real one is compared with. */
import type { DiscardCounts, DiscardReason } from '../../src/protocol/bank.ts';

export interface ModelPosting {
  /** One character a byte. */
  readonly name: string;
  readonly cents: bigint;
}

const CENTS_MAX = 9_007_199_254_740_991n;

/** Reads one line, given without its LF and one character a byte. */
export function readLine(line: string, lineLengthMax: number): ModelPosting | DiscardReason {
  if (line.length > lineLengthMax) return 'line-too-long';
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  const fields = text.split(/[ \t]+/).filter((field) => field !== '');
  if (fields.length === 0) return 'empty';
  const [name = '', type = '', amount = ''] = fields;
  if (fields.length !== 3) return 'not-three-fields';
  if (name.length > 64 || /[\v\f\r]/.test(name)) return 'name';
  if (type !== 'credit' && type !== 'debit') return 'type';
  const [whole, dollars, decimals = ''] = /^\$?([0-9]+)(?:\.([0-9]{1,2}))?$/.exec(amount) ?? [];
  if (whole === undefined || dollars === undefined) return 'amount';
  const cents = BigInt(dollars) * 100n + BigInt(decimals.padEnd(2, '0'));
  if (cents > CENTS_MAX) return 'amount-too-large';
  return { name, cents: type === 'credit' ? cents : -cents };
}

export class BankModel {
  readonly balances = new Map<string, bigint>();
  readonly discards: DiscardCounts = {};
  applied = 0;
  readonly #lineLengthMax: number;

  constructor(lineLengthMax = 1024) {
    this.#lineLengthMax = lineLengthMax;
  }

  /** Takes one line without its LF, one character a byte. */
  take(line: string): void {
    const reading = readLine(line, this.#lineLengthMax);
    if (typeof reading === 'string') this.discard(reading);
    else if (this.post(reading.name, reading.cents)) this.applied++;
    else this.discard('balance-out-of-range');
  }

  /** False if the balance would leave the range; then nothing has changed. */
  post(name: string, cents: bigint): boolean {
    const balance = (this.balances.get(name) ?? 0n) + cents;
    if (balance > CENTS_MAX || balance < -CENTS_MAX) return false;
    this.balances.set(name, balance);
    return true;
  }

  /** Takes the balances of another bank as well, in any order of the lines. */
  add({ balances }: BankModel): void {
    for (const [name, cents] of balances) this.post(name, cents);
  }

  discard(reason: DiscardReason): void {
    this.discards[reason] = (this.discards[reason] ?? 0) + 1;
  }

  /** What log.txt must hold, one character a byte. */
  report(): string {
    const names = [...this.balances.keys()].sort();
    return names.map((name) => `${name} ${dollarsOf(this.balances.get(name) ?? 0n)}\n`).join('');
  }
}

function dollarsOf(cents: bigint): string {
  const digits = String(cents < 0n ? -cents : cents).padStart(3, '0');
  return `$${cents < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
