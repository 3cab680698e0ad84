/** Ledger shards outside of any host: asked directly, with postings made of names. */
import { LEDGER_ADDRESSES, type LedgerCommand, TALLY_ADDRESS } from '../../src/protocol/bank.ts';
import { hashName } from '../../workers/ledger/ledger.ts';
import { LedgerShard } from '../../workers/ledger/ledger-shard.ts';
import { PostingsWriter } from '../../workers/ledger/postings.ts';
import type { Context } from '../../workers/runtime/actor.ts';
import { ActorRef } from '../../workers/runtime/actor-ref.ts';
import { viewOf } from './ledgers.ts';

const SHARD = 3;
/** Behind events there is the trailer of their batch. */
const BEHIND_BYTES = 8;

export interface ShardSettings {
  readonly accountsMax?: number;
  readonly uploadsMax?: number;
}

export function createShard({ accountsMax = 10_000, uploadsMax = 5 }: ShardSettings = {}): LedgerShard {
  return new LedgerShard({
    shard: SHARD,
    accountsMax,
    uploadsMax,
    hashKey: [1, 2],
    tally: new ActorRef(TALLY_ADDRESS, 0),
    isDurable: true,
  });
}

/** What the shard replies to a command. What it tells others is added to `told`. */
export function ask<Reply = unknown>(
  shard: LedgerShard,
  command: LedgerCommand,
  told: unknown[] = [],
): Reply {
  let answer: unknown;
  const context = {
    self: LEDGER_ADDRESSES[SHARD],
    reply: (value: unknown) => {
      answer = value;
    },
    refer: () => undefined,
    tell: (_: unknown, message: unknown) => told.push(message),
  };
  shard.receive(command, context as unknown as Context<LedgerCommand>);
  return answer as Reply;
}

/** One character a byte, and cents. */
export type NamedPosting = readonly [name: string, cents: number];

/** A message for one shard: each with its index. */
export function postingsOf(postings: readonly NamedPosting[], writer = new PostingsWriter()): Uint8Array {
  for (const [index, [name, cents]] of postings.entries()) {
    const view = viewOf(name);
    writer.post(view, 0, name.length, hashName(view, 0, name.length), cents, index);
  }
  return writer.take() ?? new Uint8Array(4);
}

/** Removes and returns the shard's events, with room behind them; undefined if there are none. */
export function takeEvents(shard: LedgerShard): Buffer | undefined {
  const events = shard.takeFlat();
  return events && Buffer.concat([events.bytes, Buffer.alloc(BEHIND_BYTES)]);
}

/** Does again what `takeEvents` has returned. */
export function applyEvents(shard: LedgerShard, events: Buffer): void {
  shard.applyFlat(events, 0, events.length - BEHIND_BYTES);
}

/** What the shard's snapshot holds, copied. */
export function stateOf(shard: LedgerShard): Buffer {
  return Buffer.concat([...shard.snapshot()]);
}
