/**
 * How many bank lines a second does one host read and post, without sockets and threads?
 *
 *     lines in memory ── 64 KiB at a time ──► BankLines ──► 16 Ledgers
 *
 * With plain lines, which take the short way, and with blanks and CRs that send every line the long way.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LEDGER_SHARDS } from '../src/protocol/bank.ts';
import { encodeBalances } from '../workers/ledger/balances.ts';
import { BankLines } from '../workers/ledger/bank-lines.ts';
import { formatReport } from '../workers/ledger/bank-report.ts';
import { Ledger } from '../workers/ledger/ledger.ts';
import { writeBankInputs } from './support/bank-inputs.ts';
import { check, environmentLine, formatRates, print } from './support/figures.ts';

export interface ParserBenchOptions {
  readonly lines: number;
  readonly repeats: number;
}

const CHUNK_BYTES = 65_536;
const ACCOUNTS_MAX = 1_000_000;
const LINE_LENGTH_MAX = 1024;

export function runParserBench({ lines, repeats }: ParserBenchOptions): void {
  const folder = mkdtempSync(join(tmpdir(), 'outcry-bench-'));
  try {
    const inputs = writeBankInputs({ folder, files: 1, linesPerFile: lines, seed: 7 });
    const plain = readFileSync(inputs.files[0] ?? '');
    const padded = Buffer.from(plain.toString().replaceAll(' ', '\t ').replaceAll('\n', ' \r\n'));
    print(`bank lines in one thread: ${lines} lines`, environmentLine());
    measure('plain lines', plain, lines, repeats, inputs.expectedAfter(1));
    measure('lines with tabs, blanks and CR', padded, lines, repeats, inputs.expectedAfter(1));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function measure(name: string, data: Uint8Array, lines: number, repeats: number, expected: string): void {
  const seconds: number[] = [];
  // The first two warm up.
  for (let i = -2; i < repeats; i++) {
    const parser = new BankLines(LINE_LENGTH_MAX);
    const ledgers = Array.from({ length: LEDGER_SHARDS }, () => new Ledger(ACCOUNTS_MAX, [1, 2]));
    const startedMs = performance.now();
    for (let start = 0; start < data.length; ) {
      const limit = Math.min(start + CHUNK_BYTES, data.length);
      const end = limit === data.length ? limit : data.lastIndexOf(0x0a, limit - 1) + 1;
      parser.take(data, start, end, ledgers);
      start = end;
    }
    if (i >= 0) seconds.push((performance.now() - startedMs) / 1000);
    check([...formatReport(ledgers.map(encodeBalances))].join('') === expected, `balances after ${name}`);
  }
  print(name, formatRates(lines, seconds));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) runParserBench({ lines: 1_000_000, repeats: 5 });
