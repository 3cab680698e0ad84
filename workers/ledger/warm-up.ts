/**
 * Reads made-up lines into accounts that are thrown away, so that the code which reads lines is compiled before the
 * first client comes: until then it runs at half its speed, and a tenth of a second is a million lines.
 */
import { LEDGER_SHARDS, TALLY_ADDRESS } from '../../src/protocol/bank.ts';
import { ActorRef } from '../runtime/actor-ref.ts';
import { BankLines } from './bank-lines.ts';
import { LedgerShard } from './ledger-shard.ts';

const LINES = 2000;
/** With fewer the compiler does not choose what it should; more bring nothing. */
const ROUNDS = 60;
const LINE_LENGTH_MAX = 1024;

/** `isDurable` as for the shards that will serve: what else they do then is warmed up too. */
export function warmUpBank(isDurable: boolean): void {
  const lines = new BankLines(LINE_LENGTH_MAX);
  const tally = new ActorRef<unknown>(TALLY_ADDRESS, 0);
  const shards = Array.from(
    { length: LEDGER_SHARDS },
    (_, shard) =>
      new LedgerShard({ shard, accountsMax: LINES, uploadsMax: 1, hashKey: [1, 2], tally, isDurable }),
  );
  const bytes = Buffer.from(Array.from({ length: LINES }, (_, i) => lineOf(i)).join(''));
  for (let round = 0; round < ROUNDS; round++) {
    lines.take(bytes, 0, bytes.length, shards);
    for (const shard of shards) shard.takeFlat();
  }
}

/** Names and amounts of all lengths, both types, with and without the dollar sign. */
function lineOf(i: number): string {
  const name = `${'abcdefghijklmnop'.slice(0, 2 + (i % 11))}${i % 16}`;
  const type = i % 3 === 0 ? 'debit' : 'credit';
  return `${name} ${type} ${i % 7 === 0 ? '' : '$'}${i % 1000}.${10 + (i % 90)}\n`;
}
