/** The actor that counts what the bank has discarded, by reason. */
import { Packr } from 'msgpackr';
import type { DiscardCounts, DiscardReason, TallyCommand } from '../../src/protocol/bank.ts';
import type { Context, DurableActor } from '../runtime/actor.ts';

export type Discarded = TallyCommand & { type: 'discarded' };

const packr = new Packr({ useRecords: false });

export class BankTally implements DurableActor<TallyCommand, Discarded> {
  #counts: DiscardCounts = {};

  get figures(): Readonly<Record<string, number>> {
    const counts = Object.entries(this.#counts);
    return Object.fromEntries(counts.map(([reason, count]) => [`discarded ${reason}`, count]));
  }

  receive(command: TallyCommand, context: Context<TallyCommand>): readonly Discarded[] | undefined {
    if (command.type === 'discarded') return [command];
    context.reply({ ...this.#counts });
    return undefined;
  }

  apply({ counts }: Discarded): void {
    for (const [reason, count] of Object.entries(counts)) {
      const key = reason as DiscardReason;
      this.#counts[key] = (this.#counts[key] ?? 0) + count;
    }
  }

  snapshot(): Iterable<Uint8Array> {
    return [packr.pack(this.#counts)];
  }

  restore([piece]: readonly Uint8Array[]): void {
    this.#counts = packr.unpack(piece as Uint8Array);
  }
}
