/** The bank's durable actors as the commands on a data folder see them. */
import { randomInt } from 'node:crypto';
import {
  DISCARD_REASONS,
  type DiscardReason,
  LEDGER_ADDRESSES,
  TALLY_ADDRESS,
  type TallyCommand,
} from '../../src/protocol/bank.ts';
import type { Address } from '../../src/values/address.ts';
import type { StoredActor, StoredKind } from '../data/stored-kind.ts';
import { valueKind } from '../data/value-kind.ts';
import { ActorRef } from '../runtime/actor-ref.ts';
import type { Segment } from '../runtime/journal.ts';
import { applySegment } from '../runtime/streams.ts';
import { BankTally, type Discarded } from './bank-tally.ts';
import { checkFlat, LedgerDescriber, LedgerParser } from './ledger-json.ts';
import { LedgerScan } from './ledger-scan.ts';
import { LedgerShard } from './ledger-shard.ts';
import { decodeSnapshot } from './ledger-snapshot.ts';

const ledger: StoredKind = {
  isOf: (address) => LEDGER_ADDRESSES.includes(address),
  create: (address) => new StoredShard(address),
  examine(segment) {
    checkFlat(segment);
    const scan = new LedgerScan(Number.POSITIVE_INFINITY);
    scan.take(segment.bytes, segment.start, segment.end);
    checkCount(segment, scan.events);
    return scan.postings;
  },
  createDescriber: (snapshot) => new LedgerDescriber(snapshot && decodeSnapshot(snapshot)),
  createParser: (snapshot) => new LedgerParser(snapshot && decodeSnapshot(snapshot)),
};

const tally = valueKind<Discarded>({
  address: TALLY_ADDRESS,
  name: 'a tally',
  create: () => new BankTally(),
  isEvent: isDiscarded,
});

export const STORED_BANK: readonly StoredKind[] = [ledger, tally];

class StoredShard implements StoredActor {
  readonly #shard: LedgerShard;
  readonly #scan = new LedgerScan(0);

  constructor(address: Address) {
    this.#shard = new LedgerShard({
      shard: LEDGER_ADDRESSES.indexOf(address),
      accountsMax: Number.POSITIVE_INFINITY,
      uploadsMax: Number.POSITIVE_INFINITY,
      // Names may have been chosen to collide under any key that is known.
      hashKey: [randomInt(2 ** 32) | 0, randomInt(2 ** 32) | 0],
      tally: new ActorRef<TallyCommand>(TALLY_ADDRESS, 0),
      isDurable: false,
    });
  }

  restore(pieces: readonly Uint8Array[]): void {
    this.#shard.restore(pieces);
    this.#scan.accounts = this.#shard.figures.accounts;
  }

  apply(segment: Segment): void {
    checkFlat(segment);
    this.#scan.take(segment.bytes, segment.start, segment.end);
    applySegment(this.#shard, segment);
  }

  snapshot(): Iterable<Uint8Array> {
    return this.#shard.snapshot();
  }

  get figures(): Readonly<Record<string, number>> {
    return { ...this.#shard.figures };
  }
}

function isDiscarded(event: unknown): event is Discarded {
  const { type, counts } = (typeof event === 'object' && event !== null ? event : {}) as Partial<Discarded>;
  return (
    type === 'discarded' &&
    typeof counts === 'object' &&
    Object.entries(counts).every(
      ([reason, count]) => DISCARD_REASONS.includes(reason as DiscardReason) && Number.isSafeInteger(count),
    )
  );
}

function checkCount({ count }: Segment, found: number): void {
  if (found !== count) throw new RangeError(`there should be ${count} events, but there are ${found}`);
}
