/**
 * The actor that owns one sixteenth of the accounts. Sessions in its host post to it directly; those of other hosts
 * send it postings as bytes.
 */
import type { LedgerCommand, TallyCommand } from '../../src/protocol/bank.ts';
import type { Actor, Context } from '../runtime/actor.ts';
import type { ActorRef } from '../runtime/actor-ref.ts';
import { encodeBalances } from './balances.ts';
import type { HashKey } from './half-sip-hash.ts';
import { Ledger, POSTING, type PostingOutcome, refusalOf } from './ledger.ts';
import { readPostings } from './postings.ts';

export class LedgerShard implements Actor<LedgerCommand> {
  readonly #ledger: Ledger;
  readonly #tally: ActorRef<TallyCommand>;
  #applied = 0;

  constructor(accountsMax: number, hashKey: HashKey, tally: ActorRef<TallyCommand>) {
    this.#ledger = new Ledger(accountsMax, hashKey);
    this.#tally = tally;
  }

  /** The direct call of a session in the same host, which counts what is refused. */
  post(view: DataView, start: number, length: number, hash: number, cents: number): PostingOutcome {
    const outcome = this.#ledger.post(view, start, length, hash, cents);
    if (outcome === POSTING.applied) this.#applied++;
    return outcome;
  }

  receiveBytes(bytes: Uint8Array, start: number, end: number, context: Context<LedgerCommand>): void {
    readPostings(bytes, start, end, (view, nameStart, length, hash, cents) => {
      const outcome = this.post(view, nameStart, length, hash, cents);
      if (outcome === POSTING.applied) return;
      context.tell(this.#tally, { type: 'discarded', counts: { [refusalOf(outcome)]: 1 } });
    });
  }

  receive(command: LedgerCommand, context: Context<LedgerCommand>): undefined {
    context.reply(command.type === 'balances' ? encodeBalances(this.#ledger) : this.#applied);
  }
}
