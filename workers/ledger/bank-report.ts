/**
 * `log.txt`: a line for each account, sorted by the bytes of its name: `Abigail $-5216.49`.
 *
 * The accounts stay in the bytes in which they came; what is sorted is where each begins. A number made of the first
 * six bytes of the name decides nearly every comparison, the bytes themselves the rest.
 */
import { formatMoney, toMinorUnits } from '../../src/values/money.ts';
import { BALANCE_CENTS_BYTES } from './balances.ts';

const KEY_BYTES = 6;
const LINES_PER_PART = 10_000;

/** The report over the balances of all shards, in parts, in Latin-1, so that names keep their bytes. */
export function* formatReport(shards: readonly Uint8Array[]): Generator<string> {
  const balances = Buffer.concat(shards);
  const starts = startsOf(balances);
  const keys = Float64Array.from(starts, (start) => keyAt(balances, start));
  const order = Uint32Array.from(starts.keys()).sort((a, b) => {
    const byKey = (keys[a] as number) - (keys[b] as number);
    return byKey === 0 ? compareNames(balances, starts[a] as number, starts[b] as number) : byKey;
  });
  for (let i = 0; i < order.length; i += LINES_PER_PART) {
    yield Array.from(order.subarray(i, i + LINES_PER_PART), (index) =>
      lineAt(balances, starts[index] as number),
    ).join('');
  }
}

function startsOf(balances: Buffer): Uint32Array {
  const starts: number[] = [];
  for (let at = 0; at < balances.length; at += 1 + balances.readUInt8(at) + BALANCE_CENTS_BYTES)
    starts.push(at);
  return Uint32Array.from(starts);
}

/** The first bytes of a name as a number that sorts as they do; a shorter name comes before a longer one. */
function keyAt(balances: Buffer, start: number): number {
  const length = balances.readUInt8(start);
  let key = 0;
  for (let i = 0; i < KEY_BYTES; i++) key = key * 256 + (i < length ? balances.readUInt8(start + 1 + i) : 0);
  return key;
}

/** Names whose keys are the same, by the rest of their bytes; a loop, since calling Buffer.compare costs more. */
function compareNames(balances: Buffer, a: number, b: number): number {
  const aLength = balances[a] as number;
  const bLength = balances[b] as number;
  const length = Math.min(aLength, bLength);
  for (let i = KEY_BYTES + 1; i <= length; i++) {
    const difference = (balances[a + i] as number) - (balances[b + i] as number);
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}

function nameEndAt(balances: Buffer, start: number): number {
  return start + 1 + balances.readUInt8(start);
}

function lineAt(balances: Buffer, start: number): string {
  const end = nameEndAt(balances, start);
  const cents = toMinorUnits(balances.readDoubleLE(end));
  return `${balances.toString('latin1', start + 1, end)} ${formatMoney(cents)}\n`;
}
