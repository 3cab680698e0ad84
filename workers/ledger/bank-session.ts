/**
 * One client of the bank's plain port. It answers nothing: most clients never read, and one that is answered and
 * closes loses what it sent. Whole lines come in; what becomes of them is the ledger's.
 */
import { LEDGER_SHARDS, type TallyCommand } from '../../src/protocol/bank.ts';
import type { Actor, ConnectionCommand, Context } from '../runtime/actor.ts';
import type { ActorRef } from '../runtime/actor-ref.ts';
import type { BankLines, PostingTarget } from './bank-lines.ts';
import { LedgerShard } from './ledger-shard.ts';
import { PostingsWriter } from './postings.ts';

/** What all bank sessions of a host share. */
export class BankCounter {
  readonly #lines: BankLines;
  readonly #shards: readonly ActorRef<never>[];
  readonly #tally: ActorRef<TallyCommand>;
  readonly #targets: PostingTarget[] = [];
  /** For shards in other hosts. */
  readonly #writers = Array.from({ length: LEDGER_SHARDS }, () => new PostingsWriter());

  constructor(lines: BankLines, shards: readonly ActorRef<never>[], tally: ActorRef<TallyCommand>) {
    this.#lines = lines;
    this.#shards = shards;
    this.#tally = tally;
  }

  takeLines(bytes: Uint8Array, start: number, end: number, context: Context<never>): void {
    // Looked up for each message: a restart replaces a shard.
    this.#shards.forEach((shard, i) => {
      const peer = context.peer(shard);
      this.#targets[i] = peer instanceof LedgerShard ? peer : (this.#writers[i] as PostingsWriter);
    });
    this.#lines.take(bytes, start, end, this.#targets);
    this.#writers.forEach((writer, i) => {
      const postings = writer.take();
      if (postings !== undefined) {
        context.tellBytes(this.#shards[i] as ActorRef<never>, postings, 0, postings.length);
      }
    });
    this.#tellDiscards(context);
  }

  /** The connection broke within a line. */
  discardCutOff(context: Context<never>): void {
    this.#lines.discard('cut-off');
    this.#tellDiscards(context);
  }

  #tellDiscards(context: Context<never>): void {
    const counts = this.#lines.takeDiscards();
    if (counts !== undefined) context.tell(this.#tally, { type: 'discarded', counts });
  }
}

export class BankSession implements Actor<ConnectionCommand> {
  readonly #counter: BankCounter;

  constructor(counter: BankCounter) {
    this.#counter = counter;
  }

  receiveBytes(bytes: Uint8Array, start: number, end: number, context: Context<ConnectionCommand>): void {
    this.#counter.takeLines(bytes, start, end, context);
  }

  receive(command: ConnectionCommand, context: Context<ConnectionCommand>): undefined {
    if (command.type === 'connection-closed' && command.isCutOff) this.#counter.discardCutOff(context);
    context.stop();
  }
}
