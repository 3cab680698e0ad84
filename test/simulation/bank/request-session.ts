/** What stands for the sessions of the api: it asks every shard that a request concerns, and answers when all have. */
import { LEDGER_ADDRESSES, type LedgerCommand, type PostOutcome } from '../../../src/protocol/bank.ts';
import { type Address, toAddress } from '../../../src/values/address.ts';
import { ApiPostings } from '../../../workers/ledger/api-postings.ts';
import type { Actor, Context } from '../../../workers/runtime/actor.ts';
import type { Ask } from '../../../workers/runtime/asks.ts';

/** Through whichever of them a request goes. */
export const REQUEST_SESSIONS: readonly Address[] = [1, 2, 3, 4].map((i) => toAddress(`requests/${i}`));

const ASK_TIMEOUT_MS = 3000;

export interface PostRequest {
  readonly type: 'post';
  readonly key: string;
  readonly transactions: readonly (readonly [account: string, cents: number])[];
}

/** Failed: nobody knows which shards have posted their part. */
export type RequestAnswer = PostOutcome | { readonly type: 'failed' };

type SessionCommand =
  | PostRequest
  | { readonly type: 'answered'; readonly request: number; readonly outcome: RequestAnswer };

interface OpenRequest {
  readonly ask: Ask;
  /** Of the shards that were asked. */
  readonly outcomes: RequestAnswer[];
  readonly shards: number;
}

export class RequestSession implements Actor<SessionCommand> {
  readonly #api = new ApiPostings();
  readonly #open = new Map<number, OpenRequest>();
  #last = 0;

  receive(command: SessionCommand, context: Context<SessionCommand>): undefined {
    if (command.type === 'post') this.#post(command, context);
    else this.#onAnswered(command.request, command.outcome, context);
  }

  #post({ key, transactions }: PostRequest, context: Context<SessionCommand>): void {
    const ask = context.takeAsk();
    if (ask === undefined) return;
    const request = ++this.#last;
    const messages = this.#api.take(transactions);
    this.#open.set(request, { ask, outcomes: [], shards: messages.filter(Boolean).length });
    for (const [shard, postings] of messages.entries()) {
      if (postings === undefined) continue;
      const ref = context.refer<LedgerCommand>(LEDGER_ADDRESSES[shard] as Address);
      context.ask<LedgerCommand, PostOutcome>(
        ref,
        { type: 'post', key, postings },
        ASK_TIMEOUT_MS,
        (answer) => ({
          type: 'answered',
          request,
          outcome: answer.ok ? answer.value : { type: 'failed' },
        }),
      );
    }
  }

  #onAnswered(request: number, outcome: RequestAnswer, context: Context<SessionCommand>): void {
    const open = this.#open.get(request) as OpenRequest;
    open.outcomes.push(outcome);
    if (open.outcomes.length < open.shards) return;
    this.#open.delete(request);
    context.replyTo(open.ask, together(open.outcomes));
  }
}

function together(outcomes: readonly RequestAnswer[]): RequestAnswer {
  const refused: (PostOutcome & { type: 'posted' })['refused'][number][] = [];
  for (const outcome of outcomes) {
    if (outcome.type !== 'posted') return outcome;
    refused.push(...outcome.refused);
  }
  return { type: 'posted', refused: refused.sort(([a], [b]) => a - b) };
}
