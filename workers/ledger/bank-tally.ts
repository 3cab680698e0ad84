/** The actor that counts what the bank has discarded, by reason. */
import type { DiscardCounts, DiscardReason, TallyCommand } from '../../src/protocol/bank.ts';
import type { Actor, Context } from '../runtime/actor.ts';

export class BankTally implements Actor<TallyCommand> {
  readonly #counts: DiscardCounts = {};

  receive(command: TallyCommand, context: Context<TallyCommand>): undefined {
    if (command.type === 'report') context.reply({ ...this.#counts });
    else this.#add(command.counts);
  }

  #add(counts: DiscardCounts): void {
    for (const [reason, count] of Object.entries(counts)) {
      const key = reason as DiscardReason;
      this.#counts[key] = (this.#counts[key] ?? 0) + count;
    }
  }
}
